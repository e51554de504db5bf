"""Carries regions from one version of a photo to another: along the crops, turns and flips between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from clarity_desktop.backend.regions import masks
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Region, Version, VersionId, base_of

MOST_DEGREES = 45
TILE = 1024
"""Side in pixels of the parts in which a mask is turned by an angle; OpenCV takes sides of at most 32767 pixels."""


def carried(region: Region, versions: Mapping[VersionId, Version], source: VersionId, target: VersionId) -> Region:
    """A region of the version `source` as it lies in the version `target` of the same photo.

    Raises UserError if nothing of it is left there.
    """
    up, down = tuple(_line(versions, source)), tuple(_line(versions, target))
    shared = {version.id for version in up} & {version.id for version in down}
    for version in up:
        if version.id in shared:
            break
        if (base := base_of(versions, version)) is not None:
            region = _moved(region, version, base, back=True)
    for version in reversed([v for v in down if v.id not in shared]):
        if (base := base_of(versions, version)) is not None:
            region = _moved(region, version, base, back=False)
    return region


def _line(versions: Mapping[VersionId, Version], at: VersionId) -> Iterator[Version]:
    """A version and those whose pixels it was made from, the original last."""
    version = versions.get(at)
    for _ in range(len(versions)):  # the file may be damaged: no circle holds this up
        if version is None:
            return
        yield version
        version = base_of(versions, version)


def _moved(region: Region, version: Version, base: Version, *, back: bool) -> Region:
    """A region of `base` in the version that one step made of it; back: the other way around."""
    to = base if back else version
    match version.step.kind, dict(version.step.settings):
        case "crop", {"bounds": [int() as x, int() as y, int(), int()]}:
            by = (x, y) if back else (-x, -y)
            moved = _shifted(region, by, to.width, to.height)
        case "rotate", {"quarter_turns": int() as turns}:
            moved = _turned(region, (-turns if back else turns) % 4)
        case "flip", {"axis": "horizontal" | "vertical" as axis}:
            moved = _flipped(region, across=axis == "horizontal")
        case "straighten", {"degrees": float() | int() as degrees} if abs(degrees) <= MOST_DEGREES:
            moved = _straightened(region, -degrees if back else degrees, to.width, to.height)
        case _:
            moved = region
    # An enlarged version, or a step from a damaged file.
    return masks.scaled(moved, to.width, to.height)


def _shifted(region: Region, by: tuple[int, int], width: int, height: int) -> Region:
    b = region.bounds
    box = Bounds(b.x + by[0], b.y + by[1], b.width, b.height).cut(Bounds(0, 0, width, height))
    if not box.area:
        raise UserError("regions.empty")
    mask = region.within(Bounds(box.x - by[0], box.y - by[1], box.width, box.height))
    return masks.cropped(mask, box, width, height, region.label)


def _turned(region: Region, quarter_turns: int) -> Region:
    """Clockwise."""
    b, width, height = region.bounds, region.width, region.height
    box, size = {
        0: (b, (width, height)),
        1: (Bounds(height - b.bottom, b.x, b.height, b.width), (height, width)),
        2: (Bounds(width - b.right, height - b.bottom, b.width, b.height), (width, height)),
        3: (Bounds(b.y, width - b.right, b.height, b.width), (height, width)),
    }[quarter_turns]
    mask = np.ascontiguousarray(np.rot90(region.mask, -quarter_turns))
    return Region(box, mask, *size, region.label)


def _flipped(region: Region, *, across: bool) -> Region:
    b, width, height = region.bounds, region.width, region.height
    if across:
        box, mask = Bounds(width - b.right, b.y, b.width, b.height), region.mask[:, ::-1]
    else:
        box, mask = Bounds(b.x, height - b.bottom, b.width, b.height), region.mask[::-1]
    return Region(box, np.ascontiguousarray(mask), width, height, region.label)


def _straightened(region: Region, degrees: float, width: int, height: int) -> Region:
    """Turned clockwise about the middle of the photo, whose middle stays that of a photo of width × height pixels."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])  # a point of the result → a point before
    before, after = (np.array([(w - 1) / 2, (h - 1) / 2]) for w, h in ((region.width, region.height), (width, height)))
    b = region.bounds
    corners = np.array([[b.x - 1, b.y - 1], [b.right, b.y - 1], [b.x - 1, b.bottom], [b.right, b.bottom]])
    reached = (corners - before) @ turn + after  # the inverse of a turn is its transpose
    (left, top), (right, bottom) = np.floor(reached.min(0)).astype(int), np.ceil(reached.max(0)).astype(int) + 1
    box = Bounds(int(left), int(top), int(right - left), int(bottom - top)).cut(Bounds(0, 0, width, height))
    mask = np.zeros((box.height, box.width), np.uint8)
    for y in range(0, box.height, TILE):
        for x in range(0, box.width, TILE):
            part: Any = mask[y : y + TILE, x : x + TILE]
            rows, columns = part.shape
            start = turn @ (np.array([box.x + x, box.y + y]) - after) + before
            ends = np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) @ turn.T + start
            low, high = np.floor(ends.min(0)).astype(int) - 1, np.ceil(ends.max(0)).astype(int) + 2
            seen = Bounds(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))
            matrix = np.column_stack([turn, start - low])
            part[...] = cv2.warpAffine(
                region.within(seen), matrix, (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
    return masks.cropped(mask, box, width, height, region.label)
