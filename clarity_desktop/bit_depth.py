"""Conversion of samples between 8 and 16 bits: one rounding, the same everywhere in the program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_BAND = 1 << 20
"""Samples converted at a time, so that the 32-bit copy stays in the processor's cache."""


def to_8_bits(samples: Samples) -> NDArray[np.uint8]:
    """Samples of any shape, uint8 (returned as they are) or uint16, as uint8: 65535 becomes 255, rounded to nearest."""
    if samples.dtype == np.uint8:
        return samples  # pyright: ignore[reportReturnType]
    out = np.empty(samples.shape, np.uint8)
    if samples.ndim == 0:
        out[...] = _rounded(samples[None])[0]
        return out
    rows = max(1, _BAND * len(samples) // max(1, samples.size))
    for start in range(0, len(samples), rows):
        out[start : start + rows] = _rounded(samples[start : start + rows])
    return out


def to_16_bits(samples: Samples) -> NDArray[np.uint16]:
    """Samples of any shape, uint16 (returned as they are) or uint8, as uint16: 255 becomes 65535."""
    return samples if samples.dtype == np.uint16 else samples * np.uint16(257)  # pyright: ignore[reportReturnType]


def _rounded(samples: Samples) -> NDArray[np.uint32]:
    """0..65535 divided by 257 and rounded, without the slow division; exact for all 65536 values."""
    wide = samples.astype(np.uint32)
    wide *= 255
    wide += 32895
    wide >>= 16
    return wide
