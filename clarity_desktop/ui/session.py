"""The interface of the window for commands: requests, open documents, notices, settings and actions."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from clarity_desktop import settings as settings_file
from clarity_desktop.messages import Request
from clarity_desktop.settings import Settings
from clarity_desktop.ui.actions import Actions
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.notices import Bar, Choice, Kind, Notices
from clarity_desktop.ui.photo_stack import PhotoStack
from clarity_desktop.ui.requests import PendingRequest, RequestQueue
from clarity_desktop.values import DocumentId

log = logging.getLogger(__name__)
CLOSE_SECONDS = 3.0
INFO_SECONDS = 15.0
"""How long a notice without choices stays: time to read two sentences."""
P = ParamSpec("P")
T = TypeVar("T")


class Session(QObject):
    """The state and services shared by the commands of one window. It depends on no command and no dock."""

    document_added = Signal(object)  # DocumentState: its canvas is there, the photo is being opened
    document_changed = Signal(object)  # DocumentState, or None: something shown by the docks changed
    settings_changed = Signal(object, object)  # Settings before and after

    def __init__(
        self,
        settings: Settings,
        samples: Sequence[Path],
        requests: RequestQueue,
        photos: PhotoStack,
        notices: Notices,
        actions: Actions,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.samples = tuple(samples)
        self.requests = requests
        self.actions = actions
        self._photos, self._notices = photos, notices
        # One thread: settings are saved in the order of their changes.
        self._file_thread = ThreadPoolExecutor(1, thread_name_prefix="clarity-files")

    # requests

    def ask(
        self,
        request: Request,
        state: DocumentState | None = None,
        title: str = "",
        then: Callable[[], object] | None = None,
    ) -> PendingRequest:
        """Send a request for a document. title: as PendingRequest has it. then: called when it has finished."""
        return self.requests.ask(PendingRequest(request, state, title, then))

    def running(self, kind: type[Request], state: DocumentState | None = None) -> list[PendingRequest]:
        """The running requests of one kind, of one document if it is given."""
        return [p for p in self.requests.running if isinstance(p.request, kind) and state in (None, p.state)]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that does not wait for the backend."""
        self.requests.spawn(work)

    async def in_file_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work that reads or writes files: never done on the UI thread."""
        return await asyncio.wrap_future(self._file_thread.submit(work, *args, **kwargs))

    # documents

    @property
    def current(self) -> DocumentState | None:
        """The document that is shown."""
        return self._photos.current

    @property
    def documents(self) -> tuple[DocumentState, ...]:
        """All open documents, also those without a card: they are being opened, or wait until they are shown."""
        return tuple(self._photos.documents)

    def document(self, document: DocumentId) -> DocumentState | None:
        """The state of an open document; None if it is not open."""
        return self._photos.document(document)

    def views(self, document: DocumentId) -> tuple[DocumentState, ...]:
        """All views that show a document; none once it was closed."""
        return tuple(state for state in self._photos.documents if state.id == document)

    def is_open(self, state: DocumentState | None) -> bool:
        """False once it was closed: its canvas is gone."""
        return state in self._photos.documents

    def add_document(self, title: str, path: Path | None, *, show: bool = True) -> DocumentState:
        """A place in the film strip for a photo; show: it is being opened, and shown at once."""
        state = self._photos.add(title, path, show=show)
        self.document_added.emit(state)
        return state

    def remove_document(self, state: DocumentState) -> None:
        """Remove it from the window; the document itself stays open in the backend."""
        self._photos.remove(state)
        self._notices.remove_document(state)

    def select(self, state: DocumentState) -> None:
        """Show a document."""
        self._photos.select(state)

    # notices and dialogs

    def notify(
        self,
        text: str,
        kind: Kind = "info",
        choices: tuple[Choice, ...] = (),
        *,
        document: DocumentState | None = None,
        image: QImage | None = None,
        seconds: float | None = None,
        topic: str = "",
    ) -> Bar:
        """Show a notice; with a document, it is visible only while that document is.

        topic: it replaces the notices of the same topic about that document.
        seconds: it closes itself after this time, 0: never. None: after INFO_SECONDS if there is nothing to decide.
        """
        if seconds is None:
            seconds = INFO_SECONDS if kind == "info" and not choices else 0
        return self._notices.add(text, kind, choices, document, image, seconds, topic)

    def remove_notices(self, topic: str, document: DocumentState | None) -> None:
        """Remove the notices of a topic about a document."""
        self._notices.remove_topic(topic, document)

    def notice_is_shown(self, bar: Bar) -> bool:
        """Whether a notice is visible."""
        return bar in self._notices.bars()

    @property
    def dialog_parent(self) -> QWidget:
        """The window that dialogs belong to."""
        return self._photos.window()

    # settings

    def change_settings(self, **fields: Any) -> None:
        """Replace some settings and save them."""
        before = self.settings
        # Settings are immutable: whoever holds the old value still sees a consistent one.
        self.settings = dataclasses.replace(before, **fields)
        self._file_thread.submit(_save, self.settings)
        self.settings_changed.emit(before, self.settings)

    async def close(self, patience: float = CLOSE_SECONDS) -> None:
        """Wait until the settings are saved, for some seconds at most: a disk may hang. Ends the file thread."""
        with contextlib.suppress(TimeoutError):
            # Queued last in the only file thread, so all earlier writes are done when it runs.
            await asyncio.wait_for(self.in_file_thread(lambda: None), patience)
        self._file_thread.shutdown(wait=False, cancel_futures=True)


def _save(settings: Settings) -> None:
    try:
        settings_file.save(settings)
    except OSError as e:
        log.warning("The settings could not be saved: %s", e)
