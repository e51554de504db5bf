"""Operations on regions. Each works on the bounds that it concerns, so that a small region of a large photo is cheap.

A region never is empty: what would select nothing raises UserError, and nothing has changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.restore.blend import feathered
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Mask, Picture, Pixels, Region, Stroke

FRACTION_BITS = 4
"""Of the coordinates that OpenCV draws: sixteenths of a pixel."""
AA_EDGE = 0.7
"""Pixels by which OpenCV's smooth edges lie outside of the shape."""
FILLED, LEAST_CORE = 0.6, 64
"""Share of its bounds that a region fills mostly; least side in pixels of a square that stands for it."""
REFINED_TILE = 512
"""Side in pixels of the parts in which an edge is refined."""
SMOOTHNESS = 1e-4
"""Of the guided filter: the variance of colors (0..1) below which it takes an area for even."""

ReadPixels = Callable[[Bounds], Pixels]
"""Reads a part of a photo: H×W×3 RGB, uint8 or uint16."""


def cropped(mask: Mask, at: Bounds, width: int, height: int, label: str = "") -> Region:
    """The region of a mask (H×W uint8, 0..255) that covers `at` in a photo of width × height pixels.

    Raises UserError if the mask selects nothing.
    """
    try:
        inside = Region.of(mask)
    except ValueError:
        raise UserError("regions.empty") from None
    b = inside.bounds
    return Region(Bounds(at.x + b.x, at.y + b.y, b.width, b.height), inside.mask, width, height, label)


def add(first: Region, second: Region) -> Region:
    """What either region selects."""
    return _combined(first, second, _union(first.bounds, second.bounds), np.maximum)


def subtract(first: Region, second: Region) -> Region:
    """What the first region selects and the second does not. Raises UserError if that is nothing."""
    return _combined(first, second, first.bounds, lambda a, b: np.minimum(a, np.uint8(255) - b))


def intersect(first: Region, second: Region) -> Region:
    """What both regions select. Raises UserError if that is nothing."""
    return _combined(first, second, first.bounds.cut(second.bounds), np.minimum)


def union(regions: Sequence[Region]) -> Region:
    """What any of the regions selects; they have the size of one photo. Raises UserError without regions."""
    if not regions:
        raise UserError("regions.empty")
    _check_sizes(regions[0], *regions[1:])
    box = regions[0].bounds
    for region in regions[1:]:
        box = _union(box, region.bounds)
    mask = regions[0].within(box)
    for region in regions[1:]:
        # Each is painted into its own place: several small ones need no further mask of the whole box.
        place = _inside(region.bounds, box).slices()
        mask[place] = np.maximum(mask[place], region.mask)
    return cropped(mask, box, regions[0].width, regions[0].height, regions[0].label)


def invert(region: Region) -> Region:
    """What the region leaves out. Raises UserError for a region that covers the photo."""
    return cropped(np.uint8(255) - region.full(), whole(region), region.width, region.height, region.label)


def grow(region: Region, by: float) -> Region:
    """The region with its edge moved outwards by `by` pixels; a negative number moves it inwards.

    The border of the photo is no edge. Raises UserError if nothing remains.
    """
    if by < 0:
        # What is left out grows, within the bounds and one more pixel that shows where the region ends.
        box = region.bounds.grown(1, region.width, region.height)
        mask = np.uint8(255) - _grown(np.uint8(255) - region.within(box), -by)
        return cropped(mask, box, region.width, region.height, region.label)
    box = region.bounds.grown(math.ceil(by) + 1, region.width, region.height)
    return cropped(_grown(region.within(box), by), box, region.width, region.height, region.label)


def feather(region: Region, by: int) -> Region:
    """The region softened over `by` pixels inside its edge; what was left out still is.

    Over fewer pixels where it is narrower than that: its middle stays selected.
    """
    box = region.bounds.grown(1, region.width, region.height)  # shows `feathered` where the region ends
    mask = region.within(box)
    if by > 0:
        inside = cv2.distanceTransform((mask > 0).astype(np.uint8), cv2.DIST_L2, 5)
        by = min(by, int(inside.max() - 0.5))
    return cropped(feathered(mask, by), box, region.width, region.height, region.label)


def paint(region: Region | None, strokes: Iterable[Stroke], width: int, height: int) -> Region:
    """A region of a photo of width × height pixels with strokes painted, or erased, in their order.

    region None: nothing is selected yet. Raises UserError if nothing is selected in the end.
    """
    if region is not None:
        _check_size(region, width, height)
    for stroke in strokes:
        drawn = _drawn(stroke, width, height)
        if drawn is None:  # it lies outside the photo
            continue
        if stroke.erase:
            region = subtract(region, drawn) if region is not None else None
        else:
            region = add(region, drawn) if region is not None else drawn
    if region is None:
        raise UserError("regions.empty")
    return region


