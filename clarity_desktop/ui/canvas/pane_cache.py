"""The pixmap of one pane, kept between paint events: only newly visible or received parts are painted."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter, QPixmap, QRegion

from clarity_desktop.ui.canvas.compare import Pane
from clarity_desktop.ui.canvas.geometry import Placement, to_qrect, to_screen
from clarity_desktop.ui.canvas.layers import Layer
from clarity_desktop.values import Bounds


class PaneCache:
    """A pixmap of a pane. Panning shifts it by whole device pixels, so the result equals painting everything."""

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._valid = QRegion()  # the part of the pixmap that is painted
        self._key: object = None
        self._place = Placement(0, 0, 1.0, 1.0)
        self._missing: dict[bytes, QRegion] = {}  # where tiles are missing, relative to the photo's corner

    def paint(self, painter: QPainter, pane: Pane, photo_size: tuple[int, int], place: Placement, color: str) -> None:
        """Paint the clip of the pane. place: of the photo, in device pixels; color: of the background."""
        place = Placement(place.x - pane.area.x, place.y - pane.area.y, place.width, place.height)
        key = (pane.area.width, pane.area.height, place.width, place.height, pane.layer.revision, color)
        # Only the position changed: shift the painted pixels instead of painting them again.
        if key == self._key:
            self._shift(place.x - self._place.x, place.y - self._place.y)
        else:
            self._reset(pane.area)
        self._key, self._place = key, place
        clip = to_qrect(pane.clip).translated(-pane.area.x, -pane.area.y)
        if not clip.isEmpty():  # to Qt an empty source is the whole pixmap
            self._complete(pane.layer, photo_size, clip, QColor(color))
            painter.drawPixmap(pane.clip.x, pane.clip.y, self._pixmap, *clip.getRect())

    def missing(self, pane: Pane) -> list[bytes]:
        """Tiles that are missing in the pane's clip, nearest to its center first."""
        clip = to_qrect(pane.clip).translated(-pane.area.x - self._place.x, -pane.area.y - self._place.y)
        for tile in [t for t, region in self._missing.items() if not region.intersects(clip)]:
            self.repaint_tile(tile)  # when it comes into view again, it is looked up again
        center = clip.center()

        def distance(tile: bytes) -> int:
            return min((r.center() - center).manhattanLength() for r in _rectangles(self._missing[tile]))

        return sorted(self._missing, key=distance)

    def repaint_tile(self, tile: bytes) -> None:
        """Paint again where this tile was missing: it is in the cache now."""
        if (region := self._missing.pop(tile, None)) is not None:
            self._valid -= region.translated(self._place.x, self._place.y)

    def repaint(self, bounds: Bounds, photo_size: tuple[int, int]) -> None:
        """Paint a part of the photo again: bounds in image pixels."""
        self._valid -= to_screen(bounds, *photo_size, self._place)

    def _shift(self, dx: int, dy: int) -> None:
        if dx or dy:
            # Copies within the pixmap; only the strip that came into view is painted.
            self._pixmap.scroll(dx, dy, self._pixmap.rect())
            self._valid.translate(dx, dy)
            self._valid &= self._pixmap.rect()

    def _reset(self, area: Bounds) -> None:
        if (self._pixmap.width(), self._pixmap.height()) != (area.width, area.height):
            self._pixmap = QPixmap(area.width, area.height)
        self._valid = QRegion()
        self._missing.clear()

    def _complete(self, layer: Layer, photo_size: tuple[int, int], clip: QRect, color: QColor) -> None:
        """Paint what is not valid inside the clip."""
        invalid = QRegion(clip) - self._valid
        if invalid.isEmpty():
            return
        painter = QPainter(self._pixmap)
        x, y = self._place.x, self._place.y
        for part in _rectangles(invalid):
            painter.setClipRect(part)
            painter.fillRect(part, color)
            for tile, target in layer.paint(painter, photo_size, self._place, part):
                self._missing[tile] = self._missing.get(tile, QRegion()) | target.translated(-x, -y)
        painter.end()
        self._valid |= invalid


def _rectangles(region: QRegion) -> list[QRect]:
    return [QRect(r) for r in region]  # type: ignore[attr-defined]  # PySide's stubs lack QRegion.__iter__
