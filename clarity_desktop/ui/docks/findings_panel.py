"""The problems found in the open version: each degradation with its probability, its severity and a heat map."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop import text, titles
from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.heatmap import Legend
from clarity_desktop.ui.form_fields import muted_label, no_wheel, tooltip
from clarity_desktop.ui.labels import degradation_noun, degradation_title, excerpt, percent
from clarity_desktop.ui.notices import Sign
from clarity_desktop.ui.translate import render
from clarity_desktop.values import DEGRADATIONS, Degradation, Detection, Finding, ordered, summary

LISTED_FROM = 0.15
"""From this probability on a degradation is listed; "Show all" lists the others as well."""


def headline(detection: Detection) -> str:
    """The detection in one line, with the probability that its bar shows."""
    kind, names = summary(detection)
    if kind == "fine":
        return QCoreApplication.translate("FindingsPanel", "No problems found")
    most_likely = names[0]
    probability = percent(detection.found[most_likely].probability)
    if kind == "there" and len(names) > 1:
        template = QCoreApplication.translate("FindingsPanel", "Several problems: {names}")
        return template.format(names=render(text.enumeration(titles.degradation_noun(name) for name in names[:3])))
    if kind == "there":
        template = QCoreApplication.translate("FindingsPanel", "{problem}: {probability} likely")
        return template.format(problem=degradation_title(most_likely), probability=probability)
    if kind == "doubt":
        template = QCoreApplication.translate("FindingsPanel", "No clear problems. Possibly: {problem} ({probability})")
    else:
        template = QCoreApplication.translate("FindingsPanel", "Possible problems: {problem} ({probability})")
    return template.format(problem=degradation_noun(most_likely), probability=probability)


def severity_word(finding: Finding) -> str:
    """How strong a degradation is, in a word."""
    words = {
        "strong": QCoreApplication.translate("FindingsPanel", "strong"),
        "moderate": QCoreApplication.translate("FindingsPanel", "moderate"),
        "light": QCoreApplication.translate("FindingsPanel", "light"),
        "faint": QCoreApplication.translate("FindingsPanel", "faint"),
    }
    return words[finding.strength]


class Meter(QWidget):
    """A bar that is as long as a share of 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(60, 5)

    def show_share(self, share: float) -> None:
        """Show a share of 0..1."""
        self._share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        colors, painter = theme.colors(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.hover))
        whole = QRectF(self.rect())
        painter.drawRoundedRect(whole, 2.5, 2.5)
        painter.setBrush(QColor(colors.ring if self.isEnabled() else colors.disabled))
        painter.drawRoundedRect(QRectF(0, 0, max(2.0, whole.width() * self._share), whole.height()), 2.5, 2.5)
        painter.end()


