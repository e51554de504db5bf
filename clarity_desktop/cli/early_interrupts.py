"""Ctrl+C while the program imports its libraries. This module imports almost nothing: it must be active first."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager

CANCELLED = 4
"""Exit code of a command that the user cancelled."""


@contextmanager
def exit_on_interrupt() -> Generator[None]:
    """Let Ctrl+C end the program at once with one sentence; nothing has been started yet.

    A KeyboardInterrupt in the middle of an import would print a traceback, or be reported as a damaged library (numpy
    does that).
    """
    before = signal.getsignal(signal.SIGINT)
    # A handler that is not Python's own was installed by other code, or the signal is ignored in the background.
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _exit(_number: int, _frame: object) -> None:
    sys.stderr.write("Cancelled before anything was done.\n")
    sys.stderr.flush()
    os._exit(CANCELLED)
