"""Compares our reader with other ones over a matrix of generated files: `make differential`.

Format × depth × channels × compression × orientation × profile × alpha, each file with EXIF and XMP. The pixels that a
file was made of are known; beside them stand Pillow, OpenCV and, where they are installed, libvips (pyvips) and
ImageMagick. Pixels are compared as sRGB of 8 bits, upright. Disagreements that are the other reader's are listed
below with the reason.
"""

from __future__ import annotations

import argparse
import io
import itertools
import re
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageCms

from clarity_desktop.backend.pictures import Decoder, icc, to_srgb8
from clarity_desktop.messages import UserError
from clarity_desktop.values import Picture

WIDTH, HEIGHT = 52, 37
XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Titel</dc:title></rdf:Description>'
       b"</rdf:RDF></x:xmpmeta>")  # fmt: skip
MAKER = "Maker"
PROFILES: dict[str, bytes | None] = {
    "none": None,
    "p3": icc.display_p3(),
    "adobe": icc.adobe_rgb(),
    "linear": icc.build("Linear", icc.SRGB_PRIMARIES, icc.gamma_curve(1)),
}
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Case:
    """A generated file, and what it shows: stored pixels (H×W×3 or H×W×4, 0..1 in the profile's space), orientation.

    within: largest mean difference, in levels of 255. profile: the ICC profile, or the one that the file means.
    has_metadata: EXIF with a maker, and XMP with a title, are in the file.
    """

    name: str
    data: bytes
    stored: Array
    orientation: int = 1
    profile: bytes | None = None
    within: float = 0.8
    has_metadata: bool = True

    @property
    def suffix(self) -> str:
        return self.name.split("-")[0]


def scene() -> Array:
    """A smooth picture of H×W×3 values 0..1 whose corners differ."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    x, y = x / (WIDTH - 1), y / (HEIGHT - 1)
    return np.stack([0.1 + 0.8 * x, 0.15 + 0.7 * y, 0.5 + 0.3 * np.sin(3 * x + 2 * y)], -1)


def opacity() -> Array:
    """H×W values 0..1, nowhere 0, so that every color can be seen."""
    y, _ = np.mgrid[:HEIGHT, :WIDTH]
    return 0.4 + 0.6 * y / (HEIGHT - 1)


def coded(values: Array, dtype: Any) -> Array:
    """Values 0..1 in a dtype's range."""
    kind = np.dtype(dtype)
    return values.astype(kind) if kind.kind == "f" else np.rint(values * np.iinfo(kind).max).astype(kind)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[271], block[274] = MAKER, orientation
    return block.tobytes()


# The matrix ----------------------------------------------------------------------------------------------------------


def cases() -> Iterator[Case]:
    """All files, in a fixed order."""
    for make in (tiffs, pngs, jpegs, webps, avifs, heics, jxls, bmps):
        yield from make()


KINDS = ("gray", "gray+alpha", "rgb", "rgb+alpha", "rgb+premultiplied", "cmyk", "lab")
COMPRESSIONS = (None, "lzw", "zlib", "packbits", "zstd", "lzma", "lerc", "png", "jpegxl", "jpeg2000", "webp", "jpeg")
_DTYPES = ("u1", "u2", "f4", "f2")
_HOLDS = {"png": "u1 u2", "jpegxl": "u1 u2", "jpeg2000": "u1 u2", "webp": "u1", "jpeg": "u1", "lerc": "u1 u2 f4"}
_TOLERANT = {"jpeg": 6.0, "webp": 6.0}


