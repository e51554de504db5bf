"""The command line. Imports no Qt, except `app` for the window."""

from __future__ import annotations

from clarity_desktop.cli.early_interrupts import CANCELLED, exit_on_interrupt

with exit_on_interrupt():
    import argparse
    import asyncio
    import io
    import logging
    import logging.handlers
    import os
    import sys
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TYPE_CHECKING, NoReturn

    from clarity_desktop import __version__, settings
    from clarity_desktop.cli.analyze import add_assess, add_detect
    from clarity_desktop.cli.models import add_models
    from clarity_desktop.cli.photos import MakeStudio, has_begun_torch_import
    from clarity_desktop.cli.plan import add_plan
    from clarity_desktop.cli.restore import add_restore
    from clarity_desktop.cli.segment import add_segment, attach_positions
    from clarity_desktop.cli.terminal import (
        CANCELLED_SENTENCE,
        DONE,
        NO_MODEL,
        USAGE,
        OutputClosed,
        exit_now,
        internal_error,
        print_error,
        replace_closed_streams,
        warn,
    )
    from clarity_desktop.cli.train import add_bench, add_train
    from clarity_desktop.messages import JobCancelled, UserError
    from clarity_desktop.text import Message

    if TYPE_CHECKING:
        from clarity_desktop.backend.weights import WeightStore

__all__ = ["CANCELLED", "DONE", "NO_MODEL", "USAGE", "desktop", "main", "run_and_exit"]

_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], str]] = {
    "restore": (add_restore, "restore photos"),
    "detect": (add_detect, "detect degradations"),
    "assess": (add_assess, "score photos without a reference"),
    "segment": (add_segment, "select a part of a photo by points, a box or words"),
    "plan": (add_plan, "show what a request in plain English would do"),
    "models": (add_models, "list, download, import, verify or remove weights"),
    "train": (add_train, "train one of the built-in networks"),
    "bench": (add_bench, "evaluate the detector, the restorer or the scores"),
}
HTTP_LIBRARIES = ("httpx2", "httpcore2", "httpx", "httpcore", "openai", "urllib3")
"""They log each address, with the user name, password and signature in it: at INFO already, or with --verbose."""
log = logging.getLogger(__name__)


def main(
    words: Sequence[str] | None = None, make_studio: MakeStudio | None = None, store: WeightStore | None = None
) -> int:
    """`clarity …`: run one command and return its exit code. make_studio: for what is done to photos.

    store: for `models`; None: that of the user. words None: those of this process, which then ends at once where torch
    was wanted.
    """
    code = _with_errors_printed(lambda: _command(words, make_studio, store))
    if words is None and has_begun_torch_import():
        exit_now(code)
    return code


def _command(words: Sequence[str] | None, make_studio: MakeStudio | None, store: WeightStore | None) -> int:
    parser = _parser()
    words = attach_positions(sys.argv[1:] if words is None else words)
    asked = parser.parse_args(words, argparse.Namespace(make_studio=make_studio, store=store))
    # argparse accepts a missing subcommand.
    if "run" not in asked:
        parser.print_help(sys.stderr)
        return USAGE
    _check_working_folder()
    keep_log(verbose=asked.verbose)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be valid text
    done = asked.run(asked)
    # Commands on photos are coroutines, the others return at once.
    return done if isinstance(done, int) else asyncio.run(done)


def _with_errors_printed(run: Callable[[], int]) -> int:
    """Run a command; returns its exit code. Every error is printed as a sentence, the traceback of a bug is logged."""
    replace_closed_streams()
    try:
        return run()
    except UserError as e:
        return print_error(e)
    except OutputClosed:
        return CANCELLED
    except (JobCancelled, KeyboardInterrupt, asyncio.CancelledError):
        warn(CANCELLED_SENTENCE)
        return CANCELLED
    except Exception:
        log.exception("%s failed", " ".join(sys.argv))
        warn(internal_error())
        return 1


def desktop(words: Sequence[str] | None = None) -> int:
    """`clarity-desktop [photo …]`: open the window."""
    return _with_errors_printed(lambda: _window(words))


def _window(words: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser("clarity-desktop", description="Restore damaged photos on this computer.")
    parser.add_argument("photos", nargs="*", type=Path, help="photos or .clarity projects to open")
    parser.add_argument("--first-run", action="store_true", help="open the sample photo, ready for a first restoration")
    parser.add_argument("--version", action="version", version=f"Clarity Desktop {__version__}")
    asked = parser.parse_args(words)
    _check_working_folder()
    keep_log()
    if asked.first_run:
        from clarity_desktop import first_run

        return first_run.start(main)
    from clarity_desktop import app

    if (sentence := app.check_display()) is not None:
        warn(sentence)
        return 1
    return app.run(asked.photos)


def _check_working_folder() -> None:
    """Raise UserError if the working folder was deleted: relative names mean nothing then, and torch cannot compute."""
    try:
        os.getcwd()  # noqa: PTH109
    except OSError as e:
        raise UserError("cli.no_working_folder") from e


class _LogFile(logging.handlers.RotatingFileHandler):
    """A log file; where it cannot be written (a full disk), that is said once instead of a traceback a line."""

    _failed = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._failed:
            self._failed = True
            warn(_log_not_written(error))


def _log_not_written(error: OSError) -> Message:
    return Message("cli.log_not_written", {"log": str(settings.log_file()), "reason": error.strerror or str(error)})


def keep_log(*, verbose: bool = False) -> None:
    """Write details to the log file in the user's folder; the terminal only gets sentences."""
    root = logging.getLogger()
    if any(isinstance(h, logging.handlers.RotatingFileHandler) for h in root.handlers):
        return
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        settings.log_file().parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _LogFile(
            settings.log_file(), maxBytes=2_000_000, backupCount=3, encoding="utf-8", delay=True
        )
    except OSError as e:
        warn(_log_not_written(e))
        handler = logging.NullHandler()
    for library in HTTP_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("clarity", description="Restore damaged photos on this computer.")
    parser.add_argument("--version", action="version", version=f"Clarity Desktop {__version__}")
    parser.add_argument("--verbose", action="store_true", help="write more to the log")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (add, summary) in _COMMANDS.items():
        # Raw: the examples keep their lines.
        formatter = argparse.RawDescriptionHelpFormatter
        description = f"{summary[0].upper()}{summary[1:]}."
        add(commands.add_parser(name, help=summary, description=description, formatter_class=formatter))
    return parser


def run_and_exit() -> NoReturn:
    """`python -m clarity_desktop`: a command if the first word is one, the window otherwise."""
    words = sys.argv[1:]
    sys.exit(main() if words and words[0] in _COMMANDS else desktop(words))
