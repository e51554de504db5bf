"""TIFF: reading what Pillow would reduce to 8 bits, and writing with all metadata kept byte for byte.

The writer begins the file with the EXIF block itself, which is a TIFF structure already: its offsets stay true, maker
notes included. Pixels and a new first directory follow, made of the block's entries and those of the picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import colour
from clarity_desktop.backend.pictures.metadata import Blocks
from clarity_desktop.backend.pictures.raw_image import DAMAGED, Caps, Channel, Raw, Refused
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.text import Message
from clarity_desktop.values import Pixels

if TYPE_CHECKING:
    import tifffile

UNIFORM = {1, 8, 32773, 32946}  # compressions that tifffile decodes without further libraries: none, deflate, packbits
CMYK, LABS = 5, {8, 9}
STRIP = 1 << 20  # bytes of pixels in a strip, about
STORAGE = {254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339,
         513, 514, 700, 33723, 34377, 34675, 347, 530, 531, 532}  # fmt: skip


def read_deep(source: Any, caps: Caps) -> Raw:
    """A TIFF of more than 8 bits, or one that Pillow does not know. Raises Refused or what tifffile raises."""
    import tifffile  # 20 ms that other photos need not wait for

    with tifffile.TiffFile(source) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        caps.check(page.imagewidth, page.imagelength)
        if page.samplesperpixel > 16 or page.imagedepth > 1:
            raise Refused("pictures.tiff_channels")
        if page.bitspersample not in {8, 16, 32, 64}:
            raise Refused("pictures.tiff_bits", bits=int(page.bitspersample))
        samples, notes = _scaled(_samples(page, source), page)
        raw = _interpreted(samples, page)
        raw.notes += notes
        return raw


def _samples(page: tifffile.TiffPage, source: Any) -> NDArray[Any]:
    """The samples as stored, H×W×channels in the file's own type."""
    shape = page.imagelength, page.imagewidth, page.samplesperpixel
    planar = int(page.planarconfig or 1) == 2
    if int(page.compression) in UNIFORM:
        stored: NDArray[Any] = page.asarray()
        if stored.size != shape[0] * shape[1] * shape[2]:
            raise Refused(DAMAGED)
        return stored.reshape(shape[2], *shape[:2]).transpose(1, 2, 0) if planar else stored.reshape(shape)
    if planar and shape[2] > 1:
        return np.dstack([_by_opencv(_plane(page, source, k), shape[:2]) for k in range(shape[2])])
    source.seek(0)
    stored = _by_opencv(source.read(), shape[:2])
    if stored.ndim == 3:
        # OpenCV returns BGR.
        stored[..., :3] = stored[..., 2::-1].copy()
    return stored.reshape(*shape[:2], -1)


def _by_opencv(file: bytes, size: tuple[int, int]) -> NDArray[Any]:
    stored: Any = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.shape[:2] != size:
        raise Refused(DAMAGED)
    return stored


def _plane(page: tifffile.TiffPage, source: Any, channel: int) -> bytes:
    """One plane of a planar file as a gray TIFF of its own; its data stay compressed."""
    file = _File(b"MM\0*\0\0\0\0" if page.parent.byteorder == ">" else b"II*\0\0\0\0\0", {})
    count = len(page.dataoffsets) // page.samplesperpixel
    offsets: list[int] = []
    sizes = page.databytecounts[channel * count : (channel + 1) * count]
    for at, size in zip(page.dataoffsets[channel * count : (channel + 1) * count], sizes, strict=True):
        source.seek(at)
        offsets.append(file.put(source.read(size)))
    file.longs(256, page.imagewidth)
    file.longs(257, page.imagelength)
    values = ((258, page.bitspersample), (259, page.compression), (262, 1), (277, 1), (317, page.predictor),
              (339, page.sampleformat))  # fmt: skip
    for number, value in values:
        file.shorts(number, int(value))
    if page.is_tiled:
        where, lengths = 324, 325
        file.longs(322, page.tilewidth)
        file.longs(323, page.tilelength)
    else:
        where, lengths = 273, 279
        file.longs(278, page.rowsperstrip)
    file.longs(where, *offsets)
    file.longs(lengths, *sizes)
    return file.getvalue()


