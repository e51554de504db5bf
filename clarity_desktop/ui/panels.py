"""How the window is laid out: menus, toolbar, docks, and the page that is shown while no photo is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QPushButton,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.actions import MENUS, TOOLBAR, Actions

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
RECENT_SHOWN = 4


def make_menus(window: QMainWindow, actions: Actions, submenus: Mapping[str, QMenu]) -> dict[str, QMenu]:
    """Fill the menu bar from the table; submenus stand for the entries of those names."""
    menus: dict[str, QMenu] = {}
    for title, names in MENUS.items():
        menu = menus[title] = window.menuBar().addMenu(title)
        for name in names:
            if not name:
                menu.addSeparator()
            elif name in submenus:
                menu.addMenu(submenus[name])
            else:
                menu.addAction(actions[name])
    return menus


def make_toolbar(window: QMainWindow, actions: Actions) -> QToolBar:
    bar = QToolBar("Toolbar")
    bar.setObjectName("toolbar")
    bar.setAccessibleName("Toolbar")
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    for name in TOOLBAR:
        if name:
            bar.addAction(actions[name])
            button = bar.widgetForAction(actions[name])
            button.setAccessibleName(actions.specs[name].title)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        else:
            bar.addSeparator()
    if extension := bar.findChild(QToolButton, "qt_toolbar_ext_button"):
        extension.setAccessibleName("More tools")
    window.addToolBar(bar)
    return bar


def make_dock(window: QMainWindow, name: str, title: str, inside: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setAccessibleName(title)
    dock.setWidget(inside)
    for button, spoken in (("qt_dockwidget_closebutton", "Close"), ("qt_dockwidget_floatbutton", "Float")):
        if found := dock.findChild(QWidget, button):
            found.setAccessibleName(f"{spoken} {title}")
            found.setToolTip(f"{spoken} {title}")
    window.addDockWidget(area, dock)
    return dock


class EmptyPage(QWidget):
    """The buttons of the invitation: open a photo, try the sample, one of those opened last."""

    open_asked = Signal()
    sample_asked = Signal()
    recent_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        self.open_button, self.sample_button = QPushButton("Open a photo…"), QPushButton("Try the sample")
        self.open_button.setProperty("role", "primary")
        self.open_button.clicked.connect(self.open_asked)
        self.sample_button.clicked.connect(self.sample_asked)
        self.recent_box = QVBoxLayout()
        self.recent_box.setSpacing(2)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.open_button)
        buttons.addWidget(self.sample_button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addSpacing(10)
        column.addLayout(self.recent_box)

    def show_recent(self, paths: Sequence[str]) -> None:
        """The photos opened last; click to open again."""
        while (item := self.recent_box.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for text in paths[:RECENT_SHOWN]:
            button = QPushButton(Path(text).name)
            button.setProperty("role", "quiet")
            button.setFlat(True)
            button.setToolTip(text)
            button.setAccessibleName(f"Open again: {Path(text).name}")
            button.clicked.connect(lambda _checked=False, text=text: self.recent_asked.emit(text))
            self.recent_box.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