def lasso(points: Sequence[tuple[float, float]], width: int, height: int, label: str = "") -> Region:
    """The region inside a closed line of points (x, y), in a photo of width × height pixels. Raises UserError."""
    box = _around(points, 1, width, height) if len(points) > 2 else Bounds(0, 0, 0, 0)
    mask = np.zeros((box.height, box.width), np.uint8)
    if mask.size:
        cv2.fillPoly(mask, [_fixed(points, box)], (255,), cv2.LINE_AA, FRACTION_BITS)
    return cropped(mask, box, width, height, label)


def refine(
    region: Region, read: ReadPixels, radius: int, checkpoint: Callable[[], None] = lambda: None
) -> Region:  # fmt: skip
    """The region with its edge moved to the edges of the photo within `radius` pixels, by a guided filter.

    read: the photo's pixels. The rest of the region stays as it is, and only the parts along its edge cost time.
    Raises UserError, and what read and checkpoint raise. (He, Sun, Tang: Guided image filtering, 2013)
    """
    box = region.bounds.grown(radius, region.width, region.height)
    mask = region.within(box)
    source = mask.copy()
    for y in range(0, box.height, REFINED_TILE):
        for x in range(0, box.width, REFINED_TILE):
            tile = Bounds(x, y, min(REFINED_TILE, box.width - x), min(REFINED_TILE, box.height - y))
            seen = tile.grown(2 * radius, box.width, box.height)
            around = source[seen.slices()]
            if around.min() == around.max():  # no edge here
                continue
            checkpoint()
            guide = read(Bounds(box.x + seen.x, box.y + seen.y, seen.width, seen.height))
            mask[tile.slices()] = _refined(around, guide, radius)[_inside(tile, seen).slices()]
    return cropped(mask, box, region.width, region.height, region.label)


def scaled(region: Region, width: int, height: int) -> Region:
    """The region for another photo of width × height pixels, stretched to its size. Raises UserError if it vanishes."""
    if (width, height) == (region.width, region.height):
        return region
    b, across, down = region.bounds, width / region.width, height / region.height
    x, y = math.floor(b.x * across), math.floor(b.y * down)
    box = Bounds(x, y, math.ceil(b.right * across) - x, math.ceil(b.bottom * down) - y).cut(Bounds(0, 0, width, height))
    if not box.area:
        raise UserError("regions.empty")
    grid = region.mask
    if across < 1 or down < 1:
        mask = cv2.resize(grid, (box.width, box.height), interpolation=cv2.INTER_AREA)
    else:
        mask = _sampled(grid, box, (across, down), (b.x * across, b.y * down))
    return cropped(np.asarray(mask, np.uint8), box, width, height, region.label)


def from_logits(logits: NDArray[np.float32], width: int, height: int, label: str = "") -> Region:
    """The region of a photo of width × height pixels where logits (h×w float32 that cover all of it) are positive.

    Its cost grows with the region. Raises UserError if nothing is positive.
    """
    rows, columns = np.flatnonzero((logits > 0).any(1)), np.flatnonzero((logits > 0).any(0))
    if not rows.size:
        raise UserError("regions.empty")
    down, across = height / logits.shape[0], width / logits.shape[1]
    # One cell more: between a positive and a negative cell the sign changes somewhere.
    x, y = math.floor((columns[0] - 1) * across), math.floor((rows[0] - 1) * down)
    right, bottom = math.ceil((columns[-1] + 2) * across), math.ceil((rows[-1] + 2) * down)
    box = Bounds(x, y, right - x, bottom - y)
    inside = box.cut(Bounds(0, 0, width, height))
    # As 8 bits, the positive ones above 127: three times as fast to enlarge, and the sign changes at the same place.
    gain = max(8.0, 127 / float(np.abs(logits).max()))
    grid = np.clip(np.ceil(logits * gain) + 127, 0, 255).astype(np.uint8)
    mask = _sampled(grid, inside, (across, down), (0.0, 0.0))
    hard = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    return cropped(np.asarray(hard, np.uint8), inside, width, height, label)


def of_picture(picture: Picture, name: str, width: int, height: int) -> Region:
    """The region of a mask that was opened as a photo: its brightest channel, over black where it is transparent.

    name: of its file. Raises UserError unless it has width × height pixels and selects something.
    """
    rows, columns = picture.pixels.shape[:2]
    if (columns, rows) != (width, height):
        raise UserError("regions.mask_size", name=name, columns=columns, rows=rows, width=width, height=height)
    gray = to_8_bits(picture.pixels.max(axis=2))
    if picture.alpha is not None:
        gray = np.rint(gray * (to_8_bits(picture.alpha) / np.float32(255))).astype(np.uint8)
    try:
        return Region.of(gray, name)
    except ValueError:
        raise UserError("regions.mask_empty", name=name) from None


