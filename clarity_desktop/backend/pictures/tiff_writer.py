"""Writes TIFF files with all metadata kept byte for byte.

The writer begins the file with the EXIF block itself, which is a TIFF structure already: its offsets stay true, maker
notes included. Pixels and a new first directory follow, made of the block's entries and those of the picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures.metadata import Blocks
from clarity_desktop.backend.pictures.stored_photo import Channel
from clarity_desktop.backend.pictures.tiff_metadata import DNG, STORAGE
from clarity_desktop.values import Pixels

_BLOCKS = {700, 33723, 34377, 34675}  # written from blocks of their own
STRIP = 1 << 20  # bytes of pixels in a strip, about


def _strips(samples: NDArray[Any], rows: int, order: Literal["<", ">"]) -> list[bytes]:
    """Rows with horizontal differences, deflated."""

    def strip(y: int) -> bytes:
        part = samples[y : y + rows].copy()
        # Predictor 2: differences wrap around in unsigned arithmetic, as the specification requires.
        part[:, 1:] = part[:, 1:] - samples[y : y + rows, :-1]
        return zlib.compress(part.astype(part.dtype.newbyteorder(order)).tobytes(), 3)

    with ThreadPoolExecutor(2) as pool:  # zlib lets other threads run
        return list(pool.map(strip, range(0, samples.shape[0], rows)))


def _inherited(block: bytes, order: str) -> dict[int, bytes]:
    """Entries (12 bytes each) of the block's first directory that describe the photo, not its old storage."""
    (first,) = struct.unpack_from(order + "I", block, 4)
    if not 8 <= first <= len(block) - 2:
        return {}
    (count,) = struct.unpack_from(order + "H", block, first)
    entries = (block[at : at + 12] for at in range(first + 2, min(first + 2 + 12 * count, len(block) - 11), 12))
    tagged = ((struct.unpack(order + "H", e[:2])[0], e) for e in entries)
    return {tag: entry for tag, entry in tagged if tag not in STORAGE | _BLOCKS and tag < DNG}


class _File:
    """Builds a TIFF file in memory: header, data, and at the end its only directory."""

    def __init__(self, head: bytes, entries: dict[int, bytes]) -> None:
        self.order: Literal["<", ">"] = ">" if head[:2] == b"MM" else "<"
        self._out = io.BytesIO()
        self._out.write(head)
        self._entries = entries

    def put(self, raw: bytes) -> int:
        """Append data; returns where it lies."""
        self._out.write(bytes(self._out.tell() % 2))
        at = self._out.tell()
        self._out.write(raw)
        return at

    def blob(self, number: int, kind: int, count: int, raw: bytes) -> None:
        """A tag of any type; raw is its value in the file's byte order."""
        value = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(self.order + "I", self.put(raw))
        self._entries[number] = struct.pack(self.order + "HHI", number, kind, count) + value

    def shorts(self, number: int, *values: int) -> None:
        self.blob(number, 3, len(values), struct.pack(f"{self.order}{len(values)}H", *values))

    def longs(self, number: int, *values: int) -> None:
        self.blob(number, 4, len(values), struct.pack(f"{self.order}{len(values)}I", *values))

    def getvalue(self) -> bytes:
        entries = [self._entries[n] for n in sorted(self._entries)]
        at = self.put(struct.pack(self.order + "H", len(entries)) + b"".join(entries) + bytes(4))
        self._out.seek(4)
        self._out.write(struct.pack(self.order + "I", at))
        return self._out.getvalue()


_NO_EXIF = b"II*\0\x08\0\0\0\0\0\0\0\0\0"


def write(pixels: Pixels, alpha: Channel | None, icc: bytes | None, blocks: Blocks) -> bytes:
    """A deflate-compressed TIFF of H×W×3 pixels (uint8 or uint16) and H×W unassociated alpha of the same depth.

    H×W pixels are gray.

    Raises ValueError if it would exceed 4 GB.
    """
    block = blocks.exif or _NO_EXIF
    file = _File(block, _inherited(block, ">" if block[:2] == b"MM" else "<"))
    samples = np.dstack([pixels] if alpha is None else [pixels, alpha])
    height, width, channels = samples.shape
    rows = max(1, STRIP // (width * channels * samples.itemsize))
    strips = _strips(samples, rows, file.order)
    # Classic TIFF has 32-bit offsets; the directory follows the strips.
    if len(block) + sum(map(len, strips)) > 0xFFFF0000:
        raise ValueError("too large for a TIFF file")
    offsets = [file.put(s) for s in strips]
    file.longs(256, width)
    file.longs(257, height)
    file.shorts(258, *[8 * samples.itemsize] * channels)
    for number, value in ((259, 8), (262, 2 if pixels.ndim == 3 else 1), (274, 1), (277, channels), (284, 1), (317, 2)):
        file.shorts(number, value)
    file.longs(278, rows)
    file.longs(273, *offsets)
    file.longs(279, *map(len, strips))
    if alpha is not None:
        file.shorts(338, 2)
    for number, kind, raw in ((700, 1, blocks.xmp), (33723, 7, blocks.iptc), (34675, 7, icc)):
        if raw:
            file.blob(number, kind, len(raw), raw)
    return file.getvalue()
