"""EXIF, XMP and IPTC as raw blocks: edited in place, so that unknown content (maker notes) stays as it is.

The bytes are untrusted: entries that point outside their block are skipped and raise nothing.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from clarity_desktop.values import Picture

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
_THUMBNAIL = ((0x0201, 0x0202), (0x0111, 0x0117))  # tags of where the second IFD's picture lies, and of its length
_PLACES = (
    rb"(?:exif:GPS\w+|photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|CountryCode)|Iptc4xmpExt:Location\w+)"
)
_ATTRIBUTE = re.compile(rb"\s" + _PLACES + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_EMPTY = re.compile(rb"<" + _PLACES + rb"(?:\s[^<>]*)?/>")
_ELEMENT = re.compile(rb"<(" + _PLACES + rb")(?:\s[^<>]*)?(?<!/)>.*?</\1\s*>", re.DOTALL)
_LEFT = re.compile(rb"GPSLatitude|GPSLongitude|Iptc4xmpExt:Location|photoshop:City")
_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))([1-8])")
_IPTC_PLACES = {26, 27, 90, 92, 95, 100, 101}
_8BIM = struct.Struct(">4sH")


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int  # where the 12 bytes of the entry begin
    kind: int
    value: int  # where the value lies
    size: int  # in bytes


class _Block:
    """A TIFF structure in memory that can be read and patched in place. Raises ValueError for other bytes."""

    def __init__(self, block: bytes) -> None:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
        if order is None:
            raise ValueError("not a TIFF structure")
        self.bytes, self.order = bytearray(block), order

    def number(self, at: int, form: str) -> int:
        if not 0 <= at <= len(self.bytes) - struct.calcsize(form):
            return 0
        return int(struct.unpack_from(self.order + form, self.bytes, at)[0])

    def put(self, at: int, form: str, value: int) -> None:
        struct.pack_into(self.order + form, self.bytes, at, value)

    @property
    def first(self) -> int:
        return self.number(4, "I")

    def count(self, ifd: int) -> int:
        """Entries of an IFD that lie inside the block."""
        return min(self.number(ifd, "H"), max(0, (len(self.bytes) - ifd - 2) // 12)) if ifd >= 8 else 0

    def entries(self, ifd: int) -> dict[int, _Entry]:
        found: dict[int, _Entry] = {}
        for k in range(self.count(ifd)):
            at = ifd + 2 + 12 * k
            kind = self.number(at + 2, "H")
            size = _SIZES.get(kind, 0) * self.number(at + 4, "I")
            value = at + 8 if size <= 4 else self.number(at + 8, "I")
            if size and value + size <= len(self.bytes):
                found.setdefault(self.number(at, "H"), _Entry(at, kind, value, size))
        return found

    def value(self, entry: _Entry | None) -> int:
        if entry is None or entry.kind not in {3, 4, 13}:
            return 0
        return self.number(entry.value, "H" if entry.kind == 3 else "I")

    def replace(self, entry: _Entry | None, value: int) -> None:
        if entry is not None and entry.kind in {3, 4}:
            self.put(entry.value, "H" if entry.kind == 3 else "I", min(value, 0xFFFF) if entry.kind == 3 else value)

    def erase(self, start: int, size: int) -> None:
        end = min(len(self.bytes), start + size)
        if 8 <= start < end:
            self.bytes[start:end] = bytes(end - start)

    def end(self, ifd: int) -> int:
        """Where the offset of the next IFD is written."""
        return ifd + 2 + 12 * self.number(ifd, "H")


def without_prefix(exif: bytes | None) -> bytes | None:
    """The block without the "Exif" prefix that JPEG and others put before it; None for an empty block."""
    while exif and exif[:6] == b"Exif\0\0":
        exif = exif[6:]
    return exif or None


def upright(exif: bytes) -> tuple[bytes, int | None]:
    """The block with orientation 1 and without its thumbnail, and the orientation 1..8 that it had, if any.

    Raises ValueError if the block is not EXIF.
    """
    block = _Block(exif)
    entries = block.entries(block.first)
    orientation = block.value(entries.get(ORIENTATION))
    block.replace(entries.get(ORIENTATION), 1)
    _drop_thumbnail(block)
    return bytes(block.bytes), orientation if 1 <= orientation <= 8 else None


def _drop_thumbnail(block: _Block) -> None:
    end = block.end(block.first)
    ifd = block.number(end, "I")
    if ifd < 8 or end + 4 > len(block.bytes):
        return
    entries = block.entries(ifd)
    for where, length in _THUMBNAIL:
        block.erase(block.value(entries.get(where)), block.value(entries.get(length)))
    block.put(end, "I", 0)


def resized(exif: bytes, width: int, height: int) -> bytes:
    """The block with the picture's size in the tags that state one."""
    try:
        block = _Block(exif)
    except ValueError:
        return exif
    entries = block.entries(block.first)
    for tag, value in ((0x0100, width), (0x0101, height)):
        block.replace(entries.get(tag), value)
    inner = block.entries(block.value(entries.get(EXIF_IFD)))
    for tag, value in ((0xA002, width), (0xA003, height)):
        block.replace(inner.get(tag), value)
    return bytes(block.bytes)


