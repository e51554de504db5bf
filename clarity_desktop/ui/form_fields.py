"""Form fields of the dialogs: named for screen readers, with room around their text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from PySide6 import QtGui
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
    QWidget,
)

Field = TypeVar("Field", bound=QWidget)
Spin = TypeVar("Spin", bound=QAbstractSpinBox)
MIN_NAME_WIDTH = 60
"""Pixels that an elided label keeps."""
TEXT_MARGIN = 4
"""Pixels that a style leaves free beside the text of a drop-down list."""
LONG_WORD = 14
"""Letters after which a word may break."""
INSET = 6
"""Pixels between the edge of a number field and its number."""


class WheelGuard(QObject):
    """Lets the wheel change a field only while it has the focus; otherwise it scrolls the area around the field."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)


class ElidedButton(QPushButton):
    """A button that may be narrower than its text; the text is then elided and shown in full as the tooltip."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, super().minimumSizeHint().height())

    def paintEvent(self, arg__1: QPaintEvent) -> None:  # noqa: ARG002
        option = QStyleOptionButton()
        self.initStyleOption(option)
        # "&&" is a literal ampersand; one of the two is not drawn.
        margins = self.sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text().replace("&&", "&"))
        elide, flags = Qt.TextElideMode.ElideRight, Qt.TextFlag.TextShowMnemonic
        if self.width() < self.sizeHint().width():  # the hint is rounded: text that just fits would be elided
            option.text = self.fontMetrics().elidedText(self.text(), elide, self.width() - margins, flags.value)
        painter = QStylePainter(self)
        painter.drawControl(QStyle.ControlElement.CE_PushButton, option)
        painter.end()

    def event(self, e: QEvent) -> bool:
        if isinstance(e, QHelpEvent) and not self.toolTip() and self.width() < self.sizeHint().width():
            QToolTip.showText(e.globalPos(), tooltip(self.text()), self)
            return True
        return super().event(e)


class FlowLayout(QLayout):
    """Widgets side by side, in as many rows as the width demands. Hidden ones take no room."""

    def __init__(self, spacing: int = 4) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self.setSpacing(spacing)
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, arg__1: QLayoutItem) -> None:
        self._items.append(arg__1)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        return self._place(QRect(0, 0, arg__1, 0), move=False)

    def minimumSize(self) -> QSize:
        widest = max((item.minimumSize().width() for item in self._shown()), default=0)
        return QSize(widest, max((item.minimumSize().height() for item in self._shown()), default=0))

    def sizeHint(self) -> QSize:
        hints = [item.sizeHint() for item in self._shown()]
        width = sum(hint.width() for hint in hints) + self.spacing() * max(0, len(hints) - 1)
        return QSize(width, max((hint.height() for hint in hints), default=0))

    def setGeometry(self, arg__1: QRect) -> None:
        super().setGeometry(arg__1)
        self._place(arg__1, move=True)

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _place(self, area: QRect, *, move: bool) -> int:
        """Returns the height that is needed."""
        x, y, row = 0, 0, 0
        for item in self._shown():
            hint = item.sizeHint()
            hint.setWidth(min(hint.width(), max(area.width(), item.minimumSize().width())))
            if x and x + hint.width() > area.width():
                x, y, row = 0, y + row + self.spacing(), 0
            if move:
                item.setGeometry(QRect(area.topLeft() + QPoint(x, y), hint))
            x, row = x + hint.width() + self.spacing(), max(row, hint.height())
        return y + row


class DropDown(QComboBox):
    """A drop-down list that elides what does not fit; the open list is as wide as its entries.

    The wheel does not change it by accident.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.view().setAccessibleName(name)
        no_wheel(self)

    def showPopup(self) -> None:
        view = self.view()
        entries = view.sizeHintForColumn(0) + 2 * view.frameWidth()
        if self.count() > self.maxVisibleItems():
            entries += view.verticalScrollBar().sizeHint().width()
        view.setMinimumWidth(entries)
        super().showPopup()

    def paintEvent(self, e: QPaintEvent) -> None:  # noqa: ARG002
        option, field = QStyleOptionComboBox(), QStyle.SubControl.SC_ComboBoxEditField
        self.initStyleOption(option)
        room = self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self)
        elide = Qt.TextElideMode.ElideRight
        if self.currentIndex() < 0:
            option.currentText = self.placeholderText()
        option.currentText = self.fontMetrics().elidedText(option.currentText, elide, room.width() - TEXT_MARGIN)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class ElidedLabel(QLabel):
    """A label that elides a long text in the middle rather than making the window wider."""

    def minimumSizeHint(self) -> QSize:
        return QSize(MIN_NAME_WIDTH, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics, room = self.fontMetrics(), self.contentsRect()
        text = self.text().replace("&", "") if self.buddy() else self.text()
        if metrics.horizontalAdvance(text) <= room.width():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()


def no_wheel(field: Field) -> Field:
    """Keep the wheel from changing the field by accident; returns the field."""
    # Without the wheel focus: Qt would otherwise focus the field on scrolling and change it.
    field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    field.installEventFilter(WheelGuard(field))
    return field


def int_field(name: str, low: int, high: int, value: int, suffix: str = "") -> QSpinBox:
    """A field for a whole number."""
    field = _named(QSpinBox(), name)
    field.setRange(low, high)
    field.setSuffix(suffix)
    field.setValue(value)
    return field


def decimal_field(
    name: str, low: float, high: float, value: float, suffix: str = "", decimals: int = 0
) -> QDoubleSpinBox:
    """A field for a number with the given number of decimals."""
    field = _named(QDoubleSpinBox(), name)
    field.setDecimals(decimals)
    field.setRange(low, high)
    field.setSingleStep(10.0**-decimals)
    field.setSuffix(suffix)
    field.setValue(value)
    return field


def choice_field(name: str, entries: Sequence[tuple[str, Any]], value: Any = None) -> QComboBox:
    """A drop-down list of (title, data) entries; value selects the entry with that data."""
    box = DropDown(name)
    for title, meaning in entries:
        box.addItem(title, meaning)
    box.setCurrentIndex(max(0, box.findData(value)))
    return box


def plain_label(text: str = "") -> QLabel:
    """A label for names from files and users: never interpreted as rich text."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    return result


def breakable(text: str) -> str:
    """Text in which long words may break: QLabel breaks lines only at spaces, and names may have none."""
    return re.sub(rf"(\S{{{LONG_WORD}}})(?=\S)", "\\1\u200b", text)


def tooltip(text: str) -> str:
    """Text for a tooltip, escaped if Qt would take it for rich text."""
    return QtGui.Qt.convertFromPlainText(text) if QtGui.Qt.mightBeRichText(text) else text


def muted_label(text: str = "") -> QLabel:
    """A dimmed line of plain text under a field."""
    label = plain_label(text)
    label.setWordWrap(True)
    label.setProperty("role", "muted")
    return label


def show_role(label: QLabel, role: str) -> None:
    """Give a label the color of another role: "muted", "good", "error"."""
    if label.property("role") != role:
        label.setProperty("role", role)
        # The style sheet reads properties only here.
        label.style().unpolish(label)
        label.style().polish(label)


def field_label(text: str, field: QWidget) -> QLabel:
    """The label of a form row; its mnemonic focuses the field."""
    result = QLabel(text)
    result.setBuddy(field)
    return result


def row(*widgets: QWidget) -> QHBoxLayout:
    """Fields side by side; the first one stretches, unless it is a check box."""
    result = QHBoxLayout()
    result.setSpacing(8)
    first_stretches = not isinstance(widgets[0], QCheckBox)
    for k, widget in enumerate(widgets):
        result.addWidget(widget, 1 if k == 0 and first_stretches else 0)
    if not first_stretches:
        result.addStretch(1)
    return result


def form() -> QFormLayout:
    """A form layout with the spacing of all dialogs."""
    result = QFormLayout()
    result.setHorizontalSpacing(14)
    result.setVerticalSpacing(9)
    result.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return result


def _named(field: Spin, name: str) -> Spin:
    no_wheel(field).setAccessibleName(name)
    field.lineEdit().setTextMargins(INSET, 0, 0, 0)
    return field
