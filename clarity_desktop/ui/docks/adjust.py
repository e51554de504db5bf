"""The adjust panel: light and color as sliders and numbers, presets, and the histogram of what they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.histogram import HistogramView
from clarity_desktop.ui.form_fields import ElidedButton, ElidedLabel, decimal_field, int_field, no_wheel
from clarity_desktop.values import ADJUSTMENT_RANGES, Adjustments, Histogram

MAX_NAME_WIDTH = 84
"""Pixels from which the name of a slider is shortened, so that the slider keeps its minimum width."""
MENU_ARROW = 16
"""Pixels of the arrow of a button with a menu, which its size hint lacks."""
PRESETS: Mapping[str, Adjustments] = {
    "brighter": Adjustments(exposure=0.5, shadows=0.2),
    "punchy": Adjustments(contrast=0.3, saturation=0.2, sharpen=0.25),
    "soft": Adjustments(contrast=-0.25, highlights=-0.3, shadows=0.25),
    "warm": Adjustments(temperature=0.15, saturation=0.08),
    "cool": Adjustments(temperature=-0.12),
    "mono": Adjustments(black_and_white=True, contrast=0.1),
    "mono_strong": Adjustments(black_and_white=True, contrast=0.5, shadows=-0.1, sharpen=0.25),
}
"""The built-in presets."""


class AdjustmentSlider(QSlider):
    """A slider over hundredths. A double-click resets it to 0; with Shift the arrow keys move in steps of 1."""

    def __init__(self, name: str, low: int, high: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setPageStep(max(10, (high - low) // 20))
        self.setAccessibleName(name)
        self.setMinimumWidth(40)
        if low < 0:
            self.setProperty("role", "bipolar")
        no_wheel(self)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002
        self.setValue(0)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        # QSlider has no fine step of its own.
        self.setSingleStep(1 if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier else 5)
        super().keyPressEvent(ev)


class AdjustDock(QWidget):
    """Emits changed while values change, and what the buttons ask for; knows nothing of the backend."""

    changed = Signal(object)  # Adjustments
    applied = Signal()
    discarded = Signal()
    pick_asked = Signal(bool)
    save_asked = Signal()
    preset_deleted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Adjust"))
        self.sliders: dict[str, AdjustmentSlider] = {}
        self.numbers: dict[str, QSpinBox | QDoubleSpinBox] = {}
        self._start = Adjustments()
        self.histogram = HistogramView()
        self.black_and_white = QCheckBox(self.tr("&Black and white"))
        self.pick = QToolButton()
        theme.set_icon(self.pick, "pipette")
        self.pick.setCheckable(True)
        self.pick.setIconSize(QSize(14, 14))
        self.pick.setAccessibleName(self.tr("Pick a gray point"))
        self.pick.setToolTip(self.tr("Click a point of the photo that should be gray"))
        self.only_selection = QCheckBox(self.tr("&Only in the selection"))
        self.only_selection.setToolTip(self.tr("Adjust only what is selected; every other pixel stays as it is"))
        self.only_selection.setChecked(True)
        self.presets = ElidedButton(self.tr("Presets"))
        self.presets_menu = QMenu(self.presets)
        self.presets.setMenu(self.presets_menu)
        self.presets.setMinimumWidth(min(130, self.presets.sizeHint().width() + MENU_ARROW))
        self.reset, self.apply = ElidedButton(self.tr("Reset")), ElidedButton(self.tr("Apply"))
        self.apply.setProperty("role", "primary")
        self.apply.setToolTip(self.tr("Add a version with these settings (Enter); Esc discards the changes"))
        self.reset.setToolTip(self.tr("Set everything to 0"))
        self._lay_out()
        self._connect()
        self.show_presets({})
        self.show_values(Adjustments())
        self.show_ready(False)

    def values(self) -> Adjustments:
        """The adjustments as they are set."""
        numbers = {name: slider.value() / 100 for name, slider in self.sliders.items()}
        return Adjustments(**numbers, black_and_white=self.black_and_white.isChecked())

    def show_values(self, values: Adjustments, start: Adjustments | None = None) -> None:
        """Show adjustments without emitting them. start: those of the open version, by default the same."""
        self._start = values if start is None else start
        for name, slider in self.sliders.items():
            for widget in (slider, self.numbers[name]):
                widget.blockSignals(True)
            slider.setValue(round(100 * getattr(values, name)))
            self._show_number(name)
            for widget in (slider, self.numbers[name]):
                widget.blockSignals(False)
        self.black_and_white.blockSignals(True)
        self.black_and_white.setChecked(values.black_and_white)
        self.black_and_white.blockSignals(False)
        self._enable()

    @property
    def in_selection(self) -> bool:
        """Whether only what is selected is to be adjusted."""
        return not self.only_selection.isHidden() and self.only_selection.isChecked()

    def show_selection(self, selected: bool) -> None:
        """Offer to adjust only what is selected."""
        self.only_selection.setVisible(selected)

    def use(self, values: Adjustments) -> None:
        """Set values as the user would: from a preset, the picker or the clipboard."""
        self.show_values(values, self._start)
        self.changed.emit(self.values())

    def show_ready(self, ready: bool) -> None:
        """Enable the panel if there is a photo."""
        self._inside.setEnabled(ready)
        self._footer.setEnabled(ready)

    def show_histogram(self, histogram: Histogram | None) -> None:
        """Show the histogram of the photo as it is adjusted."""
        self.histogram.show_histogram(histogram)

    def show_presets(self, own: Mapping[str, Adjustments]) -> None:
        """List the built-in presets and the user's own."""
        menu = self.presets_menu
        menu.clear()
        for title, values in (*self._built_in(), *own.items()):
            if title in own and title == next(iter(own)):
                menu.addSeparator()
            menu.addAction(title.replace("&", "&&")).triggered.connect(
                lambda _checked=False, values=values: self.use(values)
            )
        menu.addSeparator()
        menu.addAction(self.tr("&Save as a preset…")).triggered.connect(lambda _checked=False: self.save_asked.emit())
        if own:
            delete = menu.addMenu(self.tr("&Delete preset"))
            for title in own:
                delete.addAction(title.replace("&", "&&")).triggered.connect(
                    lambda _checked=False, title=title: self.preset_deleted.emit(title)
                )

    def _built_in(self) -> list[tuple[str, Adjustments]]:
        titles = {
            "brighter": self.tr("Brighter"),
            "punchy": self.tr("Punchy"),
            "soft": self.tr("Soft"),
            "warm": self.tr("Warm"),
            "cool": self.tr("Cool"),
            "mono": self.tr("Black and white"),
            "mono_strong": self.tr("Black and white, strong"),
        }
        return [(titles[name], values) for name, values in PRESETS.items()]

    def minimumSizeHint(self) -> QSize:
        return QSize(256, 220)

    # layout

    def _lay_out(self) -> None:
        self._inside, self._footer = QWidget(), QWidget()
        self._grids: list[QGridLayout] = []
        self._name_width = 0
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(12, 8, 12, 2)
        column.setSpacing(4)
        column.addWidget(self.histogram)
        self.only_selection.hide()
        column.addWidget(self.only_selection)
        self._add_rows(column, self.tr("Light"), (
            ("exposure", self.tr("&Exposure")), ("contrast", self.tr("&Contrast")),
            ("highlights", self.tr("&Highlights")), ("shadows", self.tr("&Shadows")),
        ), self.presets)  # fmt: skip
        self._add_rows(
            column,
            self.tr("White balance"),
            (("temperature", self.tr("&Temperature")), ("tint", self.tr("T&int"))),
            self.pick,
        )
        self._add_rows(
            column,
            self.tr("Color and detail"),
            (("saturation", self.tr("Sat&uration")), ("sharpen", self.tr("Shar&pening"))),
        )
        for grid in self._grids:  # the sliders of all groups begin at one line
            grid.setColumnMinimumWidth(0, min(self._name_width + 4, MAX_NAME_WIDTH))
        column.addWidget(self.black_and_white)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._inside)
        buttons = QHBoxLayout(self._footer)
        buttons.setContentsMargins(12, 6, 12, 8)
        buttons.setSpacing(8)
        buttons.addWidget(self.reset, 1)
        buttons.addWidget(self.apply, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(self._footer)

    def _add_rows(
        self, column: QVBoxLayout, title: str, rows: tuple[tuple[str, str], ...], tool: QWidget | None = None
    ) -> None:
        heading, line = QLabel(title), QHBoxLayout()
        heading.setProperty("role", "muted")
        line.setContentsMargins(0, 2, 0, 0)
        line.addWidget(heading, 1)
        if tool is not None:
            line.addWidget(tool)
        column.addLayout(line)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self._grids.append(grid)
        for k, (name, label) in enumerate(rows):
            slider, number = self._make_row(name, label.replace("&", ""))
            name_label = ElidedLabel(label)
            name_label.setBuddy(slider)
            name_label.setProperty("elides", True)
            name_label.setToolTip(label.replace("&", ""))
            self._name_width = max(self._name_width, name_label.sizeHint().width())
            grid.addWidget(name_label, k, 0)
            grid.addWidget(slider, k, 1)
            grid.addWidget(number, k, 2)
        column.addLayout(grid)

    def _make_row(self, name: str, title: str) -> tuple[AdjustmentSlider, QSpinBox | QDoubleSpinBox]:
        low, high = (round(100 * edge) for edge in ADJUSTMENT_RANGES[name])
        slider = self.sliders[name] = AdjustmentSlider(title, low, high)
        spoken = QCoreApplication.translate("AdjustDock", "{name}, as a number").format(name=title)
        number: QSpinBox | QDoubleSpinBox
        if name == "exposure":
            number = decimal_field(spoken, low / 100, high / 100, 0, decimals=2)
            number.setSingleStep(0.1)
        else:
            number = int_field(spoken, low, high, 0)
        number.setFixedWidth(66)
        self.numbers[name] = number
        return slider, number

    def _connect(self) -> None:
        for name, slider in self.sliders.items():
            slider.valueChanged.connect(partial(self._use_slider, name))
            self.numbers[name].valueChanged.connect(partial(self._use_number, name))
        self.black_and_white.toggled.connect(self._emit)
        self.pick.toggled.connect(self.pick_asked)
        self.reset.clicked.connect(lambda: self.use(Adjustments()))
        self.apply.clicked.connect(self.applied)

    def _use_slider(self, name: str, _value: int) -> None:
        number = self.numbers[name]
        number.blockSignals(True)
        self._show_number(name)
        number.blockSignals(False)
        self._emit()

    def _use_number(self, name: str, value: float) -> None:
        self.sliders[name].setValue(round(100 * value) if name == "exposure" else round(value))

    def _show_number(self, name: str) -> None:
        value = self.sliders[name].value()
        number: Any = self.numbers[name]
        number.setValue(value / 100 if name == "exposure" else value)

    def _emit(self) -> None:
        self._enable()
        self.changed.emit(self.values())

    def _enable(self) -> None:
        values = self.values()
        self.reset.setEnabled(values != Adjustments())
        self.apply.setEnabled(values != self._start)
        # Without color there is nothing to saturate.
        for widget in (self.sliders["saturation"], self.numbers["saturation"]):
            widget.setEnabled(not values.black_and_white)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.applied.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.discarded.emit()
        else:
            super().keyPressEvent(event)


def with_white_balance(values: Adjustments, temperature: float, tint: float) -> Adjustments:
    """The adjustments with another white balance, to the precision of the sliders."""
    return replace(values, temperature=round(temperature, 2), tint=round(tint, 2))
