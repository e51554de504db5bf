"""The preferences dialog: appearance, processor, memory, disk and metadata; pages for methods and language model."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QPushButton, QTabWidget, QVBoxLayout, QWidget

from clarity_desktop.settings import Settings
from clarity_desktop.ui import form_fields
from clarity_desktop.ui.dialogs.language_model import LanguageModelPage
from clarity_desktop.ui.dialogs.method_preferences import MethodPreferencesPage
from clarity_desktop.ui.form_fields import choice_field, decimal_field, int_field, muted_label
from clarity_desktop.ui.labels import metadata_choices


class Preferences(QDialog):
    """Emits theme_tried with a theme to preview, agreed with the confirmed settings, and key_typed with URL and key."""

    theme_tried = Signal(str)
    agreed = Signal(object)  # Settings
    shortcuts_asked = Signal()
    key_typed = Signal(str, str)

    def __init__(self, parent: QWidget, settings: Settings, extra_metrics: tuple[str, ...] = ()) -> None:
        """extra_metrics: additional quality metrics that are installed."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Preferences"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        themes = ((self.tr("System"), "system"), (self.tr("Light"), "light"), (self.tr("Dark"), "dark"))
        self.theme = choice_field(self.tr("Appearance"), themes, settings.theme)
        devices = (
            (self.tr("Automatic"), "auto"),
            (self.tr("CPU"), "cpu"),
            (self.tr("GPU (CUDA)"), "cuda"),
            (self.tr("GPU (Apple Metal, not tested)"), "mps"),
        )
        self.device = choice_field(self.tr("Processor"), devices, settings.device)
        self.metadata = choice_field(self.tr("Metadata of exported photos"), metadata_choices(), settings.metadata)
        self.threads = int_field(self.tr("Threads"), 0, 256, settings.threads)
        self.threads.setSpecialValueText(self.tr("Auto (all cores)"))
        share = round(100 * settings.memory_budget)
        self.memory = int_field(self.tr("Memory for a restoration"), 10, 90, share, self.tr("% of free memory"))
        self.disk = decimal_field(
            self.tr("Disk space for documents"), 1, 2000, settings.disk_budget / 1e9, self.tr(" GB")
        )
        self.megapixels = decimal_field(
            self.tr("Maximum photo size"), 1, 2000, settings.max_megapixels, self.tr(" megapixels")
        )
        self.metrics = {name: QCheckBox(name) for name in extra_metrics}
        for name, box in self.metrics.items():
            box.setChecked(name in settings.metrics)
        self.shortcuts = QPushButton(self.tr("Keyboard shortcuts…"))
        self.shortcuts.setAutoDefault(False)
        self.llm_page = LanguageModelPage(settings.llm)
        self.methods_page = MethodPreferencesPage()
        self._lay_out()

    def settings(self) -> Settings:
        """The choices as they stand."""
        return dataclasses.replace(
            self._settings,
            theme=self.theme.currentData(),
            device=self.device.currentData(),
            metadata=self.metadata.currentData(),
            threads=self.threads.value(),
            memory_budget=self.memory.value() / 100,
            disk_budget=round(self.disk.value() * 1e9),
            max_megapixels=self.megapixels.value(),
            metrics=self._chosen_metrics(),
            llm=self.llm_page.llm(),
        )

    def _chosen_metrics(self) -> tuple[str, ...]:
        """Metrics that are not installed now stay chosen."""
        # A metric may be missing only on this start, for example on another machine.
        absent = tuple(name for name in self._settings.metrics if name not in self.metrics)
        return absent + tuple(name for name, box in self.metrics.items() if box.isChecked())

    def _lay_out(self) -> None:
        form = form_fields.form()
        form.addRow(self.tr("&Appearance"), self.theme)
        form.addRow(self.tr("&Processor"), self.device)
        form.addRow(self.tr("&Threads"), self.threads)
        form.addRow(self.tr("M&emory"), self.memory)
        form.addRow(self.tr("&Disk"), self.disk)
        form.addRow(self.tr("Maximum photo &size"), self.megapixels)
        form.addRow(self.tr("&Metadata"), self.metadata)
        for k, box in enumerate(self.metrics.values()):
            form.addRow("" if k else self.tr("Additional metrics"), box)
        form.addRow("", self.shortcuts)
        note = muted_label(self.tr("Maximum photo size takes effect after restart; other changes apply immediately."))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setProperty("role", "primary")
        self.buttons.accepted.connect(self._confirm)
        self.buttons.rejected.connect(self.reject)
        self.rejected.connect(self._restore_theme)
        self.theme.currentIndexChanged.connect(self._try_theme)
        self.shortcuts.clicked.connect(self.shortcuts_asked)
        general = QWidget()
        page = QVBoxLayout(general)
        page.setSpacing(14)
        page.addLayout(form)
        page.addWidget(note)
        page.addStretch(1)
        self.pages = QTabWidget()
        self.pages.addTab(general, self.tr("General"))
        self.pages.addTab(self.methods_page, self.tr("Your preferences"))
        self.pages.addTab(self.llm_page, self.tr("Language model"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addWidget(self.pages)
        column.addWidget(self.buttons)
        self.setMinimumWidth(480)

    def _try_theme(self) -> None:
        self.theme_tried.emit(self.theme.currentData())

    def _restore_theme(self) -> None:
        self.theme_tried.emit(self._settings.theme)

    def _confirm(self) -> None:
        if (key := self.llm_page.typed_key()) is not None:
            self.key_typed.emit(self.llm_page.llm().url, key)
        self.agreed.emit(self.settings())
        self.accept()
