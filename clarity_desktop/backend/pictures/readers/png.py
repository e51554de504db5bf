"""PNG: pixels by libpng, everything else by its chunks, which may stand before or after the pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from clarity_desktop.backend.pictures import color_management, containers
from clarity_desktop.backend.pictures import icc as profiles
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

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"sBIT", b"IDAT"}
_MODES = {0: "L", 2: "RGB", 3: "P", 4: "L", 6: "RGBA"}  # by color type
_LONGEST = 64_000_000  # bytes of an unpacked profile or text
_SRGB_GAMMA = 0.45455
_SAME = 0.01  # within this, gamma and chromaticities are sRGB's


class Chunk(NamedTuple):
    """One chunk: its type, its content, and the whole of it as stored."""

    kind: bytes
    body: bytes
    stored: bytes
    is_intact: bool


def chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to IEND; the last one may be cut short."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        body = data[at + 8 : end - 4]
        is_intact = end <= len(data) and zlib.crc32(kind + body) == int.from_bytes(data[end - 4 : end], "big")
        if kind == b"IEND":
            return
        yield Chunk(kind, body, data[at:end], is_intact)
        at = end


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a PNG photo to H×W(×3) uint8 or uint16; of an animation, the first picture."""
    import imagecodecs

    file.seek(0)
    data = file.read()
    found = list(chunks(data))
    if found and found[0].kind == b"CgBI":
        raise Refused("pictures.png_of_apps")
    if not found or found[0].kind != b"IHDR" or len(found[0].body) != 13:
        raise Refused(DAMAGED)
    width, height, depth, colors = struct.unpack_from(">IIBB", found[0].body)
    caps.check(width, height)
    # A wrong checksum in a text or profile is no reason to refuse the photo, as libpng has it; one in the pixels is.
    kept = [c.stored for c in found if c.kind in _PIXELS and (c.is_intact or c.kind in {b"IHDR", b"PLTE", b"IDAT"})]
    samples = imagecodecs.png_decode(b"".join([SIGNATURE, *kept, _chunk(b"IEND", b"")]))
    if samples.shape[:2] != (height, width):
        raise Refused(DAMAGED)
    main, alpha = separated(samples)
    stored = gray_or_rgb(main, alpha, "1" if depth == 1 and not colors else _MODES[colors])
    described = {c.kind: c.body for c in reversed(found) if c.is_intact}  # the first of each kind counts
    _set_colors(stored, described)
    containers.add_of_png(stored, [(c.kind, c.body) for c in found if c.is_intact])
    if len(described.get(b"acTL", b"")) >= 4 and int.from_bytes(described[b"acTL"][:4], "big") > 1:
        stored.notes.append(FIRST_ONLY)
    return stored


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _unpacked(packed: bytes) -> bytes:
    """The zlib stream's content. Raises ValueError for a broken or an endless one."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, _LONGEST)
    except zlib.error as e:
        raise ValueError(str(e)) from e
    if unpacker.unconsumed_tail:
        raise ValueError("too long")
    return content


def _set_colors(stored: Stored, described: dict[bytes, bytes]) -> None:
    """The order of the third edition of the PNG specification: cICP, iCCP, sRGB, gAMA and cHRM."""
    points = described.get(b"cICP", b"")
    if len(points) == 4 and color_management.is_known(CodePoints(points[0], points[1])):
        stored.code_points = CodePoints(points[0], points[1])
        if not points[3]:
            stored.samples = color_management.full_range(stored.samples)
        return
    if b"iCCP" in described:
        _, _, packed = described[b"iCCP"].partition(b"\0")
        try:
            stored.icc = _unpacked(packed[1:]) or None
        except ValueError:
            stored.notes.append(Message("pictures.profile_broken"))
    elif b"sRGB" not in described and len(described.get(b"gAMA", b"")) == 4:
        stored.icc = _measured_profile(int.from_bytes(described[b"gAMA"], "big") / 1e5, described.get(b"cHRM", b""))


def _measured_profile(gamma: float, chromaticities: bytes) -> bytes | None:
    """A profile for a PNG that states its gamma and perhaps its primaries; None if they are sRGB's or implausible."""
    if not 0.2 < gamma <= 1.2:
        return None
    primaries, white = profiles.SRGB_PRIMARIES, profiles.D65
    if len(chromaticities) == 32:
        numbers = [v / 1e5 for v in struct.unpack(">8I", chromaticities)]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if all(0 < y < 1 and 0 <= x < 1 for x, y in pairs):
            white, primaries = pairs[0], tuple(pairs[1:])
    usual = np.allclose(primaries, profiles.SRGB_PRIMARIES, atol=_SAME) and np.allclose(white, profiles.D65, atol=_SAME)
    if usual and abs(gamma - _SRGB_GAMMA) < _SAME:
        return None
    name = "Adobe RGB primaries, " if np.allclose(primaries, profiles.ADOBE_PRIMARIES, atol=_SAME) and not usual else ""
    try:
        return profiles.build(f"{name}gamma {1 / gamma:.2f}", primaries, profiles.gamma_curve(1 / gamma), white)
    except (np.linalg.LinAlgError, struct.error):
        return None