def tiffs() -> Iterator[Case]:
    turns, profiles = itertools.cycle(range(1, 9)), itertools.cycle(PROFILES)
    variants = itertools.cycle(("strip", "tile", "planar", "big-endian", "bigtiff", "predictor"))
    for _, kind, dtype, compression in itertools.product(range(2), KINDS, _DTYPES, COMPRESSIONS):
        if compression in _HOLDS and dtype not in _HOLDS[compression].split():
            continue
        if compression in {"webp", "jpeg", "png", "jpegxl"} and kind not in {"gray", "rgb", "rgb+alpha"}:
            continue
        if (compression == "webp" and kind == "gray") or (compression == "jpeg" and "alpha" in kind):
            continue
        if kind == "lab" and (dtype[0] == "f" or compression in {"jpeg2000", "lerc"}):
            continue
        if kind == "cmyk" and dtype[0] == "f":
            continue
        profile = next(profiles) if kind.startswith("rgb") else "none"
        yield _tiff(kind, dtype, compression, next(variants), next(turns), profile)


def _tiff(kind: str, dtype: str, compression: str | None, variant: str, orientation: int, profile: str) -> Case:
    samples, photometric, extra, shown = _tiff_samples(kind, dtype)
    options: dict[str, Any] = {}
    images = {"png", "jpegxl", "jpeg2000", "webp", "jpeg", "lerc"}
    if variant == "tile":
        options["tile"] = (16, 32)
    elif variant == "planar" and samples.ndim == 3 and compression not in images:
        options["planarconfig"] = "separate"
        samples = np.ascontiguousarray(samples.transpose(2, 0, 1))
    elif variant == "big-endian" and compression not in images:
        options["byteorder"] = ">"
    elif variant == "bigtiff":
        options["bigtiff"] = True
    elif variant == "predictor" and compression in {"lzw", "zlib", "zstd", "lzma"}:
        options["predictor"] = 3 if dtype[0] == "f" else 2
    if compression in _TOLERANT:
        options["compressionargs"] = {"level": 95}
    tags = [(271, 2, 0, MAKER, False), (274, 3, 1, orientation, False), (700, 1, len(XMP), XMP, False)]
    if PROFILES[profile]:
        tags.append((34675, 7, len(PROFILES[profile]), PROFILES[profile], False))
    out = io.BytesIO()
    tifffile.imwrite(out, samples, photometric=photometric, extrasamples=extra, compression=compression, metadata=None,
                     software=False, rowsperstrip=None if "tile" in options or compression in images else 10,
                     extratags=tags, **options)  # fmt: skip
    name = f"tif-{kind}-{dtype}-{compression}-{variant}-o{orientation}-{profile}"
    within = _TOLERANT.get(str(compression), 1.0 if kind == "lab" else 0.8)
    return Case(name, out.getvalue(), shown, orientation, PROFILES[profile], within)


def _tiff_samples(kind: str, dtype: str) -> tuple[Array, str, list[str] | None, Array]:
    """Samples as stored, photometric and extra samples, and what they show (H×W×3 or ×4, 0..1)."""
    colors, alpha = scene(), opacity()[..., None]
    gray = colors[..., :1]
    match kind:
        case "gray":
            return coded(gray[..., 0], dtype), "minisblack", None, gray.repeat(3, 2)
        case "gray+alpha":
            shown = np.concatenate([gray.repeat(3, 2), alpha], -1)
            return coded(np.concatenate([gray, alpha], -1), dtype), "minisblack", ["unassalpha"], shown
        case "rgb":
            return coded(colors, dtype), "rgb", None, colors
        case "rgb+alpha":
            shown = np.concatenate([colors, alpha], -1)
            return coded(shown, dtype), "rgb", ["unassalpha"], shown
        case "rgb+premultiplied":
            stored = coded(np.concatenate([colors * alpha, alpha], -1), dtype)
            return stored, "rgb", ["assocalpha"], np.concatenate([colors, alpha], -1)
        case "cmyk":
            key = np.full_like(gray, 0.1)
            ink = np.concatenate([1 - colors, key], -1)
            return coded(ink, dtype), "separated", None, colors * 0.9
        case _:
            return _lab(colors, dtype), "cielab", None, colors


