"""The bars that are shown above the photo while it is cropped or straightened."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSlider

from clarity_desktop.ui.form_fields import decimal_field
from clarity_desktop.values import Bounds

RATIOS: dict[str, tuple[int, int] | None] = {
    "Free": None,
    "As the photo": (0, 0),
    "1 : 1": (1, 1),
    "5 : 4": (5, 4),
    "4 : 3": (4, 3),
    "3 : 2": (3, 2),
    "16 : 9": (16, 9),
    "4 : 5": (4, 5),
    "3 : 4": (3, 4),
    "2 : 3": (2, 3),
}
MOST_DEGREES = 45
NAMED = 500
"""Pixels of width from which a bar shows its name."""


class _Bar(QFrame):
    """A row of controls with Apply and Cancel at its end; Enter and Esc are the same."""

    accepted = Signal()
    cancelled = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName("transform")
        self.setAccessibleName(name)
        # In a narrow window the panels would give up their room for the bar and not get it back.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(12, 6, 12, 6)
        self.row.setSpacing(10)
        self.title = QLabel(name)
        self.title.setProperty("role", "title")
        self.row.addWidget(self.title)
        self.apply = QPushButton("Apply")
        self.apply.setProperty("role", "primary")
        self.cancel = QPushButton("Cancel")
        self.apply.clicked.connect(self.accepted)
        self.cancel.clicked.connect(self.cancelled)
        self.hide()

    def finish(self) -> None:
        """Put the buttons at the end of the row."""
        self.row.addStretch(1)
        self.row.addWidget(self.apply)
        self.row.addWidget(self.cancel)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is too little room, the controls come before the name."""
        super().resizeEvent(event)
        self.title.setVisible(event.size().width() >= NAMED)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)


class CropBar(_Bar):
    ratio_chosen = Signal(object)  # width / height, 0.0 for the photo's own, None for any

    def __init__(self) -> None:
        super().__init__("Crop")
        self.ratio = QComboBox()
        self.ratio.addItems(list(RATIOS))
        self.ratio.setAccessibleName("Proportions")
        self.ratio.currentTextChanged.connect(self._choose)
        self.size_label = QLabel()
        self.size_label.setAccessibleName("Size of the crop")
        self.row.addWidget(self.ratio)
        self.row.addWidget(self.size_label)
        self.finish()

    def begin(self) -> None:
        self.ratio.setCurrentIndex(0)
        self.show()

    def show_bounds(self, bounds: Bounds) -> None:
        self.size_label.setText(f"{bounds.width} × {bounds.height} pixels")
        self.apply.setEnabled(bounds.area > 0)

    def _choose(self, name: str) -> None:
        pair = RATIOS[name]
        self.ratio_chosen.emit(None if pair is None else 0.0 if pair == (0, 0) else pair[0] / pair[1])


class StraightenBar(_Bar):
    turned = Signal(float)  # degrees, clockwise

    def __init__(self) -> None:
        super().__init__("Straighten")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-10 * MOST_DEGREES, 10 * MOST_DEGREES)
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.setMinimumWidth(60)
        self.slider.setAccessibleName("Angle in tenths of a degree")
        self.degrees = decimal_field("Angle in degrees, clockwise", -MOST_DEGREES, MOST_DEGREES, 0, " °", decimals=1)
        self.slider.valueChanged.connect(self._slid)
        self.degrees.valueChanged.connect(self._typed)
        self.row.addWidget(self.slider, 1)
        self.row.addWidget(self.degrees)
        self.finish()
        self.row.setStretch(self.row.count() - 3, 0)

    def begin(self) -> None:
        self.degrees.setValue(0)
        self.show()
        self.slider.setFocus()

    def _slid(self, tenths: int) -> None:
        self.degrees.setValue(tenths / 10)

    def _typed(self, degrees: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(10 * degrees))
        self.slider.blockSignals(False)
        self.apply.setEnabled(degrees != 0)
        self.turned.emit(degrees)
