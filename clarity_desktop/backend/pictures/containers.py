"""The metadata of a photo in the containers of its file: JPEG segments and PNG chunks. Runs in the decoder process."""

from __future__ import annotations

import io
import re
import struct
import zlib

from clarity_desktop.backend.pictures import exif, metadata, xmp
from clarity_desktop.backend.pictures.exif import Tiff
from clarity_desktop.backend.pictures.metadata import COMMENT, Texts
from clarity_desktop.backend.pictures.stored_photo import FIRST_ONLY, GAIN_MAP, Stored
from clarity_desktop.text import Message

_MOST_BYTES = 1 << 26  # of all unpacked PNG texts together
_MOST_TEXT = 1 << 24  # characters of the texts that are kept
_XMP, _EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_SHOP = b"Photoshop 3.0\0"
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"  # ISO 21496-1
_RAW_PROFILE = "Raw profile type "
_SECOND_PICTURES = range(0x020001, 0x020004)  # of an MPF index: panorama, disparity, several angles


def complete(stored: Stored) -> None:
    """Check the metadata of a photo, note what is left out, and add the resolution to EXIF.

    The samples (H×W or H×W×C, uint8, uint16 or float32) stay as they are, here and in the other functions.
    """
    if stored.exif is not None and exif.first_tags(stored.exif) is None:
        stored.notes.append(Message("pictures.exif_broken"))
        stored.exif = None
    if stored.resolution is not None and not _agrees(exif.resolution(stored.exif), stored.resolution):
        stored.exif = exif.with_resolution(stored.exif, *stored.resolution)
    if stored.xmp is not None:
        if xmp.has_gain_map(stored.xmp):
            stored.notes.append(GAIN_MAP)
        if xmp.has_film(stored.xmp):
            stored.notes.append(Message("pictures.film"))
        stored.xmp = xmp.without_extension(xmp.without_attached(stored.xmp))
    if GAIN_MAP in stored.notes:  # once, and it explains what else is in the file
        stored.notes = [note for note in stored.notes if note not in (FIRST_ONLY, GAIN_MAP)] + [GAIN_MAP]
    stored.texts = _limited(stored.texts)
    metadata.rehearse(stored.exif, stored.xmp, stored.iptc)


def _agrees(stated: tuple[float, float] | None, found: tuple[float, float]) -> bool:
    """Whether two resolutions differ by no more than a format rounds them."""
    return stated is not None and all(abs(a - b) <= 0.5 for a, b in zip(stated, found, strict=True))


# JPEG ----------------------------------------------------------------------------------------------------------------


def add_of_jpeg(stored: Stored, segments: list[tuple[int, bytes]]) -> None:
    """Give a photo (H×W×C, uint8 or uint16) the metadata of its JPEG segments; note further pictures of the file."""
    comments, shop, parts = list[bytes](), b"", dict[bytes, dict[int, bytes]]()
    for mark, body in segments:
        if mark == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            stored.resolution = _density(body)
        elif mark == 0xE1 and body[:6] == b"Exif\0\0":
            stored.exif = stored.exif or exif.without_prefix(body)
        elif mark == 0xE1 and body.startswith(_XMP):
            stored.xmp = stored.xmp or body[len(_XMP) :] or None
        elif mark == 0xE1 and body.startswith(_EXTENSION) and len(body) >= len(_EXTENSION) + 40:
            at = len(_EXTENSION)
            parts.setdefault(body[at : at + 32], {})[int.from_bytes(body[at + 36 : at + 40], "big")] = body[at + 40 :]
        elif mark == 0xE2 and body[:4] == b"MPF\0" and _is_multi_picture(body[4:]):
            stored.notes.append(FIRST_ONLY)
        elif mark == 0xE2 and body.startswith(_GAIN_MAP):
            stored.notes.append(GAIN_MAP)
        elif mark == 0xED and body.startswith(_SHOP):
            shop += body[len(_SHOP) :]
        elif mark == 0xFE:
            comments.append(body.rstrip(b"\0"))
    stored.iptc = metadata.iptc_from_photoshop(shop)
    stored.xmp = _with_extension(stored, parts)
    stored.texts = tuple((COMMENT, text_of(comment)) for comment in comments if comment)


def _density(jfif: bytes) -> tuple[float, float] | None:
    unit, across, down = struct.unpack_from(">BHH", jfif, 7)
    by = {1: 1.0, 2: 2.54}.get(unit)
    return (round(across * by, 2), round(down * by, 2)) if by and across and down else None


