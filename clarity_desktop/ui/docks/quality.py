"""The quality panel: verdict, score and problems of the open version; curve, map, suggestions and metrics below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from clarity_desktop.messages import Advised
from clarity_desktop.ui.docks.advice_panel import AdvicePanel
from clarity_desktop.ui.docks.findings_panel import FindingsPanel
from clarity_desktop.ui.docks.metrics_panel import MetricsPanel
from clarity_desktop.ui.docks.overall_panel import OverallPanel, is_far
from clarity_desktop.ui.docks.verdict_panel import VerdictPanel, overall
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
    """Shows verdict, score and problems of one photo, the rest under Details; its parts emit the user's actions."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._state: QualityState | None = None
        self.setMinimumWidth(MIN_WIDTH)
        self.setAccessibleName(self.tr("Quality"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.invitation, self.names = muted_label(self.tr("Open a photo to see its quality.")), muted_label()
        self.busy = QProgressBar()
        self.busy.setObjectName("analyzing")
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(self.tr("Analyzing photo…"))
        self.verdict, self.details, self.inside = VerdictPanel(), QToolButton(), QWidget()
        self.overall, self.findings, self.advice = OverallPanel(), FindingsPanel(), AdvicePanel()
        self.measures = MetricsPanel()
        self.metrics = self.measures.metrics
        self.overall.jump_asked.connect(self.jump_asked)
        self.details.setText(self.tr("Details"))
        self.details.setObjectName("fold")
        self.details.setCheckable(True)
        self.details.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.details.toggled.connect(self._fold)
        self._lay_out()
        self._fold(False)
        self.show_photo(None, lambda _task: True)

    def show_photo(self, state: QualityState | None, offered: Callable[[Task], bool]) -> None:
        """state None: there is no photo. offered tells whether a task has a method.

        Until the scores of a new version are there, the old figures stay, disabled.
        """
        other = state is None or self._state is None or state.document != self._state.document
        if state is not None:
            self.advice.show_advice(state.advised, offered)
            if state.advised and (self._state is None or state.advised is not self._state.advised):
                self.details.setChecked(True)
                QTimer.singleShot(0, self, self._scroll_to_advice)  # after the layout
        if state is not None and state.now.detection is not None:
            # On every refresh: which tasks have a method may have changed.
            self.verdict.show_detection(state.now.detection, overall(state.now), offered)
        # Events of other documents also refresh the panel.
        if state == self._state and state is not None:
            return
        self._state = state
        self.invitation.setVisible(state is None)
        for part in (self.verdict, self.details):
            part.setVisible(state is not None)
        self._fold(self.details.isChecked())
        analyzing = state is not None and self._is_analyzing(state)
        self.busy.setVisible(analyzing)
        if state is not None:
            self._show_names(state)
            self._show_detection(state, reset=other)
            self._show_quality(state, reset=other)
        if analyzing:
            self.verdict.show_analyzing()

    def _fold(self, open_: bool) -> None:
        """Show or hide the details."""
        self.details.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)
        self.inside.setVisible(open_ and self._state is not None)

    def _scroll_to_advice(self) -> None:
        """In a small window the advice would be below the visible part."""
        self.ensureWidgetVisible(self.advice, 0, 8)

    def _show_names(self, state: QualityState) -> None:
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
        for part in (*self.verdict.rows, self.findings):
            part.setEnabled(detection is not None or bool(state.detection_error))
        if detection is not None:
            self.findings.show_detection(detection)
        elif reset or state.detection_error:
            self.verdict.clear(state.detection_error)
            self.findings.show_detection(None)

    def _show_quality(self, state: QualityState, *, reset: bool) -> None:
        now, before = state.now, state.before
        known = now.quality is not None
        for part in (self.verdict.figure, self.verdict.extent, self.verdict.change, self.overall):
            part.setEnabled(known or bool(state.quality_error))
        self.measures.setEnabled(known)
        self.measures.setVisible(known or not state.quality_error)
        self.overall.trend.show_branch(state.branch, now.id)
        if known or reset or state.quality_error:
            self.verdict.show_scores(now, before, state.quality_error)
            self.overall.show_scores(now, before, state.best)
            self.measures.show_quality(now.quality, before.quality if before else None, state.metrics)
            score, first = overall(now), overall(state.original)
            gained = score is not None and first is not None and score > first
            self.overall.show_distance(state.distance)
            self.verdict.warning.setVisible(gained and is_far(state.distance))

    def _lay_out(self) -> None:
        whole = QWidget()
        column, details = QVBoxLayout(whole), QVBoxLayout(self.inside)
        # The scroll bar takes its own room; the margin keeps words away from it.
        column.setContentsMargins(12, 8, 12, 8)
        details.setContentsMargins(0, 0, 0, 0)
        for layout in (column, details):
            layout.setSpacing(7)
        self.busy.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when the bar appears
        self.busy.setSizePolicy(policy)
        for part in (self.invitation, self.busy, self.verdict, self.findings.map):
            column.addWidget(part)
        column.addWidget(self.details, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.inside)
        for part in (self.names, self.overall, self.findings, self.advice, self.measures):
            details.addWidget(part)
        column.addStretch(1)
        self.setWidget(whole)
