"""Adding tiles up to one picture, and mixing what was restored with what was there.

Sums are whole numbers: weights of a pixel add up to exactly FULL, values are 16 bits deep. So the order of the tiles
does not change a single pixel, and pixels that all tiles agree on come out as they went in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.restore.layout import STEPS, Grid
from clarity_desktop.values import TILE, Bounds, Pixels, Tile

FULL = STEPS * STEPS
Deep = NDArray[np.uint16]
"""Values of 0..65535, whatever the photo's depth: 8-bit values times 257."""


@dataclass(slots=True, eq=False)
class _Chunk:
    """A square of the result to which tiles still contribute."""

    sums: NDArray[np.int32]
    left: NDArray[np.int32]  # of FULL
    share: NDArray[np.int32] = field(init=False)  # what the tiles of the present grid divide among themselves

    def __post_init__(self) -> None:
        self.share = self.left.copy()


class Blend:
    """A picture that is the weighted sum of tiles. Memory is held only where tiles are still to come.

    Tiles come from one grid; after `regrid` the rest is divided among those of another.
    """

    def __init__(self, out: Pixels, scale: int) -> None:
        """out (H×W×3) receives each pixel once it is complete; scale is that of the grids' pixels to out's."""
        self._out = out
        self._scale = scale
        self._chunks: dict[tuple[int, int], _Chunk | None] = {}  # None: complete

    def regrid(self) -> None:
        """From now on tiles come from another grid, which covers what is still missing."""
        for chunk in self._chunks.values():
            if chunk is not None:
                chunk.share = chunk.left.copy()

    def wants(self, cell: Bounds) -> bool:
        """Whether anything was missing in a cell when its grid began."""
        for key in _keys(cell):
            if key not in self._chunks:
                return True
            part = Bounds(key[1] * TILE, key[0] * TILE, TILE, TILE).cut(cell)
            chunk = self._chunks[key]
            if chunk is not None and chunk.share[_within(part, key).slices()].any():
                return True
        return False

    def add(self, grid: Grid, index: int, values: Deep) -> Pixels:
        """Add a tile; values are those of its cell. Returns the cell's pixels as they stand now.

        They are final but where a neighbour is still missing: there the present sum is shown as if it were all, and
        the neighbour's cell covers these pixels again.
        """
        cell = grid.cell(index, self._scale)
        shown: Any = np.empty((cell.height, cell.width, 3), self._out.dtype)
        for key, part, weights in self._parts(grid, index):
            inside = Bounds(part.x - cell.x, part.y - cell.y, part.width, part.height)
            if (chunk := self._chunks[key]) is not None:
                here = _within(part, key).slices()
                chunk.sums[here] += weights[..., None] * values[inside.slices()]
                chunk.left[here] -= weights
                so_far = FULL - chunk.left[here]
                own = as_pixels(values[inside.slices()], self._out.dtype)
                shown[inside.slices()] = np.where(
                    so_far[..., None] > 0, _settled(chunk.sums[here], so_far, own.dtype), own
                )
                self._complete(key, chunk)
            else:
                shown[inside.slices()] = self._out[part.slices()]
        return shown

    def _complete(self, key: tuple[int, int], chunk: _Chunk) -> None:
        if not chunk.left.any():
            y, x = key[0] * TILE, key[1] * TILE
            self._out[y : y + TILE, x : x + TILE] = _settled(chunk.sums, FULL - chunk.left, self._out.dtype)
            self._chunks[key] = None

    def _parts(self, grid: Grid, index: int) -> Iterator[tuple[tuple[int, int], Bounds, NDArray[np.int32]]]:
        """Chunk by chunk: the chunk's key, what the tile's cell covers of it, and the tile's weights there."""
        cell = grid.cell(index, self._scale)
        column, row = grid.at(index)
        across, down = grid.columns.fades(column, self._scale), grid.rows.fades(row, self._scale)
        for key in _keys(cell):
            part = Bounds(key[1] * TILE, key[0] * TILE, TILE, TILE).cut(cell)
            rows, columns = Bounds(part.x - cell.x, part.y - cell.y, part.width, part.height).slices()
            chunk = self._chunk(key)
            if chunk is None:
                yield key, part, np.zeros((part.height, part.width), np.int32)
                continue
            weights = chunk.share[_within(part, key).slices()]
            weights = _divide(weights, across[0][None, columns], across[1][None, columns])
            weights = _divide(weights, down[0][rows, None], down[1][rows, None])
            yield key, part, weights

    def _chunk(self, key: tuple[int, int]) -> _Chunk | None:
        if key not in self._chunks:
            height = min(TILE, self._out.shape[0] - key[0] * TILE)
            width = min(TILE, self._out.shape[1] - key[1] * TILE)
            self._chunks[key] = _Chunk(np.zeros((height, width, 3), np.int32), np.full((height, width), FULL, np.int32))
        return self._chunks[key]


