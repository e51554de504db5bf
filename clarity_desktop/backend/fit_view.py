"""The photo at the size at which a person sees it on a screen: what detector, overall score and Auto judge."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Pixels

FIT = 640
"""Longest side in pixels: about as large as a photo is shown beside the panels of the window."""


def fit_view(pixels: Pixels) -> NDArray[np.uint8]:
    """The photo (H×W×3 RGB, uint8 or uint16, at least 1×1) reduced to FIT by area: h×w×3 uint8.

    A smaller photo keeps its size. 16 bits are rounded to 8 first, so a photo and its 8-bit export look the same.
    """
    pixels = to_8_bits(pixels)
    height, width = pixels.shape[:2]
    factor = max(height, width) / FIT
    if factor <= 1:
        return pixels
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportReturnType]
