"""A photo as small areas of one color, and the cost of the ways between them, which grows with every edge crossed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CELL = 9
"""Distance in pixels between the seeds of the areas of one color."""
SHARES: Mapping[float, float] = {0.08: 0.2, 0.3: 0.45, 0.65: 0.35}
"""Largest share of the photo of each choice around one area, and how likely it is."""


class ColorGraph:
    """The areas of one color of a photo (h×w×3 uint8), and the cost of the ways between them.

    numbers: the area of each pixel, h×w int32 from 0. sizes: pixels of each area. colors: its mean L*a*b*, n×3 float64.
    """

    def __init__(self, small: NDArray[np.uint8]) -> None:
        self.numbers, self.count = _color_areas(small)
        self.sizes = np.maximum(1, np.bincount(self.numbers.ravel(), minlength=self.count))
        lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)
        sums = [np.bincount(self.numbers.ravel(), lab[..., k].ravel(), self.count) for k in range(3)]
        self.colors: NDArray[np.float64] = np.stack(sums, 1) / self.sizes[:, None]
        self._ways = _ways(self.numbers, self.colors)

    def ways(self, *start: int) -> NDArray[np.float64]:
        """The least cost of a way from any of the areas to each, float64 of shape (n,)."""
        from scipy.sparse.csgraph import dijkstra

        return np.asarray(dijkstra(self._ways, directed=False, indices=start, min_only=True))

    def around(self, start: int) -> list[tuple[NDArray[np.bool_], float]]:
        """One to three choices of areas around one, bool of shape (n,), with how likely each is meant (0..1).

        The most likely one is the first.
        """
        near = self.ways(start)
        order = np.argsort(near)
        covered = np.cumsum(self.sizes[order]) / self.numbers.size
        # A choice ends where the next area is much farther than those before: at an edge around the object.
        steps = np.diff(near[order], append=near.max() * 1.05) / (near[order] + 0.15 * float(np.median(near)) + 1e-6)
        found: list[tuple[NDArray[np.bool_], float]] = []
        low = 0.01
        for high, likely in SHARES.items():
            possible = np.flatnonzero((covered >= low) & (covered < high))
            low = high
            if not possible.size:
                continue
            last = possible[int(steps[possible].argmax())]
            chosen = np.zeros(self.count, np.bool_)
            chosen[order[: last + 1]] = True
            # Objects of a middle size are meant most often; an edge all around makes the others likely.
            found.append((chosen, likely + 0.3 * min(1.0, float(steps[last]))))
        if not found:
            found.append((np.arange(self.count) == start, 0.1))
        return sorted(found, key=lambda choice: -choice[1])


def _color_areas(small: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int]:
    """The number of the area of each pixel (h×w int32, from 0) and how many there are."""
    rows, columns = small.shape[:2]
    markers = np.zeros((rows, columns), np.int32)
    ys, xs = np.arange(min(CELL // 2, rows - 1), rows, CELL), np.arange(min(CELL // 2, columns - 1), columns, CELL)
    markers[np.ix_(ys, xs)] = np.arange(1, len(ys) * len(xs) + 1).reshape(len(ys), len(xs))
    smooth = cv2.pyrMeanShiftFiltering(small, 4, 14, maxLevel=0)
    areas = np.asarray(cv2.watershed(smooth, markers), np.int32)
    # Lines between areas (-1) join the area beside them, the frame the one inside it.
    filled = np.asarray(cv2.dilate(areas.astype(np.float32), np.ones((3, 3), np.uint8)), np.float32).astype(np.int32)
    areas = np.where(areas < 1, filled, areas)
    areas = np.where(areas < 1, np.asarray(cv2.dilate(filled.astype(np.float32), np.ones((3, 3), np.uint8))), areas)
    _, numbered = np.unique(areas, return_inverse=True)
    numbered = numbered.reshape(rows, columns).astype(np.int32)
    return numbered, int(numbered.max()) + 1


def _ways(areas: NDArray[np.int32], colors: NDArray[np.float64]) -> Any:
    """The graph of neighboring areas (sparse, n×n): a way costs their difference in color and a little more."""
    from scipy import sparse

    count = len(colors)
    pairs = np.concatenate([
        np.stack((areas[:, :-1].ravel(), areas[:, 1:].ravel()), 1),
        np.stack((areas[:-1].ravel(), areas[1:].ravel()), 1),
    ])  # fmt: skip
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1)
    first, second = np.divmod(np.unique(pairs[:, 0].astype(np.int64) * count + pairs[:, 1]), count)
    costs = np.linalg.norm(colors[first] - colors[second], axis=1) + 1.2
    return sparse.coo_matrix((costs, (first, second)), (count, count)).tocsr()
