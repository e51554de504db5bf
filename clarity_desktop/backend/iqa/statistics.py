"""What the metrics of natural scene statistics share: gray, local contrast, half size, fits, and work in strips.

All filtering is plain numpy in float64 with a fixed order of summation, so scores are the same on every machine and for
any number of cores. That matters in flat areas, where the local contrast is only rounding noise, whose sign the metrics
count.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Pixels

Gray = NDArray[np.uint8]
"""H×W, 0..255."""
Plane = NDArray[np.float64]
Border = Literal["edge", "zero"]
"""How the window of the local contrast continues a photo: by its edge pixels, or by zeros."""
T = TypeVar("T")

STRIP = 96
"""Rows that are processed together: a row of NIQE's blocks, six of PIQE's."""

_SCALE = 22
_RED, _GREEN, _BLUE = (round(w * (1 << _SCALE)) for w in (0.298936021293775, 0.587043074451121, 0.114020904255103))
_HALO = 3
_BELL = np.exp(-(np.arange(-_HALO, _HALO + 1) ** 2) / (2 * (7 / 6) ** 2))
_WINDOW = _BELL / _BELL.sum()
_CHUNK = 32  # rows filtered at once in the same memory: with fewer, threads wait for each other; more exceed the cache


class MetricUndefined(UserError):
    """A metric has no value for this photo; the text says why."""


def gray(pixels: Pixels) -> Gray:
    """MATLAB's rgb2gray of H×W×3 RGB (uint8, or uint16 rounded to 8 bits first): H×W uint8, rounded half up.

    The sums are integers, so the result is exact.
    """
    height, width = pixels.shape[:2]
    out = np.empty((height, width), np.uint8)
    for y in range(0, height, 64):
        band = to_8_bits(pixels[y : y + 64])
        total = band[..., 0] * np.int32(_RED)
        total += band[..., 1] * np.int32(_GREEN)
        total += band[..., 2] * np.int32(_BLUE)
        total += 1 << (_SCALE - 1)
        # Fixed-point weights of MATLAB; the shift after adding one half rounds half up.
        total >>= _SCALE
        out[y : y + 64] = total
    return out


# Local contrast ------------------------------------------------------------------------------------------------------


def contrast(rows: Plane, border: Border = "edge") -> Plane:
    """Mean-subtracted, contrast-normalized (MSCN) values of rows[3:-3]; border continues the rows at left and right.

    rows: (n+6)×W float64 in 0..255, with three more rows above and below. Returns n×W float64, about -3..3.
    """
    count, width = rows.shape[0] - 2 * _HALO, rows.shape[1]
    out = np.empty((count, width))
    padded, scratch = np.zeros((_CHUNK + 2 * _HALO, width + 2 * _HALO)), np.empty((2, _CHUNK, width + 2 * _HALO))
    mean, spread = np.empty((2, _CHUNK, width))
    for y in range(0, count, _CHUNK):
        if count - y < _CHUNK:  # the last ones
            padded, scratch = padded[: count - y + 2 * _HALO], scratch[:, : count - y]
            mean, spread = mean[: count - y], spread[: count - y]
        _pad(rows[y : y + len(padded)], padded, border)
        _smooth(padded, scratch, mean)
        _smooth(np.multiply(padded, padded, out=padded), scratch, spread)
        np.subtract(spread, np.multiply(mean, mean, out=scratch[0, :, :width]), out=spread)
        # abs: the difference of two nearly equal sums may be slightly negative.
        np.sqrt(np.abs(spread, out=spread), out=spread)
        # The stabilizing constant C = 1 of the papers, on a scale of 0..255.
        np.add(spread, 1, out=spread)
        np.subtract(rows[y + _HALO : y + _HALO + len(mean)], mean, out=mean)
        np.divide(mean, spread, out=out[y : y + len(mean)])
    return out


def _pad(rows: Plane, padded: Plane, border: Border) -> None:
    padded[:, _HALO:-_HALO] = rows
    if border == "edge":
        padded[:, :_HALO], padded[:, -_HALO:] = rows[:, :1], rows[:, -1:]


def _smooth(padded: Plane, scratch: Plane, out: Plane) -> None:
    """Filter with the 7×7 Gaussian, columns first; out is three pixels smaller than padded on each side."""
    down, term = scratch
    height, width = out.shape
    _add_up([padded[k : k + height] for k in range(len(_WINDOW))], _WINDOW, down, term)
    _add_up([down[:, k : k + width] for k in range(len(_WINDOW))], _WINDOW, out, term[:, :width])


def _add_up(taps: Sequence[NDArray[Any]], window: Plane, total: Plane, term: Plane) -> None:
    """total = the weighted sum of the taps, from first to last."""
    np.multiply(taps[0], window[0], out=total)
    for tap, weight in zip(taps[1:], window[1:], strict=True):
        np.add(total, np.multiply(tap, weight, out=term), out=total)


def around(plane: Gray, top: int, bottom: int, border: Border = "edge") -> Plane:
    """Rows top..bottom of H×W uint8, with the three above and below that `contrast` needs: (n+6)×W float64."""
    rows = plane[_near(top, bottom, plane.shape[0])].astype(np.float64)
    return rows if border == "edge" else _zeroed(rows, top, plane.shape[0])


def around_halved(plane: Gray, top: int, bottom: int, border: Border = "edge") -> Plane:
    """As `around`, for the photo (H×W uint8) at half size, where an odd side is rounded up; rows count there."""
    height = -(-plane.shape[0] // 2)
    near = _near(top, bottom, height)
    first, last = int(near[0]), int(near[-1]) + 1
    rows = np.concatenate([_halved(plane, y, min(y + _CHUNK, last)) for y in range(first, last, _CHUNK)])[near - first]
    return rows if border == "edge" else _zeroed(rows, top, height)


def _near(top: int, bottom: int, height: int) -> NDArray[np.intp]:
    return np.clip(np.arange(top - _HALO, bottom + _HALO), 0, height - 1)


def _zeroed(rows: Plane, top: int, height: int) -> Plane:
    """Set the rows outside the photo to zero; the first is row top - 3."""
    rows[: max(0, _HALO - top)] = 0
    rows[max(0, height + _HALO - top) :] = 0
    return rows


# Half size: MATLAB's imresize(plane, 0.5), bicubic with antialiasing, mirrored at the border -------------------------

_TAPS = np.array([-3, -9, 29, 111], np.float32) / 256
"""Half of the symmetric kernel: weights of the pixels 7/2, 5/2, 3/2 and 1/2 away."""


def _halved(plane: Gray, top: int, bottom: int) -> Plane:
    """Rows top..bottom of the half-size photo, not rounded. Sums of multiples of 2⁻¹⁶: exact in any order."""
    return _halved_across(_halved_down(plane, top, bottom).astype(np.float64))


def halved(plane: Gray, top: int, bottom: int) -> Gray:
    """Rows top..bottom of H×W uint8 at half size, as MATLAB's imresize: uint8, rounded after each direction."""
    out = np.empty((bottom - top, -(-plane.shape[1] // 2)), np.uint8)
    for y in range(top, bottom, _CHUNK):
        down = _halved_down(plane, y, min(y + _CHUNK, bottom))
        out[y - top : y - top + len(down)] = _whole(_halved_across(_whole(down)))
    return out


def _whole(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.floor(np.clip(values, 0, 255, out=values) + np.float32(0.5))


def _halved_down(plane: Gray, top: int, bottom: int) -> NDArray[np.float32]:
    at = _mirrored(np.arange(2 * top - 3, 2 * bottom + 3), plane.shape[0])
    rows = plane[at].astype(np.float32)
    count = bottom - top
    return _folded([rows[k : k + 2 * count - 1 : 2] for k in range(2 * len(_TAPS))])


def _halved_across(rows: NDArray[Any]) -> NDArray[Any]:
    width = rows.shape[1]
    count = -(-width // 2)
    at = _mirrored(np.arange(-3, 2 * count + 3), width)
    even, odd = rows[:, at[::2]], rows[:, at[1::2]]  # contiguous, because reading every second value is slow
    return _folded([(even, odd)[k % 2][:, k // 2 : k // 2 + count] for k in range(2 * len(_TAPS))])


def _folded(taps: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The weighted sum of the taps; those equally far from the center have the same weight."""
    total = (taps[0] + taps[-1]) * _TAPS[0]
    for k in range(1, len(_TAPS)):
        total += (taps[k] + taps[-1 - k]) * _TAPS[k]
    return total


def _mirrored(at: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    at = at % (2 * count)
    return np.where(at < count, at, 2 * count - 1 - at)


# Strips: the local contrast that the metrics share -------------------------------------------------------------------

_EDGE = 8
"""Columns beside an edge that depend on what lies outside, rounded up: 3 at full size, 5 at half size."""


@dataclass(frozen=True, eq=False)
class Strip:
    """Rows top..bottom of a gray photo, and their local contrast with zeros around the photo, computed when first used.

    full has one row more: the first is the one above (of the top strip, the photo's last). half is the same of the
    photo at half size, for its rows top/2..bottom/2. A strip is used by one thread; no cached_property, which up to
    Python 3.11 lets only one thread at a time compute that of any strip.
    """

    luma: Gray
    top: int
    bottom: int
    _known: dict[str, Plane] = field(default_factory=dict[str, Plane], repr=False)

    @property
    def full(self) -> Plane:
        """Local contrast at full size, H×W float64."""
        if "full" not in self._known:
            self._known["full"] = _wrapped(self.luma, around, self.top, self.bottom, self.luma.shape[0])
        return self._known["full"]

    @property
    def half(self) -> Plane:
        """Local contrast at half size, ⌈H/2⌉×⌈W/2⌉ float64."""
        if "half" not in self._known:
            top, bottom, height = (-(-y // 2) for y in (self.top, self.bottom, self.luma.shape[0]))
            self._known["half"] = _wrapped(self.luma, around_halved, top, bottom, height)
        return self._known["half"]


def strip(luma: Gray, index: int) -> Strip:
    """The strip of that index of a gray photo (H×W uint8)."""
    return Strip(luma, index * STRIP, min((index + 1) * STRIP, luma.shape[0]))


def strips(height: int) -> int:
    """How many strips a photo of that height has."""
    return -(-height // STRIP)


def _wrapped(luma: Gray, read: Callable[[Gray, int, int, Border], Plane], top: int, bottom: int, height: int) -> Plane:
    if top:
        return contrast(read(luma, top - 1, bottom, "zero"), "zero")
    parts = [contrast(read(luma, y, end, "zero"), "zero") for y, end in ((height - 1, height), (0, bottom))]
    return np.concatenate(parts)


def reframed(part: Strip, luma: Gray, top: int, bottom: int, *, half: bool = False) -> Plane:
    """Local contrast of rows top..bottom of a photo that differs from the strip's only by where its right and bottom
    edges are, and that is continued by its edge pixels. Only columns near the edges are computed again.

    luma: that photo, H×W uint8. Returns rows×W float64. half: at half size, rows top/2..bottom/2.
    """
    read, step = (around_halved, 2) if half else (around, 1)
    height, width = luma.shape[0] // step, luma.shape[1] // step
    near = top // step < _EDGE or bottom // step > min(height, -(-part.luma.shape[0] // step)) - _EDGE
    end = min(width, -(-part.luma.shape[1] // step)) - _EDGE
    if near or end < 2 * _EDGE:
        return contrast(read(luma, top // step, bottom // step, "edge"))
    shared = part.half if half else part.full
    out = np.empty(((bottom - top) // step, width))
    left = read(luma[:, : 2 * _EDGE * step], top // step, bottom // step, "edge")
    right = read(luma[:, (end - _EDGE) * step :], top // step, bottom // step, "edge")
    out[:, :_EDGE] = contrast(left)[:, :_EDGE]
    out[:, _EDGE:end] = shared[1:, _EDGE:end]
    out[:, end:] = contrast(right)[:, _EDGE:]
    return out


# Fits of generalized Gaussians ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Shapes:
    """The grid of shapes 0.2, 0.201 … 10 and what belongs to each; ratio is E|x|² / E x² and grows."""

    alpha: Plane
    ratio: Plane
    scale: Plane  # √(Γ(1/α) / Γ(3/α))
    mean: Plane  # Γ(2/α) / Γ(1/α)


@cache
def _shapes() -> _Shapes:
    # The grid of the authors; scores depend on its resolution.
    alpha = np.arange(200, 10001) / 1000
    one, two, three = (np.array([math.lgamma(k / a) for a in alpha]) for k in (1, 2, 3))
    return _Shapes(alpha, np.exp(2 * two - one - three), np.exp((one - three) / 2), np.exp(two - one))


def _nearest(table: Plane, values: Plane) -> NDArray[np.intp]:
    """The index of the nearest entry of an increasing table for each value. As in the authors' code, nan gives 0."""
    right = np.clip(np.searchsorted(table, values), 1, len(table) - 1)
    nearer = values - table[right - 1] <= table[right] - values
    return np.where(np.isnan(values), 0, np.where(nearer, right - 1, right))


def alpha_of_inverse(ratio: Plane) -> Plane:
    """The shapes (0.2..10) of generalized Gaussians whose E x² / E|x|² is nearest to each ratio; same shape."""
    return _shapes().alpha[_nearest(-1 / _shapes().ratio, -ratio)]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over rows of `count` values each.

    sums: 5×rows; the squares of those below and of those above zero, how many these are, and all absolute values.
    """

    sums: Plane
    count: int

    def total(self) -> Moments:
        """Of all rows together, as one row."""
        return Moments(self.sums.sum(1, keepdims=True), self.count * self.sums.shape[1])

    @staticmethod
    def joined(parts: Sequence[Moments]) -> Moments:
        """The sum of parts of one row each, in their order."""
        return Moments(np.sum([part.sums for part in parts], 0), sum(part.count for part in parts))


def moments(values: NDArray[np.float32]) -> Moments:
    """The sums over each row of rows×n float32; they are computed in float32."""
    part = np.abs(values)
    part += values  # exactly twice the positive values; much faster than `maximum`
    above, right = np.vecdot(part, part) / 4, part.sum(1) / 2
    part -= values
    part -= values
    below, left = np.vecdot(part, part) / 4, part.sum(1) / 2
    minus, plus = ([np.count_nonzero(row) for row in sign] for sign in (values < 0, values > 0))
    return Moments(np.array([below, above, minus, plus, right.astype(np.float64) + left], np.float64), values.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Asymmetric:
    """Asymmetric generalized Gaussians: shape, deviations on the left and on the right, and their scales and mean."""

    alpha: Plane
    left: Plane
    right: Plane
    left_scale: Plane
    right_scale: Plane
    mean: Plane


def asymmetric_fit(m: Moments) -> Asymmetric:
    """The fit to each row (Lasmar et al., 2009); a deviation is nan where no value has that sign."""
    below, above, minus, plus, absolute = m.sums
    with np.errstate(invalid="ignore", divide="ignore"):
        left, right = np.sqrt(below / minus), np.sqrt(above / plus)
        g = left / right
        ratio = absolute**2 / (m.count * (below + above))
        at = _nearest(_shapes().ratio, ratio * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2)
    scale = _shapes().scale[at]
    mean = (right - left) * scale * _shapes().mean[at]
    return Asymmetric(_shapes().alpha[at], left, right, left * scale, right * scale, mean)


# Work in parts -------------------------------------------------------------------------------------------------------


def in_parallel(work: Callable[[int], T], count: int, checkpoint: Callable[[], None]) -> list[T]:
    """work(0) … work(count - 1), on all cores; checkpoint is called on this thread between them and may raise."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="clarity-iqa")
    try:
        done: list[T] = []
        for future in [pool.submit(work, k) for k in range(count)]:
            done.append(future.result())
            checkpoint()
        return done
    finally:
        pool.shutdown(cancel_futures=True)
