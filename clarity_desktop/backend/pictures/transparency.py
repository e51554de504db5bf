"""Colors that cannot be seen: pixels whose alpha is 0 must influence neither networks nor scores nor resampling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Picture, Pixels

Alpha = NDArray[np.uint8] | NDArray[np.uint16]
REACH = 3
"""Levels of half the size each that spread the visible colors, some 100 pixels far; beyond is their mean, for large
areas that change slowly look like shadow or haze."""


def fill_transparent(pixels: Pixels, alpha: Alpha | None) -> Pixels:
    """The pixels (H×W×3, uint8 or uint16) with those of alpha 0 (H×W) filled smoothly from the visible ones around.

    Returns the pixels themselves where nothing or everything is transparent, else a new array. The result does not
    depend on what was hidden; gray surroundings give a gray filling.
    """
    if alpha is None or alpha.all():
        return pixels
    seen = alpha > 0
    if not seen.any():
        return pixels
    out: Any = np.where(seen[..., None], pixels, 0).astype(pixels.dtype)
    smooth = _smooth(*_halved(out.astype(np.float32), seen.astype(np.float32)), alpha.shape)
    hidden = ~seen
    out[hidden] = np.rint(smooth[hidden])
    return out


def resize_alpha(alpha: Alpha, pixels: Pixels) -> Alpha:
    """Alpha (H×W, uint8 or uint16) for an enlarged photo (its H×W×3 pixels), in the depth of the alpha."""
    height, width = pixels.shape[:2]
    resized: Any = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR)
    return resized


def with_hidden(result: Pixels, pixels: Pixels, alpha: Alpha | None) -> Pixels:
    """A result (H×W×3) with the colors that `pixels` hide under alpha 0 (H×W); results of another size stay as is.

    All are uint8 or uint16; a new array unless nothing is hidden.
    """
    if alpha is None or alpha.all() or result.shape != pixels.shape:
        return result
    kept: Any = np.where((alpha > 0)[..., None], result, pixels)
    return kept


def with_pixels(picture: Picture, pixels: Pixels) -> Picture:
    """A photo with other pixels (H×W×3, uint8 or uint16): enlarged, or with what its alpha hides as it was."""
    if picture.alpha is None or pixels.shape == picture.pixels.shape:
        return replace(picture, pixels=with_hidden(pixels, picture.pixels, picture.alpha))
    return replace(picture, pixels=pixels, alpha=resize_alpha(picture.alpha, pixels))


def _halved(values: Any, weights: Any) -> tuple[Any, Any]:
    """H×W×3 values and H×W weights (0: not known), float32, at half the size; a value counts by its weight."""
    size = -(-weights.shape[1] // 2), -(-weights.shape[0] // 2)
    mean = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(values * weights[..., None], size, interpolation=cv2.INTER_AREA)
    return total / np.maximum(mean, 1e-6)[..., None], np.minimum(1, 4 * mean)


def _smooth(values: Any, weights: Any, shape: tuple[int, ...], levels: int = REACH) -> Any:
    """Values enlarged to H×W. What they lack comes from a level of half their size, in the end from their mean."""
    if weights.min() < 1:
        if levels:
            coarse = _smooth(*_halved(values, weights), weights.shape, levels - 1)
        else:
            coarse = (values * weights[..., None]).mean((0, 1)) / weights.mean()
        values = weights[..., None] * values + (1 - weights[..., None]) * coarse
    return cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
