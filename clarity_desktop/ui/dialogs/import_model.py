"""A weights file of the user's: what was recognized in it, and what the user must say before it is imported."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import DropDown, muted_label
from clarity_desktop.ui.labels import file_size, task_title
from clarity_desktop.values import OwnChoice, RecognizedModel


class ImportModelDialog(QDialog):
    """Emits import_asked with an OwnChoice once a title, a task and a license are given."""

    import_asked = Signal(object)

    def __init__(self, parent: QWidget, path: Path, model: RecognizedModel) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Import a model"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        self.facts = QLabel(self._facts(path, model))
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setWordWrap(True)
        self.name, self.task, self.licence = QLineEdit(model.title), DropDown(self.tr("Task")), QLineEdit(model.licence)
        self.name.setMaxLength(60)
        self.name.setAccessibleName(self.tr("Name"))
        self.licence.setMaxLength(200)
        self.licence.setAccessibleName(self.tr("License"))
        self.licence.setPlaceholderText(self.tr("For example MIT, or CC BY-NC 4.0"))
        if model.task is None:
            self.task.addItem(self.tr("Choose what it restores"), None)
        for task in model.tasks:
            self.task.addItem(task_title(task), task)
        self.task.setCurrentIndex(max(0, self.task.findData(model.task)))
        said = self.tr("The file states this license. Check that it allows what you want to do.")
        silent = self.tr(
            "The file states no license. Find out where it comes from and whether you may use it, then enter its "
            "license."
        )
        self.note = muted_label(said if model.licence else silent)
        self.accept_button, self.cancel = QPushButton(self.tr("Import")), QPushButton(self.tr("Cancel"))
        self.accept_button.setProperty("role", "primary")
        self.accept_button.setDefault(True)
        self._lay_out()
        self.accept_button.clicked.connect(self._accept)
        self.cancel.clicked.connect(self.reject)
        self.name.textChanged.connect(self._enable)
        self.licence.textChanged.connect(self._enable)
        self.task.currentIndexChanged.connect(self._enable)
        self._enable()
        first = self.task if model.task is None else self.licence
        first.setFocus()

    def _facts(self, path: Path, model: RecognizedModel) -> str:
        fields = {"file": path.name, "architecture": model.architecture, "size": file_size(model.size)}
        if model.scale > 1:
            text = self.tr("{file} is a network of the kind {architecture} ({size}) that enlarges photos {scale}×.")
            return text.format(**fields, scale=model.scale)
        if model.needs_mask and "inpaint" in model.tasks:
            text = self.tr("{file} is a network of the kind {architecture} ({size}) that fills missing parts.")
            return text.format(**fields)
        if model.needs_mask and model.tasks == ("retouch",):
            text = self.tr("{file} is a network of the kind {architecture} ({size}) that restores selected faces.")
            return text.format(**fields)
        return self.tr("{file} is a network of the kind {architecture} ({size}) that restores photos.").format(**fields)

    def _lay_out(self) -> None:
        form = form_fields.form()
        form.addRow(self.tr("&Name"), self.name)
        form.addRow(self.tr("&Task"), self.task)
        form.addRow(self.tr("&License"), self.licence)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.accept_button)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.facts)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addLayout(buttons)

    def _enable(self) -> None:
        complete = self.name.text().strip() and self.licence.text().strip() and self.task.currentData() is not None
        self.accept_button.setEnabled(bool(complete))

    def _accept(self) -> None:
        choice = OwnChoice(self.name.text().strip(), self.task.currentData(), self.licence.text().strip())
        self.import_asked.emit(choice)
        self.accept()