def _lab(colors: Array, dtype: str) -> Array:
    """Stored CIE L*a*b* of sRGB values by Little CMS."""
    image = Image.fromarray(coded(colors, "u1"))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    eight = np.asarray(ImageCms.applyTransform(image, transform))
    if dtype == "u1":
        return eight
    light = eight[..., :1].astype(np.uint16) * 257
    return np.concatenate([light, (eight[..., 1:].view(np.int8).astype(np.int16) * 256).view(np.uint16)], -1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pngs() -> Iterator[Case]:
    turns, places = itertools.cycle(range(1, 9)), itertools.cycle(("before", "after"))
    colors = {"gray": 0, "rgb": 2, "palette": 3, "gray+alpha": 4, "rgba": 6}
    spaces = itertools.cycle(("none", "p3", "adobe", "linear", "srgb", "gama", "cicp", "cicp+gama"))
    rounds = itertools.product(range(2), colors, (1, 2, 4, 8, 16), ("", "trns"), (0, 1))
    for _, kind, depth, key, interlaced in rounds:
        if (depth < 8 and kind not in {"gray", "palette"}) or (kind == "palette" and depth == 16):
            continue
        if key and kind in {"gray+alpha", "rgba"}:
            continue
        space = next(spaces) if kind in {"rgb", "rgba", "palette"} else "none"
        yield _png(kind, colors[kind], depth, key, interlaced, next(turns), space, next(places))


def _png(
    kind: str, number: int, depth: int, key: str, interlaced: int, orientation: int, space: str, place: str
) -> Case:
    top = (1 << depth) - 1
    stored = np.rint(scene() * top).astype(np.uint32)
    alpha = np.rint(opacity()[..., None] * top).astype(np.uint32)
    chunks: list[bytes] = []
    clear: Array | None = None
    if kind == "palette":
        count = min(256, 1 << depth)
        index = np.rint(scene()[..., 0] * (count - 1)).astype(np.uint32)
        table = np.stack([np.arange(count) * 255 // (count - 1), np.arange(count)[::-1] * 200 // (count - 1),
                          np.full(count, 90)], -1).astype(np.uint8)  # fmt: skip
        chunks.append(chunk(b"PLTE", table.tobytes()))
        shown, samples = table[index] / 255, index[..., None]
        if key:
            opaque = np.full(count, 255, np.uint8)
            opaque[: count // 2] = 120
            chunks.append(chunk(b"tRNS", opaque.tobytes()))
            clear = opaque[index] / 255
    elif kind.startswith("gray"):
        samples = stored[..., :1]
        shown = samples.repeat(3, 2) / top
    else:
        samples = stored
        shown = samples / top
    if key and kind != "palette":
        value = samples[5, 7]
        chunks.append(chunk(b"tRNS", struct.pack(f">{len(value)}H", *value.tolist())))
        clear = 1.0 - (samples == value).all(-1)
    if kind in {"gray+alpha", "rgba"}:
        samples = np.concatenate([samples, alpha], -1)
        clear = alpha[..., 0] / top
    if clear is not None:
        shown = np.concatenate([shown, clear[..., None]], -1)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, number, 0, 0, interlaced)
    profile, described = _png_space(space)
    beside = [chunk(b"eXIf", exif(orientation).removeprefix(b"Exif\0\0")),
              chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)]  # fmt: skip
    pixels = chunk(b"IDAT", zlib.compress(_png_rows(samples, depth, interlaced)))
    parts = [chunk(b"IHDR", header), *described, *chunks]
    parts += [*beside, pixels] if place == "before" else [pixels, *beside]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")
    name = f"png-{kind}-{depth}-{key or 'opaque'}-{'adam7' if interlaced else 'plain'}-o{orientation}-{space}-{place}"
    return Case(name, data, shown, orientation, profile)


