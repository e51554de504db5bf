"""Panning of a 100-megapixel photo: frames per second, CPU time per frame and the longest frame, at ratio 1 and 2.

    python benchmarks/canvas.py                 both ratios, each in its own process
    python benchmarks/canvas.py --here          in this process (QT_SCALE_FACTOR sets the ratio)

The photo has 12000 × 8400 pixels (100.8 MP), 16 bits and the Display P3 profile: the most expensive case. Its tiles
arrive one turn of the event loop after they were wanted, so that each frame carries the cost of converting them. While
other programs use the processor, compare the median of the CPU time of several runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColorSpace
from PySide6.QtWidgets import QApplication

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.values import TILE, Level, Manifest, Pixels, VersionId

WIDTH, HEIGHT = 12_000, 8_400
WINDOW = (1600, 1000)
SECONDS = 2.0
SCALES = (("fit", None), ("27 %", 0.27), ("100 %", 1.0), ("150 %", 1.5), ("250 %", 2.5))
NOISE = np.random.default_rng(0).integers(0, 65536, (2 * TILE, 2 * TILE, 3), np.uint16)


def manifest(name: bytes) -> Manifest:
    """A pyramid whose hashes encode the position of their tile."""
    levels: list[Level] = []
    width, height = WIDTH, HEIGHT
    while not levels or max(levels[-1].width, levels[-1].height) > TILE:
        count = -(-width // TILE) * -(-height // TILE)
        levels.append(Level(width, height, tuple(b"%s %d %d" % (name, len(levels), k) for k in range(count))))
        width, height = (width + 1) // 2, (height + 1) // 2
    return Manifest(VersionId(name.decode()), tuple(levels))


class Backend:
    """Delivers tiles of noise, one turn of the event loop after they were requested."""

    def __init__(self, canvas: Canvas, levels: tuple[Level, ...]) -> None:
        self._canvas, self._levels = canvas, levels
        self.delivered = 0
        canvas.tiles_wanted.connect(lambda hashes: QTimer.singleShot(0, lambda: self._deliver(hashes)))

    def _deliver(self, hashes: tuple[bytes, ...]) -> None:
        self.delivered += len(hashes)
        self._canvas.add_tiles(tuple((h, self._tile(h)) for h in hashes))

    def _tile(self, tile: bytes) -> Pixels:
        _, level, index = tile.split()
        at = self._levels[int(level)].bounds(int(index))
        y, x = int(index) * 37 % TILE, int(index) * 101 % TILE
        return NOISE[y : y + at.height, x : x + at.width]


def pan(app: QApplication, canvas: Canvas, *, split: bool) -> tuple[float, float, float]:
    """Pan back and forth for some seconds: frames per second, longest frame in ms, CPU ms (median)."""
    canvas.comparison.set_mode("split" if split else "single")
    for _ in range(20):
        app.processEvents()
    longest, start, cpu = 0.0, time.perf_counter(), list[float]()
    before = start
    while before - start < SECONDS:
        used = time.process_time()
        step = 24 if len(cpu) // 60 % 2 == 0 else -24
        canvas.view.pan(step, step // 2)
        canvas.repaint()
        app.processEvents()
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
        cpu.append(time.process_time() - used)
    return len(cpu) / (before - start), longest * 1000, statistics.median(cpu) * 1000


def here() -> None:
    """Measure on this process's screen."""
    app = QApplication([])
    theme.apply(app, "dark")
    canvas = Canvas()
    canvas.resize(*WINDOW)
    after, before = manifest(b"after"), manifest(b"before")
    backend = Backend(canvas, after.levels)
    icc = bytes(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3).iccProfile().data())
    canvas.show()
    canvas.show_version(after, icc)
    canvas.show_compared((before,))
    for name, scale in SCALES:
        for split in (False, True):
            canvas.view.fit() if scale is None else canvas.view.zoom_to(scale)
            before_count = backend.delivered
            fps, longest, cpu = pan(app, canvas, split=split)
            how = "split" if split else "single"
            print(
                f"{canvas.devicePixelRatioF():g}×  {name:>5} {how}: {fps:6.0f} frames/s, longest {longest:5.1f} ms, "
                f"{cpu:5.2f} ms CPU, "
                f"{backend.delivered - before_count} tiles arrived",
                flush=True,
            )
    go_back(app, canvas, (after, before), icc)
    canvas.close()


def go_back(app: QApplication, canvas: Canvas, versions: tuple[Manifest, Manifest], icc: bytes) -> None:
    """From one version to another and back at 100%: time to the first paint, with tiles missing and cached."""
    canvas.comparison.set_mode("single")
    canvas.view.zoom_to(1.0)
    for name in ("tiles absent", "tiles cached"):
        times, used = list[float](), list[float]()
        for version in versions:
            start, cpu = time.perf_counter(), time.process_time()
            canvas.show_version(version, icc)
            canvas.repaint()
            times.append(time.perf_counter() - start)
            used.append(time.process_time() - cpu)
            until = time.perf_counter() + SECONDS
            while time.perf_counter() < until:
                app.processEvents()
        print(
            f"{canvas.devicePixelRatioF():g}×  another version, {name}: first paint {max(times) * 1000:.0f} ms, "
            f"{max(used) * 1000:.0f} ms CPU",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--here", action="store_true")
    if parser.parse_args().here:
        here()
        return
    root = Path(__file__).resolve().parents[1]
    print(f"{WIDTH} × {HEIGHT} pixels, 16 bits, Display P3; window {WINDOW[0]} × {WINDOW[1]}; target: 30 frames/s")
    for ratio in ("1", "2"):
        environment = os.environ | {"QT_SCALE_FACTOR": ratio, "PYTHONPATH": str(root)}
        subprocess.run([sys.executable, __file__, "--here"], env=environment, check=True)


if __name__ == "__main__":
    main()
