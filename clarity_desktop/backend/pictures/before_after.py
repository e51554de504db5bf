"""A picture of two versions for showing to others: side by side or split by a line, with labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clarity_desktop.values import BeforeAfter, Picture

GAP = 0.006
"""Width of the gap or the line, as a share of the width of one photo."""
TEXT = 0.032
"""Height of the letters, as a share of the shorter side."""
SMALLEST_TEXT = 11
PLATE = 0.62
"""Opacity of the dark plate behind a label."""


def before_after(before: Picture, after: Picture, how: BeforeAfter) -> Picture:
    """One picture of two versions of a photo, with the metadata of the second; transparency is shown on white."""
    old, new = _flat(before), _flat(after)
    height, width = new.shape[:2]
    if old.shape[0] != height or (how.layout == "split" and old.shape != new.shape):
        wide = width if how.layout == "split" else max(1, round(old.shape[1] * height / old.shape[0]))
        old = cv2.resize(old, (wide, height), interpolation=cv2.INTER_AREA)
    gap = max(2, round(GAP * width))
    top = np.iinfo(new.dtype).max
    if how.layout == "side":
        between = np.full((height, gap, 3), top, new.dtype)
        out: Any = np.hstack([old, between, new])
        places = ((0, old.shape[1]), (old.shape[1] + gap, out.shape[1]))
    else:
        out = new.copy()
        out[:, : width // 2] = old[:, : width // 2]
        left = max(0, (width - gap) // 2)
        out[:, left : left + gap] = top
        places = ((0, left), (left + gap, width))
    for k, label in enumerate(how.labels):
        # Before: upper left. After: upper right of a split picture, else upper left of its own.
        _add_label(out, label, places[k], at_right=how.layout == "split" and k == 1)
    return replace(after, pixels=out, alpha=None, mode="RGB")


def _flat(picture: Picture) -> Any:
    """The pixels (H×W×3) over white where they are transparent."""
    if picture.alpha is None:
        return picture.pixels
    top = np.iinfo(picture.pixels.dtype).max
    share = picture.alpha[..., None].astype(np.float32) / np.float32(np.iinfo(picture.alpha.dtype).max)
    return np.rint(top + share * (picture.pixels.astype(np.float32) - top)).astype(picture.pixels.dtype)


def _add_label(out: Any, label: str, place: tuple[int, int], *, at_right: bool) -> None:
    """Draw a label on a dark plate into the upper corner of the columns of `place`."""
    text = _text(label, max(SMALLEST_TEXT, round(TEXT * min(out.shape[0], place[1] - place[0]))))
    margin = text.shape[0] // 2
    height, width = text.shape[0], min(text.shape[1], place[1] - place[0] - 2 * margin)
    if width < height or out.shape[0] < 2 * height:  # no room on a tiny picture
        return
    left = place[1] - margin - width if at_right else place[0] + margin
    part = out[margin : margin + height, left : left + width]
    ink = text[: part.shape[0], : part.shape[1], None].astype(np.float32) / 255
    dark = part.astype(np.float32) * (1 - PLATE)
    part[...] = np.rint(dark + ink * (np.iinfo(out.dtype).max - dark)).astype(out.dtype)


def _text(label: str, size: int) -> NDArray[np.uint8]:
    """The label in white on black with a margin around it, as H×W uint8."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(label)
    margin = size // 2
    image = Image.new("L", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin))
    ImageDraw.Draw(image).text((margin - left, margin - top), label, fill=255, font=font)
    return np.asarray(image)
