"""Quality: the panel with problems and scores, the problem map, suggestions and Auto."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtGui import QImage

from clarity_desktop.messages import Advise, Assess, Detect, Improve, Improved, ReadManifest, Request
from clarity_desktop.settings import Settings
from clarity_desktop.ui.canvas import heatmap
from clarity_desktop.ui.docks.quality import Judged, QualityDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Degradation, DocumentId, ModelCard, Task, Version, ordered

RESULT_NOTICE = 30.0
"""Seconds after which the notice with Auto's result closes: the conversation keeps the text."""


class QualityCommands(QObject):
    """Connects the quality panel with the document that is shown."""

    panel_wanted = Signal()

    def __init__(self, session: Session, dock: QualityDock, is_offered: Callable[[Task], bool]) -> None:
        """is_offered: is there a method for a task?"""
        super().__init__(session)
        self._session, self._dock, self._is_offered = session, dock, is_offered
        self._degradation: Degradation | None = None  # on the map; None: the likeliest
        self._ready: set[str] = set()  # installed models
        on = session.actions.on
        on("heat", self._show_heat)
        on("improve", self.improve)
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
        self._dock.show_photo(_judged(state, metrics) if state else None, self._is_offered)
        self._show_heat()

    def _show_heat(self) -> None:
        """Show the map over the versions on the canvas, or remove it; without a detection there is none."""
        on = self._session.actions["heat"].isChecked()
        self._dock.findings.show_heat(on)
        for state in self._session.documents:
            for version in filter(None, (state.head_version, state.other_version)):
                state.canvas.show_heat(version.id, self._map(version) if on else None)

    def _map(self, version: Version) -> QImage | None:
        if version.detection is None:
            return None
        return heatmap.picture(version.detection, self._degradation or ordered(version.detection)[0])

    def _choose_heat(self, degradation: Degradation | None) -> None:
        self._degradation = degradation
        self._show_heat()

    # missing analysis

    def complete(self, state: DocumentState) -> None:
        """Ask for what is missing: the manifest of the version compared with, a detection, scores."""
        if state.id is None:
            return
        if state.other and not state.show_other():
            self._ask_once(ReadManifest(state.id, state.other), state)
        if self._is_busy(state):
            return
        if missing := next((r for r in self._missing(state.id, state) if r not in state.failed), None):
            self._ask_once(missing, state)

    def _missing(self, document: DocumentId, state: DocumentState) -> Iterator[Detect | Assess]:
        """One after the other: scoring one version ends the scoring of another."""
        head, other = state.head_version, state.other_version
        if head is not None:
            if head.detection is None:
                yield Detect(document, head.id)  # the scores follow: they use it
            if self._lacks_scores(state, head) or _lacks_distance(state, head):
                yield Assess(document, head.id)
        if other is not None and self._lacks_scores(state, other):
            yield Assess(document, other.id)

    def _use_settings(self, before: Settings, after: Settings) -> None:
        """What failed may succeed with other settings; other metrics need new scores."""
        for state in self._session.documents:
            state.failed.clear()
        if before.metrics != after.metrics and (state := self._session.current) and state.id and state.head:
            self._session.ask(Assess(state.id, state.head), state)

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """Models were installed: scores by built-in parameters give way to those by the published ones."""
        ready = {model.id for model in models if model.state == "ready"}
        new, self._ready = ready - self._ready, ready
        for state in self._session.documents if new else ():
            state.scored.clear()
            self.complete(state)

    def _lacks_scores(self, state: DocumentState, version: Version) -> bool:
        """A metric that is switched on but could not be computed is named in `why`."""
        known, metrics = version.quality, self._session.settings.metrics
        return (
            known is None
            or any(name not in known.more and name not in known.why for name in metrics)
            or self._is_stale(state, version)
        )

    def _is_stale(self, state: DocumentState, version: Version) -> bool:
        """Are there better parameters now than those that a version was scored by?"""
        known = version.quality
        return known is not None and version.id not in state.scored and not self._ready.isdisjoint(known.ours)

    def add_failure(self, pending: PendingRequest, reason: str) -> bool:
        """If an analysis failed, show why in the panel and do not ask again. False: it was another request."""
        if not isinstance(pending.request, Assess | Detect):
            return False
        if (state := pending.state) and self._session.is_open(state):
            state.failed[pending.request] = reason
            self.complete(state)
            if state is self._session.current:
                self.show_state()
        return True

    def add_cancellation(self, state: DocumentState) -> None:
        """The user cancelled the analysis: it starts again when the user wants to know."""
        if state.id and state.head:
            reason = self.tr("Analysis cancelled. Choose Suggest to run it again.")
            state.failed |= dict.fromkeys((Detect(state.id, state.head), Assess(state.id, state.head)), reason)
        if state is self._session.current:
            self.show_state()

    def _ask_once(self, request: Request, state: DocumentState) -> None:
        if all(pending.request != request for pending in self._session.running(type(request))):
            self._session.ask(request, state)

    def _is_busy(self, state: DocumentState) -> bool:
        """Is a request running that brings the scores by itself?"""
        return any(p.state is state and p.title for p in self._session.requests.running)

    # suggestions and Auto

    def _advise(self) -> None:
        """What failed or was cancelled before runs again; the user waits for it, so it is a job."""
        if (state := self._session.current) is None or state.id is None or (head := state.head_version) is None:
            return
        self.panel_wanted.emit()
        state.failed.pop(Detect(state.id, head.id), None)
        state.failed.pop(Assess(state.id, head.id), None)
        known = head.detection is not None and head.quality is not None
        self._session.ask(Advise(state.id, head.id), state, "" if known else analysis_title())
        self.show_state()

    def improve(self) -> None:
        """Auto: one request; if it takes long the backend offers it first."""
        state = self._session.current
        if state and state.id and state.head and not self._session.running(Improve, state):
            request = Improve(state.id, state.head, state.canvas.view.visible())
            self._session.ask(request, state, self.tr("Auto"))

    def show_result(self, pending: PendingRequest, improved: Improved) -> None:
        """Auto is done. If it was started in the conversation, its text stands there."""
        if isinstance(pending.request, Improve):
            self._session.notify(render(improved.text), document=pending.state, seconds=RESULT_NOTICE)


def analysis_title() -> str:
    """The name of a job of which only the analysis is left."""
    return QCoreApplication.translate("QualityCommands", "Analyzing photo")


def _lacks_distance(state: DocumentState, version: Version) -> bool:
    return version.parent is not None and version.id not in state.distances


def _judged(state: DocumentState, metrics: tuple[str, ...]) -> Judged | None:
    head = state.head_version
    if state.id is None or head is None:
        return None
    advised = state.advised if state.advised and state.advised.version == head.id else None
    original = state.versions.get(state.original) if state.original else None
    return Judged(
        state.id, head, state.other_version, state.best, original, state.branch, state.distances.get(head.id), advised,
        state.failed.get(Detect(state.id, head.id), ""), state.failed.get(Assess(state.id, head.id), ""), metrics,
    )  # fmt: skip