def _png_space(space: str) -> tuple[bytes | None, list[bytes]]:
    adobe = struct.pack(">8I", *(round(v * 1e5) for pair in (icc.D65, *icc.ADOBE_PRIMARIES) for v in pair))
    gama = chunk(b"gAMA", struct.pack(">I", 45455))
    if (built := PROFILES.get(space)) is not None:
        return built, [chunk(b"iCCP", b"x\0\0" + zlib.compress(built))]
    return {
        "none": (None, []),
        "srgb": (None, [chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">I", 100000))]),
        "gama": (icc.build("a", icc.ADOBE_PRIMARIES, icc.gamma_curve(1 / 0.45455)), [gama, chunk(b"cHRM", adobe)]),
        "cicp": (icc.display_p3(), [chunk(b"cICP", bytes((12, 13, 0, 1)))]),
        "cicp+gama": (None, [chunk(b"cICP", bytes((1, 13, 0, 1))), chunk(b"gAMA", struct.pack(">I", 100000))]),
    }[space]


def _png_rows(samples: Array, depth: int, interlaced: int) -> bytes:
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    out = b""
    for top, left, down, across in passes:
        for row in samples[top::down, left::across]:
            if depth == 16:
                packed = row.astype(">u2").tobytes()
            elif depth == 8:
                packed = row.astype(np.uint8).tobytes()
            else:
                bits = (row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1
                packed = np.packbits(bits.astype(np.uint8).ravel()).tobytes()
            out += b"\0" + packed if row.size else b""
    return out


def jpegs() -> Iterator[Case]:
    turns, profiles = itertools.cycle(range(1, 9)), itertools.cycle(PROFILES)
    sampled = ("444", "422", "420")
    for mode, progressive, sampling, quality in itertools.product(
        ("L", "RGB", "CMYK"), (False, True), sampled, (90, 98)
    ):
        if mode != "RGB" and sampling != "444":
            continue
        orientation, profile = next(turns), next(profiles) if mode == "RGB" else "none"
        shown = scene()
        if mode == "CMYK":
            image = Image.fromarray(
                coded(np.concatenate([1 - shown, np.full((HEIGHT, WIDTH, 1), 0.1)], -1), "u1"), mode
            )
            shown = shown * 0.9
        else:
            image = Image.fromarray(coded(shown, "u1")).convert(mode)
            shown = np.asarray(image.convert("RGB")) / 255
        out = io.BytesIO()
        extra = {"subsampling": ("444", "422", "420").index(sampling)} if mode == "RGB" else {}
        image.save(out, "JPEG", quality=quality, progressive=progressive, exif=exif(orientation), xmp=XMP,
                   icc_profile=PROFILES[profile], **extra)  # fmt: skip
        name = (
            f"jpg-{mode}-{'progressive' if progressive else 'baseline'}-{sampling}-q{quality}-o{orientation}-{profile}"
        )
        yield Case(name, out.getvalue(), shown, orientation, PROFILES[profile], 3.0)
    for kind, bits in itertools.product(("gray", "rgb"), (12,)):
        shown = scene() if kind == "rgb" else scene()[..., :1].repeat(3, 2)
        samples = np.rint((shown if kind == "rgb" else shown[..., 0]) * 4095).astype(np.uint16)
        yield Case(f"jpg-{kind}-{bits}bits", imagecodecs.jpeg8_encode(samples, level=98, bitspersample=bits), shown,
                   within=2.0, has_metadata=False)  # fmt: skip


def webps() -> Iterator[Case]:
    turns, profiles = itertools.cycle(range(1, 9)), itertools.cycle(PROFILES)
    for lossless, clear in itertools.product((True, False), (False, True)):
        for _ in range(8):
            orientation, profile = next(turns), next(profiles)
            shown = np.concatenate([scene(), opacity()[..., None]], -1) if clear else scene()
            out = io.BytesIO()
            beside: dict[str, Any] = {"exif": exif(orientation), "xmp": XMP, "icc_profile": PROFILES[profile] or b""}
            image = Image.fromarray(coded(shown, "u1"))
            image.save(out, "WEBP", lossless=lossless, quality=95, exact=True, **beside)
            name = (
                f"webp-{'lossless' if lossless else 'lossy'}-{'alpha' if clear else 'opaque'}-o{orientation}-{profile}"
            )
            yield Case(name, out.getvalue(), shown, orientation, PROFILES[profile], 0.8 if lossless else 4.0)


def avifs() -> Iterator[Case]:
    turns, profiles = itertools.cycle(range(1, 9)), itertools.cycle(PROFILES)
    for clear, sampling in itertools.product((False, True), ("4:4:4", "4:2:0", "4:2:2")):
        for _ in range(4):
            orientation, profile = next(turns), next(profiles)
            shown = np.concatenate([scene(), opacity()[..., None]], -1) if clear else scene()
            out = io.BytesIO()
            beside: dict[str, Any] = {"exif": exif(orientation), "xmp": XMP, "icc_profile": PROFILES[profile] or b""}
            image = Image.fromarray(coded(shown, "u1"))
            image.save(out, "AVIF", quality=95, subsampling=sampling, speed=9, **beside)
            name = f"avif-8-{'alpha' if clear else 'opaque'}-{sampling.replace(':', '')}-o{orientation}-{profile}"
            yield Case(name, out.getvalue(), shown, orientation, PROFILES[profile], 3.0)
    for bits, kind, sampling in itertools.product((10, 12), ("gray", "rgb", "rgba"), ("444", "420")):
        shown = {"gray": scene()[..., :1].repeat(3, 2), "rgb": scene(),
                 "rgba": np.concatenate([scene(), opacity()[..., None]], -1)}[kind]  # fmt: skip
        samples = np.rint((shown[..., 0] if kind == "gray" else shown) * ((1 << bits) - 1)).astype(np.uint16)
        data = imagecodecs.avif_encode(samples, level=95, bitspersample=bits, speed=9,
                                       pixelformat="400" if kind == "gray" else sampling)  # fmt: skip
        yield Case(f"avif-{bits}-{kind}-{sampling}", bytes(data), shown, within=2.0, has_metadata=False)


def heics() -> Iterator[Case]:
    profiles = itertools.cycle(PROFILES)
    for mode, bits, chroma in itertools.product(("RGB", "RGBA", "RGBa"), (8, 10, 12), (420, 444)):
        alpha = opacity()[..., None]
        shown = np.concatenate([scene(), alpha], -1) if mode != "RGB" else scene()
        stored = np.concatenate([scene() * alpha, alpha], -1) if mode == "RGBa" else shown
        profile = next(profiles)
        samples = coded(stored, "u1" if bits == 8 else "u2")
        name = mode if bits == 8 else f"{mode};16"
        image = pillow_heif.from_bytes(name, (WIDTH, HEIGHT), samples.tobytes())
        if PROFILES[profile]:
            image.info["icc_profile"], image.info["icc_profile_type"] = PROFILES[profile], "prof"
        out = io.BytesIO()
        pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
        image.save(out, quality=95, chroma=chroma, exif=exif(1), xmp=XMP)
        yield Case(f"heic-{mode}-{bits}-{chroma}-{profile}", out.getvalue(), shown, 1, PROFILES[profile], 4.0)


def jxls() -> Iterator[Case]:
    linear = PROFILES["linear"]
    for kind, dtype, lossless in itertools.product(("gray", "rgb", "rgba"), ("u1", "u2", "f4"), (True, False)):
        shown = {"gray": scene()[..., :1].repeat(3, 2), "rgb": scene(),
                 "rgba": np.concatenate([scene(), opacity()[..., None]], -1)}[kind]  # fmt: skip
        samples = coded(shown[..., 0] if kind == "gray" else shown, dtype)
        # The encoder takes all but 8-bit samples for linear light.
        data = imagecodecs.jpegxl_encode(samples, lossless=lossless, distance=None if lossless else 0.5)
        name = f"jxl-{kind}-{dtype}-{'lossless' if lossless else 'lossy'}"
        profile = None if dtype == "u1" else linear
        yield Case(name, bytes(data), shown, 1, profile, 1.0 if lossless else 3.0, has_metadata=False)


def bmps() -> Iterator[Case]:
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        image = Image.fromarray(coded(scene(), "u1"))
        image = image.quantize(32) if mode == "P" else image.convert(mode)
        out = io.BytesIO()
        image.save(out, "BMP")
        yield Case(f"bmp-{mode}", out.getvalue(), np.asarray(image.convert("RGB")) / 255, has_metadata=False)
    masks = {"565": (16, (0xF800, 0x7E0, 0x1F, 0)), "555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
             "444": (16, (0xF00, 0xF0, 0xF, 0)), "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
             "bgr565": (16, (0x1F, 0x7E0, 0xF800, 0)), "rgbx": (32, (0xFF, 0xFF00, 0xFF0000, 0)),
             "bgrx": (32, (0xFF0000, 0xFF00, 0xFF, 0)), "bgra": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
             "xrgb": (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
             "101010": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0))}  # fmt: skip
    for name, (bits, fields) in masks.items():
        yield _masked_bmp(name, bits, fields)


