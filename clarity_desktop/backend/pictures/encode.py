"""From a picture to the bytes of a file, in each format that can be written."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import colour, geometry, metadata, tiff
from clarity_desktop.backend.pictures.metadata import Blocks
from clarity_desktop.messages import UserError
from clarity_desktop.values import ExportOptions, Picture, Pixels

Alpha = NDArray[np.uint8] | NDArray[np.uint16] | None
_SEGMENT = 65533  # bytes that a JPEG segment holds
_FINE = 90  # from this quality on, colours are kept at full resolution


@dataclass(frozen=True, slots=True)
class Format:
    """What a file format can hold; the first suffix is the usual one."""

    title: str
    suffixes: tuple[str, ...]
    depths: tuple[int, ...] = (8,)
    alpha: bool = True
    quality: bool = False
    profile: bool = True
    metadata: bool = True
    longest: int = 1_000_000  # side in pixels


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "jpeg": Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), alpha=False, quality=True, longest=65500),
        "png": Format("PNG", (".png",), depths=(8, 16)),
        "webp": Format("WebP", (".webp",), quality=True, longest=16383),
        "tiff": Format("TIFF", (".tif", ".tiff"), depths=(8, 16)),
        "avif": Format("AVIF", (".avif",), quality=True, longest=65535),
        "heic": Format("HEIC", (".heic", ".heif"), quality=True, longest=16384),
        "bmp": Format("BMP", (".bmp",), alpha=False, profile=False, metadata=False),
    }
)
READABLE: tuple[str, ...] = (
    *(s for f in FORMATS.values() for s in f.suffixes),
    ".gif",
    ".apng",
    ".dib",
    ".hif",
    ".mpo",
)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Everything a writer needs: pixels and alpha at the file's depth, and what goes beside them."""

    pixels: Pixels
    alpha: Alpha
    icc: bytes | None
    blocks: Blocks
    quality: int

    def image(self) -> Image.Image:
        samples = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        return Image.fromarray(np.ascontiguousarray(samples))

    @property
    def exif(self) -> bytes:
        return b"Exif\0\0" + self.blocks.exif if self.blocks.exif else b""


def encode(picture: Picture, options: ExportOptions) -> bytes:
    """The bytes of the file that `save` writes. Raises UserError where the format cannot hold the picture."""
    kind = FORMATS.get(options.format)
    if kind is None:
        raise UserError(
            f"“{options.format}” is not a format that this program writes; choose one of {', '.join(FORMATS)}."
        )
    ready = _ready(picture, options, kind)
    height, width = ready.pixels.shape[:2]
    if max(height, width) > kind.longest:
        raise UserError(
            f"{kind.title} holds at most {kind.longest} pixels a side and the photo has {width} × {height}; "
            "choose another format or a smaller size."
        )
    try:
        return WRITERS[options.format](ready)
    except (OSError, ValueError, RuntimeError, OverflowError, struct.error, cv2.error) as e:
        raise UserError(f"The photo could not be written as {kind.title} ({e}); choose another format.") from e
    except MemoryError as e:
        raise UserError(f"There is not enough memory to write the photo as {kind.title}.") from e


def losses(picture: Picture, options: ExportOptions) -> tuple[str, ...]:
    """What the file will lack because its format cannot hold it, a sentence each."""
    kind = FORMATS[options.format]
    said: list[str] = []
    if picture.alpha is not None and not kind.alpha:
        said.append(f"{kind.title} holds no transparency: the photo was put on white.")
    if (options.depth or picture.depth) == 16 and 16 not in kind.depths:
        said.append(f"{kind.title} holds 8 bits a channel: the photo's 16 were rounded.")
    if not kind.metadata and options.metadata != "none" and (picture.exif or picture.xmp or picture.iptc):
        said.append(f"{kind.title} holds no metadata: the photo's was left out.")
    return tuple(said)


