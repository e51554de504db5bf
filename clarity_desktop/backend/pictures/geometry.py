"""Crop, quarter turns, flips, straightening and downscaling of pixels (H×W×3) and of alpha and masks (H×W)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.geometry import inner_size
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Crop, Flip, Pixels, Rotate, Straighten, Transform

P = TypeVar("P", bound=NDArray[np.uint8] | NDArray[np.uint16])
TILE = 1024
"""Straightened a tile at a time: some 60 ms between checkpoints, and OpenCV warps nothing wider than 32767 pixels."""
MARGIN = 6  # source pixels around a tile that the interpolation may touch
_TURNS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


def change(pixels: P, transform: Transform, checkpoint: Callable[[], None] = lambda: None) -> P:
    """The transformed pixels as a new contiguous array of the same type.

    pixels: H×W or H×W×3, uint8 or uint16. Raises UserError if a crop leaves nothing, and what checkpoint raises.
    """
    match transform:
        case Crop(bounds):
            inside = bounds.cut(Bounds(0, 0, pixels.shape[1], pixels.shape[0]))
            if not inside.area:
                raise UserError("pictures.empty_crop")
            return cast("P", np.ascontiguousarray(pixels[inside.slices()]))
        case Rotate(quarter_turns):
            return cv2.rotate(pixels, _TURNS[quarter_turns])  # pyright: ignore[reportReturnType]
        case Flip(axis):
            return cv2.flip(pixels, 1 if axis == "horizontal" else 0)  # pyright: ignore[reportReturnType]
        case Straighten(degrees):
            return straighten(pixels, degrees, checkpoint)


def oriented(pixels: P, orientation: int) -> P:
    """Apply an EXIF orientation 1..8 to pixels (H×W or H×W×3); returns a contiguous array."""
    pixels = cast("P", np.ascontiguousarray(pixels))
    if orientation in {5, 6, 7, 8}:
        pixels = cv2.transpose(pixels)  # pyright: ignore[reportAssignmentType]
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else cv2.flip(pixels, flip)  # pyright: ignore[reportReturnType]


def straighten(pixels: P, degrees: float, checkpoint: Callable[[], None] = lambda: None, tile: int = TILE) -> P:
    """Pixels (H×W or H×W×3, uint8 or uint16) rotated by an angle and cropped to what has no empty corners.

    tile: the side of the parts that are computed one by one; it changes no pixel by more than rounding. Raises what
    checkpoint raises, which is called before each.
    """
    if not degrees:
        return pixels.copy()
    height, width = pixels.shape[:2]
    w, h = inner_size(width, height, degrees)
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])  # a point of the result → a point of the photo
    shift = np.array([(width - 1) / 2, (height - 1) / 2]) - turn @ np.array([(w - 1) / 2, (h - 1) / 2])
    out = cast("P", np.empty((h, w, *pixels.shape[2:]), pixels.dtype))
    for y in range(0, h, tile):
        for x in range(0, w, tile):
            checkpoint()
            part = out[y : y + tile, x : x + tile]
            part[...] = _turned(pixels, turn, shift + turn @ np.array([x, y]), part.shape[1], part.shape[0])
    return out


def _turned(pixels: P, turn: NDArray[np.float64], shift: NDArray[np.float64], width: int, height: int) -> P:
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ turn.T + shift
    left, top = np.maximum(np.floor(corners.min(0)).astype(int) - MARGIN, 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + MARGIN, [pixels.shape[1], pixels.shape[0]])
    matrix = np.column_stack([turn, shift - [left, top]])
    # Lanczos keeps the sharpness that repeated straightening would otherwise lose.
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    source = np.ascontiguousarray(pixels[top:bottom, left:right])
    return cv2.warpAffine(source, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore


def reduced(pixels: P, factor: float) -> P:
    """Downscale pixels (H×W or H×W×3) by `factor` ≥ 1 with area averaging; at least 1×1."""
    height, width = pixels.shape[:2]
    size = max(1, math.ceil(width / factor)), max(1, math.ceil(height / factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportReturnType]


def reduced_visible(pixels: Pixels, alpha: Pixels, factor: float) -> tuple[Pixels, Pixels]:
    """Like `reduced`, of pixels (H×W×3) and their alpha (H×W, same dtype); hidden colors have no influence."""
    top = np.iinfo(alpha.dtype).max
    # Multiplied at the photo's own depth: as floats a large photo would take four times its memory.
    weighted: Any = cv2.multiply(pixels, cv2.merge([alpha] * 3), scale=1 / top)
    small, opacity = reduced(weighted, factor), reduced(alpha, factor)
    color = small * (np.float32(top) / np.maximum(opacity, 1).astype(np.float32))[..., None]
    return cast(Pixels, np.rint(color).clip(0, top).astype(pixels.dtype)), opacity


def reduced_to(pixels: P, longest: int) -> P:
    """Downscale pixels (H×W or H×W×3) by area until no side has more than `longest` pixels; smaller ones stay."""
    height, width = pixels.shape[:2]
    if max(height, width) <= longest:
        return pixels
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportReturnType]


def fitted(pixels: P, alpha: P | None, longest: int) -> tuple[P, P | None]:
    """Downscale pixels (H×W×3) and alpha (H×W) until the longest side has at most `longest` pixels.

    Colors are weighted by alpha, so that hidden colors of transparent pixels do not bleed into visible ones.
    """
    plain = reduced_to(pixels, longest)
    if alpha is None or plain is pixels:
        return plain, alpha

    def resize(x: Any) -> Any:
        return reduced_to(x, longest)

    # Premultiplied averaging, then divided by the averaged alpha.
    weight = alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    small = resize(weight)
    mixed = resize(pixels * weight[..., None]) / np.maximum(small, 1e-6)[..., None]
    top = np.iinfo(pixels.dtype).max
    out: Any = np.where(small[..., None] > 0.5 / top, np.rint(mixed).clip(0, top), plain).astype(pixels.dtype)
    return out, resize(alpha)
