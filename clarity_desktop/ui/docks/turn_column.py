"""A column of widgets that stays quick with many of them: only those whose content changed are measured again."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, QTimer, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

MARGINS = QSize(12, 10)
SPACING = 8


class ColumnItem(QWidget):
    """A part of a column, with a layout of its own; it says when its height may have changed."""

    changed = Signal(object)  # itself

    def __init__(self) -> None:
        super().__init__()
        self.content = QVBoxLayout(self)
        self.content.setContentsMargins(0, 0, 0, 0)
        self.content.setSpacing(6)

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.changed.emit(self)
        return done


class TurnColumn(QWidget):
    """The content of a scroll area: items of its width, one below the other, at its end if there are only a few.

    It has no QLayout, which would measure all items whenever one of them changes.
    """

    def __init__(self, area: QScrollArea) -> None:
        super().__init__()
        self._area = area
        self._items: list[ColumnItem] = []
        self._heights: dict[ColumnItem, int] = {}
        self._unplaced: set[ColumnItem] = set()
        self._width = 0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.place)

    def insert(self, at: int, item: ColumnItem) -> None:
        """Put an item before the one of the number `at`. It is shown once it has its place."""
        self._items.insert(at, item)
        self._unplaced.add(item)
        item.setParent(self)
        item.changed.connect(self._forget)
        self._later.start()

    def remove(self, item: ColumnItem) -> None:
        """Remove an item and delete it."""
        self._items.remove(item)
        self._heights.pop(item, None)
        self._unplaced.discard(item)
        item.hide()
        item.deleteLater()
        self._later.start()

    def measure_again(self) -> None:
        """Forget all heights: fonts or styles changed, or items changed while they were not visible."""
        self._heights.clear()
        self._later.start()

    def place(self) -> None:
        """Give every item its place, and the column its height."""
        self._later.stop()
        room = self._area.viewport().size()
        width = room.width() - 2 * MARGINS.width()
        if width != self._width:
            self._heights.clear()
            self._width = width
        shown = [item for item in self._items if item in self._unplaced or not item.isHidden()]
        for item in shown:
            if item not in self._heights:
                height = item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
                self._heights[item] = max(height, item.minimumSizeHint().height())
        total = sum(self._heights[item] for item in shown) + SPACING * max(0, len(shown) - 1) + 2 * MARGINS.height()
        self.resize(room.width(), max(total, room.height()))
        y = self.height() - total + MARGINS.height()
        for item in shown:
            item.setGeometry(MARGINS.width(), y, width, self._heights[item])
            y += self._heights[item] + SPACING
        for item in self._unplaced:
            item.show()
        self._unplaced.clear()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # an item was shown or hidden
            self._later.start()
        elif event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self.measure_again()
        return super().event(event)

    def _forget(self, item: ColumnItem) -> None:
        self._heights.pop(item, None)
        self._later.start()
