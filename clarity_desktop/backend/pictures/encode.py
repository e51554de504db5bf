"""Encodes a picture in each writable format, and reports what the format cannot hold."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import color_management, geometry, jpegxl_writer, metadata, tiff_writer, xmp
from clarity_desktop.backend.pictures import exif as exif_block
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.metadata import JPEG_LIMITS, Blocks
from clarity_desktop.bit_depth import to_8_bits, to_16_bits
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message
from clarity_desktop.values import ExportOptions, Picture, Pixels, is_gray

Block = Literal["EXIF", "XMP", "IPTC", "texts"]
"""Kinds of metadata; "texts" are the comments and the texts with a keyword of a PNG."""
Alpha = NDArray[np.uint8] | NDArray[np.uint16] | None
_LONG_TEXT = 1024  # characters from which a PNG text is compressed
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_PART = 65000  # bytes of extended XMP in a segment
GRAY_MODES = frozenset({"1", "L", "LA", "La"})
"""Modes of gray photos: a result that is still gray is saved as gray."""
_PNG_LEVEL = 3  # of 9: higher ones take twice as long for 3 %
_FULL_CHROMA = 90  # from this quality on, chroma is not subsampled


@dataclass(frozen=True, slots=True)
class Format:
    """What a file format can hold; the first suffix is the usual one. gray: a single channel as well as RGB.

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
    gray: bool = False


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "jpeg": Format(
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif"),
            alpha=False,
            quality=True,
            blocks=("EXIF", "XMP", "IPTC", "texts"),
            longest=65500,
            gray=True,
        ),
        "png": Format("PNG", (".png",), depths=(8, 16), blocks=("EXIF", "XMP", "IPTC", "texts"), gray=True),
        "webp": Format("WebP", (".webp",), quality=True, longest=16383),
        "tiff": Format("TIFF", (".tif", ".tiff"), depths=(8, 16), blocks=("EXIF", "XMP", "IPTC"), gray=True),
        "avif": Format("AVIF", (".avif",), quality=True, longest=65535),
        "jxl": Format("JPEG XL", (".jxl",), depths=(8, 16), quality=True, profile=False, longest=1 << 30, gray=True),
        "heic": Format("HEIC", (".heic", ".heif"), quality=True, longest=16384),
        "bmp": Format("BMP", (".bmp",), alpha=False, profile=False, blocks=(), gray=True),
    }
)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Input of a writer: color or gray (H×W×3 or H×W) and alpha (H×W) at the file's depth, and the blocks beside it."""

    color: Any
    alpha: Alpha
    icc: bytes | None
    blocks: Blocks
    quality: int

    def samples(self) -> NDArray[Any]:
        """Color and alpha interleaved in one contiguous array: H×W, or H×W×2 to H×W×4."""
        made = np.ascontiguousarray(self.color if self.alpha is None else np.dstack([self.color, self.alpha]))
        # A view of a single pixel counts as contiguous whatever its strides, which encoders refuse.
        return made.copy() if made.size == 1 else made

    def image(self) -> Image.Image:
        return Image.fromarray(self.samples())

    @property
    def exif(self) -> bytes:
        return b"Exif\0\0" + self.blocks.exif if self.blocks.exif else b""

    @property
    def whole_resolution(self) -> tuple[int, int]:
        """The resolution as JFIF stores it, in whole pixels per inch; zeros for none."""
        across, down = (round(v) for v in self.blocks.resolution or (0, 0))
        return (across, down) if 0 < min(across, down) <= max(across, down) <= 0xFFFF else (0, 0)


def encode(picture: Picture, options: ExportOptions) -> bytes:
    """The bytes of the file that `save` writes. Raises UserError if the format cannot hold the picture."""
    height, width = picture.pixels.shape[:2]
    check_size(width, height, options)
    ready = _ready(picture, options, FORMATS[options.format])
    try:
        return WRITERS[options.format](ready)
    except (OSError, ValueError, RuntimeError, OverflowError, struct.error) as e:
        raise UserError("pictures.encoding_failed", format=FORMATS[options.format].title, reason=str(e)) from e
    except MemoryError as e:
        raise UserError("pictures.encoding_memory", format=FORMATS[options.format].title) from e


def check_size(width: int, height: int, options: ExportOptions) -> None:
    """Raise the UserError that `encode` would raise about a photo of that size, before the work is done."""
    kind = FORMATS.get(options.format)
    if kind is None:
        raise UserError("pictures.unknown_format", format=options.format, formats=", ".join(FORMATS))
    if min(max(height, width), options.longest or kind.longest + 1) > kind.longest:
        raise UserError("pictures.too_long", format=kind.title, limit=kind.longest, width=width, height=height)


