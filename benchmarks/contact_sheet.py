"""Contact sheet of the training synthesis: every degradation in three severities, and blends.

    python -m benchmarks.contact_sheet FOLDER_OR_PHOTO... [--to docs/images/degradations.jpg] [--seed 3]

Each row has one photo and one seed, so only the severity differs. --speed measures photos per second instead.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from clarity_training import degrade, photos
from clarity_training.damage import Photo
from PIL import Image, ImageDraw, ImageFont

CELL = (196, 147)
SCENE = (320, 240)
SEVERITIES = (0.25, 0.6, 1.0)
ROWS = (*degrade.DAMAGES, "blend")
ACROSS = 2
LINE = 18


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("photos", nargs="+", type=Path)
    p.add_argument("--to", type=Path, default=Path("docs/images/degradations.jpg"))
    p.add_argument("--seed", type=int, default=3)
    p.add_argument("--speed", action="store_true", help="measure photos per second instead")
    args = p.parse_args()
    paths = [file for path in args.photos for file in (photos.find([path]) if path.is_dir() else [path])]
    scenes = [scene(path) for path in paths[: len(ROWS)]]
    if args.speed:
        for name in (*ROWS, "augmentation", "sample"):
            small, large = (speed(name, scenes, size) for size in ((128, 128), (577, 433)))
            print(f"{name:14} {small:6.0f} {large:6.0f}")
        return
    args.to.parent.mkdir(parents=True, exist_ok=True)
    render(scenes, args.seed).save(args.to, quality=80, optimize=True)
    print(f"{args.to}: {args.to.stat().st_size / 1e3:.0f} kB")


def scene(path: Path) -> Photo:
    """The center of the photo, cropped to 4:3 and reduced to SCENE: H×W×3 float32, 0..1."""
    photo = photos.load(path, 1200)
    height, width = photo.shape[:2]
    h, w = min(height, width * 3 // 4), min(width, height * 4 // 3)
    y, x = (height - h) // 2, (width - w) // 2
    small = cv2.resize(photo[y : y + h, x : x + w], SCENE, interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 1).astype(np.float32)


def apply(name: str, photo: Photo, severity: float, rng: np.random.Generator) -> Photo:
    if name == "blend":
        return degrade.blend(photo, rng)[0].pixels
    if name == "augmentation":
        return degrade.augment(photo, rng)
    if name == "sample":
        return degrade.sample(photo, rng)[0].pixels
    return next(damage for key, damage in degrade.DAMAGES.items() if key == name)(photo, severity, rng).pixels


def render(scenes: list[Photo], seed: int) -> Image.Image:
    down = -(-len(ROWS) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (3 * CELL[0] + 8) - 8, down * (CELL[1] + LINE)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, name in enumerate(ROWS):
        left, top = row // down * (3 * CELL[0] + 8), row % down * (CELL[1] + LINE)
        draw.text((left + 2, top + 1), name, "black", font)
        for column, severity in enumerate(SEVERITIES):
            rng = np.random.default_rng([seed, row, column if name == "blend" else 0])
            cell = apply(name, scenes[row % len(scenes)], severity, rng)
            small = cv2.resize(cell, CELL, interpolation=cv2.INTER_AREA)
            sheet.paste(
                Image.fromarray(photos.to_8bit(np.asarray(small, np.float32))), (left + column * CELL[0], top + LINE)
            )
    return sheet


def speed(name: str, scenes: list[Photo], size: tuple[int, int], seconds: float = 1.0) -> float:
    """Photos per second of one process. size: width and height."""
    ready = [
        np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32).clip(0, 1) for photo in scenes
    ]
    rng, done = np.random.default_rng(0), 0
    apply(name, ready[0], 0.5, rng)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        apply(name, ready[done % len(ready)], float(rng.random()), rng)
        done += 1
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
