"""The chat about one photo: the conversation so far and a field for the next message, emitted by `sent`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from clarity_desktop.text import Message
from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.composer import Composer
from clarity_desktop.ui.docks.earlier_photos import EarlierPhotos
from clarity_desktop.ui.docks.find_bar import FindBar
from clarity_desktop.ui.docks.suggestions import Suggestions
from clarity_desktop.ui.docks.transcript import Transcript
from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.values import Turn

MIN_HEIGHT_FOR_CHIPS = 260
"""Pixels of height below which the suggestions are hidden once there is a conversation."""


class ChatDock(QWidget):
    """Shows the turns of one photo. composed carries what the user wrote, sent a message that was chosen."""

    composed = Signal(str)
    sent = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.invitation = QLabel()
        self.invitation.setWordWrap(True)
        self.invitation.setProperty("role", "muted")
        self.invitation.setContentsMargins(12, 10, 12, 4)
        self.composer = Composer()
        self.composer.sent.connect(self.composed)
        self.transcript.left.connect(self.composer.setFocus)
        self.recipient = muted_label()
        self.recipient.setContentsMargins(14, 0, 12, 0)
        self.recipient.hide()
        self.send = QToolButton()
        theme.set_icon(self.send, "send")
        self.send.setAccessibleName(self.tr("Send the message"))
        self.send.setToolTip(self.tr("Send (Enter)"))
        self.send.clicked.connect(self.composer.send)
        self.chips = Suggestions()
        self.chips.chosen.connect(self._send_suggestion)
        self._layout = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(6)
        self.earlier = EarlierPhotos()
        self.find_bar = FindBar()
        self.more = QToolButton()
        theme.set_icon(self.more, "more")
        self.more.setIconSize(QSize(20, 20))
        self.more.setAccessibleName(self.tr("More for the message and the conversation"))
        self.more.setToolTip(self.tr("Refer to a region, add a photo, find, copy, macros"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.more.setMenu(self.menu)
        for widget in (self.find_bar, self.earlier, self.invitation, self.transcript, self.chips):
            column.addWidget(widget, 1 if widget is self.transcript else 0)
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.composer, 1)
        row.setSpacing(4)
        for button in (self.more, self.send):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        column.addLayout(row)
        column.addWidget(self.recipient)
        self.setFocusProxy(self.composer)
        self.setAcceptDrops(True)
        self.show_suggestions(())
        self.show_ready(False)
        self._invite(True)

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """Show the conversation of another photo."""
        self.transcript.show_turns(turns)
        self._invite(not turns)

    def add_turn(self, turn: Turn) -> None:
        """Append a turn."""
        self.transcript.add_turn(turn)
        self._invite(False)

    def _invite(self, shown: bool) -> None:
        """Show the invitation in place of a conversation, which is empty then and gives all of its room."""
        self.invitation.setVisible(shown)
        policy = QSizePolicy.Policy.Ignored if shown else QSizePolicy.Policy.Expanding
        self.transcript.setSizePolicy(QSizePolicy.Policy.Expanding, policy)
        self._show_chips()

    def show_recipient(self, text: str) -> None:
        """Say under the composer who gets the messages; empty: they stay in the program."""
        self.recipient.setText(text)
        self.recipient.setVisible(bool(text))

    def show_ready(self, ready: bool) -> None:
        """Enable the chat if there is a photo to talk about."""
        for widget in (self.composer, self.more, self.send, self.chips):
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

    def event(self, event: QEvent) -> bool:
        """Ctrl+F finds text here, although it selects by words elsewhere in the window."""
        if isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Find):
            if event.type() == QEvent.Type.KeyPress:
                self.find_bar.open()
            event.accept()
            return True
        if event.type() == QEvent.Type.LayoutRequest:  # something above the conversation was shown or hidden
            self._show_chips()
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """What is dropped beside the message field goes into it."""
        if self.composer.isEnabled() and self.composer.accepts(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.composer.insertFromMimeData(event.mimeData())
        event.acceptProposedAction()

    def _show_chips(self) -> None:
        above = [widget for widget in (self.find_bar, self.earlier) if not widget.isHidden()]
        taken = sum(widget.sizeHint().height() + self._layout.spacing() for widget in above)
        needed = MIN_HEIGHT_FOR_CHIPS
        if not self.invitation.isHidden():  # it says to choose one, and there is no conversation yet
            parts = self.transcript.minimumSizeHint(), self.chips.sizeHint(), self.composer.sizeHint()
            spaces = 4 * self._layout.spacing() + self._layout.contentsMargins().bottom()
            words = self.invitation.heightForWidth(self._layout.contentsRect().width())
            needed = words + sum(part.height() for part in parts) + spaces
        self.chips.setVisible(self.height() > needed + taken)

    def focus(self) -> None:
        """Focus the message field."""
        # After the key event: "/" would otherwise be typed into the field.
        QTimer.singleShot(0, self.composer.setFocus)

    def show_suggestions(self, messages: Sequence[Message]) -> None:
        """Suggest these messages."""
        self.chips.show_messages(messages)

    def _send_suggestion(self, message: str) -> None:
        self.composer.setFocus(Qt.FocusReason.OtherFocusReason)  # the button may be gone after the answer
        self.sent.emit(message)
