"""Live previews on the canvas: of each photo the newest change, one request at a time."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, QTimer, Signal

from clarity_desktop.messages import Preview, PreviewDone
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Adjustments, Histogram, Region

Change = Adjustments | float
"""Adjustments, or the strength of a finished restoration."""
Part = tuple[Region, int] | None
"""The only part that changes, and the pixels over which it softens; None: the whole photo."""


class LivePreview(QObject):
    """Shows what a change would make of the visible part, and follows zoom and pan until it is ended.

    While a request runs, newer values wait: sent at once, each would cancel the one before it, and a slider that is
    moved quickly would show nothing until it stops.
    """

    histogram_known = Signal(object, object)  # DocumentState, Histogram: of the photo as previewed

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._wanted: WeakKeyDictionary[DocumentState, tuple[Change, Part]] = WeakKeyDictionary()
        self._running: dict[DocumentState, tuple[PendingRequest, Preview]] = {}
        self._histograms: WeakKeyDictionary[DocumentState, Histogram] = WeakKeyDictionary()
        # View changes come in bursts: a window that is resized, a photo that is panned.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(30)
        self._later.timeout.connect(self._follow_view)
        session.document_added.connect(self._watch)

    def show(self, state: DocumentState, change: Change, part: Part = None) -> None:
        """Preview a change of the open version, or of a part of it."""
        self._wanted[state] = change, part
        self._request(state)

    def end(self, state: DocumentState, *, keep: bool = False) -> None:
        """End the preview of a photo. keep: leave what is shown until the version that it became is there."""
        self._wanted.pop(state, None)
        self._histograms.pop(state, None)
        if not keep and self._session.is_open(state):
            state.canvas.clear_change()

    def histogram(self, state: DocumentState) -> Histogram | None:
        """The histogram of the preview that is shown."""
        return self._histograms.get(state)

    def add(self, pending: PendingRequest, done: PreviewDone) -> None:
        """A preview was computed: show it unless it was ended or its version was left."""
        state = pending.state
        if state is None or state not in self._wanted or state.head != done.version:
            return
        state.canvas.show_change(done.bounds, done.pixels)
        self._histograms[state] = done.histogram
        self.histogram_known.emit(state, done.histogram)

    def finish(self, pending: PendingRequest) -> None:
        """A request ended, however: request again if something else is wanted by now."""
        state = pending.state
        if state is None or state not in self._running or self._running[state][0] is not pending:
            return
        _, asked = self._running.pop(state)
        if self._session.is_open(state) and (wanted := self._wanted_request(state)) and wanted != asked:
            self._request(state)

    def _request(self, state: DocumentState) -> None:
        wanted = self._wanted_request(state)
        if wanted is not None and state not in self._running:
            self._running[state] = self._session.ask(wanted, state), wanted

    def _wanted_request(self, state: DocumentState) -> Preview | None:
        wanted = self._wanted.get(state)
        visible = state.canvas.view.visible()
        if wanted is None or state.id is None or state.head is None or not visible.area:
            return None
        change, part = wanted
        region, feather = part or (None, 0)
        return Preview(state.id, state.head, change, visible, state.canvas.view.scale, region, feather)

    def _watch(self, state: DocumentState) -> None:
        state.canvas.view.changed.connect(self._look_later)

    def _look_later(self) -> None:
        if self._wanted:
            self._later.start()

    def _follow_view(self) -> None:
        if (state := self._session.current) is not None and state in self._wanted:
            self._request(state)
