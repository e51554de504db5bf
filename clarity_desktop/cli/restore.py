"""`clarity restore`."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.cli.photos import for_each_photo, read_for, scores, visible
from clarity_desktop.cli.targets import (
    Targets,
    add_targets,
    existing_rule,
    make_folder,
    skipped,
    target_of,
)
from clarity_desktop.cli.terminal import add_photos, file_name, warn
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import (
    FINDS_PART,
    TASKS,
    Bounds,
    ExportOptions,
    Picture,
    Pixels,
    Quality,
    Region,
    RestoreParams,
    Task,
)
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.auto.choice import PhotoFacts
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
    finds_part = asked.task == "auto" or asked.task in FINDS_PART
    if is_whole and not finds_part and methods.choose(asked.task, asked.method).needs_mask:
        raise UserError("cli.mask_missing", task=asked.task)
    if asked.out_dir:
        make_folder(asked.out_dir)
    targets = Targets(asked.photos, asked.mask, existing_rule(asked))

    async def restore(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        with targets.reserve(target_of(path, asked), path, studio.settings.metadata) as options:
            return await _restore_photo(studio, path, options, asked, job)

    return await for_each_photo(asked.photos, asked.json, restore, asked.make_studio)


async def _restore_photo(
    studio: Studio, path: Path, options: ExportOptions, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:
    """Restore one photo into the file of the options. Raises FileExists, UserError, JobCancelled."""
    from clarity_desktop.backend import pictures

    start = time.perf_counter()
    given = await read_for(studio, path, options, asked.json, job)
    if given is None:
        return skipped(path, options.path)
    picture = given.picture
    pictures.check_size(picture.pixels.shape[1], picture.pixels.shape[0], options)
    seen = await visible(picture, job)
    region, fewer = await _part(studio, picture, seen, asked, job)
    for note in () if asked.json else fewer:
        warn(f"{path}: {english(note)}")
    run = _run_auto if asked.task == "auto" else _run_task
    outcome = await run(studio, seen, region, asked, job)
    kept = [f"{step['task']} by {step['method']}" for step in outcome.steps if step["kept"]]
    notes = [*given.notes, *fewer, *outcome.notes]
    if not kept and given.may_copy:
        # An unchanged photo is copied: encoding a JPEG again would lose a little. Notes about its conversion for the
        # screen do not apply to the copy.
        written = await job.side("disk", pictures.copy, path, options)
        summary, notes = "left unchanged", [*fewer, *outcome.notes]
    else:
        result = await job.side("decode", pictures.with_pixels, picture, outcome.pixels)
        written = await job.side("encode", pictures.save, result, options, path, job.commit)
        summary = ", ".join(kept) or "unchanged, encoded again"
    if written is None:  # the file appeared during the work
        return skipped(path, options.path)
    seconds = time.perf_counter() - start
    row = {
        "path": str(path), "output": str(written), "seconds": round(seconds, 3),
        "steps": outcome.steps, "before": scores(outcome.before), "after": scores(outcome.after),
        "notes": [english(note) for note in notes],
    }  # fmt: skip
    return row, f"{path} → {written}: {summary} in {seconds:.1f} s"


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
    from clarity_desktop.backend.auto.choice import PhotoFacts

    detection = await studio.find_if_possible(pixels, job)
    before = await studio.score(pixels, job, detection)
    notes: tuple[Text, ...] = ()
    if region is None and asked.task in FINDS_PART:
        region, note = await studio.affected_part(pixels, asked.task, detection, job)
        notes = (note,)
    params = RestoreParams(asked.task, asked.method, asked.strength, region, asked.feather)
    bounds = region.bounds if region else Bounds(0, 0, pixels.shape[1], pixels.shape[0])
    photo = PhotoFacts((bounds.width, bounds.height), detection, before)
    candidate = await studio.apply(pixels, params, job, photo=photo)
    method = candidate.step.method or ""
    why = "requested" if asked.method else await job.side("disk", _reasons, studio, params, method, photo)
    step = _step(asked.task, method, candidate.step.seconds, True, why)
    step["settings"] = dict(candidate.step.settings)
    after = await studio.find_and_score(candidate.pixels, job)
    return _Outcome(candidate.pixels, [step], before, after, (*notes, *candidate.notes))


def _reasons(studio: Studio, params: RestoreParams, method: str, photo: PhotoFacts) -> str:
    """Why a method ran although none was named: the user's choices, else what was measured."""
    if (reason := studio.reason(params.task, method)) is not None:
        return english(reason)
    listed = studio.options(params.task, photo, params.region is not None)
    reasons = next((option.reasons for option in listed.options if option.method == method), ())
    return " ".join(english(reason) for reason in reasons) or "requested"


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
