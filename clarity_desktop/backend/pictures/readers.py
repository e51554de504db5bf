"""One reader per format: decodes an untrusted file to a `Raw` photo. Runs in the decoder process."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import colour, metadata, tiff
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.raw_image import DAMAGED, Caps, Raw, Refused, match_groups, split_alpha
from clarity_desktop.text import Message

FIRST_ONLY = Message("pictures.first_only")
_HEAD = 1 << 16  # bytes in which the boxes that describe an AVIF or HEIC photo are looked for
_WORTH_A_DRAFT = 4_000_000  # pixels
_SCAN, _END = 0xDA, b"\xff\xd9"
BROKEN_BLOCK = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, OSError, EOFError,
                SyntaxError, struct.error, RuntimeError, ArithmeticError)  # fmt: skip


def format_of(head: bytes) -> str | None:
    """The format by the first bytes of the file, not by its name; None for formats that are not read."""
    if head[4:8] == b"ftyp":
        # ISO BMFF: the major brand, then (after a version number) the compatible ones.
        brands = head[8:12] + head[16 : min(len(head), int.from_bytes(head[:4], "big"))]
        listed = {brands[k : k + 4] for k in range(0, len(brands), 4)}
        if listed & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if listed & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    starts = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF8": "GIF", b"BM": "BMP"}
    tiffs = dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF")
    return next((kind for start, kind in (starts | tiffs).items() if head.startswith(start)), None)


def _opened(file: BinaryIO, formats: tuple[str, ...], caps: Caps) -> Image.Image:
    file.seek(0)
    image = Image.open(file, formats=formats)
    caps.check(*image.size)
    return image


def _with_blocks(raw: Raw, image: Image.Image) -> Raw:
    """Add the ICC, EXIF and XMP blocks that Pillow found, where the reader found none."""
    info = image.info
    raw.icc = raw.icc or _bytes(info.get("icc_profile"))
    raw.exif = raw.exif or metadata.without_prefix(_bytes(info.get("exif")))
    raw.xmp = raw.xmp or _bytes(info.get("xmp"))
    if raw.exif is None and "Raw profile type exif" in info:  # as ImageMagick writes it, in hexadecimal digits
        try:
            raw.exif = metadata.without_prefix(
                bytes.fromhex("".join(str(info["Raw profile type exif"]).split("\n")[3:]))
            )
        except ValueError:
            raw.notes.append(Message("pictures.exif_broken"))
    return raw


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return bytes(value) or None if isinstance(value, bytes | bytearray) else None


def from_image(image: Image.Image) -> Raw:
    """The samples of a loaded 8-bit PIL image of any mode; CMYK stays an image."""
    mode = image.mode
    clear = mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info
    if mode == "CMYK":
        return Raw(image, mode)
    if mode == "LAB":
        return Raw(colour.stored_lab(np.asarray(image), signed=True), "Lab")
    if mode in {"1", "L"} and not clear:
        return Raw(np.asarray(image.convert("L")), mode)
    if mode == "La":
        image = image.convert("LA")
    pixels, alpha = split_alpha(np.asarray(image.convert("RGBA" if clear else "RGB")))
    return Raw(pixels, "L" if mode in {"1", "L", "LA", "La"} else mode, alpha)


def _jpeg(file: BinaryIO, caps: Caps) -> Raw:
    image = _opened(file, ("JPEG", "MPO"), caps)
    raw = None
    if image.mode in {"L", "RGB"}:
        file.seek(0)
        bytes_ = file.read()
        # libjpeg-turbo through OpenCV decodes faster than Pillow but accepts truncated files silently.
        if _has_end_mark(bytes_):
            raw = _fast_jpeg(bytes_, image)
    if raw is None:  # Pillow reports what is wrong, and reads CMYK
        image.load()
        raw = from_image(image)
    shop: Any = image.info.get("photoshop")
    if isinstance(shop, dict):
        raw.iptc = _bytes(shop.get(0x0404))
    return _with_blocks(raw, image)


def draft(file: BinaryIO, caps: Caps) -> tuple[Raw, tuple[int, int]] | None:
    """A large RGB JPEG decoded at a quarter of its size, and its full (width, height); None for other JPEGs."""
    image = _opened(file, ("JPEG", "MPO"), caps)
    size = image.size
    if image.mode != "RGB" or size[0] * size[1] < _WORTH_A_DRAFT:
        return None
    image.draft("RGB", (size[0] // 4, size[1] // 4))
    image.load()
    return _with_blocks(from_image(image), image), size


def _has_end_mark(jpeg: bytes) -> bool:
    """Whether an end mark follows the first scan. Without one some decoders fill the missing part with gray."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        if jpeg[at + 1] == _SCAN:
            return jpeg.find(_END, at) > 0
        at += 1 if jpeg[at + 1] == 0xFF else 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return False


