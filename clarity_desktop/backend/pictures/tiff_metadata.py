"""What a TIFF file says about its photo: an EXIF block, XMP, IPTC and the ICC profile, byte for byte.

An EXIF block is a small TIFF without a picture. It gets the entries that describe the photo, with their bytes as they
are; those that describe how the pixels are stored stay behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from clarity_desktop.backend.pictures import metadata
from clarity_desktop.backend.pictures.exif import (
    EXIF_IFD,
    GPS_IFD,
    INTEROP_IFD,
    ORIENTATION,
    Directory,
    Tiff,
    Tree,
    Value,
)

if TYPE_CHECKING:
    import tifffile

STORAGE = {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290,
           291, 292, 293, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 336, 338, 339, 340,
           341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}  # fmt: skip
"""Tags of how the pixels are stored."""
_LONG = 4  # a type of number
_XMP, _IPTC, _SHOP, _ICC, _LAYERS = 700, 33723, 34377, 34675, 37724
_BESIDE = {_XMP, _IPTC, _SHOP, _ICC, _LAYERS, 50255}  # kept in blocks of their own, or dropped with the old pixels
DNG = 50706
"""The tag that makes a TIFF a DNG; those from here on describe sensor data."""


@dataclass(frozen=True, slots=True)
class TiffBlocks:
    """The blocks of a TIFF photo; orientation is 1..8, has_layers: an editor's layers were in the file."""

    exif: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    icc: bytes | None
    orientation: int
    has_layers: bool


def blocks(page: tifffile.TiffPage, first: tifffile.TiffPage, file: BinaryIO) -> TiffBlocks:
    """The blocks of a page; what only the file's first page has (camera and date, say) is taken from there."""
    tiff = Tiff(file)
    own = tiff.directory(page.offset)[0]
    entries = own if page.offset == first.offset else tiff.directory(first.offset)[0] | own
    return blocks_of(tiff, entries, own)


def blocks_of(tiff: Tiff, entries: Directory, own: Directory | None = None) -> TiffBlocks:
    """The blocks of a directory; own: what of it belongs to the picture itself, if that is not all."""
    own = entries if own is None else own
    described = {tag: value for tag, value in entries.items() if tag not in STORAGE | _BESIDE and tag < DNG}
    inner = tiff.inner(entries, EXIF_IFD)
    tree = Tree(tiff.order, described, inner, tiff.inner(entries, GPS_IFD), tiff.inner(inner, INTEROP_IFD))
    turned = (*tiff.numbers(own.get(ORIENTATION)), 1)[0]
    return TiffBlocks(
        tree.block(),
        _raw(entries.get(_XMP)),
        _iptc(entries),
        _raw(own.get(_ICC)),
        turned if turned in range(1, 9) else 1,
        _LAYERS in own,
    )


def _raw(value: Value | None) -> bytes | None:
    return value.raw if value is not None and value.raw.strip(b"\0") else None


def _iptc(entries: Directory) -> bytes | None:
    """IPTC of its own tag, whatever type of number it is stored as, or of a Photoshop block."""
    own = _raw(entries.get(_IPTC))
    if own is not None:
        padding = min(len(own) - len(own.rstrip(b"\0")), 3) if entries[_IPTC].kind == _LONG else 0
        return own[: len(own) - padding]
    shop = _raw(entries.get(_SHOP))
    return None if shop is None else metadata.iptc_from_photoshop(shop)
