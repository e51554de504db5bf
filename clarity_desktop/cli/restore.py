"""`clarity restore`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.cli.photos import add_photos, for_each_photo, scores, visible
from clarity_desktop.cli.targets import EXISTING, Targets, add_targets, existing_rule
from clarity_desktop.cli.terminal import file_name, warn
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import RAW, TASKS, ExportOptions, Picture, Pixels, Quality, Region, RestoreParams, Task
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio

EXAMPLES = """examples:
  clarity restore rain.jpg -o dry.png --task derain
  clarity restore night.jpg -o brighter.jpg --task low_light --strength 0.6

  Restore only a part, by a mask or in words:
  clarity restore old.tif -o filled.tif --task inpaint --mask scratches.png
  clarity restore beach.jpg -o out.jpg --task denoise --text "the sky" --feather 12

  Detect and fix problems automatically:
  clarity restore *.jpg --out-dir restored --task auto

  Continue where an earlier run stopped:
  clarity restore *.jpg --out-dir restored --task denoise --if-exists skip
"""
_FAINTEST = 8  # levels of 255; a mask of ones instead of 255 would leave the photo as it is without a word


def add_restore(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity restore`."""
    add_photos(p)
    add_targets(p)
    p.add_argument("--task", required=True, metavar="TASK", help="auto, " + ", ".join(TASKS))
    p.add_argument("--method", metavar="ID", help="default: the preferred method of the task")
    p.add_argument("--strength", type=_share, default=1.0, metavar="0..1", help="blend with the input (default 1)")
    part = p.add_mutually_exclusive_group()
    part.add_argument(
        "--mask",
        type=file_name,
        metavar="PNG",
        help="restore only where this picture is white (gray blends, transparent counts as black)",
    )
    part.add_argument("--text", metavar="WORDS", help="restore only what these words mean, in each photo")
    p.add_argument("--feather", type=_pixels, default=0, metavar="PX", help="soften the edge of that part inwards")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.epilog = EXAMPLES
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
        raise UserError("cli.one_output_for_many")
    if asked.task == "auto" and asked.method:
        raise UserError("cli.auto_with_method")
    is_whole = not asked.mask and asked.text is None
    if asked.feather and is_whole:
        raise UserError("cli.feather_of_part")
    from clarity_desktop.backend import methods

    # What is wrong with the words of the command is said before the first photo is read.
    if is_whole and asked.task != "auto" and methods.choose(asked.task, asked.method).needs_mask:
        raise UserError("cli.mask_missing", task=asked.task)
    if asked.out_dir:
        make_folder(asked.out_dir)
    rule = existing_rule(asked)
    targets = Targets(asked.photos, asked.mask, rule)

    async def restore(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        target = _target(path, asked)
        targets.claim(target, path)
        options = ExportOptions(target, _format(target), metadata=studio.settings.metadata, exists=EXISTING[rule])
        try:
            return await _restore_photo(studio, path, options, asked, job)
        except FileExists as e:
            raise UserError("cli.exists", target=str(target)) from e

    return await for_each_photo(asked.photos, asked.json, restore, asked.make_studio)


async def _restore_photo(
    studio: Studio, path: Path, options: ExportOptions, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:
    """Restore one photo into the file of the options. Raises FileExists, UserError, JobCancelled."""
    from clarity_desktop.backend import pictures

    start = time.perf_counter()
    # The place and the name are checked before the work, not after it.
    if not await job.side("disk", pictures.check_target, options):
        return _skipped(path, options.path)
    picture = await studio.read(path, job)
    pictures.check_size(picture.pixels.shape[1], picture.pixels.shape[0], options)
    lost = pictures.losses(picture, options)
    for loss in () if asked.json else lost:  # said while there is still time to cancel
        warn(f"{path}: {english(loss)}")
    seen = await visible(picture, job)
    region, fewer = await _part(studio, picture, seen, asked, job)
    for note in () if asked.json else fewer:
        warn(f"{path}: {english(note)}")
    run = _run_auto if asked.task == "auto" else _run_task
    outcome = await run(studio, seen, region, asked, job)
    kept = [f"{step['task']} by {step['method']}" for step in outcome.steps if step["kept"]]
    notes = [*picture.notes, *fewer, *outcome.notes, *(lost if asked.json else ())]
    if not kept and picture.format.lower() == options.format and options.metadata == "all":
        # An unchanged photo is copied: encoding a JPEG again would lose a little. Notes about its conversion for the
        # screen do not apply to the copy.
        written = await job.side("disk", pictures.copy, path, options)
        summary, notes = "left unchanged", [*fewer, *outcome.notes]
    else:
        pixels = await job.side("decode", pictures.with_hidden, outcome.pixels, picture.pixels, picture.alpha)
        result = replace(picture, pixels=pixels)
        written = await job.side("encode", pictures.save, result, options, path, job.commit)
        summary = ", ".join(kept) or "unchanged, encoded again"
    if written is None:  # the file appeared during the work
        return _skipped(path, options.path)
    seconds = time.perf_counter() - start
    row = {
        "path": str(path), "output": str(written), "seconds": round(seconds, 3),
        "steps": outcome.steps, "before": scores(outcome.before), "after": scores(outcome.after),
        "notes": [english(note) for note in notes],
    }  # fmt: skip
    return row, f"{path} → {written}: {summary} in {seconds:.1f} s"


def _skipped(path: Path, target: Path) -> tuple[dict[str, Any], str]:
    row = {"path": str(path), "output": str(target), "skipped": True}
    return row, f"{path} → {target}: skipped, the file exists"


@dataclass(frozen=True, slots=True, eq=False)
class _Outcome:
    """The restored photo (pixels as in `values.Pixels`); steps are rows of the JSON object."""

    pixels: Pixels
    steps: list[dict[str, Any]]
    before: Quality
    after: Quality
    notes: tuple[Text, ...]


async def _run_task(
    studio: Studio, pixels: Pixels, region: Region | None, asked: argparse.Namespace, job: Job
) -> _Outcome:  # fmt: skip
    """Restore with the task and method of the command line."""
    before = await studio.find_and_score(pixels, job)
    params = RestoreParams(asked.task, asked.method, asked.strength, region, asked.feather)
    candidate = await studio.apply(pixels, params, job)
    step = _step(asked.task, candidate.step.method, candidate.step.seconds, True, "requested")
    step["settings"] = dict(candidate.step.settings)
    after = await studio.find_and_score(candidate.pixels, job)
    return _Outcome(candidate.pixels, [step], before, after, candidate.notes)


async def _run_auto(
    studio: Studio, pixels: Pixels, region: Region | None, asked: argparse.Namespace, job: Job
) -> _Outcome:  # fmt: skip
    """Let Auto detect, restore and keep what improves the photo."""
    from clarity_desktop.backend.auto.loop import improve
    from clarity_desktop.backend.auto.targets import PixelTarget

    target = PixelTarget(studio, pixels, job, strength=asked.strength, region=region, feather=asked.feather)
    done = await improve(target, studio.settings)
    steps = [
        # The contract of the command line: what Auto would only offer is written, and marked.
        _step(
            t.advice.task, t.method, t.seconds, t.kept, ("uncertain: " if t.kept and t.unsure else "") + english(t.why)
        )
        for t in done.tried
    ]
    return _Outcome(target.pixels, steps, done.before.quality, done.after.quality, (*target.notes, done.text))


def make_folder(folder: Path) -> None:
    """Create the folder and its parents where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise UserError("cli.folder_not_created", folder=str(folder), reason=reason) from e


def _step(task: Task, method: str | None, seconds: float, kept: bool, why: str) -> dict[str, Any]:
    return {"task": task, "method": method, "seconds": round(seconds, 3), "kept": kept, "why": why}


async def _part(
    studio: Studio, picture: Picture, seen: Pixels, asked: argparse.Namespace, job: Job
) -> tuple[Region | None, tuple[Message, ...]]:  # fmt: skip
    """The part to restore; None: the whole photo; and what was not found. seen: H×W×3, uint8 or uint16."""
    if asked.mask:
        return await _region(studio, asked.mask, picture, job), ()
    if asked.text is None:
        return None, ()
    from clarity_desktop.backend import pixel_selection

    found = await pixel_selection.select_words(studio, seen, asked.text, None, job)
    return found.region, found.notes


async def _region(studio: Studio, path: Path, picture: Picture, job: Job) -> Region:
    """The region of a mask file: its brightest channel at 8 bits, over black where it is transparent."""
    mask = await studio.read(path, job)
    rows, columns = mask.pixels.shape[:2]
    height, width = picture.pixels.shape[:2]
    if (rows, columns) != (height, width):
        raise UserError(
            "cli.mask_size", mask=str(path), mask_width=columns, mask_height=rows, width=width, height=height
        )
    gray = to_8_bits(mask.pixels.max(axis=2))
    if mask.alpha is not None:
        gray = np.rint(gray * (to_8_bits(mask.alpha) / np.float32(255))).astype(np.uint8)
    if 0 < (brightest := int(gray.max())) < _FAINTEST:
        raise UserError("cli.mask_dark", mask=str(path), brightest=brightest)
    try:
        return Region.of(gray, path.stem)
    except ValueError:
        raise UserError("cli.mask_empty", mask=str(path)) from None


def _target(path: Path, asked: argparse.Namespace) -> Path:
    """The file that the result of a photo goes to; a RAW photo becomes TIFF, another that cannot be written PNG."""
    if asked.output:
        return asked.output
    from clarity_desktop.backend import pictures

    writable = {suffix for f in pictures.FORMATS.values() for suffix in f.suffixes}
    suffix = path.suffix.lower()
    if suffix in writable:
        return asked.out_dir / path.name
    return asked.out_dir / f"{path.stem}{'.tif' if suffix in RAW else '.png'}"


def _format(target: Path) -> str:
    from clarity_desktop.backend import pictures

    for key, form in pictures.FORMATS.items():
        if target.suffix.lower() in form.suffixes:
            return key
    suffixes = ", ".join(sorted({s for f in pictures.FORMATS.values() for s in f.suffixes}))
    raise UserError("cli.format_unknown", name=target.name, suffixes=suffixes)
