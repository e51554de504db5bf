"""The picture of one pane, kept between paintings: only what came into view or arrived is painted anew."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter, QPixmap, QRegion

from clarity_desktop.ui.canvas.compare import Pane
from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.layers import Scene
from clarity_desktop.ui.canvas.tiles import on_screen
from clarity_desktop.values import Bounds


class PaneCache:
    """Panning shifts it by whole device pixels, so it shows just what painting everything would show."""

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._valid = QRegion()  # what of it is painted
        self._key: object = None
        self._place = Placement(0, 0, 1.0, 1.0)
        self._lacking: dict[bytes, QRegion] = {}  # from the photo's corner on the screen: it moves with the photo

    def paint(self, painter: QPainter, stage: Scene, pane: Pane, place: Placement, colour: str) -> None:
        """Paint the pane's clip. place is that of the photo, colour what surrounds it."""
        place = Placement(place.x - pane.area.x, place.y - pane.area.y, place.width, place.height)
        key = (pane.shows, pane.area.width, pane.area.height, place.width, place.height, stage.edition, colour)
        if key == self._key:
            self._shift(place.x - self._place.x, place.y - self._place.y)
        else:
            self._renew(pane.area)
        self._key, self._place = key, place
        clip = rectangle(pane.clip).translated(-pane.area.x, -pane.area.y)
        if not clip.isEmpty():  # to Qt an empty source is the whole pixmap
            self._complete(stage, pane, clip, QColor(colour))
            painter.drawPixmap(pane.clip.x, pane.clip.y, self._pixmap, *clip.getRect())

    def missing(self, pane: Pane) -> list[bytes]:
        """Tiles that the pane's clip lacks, nearest to its middle first."""
        clip = rectangle(pane.clip).translated(-pane.area.x - self._place.x, -pane.area.y - self._place.y)
        for tile in [t for t, region in self._lacking.items() if not region.intersects(clip)]:
            self._forget(tile)  # whoever looks there again looks anew
        middle = clip.center()

        def distance(tile: bytes) -> int:
            return min((r.center() - middle).manhattanLength() for r in _rectangles(self._lacking[tile]))

        return sorted(self._lacking, key=distance)

    def came(self, tile: bytes) -> None:
        """A tile is in the cache now."""
        if tile in self._lacking:
            self._forget(tile)

    def repaint(self, bounds: Bounds, size: tuple[int, int]) -> None:
        """A part of the photo has changed; size is the photo's."""
        self._valid -= on_screen(bounds, *size, self._place)

    def _forget(self, tile: bytes) -> None:
        """Paint anew where a tile was lacking."""
        self._valid -= self._lacking.pop(tile).translated(self._place.x, self._place.y)

    def _shift(self, dx: int, dy: int) -> None:
        if dx or dy:
            self._pixmap.scroll(dx, dy, self._pixmap.rect())
            self._valid.translate(dx, dy)
            self._valid &= self._pixmap.rect()

    def _renew(self, area: Bounds) -> None:
        if (self._pixmap.width(), self._pixmap.height()) != (area.width, area.height):
            self._pixmap = QPixmap(area.width, area.height)
        self._valid = QRegion()
        self._lacking.clear()

    def _complete(self, stage: Scene, pane: Pane, clip: QRect, colour: QColor) -> None:
        due = QRegion(clip) - self._valid
        if due.isEmpty():
            return
        painter = QPainter(self._pixmap)
        for part in _rectangles(due):
            painter.setClipRect(part)
            painter.fillRect(part, colour)
            for tile, target in stage.paint(painter, pane.shows, self._place, part):
                self._lacking[tile] = self._lacking.get(tile, QRegion()) | target.translated(
                    -self._place.x, -self._place.y
                )
        painter.end()
        self._valid |= due


def rectangle(bounds: Bounds) -> QRect:
    return QRect(bounds.x, bounds.y, bounds.width, bounds.height)


def _rectangles(region: QRegion) -> list[QRect]:
    return [QRect(r) for r in region]  # type: ignore[attr-defined]
