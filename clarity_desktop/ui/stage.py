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
"""Levels: how much coarser what is around is asked for; no limit for a stand-in."""
SMOOTH = QPainter.RenderHint.SmoothPixmapTransform


class Stage:
    """The pictures of a canvas and how they are painted at a place. Knows no widget."""

    def __init__(self, cache: TileCache) -> None:
        self.cache = cache
        self.size: tuple[int, int] | None = None
        self.icc: bytes | None = None
        self.painted = Painted()
        self._version: Pyramid | None = None
        self._stale: tuple[Pyramid, Painted] | None = None  # the version before, shown until all tiles have come
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
        self._stale = (self._version, self.painted) if self._version is not None and same else None
        self._version, self.size, self.icc = new, new.size, icc
        self.painted = Painted()

    def show_other(self, manifest: Manifest | None) -> None:
        self._other = None if manifest is None else Pyramid(manifest, self.icc, self.cache)

    def clear(self) -> None:
        self.size = self._version = self._stale = self._other = self._preview = None
        self.painted = Painted()

    def clear_painted(self) -> None:
        self.painted = Painted()

    def value(self, x: int, y: int) -> tuple[int, int, int] | None:
        return None if self._version is None else self._version.value(x, y)

    def paint(self, painter: QPainter, shows: Shown, place: Place, area: QRect) -> None:
        """Paint a version where it touches an area of the screen, both in device pixels."""
        pyramid, place = self._of(shows, place)
        if shows == "version" and self.size is not None:
            if pyramid is not None:
                self._paint_version(painter, pyramid, place, area)
            elif self._preview is not None:
                painter.setRenderHint(SMOOTH, on=True)
                painter.drawImage(QRectF(place.x, place.y, place.width, place.height), self._preview)
            self._paint_painted(painter, self.painted, place, area)
        elif pyramid is not None:
            self._paint_tiles(painter, pyramid, place, area, reach=ANY)

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
            self._stale = None  # its time is over
        around = area.adjusted(-TILE, -TILE, TILE, TILE)
        far = area.adjusted(-area.width(), -area.height(), area.width(), area.height())
        coarser = min(level + NEAR, len(pyramid.manifest.levels) - 1)
        return _lacking(pyramid, coarser, place, far) + _lacking(pyramid, level, place, around)

    def _of(self, shows: Shown, place: Place) -> tuple[Pyramid | None, Place]:
        if shows == "version" or self._other is None:
            return (self._version if shows == "version" else None), place
        return self._other, (place if self._other.size == self.size else place.within(*self._other.size))

    def _paint_version(self, painter: QPainter, pyramid: Pyramid, place: Place, area: QRect) -> None:
        """While tiles are to come, what was shown before stands in: sharp but old is better than new but coarse."""
        if self._stale is None:
            self._paint_tiles(painter, pyramid, place, area, reach=ANY)
            return
        before, painted = self._stale
        self._paint_tiles(painter, before, place, area, reach=ANY)
        self._paint_painted(painter, painted, place, area)
        self._paint_tiles(painter, pyramid, place, area, reach=0)

    def _paint_painted(self, painter: QPainter, painted: Painted, place: Place, area: QRect) -> None:
        assert self.size is not None
        painter.setRenderHint(SMOOTH, place.width / self.size[0] < NEAREST)
        painted.paint(painter, *self.size, place, area)

    def _paint_tiles(self, painter: QPainter, pyramid: Pyramid, place: Place, area: QRect, *, reach: int) -> None:
        """reach: how many levels coarser a stand-in may be."""
        level = pyramid.level(place)
        fine = place.width / pyramid.manifest.levels[level].width < NEAREST
        for index, target in pyramid.tiles(level, place, area):
            piece = pyramid.find(level, index, 0)
            painter.setRenderHint(SMOOTH, fine or piece is None)
            if piece is None and reach:
                piece = pyramid.find(level, index, reach)
                if piece is None and self._preview is not None and pyramid is self._version:
                    piece = _part(self._preview, pyramid, level, index)
            if piece is not None:
                painter.drawImage(QRectF(target), *piece)


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
