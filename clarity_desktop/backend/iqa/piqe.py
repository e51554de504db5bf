"""PIQE: how much of a photo's active blocks is distorted, and how (Venkatanath et al., 2015). Needs no parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.statistics import STRIP, Gray, MetricUndefined, Plane, Strip, reframed

BLOCK = 16
SEGMENT = 6
ACTIVE = 0.1
"""Variance above which a block counts."""
FLAT = 0.1
"""Deviation below which a segment of an edge is an artifact."""


def score(parts: Sequence[tuple[float, int]]) -> float:
    """PIQE from the results of `strip_distortion` for all strips: 0..100, lower is better."""
    total, active = np.sum(parts, 0)
    # The constants keep a photo without active blocks at 100.
    return float(100 * (total + 1) / (active + 1))


def pad_to_blocks(luma: Gray) -> Gray:
    """A gray photo (H×W uint8) extended to whole blocks by mirroring it at the right and bottom.

    Raises MetricUndefined for a photo smaller than a block.
    """
    height, width = luma.shape
    if min(height, width) < BLOCK:
        raise MetricUndefined("analysis.metric_too_small", metric="PIQE", width=BLOCK, height=BLOCK)
    return np.pad(luma, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="symmetric")


def strip_distortion(part: Strip, whole: Gray) -> tuple[float, int]:
    """The summed distortion of a strip's active blocks, and their number.

    whole: the H×W uint8 photo after `pad_to_blocks`.
    """
    bottom = min(part.top + STRIP, whole.shape[0])
    values = reframed(part, whole, part.top, bottom).reshape(-1, BLOCK, whole.shape[1] // BLOCK, BLOCK)
    sums, squares = values.sum(1), np.einsum("byxc,byxc->bxc", values, values)  # down each column of each block
    variance = _variance(sums.sum(-1), squares.sum(-1), BLOCK * BLOCK)
    active = variance > ACTIVE
    worse = _has_flat_edge(values) * (1 - variance) + _is_noisy(sums, squares, variance) * variance
    return float(worse[active].sum()), int(active.sum())


def _has_flat_edge(values: Plane) -> NDArray[np.bool_]:
    """Whether any six neighbors on one of a block's edges hardly vary."""
    # All four edges of each block, as rows.
    edges = np.stack([values[:, 0], values[:, -1], values[..., 0].swapaxes(1, 2), values[..., -1].swapaxes(1, 2)])
    flat = _variance(_runs(edges), _runs(edges * edges), SEGMENT) < FLAT**2
    return np.logical_or.reduce(flat, (0, -1))


def _runs(values: Plane) -> Plane:
    """Sums of SEGMENT neighbors along the last axis."""
    count = values.shape[-1] - SEGMENT + 1
    total = values[..., :count].copy()
    for k in range(1, SEGMENT):
        total += values[..., k : k + count]
    return total


def _is_noisy(sums: Plane, squares: Plane, variance: Plane) -> NDArray[np.bool_]:
    """Whether a block varies as much at its center as around it. The surround lacks columns 8 and 10, counted from 1:
    so does the published code, and its scores need it."""
    center = _variance(sums[..., 7:9].sum(-1), squares[..., 7:9].sum(-1), 2 * BLOCK)
    around_it = [k for k in range(BLOCK) if k not in (7, 9)]
    surround = _variance(sums[..., around_it].sum(-1), squares[..., around_it].sum(-1), 14 * BLOCK)
    deviation = np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.nan_to_num(np.sqrt(center) / np.sqrt(surround), nan=0.0, posinf=np.inf)
        return deviation > 2 * np.abs(deviation - relative) / np.maximum(deviation, relative)


def _variance(total: Plane, squares: Plane, count: int) -> Plane:
    """Over count - 1, from sums."""
    return np.maximum(squares - total * total / count, 0) / (count - 1)
