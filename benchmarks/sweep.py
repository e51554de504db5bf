"""Reads every picture below some folders and compares with other readers: `python -m benchmarks.sweep FOLDER…`.

For copies of public test files, whose right values are not known: a file is listed if our reader and every other one
that can read it disagree, if only one side can read it, and if reading it fails in a way that is no sentence. The other
readers are Pillow, imagecodecs and tifffile, and, where they are installed, libvips (pyvips) and ImageMagick. Pixels
are compared as sRGB of 8 bits, upright; the colors of transparent pixels are not.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from clarity_desktop.backend.pictures import Decoder, to_srgb8
from clarity_desktop.messages import UserError
from clarity_desktop.values import READABLE
from tests.differential import as_color, installed

Array = np.ndarray[Any, np.dtype[Any]]
Shown = tuple[Array, Array]
"""sRGB (H×W×3 uint8) and alpha (H×W uint8), upright."""
WITHIN = 3.0
"""Mean difference of what is visible, in levels of 255, that lossy decoders and color engines may have."""
LARGEST = 60_000_000
"""Pixels of a file that is compared; other readers have no limit."""
_UNREADABLE = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, SyntaxError, RuntimeError,
               NotImplementedError, ArithmeticError, ImageCms.PyCMSError, Image.DecompressionBombError)  # fmt: skip


def by_pillow(path: Path) -> Shown | None:
    """Pillow, with its bindings of Little CMS."""
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode.startswith(("I", "F")):
                return None  # no agreed range
            turned = ImageOps.exif_transpose(image) or image
            clear = np.asarray(turned.convert("RGBA"))[..., 3]
            profile = image.info.get("icc_profile")
            if profile and turned.mode in {"RGB", "RGBA", "CMYK", "L", "LA"}:
                flat = turned.convert("RGB" if turned.mode == "RGBA" else "L" if turned.mode == "LA" else turned.mode)
                source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                target = ImageCms.createProfile("sRGB")
                turned = ImageCms.profileToProfile(flat, source, target, outputMode="RGB") or turned
            return np.asarray(turned.convert("RGB")), clear
    except _UNREADABLE:
        return None


def by_vips(path: Path) -> Shown | None:
    """libvips, which converts embedded profiles."""
    pyvips: Any = importlib.import_module("pyvips")
    try:
        image = pyvips.Image.new_from_file(str(path), fail_on="warning").autorot()
        if image.format in {"float", "double", "int", "uint", "complex"}:
            return None  # no agreed range
        if image.get_typeof("icc-profile-data"):
            image = image.icc_transform("srgb", embedded=True, depth=8)
        image = image.colourspace("srgb").cast("uchar")
        values = image.numpy()
    except pyvips.Error:
        return None
    return _parted(as_color(values))


def by_imagemagick(path: Path) -> Shown | None:
    """ImageMagick; it converts no profiles, so photos with one are compared by the others only."""
    command = ["convert", f"{path}[0]", "-auto-orient", "-format", "%w %h %[profile:icc]\n", "-write", "info:-",
               "-colorspace", "sRGB", "-depth", "8", "rgba:-"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    head, _, samples = done.stdout.partition(b"\n")
    words = head.split(maxsplit=2)
    if done.returncode or len(words) != 2 or len(samples) != int(words[0]) * int(words[1]) * 4:
        return None
    values = np.frombuffer(samples, np.uint8).reshape(int(words[1]), int(words[0]), 4)
    return values[..., :3], values[..., 3]


def by_imagecodecs(path: Path) -> Shown | None:
    """The codecs of imagecodecs and tifffile's reader, for 8 and 16 bits and without color management."""
    import imagecodecs

    try:
        stored: Any = imagecodecs.imread(path)
    except Exception:  # noqa: BLE001 — some fifty libraries raise what they like
        return None
    if stored.dtype not in (np.uint8, np.uint16) or stored.ndim not in {2, 3}:
        return None
    if stored.ndim == 3 and stored.shape[2] > 4:
        return None
    values = np.rint(stored / np.iinfo(stored.dtype).max * 255).astype(np.uint8)
    return _parted(as_color(values))


