"""RAW photos of cameras: developed by LibRaw to 16 bits in Adobe RGB (1998) with the white balance of the camera."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.pictures import exif, tiff_metadata
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.boxes import boxes
from clarity_desktop.backend.pictures.exif import SUB_IFDS, Directory, Tiff, Tree, Value
from clarity_desktop.backend.pictures.readers import jpeg
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, Caps, Refused, Stored
from clarity_desktop.text import Message

if TYPE_CHECKING:
    import rawpy

_CFA, _LINEAR = 32803, 34892  # photometric interpretations of sensor data
_OF_CAMERAS = {32767, 32769, 32770, 34713, 65000, 65535}  # compressions of Sony, Epson, Samsung, Nikon, Kodak, Pentax
_DEFLATE = {8, 32946}
_DNG_VERSION, _PHOTOMETRIC, _COMPRESSION, _SAMPLE_FORMAT = 50706, 262, 259, 339
_PLACES = ((273, 279), (324, 325))  # offsets and sizes of strips, of tiles
_MOST_DIRECTORIES = 32
_SLACK = 4096  # bytes that some cameras count too many
_RAF, _RW2, _CRW, _MRW = b"FUJIFILMCCD-RAW", b"IIU\0", b"HEAPCCDR", b"\0MRM"
_JPEG = 46  # tag of the picture in a Panasonic RW2
_MARKS = {b"CR\2\0", b"IIII"}  # behind the TIFF header of a Canon CR2, of a Phase One IIQ
_CANON_BOX = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")  # of a CR3, with its EXIF directories
_GAMMA, _SCREEN_GAMMA = 563 / 256, 2.2  # of Adobe RGB (1998), and about that of previews
_LIGHT = np.array([0.2974, 0.6273, 0.0753], np.float32)  # luminance of linear Adobe RGB
_SECONDS_PER_MEGAPIXEL = 3.0  # sensors with irregular color filters take ten times as long as usual ones
_MEASURED = 256  # pixels of the longest side on which the tones of the camera's own picture are measured
_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
_LEAST_STEP, _DARKEST = 0.01, 0.05  # encoded values 0..1
_SMOOTH = 24  # 1024ths of the tone scale over which the curve is rounded, to each side
_WINDOW = np.hanning(2 * _SMOOTH + 3)[1:-1] / np.hanning(2 * _SMOOTH + 3).sum()
_LARGEST_PREVIEW = 20_000_000  # pixels
_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's numbers → EXIF orientations
# Tags of the first directory that describe the photo; the others describe the sensor data.
_DESCRIPTIVE = {0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298,
                0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F}  # fmt: skip
# Tags of the EXIF directory that some cameras write into the first one.
_EXPOSURE = {33434, 33437, 34850, 34855, 36867, 36868, 37377, 37378, 37380, 37381, 37383, 37384, 37385, 37386}


def is_raw(file: BinaryIO) -> bool:
    """Whether a file holds sensor data; its name does not matter."""
    file.seek(0)
    head = file.read(16)
    if head.startswith((_RAF, _MRW, b"IIRO", b"IIRS", b"MMOR", _RW2)) or head[6:14] == _CRW:
        return True
    if head[4:12] == b"ftypcrx " or (head[:4] == b"II*\0" and head[8:12] in _MARKS):
        return True
    try:
        return any(_is_of_sensor(tiff, directory) for tiff, directory in _directories(file))
    except ValueError:
        return False


def _is_of_sensor(tiff: Tiff, directory: Directory) -> bool:
    photometric, compression = (tiff.numbers(directory.get(tag)) for tag in (_PHOTOMETRIC, _COMPRESSION))
    return (
        _DNG_VERSION in directory
        or bool({_CFA, _LINEAR}.intersection(photometric))
        or bool(_OF_CAMERAS.intersection(compression))
    )


def _directories(file: BinaryIO) -> Iterator[tuple[Tiff, Directory]]:
    """The directories of a TIFF structure, those below others included. Raises ValueError for other files."""
    tiff = Tiff(file)
    waiting, seen = [tiff.first], set[int]()
    while waiting and len(seen) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at in seen:
            continue
        seen.add(at)
        directory, following = tiff.directory(at)
        waiting += [place for place in (following, *tiff.numbers(directory.get(SUB_IFDS))) if place]
        yield tiff, directory


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Develop a RAW photo: upright, 16 bits, with the tones of the camera's own picture where there is one.

    The result has H×W×3 uint16 samples.
    """
    import rawpy  # LibRaw is loaded in this process only

    _check(file)
    file.seek(0)
    try:
        with rawpy.RawPy() as raw:
            raw.open_buffer(file)
            sizes = raw.sizes
            width, height = max(sizes.raw_width, sizes.width), max(sizes.raw_height, sizes.height)
            caps.check(width, height, per_megapixel=_SECONDS_PER_MEGAPIXEL)
            preview = _preview(raw)
            raw.unpack()
            pixels: NDArray[Any] = raw.postprocess(
                output_bps=16, output_color=rawpy.ColorSpace.Adobe, gamma=(_GAMMA, 0), use_camera_wb=True,
                no_auto_bright=True,
            )  # fmt: skip
    except rawpy.LibRawUnsufficientMemoryError as e:
        raise MemoryError from e
    except (rawpy.LibRawFileUnsupportedError, rawpy.LibRawNotImplementedError) as e:
        raise Refused("pictures.raw_unsupported") from e
    except (rawpy.LibRawError, rawpy.NotSupportedError) as e:
        raise Refused(DAMAGED) from e
    if pixels.shape[2:] == (1,):  # a sensor without color filters
        pixels = np.repeat(pixels, 3, axis=2)
    # LibRaw fills what it cannot read with zeros.
    if pixels.ndim != 3 or pixels.shape[2] != 3 or int(pixels.min()) == int(pixels.max()):
        raise Refused(DAMAGED)
    stored = Stored(_toned(pixels, preview), "rgb", "RGB", orientation=1, icc=profiles.adobe_rgb())
    describe(stored, file)
    return stored


