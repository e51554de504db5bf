"""Ctrl+C while the program is still being loaded. Imports next to nothing, as it has to be there first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

CANCELLED = 4
"""The exit code of what the user ended."""


@contextmanager
def ctrl_c_ends_it() -> Generator[None]:
    """Ctrl+C ends the program at once, in a sentence: nothing was begun.

    As an exception in the middle of an import it would be a trace, or be taken for a damaged library: numpy does so.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # somebody else's, or ignored, as for what runs in the background
        yield
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(_number: int, _frame: object) -> None:
    sys.stderr.write("Cancelled before anything was done.\n")
    sys.stderr.flush()
    os._exit(CANCELLED)
