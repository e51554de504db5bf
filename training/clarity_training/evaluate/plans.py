"""`clarity bench plans`: how good the chosen plan is among all plans for a photo with several degradations.

A plan is an order of tasks with a method for each, or for some of them. All are run on small photos and ranked by PSNR
to the clean photo; the program chooses without it: by what the detector finds, the measured evidence and the judge.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, permutations, product
from pathlib import Path

import numpy as np

from clarity_desktop import settings
from clarity_desktop.backend import detect, judge, methods, weights
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.auto.choice import PhotoFacts, candidates
from clarity_desktop.backend.feedback import Feedback
from clarity_desktop.backend.iqa.distance import psnr
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.settings import Settings
from clarity_desktop.values import Degradation, Pixels, Task
from clarity_training import exam, options
from clarity_training.evaluate.restorer import capped
from clarity_training.method_runner import MethodRunner
from clarity_training.photos import load_8bit, to_8bit

Plan = tuple[tuple[Task, str], ...]
"""Tasks in their order, each with its method."""

BLENDS: tuple[tuple[Degradation, ...], ...] = (
    ("low-light", "noise"), ("haze", "noise"), ("noise", "JPEG"), ("overexposure", "JPEG"), ("low-light", "haze"),
)  # fmt: skip
"""In the order in which they arise."""
MOST = 3
"""Methods of each task that plans are made of: those that the evidence ranks first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One photo: gains in dB of the chosen plan and of all others, and the share (0..1) of plans that are worse."""

    chosen: float
    gains: Mapping[Plan, float]

    @property
    def percentile(self) -> float:
        values = np.array(list(self.gains.values()))
        return float((values < self.chosen - 1e-6).mean() + (np.abs(values - self.chosen) <= 1e-6).mean() / 2)


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate; print a row for each blend and one for all."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    paths = options.clean_photos(args, "test")
    evidence = Feedback(Path("no-choices"), args.evidence)
    every: list[tuple[Row, float]] = []
    print("| blend | photos | plans | chosen | random | best fixed plan | best of all | percentile |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for number, blend in enumerate(BLENDS):
        order = np.random.default_rng([args.seed, 500 + number]).permutation(len(paths))[: args.count]
        rows = [_row(blend, load_8bit(paths[k], args.side), evidence, [args.seed, number, int(k)]) for k in order]
        fixed = [_best_fixed(rows, n) for n in range(len(rows))]
        every += zip(rows, fixed, strict=True)
        print(_line(" + ".join(blend), list(zip(rows, fixed, strict=True))), flush=True)
    print(_line("all", every))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench plans", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=0, threads=1)
    p.add_argument("--count", type=int, default=4, help="photos of each blend")
    p.add_argument("--side", type=int, default=192, help="photos are reduced to this side")
    p.add_argument("--evidence", type=Path, default=settings.resources() / "evidence.json", metavar="FILE")
    return p


def _row(blend: Sequence[Degradation], clean: Pixels, evidence: Feedback, seed: Sequence[int]) -> Row:
    """Run all plans for one photo (H×W×3 uint8), damaged by the degradations one after the other."""
    rng = np.random.default_rng(list(seed))
    damaged = np.divide(clean, 255, dtype=np.float32)
    for degradation in blend:
        damaged = exam.damage(degradation, damaged, rng, severity=float(rng.uniform(0.3, 0.9)))[0].pixels
    given = to_8bit(damaged)
    tasks: list[Task] = [rules.TREATMENTS[name].task for name in blend]
    before = capped(psnr(clean, given))
    done: dict[Plan, Pixels] = {(): given}
    gains: dict[Plan, float] = {}
    for plan in _plans(tasks, {task: _ranked(task, given, evidence)[:MOST] for task in tasks}):
        done[plan] = _runner(plan[-1][1])(plan[-1][0], done[plan[:-1]], None)  # a shorter one comes before a longer
        gains[plan] = capped(psnr(clean, done[plan])) - before
    gains[()] = 0.0
    return Row(gains[_chosen(tasks, evidence, done)], gains)


def _plans(tasks: Sequence[Task], able: Mapping[Task, Sequence[str]]) -> list[Plan]:
    """All orders of all subsets of the tasks with all methods, shorter ones first."""
    orders = chain.from_iterable(permutations(tasks, length) for length in range(1, len(tasks) + 1))
    return [
        tuple(zip(order, chosen, strict=True))
        for order in orders
        for chosen in product(*(able[task] for task in order))
    ]  # fmt: skip


def _ranked(task: Task, photo: Pixels, evidence: Feedback) -> list[str]:
    """The methods of a task for a photo (H×W×3 uint8)."""
    known = PhotoFacts((photo.shape[1], photo.shape[0]), detect.detect(photo))
    return [option.method for option in candidates(task, known, Settings(), evidence)]


def _chosen(tasks: Sequence[Task], evidence: Feedback, done: Mapping[Plan, Pixels]) -> Plan:
    """What Auto does for a photo (H×W×3 uint8 in `done`): its order, its ranking, the judge between the first results.

    Every task of the blend is tried, whether the detector sees it or not: the plan is to be judged, not the detector.
    """
    plan: Plan = ()
    for task in sorted(tasks, key=[t.task for t in rules.TREATMENTS.values()].index):
        now = done[plan]
        able = [name for name in _ranked(task, now, evidence) if (*plan, (task, name)) in done][: rules.COMPARED]
        looks = [
            judge.judge(now, done[*plan, (task, name)], task).better - rules.PLACE * k for k, name in enumerate(able)
        ]
        best = int(np.argmax(looks))
        if looks[best] + rules.PLACE * best >= rules.OFFER:
            plan = (*plan, (task, able[best]))
    return plan


@cache
def _runner(method: str) -> MethodRunner:
    found = methods.all_methods()[method]
    return MethodRunner(found, weights.default_store().need(found.weights), ComputeTarget(threads=1))


def _best_fixed(rows: Sequence[Row], left_out: int) -> float:
    """The gain on one photo of the plan that is best on the others."""
    others = [row for n, row in enumerate(rows) if n != left_out] or [rows[left_out]]
    common = [plan for plan in rows[left_out].gains if all(plan in row.gains for row in others)]
    best = max(common, key=lambda plan: float(np.mean([row.gains[plan] for row in others])))
    return rows[left_out].gains[best]


def _line(name: str, rows: Sequence[tuple[Row, float]]) -> str:
    chosen = np.mean([row.chosen for row, _ in rows])
    random = np.mean([np.mean(list(row.gains.values())) for row, _ in rows])
    best = np.mean([max(row.gains.values()) for row, _ in rows])
    fixed = np.mean([value for _, value in rows])
    share = np.mean([row.percentile for row, _ in rows])
    plans = np.mean([len(row.gains) for row, _ in rows])
    return (
        f"| {name} | {len(rows)} | {plans:.0f} | {chosen:+.2f} | {random:+.2f} | {fixed:+.2f} | {best:+.2f} "
        f"| {100 * share:.0f} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
