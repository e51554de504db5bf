"""`clarity restore`."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.batch import add_photos, each, scores
from clarity_desktop.cli.terminal import USAGE, complain
from clarity_desktop.messages import UserError
from clarity_desktop.values import TASKS, ExportOptions, Picture, Pixels, Quality, Region, RestoreParams, Task
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio


def add_restore(p: argparse.ArgumentParser) -> None:
    add_photos(p)
    out = p.add_mutually_exclusive_group(required=True)
    out.add_argument("-o", "--output", type=Path, metavar="OUT", help="the file to write (one IN)")
    out.add_argument("--out-dir", type=Path, metavar="DIR", help="the folder to write to, under the photos' own names")
    p.add_argument("--task", required=True, metavar="TASK", help="auto, " + ", ".join(TASKS))
    p.add_argument("--method", metavar="ID", help="the task's default method if not given")
    p.add_argument("--strength", type=_share, default=1.0, metavar="0..1", help="blend with the input (default 1)")
    p.add_argument("--mask", type=Path, metavar="PNG", help="restore only where this picture is white")
    p.add_argument("--feather", type=_pixels, default=0, metavar="PX", help="soften the mask's edge inwards")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.set_defaults(run=_restore)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return value


def _pixels(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise argparse.ArgumentTypeError(f"{text} is not a number of pixels from 0 to 99999")
    return int(text)


async def _restore(asked: argparse.Namespace) -> int:
    if asked.output and len(asked.photos) > 1:
        return complain("-o names one file, but there are several photos; use --out-dir.", USAGE)
    if asked.task == "auto" and asked.method:
        return complain("--task auto chooses the methods itself; leave --method out, or name a task.", USAGE)
    from clarity_desktop.backend import methods

    if asked.task != "auto":
        methods.choose(asked.task, asked.method)  # a wrong name is said before the first photo is read
    if asked.out_dir:
        make_folder(asked.out_dir)
    results: dict[str, Path] = {}

    async def one(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        target = _target(path, asked)
        _claim(target, path, asked.photos, results)
        return await _restore_one(studio, path, target, asked, job)

    return await each(asked.photos, asked.json, one)


async def _restore_one(
    studio: Studio, path: Path, target: Path, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:  # fmt: skip
    from clarity_desktop.backend import pictures

    start = time.perf_counter()
    options = ExportOptions(target, _format(target), metadata=studio.settings.metadata, exists="overwrite")
    pictures.check_place(target)  # said before the work, not after it
    picture = await studio.read(path)
    region = await _region(studio, asked.mask, picture) if asked.mask else None
    work = _by_itself if asked.task == "auto" else _as_asked
    done = await work(studio, picture.pixels, region, asked, job)
    kept = [f"{step['task']} by {step['method']}" for step in done.steps if step["kept"]]
    notes = [*picture.notes, *done.notes, *pictures.losses(picture, options)]
    if not kept and picture.format.lower() == options.format and options.metadata == "all":
        await asyncio.to_thread(pictures.copy, path, target)  # saved again, a JPEG would lose a little
        deeds, notes = "left as it is", [*done.notes]  # what was converted to look at it is not in the copy
    else:
        await asyncio.to_thread(pictures.save, replace(picture, pixels=done.pixels), options, path)
        deeds = ", ".join(kept) or "saved again, otherwise unchanged"
    seconds = time.perf_counter() - start
    row = {
        "path": str(path), "output": str(target), "seconds": round(seconds, 3),
        "steps": done.steps, "before": scores(done.before), "after": scores(done.after), "notes": notes,
    }  # fmt: skip
    return row, f"{path} → {target}: {deeds} in {seconds:.1f} s"


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """What became of a photo; steps as the JSON has them."""

    pixels: Pixels
    steps: list[dict[str, Any]]
    before: Quality
    after: Quality
    notes: tuple[str, ...]


async def _as_asked(
    studio: Studio, pixels: Pixels, region: Region | None, asked: argparse.Namespace, job: Job
) -> _Done:  # fmt: skip
    """The one task of the command line."""
    before = await studio.look_and_score(pixels, job)
    wish = RestoreParams(asked.task, asked.method, asked.strength, region, asked.feather)
    applied = await studio.apply(pixels, wish, job)
    step = _step(asked.task, applied.step.method, applied.step.seconds, True, "as asked")
    step["settings"] = dict(applied.step.settings)
    return _Done(applied.pixels, [step], before, await studio.look_and_score(applied.pixels, job), applied.notes)


async def _by_itself(
    studio: Studio, pixels: Pixels, region: Region | None, asked: argparse.Namespace, job: Job
) -> _Done:  # fmt: skip
    """Auto: what is wrong is treated, what made it no better is rolled back."""
    from clarity_desktop.backend.auto.loop import PixelTarget, improve

    bench = PixelTarget(studio, pixels, job, strength=asked.strength, region=region, feather=asked.feather)
    done = await improve(bench, studio.settings)
    steps = [_step(t.advice.task, t.method, t.seconds, t.kept, t.why) for t in done.tried]
    return _Done(bench.pixels, steps, done.before.quality, done.after.quality, (*bench.notes, done.text))


def make_folder(folder: Path) -> None:
    """The folder and those above it, where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as e:
        raise UserError(f"The folder {folder} cannot be made: {getattr(e, 'strerror', None) or e}.") from e


def _claim(target: Path, path: Path, photos: Iterable[Path], results: dict[str, Path]) -> None:
    """A result is written neither over a photo of this run nor over another result of it. Raises UserError."""
    if (photo := next((p for p in photos if _same(target, p)), None)) is not None:
        whose = "its own result" if photo == path else f"the result of {path}"
        raise UserError(f"{photo} would be overwritten by {whose}. Name another file; the photo is untouched.")
    first = results.setdefault(os.path.normcase(os.path.realpath(target)), path)
    if first != path:
        raise UserError(f"{target} is where the result of {first} goes. Restore {path} into another folder.")


def _same(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and a.samefile(b)


def _step(task: Task, method: str | None, seconds: float, kept: bool, why: str) -> dict[str, Any]:
    return {"task": task, "method": method, "seconds": round(seconds, 3), "kept": kept, "why": why}


async def _region(studio: Studio, path: Path, picture: Picture) -> Region:
    mask = (await studio.read(path)).pixels
    height, width = picture.pixels.shape[:2]
    if mask.shape[:2] != (height, width):
        raise UserError(
            f"The mask {path} has {mask.shape[1]}×{mask.shape[0]} pixels, the photo {width}×{height}. "
            "A mask must have the size of the photo after its orientation is applied."
        )
    grey = mask.max(axis=2) if mask.dtype.itemsize == 1 else (mask.max(axis=2) >> 8).astype("uint8")
    try:
        return Region.of(grey, path.stem)
    except ValueError:
        raise UserError(f"The mask {path} selects nothing: it has no white pixel.") from None


def _target(path: Path, asked: argparse.Namespace) -> Path:
    if asked.output:
        return asked.output
    from clarity_desktop.backend import pictures

    writable = {suffix for f in pictures.FORMATS.values() for suffix in f.suffixes}
    return asked.out_dir / (path.name if path.suffix.lower() in writable else f"{path.stem}.png")


def _format(target: Path) -> str:
    from clarity_desktop.backend import pictures

    for key, form in pictures.FORMATS.items():
        if target.suffix.lower() in form.suffixes:
            return key
    known = ", ".join(sorted({s for f in pictures.FORMATS.values() for s in f.suffixes}))
    raise UserError(f"{target.name} does not say a format that can be written. Its name must end in one of {known}.")
