"""Raindrops on a pane in front of the lens: metaballs with a wide-angle view of the scene, as rendered by ROLE."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.fields import Field, blur_field, interpolate, pixel_unit, upscale

_MAX_DROPS = 70


@dataclass(frozen=True, slots=True, eq=False)
class _Drop:
    """center: x and y in pixels. balls: N×3, x, y and radius in units of `radius`. zoom: how much wider than the drop
    the scene in it is. brightness: factor."""

    center: NDArray[np.float64]
    radius: float
    balls: NDArray[np.float64]
    zoom: float
    brightness: float


@dataclass(frozen=True, slots=True, eq=False)
class _Pane:
    """The pane with its drops. height: H×W, thickness of the water. warp: H×W×2, the x and y of the scene seen at each
    pixel. gain: H×W, brightness."""

    height: Field
    warp: NDArray[np.float32]
    gain: Field


def raindrop(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """10 to 70 defocused drops with a radius of 4 to 40 pixels at a shorter side of 400. photo: H×W×3 float32, 0..1."""
    scale = pixel_unit(photo.shape)
    centers = rng.uniform(0, 1, (_MAX_DROPS, 2)) * (photo.shape[1], photo.shape[0])
    radii = np.minimum(rng.lognormal(np.log(11), 0.5, _MAX_DROPS), 32) * scale * interpolate(0.9, 1.3, severity)
    shapes = [_balls(rng) for _ in range(_MAX_DROPS)]
    brightness, zoom = rng.uniform(0.9, 1.2, _MAX_DROPS), rng.uniform(3.5, 7, _MAX_DROPS)
    edge = rng.uniform(0.7, 3) * scale
    grid = np.stack(np.meshgrid(np.arange(photo.shape[1]), np.arange(photo.shape[0])), -1).astype(np.float32)
    pane = _Pane(np.zeros(photo.shape[:2], np.float32), grid, np.ones(photo.shape[:2], np.float32))
    for k in range(round(interpolate(10, _MAX_DROPS, severity))):
        _add_drop(pane, _Drop(centers[k], float(radii[k]), shapes[k], float(zoom[k]), float(brightness[k])))
    cover = blur_field((pane.height > 0.25).astype(np.float32), edge)[..., None]
    inside = _refract(photo, pane.warp, rng) * pane.gain[..., None] + _highlights(pane.height, scale)[..., None]
    return Damaged((photo * (1 - cover) + inside * cover).clip(0, 1).astype(np.float32))


def _balls(rng: np.random.Generator) -> NDArray[np.float64]:
    """One to four merging balls of a drop, N×3: x, y and radius in units of the drop's radius."""
    count = int(rng.integers(1, 5))
    balls = np.stack([rng.normal(0, 0.35, 4), rng.normal(0.15, 0.5, 4), rng.uniform(0.45, 0.8, 4)], 1)
    balls[0] = 0, 0, 1
    return balls[:count]


def _add_drop(pane: _Pane, drop: _Drop) -> None:
    """Add a drop to the arrays of the pane where it is thicker than what is there."""
    extent = drop.radius * 2.2
    x0, y0 = (max(0, int(v - extent)) for v in drop.center)
    x1, y1 = (int(v + extent) for v in drop.center)
    box = slice(y0, max(y0, y1)), slice(x0, max(x0, x1))
    rows, columns = pane.height[box].shape
    if not rows or not columns:
        return
    y, x = np.mgrid[y0 : y0 + rows, x0 : x0 + columns].astype(np.float32)
    u, v = (x - drop.center[0]) / drop.radius, (y - drop.center[1]) / drop.radius
    bump = sum(np.clip(1 - ((u - bx) ** 2 + (v - by) ** 2) / br**2, 0, 1) ** 2 for bx, by, br in drop.balls)
    bump = np.asarray(bump, np.float32)
    inside = bump > np.maximum(0.2, pane.height[box])
    pane.height[box] = np.maximum(pane.height[box], np.minimum(bump, 1.5))
    width = drop.radius * drop.zoom
    scene = np.stack([drop.center[0] - u * width, drop.center[1] - v * width], -1)  # upside down, wide-angle
    pane.warp[box][inside] = scene[inside]
    # a dark rim, and the sky in the lower half
    pane.gain[box][inside] = (drop.brightness * (0.72 + 0.5 * np.minimum(bump, 1)) * (1 + 0.18 * v))[inside]


def _refract(photo: Photo, warp: NDArray[np.float32], rng: np.random.Generator) -> Photo:
    """The scene seen at each pixel (warp: H×W×2), slightly distorted and defocused; mirrored beyond the photo."""
    rows, columns = photo.shape[:2]
    wobble = np.stack([upscale(rng.normal(0, 1, (12, 12)), photo.shape) for _ in range(2)], -1)
    at = warp + wobble * 6 * pixel_unit(photo.shape)
    blurred = blur_field(photo, 1.6 * pixel_unit(photo.shape))
    x = np.abs((at[..., 0] + columns) % (2 * columns) - columns).clip(0, columns - 1)
    y = np.abs((at[..., 1] + rows) % (2 * rows) - rows).clip(0, rows - 1)
    seen = cv2.remap(blurred, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(seen, np.float32)


def _highlights(height: Field, scale: float) -> Field:
    """H×W brightness of the reflection on the upper left side of each drop."""
    smooth = blur_field(height, 1.2 * scale)
    gy, gx = np.gradient(smooth)
    slope = (gx + gy) * 4 * scale
    return 0.5 * (slope - 0.35).clip(0, 0.6).astype(np.float32)
