"""TIFF: structure by tifffile, compressions by imagecodecs; every depth, number type and color model of a photo."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import color_management, tiff_metadata
from clarity_desktop.backend.pictures.exif import ORIENTATION
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, FIRST_ONLY, Caps, Refused, Stored
from clarity_desktop.text import Message

if TYPE_CHECKING:
    import tifffile

PHOTOMETRIC = 262
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
CIELAB, ICCLAB = 8, 9
_COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, PALETTE: 1, RGB: 3, YCBCR: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
_OLD_JPEG = 6
_SHORT = 3  # a type of number
_FAX = {2, 3, 4, 32771}
_JPEGS = {6, 7, 34892, 33007}
_PREMULTIPLIED, _ALPHAS = 1, {1, 2}  # kinds of extra channels
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_MOST_PAGES = 1000
_NAMES = {2: "CCITT RLE", 3: "CCITT group 3", 4: "CCITT group 4", 5: "LZW", 6: "JPEG (old)", 7: "JPEG", 8: "Deflate",
          32773: "PackBits", 32946: "Deflate", 33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000",
          34887: "LERC", 34892: "JPEG (lossy DNG)", 34925: "LZMA", 34933: "PNG", 34934: "JPEG XR", 50000: "Zstandard",
          50001: "WebP", 50002: "JPEG XL", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv 24",
          32766: "NeXT", 32809: "ThunderScan", 9: "JBIG", 10: "JBIG", 32908: "Pixar Film", 32909: "Pixar Log",
          34713: "Nikon NEF", 32767: "Sony ARW", 32769: "Epson ERF", 65000: "Kodak DCR", 65535: "Pentax PEF",
          }  # fmt: skip


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode a TIFF photo to H×W(×3 or ×4) uint8, uint16 or float32; of its pages, the first that is no thumbnail."""
    import tifffile  # with its codecs it takes 60 ms that other photos need not wait for

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # its warnings about odd tags help no one here
    file.seek(0)
    with tifffile.TiffFile(file) as container:
        page, several = _photo(container)
        caps.check(page.imagewidth, page.imagelength)
        _check(page, file)
        stored = _interpreted(_samples(page, file), page)
        blocks = tiff_metadata.blocks(page, container.pages.first, file)
    stored.exif, stored.xmp, stored.iptc, stored.icc = blocks.exif, blocks.xmp, blocks.iptc, blocks.icc
    stored.orientation = blocks.orientation
    if blocks.has_layers:
        stored.notes.append(Message("pictures.layers_left_out"))
    if several:
        stored.notes.append(FIRST_ONLY)
    return stored


def _photo(container: tifffile.TiffFile) -> tuple[tifffile.TiffPage, bool]:
    """The page to open, and whether there are more pictures of that kind."""
    import tifffile

    whole: list[tifffile.TiffPage] = []
    first: tifffile.TiffPage | None = None
    pages = iter(container.pages)
    for _ in range(_MOST_PAGES):
        try:
            page = next(pages, None)
        except tifffile.TiffFileError:
            if first is None:
                raise
            break  # the link to another page is broken or missing
        if not isinstance(page, tifffile.TiffPage):
            break
        first = first or page
        kind = int(page.subfiletype)
        if not kind & (_REDUCED | _MASK):
            whole.append(page)
        if len(whole) > 1:
            break
    if first is None:
        raise Refused(DAMAGED)
    return (whole[0] if whole else first), len(whole) > 1


def _photometric(page: tifffile.TiffPage) -> int:
    """What the samples mean; where the file does not say it, what libtiff assumes."""
    if PHOTOMETRIC in page.tags:
        return int(page.photometric)
    if page.samplesperpixel - len(page.extrasamples) >= 3:
        return RGB
    return WHITE_IS_ZERO if int(page.compression) in _FAX else BLACK_IS_ZERO


