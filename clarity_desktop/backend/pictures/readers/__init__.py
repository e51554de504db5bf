"""One reader per format: decodes an untrusted file to a `Stored` photo. Runs in the decoder process."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from clarity_desktop.backend.pictures import jpegxl_header
from clarity_desktop.backend.pictures.readers import bmff, exr, jpeg, jpegxl, png, psd, raw, simple, tiff
from clarity_desktop.backend.pictures.stored_photo import Caps, Stored

READERS: dict[str, Callable[[BinaryIO, Caps], Stored]] = {
    "JPEG": jpeg.read,
    "PNG": png.read,
    "WEBP": simple.read_webp,
    "TIFF": tiff.read,
    "BMP": simple.read_bmp,
    "GIF": simple.read_gif,
    "AVIF": bmff.read_avif,
    "HEIC": bmff.read_heic,
    "JXL": jpegxl.read,
    "PSD": psd.read,
    "EXR": exr.read,
    "RAW": raw.read,
}
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    png.SIGNATURE: "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
    jpegxl_header.SIGNATURE: "JXL",
    jpegxl_header.CONTAINER: "JXL",
    psd.SIGNATURE: "PSD",
    exr.SIGNATURE: "EXR",
}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


DRAFTS: dict[str, Callable[[BinaryIO, Caps], tuple[Stored, tuple[int, int]] | None]] = {
    "JPEG": jpeg.draft,
    "RAW": raw.draft,
}
"""Readers of a reduced picture that is there sooner than the photo, with the width and height of the photo."""


def format_of(file: BinaryIO) -> str | None:
    """The format by the content of the file, not by its name; None for formats that are not read."""
    file.seek(0)
    return "RAW" if raw.is_raw(file) else _format_by_head(file)


def _format_by_head(file: BinaryIO) -> str | None:
    file.seek(0)
    head = file.read(64)
    if head[4:8] == b"ftyp":
        # ISO BMFF: the major brand, then (after a version number) the compatible ones.
        brands = head[8:12] + head[16 : min(len(head), int.from_bytes(head[:4], "big"))]
        listed = {brands[k : k + 4] for k in range(0, len(brands), 4)}
        if listed & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if listed & _HEIC else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
