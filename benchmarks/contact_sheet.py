"""The training synthesis at a glance: every degradation in three severities, and blends, on photos that you name.

    python -m benchmarks.contact_sheet FOLDER_OR_PHOTO... [--to docs/images/degradations.jpg] [--seed 3]

One photo a row, one seed a row: within a row only the severity differs. --speed measures photos per second instead.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
from clarity_training import degrade, photos
from clarity_training.damage import Photo
from numpy.typing import NDArray
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
    p.add_argument("--speed", action="store_true", help="photos per second instead of the sheet")
    asked = p.parse_args()
    paths = [path for given in asked.photos for path in (photos.find([given]) if given.is_dir() else [given])]
    scenes = [scene(path) for path in paths[: len(ROWS)]]
    if asked.speed:
        for name in (*ROWS, "ordinary", "sample"):
            small, large = (speed(name, scenes, size) for size in ((128, 128), (577, 433)))
            print(f"{name:14} {small:6.0f} {large:6.0f}")
        return
    asked.to.parent.mkdir(parents=True, exist_ok=True)
    drawn(scenes, asked.seed).save(asked.to, quality=80, optimize=True)
    print(f"{asked.to}: {asked.to.stat().st_size / 1e3:.0f} kB")


def scene(path: Path) -> Photo:
    """The photo's middle at 4:3, reduced."""
    photo = photos.load(path, 1200)
    height, width = photo.shape[:2]
    h, w = min(height, width * 3 // 4), min(width, height * 4 // 3)
    y, x = (height - h) // 2, (width - w) // 2
    small = cv2.resize(photo[y : y + h, x : x + w], SCENE, interpolation=cv2.INTER_AREA)
    return np.clip(small, 0, 1).astype(np.float32)


def damaged(name: str, photo: Photo, severity: float, rng: np.random.Generator) -> Photo:
    if name == "blend":
        return degrade.blend(photo, rng)[0].pixels
    if name == "ordinary":
        return degrade.ordinary(photo, rng)
    if name == "sample":
        return degrade.sample(photo, rng)[0].pixels
    return next(damage for known, damage in degrade.DAMAGES.items() if known == name)(photo, severity, rng).pixels


def drawn(scenes: list[Photo], seed: int) -> Image.Image:
    down = -(-len(ROWS) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (3 * CELL[0] + 8) - 8, down * (CELL[1] + LINE)), "white")
    write, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, name in enumerate(ROWS):
        left, top = row // down * (3 * CELL[0] + 8), row % down * (CELL[1] + LINE)
        write.text((left + 2, top + 1), name, "black", font)
        for column, severity in enumerate(SEVERITIES):
            rng = np.random.default_rng([seed, row, column if name == "blend" else 0])
            cell = damaged(name, scenes[row % len(scenes)], severity, rng)
            small = cv2.resize(cell, CELL, interpolation=cv2.INTER_AREA)
            sheet.paste(Image.fromarray(eight_bits(small)), (left + column * CELL[0], top + LINE))
    return sheet


def eight_bits(photo: NDArray[np.generic]) -> NDArray[np.uint8]:
    return (np.asarray(photo, np.float32).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def speed(name: str, scenes: list[Photo], size: tuple[int, int], seconds: float = 1.0) -> float:
    """Photos per second on this process's cores."""
    ready = [
        np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32).clip(0, 1) for photo in scenes
    ]
    rng, done = np.random.default_rng(0), 0
    damaged(name, ready[0], 0.5, rng)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        damaged(name, ready[done % len(ready)], float(rng.random()), rng)
        done += 1
    return done / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
