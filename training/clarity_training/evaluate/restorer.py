"""`clarity bench restorer`: what a restoration method gains on unseen photos, and what it changes in undamaged ones.

The photos are damaged by the test synthesis (`exam`). From the results follows for which tasks the all-in-one network
is offered.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from clarity_desktop.backend import methods, weights
from clarity_desktop.backend.iqa.distance import distance, psnr
from clarity_desktop.backend.methods import ComputeTarget, clarity
from clarity_desktop.backend.nets.clarity_all import TASKS
from clarity_desktop.messages import UserError
from clarity_desktop.values import DEGRADATIONS, Degradation, Mask, Pixels, Task
from clarity_training import exam, options
from clarity_training.evaluate import plots
from clarity_training.method_runner import MethodRunner, Restore
from clarity_training.photos import load_8bit, to_8bit

Captioned = tuple[Pixels, str]
"""A photo H×W×3 and its caption."""

MAX_SIDE = 600
"""Photos are reduced to this longest side."""
MAX_PSNR = 60.0
"""dB; larger values (an error below a quarter of a gray level) count as this."""
MIN_GAIN: Mapping[Task, float] = {"dejpeg": 0.7, "deblur": 1.0}
"""Mean gain in dB from which a task is offered, where it is not DEFAULT_MIN_GAIN."""
DEFAULT_MIN_GAIN = 2.0
MIN_CLEAN_PSNR = 38.0
"""dB between an undamaged photo and its restoration, on average, for a task to be offered."""
MIN_PHOTOS = 10
"""Photos that must have been evaluated for a task to be offered."""
PHOTOS_SHOWN = 2
"""Photos of each task on the contact sheet."""


@dataclass(frozen=True, slots=True)
class Case:
    """One photo: PSNR (dB) and SSIM to the clean photo before and after restoration.

    clean: PSNR between the undamaged photo and its restoration; None for tasks with a mask, which leave the rest as is.
    """

    before: float
    after: float
    ssim_before: float
    ssim_after: float
    clean: float | None

    @property
    def gain(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Summary:
    """The cases of a task: means in dB; median and worst are of the gain; gaining: share (0..1) of photos that gain."""

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
    def of(cases: Sequence[Case]) -> Summary:
        gains = np.array([c.gain for c in cases])
        clean = [c.clean for c in cases if c.clean is not None]
        names = ("before", "after", "ssim_before", "ssim_after")
        means = {name: float(np.mean([getattr(c, name) for c in cases])) for name in names}
        return Summary(
            photos=len(cases), **means,
            gain=float(gains.mean()), median=float(np.median(gains)), worst=float(gains.min()),
            gaining=float((gains > 0).mean()),
            clean=float(np.mean(clean)) if clean else None, clean_worst=min(clean, default=None),
        )  # fmt: skip


def passes(task: Task, summary: Summary) -> bool:
    """Whether a task is good enough to be offered."""
    harmless = summary.clean is None or summary.clean >= MIN_CLEAN_PSNR
    return summary.photos >= MIN_PHOTOS and summary.gain >= MIN_GAIN.get(task, DEFAULT_MIN_GAIN) and harmless


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate; print the table; write figures.json, figures.md and sheet.jpg into --out."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    paths = options.clean_photos(args, "test")
    subject = _subject(args.method, args.weights, args.threads)
    summaries: dict[Task, Summary] = {}
    shown: list[Captioned] = []
    for task in args.task or subject.tasks:
        cases = evaluate(task, paths, subject.restore, args.count, args.seed, shown)
        summaries[task] = Summary.of(cases)
        print(_row(task, summaries[task]), flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    result = {
        "weights": subject.digests, "seed": args.seed, "photos in the test split": len(paths),
        "tasks": {task: {**asdict(s), "offered": passes(task, s)} for task, s in summaries.items()},
    }  # fmt: skip
    (args.out / "figures.json").write_text(json.dumps(result, indent=1), "utf-8")
    (args.out / "figures.md").write_text(markdown(summaries), "utf-8")
    plots.contact_sheet(shown, 3 * PHOTOS_SHOWN).save(args.out / "sheet.jpg", quality=88)
    print("Offered: " + (", ".join(t for t, s in summaries.items() if passes(t, s)) or "none"))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench restorer", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=0, threads=1)
    p.add_argument("--weights", type=Path, metavar="FILE", help="instead of the bundled ones")
    p.add_argument("--method", metavar="ID", help="another method than our all-in-one network")
    p.add_argument("--task", nargs="+", choices=TASKS, help="only these tasks (default: all that the method does)")
    p.add_argument("--count", type=int, default=12, help="photos of each task")
    p.add_argument("--out", type=Path, default=Path("out/bench-restorer"), metavar="DIR")
    return p


def evaluate(
    task: Task, paths: Sequence[Path], restore: Restore, count: int, seed: int, shown: list[Captioned]
) -> list[Case]:
    """Damage, restore and compare `count` of the photos (all, if they are fewer), chosen by the seed.

    The first PHOTOS_SHOWN are appended to `shown` as damaged, restored and clean photo with captions.
    """
    degradation = DEGRADATIONS[TASKS.index(task)]
    order = np.random.default_rng([seed, TASKS.index(task)]).permutation(len(paths))[:count]
    cases: list[Case] = []
    for n, k in enumerate(order):
        clean = load_8bit(paths[k], MAX_SIDE)
        damaged, mask = damage(degradation, clean, np.random.default_rng([seed, TASKS.index(task), n]))
        restored = restore(task, damaged, mask)
        cases.append(_case(clean, damaged, restored, None if mask is not None else restore(task, clean, None)))
        if n < PHOTOS_SHOWN:
            shown.append((damaged, f"{task}: {cases[-1].before:.1f} dB"))
            shown.append((restored, f"{cases[-1].after:.1f} dB"))
            shown.append((clean, paths[k].name))
    return cases


def damage(degradation: Degradation, clean: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask | None]:
    photo = np.divide(clean, 255, dtype=np.float32)
    damaged, _ = exam.damage(degradation, photo, rng)
    mask = None if damaged.holes is None else (damaged.holes > 0).astype(np.uint8) * np.uint8(255)
    return to_8bit(damaged.pixels), mask


def _case(clean: Pixels, damaged: Pixels, restored: Pixels, restored_clean: Pixels | None) -> Case:
    before, after = distance(clean, damaged), distance(clean, restored)
    assert before.ssim is not None
    assert after.ssim is not None
    clean_psnr = None if restored_clean is None else capped(psnr(clean, restored_clean))
    return Case(capped(before.psnr), capped(after.psnr), before.ssim, after.ssim, clean_psnr)


def capped(decibels: float | None) -> float:
    """MAX_PSNR for identical photos (None) and for larger values."""
    return MAX_PSNR if decibels is None else min(MAX_PSNR, decibels)


# The method ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is evaluated: the tasks of a method, how it restores, and the SHA-256 of each weights file."""

    tasks: tuple[Task, ...]
    restore: Restore
    digests: Mapping[str, str]


