"""Reads tiles: single ones through a bounded cache, whole areas on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from clarity_desktop.backend.document.pyramid import within
from clarity_desktop.backend.document.store import Store
from clarity_desktop.backend.document.tiles import Damaged, Stored, TileCache, unpack
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message
from clarity_desktop.values import Bounds, Level

CACHE = 128_000_000
"""Bytes of unpacked tiles: twice what a 4K screen shows of two versions side by side."""
TILES_AT_ONCE = 64


class Reader:
    """Tiles of one store. Safe for several threads."""

    def __init__(self, store: Store, title: str) -> None:
        self._store = store
        self._title = title
        self._cache = TileCache(CACHE)

    def tiles(self, names: Sequence[bytes]) -> list[Stored]:
        """Read-only tiles in the order of their names: H×W×3 or H×W, uint8 or uint16.

        Raises UserError if one is missing or damaged.
        """
        held = {name: tile for name in names if (tile := self._cache.get(name)) is not None}
        # Without duplicates: a photo of one color names the same tile many times.
        absent = [name for name in dict.fromkeys(names) if name not in held]
        data = self._store.get(absent)
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 1 + len(absent) // 4), "clarity-tiles") as pool:
            held.update(zip(absent, pool.map(partial(self._unpack, data), absent), strict=True))
        for name in absent:
            self._cache.put(name, held[name])
        return [held[name] for name in names]

    def window(self, level: Level, bounds: Bounds, dtype: np.dtype[Any], channels: int) -> Stored:
        """The pixels of a part of a level: H×W×3 RGB or, for one channel, H×W, of the given dtype. Raises UserError."""
        shape = (bounds.height, bounds.width, 3) if channels == 3 else (bounds.height, bounds.width)
        out: Stored = np.empty(shape, dtype)
        places = [(level.tiles[index], place) for index, place in within(level, bounds)]
        # zstd releases the GIL, so unpacking scales with the cores.
        with ThreadPoolExecutor(os.cpu_count(), "clarity-tiles") as pool:
            for k in range(0, len(places), TILES_AT_ONCE):
                some = places[k : k + TILES_AT_ONCE]
                data = self._store.get([name for name, _ in some])
                list(pool.map(partial(self._place, out, bounds, data), some))
        return out

    def _place(self, out: Stored, bounds: Bounds, data: dict[bytes, bytes], named: tuple[bytes, Bounds]) -> None:
        name, place = named
        tile = self._unpack(data, name)
        if tile.shape != (place.height, place.width, *out.shape[2:]) or tile.dtype != out.dtype:
            raise self.damaged(Damaged("document.damage_tile_misfit"))
        part = place.cut(bounds)
        to = Bounds(part.x - bounds.x, part.y - bounds.y, part.width, part.height)
        out[to.slices()] = tile[Bounds(part.x - place.x, part.y - place.y, part.width, part.height).slices()]

    def _unpack(self, data: dict[bytes, bytes], name: bytes) -> Stored:
        if name not in data:
            raise self.damaged(Damaged("document.damage_tile_missing"))
        try:
            return unpack(data[name], name)
        except Damaged as e:
            raise self.damaged(e) from e

    def damaged(self, why: Damaged) -> UserError:
        """The error for a damaged tile."""
        title = Message("document.damaged", {"title": self._title})
        return UserError((title, why.text, Message("document.go_elsewhere")))
