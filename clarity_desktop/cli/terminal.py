"""What a terminal sees: sentences, rows, progress on one line, exit codes."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from clarity_desktop.cli.interrupt import CANCELLED
from clarity_desktop.messages import Event, JobCancelled, ModelMissing, Progress, UserError

DONE, USAGE, NO_MODEL = 0, 2, 3
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
STOPPED = "Cancelled. What was finished before is kept."


class Unread(JobCancelled):
    """Nobody reads what is printed any more, as with `clarity … | head`."""


def harmless(text: str) -> str:
    """On one line, and without what a terminal would obey or print backwards: a file may have any name."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def show_progress(news: Event) -> None:
    """Progress on one line of a terminal; a pipe or a file gets none."""
    if isinstance(news, Progress) and sys.stderr.isatty():
        left = "" if news.seconds_left is None else f", {news.seconds_left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{news.fraction:4.0%} {harmless(news.note)}{left}")
        sys.stderr.flush()


def print_row(row: dict[str, Any] | str) -> None:
    line = harmless(row) if isinstance(row, str) else json.dumps(row, allow_nan=False)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python says it again at its exit
        if e.errno == errno.EPIPE:
            raise Unread from e
        raise UserError(f"The output could not be written: {e.strerror}.") from e


def say(error: UserError, about: Path | None = None) -> int:
    """about: the photo; its name as it was given tells two of the same name apart."""
    named = about is None or str(about) in str(error)
    sentence = str(error) if named else f"{about}: {error}"
    return complain(sentence, NO_MODEL if isinstance(error, ModelMissing) else USAGE)


def complain(sentence: str, code: int) -> int:
    sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + harmless(sentence) + "\n")
    return code


def leave() -> NoReturn:
    """Cancelled while a library loads, which nothing can interrupt: end without it. Nothing is written by then."""
    complain(STOPPED, CANCELLED)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CANCELLED)