def _fast_jpeg(bytes_: bytes, image: Image.Image) -> Raw | None:
    flags = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_COLOR_RGB
    pixels: Any = cv2.imdecode(np.frombuffer(bytes_, np.uint8), flags)
    if pixels is None or pixels.shape[:2] != (image.height, image.width):
        return None
    return Raw(pixels, image.mode)


def _png(file: BinaryIO, caps: Caps) -> Raw:
    image = _opened(file, ("PNG",), caps)
    file.seek(24)
    depth, colours = file.read(2)
    if depth == 16:
        raw = _png16(file, image, grey=colours in {0, 4})
    else:
        image.load()
        raw = from_image(image)
    raw = _with_blocks(raw, image)
    # gAMA counts only without iCCP and sRGB, as the PNG specification orders.
    gamma = image.info.get("gamma")
    if raw.icc is None and "srgb" not in image.info and isinstance(gamma, float):
        raw.icc = _gamma_profile(gamma, image.info.get("chromaticity"))
    if getattr(image, "is_animated", False):
        raw.notes.append(FIRST_ONLY)
    return raw


def _png16(file: BinaryIO, image: Image.Image, grey: bool) -> Raw:
    file.seek(0)
    stored: Any = cv2.imdecode(np.frombuffer(_first_frame_only(file.read()), np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.shape[:2] != (image.height, image.width):
        raise Refused(DAMAGED)
    if stored.ndim == 2:
        return Raw(stored, "L")
    pixels, alpha = split_alpha(stored, blue_first=True)
    return Raw(pixels, "L" if grey else "RGB", alpha)


def _first_frame_only(png: bytes) -> bytes:
    """The PNG reduced to the chunks of its first picture: OpenCV would decode an animation."""
    kept, at = [png[:8]], 8
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big") + 12
        if png[at + 4 : at + 8] in {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}:
            kept.append(png[at : at + size])
        at += size
    return b"".join(kept)


def _gamma_profile(gamma: float, chromaticity: object) -> bytes | None:
    """A profile for a PNG that only states its gamma; None if that is sRGB's or implausible."""
    if not 0.2 < gamma <= 1.2 or abs(gamma - 0.45455) < 0.01:
        return None
    primaries, white = profiles.SRGB_PRIMARIES, profiles.D65
    if isinstance(chromaticity, tuple) and len(chromaticity) == 8:
        c = [float(v) for v in chromaticity]
        pairs = list(zip(c[::2], c[1::2], strict=True))
        if all(0 < y < 1 and 0 <= x < 1 for x, y in pairs):
            white, primaries = pairs[0], tuple(pairs[1:])
    try:
        return profiles.build(f"gamma {1 / gamma:.2f}", primaries, profiles.gamma_curve(1 / gamma), white)
    except (np.linalg.LinAlgError, struct.error):
        return None


def _bmp(file: BinaryIO, caps: Caps) -> Raw:
    try:
        return _simple("BMP")(file, caps)
    except OSError as e:
        if not str(e).startswith("Unsupported BMP"):
            raise
    width, height = _bmp_size(file)
    caps.check(width, height)
    file.seek(0)
    pixels: Any = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None or pixels.shape[:2] != (height, width):
        raise Refused(DAMAGED)
    return Raw(pixels, "RGB")


def _bmp_size(file: BinaryIO) -> tuple[int, int]:
    file.seek(18)
    width, height = struct.unpack("<ii", file.read(8))
    return width, abs(height)


def _simple(*formats: str) -> Callable[[BinaryIO, Caps], Raw]:
    """A reader for formats that Pillow handles completely: WebP, GIF, most BMP."""

    def read(file: BinaryIO, caps: Caps) -> Raw:
        image = _opened(file, formats, caps)
        if image.format == "WEBP":
            caps.check(*image.size, getattr(image, "n_frames", 1))
        several = bool(getattr(image, "is_animated", False))
        image.seek(0)
        image.load()
        raw = _with_blocks(from_image(image), image)
        if several:
            raw.notes.append(FIRST_ONLY)
        return raw

    return read


def _tiff(file: BinaryIO, caps: Caps) -> Raw:
    try:
        image = _opened(file, ("TIFF",), caps)
    except (Image.UnidentifiedImageError, SyntaxError):
        file.seek(0)
        return tiff.read_deep(file, caps)
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(258, (1,))
    deep = max(bits if isinstance(bits, tuple) else (bits,)) > 8 or image.mode in {"I", "F"}
    turned = tags.get(metadata.ORIENTATION, 1)
    exif, iptc = _tiff_exif(image), _tiff_iptc(tags)
    several = bool(getattr(image, "is_animated", False))
    if deep and bits == (12,):  # packed samples, which only Pillow reads
        image.load()
        raw = Raw(_widened(np.asarray(image).astype(np.uint16), 12), "L")
    elif deep:
        file.seek(0)
        raw = tiff.read_deep(file, caps)
    else:
        image.load()
        raw = from_image(image)
    raw.exif, raw.iptc = exif, iptc
    by_pillow = not deep or bits == (12,)  # Pillow applies the orientation while loading
    raw.orientation = turned if not by_pillow and turned in range(1, 9) else 1
    if several:
        raw.notes.append(FIRST_ONLY)
    return _with_blocks(raw, image)


def _tiff_exif(image: Image.Image) -> bytes | None:
    """An EXIF block with the tags that describe the photo, without those that describe its storage."""
    try:
        found, block = image.getexif(), Image.Exif()
        for tag, value in found.items():
            if tag not in tiff.STORAGE and tag not in {metadata.EXIF_IFD, metadata.GPS_IFD}:
                block[tag] = value
        for ifd in (metadata.EXIF_IFD, metadata.GPS_IFD):
            if inner := found.get_ifd(ifd):
                block[ifd] = inner
        return metadata.without_prefix(block.tobytes()) if len(block) else None
    except BROKEN_BLOCK:
        return None


def _tiff_iptc(tags: Any) -> bytes | None:
    try:
        value, shop = tags.get(33723), tags.get(34377)
        if isinstance(value, tuple):  # written as 32-bit numbers by some programs
            value = struct.pack(f"<{len(value)}I", *value)
        if isinstance(value, bytes):
            return value or None
        return metadata.iptc_from_photoshop(shop) if isinstance(shop, bytes) else None
    except BROKEN_BLOCK:
        return None


def _nclx(head: bytes, raw: Raw) -> None:
    """Set the profile of an AVIF or HEIC photo whose colors are given by code points (nclx)."""
    found = match_groups(rb"colrnclx(..)(..)", head)
    if found is None:
        return
    primaries, transfer = (int.from_bytes(v, "big") for v in found)
    if raw.icc is None and primaries == 12:
        raw.icc = profiles.display_p3()
    if raw.icc is None and primaries == 9:
        raw.icc = profiles.build("BT.2020", profiles.BT2020_PRIMARIES)
    if transfer in {16, 18}:
        raw.notes.append(Message("pictures.hdr"))


def _avif(file: BinaryIO, caps: Caps) -> Raw:
    image = _opened(file, ("AVIF",), caps)
    caps.check(*image.size, getattr(image, "n_frames", 1))
    file.seek(0)
    bytes_ = file.read()
    config = match_groups(rb"av1C..(.)", bytes_[:_HEAD])
    raw = _deep_avif(bytes_, config[0][0], image) if config and config[0][0] & 0x40 else None
    if raw is None:
        image.load()
        raw = from_image(image)
    raw = _with_blocks(raw, image)
    _nclx(bytes_[:_HEAD], raw)
    if getattr(image, "is_animated", False):
        raw.notes.append(FIRST_ONLY)
    return raw


def _deep_avif(bytes_: bytes, config: int, image: Image.Image) -> Raw | None:
    """A 10- or 12-bit photo as 16 bits; None if OpenCV was built without AVIF."""
    stored: Any = cv2.imdecode(np.frombuffer(bytes_, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.shape[:2] != (image.height, image.width):
        return None
    stored = _widened(stored, 12 if config & 0x20 else 10)
    if stored.ndim == 2:
        return Raw(stored, "L")
    pixels, alpha = split_alpha(stored, blue_first=True)
    return Raw(pixels, "RGB", alpha)


def _widened(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    """Scale samples of 10 or 12 bits to the full 16-bit range by repeating their high bits."""
    wide: NDArray[np.uint16] = (samples << np.uint16(16 - bits)) | (samples >> np.uint16(2 * bits - 16))
    return wide


def _heic(file: BinaryIO, caps: Caps) -> Raw:
    import pillow_heif  # imported here: it takes 20 ms that other photos need not wait for

    file.seek(0)
    bytes_ = file.read()
    heif = pillow_heif.open_heif(bytes_, convert_hdr_to_8bit=False)
    image = heif[heif.primary_index]
    caps.check(*image.size, len(heif))
    samples: NDArray[Any] = np.asarray(image)
    mode = image.mode.partition(";")[0]
    alpha = None
    if mode in {"RGBA", "RGBa", "LA"}:
        alpha, samples = np.ascontiguousarray(samples[..., -1]), samples[..., :-1]
        if mode == "RGBa":  # premultiplied: the colors of translucent pixels would come out too dark
            samples = tiff.unpremultiplied(samples, alpha)
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[..., 0]
    info = image.info
    raw = Raw(samples, "L" if samples.ndim == 2 else "RGB", alpha, orientation=1)  # libheif applies the orientation
    raw.icc, raw.xmp = _bytes(info.get("icc_profile")), _bytes(info.get("xmp"))
    raw.exif = metadata.without_prefix(_bytes(info.get("exif")))
    _nclx(bytes_[:_HEAD], raw)
    if len(heif) > 1:
        raw.notes.append(FIRST_ONLY)
    return raw


READERS: dict[str, Callable[[BinaryIO, Caps], Raw]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _simple("WEBP"),
    "TIFF": _tiff,
    "BMP": _bmp,
    "GIF": _simple("GIF"),
    "AVIF": _avif,
    "HEIC": _heic,
}
