"""The types of a damage function. The only thing that the two syntheses (`degrade` and `exam`) have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Photo = NDArray[np.float32]
"""H×W×3 RGB, sRGB-encoded, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Damaged:
    """A damaged photo, aligned pixel by pixel with the clean one.

    pixels: H×W×3 float32, 0..1. holes: H×W float32, 1 where pixels are lost (scratches, dust, holes) and 0 elsewhere;
    None where no pixel is lost.
    """

    pixels: Photo
    holes: NDArray[np.float32] | None = None


Damage = Callable[[Photo, float, np.random.Generator], Damaged]
"""(photo, severity, rng) → Damaged. The photo is not modified; severity runs from 0 (barely visible) to 1 (heavy); rng
is the only source of randomness."""
