"""NIQE: how far the statistics of a photo's blocks are from those of pristine photos (Mittal et al., 2013).

After the authors' release: all blocks of 96×96 count, and a model of pristine photos is what they are compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.statistics import (
    STRIP,
    Gray,
    MetricUndefined,
    Plane,
    Strip,
    asymmetric_fit,
    moments,
    reframed,
)

BLOCK = STRIP


@dataclass(frozen=True, slots=True, eq=False)
class Pristine:
    """The Gaussian of the 36 features over pristine photos: mean 36, covariance 36×36."""

    mean: Plane
    covariance: Plane


def score(features: Plane, pristine: Pristine) -> float:
    """NIQE of the blocks' features (n×36 float64, of `strip_features`): 0 or more, lower is better.

    Raises MetricUndefined for a photo that is too small or has no texture.
    """
    if len(features) < 2:
        raise MetricUndefined("analysis.metric_too_small", metric="NIQE", width=BLOCK, height=2 * BLOCK)
    usable = features[~np.isnan(features).any(1)]
    if len(usable) < 2:
        raise MetricUndefined("analysis.metric_without_texture", metric="NIQE")
    difference = np.nanmean(features, 0) - pristine.mean
    # Mahalanobis-like distance of two Gaussians with pooled covariance; pinv, because it may be singular.
    covariance = (np.cov(usable, rowvar=False) + pristine.covariance) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(covariance) @ difference))


def whole_blocks(luma: Gray) -> Gray:
    """A view of a gray photo (H×W uint8) cut at the right and bottom to whole blocks."""
    return luma[: luma.shape[0] // BLOCK * BLOCK, : luma.shape[1] // BLOCK * BLOCK]


def strip_features(part: Strip, whole: Gray) -> Plane:
    """36 features of each block of a strip, n×36 float64: 18 at full size and 18 at half size.

    whole: the whole photo cut by `whole_blocks`.
    """
    if part.top + BLOCK > whole.shape[0] or not whole.shape[1]:
        return np.empty((0, 36))
    full = reframed(part, whole, part.top, part.bottom)
    half = reframed(part, whole, part.top, part.bottom, half=True)
    return np.concatenate([_block_features(full), _block_features(half)], 1)


def _block_features(values: Plane) -> Plane:
    """18 features of each square block of a row of them; values: side×(blocks·side)."""
    side, count = values.shape[0], values.shape[1] // values.shape[0]
    blocks = np.empty((count, side + 1, side + 2), np.float32)  # each wrapped around: one row above, columns beside
    blocks[:, 1:, 1:-1] = values.reshape(side, count, side).transpose(1, 0, 2)
    blocks[:, 1:, 0], blocks[:, 1:, -1] = blocks[:, 1:, -2], blocks[:, 1:, 1]
    blocks[:, 0] = blocks[:, -1]
    here = np.ascontiguousarray(blocks[:, 1:, 1:-1])
    fit = asymmetric_fit(moments(_rows(here)))
    columns = [fit.alpha, (fit.left_scale + fit.right_scale) / 2]
    product = np.empty_like(here)
    for beside in (blocks[:, 1:, :-2], blocks[:, :-1, 1:-1], blocks[:, :-1, :-2], blocks[:, :-1, 2:]):
        fit = asymmetric_fit(moments(_rows(np.multiply(here, beside, out=product))))
        columns += [fit.alpha, fit.mean, fit.left_scale, fit.right_scale]
    return np.stack(columns, 1)


def _rows(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    return blocks.reshape(len(blocks), -1)
