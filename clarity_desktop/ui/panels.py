"""Parts of the window: menus, toolbar, dock titles, and the page that is shown while no photo is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QSize, Qt, QTimer, Signal
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
from shiboken6 import isValid

from clarity_desktop.ui import theme
from clarity_desktop.ui.actions import MENUS, TOOLBAR, Actions, menu_title

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
RECENT_SHOWN = 4
MAX_HEIGHT = 16_777_215
"""Qt's limit: none."""


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
    dock.setWidget(DockContent(inside))
    dock.setTitleBarWidget(DockTitle(dock, title))
    dock.visibilityChanged.connect(TabGate(dock).open)
    window.addDockWidget(area, dock)
    return dock


class TabGate(QObject):
    """Keeps Tab out of a panel that is not on the screen: Qt only moves one behind another's tab out of the way."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._closed: list[tuple[QWidget, Qt.FocusPolicy]] = []

    def open(self, on: bool) -> None:
        """Whether Tab leads into the panel."""
        if on:
            for widget, policy in self._closed:
                if isValid(widget):
                    widget.setFocusPolicy(policy)
            self._closed.clear()
            return
        for widget in self._dock.findChildren(QWidget):
            if (policy := widget.focusPolicy()) & Qt.FocusPolicy.TabFocus:
                self._closed.append((widget, policy))
                widget.setFocusPolicy(Qt.FocusPolicy.ClickFocus)


class DockContent(QWidget):
    """Holds the content of a panel; folded, it has no height but keeps the panel's width."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self._inside = inside
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(inside)

    def fold(self, folded: bool) -> None:
        """Hide or show the content."""
        self.setMinimumWidth(self._inside.minimumSizeHint().width() if folded else 0)
        self._inside.setVisible(not folded)
        self.setMaximumHeight(0 if folded else MAX_HEIGHT)


class DockTitle(QFrame):
    """A panel's title with a button that folds the panel to its title and one that hides it; dragged like any title."""

    def __init__(self, dock: QDockWidget, title: str) -> None:
        super().__init__(dock)
        self.setObjectName("docktitle")
        self._dock, self._title = dock, title
        self.is_folded = False
        self._height = 0
        label, close, self.folder = QLabel(title), QToolButton(), QToolButton()
        theme.set_icon(close, "close")
        close.setAccessibleName(self.tr("Hide {panel}").format(panel=title))
        close.setToolTip(self.tr("Hide {panel} (View > Panels shows it again)").format(panel=title))
        close.clicked.connect(dock.close)
        self.folder.clicked.connect(self._fold_group)
        for button in (close, self.folder):
            button.setIconSize(QSize(12, 12))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 3, 4, 3)
        row.setSpacing(4)
        row.addWidget(self.folder)
        row.addWidget(label, 1)
        row.addWidget(close)
        self.fold(False)

    def _fold_group(self) -> None:
        """Panels that share a place fold together."""
        folded, window = not self.is_folded, self._dock.parent()
        others = window.tabifiedDockWidgets(self._dock) if isinstance(window, QMainWindow) else []
        for dock in (*others, self._dock):
            if isinstance(title := dock.titleBarWidget(), DockTitle):
                title.fold(folded)

    def fold(self, folded: bool) -> None:
        """Show only the title, or the whole panel as high as before."""
        if folded and not self.is_folded:
            self._height = self._dock.height()
        self.is_folded = folded
        text = self.tr("Unfold {panel}") if folded else self.tr("Fold {panel}")
        theme.set_icon(self.folder, "chevron-right" if folded else "fold")
        self.folder.setToolTip(text.format(panel=self._title))
        self.folder.setAccessibleName(text.format(panel=self._title))
        holder = self._dock.widget()
        if isinstance(holder, DockContent):
            holder.fold(folded)
        self._dock.setMaximumHeight(self.sizeHint().height() if folded else MAX_HEIGHT)
        if not folded and self._height:
            QTimer.singleShot(0, self, self._restore_height)  # once the layout knows the content again

    def _restore_height(self) -> None:
        if isinstance(window := self._dock.parent(), QMainWindow) and not self.is_folded:
            window.resizeDocks([self._dock], [self._height], Qt.Orientation.Vertical)


class EmptyPage(QWidget):
    """The buttons of the empty window: open a photo, try a sample, open a recent photo."""

    open_asked = Signal()
    recent_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setSpacing(10)
        self.open_button, self.sample_button = (
            QPushButton(self.tr("Open a photo…")),
            QPushButton(self.tr("Try a sample")),
        )
        self.open_button.setProperty("role", "primary")
        self.open_button.clicked.connect(self.open_asked)
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
            button.setProperty("path", text)
            self.recent_box.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)
            button.show()  # a layout shows it only later, and the page is as large as what is shown

    def disable_recent(self, path: str) -> None:
        """Gray out a recent file that is not there any more."""
        for k in range(self.recent_box.count()):
            item = self.recent_box.itemAt(k)
            widget = item.widget() if item else None
            if widget is not None and widget.property("path") == path:
                widget.setEnabled(False)
                widget.setToolTip(self.tr("{path} no longer exists").format(path=path))
