"""The page of the preferences about the language model: server, model, key, and what leaves this computer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.settings import LLM_SERVERS, LlmSettings
from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import DropDown, choice_field, field_label, muted_label, show_role


class LanguageModelPage(QWidget):
    """Emits models_asked and test_asked with the choices and the typed key, key_asked and key_removed with the URL."""

    models_asked = Signal(object, object)  # LlmSettings; the typed key, None: the stored one
    test_asked = Signal(object, object)
    key_asked = Signal(str)
    key_removed = Signal(str)

    def __init__(self, llm: LlmSettings) -> None:
        super().__init__()
        self.enabled = QCheckBox(self.tr("&Use a language model in the chat"))
        self.enabled.setChecked(llm.enabled)
        servers = [*LLM_SERVERS.items(), (self.tr("Custom"), "")]
        self.server = choice_field(self.tr("Server"), servers)
        self.url = QLineEdit(llm.url)
        self.url.setAccessibleName(self.tr("Base URL"))
        self.model = DropDown(self.tr("Model"))
        self.model.setEditable(True)
        if (field := self.model.lineEdit()) is not None:
            field.setAccessibleName(self.tr("Model"))
        self.model.setCurrentText(llm.model)
        self.load = QPushButton(self.tr("&Load list"))
        self.load.setAccessibleName(self.tr("Load the list of models from the server"))
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setAccessibleName(self.tr("Key"))
        self.remove_key = QPushButton(self.tr("&Remove key"))
        self.remove_key.setEnabled(False)
        self.send_photo = QCheckBox(self.tr("Send the &photo too"))
        self.send_photo.setChecked(llm.send_photo)
        self.test = QPushButton(self.tr("&Test"))
        self.test.setAccessibleName(self.tr("Test the language model"))
        self.status = muted_label()
        self.status.setAccessibleName(self.tr("Result of the last test"))
        self.privacy = muted_label()
        for button in (self.load, self.remove_key, self.test):
            button.setAutoDefault(False)
        self._asked_for = ""
        self._choose_server()
        self.server.activated.connect(self._use_server)
        self.url.textChanged.connect(self._choose_server)
        self.url.editingFinished.connect(self._ask_for_key)
        for box in (self.enabled, self.send_photo):
            box.toggled.connect(self._show_privacy)
        self.load.clicked.connect(self._ask_for_models)
        self.test.clicked.connect(self._ask_for_test)
        self.remove_key.clicked.connect(lambda: self.key_removed.emit(self.url.text()))
        self._show_privacy()
        self._lay_out()

    def llm(self) -> LlmSettings:
        """The choices as they stand."""
        return LlmSettings(
            self.enabled.isChecked(), self.url.text().strip(), self.model.currentText().strip(),
            self.send_photo.isChecked(),
        )  # fmt: skip

    def typed_key(self) -> str | None:
        """The key that was typed; None: none was."""
        return self.key.text().strip() or None

    def show_models(self, url: str, models: Sequence[str], text: str) -> None:
        """Offer the models of the server."""
        if url.strip() != self.url.text().strip():
            return
        chosen = self.model.currentText()
        self.model.clear()
        self.model.addItems(list(models))
        # A model that was typed stays; without one the first of the list is chosen.
        self.model.setCurrentText(chosen or (models[0] if models else ""))
        self.show_status(text, "good" if models else "error")

    def show_key(self, url: str, there: bool, text: str) -> None:
        """Show whether there is a key for the server."""
        if url.strip() == self.url.text().strip():
            self.remove_key.setEnabled(there)
            self.key.setPlaceholderText(
                self.tr("A key is stored") if there else self.tr("None; local servers need none")
            )
            if text:
                self.show_status(text, "muted")

    def show_status(self, text: str, role: str) -> None:
        """Show a result; role: "good", "error" or "muted"."""
        self.status.setText(text)
        show_role(self.status, role)
        for button in (self.load, self.test):
            button.setEnabled(True)

    def showEvent(self, event: QShowEvent) -> None:
        """Only a page that is shown asks for a key: a locked keyring would ask for its password."""
        super().showEvent(event)
        self._ask_for_key()

    def _ask_for_key(self) -> None:
        url = self.url.text().strip()
        if url != self._asked_for:
            self._asked_for = url
            self.key_asked.emit(url)

    def _ask_for_models(self) -> None:
        self._wait()
        self.models_asked.emit(self.llm(), self.typed_key())

    def _ask_for_test(self) -> None:
        self._wait()
        self.test_asked.emit(self.llm(), self.typed_key())

    def _wait(self) -> None:
        self.show_status(self.tr("Asking the server…"), "muted")
        for button in (self.load, self.test):
            button.setEnabled(False)

    def _use_server(self) -> None:
        if url := self.server.currentData():
            self.url.setText(url)
            self.model.clear()
            self.model.setCurrentText("")
            self._ask_for_key()
        else:
            self.url.setFocus()
            self.url.selectAll()

    def _choose_server(self) -> None:
        at = self.server.findData(self.url.text().strip())
        self.server.setCurrentIndex(at if at >= 0 else self.server.count() - 1)

    def _show_privacy(self) -> None:
        self.send_photo.setEnabled(self.enabled.isChecked())
        if not self.enabled.isChecked():
            text = self.tr("Off: the built-in planner answers, and nothing leaves this computer.")
        elif self.send_photo.isChecked():
            text = self.tr(
                "Your messages, the file name, what was found in the photo, its versions and the reduced photo (768 "
                "pixels, without metadata) are sent to this server."
            )
        else:
            text = self.tr(
                "Your messages, the file name, what was found in the photo and its versions are sent to this server. "
                "The photo itself is not."
            )
        self.privacy.setText(text)

    def _lay_out(self) -> None:
        form = form_fields.form()
        form.addRow("", self.enabled)
        form.addRow(self.tr("&Server"), self.server)
        form.addRow(self.tr("&Base URL"), self.url)
        form.addRow(field_label(self.tr("&Model"), self.model), form_fields.row(self.model, self.load))
        form.addRow(field_label(self.tr("&Key"), self.key), form_fields.row(self.key, self.remove_key))
        form.addRow("", self.send_photo)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.privacy)
        column.addLayout(form_fields.row(self.status, self.test))
        column.addStretch(1)
