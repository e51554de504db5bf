"""`clarity bench methods`: what every installed method gains, by task, on pairs of photos and on synthetic damage.

The table resources/evidence.json of the program, from which it orders methods, is written by this command.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from clarity_desktop.backend import detect, methods, weights
from clarity_desktop.backend.feedback.scores import HEAVY, Severity
from clarity_desktop.backend.iqa.distance import distance, psnr
from clarity_desktop.backend.methods import ComputeTarget, Method
from clarity_desktop.backend.nets.clarity_all import TASKS as DAMAGED
from clarity_desktop.messages import UserError
from clarity_desktop.values import DEGRADATIONS, Mask, Pixels, Task
from clarity_training import options
from clarity_training.evaluate.restorer import capped, damage
from clarity_training.method_runner import MethodRunner
from clarity_training.photos import load_8bit

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
TASKS: tuple[Task, ...] = (*DAMAGED, "upscale")
"""Tasks whose results can be compared with a clean photo."""
SYNTHESIS = "synthesis"
"""The name of the set of photos that the test synthesis damaged."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A damaged photo and the same without damage, H×W×3 uint8; mask: H×W uint8, 255 where pixels are lost, or None.

    source: the folder of the pair, or SYNTHESIS.
    """

    task: Task
    damaged: Pixels
    clean: Pixels
    mask: Mask | None
    source: str

    @cached_property
    def severity(self) -> Severity | None:
        """How much of it the detector of the program sees; None for a task without such a degradation."""
        if self.task not in DAMAGED:
            return None
        found = detect.detect(self.damaged).found[DEGRADATIONS[DAMAGED.index(self.task)]]
        return "heavy" if found.severity >= HEAVY else "light"


@dataclass(frozen=True, slots=True)
class Case:
    """One photo: PSNR (dB) before and after, the gain in SSIM, where it came from, and how severe its damage was."""

    before: float
    after: float
    ssim: float
    source: str
    severity: Severity | None

    @property
    def gain(self) -> float:
        return self.after - self.before


@dataclass
class Tally:
    """What a method gained on each pair; PSNR (dB) of undamaged photos to their restoration; seconds and megapixels."""

    cases: list[Case] = field(default_factory=list[Case])
    clean: list[float] = field(default_factory=list[float])
    seconds: float = 0.0
    megapixels: float = 0.0

    def evidence(self) -> dict[str, object]:
        """An entry of evidence.json; gains in dB. clean_db: None for a method that only fills what is marked."""
        return {
            **_mean(self.cases),
            "median_db": round(float(np.median([c.gain for c in self.cases])), 2),
            "worst_db": round(min(c.gain for c in self.cases), 2),
            "ssim_gain": round(float(np.mean([c.ssim for c in self.cases])), 4),
            "clean_db": round(float(np.mean(self.clean)), 1) if self.clean else None,
            "seconds_per_mp": round(self.seconds / max(self.megapixels, 1e-9), 2),
            "sets": _by([(c.source, c) for c in self.cases]),
            "severity": _by([(c.severity, c) for c in self.cases if c.severity]),
        }


def _mean(cases: Sequence[Case]) -> dict[str, float]:
    return {"gain_db": round(float(np.mean([c.gain for c in cases])), 2), "n": len(cases)}


def _by(cases: Sequence[tuple[str, Case]]) -> dict[str, dict[str, float]]:
    """The mean of each group."""
    return {name: _mean([c for key, c in cases if key == name]) for name in sorted({key for key, _ in cases})}


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate; print a row for each method; merge the results into --evidence, if given."""
    parser = _parser()
    args = parser.parse_args(words)
    if not args.photos and not args.data:
        parser.error("name --data, with pairs, or --photos, clean ones to be damaged, or both")
    options.apply_run_options(args)
    if args.evidence:
        _table(args.evidence)  # checked before the work, not after it
    for folder in args.data:
        _inputs(folder)
    print(HEADER + "\n|" + " --- |" * (HEADER.count("|") - 1))
    for task in args.task or TASKS:
        pairs, clean = list(_pairs(task, args)), list(_clean(args))
        for method in _installed(task, args.method):
            tally = _tally(method, task, pairs, clean, args)
            print(_row(task, method, tally), flush=True)
            if args.evidence:
                _merge(args.evidence, task, method, tally)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench methods", description=__doc__)
    options.add_photo_options(p, required=False)
    options.add_run_options(p, seed=0, threads=1)
    p.add_argument(
        "--data", type=Path, nargs="+", default=[], metavar="DIR",
        help="folders with pairs of one name in DIR/input and DIR/target, and DIR/mask where pixels are lost",
    )  # fmt: skip
    p.add_argument("--task", nargs="+", choices=TASKS, help="only these tasks (default: all)")
    p.add_argument("--method", nargs="+", metavar="ID", help="only these methods (default: all that are installed)")
    p.add_argument(
        "--count", type=options.positive, default=20, help="most pairs of each folder, and most damaged photos"
    )
    p.add_argument("--clean", type=int, default=6, metavar="COUNT", help="undamaged photos, which should not change")
    p.add_argument(
        "--side", type=options.positive, default=600, help="photos are reduced, and pairs cropped, to this side"
    )
    p.add_argument("--limit", type=float, metavar="SECONDS", help="stop a method after this much CPU time")
    p.add_argument("--evidence", type=Path, metavar="FILE", help="write the results into this table")
    return p


