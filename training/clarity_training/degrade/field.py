"""Random fields and sizes that several degradations share."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.degrade.linear import Numbers, Plane


def between(low: float, high: float, severity: float) -> float:
    """From low at severity 0 to high at severity 1, along a straight line."""
    return low + (high - low) * float(np.clip(severity, 0.0, 1.0))


def jittered(severity: float, rng: np.random.Generator, spread: float = 0.12) -> float:
    """The severity off by up to ± spread of itself, so that a severity is a range and not one number."""
    return float(np.clip(severity * (1.0 + rng.uniform(-spread, spread)), 0.0, 1.0))


def pixel_unit(shape: tuple[int, ...], rng: np.random.Generator) -> float:
    """What a documented pixel measures here: half the time one pixel, half the time 1/320 of the short side."""
    relative = float(np.clip(min(shape[:2]) / 320.0, 0.6, 4.0))
    return 1.0 if rng.random() < 0.5 else relative


def cloud(shape: tuple[int, ...], rng: np.random.Generator, cells: float, octaves: int = 2) -> Plane:
    """H×W smooth noise, about mean 0 and deviation 1, with `cells` bumps along the long side and finer octaves."""
    height, width = shape[:2]
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(height, width) / (cells * 2.0**octave)
        grid = (max(2, round(height / step) + 1), max(2, round(width / step) + 1))
        coarse = rng.standard_normal(grid, dtype=np.float32)
        total += np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)) * 0.55**octave
    return (total - total.mean()) / (total.std() + 1e-6)


def highest(field: Numbers, share: float) -> Plane:
    """1 where the field is among its highest `share` of the pixels, 0 elsewhere."""
    sample = field[:: max(1, field.shape[0] // 64), :: max(1, field.shape[1] // 64)]
    return (field > np.quantile(sample, 1.0 - share)).astype(np.float32)


def softened(field: Plane, sigma: float) -> Plane:
    """The field blurred by a Gaussian; a wide one is made on a smaller copy, which is as smooth and quick."""
    if sigma < 0.3:
        return field
    height, width = field.shape[:2]
    step = float(np.clip(sigma / 3.0, 1.0, min(height, width) / 8.0))
    if step <= 1.5:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma), np.float32)
    small = cv2.resize(field, (max(4, int(width / step)), max(4, int(height / step))), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def places(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """x and y of every pixel, measured from the centre in half long sides (−1..1 along the long side)."""
    height, width = shape[:2]
    half = max(height, width) / 2.0
    x = ((np.arange(width, dtype=np.float32) - (width - 1) / 2) / np.float32(half))[None, :]
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / np.float32(half))[:, None]
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y, (height, width))
