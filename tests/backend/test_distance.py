"""How far two versions are apart."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from clarity_desktop.backend.iqa.distance import distance, psnr
from clarity_desktop.messages import JobCancelled


def test_a_known_error_has_its_known_ratio() -> None:
    a = np.full((20, 30, 3), 100, np.uint8)
    assert psnr(a, a + 5) == pytest.approx(20 * np.log10(255 / 5))
    deep = a.astype(np.uint16) * 257
    assert psnr(deep, deep + 5 * 257) == pytest.approx(20 * np.log10(255 / 5))


def test_equal_photos_are_at_no_distance(photo) -> None:
    found = distance(photo(60, 40), photo(60, 40))
    assert (found.psnr, found.ssim) == (None, 1.0)


def plain_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """SSIM written again, as a sum over windows."""
    x, y = (cv2.cvtColor(v, cv2.COLOR_RGB2GRAY).astype(np.float64) for v in (a, b))
    bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(bell, bell) / bell.sum() ** 2
    x, y = np.pad(x, 5, "reflect"), np.pad(y, 5, "reflect")
    values = []
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            p, q = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            c = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append((2 * mp * mq + c1) * (2 * c + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


def test_ssim_agrees_with_its_definition(photo) -> None:
    a = photo(32, 24)
    b = cv2.GaussianBlur(a, (5, 5), 1)
    assert distance(a, b).ssim == pytest.approx(plain_ssim(a, b), abs=1e-4)


def test_sixteen_bits_are_as_far_apart_as_eight(photo) -> None:
    a, b = photo(64, 48), photo(64, 48, seed=1)
    eight, sixteen = distance(a, b), distance(a.astype(np.uint16) * 257, b.astype(np.uint16) * 257)
    assert sixteen.psnr == pytest.approx(eight.psnr, abs=1e-6)
    assert sixteen.ssim == pytest.approx(eight.ssim, abs=2e-3)


def test_large_photos_are_compared_reduced(photo) -> None:
    a = photo(200, 150)
    b = cv2.GaussianBlur(a, (5, 5), 1)
    full = distance(a, b)
    reduced = distance(a, b, area=100 * 75)
    assert reduced.psnr == full.psnr
    assert full.ssim < reduced.ssim < 1


def test_comparing_can_be_cancelled(photo) -> None:
    def cancelled() -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        distance(photo(64, 48), photo(64, 48, seed=1), cancelled)
