"""The quality panel: how good the open version is, what is wrong with it, what would help, and the single measures."""

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
    """All that the panel shows of one photo: the open version, those it is measured against, what failed and why."""

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
    metrics: tuple[str, ...] = ()  # further ones that are switched on


NARROWEST = 270
"""Pixels: the longest title of a task in a button, beside the scroll bar."""


class QualityDock(QScrollArea):
    """Values in by show_photo and show_heat; the wishes are those of its parts."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._judged: Judged | None = None
        self.setMinimumWidth(NARROWEST)
        self.setAccessibleName("Quality")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.names = muted_label()
        self.busy = QProgressBar()
        self.busy.setObjectName("looking")
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName("Looking at the photo")
        self.overall, self.findings, self.advice = OverallPanel(), FindingsPanel(), AdvicePanel()
        self.measures = MetricsPanel()
        self.metrics = self.measures.metrics
        self.overall.jump_asked.connect(self.jump_asked)
        self._lay_out()
        self.show_photo(None, lambda _task: True)

    def show_photo(self, judged: Judged | None, offered: Callable[[Task], bool]) -> None:
        """None: there is no photo. offered: is there a method for a task? What is not known yet keeps old figures."""
        other = judged is None or self._judged is None or judged.document != self._judged.document
        if judged is not None:
            self.advice.show_advice(judged.advised, offered)
            if judged.advised and (self._judged is None or judged.advised is not self._judged.advised):
                QTimer.singleShot(0, self, self._bring_advice)  # once it has its place
        if judged == self._judged and judged is not None:
            return
        self._judged = judged
        for part in (self.overall, self.heading, self.findings, self.advice, self.measures):
            part.setVisible(judged is not None)
        looking = judged is not None and self._looks(judged)
        self.busy.setVisible(looking)
        self._show_names(judged, looking=looking)
        if judged is not None:
            self._show_detection(judged, forget=other)
            self._show_quality(judged, forget=other)

    def _bring_advice(self) -> None:
        """In a small window what was asked for would come below the edge."""
        self.ensureWidgetVisible(self.advice, 0, 8)

    def _show_names(self, judged: Judged | None, *, looking: bool) -> None:
        if judged is None:
            self.names.setText("Open a photo to see how good it is and what is wrong with it.")
            return
        if looking:
            self.names.setText(f"Looking… (● {version_title(judged.now)})")
            return
        before = f"   ○\u00a0{version_title(judged.before)}" if judged.before else ""
        self.names.setText(f"●\u00a0{version_title(judged.now)}{before}")

    def _looks(self, judged: Judged) -> bool:
        """Is something on its way?"""
        now = judged.now
        return (now.detection is None and not judged.no_detection) or (now.quality is None and not judged.no_quality)

    def _show_detection(self, judged: Judged, *, forget: bool) -> None:
        detection = judged.now.detection
        self.findings.setEnabled(detection is not None or bool(judged.no_detection))
        if detection is not None:
            self.findings.show_detection(detection)
        elif forget or judged.no_detection:
            self.findings.clear(judged.no_detection)

    def _show_quality(self, judged: Judged, *, forget: bool) -> None:
        now, before = judged.now, judged.before
        known = now.quality is not None
        self.overall.setEnabled(known or bool(judged.no_quality))
        self.measures.setEnabled(known)
        self.measures.setVisible(known or not judged.no_quality)
        self.overall.trend.show_branch(judged.branch, now.id)
        if known or forget or judged.no_quality:
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
        self.heading = QLabel("What is wrong")
        self.heading.setProperty("role", "muted")
        self.busy.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        kept = self.busy.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # nothing jumps when it comes and goes
        self.busy.setSizePolicy(kept)
        column.addWidget(self.names)
        column.addWidget(self.busy)
        for part in (self.overall, self.heading, self.findings, self.advice, self.measures):
            column.addWidget(part)
        column.addStretch(1)
        self.setWidget(inside)
