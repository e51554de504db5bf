"""`python -m benchmarks.memory [METHOD…]`: the peak memory of each installed method, for its `memory` and `base`.

Each method runs in a process of its own, on a small and on a larger photo; the peak is what the operating system counts
(maxrss). Its growth by pixels is `memory`; what is left over what torch takes by itself is `base`. Facts that are
smaller than what was measured are marked: with them the plan of tiles may ask for more than there is.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from clarity_desktop.backend.methods import METHODS, missing
from clarity_desktop.backend.methods.method import ComputeTarget, ContextAware, Method

SIDES = 256, 512
"""Pixels of the sides of the two photos; for upscaling half of them."""
SCALE = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit of maxrss."""


class _Job:
    def checkpoint(self) -> None:
        pass


def main(words: Sequence[str]) -> int:
    """Measure the named methods, or all that are installed; prints a line for each."""
    if words and words[0] == "--here":
        print(json.dumps(_measure(METHODS[words[1]])))
        return 0
    names = words or [method.id for method in METHODS.values() if not missing(method)]
    print(f"{'method':28} {'bytes/pixel':>12} {'stated':>8} {'base MB':>9} {'stated':>8}")
    for name in names:
        command = [sys.executable, "-m", "benchmarks.memory", "--here", name]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            print(f"{name:28} failed: {ended.stderr.strip().splitlines()[-1:]}", flush=True)
            continue
        method, (per_pixel, base) = METHODS[name], json.loads(ended.stdout)
        low = "  too low" if per_pixel > method.memory or base > method.base else ""
        row = f"{name:28} {per_pixel:12.0f} {method.memory:8} {base / 1e6:9.0f} {method.base / 1e6:8.0f}"
        print(f"{row}{low}", flush=True)
    return 0


def _measure(method: Method) -> tuple[float, float]:
    """Bytes per pixel of the input, and bytes that do not depend on its size."""
    import torch

    from clarity_desktop.backend.weights import default_store

    torch.set_num_threads(1)
    torch.nn.functional.conv2d(torch.rand(1, 8, 64, 64), torch.rand(8, 8, 3, 3))  # loads what every network needs
    before = _peak()
    run = method.load(default_store().need(method.weights), ComputeTarget(threads=1), method.tasks[0])
    peaks: list[int] = []
    pixels: list[int] = []
    for side in (max(32, side // (2 if method.scale > 1 else 1)) for side in SIDES):
        side -= side % method.multiple_of
        tile = np.random.default_rng(0).random((side, side, 3), np.float32)
        mask = np.zeros((side, side), np.uint8)
        mask[side // 4 : side // 2, side // 4 : side // 2] = 255
        given = mask if method.needs_mask else None
        with torch.inference_mode():
            now = run.for_photo(tile, given, _Job()) if isinstance(run, ContextAware) else run
            now(tile, given, _Job())
        peaks.append(_peak())
        pixels.append(side * side)
    per_pixel = (peaks[1] - peaks[0]) / (pixels[1] - pixels[0])
    return per_pixel, max(0.0, peaks[1] - before - per_pixel * pixels[1])


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * SCALE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
