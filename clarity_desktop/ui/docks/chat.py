"""The chat about one photo: the conversation so far and a field for the next message, emitted by `sent`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QKeyEvent, QKeySequence, QResizeEvent, QTextCursor
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

from clarity_desktop import titles
from clarity_desktop.text import Message, english
from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import ElidedButton, muted_label, plain_label
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Task, Turn

MIN_HEIGHT_FOR_CHIPS = 260
"""Pixels of height below which the suggestions are hidden once there is a conversation."""
ALWAYS_SUGGESTED = ("chat.say_fix", "chat.say_find")
MAX_TASKS = 4
"""Tasks that are suggested at once."""
SHOWN_TURNS = 100
"""Turns that are shown at once: each is a widget, and a project may hold 100,000."""
SHOWN_CHARACTERS = 10_000
"""Of a turn; laying out a longer text takes too long."""

SHOWN_OF_PART = 400
"""Characters of a reply that are shown while it is written."""


class Composer(QPlainTextEdit):
    """Enter sends, Shift+Enter starts a new line, Up in an empty field recalls the last message."""

    sent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.history: list[str] = []
        self._back = 0
        self.setPlaceholderText(self.tr("What should be changed?"))
        self.setAccessibleName(self.tr("Message"))
        self.setAccessibleDescription(
            self.tr("Enter sends, Shift+Enter starts a new line, Up recalls the last message")
        )
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().contentsChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        # Grows with the text up to five lines, then scrolls.
        lines = min(5, max(1, self.document().size().toSize().height()))
        frame = 2 * self.frameWidth() + 2 * round(self.document().documentMargin())
        return QSize(160, lines * self.fontMetrics().lineSpacing() + frame + 6)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def send(self) -> None:
        """Send the message, unless it is empty."""
        if text := self.toPlainText().strip():
            self.history.append(text)
            self._back = 0
            self.clear()
            self.sent.emit(text)

    def event(self, e: QEvent) -> bool:
        """Leave undo and redo to the window while the message has nothing to undo or redo."""
        if e.type() == QEvent.Type.ShortcutOverride and isinstance(e, QKeyEvent):
            undo, redo = e.matches(QKeySequence.StandardKey.Undo), e.matches(QKeySequence.StandardKey.Redo)
            document = self.document()
            if (undo and not document.isUndoAvailable()) or (redo and not document.isRedoAvailable()):
                e.ignore()
                return False
        return super().event(e)

    def keyPressEvent(self, e: QKeyEvent) -> None:
        enter = e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not e.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.send()
        elif not self._walk(Qt.Key(e.key())):
            super().keyPressEvent(e)

    def _walk(self, key: Qt.Key) -> bool:
        """Up and Down walk through the earlier messages."""
        if key == Qt.Key.Key_Up:
            return self._recall(1)
        return key == Qt.Key.Key_Down and self._back > 0 and self._recall(-1)

    def _recall(self, step: int) -> bool:
        """Put an earlier message into the field, unless another one is being written."""
        written = self.toPlainText()
        if written and (not self._back or written != self.history[-self._back]):
            return False
        # 0 is the empty field, 1 the last message.
        self._back = max(0, min(len(self.history), self._back + step))
        self.setPlainText(self.history[-self._back] if self._back else "")
        self.moveCursor(QTextCursor.MoveOperation.End)
        return True


class Bubble(QLabel):
    """One turn: selectable text; the accessible name includes the speaker."""

    def __init__(self, role: str, text: str) -> None:
        super().__init__(text)
        self.setObjectName("bubble")
        self.setProperty("speaker", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        spoken = self.tr("You: {text}") if role == "user" else self.tr("Clarity: {text}")
        self.setAccessibleName(spoken.format(text=text))


class Transcript(QScrollArea):
    """The turns from the oldest to the newest."""

    def __init__(self) -> None:
        super().__init__()
        self.bubbles: list[Bubble] = []
        self.setAccessibleName(self.tr("Conversation"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(12, 10, 12, 10)
        self._column.setSpacing(8)
        self._column.addStretch(1)
        self.setWidget(inside)
        self.offer: QPushButton | None = None  # the button of an open question
        self._bar = self.verticalScrollBar()
        # The range changes after the layout of a new turn, which is when to scroll to its end.
        self._bar.rangeChanged.connect(self._follow)
        self._from_end = 0

    def add(self, role: str, text: str, at: int | None = None) -> Bubble:
        """Append a turn, or insert it before the one of the number `at`."""
        if at is None:
            self.remove_offer()
        at = len(self.bubbles) if at is None else at
        bubble = Bubble(role, text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")
        row = QHBoxLayout()
        # The margin on one side shows who speaks.
        row.addSpacing(28 if role == "user" else 0)
        row.addWidget(bubble, 1)
        row.addSpacing(0 if role == "user" else 28)
        self._column.insertLayout(1 + at, row)  # item 0 is the stretch above the turns
        self.bubbles.insert(at, bubble)
        return bubble

    def show_offer(self, label: str, accept: Callable[[], object]) -> None:
        """Put a button under the last turn, until another turn follows."""
        self.offer = button = ElidedButton(label)
        button.setProperty("role", "primary")
        button.setAccessibleName(label)
        button.clicked.connect(lambda _checked=False: (self.remove_offer(), accept()))
        self._column.addWidget(button)

    def remove_offer(self) -> None:
        """Remove the button of a question that is answered or outdated."""
        if self.offer is not None:
            self.offer.hide()
            self._column.removeWidget(self.offer)
            self.offer.deleteLater()
            self.offer = None

    def add_earlier(self, turns: Sequence[Turn]) -> None:
        """Insert turns above the first one; those that are on screen stay there."""
        self._from_end = self._bar.maximum() - self._bar.value()
        for at, turn in enumerate(turns):
            self.add(turn.role, render(turn.content), at)

    def clear(self) -> None:
        """Remove all turns."""
        self.remove_offer()
        self.bubbles.clear()
        # Item 0 is the stretch above the turns.
        while (item := self._column.takeAt(1)) is not None:
            if (row := item.layout()) is not None:
                while (part := row.takeAt(0)) is not None:
                    if (widget := part.widget()) is not None:
                        widget.hide()
                        widget.deleteLater()

    def _follow(self, _low: int, high: int) -> None:
        self._bar.setValue(high - self._from_end)
        self._from_end = 0


class ChatDock(QWidget):
    """Shows the turns of one photo; sent carries the user's new message."""

    sent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.invitation = QLabel()
        self.invitation.setWordWrap(True)
        self.invitation.setProperty("role", "muted")
        self.invitation.setContentsMargins(12, 10, 12, 4)
        self.earlier = QPushButton(self.tr("Show earlier messages"))
        self.earlier.setFlat(True)
        self.earlier.setAccessibleName(self.earlier.text())
        self.earlier.clicked.connect(self._show_earlier)
        self.earlier.hide()
        self._hidden_turns: list[Turn] = []
        self.composer = Composer()
        self.composer.sent.connect(self.sent)
        self.recipient = muted_label()
        self.recipient.setContentsMargins(14, 0, 12, 0)
        self.recipient.hide()
        self.waiting = plain_label("…")
        self.waiting.setWordWrap(True)
        self.waiting.setContentsMargins(14, 0, 0, 2)
        self.waiting.setAccessibleName(self.tr("Waiting for a reply"))
        self.waiting.hide()
        self.send = QToolButton()
        theme.set_icon(self.send, "send")
        self.send.setAccessibleName(self.tr("Send the message"))
        self.send.setToolTip(self.tr("Send (Enter)"))
        self.send.clicked.connect(self.composer.send)
        self.chips = self._chips()
        self._layout = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(6)
        for widget in (self.invitation, self.earlier, self.transcript, self.waiting, self.chips):
            column.addWidget(widget, 1 if widget is self.transcript else 0)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.composer, 1)
        row.addWidget(self.send, 0, Qt.AlignmentFlag.AlignBottom)
        column.addLayout(row)
        column.addWidget(self.recipient)
        self.setFocusProxy(self.composer)
        self.show_suggestions(())
        self.show_ready(False)

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """Show the conversation of another photo: the last turns, the earlier ones on request."""
        self.transcript.clear()
        self._hidden_turns, shown = list(turns[:-SHOWN_TURNS]), turns[-SHOWN_TURNS:]
        for turn in shown:
            self.transcript.add(turn.role, render(turn.content))
        self.composer.history = [render(t.content) for t in shown if t.role == "user"]
        self.invitation.setVisible(not turns)
        self.earlier.setVisible(bool(self._hidden_turns))
        self._show_chips()

    def _show_earlier(self) -> None:
        self.transcript.add_earlier(self._hidden_turns[-SHOWN_TURNS:])
        del self._hidden_turns[-SHOWN_TURNS:]
        self.earlier.setVisible(bool(self._hidden_turns))

    def add_turn(self, turn: Turn) -> None:
        """Append a turn; an answer is announced to screen readers."""
        bubble = self.transcript.add(turn.role, render(turn.content))
        self.invitation.hide()
        self._show_chips()
        if turn.role == "assistant":
            QAccessible.updateAccessibility(QAccessibleEvent(bubble, QAccessible.Event.Alert))

    def show_download(self, size: str) -> None:
        """Offer under the last turn to download the models that it asks about. size: as shown."""
        label = self.tr("Download and restore ({size})").format(size=size)
        # The planner understands English, whatever the language of the window.
        self.transcript.show_offer(label, partial(self.sent.emit, english(Message("chat.say_download"))))

    def show_waiting(self, on: bool) -> None:
        """Show whether an answer is being prepared."""
        if not on:
            self.waiting.setText("…")
        self.waiting.setVisible(on)

    def show_part(self, text: str) -> None:
        """Show the end of a reply that is being written."""
        self.waiting.setText(text if len(text) <= SHOWN_OF_PART else f"…{text[-SHOWN_OF_PART:]}")

    def show_recipient(self, text: str) -> None:
        """Say under the composer who gets the messages; empty: they stay in the program."""
        self.recipient.setText(text)
        self.recipient.setVisible(bool(text))

    def show_ready(self, ready: bool) -> None:
        """Enable the chat if there is a photo to talk about."""
        for widget in (self.composer, self.send, self.chips):
            widget.setEnabled(ready)
        self.invitation.setText(
            self.tr("Describe in your own words what to improve, or choose a suggestion.")
            if ready
            else self.tr("Open a photo to chat about it.")
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a low window the suggestions make room for the conversation."""
        super().resizeEvent(event)
        self._show_chips()

    def _show_chips(self) -> None:
        needed = MIN_HEIGHT_FOR_CHIPS
        if not self.invitation.isHidden():  # it says to choose one, and there is no conversation yet
            parts = self.transcript.minimumSizeHint(), self.chips.sizeHint(), self.composer.sizeHint()
            spaces = 4 * self._layout.spacing() + self._layout.contentsMargins().bottom()
            words = self.invitation.heightForWidth(self.width())
            needed = min(needed, words + sum(part.height() for part in parts) + spaces)
        self.chips.setVisible(self.height() > needed)

    def focus(self) -> None:
        """Focus the message field."""
        # After the key event: "/" would otherwise be typed into the field.
        QTimer.singleShot(0, self.composer.setFocus)

    def show_suggestions(self, tasks: Sequence[Task]) -> None:
        """Suggest these tasks, then what suits any photo."""
        wanted = [titles.task_title(task) for task in tasks[:MAX_TASKS]] + [Message(key) for key in ALWAYS_SUGGESTED]
        if wanted == self._suggested:
            return
        self._suggested = wanted
        while (item := self._grid.takeAt(0)) is not None:
            if (chip := item.widget()) is not None:
                chip.hide()
                chip.deleteLater()
        for k, message in enumerate(wanted):
            title = render(message)
            chip = ElidedButton(title)
            chip.setProperty("chip", True)
            chip.setAccessibleName(self.tr("Send: {message}").format(message=title))
            # The planner understands English, whatever the language of the window.
            chip.clicked.connect(partial(self._send_suggestion, english(message)))
            self._grid.addWidget(chip, k // 2, k % 2)

    def _send_suggestion(self, message: str, _checked: bool = False) -> None:
        self.sent.emit(message)

    def _chips(self) -> QWidget:
        box = QWidget()
        self._grid = QGridLayout(box)
        self._grid.setContentsMargins(12, 0, 12, 0)
        self._grid.setSpacing(4)
        self._suggested: list[Message] = []
        return box