def _ready(picture: Picture, options: ExportOptions, kind: Format) -> _Ready:
    pixels, alpha, icc = picture.pixels, picture.alpha, picture.icc
    if options.longest:
        pixels, alpha = geometry.fitted(pixels, alpha, options.longest)
    if options.profile == "srgb" or not kind.profile:
        pixels, icc = colour.in_srgb(pixels, icc), None
    deep = (options.depth or picture.depth) == 16 and 16 in kind.depths
    pixels = colour.to16(pixels) if deep else colour.to8(pixels)
    if alpha is not None:
        alpha = colour.to16(alpha) if deep else colour.to8(alpha)
    if alpha is not None and not kind.alpha:
        pixels, alpha = _on_white(pixels, alpha), None
    keep = options.metadata if kind.metadata else "none"
    blocks = metadata.blocks(picture, keep, pixels.shape[1], pixels.shape[0])
    return _Ready(pixels, alpha, icc, blocks, min(100, max(1, options.quality)))


def _on_white(pixels: Pixels, alpha: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    top = np.iinfo(pixels.dtype).max
    weight = alpha.astype(np.float32)[..., None] / np.float32(top)
    return cast("Pixels", np.rint(top - (top - pixels.astype(np.float32)) * weight).astype(pixels.dtype))


def _jpeg(ready: _Ready) -> bytes:
    out = io.BytesIO()
    extra = b""
    if ready.blocks.iptc:
        body = b"Photoshop 3.0\0" + metadata.photoshop_from_iptc(ready.blocks.iptc)
        extra = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body if len(body) <= _SEGMENT else b""
    beside: dict[str, Any] = {"extra": extra, "icc_profile": ready.icc}
    if ready.exif and len(ready.exif) <= _SEGMENT:
        beside["exif"] = ready.exif
    if ready.blocks.xmp and len(ready.blocks.xmp) <= _SEGMENT - 29:
        beside["xmp"] = ready.blocks.xmp
    ready.image().save(
        out, "JPEG", quality=ready.quality, subsampling=0 if ready.quality >= _FINE else 2, optimize=False, **beside
    )
    return out.getvalue()


def _png(ready: _Ready) -> bytes:
    code = cv2.COLOR_RGB2BGR if ready.alpha is None else cv2.COLOR_RGBA2BGRA
    samples = ready.pixels if ready.alpha is None else np.dstack([ready.pixels, ready.alpha])
    done, file = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(samples), code))
    if not done:
        raise ValueError("the encoder refused it")
    bytes_ = file.tobytes()
    head = 33  # signature and IHDR: what describes the photo goes before its pixels
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
    return tiff.write(ready.pixels, ready.alpha, ready.icc, ready.blocks)


def _avif(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(
        out, "AVIF", quality=ready.quality, subsampling="4:4:4" if ready.quality >= _FINE else "4:2:0", speed=8,
        icc_profile=ready.icc or b"", exif=ready.exif, xmp=ready.blocks.xmp or b"",
    )  # fmt: skip
    return out.getvalue()


def _heic(ready: _Ready) -> bytes:
    import pillow_heif  # loads an encoder that other formats need not wait for

    image = ready.image()
    heif = pillow_heif.from_bytes(image.mode, image.size, image.tobytes())
    if ready.icc:
        heif.info["icc_profile"] = ready.icc
        heif.info["icc_profile_type"] = "prof"
    out = io.BytesIO()
    chroma = 444 if ready.quality >= _FINE else 420
    heif.save(out, quality=ready.quality, chroma=chroma, exif=ready.exif or None, xmp=ready.blocks.xmp)
    return out.getvalue()


def _bmp(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(out, "BMP")
    return out.getvalue()


def _without_doubtful_exif(writer: Callable[[_Ready], bytes]) -> Callable[[_Ready], bytes]:
    """For libraries that parse EXIF as they write: a block that they choke on is left out."""

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
        "avif": _without_doubtful_exif(_avif),
        "heic": _without_doubtful_exif(_heic),
        "bmp": _bmp,
    }
)
