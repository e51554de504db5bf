"""A picture of two versions for showing to others: side by side or split by a line, with labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from clarity_desktop.values import BeforeAfter, Mask, Picture

GAP = 0.006
"""Width of the gap or the line, as a share of the width of one photo."""
LABEL = 0.06
"""Height of a label, as a share of the shorter side of the photo."""
SMALLEST_LABEL = 22
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
    size = max(SMALLEST_LABEL, round(LABEL * min(height, width)))
    for k, label in enumerate(how.labels):
        # Before: upper left. After: upper right of a split picture, else upper left of its own.
        _add_label(out, label, size, places[k], at_right=how.layout == "split" and k == 1)
    return replace(after, pixels=out, alpha=None, mode="RGB")


def _flat(picture: Picture) -> Any:
    """The pixels (H×W×3) over white where they are transparent."""
    if picture.alpha is None:
        return picture.pixels
    top = np.iinfo(picture.pixels.dtype).max
    share = picture.alpha[..., None].astype(np.float32) / np.float32(np.iinfo(picture.alpha.dtype).max)
    return np.rint(top + share * (picture.pixels.astype(np.float32) - top)).astype(picture.pixels.dtype)


def _add_label(out: Any, label: Mask, size: int, place: tuple[int, int], *, at_right: bool) -> None:
    """Draw a label of a height on a dark plate into the upper corner of the columns of `place`."""
    wide = max(1, round(label.shape[1] * size / label.shape[0]))
    how = cv2.INTER_AREA if size < label.shape[0] else cv2.INTER_LINEAR
    text: Any = cv2.resize(label, (wide, size), interpolation=how)
    margin = size // 3
    room = place[1] - place[0] - 2 * margin
    if room < wide or out.shape[0] < 2 * size:  # no room on a tiny picture
        return
    left = place[1] - margin - wide if at_right else place[0] + margin
    part = out[margin : margin + size, left : left + wide]
    ink = text[..., None].astype(np.float32) / 255
    dark = part.astype(np.float32) * (1 - PLATE)
    part[...] = np.rint(dark + ink * (np.iinfo(out.dtype).max - dark)).astype(out.dtype)
