"""Encodes a picture in each writable format, and reports what the format cannot hold."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import colour, geometry, metadata, tiff_writer
from clarity_desktop.backend.pictures.metadata import Blocks
from clarity_desktop.bit_depth import to_8_bits, to_16_bits
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message
from clarity_desktop.values import ExportOptions, Picture, Pixels

Block = Literal["EXIF", "XMP", "IPTC"]
"""Kinds of metadata blocks."""
Alpha = NDArray[np.uint8] | NDArray[np.uint16] | None
_SEGMENT = 65533  # bytes that a JPEG segment can hold
# What remains of a segment after the header that names its content.
_JPEG_LIMITS: Mapping[Block, int] = {"EXIF": _SEGMENT - 6, "XMP": _SEGMENT - 29, "IPTC": _SEGMENT - 26}
_FULL_CHROMA = 90  # from this quality on, chroma is not subsampled


@dataclass(frozen=True, slots=True)
class Format:
    """What a file format can hold; the first suffix is the usual one.

    blocks: the metadata blocks it can hold. longest: the longest side, in pixels.
    """

    title: str
    suffixes: tuple[str, ...]
    depths: tuple[int, ...] = (8,)
    alpha: bool = True
    quality: bool = False
    profile: bool = True
    blocks: tuple[Block, ...] = ("EXIF", "XMP")
    longest: int = 1_000_000


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "jpeg": Format(
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            alpha=False,
            quality=True,
            blocks=("EXIF", "XMP", "IPTC"),
            longest=65500,
        ),
        "png": Format("PNG", (".png",), depths=(8, 16)),
        "webp": Format("WebP", (".webp",), quality=True, longest=16383),
        "tiff": Format("TIFF", (".tif", ".tiff"), depths=(8, 16), blocks=("EXIF", "XMP", "IPTC")),
        "avif": Format("AVIF", (".avif",), quality=True, longest=65535),
        "heic": Format("HEIC", (".heic", ".heif"), quality=True, longest=16384),
        "bmp": Format("BMP", (".bmp",), alpha=False, profile=False, blocks=()),
    }
)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Input of a writer: pixels (H×W×3) and alpha (H×W) at the file's depth, and the blocks beside them."""

    pixels: Pixels
    alpha: Alpha
    icc: bytes | None
    blocks: Blocks
    quality: int

    def image(self) -> Image.Image:
        # Pillow wants color and alpha interleaved in one contiguous array.
        samples = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        return Image.fromarray(np.ascontiguousarray(samples))

    @property
    def exif(self) -> bytes:
        return b"Exif\0\0" + self.blocks.exif if self.blocks.exif else b""


def encode(picture: Picture, options: ExportOptions) -> bytes:
    """The bytes of the file that `save` writes. Raises UserError if the format cannot hold the picture."""
    kind = FORMATS.get(options.format)
    if kind is None:
        raise UserError("pictures.unknown_format", format=options.format, formats=", ".join(FORMATS))
    ready = _ready(picture, options, kind)
    height, width = ready.pixels.shape[:2]
    if max(height, width) > kind.longest:
        raise UserError("pictures.too_long", format=kind.title, limit=kind.longest, width=width, height=height)
    try:
        return WRITERS[options.format](ready)
    except (OSError, ValueError, RuntimeError, OverflowError, struct.error, cv2.error) as e:
        raise UserError("pictures.encoding_failed", format=kind.title, reason=str(e)) from e
    except MemoryError as e:
        raise UserError("pictures.encoding_memory", format=kind.title) from e


def losses(picture: Picture, options: ExportOptions) -> tuple[Message, ...]:
    """What the file will lack because its format cannot hold it, a message each."""
    kind = FORMATS[options.format]
    lost: list[Message] = []
    if picture.alpha is not None and not kind.alpha:
        lost.append(Message("pictures.lost_alpha", {"format": kind.title}))
    if (options.depth or picture.depth) == 16 and 16 not in kind.depths:
        lost.append(Message("pictures.lost_depth", {"format": kind.title}))
    return (*lost, *_lost_blocks(picture, options, kind))


def _lost_blocks(picture: Picture, options: ExportOptions, kind: Format) -> list[Message]:
    """Metadata blocks that the user wants to keep and the file will not have."""
    height, width = picture.pixels.shape[:2]
    wanted = metadata.blocks(picture, options.metadata, width, height)
    blocks: dict[Block, bytes | None] = {"EXIF": wanted.exif, "XMP": wanted.xmp, "IPTC": wanted.iptc}
    if not kind.blocks and any(blocks.values()):
        return [Message("pictures.lost_metadata", {"format": kind.title})]
    lost: list[Message] = []
    for name, block in blocks.items():
        if not block:
            continue
        if name not in kind.blocks:
            lost.append(Message("pictures.lost_block", {"format": kind.title, "block": name}))
        elif options.format == "jpeg" and len(block) > _JPEG_LIMITS[name]:
            fields = {"format": kind.title, "block": name, "size": round(len(block) / 1000), "limit": 64}
            lost.append(Message("pictures.lost_large_block", fields))
    if wanted.exif and options.format in {"avif", "heic"} and not _is_parsable(wanted.exif):
        lost.append(Message("pictures.lost_broken_exif", {"format": kind.title}))
    return lost


def _is_parsable(exif: bytes) -> bool:
    """Whether Pillow can parse an EXIF block, as its AVIF writer and pillow-heif do before they write it."""
    try:
        Image.Exif().load(b"Exif\0\0" + exif)
    except (ValueError, TypeError, KeyError, SyntaxError, struct.error):
        return False
    return True