def _check(page: tifffile.TiffPage, file: BinaryIO) -> None:
    """Refuse what cannot be decoded, before it is tried."""
    import tifffile

    if page.samplesperpixel > 16 or page.imagedepth > 1:
        raise Refused("pictures.tiff_channels")
    if _photometric(page) not in _COLORS:
        raise Refused("pictures.tiff_kind")
    if page.dtype is None:
        raise Refused("pictures.tiff_values")
    compression = int(page.compression)
    if compression != 1 and compression not in tifffile.TIFF.DECOMPRESSORS:
        raise Refused("pictures.tiff_compression", compression=_NAMES.get(compression, f"no. {compression}"))
    if page.predictor not in {1, 2, 3, 34892, 34893, 34894, 34895}:
        raise Refused("pictures.tiff_values")
    size = file.seek(0, 2)
    parts = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    # Decoders fill what is missing with black or gray.
    if len(parts) < np.prod(page.chunked) or any(not n for _, n in parts):
        raise Refused(DAMAGED)
    if compression == 1 and len(parts) == 1:  # some programs state a wrong length, which is not needed here
        bits: Any = page.bitspersample  # several numbers for RGB 565, say; 24 have no type of their own
        parts = [(parts[0][0], int(np.prod(page.shaped)) * bits // 8)] if bits in range(8, 65, 8) else []
    if any(at + n > size for at, n in parts):
        raise Refused(DAMAGED)


def _samples(page: tifffile.TiffPage, file: BinaryIO) -> NDArray[Any]:
    """The samples as stored, H×W×channels in the file's own type; YCbCr is RGB."""
    shape = page.imagelength, page.imagewidth, page.samplesperpixel
    is_jpeg = int(page.compression) in _JPEGS
    if int(page.compression) == _OLD_JPEG or (_photometric(page) == YCBCR and not is_jpeg):
        return _by_libtiff(page, file)
    stored: NDArray[Any] = page.asarray(squeeze=False)
    if stored.size != np.prod(shape):
        raise Refused(DAMAGED)
    if page.bitspersample == 24 and page.parent.byteorder == "<" and stored.dtype.kind == "u":
        # tifffile takes them for big-endian in every file.
        stored = (stored & 0xFF) << 16 | stored & 0xFF00 | stored >> 16
    # Normalized: planes × depth × H × W × interleaved channels.
    return stored[:, 0].transpose(1, 2, 0, 3).reshape(shape)


def _by_libtiff(page: tifffile.TiffPage, file: BinaryIO) -> NDArray[Any]:
    """8-bit RGB of what libtiff alone converts: YCbCr with subsampled color, and the first JPEG variant of TIFF."""
    import imagecodecs

    file.seek(0)
    data = bytearray(file.read())
    turned = page.tags.get(ORIENTATION)
    if turned is not None:  # libtiff would apply half of it: the mirroring, but not the turn
        for at, number in ((turned.offset + 2, _SHORT), (turned.valueoffset, 1)):
            struct.pack_into(page.parent.byteorder + "H", data, at, number)
    rgba: NDArray[Any] = imagecodecs.tiff_decode(bytes(data), index=page.index, asrgb=True)
    if rgba.shape[:2] != (page.imagelength, page.imagewidth):
        raise Refused(DAMAGED)
    return rgba[..., :3]


def _scaled(samples: NDArray[Any], page: tifffile.TiffPage, notes: list[Message]) -> NDArray[Any]:
    """Samples as uint8 or uint16 over their full range, or float32; says so where that changes them."""
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind == "f":
        return samples.astype(np.float32, copy=False)
    if kind == "b":
        return samples.view(np.uint8) * np.uint8(255)
    if kind not in "ui":
        raise Refused("pictures.tiff_values")
    stated: Any = page.bitspersample
    bits = stated if isinstance(stated, int) else 8 * size
    if kind == "i":
        samples = samples.clip(0).view(f"u{size}")
        bits -= 1
    if size > 2:
        return _narrowed(samples, bits, notes)
    full = 8 * size
    if bits == full:
        return samples
    top = (1 << bits) - 1
    return ((samples.astype(np.uint32) * ((1 << full) - 1) + top // 2) // top).astype(f"u{size}")


def _narrowed(samples: NDArray[Any], bits: int, notes: list[Message]) -> NDArray[Any]:
    """Integers of 17 bits and more, as 16 bits."""
    top = int(samples.max(initial=0))
    if top <= 255:  # small numbers in a large type: a photo would be black throughout
        return samples.astype(np.uint8)
    notes.append(Message("pictures.reduced_to_16_bits"))
    if top <= 65535:
        return samples.astype(np.uint16)
    return (samples >> np.array(max(0, bits - 16), samples.dtype)).astype(np.uint16)


def _interpreted(samples: NDArray[Any], page: tifffile.TiffPage) -> Stored:
    photometric, notes = _photometric(page), list[Message]()
    if photometric == PALETTE:
        return _from_palette(samples, page)
    samples = _scaled(samples, page, notes)
    colors = _COLORS[photometric]
    if samples.shape[2] < colors:
        raise Refused("pictures.tiff_kind")
    alpha = _alpha(samples, colors, page)
    main = samples[..., 0] if colors == 1 else samples[..., :colors]
    if photometric == WHITE_IS_ZERO:
        main = (1 if main.dtype.kind == "f" else np.iinfo(main.dtype).max) - main
    stored = Stored(main, "rgb", "RGB" if alpha is None else "RGBA", alpha, notes=notes)
    stored.premultiplied = alpha is not None and _PREMULTIPLIED in page.extrasamples[:1]
    if colors == 1:
        bilevel = page.bitspersample == 1
        stored.model, stored.mode = "gray", "1" if bilevel else "L"
    elif photometric == CMYK:
        if main.dtype.kind == "f":
            stored.samples = np.rint(np.nan_to_num(main).clip(0, 1) * np.float32(65535)).astype(np.uint16)
        stored.model, stored.mode = "cmyk", "CMYK"
    elif photometric in {CIELAB, ICCLAB}:
        stored.model, stored.mode = "lab", "Lab"
        if main.dtype.kind != "f":
            stored.samples = color_management.stored_lab(main, signed=photometric == CIELAB)
    return stored


def _alpha(samples: NDArray[Any], colors: int, page: tifffile.TiffPage) -> NDArray[Any] | None:
    """The first channel beyond the colors, if the file says that it is alpha, or says nothing about a single one."""
    if samples.shape[2] <= colors:
        return None
    if page.extrasamples and int(page.extrasamples[0]) not in _ALPHAS:
        return None
    if not page.extrasamples and (samples.shape[2] != colors + 1 or _photometric(page) != RGB):
        return None
    return np.ascontiguousarray(samples[..., colors])


def _from_palette(samples: NDArray[Any], page: tifffile.TiffPage) -> Stored:
    table = page.colormap
    if table is None or table.shape[0] != 3 or samples.dtype.kind not in "bu":
        raise Refused(DAMAGED)
    index = samples[..., 0].astype(np.intp)
    if int(index.max(initial=0)) >= table.shape[1]:
        raise Refused(DAMAGED)
    # Some old programs wrote 8-bit values.
    small = (table >> 8 if int(table.max(initial=0)) > 255 else table).astype(np.uint8)
    alpha = _alpha(_scaled(samples, page, []), 1, page)
    return Stored(np.ascontiguousarray(small.T)[index], "rgb", "P", alpha)
