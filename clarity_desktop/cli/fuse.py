"""`clarity fuse`: several restorations of one photo become one."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.photos import for_each_photo, read_for, visible
from clarity_desktop.cli.targets import Targets, add_targets, existing_rule, skipped
from clarity_desktop.cli.terminal import file_name
from clarity_desktop.messages import UserError
from clarity_desktop.text import english
from clarity_desktop.values import TASKS, ExportOptions, Picture, Pixels
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio

EXAMPLES = """examples:
  Restorations that were made before, in any order:
  clarity fuse a.png b.png c.png --input rain.jpg -o best.png

  Run the best methods of a task and fuse their results:
  clarity fuse --input night.jpg --task low_light -o bright.png
"""


def add_fuse(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity fuse`."""
    p.add_argument(
        "candidates", nargs="*", type=file_name, metavar="A",
        help="two to six restorations of the photo; none: those of the best methods of the task",
    )  # fmt: skip
    p.add_argument("--input", required=True, type=file_name, metavar="IN", help="the damaged photo")
    p.add_argument("--task", metavar="TASK", help="what was restored: " + ", ".join(TASKS))
    add_targets(p, many=False)
    p.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else")
    p.epilog = EXAMPLES
    p.set_defaults(run=_fuse)


async def _fuse(asked: argparse.Namespace) -> int:
    from clarity_desktop.backend import candidates

    # Wrong words in the command are reported before the photo is read.
    if asked.task is not None and asked.task not in TASKS:
        raise UserError("methods.unknown_task", task=asked.task, tasks=", ".join(TASKS))
    if not asked.candidates and asked.task is None:
        raise UserError("fusion.no_task")
    if asked.candidates:
        candidates.check_count(len(asked.candidates))
    targets = Targets([asked.input, *asked.candidates], None, existing_rule(asked))

    async def fuse(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        with targets.reserve(asked.output, path, studio.settings.metadata) as options:
            return await _fuse_photo(studio, path, options, asked, job)

    return await for_each_photo([asked.input], asked.json, fuse, asked.make_studio)


async def _fuse_photo(
    studio: Studio, path: Path, options: ExportOptions, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:
    """Write the fusion of restorations of a photo. Raises FileExists, UserError, JobCancelled."""
    from clarity_desktop.backend import candidates, pictures

    start = time.perf_counter()
    given = await read_for(studio, path, options, asked.json, job)
    if given is None:
        return skipped(path, options.path)
    original = await visible(given.picture, job)
    if asked.candidates:
        names, methods = tuple(str(file) for file in asked.candidates), ()
        made = [await visible(await studio.read(file, job), job) for file in asked.candidates]
    else:
        names = methods = candidates.best_methods(studio, asked.task)
        made = await candidates.restore_each(studio, original, asked.task, methods, job)
    pictures.check_size(made[0].shape[1], made[0].shape[0], options)
    done = await studio.fuse_pixels(made, original, job, made_by=methods)
    written = await job.side("encode", _save, given.picture, done.pixels, options, path, job)
    if written is None:  # the file appeared during the work
        return skipped(path, options.path)
    seconds = time.perf_counter() - start
    notes = list(given.notes)
    if done.left_out:
        notes.append(candidates.left_out_text([names[k] for k in done.left_out]))
    row = {
        "path": str(path), "output": str(written), "seconds": round(seconds, 3), "candidates": list(names),
        "how": done.how, "notes": [english(note) for note in notes],
    }  # fmt: skip
    return row, f"{path} → {written}: {len(names) - len(done.left_out)} results combined in {seconds:.1f} s"


def _save(picture: Picture, pixels: Pixels, options: ExportOptions, path: Path, job: Job) -> Path | None:
    from clarity_desktop.backend import pictures

    return pictures.save(pictures.with_pixels(picture, pixels), options, path, job.commit)