def _ready(picture: Picture, options: ExportOptions, kind: Format) -> _Ready:
    pixels, alpha, icc = picture.pixels, picture.alpha, picture.icc
    if options.longest:
        pixels, alpha = geometry.fitted(pixels, alpha, options.longest)
    if options.profile == "srgb" or not kind.profile:
        pixels, icc = colour.in_srgb(pixels, icc), None
    deep = (options.depth or picture.depth) == 16 and 16 in kind.depths
    pixels = to_16_bits(pixels) if deep else to_8_bits(pixels)
    if alpha is not None:
        alpha = to_16_bits(alpha) if deep else to_8_bits(alpha)
    if alpha is not None and not kind.alpha:
        pixels, alpha = _on_white(pixels, alpha), None
    keep = options.metadata if kind.blocks else "none"
    blocks = metadata.blocks(picture, keep, pixels.shape[1], pixels.shape[0])
    return _Ready(pixels, alpha, icc, blocks, min(100, max(1, options.quality)))


def _on_white(pixels: Pixels, alpha: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    top = np.iinfo(pixels.dtype).max
    weight = alpha.astype(np.float32)[..., None] / np.float32(top)
    return cast("Pixels", np.rint(top - (top - pixels.astype(np.float32)) * weight).astype(pixels.dtype))


def _jpeg(ready: _Ready) -> bytes:
    out = io.BytesIO()
    extra = b""
    if ready.blocks.iptc and len(ready.blocks.iptc) <= _JPEG_LIMITS["IPTC"]:
        body = b"Photoshop 3.0\0" + metadata.photoshop_from_iptc(ready.blocks.iptc)
        extra = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    beside: dict[str, Any] = {"extra": extra, "icc_profile": ready.icc}
    if ready.blocks.exif and len(ready.blocks.exif) <= _JPEG_LIMITS["EXIF"]:
        beside["exif"] = ready.exif
    if ready.blocks.xmp and len(ready.blocks.xmp) <= _JPEG_LIMITS["XMP"]:
        beside["xmp"] = ready.blocks.xmp
    ready.image().save(
        out,
        "JPEG",
        quality=ready.quality,
        # Subsampled chroma shows on the fine color edges that a restoration recovers.
        subsampling=0 if ready.quality >= _FULL_CHROMA else 2,
        optimize=False,
        **beside,
    )
    return out.getvalue()


def _png(ready: _Ready) -> bytes:
    code = cv2.COLOR_RGB2BGR if ready.alpha is None else cv2.COLOR_RGBA2BGRA
    samples = ready.pixels if ready.alpha is None else np.dstack([ready.pixels, ready.alpha])
    # OpenCV writes 16-bit RGB PNG, which Pillow cannot.
    done, file = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(samples), code))
    if not done:
        raise ValueError("the encoder refused it")
    bytes_ = file.tobytes()
    head = 33  # signature and IHDR; chunks that describe the photo come before its pixels
    return b"".join([bytes_[:head], *_png_chunks(ready), bytes_[head:]])


def _png_chunks(ready: _Ready) -> list[bytes]:
    chunks: list[bytes] = []
    if ready.icc:
        chunks.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(ready.icc, 9)))
    if ready.blocks.exif:
        chunks.append(_chunk(b"eXIf", ready.blocks.exif))
    if ready.blocks.xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + ready.blocks.xmp))
    return chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _webp(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(
        out, "WEBP", quality=ready.quality, method=4, exact=True, icc_profile=ready.icc or b"", exif=ready.exif,
        xmp=ready.blocks.xmp or b"",
    )  # fmt: skip
    return out.getvalue()


def _tiff(ready: _Ready) -> bytes:
    return tiff_writer.write(ready.pixels, ready.alpha, ready.icc, ready.blocks)


def _avif(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(
        out, "AVIF", quality=ready.quality, subsampling="4:4:4" if ready.quality >= _FULL_CHROMA else "4:2:0", speed=8,
        icc_profile=ready.icc or b"", exif=ready.exif, xmp=ready.blocks.xmp or b"",
    )  # fmt: skip
    return out.getvalue()


def _heic(ready: _Ready) -> bytes:
    import pillow_heif  # imported here: it loads an encoder that other formats need not wait for

    image = ready.image()
    heif = pillow_heif.from_bytes(image.mode, image.size, image.tobytes())
    if ready.icc:
        heif.info["icc_profile"] = ready.icc
        heif.info["icc_profile_type"] = "prof"
    out = io.BytesIO()
    chroma = 444 if ready.quality >= _FULL_CHROMA else 420
    heif.save(out, quality=ready.quality, chroma=chroma, exif=ready.exif or None, xmp=ready.blocks.xmp)
    return out.getvalue()


def _bmp(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(out, "BMP")
    return out.getvalue()


def _tolerating_broken_exif(writer: Callable[[_Ready], bytes]) -> Callable[[_Ready], bytes]:
    """For libraries that parse EXIF while they write: a block that they reject is left out (`losses` reports it)."""

    def write(ready: _Ready) -> bytes:
        try:
            return writer(ready)
        except (ValueError, TypeError, KeyError, SyntaxError, struct.error):
            if not ready.exif:
                raise
            return writer(replace(ready, blocks=replace(ready.blocks, exif=None)))

    return write


WRITERS: Mapping[str, Callable[[_Ready], bytes]] = MappingProxyType(
    {
        "jpeg": _jpeg,
        "png": _png,
        "webp": _webp,
        "tiff": _tiff,
        "avif": _tolerating_broken_exif(_avif),
        "heic": _tolerating_broken_exif(_heic),
        "bmp": _bmp,
    }
)
