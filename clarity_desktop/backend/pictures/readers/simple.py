"""WebP, GIF and most BMP: formats that Pillow reads completely."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import containers, exif, metadata
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, FIRST_ONLY, Caps, Refused, Stored, separated

_BITFIELDS = {3, 6}  # compression: the masks of the channels are stated, without or with one for alpha
_COMMON = {(0xFF0000, 0xFF00, 0xFF), (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)}  # masks that Pillow knows


def read_webp(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a WebP photo to H×W(×3) uint8; of an animation, the first picture."""
    return _read(file, caps, "WEBP")


def read_gif(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a GIF to H×W(×3) uint8; of an animation, the first picture."""
    return _read(file, caps, "GIF")


def _read(file: BinaryIO, caps: Caps, kind: str) -> Stored:
    file.seek(0)
    image = Image.open(file, formats=(kind,))
    caps.check(*image.size)
    if image.format == "WEBP":
        caps.check(*image.size, getattr(image, "n_frames", 1))
    several = bool(getattr(image, "is_animated", False))
    image.seek(0)
    image.load()
    stored = _stored(image)
    stored.icc = _bytes(image.info.get("icc_profile"))
    stored.exif = exif.without_prefix(_bytes(image.info.get("exif")))
    stored.xmp = _bytes(image.info.get("xmp"))
    if comment := _bytes(image.info.get("comment")):  # of a GIF
        stored.texts = ((metadata.COMMENT, containers.text_of(comment)),)
    if several:
        stored.notes.append(FIRST_ONLY)
    return stored


def _bytes(value: object) -> bytes | None:
    return bytes(value) or None if isinstance(value, bytes | bytearray) else None


def _stored(image: Image.Image) -> Stored:
    """The samples of a loaded 8-bit image of any RGB or gray mode."""
    mode = image.mode
    clear = mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info
    if mode in {"1", "L"} and not clear:
        return Stored(np.asarray(image.convert("L")), "gray", mode)
    if mode == "La":
        image = image.convert("LA")
    main, alpha = separated(np.asarray(image.convert("RGBA" if clear else "RGB")))
    return Stored(main, "rgb", mode, alpha)


# BMP -----------------------------------------------------------------------------------------------------------------


def read_bmp(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a BMP picture to H×W(×3) uint8, with any masks for its channels."""
    file.seek(0)
    data = file.read()
    size, width, height, _, bits, packing = struct.unpack_from("<IiiHHI", data, 14) if len(data) > 66 else (0,) * 6
    if size >= 40 and bits in {16, 32} and packing in _BITFIELDS:
        caps.check(width, abs(height))
        # The masks follow the oldest header and are part of the later ones.
        masks = struct.unpack_from("<4I", data, 54)
        if size < 56 and packing == 3:
            masks = (*masks[:3], 0)
        if masks[:3] not in _COMMON or masks[3] not in {0, 0xFF000000}:
            return _masked(data, width, height, bits, masks)
    try:
        stored = _read(file, caps, "BMP")
    except OSError as e:
        if str(e).startswith("Unsupported BMP"):
            raise Refused("pictures.bmp_kind") from e
        raise
    stored.icc = _bmp_profile(data) if size >= 124 else None
    across, down = (round(v * 0.0254, 2) for v in struct.unpack_from("<ii", data, 38)) if size >= 40 else (0, 0)
    stored.resolution = (across, down) if across > 0 and down > 0 else None
    return stored


def _masked(data: bytes, width: int, height: int, bits: int, masks: tuple[int, ...]) -> Stored:
    (start,) = struct.unpack_from("<I", data, 10)
    row = (width * bits // 8 + 3) // 4 * 4
    if len(data) < start + row * abs(height):
        raise Refused(DAMAGED)
    rows = np.frombuffer(data, np.uint8, row * abs(height), start).reshape(abs(height), row)
    packed = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}")
    if height > 0:  # stored from the bottom up
        packed = packed[::-1]
    colors = [_channel(packed, mask) for mask in masks]
    alpha = colors[3] if masks[3] else None
    return Stored(np.dstack(colors[:3]), "rgb", "RGB" if alpha is None else "RGBA", alpha)


def _channel(packed: NDArray[Any], mask: int) -> NDArray[np.uint8]:
    """The samples (H×W uint8) under a mask of neighboring bits."""
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    top = mask >> shift
    if not top or top & (top + 1) or mask >= 1 << 8 * packed.itemsize:
        if mask:
            raise Refused("pictures.bmp_masks")
        return np.zeros(packed.shape, np.uint8)
    values = ((packed & np.array(mask, packed.dtype)) >> np.array(shift, packed.dtype)).astype(np.uint64)
    return ((values * 255 + top // 2) // top).astype(np.uint8)


def _bmp_profile(data: bytes) -> bytes | None:
    kind, offset, size = data[14 + 56 : 14 + 60], *struct.unpack_from("<II", data, 14 + 112)
    return data[14 + offset : 14 + offset + size] or None if kind == b"DEBM" else None
