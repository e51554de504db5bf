"""Building blocks of the test synthesis: linear light, random fields, kernels, lines and outlines."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo

Field = NDArray[np.float32]
"""H×W, usually 0..1."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def to_linear(photo: Photo) -> Photo:
    """sRGB 0..1 to linear light 0..1 (IEC 61966-2-1), same shape."""
    low = photo <= 0.04045
    return np.where(low, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4).astype(np.float32)


def to_srgb(light: Photo) -> Photo:
    """Linear light to sRGB 0..1, same shape; values outside 0..1 are clipped, as on a sensor."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def luma(photo: Photo) -> Field:
    """Luma of an sRGB photo: H×W×3 to H×W, 0..1 (Rec. 601 weights)."""
    return photo @ _LUMA


def pixel_unit(shape: tuple[int, ...]) -> float:
    """Pixels of the photo per documented pixel: lengths are documented for photos with a shorter side of 400."""
    return float(np.clip(min(shape[:2]) / 400, 0.4, 2.5))


def interpolate(low: float, high: float, severity: float) -> float:
    """Linear interpolation from `low` at severity 0 to `high` at severity 1."""
    return low + (high - low) * float(np.clip(severity, 0, 1))


def upscale(grid: NDArray[np.float64], shape: tuple[int, ...]) -> Field:
    """A coarse grid upscaled to a smooth H×W field. float32."""
    height, width = shape[:2]
    return np.asarray(cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def fractal_noise(shape: tuple[int, ...], rng: np.random.Generator, coarsest: int = 3, octaves: int = 4) -> Field:
    """Fractal noise, H×W float32 in 0..1: each octave is twice as fine and half as strong."""
    total = np.zeros(shape[:2], np.float32)
    for k in range(octaves):
        side = coarsest * 2**k
        total += upscale(rng.uniform(-1, 1, (side, side + 1)), shape) / 2**k
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def blur_field(field: Field, sigma: float) -> Field:
    """The field (H×W or H×W×3) blurred by a Gaussian of `sigma` pixels; a wide one is computed on a reduced copy.

    float32; returns the same shape.
    """
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
    """Kernel of a linear motion of `length` pixels, `degrees` from the vertical; sums to 1. Returns k×k float32."""
    side = int(length) // 2 * 2 + 3
    middle, (dx, dy) = side / 2 - 0.5, (np.sin(np.radians(degrees)), np.cos(np.radians(degrees)))
    kernel = np.zeros((side, side), np.float32)
    start, end = (_fixed_point(middle + k * length / 2 * dx, middle + k * length / 2 * dy) for k in (-1, 1))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, _SHIFT)
    kernel = np.asarray(cv2.GaussianBlur(kernel, (0, 0), 0.5), np.float32)
    return kernel / kernel.sum()


def strokes(shape: tuple[int, ...], segments: NDArray[np.float64], widths: NDArray[np.float64]) -> Field:
    """Anti-aliased lines in an H×W field, 0..1.

    segments: N×5, x0, y0, x1, y1 in pixels and brightness 0..1. widths: N, pixels.
    """
    canvas = np.zeros(shape[:2], np.uint8)
    for (x0, y0, x1, y1, value), width in zip(segments, widths, strict=True):
        shade = round(255 * float(value))
        cv2.line(canvas, _fixed_point(x0, y0), _fixed_point(x1, y1), shade, max(1, round(width)), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(255)


def blob(rng: np.random.Generator, corners: int, roughness: float) -> NDArray[np.float64]:
    """A closed irregular outline around the origin with a radius of about 1: 96×2, x and y. float64."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for k in range(1, corners + 1):
        radius += roughness / k**0.7 * rng.normal() * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    radius = radius.clip(0.25, 2.2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def fill_outline(shape: tuple[int, ...], outline: NDArray[np.float64]) -> Field:
    """Anti-aliased mask H×W, 1 inside an outline (N×2, x and y in pixels). float32."""
    canvas = np.zeros(shape[:2], np.uint8)
    points = np.rint(outline * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(255)


_SHIFT = 4
"""Fractional bits of OpenCV's drawing coordinates."""


def _fixed_point(x: float, y: float) -> tuple[int, int]:
    """A point as OpenCV's drawing functions take it with `shift`."""
    return round(float(x) * (1 << _SHIFT)), round(float(y) * (1 << _SHIFT))
