"""The user's choices: appearance, processor, memory, disk and metadata."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.settings import Settings
from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import choice_field, decimal_field, int_field, muted_label

THEMES = (("As the system", "system"), ("Light", "light"), ("Dark", "dark"))
DEVICES = (("Automatic", "auto"), ("CPU", "cpu"), ("GPU (CUDA)", "cuda"), ("GPU (Apple Metal, untried)", "mps"))
METADATA = (("Keep all", "all"), ("Keep all but the location", "no-location"), ("Remove all", "none"))


class Preferences(QDialog):
    """theme_tried: show it at once; agreed: the new settings."""

    theme_tried = Signal(str)
    agreed = Signal(object)  # Settings
    shortcuts_asked = Signal()

    def __init__(self, parent: QWidget, settings: Settings, extra_metrics: tuple[str, ...] = ()) -> None:
        """extra_metrics: further metrics of quality that are on this machine."""
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        self.theme = choice_field("Appearance", THEMES, settings.theme)
        self.device = choice_field("Processor", DEVICES, settings.device)
        self.metadata = choice_field("Metadata of exported photos", METADATA, settings.metadata)
        self.threads = int_field("Threads", 0, 256, settings.threads)
        self.threads.setSpecialValueText("As many as there are cores")
        share = round(100 * settings.memory_budget)
        self.memory = int_field("Memory for a restoration", 10, 90, share, " % of the free memory")
        self.disk = decimal_field("Disk space for open documents", 1, 2000, settings.disk_budget / 1e9, " GB")
        self.megapixels = decimal_field("Largest photo", 1, 2000, settings.max_megapixels, " megapixels")
        self.metrics = {name: QCheckBox(name) for name in extra_metrics}
        for name, box in self.metrics.items():
            box.setChecked(name in settings.metrics)
        self.shortcuts = QPushButton("Keyboard shortcuts…")
        self.shortcuts.setAutoDefault(False)
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
        )

    def _chosen_metrics(self) -> tuple[str, ...]:
        """Those that are not on this machine now stay as they were."""
        away = tuple(name for name in self._settings.metrics if name not in self.metrics)
        return away + tuple(name for name, box in self.metrics.items() if box.isChecked())

    def _lay_out(self) -> None:
        form = form_fields.form()
        form.addRow("&Appearance", self.theme)
        form.addRow("&Processor", self.device)
        form.addRow("&Threads", self.threads)
        form.addRow("M&emory", self.memory)
        form.addRow("&Disk", self.disk)
        form.addRow("&Largest photo", self.megapixels)
        form.addRow("&Metadata", self.metadata)
        for k, box in enumerate(self.metrics.values()):
            form.addRow("" if k else "Further metrics", box)
        form.addRow("", self.shortcuts)
        note = muted_label("The largest photo holds from the next start on, everything else at once.")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setProperty("role", "primary")
        self.buttons.accepted.connect(self._agree)
        self.buttons.rejected.connect(self.reject)
        self.rejected.connect(self._back_to_old_theme)
        self.theme.currentIndexChanged.connect(self._try_theme)
        self.shortcuts.clicked.connect(self.shortcuts_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(note)
        column.addWidget(self.buttons)
        self.setMinimumWidth(440)

    def _try_theme(self) -> None:
        self.theme_tried.emit(self.theme.currentData())

    def _back_to_old_theme(self) -> None:
        self.theme_tried.emit(self._settings.theme)

    def _agree(self) -> None:
        self.agreed.emit(self.settings())
        self.accept()
