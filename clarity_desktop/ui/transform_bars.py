"""The bars above the photo while it is cropped or straightened."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider

from clarity_desktop.ui.form_fields import DropDown, ElidedLabel, decimal_field, tooltip
from clarity_desktop.values import Bounds

RATIOS = ((1, 1), (5, 4), (4, 3), (3, 2), (16, 9), (4, 5), (3, 4), (2, 3))
"""Width and height of the offered proportions."""
ORIGINAL_RATIO = 0.0
MAX_DEGREES = 45
MIN_RATIO_WIDTH = 90
"""Pixels: proportions like 16 : 9 and the arrow; longer entries are cut in a narrow window, and whole in the list."""


class _Bar(QFrame):
    """A row of controls that ends with Apply (Enter) and Cancel (Esc)."""

    accepted = Signal()
    cancelled = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("transform")
        self.setAccessibleName(name)
        # Ignored width: otherwise a narrow window would shrink the panels to make room for the bar.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(12, 6, 12, 6)
        self.row.setSpacing(10)
        self.title = QLabel(name)
        self.title.setProperty("role", "title")
        self.row.addWidget(self.title)
        self.apply = QPushButton(self.tr("Apply"))
        self.apply.setProperty("role", "primary")
        self.cancel = QPushButton(self.tr("Cancel"))
        self.apply.clicked.connect(self.accepted)
        self.cancel.clicked.connect(self.cancelled)
        self.hide()

    def add_buttons(self) -> None:
        """Put the buttons at the end of the row."""
        self.row.addStretch(1)
        self.row.addWidget(self.apply)
        self.row.addWidget(self.cancel)

    def event(self, e: QEvent) -> bool:
        """Hide the name where there is too little room for it and the controls."""
        if e.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            needed = self.row.sizeHint().width()
            if self.title.isHidden():
                needed += self.row.spacing() + self.title.sizeHint().width()
            self.title.setVisible(self.width() >= needed)
        return super().event(e)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)


class CropBar(_Bar):
    """Proportions and size of the crop frame, Apply and Cancel."""

    ratio_chosen = Signal(object)  # width / height, ORIGINAL_RATIO for the photo's own, None for any

    def __init__(self) -> None:
        super().__init__(QCoreApplication.translate("CropBar", "Crop"))
        self.ratio = DropDown(self.tr("Proportions"))
        self.ratio.addItem(self.tr("Free"), None)
        self.ratio.addItem(self.tr("Original proportions"), ORIGINAL_RATIO)
        for width, height in RATIOS:
            self.ratio.addItem(f"{width} : {height}", width / height)
        self.ratio.setMinimumWidth(MIN_RATIO_WIDTH)
        self.ratio.currentIndexChanged.connect(self._choose)
        self.size_label = QLabel()
        self.size_label.setAccessibleName(self.tr("Size of the crop"))
        self.row.addWidget(self.ratio)
        self.row.addWidget(self.size_label)
        self.add_buttons()

    def begin(self) -> None:
        """Show the bar with free proportions."""
        self.ratio.setCurrentIndex(0)
        self.show()

    def show_bounds(self, bounds: Bounds) -> None:
        """Show the size of the crop frame in image pixels."""
        self.size_label.setText(f"{bounds.width} × {bounds.height}")
        self.apply.setEnabled(bounds.area > 0)

    def _choose(self) -> None:
        self.ratio_chosen.emit(self.ratio.currentData())


class PartBar(_Bar):
    """Says what becomes of what is painted or selected while a part of another version is taken."""

    def __init__(self) -> None:
        super().__init__(QCoreApplication.translate("PartBar", "Take a part"))
        self.what = ElidedLabel()
        self.what.setTextFormat(Qt.TextFormat.PlainText)
        self.what.setProperty("elides", True)
        self.apply.setToolTip(self.tr("Make a version in which the part is replaced"))
        self.row.addWidget(self.what, 1)
        self.row.addWidget(self.apply)
        self.row.addWidget(self.cancel)

    def begin(self, source: str, base: str) -> None:
        """Show the bar. source and base: titles of the version that a part is taken of, and of the open one."""
        text = self.tr("Paint or select where “{source}” replaces “{base}”.").format(source=source, base=base)
        self.what.setText(text)
        self.what.setToolTip(tooltip(text))
        self.what.setAccessibleName(text)
        self.apply.setEnabled(False)
        self.show()


class StraightenBar(_Bar):
    """The angle as a slider and a number, Apply and Cancel."""

    turned = Signal(float)  # degrees, clockwise

    def __init__(self) -> None:
        super().__init__(QCoreApplication.translate("StraightenBar", "Straighten"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-10 * MAX_DEGREES, 10 * MAX_DEGREES)
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setMinimumWidth(60)
        self.slider.setAccessibleName(self.tr("Angle in tenths of a degree"))
        self.degrees = decimal_field(
            self.tr("Angle in degrees, clockwise"), -MAX_DEGREES, MAX_DEGREES, 0, " °", decimals=1
        )
        self.slider.valueChanged.connect(self._use_slider)
        self.degrees.valueChanged.connect(self._use_number)
        self.row.addWidget(self.slider, 1)
        self.row.addWidget(self.degrees)
        self.add_buttons()
        self.row.setStretch(self.row.count() - 3, 0)

    def begin(self) -> None:
        """Show the bar with no rotation."""
        self.degrees.setValue(0)
        self.show()
        self.slider.setFocus()

    def _use_slider(self, tenths: int) -> None:
        self.degrees.setValue(tenths / 10)

    def _use_number(self, degrees: float) -> None:
        self.slider.blockSignals(True)  # its whole tenths would round the number that is being typed
        self.slider.setValue(round(10 * degrees))
        self.slider.blockSignals(False)
        self.apply.setEnabled(degrees != 0)
        self.turned.emit(degrees)