def _subject(method_id: str | None, file: Path | None, threads: int) -> _Subject:
    """The named method, or our network with all its tasks, including those that are not offered."""
    if method_id is None:
        method = replace(clarity.ALL, tasks=TASKS)
    else:
        method = methods.all_methods().get(method_id)
        if method is None:
            raise UserError(f"There is no method “{method_id}”. Available: {', '.join(methods.all_methods())}.")
        method = replace(method, tasks=tuple(t for t in method.tasks if t in TASKS))
    files = {method.weights[0]: file} if file else weights.default_store().need(method.weights)
    digests = {k: hashlib.sha256(path.read_bytes()).hexdigest() for k, path in files.items()}
    return _Subject(method.tasks, MethodRunner(method, files, ComputeTarget(threads=threads)), digests)


# The table -----------------------------------------------------------------------------------------------------------

HEADER = (
    "| task | photos | damaged | restored | gain: mean | median | worst | photos that gain | SSIM | clean photos keep "
    "| worst | offered |"
)


def markdown(summaries: Mapping[Task, Summary]) -> str:
    """A table with one row for each task; values are in dB except for SSIM and the share."""
    rule = "|" + " --- |" * (HEADER.count("|") - 1)
    return "\n".join([HEADER, rule, *(_row(task, s) for task, s in summaries.items())]) + "\n"


def _row(task: Task, s: Summary) -> str:
    clean = ("all", "all") if s.clean is None or s.clean_worst is None else (f"{s.clean:.1f}", f"{s.clean_worst:.1f}")
    cells = [
        task, str(s.photos), f"{s.before:.1f}", f"{s.after:.1f}", f"{s.gain:+.2f}", f"{s.median:+.2f}",
        f"{s.worst:+.2f}", f"{100 * s.gaining:.0f} %", f"{s.ssim_before:.3f} → {s.ssim_after:.3f}", *clean,
        "yes" if passes(task, s) else "no",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
