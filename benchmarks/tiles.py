"""The effect of tiles on the result of a method, compared with one piece. Prints the tables of docs/tiles.md.

    python benchmarks/tiles.py DATA [--only PART-OF-ID]    DATA: the folder of measuring data
    python benchmarks/tiles.py --memory                    peak memory and seconds by side

Weights are taken from the program's folder or from the folders in CLARITY_WEIGHTS.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend import weights
from clarity_desktop.backend.methods import METHODS, ComputeTarget, Method, Run
from clarity_desktop.backend.restore import TilePlan, restore
from clarity_desktop.backend.restore.layout import Grid

PHOTOS = {
    "maxim-deraining": "rain_synth/input/xmu_1.jpg",
    "maxim-denoising": "noise_polyu/input/Canon5D2_5_160_6400_circuit_11.jpg",
    "maxim-deblurring": "blur_gopro/input/Istanbul.webp",
    "maxim-dehazing-outdoor": "haze_real/haze/RQ-Wu_BJ_Baidu_544.jpg",
    "maxim-dehazing-indoor": "haze_real/haze/RQ-Wu_BJ_Baidu_544.jpg",
    "maxim-enhancement": "lol_sample/input/9.webp",
    "maxim-retouching": "clean_camera/clean/immich_prairie_falcon.jpg",
}
TRIALS = ((256, 32), (384, 64), (512, 64), (256, 128))
BAND = 16
"""Pixels on each side of a border whose mean levels are compared."""


class Quiet:
    """A job without progress display."""

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None: ...


@dataclass(frozen=True)
class Seams:
    """How the tiled result differs from the whole, in levels of 255.

    step: largest difference of the mean level across one border; slope: steepest change of it from one line of
    pixels to the next, anywhere along a border.
    """

    step: float
    slope: float


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def seams(tiled: NDArray[Any], whole: NDArray[Any], grid: Grid) -> Seams:
    difference = (tiled.astype(np.float64) - whole).mean(-1)
    borders = [*_borders(difference, grid, 0), *_borders(difference.T, grid, 1)]
    return Seams(max((b.step for b in borders), default=0.0), max((b.slope for b in borders), default=0.0))


def _borders(difference: NDArray[np.float64], grid: Grid, across: int) -> list[Seams]:
    """Steps between neighboring columns; pass the transposed difference for rows."""
    columns, rows = (grid.columns, grid.rows) if across == 0 else (grid.rows, grid.columns)
    found: list[Seams] = []
    for row in range(len(rows.starts)):
        top, bottom = rows.cell(row, 1)
        profile = difference[top:bottom].mean(0)
        for column in range(1, len(columns.starts)):
            start, end = columns.cell(column, 1)[0], columns.cell(column - 1, 1)[1]
            before, after = profile[max(0, start - BAND) : start], profile[end : end + BAND]
            slope = np.abs(np.diff(profile[start : end + 1])).max()
            found.append(Seams(float(abs(after.mean() - before.mean())), float(slope)))
    return found


def photo(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def truth(path: Path) -> NDArray[np.uint8] | None:
    """The undamaged photo, if the data set has it."""
    target = path.parent.parent / "target" / path.name
    return photo(target) if path.parent.name == "input" and target.is_file() else None


def measure(method: Method, run: Run, path: Path, at: ComputeTarget) -> None:
    """One table: the photo whole, then in every kind of tiles that its size allows. Cut so that nothing is padded:
    padding changes the result more than tiles do.
    """
    pixels, target = photo(path), truth(path)
    height, width = (side // method.multiple_of * method.multiple_of for side in pixels.shape[:2])
    pixels, target = pixels[:height, :width], None if target is None else target[:height, :width]
    print(f"\n**{method.id}**, {path.name}, {width} × {height}\n")
    print("| tile (real side) | overlap (real) | given | s | PSNR to whole | step | slope | PSNR to truth |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    whole: NDArray[np.uint8] | None = None
    seen: set[Grid] = set()
    for tile, overlap in ((0, method.overlap), *TRIALS):
        grid = Grid.over(width, height, tile, overlap, method.multiple_of)
        if (tile and len(grid) == 1) or grid in seen:
            continue
        seen.add(grid)
        started = time.monotonic()
        done = restore(
            pixels, method, run, TilePlan(tile, overlap, at), job=Quiet(), on_tile=lambda _b, _p: None,
            reload=lambda _place: run,
        ).pixels  # fmt: skip
        took = time.monotonic() - started
        whole = done if whole is None else whole
        against = f"{psnr(done, target):.2f}" if target is not None else ""
        print(_line(tile, grid, took, pixels, done, whole) + f" {against} |", flush=True)


def _line(tile: int, grid: Grid, took: float, pixels: Any, done: Any, whole: Any) -> str:
    given = f"{grid.area / (pixels.shape[0] * pixels.shape[1]):.2f}×"
    if not tile:
        return f"| whole | | {given} | {took:.1f} | | | |"
    shared = [axis.starts[0] + axis.side - axis.starts[1] for axis in (grid.columns, grid.rows) if len(axis.starts) > 1]
    border = seams(done, whole, grid)
    return (
        f"| {tile} ({grid.columns.side} × {grid.rows.side}) | {min(shared)} | {given} | {took:.1f} "
        f"| {psnr(done, whole):.1f} | {border.step:.2f} | {border.slope:.2f} |"
    )


def memory(method: Method, side: int, threads: int) -> None:
    """Memory of one run on side × side above that of the loaded network, measured in a new process."""
    import psutil

    process = psutil.Process()
    run = method.load(
        weights.default_store().need(method.weights), ComputeTarget("cpu", "float32", threads), method.tasks[0]
    )
    loaded = process.memory_info().rss
    tile = np.random.default_rng(0).random((side, side, 3), np.float32)
    started = time.monotonic()
    run(tile, None, Quiet())
    took = time.monotonic() - started
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"| {method.architecture} | {side}² | {loaded / 1e6:.0f} MB | {peak / 1e6:.0f} MB "
        f"| {(peak - loaded) / side**2:.0f} | {took / side**2 * 1e6:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    if asked.side:
        memory(METHODS[asked.only], asked.side, asked.threads)
        return
    if asked.memory:
        print(
            "| network | side | loaded | peak | bytes per pixel | s per megapixel |\n|---|---|---|---|---|---|",
            flush=True,
        )
        for name in ("maxim-deraining", "maxim-denoising"):
            for side in (256, 512, 768):
                command = [sys.executable, __file__, "--memory", "--only", name, "--side", str(side)]
                subprocess.run([*command, "--threads", str(asked.threads)], check=True)
    elif asked.data is None:
        parser.error("name the folder of measuring data, or ask for --memory")
    else:
        at = ComputeTarget("cpu", "float32", asked.threads)
        for name in (n for n in PHOTOS if asked.only in n):
            run = METHODS[name].load(weights.default_store().need(METHODS[name].weights), at)
            measure(METHODS[name], run, asked.data / PHOTOS[name], at)
            del run


if __name__ == "__main__":
    main()
