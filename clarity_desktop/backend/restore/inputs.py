"""The inputs of a method: tiles padded to its multiple, and an overview of the whole photo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.restore.blend import as_tile
from clarity_desktop.values import Mask, Pixels, Tile

OVERVIEW = 1_000_000
"""Most pixels of the overview; a larger photo is reduced."""


def padded(tile: Any, method: Method) -> Any:
    """A tile (H×W×3) or mask (H×W), padded right and bottom to the method's multiple and minimum; a mask with 0."""
    multiple = method.multiple_of
    down, across = (math.ceil(max(side, method.minimum) / multiple) * multiple - side for side in tile.shape[:2])
    if not (down or across):
        return np.ascontiguousarray(tile)
    widths = ((0, down), (0, across), (0, 0))[: tile.ndim]
    if method.padding == "zero" or tile.ndim == 2:
        return np.pad(tile, widths)
    return np.pad(tile, widths, mode=method.padding)


def overview(pixels: Pixels, mask: Mask | None, method: Method) -> tuple[Tile, Mask | None]:
    """The photo (H×W×3, uint8 or uint16) as float32 0..1 and its mask, both at no more than OVERVIEW pixels, padded.

    A pixel is masked if any of the pixels that it stands for is.
    """
    seen = padded(as_tile(_reduced(pixels, method.multiple_of)), method)
    if mask is None:
        return seen, None
    return seen, padded(_reduced((mask > 0).astype(np.uint8) * np.uint8(255), method.multiple_of), method)


def _reduced(values: Any, multiple_of: int) -> Any:
    """Reduce by area, so that means are preserved, to multiples of multiple_of, because padding would distort them."""
    height, width = values.shape[:2]
    if height * width <= OVERVIEW:
        return values
    import cv2

    factor = math.sqrt(OVERVIEW / (height * width)) / multiple_of
    size = [multiple_of * max(1, math.floor(side * factor)) for side in (width, height)]
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)
