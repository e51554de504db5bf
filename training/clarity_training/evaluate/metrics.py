"""Figures of a classifier, in plain numpy: how often right, how well calibrated, how sure the figure itself is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def ranks(odds: Floats, kinds: Whole) -> Whole:
    """Place (0: first) at which each of N rows of odds N×C has its true class; equal odds count against it."""
    own = odds[np.arange(len(kinds)), kinds][:, None]
    return (odds >= own).sum(1) - 1


def confusion(kinds: Whole, said: Whole, classes: int) -> Whole:
    """C×C counts: row the true class, column what was said."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (kinds, said), 1)
    return counts


def calibration_error(probabilities: Floats, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error: mean over equal bins of |share that is right − mean probability|, by their counts.
    nan without rows."""
    if not len(right):
        return math.nan
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, probabilities - right, bins)
    return float(np.abs(gap).sum() / len(right))


def average_precision(scores: Floats, true: NDArray[np.bool_]) -> float:
    """Mean precision at each true row, best score first, equal scores together; nan if none is true."""
    if not true.any():
        return math.nan
    order = np.argsort(-scores)
    hits = true[order]
    taken = np.searchsorted(-scores[order], -scores[order], "right")  # rows that score at least as high as each
    precision = np.cumsum(hits)[taken - 1] / taken
    return float(precision[hits].mean())


def area_under_curve(scores: Floats, true: NDArray[np.bool_]) -> float:
    """Chance that a true row scores above a false one, ties count half; nan if all rows are alike."""
    positive, negative = scores[true], scores[~true]
    if not positive.size or not negative.size:
        return math.nan
    gaps = positive[:, None] - negative
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's; nan for fewer than 3 rows or where one side is constant."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def sigmoid(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))
