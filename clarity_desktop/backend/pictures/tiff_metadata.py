"""What a TIFF file says about its photo: an EXIF block, XMP, IPTC and the ICC profile, byte for byte.

An EXIF block is a small TIFF without a picture. It gets the entries that describe the photo, with their bytes as they
are; those that describe how the pixels are stored stay behind.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from clarity_desktop.backend.pictures import metadata

if TYPE_CHECKING:
    import tifffile

STORAGE = {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290,
           291, 292, 293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340,
           341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}  # fmt: skip
"""Tags of how the pixels are stored."""
_XMP, _IPTC, _SHOP, _ICC, _LAYERS, _EXIF, _GPS, _INTEROP = 700, 33723, 34377, 34675, 37724, 34665, 34853, 40965
_BESIDE = {_XMP, _IPTC, _SHOP, _ICC, _LAYERS, 50255}  # kept in blocks of their own, or dropped with the old pixels
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LONG, _LONG8, _SIGNED8, _IFD8 = 4, 16, 17, 18
_MOST_ENTRIES, _MOST_BYTES = 4096, 32_000_000


@dataclass(frozen=True, slots=True)
class TiffBlocks:
    """The blocks of a TIFF photo; orientation is 1..8, has_layers: an editor's layers were in the file."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    icc: bytes | None
    orientation: int
    has_layers: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    raw: bytes


class _Reader:
    """Reads directories of a TIFF or BigTIFF file; what lies outside the file is left out."""

    def __init__(self, file: BinaryIO, order: str, is_big: bool) -> None:
        self._file, self.order, self._is_big = file, order, is_big
        self._end = file.seek(0, 2)

    def entries(self, at: int) -> dict[int, _Entry]:
        head, form = (8, "Q") if self._is_big else (2, "H")
        count = self._number(at, head, form)
        step = 20 if self._is_big else 12
        table = self._take(at + head, min(count, _MOST_ENTRIES) * step)
        found: dict[int, _Entry] = {}
        for k in range(len(table) // step):
            entry = self._entry(table[k * step : (k + 1) * step])
            if entry is not None:
                found.setdefault(*entry)
        return found

    def _entry(self, stored: bytes) -> tuple[int, _Entry] | None:
        tag, kind, count, inside = struct.unpack(self.order + ("HHQ8s" if self._is_big else "HHI4s"), stored)
        size = _SIZES.get(kind, 0) * count
        if not size or size > _MOST_BYTES:
            return None
        if size <= len(inside):
            return tag, _Entry(kind, count, inside[:size])
        raw = self._take(struct.unpack(self.order + ("Q" if self._is_big else "I"), inside)[0], size)
        return (tag, _Entry(kind, count, raw)) if len(raw) == size else None

    def number(self, entry: _Entry | None) -> int:
        form = {3: "H", _LONG: "I", 13: "I", _LONG8: "Q", _IFD8: "Q"}.get(entry.kind if entry else 0)
        return int(struct.unpack_from(self.order + form, entry.raw)[0]) if entry and form else 0

    def _number(self, at: int, size: int, form: str) -> int:
        raw = self._take(at, size)
        return int(struct.unpack(self.order + form, raw)[0]) if len(raw) == size else 0

    def _take(self, at: int, size: int) -> bytes:
        if not 0 < at <= self._end:
            return b""
        self._file.seek(at)
        return self._file.read(min(size, self._end - at))


def blocks(page: tifffile.TiffPage, first: tifffile.TiffPage, file: BinaryIO) -> TiffBlocks:
    """The blocks of a page; what only the file's first page has (camera and date, say) is taken from there."""
    container = page.parent
    reader = _Reader(file, container.byteorder, bool(container.is_bigtiff))
    own = reader.entries(page.offset)
    entries = own if page.offset == first.offset else reader.entries(first.offset) | own
    turned = reader.number(own.get(metadata.ORIENTATION))
    return TiffBlocks(
        _exif(reader, entries),
        _raw(entries.get(_XMP)),
        _iptc(entries),
        _raw(own.get(_ICC)),
        turned if turned in range(1, 9) else 1,
        _LAYERS in own,
    )


def _raw(entry: _Entry | None) -> bytes | None:
    return entry.raw if entry is not None and entry.raw.strip(b"\0") else None


def _iptc(entries: dict[int, _Entry]) -> bytes | None:
    """IPTC of its own tag, whatever type of number it is stored as, or of a Photoshop block."""
    own = _raw(entries.get(_IPTC))
    if own is not None:
        return own.rstrip(b"\0") if own[:1] == b"\x1c" else own
    shop = _raw(entries.get(_SHOP))
    return None if shop is None else metadata.iptc_from_photoshop(shop)


def _exif(reader: _Reader, entries: dict[int, _Entry]) -> bytes | None:
    described = {t: e for t, e in entries.items() if t not in STORAGE | _BESIDE and t < 50706}
    inner: dict[int, dict[int, _Entry]] = {}
    for tag in (_EXIF, _GPS):
        described.pop(tag, None)
        if found := reader.entries(reader.number(entries.get(tag))) if tag in entries else None:
            inner[tag] = found
    if not described and not inner:
        return None
    out = bytearray((b"MM\0*" if reader.order == ">" else b"II*\0") + bytes(4))
    for tag, found in inner.items():
        interop = reader.entries(reader.number(found.pop(_INTEROP))) if _INTEROP in found else {}
        if interop:
            found[_INTEROP] = _pointer(_put(out, interop, reader.order), reader.order)
        described[tag] = _pointer(_put(out, found, reader.order), reader.order)
    struct.pack_into(reader.order + "I", out, 4, _put(out, described, reader.order))
    return bytes(out)


def _pointer(at: int, order: str) -> _Entry:
    return _Entry(_LONG, 1, struct.pack(order + "I", at))


def _put(out: bytearray, entries: dict[int, _Entry], order: str) -> int:
    """Append a directory and its values; returns where it begins."""
    table = b""
    for tag, entry in sorted(entries.items()):
        plain = _classic(entry, order)
        if len(plain.raw) <= 4:
            value = plain.raw.ljust(4, b"\0")
        else:
            out += bytes(len(out) % 2)
            value = struct.pack(order + "I", len(out))
            out += plain.raw
        table += struct.pack(order + "HHI", tag, plain.kind, plain.count) + value
    out += bytes(len(out) % 2)
    at = len(out)
    out += struct.pack(order + "H", len(entries)) + table + bytes(4)
    return at


def _classic(entry: _Entry, order: str) -> _Entry:
    """The entry without the 8-byte numbers of BigTIFF, which EXIF does not know."""
    if entry.kind not in {_LONG8, _SIGNED8, _IFD8}:
        return entry
    numbers = struct.unpack(f"{order}{entry.count}Q", entry.raw)
    return _Entry(_LONG, entry.count, struct.pack(f"{order}{entry.count}I", *(min(n, 0xFFFFFFFF) for n in numbers)))
