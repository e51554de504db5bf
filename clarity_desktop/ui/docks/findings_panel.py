"""Details of the detection: each degradation with its probability and severity, and the heat map."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.text import Message, enumeration
from clarity_desktop.titles import degradation_noun
from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.heatmap import Legend
from clarity_desktop.ui.docks.verdict_panel import LISTED_FROM
from clarity_desktop.ui.form_fields import DropDown, muted_label
from clarity_desktop.ui.labels import degradation_title, percent
from clarity_desktop.ui.translate import render
from clarity_desktop.values import DEGRADATIONS, Degradation, Detection, Finding, is_everywhere, ordered
from clarity_desktop.verdict import severity as severity_words


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
        self.degradation: Degradation | None = None
        self.name, self.figure, self.meter = QLabel(), QLabel(), Meter()
        self.where = QToolButton()
        theme.set_icon(self.where, "select-box")
        self.where.setIconSize(QSize(14, 14))
        self.where.setToolTip(self.tr("Select where this problem is strongest"))
        self.name.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 4)
        grid.setVerticalSpacing(2)
        grid.setHorizontalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.figure, 0, 1, Qt.AlignmentFlag.AlignRight)
        # Below name and figure, and with room for the button in every row: so that all bars have the same scale.
        grid.addWidget(self.meter, 1, 0, 1, 2)
        policy = self.where.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.where.setSizePolicy(policy)
        self.where.setFixedWidth(20)
        grid.addWidget(self.where, 0, 2, 2, 1, Qt.AlignmentFlag.AlignVCenter)

    def show_finding(self, degradation: Degradation, finding: Finding) -> None:
        """Show the probability and severity of a degradation."""
        self.degradation = degradation
        title, probability = degradation_title(degradation), percent(finding.probability)
        listed = finding.probability >= LISTED_FROM
        self.name.setText(title)
        self.figure.setText(
            self.tr("{probability}, {severity}").format(
                probability=probability, severity=render(severity_words(finding))
            )
            if listed
            else probability
        )
        self.meter.show_share(finding.probability)
        self.setAccessibleName(f"{title} {self.figure.text()}")
        self.where.setVisible(listed)
        self.where.setAccessibleName(self.tr("Select where: {problem}").format(problem=title))
        self.figure.setAccessibleName(self.accessibleName())
        tip = self.tr("{title}: {probability} likely, severity {severity} of 1")
        severity = f"{finding.severity:.2f}"
        self.setToolTip(tip.format(title=title, probability=probability, severity=severity) if listed else title)


class FindingsPanel(QWidget):
    """Shows all of a detection; emits heat_toggled and heat_chosen when the user asks for the heat map."""

    heat_toggled = Signal(bool)
    heat_chosen = Signal(object)  # Degradation, or None: the most likely one
    select_asked = Signal(object)  # Degradation: select where it is

    def __init__(self) -> None:
        super().__init__()
        self._detection: Detection | None = None
        self.rows = [FindingRow() for _ in DEGRADATIONS]
        for finding in self.rows:
            finding.where.clicked.connect(partial(self._ask_where, finding))
        self.where, self.legend = QCheckBox(self.tr("Show problem areas")), Legend()
        self.which = DropDown(self.tr("Problem shown on the heat map"))
        self.where.setToolTip(self.tr("Show a heat map over the photo: where each problem is likely"))
        self.where.toggled.connect(self._toggled)
        # The longest entry would otherwise set the minimum width of the panel.
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.which.setMinimumContentsLength(8)
        self.which.addItem(self.tr("Most likely"), None)
        for degradation in DEGRADATIONS:
            self.which.addItem(degradation_title(degradation), degradation)
        self.which.activated.connect(self._chose)
        self.everywhere = muted_label(self.tr("Everywhere in the photo: no part stands out."))
        self.everywhere.setWordWrap(True)
        self.full_size = muted_label()
        self.full_size.setWordWrap(True)
        self.heading = muted_label(self.tr("How likely each problem is"))
        self.map = QWidget(self)  # the choice and the legend, to be shown with the map wherever the panel is folded
        column, below = QVBoxLayout(self), QVBoxLayout(self.map)
        for layout in (column, below):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(4)
        below.addWidget(self.which)
        below.addWidget(self.legend)
        below.addWidget(self.everywhere)
        for widget in (self.where, self.heading, *self.rows, self.full_size):
            column.addWidget(widget)
        self.show_detection(None)

    def show_detection(self, detection: Detection | None) -> None:
        """Show a detection, or that there is none."""
        self._detection = detection
        names = ordered(detection) if detection else []
        for row, name in zip(self.rows, names, strict=False):
            if detection:
                row.show_finding(name, detection.found[name])
        for row in self.rows:
            row.setVisible(detection is not None)
        self.heading.setVisible(detection is not None)
        self.where.setVisible(detection is not None)
        self._show_full_size()
        self._show_map_choice()

    def show_heat(self, on: bool) -> None:
        """Show whether the heat map is switched on."""
        # Set by the program, not by the user: no signal.
        self.where.blockSignals(True)
        self.where.setChecked(on)
        self.where.blockSignals(False)
        self._show_map_choice()

    def _ask_where(self, row: FindingRow, _checked: bool = False) -> None:
        if row.degradation is not None:
            self.select_asked.emit(row.degradation)

    def _show_map_choice(self) -> None:
        self.map.setVisible(self._detection is not None and self.where.isChecked())
        if self._detection is not None:
            chosen: Degradation = self.which.currentData() or ordered(self._detection)[0]
            everywhere = is_everywhere(self._detection, chosen)
            self.legend.setVisible(not everywhere)
            self.everywhere.setVisible(everywhere)

    def _show_full_size(self) -> None:
        """What shows only at 100%, below the problems of the whole photo."""
        close: Mapping[Degradation, Finding] = self._detection.close if self._detection else {}
        listed: list[Degradation] = [name for name in close if close[name].probability >= LISTED_FROM]
        self.full_size.setVisible(bool(listed))
        if listed:
            found = [
                Message(
                    "analysis.share", {"degradation": degradation_noun(name), "probability": close[name].probability}
                )
                for name in sorted(listed, key=lambda name: -close[name].probability)
            ]
            self.full_size.setText(self.tr("Seen at 100%: {problems}").format(problems=render(enumeration(found))))

    def _toggled(self, on: bool) -> None:
        self._show_map_choice()
        self.heat_toggled.emit(on)

    def _chose(self) -> None:
        self._show_map_choice()
        self.heat_chosen.emit(self.which.currentData())
