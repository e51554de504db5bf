"""Chooses the part of a conversation that becomes a macro."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.form_fields import muted_label

SIZE = 460, 420
MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message of the user with its answers: the turns first..stop-1. text: in one line. changes: it made versions."""

    first: int
    stop: int
    text: str
    changes: bool


class SaveMacroDialog(QDialog):
    """Lists the messages of a conversation; those from the first to the last selected one become the macro."""

    chosen = Signal(int, int, str)  # first and stop, as in Exchange, and the name

    def __init__(self, parent: QWidget, exchanges: Sequence[Exchange], name: str, begin: int = 0) -> None:
        """begin: the turn from which on the messages are selected at first."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Save as macro"))
        self.resize(*SIZE)
        self._exchanges = tuple(exchanges)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Messages"))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.addItems([exchange.text for exchange in exchanges])
        rows = [row for row, exchange in enumerate(exchanges) if exchange.stop > begin]
        for row in rows:
            self.list.item(row).setSelected(True)
        self.name = QLineEdit(name)
        self.name.setMaxLength(MAX_NAME)
        label = QLabel(self.tr("&Name"))
        label.setBuddy(self.name)
        self.save, self.cancel = QPushButton(self.tr("Save…")), QPushButton(self.tr("Cancel"))
        self.save.setProperty("role", "primary")
        self.save.setDefault(True)
        self.save.clicked.connect(self._save)
        self.cancel.clicked.connect(self.reject)
        self.list.itemSelectionChanged.connect(self._enable)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.save)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(
            muted_label(self.tr("Select the messages from the first to the last one whose changes the macro repeats."))
        )
        column.addWidget(self.list, 1)
        column.addWidget(label)
        column.addWidget(self.name)
        column.addLayout(buttons)
        self._enable()

    def _rows(self) -> list[int]:
        return sorted(index.row() for index in self.list.selectedIndexes())

    def _enable(self) -> None:
        self.save.setEnabled(any(self._exchanges[row].changes for row in self._rows()))

    def _save(self) -> None:
        rows = self._rows()
        self.chosen.emit(self._exchanges[rows[0]].first, self._exchanges[rows[-1]].stop, self.name.text().strip())
        self.accept()
