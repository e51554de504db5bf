"""Quality: the panel with problems and scores, the problem map, suggestions and Auto."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtGui import QImage

from clarity_desktop.messages import Advise, Assess, Edit, GoTo, Improve, Improved, ReadManifest, RepairOldPhoto
from clarity_desktop.settings import Settings
from clarity_desktop.ui.canvas import heatmap
from clarity_desktop.ui.canvas.compare import Compare
from clarity_desktop.ui.docks.quality import QualityDock, QualityState
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Degradation, ModelCard, Task, Version, is_everywhere, ordered

RESULT_NOTICE = 30.0
"""Seconds after which the notice with Auto's result closes: the conversation keeps the text."""


class QualityCommands(QObject):
    """Connects the quality panel with the document that is shown."""

    panel_wanted = Signal()
    comparison_wanted = Signal(object)  # DocumentState of which the open version is to be seen beside the one before
    comparison_ended = Signal()

    def __init__(self, session: Session, dock: QualityDock, is_offered: Callable[[Task], bool]) -> None:
        """is_offered: is there a method for a task?"""
        super().__init__(session)
        self._session, self._dock, self._is_offered = session, dock, is_offered
        self._degradation: Degradation | None = None  # on the map; None: the most likely one
        self._ready: set[str] = set()  # installed models
        on = session.actions.on
        on("heat", self._show_heat)
        on("improve", self.improve)
        on("repair_old_photo", self.repair_old_photo)
        on("advise", self._advise)
        dock.findings.heat_toggled.connect(session.actions["heat"].setChecked)
        dock.findings.heat_toggled.connect(self._show_heat)
        dock.findings.heat_chosen.connect(self._choose_heat)
        dock.advice.asked.connect(self._advise)
        dock.advice.all_asked.connect(self.improve)
        session.settings_changed.connect(self._use_settings)

    # the panel

    def show_state(self) -> None:
        """Show what is known about the open version of the current document."""
        state, metrics = self._session.current, self._session.settings.metrics
        self._dock.show_photo(_state(state, metrics) if state else None, self._is_offered)
        self._show_heat()

    def _show_heat(self) -> None:
        """Show the map over the versions on the canvas, or remove it; without a detection there is none."""
        on = self._session.actions["heat"].isChecked()
        self._dock.findings.show_heat(on)
        for state in self._session.documents:
            for version in state.shown_versions:
                state.canvas.show_heat(version.id, self._map(version) if on else None)

    def _map(self, version: Version) -> QImage | None:
        if version.detection is None:
            return None
        degradation = self._degradation or ordered(version.detection)[0]
        if is_everywhere(version.detection, degradation):
            return None
        # Cached by detection and degradation, so switching back and forth costs nothing.
        return heatmap.picture(version.detection, degradation)

    def _choose_heat(self, degradation: Degradation | None) -> None:
        self._degradation = degradation
        self._show_heat()

    def show_other(self, state: DocumentState) -> None:
        """Show the versions that are compared; ask for the manifests that are not known."""
        for version in state.show_other() if state.id else ():
            assert state.id
            request = ReadManifest(state.id, version)
            # Several events may ask for the same manifest before the first answer.
            if all(pending.request != request for pending in self._session.running(ReadManifest, state)):
                self._session.ask(request, state)

    # scores after a change of the settings or models; other analyses are started by the backend

    def _use_settings(self, before: Settings, after: Settings) -> None:
        """Score the open version by the metrics that were switched on."""
        if before.metrics != after.metrics and (state := self._session.current) and state.id and state.head:
            self._session.ask(Assess(state.id, state.head), state)

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """Score again where installed models replace the built-in parameters."""
        ready = {model.id for model in models if model.state == "ready"}
        # Only models that became ready since the last list can change a score.
        new, self._ready = ready - self._ready, ready
        for state in self._session.documents:
            head = state.head_version
            if state.id and head and head.quality and not new.isdisjoint(head.quality.bundled):
                self._session.ask(Assess(state.id, head.id), state)

    # suggestions and Auto

    def _advise(self) -> None:
        """Suggest restorations. The user waits, so a missing analysis runs as a visible job, with its scores."""
        if (state := self._session.current) is None or state.id is None or (head := state.head_version) is None:
            return
        self.panel_wanted.emit()
        known = head.detection is not None and head.quality is not None
        score = None if known else partial(self._session.ask, Assess(state.id, head.id), state, analysis_title())
        state.start_analysis(head.id)
        self._session.ask(Advise(state.id, head.id), state, "" if known else analysis_title(), score)
        self.show_state()

    def add_failure(self, pending: PendingRequest, reason: str) -> None:
        """A request of the user for an analysis failed or was cancelled: show in the panel what is missing."""
        request, state = pending.request, pending.state
        if not isinstance(request, Advise | Assess) or state is None:
            return
        version = state.versions.get(request.version)
        if version and version.detection is None:
            state.add_failure(version.id, "detection", reason)
        if version and version.quality is None:
            state.add_failure(version.id, "quality", reason)
        self.show_state()

    def add_cancellation(self, pending: PendingRequest) -> None:
        """Show that an analysis was cancelled."""
        self.add_failure(pending, self.tr("Analysis cancelled. Choose Suggest to run it again."))

    def improve(self) -> None:
        """Auto: one request; if it takes long the backend offers it first."""
        state = self._session.current
        if state and state.id and state.head and not self._session.running(Improve, state):
            request = Improve(state.id, state.head, state.canvas.view.visible())
            self._session.ask(request, state, self.tr("Auto: finding and fixing problems…"))

    def repair_old_photo(self) -> None:
        """Fill marks, reduce grain and correct fading, each as a version; offered first if it takes long."""
        state = self._session.current
        if state and state.id and state.head and not self._session.running(RepairOldPhoto, state):
            self._session.ask(RepairOldPhoto(state.id, state.head), state, self.tr("Repairing the old photo…"))

    def show_result(self, pending: PendingRequest, improved: Improved) -> None:
        """Show the result of Auto; if it was started in the conversation, the text is shown there.

        Where Auto is not sure that the result is better, the user keeps or discards it. What was tried in detail stands
        in the conversation.
        """
        text = render(improved.summary or improved.text)
        state = pending.state
        if improved.offered and state is not None:
            mode = state.canvas.comparison.mode
            choices = (
                (self.tr("Keep"), partial(self._end_comparison, state, mode)),
                (self.tr("Discard"), partial(self._discard, state, improved, mode)),
            )
            state.chosen_other = None  # beside what it was made from
            self.comparison_wanted.emit(state)
            self._session.notify(text, "offer", choices, document=state)
        elif isinstance(pending.request, Improve):
            self._session.notify(text, document=state, seconds=RESULT_NOTICE)

    def _end_comparison(self, state: DocumentState, mode: Compare) -> None:
        """The user has chosen: show as much as before the offer."""
        if self._session.is_open(state):
            state.canvas.comparison.set_mode(mode)
            self.comparison_ended.emit()

    def _discard(self, state: DocumentState, improved: Improved, mode: Compare) -> None:
        """Go back to what the offered result was made from; it stays in the tree, marked as rejected."""
        made = state.versions.get(improved.version)
        if made is None or made.parent is None or not self._session.is_open(state):
            return
        self._end_comparison(state, mode)
        if state.head == improved.version:
            self._session.ask(GoTo(improved.document, made.parent), state)
        self._session.ask(Edit(improved.document, improved.version, rejected=True), state)


def analysis_title() -> str:
    """The name of a job of which only the analysis is left."""
    return QCoreApplication.translate("QualityCommands", "Analyzing photo…")


def _state(state: DocumentState, metrics: tuple[str, ...]) -> QualityState | None:
    head = state.head_version
    if state.id is None or head is None:
        return None
    advised = state.advised if state.advised and state.advised.version == head.id else None
    original = state.versions.get(state.original) if state.original else None
    return QualityState(
        state.id, head, state.other_version, state.best, original, state.branch, state.distances.get(head.id), advised,
        state.failures.get((head.id, "detection"), ""), state.failures.get((head.id, "quality"), ""), metrics,
    )  # fmt: skip