def _with_extension(stored: Stored, parts: dict[bytes, dict[int, bytes]]) -> bytes | None:
    """The XMP packet with its extension, whose parts are ordered by their offsets."""
    packet = stored.xmp
    if packet is None or xmp.without_extension(packet) == packet:
        return packet
    named = next((part for digest, part in parts.items() if digest in packet), {})
    whole = xmp.joined(packet, b"".join(named[at] for at in sorted(named))) if named else None
    if whole is None:
        stored.notes.append(Message("pictures.xmp_extension_lost"))
        return xmp.without_extension(packet)
    return whole


def _is_multi_picture(index: bytes) -> bool:
    """Whether an MPF index names further views of the scene, not only previews."""
    try:
        tiff = Tiff(io.BytesIO(index))
    except ValueError:
        return False
    entries = tiff.directory(tiff.first)[0].get(0xB002)
    if entries is None:
        return False
    kinds = [int.from_bytes(entries.raw[k : k + 4], "little" if tiff.order == "<" else "big") & 0xFFFFFF
             for k in range(0, len(entries.raw) - 15, 16)]  # fmt: skip
    return any(kind in _SECOND_PICTURES for kind in kinds) or kinds[1:].count(0) > 0


# PNG -----------------------------------------------------------------------------------------------------------------


def add_of_png(stored: Stored, chunks: list[tuple[bytes, bytes]]) -> None:
    """Give a photo (H×W or H×W×3, uint8 or uint16) the metadata of its PNG chunks, before and behind the pixels."""
    texts, left = list[tuple[str, str]](), _MOST_BYTES
    for kind, body in chunks:
        if kind == b"eXIf":
            stored.exif = stored.exif or exif.without_prefix(body)
        elif kind == b"pHYs" and len(body) == 9 and body[8] == 1:
            across, down = struct.unpack(">II", body[:8])
            stored.resolution = (round(across * 0.0254, 2), round(down * 0.0254, 2)) if across and down else None
        elif kind in {b"tEXt", b"zTXt", b"iTXt"} and (read := _png_text(kind, body, left)) is not None:
            key, text = read
            left -= len(text)
            if key == "XML:com.adobe.xmp":
                stored.xmp = stored.xmp or text or None
            elif key.startswith(_RAW_PROFILE):
                _take_raw_profile(stored, key.removeprefix(_RAW_PROFILE).strip().lower(), text)
            else:
                texts.append((key, text_of(text) if kind == b"iTXt" else text.decode("latin-1")))
    stored.texts = tuple(texts)


def _png_text(kind: bytes, body: bytes, most: int) -> tuple[str, bytes] | None:
    """Keyword and unpacked text of a chunk; None if it is broken or unpacks to more than `most` bytes."""
    keyword, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        if len(rest) < 2:
            return None
        packed = rest[0] == 1
        rest = rest[2:].split(b"\0", 2)[-1]  # behind language and translated keyword
    elif packed:
        rest = rest[1:]
    if packed:
        unpacking = zlib.decompressobj()
        try:
            rest = unpacking.decompress(rest, max(1, most))
        except zlib.error:
            return None
        if unpacking.unconsumed_tail:
            return None
    return (keyword.decode("latin-1"), rest) if keyword and len(rest) <= most else None


def _take_raw_profile(stored: Stored, kind: str, text: bytes) -> None:
    """A block that ImageMagick and others write as hexadecimal digits: a name, the size, the digits."""
    lines = text.strip().split(b"\n", 2)
    try:
        raw = bytes.fromhex(re.sub(rb"\s+", b"", lines[2]).decode("ascii"))
    except (IndexError, ValueError):
        if kind in {"exif", "app1"}:
            stored.notes.append(Message("pictures.exif_broken"))
        return
    if kind == "exif" or (kind == "app1" and raw[:4] == b"Exif"):
        stored.exif = stored.exif or exif.without_prefix(raw)
    elif kind == "xmp" or (kind == "app1" and raw.startswith(_XMP)):
        stored.xmp = stored.xmp or raw.removeprefix(_XMP) or None
    elif kind in {"iptc", "8bim"}:
        stored.iptc = stored.iptc or (raw if raw[:1] == b"\x1c" else metadata.iptc_from_photoshop(raw))


def text_of(raw: bytes) -> str:
    """Text of unstated encoding: UTF-8 where it is valid, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _limited(texts: Texts) -> Texts:
    """The texts as far as they may be kept: no more characters than a document can hold."""
    kept, left = list[tuple[str, str]](), _MOST_TEXT
    for key, text in texts:
        left -= len(key) + len(text)
        if left >= 0:
            kept.append((key[:79], text))
    return tuple(kept)
