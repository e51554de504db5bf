"""What a user does and sees in the real window, and what a story puts in place of slow parts of the backend."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox

from clarity_desktop import messages as m
from clarity_desktop.messages import Event, Request
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message, Text
from clarity_desktop.ui.dialogs.unsaved_work import UnsavedDialog
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.link import Link
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Detection, Pixels, Quality, Task, Turn, Version, VersionId
from clarity_desktop.worker import Answer, Worker

PATIENCE = 90.0
"""Seconds for something that must come to hold, on a busy machine."""
SIZE = (200, 150)
QUICK = Settings(device="cpu", threads=1)
T = TypeVar("T", bound=Event)


class Gate:
    """What passes only while it is open; it opens for good at the end of a test."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._left = 0
        self.reached = threading.Event()
        """Something stands at the closed gate."""

    def close(self, after: int = 0) -> None:
        """Close, once `after` have passed."""
        self._left = after
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def pass_(self, checkpoint: Callable[[], None]) -> None:
        """Wait until the gate is open. Raises what the checkpoint raises."""
        if self._left > 0:
            self._left -= 1
            return
        if not self._open.is_set():
            self.reached.set()
        while not self._open.wait(0.01):
            checkpoint()
        checkpoint()


class QuickScorer:
    """Scores by what a test says, else by the brightness, at once."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.scores: Callable[[Pixels], float] = lambda pixels: pixels.mean() / np.iinfo(pixels.dtype).max * 100

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        self.gate.pass_(checkpoint)
        overall = float(self.scores(pixels))
        return Quality(sseq=30.0, niqe=4.0, brisque=30.0, piqe=30.0, overall=overall, low=overall - 5, high=overall + 5)

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        return 0.0

    def is_stale(self, quality: Quality, /) -> bool:
        return False

    def digest(self) -> str:
        return "scorer 1"


class RecordingLink(Link):
    """The real link; keeps what went over it."""

    def __init__(self, make_answer: Callable[[], tuple[Answer, Callable[[], None]]]) -> None:
        super().__init__(lambda emit: Worker(make_answer, emit))
        self.requests: list[Request] = []
        self.events: list[Event] = []
        self.errors: list[BaseException] = []

    async def run(self, request: Request, call: int | None = None) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        try:
            async with aclosing(super().run(request, call)) as events:
                async for event in events:
                    self.events.append(event)
                    yield event
        except Exception as e:
            self.errors.append(e)
            raise


class User:
    """What a user does and sees. Every step waits until the window has nothing left to do."""

    def __init__(self, window: MainWindow, link: RecordingLink | None = None) -> None:
        """link: without one, what went over it cannot be asked about."""
        self.window = window
        self.patience = PATIENCE
        self._link = link

    @property
    def link(self) -> RecordingLink:
        assert self._link is not None
        return self._link

    # waiting

    async def wait_for(self, holds: Callable[[], object]) -> None:
        """Wait until something holds. Raises AssertionError if it does not come to."""
        end = time.monotonic() + self.patience
        while not holds():
            assert time.monotonic() < end, f"never came to hold; running: {self.running()}; notices: {self.texts()}"
            await asyncio.sleep(0.005)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.sleep(0)
        await self.wait_for(lambda: not self.window.requests.running)

    def running(self) -> list[str]:
        """The kinds of the requests that are under way."""
        return [type(pending.request).__name__ for pending in self.window.requests.running]

    # doing

    async def open(self, path: Path) -> DocumentState:
        """Open a photo or a project, and wait until it was analyzed."""
        self.window.file_commands.open_paths([path])
        await self.idle()
        return self.shown

    async def click(self, action: str) -> None:
        """Choose an action from the menus or the toolbar, and wait for its end."""
        self.start(action)
        await self.idle()

    def start(self, action: str) -> None:
        """Choose an action without waiting for its end."""
        assert self.window.action[action].isEnabled(), f"{action} cannot be chosen"
        self.window.action[action].trigger()

    async def restore(self, task: Task) -> None:
        """Choose a task in the panel and press its button."""
        self.start_restoring(task)
        await self.idle()

    def start_restoring(self, task: Task) -> None:
        self.window.restore.choose(task)
        assert self.window.restore.button.isEnabled()
        self.window.restore.button.click()

    async def say(self, text: str) -> Turn:
        """Type a message and press Enter; returns the last turn of the conversation."""
        self.start_saying(text)
        await self.idle()
        return self.shown.turns[-1]

    def start_saying(self, text: str) -> None:
        composer = self.window.chat.composer
        composer.setPlainText(text)
        QTest.keyClick(composer, Qt.Key.Key_Return)

    async def quit(self) -> UnsavedDialog | None:
        """Choose Quit; returns the question about unsaved work, if there is one."""
        self.window.action["quit"].trigger()
        await self.wait_for(lambda: not self.window.isVisible() or self.window.findChild(UnsavedDialog))
        return self.window.findChild(UnsavedDialog)

    async def press(self, choice: int = 0) -> None:
        """Press a button of the newest notice."""
        self.window.notices.bars()[-1].buttons[choice].click()
        await self.idle()

    async def answer(self, role: QMessageBox.ButtonRole) -> None:
        """Press the button of that role in the question that is open."""
        [box] = [box for box in self.window.findChildren(QMessageBox) if box.isVisible()]
        [button] = [button for button in box.buttons() if box.buttonRole(button) == role]
        button.click()
        await self.idle()

    async def save(self, path: Path) -> None:
        """Save as a project under a name chosen in the dialog."""
        self.window.file_commands.save_to(self.shown, None, path)
        await self.idle()

    async def export(self, folder: Path, **choices: Any) -> None:
        """Export with the dialog. choices: field of the dialog → value to choose in it."""
        self.start("export")
        dialog = self.window.export_commands.dialog
        assert dialog is not None
        dialog.folder.setText(str(folder))
        for name, value in choices.items():
            field = getattr(dialog, name)
            field.setCurrentIndex(field.findData(value))
        dialog.export_button.click()
        await self.idle()

    async def rename(self, version: VersionId, name: str) -> None:
        """Type another name for a version in the list."""
        index = self.window.versions.model.index(self._row(version))
        assert self.window.versions.model.setData(index, name, Qt.ItemDataRole.EditRole)
        await self.idle()

    def choose(self, version: VersionId) -> None:
        """Click on a version in the list."""
        self._row(version)
        self.window.versions.choose(version)

    def _row(self, version: VersionId) -> int:
        row = self.window.versions.model.row_of(version)
        assert row is not None, "the version is not listed"
        return row

    # seeing

    @property
    def shown(self) -> DocumentState:
        """The document that is shown."""
        assert self.window.current is not None
        return self.window.current

    @property
    def head(self) -> Version:
        assert self.shown.head_version is not None
        return self.shown.head_version

    @property
    def versions(self) -> list[Version]:
        """All versions that are not deleted, oldest first."""
        return [v for v in self.shown.versions.values() if not v.deleted]

    def listed(self) -> set[VersionId]:
        """What the list of versions shows."""
        return {row.version.id for row in self.window.versions.model.rows}

    def texts(self) -> list[str]:
        """The sentences of the notices that are shown."""
        return [bar.text for bar in self.window.notices.bars()]

    def bubbles(self) -> list[str]:
        """The conversation as it is shown."""
        return [bubble.text() for bubble in self.window.chat.transcript.bubbles]

    def events(self, kind: type[T]) -> list[T]:
        """The events of a kind that came so far."""
        return [event for event in self.link.events if isinstance(event, kind)]

    def reads(self, key: str) -> bool:
        """Whether a message of that key came from the backend as an error or a notice, and its sentence is shown."""
        said = [e.text for e in self.link.errors if isinstance(e, m.UserError)]
        said += [event.text for event in self.link.events if isinstance(event, m.Notice)]
        said += [event.summary or event.text for event in self.link.events if isinstance(event, m.Improved)]
        said += [note for event in self.events(m.Opened) for note in event.card.notes]
        return any(render(text) in self.texts() for text in said if key in keys(text))

    async def pixels(self, version: VersionId | None = None) -> Pixels:
        """The pixels of a version as the backend stores them; None: of the open one."""
        assert self.shown.id is not None
        found: list[Pixels] = []
        async with aclosing(self.link.run(m.ReadPixels(self.shown.id, version or self.head.id))) as events:
            async for event in events:
                found += [event.pixels] if isinstance(event, m.PixelsReady) else []
        return found[0]

    def brightness(self, across: float = 0.5) -> float:
        """0..255: how bright the canvas is, half-way down and this far across it."""
        picture = self.shown.canvas.grab().toImage()
        x, y = round(across * picture.width()), picture.height() // 2
        colors = [picture.pixelColor(x + dx, y + dy) for dx in range(-6, 7, 3) for dy in range(-6, 7, 3)]
        return sum(color.red() + color.green() + color.blue() for color in colors) / 3 / len(colors)


def keys(text: Text) -> list[str]:
    """The keys of all messages in a text."""
    if isinstance(text, str):
        return []
    if isinstance(text, Message):
        return [text.key, *(k for field in text.fields.values() if isinstance(field, Message) for k in keys(field))]
    return [key for part in text for key in keys(part)]


Sitting = Callable[..., AbstractAsyncContextManager[User]]
"""`async with sit_down() as user`"""