def to_png(region: Region) -> bytes:
    """The mask of the whole photo as a gray PNG file."""
    done, file = cv2.imencode(".png", region.full())
    assert done, "a mask can always be a PNG"
    return file.tobytes()


def whole(region: Region) -> Bounds:
    """The bounds of the region's photo."""
    return Bounds(0, 0, region.width, region.height)


def core(region: Region) -> Bounds:
    """The rectangle that stands for a region where only rectangles can be looked at, as in an analysis.

    Its bounds if it fills most of them; else the largest square inside it, if that is not tiny.
    """
    selected = region.mask > 127
    if selected.mean() >= FILLED:
        return region.bounds
    # Within the bounds and one more pixel around them, where nothing is selected.
    away = cv2.distanceTransform(np.pad(selected, 1).astype(np.uint8), cv2.DIST_C, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(away.argmax()), away.shape)
    reach = int(away[y, x]) - 1
    if 2 * reach + 1 < LEAST_CORE:
        return region.bounds
    b = region.bounds
    return Bounds(b.x + int(x) - reach, b.y + int(y) - reach, 2 * reach + 1, 2 * reach + 1)


def thumbnail(region: Region, side: int) -> Mask:
    """The region in its whole photo, reduced to at most `side` pixels: H×W uint8, 0..255."""
    factor = min(1.0, side / max(region.width, region.height))
    size = max(1, round(region.width * factor)), max(1, round(region.height * factor))
    small = np.zeros((size[1], size[0]), np.uint8)
    b = region.bounds
    x, y = min(size[0] - 1, round(b.x * factor)), min(size[1] - 1, round(b.y * factor))
    across = min(size[0] - x, max(1, round(b.width * factor)))
    down = min(size[1] - y, max(1, round(b.height * factor)))
    small[y : y + down, x : x + across] = cv2.resize(region.mask, (across, down), interpolation=cv2.INTER_AREA)
    return small


def _combined(
    first: Region, second: Region, box: Bounds, merge: Callable[[Mask, Mask], NDArray[np.uint8]]
) -> Region:  # fmt: skip
    _check_sizes(first, second)
    return cropped(merge(first.within(box), second.within(box)), box, first.width, first.height, first.label)


def _check_sizes(first: Region, *others: Region) -> None:
    for other in others:
        _check_size(other, first.width, first.height)


def _check_size(region: Region, width: int, height: int) -> None:
    if (region.width, region.height) != (width, height):
        raise UserError(
            "regions.other_size", columns=region.width, rows=region.height, width=width, height=height
        )  # fmt: skip


def _union(a: Bounds, b: Bounds) -> Bounds:
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Bounds(x, y, max(a.right, b.right) - x, max(a.bottom, b.bottom) - y)


def _inside(part: Bounds, box: Bounds) -> Bounds:
    """A part of a box, counted from the corner of the box."""
    return Bounds(part.x - box.x, part.y - box.y, part.width, part.height)