def _parted(values: Array) -> Shown:
    """Color and alpha of H×W×3 or H×W×4 values (uint8); what has no alpha is opaque."""
    return values[..., :3], values[..., 3] if values.shape[2] > 3 else np.full(values.shape[:2], 255, np.uint8)


def readers() -> dict[str, Callable[[Path], Shown | None]]:
    """The other readers that are installed here."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return {"pillow": by_pillow, "imagecodecs": by_imagecodecs, **installed(by_vips, by_imagemagick)}


def declared(path: Path) -> int:
    """Pixels by the file's header, 0 where Pillow does not know it."""
    try:
        with Image.open(path) as image:
            return image.width * image.height
    except Image.DecompressionBombError:
        return LARGEST + 1
    except _UNREADABLE:
        return 0


def gap(ours: Shown, theirs: Shown) -> str:
    """What differs, or an empty text."""
    (pixels, alpha), (others, clear) = ours, theirs
    if pixels.shape != others.shape:
        return f"size {pixels.shape[1]}×{pixels.shape[0]}, not {others.shape[1]}×{others.shape[0]}"
    if (off := float(np.abs(alpha.astype(int) - clear).mean())) > WITHIN:
        return f"alpha by {off:.1f}"
    seen = np.minimum(alpha, clear).astype(np.float32)[..., None] / 255
    off = float((np.abs(pixels.astype(int) - others) * seen).sum() / max(1.0, 3 * float(seen.sum())))
    return f"colors by {off:.1f}" if off > WITHIN else ""


def compare(path: Path, decoder: Decoder, others: dict[str, Callable[[Path], Shown | None]]) -> dict[str, Any]:
    """One row of the list: "verdict" is "agrees", "refused by both", or what is to be looked at."""
    if declared(path) > LARGEST:
        return {"path": str(path), "verdict": "too large to compare"}
    start = time.perf_counter()
    try:
        picture = decoder.read(path)
        pixels, alpha = to_srgb8(picture)
        ours: Shown | str = pixels, np.full(pixels.shape[:2], 255, np.uint8) if alpha is None else alpha
    except UserError as e:
        ours = str(e)
    row: dict[str, Any] = {"path": str(path), "seconds": round(time.perf_counter() - start, 2)}
    read = {name: shown for name, reader in others.items() if (shown := reader(path)) is not None}
    if isinstance(ours, str):
        row["said"] = ours
        return {**row, "verdict": "only others read it" if read else "refused by both", "others": sorted(read)}
    gaps = {name: gap(ours, shown) for name, shown in read.items()}
    row["gaps"] = {name: text for name, text in gaps.items() if text}
    if not read:
        return {**row, "verdict": "only ours reads it"}
    if all(gaps.values()):
        return {**row, "verdict": "all others differ"}
    return {**row, "verdict": "agrees" if not row["gaps"] else "agrees with some"}


def pictures(folders: list[Path]) -> Iterator[Path]:
    """The files with a name of a picture, in order."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in READABLE and path.is_file():
                yield path


def main() -> int:
    """List what is to be looked at. Returns 1 if there is anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rows", type=Path, help="a file for all rows, one JSON object each")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    others, decoder, counts = readers(), Decoder(), Counter[str]()
    print("Compared with", ", ".join(others) + ".")
    rows = options.rows.open("a") if options.rows else None
    for path in pictures(options.folders):
        row = compare(path, decoder, others)
        counts[row["verdict"]] += 1
        if rows:
            rows.write(json.dumps(row) + "\n")
            rows.flush()
        if row["verdict"] in {"all others differ", "only others read it"}:
            print(f"{row['verdict']}: {path}: {row.get('said') or row['gaps']}", flush=True)
    decoder.close()
    print(f"{sum(counts.values())} files:", ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return bool(counts["all others differ"] + counts["only others read it"])


if __name__ == "__main__":
    sys.exit(main())
