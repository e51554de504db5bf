"""The quality panel: the score of the open version, the problems found, suggestions and the single metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from clarity_desktop.messages import Advised
from clarity_desktop.ui.docks.advice_panel import AdvicePanel
from clarity_desktop.ui.docks.findings_panel import FindingsPanel
from clarity_desktop.ui.docks.metrics_panel import MetricsPanel
from clarity_desktop.ui.docks.overall_panel import OverallPanel, overall
from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.ui.labels import version_title
from clarity_desktop.values import Distance, DocumentId, Task, Version


@dataclass(frozen=True, slots=True)
class QualityState:
    """What the panel shows of one photo: the open version, those it is compared with, and why anything failed."""

    document: DocumentId
    now: Version
    before: Version | None = None
    best: Version | None = None
    original: Version | None = None
    branch: tuple[Version, ...] = ()
    distance: Distance | None = None
    advised: Advised | None = None
    detection_error: str = ""
    quality_error: str = ""
    metrics: tuple[str, ...] = ()  # additional ones chosen in Preferences


MIN_WIDTH = 270
"""Pixels: room for the longest task title in a button beside the scroll bar."""


class QualityDock(QScrollArea):
    """Shows the quality of one photo; its parts emit the user's actions."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._state: QualityState | None = None
        self.setMinimumWidth(MIN_WIDTH)
        self.setAccessibleName(self.tr("Quality"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.names = muted_label()
        self.busy = QProgressBar()
        self.busy.setObjectName("analyzing")
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(self.tr("Analyzing photo…"))
        self.overall, self.findings, self.advice = OverallPanel(), FindingsPanel(), AdvicePanel()
        self.measures = MetricsPanel()
        self.metrics = self.measures.metrics
        self.overall.jump_asked.connect(self.jump_asked)
        self._lay_out()
        self.show_photo(None, lambda _task: True)

    def show_photo(self, state: QualityState | None, offered: Callable[[Task], bool]) -> None:
        """state None: there is no photo. offered tells whether a task has a method.

        Until the scores of a new version are there, the old figures stay, disabled.
        """
        other = state is None or self._state is None or state.document != self._state.document
        if state is not None:
            self.advice.show_advice(state.advised, offered)
            if state.advised and (self._state is None or state.advised is not self._state.advised):
                QTimer.singleShot(0, self, self._scroll_to_advice)  # after the layout
        # Events of other documents also refresh the panel.
        if state == self._state and state is not None:
            return
        self._state = state
        for part in (self.overall, self.heading, self.findings, self.advice, self.measures):
            part.setVisible(state is not None)
        analyzing = state is not None and self._is_analyzing(state)
        self.busy.setVisible(analyzing)
        self._show_names(state, analyzing=analyzing)
        if state is not None:
            self._show_detection(state, reset=other)
            self._show_quality(state, reset=other)

    def _scroll_to_advice(self) -> None:
        """In a small window the advice would be below the visible part."""
        self.ensureWidgetVisible(self.advice, 0, 8)

    def _show_names(self, state: QualityState | None, *, analyzing: bool) -> None:
        if state is None:
            self.names.setText(self.tr("Open a photo to see its quality and its problems."))
            return
        if analyzing:
            self.names.setText(self.tr("Analyzing… (● {title})").format(title=version_title(state.now)))
            return
        before = f"   ○\u00a0{version_title(state.before)}" if state.before else ""
        self.names.setText(f"●\u00a0{version_title(state.now)}{before}")

    def _is_analyzing(self, state: QualityState) -> bool:
        """Whether results are still to come."""
        now = state.now
        return (now.detection is None and not state.detection_error) or (
            now.quality is None and not state.quality_error
        )

    def _show_detection(self, state: QualityState, *, reset: bool) -> None:
        detection = state.now.detection
        self.findings.setEnabled(detection is not None or bool(state.detection_error))
        if detection is not None:
            self.findings.show_detection(detection)
        elif reset or state.detection_error:
            self.findings.clear(state.detection_error)

    def _show_quality(self, state: QualityState, *, reset: bool) -> None:
        now, before = state.now, state.before
        known = now.quality is not None
        self.overall.setEnabled(known or bool(state.quality_error))
        self.measures.setEnabled(known)
        self.measures.setVisible(known or not state.quality_error)
        self.overall.trend.show_branch(state.branch, now.id)
        if known or reset or state.quality_error:
            self.overall.show_scores(now, before, state.best, state.quality_error)
            self.measures.show_quality(now.quality, before.quality if before else None, state.metrics)
            score, first = overall(now), overall(state.original)
            gained = score is not None and first is not None and score > first
            self.overall.show_distance(state.distance, gained=gained)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 8, 8, 8)
        column.setSpacing(7)
        self.heading = QLabel(self.tr("Problems"))
        self.heading.setProperty("role", "muted")
        self.busy.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when the bar appears
        self.busy.setSizePolicy(policy)
        column.addWidget(self.names)
        column.addWidget(self.busy)
        for part in (self.overall, self.heading, self.findings, self.advice, self.measures):
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(inside)