def _grown(mask: Mask, by: float) -> Mask:
    """The mask with its edge moved outwards by `by` pixels, smooth over one pixel; soft parts are kept."""
    if by <= 0 or not mask.any():
        return mask
    away = cv2.distanceTransform((mask < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ramp = np.clip((by + 1 - away) * 255, 0, 255).astype(np.uint8)
    return np.maximum(mask, ramp)


def _around(points: Sequence[tuple[float, float]], by: float, width: int, height: int) -> Bounds:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not all(map(math.isfinite, (*xs, *ys, by))):
        raise UserError("regions.no_position")
    # Cut first: a position may be far outside, and Bounds are whole numbers.
    x, y = math.floor(max(0, min(xs) - by)), math.floor(max(0, min(ys) - by))
    right, bottom = math.ceil(min(width, max(xs) + by)), math.ceil(min(height, max(ys) + by))
    return Bounds(x, y, max(0, right - x), max(0, bottom - y))


def _fixed(points: Sequence[tuple[float, float]], box: Bounds) -> NDArray[np.int32]:
    """Points as OpenCV draws them into the box: N×2 in fractions of a pixel, whose centers are whole numbers."""
    shifted = (np.array(points, np.float64) - (box.x + 0.5, box.y + 0.5)) * (1 << FRACTION_BITS)
    return np.rint(np.clip(shifted, -(2**30), 2**30)).astype(np.int32)


def _drawn(stroke: Stroke, width: int, height: int) -> Region | None:
    """The region of one stroke; None if it lies outside the photo."""
    if not stroke.points:
        return None
    radius = max(0.5, stroke.radius)
    box = _around(stroke.points, radius + 1, width, height)
    if not box.area:
        return None
    mask = np.zeros((box.height, box.width), np.uint8)
    at = _fixed(stroke.points, box)
    drawn = max(0.0, radius - AA_EDGE) * (1 << FRACTION_BITS)
    for x, y in at.tolist():
        cv2.circle(mask, (x, y), round(drawn), (255,), cv2.FILLED, cv2.LINE_AA, FRACTION_BITS)
    for start, end in pairwise(at.astype(np.float64)):
        along = end - start
        if length := float(np.hypot(*along)):
            side = np.array((-along[1], along[0])) * (drawn / length)
            corners = np.rint([start + side, end + side, end - side, start - side]).astype(np.int32)
            cv2.fillConvexPoly(mask, corners, (255,), cv2.LINE_AA, FRACTION_BITS)
    soft = round(radius * (1 - stroke.hardness))
    if soft > 0:
        mask = feathered(mask, soft)
    try:
        return cropped(mask, box, width, height)
    except UserError:
        return None


def _sampled(grid: Mask, box: Bounds, scale: tuple[float, float], corner: tuple[float, float]) -> Mask:
    """A grid (h×w uint8) enlarged by `scale`, its corner at `corner` of the photo: H×W uint8 over `box`, bilinear.

    Parts of the grid that have one value are not computed; OpenCV takes sides of at most 32767 pixels.
    """
    mask = np.empty((box.height, box.width), np.uint8)
    side = 1024
    for y in range(0, box.height, side):
        for x in range(0, box.width, side):
            tile = Bounds(x, y, min(side, box.width - x), min(side, box.height - y))
            left, top = (box.x + x - corner[0]) / scale[0] - 0.5, (box.y + y - corner[1]) / scale[1] - 0.5
            rows = _cells(top, tile.height / scale[1], grid.shape[0])
            columns = _cells(left, tile.width / scale[0], grid.shape[1])
            cells = grid[rows, columns]
            if cells.min() == cells.max():
                mask[tile.slices()] = cells.flat[0]
                continue
            # The center of the tile's first pixel, in cells of the part.
            start = left + 0.5 / scale[0] - columns.start, top + 0.5 / scale[1] - rows.start
            move = np.array([[1 / scale[0], 0, start[0]], [0, 1 / scale[1], start[1]]], np.float64)
            mask[tile.slices()] = cv2.warpAffine(
                np.ascontiguousarray(cells), move, (tile.width, tile.height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
    return mask


def _cells(start: float, length: float, count: int) -> slice:
    """The cells, at least one, that bilinear sampling from `start` on touches."""
    first = min(count - 1, max(0, math.floor(start)))
    return slice(first, max(first + 1, min(count, math.ceil(start + length) + 2)))


def _refined(mask: Mask, guide: Pixels, radius: int) -> Mask:
    """A part of a mask (H×W uint8) by the photo (H×W×3): changed within `radius` of its edge alone."""
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    lowest, highest = cv2.erode(mask, kernel), cv2.dilate(mask, kernel)
    found = _guided(_as_floats(mask), _as_floats(to_8_bits(guide)), radius)
    return np.where(lowest != highest, np.rint(np.clip(found, 0, 1) * 255), mask).astype(np.uint8)


def _as_floats(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.multiply(values, 1 / 255, dtype=np.float32)


def _guided(mask: NDArray[np.float32], guide: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The guided filter with a guide in color: H×W of H×W (0..1) and H×W×3 (0..1)."""
    mean = partial(cv2.blur, ksize=(2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT_101)
    color, level = np.asarray(mean(guide)), np.asarray(mean(mask))
    shared = np.asarray(mean(guide * mask[..., None])) - color * level[..., None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    rr, rg, rb, gg, gb, bb = (
        np.asarray(mean(guide[..., i] * guide[..., j])) - color[..., i] * color[..., j] for i, j in pairs
    )
    rr, gg, bb = rr + SMOOTHNESS, gg + SMOOTHNESS, bb + SMOOTHNESS
    # The inverse of the symmetric 3×3 covariance by its adjugate.
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    d, e, f = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    x, y, z = (shared[..., k] for k in range(3))
    slope = np.stack((a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z), -1)
    slope /= (rr * a + rg * b + rb * c)[..., None]
    offset = level - (slope * color).sum(-1)
    return (np.asarray(mean(slope)) * guide).sum(-1) + np.asarray(mean(offset))
