"""`clarity bench restorer`: what the all-in-one network gains on unseen photos damaged by the exam's synthesis, and
how much it leaves of photos that nothing is wrong with. From both follows for which tasks it is offered.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import methods, restore, weights
from clarity_desktop.backend.iqa.distance import distance, psnr
from clarity_desktop.backend.methods import ComputeTarget, Method, clarity
from clarity_desktop.backend.nets.clarity_all import TASKS
from clarity_desktop.backend.restore import TilePlan
from clarity_desktop.messages import UserError
from clarity_desktop.values import DEGRADATIONS, Degradation, Mask, Pixels, Region, Task
from clarity_training import exam, weight_errors
from clarity_training.evaluate import plots
from clarity_training.photos import eight_bits, find, load, split

Restore = Callable[[Task, Pixels, Mask | None], Pixels]
"""A photo for a task, with what is lost marked 255; returns a photo of the same size."""

LONGEST = 600
"""Photos are reduced to this side at most."""
MOST = 60.0
"""dB; photos that are closer, by a quarter of a grey level, count as this."""
GAIN: Mapping[Task, float] = {"dejpeg": 0.7, "deblur": 1.0}
"""dB that a task must gain on average where it is not the usual."""
USUAL_GAIN, KEPT, FEWEST = 2.0, 38.0, 10
"""dB gained, dB between a clean photo and what is made of it (both on average), and photos that it takes to say so."""
SHOWN = 2
"""Photos of each task on the sheet."""


@dataclass(frozen=True, slots=True)
class Case:
    """One photo: dB and SSIM to the clean one before and after; clean: dB that remain of the undamaged photo (None
    where a task needs to be shown what is lost, and touches nothing else)."""

    before: float
    after: float
    ssim_before: float
    ssim_after: float
    clean: float | None

    @property
    def gain(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Figures:
    """A task over its photos, in dB but for SSIM and the share (0..1) of photos that gain."""

    photos: int
    before: float
    after: float
    gain: float
    median: float
    worst: float
    gaining: float
    ssim_before: float
    ssim_after: float
    clean: float | None
    clean_worst: float | None

    @staticmethod
    def of(cases: Sequence[Case]) -> Figures:
        gains = np.array([c.gain for c in cases])
        clean = [c.clean for c in cases if c.clean is not None]
        mean = {k: float(np.mean([getattr(c, k) for c in cases])) for k in ("before", "after", *_SSIM)}
        return Figures(
            photos=len(cases), **mean,
            gain=float(gains.mean()), median=float(np.median(gains)), worst=float(gains.min()),
            gaining=float((gains > 0).mean()),
            clean=float(np.mean(clean)) if clean else None, clean_worst=min(clean, default=None),
        )  # fmt: skip


_SSIM = ("ssim_before", "ssim_after")


def passes(task: Task, found: Figures) -> bool:
    """Whether a task is good enough to be offered."""
    kept = found.clean is None or found.clean >= KEPT
    return found.photos >= FEWEST and found.gain >= GAIN.get(task, USUAL_GAIN) and kept


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, write figures.json, figures.md and sheet.jpg into --out."""
    asked = _parser().parse_args(words)
    paths = split(find(asked.photos), "exam")
    tried = _restorer(asked.method, asked.weights, asked.threads)
    found: dict[Task, Figures] = {}
    shown: list[tuple[NDArray[np.uint8], str]] = []
    for task in asked.task or tried.tasks:
        cases = measured(task, paths, tried.restore, asked.count, asked.seed, shown)
        found[task] = Figures.of(cases)
        print(_line(task, found[task]), flush=True)
    asked.out.mkdir(parents=True, exist_ok=True)
    whole = {
        "weights": tried.digests, "seed": asked.seed, "photos in the exam's part": len(paths),
        "tasks": {task: {**asdict(f), "offered": passes(task, f)} for task, f in found.items()},
    }  # fmt: skip
    (asked.out / "figures.json").write_text(json.dumps(whole, indent=1), "utf-8")
    (asked.out / "figures.md").write_text(markdown(found), "utf-8")
    plots.sheet(shown, 3 * SHOWN).save(asked.out / "sheet.jpg", quality=88)
    print("Offered: " + (", ".join(t for t, f in found.items() if passes(t, f)) or "none"))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench restorer", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="the folders of the training")
    p.add_argument("--weights", type=Path, metavar="FILE", help="instead of those that travel with the program")
    p.add_argument("--method", metavar="ID", help="another method than our all-in-one network")
    p.add_argument("--task", nargs="+", choices=TASKS, help="only these tasks (default: all that the method does)")
    p.add_argument("--count", type=int, default=12, help="photos of each task")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", type=Path, default=Path("out/bench-restorer"), metavar="DIR")
    return p


