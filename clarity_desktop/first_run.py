"""`make run`: download the first models, then open the editor on the sample photo, or restore it without a screen."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from clarity_desktop import settings
from clarity_desktop.cli.early_interrupts import CANCELLED
from clarity_desktop.cli.targets import make_folder
from clarity_desktop.cli.terminal import DONE, NO_MODEL
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.text import Text, english

FIRST = ("maxim-deraining",)
"""The models of the first restoration."""
WELCOME = ("niqe", "brisque", "sseq")
"""The published parameters of the quality metrics; without them the built-in ones are used and labeled as such."""
OUT = Path("out")


def sample() -> Path:
    """The bundled photo for the first restoration."""
    return settings.resources() / "samples" / "rain.jpg"


def start(run_command: Callable[[Sequence[str]], int]) -> int:
    """Download, then show the window, or restore the sample if there is no screen. Returns an exit code.

    run_command: runs the words of a `clarity` command and returns its exit code.
    """
    try:
        can_restore = _download_models()
    except (JobCancelled, KeyboardInterrupt):
        sys.stderr.write("\nCancelled. The next start resumes the download.\n")
        return CANCELLED
    from clarity_desktop import app

    sentence = app.check_display()
    if sentence is None:
        return app.run([sample()], first_run=True)
    sys.stderr.write(f"{sentence}\nRestoring the sample photo without a window instead.\n")
    return _headless(run_command) if can_restore else NO_MODEL


def _download_models() -> bool:
    """Download the missing models. Returns whether a first restoration is possible, with these or bundled models."""
    from clarity_desktop.backend import methods
    from clarity_desktop.backend.weights import default_store

    store = default_store()
    # Failing to download metrics is no reason to stop: built-in parameters replace them.
    for name in (*FIRST, *WELCOME):
        if store.find(name) is not None:
            continue
        try:
            store.fetch(name, _ProgressBar(name))
        except UserError as e:
            later = f"The model {name} could not be downloaded. Try again later with `clarity models fetch {name}`."
            sys.stderr.write(f"\r\x1b[K{e if name in FIRST else later}\n")
    return not methods.missing(methods.choose("derain"))


class _ProgressBar:
    """Progress of a download on one line, a few times a second."""

    def __init__(self, name: str) -> None:
        self._name, self._last = name, 0.0

    def __call__(self, fraction: float, note: Text = "") -> None:
        now = time.monotonic()
        if now - self._last < 0.2 and fraction < 1:
            return
        self._last = now
        filled = round(30 * fraction)
        line = f"{self._name} [{'#' * filled}{'.' * (30 - filled)}] {fraction:4.0%} {english(note)}"
        # \r and \x1b[K replace the line in a terminal; a log file gets one line per update.
        sys.stderr.write(f"\r\x1b[K{line}" if sys.stderr.isatty() else f"{line}\n")
        if fraction >= 1 and sys.stderr.isatty():
            sys.stderr.write("\n")
        sys.stderr.flush()


def _headless(run_command: Callable[[Sequence[str]], int]) -> int:
    from clarity_desktop import app

    make_folder(OUT)
    result, screenshot = OUT / "restored.png", OUT / "window.png"
    code = run_command(["restore", str(sample()), "-o", str(result), "--if-exists", "overwrite", "--task", "derain"])
    if code == DONE:
        both = OUT / "before-after.png"
        side_by_side(sample(), result, both)
        app.take_screenshot(sample(), screenshot)
        sys.stdout.write("".join(f"{p}\n" for p in (result, both, screenshot)))
    return code


def side_by_side(before: Path, after: Path, target: Path) -> None:
    """Write a picture with the left half before and the right half after, a white line between."""
    from PIL import Image

    with Image.open(before) as a, Image.open(after) as b:
        joined = Image.new("RGB", (a.width * 2 + 8, a.height), "white")
        joined.paste(a.convert("RGB"), (0, 0))
        joined.paste(b.convert("RGB"), (a.width + 8, 0))
    joined.save(target)
