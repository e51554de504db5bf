"""The clicks of a person who corrects a mask, simulated: the next one is on the largest error."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Click

Bools = NDArray[np.bool_]


def next_click(truth: Bools, mask: Bools | None, rng: np.random.Generator | None = None) -> Click | None:
    """The click that corrects a mask (h×w bool, as truth; None: nothing is selected yet); None where nothing is wrong.

    It is at the deepest point of the largest connected region in which the mask is wrong. rng: instead, now and then
    somewhere inside that region, as people click.
    """
    wrong = truth if mask is None else truth != mask
    found = [region for kind in (truth, ~truth) if (region := _largest(wrong & kind)) is not None]
    if not found:
        return None
    region = max(found, key=np.count_nonzero)
    depth = depths(region)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    if rng is not None and rng.random() < 0.5:
        rows, columns = np.nonzero(depth >= 0.3 * depth.max())
        chosen = int(rng.integers(len(rows)))
        row, column = rows[chosen], columns[chosen]
    return Click(float(column) + 0.5, float(row) + 0.5, bool(truth[row, column]))


def depths(region: Bools) -> NDArray[np.float32]:
    """The distance (h×w float32) of each pixel of a region from its edge, of which the photo's border is a part."""
    padded = np.pad(region, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _largest(region: Bools) -> Bools | None:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    return labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())


def overlap(first: Bools, second: Bools) -> float:
    """Intersection over union of two masks (h×w bool); 1 for two empty ones."""
    union = int((first | second).sum())
    return float((first & second).sum() / union) if union else 1.0
