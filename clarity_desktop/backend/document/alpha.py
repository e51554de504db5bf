"""Transparency for the screen: reduced levels of a version's alpha, computed when they are read.

Only the alpha of the photo itself is stored. A tile of a reduced level is named by the names of the four tiles that it
averages, so equal tiles have equal names and a cached one is found again in every version.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence

import numpy as np

from clarity_desktop.backend.document import pyramid
from clarity_desktop.backend.document.tiles import HASH, Stored, TileCache, opaque_name
from clarity_desktop.values import Level

CACHE = 32_000_000
"""Bytes of reduced tiles."""
OPAQUE = b""
"""The name of a tile without transparency."""
Rows = tuple[tuple[bytes, ...], ...]
"""The names of the tiles that a reduced tile averages: one or two rows of one or two, with their sizes elsewhere."""


class AlphaTiles:
    """The alpha of one document's versions, in tiles of every level. Safe for several threads."""

    def __init__(self, read: Callable[[Sequence[bytes]], list[Stored]], itemsize: int) -> None:
        """read: the stored tiles of these names. itemsize: bytes per value, 1 or 2."""
        self._read = read
        self._itemsize = itemsize
        self._parts: dict[bytes, tuple[Rows, tuple[int, ...], tuple[int, ...]]] = {}
        self._cache = TileCache(CACHE)
        self._lock = threading.Lock()

    def levels(self, whole: Level) -> tuple[Level, ...]:
        """The names of all levels' tiles, `OPAQUE` where nothing is transparent. whole: the stored level."""
        names = tuple(
            OPAQUE if name == opaque_name(at.height, at.width, self._itemsize) else name
            for at, name in ((whole.bounds(k), name) for k, name in enumerate(whole.tiles))
        )
        levels = [Level(whole.width, whole.height, names)]
        for width, height in pyramid.sizes(whole.width, whole.height)[1:]:
            below = levels[-1]
            levels.append(
                Level(width, height, tuple(self._name(below, k, width) for k in range(pyramid.count(width, height))))
            )
        return tuple(levels)

    def tile(self, name: bytes) -> Stored:
        """Read-only H×W uint8 or uint16 of one name. Raises UserError if a stored tile is missing or damaged."""
        with self._lock:
            parts = self._parts.get(name)
        if parts is None:
            return self._read((name,))[0]
        if (found := self._cache.get(name)) is None:
            found = self._reduced(*parts)
            self._cache.put(name, found)
        return found

    def _name(self, below: Level, index: int, width: int) -> bytes:
        """Name a tile of the next level, `width` wide, and remember which tiles it averages."""
        columns = Level(width, 1, ()).columns
        row, column = divmod(index, columns)
        rows_below = -(-len(below.tiles) // below.columns)
        ys = range(2 * row, min(2 * row + 2, rows_below))
        xs = range(2 * column, min(2 * column + 2, below.columns))
        names = tuple(tuple(below.tiles[y * below.columns + x] for x in xs) for y in ys)
        if not any(any(row) for row in names):
            return OPAQUE
        widths = tuple(below.bounds(ys[0] * below.columns + x).width for x in xs)
        heights = tuple(below.bounds(y * below.columns + xs[0]).height for y in ys)
        hashed = hashlib.blake2b(repr((names, widths, heights)).encode(), digest_size=HASH, person=b"alpha")
        name = hashed.digest()
        with self._lock:
            self._parts[name] = names, widths, heights
        return name

    def _reduced(self, names: Rows, widths: tuple[int, ...], heights: tuple[int, ...]) -> Stored:
        dtype = np.dtype(f"u{self._itemsize}")
        whole: Stored = np.full((sum(heights), sum(widths)), np.iinfo(dtype).max, dtype)
        y = 0
        for row, height in zip(names, heights, strict=True):
            x = 0
            for name, width in zip(row, widths, strict=True):
                if name != OPAQUE:
                    whole[y : y + height, x : x + width] = self.tile(name)
                x += width
            y += height
        made = pyramid.halved(whole)
        made.flags.writeable = False  # shared by all who read it
        return made
