"""What clicks mean for every part of a photo, as a network sees it: distance, likeness of color, cost of the way."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions.color_graph import ColorGraph
from clarity_desktop.values import Bounds, Click

CHANNELS = 16
"""Of the maps."""
SEEN = 240
"""Longest side of the photo that is divided into areas of one color."""
_DISK, _NEAR, _COLOR, _WAY = 2.5, 16.0, 12.0, 40.0
"""Scales of what falls with the distance from a click (cells: two), the difference in L*a*b*, the cost of the way."""

Floats = NDArray[np.float32]


class ClickMaps:
    """The maps of one photo (h×w×3 uint8), in a grid of rows × columns cells. Clicks and boxes are in cells.

    areas: the area of one color of each cell, rows×columns. Not safe for several threads: it remembers ways.
    """

    def __init__(self, photo: NDArray[np.uint8], rows: int, columns: int) -> None:
        small = reduced_to(photo, SEEN)
        self.rows, self.columns = rows, columns
        self._graph = ColorGraph(small)
        ys = ((np.arange(rows) + 0.5) * small.shape[0] / rows).astype(np.intp)
        xs = ((np.arange(columns) + 0.5) * small.shape[1] / columns).astype(np.intp)
        self.areas = self._graph.numbers[np.ix_(ys, xs)]
        cells = np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
        self._lab = np.asarray(cv2.cvtColor(cells / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)
        self._known: dict[int, NDArray[np.float64]] = {}

    def make(self, clicks: Sequence[Click], box: Bounds | None = None, previous: Floats | None = None) -> Floats:
        """The maps, CHANNELS×rows×columns float32. previous: rows×columns logits of the mask that is corrected."""
        maps = np.zeros((CHANNELS, self.rows, self.columns), np.float32)
        ways: list[NDArray[np.float64] | None] = []
        for k, inside in enumerate((True, False)):
            chosen = [c for c in clicks if c.inside == inside]
            away = self._distance(chosen)
            maps[k], maps[2 + k] = np.exp(-np.square(away / _DISK)), np.tanh(away / _NEAR)
            way = self._way(chosen)
            ways.append(way)
            maps[4 + 2 * k : 6 + 2 * k] = 1 if way is None else self._near(way)
            maps[9 + k] = self._likeness(chosen)
        if (to := ways[0]) is not None and (out := ways[1]) is not None:
            maps[8] = ((out - to) / (out + to + 1e-6))[self.areas]
        if previous is not None:
            maps[11] = np.tanh(previous / 3)
        if box is not None:
            maps[12][box.slices()] = 1
        maps[13:] = np.moveaxis(self._lab, 2, 0) / np.float32(50) - np.array([1, 0, 0], np.float32)[:, None, None]
        return maps

    def cell(self, click: Click) -> tuple[int, int]:
        """Row and column of the cell of a click."""
        return min(self.rows - 1, max(0, int(click.y))), min(self.columns - 1, max(0, int(click.x)))

    def _distance(self, clicks: Sequence[Click]) -> Floats:
        """Cells to the nearest click; a large number without any."""
        if not clicks:
            return np.full((self.rows, self.columns), 1e3, np.float32)
        y, x = np.ogrid[: self.rows, : self.columns]
        every = [np.hypot(y + 0.5 - c.y, x + 0.5 - c.x) for c in clicks]
        return np.min(every, 0).astype(np.float32)

    def _way(self, clicks: Sequence[Click]) -> NDArray[np.float64] | None:
        """The least cost from any of the clicks to each area."""
        for start in {int(self.areas[self.cell(c)]) for c in clicks} - self._known.keys():
            self._known[start] = self._graph.ways(start)
        every = [self._known[int(self.areas[self.cell(c)])] for c in clicks]
        return np.min(every, 0) if every else None

    def _near(self, way: NDArray[np.float64]) -> Floats:
        """2×rows×columns float32, 0..1: the cost of the way, and the share of the photo that is nearer."""
        order = np.argsort(way)
        nearer = np.empty(len(way))
        nearer[order] = np.cumsum(self._graph.sizes[order]) / self._graph.sizes.sum()
        return np.stack((way / (way + _WAY), nearer))[:, self.areas].astype(np.float32)

    def _likeness(self, clicks: Sequence[Click]) -> Floats:
        """0..1: how much the color is that of the area of a click."""
        if not clicks:
            return np.zeros((self.rows, self.columns), np.float32)
        colors = np.stack([self._graph.colors[self.areas[self.cell(c)]] for c in clicks]).astype(np.float32)
        away = np.min([np.linalg.norm(self._lab - color, axis=2) for color in colors], 0)
        return np.exp(-away / _COLOR).astype(np.float32)
