"""The histogram of a photo."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Histogram, Pixels


def histogram_of(pixels: Pixels) -> Histogram:
    """Count the values of H×W×3 RGB pixels, uint8 or uint16; 16-bit values are counted as their 8-bit equals."""
    eight: Any = to_8_bits(pixels)
    gray = cv2.cvtColor(eight, cv2.COLOR_RGB2GRAY)
    counts = [cv2.calcHist([eight], [k], None, [256], [0, 256]) for k in range(3)]
    counts.append(cv2.calcHist([gray], [0], None, [256], [0, 256]))
    lowest, highest = eight.min(-1), eight.max(-1)
    return Histogram(
        np.stack([count.ravel() for count in counts]).astype(np.int64),
        float(np.count_nonzero(lowest == 0) / lowest.size),
        float(np.count_nonzero(highest == 255) / highest.size),
    )
