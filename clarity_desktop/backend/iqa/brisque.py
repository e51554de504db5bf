"""BRISQUE: natural scene statistics of a whole photo and a regression to a score (Mittal et al., 2012).

After the authors' release, its text files included: features pass through six decimals, scaled ones through six digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.kernel import Regression
from clarity_desktop.backend.iqa.statistics import (
    MetricUndefined,
    Moments,
    Plane,
    Strip,
    alpha_of_inverse,
    asymmetric_fit,
    moments,
)

Sums = tuple[Moments, ...]
"""Of the local contrast and of its products with four neighbors, at full and at half size: ten."""

RANGES = np.array([
    [0.338, 10], [0.017204, 0.806612], [0.236, 1.642], [-0.123884, 0.20293], [0.000155, 0.712298],
    [0.001122, 0.470257], [0.244, 1.641], [-0.123586, 0.179083], [0.000152, 0.710456], [0.000975, 0.470984],
    [0.249, 1.555], [-0.135687, 0.100858], [0.000174, 0.684173], [0.000913, 0.534174], [0.258, 1.561],
    [-0.143408, 0.100486], [0.000179, 0.685696], [0.000888, 0.536508], [0.471, 3.264], [0.012809, 0.703171],
    [0.218, 1.046], [-0.094876, 0.187459], [1.5e-5, 0.442057], [0.001272, 0.40803], [0.222, 1.042],
    [-0.115772, 0.162604], [1.6e-5, 0.444362], [0.001374, 0.40243], [0.227, 0.996], [-0.117188, 0.098323],
    [3e-5, 0.531903], [0.001122, 0.369589], [0.228, 0.99], [-0.12243, 0.098658], [2.8e-5, 0.530092],
    [0.001118, 0.370399],
])  # fmt: skip
"""Least and greatest value of each feature in the authors' training; their regression takes features scaled by them."""

MIN_SIDE = 12
"""Shortest side of a photo that has a score, in pixels; a smaller one has all features only by chance."""


def score(features: Plane, regression: Regression) -> float:
    """BRISQUE of the 36 features (float64): about 0 (good) to 100 (bad); values beyond both occur."""
    # The authors pass values through text files; the roundings reproduce their scores.
    scaled = regression.scaled(features.round(6))
    return regression(np.array([float(f"{x:g}") for x in scaled]))


def strip_sums(part: Strip) -> Sums:
    """The sums that a strip contributes to the features."""
    return (*_row_sums(part.full), *_row_sums(part.half))


def features(parts: Sequence[Sums]) -> Plane:
    """The 36 features (float64) of a photo from the sums of its strips. Raises MetricUndefined without texture."""
    columns: list[NDArray[np.float64]] = []
    for k, column in enumerate(zip(*parts, strict=True)):
        total = Moments.joined(column)
        fit = asymmetric_fit(total)
        # Of each five distributions the first is the contrast itself, the others are products of neighbors.
        if k % 5:
            columns += [fit.alpha, fit.mean, fit.left**2, fit.right**2]
        else:
            below, above, _, _, absolute = total.sums
            squares = below + above
            with np.errstate(invalid="ignore", divide="ignore"):
                alpha = alpha_of_inverse(total.count * squares / absolute**2)
            columns += [alpha, squares / total.count]
    found = np.concatenate(columns)
    if np.isnan(found).any():
        raise MetricUndefined("analysis.metric_without_texture", metric="BRISQUE")
    return found


def _row_sums(values: Plane) -> Sums:
    """Sums of the rows below the first, and of their products with what is left, above, above left, above right.

    Columns wrap around. The authors take the neighbor below left instead of above right: the same pairs.
    """
    rows = np.empty((values.shape[0], values.shape[1] + 2), np.float32)
    rows[:, 1:-1] = values
    # circshift in the authors' code wraps around, so this does too.
    rows[:, 0], rows[:, -1] = rows[:, -2], rows[:, 1]
    here = np.ascontiguousarray(rows[1:, 1:-1])
    product = np.empty_like(here)
    beside = (rows[1:, :-2], rows[:-1, 1:-1], rows[:-1, :-2], rows[:-1, 2:])
    pairs = (moments(np.multiply(here, other, out=product)).total() for other in beside)
    return (moments(here).total(), *pairs)