class FindingRow(QWidget):
    """One degradation: its name, how likely it is, how strong, and a bar."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.figure, self.meter = QLabel(), QLabel(), Meter()
        self.name.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.figure, 0, 1, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.meter, 1, 0, 1, 2)

    def show_finding(self, degradation: Degradation, finding: Finding) -> None:
        """Show the probability and severity of a degradation."""
        title, probability = degradation_title(degradation), percent(finding.probability)
        listed = finding.probability >= LISTED_FROM
        self.name.setText(title)
        self.figure.setText(
            self.tr("{probability}, {severity}").format(probability=probability, severity=severity_word(finding))
            if listed
            else probability
        )
        self.meter.show_share(finding.probability)
        self.setAccessibleName(f"{title} {self.figure.text()}")
        self.figure.setAccessibleName(self.accessibleName())
        tip = self.tr("{title}: {probability} likely, severity {severity} of 1")
        severity = f"{finding.severity:.2f}"
        self.setToolTip(tip.format(title=title, probability=probability, severity=severity) if listed else title)


class FindingsPanel(QWidget):
    """Shows a detection; emits heat_toggled and heat_chosen when the user asks for the heat map."""

    heat_toggled = Signal(bool)
    heat_chosen = Signal(object)  # Degradation, or None: the most likely one

    def __init__(self) -> None:
        super().__init__()
        self._detection: Detection | None = None
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.verdict.setProperty("role", "title")
        self.rows = [FindingRow() for _ in DEGRADATIONS]
        self.all = QPushButton()
        self.all.setProperty("role", "quiet")
        self.all.setCheckable(True)
        self.all.toggled.connect(self._list)
        self.where, self.which, self.legend = QCheckBox(self.tr("Show problem areas")), no_wheel(QComboBox()), Legend()
        self.where.setToolTip(self.tr("Show a heat map over the photo: where each problem is likely"))
        self.where.toggled.connect(self._toggled)
        self.which.setAccessibleName(self.tr("Problem shown on the heat map"))
        # The longest entry would otherwise set the minimum width of the panel.
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(8)
        self.which.addItem(self.tr("Most likely"), None)
        for degradation in DEGRADATIONS:
            self.which.addItem(degradation_title(degradation), degradation)
        self.which.activated.connect(self._chose)
        self._lay_out()
        self.clear()

    @property
    def knows(self) -> bool:
        """Whether a detection is shown, even if it is that of an earlier version."""
        return self._detection is not None

    def show_detection(self, detection: Detection) -> None:
        """Show a detection."""
        if detection is not self._detection:
            self._detection = detection
            self._list()

    def clear(self, why: str = "") -> None:
        """Show no detection; why is the reason if the analysis failed."""
        self._detection = None
        self.verdict.setText("")
        self.reason.setText(excerpt(why))
        self.reason.setToolTip(tooltip(why))
        self._list()

    def show_heat(self, on: bool) -> None:
        """Show whether the heat map is switched on."""
        # Set by the program, not by the user: no signal.
        self.where.blockSignals(True)
        self.where.setChecked(on)
        self.where.blockSignals(False)
        self._show_map_choice()

    def _list(self) -> None:
        detection, lines = self._detection, self.rows
        names: list[Degradation] = ordered(detection) if detection else []
        worth = [d for d in names if detection and detection.found[d].probability >= LISTED_FROM]
        fine = bool(detection and detection.top[0][0] == "normal")
        # At least one bar where the photo is not normal, even if all are unlikely.
        shown = len(names) if self.all.isChecked() else 0 if fine else max(1, len(worth))
        for line, degradation in zip(lines, names, strict=False):
            if detection:
                line.show_finding(degradation, detection.found[degradation])
        for k, line in enumerate(lines):
            line.setVisible(k < min(shown, len(names)))
        self.all.setText(
            self.tr("Show fewer") if self.all.isChecked() else self.tr("Show all {count}").format(count=len(names))
        )
        self.verdict.setText(headline(detection) if detection else "")
        self.fine.setVisible(fine)
        for widget in (self.verdict, self.all, self.where):
            widget.setVisible(detection is not None)
        self.reason.setVisible(detection is None and bool(self.reason.text()))
        self._show_map_choice()

    def _show_map_choice(self) -> None:
        on = self._detection is not None and self.where.isChecked()
        self.which.setVisible(on)
        self.legend.setVisible(on)

    def _toggled(self, on: bool) -> None:
        self._show_map_choice()
        self.heat_toggled.emit(on)

    def _chose(self) -> None:
        self.heat_chosen.emit(self.which.currentData())

    def _lay_out(self) -> None:
        self.reason, self.fine = muted_label(), Sign("fine")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        first = QHBoxLayout()
        first.addWidget(self.fine, 0, Qt.AlignmentFlag.AlignTop)
        first.addWidget(self.verdict, 1)
        column.addLayout(first)
        column.addWidget(self.reason)
        for line in self.rows:
            column.addWidget(line)
        column.addWidget(self.all, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.where)
        column.addWidget(self.which)
        column.addWidget(self.legend)
