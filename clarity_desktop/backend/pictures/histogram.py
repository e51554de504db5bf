"""The histogram of a photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Histogram, Pixels

_BAND = 1_000_000
"""Pixels counted between two checkpoints: some 10 ms."""


def histogram_of(pixels: Pixels, checkpoint: Callable[[], None] = lambda: None) -> Histogram:
    """Count the values of H×W×3 RGB pixels, uint8 or uint16; 16-bit values are counted as their 8-bit equals.

    Raises what checkpoint raises.
    """
    height, width = pixels.shape[:2]
    counts, clipped = np.zeros((4, 256), np.int64), np.zeros(2, np.int64)
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        checkpoint()
        band: Any = to_8_bits(pixels[top : top + rows])
        red, green, blue = cv2.split(band)
        for k, plane in enumerate((red, green, blue, cv2.cvtColor(band, cv2.COLOR_RGB2GRAY))):
            counts[k] += cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel().astype(np.int64)
        clipped += (
            np.count_nonzero(cv2.min(cv2.min(red, green), blue) == 0),
            np.count_nonzero(cv2.max(cv2.max(red, green), blue) == 255),
        )
    return Histogram(counts, *(float(count / (height * width)) for count in clipped))
