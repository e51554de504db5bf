"""What every command that takes photos shares: one studio for all of them, a line each, scores as JSON."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop import settings
from clarity_desktop.cli.terminal import DONE, complain, leave, print_row, say, show_progress
from clarity_desktop.messages import Event, JobCancelled, Notice, UserError
from clarity_desktop.values import Quality
from clarity_desktop.worker import Job, Lane

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio

SLOW_STEP_SECONDS = 0.5
"""Seconds that a cancelled command waits for what it was doing."""
One = Callable[["Studio", Path, Job], Awaitable[tuple[dict[str, Any], str]]]
"""What is done to a photo: gives its JSON, and the line for those who want no JSON."""


def add_photos(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=_photo, metavar="IN")


def _photo(name: str) -> Path:
    if not name:
        raise argparse.ArgumentTypeError("a name is empty")
    return Path(name)


async def each(photos: Iterable[Path], as_json: bool, one: One) -> int:
    """Do one thing to each photo; a file that fails has its line, the others go on, the worst code is returned."""
    from clarity_desktop.backend.studio import Studio

    worst, lane = DONE, Lane()
    studio = Studio(settings.load())
    noticed = set[str]()

    def tell(news: Event) -> None:
        """Progress, and each notice once, however many photos it is about."""
        if isinstance(news, Notice) and news.text not in noticed:
            noticed.add(news.text)
            complain(news.text, DONE)
        show_progress(news)

    try:
        for path in photos:
            try:
                row, line = await one(studio, path, Job(tell, lane))
                print_row(row if as_json else line)
                for note in () if as_json else row.get("notes", ()):
                    complain(f"{path}: {note}", DONE)
            except UserError as e:
                worst = max(worst, say(e, path))
                if as_json:
                    print_row({"path": str(path), "error": str(e)})
    except (JobCancelled, asyncio.CancelledError):
        if not lane.close(SLOW_STEP_SECONDS):
            leave()
        raise
    finally:
        lane.close()
        studio.close()
    return worst


def scores(quality: Quality) -> dict[str, Any]:
    """The scores as the JSON of `assess` has them; "why" names what is null."""
    row = asdict(quality)
    row["why"] = dict(quality.why)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
