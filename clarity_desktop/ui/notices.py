"""Notices: bars over the photo with a sentence and buttons. They never block the window and can be dismissed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
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
SENTENCE_WIDTH = 320
"""Pixels that a sentence and its icon need beside the buttons."""
MAX_BARS = 3
"""More bars than this would cover the photo."""


class Sign(QWidget):
    """The icon of a kind of notice in the colors of the theme."""

    def __init__(self, kind: Drawn) -> None:
        super().__init__()
        self._kind = kind
        self.setFixedSize(18, 18)
        names = {"error": self.tr("Error"), "fine": self.tr("OK")}
        self.setAccessibleName(names.get(kind, self.tr("Notice")))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        colors, painter = theme.colors(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        signs = {"error": ("warning", colors.error), "fine": ("check", colors.ring)}
        name, color = signs.get(self._kind, ("info", colors.muted))
        theme.paint_icon(painter, name, QRectF(self.rect()), color)
        painter.end()


class Bar(QFrame):
    """One notice: a sentence, a button for each choice, and one that dismisses it. document: the one it is about."""

    closed = Signal()
    is_closed = False
    _seconds = 0.0  # events come before __init__ has ended

    def __init__(
        self,
        text: str,
        kind: Kind,
        choices: tuple[Choice, ...] = (),
        document: object = None,
        image: QImage | None = None,
        topic: str = "",
    ) -> None:
        super().__init__()
        self.setObjectName("notice")
        self.setProperty("kind", kind)
        self.text = text
        self.document = document
        self.topic = topic
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self.close_later)
        self.setAccessibleName(text)
        self.buttons = [self._button(label, act) for label, act in choices]
        if self.buttons and kind == "offer":
            self.buttons[0].setProperty("role", "primary")
        dismiss = self._dismiss()
        self.first = self.buttons[0] if self.buttons else dismiss
        for button in (*self.buttons, dismiss):
            button.installEventFilter(self)
        self._lay_out(self._picture(kind, image), self._sentence(text), dismiss)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Move the buttons below the sentence where they would leave it too little room."""
        super().resizeEvent(event)
        # The buttons move below the text in a narrow window.
        below = event.size().width() < SENTENCE_WIDTH + self._row.sizeHint().width()
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

    @property
    def closes_itself(self) -> bool:
        """Whether it goes after some time."""
        return self._seconds > 0

    def close_after(self, seconds: float) -> None:
        """Close by itself after this time; 0: never. It waits while the pointer or the focus is on it."""
        self._seconds = seconds
        if seconds:
            self._clock.start(round(1000 * seconds))

    def event(self, e: QEvent) -> bool:
        if self.closes_itself and not self.is_closed:
            if e.type() == QEvent.Type.Enter:
                self._clock.stop()
            elif e.type() == QEvent.Type.Leave:
                self._clock.start(round(1000 * self._seconds))
        return super().event(e)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Who reads with the keyboard has one of the buttons focused."""
        if self.closes_itself and not self.is_closed:
            if event.type() == QEvent.Type.FocusIn:
                self._clock.stop()
            elif event.type() == QEvent.Type.FocusOut:
                self._clock.start(round(1000 * self._seconds))
        return super().eventFilter(watched, event)

    def close_later(self) -> None:
        """Hide now; the widget is deleted by the event loop."""
        if not self.is_closed:
            self.is_closed = True
            self._clock.stop()
            self.hide()
            self.closed.emit()
            self.deleteLater()

    def _picture(self, kind: Kind, image: QImage | None) -> QWidget:
        if image is None:
            return Sign(kind)
        label, at = QLabel(), self.devicePixelRatioF()
        scaled = image.scaledToHeight(round(36 * at), Qt.TransformationMode.SmoothTransformation)
        scaled.setDevicePixelRatio(at)
        label.setPixmap(QPixmap.fromImage(scaled))
        label.setAccessibleName(self.tr("Thumbnail"))
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
        button.setAccessibleName(self.tr("Dismiss"))
        button.setToolTip(self.tr("Dismiss"))
        button.clicked.connect(self.close_later)
        return button


class Notices(QWidget):
    """Notices over the upper edge of the photo, the newest at the bottom. The photo keeps its size under them.

    A notice about one document is shown only while that document is; `show_document` says which one it is.
    """

    def __init__(self, area: QWidget) -> None:
        """area: the widget to lie over."""
        super().__init__(area)
        self.setAccessibleName(self.tr("Notices"))
        self._area = area
        self._document: object = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        area.installEventFilter(self)
        self.hide()

    def bars(self) -> list[Bar]:
        """The notices that are shown now."""
        return [bar for bar in self._bars() if not bar.isHidden()]

    def add(
        self,
        text: str,
        kind: Kind = "info",
        choices: tuple[Choice, ...] = (),
        document: object = None,
        image: QImage | None = None,
        seconds: float = 0,
        topic: str = "",
    ) -> Bar:
        """Show a notice; an equal one is replaced, and the oldest goes when there are too many.

        document: what it is about; None: always shown. seconds: it closes itself after this time (0: never). topic: it
        also replaces the notices of the same topic about the same document; "" is none.
        """
        same_place = [bar for bar in self._bars() if bar.document in (None, document) or document is None]
        # An equal notice is replaced instead of shown twice.
        equal = [
            bar for bar in same_place
            if bar.document is document and (bar.text == text or (topic and bar.topic == topic))
        ]  # fmt: skip
        others = [bar for bar in same_place if bar not in equal]
        # The oldest goes, but an error or a question only if there is nothing else: they stay until they are read.
        others.sort(key=lambda bar: bar.closes_itself, reverse=True)
        for bar in (*equal, *others[: max(0, len(others) + 1 - MAX_BARS)]):
            bar.close_later()
        bar = Bar(text, kind, choices, document, image, topic)
        bar.closed.connect(self._place)
        self._column.addWidget(bar)
        bar.setVisible(
            document is None or document is self._document
        )  # the layout would show it only in the next event
        bar.close_after(seconds)
        self._place()
        QAccessible.updateAccessibility(QAccessibleEvent(bar, QAccessible.Event.Alert))
        return bar

    def show_document(self, document: object) -> None:
        """Show the notices about a document, and hide those about others."""
        self._document = document
        for bar in self._bars():
            bar.setVisible(bar.document is None or bar.document is document)
        self._place()

    def remove_topic(self, topic: str, document: object) -> None:
        """Remove the notices of a topic about a document: they are out of date."""
        for bar in self._bars():
            if bar.document is document and bar.topic == topic:
                bar.close_later()

    def remove_document(self, document: object) -> None:
        """Remove the notices about a document that was closed."""
        for bar in self._bars():
            if bar.document is document:
                bar.close_later()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._area and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _bars(self) -> list[Bar]:
        return [bar for bar in self.findChildren(Bar) if not bar.is_closed]

    def _place(self) -> None:
        """Take the width of the area and the height of the notices."""
        self.setVisible(bool(self.bars()))
        width = self._area.width()
        self.resize(width, self.height())  # the buttons move below the sentence in a narrow bar
        height = self._column.heightForWidth(width) if self._column.hasHeightForWidth() else self.sizeHint().height()
        self.setGeometry(0, 0, width, height)
        # Siblings added later, such as a new canvas, would otherwise cover the notices.
        self.raise_()
