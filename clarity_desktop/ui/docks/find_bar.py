"""The bar that finds text in the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import muted_label


@dataclass(frozen=True, slots=True)
class Match:
    """Where text was found: the number of the turn, and the characters of it."""

    turn: int
    start: int
    end: int


def find(texts: Sequence[str], words: str) -> list[Match]:
    """All places of some words in the turns, whatever their capital letters."""
    wanted = words.casefold()
    found: list[Match] = []
    for number, text in enumerate(texts):
        # Positions are those of the lower text where each letter keeps its length, which all but a few do.
        lower = folded if len(folded := text.casefold()) == len(text) else text.lower()
        at = lower.find(wanted) if wanted else -1
        while at >= 0:
            found.append(Match(number, at, at + len(wanted)))
            at = lower.find(wanted, at + len(wanted))
    return found


class FindBar(QWidget):
    """Enter goes to the next match, Shift+Enter to the previous one, Esc closes the bar."""

    changed = Signal(str)
    moved = Signal(int)  # 1: to the next match, -1: to the previous one
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find in the conversation"))
        self.field.setAccessibleName(self.tr("Find in the conversation"))
        self.field.textChanged.connect(self.changed)
        self.count = muted_label()
        self.count.setWordWrap(False)
        self.previous = self._button("chevron-up", self.tr("Previous match (Shift+Enter)"), -1)
        self.next = self._button("chevron-down", self.tr("Next match (Enter)"), 1)
        self.close_button = QToolButton()
        theme.set_icon(self.close_button, "close")
        self.close_button.setIconSize(QSize(12, 12))
        self.close_button.setAccessibleName(self.tr("Close the search"))
        self.close_button.setToolTip(self.tr("Close (Esc)"))
        self.close_button.clicked.connect(self.closed)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 0)
        row.setSpacing(2)
        row.addWidget(self.field, 1)
        for widget in (self.count, self.previous, self.next, self.close_button):
            row.addWidget(widget)
        self.show_matches(None, 0)
        self.hide()

    def open(self) -> None:
        """Show the bar and let the user type."""
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def show_matches(self, current: int | None, count: int) -> None:
        """Show which match this is, from 0, of how many."""
        if not self.field.text():
            self.count.setText("")
        elif current is None:
            self.count.setText(self.tr("No match"))
        else:
            self.count.setText(self.tr("{number} of {count}").format(number=current + 1, count=count))
        for button in (self.previous, self.next):
            button.setEnabled(count > 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.moved.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    def _button(self, icon: str, tip: str, step: int) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, icon)
        button.setIconSize(QSize(14, 14))
        button.setAccessibleName(tip)
        button.setToolTip(tip)
        button.clicked.connect(lambda _checked=False: self.moved.emit(step))
        return button
