"""The engine: the cost of a regional restoration, and memory over many rounds.

    python -m benchmarks.engine [rounds]

The region is measured with MAXIM deraining, if its weights are here; the rounds with a method that only halves.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import psutil

from clarity_desktop.backend import methods, weights
from clarity_desktop.backend.methods import Method
from clarity_desktop.backend.restore import padded_box
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Restore
from clarity_desktop.settings import Settings
from clarity_desktop.values import Bounds, Picture, Region, RestoreParams
from clarity_desktop.worker import Job, Lane, Pools, run_all

UNIFORM = Method(
    id="halves", title="Halving", tasks=("denoise",), architecture="none", licence="MIT", paper="none",
    trained_on="nothing", weights=(), load=lambda _weights, _place, _task: lambda tile, _mask, _job: tile * 0.5,
    tile=512, overlap=32, memory=100, base=1000,
)  # fmt: skip


def scene(width: int, height: int) -> np.ndarray:
    """A picture with texture."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([128 + 90 * np.sin(x / 9), 128 + 90 * np.cos(y / 7), (x + y) % 256], -1)
    return base.clip(0, 255).astype(np.uint8)


async def region_cost(studio: Studio, jobs: Callable[[], Job]) -> None:
    """Best of 3 each: a whole photo of 768², and a region of 240 × 200 in it."""
    method = methods.choose("derain")
    if weights.default_store().find(method.weights[0]) is None:
        print("regional cost: not measured, the weights of MAXIM deraining are not here")
        return
    pixels = scene(768, 768)
    region = Region.rectangle(Bounds(300, 280, 240, 200), 768, 768)
    best = {"whole": 1e9, "region": 1e9}
    for _ in range(3):
        for name, params in (("whole", RestoreParams("derain")), ("region", RestoreParams("derain", region=region))):
            start = time.perf_counter()
            await studio.apply(pixels, params, jobs())
            best[name] = min(best[name], time.perf_counter() - start)
    share = padded_box(region.bounds, method, 768, 768).area / pixels[..., 0].size
    ratio, bar = best["region"] / best["whole"], 1.3 * share + 0.1
    print(
        f"regional restoration: {best['region']:.1f} s, whole photo {best['whole']:.1f} s, ratio {ratio:.2f} "
        f"(bar {bar:.2f} for a box of {share:.0%})"
    )


async def steady(studio: Studio, jobs: Callable[[], Job], rounds: int) -> None:
    """Restore and undo repeatedly in one document."""
    cast("dict[str, Method]", methods.METHODS)["halves"] = UNIFORM
    methods.all_methods.cache_clear()
    document = await studio.open_picture(Picture(scene(480, 320)), "steady", jobs())
    process, marks = psutil.Process(), {}
    for k in range(1, rounds + 1):
        job = jobs()
        params = RestoreParams("denoise", "halves")
        await studio.restore_now(Restore(document.id, document.card().head, params), job)
        await studio.move(document.id, lambda d: d.undo(), job)
        if k in {rounds // 5, rounds}:
            gc.collect()
            marks[k] = process.memory_info().rss
    early, late = marks.values()
    print(
        f"memory after {rounds // 5} and {rounds} rounds of restore and undo: {early / 1e6:.0f} and "
        f"{late / 1e6:.0f} MB, {late / early - 1:+.1%} (bar 5 %)"
    )


async def _main(rounds: int) -> None:
    lane, pools = Lane(), Pools()

    def jobs() -> Job:
        return Job(lambda _event: None, lane, pools)

    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(Settings(), Path(folder))
        try:
            await region_cost(studio, jobs)
            await steady(studio, jobs, rounds)
        finally:
            run_all(lane.close, pools.close, studio.close)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
