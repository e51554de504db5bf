"""What a canvas shows: a version, the one compared with, and what stands in until their tiles have come."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.canvas.compare import Shown
from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.tiles import Painted, Piece, Pyramid, TileCache
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import TILE, Manifest, Pixels

NEAREST = 2.0
"""From this scale on pixels are drawn as squares."""
Lacking = tuple[bytes, QRect]
"""The hash of a tile that has not come, and its rectangle on the screen."""
SMOOTH = QPainter.RenderHint.SmoothPixmapTransform


class Scene:
    """The pictures of a canvas and how they are painted at a place. Knows no widget."""

    def __init__(self, cache: TileCache) -> None:
        self.cache = cache
        self.size: tuple[int, int] | None = None
        self.icc: bytes | None = None
        self.painted = Painted()
        self.edition = 0  # changes with all that is shown but tiles that come
        self._version: Pyramid | None = None
        self._stale: tuple[Pyramid, Painted] | None = None  # the version before, shown until all tiles have come
        self._other: Pyramid | None = None
        self._preview: QImage | None = None
        self._heat: dict[Shown, QImage] = {}

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
        self._heat.pop("version", None)
        self.clear_painted()

    def show_other(self, manifest: Manifest | None) -> None:
        if self._other is not None and manifest is self._other.manifest and self.icc == self._other.icc:
            return
        self._other = None if manifest is None else Pyramid(manifest, self.icc, self.cache)
        self._heat.pop("other", None)
        self.edition += 1

    def show_heat(self, shows: Shown, picture: QImage | None) -> None:
        """A picture to be stretched over a version, until another version is shown; None takes it away."""
        if picture is self._heat.get(shows):
            return
        self._heat.pop(shows, None)
        if picture is not None:
            self._heat[shows] = picture
        self.edition += 1

    def clear(self) -> None:
        self._heat.clear()
        self.size = self._version = self._stale = self._other = self._preview = None
        self.clear_painted()

    def clear_painted(self) -> None:
        self.painted = Painted()
        self.edition += 1

    def value(self, x: int, y: int) -> tuple[int, int, int] | None:
        return None if self._version is None else self._version.value(x, y)

    def paint(self, painter: QPainter, shows: Shown, place: Placement, area: QRect) -> list[Lacking]:
        """Paint a version where it touches an area of the screen, both in device pixels. What it lacked is told."""
        pyramid, place = self._of(shows, place)
        lacking: list[Lacking] = []
        if shows == "version" and self.size is not None:
            if pyramid is not None:
                lacking = self._paint_version(painter, pyramid, place, area)
            elif self._preview is not None:
                painter.setRenderHint(SMOOTH, on=True)
                painter.drawImage(QRectF(place.x, place.y, place.width, place.height), self._preview)
            self._paint_painted(painter, self.painted, place, area)
        elif pyramid is not None:
            lacking = self._paint_tiles(painter, pyramid, place, area, stands_in=True)
        if (heat := self._heat.get(shows)) is not None:
            painter.setRenderHint(SMOOTH, on=True)
            painter.drawImage(QRectF(place.x, place.y, place.width, place.height), heat)
        return lacking

    def around(self, shows: Shown, place: Placement, area: QRect) -> list[bytes]:
        """Tiles that are not cached near an area that lacks none: those beside it, and coarser ones farther out."""
        pyramid, place = self._of(shows, place)
        if pyramid is None:
            return []
        level = pyramid.level(place)
        coarser = min(level + 2, len(pyramid.manifest.levels) - 1)
        wide, near = area.width(), TILE
        far = area.adjusted(-wide, -area.height(), wide, area.height())
        return [
            pyramid.hash(at, index)
            for at, region in ((coarser, far), (level, area.adjusted(-near, -near, near, near)))
            for index, _ in pyramid.tiles(at, place, region)
            if not pyramid.has(at, index)
        ]

    def settle(self) -> None:
        """All tiles of the version have come: what stood in for them is let go."""
        self._stale = None

    def _of(self, shows: Shown, place: Placement) -> tuple[Pyramid | None, Placement]:
        if shows == "version" or self._other is None:
            return (self._version if shows == "version" else None), place
        return self._other, (place if self._other.size == self.size else place.within(*self._other.size))

    def _paint_version(self, painter: QPainter, pyramid: Pyramid, place: Placement, area: QRect) -> list[Lacking]:
        """While tiles are to come, what was shown before stands in: sharp but old is better than new but coarse."""
        level = pyramid.level(place)
        if self._stale is None or all(pyramid.has(level, index) for index, _ in pyramid.tiles(level, place, area)):
            return self._paint_tiles(painter, pyramid, place, area, stands_in=True)
        before, painted = self._stale
        self._paint_tiles(painter, before, place, area, stands_in=True)
        self._paint_painted(painter, painted, place, area)
        return self._paint_tiles(painter, pyramid, place, area, stands_in=False)

    def _paint_painted(self, painter: QPainter, painted: Painted, place: Placement, area: QRect) -> None:
        assert self.size is not None
        painter.setRenderHint(SMOOTH, place.width / self.size[0] < NEAREST)
        painted.paint(painter, *self.size, place, area)

    def _paint_tiles(
        self, painter: QPainter, pyramid: Pyramid, place: Placement, area: QRect, *, stands_in: bool
    ) -> list[Lacking]:
        """stands_in: coarser levels and the preview stand in for tiles that have not come."""
        level = pyramid.level(place)
        fine = place.width / pyramid.manifest.levels[level].width < NEAREST
        lacking: list[Lacking] = []
        for index, target in pyramid.tiles(level, place, area):
            piece = pyramid.find(level, index)
            painter.setRenderHint(SMOOTH, fine or piece is None)
            if piece is None:
                lacking.append((pyramid.hash(level, index), target))
                piece = self._stand_in(pyramid, level, index) if stands_in else None
            if piece is not None:
                painter.drawImage(QRectF(target), *piece)
        return lacking

    def _stand_in(self, pyramid: Pyramid, level: int, index: int) -> Piece | None:
        piece = pyramid.stand_in(level, index)
        if piece is None and self._preview is not None and pyramid is self._version:
            return _part(self._preview, pyramid, level, index)
        return piece


def _part(preview: QImage, pyramid: Pyramid, level: int, index: int) -> Piece:
    """The part of the preview that a tile covers."""
    at = pyramid.manifest.levels[level]
    bounds, across, down = at.bounds(index), preview.width() / at.width, preview.height() / at.height
    return preview, QRectF(bounds.x * across, bounds.y * down, bounds.width * across, bounds.height * down)
