"""Random fields and scales that several degradations share."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.degrade.srgb import Numbers, Plane


def interpolate(low: float, high: float, severity: float) -> float:
    """Linear interpolation from `low` at severity 0 to `high` at severity 1."""
    return low + (high - low) * float(np.clip(severity, 0.0, 1.0))


def jitter(severity: float, rng: np.random.Generator, spread: float = 0.12) -> float:
    """The severity changed by up to ± `spread` of itself (0..1)."""
    return float(np.clip(severity * (1.0 + rng.uniform(-spread, spread)), 0.0, 1.0))


def pixel_unit(shape: tuple[int, ...], rng: np.random.Generator) -> float:
    """Pixels of the photo per documented pixel: 1, or (half of the time) the shorter side / 320, within 0.6..4."""
    relative = float(np.clip(min(shape[:2]) / 320.0, 0.6, 4.0))
    return 1.0 if rng.random() < 0.5 else relative


def smooth_noise(shape: tuple[int, ...], rng: np.random.Generator, cells: float, octaves: int = 2) -> Plane:
    """Smooth noise, H×W float32 with mean 0 and standard deviation 1, `cells` bumps along the longer side and finer
    octaves."""
    height, width = shape[:2]
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(height, width) / (cells * 2.0**octave)
        grid = (max(2, round(height / step) + 1), max(2, round(width / step) + 1))
        coarse = rng.standard_normal(grid, dtype=np.float32)
        total += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)) * 0.55**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def top_share(field: Numbers, share: float) -> Plane:
    """Mask, H×W float32: 1 where the field (H×W) is among its highest `share` (0..1) of the pixels, 0 elsewhere."""
    sample = field[:: max(1, field.shape[0] // 64), :: max(1, field.shape[1] // 64)]
    return (field > np.quantile(sample, 1.0 - share)).astype(np.float32)


def blur_field(field: Plane, sigma: float) -> Plane:
    """The field (H×W or H×W×3) blurred by a Gaussian of `sigma` pixels; a wide one is computed on a reduced copy.

    float32; returns the same shape.
    """
    if sigma < 0.3:
        return field
    height, width = field.shape[:2]
    step = float(np.clip(sigma / 3.0, 1.0, min(height, width) / 8.0))
    if step <= 1.5:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)
    small = cv2.resize(field, (max(4, int(width / step)), max(4, int(height / step))), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def coordinates(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """x and y of every pixel, H×W each, relative to the center in units of half the longer side (−1..1)."""
    height, width = shape[:2]
    half = max(height, width) / 2.0
    x = ((np.arange(width, dtype=np.float32) - (width - 1) / 2) / np.float32(half))[None, :]
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / np.float32(half))[:, None]
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y, (height, width))
