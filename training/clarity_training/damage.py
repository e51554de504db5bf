"""What damaging a photo takes and gives. The only thing that the two syntheses (degrade, exam) have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Photo = NDArray[np.float32]
"""H×W×3 RGB, sRGB-encoded, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Damaged:
    """A damaged photo of the clean one's size, pixel for pixel over it.

    holes: H×W, 0 or 1, where pixels are lost (scratches, dust, holes), else None.
    """

    pixels: Photo
    holes: NDArray[np.float32] | None = None


Damage = Callable[[Photo, float, np.random.Generator], Damaged]
"""photo (not changed), severity 0..1 (0: barely visible, 1: heavy), and the only source of chance."""