def without_gps(exif: bytes) -> bytes | None:
    """The block without its GPS directory and its values; None if their removal is not certain."""
    try:
        block = _Block(exif)
    except ValueError:
        return None
    ifd = block.first
    entries = block.entries(ifd)
    gps = entries.get(GPS_IFD)
    if gps is None:
        return exif
    place = block.value(gps)
    for entry in block.entries(place).values():
        block.erase(entry.value, entry.size)
    block.erase(place, 2 + 12 * block.count(place))
    count, end = block.number(ifd, "H"), block.end(ifd) + 4
    if end > len(block.bytes):
        return None
    # Close the gap of the removed entry and keep the length, so that offsets stay valid.
    block.bytes[gps.at : end] = block.bytes[gps.at + 12 : end] + bytes(12)
    block.put(ifd, "H", count - 1)
    return bytes(block.bytes)


def upright_xmp(xmp: bytes) -> tuple[bytes, int | None]:
    """The packet with orientation 1, and the orientation that it had, if any.

    The reference to an extended packet is removed, because the extension is not kept.
    """
    found = _ORIENTATION.search(xmp)
    xmp = _ORIENTATION.sub(rb"\g<1>1", xmp)
    xmp = re.sub(rb"\sxmpNote:HasExtendedXMP\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", xmp)
    return xmp, None if found is None else int(found[2])


def without_places(xmp: bytes) -> bytes | None:
    """The packet without GPS and place names; None if some may remain."""
    for pattern in (_ATTRIBUTE, _EMPTY, _ELEMENT):
        xmp = pattern.sub(b"", xmp)
    return None if _LEFT.search(xmp) or b"\0" in xmp else xmp


def iptc_without_places(iptc: bytes) -> bytes:
    """The records without city, sublocation, province, country and location codes."""
    kept, at = bytearray(), 0
    # Each record: marker 1C, record number, data set number, size.
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", iptc, at + 1)
        if size & 0x8000:  # an extended length: none of the fields that name places needs one
            return bytes(kept)
        if not (record == 2 and number in _IPTC_PLACES):
            kept += iptc[at : at + 5 + size]
        at += 5 + size
    return bytes(kept)


def iptc_from_photoshop(block: bytes) -> bytes | None:
    """The IPTC records of a Photoshop resource block (without its "Photoshop 3.0" name); None if there are none."""
    at = 0
    while at + 12 <= len(block):
        mark, kind = _8BIM.unpack_from(block, at)
        if mark != b"8BIM":
            return None
        name = block[at + 6] + 1
        start = at + 6 + name + name % 2
        size = int.from_bytes(block[start : start + 4], "big")
        if kind == 0x0404:
            return block[start + 4 : start + 4 + size] or None
        at = start + 4 + size + size % 2
    return None


def photoshop_from_iptc(iptc: bytes) -> bytes:
    """The Photoshop resource block that carries IPTC in a JPEG."""
    return _8BIM.pack(b"8BIM", 0x0404) + b"\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The raw metadata blocks that are written beside the pixels."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None


def blocks(picture: Picture, keep: Literal["all", "no-location", "none"], width: int, height: int) -> Blocks:
    """The picture's blocks for a file of width × height pixels, reduced to what the user wants to keep."""
    if keep == "none":
        return Blocks()
    exif, xmp, iptc = picture.exif, picture.xmp, picture.iptc
    if keep == "no-location":
        exif = None if exif is None else without_gps(exif)
        xmp = None if xmp is None else without_places(xmp)
        iptc = None if iptc is None else iptc_without_places(iptc) or None
    return Blocks(None if exif is None else resized(exif, width, height), xmp, iptc)
