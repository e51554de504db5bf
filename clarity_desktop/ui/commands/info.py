"""Histogram and facts of the open version, read while a panel shows them; its description on request."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDockWidget

from clarity_desktop.messages import Describe, Described, InfoReady, ReadInfo
from clarity_desktop.ui.commands.live_preview import LivePreview
from clarity_desktop.ui.docks.adjust import AdjustDock
from clarity_desktop.ui.docks.info import InfoDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import file_size
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Histogram, ModelCard


class InfoCommands(QObject):
    """Fills the info panel, and the histogram of the adjust panel."""

    models_wanted = Signal(object)  # tuple of ids: download them, then describe again

    def __init__(
        self, session: Session, info: InfoDock, adjust: AdjustDock, preview: LivePreview, docks: tuple[QDockWidget, ...]
    ) -> None:
        """docks: that show a histogram; while none of them is visible nothing is read."""
        super().__init__(session)
        self._session, self._info, self._adjust, self._preview = session, info, adjust, preview
        self._known: WeakKeyDictionary[DocumentState, InfoReady] = WeakKeyDictionary()
        self._described: WeakKeyDictionary[DocumentState, Described] = WeakKeyDictionary()
        self._sizes: dict[str, int] = {}
        info.describe_asked.connect(self.describe)
        info.better_asked.connect(self._ask_better)
        preview.histogram_known.connect(self._show_preview)
        self._visible: set[QDockWidget] = set()
        for dock in docks:
            # Not isVisible: a panel behind another one's tab counts as visible there.
            dock.visibilityChanged.connect(partial(self._note, dock))

    def _note(self, dock: QDockWidget, visible: bool) -> None:
        (self._visible.add if visible else self._visible.discard)(dock)
        if visible:
            self.show_state()

    def show_state(self) -> None:
        """The document that is shown, or its open version, changed."""
        state = self._session.current
        if state is None or state.card is None:
            self._info.show_photo(None, None, None)
            self._show_histogram(None)
            self._show_description(None)
            return
        known = self._known.get(state)
        self._info.show_photo(state.card, state.head_version, known.info if known else None)
        self._show_description(state)
        is_current = known is not None and known.version == state.head
        self._show_histogram(self._preview.histogram(state) or (known.histogram if known and is_current else None))
        if not is_current and state.id and state.head and self._visible:
            wanted = ReadInfo(state.id, state.head)
            if not any(pending.request == wanted for pending in self._session.running(ReadInfo, state)):
                self._session.ask(wanted, state)

    def add(self, pending: PendingRequest, ready: InfoReady) -> None:
        """A version was read."""
        if pending.state is not None:
            self._known[pending.state] = ready
            if pending.state is self._session.current:
                self.show_state()

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """The installed models changed."""
        self._sizes = {model.id: model.size for model in models}
        self._show_description(self._session.current)

    def add_description(self, pending: PendingRequest, described: Described) -> None:
        """A version was described."""
        if pending.state is not None:
            self._described[pending.state] = described
            self._show_description(self._session.current)

    def finish(self, state: DocumentState) -> None:
        """A description ended, however."""
        if state is self._session.current:
            self._show_description(state)

    def describe(self) -> None:
        """Describe the open version."""
        state = self._session.current
        if state is not None and state.id and state.head and not self._session.running(Describe, state):
            self._session.ask(Describe(state.id, state.head), state, self.tr("Describing the photo"))
            self._show_description(state)

    def _ask_better(self) -> None:
        state = self._session.current
        if state is not None and (known := self._described.get(state)) is not None:
            self.models_wanted.emit(known.missing)

    def _show_description(self, state: DocumentState | None) -> None:
        known = self._described.get(state) if state else None
        if state is None or known is None or known.version != state.head:
            self._info.show_description("", "", running=bool(state and self._session.running(Describe, state)))
            return
        size = sum(self._sizes.get(name, 0) for name in known.missing)
        better = self.tr("Download BLIP ({size})").format(size=file_size(size)) if size else ""
        self._info.show_description(render(known.text), better, running=bool(self._session.running(Describe, state)))

    def _show_preview(self, state: DocumentState, histogram: Histogram) -> None:
        if state is self._session.current:
            self._show_histogram(histogram)

    def _show_histogram(self, histogram: Histogram | None) -> None:
        self._info.show_histogram(histogram)
        self._adjust.show_histogram(histogram)