def losses(picture: Picture, options: ExportOptions) -> tuple[Message, ...]:
    """What the file will lack because its format cannot hold it, a message each."""
    kind = FORMATS[options.format]
    lost: list[Message] = []
    if picture.alpha is not None and not kind.alpha:
        lost.append(Message("pictures.lost_alpha", {"format": kind.title}))
    if picture.icc and not kind.profile and options.profile != "srgb":
        lost.append(Message("pictures.lost_profile", {"format": kind.title}))
    if (options.depth or picture.depth) == 16 and 16 not in kind.depths:
        lost.append(Message("pictures.lost_depth", {"format": kind.title}))
    return (*lost, *_lost_blocks(picture, options, kind))


def _lost_blocks(picture: Picture, options: ExportOptions, kind: Format) -> list[Message]:
    """Metadata blocks that the user wants to keep and the file will not have."""
    height, width = picture.pixels.shape[:2]
    wanted = metadata.blocks(picture, options.metadata, width, height)
    kept = _fitting(wanted, options.format)
    if wanted.exif and exif_block.is_only_resolution(wanted.exif):
        wanted = replace(wanted, exif=None)  # written in the format's own way
    blocks: dict[Block, bytes | None] = {"EXIF": wanted.exif, "XMP": wanted.xmp, "IPTC": wanted.iptc}
    lost: list[Message] = []
    if not kind.blocks and any((*blocks.values(), wanted.texts)):
        return [Message("pictures.lost_metadata", {"format": kind.title})]
    for name, block in blocks.items():
        if block and name not in kind.blocks:
            lost.append(Message("pictures.lost_block", {"format": kind.title, "block": name}))
        elif block and not getattr(kept, name.lower()):
            fields = {"format": kind.title, "block": name, "size": round(len(block) / 1000), "limit": 64}
            lost.append(Message("pictures.lost_large_block", fields))
    if kept.exif and not kept.is_exif_whole:
        lost.append(Message("pictures.lost_exif_values", {"format": kind.title, "limit": 64}))
    if left_out := [key for key, _ in metadata.without_texts(wanted, kept)]:
        names = ", ".join(dict.fromkeys(left_out))
        lost.append(Message("pictures.lost_texts", {"format": kind.title, "names": names}))
    return lost


def _fitting(wanted: Blocks, form: str) -> Blocks:
    """What of the metadata a file of that format will hold."""
    kind = FORMATS[form]
    if not kind.blocks:
        return Blocks(resolution=wanted.resolution)
    if "texts" not in kind.blocks or form == "jpeg":
        wanted = metadata.with_texts_in_exif(wanted)
    if form == "jpeg":
        return metadata.fitting_in_segments(wanted)
    iptc = wanted.iptc if "IPTC" in kind.blocks else None
    return replace(wanted, iptc=iptc, texts=wanted.texts if "texts" in kind.blocks else ())


def _ready(picture: Picture, options: ExportOptions, kind: Format) -> _Ready:
    pixels, alpha, icc = picture.pixels, picture.alpha, picture.icc
    if options.longest:
        pixels, alpha = geometry.fitted(pixels, alpha, options.longest)
    if options.profile == "srgb" or not kind.profile:
        pixels, icc = color_management.in_srgb(pixels, icc), None
    deep = (options.depth or picture.depth) == 16 and 16 in kind.depths
    pixels = to_16_bits(pixels) if deep else to_8_bits(pixels)
    if alpha is not None:
        alpha = to_16_bits(alpha) if deep else to_8_bits(alpha)
    if alpha is not None and not kind.alpha:
        pixels, alpha = _on_white(pixels, alpha), None
    blocks = _fitting(metadata.blocks(picture, options.metadata, pixels.shape[1], pixels.shape[0]), options.format)
    if icc is None and blocks.exif:
        blocks = replace(blocks, exif=exif_block.in_srgb(blocks.exif))
    color, icc = _gray(pixels, icc) if kind.gray and picture.mode in GRAY_MODES else (pixels, icc)
    return _Ready(color, alpha, icc, blocks, min(100, max(1, options.quality)))


def _gray(pixels: Pixels, icc: bytes | None) -> tuple[Any, bytes | None]:
    """Pixels (H×W×3) as H×W with a gray profile if they are gray; else both as they are."""
    if not is_gray(pixels):
        return pixels, icc
    try:
        curve = None if icc is None else profiles.gray_of(icc)
    except profiles.BrokenProfile:
        return pixels, icc
    # An RGB profile would be an error in a gray file.
    return (pixels, icc) if icc is not None and curve is None else (pixels[..., 0], curve)


