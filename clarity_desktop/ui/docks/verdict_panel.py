"""The first thing that the quality panel says: a verdict in a few words, the score, and the most likely problems."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.ui.form_fields import muted_label, plain_label, show_role, tooltip
from clarity_desktop.ui.labels import degradation_title, excerpt, percent, task_title
from clarity_desktop.ui.notices import Sign
from clarity_desktop.ui.translate import render
from clarity_desktop.values import TASK_FOR, Degradation, Detection, Finding, Task, Version, ordered, summary
from clarity_desktop.verdict import severity, verdict

LISTED_FROM = 0.15
"""From this probability on a degradation is listed."""
MAX_LISTED = 3


def overall(version: Version | None) -> float | None:
    """The overall score of a version; None if it is unknown."""
    return version.quality.overall if version and version.quality else None


def problems_to_list(detection: Detection) -> list[Degradation]:
    """The problems to list, the most likely first; none where the photo looks normal."""
    kind = summary(detection).kind
    if kind in ("fine", "low"):
        return []
    names: list[Degradation] = [d for d in ordered(detection) if detection.found[d].probability >= LISTED_FROM]
    return names[:MAX_LISTED]


def score_change(now: float | None, before: float | None) -> tuple[str, str]:
    """How a score differs from the one before, and the role of its color; from the rounded scores that are shown."""
    if now is None or before is None:
        return "", "muted"
    # From the rounded scores: 46.4 to 46.6 would otherwise show 46, 47 and “same”.
    rise = round(now) - round(before)
    if rise > 0:
        return QCoreApplication.translate("VerdictPanel", "{amount} better than before").format(amount=rise), "good"
    if rise < 0:
        return QCoreApplication.translate("VerdictPanel", "{amount} worse than before").format(amount=-rise), "error"
    return QCoreApplication.translate("VerdictPanel", "same as before"), "muted"


class FaultRow(QWidget):
    """One problem: its name, how likely and how strong it is, and a button that treats it."""

    asked = Signal(str)  # Task

    def __init__(self) -> None:
        super().__init__()
        self._task: Task | None = None
        self.name, self.figure, self.fix = QLabel(), muted_label(), QPushButton(self.tr("Fix"))
        self.name.setWordWrap(True)
        self.fix.clicked.connect(self._ask)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.figure, 1, 0)
        grid.addWidget(self.fix, 0, 1, 2, 1, Qt.AlignmentFlag.AlignVCenter)

    def show_finding(self, degradation: Degradation, finding: Finding, *, offered: bool) -> None:
        """Show a problem. offered: there is a method for it."""
        self._task, title = TASK_FOR[degradation], degradation_title(degradation)
        self.name.setText(title)
        line = self.tr("{probability} likely, {severity}")
        self.figure.setText(line.format(probability=percent(finding.probability), severity=render(severity(finding))))
        self.setAccessibleName(f"{title}: {self.figure.text()}")
        self.figure.setAccessibleName(self.accessibleName())
        self.fix.setEnabled(offered)
        self.fix.setToolTip(task_title(self._task) if offered else self._why_disabled(self._task))
        self.fix.setAccessibleName(self.tr("Fix: {task}").format(task=task_title(self._task)))

    def _why_disabled(self, task: Task) -> str:
        if task == "inpaint":
            return self.tr("Select the missing parts first, with a tool or with “Select where” under Details.")
        return self.tr("There is no method for this yet.")

    def _ask(self) -> None:
        if self._task:
            self.asked.emit(self._task)


class VerdictPanel(QWidget):
    """Shows verdict, score and problems; emits which task the user wants to run."""

    fix_asked = Signal(str)  # Task

    def __init__(self) -> None:
        super().__init__()
        self.title, self.sign = QLabel(), Sign("fine")
        self.title.setWordWrap(True)
        self.title.setProperty("role", "title")
        self.figure, self.extent, self.change = QLabel("–"), muted_label(self.tr("of 100")), plain_label()
        self.figure.setProperty("role", "figure")
        self.change.setWordWrap(True)
        self.change.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.caution = plain_label(self.tr("Large change: compare with the original before trusting the score."))
        self.caution.setWordWrap(True)
        self.warning = QWidget()
        self.reason = muted_label()
        self.rows = [FaultRow() for _ in range(MAX_LISTED)]
        for row in self.rows:
            row.asked.connect(self.fix_asked)
        self._lay_out()

    def show_analyzing(self) -> None:
        """The version is being analyzed: what is known of the one before stays, without a verdict."""
        self.title.setText(self.tr("Analyzing…"))
        self.sign.hide()

    def show_scores(self, now: Version, before: Version | None, failed: str = "") -> None:
        """failed: the reason if there are no scores at all."""
        quality, value = now.quality, overall(now)
        self.figure.setText(f"{value:.0f}" if value is not None else "–")
        why = render(quality.why.get("overall", "")) if quality and value is None else failed
        self.extent.setText(self.tr("of 100") if value is not None or not why else excerpt(why))
        self.extent.setToolTip(tooltip(why) if value is None and why else self._meaning())
        text, role = score_change(value, overall(before))
        self.change.setText(text)
        show_role(self.change, role)
        self.change.setVisible(bool(text))
        spoken = ", ".join(x for x in (f"{self.figure.text()} {self.extent.text()}", self.change.text()) if x)
        self.figure.setAccessibleName(self.tr("Overall score {score}").format(score=spoken))
        self.setAccessibleName(self.figure.accessibleName())

    def show_detection(self, detection: Detection, score: float | None, offered: Callable[[Task], bool]) -> None:
        """Show what a detection and a score come to. offered tells whether a task has a method."""
        self.title.setText(render(verdict(detection, score)))
        self.sign.setVisible(summary(detection, score).kind == "fine")
        self.reason.hide()
        names = problems_to_list(detection)
        for row, name in zip(self.rows, names, strict=False):
            row.show_finding(name, detection.found[name], offered=offered(TASK_FOR[name]))
        for k, row in enumerate(self.rows):
            row.setVisible(k < len(names))

    def clear(self, why: str = "") -> None:
        """Show no verdict and no problems; why is the reason if the analysis failed."""
        self.title.setText("")
        self.sign.hide()
        self.reason.setText(excerpt(why))
        self.reason.setToolTip(tooltip(why))
        self.reason.setVisible(bool(why))
        for row in self.rows:
            row.hide()

    def _meaning(self) -> str:
        return self.tr(
            "Higher is better. The score combines several metrics and was fitted to damaged and clean photos: it is an "
            "indication, not a verdict."
        )

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout(self.warning)
        first.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        first.addWidget(self.title, 1)
        second.setSpacing(8)
        second.addWidget(self.figure)
        # The words share the line by their usual length, and wrap in a language of longer ones.
        second.addWidget(self.extent, 1)
        second.addWidget(self.change, 2)
        third.setContentsMargins(0, 2, 0, 2)
        sign = Sign("error")
        sign.setAccessibleName(self.tr("Caution"))
        third.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        third.addWidget(self.caution, 1)
        self.warning.hide()
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.warning)
        column.addWidget(self.reason)
        for row in self.rows:
            column.addWidget(row)
