"""What a canvas shows: a version, the one compared with, and what stands in until their tiles have come."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.compare import Shown
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.ui.pyramid import Painted, Piece, Pyramid, TileCache
from clarity_desktop.ui.view import Place
from clarity_desktop.values import TILE, Manifest, Pixels

NEAREST = 2.0
"""From this scale on pixels are drawn as squares."""
NEAR, ANY = 2, 99
"""How many levels coarser a stand-in may be."""


class Stage:
    """The pictures of a canvas and how they are painted at a place. Knows no widget."""

    def __init__(self, cache: TileCache) -> None:
        self.cache = cache
        self.size: tuple[int, int] | None = None
        self.icc: bytes | None = None
        self.painted = Painted()
        self._version: Pyramid | None = None
        self._stale: Pyramid | None = None  # the version before, shown where tiles are still to come
        self._other: Pyramid | None = None
        self._preview: QImage | None = None

    @property
    def has_other(self) -> bool:
        return self._other is not None

    def show_preview(self, width: int, height: int, pixels: Pixels, icc: bytes | None) -> None:
        self.clear()
        self.size, self.icc = (width, height), icc
        self._preview = to_image(pixels, icc)

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version. One of the same size stands in for it until its tiles have come."""
        new = Pyramid(manifest, icc, self.cache)
        same = new.size == self.size
        if self._version is not None or not same:
            self._preview = None
        self._stale = self._version if same else None
        self._version, self.size, self.icc = new, new.size, icc
        self.painted.clear()

    def show_other(self, manifest: Manifest | None) -> None:
        self._other = None if manifest is None else Pyramid(manifest, self.icc, self.cache)

    def clear(self) -> None:
        self.size = self._version = self._stale = self._other = self._preview = None
        self.painted.clear()

    def value(self, x: int, y: int) -> tuple[int, int, int] | None:
        return None if self._version is None else self._version.value(x, y)

    def paint(self, painter: QPainter, shows: Shown, place: Place, area: QRect) -> None:
        """Paint a version where it touches an area of the screen, both in device pixels."""
        pyramid, place = self._of(shows, place)
        if shows == "version" and self.size is not None:
            if pyramid is not None:
                self._paint_tiles(painter, pyramid, place, area, stands_in=True)
            elif self._preview is not None:
                _smooth(painter, place.width / self.size[0])
                painter.drawImage(QRectF(place.x, place.y, place.width, place.height), self._preview)
            _smooth(painter, place.width / self.size[0])
            self.painted.paint(painter, *self.size, place, area)
        elif pyramid is not None:
            self._paint_tiles(painter, pyramid, place, area, stands_in=False)

    def missing(self, shows: Shown, place: Place, area: QRect) -> list[bytes]:
        """Tiles that the area lacks, nearest to its middle first; if it lacks none, those around it."""
        pyramid, place = self._of(shows, place)
        if pyramid is None:
            return []
        level = pyramid.level(place)
        lacking = _lacking(pyramid, level, place, area)
        if lacking:
            return lacking
        if shows == "version":
            self._stale = None
        around = area.adjusted(-TILE, -TILE, TILE, TILE)
        far = area.adjusted(-area.width(), -area.height(), area.width(), area.height())
        coarser = min(level + NEAR, len(pyramid.manifest.levels) - 1)
        return _lacking(pyramid, coarser, place, far) + _lacking(pyramid, level, place, around)

    def _of(self, shows: Shown, place: Place) -> tuple[Pyramid | None, Place]:
        if shows == "version" or self._other is None:
            return (self._version if shows == "version" else None), place
        return self._other, (place if self._other.size == self.size else place.within(*self._other.size))

    def _paint_tiles(self, painter: QPainter, pyramid: Pyramid, place: Place, area: QRect, *, stands_in: bool) -> None:
        level = pyramid.level(place)
        scale = place.width / pyramid.manifest.levels[level].width
        for index, target in pyramid.tiles(level, place, area):
            if (piece := pyramid.find(level, index, 0)) is not None:
                _smooth(painter, scale)
            else:
                piece = self._stand_in(pyramid, level, index) if stands_in else pyramid.find(level, index, ANY)
                _smooth(painter, 0.0)
            if piece is not None:
                painter.drawImage(QRectF(target), *piece)

    def _stand_in(self, pyramid: Pyramid, level: int, index: int) -> Piece | None:
        """The best picture of a tile that has not come: sharp but old is better than new but very coarse."""
        for reach in (NEAR, ANY):
            for source in (pyramid, self._stale):
                if source is not None and (piece := source.find(level, index, reach)) is not None:
                    return piece
        return None if self._preview is None else _part(self._preview, pyramid, level, index)


def _lacking(pyramid: Pyramid, level: int, place: Place, area: QRect) -> list[bytes]:
    return [pyramid.hash(level, index) for index in _by_nearness(pyramid, level, place, area)]


def _by_nearness(pyramid: Pyramid, level: int, place: Place, area: QRect) -> Iterator[int]:
    middle = area.center()
    absent = [
        ((target.center() - middle).manhattanLength(), index)
        for index, target in pyramid.tiles(level, place, area)
        if not pyramid.has(level, index)
    ]
    return (index for _, index in sorted(absent))


def _part(preview: QImage, pyramid: Pyramid, level: int, index: int) -> Piece:
    """The part of the preview that a tile covers."""
    at = pyramid.manifest.levels[level]
    bounds, across, down = at.bounds(index), preview.width() / at.width, preview.height() / at.height
    return preview, QRectF(bounds.x * across, bounds.y * down, bounds.width * across, bounds.height * down)


def _smooth(painter: QPainter, scale: float) -> None:
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < NEAREST)
