"""The layout of tiles: a grid of equal tiles with shared borders, and the weight of each at every pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Bounds

STEPS = 128
"""Weights along one axis are whole numbers of 1/STEPS, so that they add up exactly, in any order."""


def round_up(length: int, multiple_of: int) -> int:
    """The smallest multiple of multiple_of that is at least length."""
    return -(-length // multiple_of) * multiple_of


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a grid: `length` pixels covered by tiles of one `side`, which begin at `starts`.

    Of what two neighbors share, the outer quarter on each side counts for nothing (there a tile lacks its
    surroundings) and the middle half is a raised cosine. A single tile may reach beyond the length: it is padded.
    """

    length: int
    side: int
    starts: tuple[int, ...]

    @staticmethod
    def over(length: int, tile: int, overlap: int, multiple_of: int) -> Axis:
        """The fewest tiles of at most `tile` pixels (0: one tile) that share `overlap` pixels, all equally long."""
        if not tile or length <= tile:
            return Axis(length, round_up(length, multiple_of), (0,))
        # The first tile covers `tile` pixels, every further one adds tile - overlap.
        count = -(-(length - overlap) // (tile - overlap))
        side = round_up(-(-(length + (count - 1) * overlap) // count), multiple_of)
        # Spread evenly, so that the last tile ends exactly at the edge.
        return Axis(length, side, tuple(k * (length - side) // (count - 1) for k in range(count)))

    def cell(self, index: int, scale: int) -> tuple[int, int]:
        """The first and the end of the pixels (of the result) to which a tile contributes."""
        ramp = self._ramp(scale)
        start, end = 0, self.length * scale
        if index:
            start = math.ceil(self._middle(index) * scale - ramp / 2)
        if index + 1 < len(self.starts):
            end = math.floor(self._middle(index + 1) * scale + ramp / 2)
        return start, end

    def weights(self, index: int, scale: int) -> NDArray[np.int32]:
        """The tile's weight at each pixel of its cell: a vector of int32 0..STEPS; the tiles add up to STEPS."""
        start, end = self.cell(index, scale)
        at = np.arange(start, end, dtype=np.float64)
        return self._fade(index, at, scale) - self._fade(index + 1, at, scale)

    def _fade(self, index: int, at: NDArray[np.float64], scale: int) -> NDArray[np.int32]:
        """How far a tile has faded in at the given pixels, 0..STEPS."""
        if index == 0:
            return np.full(at.size, STEPS, np.int32)
        if index == len(self.starts):
            return np.zeros(at.size, np.int32)
        ramp = self._ramp(scale)
        along = ((at + 0.5 - self._middle(index) * scale) / ramp + 0.5).clip(0, 1)
        return np.rint((0.5 - 0.5 * np.cos(np.pi * along)) * STEPS).astype(np.int32)

    def _middle(self, index: int) -> float:
        """The middle of what the tile shares with the one before it."""
        return (self.starts[index] + self.starts[index - 1] + self.side) / 2

    def _ramp(self, scale: int) -> int:
        """One width for all borders, so that a later tile never fades in before an earlier one; 1 is a hard edge."""
        shared = (a + self.side - b for a, b in zip(self.starts, self.starts[1:], strict=False))
        return max(1, min(shared, default=0) // 2 * scale)


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles over a picture, counted row by row."""

    columns: Axis
    rows: Axis

    @staticmethod
    def over(width: int, height: int, tile: int, overlap: int, multiple_of: int) -> Grid:
        return Grid(Axis.over(width, tile, overlap, multiple_of), Axis.over(height, tile, overlap, multiple_of))

    def __len__(self) -> int:
        return len(self.columns.starts) * len(self.rows.starts)

    @property
    def area(self) -> int:
        """Pixels of all tiles together."""
        return len(self) * self.columns.side * self.rows.side

    def at(self, index: int) -> tuple[int, int]:
        """Column and row of a tile."""
        row, column = divmod(index, len(self.columns.starts))
        return column, row

    def tile(self, index: int) -> Bounds:
        """The bounds of a tile; it may extend beyond the right and bottom edge."""
        column, row = self.at(index)
        return Bounds(self.columns.starts[column], self.rows.starts[row], self.columns.side, self.rows.side)

    def cell(self, index: int, scale: int) -> Bounds:
        """The pixels of the result to which a tile contributes."""
        column, row = self.at(index)
        (x, right), (y, bottom) = self.columns.cell(column, scale), self.rows.cell(row, scale)
        return Bounds(x, y, right - x, bottom - y)

    def order(self, focus: tuple[float, float]) -> list[int]:
        """All tiles, the one nearest to the focus first."""

        def distance(index: int) -> float:
            x, y = self.cell(index, 1).center
            return math.hypot(x - focus[0], y - focus[1])

        return sorted(range(len(self)), key=distance)
