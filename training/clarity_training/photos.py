"""Clean photos: finding them in folders, leaving out excluded ones, assigning them to a split, loading them as sRGB."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from clarity_desktop.messages import UserError
from clarity_training.damage import Photo

Split = Literal["train", "validation", "test"]
SPLIT_PERCENT: dict[Split, int] = {"train": 70, "validation": 8, "test": 22}

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 120_000_000
"""A file that declares more pixels is not decoded."""
MAX_HASH_DISTANCE = 7
"""Bits in which the difference hashes of two copies of one photo may differ."""

_HASH_ROWS, _HASH_COLUMNS = 8, 8
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def select(folders: Sequence[Path], split: Split, exclude: Path | None = None) -> list[Path]:
    """The photos of one split below the folders, without those whose hash is listed in the file `exclude`.

    Raises UserError where a folder or the file cannot be read, and where no photo is left.
    """
    paths = [path for path in find(folders) if split_of(path) == split]
    chosen = without_listed(paths, read_hashes(exclude)) if exclude else paths
    if not chosen:
        raise UserError(f"No photo in {_names(folders)} belongs to the {split} split. Add more folders.")
    return chosen


def find(folders: Sequence[Path]) -> list[Path]:
    """All image files below the folders, sorted and without duplicates.

    Raises UserError where a path is no folder, and where there is no image file at all.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"“{folder}” is not a folder. Choose a folder with clean photos.")
    files = {p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()}
    if not files:
        raise UserError(f"No photos found in {_names(folders)}. Choose a folder with clean photos.")
    return sorted(files)


def _names(folders: Sequence[Path]) -> str:
    return ", ".join(f"“{folder}”" for folder in folders)


# Splits --------------------------------------------------------------------------------------------------------------


def split_of(path: Path) -> Split:
    """The split of a photo, from a SHA-256 hash of its file stem.

    So crops and other formats under one name stay together, and no photo changes its split when others are added. The
    same photo under a different name is not recognized here: see `without_listed`.
    """
    percent = int.from_bytes(hashlib.sha256(path.stem.encode()).digest()[:8], "big") % 100
    for split, share in SPLIT_PERCENT.items():
        if percent < share:
            return split
        percent -= share
    raise AssertionError("SPLIT_PERCENT adds up to 100")


# Difference hashes ---------------------------------------------------------------------------------------------------


def difference_hash(path: Path) -> int:
    """The 64-bit difference hash (dHash) of a photo: it survives scaling, recompression and renaming.

    Bit by bit, row by row and most significant first: is a cell of the gray 9×8 thumbnail darker than its right
    neighbor? Raises UserError where the file is no readable image.
    """
    try:
        with Image.open(path) as image:
            _check_size(image, path)
            image.draft(None, (32 * _HASH_COLUMNS, 32 * _HASH_ROWS))
            gray = ImageOps.exif_transpose(image).convert("RGB").convert("L")
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    cells = np.asarray(gray.resize((_HASH_COLUMNS + 1, _HASH_ROWS), Image.Resampling.BOX), np.int16)
    return int.from_bytes(np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes(), "big")


def read_hashes(file: Path) -> NDArray[np.uint64]:
    """The hashes of an exclusion file, uint64 of shape (N,): 16 hexadecimal digits a line; empty lines are skipped.

    Raises UserError where the file cannot be read or a line is no hash.
    """
    try:
        lines = file.read_text("ascii").split()
        if any(len(line) != 16 for line in lines):
            raise ValueError("a line does not have 16 hexadecimal digits")
        return np.array([int(line, 16) for line in lines], np.uint64)
    except (OSError, ValueError) as error:
        raise UserError(f"“{file}” could not be read as a list of difference hashes ({error}).") from error


def without_listed(paths: Sequence[Path], hashes: NDArray[np.uint64]) -> list[Path]:
    """The photos, in their order, whose difference hash is more than MAX_HASH_DISTANCE bits away from all of `hashes`.

    hashes: uint64, shape (N,). Raises UserError where a file is no readable image.
    """
    return [path for path in paths if not _is_listed(difference_hash(path), hashes)]


def _is_listed(value: int, hashes: NDArray[np.uint64]) -> bool:
    differing = (hashes ^ np.uint64(value)).reshape(-1, 1).view(np.uint8)
    return bool((np.unpackbits(differing, axis=1).sum(1) <= MAX_HASH_DISTANCE).any())


# Pixels --------------------------------------------------------------------------------------------------------------


def load(path: Path, max_side: int | None = None, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """The photo, oriented by its EXIF data and converted to sRGB: H×W×3 float32, 0..1.

    max_side: a photo with a longer side is scaled down to it (Lanczos). Raises UserError where the file is no readable
    image or declares more than max_pixels pixels.
    """
    try:
        with Image.open(path) as image:
            _check_size(image, path, max_pixels)
            if max_side:
                image.draft(None, (2 * max_side, 2 * max_side))  # decodes a JPEG at a fraction of its size
            profile = image.info.get("icc_profile")
            oriented = _to_srgb(ImageOps.exif_transpose(image), profile)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    if max_side and max(oriented.size) > max_side:
        scale = max_side / max(oriented.size)
        size = max(1, round(oriented.width * scale)), max(1, round(oriented.height * scale))
        oriented = oriented.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(oriented, np.float32) / np.float32(255)


def load_8bit(path: Path, max_side: int | None = None) -> NDArray[np.uint8]:
    """As `load`, but H×W×3 uint8."""
    return to_8bit(load(path, max_side))


def photo_size(path: Path) -> tuple[int, int]:
    """Rows and columns of a photo as `load` gives it, read from its header.

    Raises UserError where the file is no readable image.
    """
    try:
        with Image.open(path) as image:
            # Without the check, Pillow would decode a whole PNG to look for data after its pixels.
            turned = "exif" in image.info and image.getexif().get(0x0112, 1) in range(5, 9)
            return (image.width, image.height) if turned else (image.height, image.width)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def to_8bit(photo: Photo) -> NDArray[np.uint8]:
    """H×W×3 float32 to H×W×3 uint8; values outside 0..1 are clipped."""
    return np.rint(photo.clip(0, 1) * 255).astype(np.uint8)


def _check_size(image: Image.Image, path: Path, max_pixels: int = MAX_PIXELS) -> None:
    if image.width * image.height > max_pixels:
        raise UserError(f"“{path}” has {image.width} × {image.height} pixels. Leave it out or scale it down.")


def _unreadable(path: Path, error: BaseException) -> UserError:
    return UserError(f"“{path}” could not be read as an image ({error}). Leave it out.")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB in sRGB, transparency on white; a profile that cannot be read counts as sRGB, as in most viewers."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).round().astype(np.uint8))
    if profile and image.mode in {"RGB", "L", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
    return image.convert("RGB")