def _installed(task: Task, wanted: Sequence[str] | None) -> list[Method]:
    table = methods.all_methods()
    if wanted and (unknown := [name for name in wanted if name not in table]):
        raise UserError(f"There is no method “{unknown[0]}”. Available: {', '.join(table)}.")
    able = [m for m in table.values() if task in m.tasks and (not wanted or m.id in wanted)]
    return [m for m in able if not methods.missing(m)]


# Photos --------------------------------------------------------------------------------------------------------------


def _pairs(task: Task, args: argparse.Namespace) -> Iterator[Pair]:
    """The pairs of a task, the same ones each time; those of folders and damaged ones take turns."""
    files = [file for folder in args.data for file in _spread(_inputs(folder), args.count)]
    found = [_read(task, file, args.side) for file in files]
    photos = [
        _damaged(task, path, n, args.seed, args.side) for n, path in enumerate(_test_photos(args, TASKS.index(task)))
    ]
    shorter, longer = sorted((found, photos), key=len)
    # With a limit of time, both are seen.
    every = len(longer) // max(1, len(shorter))
    for n, pair in enumerate(longer):
        yield pair
        if every and n % every == 0 and n // every < len(shorter):
            yield shorter[n // every]


def _clean(args: argparse.Namespace) -> Iterator[Pixels]:
    """Undamaged photos: H×W×3 uint8."""
    return (load_8bit(path, args.side) for path in _test_photos(args, len(TASKS))[: args.clean])


def _test_photos(args: argparse.Namespace, draw: int) -> list[Path]:
    if not args.photos:
        return []
    paths = options.clean_photos(args, "test")
    order = np.random.default_rng([args.seed, draw]).permutation(len(paths))
    return [paths[k] for k in order[: args.count]]


def _inputs(folder: Path) -> list[Path]:
    files = sorted(f for f in (folder / "input").glob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"{folder / 'input'} contains no photos. A folder of pairs has them in “input” and “target”.")
    pairs = [f for f in files if (folder / "target" / f.name).is_file()]
    if not pairs:
        raise UserError(f"{folder / 'target'} contains none of the photos of {folder / 'input'}. Pairs have one name.")
    return pairs


def _spread(files: Sequence[Path], count: int) -> list[Path]:
    """`count` of them, spread over all: neighbors in name are often of one scene."""
    return [files[k] for k in sorted({round(k) for k in np.linspace(0, len(files) - 1, min(count, len(files)))})]


def _read(task: Task, file: Path, side: int) -> Pair:
    folder = file.parents[1]
    damaged, clean = load_8bit(file), load_8bit(folder / "target" / file.name)
    lost = folder / "mask" / f"{file.stem}.png"
    mask = load_8bit(lost)[..., 0] if lost.is_file() else None
    for path, part in ((file, damaged), (lost, mask)):
        if part is not None and part.shape[:2] != clean.shape[:2]:
            raise UserError(f"{path} has another size than {folder / 'target' / file.name}. Remove one of them.")
    top, left = (max(0, have - side) // 2 // 16 * 16 for have in clean.shape[:2])  # keeps the blocks of a JPEG
    at = np.s_[top : top + side, left : left + side]
    return Pair(
        task,
        _cut(damaged[at]),
        _cut(clean[at]),
        None if mask is None else np.ascontiguousarray(mask[at], np.uint8),
        folder.name,
    )


def _cut(pixels: Pixels) -> Pixels:
    """A copy of a part of a photo (H×W×3 uint8)."""
    return np.ascontiguousarray(pixels, np.uint8)


def _damaged(task: Task, path: Path, number: int, seed: int, side: int) -> Pair:
    if task == "upscale":
        clean = load_8bit(path, side)
        return Pair(task, clean, clean, None, SYNTHESIS)
    clean = load_8bit(path, side)
    rng = np.random.default_rng([seed, TASKS.index(task), number])
    damaged, mask = damage(DEGRADATIONS[DAMAGED.index(task)], clean, rng)
    return Pair(task, damaged, clean, mask, SYNTHESIS)


# One method ----------------------------------------------------------------------------------------------------------


def _tally(
    method: Method, task: Task, pairs: Sequence[Pair], clean: Sequence[Pixels], args: argparse.Namespace
) -> Tally:
    files = weights.default_store().need(method.weights)
    run, tally = MethodRunner(method, files, ComputeTarget(threads=args.threads)), Tally()
    needs_mask, scale = method.needs_mask, method.scale
    if pairs:  # loading it does not count
        hole = np.zeros((64, 64), np.uint8)
        hole[24:40, 24:40] = 255
        run(task, pairs[0].damaged[:64, :64].copy(), hole if needs_mask else None)
    for pair in pairs:
        if args.limit and tally.seconds > args.limit:
            break
        given, before = _reduced(pair.clean, scale) if task == "upscale" else (pair.damaged, pair.damaged)
        began = time.process_time()
        restored = run(task, given, pair.mask if needs_mask else None)
        tally.seconds += time.process_time() - began
        tally.megapixels += given.shape[0] * given.shape[1] / 1e6
        target = pair.clean[: restored.shape[0], : restored.shape[1]]
        was, now = distance(target, before), distance(target, restored)
        gained = (now.ssim or 0) - (was.ssim or 0)
        tally.cases.append(Case(capped(was.psnr), capped(now.psnr), gained, pair.source, pair.severity))
    if not needs_mask and scale == 1:
        # Half as long: every method sees some.
        began = time.process_time()
        for photo in clean:
            tally.clean.append(capped(psnr(photo, run(task, photo, None))))
            if args.limit and time.process_time() - began > args.limit / 2:
                break
    return tally


def _reduced(clean: Pixels, scale: int) -> tuple[Pixels, Pixels]:
    """A photo (H×W×3 uint8) reduced by a whole number, and that enlarged again, both by bicubic interpolation."""
    height, width = (side // scale for side in clean.shape[:2])
    cut = clean[: height * scale, : width * scale]
    small = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
    return np.asarray(small, np.uint8), np.asarray(large, np.uint8)


def _merge(file: Path, task: Task, method: Method, tally: Tally) -> None:
    """Put a result into the table; those of other tasks and methods stay."""
    stored = _table(file)
    stored.setdefault(task, {})[method.id] = tally.evidence()
    file.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")


def _table(file: Path) -> dict[str, dict[str, object]]:
    """The results in a file; none where there is no such file. Raises UserError where it holds something else."""
    if not file.exists():
        return {}
    try:
        stored = json.loads(file.read_text("utf-8"))
        if isinstance(stored, dict) and all(isinstance(of_task, dict) for of_task in stored.values()):
            return stored
    except (OSError, ValueError):
        pass
    raise UserError(f"{file} is no table of results, so nothing can be added to it. Name another file.")


HEADER = (
    "| task | method | photos | damaged | restored | gain: mean | median | worst | SSIM | clean photos keep "
    "| CPU s per MP |"
)


def _row(task: Task, method: Method, tally: Tally) -> str:
    gains = [c.gain for c in tally.cases]
    before, after = ([getattr(c, name) for c in tally.cases] for name in ("before", "after"))
    kept = f"{np.mean(tally.clean):.1f}" if tally.clean else "all"
    return (
        f"| {task} | {method.id} | {len(gains)} | {np.mean(before):.2f} | {np.mean(after):.2f} "
        f"| {np.mean(gains):+.2f} | {np.median(gains):+.2f} | {min(gains):+.2f} "
        f"| {np.mean([c.ssim for c in tally.cases]):+.3f} | {kept} "
        f"| {tally.seconds / max(tally.megapixels, 1e-9):.1f} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
