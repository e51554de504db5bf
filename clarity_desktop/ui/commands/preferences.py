"""The dialogs of the program itself: preferences, keyboard shortcuts, about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QMessageBox

import clarity_desktop
from clarity_desktop.settings import Settings
from clarity_desktop.ui import theme
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.dialogs.shortcuts import ShortcutsDialog

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow

ABOUT = (
    "Restores damaged photos on this computer: nothing leaves it unasked.\n\n"
    "The networks and their weights are the work of others; Models shows their licences."
)


class PreferenceCommands(QObject):
    """Connects the dialogs with the settings that the window holds."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.extra_metrics: tuple[str, ...] = ()  # that are on this machine, to be switched on
        window.action.on("preferences", self._show_preferences)
        window.action.on("shortcuts", self._show_shortcuts)
        window.action.on("about", self._show_about)

    def _show_preferences(self) -> None:
        dialog = Preferences(self._window, self._window.settings, self.extra_metrics)
        dialog.theme_tried.connect(self._dress)
        dialog.agreed.connect(self._take)
        dialog.shortcuts_asked.connect(self._show_shortcuts)
        dialog.open()

    def _take(self, settings: Settings) -> None:
        self._window.show_device(settings.device)
        self._window.use_settings(settings)

    def _dress(self, choice: theme.Choice) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, choice)

    def _show_shortcuts(self) -> None:
        dialog = ShortcutsDialog(self._window, self._window.settings.shortcuts)
        dialog.agreed.connect(self.rebind)
        dialog.open()

    def rebind(self, changed: dict[str, str]) -> None:
        self._window.change_settings(shortcuts=changed)
        self._window.action.rebind(changed)
        self._window.save_settings()

    def _show_about(self) -> None:
        box = QMessageBox(self._window)
        box.setWindowTitle("About Clarity Desktop")
        box.setText(f"Clarity Desktop {clarity_desktop.__version__}")
        box.setInformativeText(ABOUT)
        box.finished.connect(box.deleteLater)
        box.open()
