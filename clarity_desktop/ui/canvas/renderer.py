"""Paints the panes of a canvas and determines the missing tiles."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from clarity_desktop.ui.canvas.compare import Pane
from clarity_desktop.ui.canvas.geometry import Placement, to_qrect
from clarity_desktop.ui.canvas.layers import Layer, PictureLayer
from clarity_desktop.ui.canvas.pane_cache import PaneCache
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.values import TILE, Bounds


class Renderer:
    """Keeps a painted pixmap for each layer on the screen."""

    def __init__(self, cache: ScreenTileCache) -> None:
        self._cache = cache
        self._panes: dict[Layer, PaneCache] = {}
        self._prefetched: dict[Layer, object] = {}  # what was on the screen when tiles were last prefetched

    def paint(self, painter: QPainter, panes: Sequence[Pane], view: Viewport, background: str) -> list[bytes]:
        """Paint the panes; returns the hashes of tiles to fetch, the most important first. There must be a photo."""
        assert view.photo_size is not None
        self._cache.start_frame()
        wanted: list[bytes] = []
        painter.save()
        view.use_device_pixels(painter)
        for pane in panes:
            place = view.place(pane.area)
            pane_cache = self._panes.setdefault(pane.layer, PaneCache())
            pane_cache.paint(painter, pane, view.photo_size, place, background)
            wanted += pane_cache.missing(pane) or self._nearby(pane, view.photo_size, place)
        painter.restore()
        return wanted

    def snapshot(self, layer: PictureLayer, view: Viewport, background: str) -> tuple[QImage, list[bytes]]:
        """A layer as it looks when the photo is fitted, as one image, and the hashes of tiles to fetch for it."""
        assert view.photo_size is not None
        place = view.fitted_place()
        place = Placement(0, 0, place.width, place.height)
        area = QRect(0, 0, max(1, round(place.width)), max(1, round(place.height)))
        image = QImage(area.size(), QImage.Format.Format_RGB32)
        image.fill(QColor(background))
        painter = QPainter(image)
        self._cache.start_frame()
        missing = [tile for tile, _ in layer.paint(painter, view.photo_size, place, area)]
        painter.end()
        image.setDevicePixelRatio(view.ratio)
        return image, missing

    def repaint_tile(self, tile: bytes) -> None:
        """Repaint where a tile was missing that is cached now."""
        for pane_cache in self._panes.values():
            pane_cache.repaint_tile(tile)

    def repaint(self, layer: PictureLayer, bounds: Bounds) -> None:
        """Repaint a part of a layer: bounds in image pixels."""
        if layer.size is not None and layer in self._panes:
            self._panes[layer].repaint(bounds, layer.size)

    def prefetch_again(self) -> None:
        """Allow prefetching again: earlier prefetched tiles may have been lost with a cancelled request."""
        self._prefetched.clear()

    def keep_only(self, layers: Sequence[Layer]) -> None:
        """Free the memory of other layers."""
        self._panes = {layer: cached for layer, cached in self._panes.items() if layer in layers}
        self._prefetched = {layer: at for layer, at in self._prefetched.items() if layer in layers}

    def clear(self) -> None:
        """Free all pixmaps; the next paint event makes new ones."""
        self._panes.clear()

    def _nearby(self, pane: Pane, photo_size: tuple[int, int], place: Placement) -> list[bytes]:
        """Tiles that a complete pane may need next; looked for once per half a tile of panning, as it takes time."""
        pane.layer.drop_previous()
        # Panning by less than half a tile cannot bring a new tile near.
        half = TILE // 2
        position = (place.x // half, place.y // half, place.width, pane.clip.width, pane.layer.revision)
        if self._prefetched.get(pane.layer) == position:
            return []
        self._prefetched[pane.layer] = position
        return pane.layer.nearby_tiles(photo_size, place, to_qrect(pane.clip))
