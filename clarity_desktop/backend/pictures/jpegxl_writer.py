"""Writes JPEG XL files: the codestream by libjxl, EXIF and XMP in boxes before it."""

from __future__ import annotations

import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop import srgb
from clarity_desktop.backend.pictures.boxes import boxes
from clarity_desktop.backend.pictures.jpegxl_header import CONTAINER, SIGNATURE, parse
from clarity_desktop.backend.pictures.metadata import Blocks
from clarity_desktop.values import Pixels

_THREADS = min(4, os.cpu_count() or 1)
_LINEAR, _SRGB = 8, 13  # transfer functions


def write(pixels: Pixels, alpha: NDArray[np.uint8] | NDArray[np.uint16] | None, blocks: Blocks, quality: int) -> bytes:
    """Bytes of a file with sRGB pixels (H×W×3 or, gray, H×W; uint8 or uint16) and H×W alpha of the same depth.

    quality: 1..100; 100 loses nothing.
    """
    import imagecodecs  # a library that other formats need not wait for

    lossless = quality >= 100
    samples: NDArray[Any] = pixels
    if pixels.dtype == np.uint16 and not lossless:
        # The encoder takes 16-bit samples for linear light. What it stores is independent of the curve.
        samples = _linear_table()[pixels]
    if alpha is not None:
        samples = np.dstack([samples, alpha])
    level = None if lossless else quality
    encoded = bytes(
        imagecodecs.jpegxl_encode(np.ascontiguousarray(samples), level, lossless=lossless, numthreads=_THREADS)
    )
    kept, stream = _parts(encoded)
    if pixels.dtype == np.uint16:
        stream = _tagged_srgb(stream)
    beside = kept or _box(b"ftyp", b"jxl \0\0\0\0jxl ")
    if blocks.exif:
        beside += _box(b"Exif", bytes(4) + blocks.exif)
    if blocks.xmp:
        beside += _box(b"xml ", blocks.xmp)
    return CONTAINER + beside + _box(b"jxlc", stream)


def _linear_table() -> NDArray[np.uint16]:
    return np.rint(srgb.linear(np.arange(65536) / 65535) * 65535).astype(np.uint16)


def _parts(encoded: bytes) -> tuple[bytes, bytes]:
    """The boxes before the codestream (format and level, without the signature), and the codestream."""
    if encoded.startswith(SIGNATURE):
        return b"", encoded
    kept, stream = b"", b""
    for kind, start, end in boxes(encoded):
        if kind in {b"jxlc", b"jxlp"}:
            stream += encoded[start + (4 if kind == b"jxlp" else 0) : end]
        elif kind in {b"ftyp", b"jxll"}:
            kept += _box(kind, encoded[start:end])
    return kept, stream


def _tagged_srgb(stream: bytes) -> bytes:
    """The codestream with the curve of sRGB instead of a linear one; both are numbers of the same length."""
    at = parse(stream).transfer_at
    value = int.from_bytes(stream[: at // 8 + 8], "little")
    if at == 0 or value >> at & 0x3F != 2 | _LINEAR - 2 << 2:  # two bits for the form, four for the number
        raise ValueError("the encoder wrote another curve than expected")
    value ^= (_LINEAR - 2 ^ _SRGB - 2) << at + 2
    return value.to_bytes(at // 8 + 8, "little") + stream[at // 8 + 8 :]


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 >= 1 << 32:
        raise ValueError("too large for a box")
    return struct.pack(">I4s", len(body) + 8, kind) + body
