"""Masks of areas, tones, colors and materials, from the pixels alone: no network is needed.

All work on a reduced copy of the photo; the mask is brought back to full size along the edges of the photo (guided
filter, He et al., ECCV 2010).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions import graph_cut
from clarity_desktop.backend.regions.words import Part, Place
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Mask, Pixels

WORK = 512
"""Longest side in pixels of the reduced photo."""
MIN_SHARE = 0.004
"""Share of the photo below which nothing was found."""

Floats = NDArray[np.float32]

HUES: Mapping[str, tuple[float, float]] = {
    "red": (0, 18), "orange": (28, 14), "yellow": (54, 16), "green": (115, 50), "cyan": (182, 18), "blue": (222, 32),
    "purple": (282, 30), "pink": (330, 24), "brown": (25, 18),
}  # fmt: skip
"""Degrees of the middle of a hue and how far it reaches."""


def mask(pixels: Pixels, part: Part) -> Mask | None:
    """The mask (H×W uint8, 0..255) of an area, a tone, a color or stuff; None where there is none in the photo.

    pixels: H×W×3 RGB, uint8 or uint16.
    """
    height, width = pixels.shape[:2]
    if part.kind == "area":
        return area(part.places, part.share, height, width)
    small = reduced_to(to_8_bits(pixels), WORK)
    weights = {"tone": tone, "color": color, "stuff": stuff}[part.kind](small, part.name)
    if part.places:
        weights = weights * (area(part.places, part.share, *weights.shape) > 0)
    if float((weights > 0.5).mean()) < MIN_SHARE:
        return None
    refined = ((guided(small, weights) - 0.1) / 0.8).clip(0, 1)  # what is hardly there is not selected at all
    levels = np.rint(255 * refined).astype(np.uint8)
    return np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def area(places: tuple[Place, ...], share: float, height: int, width: int) -> Mask:
    """A rectangle of a photo, or its border: H×W uint8. share: of the side that it covers, 0..1."""
    selected = np.full((height, width), 255, np.uint8)
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    wide, high = round(width * share), round(height * share)
    middle = np.abs(rows + 0.5 - height / 2) <= height / 4, np.abs(columns + 0.5 - width / 2) <= width / 4
    above, beside = np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)
    for place in places:
        inside = {
            "left": columns < wide, "right": columns >= width - wide,
            "top": rows < high, "bottom": rows >= height - high,
            "center": middle[0] & middle[1],
            "edges": (above < 0.15 * height) | (beside < 0.15 * width),
        }[place]  # fmt: skip
        selected = np.where(inside, selected, 0).astype(np.uint8)
    return selected


def tone(small: NDArray[np.uint8], name: str) -> Floats:
    """Weights (h×w, 0..1) of dark, bright or middle tones, or of the darkest or brightest place, of h×w×3 uint8."""
    luma = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)
    if name in ("darkest", "brightest"):
        # One place, not scattered pixels: the most extreme part of the smoothed photo and what belongs to it.
        smooth = np.asarray(cv2.GaussianBlur(luma, (0, 0), max(1.0, 0.02 * max(luma.shape))), np.float32)
        extreme = 1 - smooth if name == "darkest" else smooth
        return _largest(_soft(extreme, float(np.quantile(extreme, 0.93)), 0.02))
    low, high = (float(np.quantile(luma, q)) for q in (0.33, 0.67))
    if name == "dark":
        return _soft(1 - luma, 1 - min(0.35, max(0.12, low)), 0.05)
    if name == "bright":
        return _soft(luma, max(0.65, min(0.9, high)), 0.05)
    return _soft(luma, 0.33, 0.06) * _soft(1 - luma, 0.33, 0.06)


def color(small: NDArray[np.uint8], name: str) -> Floats:
    """Weights (h×w, 0..1) of a color, of h×w×3 uint8."""
    hsv = np.asarray(cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2HSV), np.float32)
    hue, saturation, value = (hsv[..., k] for k in range(3))
    if name in ("white", "gray", "black"):
        neutral = _soft(1 - saturation, 0.8, 0.06)
        level = {"white": _soft(value, 0.78, 0.05), "black": _soft(1 - value, 0.78, 0.05)}
        middle = _soft(value, 0.25, 0.05) * _soft(1 - value, 0.2, 0.05)
        return level.get(name, middle) * (1 if name == "black" else neutral)
    middle, reach = HUES[name]
    away = np.asarray(np.abs((hue - middle + 180) % 360 - 180), np.float32)
    weights = _soft(reach - away, 0, 5) * _soft(saturation, 0.2, 0.05) * _soft(value, 0.15, 0.04)
    if name == "brown":
        return weights * _soft(0.6 - value, 0, 0.05)
    return weights * (_soft(value, 0.5, 0.08) if name == "orange" else 1)


def stuff(small: NDArray[np.uint8], name: str) -> Floats:
    """Weights (h×w, 0..1) of a material or of foreground and background, of h×w×3 uint8."""
    return _STUFF[name](small)


def _sky(small: NDArray[np.uint8]) -> Floats:
    """Smooth, bright and blue, gray or orange, and connected with the upper edge."""
    luma, lab = _luma(small), _lab(small)
    blue = _soft(-lab[..., 2], 6, 2.5)  # b* well below zero
    # An overcast sky is brighter than what is below it, however dark the photo.
    below = float(luma[luma.shape[0] // 2 :].mean())
    pale = _soft(luma, min(0.68, max(0.42, below + 0.1)), 0.04) * _soft(14 - np.hypot(lab[..., 1], lab[..., 2]), 0, 3)
    evening = (
        _soft(luma, 0.5, 0.05) * _soft(lab[..., 2], 15, 5) * _soft(lab[..., 1], 2, 2) * _soft(24 - lab[..., 1], 0, 6)
    )
    high = np.linspace(1.15, 0.35, luma.shape[0], dtype=np.float32)[:, None]
    likely = np.maximum(np.maximum(blue * _soft(luma, 0.3, 0.05), pale), 0.8 * evening) * _smooth(luma, 0.05) * high
    return _touching(likely.clip(0, 1), "top")


def _vegetation(small: NDArray[np.uint8]) -> Floats:
    """Green or yellow-green, not too bright."""
    lab, luma = _lab(small), _luma(small)
    green = _soft(-lab[..., 1], 4, 2.5) * _soft(lab[..., 2], 2, 3) * _soft(0.85 - luma, 0, 0.05)
    return _closed(green)


def _water(small: NDArray[np.uint8]) -> Floats:
    """Blue or gray below the sky, smoother along rows than along columns, not connected with the upper edge."""
    lab, luma = _lab(small), _luma(small)
    blue = _soft(-lab[..., 2], 5, 2.5) * _soft(12 - lab[..., 1], 0, 4)
    across, down = (np.abs(cv2.Sobel(luma, cv2.CV_32F, *order)) for order in ((1, 0), (0, 1)))
    waves = _soft(cv2.blur(down, (15, 15)) / (cv2.blur(across, (15, 15)) + 1e-3), 1.0, 0.2)
    low = np.linspace(0.2, 1.2, luma.shape[0], dtype=np.float32)[:, None]
    likely = (np.maximum(blue, 0.6 * waves * _soft(10 - np.hypot(lab[..., 1], lab[..., 2]), 0, 3)) * low).clip(0, 1)
    return _closed(likely * (1 - _sky(small)))


def _ground(small: NDArray[np.uint8]) -> Floats:
    """What is like the lower edge and connected with it."""
    lab = cv2.GaussianBlur(_lab(small), (0, 0), 2)
    rows = lab.shape[0]
    near = lab[int(rows * 0.92) :].reshape(-1, 3)
    middle = np.median(near, 0)
    spread = np.maximum(np.median(np.abs(near - middle), 0) * 3, (12, 5, 6))
    away = (np.abs(lab - middle) / spread).max(2)
    low = np.linspace(0.0, 1.25, rows, dtype=np.float32)[:, None]
    return _touching((_soft(1.6 - away, 0, 0.25) * low).clip(0, 1) * (1 - _sky(small)), "bottom")


def _skin(small: NDArray[np.uint8]) -> Floats:
    """The colors of skin in light of any usual color (Kovac et al., 2003, in CIE Lab)."""
    lab, luma = _lab(small), _luma(small)
    return _closed(
        _soft(lab[..., 1], 6, 2) * _soft(24 - lab[..., 1], 0, 4) * _soft(lab[..., 2], 6, 3)
        * _soft(32 - lab[..., 2], 0, 4) * _soft(luma, 0.15, 0.04)
    )  # fmt: skip


def _subject(small: NDArray[np.uint8]) -> Floats:
    """What differs from the edges of the photo and is sharp: the seeds of a graph cut."""
    rows, columns = small.shape[:2]
    lab = np.asarray(cv2.GaussianBlur(_lab(small), (0, 0), 3), np.float32)
    edge = np.concatenate([lab[:6].reshape(-1, 3), lab[-2:].reshape(-1, 3), lab[:, :6].reshape(-1, 3),
                           lab[:, -6:].reshape(-1, 3)])  # fmt: skip
    # The distance to the nearest of a few colors of the edge.
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    cv2.setRNGSeed(1)
    centers = np.asarray(
        cv2.kmeans(edge, min(5, len(edge)), np.empty(0), stop, 1, cv2.KMEANS_PP_CENTERS)[2]
    )  # fmt: skip
    strange = np.min([np.linalg.norm(lab - center, axis=2) for center in centers], 0).astype(np.float32)
    sharp = cv2.GaussianBlur(np.abs(cv2.Laplacian(_luma(small), cv2.CV_32F)), (0, 0), 0.02 * max(rows, columns))
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    central = np.exp(-(x * x + y * y) / 0.9)
    # A color difference below 5 is no difference.
    salient = (strange / max(5.0, float(strange.max())) + 0.5 * sharp / (float(sharp.max()) + 1e-3)) * central
    if salient.max() < 0.2:
        return np.zeros((rows, columns), np.float32)
    levels = np.rint(255 * salient / salient.max()).astype(np.uint8)
    threshold = cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0]
    seeds = np.where(levels > threshold, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[levels > threshold + 0.6 * (255 - threshold)] = cv2.GC_FGD
    seeds[levels < 0.25 * threshold] = cv2.GC_BGD
    return _closed(graph_cut.cut(small, seeds, 3))


_STUFF: Mapping[str, Callable[[NDArray[np.uint8]], Floats]] = {
    "sky": _sky, "vegetation": _vegetation, "water": _water, "ground": _ground, "skin": _skin,
    "subject": _subject, "background": lambda small: 1 - _subject(small),
}  # fmt: skip


def guided(photo: NDArray[np.uint8], weights: Floats, radius: int = 6, smoothness: float = 1e-3) -> Floats:
    """The weights (h×w, 0..1) with the edges of the photo (h×w×3 uint8), by a guided filter on its luma."""
    guide, side = _luma(photo), (2 * radius + 1, 2 * radius + 1)
    mean_guide, mean = cv2.blur(guide, side), cv2.blur(weights, side)
    variance = cv2.blur(guide * guide, side) - mean_guide**2
    slope = (cv2.blur(guide * weights, side) - mean_guide * mean) / (variance + smoothness)
    offset = mean - slope * mean_guide
    return np.asarray(cv2.blur(slope, side) * guide + cv2.blur(offset, side), np.float32).clip(0, 1)


def _soft(values: Floats | NDArray[np.floating], threshold: float, width: float) -> Floats:
    """A soft step from 0 to 1 at `threshold`."""
    return (1 / (1 + np.exp(-((values - threshold) / width).clip(-30, 30)))).astype(np.float32)


def _luma(small: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)


def _lab(small: NDArray[np.uint8]) -> Floats:
    """h×w×3 float32: L 0..100, a and b about ±100."""
    return np.asarray(cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def _smooth(luma: Floats, texture: float) -> Floats:
    """1 where there is little texture."""
    detail = cv2.blur(np.abs(luma - cv2.GaussianBlur(luma, (0, 0), 2)), (9, 9))
    return _soft(texture - detail, 0, 0.006)


def _closed(weights: Floats) -> Floats:
    """Without specks and small holes."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    opened = cv2.morphologyEx(weights, cv2.MORPH_OPEN, kernel)
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel), np.float32)


def _largest(weights: Floats) -> Floats:
    """Only the largest connected part."""
    count, labels, statistics, _ = cv2.connectedComponentsWithStats((weights > 0.5).astype(np.uint8))
    if count < 2:
        return np.zeros_like(weights)
    return weights * (labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax()))


def _touching(weights: Floats, edge: str) -> Floats:
    """Only what is connected with the upper or the lower edge."""
    closed = _closed(weights)
    _, labels = cv2.connectedComponents((closed > 0.5).astype(np.uint8))
    row = labels[:3] if edge == "top" else labels[-3:]
    return closed * np.isin(labels, np.setdiff1d(np.unique(row), [0]))