def _keys(cell: Bounds) -> Iterator[tuple[int, int]]:
    """Row and column of each chunk that a cell touches."""
    for row in range(cell.y // TILE, -(-cell.bottom // TILE)):
        for column in range(cell.x // TILE, -(-cell.right // TILE)):
            yield row, column


def _within(part: Bounds, key: tuple[int, int]) -> Bounds:
    return Bounds(part.x - key[1] * TILE, part.y - key[0] * TILE, part.width, part.height)


def _divide(share: NDArray[np.int32], faded_in: NDArray[np.int32], next_in: NDArray[np.int32]) -> NDArray[np.int32]:
    """A tile's part of a share. What is rounded off one tile is the next one's, so that nothing is lost."""
    return share * faded_in // STEPS - share * next_in // STEPS


def _settled(
    sums: NDArray[np.int32], weights: NDArray[np.int32], dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
) -> Pixels:
    """Sums → pixels of the photo's depth; 0 where nothing has been added yet."""
    if (weights == FULL).all():  # by far the most frequent case, and a shift is quick
        return as_pixels(((sums + FULL // 2) // FULL).astype(np.uint16), dtype)
    weights = np.maximum(weights, 1)[..., None]
    return as_pixels(((sums + weights // 2) // weights).astype(np.uint16), dtype)


def cut(pixels: Pixels, bounds: Bounds) -> Pixels:
    """A view of a part of a photo."""
    part: Any = pixels[bounds.slices()]
    return part


def as_pixels(values: Deep, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Pixels:
    """16-bit values at a photo's depth, rounded to nearest."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8) if dtype == np.uint8 else values


def as_deep(values: Pixels | Tile) -> Deep:
    """Pixels of any depth, or float32 0..1 (clipped, rounded to nearest), as 16-bit values."""
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)
    if values.dtype == np.uint16:
        return values.astype(np.uint16, copy=False)
    return np.rint(values.clip(0, 1) * np.float32(65535)).astype(np.uint16)


def as_tile(pixels: Pixels) -> Tile:
    """Pixels as float32 0..1."""
    top = 255 if pixels.dtype == np.uint8 else 65535
    return np.divide(pixels, np.float32(top), dtype=np.float32)


def mix(before: Tile, after: Tile, amount: NDArray[np.float32]) -> Tile:
    """before where amount (H×W, 0..1) is 0, after where it is 1, between them a blend in linear light."""
    if (amount >= 1).all():
        return after
    amount = amount[..., None]
    light = _linear(before)
    light += amount * (_linear(after.clip(0, 1)) - light)
    return np.where(amount >= 1, after, np.where(amount <= 0, before, _encoded(light)))


def _linear(values: Tile) -> Tile:
    """sRGB → linear light."""
    high = ((values + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(values <= np.float32(0.04045), values / np.float32(12.92), high)


def _encoded(light: Tile) -> Tile:
    """Linear light → sRGB."""
    high = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= np.float32(0.0031308), light * np.float32(12.92), high)


def feathered(mask: NDArray[np.uint8], feather: int) -> NDArray[np.uint8]:
    """The mask, softened over `feather` pixels inside its edge; outside it stays 0, at the picture's edge it stays."""
    if feather <= 0:
        return mask
    import cv2

    edge = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5)
    along = ((edge - 0.5) / feather).clip(0, 1)
    return np.rint(mask * (0.5 - 0.5 * np.cos(np.pi * along))).astype(np.uint8)
