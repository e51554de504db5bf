"""NIQE: how far the statistics of a photo's blocks are from those of pristine photos (Mittal et al., 2013).

After the authors' release: all blocks of 96×96 count, and their published model of pristine photos is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from clarity_desktop.backend.iqa.statistics import (
    Grey,
    Plane,
    around,
    around_halved,
    asymmetric_fit,
    contrast,
    in_bands,
)

BLOCK = 96


@dataclass(frozen=True, slots=True, eq=False)
class Pristine:
    """The Gaussian of the 36 features over pristine photos: mean 36, covariance 36×36."""

    mean: Plane
    covariance: Plane


def score(luma: Grey, pristine: Pristine, breathe: Callable[[], None]) -> float:
    """NIQE of a grey photo; lower is better. Raises ValueError, in a sentence, for one too small or without texture."""
    down, across = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    if down * across < 2:
        raise ValueError("NIQE needs a photo of at least 96 × 192 pixels.")
    whole = luma[: down * BLOCK, : across * BLOCK]
    features = np.concatenate(in_bands(lambda k: _features(whole, k), down, breathe))
    usable = features[~np.isnan(features).any(1)]
    if len(usable) < 2:
        raise ValueError("NIQE is not defined for a photo without texture.")
    away = np.nanmean(features, 0) - pristine.mean
    spread = (np.cov(usable, rowvar=False) + pristine.covariance) / 2
    return float(np.sqrt(away @ np.linalg.pinv(spread) @ away))


def _features(whole: Grey, band: int) -> Plane:
    """36 features of each block of one row of blocks: 18 at full size, 18 at half size."""
    top, bottom = band * BLOCK, (band + 1) * BLOCK
    full = _of_blocks(contrast(around(whole, top, bottom)))
    return np.concatenate([full, _of_blocks(contrast(around_halved(whole, top // 2, bottom // 2)))], 1)


def _of_blocks(values: Plane) -> Plane:
    """18 features of each square block of a row of them; values: side×(blocks·side)."""
    side, count = values.shape[0], values.shape[1] // values.shape[0]
    blocks = np.empty((count, side + 1, side + 2), np.float32)  # each wrapped around: one row above, columns beside
    blocks[:, 1:, 1:-1] = values.reshape(side, count, side).transpose(1, 0, 2)
    blocks[:, 1:, 0], blocks[:, 1:, -1] = blocks[:, 1:, -2], blocks[:, 1:, 1]
    blocks[:, 0] = blocks[:, -1]
    here = np.ascontiguousarray(blocks[:, 1:, 1:-1])
    alpha, left, right = _fit(here)
    columns = [alpha, (left + right) / 2]
    product = np.empty_like(here)
    for beside in (blocks[:, 1:, :-2], blocks[:, :-1, 1:-1], blocks[:, :-1, :-2], blocks[:, :-1, 2:]):
        alpha, left, right = _fit(np.multiply(here, beside, out=product))
        columns += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha), left, right]
    return np.stack(columns, 1)


def _fit(blocks: NDArray[np.float32]) -> tuple[Plane, Plane, Plane]:
    """Shape, left and right scale of each block's values."""
    alpha, left, right = asymmetric_fit(blocks.reshape(len(blocks), -1))
    scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    return alpha, left * scale, right * scale
