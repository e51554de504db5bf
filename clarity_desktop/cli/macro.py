"""`clarity macro run`: the steps of a macro on photos, by the tools of the conversation, without a language model."""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.photos import for_each_photo, read_for, scores
from clarity_desktop.cli.targets import (
    Targets,
    add_targets,
    existing_rule,
    make_folder,
    skipped,
    target_of,
)
from clarity_desktop.cli.terminal import add_photos, file_name
from clarity_desktop.messages import Event, Improved, JobCancelled, UserError, VersionAdded
from clarity_desktop.text import Text, english
from clarity_desktop.values import DocumentId, ExportOptions, Quality, Version
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.macro import Macro
    from clarity_desktop.backend.plan import ToolCall
    from clarity_desktop.backend.studio import Studio
    from clarity_desktop.backend.tools import ToolContext

EXAMPLES = """examples:
  clarity macro run rainy.clarity-macro photo.jpg -o dry.jpg
  clarity macro run rainy.clarity-macro *.jpg --out-dir restored --json

  Continue where an earlier run stopped:
  clarity macro run rainy.clarity-macro *.jpg --out-dir restored --if-exists skip

A macro is saved from the conversation in the window: Chat > Save as macro.
"""


def add_macro(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity macro`."""
    p.add_argument("verb", choices=("run",), help="run the macro on each photo")
    p.add_argument("macro", type=file_name, metavar="FILE", help="the macro")
    add_photos(p)
    add_targets(p)
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.epilog = EXAMPLES
    p.set_defaults(run=_run)


async def _run(asked: argparse.Namespace) -> int:
    if asked.output and len(asked.photos) > 1:
        raise UserError("cli.one_output_for_many")
    from clarity_desktop.backend import macro, methods
    from clarity_desktop.backend.plan import RestoreCall

    # What is wrong with the macro is said before the first photo is read.
    steps = macro.read(asked.macro)
    for step in steps.steps:
        if isinstance(step, RestoreCall) and step.task != "auto":
            methods.choose(step.task, step.method)
    if asked.out_dir:
        make_folder(asked.out_dir)
    targets = Targets((*asked.photos, asked.macro), None, existing_rule(asked))

    async def run(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        with targets.reserve(target_of(path, asked), path, studio.settings.metadata) as options:
            return await _run_on_photo(studio, path, options, steps, asked, job)

    with tempfile.TemporaryDirectory(prefix="clarity-macro-", ignore_cleanup_errors=True) as scratch:
        return await for_each_photo(asked.photos, asked.json, run, asked.make_studio, scratch=Path(scratch))


async def _run_on_photo(
    studio: Studio, path: Path, options: ExportOptions, steps: Macro, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:
    """Run a macro on one photo, into the file of the options. Raises FileExists, UserError, JobCancelled."""
    from clarity_desktop.backend import pictures

    start = time.perf_counter()
    given = await read_for(studio, path, options, asked.json, job)
    if given is None:
        return skipped(path, options.path)
    pictures.check_size(given.picture.pixels.shape[1], given.picture.pixels.shape[0], options)
    document = await studio.open_picture(given.picture, path.name, job)
    notes, may_copy = given.notes, given.may_copy
    del given  # the document has its pixels
    try:
        rows, found = await _run_steps(studio, document.id, steps, job)
        card = document.card()
        original, head = card.versions[0], document.version(card.head)
        if head.id == original.id and may_copy:  # encoding a JPEG again would lose a little
            written, notes = await job.side("disk", pictures.copy, path, options), ()
        else:
            written = await studio.export(document.id, head.id, options, job)
    finally:
        with suppress(JobCancelled):  # the folder of all documents is removed then
            await studio.close_document(document.id, job, erase=True)
    if written is None:  # the file appeared during the work
        return skipped(path, options.path)
    seconds = time.perf_counter() - start
    row = {
        "path": str(path), "output": str(written), "seconds": round(seconds, 3), "macro": steps.name, "steps": rows,
        "before": _scores(original), "after": _scores(head), "notes": [english(note) for note in (*notes, *found)],
    }  # fmt: skip
    kept = sum(step["kept"] for step in rows)
    return row, f"{path} → {written}: {kept} of {len(rows)} steps kept in {seconds:.1f} s"


async def _run_steps(
    studio: Studio, document: DocumentId, steps: Macro, job: Job
) -> tuple[list[dict[str, Any]], list[Text]]:
    """Run the steps on an open document; returns their rows, and notes about parts that were not all found."""
    from clarity_desktop.backend import tools

    context = tools.ToolContext(studio, document, job)
    # What is not in the photo is an error before anything is changed.
    await tools.find_parts(context, steps.steps)
    rows = [row for step in steps.steps for row in await _run_step(context, step)]
    return rows, [note for found in context.named.values() for note in found.notes]


async def _run_step(context: ToolContext, step: ToolCall) -> list[dict[str, Any]]:
    """Run one step; returns a row for each version that it made, and one where it made none."""
    from clarity_desktop.backend import tools

    made: list[Version] = []
    why, uncertain = "requested", False

    def note(event: Event) -> None:
        nonlocal why, uncertain
        if isinstance(event, VersionAdded):
            made.append(event.version)
        elif isinstance(event, Improved):
            why, uncertain = english(event.text), event.offered

    start = time.perf_counter()
    with context.job.observing(note):
        await tools.run(context, step)
    seconds = time.perf_counter() - start
    kept = _way_to(context.head, context)
    rows = [
        _row(
            step,
            v,
            v.step.seconds or seconds,
            kept=v.id in kept,
            why=f"uncertain: {why}" if uncertain and v.id in kept else why,
        )
        for v in made
    ]
    return rows or [_row(step, None, seconds, kept=False, why=why)]


def _way_to(head: Version, context: ToolContext) -> set[str]:
    """The ids of a version and of all that it was made from."""
    known = {v.id: v for v in context.card.versions}
    found = {str(head.id)}
    while head.parent is not None:
        head = known[head.parent]
        found.add(str(head.id))
    return found


def _row(step: ToolCall, made: Version | None, seconds: float, *, kept: bool, why: str) -> dict[str, Any]:
    task = made.step.task if made else getattr(step, "task", None)
    method = made.step.method if made else None
    return {
        "tool": step.tool, "task": task, "method": method, "seconds": round(seconds, 3), "kept": kept, "why": why,
    }  # fmt: skip


def _scores(version: Version) -> dict[str, Any]:
    return scores(version.quality or Quality())
