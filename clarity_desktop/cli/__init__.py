"""The command line. Imports no Qt, except `app` for the window."""

from __future__ import annotations

from clarity_desktop.cli.early_interrupts import CANCELLED, exit_on_interrupt

with exit_on_interrupt():
    import argparse
    import io
    import logging
    import logging.handlers
    import os
    import re
    import sys
    from collections.abc import Sequence
    from importlib import import_module
    from pathlib import Path
    from typing import TYPE_CHECKING, Any, NoReturn

    from clarity_desktop import __version__, settings
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
    from clarity_desktop.errors import JobCancelled, UserError
    from clarity_desktop.text import Message

    if TYPE_CHECKING:
        from collections.abc import Callable

        from clarity_desktop.backend.weights import WeightStore
        from clarity_desktop.cli.photos import MakeStudio

__all__ = ["CANCELLED", "DONE", "NO_MODEL", "USAGE", "desktop", "main", "run_and_exit"]

_COMMANDS = {
    "restore": ("restore", "restore photos"),
    "detect": ("analyze", "detect degradations"),
    "assess": ("analyze", "score photos without a reference"),
    "segment": ("segment", "select a part of a photo by points, a box or words"),
    "fuse": ("fuse", "combine several restorations of one photo"),
    "plan": ("plan", "show what a request in plain English would do"),
    "chat": ("chat", "work on a photo by a conversation in the terminal"),
    "macro": ("macro", "run the changes of a conversation on other photos"),
    "models": ("models", "list, download, import, verify or remove weights"),
    "train": ("train", "train one of the built-in networks"),
    "bench": ("train", "evaluate methods, the detector, the restorer or the scores"),
}
"""By name: the module of this package with the function that adds the arguments, add_NAME, and a summary."""
HTTP_LIBRARIES = ("httpx2", "httpcore2", "httpx", "httpcore", "openai", "urllib3")
"""They log each address, with the user name, password and signature in it: at INFO already, or with --verbose."""
log = logging.getLogger(__name__)


def main(
    words: Sequence[str] | None = None, make_studio: MakeStudio | None = None, store: WeightStore | None = None
) -> int:
    """`clarity …`: run one command and return its exit code. make_studio: for what is done to photos.

    store: for `models`; None: that of the user. words None: those of this process, which then ends at once: shutting
    down the interpreter would crash in the middle of an import of torch, and takes up to 0.2 s.
    """
    code = _with_errors_printed(lambda: _command(words, make_studio, store))
    if words is None:
        exit_now(code)
    return code


def _command(words: Sequence[str] | None, make_studio: MakeStudio | None, store: WeightStore | None) -> int:
    words = _attach_positions(sys.argv[1:] if words is None else words)
    parser = _parser(next((word for word in words if not word.startswith("-")), None))
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
    if isinstance(done, int):
        return done
    import asyncio  # commands on photos are coroutines, the others need no loop

    return asyncio.run(done)


def _with_errors_printed(run: Callable[[], int]) -> int:
    """Run a command; returns its exit code. Every error is printed as a sentence, the traceback of a bug is logged."""
    replace_closed_streams()
    try:
        return run()
    except UserError as e:
        return print_error(e)
    except OutputClosed:
        return CANCELLED
    except _cancellations():
        warn(CANCELLED_SENTENCE)
        return CANCELLED
    except Exception:
        log.exception("%s failed", " ".join(sys.argv))
        warn(internal_error())
        return 1


def _cancellations() -> tuple[type[BaseException], ...]:
    """What ends the work that the user cancelled."""
    import asyncio

    return JobCancelled, KeyboardInterrupt, asyncio.CancelledError


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


def _attach_positions(words: Sequence[str]) -> list[str]:
    """The words of a command in which "--point -5,10" is "--point=-5,10": argparse takes "-5,10" for an option."""
    attached: list[str] = []
    for word in words:
        if attached and attached[-1] in ("--point", "--box") and re.match(r"-[\d.]", word):
            attached[-1] += f"={word}"
        else:
            attached.append(word)
    return attached


class _AnyOrder(argparse.ArgumentParser):
    """A parser that takes options between positional arguments, too: `models import --task derain FILE`."""

    _mixing = False

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride] — the stub has overloads
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        # parse_known_intermixed_args calls this method; it cannot handle "what follows belongs to another program".
        if self._mixing or any(action.nargs == argparse.REMAINDER for action in self._get_positional_actions()):
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


def _parser(command: str | None) -> argparse.ArgumentParser:
    """The parser of a command line. Of the commands only this one has its arguments: it imports what it needs."""
    parser = argparse.ArgumentParser("clarity", description="Restore damaged photos on this computer.")
    parser.add_argument("--version", action="version", version=f"Clarity Desktop {__version__}")
    parser.add_argument("--verbose", action="store_true", help="write more to the log")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_AnyOrder)
    for name, (_, summary) in _COMMANDS.items():
        # Raw: the examples keep their lines.
        formatter = argparse.RawDescriptionHelpFormatter
        description = f"{summary[0].upper()}{summary[1:]}."
        own = commands.add_parser(name, help=summary, description=description, formatter_class=formatter)
        if name == command:
            _add_arguments(name, own)
    return parser


def _add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    with exit_on_interrupt():
        module = import_module(f"{__name__}.{_COMMANDS[command][0]}")
    add: Callable[[argparse.ArgumentParser], None] = getattr(module, f"add_{command}")
    add(parser)


def run_and_exit() -> NoReturn:
    """`python -m clarity_desktop`: a command if the first word is one, the window otherwise."""
    words = sys.argv[1:]
    sys.exit(main() if words and words[0] in _COMMANDS else desktop(words))
