"""Measures the fusion of candidates: `python -m benchmarks.fusion --photos DIR --cache DIR`.

Unseen photos (the test split) are damaged by the training synthesis and restored by our own methods; the restorations
are kept in --cache. The table names, by damage, the PSNR in dB of the method that is best on average, of the best
candidate (chosen per photo by its truth), of their mean, of the fusion and of the best candidate at each pixel, which
no fusion by choice can exceed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from clarity_training import degrade
from clarity_training.method_runner import MethodRunner
from clarity_training.photos import load_8bit, select

from clarity_desktop.backend import methods, weights
from clarity_desktop.backend.fusion import fuse
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.values import Degradation, Task

Array = np.ndarray[Any, np.dtype[Any]]
CASES: dict[Degradation, tuple[Task, tuple[str, ...]]] = {
    "rain streak": ("derain", ("prenet-rain100h", "clarity-all", "jorder-e")),
    "haze": ("dehaze", ("maxim-dehazing-outdoor", "maxim-dehazing-indoor", "dark-channel")),
    "noise": ("denoise", ("dncnn", "ffdnet", "clarity-all", "nl-means")),
    "blur": ("deblur", ("maxim-deblurring", "dmphn", "richardson-lucy")),
    "snow": ("derain", ("prenet-rain100h", "clarity-all", "jorder-e")),
    "JPEG": ("dejpeg", ("dncnn-3", "jpeg-deblocking")),
    "low-light": ("low_light", ("iat-low-light", "pairlie", "zero-dce", "clarity-all")),
}
SIDE = 256
"""Of the square in the middle of each photo."""


class _Job:
    def checkpoint(self) -> None: ...

    def report(self, *_: object) -> None: ...


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--photos", type=Path, nargs="+", required=True)
    p.add_argument("--cache", type=Path, required=True)
    p.add_argument("--count", type=int, default=20)
    p.add_argument("--damage", nargs="+", default=list(CASES))
    args = p.parse_args()
    print("| damage | photos | candidates | damaged | one method | best method | best input | mean | fused | oracle |")
    print("|" + " --- |" * 10)
    for degradation in args.damage:
        rows = [_measure(case) for case in _cases(degradation, args)]
        methods_apart = np.mean([apart for apart, _ in rows], 0)
        damaged, *others = np.mean([figures for _, figures in rows], 0)
        figures = (damaged, methods_apart.mean(), methods_apart.max(), *others)
        shown = " | ".join(f"{value:.2f}" for value in figures)
        print(f"| {degradation} | {len(rows)} | {len(methods_apart)} | {shown} |", flush=True)


def _measure(case: dict[str, Array]) -> tuple[list[float], tuple[float, ...]]:
    """PSNR of each candidate; and of the damaged photo, the best candidate, the mean, the fusion, and the oracle."""
    clean, damaged = case["clean"], case["damaged"]
    candidates = [made for name, made in case.items() if name.startswith("candidate")]
    mean = np.rint(np.mean(candidates, 0))
    errors = [np.square(made.astype(np.float32) - clean).sum(2) for made in candidates]
    oracle = np.choose(np.argmin(errors, 0)[..., None], candidates)
    fused = fuse(candidates, damaged, job=_Job()).pixels
    apart = [_psnr(made, clean) for made in candidates]
    return apart, (_psnr(damaged, clean), max(apart), *(_psnr(made, clean) for made in (mean, fused, oracle)))


def _psnr(a: Array, b: Array) -> float:
    error = float(np.square(a.astype(np.float32) - b.astype(np.float32)).mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-4)))


def _cases(degradation: Degradation, args: argparse.Namespace) -> Iterator[dict[str, Array]]:
    paths = select(args.photos, "test")
    order = np.random.default_rng(27).permutation(len(paths))[: args.count]
    args.cache.mkdir(parents=True, exist_ok=True)
    runners: dict[str, MethodRunner] = {}
    for number, k in enumerate(order):
        file = args.cache / f"{degradation}-{number}.npz"
        if not file.exists():
            np.savez_compressed(file, **_restored(degradation, paths[k], number, runners))
        with np.load(file) as stored:
            yield dict(stored)


def _restored(degradation: Degradation, path: Path, number: int, runners: dict[str, MethodRunner]) -> dict[str, Array]:
    photo = load_8bit(path)
    y, x = ((n - min(n, SIDE)) // 2 for n in photo.shape[:2])
    clean = np.ascontiguousarray(photo[y : y + SIDE, x : x + SIDE])
    task, names = CASES[degradation]
    rng = np.random.default_rng([27, list(CASES).index(degradation), number])
    damaged = degrade.DAMAGES[degradation](clean.astype(np.float32) / 255, rng.uniform(0.3, 0.9), rng).pixels
    made = {"clean": clean, "damaged": np.rint(np.clip(damaged, 0, 1) * 255).astype(np.uint8)}
    table, store = methods.all_methods(), weights.default_store()
    for name in names:
        if name not in runners:
            method = table[name]
            runners[name] = MethodRunner(method, store.need(method.weights), ComputeTarget("cpu", "float32", 1))
        able = task if task in table[name].tasks else table[name].tasks[0]
        made[f"candidate {name}"] = runners[name](able, made["damaged"], None)
    return made


if __name__ == "__main__":
    main()
