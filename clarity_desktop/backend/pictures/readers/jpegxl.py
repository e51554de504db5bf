"""JPEG XL by libjxl, from a bare codestream or from boxes."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import exif
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.boxes import boxes
from clarity_desktop.backend.pictures.jpegxl_header import Header, parse, with_more_bits
from clarity_desktop.backend.pictures.stored_photo import (
    DAMAGED,
    FIRST_ONLY,
    Caps,
    CodePoints,
    Refused,
    Stored,
    gray_or_rgb,
    separated,
)
from clarity_desktop.text import Message

_LONGEST = 64_000_000  # bytes of an unpacked metadata box


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a JPEG XL photo to H×W(×3) uint8, uint16 or float32; of an animation, the first picture."""
    import imagecodecs

    file.seek(0)
    data = file.read()
    header = parse(data)
    caps.check(header.width, header.height)
    if header.has_icc and header.is_xyb and header.bits == 8 and not header.is_float:
        data = with_more_bits(data, header)  # it comes as linear light, for which 8 bits are too few
        header.bits = 12
    if header.has_black:
        raise Refused("pictures.jpegxl_cmyk")
    samples: NDArray[Any] = imagecodecs.jpegxl_decode(data, index=0)
    if {samples.shape[0], samples.shape[1]} != {header.width, header.height}:
        raise Refused(DAMAGED)
    main, alpha = separated(samples)
    stored = gray_or_rgb(main, alpha)
    stored.premultiplied = header.is_premultiplied and alpha is not None
    if samples.dtype == np.uint16 and header.bits < 16:
        stored.bits = header.bits
    elif samples.dtype == np.uint8 and header.bits < 8:
        top = (1 << header.bits) - 1
        stored.samples = (main.astype(np.uint16) * 255 // top).astype(np.uint8)
        stored.alpha = None if alpha is None else (alpha.astype(np.uint16) * 255 // top).astype(np.uint8)
    stored.orientation = 1  # libjxl applies it
    _set_colors(stored, header)
    _set_metadata(stored, data)
    if header.is_animated:
        stored.notes.append(FIRST_ONLY)
    return stored


def _set_colors(stored: Stored, header: Header) -> None:
    if header.has_icc:
        # libjxl converts the colors of XYB pictures to linear light of sRGB then, and leaves those of others.
        if header.is_xyb:
            stored.code_points = CodePoints(1, 8)
        else:
            stored.notes.append(Message("pictures.profile_hidden"))
        return
    if header.primaries is None and header.white is None and header.gamma is None:
        stored.code_points = header.code_points
        return
    primaries = header.primaries or profiles.PRIMARIES.get(header.code_points.primaries, profiles.SRGB_PRIMARIES)
    gammas = {8: 1.0, 17: 1 / 2.6}
    gamma = header.gamma or gammas.get(header.code_points.transfer)
    curve = {} if not gamma else {"curve": profiles.gamma_curve(1 / gamma)}
    try:
        stored.icc = profiles.build("JPEG XL", primaries, white=header.white or profiles.D65, **curve)
    except (np.linalg.LinAlgError, struct.error, ZeroDivisionError):
        stored.notes.append(Message("pictures.profile_broken"))


def _set_metadata(stored: Stored, data: bytes) -> None:
    if data[:2] == b"\xff\x0a":
        return
    for kind, start, end in boxes(data):
        body = data[start:end]
        if kind == b"brob":
            kind, body = body[:4], _unpacked(body[4:])
        if kind == b"Exif" and stored.exif is None:
            stored.exif = exif.without_prefix(body[4 + int.from_bytes(body[:4], "big") :])
        elif kind == b"xml " and stored.xmp is None:
            stored.xmp = body or None


def _unpacked(packed: bytes) -> bytes:
    import imagecodecs

    try:
        return bytes(imagecodecs.brotli_decode(packed))[:_LONGEST]
    except RuntimeError:
        return b""
