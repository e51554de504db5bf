"""The two columns of panels: each collapses to a thin bar with an arrow, and each panel to its title."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QDockWidget, QMainWindow

from clarity_desktop.ui import theme
from clarity_desktop.ui.actions import Actions
from clarity_desktop.ui.panels import LEFT, RIGHT, DockTitle

Side = Qt.DockWidgetArea
NARROW = 1180
"""Pixels of width of the window below which the left panels collapse, so that the photo has most of it."""
EDGE = 14
"""Pixels of width of the bar between panels and photo."""


class Edge(QAbstractButton):
    """The bar between a column of panels and the photo; a click collapses the column or shows it again."""

    def __init__(self, side: Side, action: QAction) -> None:
        """action: what does the same from the keyboard."""
        super().__init__()
        self._side, self._action = side, action
        self._is_collapsed = False
        self.setFixedWidth(EDGE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_collapsed(False)

    def show_collapsed(self, collapsed: bool) -> None:
        """Show whether the panels are collapsed."""
        self._is_collapsed = collapsed
        if self._side == LEFT:
            text = self.tr("Show the left panels") if collapsed else self.tr("Hide the left panels")
        else:
            text = self.tr("Show the right panels") if collapsed else self.tr("Hide the right panels")
        self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(EDGE, 80)

    def event(self, e: QEvent) -> bool:
        if e.type() == QEvent.Type.ToolTip:
            self.setToolTip(self._action.toolTip())  # it names the key, which the user may change
        elif e.type() in (QEvent.Type.Enter, QEvent.Type.Leave, QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().event(e)

    def paintEvent(self, e: QPaintEvent) -> None:  # noqa: ARG002
        colors, painter = theme.colors(), QPainter(self)
        painter.fillRect(self.rect(), QColor(colors.hover if self.underMouse() else colors.window))
        points_left = (self._side == LEFT) != self._is_collapsed
        arrow = QRectF(0, 0, EDGE, EDGE)
        arrow.moveCenter(self.rect().toRectF().center())
        color = colors.ring if self.hasFocus() else colors.text if self.underMouse() else colors.muted
        theme.paint_icon(painter, "chevron-left" if points_left else "chevron-right", arrow, color)
        if self.hasFocus():
            painter.setPen(QColor(colors.ring))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()


class SidePanels(QObject):
    """Collapses and shows columns of panels; remembers which panels a column had."""

    changed = Signal()

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget], actions: Actions) -> None:
        super().__init__(window)
        self._window, self._docks = window, docks
        self.edges = {LEFT: Edge(LEFT, actions["left_panels"]), RIGHT: Edge(RIGHT, actions["right_panels"])}
        self._collapsed: dict[Side, list[QDockWidget]] = {LEFT: [], RIGHT: []}
        self._is_narrow = False
        for side, edge in self.edges.items():
            edge.clicked.connect(lambda _=False, side=side: self.toggle(side))
        for dock in docks.values():
            dock.visibilityChanged.connect(self._update)

    def is_collapsed(self, side: Side) -> bool:
        """Whether no panel is shown on this side."""
        return all(dock.isHidden() for dock in self._on(side))

    def toggle(self, side: Side) -> None:
        """Collapse a column, or show it again."""
        self.show(side) if self.is_collapsed(side) else self.collapse(side)

    def collapse(self, side: Side) -> None:
        """Hide the panels of a side until `show`."""
        shown = [dock for dock in reversed(self._on(side)) if not dock.isHidden()]
        # Last those in front of others in the same place: when they are shown again, they are raised last. Before the
        # window is painted none has a visible region; then the first of each place is in front.
        self._collapsed[side] = sorted(shown, key=lambda dock: not dock.visibleRegion().isEmpty())
        for dock in self._collapsed[side]:
            dock.hide()
        self._update()

    def show(self, side: Side) -> None:
        """Show the panels that `collapse` hid, not those that the user closed before; all if there is none."""
        for dock in self._collapsed[side] or reversed(self._on(side)):
            dock.show()
            dock.raise_()
        self._collapsed[side] = []
        self._update()

    def toggle_all(self) -> None:
        """Collapse both sides, or show them if both are collapsed."""
        if self.all_collapsed:
            self.show_collapsed()
        else:
            for side in self.edges:
                if not self.is_collapsed(side):
                    self.collapse(side)

    def show_collapsed(self) -> None:
        """Show what is collapsed, for instance before the shape of the window is saved."""
        for side, docks in self._collapsed.items():
            if docks:
                self.show(side)

    @property
    def all_collapsed(self) -> bool:
        """Whether no panel is shown."""
        return all(self.is_collapsed(side) for side in self.edges)

    def fit_width(self, width: int) -> None:
        """Collapse the left panels when the window becomes narrow, and show them when it is wide again."""
        is_narrow = width < NARROW
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            if is_narrow and not self.is_collapsed(LEFT):
                self.collapse(LEFT)
            elif not is_narrow and self._collapsed[LEFT]:
                self.show(LEFT)

    def reveal(self, name: str) -> None:
        """Show a panel, whole and in front; with its column if that is collapsed."""
        dock = self._docks[name]
        for side, collapsed in self._collapsed.items():
            if dock in collapsed:
                self.show(side)
        _title(dock).fold(False)
        dock.show()
        dock.raise_()

    def fold_panel(self, name: str) -> None:
        """Show only the title of a panel, to make room for another."""
        _title(self._docks[name]).fold(True)

    def folded(self) -> list[str]:
        """The names of the panels of which only the title is shown."""
        return [name for name, dock in self._docks.items() if _title(dock).is_folded]

    def fold(self, names: Collection[str]) -> None:
        """Show only the titles of these panels, and the others whole."""
        for name, dock in self._docks.items():
            _title(dock).fold(name in names)

    def _on(self, side: Side) -> list[QDockWidget]:
        return [d for d in self._docks.values() if not d.isFloating() and self._window.dockWidgetArea(d) == side]

    def _update(self) -> None:
        for side, edge in self.edges.items():
            edge.show_collapsed(self.is_collapsed(side))
        self.changed.emit()


def _title(dock: QDockWidget) -> DockTitle:
    title = dock.titleBarWidget()
    assert isinstance(title, DockTitle)
    return title