def _on_white(pixels: Pixels, alpha: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    top = np.iinfo(pixels.dtype).max
    weight = alpha.astype(np.float32)[..., None] / np.float32(top)
    return cast("Pixels", np.rint(top - (top - pixels.astype(np.float32)) * weight).astype(pixels.dtype))


def _jpeg(ready: _Ready) -> bytes:
    out, blocks = io.BytesIO(), ready.blocks
    split = xmp.split(blocks.xmp, JPEG_LIMITS["XMP"]) if blocks.xmp else None
    packet, digest, extension = split or (b"", b"", b"")
    extra = [_segment(0xED, b"Photoshop 3.0\0" + metadata.photoshop_from_iptc(blocks.iptc))] if blocks.iptc else []
    for at in range(0, len(extension), _EXTENSION_PART):
        head = _EXTENSION + digest + struct.pack(">II", len(extension), at)
        extra.append(_segment(0xE1, head + extension[at : at + _EXTENSION_PART]))
    extra += [_segment(0xFE, text.encode()) for _, text in blocks.texts]
    beside: dict[str, Any] = {"extra": b"".join(extra), "icc_profile": ready.icc, "dpi": ready.whole_resolution}
    if blocks.exif:
        beside["exif"] = ready.exif
    if packet:
        beside["xmp"] = packet
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


def _segment(mark: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body


def _png(ready: _Ready) -> bytes:
    import imagecodecs

    bytes_ = imagecodecs.png_encode(ready.samples(), level=_PNG_LEVEL)
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
    if ready.blocks.iptc:
        raw = metadata.photoshop_from_iptc(ready.blocks.iptc)
        # The form that ImageMagick introduced and other programs read: PNG has no chunk of its own for IPTC.
        text = f"\niptc\n{len(raw):8}\n{raw.hex()}\n".encode()
        chunks.append(_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text, 9)))
    if ready.blocks.resolution:
        per_metre = [round(v / 0.0254) for v in ready.blocks.resolution]
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    return chunks + [_text_chunk(key, text) for key, text in ready.blocks.texts]


def _text_chunk(key: str, text: str) -> bytes:
    keyword = key.replace("\0", "").encode("latin-1", "replace")[:79] or metadata.COMMENT.encode()
    try:
        body, plain = text.encode("latin-1"), True
    except UnicodeEncodeError:
        body, plain = text.encode("utf-8", "surrogatepass"), False
    packed = len(body) > _LONG_TEXT
    body = zlib.compress(body, 9) if packed else body
    if plain:
        return _chunk(b"zTXt", keyword + b"\0\0" + body) if packed else _chunk(b"tEXt", keyword + b"\0" + body)
    return _chunk(b"iTXt", keyword + (b"\0\1\0\0\0" if packed else b"\0\0\0\0\0") + body)


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
    blocks = ready.blocks
    if blocks.resolution and not blocks.exif:  # tags of the same directory as those of EXIF
        blocks = replace(blocks, exif=exif_block.with_resolution(None, *blocks.resolution))
    return tiff_writer.write(ready.color, ready.alpha, ready.icc, blocks)


def _avif(ready: _Ready) -> bytes:
    out = io.BytesIO()
    ready.image().save(
        out, "AVIF", quality=ready.quality, subsampling="4:4:4" if ready.quality >= _FULL_CHROMA else "4:2:0", speed=8,
        icc_profile=ready.icc or b"", exif=_Unparsed(ready.exif) if ready.exif else b"", xmp=ready.blocks.xmp or b"",
    )  # fmt: skip
    return out.getvalue()


class _Unparsed(Image.Exif):
    """A block that Pillow's AVIF writer takes as it is; of bytes it would write its own reading of them."""

    def __init__(self, block: bytes) -> None:
        super().__init__()
        self._block = block

    def __bool__(self) -> bool:
        return True

    def tobytes(self, offset: int = 8) -> bytes:  # noqa: ARG002 — as Pillow calls it
        return self._block


def _jxl(ready: _Ready) -> bytes:
    return jpegxl_writer.write(ready.color, ready.alpha, ready.blocks, ready.quality)


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
    ready.image().save(out, "BMP", dpi=ready.blocks.resolution or (0, 0))
    return out.getvalue()


WRITERS: Mapping[str, Callable[[_Ready], bytes]] = MappingProxyType(
    {
        "jpeg": _jpeg,
        "png": _png,
        "webp": _webp,
        "tiff": _tiff,
        "avif": _avif,
        "heic": _heic,
        "jxl": _jxl,
        "bmp": _bmp,
    }
)
