"""Photoshop files (PSD, PSB): the flattened picture that they carry beside their layers."""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import color_management, exif, metadata
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, Caps, CodePoints, Model, Refused, Stored
from clarity_desktop.text import Message

SIGNATURE = b"8BPS"
_GRAY, _INDEXED, _RGB, _CMYK, _DUOTONE, _LAB = 1, 2, 3, 4, 8, 9
_MODES: dict[int, tuple[Model, str, int]] = {  # by color mode: model, name, channels
    0: ("gray", "1", 1),
    _GRAY: ("gray", "L", 1),
    _INDEXED: ("rgb", "P", 1),
    _RGB: ("rgb", "RGB", 3),
    _CMYK: ("cmyk", "CMYK", 4),
    _DUOTONE: ("gray", "L", 1),
    _LAB: ("lab", "Lab", 3),
}
# Numbers of image resources.
_CLEAR_MARKS = (b"8BIMMt16", b"8BIMMt32", b"8BIMMtrn")  # that deep files have alpha
_MOST_CHANNELS = 100  # Photoshop itself writes up to 57
# Numbers of image resources.
_RESOLUTION, _IPTC, _ICC, _CLEAR_INDEX, _VERSION, _EXIF, _XMP = 0x03ED, 0x0404, 0x040F, 0x0417, 0x0421, 0x0422, 0x0424


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode the flattened picture of a Photoshop file to H×W(×3 or ×4) uint8, uint16 or float32."""
    file.seek(0)
    data = file.read()
    version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", data, 4)
    caps.check(width, height)
    if version not in {1, 2} or mode not in _MODES or depth not in {1, 8, 16, 32}:
        raise Refused("pictures.psd_kind")
    model, name, colors = _MODES[mode]
    if not colors <= channels <= _MOST_CHANNELS:
        raise Refused(DAMAGED)
    at = 26
    table, at = _section(data, at)
    resources, at = _section(data, at)
    layers, at = _section(data, at, wide=version == 2)
    found = metadata.photoshop_resources(resources)
    if found.get(_VERSION, b"\0\0\0\0\1")[4:5] == b"\0":
        raise Refused("pictures.psd_no_picture")
    count = _layer_count(layers, version)
    is_clear = channels > colors and (count < 0 or any(mark in layers for mark in _CLEAR_MARKS))
    used = colors + is_clear
    planes = _planes(data, at, (channels, height, width), depth, version).reshape(channels, height, width)[:used]
    if depth == 1:
        planes = (1 - planes) * np.uint8(255)
    stored = Stored(planes[0], model, name, planes[colors] if is_clear else None)
    if mode == _INDEXED:
        if len(table) < 768:
            raise Refused(DAMAGED)
        stored.samples = np.frombuffer(table, np.uint8, 768).reshape(3, 256).T[planes[0]]
        if len(clear := found.get(_CLEAR_INDEX, b"")) == 2:
            stored.alpha = np.where(planes[0] == int.from_bytes(clear, "big"), 0, 255).astype(np.uint8)
    elif colors > 1:
        main = np.ascontiguousarray(planes[:colors].transpose(1, 2, 0))
        if mode == _CMYK:  # stored inverted
            main = np.iinfo(main.dtype).max - main
        stored.samples = color_management.stored_lab(main, signed=False) if mode == _LAB else main
    if stored.alpha is not None and is_clear:
        white = {"lab": (100.0, 0.0, 0.0), "cmyk": 0}.get(model, 1 if depth == 32 else np.iinfo(planes.dtype).max)
        stored.samples = _without_white(stored.samples, stored.alpha, white)
    if depth == 32:  # light, not encoded values
        stored.code_points = CodePoints(1, 8)
    stored.icc, stored.xmp = found.get(_ICC) or None, found.get(_XMP) or None
    if len(size := found.get(_RESOLUTION, b"")) >= 16:  # 16.16 fixed point, pixels per inch
        across, down = (round(v / 65536, 2) for v in struct.unpack(">I4xI4x", size[:16]))
        stored.resolution = (across, down) if across and down else None
    stored.exif, stored.iptc = exif.without_prefix(found.get(_EXIF)), found.get(_IPTC) or None
    if abs(count) > 1:
        stored.notes.append(Message("pictures.layers_left_out"))
    return stored


def _without_white(samples: NDArray[Any], alpha: NDArray[Any], white: Any) -> NDArray[Any]:
    """Colors that were laid on white, as the flattened picture has them."""
    top = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    weight = np.where(alpha > 0, alpha, top).astype(np.float32) / np.float32(top)
    weight = weight if samples.ndim == 2 else weight[..., None]
    paper = np.float32(white)
    colors = paper + (samples.astype(np.float32) - paper) / weight
    if samples.dtype.kind == "f":
        return colors
    return np.rint(colors.clip(0, np.iinfo(samples.dtype).max)).astype(samples.dtype)


def _layer_count(layers: bytes, version: int) -> int:
    """The number of layers; negative if the first extra channel of the flattened picture is its transparency."""
    first = 4 if version == 1 else 8
    for mark in (b"8BIMLr16", b"8BIMLr32"):  # where deep files have what others have at the start
        at = layers.find(mark)
        if at >= 0:
            first = at + len(mark) + (4 if version == 1 else 8)
    return int.from_bytes(layers[first : first + 2], "big", signed=True)


def _section(data: bytes, at: int, wide: bool = False) -> tuple[bytes, int]:
    """A section that begins with its length, and where the next one begins."""
    head = 8 if wide else 4
    size = int.from_bytes(data[at : at + head], "big")
    end = at + head + size
    if end > len(data):
        raise Refused(DAMAGED)
    return data[at + head : end], end


def _planes(data: bytes, at: int, shape: tuple[int, int, int], depth: int, version: int) -> NDArray[Any]:
    """All samples, plane after plane, in this machine's byte order."""
    channels, height, width = shape
    row = (width * depth + 7) // 8
    (packing,) = struct.unpack_from(">H", data, at)
    at += 2
    if packing == 1:
        raw = _unpacked_rows(data, at, channels * height, row, version)
    elif packing in {0, 2, 3}:
        raw = data[at : at + row * height * channels] if packing == 0 else _inflated(data[at:], row * height * channels)
    else:
        raise Refused(DAMAGED)
    if len(raw) != row * height * channels:
        raise Refused(DAMAGED)
    if depth == 1:
        bits = np.unpackbits(np.frombuffer(raw, np.uint8).reshape(channels, height, row), axis=-1)
        return bits[..., :width]
    stored = np.frombuffer(raw, {8: ">u1", 16: ">u2", 32: ">f4"}[depth])
    if packing == 3 and depth < 32:  # each sample is the difference to its left neighbor
        stored = np.add.accumulate(stored.reshape(channels, height, width), axis=-1, dtype=stored.dtype)
    elif packing == 3:
        raise Refused("pictures.psd_kind")
    return stored.astype(stored.dtype.newbyteorder("="))


def _inflated(packed: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(packed, size)


def _unpacked_rows(data: bytes, at: int, rows: int, row: int, version: int) -> bytes:
    import imagecodecs

    kind = ">u2" if version == 1 else ">u4"
    counts = np.frombuffer(data, kind, rows, at).astype(np.int64)
    at += counts.nbytes // 8 * np.dtype(kind).itemsize
    ends = at + np.cumsum(counts)
    if int(ends[-1]) > len(data):
        raise Refused(DAMAGED)
    parts = [
        bytes(imagecodecs.packbits_decode(data[e - n : e])) for e, n in zip(ends.tolist(), counts.tolist(), strict=True)
    ]
    if any(len(part) != row for part in parts):
        raise Refused(DAMAGED)
    return b"".join(parts)
