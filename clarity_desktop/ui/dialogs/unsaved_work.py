"""The question before quitting: which documents with unsaved work to save, or to discard all of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.ui.pixels import LIST_ICON, list_icon, to_image

STATE = Qt.ItemDataRole.UserRole


class UnsavedDialog(QDialog):
    """Lists the documents with a check box each; `confirmed` carries those to save, the others are discarded."""

    confirmed = Signal(object)  # tuple[DocumentState, ...]: to save; empty: discard all

    def __init__(self, parent: QWidget, targets: Mapping[DocumentState, Path]) -> None:
        """targets: the documents, and the file that each would be saved to."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Unsaved work"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(520, 360)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Documents with unsaved work"))
        self.list.setIconSize(LIST_ICON)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for state, target in targets.items():
            self._add(state, target)
        self.list.setCurrentRow(0)
        self.list.itemChanged.connect(self._name_save)
        title = QLabel(self.tr("Save your work before quitting?"))
        title.setProperty("role", "title")
        self.save, self.discard, self.cancel = (
            QPushButton(),
            QPushButton(self.tr("&Discard all")),
            QPushButton(self.tr("Cancel")),
        )
        self.save.setProperty("role", "primary")
        self.save.setDefault(True)
        self.save.clicked.connect(lambda: self._confirm(self.checked()))
        self.discard.clicked.connect(lambda: self._confirm(()))
        self.cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.discard)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(title)
        column.addWidget(self.list, 1)
        column.addWidget(
            muted_label(self.tr("What you discard can be reopened for a while with File > Reopen a closed document."))
        )
        column.addLayout(buttons)
        self._name_save()

    def checked(self) -> tuple[DocumentState, ...]:
        """The documents whose box is checked."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return tuple(item.data(STATE) for item in items if item.checkState() == Qt.CheckState.Checked)

    def _add(self, state: DocumentState, target: Path) -> None:
        saved_as = self.tr("Project: {path}").format(path=target)
        item = QListWidgetItem(f"{state.title}\n{saved_as}")
        item.setToolTip(str(target))
        if (version := state.head_version) is not None:
            item.setIcon(list_icon(to_image(np.asarray(version.thumbnail))))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Checked)
        item.setData(STATE, state)
        self.list.addItem(item)

    def _name_save(self) -> None:
        """The button says whether all are saved."""
        count = len(self.checked())
        several = count == self.list.count() and count > 1
        self.save.setText(self.tr("&Save all") if several else self.tr("&Save"))
        self.save.setEnabled(count > 0)

    def _confirm(self, chosen: tuple[DocumentState, ...]) -> None:
        self.confirmed.emit(chosen)
        self.accept()
