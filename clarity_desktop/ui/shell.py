"""The window without its work: widgets, docks, menus, and the user's settings with the window's shape among them."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QVBoxLayout, QWidget

from clarity_desktop import settings as choices
from clarity_desktop.settings import Settings
from clarity_desktop.ui.actions import Actions
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.quality import QualityDock
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.notices import Notices
from clarity_desktop.ui.panels import LEFT, RIGHT, fill_menus, make_dock, make_toolbar
from clarity_desktop.ui.photo_stack import PhotoStack
from clarity_desktop.ui.status_bar import Status
from clarity_desktop.ui.transform_bars import CropBar, StraightenBar

log = logging.getLogger(__name__)
VERSION_MENU = ("go_to", "compare", "repeat", "rename", "star", "delete")


class Shell(QMainWindow):
    """Everything that is seen, connected with nothing."""

    painted = Signal()  # once, when the window is on the screen for the first time

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self._was_painted = False
        self.setObjectName("main")
        self.setWindowTitle("Clarity Desktop")
        self.setDockNestingEnabled(True)
        self.setAcceptDrops(True)
        self.action = Actions(self, settings.shortcuts)
        self.versions, self.quality = VersionsDock(), QualityDock()
        self.restore, self.chat = RestoreDock(), ChatDock()
        self.notices, self.status, self.photos = Notices(), Status(), PhotoStack()
        self.crop_bar, self.straighten_bar = CropBar(), StraightenBar()
        self._lay_out()
        self.toolbar = make_toolbar(self, self.action)
        self.docks = {
            "versions": make_dock(self, "versions", "Versions", self.versions, LEFT),
            "quality": make_dock(self, "quality", "Quality", self.quality, LEFT),
            "restore": make_dock(self, "restore", "Restore", self.restore, RIGHT),
            "chat": make_dock(self, "chat", "Chat", self.chat, RIGHT),
        }
        self.action.attach(self, self.photos, self.versions)
        self.versions.menu_actions = tuple(self.action[name] for name in VERSION_MENU)

    def _lay_out(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.photos.tabs, self.notices, self.crop_bar, self.straighten_bar):
            column.addWidget(widget)
        column.addWidget(self.photos, 1)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)

    def make_menus(self, submenus: Mapping[str, QMenu]) -> None:
        """Fill the menu bar; submenus are those that others keep up to date."""
        docks = QMenu("Pan&els", self)
        docks.addActions([dock.toggleViewAction() for dock in self.docks.values()])
        fill_menus(self.menuBar(), self.action, {**submenus, "docks": docks})

    def restore_shape(self) -> None:
        """Size, place and docks as they were at the end of the last run."""
        self.resize(1440, 900)
        docks, across, down = self.docks, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([docks["versions"], docks["restore"]], [270, 310], across)
        self.resizeDocks([docks["versions"], docks["quality"]], [330, 440], down)
        self.resizeDocks([docks["restore"], docks["chat"]], [270, 480], down)
        try:
            geometry, state = (base64.b64decode(part) for part in self.settings.window.split(" "))
        except (ValueError, binascii.Error):
            return
        self.restoreGeometry(QByteArray(geometry))
        self.restoreState(QByteArray(state))

    def change_settings(self, **fields: Any) -> None:
        self.settings = dataclasses.replace(self.settings, **fields)

    def save_settings(self) -> None:
        """Write the user's choices with the window's shape; that a folder cannot be written is in the log."""
        parts = (self.saveGeometry(), self.saveState())
        shape = " ".join(base64.b64encode(part.data()).decode() for part in parts)
        self.change_settings(window=shape)
        try:
            choices.save(self.settings)
        except OSError as e:
            log.warning("The settings could not be saved: %s", e)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)
