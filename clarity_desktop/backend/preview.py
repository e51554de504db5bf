"""Live previews of changes that take no network: adjustments, and the strength of a finished restoration.

A preview reads the visible part at the resolution of the screen from the stored reductions of a version, and computes
with the same functions as the change itself.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import pictures
from clarity_desktop.backend.adjust import adjust
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.pictures import light
from clarity_desktop.values import (
    Adjustments,
    Bounds,
    DocumentId,
    Histogram,
    Level,
    Mask,
    Picture,
    Pixels,
    Region,
    Version,
    VersionId,
)

LARGEST = 2_000_000
"""Pixels of a preview: more would not follow the pointer. On a larger screen the preview is a little softer."""
SMALL = 200_000
"""Pixels of the reduction from which the histogram of a preview is counted."""


# Steps --------------------------------------------------------------------------------------------------------------


def adjusted_from(versions: Mapping[VersionId, Version], at: VersionId, part: str | None = None) -> VersionId:
    """The version that the adjustments of a version start from; the version itself if it was not adjusted.

    part: the id of the region that is adjusted; None: the whole photo. Adjustments of other parts are not replaced.
    """
    version = versions[at]
    while version.step.kind == "adjust" and version.step.region == part and version.parent is not None:
        version = versions[version.parent]
    return version.id


# Pixels -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The same part of one or two versions: H×W×3 or H×W×4 (uint8 or uint16), `scale` pixels for each of the photo."""

    bounds: Bounds
    scale: float
    pixels: tuple[Pixels, ...]


class Previews:
    """Reads parts of versions and keeps the last: while a slider is dragged only the settings change."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: tuple[tuple[object, ...], tuple[Parts, tuple[Pixels, ...]]] | None = None

    def forget(self, document: DocumentId) -> None:
        """Free the pixels of a document that is closed."""
        with self._guard:
            if self._kept is not None and self._kept[0][0] == document:
                self._kept = None

    def read(
        self, document: Document, versions: Sequence[VersionId], visible: Bounds, scale: float
    ) -> tuple[Parts, tuple[Pixels, ...]]:
        """The visible part of the versions at about `scale`, and each of them whole and small. Raises UserError.

        Pixels are H×W×3 or H×W×4, uint8 or uint16.
        """
        key = (document.id, tuple(versions), visible, scale)
        with self._guard:
            if self._kept is not None and self._kept[0] == key:
                return self._kept[1]
        levels = document.manifest(versions[0]).levels
        seen = visible.cut(Bounds(0, 0, levels[0].width, levels[0].height))
        level = _level(levels, seen, scale)
        part = _in_level(seen, levels[0], levels[level])
        parts = Parts(
            _in_photo(part, levels[0], levels[level]),
            levels[level].width / levels[0].width,
            tuple(document.reduced(version, level, part) for version in versions),
        )
        least = next((k for k, at in enumerate(levels) if at.width * at.height <= SMALL), len(levels) - 1)
        everything = Bounds(0, 0, levels[least].width, levels[least].height)
        small = tuple(document.reduced(version, least, everything) for version in versions)
        with self._guard:
            self._kept = key, (parts, small)
        return parts, small


def _level(levels: Sequence[Level], seen: Bounds, scale: float) -> int:
    """The coarsest level that is not enlarged on the screen, or a coarser one if that has too many pixels."""
    level = max(0, math.floor(math.log2(max(1.0, 1 / max(scale, 1e-6))) + 1e-6))
    while seen.area / 4**level > LARGEST:
        level += 1
    return min(level, len(levels) - 1)


def _in_level(bounds: Bounds, whole: Level, level: Level) -> Bounds:
    """The pixels of a level that cover bounds of the photo."""
    across, down = level.width / whole.width, level.height / whole.height
    x, y = math.floor(bounds.x * across), math.floor(bounds.y * down)
    right, bottom = math.ceil(bounds.right * across), math.ceil(bounds.bottom * down)
    return Bounds(x, y, right - x, bottom - y).cut(Bounds(0, 0, level.width, level.height))


def _in_photo(part: Bounds, whole: Level, level: Level) -> Bounds:
    across, down = whole.width / level.width, whole.height / level.height
    x, y = round(part.x * across), round(part.y * down)
    right, bottom = min(whole.width, round(part.right * across)), min(whole.height, round(part.bottom * down))
    return Bounds(x, y, right - x, bottom - y)


def compute(
    parts: Parts,
    small: tuple[Pixels, ...],
    change: Adjustments | float,
    icc: bytes | None,
    region: Region | None = None,
) -> tuple[NDArray[np.uint8], Histogram]:
    """The changed part as H×W×3 uint8 sRGB (H×W×4 with alpha), and the histogram of the changed photo.

    small: the whole photo reduced, uint8 or uint16. change: adjustments, or a strength 0..1 between two versions.
    region: adjustments change it alone.
    """
    whole, mask = None, None
    if region is not None:
        everything = Bounds(0, 0, region.width, region.height)
        whole, mask = (_mask(region, at, like[0]) for at, like in ((everything, small), (parts.bounds, parts.pixels)))
    counted = pictures.histogram_of(_changed(small, change, icc, 0.0, whole))
    changed = _changed(parts.pixels, change, icc, parts.scale, mask)
    alpha: Any = parts.pixels[0][..., 3] if parts.pixels[0].shape[2] == 4 else None
    shown, opacity = pictures.to_srgb8(Picture(changed, alpha, icc))
    return (shown if opacity is None else np.dstack([shown, opacity])), counted


def _mask(region: Region, at: Bounds, like: Pixels) -> Mask:
    """The mask over a part of the photo at the resolution of pixels (H×W×3) that show it: H×W uint8."""
    height, width = like.shape[:2]
    # Looked up instead of averaged: a preview of a large photo must not read all of its mask.
    rows = at.y + (np.arange(height) * 2 + 1) * at.height // (2 * height)
    columns = at.x + (np.arange(width) * 2 + 1) * at.width // (2 * width)
    b, mask = region.bounds, np.zeros((height, width), np.uint8)
    y, x = np.flatnonzero((rows >= b.y) & (rows < b.bottom)), np.flatnonzero((columns >= b.x) & (columns < b.right))
    if y.size and x.size:
        mask[y[0] : y[-1] + 1, x[0] : x[-1] + 1] = region.mask[np.ix_(rows[y] - b.y, columns[x] - b.x)]
    return mask


def _changed(
    pixels: tuple[Pixels, ...], change: Adjustments | float, icc: bytes | None, scale: float, mask: Mask | None = None
) -> Pixels:
    colors: list[Any] = [np.ascontiguousarray(each[..., :3]) for each in pixels]
    if isinstance(change, Adjustments):
        return adjust(colors[0], change, icc, mask, scale=scale)
    return light.blended(colors[0], colors[1], change)
