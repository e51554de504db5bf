"""Metrics of a classifier in numpy: accuracy, calibration, ranking, and confidence intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ranks(probabilities: Floats, labels: Ints) -> Ints:
    """Rank (0: most probable) of the true class in each of N rows; ties count against it.

    probabilities: N×C. labels: N, 0..C-1.
    """
    own = probabilities[np.arange(len(labels)), labels][:, None]
    return (probabilities >= own).sum(1) - 1


def confusion(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """Confusion matrix, C×C counts: rows are true classes, columns predicted ones. labels, predicted: N, 0..C-1."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def calibration_error(probabilities: Floats, correct: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error (Guo et al., ICML 2017) of N predictions with equally wide bins: the mean of
    |accuracy − mean probability| weighted by the bins' counts. nan for N = 0.

    probabilities: N float64, 0..1; correct: N bool (vectors).
    """
    if not len(correct):
        return math.nan
    index = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, probabilities - correct, bins)
    return float(np.abs(gap).sum() / len(correct))


def average_precision(scores: Floats, true: NDArray[np.bool_]) -> float:
    """Average precision of N scores: the mean of the precision at each true row, ties taken together. nan if no row is
    true.

    scores: N float64; true: N bool (vectors).
    """
    if not true.any():
        return math.nan
    order = np.argsort(-scores)
    hits = true[order]
    retrieved = np.searchsorted(-scores[order], -scores[order], "right")  # rows with at least this score
    precision = np.cumsum(hits)[retrieved - 1] / retrieved
    return float(precision[hits].mean())


def area_under_curve(scores: Floats, true: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of N scores; nan if all rows or none are true.

    scores: N float64; true: N bool (vectors).
    """
    positive, negative = scores[true], scores[~true]
    if not positive.size or not negative.size:
        return math.nan
    gaps = positive[:, None] - negative
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two series of N values; nan for N < 3 or a constant series. a, b: vectors, float64."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % confidence interval of the share hits / count (Wilson, 1927)."""
    if not count:
        return 0.0, 1.0
    z, share = 1.959964, hits / count
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half_width = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, center - half_width), min(1.0, center + half_width)


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, element by element. float64, any shape; returns the same shape."""
    return 1 / (1 + np.exp(-logits))
