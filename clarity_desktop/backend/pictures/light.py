"""Linear light: tables from a profile's device values to light and back, for 8 and 16 bits, and work in bands."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.values import Pixels

Light = NDArray[np.float32]
STEPS = 1 << 16
"""Entries of a table over linear light; the index grows with its square root, as the resolution of the eye does."""
BAND = 1 << 15
"""Pixels computed at a time, so that the planes of a band stay in the processor's cache."""
BATCH = 16
"""Bands for each core between two checkpoints."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The space of a photo.

    decode: for each channel STEPS values of linear light 0..1, evenly spaced over the device values. encode: for each
    channel STEPS device values 0..1 over the square root of linear light. weights: what each channel adds to the
    luminance. from_xyz: 3×3, XYZ under D50 → linear RGB.
    """

    decode: tuple[Light, ...]
    encode: tuple[Light, ...]
    weights: tuple[float, ...]
    from_xyz: NDArray[np.float64]

    def light(self, channel: int, dtype: np.dtype[Any]) -> Light:
        """The linear light of each device value of a depth: a vector of 256 or 65536 float32 values 0..1."""
        levels = int(np.iinfo(dtype).max) + 1
        return self.decode[channel][np.linspace(0, STEPS - 1, levels).round().astype(np.int64)]

    def values(self, channel: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The device value (uint8 or uint16) for each entry of `index`: a vector of STEPS values."""
        return np.rint(self.encode[channel] * np.iinfo(dtype).max).astype(dtype)


@lru_cache(maxsize=4)
def space(icc: bytes | None = None) -> Space:
    """The space of a profile; sRGB for none, and for profiles that are not curves and a matrix."""
    try:
        profile = profiles.parse(icc or profiles.srgb())
    except profiles.BrokenProfile:
        profile = profiles.parse(profiles.srgb())
    if profile.matrix is None or len(profile.curves) != 3 or abs(np.linalg.det(profile.matrix)) < 1e-6:
        profile = profiles.parse(profiles.srgb())
    assert profile.matrix is not None
    x = np.linspace(0, 1, STEPS)
    decode = [np.maximum.accumulate(np.clip(curve(x), 0, 1)) for curve in profile.curves]
    # The inverse of a curve is read off its own table; flat parts (clipped shadows) give their first value.
    encode = [np.interp(x**2, *_rising(table, x)) for table in decode]
    weights = profile.matrix[1] / profile.matrix[1].sum()
    return Space(
        tuple(table.astype(np.float32) for table in decode),
        tuple(table.astype(np.float32) for table in encode),
        tuple(float(w) for w in weights),
        np.linalg.inv(profile.matrix).astype(np.float64),
    )


def _rising(values: NDArray[np.float64], at: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    kept = np.concatenate([[True], np.diff(values) > 0])
    return values[kept], at[kept]


def index(light: Light, ceiling: float = 1.0) -> NDArray[np.uint16]:
    """The entries of a table of STEPS over the square root of light 0..ceiling; any shape, float32 in, uint16 out."""
    root = np.clip(light, 0, ceiling)
    np.sqrt(root, out=root)
    root *= np.float32((STEPS - 1) / math.sqrt(ceiling))
    root += np.float32(0.5)
    return root.astype(np.uint16)


def blended(before: Pixels, after: Pixels, share: float, checkpoint: Callable[[], None] = lambda: None) -> Pixels:
    """Between `before` (share 0) and `after` (share 1), both H×W×3 of one dtype (uint8 or uint16), in linear light.

    Values that are equal in both stay identical. checkpoint is called between bands and may raise.
    """
    if share in (0, 1):
        return after if share else before
    curve = space()
    light, values = curve.light(0, before.dtype), curve.values(0, before.dtype)
    out: Any = np.empty_like(before)

    def mix(start: int, end: int) -> None:
        old, new = before[start:end], after[start:end]
        low = np.take(light, old)
        high = np.take(light, new)
        high -= low
        high *= np.float32(share)
        low += high
        out[start:end] = np.where(old == new, old, np.take(values, index(low)))

    in_bands(mix, before.shape, checkpoint)
    return out


def in_bands(
    work: Callable[[int, int], None],
    shape: tuple[int, ...],
    checkpoint: Callable[[], None] = lambda: None,
    size: int = BAND,
) -> None:
    """Call work(first row, end) for bands of about `size` pixels of an H×W… shape, on all cores."""
    rows = max(1, size // max(1, shape[1]))
    starts = range(0, shape[0], rows)
    cores = os.cpu_count() or 1
    if len(starts) < 2 * cores:
        for start in starts:
            work(start, min(start + rows, shape[0]))
        return
    with ThreadPoolExecutor(cores, "clarity-light") as pool:
        # A few at a time, so that the checkpoint is passed often.
        for k in range(0, len(starts), BATCH * cores):
            checkpoint()
            some = [pool.submit(work, y, min(y + rows, shape[0])) for y in starts[k : k + BATCH * cores]]
            for done in some:
                done.result()
