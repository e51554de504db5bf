"""A photo and its reductions, cut into tiles: each level is the area average, 2×2, of the one below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import cv2
import numpy as np

from clarity_desktop.backend.document.tiles import HASH, Damaged, Stored
from clarity_desktop.values import TILE, Bounds, Level

Older = Callable[[int, Bounds], Stored]
"""Reads pixels (H×W×3 or H×W) of one level of the parent version."""
STRIP = 256
"""Rows that are averaged with their alpha at once: as floats a whole photo would take four times its memory."""


def sizes(width: int, height: int, *, reduced: bool = True) -> list[tuple[int, int]]:
    """Width and height of every level, down to one that is a single tile; only the first unless `reduced`."""
    levels = [(width, height)]
    while reduced and max(levels[-1]) > TILE:
        levels.append(((levels[-1][0] + 1) // 2, (levels[-1][1] + 1) // 2))
    return levels


def count(width: int, height: int) -> int:
    """The number of tiles of a level."""
    return -(-width // TILE) * -(-height // TILE)


def split(names: bytes) -> list[bytes]:
    """Split concatenated names into a list."""
    return [names[k : k + HASH] for k in range(0, len(names), HASH)]


def levels(width: int, height: int, names: bytes, *, reduced: bool = True) -> tuple[Level, ...]:
    """The levels of a stored manifest: all names, level by level. Raises Damaged if their number is wrong."""
    level_sizes = sizes(width, height, reduced=reduced)
    if len(names) != HASH * sum(count(w, h) for w, h in level_sizes):
        raise Damaged("document.damage_tile_list_length")
    every = iter(split(names))
    return tuple(Level(w, h, tuple(next(every) for _ in range(count(w, h)))) for w, h in level_sizes)


def cover(bounds: Bounds, width: int, height: int) -> Bounds:
    """The whole tiles that `bounds` meets, cut to a level's size."""
    x, y = bounds.x // TILE * TILE, bounds.y // TILE * TILE
    right, bottom = -(-bounds.right // TILE) * TILE, -(-bounds.bottom // TILE) * TILE
    return Bounds(x, y, right - x, bottom - y).cut(Bounds(0, 0, width, height))


def within(level: Level, bounds: Bounds) -> Iterator[tuple[int, Bounds]]:
    """Index and place of each tile of a level that `bounds` meets."""
    for row in range(bounds.y // TILE, -(-bounds.bottom // TILE)):
        for column in range(bounds.x // TILE, -(-bounds.right // TILE)):
            index = row * level.columns + column
            yield index, level.bounds(index)


def halved(pixels: Stored) -> Stored:
    """H×W×3 or H×W (uint8 or uint16) at half the size by area average; an odd last row or column counts twice."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = cast(Stored, cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))
    half = (-(-width // 2), -(-height // 2))
    return cast(Stored, cv2.resize(pixels, half, interpolation=cv2.INTER_AREA))


def halved_visible(pixels: Stored, alpha: Stored) -> Stored:
    """H×W×3 (uint8 or uint16) at half the size, each pixel weighted by its alpha (H×W, uint8 or uint16).

    A hidden color has no influence on what is visible; where all is hidden, it is the plain average.
    """
    out = halved(pixels)
    opaque = np.iinfo(alpha.dtype).max
    for y in range(0, alpha.shape[0], STRIP):
        visible = alpha[y : y + STRIP]
        if visible.min() < opaque and visible.any():
            weight = visible.astype(np.float32)
            color = pixels[y : y + STRIP] * weight[..., None]
            total = cast(np.ndarray, halved(cast(Stored, weight)))[..., None]
            mean = cast(np.ndarray, halved(cast(Stored, color))) / np.maximum(total, 1e-6)
            part = out[y // 2 : y // 2 + mean.shape[0]]
            np.copyto(part, np.rint(mean).clip(0, np.iinfo(out.dtype).max), where=total > 0, casting="unsafe")
    return out


def _inside(bounds: Bounds, origin: Bounds) -> tuple[slice, slice]:
    return Bounds(bounds.x - origin.x, bounds.y - origin.y, bounds.width, bounds.height).slices()


def _window(source: Stored, at: Bounds, need: Bounds, older: Callable[[Bounds], Stored]) -> Stored:
    """The pixels of `need`: from `source`, which lies at `at`, and beyond it from the older version."""
    if need.cut(at) == need:
        return source[_inside(need, at)]
    patch = older(need).copy()
    shared = need.cut(at)
    patch[_inside(shared, need)] = source[_inside(shared, at)]
    return patch


def tiles(
    pixels: Stored, changed: Bounds | None, older: Older, alpha: Stored | None = None, *, reduced: bool = True
) -> Iterator[tuple[int, int, Stored]]:
    """Level, index and pixels of each tile that `changed` meets (None: of all), the photo itself first.

    pixels: H×W×3 or H×W, uint8 or uint16; tiles have the same dtype. alpha: H×W uint8 or uint16, the weight of each
    pixel in the reductions. Holds at most one third of the memory of `pixels` in addition, and for a local change only
    its part.
    """
    height, width = pixels.shape[:2]
    at, source = Bounds(0, 0, width, height), pixels
    area = at if changed is None else cover(changed.cut(at), width, height)
    if not area.area:
        return
    below = (width, height)
    # Each level is computed from the one below, restricted to the area that the change can have touched.
    for k, (w, h) in enumerate(sizes(width, height, reduced=reduced)):
        if k:
            x, y = area.x // 2, area.y // 2
            area = cover(Bounds(x, y, -(-area.right // 2) - x, -(-area.bottom // 2) - y), w, h)
            # The area in the level below that these tiles average; it can exceed the changed one by up to a tile.
            twice = Bounds(2 * area.x, 2 * area.y, 2 * area.width, 2 * area.height).cut(Bounds(0, 0, *below))
            source = _window(source, at, twice, lambda need, k=k: older(k - 1, need))
            if alpha is None:
                source = halved(source)
            else:
                source, alpha = halved_visible(source, alpha[twice.slices()]), halved(alpha)
            at = area
        for index, bounds in within(Level(w, h, ()), area):
            yield k, index, source[_inside(bounds, at)]
        below = (w, h)
