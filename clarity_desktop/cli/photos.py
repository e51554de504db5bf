"""What the commands on photos share: one studio for all of them, one result for each, scores as JSON."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop import settings
from clarity_desktop.cli.early_interrupts import CANCELLED
from clarity_desktop.cli.terminal import (
    CANCELLED_SENTENCE,
    DONE,
    exit_now,
    internal_error,
    print_error,
    print_result,
    show_progress,
    warn,
)
from clarity_desktop.messages import Event, JobCancelled, Notice, UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import Text, english
from clarity_desktop.values import ExportOptions, Picture, Pixels, Quality
from clarity_desktop.worker import Job, Lane, Pools, run_all

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio
    from clarity_desktop.backend.torch_import import EarlyImport

log = logging.getLogger(__name__)
CANCEL_SECONDS = 0.5
"""How long a cancelled command waits for the running work before it ends the process."""
PhotoTask = Callable[["Studio", Path, Job], Awaitable[tuple[dict[str, Any], str]]]
"""What is done to a photo: returns the JSON object, and the line that is printed without --json."""
MakeStudio = Callable[[Settings], "Studio"]


def begin_torch_import() -> EarlyImport:
    """Import torch in the background; `go_on` when the caller's own imports are done."""
    from clarity_desktop.backend.torch_import import EarlyImport

    return EarlyImport()


async def for_each_photo(
    photos: Iterable[Path], as_json: bool, task: PhotoTask, make_studio: MakeStudio | None = None,
    *, scratch: Path | None = None,
) -> int:  # fmt: skip
    """Run a task on each photo; returns the worst exit code. A failing photo gets an error line, the others go on.

    make_studio: makes the studio from the user's settings; None: `Studio` itself, imported only now. scratch: a folder
    for the documents that the task makes, removed where the process is ended at once.
    """
    photos = tuple(photos)
    early = None
    if make_studio is None:
        # All of these commands need torch, which takes longer to import than anything else here takes.
        early = begin_torch_import() if any(map(os.path.isfile, photos)) else None
        from clarity_desktop.backend.studio import Studio

        make_studio = partial(Studio, folder=scratch / "documents" if scratch else None)
    worst, lane, pools = DONE, Lane(), Pools()
    studio = make_studio(settings.load())
    if early is not None:
        early.go_on()
    shown_notices = set[str]()

    def show(event: Event) -> None:
        """Show progress, and each notice once however many photos cause it."""
        if isinstance(event, Notice) and (sentence := english(event.text)) not in shown_notices:
            shown_notices.add(sentence)
            warn(sentence)
        show_progress(event)

    def output(result: dict[str, Any] | str) -> None:
        """Print a result. Where that fails, say so once and go on: results of `restore` are files."""
        nonlocal worst
        try:
            print_result(result)
        except UserError as e:
            worst = max(worst, print_error(e))

    try:
        for path in photos:
            error: UserError
            try:
                row, line = await task(studio, path, Job(show, lane, pools))
            except UserError as e:
                error = e
            except Exception:
                log.exception("%s failed", path)
                error = UserError(internal_error())
            else:
                output(row if as_json else line)
                for note in () if as_json else row.get("notes", ()):
                    warn(f"{path}: {note}")
                continue
            worst = max(worst, print_error(error, path))
            if as_json:
                output({"path": str(path), "error": str(error)})
    except (JobCancelled, asyncio.CancelledError):
        # A library that cannot be interrupted would keep the process alive for seconds.
        if not (lane.close(CANCEL_SECONDS) and pools.close(CANCEL_SECONDS)):
            from clarity_desktop.backend.pictures.export import WRITING

            with WRITING:  # a file that is being written is finished or taken back, and no other is begun
                warn(CANCELLED_SENTENCE)
                if scratch is not None:
                    shutil.rmtree(scratch, ignore_errors=True)
                exit_now(CANCELLED)
        raise
    finally:
        run_all(lane.close, pools.close, studio.close)
    return worst


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A photo whose result is written to a file.

    notes: about reading it, and with --json about what the file cannot hold. may_copy: the file would hold an unchanged
    photo exactly as it is.
    """

    picture: Picture
    notes: tuple[Text, ...]
    may_copy: bool


async def read_for(studio: Studio, path: Path, options: ExportOptions, as_json: bool, job: Job) -> Input | None:
    """The photo of a path, and a warning about what the file of the options cannot hold. None: that file exists.

    Raises UserError and JobCancelled; FileExists where an existing file is to be an error.
    """
    from clarity_desktop.backend import pictures

    # The place and the name are checked before the work, not after it.
    if not await job.side("disk", pictures.check_target, options):
        return None
    picture = await studio.read(path, job)
    lost = pictures.losses(picture, options)
    for loss in () if as_json else lost:  # said while there is still time to cancel
        warn(f"{path}: {english(loss)}")
    is_same = picture.format.lower() == options.format and options.metadata == "all"
    return Input(picture, (*picture.notes, *(lost if as_json else ())), is_same)


async def visible(picture: Picture, job: Job) -> Pixels:
    """What networks and scores see of a picture: H×W×3, uint8 or uint16, without what alpha 0 hides."""
    from clarity_desktop.backend import pictures

    return await job.side("decode", pictures.fill_transparent, picture.pixels, picture.alpha)


def scores(quality: Quality) -> dict[str, Any]:
    """The scores as the JSON of `assess` has them; "why" gives the reason for each null."""
    row = asdict(quality)
    row["why"] = {name: english(reason) for name, reason in quality.why.items()}
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
