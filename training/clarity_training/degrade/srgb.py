"""Conversion between sRGB values and linear light, in which exposure, flare and sensor noise are computed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""Any float32 array: H×W or H×W×3."""
Numbers = NDArray[np.float32] | NDArray[np.float64]
"""Intermediate results of any precision and range."""


def to_linear(photo: Plane) -> Plane:
    """sRGB 0..1 to linear light 0..1 (IEC 61966-2-1), a new array of the same shape."""
    light = np.asarray(cv2.pow((photo + np.float32(0.055)) / np.float32(1.055), 2.4), np.float32)
    np.multiply(photo, np.float32(1 / 12.92), out=light, where=photo <= 0.04045)
    return light


def to_srgb(light: Numbers) -> Plane:
    """Linear light to sRGB 0..1, a new array of the same shape; values outside 0..1 are clipped, as on a sensor."""
    clipped = clip(light)
    photo = np.asarray(cv2.pow(clipped, 1 / 2.4), np.float32) * np.float32(1.055) - np.float32(0.055)
    np.multiply(clipped, np.float32(12.92), out=photo, where=clipped <= 0.0031308)
    return photo


def clip(photo: Numbers) -> Plane:
    """The values clipped to 0..1, as float32. Any shape; returns the same shape."""
    return np.clip(photo, 0.0, 1.0).astype(np.float32, copy=False)


def quantize(photo: Numbers) -> Plane:
    """The values (0..1) rounded to 8 bits, as float32. Any shape; returns the same shape."""
    return clip(np.round(photo * np.float32(255.0)) / np.float32(255.0))


def luma(light: Plane) -> Plane:
    """Luminance of linear light: H×W×3 to H×W×1 (Rec. 709 weights). float32."""
    return np.asarray(light @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)[..., None]