def draft(file: BinaryIO, caps: Caps) -> tuple[Stored, tuple[int, int]] | None:
    """The picture that the camera stored in a RAW photo, and the (width, height) of the photo before it is turned.

    The picture has H×W×3 uint8 samples. None without one.
    """
    import rawpy

    file.seek(0)
    try:
        with rawpy.RawPy() as raw:
            raw.open_buffer(file)
            sizes, found = raw.sizes, _preview(raw)
    except (rawpy.LibRawError, rawpy.NotSupportedError):
        return None
    caps.check(sizes.width, sizes.height)
    if found is None:
        return None
    stored = Stored(found, "rgb", "RGB")
    is_turned = (found.shape[1] < found.shape[0]) != (sizes.width < sizes.height)
    stored.orientation = 1 if is_turned else _FLIPS.get(sizes.flip, 1)
    return stored, (sizes.width, sizes.height)


def _check(file: BinaryIO) -> None:
    """Refuse files whose sensor data are cut short, and a compression that LibRaw takes for damage."""
    size = file.seek(0, io.SEEK_END)
    try:
        for tiff, directory in _directories(file):
            for places in _PLACES:
                offsets, counts = (tiff.numbers(directory.get(tag)) for tag in places)
                parts = zip(offsets, counts, strict=False)
                if any(count and at + count > size + max(_SLACK, count // 100) for at, count in parts):
                    raise Refused(DAMAGED)
            is_float = 3 in tiff.numbers(directory.get(_SAMPLE_FORMAT))
            is_deflated = bool(_DEFLATE.intersection(tiff.numbers(directory.get(_COMPRESSION))))
            if is_deflated and not is_float and _is_of_sensor(tiff, directory):
                raise Refused("pictures.raw_unsupported")
    except ValueError:
        return  # not a TIFF structure: LibRaw finds what is missing


def _preview(raw: rawpy.RawPy) -> NDArray[np.uint8] | None:
    """The camera's own picture (H×W×3 uint8), not turned; None if there is none that can be read."""
    import rawpy

    try:
        stored: Any = raw.extract_thumb().data  # H×W×3 pixels, or a JPEG file
        if isinstance(stored, np.ndarray):
            return stored if stored.ndim == 3 and stored.shape[2] == 3 else None
        image = Image.open(io.BytesIO(stored), formats=("JPEG", "MPO"))
        image.draft("RGB", (1024, 1024))
        if image.width * image.height > _LARGEST_PREVIEW:
            return None
        return np.asarray(image.convert("RGB"))
    except (rawpy.LibRawError, rawpy.NotSupportedError, OSError, ValueError, SyntaxError):
        return None


def _toned(pixels: NDArray[np.uint16], preview: NDArray[np.uint8] | None) -> NDArray[np.uint16]:
    """Pixels (H×W×3 uint16) with the tones of the preview (H×W×3 uint8); black and white stay where they are.

    Cameras expose for the highlights and apply a curve of their own afterwards: without one a photo looks dark and flat
    beside the camera's picture of it.
    """
    if preview is None:
        return pixels
    ours = _tones(_small(pixels) / 65535, _GAMMA)
    theirs = _tones(_small(preview) / 255, _SCREEN_GAMMA)
    apart = np.diff(ours, prepend=0) > _LEAST_STEP  # steps that are too narrow would make the curve steep
    if theirs[-1] < _DARKEST or not apart.any():
        return pixels
    steps = np.linspace(0, 1, 1025)
    curve = np.interp(steps, [0, *ours[apart], 1], [0, *theirs[apart], 1])
    smooth = np.convolve(np.pad(curve, _SMOOTH, "reflect", reflect_type="odd"), _WINDOW, "valid")
    table = np.rint(np.interp(np.linspace(0, 1, 65536), steps, smooth.clip(0, 1)) * 65535).astype(np.uint16)
    return np.take(table, pixels)


def _small(pixels: NDArray[Any]) -> NDArray[Any]:
    factor = max(1.0, max(pixels.shape[:2]) / _MEASURED)
    size = max(1, round(pixels.shape[1] / factor)), max(1, round(pixels.shape[0] / factor))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _tones(values: NDArray[Any], gamma: float) -> NDArray[np.float64]:
    """Luminance that shares of the pixels stay below, encoded 0..1; values: H×W×3 0..1 with that gamma."""
    light = values.astype(np.float32) ** gamma @ _LIGHT
    return np.quantile(light, _SHARES).astype(np.float64) ** (1 / _GAMMA)


# Metadata ------------------------------------------------------------------------------------------------------------


def describe(stored: Stored, file: BinaryIO) -> None:
    """Add EXIF, XMP and IPTC to a photo (H×W×3 uint16), from wherever the maker put them in its file."""
    file.seek(0)
    head = file.read(16)
    try:
        if head.startswith(_RAF):
            tree = _tree_of_raf(file)
        elif head[4:12] == b"ftypcrx ":
            tree = _tree_of_cr3(file)
        else:
            tiff = Tiff(file)
            first = tiff.directory(tiff.first)[0]
            tree, found = tiff.tree(), tiff_metadata.blocks_of(tiff, first)
            stored.xmp, stored.iptc = found.xmp, found.iptc
            if head.startswith(_RW2) and _JPEG in first:  # its own directory says less
                tree = _tree_of_jpeg(first[_JPEG].raw) or tree
    except (ValueError, IndexError):
        return
    if tree is None:
        return
    moved = {tag: value for tag, value in tree.first.items() if tag in _EXPOSURE}
    first = {tag: value for tag, value in tree.first.items() if tag in _DESCRIPTIVE}
    tree = Tree(tree.order, first, moved | tree.exif, tree.gps, tree.interop)
    if tree.maker_note is not None and not tree.keeps_maker_note:
        stored.notes.append(Message("pictures.raw_maker_note"))
        tree = tree.without_maker_note()
    stored.exif = tree.block()


def _tree_of_raf(file: BinaryIO) -> Tree | None:
    """The EXIF block of the JPEG in a Fujifilm RAF, which has none of its own."""
    file.seek(84)
    at, size = (int.from_bytes(file.read(4), "big") for _ in range(2))
    file.seek(at)
    return _tree_of_jpeg(file.read(min(size, 1 << 20)))


def _tree_of_jpeg(data: bytes) -> Tree | None:
    segments = jpeg.parse(data).segments
    block = next((exif.without_prefix(body) for mark, body in segments if mark == 0xE1 and body[:4] == b"Exif"), None)
    return None if block is None else Tiff(io.BytesIO(block)).tree()


def _tree_of_cr3(file: BinaryIO) -> Tree | None:
    """The directories that a Canon CR3 keeps in boxes of their own."""
    file.seek(0)
    data = file.read(1 << 20)
    movie = next(((a, b) for kind, a, b in boxes(data) if kind == b"moov"), None)
    if movie is None:
        return None
    canon = next((a for kind, a, _ in boxes(data, *movie) if kind == b"uuid" and data[a : a + 16] == _CANON_BOX), None)
    if canon is None:
        return None
    found = {kind: Tiff(io.BytesIO(data[a:b])) for kind, a, b in boxes(data, canon + 16, movie[1])
             if kind in {b"CMT1", b"CMT2", b"CMT3", b"CMT4"}}  # fmt: skip
    first, inner, gps = (found[kind].directory(found[kind].first)[0] if kind in found else dict[int, Value]()
                         for kind in (b"CMT1", b"CMT2", b"CMT4"))  # fmt: skip
    if b"CMT3" in found:  # the maker note, whose offsets count from a place that no other file has
        inner = inner | {exif.MAKER_NOTE: Value(7, 1, b"\0")}
    orders = {tiff.order for tiff in found.values()}
    return Tree(orders.pop(), first, inner, gps, {}) if len(orders) == 1 else None
