"""Old prints: faded and yellowed paper with grain, creases, scratches, stains and torn corners, as scans show them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo
from clarity_training.degrade.field import interpolate, smooth_noise
from clarity_training.degrade.srgb import Plane, clip

Rng = np.random.Generator
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def faded(photo: Photo, severity: float, rng: Rng) -> Photo:
    """The photo as a faded print: mostly without color, gray blacks and yellow whites, soft, with grain and fibers.

    H×W×3 float32, 0..1. This alone is age, not damage: nothing is missing.
    """
    luma = (photo @ LUMA)[..., None]
    color = float(rng.uniform(0.2, 0.7)) if rng.random() < 0.25 else 0.0
    tone = luma + color * (photo - luma)
    if rng.random() < 0.6:
        tone = cv2.GaussianBlur(np.ascontiguousarray(tone), (0, 0), float(rng.uniform(0.4, 1.3))).reshape(photo.shape)
    black, white = interpolate(0.02, 0.3, severity), interpolate(0.98, 0.75, severity)
    paper = np.array([1.0, rng.uniform(0.9, 0.98), rng.uniform(0.72, 0.95)], np.float32)
    ink = np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.7, 1.0)], np.float32)
    aged = black * ink + (white * paper - black * ink) * tone
    # Fading is uneven: more towards an edge where light fell on the print.
    patchy = 1 + interpolate(0.01, 0.12, severity) * smooth_noise(photo.shape, rng, float(rng.uniform(1, 3)))
    fibers = cv2.GaussianBlur(rng.standard_normal(photo.shape[:2], np.float32), (0, 0), float(rng.uniform(0.6, 1.5)))
    grain = rng.standard_normal(photo.shape[:2], np.float32) * interpolate(0.005, 0.04, severity)
    return clip(aged * patchy[..., None] + (0.02 * fibers / (fibers.std() + 1e-6) + grain)[..., None])


def stains(photo: Photo, severity: float, rng: Rng) -> Photo:
    """Brown spots with a darker rim, as water leaves them. H×W×3 float32, 0..1; returns the same shape."""
    height, width = photo.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(int(rng.integers(0, 2 + round(3 * severity)))):
        radius = float(rng.uniform(0.03, 0.25)) * min(height, width)
        wave = 0.25 * smooth_noise(photo.shape, rng, 4.0)
        away = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height)) / radius + wave
        inside = 1 / (1 + np.exp(((away - 1) * float(rng.uniform(6, 25))).clip(-50, 50)))
        rim = np.exp(-((away - 1) ** 2) * float(rng.uniform(20, 80)))
        weight = float(rng.uniform(0.1, 0.45)) * inside + float(rng.uniform(0, 0.4)) * rim
        tint = np.array([0.75, 0.58, 0.36], np.float32)
        photo = photo * (1 - weight[..., None].clip(0, 1) * (1 - tint))
    return clip(photo)


def creases(shape: tuple[int, ...], severity: float, rng: Rng) -> tuple[Plane, Plane]:
    """Fold lines: where the emulsion broke (H×W, 0..1), and the relief beside it (H×W, −1..1, dark and bright)."""
    height, width = shape[:2]
    broken, relief = np.zeros((2, height, width), np.float32)
    for _ in range(int(rng.integers(1, 3 + round(3 * severity)))):
        line = np.zeros((height, width), np.uint8)
        points = _fold(height, width, rng)
        thickness = int(rng.integers(1, 2 + round(2 * severity)))
        cv2.polylines(line, [points], False, (255,), thickness, cv2.LINE_AA)
        core = line.astype(np.float32) / np.float32(255)
        gaps = np.clip(0.6 + 0.6 * smooth_noise(shape, rng, 12.0), 0, 1)
        broken = np.maximum(broken, core * gaps * float(rng.uniform(0.4, 1)))
        wide = cv2.GaussianBlur(core, (0, 0), float(rng.uniform(2, 8)))
        shift = int(rng.integers(2, 5))
        relief += float(rng.uniform(1, 4)) * (np.roll(wide, shift, (0, 1)) - np.roll(wide, -shift, (0, 1)))
    return broken, np.clip(relief, -1, 1)


def _fold(height: int, width: int, rng: Rng) -> NDArray[np.int32]:
    """Points (n×1×2) of a nearly straight line across the print, or across a corner of it."""
    size = np.array([width, height], np.float64)
    if rng.random() < 0.35:  # a dog-eared corner
        reach = rng.uniform(0.08, 0.35, 2) * size
        corner = rng.integers(0, 2, 2) * size
        ends = np.array([[abs(corner[0] - reach[0]), corner[1]], [corner[0], abs(corner[1] - reach[1])]])
    elif rng.random() < 0.5:
        across = rng.uniform(0.1, 0.9, 2)
        ends = np.array([[0, across[0] * height], [width, across[1] * height]])
    else:
        across = rng.uniform(0.1, 0.9, 2)
        ends = np.array([[across[0] * width, 0], [across[1] * width, height]])
    along = np.linspace(0, 1, 40)[:, None]
    wobble = np.cumsum(rng.normal(0, 0.0012, (40, 2)), 0) * size.max()
    return (ends[0] + along * (ends[1] - ends[0]) + wobble).round().astype(np.int32)[:, None]


def torn_corners(shape: tuple[int, ...], severity: float, rng: Rng) -> Plane:
    """Corners and edges that are gone, with a ragged border: H×W float32, 1 where the print is missing."""
    height, width = shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    missing = np.zeros((height, width), np.float32)
    ragged = 0.05 * smooth_noise(shape, rng, 6.0) + 0.015 * smooth_noise(shape, rng, 40.0)
    for _ in range(int(rng.integers(1, 3 + round(severity)))):
        reach = rng.uniform(0.04, 0.1 + 0.25 * severity, 2)
        corner_x, corner_y = float(rng.integers(0, 2)) * width, float(rng.integers(0, 2)) * height
        if rng.random() < 0.3:  # from the middle of an edge
            corner_x = float(rng.uniform(0.2, 0.8)) * width
        away = np.abs(x - corner_x) / (reach[0] * width) + np.abs(y - corner_y) / (reach[1] * height)
        missing = np.maximum(missing, (away / 4 + ragged * 2 < 0.25).astype(np.float32))
    return missing


def background(shape: tuple[int, ...], rng: Rng) -> Photo:
    """What lies behind a torn print, H×W×3 float32 in 0..1: the white scanner lid, a dark table or an album page."""
    tone = rng.choice(3, p=[0.6, 0.2, 0.2])
    color = (
        np.full(3, rng.uniform(0.9, 1)) if tone == 0
        else np.full(3, rng.uniform(0.02, 0.2)) if tone == 1
        else np.array([0.6, 0.52, 0.42]) * rng.uniform(0.5, 1.2)
    )  # fmt: skip
    return clip(color.astype(np.float32) + 0.01 * smooth_noise(shape, rng, 30.0)[..., None])
