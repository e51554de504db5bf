"""Clean photos for training, checking and examining: found in folders, split by source photo, loaded as sRGB."""

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

Part = Literal["train", "check", "exam"]
SHARES: dict[Part, int] = {"train": 70, "check": 8, "exam": 22}
"""Parts of a hundred."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MAX_PIXELS = 120_000_000
"""A file that says it holds more is not decoded."""


def find(folders: Sequence[Path]) -> list[Path]:
    """The pictures below the folders, sorted by path, each once. Raises UserError where a folder is none or all are
    empty."""
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"“{folder}” is no folder. Name a folder with clean photos.")
    found = sorted({p for folder in folders for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file()})
    if not found:
        raise UserError(f"There are no pictures below {', '.join(map(str, folders))}. Name a folder with clean photos.")
    return found


def part_of(path: Path) -> Part:
    """The part a photo belongs to: by a hash of its file's stem, so that copies, crops and other formats under one name
    stay together, and no photo changes sides when others come or go."""
    at = int.from_bytes(hashlib.sha256(path.stem.encode()).digest()[:8], "big") % 100
    for part, share in SHARES.items():
        if at < share:
            return part
        at -= share
    raise AssertionError("the shares make a hundred")


def split(paths: Sequence[Path], part: Part) -> list[Path]:
    """Those of the photos that belong to a part, in their order. Raises UserError where none does."""
    chosen = [path for path in paths if part_of(path) == part]
    if not chosen:
        raise UserError(f"None of these {len(paths)} photos belongs to the part “{part}”. Name more folders.")
    return chosen


def load(path: Path, longest: int | None = None) -> Photo:
    """The photo upright in sRGB, H×W×3 float32 0..1; scaled down (Lanczos) to `longest` pixels where it is longer.

    Raises UserError where the file is no picture, is broken, or holds more than MAX_PIXELS.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"“{path}” has {image.width} × {image.height} pixels. Leave it out or scale it down.")
            if longest:
                image.draft(None, (2 * longest, 2 * longest))  # a JPEG is decoded at a fraction of its size
            icc = image.info.get("icc_profile")
            upright = _in_srgb(ImageOps.exif_transpose(image), icc)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"“{path}” could not be read as a picture ({error}). Leave it out.") from error
    if longest and max(upright.size) > longest:
        scale = longest / max(upright.size)
        size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(upright, np.float32) / np.float32(255)


def eight_bits(photo: Photo) -> NDArray[np.uint8]:
    """The photo as a file of 8 bits keeps it; what is beyond 0..1 is cut."""
    return np.rint(photo.clip(0, 1) * 255).astype(np.uint8)


def _in_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """RGB on white in sRGB; a profile that cannot be read counts as sRGB, as viewers do."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    elif image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        image = Image.fromarray((np.asarray(image, np.float64) / 257).clip(0, 255).round().astype(np.uint8))
    if icc and image.mode in {"RGB", "L", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            return image.convert("RGB")
    return image.convert("RGB")
