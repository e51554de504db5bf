"""Adding tiles up to one picture, and mixing what was restored with what was there.

Sums are whole numbers: weights of a pixel add up to exactly FULL, values are 16 bits deep. So the order of the tiles
does not change a single pixel, and pixels that all tiles agree on come out as they went in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop import srgb
from clarity_desktop.backend.restore.layout import STEPS, Grid
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import TILE, Bounds, Pixels, Tile

FULL = STEPS * STEPS
Deep = NDArray[np.uint16]
"""Values of 0..65535, whatever the photo's depth: 8-bit values times 257."""


@dataclass(slots=True, eq=False)
class _Chunk:
    """A square of the result to which tiles still contribute: H×W×3 weighted sums, and H×W weight that is missing."""

    sums: NDArray[np.int32]
    missing: NDArray[np.int32]  # of FULL


class Blend:
    """A picture that is the weighted sum of the tiles of one grid. Memory is held only where tiles are missing."""

    def __init__(self, out: Pixels, scale: int) -> None:
        """out (H×W×3 RGB, uint8 or uint16) receives each pixel once it is complete.

        scale: pixels of `out` for each pixel of the grid.
        """
        self._out = out
        self._scale = scale
        self._chunks: dict[tuple[int, int], _Chunk | None] = {}  # None: complete

    def add(self, grid: Grid, index: int, values: Deep) -> Pixels:
        """Add a tile; values: those of its cell, H×W×3 uint16. Returns the pixels of the cell (H×W×3, depth of out).

        They are final except where a neighbor is still missing: there the sum so far is shown as if it were complete,
        and the neighbor's cell covers these pixels again.
        """
        cell = grid.cell(index, self._scale)
        shown: Any = np.empty((cell.height, cell.width, 3), self._out.dtype)
        for key, part, weights in self._parts(grid, index):
            inside = Bounds(part.x - cell.x, part.y - cell.y, part.width, part.height)
            if (chunk := self._chunks[key]) is not None:
                here = _within(part, key).slices()
                # int32 is enough: FULL (2¹⁴) times 65535 is below 2³¹.
                chunk.sums[here] += weights[..., None] * values[inside.slices()]
                chunk.missing[here] -= weights
                so_far = FULL - chunk.missing[here]
                own = as_pixels(values[inside.slices()], self._out.dtype)
                shown[inside.slices()] = np.where(
                    so_far[..., None] > 0, _averaged(chunk.sums[here], so_far, own.dtype), own
                )
                self._complete(key, chunk)
            else:
                shown[inside.slices()] = self._out[part.slices()]
        return shown

    def _complete(self, key: tuple[int, int], chunk: _Chunk) -> None:
        if not chunk.missing.any():
            y, x = key[0] * TILE, key[1] * TILE
            self._out[y : y + TILE, x : x + TILE] = _averaged(chunk.sums, FULL - chunk.missing, self._out.dtype)
            # Complete: its memory is released, and later reads come from the result.
            self._chunks[key] = None

    def _parts(self, grid: Grid, index: int) -> Iterator[tuple[tuple[int, int], Bounds, NDArray[np.int32]]]:
        """Chunk by chunk: the chunk's key, what the tile's cell covers of it, and the tile's weights there."""
        cell = grid.cell(index, self._scale)
        column, row = grid.at(index)
        across, down = grid.columns.weights(column, self._scale), grid.rows.weights(row, self._scale)
        for key in _keys(cell):
            part = Bounds(key[1] * TILE, key[0] * TILE, TILE, TILE).cut(cell)
            rows, columns = Bounds(part.x - cell.x, part.y - cell.y, part.width, part.height).slices()
            self._begin(key)
            yield key, part, down[rows, None] * across[None, columns]

    def _begin(self, key: tuple[int, int]) -> None:
        if key not in self._chunks:
            height = min(TILE, self._out.shape[0] - key[0] * TILE)
            width = min(TILE, self._out.shape[1] - key[1] * TILE)
            self._chunks[key] = _Chunk(np.zeros((height, width, 3), np.int32), np.full((height, width), FULL, np.int32))


def _keys(cell: Bounds) -> Iterator[tuple[int, int]]:
    """Row and column of each chunk that a cell touches."""
    for row in range(cell.y // TILE, -(-cell.bottom // TILE)):
        for column in range(cell.x // TILE, -(-cell.right // TILE)):
            yield row, column


def _within(part: Bounds, key: tuple[int, int]) -> Bounds:
    return Bounds(part.x - key[1] * TILE, part.y - key[0] * TILE, part.width, part.height)


def _averaged(
    sums: NDArray[np.int32], weights: NDArray[np.int32], dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
) -> Pixels:
    """Sums (H×W×3) and their weights (H×W) as pixels of a depth; 0 where nothing has been added yet."""
    if (weights == FULL).all():  # by far the most frequent case, and a shift is quick
        return as_pixels(((sums + FULL // 2) // FULL).astype(np.uint16), dtype)
    weights = np.maximum(weights, 1)[..., None]
    return as_pixels(((sums + weights // 2) // weights).astype(np.uint16), dtype)


def cut(pixels: Pixels, bounds: Bounds) -> Pixels:
    """A view of a part of a photo (H×W×3, uint8 or uint16)."""
    part: Any = pixels[bounds.slices()]
    return part


def as_pixels(values: Deep, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Pixels:
    """H×W×3 uint16 values as pixels of a photo's depth, uint8 or uint16, rounded to nearest."""
    return to_8_bits(values) if dtype == np.uint8 else values


def as_deep(values: Pixels | Tile) -> Deep:
    """H×W×3 uint8 or uint16, or float32 0..1 (clipped, rounded to nearest), as H×W×3 uint16."""
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)
    if values.dtype == np.uint16:
        return values.astype(np.uint16, copy=False)
    return np.rint(values.clip(0, 1) * np.float32(65535)).astype(np.uint16)


def as_tile(pixels: Pixels) -> Tile:
    """Pixels (H×W×3, uint8 or uint16) as float32 0..1."""
    top = 255 if pixels.dtype == np.uint8 else 65535
    return np.divide(pixels, np.float32(top), dtype=np.float32)


def gray_tile(tile: Tile) -> Tile:
    """The luma of a tile (float32 H×W×3, any range) in all three channels, with the weights of BT.601."""
    return np.repeat(tile @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, axis=2)


def mix(before: Tile, after: Tile, amount: NDArray[np.float32]) -> Tile:
    """Blend two tiles (float32 H×W×3, sRGB 0..1) in linear light: `before` where amount (H×W) is 0, `after` where 1."""
    if (amount >= 1).all():
        return after
    amount = amount[..., None]
    light = srgb.linear(before)
    light += amount * (srgb.linear(after.clip(0, 1)) - light)
    # Exact at both ends: outside the mask pixels must stay bit-identical.
    return np.where(amount >= 1, after, np.where(amount <= 0, before, srgb.encoded(light)))


def feathered(mask: NDArray[np.uint8], feather: int) -> NDArray[np.uint8]:
    """The mask (H×W, 0..255), softened over `feather` pixels inside its edge.

    Outside it stays 0; at the border of the picture, where the mask has no edge, it stays as it is.
    """
    if feather <= 0:
        return mask
    import cv2

    edge = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5)
    along = ((edge - 0.5) / feather).clip(0, 1)
    return np.rint(mask * (0.5 - 0.5 * np.cos(np.pi * along))).astype(np.uint8)
