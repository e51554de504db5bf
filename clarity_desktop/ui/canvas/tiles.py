"""Tiles of a version's pyramid: a cache addressed by hash, and painting what is there at any zoom."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.pixels import halved, to_image
from clarity_desktop.values import TILE, Bounds, Level, Manifest, Pixels

Piece = tuple[QImage, QRectF]
"""An image and the part of it to be drawn."""
ON_SCREEN = 4
"""What was painted in the last so many frames stays in the cache, whatever its budget."""


@dataclass(slots=True)
class _Entry:
    image: QImage
    pixels: Pixels
    size: int
    used: int


class TileCache:
    """Tiles ready for the screen, least recently used ones dropped first. Shared by the canvases of a window.

    A tile is kept as it came, too, for the value under the pointer. What is on the screen stays even above the budget.
    """

    def __init__(self, budget: int = 400_000_000) -> None:
        """budget in bytes."""
        self.size = 0
        self._budget = budget
        self._entries: OrderedDict[tuple[bytes, bytes | None], _Entry] = OrderedDict()
        self._frame = 0

    def add(self, tile: bytes, icc: bytes | None, pixels: Pixels) -> None:
        """Convert a tile for the screen (0.02 to 1 ms) and keep it."""
        self._drop(tile, icc)
        image = to_image(pixels, icc)
        size = image.sizeInBytes() + pixels.nbytes
        self._entries[tile, icc] = _Entry(image, pixels, size, self._frame)
        self.size += size
        self._trim()

    def image(self, tile: bytes, icc: bytes | None) -> QImage | None:
        """The tile for the screen; it counts as used."""
        entry = self._entries.get((tile, icc))
        if entry is None:
            return None
        entry.used = self._frame
        self._entries.move_to_end((tile, icc))
        return entry.image

    def pixels(self, tile: bytes, icc: bytes | None) -> Pixels | None:
        """The tile as it came."""
        entry = self._entries.get((tile, icc))
        return None if entry is None else entry.pixels

    def has(self, tile: bytes, icc: bytes | None) -> bool:
        return (tile, icc) in self._entries

    def next_frame(self) -> None:
        """A painting begins."""
        self._frame += 1

    def _trim(self) -> None:
        while self.size > self._budget:
            key, oldest = next(iter(self._entries.items()))
            if oldest.used > self._frame - ON_SCREEN:
                return
            self._drop(*key)

    def _drop(self, tile: bytes, icc: bytes | None) -> None:
        if (entry := self._entries.pop((tile, icc), None)) is not None:
            self.size -= entry.size


class Pyramid:
    """One version's tiles, as far as the cache has them."""

    def __init__(self, manifest: Manifest, icc: bytes | None, cache: TileCache) -> None:
        self.manifest = manifest
        self.icc = icc
        self._cache = cache
        self._grids = [(-(-at.height // TILE), at.columns) for at in manifest.levels]  # rows and columns of tiles

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the photo."""
        return self.manifest.levels[0].width, self.manifest.levels[0].height

    def level(self, place: Placement) -> int:
        """The level to paint: the coarsest that is not enlarged."""
        reduced = math.log2(max(1.0, self.size[0] / max(1e-6, place.width))) + 1e-6
        return min(len(self.manifest.levels) - 1, int(reduced))

    def tiles(self, level: int, place: Placement, area: QRect) -> Iterator[tuple[int, QRect]]:
        """The tiles of a level that touch an area of the screen, each with its rectangle there."""
        at = self.manifest.levels[level]
        across, down = place.width / at.width, place.height / at.height
        left, right = _span((area.left() - place.x) / across, (area.right() + 1 - place.x) / across, at.width)
        top, bottom = _span((area.top() - place.y) / down, (area.bottom() + 1 - place.y) / down, at.height)
        xs = [place.x + round(min(TILE * k, at.width) * across) for k in range(left, right + 1)]
        ys = [place.y + round(min(TILE * k, at.height) * down) for k in range(top, bottom + 1)]
        for row, (y, y_end) in enumerate(pairwise(ys), top):
            for column, (x, x_end) in enumerate(pairwise(xs), left):
                yield row * at.columns + column, QRect(x, y, x_end - x, y_end - y)

    def hash(self, level: int, index: int) -> bytes:
        return self.manifest.levels[level].tiles[index]

    def find(self, level: int, index: int) -> Piece | None:
        """The picture of a tile."""
        image = self._cache.image(self.hash(level, index), self.icc)
        return None if image is None else (image, QRectF(image.rect()))

    def stand_in(self, level: int, index: int) -> Piece | None:
        """The picture of a tile that has not come, from the finest coarser level that has it."""
        levels = self.manifest.levels
        row, column = divmod(index, self._grids[level][1])
        for coarser in range(level + 1, len(levels)):
            row, column = row >> 1, column >> 1
            rows, columns = self._grids[coarser]
            here = min(row, rows - 1) * columns + min(column, columns - 1)
            if (image := self._cache.image(levels[coarser].tiles[here], self.icc)) is not None:
                return image, _part(levels, level, index, coarser, here)
        return None

    def has(self, level: int, index: int) -> bool:
        return self._cache.has(self.hash(level, index), self.icc)

    def value(self, x: int, y: int) -> tuple[int, int, int] | None:
        """The RGB value of a pixel of the photo, or of the finest cached level there; None if there is none."""
        whole = self.manifest.levels[0]
        if not (0 <= x < whole.width and 0 <= y < whole.height):
            return None
        for at in self.manifest.levels:
            left, top = x * at.width // whole.width, y * at.height // whole.height
            tile = self._cache.pixels(at.tiles[top // TILE * at.columns + left // TILE], self.icc)
            if tile is not None:
                red, green, blue = (int(v) for v in tile[top % TILE, left % TILE])
                return red, green, blue
        return None


def _span(first: float, end: float, size: int) -> tuple[int, int]:
    """Which tiles along one side cover first..end (pixels of the level)."""
    first, end = max(0.0, first), min(float(size), end)
    return (0, 0) if end <= first else (int(first // TILE), math.ceil(end / TILE))


def _part(levels: tuple[Level, ...], level: int, index: int, coarser: int, here: int) -> QRectF:
    """Which part of the tile `here` of a coarser level a tile is."""
    fine, coarse, bounds, tile = (
        levels[level],
        levels[coarser],
        levels[level].bounds(index),
        levels[coarser].bounds(here),
    )
    across, down = coarse.width / fine.width, coarse.height / fine.height
    part = QRectF(bounds.x * across, bounds.y * down, bounds.width * across, bounds.height * down)
    return part.intersected(QRectF(tile.x, tile.y, tile.width, tile.height)).translated(-tile.x, -tile.y)


def on_screen(bounds: Bounds, width: int, height: int, place: Placement) -> QRect:
    """Whole device pixels of a part of a width × height picture: neighbours meet without gap or overlap."""
    across, down = place.width / width, place.height / height
    x, y = place.x + round(bounds.x * across), place.y + round(bounds.y * down)
    return QRect(x, y, place.x + round(bounds.right * across) - x, place.y + round(bounds.bottom * down) - y)


@dataclass(slots=True)
class _Patch:
    bounds: Bounds
    finest: int  # images[0] is the patch reduced 2^finest times
    images: list[QImage]

    @property
    def size(self) -> int:
        return sum(i.sizeInBytes() for i in self.images)


class Painted:
    """Finished parts of a running restoration, over the version that it starts from."""

    def __init__(self, budget: int = 300_000_000) -> None:
        """budget in bytes: above it the oldest parts lose their finest resolution."""
        self._budget = budget
        self._patches: list[_Patch] = []

    def add(self, bounds: Bounds, pixels: Pixels, icc: bytes | None) -> None:
        self._patches = [p for p in self._patches if p.bounds.cut(bounds) != p.bounds]  # painted over
        images = [to_image(pixels, icc)]
        while max(images[-1].width(), images[-1].height()) > 32:
            images.append(halved(images[-1]))
        self._patches.append(_Patch(bounds, 0, images))
        self._trim()

    def paint(self, painter: QPainter, width: int, height: int, place: Placement, area: QRect) -> None:
        """Paint what touches an area of the screen; width and height are the photo's."""
        wanted = int(math.log2(max(1.0, width / max(1e-6, place.width))) + 1e-6)
        for patch in self._patches:
            target = on_screen(patch.bounds, width, height, place)
            if target.intersects(area):
                image = patch.images[min(max(0, wanted - patch.finest), len(patch.images) - 1)]
                painter.drawImage(target, image, image.rect())

    def _trim(self) -> None:
        size = sum(p.size for p in self._patches)
        for patch in self._patches:
            if size <= self._budget:
                return
            if len(patch.images) > 1:
                size -= patch.images.pop(0).sizeInBytes()
                patch.finest += 1
