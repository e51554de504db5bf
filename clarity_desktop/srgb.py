"""The tone curve of sRGB (IEC 61966-2-1), in the precision of the values that it is given."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)


def linear(coded: NDArray[F]) -> NDArray[F]:
    """sRGB values → linear light, any shape; float32 or float64, 0..1 (more above white)."""
    kind = coded.dtype.type
    high = ((coded + kind(0.055)) / kind(1.055)) ** kind(2.4)
    return np.where(coded <= kind(0.04045), coded / kind(12.92), high)


def encoded(light: NDArray[F]) -> NDArray[F]:
    """Linear light → sRGB values, any shape; float32 or float64, 0..1 (more above white)."""
    kind = light.dtype.type
    high = kind(1.055) * light ** kind(1 / 2.4) - kind(0.055)
    return np.where(light <= kind(0.0031308), light * kind(12.92), high)
