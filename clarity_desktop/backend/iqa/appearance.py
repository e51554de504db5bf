"""Cheap measures of what the four metrics ignore: exposure, color, haze, noise, sharpness, directions, blocks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.statistics import Gray, Plane, gray
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Pixels

Floats = NDArray[np.float32]

COUNT = 68
SIDES, DIAGONALS = ((29, 30), (52, 53), (64, 65)), ((54, 55),)
"""Pairs of measures that swap when a photo is transposed, and when it is mirrored."""
_WIDE = 256
_TILE, _TILES = 256, 3
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
_TINY = np.float32(1e-3)


def appearance(pixels: Pixels, checkpoint: Callable[[], None] = lambda: None) -> Plane:
    """The 68 measures (float64) of a photo (H×W×3 RGB, uint8 or uint16, at least 1×1). None is good or bad by itself.

    The scene is measured at 256 pixels on its longest side, fine detail at the photo's own resolution; along a side of
    more than 768 pixels in three places of 256, so that the work is bounded. Calls checkpoint between its parts.
    """
    pixels = to_8_bits(pixels)
    small = _reduced(pixels)
    checkpoint()
    scene = [*_exposure(small), *_color(small), *_veil(small), *_layout(small), *_light(small), *_repeats(small)]
    fine: list[list[float]] = []
    for tile in _tiles(pixels):
        checkpoint()
        fine.append(_fine(tile))
    return np.concatenate([scene, np.mean(fine, 0)]).astype(np.float64)


def _reduced(pixels: NDArray[np.uint8]) -> Floats:
    """The photo at 256 pixels on its longest side or less: float32 RGB 0..1."""
    height, width = pixels.shape[:2]
    factor = min(1.0, _WIDE / max(height, width))
    if factor < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportAssignmentType]
    return np.multiply(pixels, 1 / 255, dtype=np.float32)


def _tiles(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    rows, columns = (_places(side) for side in pixels.shape[:2])
    return [pixels[y, x] for y in rows for x in columns]


def _places(side: int) -> list[slice]:
    if side <= _TILE * _TILES:
        return [slice(None)]
    starts = [round((k + 0.5) * side / _TILES - _TILE / 2) for k in range(_TILES)]
    return [slice(start, start + _TILE) for start in starts]


def _exposure(small: Floats) -> list[float]:
    luma = _luma(small)
    # Skewness and kurtosis; the floor keeps nearly flat photos finite.
    centerd = luma - luma.mean()
    spread = float(luma.std())
    shape = [float((centerd**n).mean()) / max(spread, 0.02) ** n for n in (3, 4)]
    clipped = [(luma < 0.03).mean(), (luma > 0.97).mean(), (small.max(2) > 0.99).mean(), (small.min(2) < 0.01).mean()]
    return [*_shares(luma, 0.5, 5, 25, 50, 75, 95, 99.5), spread, shape[0], min(shape[1], 20.0), *map(float, clipped)]


def _color(small: Floats) -> list[float]:
    red, green, blue = (small[..., k] for k in range(3))
    # Colorfulness after Hasler and Süsstrunk (2003): opponent axes red–green and yellow–blue.
    across, along = red - green, (red + green) / 2 - blue
    most = small.max(2)
    saturation = (most - small.min(2)) / np.maximum(most, 0.02)
    strength = np.hypot(across.std(), along.std()) + 0.3 * np.hypot(across.mean(), along.mean())
    return [
        float(saturation.mean()),
        *_shares(saturation, 90),
        float(strength),
        *map(float, (across.mean(), along.mean())),
    ]


def _veil(small: Floats) -> list[float]:
    """The dark channel (He et al., 2009) and its distance from the brightness: haze raises it everywhere."""
    # Minimum over channels and a 9×9 neighborhood.
    dark = cv2.erode(small.min(2), np.ones((9, 9), np.uint8))
    soft = cv2.blur(_luma(small), (9, 9))
    spots = cv2.GaussianBlur(_luma(small), (0, 0), 8)
    return [
        float(dark.mean()),
        *_shares(dark, 5, 95),
        float((soft - dark).mean()),
        float(spots.max() - np.median(spots)),
    ]


def _layout(small: Floats) -> list[float]:
    """How contrast and brightness are distributed over the photo."""
    luma = _luma(small)
    mean = cv2.blur(luma, (7, 7))
    local = np.sqrt(np.maximum(cv2.blur(luma * luma, (7, 7)) - mean * mean, 0))
    coarse = cv2.resize(luma, (8, 8), interpolation=cv2.INTER_AREA)
    sides = [float(np.abs(np.diff(coarse, axis=axis)).mean()) for axis in (0, 1)]
    return [*_logs(_shares(local, 10, 50, 90)), float(local.mean()), float(coarse.std()), *sides]


def _light(small: Floats) -> list[float]:
    """How brightness and color are related: a shadow is darker and bluer, and its edges are not edges of color."""
    coarse = cv2.GaussianBlur(small, (0, 0), 2) + np.float32(0.01)
    light = np.log(_luma(coarse))
    red, green, blue = (coarse[..., k] for k in range(3))
    warm, lush = np.log(red / blue), np.log(green**2 / (red * blue))
    edges = _steepness(light)
    others = _steepness(warm) + _steepness(lush)
    plain = float((edges * (others < 0.3 * edges)).mean() / (edges.mean() + 0.01))
    correlations = [_correlation(light, color) for color in (warm, lush)]
    return [
        *_shares(light, 5, 50, 95),
        float(light.std()),
        *correlations,
        float(edges.mean()),
        *_shares(edges, 99),
        plain,
    ]


def _steepness(plane: Floats) -> Floats:
    return np.hypot(cv2.Sobel(plane, -1, 1, 0), cv2.Sobel(plane, -1, 0, 1)).astype(np.float32) / np.float32(8)


def _correlation(a: Floats, b: Floats) -> float:
    """The correlation of two planes; near 0 if one hardly varies."""
    both = float(((a - a.mean()) * (b - b.mean())).mean())
    return both / (float(a.std()) * float(b.std()) + 1e-3)


def _repeats(small: Floats) -> list[float]:
    """The highest autocorrelation of the photo's edges beyond small shifts: tiled watermarks repeat."""
    steep = _steepness(_luma(small))
    # Padded to twice the size, so that the correlation does not wrap around.
    spectrum = np.fft.rfft2(steep - steep.mean(), (2 * _WIDE, 2 * _WIDE))
    same = np.fft.irfft2(np.abs(spectrum) ** 2)[: _WIDE // 2, : _WIDE // 2] / (float(steep.var()) * steep.size + 1e-6)
    # Small shifts correlate in every photo.
    same[:12, :12] = 0
    return [float(same.max())]


def _fine(tile: NDArray[np.uint8]) -> list[float]:
    plane = gray(tile)
    luma = plane.astype(np.float32)
    return [*_noise(luma), *_detail(luma), *_marks(plane), *_blocks(luma), *_chroma(tile)]


def _noise(luma: Floats) -> list[float]:
    """Immerkær's noise estimate (1996) in cells of 8×8: the quietest cells hold noise and little else."""
    rough = np.abs(cv2.filter2D(luma, -1, _NOISE))
    cells = cv2.resize(rough, (-(-luma.shape[1] // 8), -(-luma.shape[0] // 8)), interpolation=cv2.INTER_AREA)
    tails = float((rough**2).mean() / max(float(rough.mean()) ** 2, 1e-6))
    return [*_logs([*_shares(cells, 2, 10, 50, 90), float(rough.mean()), tails])]


def _detail(luma: Floats) -> list[float]:
    """The energy of four frequency bands, and of differences in four directions."""
    soft = [luma, *(cv2.GaussianBlur(luma, (0, 0), sigma) for sigma in (0.7, 1.4, 2.8, 5.6))]
    bands = [float((a - b).std()) for a, b in pairwise(soft)]
    ways = [
        luma[:, 1:] - luma[:, :-1],
        luma[1:] - luma[:-1],
        luma[1:, 1:] - luma[:-1, :-1],
        luma[1:, :-1] - luma[:-1, 1:],
    ]
    steps = [float(np.abs(way).mean()) if way.size else 0.0 for way in ways]
    mean = float(np.mean(steps))
    directed = [np.log((step + 0.1) / (mean + 0.1)) for step in steps]
    return [*_logs(bands), *_logs([mean]), *map(float, directed), float(np.ptp(directed))]


def _marks(plane: Gray) -> list[float]:
    """Small marks brighter or darker than their surroundings (drops, flakes, scratches), and exactly flat areas."""
    found: list[float] = []
    # Top-hat finds small bright marks, black-hat small dark ones.
    for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        hat = cv2.morphologyEx(plane, way, np.ones((7, 7), np.uint8))
        found += [float(hat.mean()), *_shares(hat, 99)]
    ratio = (found[0] + 0.1) / (found[2] + 0.1)
    same = (plane[:, 1:] == plane[:, :-1]) if plane.shape[1] > 1 else np.zeros((1, 1), bool)
    middling = same & (plane[:, : same.shape[1]] > 8) & (plane[:, : same.shape[1]] < 247)
    return [*_logs([*found, ratio]), float(same.mean()), float(middling.mean())]


def _blocks(luma: Floats) -> list[float]:
    """How far the strongest of the eight phases of a grid of 8×8 blocks stands out, across and down."""
    found: list[float] = []
    for plane in (luma, luma.T):
        steps = np.abs(np.diff(plane, axis=1)).mean(0)
        if len(steps) < 24:
            found.append(0.0)
            continue
        # A step at a block border stands out against its two neighbors.
        ratio = steps[1:-1] / ((steps[:-2] + steps[2:]) / 2 + 0.5)
        phases = np.sort([float(ratio[k::8].mean()) for k in range(8)])
        found.append(float(np.log((phases[-1] + 0.05) / (phases[4] + 0.05))))
    return found


def _chroma(tile: NDArray[np.uint8]) -> list[float]:
    colors = cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(np.float32)
    rough = np.abs(colors - cv2.blur(colors, (3, 3))).mean(2)
    return _logs(_shares(cv2.blur(rough, (8, 8)), 10, 50))


def _luma(small: Floats) -> Floats:
    return small @ np.array([0.299, 0.587, 0.114], np.float32)


def _shares(values: NDArray[np.generic], *percent: float) -> list[float]:
    return [float(value) for value in np.percentile(values, percent)]  # pyright: ignore[reportArgumentType, reportCallIssue]


def _logs(values: list[float]) -> list[float]:
    return [float(np.log(max(value, 0.0) + _TINY * 50)) for value in values]
