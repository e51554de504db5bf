"""Form fields as all dialogs have them: named for screen readers, with room around their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from PySide6 import QtGui
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

Field = TypeVar("Field", bound=QWidget)
Spin = TypeVar("Spin", bound=QAbstractSpinBox)
INSET = 6
"""Pixels between the edge of a number field and its number."""


class WheelGuard(QObject):
    """Lets the wheel change a field only while it has the focus: else it scrolls what the field is in."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def no_wheel(field: Field) -> Field:
    """The field, deaf to the wheel that passes over it."""
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.installEventFilter(WheelGuard(field))
    return field


def whole(name: str, low: int, high: int, value: int, suffix: str = "") -> QSpinBox:
    """A field for a whole number."""
    field = _named(QSpinBox(), name)
    field.setRange(low, high)
    field.setSuffix(suffix)
    field.setValue(value)
    return field


def decimal(name: str, low: float, high: float, value: float, suffix: str = "", decimals: int = 0) -> QDoubleSpinBox:
    """A field for a number with that many decimals."""
    field = _named(QDoubleSpinBox(), name)
    field.setDecimals(decimals)
    field.setRange(low, high)
    field.setSingleStep(10.0**-decimals)
    field.setSuffix(suffix)
    field.setValue(value)
    return field


def choice(name: str, entries: Sequence[tuple[str, Any]], value: Any = None) -> QComboBox:
    """A list of titles with what they stand for."""
    box = no_wheel(QComboBox())
    box.setAccessibleName(name)
    for title, meaning in entries:
        box.addItem(title, meaning)
    box.setCurrentIndex(max(0, box.findData(value)))
    return box


def plain(text: str = "") -> QLabel:
    """A label for what files and people name: shown as it is written, never taken for markup."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    return made


def tip(text: str) -> str:
    """The same for a tooltip."""
    return QtGui.Qt.convertFromPlainText(text) if QtGui.Qt.mightBeRichText(text) else text


def muted(text: str = "") -> QLabel:
    """A quiet line of plain text under a field."""
    label = plain(text)
    label.setWordWrap(True)
    label.setProperty("role", "muted")
    return label


def label(text: str, field: QWidget) -> QLabel:
    """A row's label with the mnemonic of the row's first field."""
    made = QLabel(text)
    made.setBuddy(field)
    return made


def row(*widgets: QWidget) -> QHBoxLayout:
    """Fields beside each other; the first takes the room, unless it is a check box."""
    made = QHBoxLayout()
    made.setSpacing(8)
    first_stretches = not isinstance(widgets[0], QCheckBox)
    for k, widget in enumerate(widgets):
        made.addWidget(widget, 1 if k == 0 and first_stretches else 0)
    if not first_stretches:
        made.addStretch(1)
    return made


def form() -> QFormLayout:
    made = QFormLayout()
    made.setHorizontalSpacing(14)
    made.setVerticalSpacing(9)
    made.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return made


def _named(field: Spin, name: str) -> Spin:
    no_wheel(field).setAccessibleName(name)
    field.lineEdit().setTextMargins(INSET, 0, 0, 0)
    return field
