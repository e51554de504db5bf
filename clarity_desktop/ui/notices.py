"""What the window has to say, in bars above the photo: never a dialog in the way, each can be dismissed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent, QImage, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme

Kind = Literal["info", "error", "offer"]
Drawn = Kind | Literal["fine"]
Choice = tuple[str, Callable[[], object]]
SENTENCE = 320
"""Pixels that a sentence and its icon need beside the buttons."""
MOST = 3
"""More bars than this would push the photo away: the oldest goes."""


class Sign(QWidget):
    """The icon of a kind of notice, drawn in the colours of the moment."""

    def __init__(self, kind: Drawn) -> None:
        super().__init__()
        self._kind = kind
        self.setFixedSize(18, 18)
        self.setAccessibleName({"error": "Error", "fine": "Fine"}.get(kind, "Notice"))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        colors, painter = theme.colors(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        signs = {"error": ("warning", colors.error), "fine": ("check", colors.ring)}
        name, colour = signs.get(self._kind, ("info", colors.muted))
        theme.paint_icon(painter, name, QRectF(self.rect()), colour)
        painter.end()


class Bar(QFrame):
    """A sentence, buttons for what can be done now, and one that takes the bar away."""

    def __init__(self, text: str, kind: Kind, choices: tuple[Choice, ...] = (), image: QImage | None = None) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.setProperty("kind", kind)
        self.text = text
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self.close_later)
        self.setAccessibleName(text)
        self.buttons = [self._button(label, act) for label, act in choices]
        if self.buttons and kind == "offer":
            self.buttons[0].setProperty("role", "primary")
        dismiss = self._dismiss()
        self.first = self.buttons[0] if self.buttons else dismiss
        self._lay_out(self._picture(kind, image), self._sentence(text), dismiss)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The buttons go under the sentence where they would leave it too little room."""
        super().resizeEvent(event)
        below = event.size().width() < SENTENCE + self._row.sizeHint().width()
        if self.buttons and below != self._below:
            self._below = below
            self._grid.removeItem(self._row)
            self._place_buttons()

    def _lay_out(self, picture: QWidget, sentence: QWidget, dismiss: QWidget) -> None:
        self._row = QHBoxLayout()
        self._row.setSpacing(10)
        for button in self.buttons:
            self._row.addWidget(button)
        self._row.addStretch(1)
        self._below = False
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 6, 6, 6)
        self._grid.setSpacing(10)
        self._grid.setColumnStretch(1, 1)
        for column, widget in ((0, picture), (1, sentence), (3, dismiss)):
            self._grid.addWidget(widget, 0, column)
        self._place_buttons()

    def _place_buttons(self) -> None:
        self._grid.addLayout(self._row, 1 if self._below else 0, 1 if self._below else 2)

    def stay(self, seconds: float) -> None:
        """Go away by itself after so long; 0: never."""
        if seconds:
            self._clock.start(round(1000 * seconds))

    def close_later(self) -> None:
        self._clock.stop()
        self.hide()
        self.deleteLater()

    def _picture(self, kind: Kind, image: QImage | None) -> QWidget:
        if image is None:
            return Sign(kind)
        label, at = QLabel(), self.devicePixelRatioF()
        scaled = image.scaledToHeight(round(36 * at), Qt.TransformationMode.SmoothTransformation)
        scaled.setDevicePixelRatio(at)
        label.setPixmap(QPixmap.fromImage(scaled))
        label.setAccessibleName("Thumbnail")
        return label

    def _sentence(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        label.setAccessibleName(text)
        return label

    def _button(self, label: str, act: Callable[[], object]) -> QPushButton:
        button = QPushButton(label)
        button.setAccessibleName(label)
        button.clicked.connect(lambda _checked=False: (self.close_later(), act()))
        return button

    def _dismiss(self) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, "close")
        button.setAutoRaise(True)
        button.setAccessibleName("Dismiss")
        button.setToolTip("Dismiss")
        button.clicked.connect(self.close_later)
        return button


class Notices(QWidget):
    """The bars that are shown now, the newest at the bottom."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Notices")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # panels keep their room
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)

    def bars(self) -> list[Bar]:
        return [bar for bar in self.findChildren(Bar) if not bar.isHidden()]

    def say(
        self,
        text: str,
        kind: Kind = "info",
        choices: tuple[Choice, ...] = (),
        image: QImage | None = None,
        seconds: float = 0,
    ) -> Bar:
        """Show a sentence; the same one is not shown twice. seconds: it goes by itself after so long (0: it stays)."""
        for bar in self.bars():
            if bar.text == text:
                bar.close_later()
        for bar in self.bars()[: 1 - MOST]:
            bar.close_later()
        bar = Bar(text, kind, choices, image)
        self._column.addWidget(bar)
        bar.show()  # a layout shows it only later
        bar.stay(seconds)
        QAccessible.updateAccessibility(QAccessibleEvent(bar, QAccessible.Event.Alert))
        return bar
