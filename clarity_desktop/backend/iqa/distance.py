"""The distance between two versions of a photo, PSNR and SSIM: how much changed, not whether it became better."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Distance, Pixels

AREA = 3_000_000
"""SSIM of photos with more pixels is computed after reducing them to this: 12 megapixels would take a second."""
_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def distance(
    a: Pixels, b: Pixels, checkpoint: Callable[[], None] = lambda: None, area: int = AREA
) -> Distance:  # fmt: skip
    """PSNR and SSIM of two photos (H×W×3 RGB, both uint8 or both uint16, of one size).

    PSNR is over all values of all channels, SSIM (Wang et al., 2004, Gaussian window of 11 pixels) over luma; photos
    with more than `area` pixels are reduced first. 12 megapixels take 0.3 s on two cores. Raises what checkpoint
    raises.
    """
    assert a.shape == b.shape, "only photos of one size can be compared"
    assert a.dtype == b.dtype, "only photos of one depth can be compared"
    ratio = psnr(a, b)
    checkpoint()
    if ratio is None:
        return Distance(None, 1.0)
    luma = _luma(a, area)
    checkpoint()
    return Distance(ratio, _ssim(luma, _luma(b, area), checkpoint))


def psnr(a: Pixels, b: Pixels) -> float | None:
    """PSNR in dB of two photos (H×W×3, both uint8 or both uint16); None if they are identical."""
    error = float(cv2.norm(a, b, cv2.NORM_L2SQR)) / a.size
    return 10 * math.log10(float(np.iinfo(a.dtype).max) ** 2 / error) if error else None


def _luma(pixels: Pixels, area: int) -> NDArray[np.float32]:
    """The luma of a photo, reduced to at most `area` pixels: H×W float32 in 0..255, 16 bits unrounded."""
    height, width = pixels.shape[:2]
    scale = min(1.0, math.sqrt(area / (height * width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return np.multiply(gray, 1 if gray.dtype == np.uint8 else 1 / 257, dtype=np.float32)


def _ssim(a: NDArray[np.float32], b: NDArray[np.float32], checkpoint: Callable[[], None]) -> float:
    mean_a, mean_b = _blurred(a), _blurred(b)
    checkpoint()
    both = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    covariance = _blurred(a * b) - both
    checkpoint()
    variances = _blurred(a * a) + _blurred(b * b) - squares
    checkpoint()
    ratio = (2 * both + _C1) * (2 * covariance + _C2) / ((squares + _C1) * (variances + _C2))
    return float(np.clip(ratio.mean(dtype=np.float64), 0, 1))


def _blurred(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(plane, _WINDOW, _SIGMA), np.float32)
