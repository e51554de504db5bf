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
class Judged:
    """What the panel shows of one photo: the open version, those it is compared with, and why anything failed."""

    document: DocumentId
    now: Version
    before: Version | None = None
    best: Version | None = None
    original: Version | None = None
    branch: tuple[Version, ...] = ()
    distance: Distance | None = None
    advised: Advised | None = None
    no_detection: str = ""
    no_quality: str = ""
    metrics: tuple[str, ...] = ()  # additional ones chosen in Preferences


NARROWEST = 270
"""Pixels: room for the longest task title in a button beside the scroll bar."""


class QualityDock(QScrollArea):
    """Shows the quality of one photo; its parts emit the user's actions."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._judged: Judged | None = None
        self.setMinimumWidth(NARROWEST)
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

    def show_photo(self, judged: Judged | None, offered: Callable[[Task], bool]) -> None:
        """judged None: there is no photo. offered tells whether a task has a method.

        Until the scores of a new version are there, the old figures stay, disabled.
        """
        other = judged is None or self._judged is None or judged.document != self._judged.document
        if judged is not None:
            self.advice.show_advice(judged.advised, offered)
            if judged.advised and (self._judged is None or judged.advised is not self._judged.advised):
                QTimer.singleShot(0, self, self._scroll_to_advice)  # after the layout
        if judged == self._judged and judged is not None:
            return
        self._judged = judged
        for part in (self.overall, self.heading, self.findings, self.advice, self.measures):
            part.setVisible(judged is not None)
        analyzing = judged is not None and self._is_analyzing(judged)
        self.busy.setVisible(analyzing)
        self._show_names(judged, analyzing=analyzing)
        if judged is not None:
            self._show_detection(judged, reset=other)
            self._show_quality(judged, reset=other)

    def _scroll_to_advice(self) -> None:
        """In a small window the advice would be below the visible part."""
        self.ensureWidgetVisible(self.advice, 0, 8)

    def _show_names(self, judged: Judged | None, *, analyzing: bool) -> None:
        if judged is None:
            self.names.setText(self.tr("Open a photo to see its quality and its problems."))
            return
        if analyzing:
            self.names.setText(self.tr("Analyzing… (● {title})").format(title=version_title(judged.now)))
            return
        before = f"   ○\u00a0{version_title(judged.before)}" if judged.before else ""
        self.names.setText(f"●\u00a0{version_title(judged.now)}{before}")

    def _is_analyzing(self, judged: Judged) -> bool:
        """Whether results are still to come."""
        now = judged.now
        return (now.detection is None and not judged.no_detection) or (now.quality is None and not judged.no_quality)

    def _show_detection(self, judged: Judged, *, reset: bool) -> None:
        detection = judged.now.detection
        self.findings.setEnabled(detection is not None or bool(judged.no_detection))
        if detection is not None:
            self.findings.show_detection(detection)
        elif reset or judged.no_detection:
            self.findings.clear(judged.no_detection)

    def _show_quality(self, judged: Judged, *, reset: bool) -> None:
        now, before = judged.now, judged.before
        known = now.quality is not None
        self.overall.setEnabled(known or bool(judged.no_quality))
        self.measures.setEnabled(known)
        self.measures.setVisible(known or not judged.no_quality)
        self.overall.trend.show_branch(judged.branch, now.id)
        if known or reset or judged.no_quality:
            self.overall.show_scores(now, before, judged.best, judged.no_quality)
            self.measures.show_quality(now.quality, before.quality if before else None, judged.metrics)
            score, first = overall(now), overall(judged.original)
            gained = score is not None and first is not None and score > first
            self.overall.show_distance(judged.distance, gained=gained)

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
