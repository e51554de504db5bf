"""Content-addressed tiles: compressed, and named by a hash of what they hold, so that equal pixels are stored once."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import OrderedDict
from collections.abc import Container
from functools import lru_cache
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from clarity_desktop.backend.document.limits import THUMBNAIL
from clarity_desktop.text import Field, Message, english
from clarity_desktop.values import TILE

Stored = NDArray[np.uint8] | NDArray[np.uint16]
"""H×W×3 or H×W, uint8 or uint16; the sides of a tile are 1..TILE."""

HASH = 16
"""Bytes in a tile's name."""

HEADER = struct.Struct("<HHBB")  # height, width, channels, bytes per value
DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2")}


class Damaged(ValueError):
    """The content of a file is invalid; `text` says which part."""

    def __init__(self, key: str, **fields: Field) -> None:
        """key: of a template "document.damage_…", a whole sentence."""
        self.text = Message(key, fields)
        super().__init__(self.text)

    def __str__(self) -> str:
        return english(self.text)


class TooLarge(Damaged):
    """A photo is larger than the user's limit, which may be raised."""

    def __init__(self, megapixels: int) -> None:
        super().__init__("document.damage_photo_size", megapixels=megapixels)
        self.megapixels = megapixels


class _Zstd(threading.local):
    """A compressor may serve one thread at a time, so each thread has its own."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def compress(raw: bytes | memoryview) -> bytes:
    """One zstd frame of the bytes."""
    return _zstd.compressor.compress(raw)


def decompress(data: bytes | memoryview, size: int) -> bytes:
    """The `size` bytes in one zstd frame. Raises Damaged, before any allocation, if it declares another size."""
    try:
        if zstandard.frame_content_size(data) != size:
            raise Damaged("document.damage_part_size")
        # Safe only because the declared size was compared first: the decompressor allocates it.
        raw = _zstd.decompressor.decompress(data)
    except zstandard.ZstdError as e:
        raise Damaged("document.damage_part_packed") from e
    if len(raw) != size:
        raise Damaged("document.damage_part_truncated")
    return raw


def _name(header: bytes, raw: bytes | memoryview) -> bytes:
    # The header is part of the name: equal bytes of another shape or depth are another tile.
    hashed = hashlib.blake2b(header, digest_size=HASH)
    hashed.update(raw)
    return hashed.digest()


def pack(tile: Stored, known: Container[bytes] = ()) -> tuple[bytes, bytes | None]:
    """The name and packed bytes of a tile (H×W×3 or H×W, uint8 or uint16); no bytes where `known` has the name."""
    whole = np.ascontiguousarray(tile)
    height, width = whole.shape[:2]
    header = HEADER.pack(height, width, whole.shape[2] if whole.ndim == 3 else 1, whole.dtype.itemsize)
    raw = whole.data.cast("B")
    name = _name(header, raw)
    return name, None if name in known else header + compress(raw)


@lru_cache(maxsize=256)
def opaque_name(height: int, width: int, itemsize: int) -> bytes:
    """The name of an alpha tile of that size in which nothing is transparent. itemsize: bytes per value, 1 or 2."""
    return _name(HEADER.pack(height, width, 1, itemsize), b"\xff" * (height * width * itemsize))


def _header(data: bytes) -> tuple[int, int, int, int]:
    """Height, width, channels and bytes per value of a packed tile. Raises Damaged."""
    if len(data) <= HEADER.size:
        raise Damaged("document.damage_tile_truncated")
    height, width, channels, itemsize = HEADER.unpack_from(data)
    if not (1 <= height <= TILE and 1 <= width <= TILE and channels in (1, 3) and itemsize in DTYPES):
        raise Damaged("document.damage_tile_size")
    return height, width, channels, itemsize


def unpack(data: bytes, name: bytes | None = None) -> Stored:
    """A read-only tile, H×W×3 or H×W, uint8 or uint16. Raises Damaged for anything but the tile of that name."""
    height, width, channels, itemsize = _header(data)
    raw = decompress(memoryview(data)[HEADER.size :], height * width * channels * itemsize)
    if name is not None and _name(data[: HEADER.size], raw) != name:
        raise Damaged("document.damage_tile_content")
    shape = (height, width, 3) if channels == 3 else (height, width)
    return np.frombuffer(raw, DTYPES[itemsize]).reshape(shape)


class PackedThumbnail:
    """A stored thumbnail, unpacked only where it is shown: a long history has thousands of them."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        """Raises Damaged unless the header is that of a thumbnail."""
        height, width, channels, itemsize = _header(data)
        if channels != 3 or itemsize != 1 or max(height, width) > THUMBNAIL:
            raise Damaged("document.damage_thumbnail")
        self._data = data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.uint8]:
        """Read-only H×W×3 uint8 RGB; one gray pixel if the data is damaged."""
        try:
            pixels = unpack(self._data)
        except Damaged:
            pixels = np.full((1, 1, 3), 128, np.uint8)
        return np.asarray(pixels, dtype or np.uint8)


class TileCache:
    """LRU cache of unpacked tiles with a budget in bytes. Thread-safe."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._tiles: OrderedDict[bytes, Stored] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, name: bytes) -> Stored | None:
        """A read-only tile, H×W×3 or H×W uint8 or uint16, which counts as used; None if it is not cached."""
        with self._lock:
            if (tile := self._tiles.get(name)) is not None:
                self._tiles.move_to_end(name)
            return tile

    def put(self, name: bytes, tile: Stored) -> None:
        """Add a tile (H×W×3 or H×W, uint8 or uint16); the least recently used ones are dropped beyond the budget."""
        with self._lock:
            if name in self._tiles:
                return
            self._tiles[name] = tile
            self._bytes += tile.nbytes
            # The tile just added is last and goes only if it exceeds the budget alone.
            while self._bytes > self._budget:
                self._bytes -= self._tiles.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Drop all tiles."""
        with self._lock:
            self._tiles.clear()
            self._bytes = 0
