"""AVIF by libavif and HEIC by libheif, both at the depth of the file."""

from __future__ import annotations

import io
import re
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import exif
from clarity_desktop.backend.pictures.boxes import Item, primary_item
from clarity_desktop.backend.pictures.stored_photo import (
    FIRST_ONLY,
    GAIN_MAP,
    Caps,
    Refused,
    Stored,
    gray_or_rgb,
    separated,
)

_EXIF_ITEM = re.compile(rb"(infe(?:.{8}|.{10}))Exif", re.DOTALL)
_HDR = {16, 18}
_OTHER_CODECS = {b"unci": "no", b"jpeg": "JPEG", b"avc1": "H.264", b"j2k1": "JPEG 2000", b"vvc1": "VVC", b"av01": "AV1"}
"""Compressions of a HEIF file that libheif, as pillow-heif brings it, does not read."""


def read_avif(file: BinaryIO, caps: Caps) -> Stored:
    """Decode an AVIF photo to H×W(×3) uint8 or uint16; of a sequence, the first picture."""
    import imagecodecs
    from PIL import Image, UnidentifiedImageError

    data, item = _primary(file)
    if item.width and item.height:  # else a sequence without a still picture
        caps.check(item.width, item.height)  # libavif has a limit of its own, and calls what is above it broken
    # libavif refuses a photo for its broken EXIF; the block is read from the item, and checked like any other.
    decodable = _EXIF_ITEM.sub(rb"\1skip", data)
    image, frames = None, 1
    try:
        image = Image.open(io.BytesIO(decodable), formats=("AVIF",))
        frames = int(getattr(image, "n_frames", 1))
        caps.check(*image.size, frames)
    except UnidentifiedImageError:
        # Pillow is strict: it refuses an alpha plane that does not state its size, as older programs wrote it.
        if not item.width:
            raise
    samples: NDArray[Any]
    try:
        # Of a sequence imagecodecs decodes all frames, and with an index it writes beyond its buffer.
        samples = np.asarray(image) if frames > 1 else imagecodecs.avif_decode(decodable)
    except RuntimeError:
        if image is None:
            raise
        samples = np.asarray(image)  # Pillow has color matrices that imagecodecs lacks, but 8 bits only
    if item.aperture is not None and samples.shape[:2] == (item.height, item.width):
        left, top, width, height = item.aperture
        samples = samples[top : top + height, left : left + width]
    main, alpha = separated(samples)
    stored = gray_or_rgb(main, alpha)
    if samples.dtype == np.uint16:
        stored.bits = _bits(data, samples)
    stored.orientation = item.orientation
    _describe(stored, item, item.icc)
    if frames > 1:
        stored.notes.append(FIRST_ONLY)
    return stored


def _primary(file: BinaryIO) -> tuple[bytes, Item]:
    """The whole file, and what it says about its primary picture: nothing where its boxes cannot be followed."""
    file.seek(0)
    data = file.read()
    try:
        return data, primary_item(data)
    except ValueError:
        return data, Item()


def _bits(data: bytes, samples: NDArray[np.uint16]) -> int:
    """10 or 12, by the configuration of the decoder (av1C), which is the same for color and alpha."""
    at = data.find(b"av1C")
    twelve = at > 0 and at + 7 <= len(data) and bool(data[at + 6] & 0x20)
    return 12 if twelve or int(samples.max(initial=0)) > 1023 else 10


def read_heic(file: BinaryIO, caps: Caps) -> Stored:
    """Decode the primary picture of a HEIC file to H×W(×3) uint8 or uint16."""
    import pillow_heif  # imported here: it takes 20 ms that other photos need not wait for

    data, item = _primary(file)
    if item.kind in _OTHER_CODECS:
        raise Refused("pictures.heif_kind", compression=_OTHER_CODECS[item.kind])
    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    image = heif[heif.primary_index]
    info: dict[str, Any] = image.info
    caps.check(*image.size, len(heif))
    samples: NDArray[Any] = np.asarray(image)
    mode = image.mode.partition(";")[0]
    main, alpha = separated(samples)
    stored = gray_or_rgb(main, alpha)
    stored.premultiplied = mode == "RGBa"
    bits = int(info.get("bit_depth", 8))
    if samples.dtype == np.uint16 and bits < 16:  # pillow-heif moves the bits up, which makes white 65472
        stored.samples = stored.samples >> np.uint16(16 - bits)
        stored.alpha = None if alpha is None else alpha >> np.uint16(16 - bits)
        stored.bits = bits
    stored.orientation = 1  # libheif applies it
    profile = info.get("icc_profile")
    _describe(stored, item, bytes(profile) if profile else None)
    if len(heif) > 1:
        stored.notes.append(FIRST_ONLY)
    return stored


def _describe(stored: Stored, item: Item, icc: bytes | None) -> None:
    """Colors and metadata. An ICC profile has precedence over code points, except for those of HDR."""
    stored.code_points = item.code_points
    if item.code_points is None or item.code_points.transfer not in _HDR:
        stored.icc = icc
    stored.exif, stored.xmp = exif.without_prefix(item.exif), item.xmp
    if item.has_gain_map:
        stored.notes.append(GAIN_MAP)
