"""JPEG: 8 and 12 bits, gray, RGB and CMYK, sequential, progressive and lossless; files that are not quite whole."""

from __future__ import annotations

import random
import re
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import containers, exif
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, FIRST_ONLY, GAIN_MAP, Caps, Refused, Stored
from clarity_desktop.text import Message

_WORTH_A_DRAFT = 4_000_000  # pixels
_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # what ends the data of a scan
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # the markers that state the size (SOF); F7: JPEG-LS
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_READ = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA}  # sequential, progressive, lossless; Huffman or arithmetic coding
_ICC = b"ICC_PROFILE\0"
_NOISE = bytes(b % 255 for b in random.Random(0).randbytes(256))  # noqa: S311 any bytes but FF


@dataclass(slots=True)
class Segments:
    """What the markers of a JPEG file say.

    segments: marker and content of APP0..APP15 and of comments, in the file's order;
    end: where the data of the last scan ends; is_ended: whether the end mark is there.
    """

    frame: int = 0
    bits: int = 8
    width: int = 0
    height: int = 0
    components: int = 0
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    scans: list[bytes] = field(default_factory=list)
    end: int = 0
    is_ended: bool = False

    @property
    def has_adobe(self) -> bool:
        return any(marker == 0xEE and body[:5] == b"Adobe" for marker, body in self.segments)


def parse(data: bytes) -> Segments:
    """Read the markers of a JPEG file up to its end mark, or as far as they go."""
    found, at = Segments(end=len(data)), 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            next_one = _MARKER.search(data, at)  # stray bytes between segments
            if next_one is None:
                break
            at = next_one.start()
            continue
        marker = data[at + 1]
        if marker == 0xFF or marker in {0x01, *range(0xD0, 0xD9)}:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9:
            break
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + size]
        at += 2 + max(2, size)
        if marker in _FRAMES and not found.frame and len(body) >= 6:
            found.frame = marker
            found.bits, found.height, found.width, found.components = struct.unpack_from(">BHHB", body)
        elif 0xE0 <= marker <= 0xEF or marker == 0xFE:
            found.segments.append((marker, body))
        elif marker == 0xDA:
            found.scans.append(body)
            following = _MARKER.search(data, at)
            found.end = at = following.start() if following else len(data)
    found.is_ended = bool(found.scans) and data[found.end : found.end + 2] == _END
    return found


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a JPEG photo to H×W(×3 or ×4) uint8 or uint16; of several pictures in the file, the first."""
    file.seek(0)
    data = file.read()
    found = parse(data)
    if found.frame and found.frame not in _READ:
        raise Refused("pictures.jpeg_kind")
    caps.check(found.width, found.height)
    if not found.scans:
        raise Refused(DAMAGED)
    samples, notes = _samples(data, found)
    stored = _with_metadata(_interpreted(samples, found), found)
    stored.notes[:0] = notes
    if FIRST_ONLY in stored.notes and b"HDRGainMap" in data[found.end :]:  # Apple's; only the second picture says so
        stored.notes.append(GAIN_MAP)
    return stored


def _samples(data: bytes, found: Segments) -> tuple[NDArray[Any], list[Message]]:
    # Without an end mark some decoders refuse the file, and others fill what is missing with gray.
    whole = data if found.is_ended else data[: found.end] + _END
    if found.frame in _PROGRESSIVE:  # cut ones look whole, only coarser
        with ThreadPoolExecutor(1) as pool:
            followed = pool.submit(_followed, data, found)
            samples = _decoded(whole, found)
            lacking = not _has_all_scans(found) or not np.array_equal(samples, followed.result())
    else:
        samples = _decoded(whole, found)
        worth_it = not found.is_ended or _is_flat_at_the_end(samples)
        lacking = worth_it and not np.array_equal(samples, _followed(data, found))
    if lacking and not found.is_ended:
        raise Refused(DAMAGED)
    if lacking:
        return samples, [Message("pictures.jpeg_incomplete")]
    return samples, [] if found.is_ended else [Message("pictures.jpeg_no_end")]


def _decoded(data: bytes, found: Segments) -> NDArray[Any]:
    import imagecodecs

    samples: NDArray[Any] = imagecodecs.jpeg8_decode(data)
    if samples.shape[:2] != (found.height, found.width):
        raise Refused(DAMAGED)
    return samples


def _followed(data: bytes, found: Segments) -> NDArray[Any]:
    """The picture with noise after the last scan: another one if the decoder goes on reading there."""
    # Fill bytes before a marker would make one of the noise.
    return _decoded(data[: found.end].rstrip(b"\xff") + _NOISE + _END, found)


def _is_flat_at_the_end(samples: NDArray[Any]) -> bool:
    """Whether the last block may be missing, which is worth decoding twice: decoders make missing ones flat."""
    last = samples[-min(8, len(samples)) :, -min(8, samples.shape[1]) :]
    return bool((last == last[:1, :1]).all())


def _has_all_scans(found: Segments) -> bool:
    """Whether the scans of a progressive file give every bit of all coefficients of all components."""
    if found.frame not in _PROGRESSIVE:
        return True
    lowest: dict[int, list[int]] = {}
    for scan in found.scans:
        count = scan[0]
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        for k in range(count):
            lowest.setdefault(scan[1 + 2 * k], [-1] * 64)[first : last + 1] = [bits & 15] * (last + 1 - first)
    return len(lowest) == found.components and not any(map(any, lowest.values()))


def _interpreted(samples: NDArray[Any], found: Segments) -> Stored:
    bits = found.bits if found.bits > 8 and found.bits != 16 else 0
    if samples.ndim == 2:
        return Stored(samples, "gray", "L", bits=bits)
    if samples.shape[2] == 3:
        return Stored(samples, "rgb", "RGB", bits=bits)
    if samples.shape[2] != 4:
        raise Refused("pictures.jpeg_kind")
    # Adobe's programs store ink inverted, and mark the file; others store it as it is.
    return Stored(((1 << found.bits) - 1) - samples if found.has_adobe else samples, "cmyk", "CMYK", bits=bits)


def _with_metadata(stored: Stored, found: Segments) -> Stored:
    """Add the profile and the metadata of the APP segments."""
    profile: dict[int, bytes] = {}
    for marker, body in found.segments:
        if marker == 0xE2 and body.startswith(_ICC):
            profile.setdefault(body[len(_ICC)], body[len(_ICC) + 2 :])
    containers.add_of_jpeg(stored, found.segments)
    stored.icc = b"".join(profile[k] for k in sorted(profile)) or None
    if stored.icc is None and stored.model == "rgb" and exif.is_adobe_rgb(stored.exif):
        stored.icc = profiles.adobe_rgb()
    return stored


def draft(file: BinaryIO, caps: Caps) -> tuple[Stored, tuple[int, int]] | None:
    """A large RGB JPEG at a quarter of its size (H×W×3 uint8), and its full (width, height); None for others."""
    file.seek(0)
    image = Image.open(file, formats=("JPEG", "MPO"))
    caps.check(*image.size)
    size = image.size
    if image.mode != "RGB" or size[0] * size[1] < _WORTH_A_DRAFT:
        return None
    image.draft("RGB", (size[0] // 4, size[1] // 4))
    image.load()
    file.seek(0)
    return _with_metadata(Stored(np.asarray(image), "rgb", "RGB"), parse(file.read())), size
