"""The conversation about one photo: what was said, and a place to say more. Says what was said."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QResizeEvent, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.text import english
from clarity_desktop.ui import theme
from clarity_desktop.ui.labels import CHIPS
from clarity_desktop.values import Turn

LOW = 260
"""Pixels of height below which the suggestions are not shown."""
INVITATION = "Say in your own words what is wrong with the photo, or choose a suggestion."


class Composer(QPlainTextEdit):
    """Enter sends, Shift+Enter starts a line, Up in an empty field brings back what was said last."""

    sent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._back = 0
        self.setPlaceholderText("What should be done?")
        self.setAccessibleName("Message")
        self.setAccessibleDescription("Enter sends, Shift and Enter start a new line, Up brings back the last message")
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().contentsChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        lines = min(5, max(1, self.document().size().toSize().height()))
        frame = 2 * self.frameWidth() + 2 * round(self.document().documentMargin())
        return QSize(160, lines * self.fontMetrics().lineSpacing() + frame + 6)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def send(self) -> None:
        if text := self.toPlainText().strip():
            self.said.append(text)
            self._back = 0
            self.clear()
            self.sent.emit(text)

    def keyPressEvent(self, e: QKeyEvent) -> None:
        enter = e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not e.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.send()
        elif not self._walk(Qt.Key(e.key())):
            super().keyPressEvent(e)

    def _walk(self, key: Qt.Key) -> bool:
        """Up and Down through what was said before."""
        if key == Qt.Key.Key_Up:
            return self._recall(1)
        return key == Qt.Key.Key_Down and self._back > 0 and self._recall(-1)

    def _recall(self, step: int) -> bool:
        """Put an earlier message into the field, unless another one is being written."""
        written = self.toPlainText()
        if written and (not self._back or written != self.said[-self._back]):
            return False
        self._back = max(0, min(len(self.said), self._back + step))
        self.setPlainText(self.said[-self._back] if self._back else "")
        self.moveCursor(QTextCursor.MoveOperation.End)
        return True


class Bubble(QLabel):
    """One turn: its text can be selected; a screen reader hears who said it."""

    def __init__(self, role: str, text: str) -> None:
        super().__init__(text)
        self.setObjectName("bubble")
        self.setProperty("speaker", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(f"{'You' if role == 'user' else 'Clarity'}: {text}")


class Transcript(QScrollArea):
    """The turns from the oldest to the newest."""

    def __init__(self) -> None:
        super().__init__()
        self.bubbles: list[Bubble] = []
        self.setAccessibleName("Conversation")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(12, 10, 12, 10)
        self._column.setSpacing(8)
        self._column.addStretch(1)
        self.setWidget(inside)
        self._bar = self.verticalScrollBar()
        self._bar.rangeChanged.connect(self._follow)

    def add(self, role: str, text: str) -> Bubble:
        bubble = Bubble(role, text)
        row = QHBoxLayout()
        # Only the widest bubble that fits, so that the other side's margin shows who speaks.
        row.addSpacing(28 if role == "user" else 0)
        row.addWidget(bubble, 1)
        row.addSpacing(0 if role == "user" else 28)
        self._column.addLayout(row)
        self.bubbles.append(bubble)
        return bubble

    def clear(self) -> None:
        self.bubbles.clear()
        while (item := self._column.takeAt(1)) is not None:
            if (row := item.layout()) is not None:
                while (part := row.takeAt(0)) is not None:
                    if (widget := part.widget()) is not None:
                        widget.hide()
                        widget.deleteLater()

    def _follow(self, _low: int, high: int) -> None:
        self._bar.setValue(high)


class ChatDock(QWidget):
    """Values in by show_turns and show_talking; said is the user's message."""

    said = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.invitation = QLabel(INVITATION)
        self.invitation.setWordWrap(True)
        self.invitation.setProperty("role", "muted")
        self.invitation.setContentsMargins(12, 10, 12, 4)
        self.composer = Composer()
        self.composer.sent.connect(self.said)
        self.waiting = QLabel("…")
        self.waiting.setContentsMargins(14, 0, 0, 2)
        self.waiting.setAccessibleName("An answer is on its way")
        self.waiting.hide()
        self.send = QToolButton()
        theme.set_icon(self.send, "send")
        self.send.setAccessibleName("Send the message")
        self.send.setToolTip("Send (Enter)")
        self.send.clicked.connect(self.composer.send)
        self.chips = self._chips()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(6)
        for widget in (self.invitation, self.transcript, self.waiting, self.chips):
            column.addWidget(widget, 1 if widget is self.transcript else 0)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.composer, 1)
        row.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        column.addLayout(row)
        self.setFocusProxy(self.composer)
        self.show_ready(False)

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """The whole conversation of the photo that is shown."""
        self.transcript.clear()
        for turn in turns:
            self.transcript.add(turn.role, english(turn.content))
        self.composer.said = [english(t.content) for t in turns if t.role == "user"]
        self.invitation.setVisible(not turns)

    def add_turn(self, turn: Turn) -> None:
        bubble = self.transcript.add(turn.role, english(turn.content))
        self.invitation.hide()
        if turn.role == "assistant":
            QAccessible.updateAccessibility(QAccessibleEvent(bubble, QAccessible.Event.Alert))

    def show_talking(self, on: bool) -> None:
        """Whether an answer is on its way."""
        self.waiting.setVisible(on)

    def show_ready(self, ready: bool) -> None:
        """Whether there is a photo to talk about."""
        for widget in (self.composer, self.send, self.chips):
            widget.setEnabled(ready)
        self.invitation.setText(INVITATION if ready else "Open a photo to talk about it.")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the conversation needs the room of the suggestions."""
        super().resizeEvent(event)
        self.chips.setVisible(event.size().height() > LOW)

    def focus(self) -> None:
        QTimer.singleShot(0, self.composer.setFocus)

    def _chips(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(12, 0, 12, 0)
        grid.setSpacing(4)
        for k, text in enumerate(CHIPS.values()):
            chip = QPushButton(text)
            chip.setProperty("chip", True)
            chip.setAccessibleName(f"Say: {text}")
            chip.clicked.connect(lambda _checked=False, text=text: self.said.emit(text))
            grid.addWidget(chip, k // 2, k % 2)
        return box
