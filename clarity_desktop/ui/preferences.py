"""The user's choices: appearance, processor, memory, disk and metadata."""

from __future__ import annotations

import dataclasses

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.settings import Settings

CHOICES: dict[str, tuple[tuple[str, str], ...]] = {
    "theme": (("As the system", "system"), ("Light", "light"), ("Dark", "dark")),
    "device": (("Automatic", "auto"), ("CPU", "cpu"), ("GPU (CUDA)", "cuda"), ("GPU (Apple Metal, untried)", "mps")),
    "metadata": (("Keep all", "all"), ("Keep all but the location", "no-location"), ("Remove all", "none")),
}


class Preferences(QDialog):
    """theme_tried: show it at once; agreed: the new settings."""

    theme_tried = Signal(str)
    agreed = Signal(object)  # Settings
    shortcuts_asked = Signal()

    def __init__(self, parent: QWidget, settings: Settings) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        self.theme = self._choice("theme", "Appearance", settings.theme)
        self.device = self._choice("device", "Processor", settings.device)
        self.metadata = self._choice("metadata", "Metadata of exported photos", settings.metadata)
        self.threads = QSpinBox()
        self.threads.setRange(0, 256)
        self.threads.setSpecialValueText("As many as there are cores")
        self.threads.setValue(settings.threads)
        self.threads.setAccessibleName("Threads")
        self.memory = QSpinBox()
        self.memory.setRange(10, 90)
        self.memory.setSuffix(" % of the free memory")
        self.memory.setValue(round(100 * settings.memory_budget))
        self.memory.setAccessibleName("Memory for a restoration")
        self.disk = _number("Disk space for open documents", 1, 2000, " GB", settings.disk_budget / 1e9)
        self.megapixels = _number("Largest photo", 1, 2000, " megapixels", settings.max_megapixels)
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
        )

    def _choice(self, field: str, name: str, value: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        for title, key in CHOICES[field]:
            box.addItem(title, key)
        box.setCurrentIndex(max(0, box.findData(value)))
        return box

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Appearance", self.theme)
        form.addRow("&Processor", self.device)
        form.addRow("&Threads", self.threads)
        form.addRow("M&emory", self.memory)
        form.addRow("&Disk", self.disk)
        form.addRow("&Largest photo", self.megapixels)
        form.addRow("&Metadata", self.metadata)
        form.addRow("", self.shortcuts)
        note = QLabel("Processor, threads and memory hold from the next restoration on.")
        note.setProperty("role", "muted")
        note.setWordWrap(True)
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


def _number(name: str, low: float, high: float, suffix: str, value: float) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(0)
    field.setSuffix(suffix)
    field.setValue(value)
    field.setAccessibleName(name)
    return field