def _scaled(samples: NDArray[Any], page: tifffile.TiffPage) -> tuple[NDArray[Any], list[Message]]:
    """Samples as uint8 or uint16 of their full range, and notes for the user."""
    kind, size = samples.dtype.kind, samples.dtype.itemsize
    if kind == "f":
        values = np.nan_to_num(samples.astype(np.float32, copy=False), nan=0, posinf=0, neginf=0)
        top = float(values.max(initial=0))
        scale = 65535 / max(1, top)
        return np.rint(values.clip(0) * np.float32(scale)).clip(0, 65535).astype(np.uint16), [
            Message("pictures.float_scaled")
        ]
    if kind not in "ui" or size > 4:
        raise Refused("pictures.tiff_values")
    if size == 4:
        narrowed = (samples.astype(np.int64).clip(0) >> (16 if kind == "u" else 15)).astype(np.uint16)
        return narrowed, [Message("pictures.reduced_to_16_bits")]
    if kind == "i":
        bits = 8 * size - 1
        wide = samples.clip(0).astype(np.uint32)
        return (wide * ((1 << 8 * size) - 1) // ((1 << bits) - 1)).astype(f"u{size}"), []
    bits = int(page.bitspersample)
    if bits < 8 * size:
        wide = samples.astype(np.uint32) * ((1 << 8 * size) - 1) // ((1 << bits) - 1)
        return wide.astype(f"u{size}"), []
    return samples.astype(f"u{size}", copy=False), []


def _interpreted(samples: NDArray[Any], page: tifffile.TiffPage) -> Raw:
    photometric, channels = int(page.photometric), samples.shape[2]
    colours = {CMYK: 4, 0: 1, 1: 1, 3: 1}.get(photometric, 3)
    if channels < colours or photometric == 3:
        raise Refused("pictures.tiff_kind")
    alpha: Channel | None = None
    extra = tuple(int(e) for e in page.extrasamples)
    if channels > colours and extra and extra[0] in {1, 2}:
        alpha = np.ascontiguousarray(samples[..., colours])
    main = samples[..., :colours]
    if photometric == 0:
        main = np.iinfo(main.dtype).max - main
    if alpha is not None and extra[0] == 1:
        main = unpremultiplied(main, alpha)
    if photometric == CMYK:
        return Raw(Image.fromarray(np.ascontiguousarray(to_8_bits(main)), "CMYK"), "CMYK", alpha)
    if photometric in LABS:
        return Raw(colour.stored_lab(main, signed=photometric == 8), "Lab", alpha)
    if colours == 1:
        return Raw(main[..., 0], "L", alpha)
    return Raw(main, "RGB", alpha)


def unpremultiplied(main: NDArray[Any], alpha: Channel) -> NDArray[Any]:
    """Samples (H×W×C, uint8 or uint16) divided by their alpha (H×W, same depth); 0 where alpha is 0 stays 0."""
    top = np.iinfo(main.dtype).max
    weight = np.maximum(alpha, 1).astype(np.float32)[..., None] / top
    return np.rint(main / weight).clip(0, top).astype(main.dtype)


# Writing -------------------------------------------------------------------------------------------------------------


def _strips(samples: NDArray[Any], rows: int, order: Literal["<", ">"]) -> list[bytes]:
    """Rows with horizontal differences, deflated."""

    def strip(y: int) -> bytes:
        part = samples[y : y + rows].copy()
        # Predictor 2: differences wrap around in unsigned arithmetic, as the specification requires.
        part[:, 1:] = part[:, 1:] - samples[y : y + rows, :-1]
        return zlib.compress(part.astype(part.dtype.newbyteorder(order)).tobytes(), 3)

    with ThreadPoolExecutor(2) as pool:  # zlib lets other threads run
        return list(pool.map(strip, range(0, samples.shape[0], rows)))


def _inherited(block: bytes, order: str) -> dict[int, bytes]:
    """Entries (12 bytes each) of the block's first directory that describe the photo, not its old storage."""
    (first,) = struct.unpack_from(order + "I", block, 4)
    if not 8 <= first <= len(block) - 2:
        return {}
    (count,) = struct.unpack_from(order + "H", block, first)
    entries = (block[at : at + 12] for at in range(first + 2, min(first + 2 + 12 * count, len(block) - 11), 12))
    tagged = ((struct.unpack(order + "H", e[:2])[0], e) for e in entries)
    return {tag: entry for tag, entry in tagged if tag not in STORAGE}


class _File:
    """Builds a TIFF file in memory: header, data, and at the end its only directory."""

    def __init__(self, head: bytes, entries: dict[int, bytes]) -> None:
        self.order: Literal["<", ">"] = ">" if head[:2] == b"MM" else "<"
        self._out = io.BytesIO()
        self._out.write(head)
        self._entries = entries

    def put(self, raw: bytes) -> int:
        """Append data; returns where it lies."""
        self._out.write(bytes(self._out.tell() % 2))
        at = self._out.tell()
        self._out.write(raw)
        return at

    def blob(self, number: int, kind: int, count: int, raw: bytes) -> None:
        """A tag of any type; raw is its value in the file's byte order."""
        value = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(self.order + "I", self.put(raw))
        self._entries[number] = struct.pack(self.order + "HHI", number, kind, count) + value

    def shorts(self, number: int, *values: int) -> None:
        self.blob(number, 3, len(values), struct.pack(f"{self.order}{len(values)}H", *values))

    def longs(self, number: int, *values: int) -> None:
        self.blob(number, 4, len(values), struct.pack(f"{self.order}{len(values)}I", *values))

    def getvalue(self) -> bytes:
        entries = [self._entries[n] for n in sorted(self._entries)]
        at = self.put(struct.pack(self.order + "H", len(entries)) + b"".join(entries) + bytes(4))
        self._out.seek(4)
        self._out.write(struct.pack(self.order + "I", at))
        return self._out.getvalue()


_NO_EXIF = b"II*\0\x08\0\0\0\0\0\0\0\0\0"


def write(pixels: Pixels, alpha: Channel | None, icc: bytes | None, blocks: Blocks) -> bytes:
    """A deflate-compressed TIFF of H×W×3 pixels (uint8 or uint16) and H×W unassociated alpha of the same depth.

    Raises ValueError if it would exceed 4 GB.
    """
    block = blocks.exif or _NO_EXIF
    file = _File(block, _inherited(block, ">" if block[:2] == b"MM" else "<"))
    samples = pixels if alpha is None else np.dstack([pixels, alpha])
    height, width, channels = samples.shape
    rows = max(1, STRIP // (width * channels * samples.itemsize))
    strips = _strips(samples, rows, file.order)
    # Classic TIFF has 32-bit offsets; the directory follows the strips.
    if len(block) + sum(map(len, strips)) > 0xFFFF0000:
        raise ValueError("too large for a TIFF file")
    offsets = [file.put(s) for s in strips]
    file.longs(256, width)
    file.longs(257, height)
    file.shorts(258, *[8 * samples.itemsize] * channels)
    for number, value in ((259, 8), (262, 2), (274, 1), (277, channels), (284, 1), (317, 2)):
        file.shorts(number, value)
    file.longs(278, rows)
    file.longs(273, *offsets)
    file.longs(279, *map(len, strips))
    if alpha is not None:
        file.shorts(338, 2)
    for number, kind, raw in ((700, 1, blocks.xmp), (33723, 7, blocks.iptc), (34675, 7, icc)):
        if raw:
            file.blob(number, kind, len(raw), raw)
    return file.getvalue()