def _masked_bmp(name: str, bits: int, masks: tuple[int, int, int, int]) -> Case:
    planes = [*np.moveaxis(scene(), -1, 0), opacity()]
    packed, shown = np.zeros((HEIGHT, WIDTH), np.uint64), []
    for plane, mask in zip(planes, masks, strict=True):
        if not mask:
            continue
        shift = (mask & -mask).bit_length() - 1
        top = mask >> shift
        value = np.rint(plane * top).astype(np.uint64)
        packed |= value << np.uint64(shift)
        shown.append(value / top)
    rows = packed.astype(f"<u{bits // 8}").tobytes()
    stride = WIDTH * bits // 8
    body = b"".join(rows[y * stride : (y + 1) * stride].ljust(-(-stride // 4) * 4, b"\0") for y in range(HEIGHT))[::1]
    flipped = b"".join(body[y * len(body) // HEIGHT : (y + 1) * len(body) // HEIGHT] for y in range(HEIGHT - 1, -1, -1))
    head = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, bits, 3, len(body), 2835, 2835, 0, 0)
    head += struct.pack("<4I", *masks) + b"BGRs" + bytes(48)
    file = b"BM" + struct.pack("<IHHI", 14 + 108 + len(body), 0, 0, 14 + 108) + head + flipped
    return Case(f"bmp-masks-{name}", file, np.stack(shown, -1), has_metadata=False)


# Readers -------------------------------------------------------------------------------------------------------------

T = TypeVar("T")
Shown = tuple[Array, Array | None]
"""sRGB (H×W×3 uint8) and alpha (H×W uint8 or None), upright."""


def upright(pixels: Array, orientation: int) -> Array:
    """Pixels turned as EXIF says, by numpy alone."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in {3, 4, 7, 8} else pixels


def through_profile(colors: Array, profile: bytes | None) -> Array:
    """8-bit sRGB of values 0..1 (H×W×3 float64) in a profile, by Little CMS at 16 bits."""
    if profile is None:
        return coded(colors, "u1")
    deep = np.ascontiguousarray(coded(colors, "u2"))
    out = imagecodecs.cms_transform(deep, profile, icc.srgb(), colorspace="rgb", outcolorspace="rgb")
    return np.rint(out / 257).astype(np.uint8)


def truth(case: Case) -> Shown:
    """What the file was made of."""
    stored = upright(case.stored, case.orientation)
    alpha = coded(stored[..., 3], "u1") if stored.shape[2] == 4 else None
    return through_profile(stored[..., :3], case.profile), alpha


def by_pillow(case: Case) -> Shown | None:
    pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(case.data)) as image:
            image.load()
            if image.mode.startswith(("I", "F")) or image.mode == "LAB":
                return None
            stored = np.asarray(image.convert("RGBA")) / 255
            turned = image.getexif().get(274, 1) if case.suffix != "tif" else 1
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, NotImplementedError, RuntimeError):
        return None
    stored = upright(stored, turned)
    return through_profile(stored[..., :3], case.profile), coded(stored[..., 3], "u1")


def by_opencv(case: Case) -> Shown | None:
    if case.suffix not in {"png", "jpg", "webp", "bmp"}:
        return None
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    stored: Any = cv2.imdecode(np.frombuffer(case.data, np.uint8), flags)
    if stored is None or stored.ndim == 2 or stored.dtype not in (np.uint8, np.uint16):
        return None
    values = upright(stored / np.iinfo(stored.dtype).max, case.orientation)
    alpha = coded(values[..., 3], "u1") if values.shape[2] == 4 else None
    return through_profile(np.ascontiguousarray(values[..., 2::-1]), case.profile), alpha


def as_color(values: Array) -> Array:
    """H×W, or H×W×C of gray or RGB with or without alpha, as H×W×3 or H×W×4."""
    values = values[..., None] if values.ndim == 2 else values
    return np.concatenate([values[..., :1].repeat(3, 2), values[..., 1:]], -1) if values.shape[2] < 3 else values


def by_vips(case: Case) -> Shown | None:
    import pyvips

    try:
        image = pyvips.Image.new_from_buffer(case.data, "", fail_on="warning")
        if image.interpretation in {"lab", "labs", "cmyk"} or image.format in {"float", "double"}:
            return None  # another idea of floating-point and of ink without a profile
        image = image.colourspace("rgb16" if image.format == "ushort" else "srgb")
        values = image.numpy() / (65535 if image.format == "ushort" else 255)
        turned = case.orientation if case.suffix not in {"avif", "heic", "jxl"} else 1  # libheif has turned it already
    except pyvips.Error:
        return None
    values = upright(as_color(values), turned)
    alpha = coded(values[..., 3], "u1") if values.shape[2] == 4 else None
    return through_profile(np.ascontiguousarray(values[..., :3]), case.profile), alpha


def by_imagemagick(case: Case) -> Shown | None:
    kind = {"tif": "tiff", "jpg": "jpeg"}.get(case.suffix, case.suffix)
    if kind in {"avif", "heic", "jxl"}:
        return None
    colors = (
        ["-colorspace", "sRGB"] if "cmyk" in case.name.lower() or "lab" in case.name else ["-set", "colorspace", "sRGB"]
    )
    command = ["convert", f"{kind}:-[0]", *colors, "-depth", "16", "rgba:-"]
    done = subprocess.run(command, input=case.data, capture_output=True, check=False)
    height, width = case.stored.shape[:2]
    if done.returncode or len(done.stdout) != height * width * 8:
        return None
    values = upright(np.frombuffer(done.stdout, "<u2").reshape(height, width, 4) / 65535, case.orientation)
    return through_profile(np.ascontiguousarray(values[..., :3]), case.profile), coded(values[..., 3], "u1")


def second_readers() -> dict[str, Callable[[Case], Shown | None]]:
    """The readers that are installed here."""
    return {"pillow": by_pillow, "opencv": by_opencv, **installed(by_vips, by_imagemagick)}


def installed(vips: T, imagemagick: T) -> dict[str, T]:
    """Those of the two readers by name whose program is on this machine."""
    found: dict[str, T] = {}
    try:
        import pyvips  # noqa: F401

        found["libvips"] = vips
    except (ImportError, OSError):
        pass
    try:
        said = subprocess.run(["convert", "-version"], capture_output=True, check=False).stdout
        if b"ImageMagick" in said:
            found["imagemagick"] = imagemagick
    except OSError:
        pass
    return found


KNOWN = (
    (r"pillow", r"png-gray-[24]-trns", "compares the transparent value with samples that it has widened to 8 bits"),
    (r"pillow|libvips|imagemagick", r"tif-gray\+alpha-.*-planar", "leaves out or misreads the second plane"),
    (r"imagemagick", r"tif-lab", "takes the white of L*a*b* for that of daylight (D65)"),
    (r"imagemagick", r"tif-.*-jpeg-", "turns some by itself while it converts them"),
    (r"imagemagick", r"bmp-masks-4", "widens channels of 4 bits by shifting"),
)
"""Where another reader is wrong: reader, names of cases, what it does."""


def is_known(case: Case, reader: str) -> bool:
    """Whether the reader is known to be wrong about such a file."""
    return any(re.fullmatch(who, reader) and re.match(names, case.name) for who, names, _ in KNOWN)


# Comparison ----------------------------------------------------------------------------------------------------------


def differs(ours: Shown, theirs: Shown, within: float) -> str:
    """What differs, or an empty text. Pixels whose alpha is 0 have no color to compare."""
    (pixels, alpha), (others, clear) = ours, theirs
    if pixels.shape != others.shape:
        return f"size {pixels.shape[1]}×{pixels.shape[0]} / {others.shape[1]}×{others.shape[0]}"
    full = np.full(pixels.shape[:2], 255, np.uint8)
    alpha, clear = full if alpha is None else alpha, full if clear is None else clear
    gap = float(np.abs(alpha.astype(int) - clear).mean())
    if gap > max(1.0, within):
        return f"alpha by {gap:.1f}"
    seen = (alpha > 0) & (clear > 0)
    off = float(np.abs(pixels.astype(int) - others)[seen].mean()) if seen.any() else 0.0
    return f"colors by {off:.1f}" if off > within else ""


def metadata_lost(picture: Picture) -> str:
    """Which of the metadata of each file did not arrive."""
    lost = [name for name, block, mark in (("EXIF", picture.exif, MAKER.encode()), ("XMP", picture.xmp, b"Titel"))
            if mark not in (block or b"")]  # fmt: skip
    return f"{' and '.join(lost)} lost" if lost else ""


def check(
    case: Case, decoder: Decoder, readers: dict[str, Callable[[Case], Shown | None]], folder: Path
) -> dict[str, str]:
    """How our reading of a case differs, by reader; "truth" is what the file was made of."""
    path = folder / f"file.{case.suffix}"
    path.write_bytes(case.data)
    try:
        picture = decoder.read(path)
    except UserError as e:
        return {"truth": f"refused: {e}"}
    ours = to_srgb8(picture)
    found = {"truth": differs(ours, truth(case), case.within)}
    if case.has_metadata:
        found["metadata"] = metadata_lost(picture)
    for name, read in readers.items():
        theirs = None if is_known(case, name) else read(case)
        if theirs is not None:
            found[name] = differs(ours, theirs, case.within + 1)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--keep", type=Path, help="a folder for the files that are read differently")
    options = parser.parse_args()
    readers, decoder = second_readers(), Decoder()
    print("Compared with the pixels that each file was made of, and with", ", ".join(readers) + ".")
    count = wrong = 0
    agreed: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            if options.only not in case.name:
                continue
            count += 1
            found = check(case, decoder, readers, Path(folder))
            for name, gap in found.items():
                agreed.setdefault(name, [0, 0])[bool(gap)] += 1
            if found["truth"] or found.get("metadata"):
                wrong += 1
            if any(found.values()):
                print(f"{case.name:60} " + "; ".join(f"{k}: {v}" for k, v in found.items() if v))
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{case.name}.{case.suffix}").write_bytes(case.data)
    decoder.close()
    print(
        f"{count} files, {wrong} read wrongly.",
        *(f"{k}: {same} the same, {other} not." for k, (same, other) in agreed.items()),
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
