"""Writes a version's tiles to the store in small batches, compressed on all cores, before the version is committed.

A tile that no version names yet is invisible, so these small transactions cannot show half a version: it appears with
the one transaction that writes its row. One transaction for everything would make an undo wait for all of it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from clarity_desktop.backend.document import pyramid
from clarity_desktop.backend.document.store import BATCH, Store
from clarity_desktop.backend.document.tiles import Stored, pack
from clarity_desktop.values import Bounds, Level

Packed = tuple[int, int, bytes, bytes | None]
"""Level, index in the level, name, and compressed bytes (None if the tile is stored already)."""


def _packed(tiles: Iterable[tuple[int, int, Stored]], known: Container[bytes]) -> Iterator[Packed]:
    """Tiles in their order; only a few are in progress at once, so memory stays bounded."""
    waiting: deque[tuple[int, int, Future[tuple[bytes, bytes | None]]]] = deque()

    def first() -> Packed:
        level, index, future = waiting.popleft()
        return (level, index, *future.result())

    with ThreadPoolExecutor(os.cpu_count(), "clarity-tiles") as pool:
        for level, index, tile in tiles:
            waiting.append((level, index, pool.submit(pack, tile, known)))
            # Backpressure: the generator must not run ahead of the compressors.
            if len(waiting) > 2 * BATCH:
                yield first()
        while waiting:
            yield first()


def write_tiles(
    store: Store,
    pixels: Stored,
    changed: Bounds | None,
    old: tuple[Level, ...],
    older: pyramid.Older,
    checkpoint: Callable[[], None],
    alpha: Stored | None = None,
) -> bytes:
    """Store the tiles that `changed` meets and return the names of all, level by level.

    pixels: H×W×3 or H×W, uint8 or uint16. old are the levels whose other tiles are used again; changed None: all tiles
    are new. older reads pixels of those levels. checkpoint is called between the batches; if it raises, the caller
    deletes the tiles that were stored until then. alpha: H×W uint8 or uint16 of the photo, by which its reductions are
    weighted.
    """
    height, width = pixels.shape[:2]
    reduced = pixels.ndim == 3
    known = {name for level in old for name in level.tiles}
    sizes = pyramid.sizes(width, height, reduced=reduced)
    if changed is None or tuple((level.width, level.height) for level in old) != tuple(sizes):
        names = [[b""] * pyramid.count(w, h) for w, h in sizes]
        changed = None
    else:
        names = [list(level.tiles) for level in old]
    batch: dict[bytes, bytes] = {}
    for level, index, name, data in _packed(pyramid.tiles(pixels, changed, older, alpha, reduced=reduced), known):
        names[level][index] = name
        if data is not None:
            batch[name] = data
        if len(batch) == BATCH:
            store.put(batch.items())
            batch.clear()
            checkpoint()
    if batch:
        store.put(batch.items())
    return b"".join(name for level in names for name in level)
