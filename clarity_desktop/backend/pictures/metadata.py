"""What is kept of a photo's metadata: EXIF, XMP, IPTC and texts, reduced to what the user wants to pass on.

Where the blocks lie in each format is known to `containers` (reading) and `encode` (writing). The bytes are untrusted.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from typing import Literal

from clarity_desktop.backend.pictures import exif as exif_block
from clarity_desktop.backend.pictures import xmp as xmp_packet
from clarity_desktop.backend.pictures.exif import Value
from clarity_desktop.values import Picture

_IPTC_PLACES = {26, 27, 90, 92, 95, 100, 101}
_8BIM = struct.Struct(">4sH")
_IPTC_RESOURCE = 0x0404
_PLACE_NAMES = re.compile(r"gps|latitude|longitude|location|geotag|\bgeo\b", re.IGNORECASE)
_TEXT_TAGS = {"Description": 0x010E, "Author": 0x013B, "Software": 0x0131, "Copyright": 0x8298}
"""Keywords of PNG texts that EXIF has a tag for."""

_SEGMENT = 65533  # bytes that a JPEG segment can hold
JPEG_LIMITS = {"EXIF": _SEGMENT - 6, "XMP": _SEGMENT - 29, "IPTC": _SEGMENT - 26, "comment": _SEGMENT}
"""Bytes of a block that one segment holds behind the header that names its content."""

Texts = tuple[tuple[str, str], ...]
_COPIES = ("exif:", "date:")  # texts in which ImageMagick repeats what EXIF and the file system say
COMMENT = "Comment"
"""The keyword of a text without one, such as the comment of a JPEG."""


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


def photoshop_resources(block: bytes) -> dict[int, bytes]:
    """The resources of a Photoshop block (with or without its "Photoshop 3.0" name) by number; of each the first."""
    found: dict[int, bytes] = {}
    at = 14 if block.startswith(b"Photoshop 3.0\0") else 0
    while at + 12 <= len(block):
        mark, kind = _8BIM.unpack_from(block, at)
        if mark != b"8BIM":
            break
        name = block[at + 6] + 1
        start = at + 6 + name + name % 2
        size = int.from_bytes(block[start : start + 4], "big")
        found.setdefault(kind, block[start + 4 : start + 4 + size])
        at = start + 4 + size + size % 2
    return found


def iptc_from_photoshop(block: bytes) -> bytes | None:
    """The IPTC records of a Photoshop resource block (without its "Photoshop 3.0" name); None if there are none."""
    return photoshop_resources(block).get(0x0404) or None


def photoshop_from_iptc(iptc: bytes) -> bytes:
    """The Photoshop resource block that carries IPTC in JPEG and PNG."""
    return _8BIM.pack(b"8BIM", _IPTC_RESOURCE) + b"\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


@dataclass(frozen=True, slots=True)
class Blocks:
    """The metadata that is written beside the pixels; resolution: pixels per inch across and down."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: Texts = ()
    resolution: tuple[float, float] | None = None
    is_exif_whole: bool = True  # False: its largest values were left out to make it fit


def rehearse(exif: bytes | None, xmp: bytes | None, iptc: bytes | None) -> None:
    """Do to untrusted blocks what saving may do to them, so that one that crashes or hangs a parser does so now.

    Raises ValueError and others for broken blocks.
    """
    if exif is not None:
        exif_block.upright(exif)
        exif_block.without_places(exif_block.resized(exif, 1, 1))
        exif_block.with_resolution(exif, 72, 72)
        exif_block.in_srgb(exif)
        exif_block.compact(exif, JPEG_LIMITS["EXIF"])
    if xmp is not None:
        xmp_packet.upright(xmp)
        xmp_packet.without_places(xmp)
        xmp_packet.split(xmp, JPEG_LIMITS["XMP"])
    if iptc is not None:
        iptc_without_places(iptc)


def blocks(picture: Picture, keep: Literal["all", "no-location", "none"], width: int, height: int) -> Blocks:
    """The picture's metadata for a file of width × height pixels, reduced to what the user wants to keep.

    The resolution for printing says nothing about a person and stays.
    """
    resolution = exif_block.resolution(picture.exif)
    if keep == "none":
        return Blocks(resolution=resolution)
    exif, xmp, iptc, texts = picture.exif, picture.xmp, picture.iptc, picture.texts
    if keep == "no-location":
        exif = None if exif is None else exif_block.without_places(exif)
        xmp = None if xmp is None else xmp_packet.without_places(xmp)
        iptc = None if iptc is None else iptc_without_places(iptc) or None
        texts = tuple((key, text) for key, text in texts if not _PLACE_NAMES.search(key))
    return Blocks(None if exif is None else exif_block.resized(exif, width, height), xmp, iptc, texts, resolution)


def with_texts_in_exif(wanted: Blocks) -> Blocks:
    """The blocks with the texts that EXIF has a tag for moved there, for formats without texts of their own."""
    known = {key: text for key, text in wanted.texts if key in _TEXT_TAGS and text and "\0" not in text}
    if not known:
        return wanted
    there = exif_block.first_tags(wanted.exif)
    if there is None:
        return wanted
    tags = {_TEXT_TAGS[key]: Value(2, len(raw), raw) for key, text in known.items()
            if _TEXT_TAGS[key] not in there and (raw := text.encode() + b"\0")}  # fmt: skip
    rest = tuple((key, text) for key, text in wanted.texts if known.get(key) != text)
    return replace(wanted, exif=exif_block.with_tags(wanted.exif, tags) if tags else wanted.exif, texts=rest)


def fitting_in_segments(wanted: Blocks) -> Blocks:
    """What of the metadata a JPEG can hold; its XMP may need an extension."""
    exif, is_reduced = wanted.exif, False
    if exif is not None:
        exif, is_reduced = exif_block.compact(exif, JPEG_LIMITS["EXIF"])
    xmp = wanted.xmp
    if xmp is not None and xmp_packet.split(xmp, JPEG_LIMITS["XMP"]) is None:
        xmp = None
    iptc = wanted.iptc if wanted.iptc and len(wanted.iptc) <= JPEG_LIMITS["IPTC"] else None
    texts = tuple(
        (key, text) for key, text in wanted.texts if key == COMMENT and len(text.encode()) <= JPEG_LIMITS["comment"]
    )
    return Blocks(exif, xmp, iptc, texts, wanted.resolution, not is_reduced)


def without_texts(wanted: Blocks, kept: Blocks) -> Texts:
    """The texts that are wanted but neither kept nor moved to EXIF; copies of EXIF are no loss."""
    unmoved = with_texts_in_exif(wanted).texts
    return tuple(
        pair for pair in wanted.texts
        if pair in unmoved and pair not in kept.texts and not pair[0].startswith(_COPIES)
    )  # fmt: skip
