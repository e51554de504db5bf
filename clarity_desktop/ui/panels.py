"""Parts of the window: menus, toolbar, dock titles, and the page that is shown while no photo is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMenuBar,
    QPushButton,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.actions import MENUS, TOOLBAR, Actions, menu_title

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
RECENT_SHOWN = 4


def fill_menus(bar: QMenuBar, actions: Actions, submenus: Mapping[str, QMenu]) -> None:
    """Fill the menu bar from the table; submenus: those that the table only names."""
    bar.setAccessibleName(QCoreApplication.translate("panels", "Menus"))
    for title, names in MENUS.items():
        menu = bar.addMenu(menu_title(title))
        for name in names:
            if not name:
                menu.addSeparator()
            elif name in submenus:
                menu.addMenu(submenus[name])
            else:
                menu.addAction(actions[name])


def make_toolbar(window: QMainWindow, actions: Actions) -> QToolBar:
    bar = QToolBar(QCoreApplication.translate("panels", "Toolbar"))
    # saveState identifies toolbars by their object name.
    bar.setObjectName("toolbar")
    bar.setAccessibleName(bar.windowTitle())
    bar.setMovable(False)
    bar.setIconSize(QSize(20, 20))
    for name in TOOLBAR:
        if name:
            bar.addAction(actions[name])
            button = bar.widgetForAction(actions[name])
            button.setAccessibleName(actions.specs[name].title)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if isinstance(button, QToolButton) and name == "improve":
                actions[name].setIconText(f" {actions.specs[name].title}")  # a little space beside the icon
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        else:
            bar.addSeparator()
    # The button of tools that do not fit; Qt gives it no name for screen readers.
    if extension := bar.findChild(QToolButton, "qt_toolbar_ext_button"):
        extension.setAccessibleName(QCoreApplication.translate("panels", "More tools"))
    window.addToolBar(bar)
    return bar


def make_dock(window: QMainWindow, name: str, title: str, inside: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(title, window)
    # saveState identifies docks by their object name.
    dock.setObjectName(name)
    dock.setAccessibleName(title)
    dock.setWidget(inside)
    dock.setTitleBarWidget(DockTitle(dock, title))
    window.addDockWidget(area, dock)
    return dock


class DockTitle(QFrame):
    """A panel's title with a button that hides the panel; it is dragged like any title bar."""

    def __init__(self, dock: QDockWidget, title: str) -> None:
        super().__init__(dock)
        self.setObjectName("docktitle")
        label, close = QLabel(title), QToolButton()
        theme.set_icon(close, "close")
        close.setIconSize(QSize(12, 12))
        close.setAccessibleName(self.tr("Hide {panel}").format(panel=title))
        close.setToolTip(self.tr("Hide {panel} (View > Panels shows it again)").format(panel=title))
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(dock.close)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 4, 3)
        row.addWidget(label, 1)
        row.addWidget(close)


class EmptyPage(QWidget):
    """The buttons of the empty window: open a photo, try the sample, open a recent photo."""

    open_asked = Signal()
    sample_asked = Signal()
    recent_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        self.open_button, self.sample_button = (
            QPushButton(self.tr("Open a photo…")),
            QPushButton(self.tr("Try the sample")),
        )
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
        """List the recent files, the newest first."""
        while (item := self.recent_box.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for text in paths[:RECENT_SHOWN]:
            button = QPushButton(Path(text).name)
            button.setProperty("role", "quiet")
            button.setFlat(True)
            button.setToolTip(text)
            button.setAccessibleName(self.tr("Open recent file: {name}").format(name=Path(text).name))
            button.clicked.connect(lambda _checked=False, text=text: self.recent_asked.emit(text))
            self.recent_box.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
            button.show()  # a layout shows it only later, and the page is as large as what is shown
