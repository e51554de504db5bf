"""What all commands share: arguments, result lines on stdout, sentences and progress on stderr, exit codes."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from clarity_desktop import settings
from clarity_desktop.errors import JobCancelled, ModelMissing, UserError
from clarity_desktop.text import Message, Text, english

if TYPE_CHECKING:
    from clarity_desktop.messages import Event

DONE, USAGE, NO_MODEL = 0, 2, 3
# C0 and C1 controls, and the marks that switch the writing direction.
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
CANCELLED_SENTENCE = "Cancelled. Finished results are kept."


class OutputClosed(JobCancelled):
    """The reader of stdout has gone away, as with `clarity … | head`."""


def sanitize(text: str) -> str:
    """The text on one line, with control characters escaped: a file name may contain terminal commands."""
    return _CONTROL_CHARACTERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def file_name(text: str) -> Path:
    """An argument that names a file or a folder; an empty one, as of an unset variable, would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("a file name is empty")
    return Path(text)


def add_photos(p: argparse.ArgumentParser) -> None:
    """Add the positional photos to a parser."""
    p.add_argument("photos", nargs="+", type=file_name, metavar="IN", help="the photos")


def add_photo(p: argparse.ArgumentParser) -> None:
    """Add one positional photo to a parser."""
    p.add_argument("photo", type=file_name, metavar="IN")


def show_progress(event: Event) -> None:
    """Show progress on one line of a terminal; a pipe or a file gets none."""
    from clarity_desktop.messages import Progress  # not needed, and slow to import, for a plan

    if isinstance(event, Progress) and sys.stderr.isatty():
        left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{event.fraction:4.0%} {sanitize(english(event.note))}{left}")
        sys.stderr.flush()


def replace_closed_streams() -> None:
    """Open the null device in place of standard streams that are closed, as in `clarity … >&-`.

    The next file to be opened would get their number, and whatever a library prints would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 — open until the process ends


def print_result(result: dict[str, Any] | str) -> None:
    """Print one result: an object as JSON, a string as it is, in one line.

    Raises OutputClosed if stdout was closed, UserError if it cannot be written (a full disk).
    """
    _write((sanitize(result) if isinstance(result, str) else json.dumps(result, allow_nan=False)) + "\n")


def print_text(text: str, end: str = "\n") -> None:
    """Print text of several lines, without its other control characters. Raises as `print_result`."""
    _write("\n".join(sanitize(line) for line in text.split("\n")) + end)


def _write(text: str) -> None:
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 — the error is reported once
        raise UserError("cli.output_failed", reason=os.strerror(errno.EBADF))
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as e:
        # Python flushes stdout once more when it exits and would report the same error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if e.errno == errno.EPIPE:
            raise OutputClosed from e
        raise UserError("cli.output_failed", reason=e.strerror or str(e)) from e


def print_error(error: UserError, path: Path | None = None) -> int:
    """Print an error and return its exit code. path: the photo as the user named it, added if the text lacks it."""
    sentence = str(error)
    if path is not None and str(path) not in sentence:
        sentence = f"{path}: {sentence}"
    warn(sentence)
    return NO_MODEL if isinstance(error, ModelMissing) else USAGE


def internal_error() -> Text:
    """The message about a bug; its traceback is in the log."""
    return Message("cli.internal_error", {"log": str(settings.log_file())})


def warn(text: Text) -> None:
    """Print a sentence on stderr."""
    sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + sanitize(english(text)) + "\n")


def exit_now(code: int) -> NoReturn:
    """End the process at once, without the interpreter's shutdown: libraries cannot be interrupted in their work."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
