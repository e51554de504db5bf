"""What the metrics of natural scene statistics share: grey, local contrast, half size, fits, and work in bands.

All of it is plain numpy in float64 with a fixed order of sums, so that scores are the same on every machine and for
any number of cores. That matters in flat areas, where the local contrast is nothing but rounding noise whose sign the
metrics count.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from clarity_desktop.values import Pixels

Grey = NDArray[np.uint8]
"""H×W, 0..255."""
Plane = NDArray[np.float64]
T = TypeVar("T")

_SCALE = 22
_RED, _GREEN, _BLUE = (round(w * (1 << _SCALE)) for w in (0.298936021293775, 0.587043074451121, 0.114020904255103))
_HALO = 3
_BELL = np.exp(-(np.arange(-_HALO, _HALO + 1) ** 2) / (2 * (7 / 6) ** 2))
_WINDOW = _BELL / _BELL.sum()
_CHUNK = 8  # rows filtered at a time, in the same memory, so that they stay in the cache


def grey(pixels: Pixels) -> Grey:
    """MATLAB's rgb2gray, rounded half up, of RGB; 16 bits are first rounded to 8. In integers, exact for 8 bits."""
    height, width = pixels.shape[:2]
    out = np.empty((height, width), np.uint8)
    for y in range(0, height, 64):
        band = pixels[y : y + 64]
        if band.dtype == np.uint16:
            band = ((band.astype(np.uint32) + 128) // 257).astype(np.uint8)
        total = band[..., 0] * np.int32(_RED)
        total += band[..., 1] * np.int32(_GREEN)
        total += band[..., 2] * np.int32(_BLUE)
        total += 1 << (_SCALE - 1)
        total >>= _SCALE
        out[y : y + 64] = total
    return out


def contrast(rows: Plane) -> Plane:
    """Mean-subtracted, contrast-normalised values (MSCN) of rows[3:-3]; the border at left and right is replicated.

    rows: (n+6)×W, 0..255, with three rows more above and below. Returns n×W.
    """
    count, width = rows.shape[0] - 2 * _HALO, rows.shape[1]
    out = np.empty((count, width))
    padded, scratch = np.empty((_CHUNK + 2 * _HALO, width + 2 * _HALO)), np.empty((2, _CHUNK, width + 2 * _HALO))
    mean, spread = np.empty((2, _CHUNK, width))
    for y in range(0, count, _CHUNK):
        if count - y < _CHUNK:  # the last ones
            padded, scratch = padded[: count - y + 2 * _HALO], scratch[:, : count - y]
            mean, spread = mean[: count - y], spread[: count - y]
        _pad(rows[y : y + len(padded)], padded)
        _smooth(padded, scratch, mean)
        _smooth(np.multiply(padded, padded, out=padded), scratch, spread)
        np.subtract(spread, np.multiply(mean, mean, out=scratch[0, :, :width]), out=spread)
        np.sqrt(np.abs(spread, out=spread), out=spread)
        np.add(spread, 1, out=spread)
        np.subtract(rows[y + _HALO : y + _HALO + len(mean)], mean, out=mean)
        np.divide(mean, spread, out=out[y : y + len(mean)])
    return out


def _pad(rows: Plane, padded: Plane) -> None:
    padded[:, _HALO:-_HALO] = rows
    padded[:, :_HALO], padded[:, -_HALO:] = rows[:, :1], rows[:, -1:]


def _smooth(padded: Plane, scratch: Plane, out: Plane) -> None:
    """The 7×7 Gaussian window: along the columns, then along the rows. Three pixels less on each side come out."""
    down, term = scratch
    height, width = out.shape
    _add_up([padded[k : k + height] for k in range(len(_WINDOW))], _WINDOW, down, term)
    _add_up([down[:, k : k + width] for k in range(len(_WINDOW))], _WINDOW, out, term[:, :width])


def _add_up(taps: Sequence[NDArray[Any]], window: Plane, total: Plane, term: Plane) -> None:
    """total = the weighted sum of the taps, from first to last."""
    np.multiply(taps[0], window[0], out=total)
    for tap, weight in zip(taps[1:], window[1:], strict=True):
        np.add(total, np.multiply(tap, weight, out=term), out=total)


def around(plane: Grey, top: int, bottom: int) -> Plane:
    """Rows top..bottom with the three above and below that `contrast` needs; the picture's edge rows are replicated."""
    return plane[_near(top, bottom, plane.shape[0])].astype(np.float64)


def around_halved(plane: Grey, top: int, bottom: int) -> Plane:
    """As `around`, of the picture reduced to half its size; its sides must be even."""
    near = _near(top, bottom, plane.shape[0] // 2)
    first, last = int(near[0]), int(near[-1]) + 1
    rows = [_halved(plane, y, min(y + _CHUNK, last)) for y in range(first, last, _CHUNK)]
    return np.concatenate(rows)[near - first]


def _near(top: int, bottom: int, height: int) -> NDArray[np.intp]:
    return np.clip(np.arange(top - _HALO, bottom + _HALO), 0, height - 1)


def _halved(plane: Grey, top: int, bottom: int) -> Plane:
    """Rows of MATLAB's imresize(plane, 0.5): bicubic with antialiasing, mirrored at the border, not rounded."""
    (height, width), count, margin = plane.shape, bottom - top, len(_BICUBIC) // 2
    rows = plane[_mirrored(np.arange(2 * top - 3, 2 * bottom + 3), height)]
    down, half = np.empty((2, count, width)), np.empty((2, count, width // 2))
    _add_up([rows[k : k + 2 * count : 2] for k in range(len(_BICUBIC))], _BICUBIC, *down)
    padded = np.empty((count, width + 2 * margin))
    padded[:, margin:-margin] = down[0]
    padded[:, :margin], padded[:, -margin:] = down[0][:, margin - 1 :: -1], down[0][:, : -margin - 1 : -1]
    _add_up([padded[:, k : k + width : 2] for k in range(1, len(_BICUBIC) + 1)], _BICUBIC, *half)
    return half[0]


def _mirrored(at: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    at = np.where(at < 0, -1 - at, at)
    return np.where(at >= count, 2 * count - 1 - at, at)


def _cubic(x: Plane) -> Plane:
    x = np.abs(x)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0))


_KERNEL = _cubic((np.arange(-3, 5) - 0.5) / 2)
_BICUBIC = _KERNEL / _KERNEL.sum()

_ALPHA = np.arange(200, 10001) / 1000
_RATIO = np.exp(2 * gammaln(2 / _ALPHA) - gammaln(1 / _ALPHA) - gammaln(3 / _ALPHA))  # grows with alpha


def alpha_of(ratio: Plane) -> Plane:
    """The shape of the generalised Gaussian with E|x|² / E x² nearest to ratio, on the grid 0.2, 0.201 … 10.

    As in the authors' code, an undefined ratio gives the first of the grid.
    """
    right = np.clip(np.searchsorted(_RATIO, ratio), 1, len(_RATIO) - 1)
    nearer = ratio - _RATIO[right - 1] <= _RATIO[right] - ratio
    return np.where(np.isnan(ratio), _ALPHA[0], _ALPHA[np.where(nearer, right - 1, right)])


def asymmetric_fit(values: NDArray[np.float32]) -> tuple[Plane, Plane, Plane]:
    """Asymmetric generalised Gaussians of rows of values: alpha, left deviation, right deviation of each.

    values: rows×n; their sums of squares are taken in float32. A deviation is nan where no value has that sign.
    """
    part = np.minimum(values, 0)
    below, left = np.vecdot(part, part), part.sum(1)
    np.maximum(values, 0, out=part)
    above, right = np.vecdot(part, part), part.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        minus = np.sqrt(below.astype(np.float64) / (values < 0).sum(1, dtype=np.int32))
        plus = np.sqrt(above.astype(np.float64) / (values > 0).sum(1, dtype=np.int32))
        gamma = minus / plus
        ratio = (right.astype(np.float64) - left) ** 2 / (values.shape[1] * (below.astype(np.float64) + above))
        alpha = alpha_of(ratio * (gamma**3 + 1) * (gamma + 1) / (gamma**2 + 1) ** 2)
    return alpha, minus, plus


def in_bands(work: Callable[[int], T], count: int, breathe: Callable[[], None]) -> list[T]:
    """work(0) … work(count - 1), on all cores; `breathe` is called on this thread between them and may raise."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="clarity-iqa")
    try:
        done: list[T] = []
        for future in [pool.submit(work, k) for k in range(count)]:
            done.append(future.result())
            breathe()
        return done
    finally:
        pool.shutdown(cancel_futures=True)
