"""Tiles of a version for the screen: a cache addressed by hash, a version's pyramid, parts of a running restoration."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.canvas.checkerboard import draw_image
from clarity_desktop.ui.canvas.geometry import Placement, to_screen
from clarity_desktop.ui.pixels import halved, to_image
from clarity_desktop.values import TILE, Bounds, Level, Manifest, Pixels

ImagePart = tuple[QImage, QRectF]
"""An image and the part of it to be drawn."""
MissingTile = tuple[bytes, QRect]
"""The hash of a tile that is not cached, and its rectangle on the screen."""
MAX_SMOOTH_SCALE = 2.0
"""From this scale on pixels are drawn as squares."""
SMOOTH = QPainter.RenderHint.SmoothPixmapTransform
FRAMES_KEPT = 4
"""Tiles painted in this many last frames stay in the cache, whatever its budget."""


@dataclass(slots=True)
class _Entry:
    image: QImage
    pixels: Pixels
    size: int
    last_frame: int


class ScreenTileCache:
    """Tiles converted for the screen, least recently used ones dropped first. Shared by the canvases of a window.

    The pixels of a tile are kept beside its image, for the value under the pointer. Visible tiles are kept even
    above the budget, because they would be requested again at once.
    """

    def __init__(self, budget: int = 400_000_000) -> None:
        """budget in bytes."""
        self.size = 0
        self._budget = budget
        self._entries: OrderedDict[tuple[bytes, bytes | None], _Entry] = OrderedDict()
        self._frame = 0

    def add(self, tile: bytes, icc: bytes | None, pixels: Pixels) -> None:
        """Convert a tile for the screen (0.02 to 1 ms) and keep it.

        tile is its hash, icc the photo's profile (None: sRGB), pixels H×W×3 or H×W×4 uint8 or uint16 RGB(A) in that
        profile.
        """
        # A tile may arrive twice after a cancelled request.
        self._drop(tile, icc)
        image = to_image(pixels, icc)
        size = image.sizeInBytes() + pixels.nbytes
        self._entries[tile, icc] = _Entry(image, pixels, size, self._frame)
        self.size += size
        self._trim()

    def image(self, tile: bytes, icc: bytes | None) -> QImage | None:
        """The tile as an image; it counts as used. None if it is not cached."""
        entry = self._entries.get((tile, icc))
        if entry is None:
            return None
        entry.last_frame = self._frame
        self._entries.move_to_end((tile, icc))
        return entry.image

    def pixels(self, tile: bytes, icc: bytes | None) -> Pixels | None:
        """The pixels passed to `add`, H×W×3 or H×W×4 uint8 or uint16 RGB(A); None if the tile is not cached."""
        entry = self._entries.get((tile, icc))
        return None if entry is None else entry.pixels

    def has(self, tile: bytes, icc: bytes | None) -> bool:
        """Whether the tile is cached."""
        return (tile, icc) in self._entries

    def start_frame(self) -> None:
        """Call this before painting: it separates visible tiles from those of earlier frames."""
        self._frame += 1

    def _trim(self) -> None:
        while self.size > self._budget:
            key, oldest = next(iter(self._entries.items()))
            # Everything left is visible; the budget is exceeded rather than flickering.
            if oldest.last_frame > self._frame - FRAMES_KEPT:
                return
            self._drop(*key)

    def _drop(self, tile: bytes, icc: bytes | None) -> None:
        if (entry := self._entries.pop((tile, icc), None)) is not None:
            self.size -= entry.size


class Pyramid:
    """The cached tiles of one version. Level k is the photo reduced by 2ᵏ."""

    def __init__(self, manifest: Manifest, icc: bytes | None, cache: ScreenTileCache) -> None:
        self.manifest = manifest
        self.icc = icc
        self._cache = cache
        self._grids = [(-(-at.height // TILE), at.columns) for at in manifest.levels]  # rows and columns of tiles

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the photo."""
        return self.manifest.levels[0].width, self.manifest.levels[0].height

    def level(self, place: Placement) -> int:
        """The level to paint at a placement: the coarsest that is not enlarged."""
        # +1e-6: a scale of exactly 1/2ᵏ must not fall to the finer level by rounding.
        reduced = math.log2(max(1.0, self.size[0] / max(1e-6, place.width))) + 1e-6
        return min(len(self.manifest.levels) - 1, int(reduced))

    def tiles(self, level: int, place: Placement, area: QRect) -> Iterator[tuple[int, QRect]]:
        """The tiles of a level that touch an area of the screen, each with its rectangle there (device pixels)."""
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
        """The hash that addresses a tile."""
        return self.manifest.levels[level].tiles[index]

    def find(self, level: int, index: int) -> ImagePart | None:
        """The image of a tile; None if it is not cached."""
        image = self._cache.image(self.hash(level, index), self.icc)
        return None if image is None else (image, QRectF(image.rect()))

    def find_coarser(self, level: int, index: int) -> ImagePart | None:
        """What covers a missing tile in the finest coarser level that is cached; None if there is none."""
        levels = self.manifest.levels
        row, column = divmod(index, self._grids[level][1])
        for coarser in range(level + 1, len(levels)):
            row, column = row >> 1, column >> 1
            rows, columns = self._grids[coarser]
            coarse_index = min(row, rows - 1) * columns + min(column, columns - 1)
            if (image := self._cache.image(levels[coarser].tiles[coarse_index], self.icc)) is not None:
                return image, _covered_part(levels[level], index, levels[coarser], coarse_index)
        return None

    def has(self, level: int, index: int) -> bool:
        """Whether the tile is cached."""
        return self._cache.has(self.hash(level, index), self.icc)

    def value(self, x: int, y: int) -> tuple[int, ...] | None:
        """The RGB or RGBA value (0..255 or 0..65535) of a photo pixel, or of the finest cached level there.

        None outside the photo and where nothing is cached.
        """
        whole = self.manifest.levels[0]
        if not (0 <= x < whole.width and 0 <= y < whole.height):
            return None
        for at in self.manifest.levels:
            left, top = x * at.width // whole.width, y * at.height // whole.height
            tile = self._cache.pixels(at.tiles[top // TILE * at.columns + left // TILE], self.icc)
            if tile is not None:
                return tuple(int(v) for v in tile[top % TILE, left % TILE])
        return None


def _span(first: float, end: float, size: int) -> tuple[int, int]:
    """Which tiles along one side cover first..end (pixels of the level): the first, and the one after the last."""
    first, end = max(0.0, first), min(float(size), end)
    return (0, 0) if end <= first else (int(first // TILE), math.ceil(end / TILE))


def _covered_part(fine: Level, index: int, coarse: Level, coarse_index: int) -> QRectF:
    """Which part of a tile of the coarse level shows the tile `index` of the fine level."""
    bounds, tile = fine.bounds(index), coarse.bounds(coarse_index)
    across, down = coarse.width / fine.width, coarse.height / fine.height
    part = QRectF(bounds.x * across, bounds.y * down, bounds.width * across, bounds.height * down)
    return part.intersected(QRectF(tile.x, tile.y, tile.width, tile.height)).translated(-tile.x, -tile.y)


@dataclass(slots=True)
class _Patch:
    bounds: Bounds
    finest: int  # images[0] is the patch reduced 2^finest times
    images: list[QImage]

    @property
    def size(self) -> int:
        return sum(i.sizeInBytes() for i in self.images)


class RestoredParts:
    """Finished parts of a running restoration: an overlay over the version that it starts from."""

    def __init__(self, budget: int = 300_000_000) -> None:
        """budget in bytes: above it the oldest parts lose their finest resolution."""
        self._budget = budget
        self._patches: list[_Patch] = []

    def __len__(self) -> int:
        return len(self._patches)

    def add(self, bounds: Bounds, pixels: Pixels, icc: bytes | None) -> None:
        """Add a part: bounds in image pixels, pixels H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the profile
        icc (None: sRGB)."""
        self._patches = [p for p in self._patches if p.bounds.cut(bounds) != p.bounds]  # the others are covered
        images = [to_image(pixels, icc)]
        while max(images[-1].width(), images[-1].height()) > 32:
            # Reduced copies, so that painting at a small zoom does not scale a large image.
            images.append(halved(images[-1]))
        self._patches.append(_Patch(bounds, 0, images))
        self._trim()

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:
        """Paint what touches an area of the screen; see `layers.Overlay`."""
        if not self._patches:
            return
        width, height = size
        painter.setRenderHint(SMOOTH, place.width / width < MAX_SMOOTH_SCALE)
        wanted = int(math.log2(max(1.0, width / max(1e-6, place.width))) + 1e-6)
        for patch in self._patches:
            target = to_screen(patch.bounds, width, height, place)
            if target.intersects(area):
                image = patch.images[min(max(0, wanted - patch.finest), len(patch.images) - 1)]
                draw_image(painter, target, image, QRectF(image.rect()), place)

    def _trim(self) -> None:
        size = sum(p.size for p in self._patches)
        for patch in self._patches:
            if size <= self._budget:
                return
            if len(patch.images) > 1:
                size -= patch.images.pop(0).sizeInBytes()
                patch.finest += 1
