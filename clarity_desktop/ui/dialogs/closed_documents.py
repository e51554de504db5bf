"""Documents that were closed without being saved: choose one to open again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.ui.labels import SEPARATOR, clock
from clarity_desktop.ui.pixels import LIST_ICON, list_icon, to_image
from clarity_desktop.values import Recovery

RECOVERY = Qt.ItemDataRole.UserRole


class ClosedDialog(QDialog):
    """Lists documents that were closed without saving; opened carries the chosen Recovery."""

    opened = Signal(object)

    def __init__(self, parent: QWidget, closed: Sequence[Recovery]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Reopen a document closed without saving"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(460, 380)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Closed documents"))
        self.list.setIconSize(LIST_ICON)
        for found in closed:
            self._add(found)
        self.list.setCurrentRow(0)
        self.list.itemDoubleClicked.connect(self._open)
        self.open_button, self.cancel = QPushButton(self.tr("Open")), QPushButton(self.tr("Cancel"))
        self.open_button.setProperty("role", "primary")
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(self._open)
        self.cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(muted_label(self.tr("These documents were closed without saving.")))
        column.addWidget(self.list, 1)
        column.addLayout(buttons)

    def _add(self, found: Recovery) -> None:
        versions = self.tr("%n version(s)", "", found.versions)
        text = f"{found.title}\n{clock(found.time)}{SEPARATOR}{versions}"
        item = QListWidgetItem(list_icon(to_image(found.thumbnail)), text)
        # The value travels with the item, so the order of the list does not matter.
        item.setData(RECOVERY, found)
        self.list.addItem(item)

    def _open(self) -> None:
        for item in self.list.selectedItems():
            self.opened.emit(item.data(RECOVERY))
        self.accept()
