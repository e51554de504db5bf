"""Live strength: the slider of the restore panel blends a finished result with its input."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from clarity_desktop.messages import SetStrength
from clarity_desktop.ui.commands.live_preview import LivePreview
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Version, VersionId, full_result

PAUSE = 400
"""Milliseconds without a change, with the slider released, before a version is made."""


class StrengthCommands(QObject):
    """While the open version was made by the task and method of the panel, its slider changes that version.

    Moving it previews, releasing it makes a version, which can be undone. Otherwise the slider is for the next run.
    """

    def __init__(self, session: Session, dock: RestoreDock, preview: LivePreview) -> None:
        super().__init__(session)
        self._session, self._dock, self._preview = session, dock, preview
        self._shown: tuple[DocumentState, VersionId] | None = None
        self._next = 1.0  # the strength of the next run, while the slider shows that of the open version
        self._changing: dict[DocumentState, PendingRequest] = {}
        self._is_late = False  # the slider was moved while a version is being made
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE)
        self._pause.timeout.connect(self._apply)
        dock.strength.valueChanged.connect(self._change)
        dock.strength.sliderReleased.connect(self._pause.start)
        dock.changed.connect(self.show_state)

    def show_state(self) -> None:
        """The document that is shown, its open version, or the task of the panel changed."""
        found = self._live()
        self._dock.show_live(found is not None)
        if found is None:
            if self._shown is not None:
                self._show_strength(self._next)  # that of the version does not pass on to other photos
            self._shown = None
        elif self._shown != (found[0], found[1].id):
            self._pause.stop()
            self._shown = found[0], found[1].id
            if self._is_late:
                self._is_late = False
                self._change()  # the slider was moved on while this version was made
            else:
                self._show_strength(found[1].step.strength)

    def _show_strength(self, strength: float) -> None:
        self._dock.strength.blockSignals(True)
        self._dock.show_strength(strength)
        self._dock.strength.blockSignals(False)

    def finish(self, pending: PendingRequest) -> None:
        """A request made its version."""
        if pending.state is not None and self._changing.get(pending.state) is pending:
            del self._changing[pending.state]

    def fail(self, pending: PendingRequest) -> None:
        """A request ended: if it made no version, show the strength of the open one again."""
        if pending.state is not None and self._changing.get(pending.state) is pending:
            del self._changing[pending.state]
            self._preview.end(pending.state)
            self._shown, self._is_late = None, False
            self.show_state()

    def _live(self) -> tuple[DocumentState, Version] | None:
        """The document whose open version the slider changes."""
        state, choice = self._session.current, self._dock.choice()
        head = state.head_version if state else None
        if state is None or state.id is None or head is None or choice is None or head.step.kind != "restore":
            return None
        if (head.step.task, head.step.method) != (choice.task, choice.method):
            return None
        return (state, head) if full_result(state.versions, head) else None

    def _change(self) -> None:
        found = self._live()
        if found is None:
            self._next = self._dock.strength.value() / 100
            return
        if found[0] in self._changing:
            self._is_late = True
            return
        state, head = found
        strength = self._dock.strength.value() / 100
        if strength == head.step.strength:
            self._pause.stop()
            self._preview.end(state)
        else:
            self._preview.show(state, strength)
            if not self._dock.strength.isSliderDown():
                self._pause.start()

    def _apply(self) -> None:
        found = self._live()
        if found is None or found[0] in self._changing or self._dock.strength.isSliderDown():
            return
        state, head = found
        strength = self._dock.strength.value() / 100
        if strength != head.step.strength and state.id:
            self._preview.end(state, keep=True)
            request = SetStrength(state.id, head.id, strength)
            self._changing[state] = self._session.ask(request, state, self.tr("Changing the strength…"))