def measured(
    task: Task, paths: Sequence[Path], restore: Restore, count: int, seed: int, shown: list[tuple[Any, str]]
) -> list[Case]:
    """`count` of the photos (all, if they are fewer), drawn by the seed, damaged, restored and compared.

    shown receives the first ones as input, result and clean photo with a line for each.
    """
    kind = DEGRADATIONS[TASKS.index(task)]
    order = np.random.default_rng([seed, TASKS.index(task)]).permutation(len(paths))[:count]
    cases: list[Case] = []
    for k, at in enumerate(order):
        clean = eight_bits(load(paths[at], LONGEST))
        damaged, lost = _damaged(kind, clean, np.random.default_rng([seed, TASKS.index(task), k]))
        restored = restore(task, damaged, lost)
        cases.append(_case(clean, damaged, restored, None if lost is not None else restore(task, clean, None)))
        if k < SHOWN:
            shown += [
                (damaged, f"{task}: {cases[-1].before:.1f} dB"),
                (restored, f"{cases[-1].after:.1f} dB"),
                (clean, paths[at].name),
            ]
    return cases


def _damaged(kind: Degradation, clean: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask | None]:
    photo = np.divide(clean, 255, dtype=np.float32)
    damaged, _ = exam.damage(kind, photo, rng)
    lost = None if damaged.holes is None else (damaged.holes > 0).astype(np.uint8) * np.uint8(255)
    return eight_bits(damaged.pixels), lost


def _case(clean: Pixels, damaged: Pixels, restored: Pixels, untouched: Pixels | None) -> Case:
    before, after = distance(clean, damaged), distance(clean, restored)
    assert before.ssim is not None
    assert after.ssim is not None
    kept = None if untouched is None else _capped(psnr(clean, untouched))
    return Case(_capped(before.psnr), _capped(after.psnr), before.ssim, after.ssim, kept)


def _capped(ratio: float | None) -> float:
    return MOST if ratio is None else min(MOST, ratio)


# The method ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is measured: its tasks, how it restores, and weights → SHA-256."""

    tasks: tuple[Task, ...]
    restore: Restore
    digests: Mapping[str, str]


def _restorer(name: str | None, file: Path | None, threads: int) -> _Tried:
    """The named method, or our network with all its tasks, those that are not offered as well."""
    if name is None:
        method = replace(clarity.ALL, tasks=TASKS)
    else:
        method = methods.all_methods().get(name)
        if method is None:
            raise UserError(f"There is no method “{name}”. There are {', '.join(methods.all_methods())}.")
        method = replace(method, tasks=tuple(t for t in method.tasks if t in TASKS))
    files = {method.weights[0]: file} if file else weights.default_store().need(method.weights)
    digests = {k: hashlib.sha256(path.read_bytes()).hexdigest() for k, path in files.items()}
    return _Tried(method.tasks, _Bench(method, files, ComputeTarget(threads=threads)), digests)


class _Bench:
    """The method as the program runs it; the network that was used last is kept."""

    def __init__(self, method: Method, files: Mapping[str, Path], place: ComputeTarget) -> None:
        self._method, self._files, self._recipe = method, files, TilePlan(0, method.overlap, place)
        self._loaded: tuple[Task, methods.Run] | None = None

    def __call__(self, task: Task, photo: Pixels, lost: Mask | None) -> Pixels:
        if self._loaded is None or self._loaded[0] != task:
            self._loaded = task, self._load(task, self._recipe.place)
        method = replace(self._method, needs_mask=lost is not None)
        return restore.restore(
            photo, method, self._loaded[1], self._recipe, job=_Unheard(), on_tile=lambda _bounds, _pixels: None,
            reload=lambda place: self._load(task, place), region=None if lost is None else Region.of(lost),
        ).pixels  # fmt: skip

    def _load(self, task: Task, place: ComputeTarget) -> methods.Run:
        with weight_errors.others_than(self._method.id, *self._files.values()):
            return self._method.load(self._files, place, task)


class _Unheard:
    """Nobody watches, nobody cancels."""

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None: ...


# The table -----------------------------------------------------------------------------------------------------------

HEAD = (
    "| task | photos | damaged | restored | gain: mean | median | worst | photos that gain | SSIM | clean photos keep "
    "| worst | offered |"
)


def markdown(found: Mapping[Task, Figures]) -> str:
    """One row a task; dB but for SSIM and the share."""
    rule = "|" + " --- |" * (HEAD.count("|") - 1)
    return "\n".join([HEAD, rule, *(_line(task, f) for task, f in found.items())]) + "\n"


def _line(task: Task, f: Figures) -> str:
    kept = ("all", "all") if f.clean is None or f.clean_worst is None else (f"{f.clean:.1f}", f"{f.clean_worst:.1f}")
    cells = [
        task, str(f.photos), f"{f.before:.1f}", f"{f.after:.1f}", f"{f.gain:+.2f}", f"{f.median:+.2f}",
        f"{f.worst:+.2f}", f"{100 * f.gaining:.0f} %", f"{f.ssim_before:.3f} → {f.ssim_after:.3f}", *kept,
        "yes" if passes(task, f) else "no",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
