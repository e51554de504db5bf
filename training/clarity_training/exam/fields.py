"""What the exam's damages are drawn with: light, random fields, particles, discs, and warps of a few lines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo

Field = NDArray[np.float32]
"""H×W, usually 0..1."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def to_linear(photo: Photo) -> Photo:
    """sRGB-encoded 0..1 to linear light 0..1."""
    low = photo <= 0.04045
    return np.where(low, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(light: Photo) -> Photo:
    """Linear light to sRGB-encoded; what is beyond 0..1 is clipped, as a sensor does."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def luma(photo: Photo) -> Field:
    """H×W luma of an encoded photo, 0..1."""
    return photo @ _LUMA


def unit(shape: tuple[int, ...]) -> float:
    """Lengths below are in pixels of the data sets' photos, whose short side is about 400; this scales them."""
    return float(np.clip(min(shape[:2]) / 400, 0.4, 2.5))


def rise(low: float, high: float, severity: float) -> float:
    """The value at that severity between the documented ends."""
    return low + (high - low) * float(np.clip(severity, 0, 1))


def grown(grid: NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    """A coarse grid as a smooth H×W field."""
    height, width = shape[:2]
    return np.asarray(cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def clouds(shape: tuple[int, ...], rng: np.random.Generator, coarsest: int = 3, octaves: int = 4) -> Field:
    """Fractal noise, H×W in 0..1: each octave is twice as fine and half as strong."""
    total = np.zeros(shape[:2], np.float32)
    for k in range(octaves):
        side = coarsest * 2**k
        total += grown(rng.uniform(-1, 1, (side, side + 1)), shape) / 2**k
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def soft(field: Field, sigma: float) -> Field:
    """The field under a Gaussian of sigma pixels; wide ones are computed on a reduced field."""
    if sigma < 0.3:
        return field
    if sigma <= 6:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
    height, width = field.shape[:2]
    step = min(sigma / 3, min(height, width) / 8)
    small = cv2.resize(field, (max(2, round(width / step)), max(2, round(height / step))), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def line_kernel(length: float, degrees: float) -> Field:
    """A straight motion of that many pixels, at that angle from the vertical; sums to 1."""
    side = int(length) // 2 * 2 + 3
    middle, (dx, dy) = side / 2 - 0.5, (np.sin(np.radians(degrees)), np.cos(np.radians(degrees)))
    kernel = np.zeros((side, side), np.float32)
    one, other = (_fixed(middle + k * length / 2 * dx, middle + k * length / 2 * dy) for k in (-1, 1))
    cv2.line(kernel, one, other, 1.0, 1, cv2.LINE_8, _SHIFT)
    kernel = np.asarray(cv2.GaussianBlur(kernel, (0, 0), 0.5), np.float32)
    return kernel / kernel.sum()


def strokes(shape: tuple[int, ...], segments: NDArray[np.float64], widths: NDArray[np.float64]) -> Field:
    """Anti-aliased lines in a H×W field. segments: N×4 as x, y, x, y in pixels, then a brightness 0..1 as fifth."""
    canvas = np.zeros(shape[:2], np.uint8)
    for (x0, y0, x1, y1, value), width in zip(segments, widths, strict=True):
        shade = round(255 * float(value))
        cv2.line(canvas, _fixed(x0, y0), _fixed(x1, y1), shade, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(255)


def blob(rng: np.random.Generator, corners: int, roughness: float) -> NDArray[np.float64]:
    """A closed outline around 0, 0 with radius about 1, N×2: a radius that wanders over the angle."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for k in range(1, corners + 1):
        radius += roughness / k**0.7 * rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius = radius.clip(0.25, 2.2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def filled(shape: tuple[int, ...], outline: NDArray[np.float64]) -> Field:
    """The inside of an outline (N×2 in pixels) as a H×W field of 0 and 1 with an anti-aliased edge."""
    canvas = np.zeros(shape[:2], np.uint8)
    points = np.rint(outline * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(255)


_SHIFT = 4


def _fixed(x: float, y: float) -> tuple[int, int]:
    """A point in cv2's fixed-point form."""
    return round(float(x) * (1 << _SHIFT)), round(float(y) * (1 << _SHIFT))
