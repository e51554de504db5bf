"""A conversation in rounds: after each one the tools, the version, the pixels and the words are looked at.

With a server of language models the same rounds are answered by it: the script of each round calls the tools that the
built-in planner is expected to plan. Where CLARITY_PICTURES names a folder, every round is saved there as a picture.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Pixels, Region, VersionId
from tests.llm_server import LlmServer, call, say

from .user import User, keys

PHOTOS = Path(__file__).parents[1] / "data" / "photos"
PATIENCE = 300.0
"""Seconds for a round: large networks take long on a busy machine."""
PICTURES = Path(os.environ["CLARITY_PICTURES"]) if "CLARITY_PICTURES" in os.environ else None
Call = Mapping[str, Any]
"""A call of a plan: its tool and those of its fields that the round is about."""


class Camera:
    """Saves what the window shows, numbered in the order in which it was taken."""

    def __init__(self, name: str) -> None:
        self.folder = PICTURES / name if PICTURES else None
        self._taken = 0

    async def take(self, window: MainWindow, of: str) -> None:
        """A picture with most of the right column for the chat, and nothing else in the way of the photo."""
        if self.folder is None:
            return
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        if not self._taken:
            theme.apply(app, "light")
        window.sides.fold(("restore", "adjust", "regions", "quality"))
        await asyncio.sleep(0.3)  # until it is laid out
        self._taken += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        words = re.sub(r"[^a-z0-9]+", "-", of.lower()).strip("-")[:40].strip("-")
        window.grab().save(str(self.folder / f"{self._taken:02}-{words}.jpg"), "JPG", 62)


class Rounds:
    """server: answers instead of the built-in planner, as each round says."""

    def __init__(self, user: User, name: str, server: LlmServer | None = None) -> None:
        self.user, self.server, self.camera = user, server, Camera(name)
        self.count = 0
        user.patience = PATIENCE

    async def drop(self, photo: Path) -> None:
        """A photo is dropped onto the composer: it becomes a document of its own, which is shown and analyzed."""
        before = list(self.user.window.photos.documents)
        drop(self.user.window.chat.composer.viewport(), photo)
        await self.user.wait_for(lambda: len(self.user.window.photos.documents) == len(before) + 1)
        await self.user.idle()
        assert self.user.shown not in before
        assert self.user.shown.path == photo
        assert self.user.head.detection is not None
        assert self.user.head.quality is not None

    async def ask(
        self, text: str, *calls: Call, shows: VersionId | None = None, says: tuple[str, ...] = (), reply: str = ""
    ) -> str:
        """A round that makes no version; returns what the answer says.

        calls: the plan. shows: the version that is shown afterwards; None: the same as before. says: keys of the
        answer. reply: what a language model says at the end.
        """
        versions, head = self.user.listed(), self.user.head.id
        before = await self.user.pixels(head)
        answer = await self._round(text, calls, says, reply)
        assert self.user.listed() == versions
        assert self.user.head.id == (shows or head)
        assert (await self.user.pixels(head) == before).all()
        await self.camera.take(self.user.window, text)
        return answer

    async def change(
        self,
        text: str,
        *calls: Call,
        parent: VersionId | None = None,
        says: tuple[str, ...] = ("chat.restored",),
        only: Region | None = None,
        reply: str = "",
        changed: bool = True,
    ) -> str:
        """A round in which each call makes a version, the first one from `parent` (None: the one that was shown).

        only: outside of it no pixel changes. changed: whether the last version differs from the first.
        """
        versions, start = self.user.listed(), parent or self.user.head.id
        before = await self.user.pixels(start)
        answer = await self._round(text, calls, says, reply)
        made = self.user.shown.turns[-1].versions
        assert len(made) == len(calls)
        assert self.user.listed() == versions | set(made)
        assert self.user.head.id == made[-1]
        for version, came_from, asked in zip(made, (start, *made[:-1]), calls, strict=True):
            step = self.user.shown.versions[version]
            assert step.parent == came_from
            assert step.step.task == asked.get("task")
        after = await self.user.pixels()
        assert ((before != after).mean() > 0.02) == changed
        if only is not None:
            assert_only(before, after, only)
        await self.camera.take(self.user.window, text)
        return answer

    async def return_to(self, text: str, photo: DocumentState, call: Call) -> str:
        """A round that shows another photo; returns what the answer says in the conversation that it leaves."""
        left = self.user.shown
        self._script((call,), "")
        self.count += 1
        self.user.start_saying(text)
        await self.user.wait_for(lambda: self.user.shown is photo)
        await self.user.idle()
        answer = left.turns[-1]
        assert [{name: step[name] for name in call} for step in answer.steps] == [dict(call)]
        assert answer.versions == ()
        await self.camera.take(self.user.window, text)
        return render(answer.content)

    def _script(self, calls: tuple[Call, ...], reply: str) -> None:
        """What a language model answers."""
        if self.server is not None:
            functions = [(c["tool"], {k: v for k, v in c.items() if k != "tool"}) for c in calls]
            self.server.replies(*([call(*functions)] if functions else []), say(reply or "That is all."))

    async def _round(self, text: str, calls: tuple[Call, ...], says: tuple[str, ...], reply: str) -> str:
        self.count += 1
        self._script(calls, reply)
        turns = len(self.user.shown.turns)
        turn = await self.user.say(text)
        assert len(self.user.shown.turns) == turns + 2
        assert turn.role == "assistant"
        planned = [dict(step) for step in turn.steps]
        assert len(planned) == len(calls), (text, planned)
        for step, wanted in zip(planned, calls, strict=True):
            assert {name: _plain(step[name]) for name in wanted} == dict(wanted), (text, step)
        if self.server is None or calls:
            assert set(says) <= set(keys(turn.content)), keys(turn.content)
        if self.server is not None:
            assert reply in self.user.bubbles()[-1]
        assert self.user.link.errors == []
        return self.user.bubbles()[-1]


def drop(widget: QWidget, file: Path) -> None:
    """Drag a file from a file manager onto a widget and drop it there."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    at = QPointF(widget.rect().center())
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    target: QWidget | None = widget
    while target is not None:  # as Qt does: the first widget on the way up that accepts the drag gets the drop
        enter = QDragEnterEvent(at.toPoint(), copy, data, left, none)
        enter.ignore()
        QApplication.sendEvent(target, enter)
        if enter.isAccepted():
            QApplication.sendEvent(target, QDropEvent(at, copy, data, left, none))
            return
        target = target.parentWidget()
    raise AssertionError("nothing accepts the file")


def _plain(value: Any) -> Any:
    """The words of a region instead of the region."""
    return value["text"] if isinstance(value, Mapping) and "text" in value else value


def assert_only(before: Pixels, after: Pixels, only: Region) -> None:
    """Nothing outside of a region changed, and something in it did."""
    selected = np.zeros(before.shape[:2], bool)
    selected[only.bounds.slices()] = only.mask > 0
    changed = (before != after).any(axis=2)
    assert changed.any()
    assert not (changed & ~selected).any()
