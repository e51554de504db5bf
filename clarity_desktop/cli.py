"""The verbs from a terminal. Imports no Qt, except `app` for the window."""

from __future__ import annotations

import argparse
import asyncio
import errno
import io
import json
import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from clarity_desktop import __version__, settings
from clarity_desktop.messages import Aborted, ModelMissing, News, Progress, UserError
from clarity_desktop.values import TASKS, ExportOptions, Picture, Quality, Region, Task
from clarity_desktop.worker import Job, Lane

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Applied, Studio

DONE, USAGE, NO_MODEL, CANCELLED = 0, 2, 3, 4
PATIENCE = 0.5
"""Seconds that a cancelled command waits for what it was doing."""
STOPPED = "Cancelled. What was finished before is kept."
COMMANDS = ("restore", "assess", "models")
log = logging.getLogger(__name__)


class Unread(Aborted):
    """Nobody reads what is printed any more, as with `clarity … | head`."""


def main(words: Sequence[str] | None = None) -> int:
    """`clarity …`: run one command and return its exit code."""
    parser = _parser()
    asked = parser.parse_args(words)
    if "run" not in asked:
        parser.print_help(sys.stderr)
        return USAGE
    keep_log(verbose=asked.verbose)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file may have a name that no terminal can show
    return _net(lambda: asyncio.run(asked.run(asked)))


def _net(run: Callable[[], int]) -> int:
    """Run what a terminal asked for; whatever goes wrong is a sentence there, and a trace in the log if it is a bug."""
    try:
        return run()
    except UserError as e:
        return _say(e)
    except Unread:
        return CANCELLED
    except (Aborted, KeyboardInterrupt, asyncio.CancelledError):
        return _complain(STOPPED, CANCELLED)
    except Exception:
        log.exception("%s failed", " ".join(sys.argv))
        return _complain(f"Something went wrong inside Clarity Desktop. The details are in {settings.log_file()}.", 1)


def desktop(words: Sequence[str] | None = None) -> int:
    """`clarity-desktop [photo …]`: open the window."""
    parser = argparse.ArgumentParser("clarity-desktop", description="Restores damaged photos on this machine.")
    parser.add_argument("photos", nargs="*", type=Path, help="photos or .clarity projects to open")
    parser.add_argument("--first-run", action="store_true", help="open the sample photo, ready for a first restoration")
    parser.add_argument("--version", action="version", version=f"Clarity Desktop {__version__}")
    asked = parser.parse_args(words)
    keep_log()
    if asked.first_run:
        from clarity_desktop import first_run

        return _net(first_run.start)
    from clarity_desktop import app

    if (sentence := app.check_display()) is not None:
        return _complain(sentence, 1)
    return app.run(asked.photos)


def keep_log(*, verbose: bool = False) -> None:
    """All details go to the log file in the user's folder; a terminal gets sentences only."""
    root = logging.getLogger()
    if any(isinstance(h, logging.handlers.RotatingFileHandler) for h in root.handlers):
        return
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        settings.log_file().parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            settings.log_file(), maxBytes=2_000_000, backupCount=3, encoding="utf-8", delay=True
        )
    except OSError as e:
        _complain(f"No log is kept: {e.strerror}.", 0)
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("clarity", description="Restores damaged photos on this machine.")
    parser.add_argument("--version", action="version", version=f"Clarity Desktop {__version__}")
    parser.add_argument("--verbose", action="store_true", help="write more to the log")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_restore(commands.add_parser("restore", help="restore photos"))
    _add_assess(commands.add_parser("assess", help="score photos without a reference"))
    _add_models(commands.add_parser("models", help="list, fetch, import, verify or remove weights"))
    return parser


def _add_restore(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path, metavar="IN")
    out = p.add_mutually_exclusive_group(required=True)
    out.add_argument("-o", "--output", type=Path, metavar="OUT", help="the file to write (one IN)")
    out.add_argument("--out-dir", type=Path, metavar="DIR", help="the folder to write to, under the photos' own names")
    p.add_argument("--task", required=True, metavar="TASK", help="auto, " + ", ".join(TASKS))
    p.add_argument("--method", metavar="ID", help="the task's default method if not given")
    p.add_argument("--strength", type=_share, default=1.0, metavar="0..1", help="blend with the input (default 1)")
    p.add_argument("--mask", type=Path, metavar="PNG", help="restore only where this picture is white")
    p.add_argument("--feather", type=_pixels, default=0, metavar="PX", help="soften the mask's edge inwards")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.set_defaults(run=_restore)


def _add_assess(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path, metavar="IN")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.set_defaults(run=_assess)


def _add_models(p: argparse.ArgumentParser) -> None:
    p.add_argument("verb", choices=("list", "fetch", "import", "verify", "remove"))
    p.add_argument("names", nargs="*", metavar="ID|PATH", help="models, or files and folders to import")
    p.add_argument("--json", action="store_true", help="one JSON object per model on stdout, and nothing else")
    p.set_defaults(run=_models)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 1")
    return value


def _pixels(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise argparse.ArgumentTypeError(f"{text} is not a number of pixels from 0 to 99999")
    return int(text)


# restore and assess ---------------------------------------------------------------------------------------------------


async def _restore(asked: argparse.Namespace) -> int:
    if asked.output and len(asked.photos) > 1:
        return _complain("-o names one file, but there are several photos; use --out-dir.", USAGE)
    if asked.task == "auto":
        return _complain(
            "Choosing the task by itself is not part of this version. Name one with --task, for example --task derain.",
            USAGE,
        )
    from clarity_desktop.backend import methods

    methods.choose(asked.task, asked.method)  # a wrong name is said before the first photo is read

    if asked.out_dir:
        make_folder(asked.out_dir)
    results: dict[str, Path] = {}

    async def one(studio: Studio, path: Path, job: Job) -> dict[str, Any]:
        target = _target(path, asked)
        _claim(target, path, asked.photos, results)
        return await _restore_one(studio, path, target, asked, job)

    return await _each(asked.photos, asked.json, one, _restored_line)


async def _restore_one(
    studio: Studio, path: Path, target: Path, asked: argparse.Namespace, job: Job
) -> dict[str, Any]:  # fmt: skip
    from clarity_desktop.backend import pictures
    from clarity_desktop.backend.studio import Wish

    start = time.perf_counter()
    options = ExportOptions(target, _format(target), metadata=studio.settings.metadata, exists="overwrite")
    pictures.check_place(target)  # said before the work, not after it
    picture = await studio.read(path)
    region = await _region(studio, asked.mask, picture) if asked.mask else None
    wish = Wish(asked.task, asked.method, asked.strength, region, asked.feather)
    before = await studio.score(picture.pixels, job)
    applied = await studio.apply(picture.pixels, wish, job)
    after = await studio.score(applied.pixels, job)
    done = replace(picture, pixels=applied.pixels)
    await asyncio.to_thread(pictures.save, done, options, path)
    return {
        "path": str(path), "output": str(target), "seconds": round(time.perf_counter() - start, 3),
        "steps": [_step(asked.task, applied)], "before": scores(before), "after": scores(after),
        "notes": [*picture.notes, *applied.notes, *pictures.losses(picture, options)],
    }  # fmt: skip


def make_folder(folder: Path) -> None:
    """The folder and those above it, where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as e:
        raise UserError(f"The folder {folder} cannot be made: {getattr(e, 'strerror', None) or e}.") from e


def _claim(target: Path, path: Path, photos: Iterable[Path], results: dict[str, Path]) -> None:
    """A result is written neither over a photo of this run nor over another result of it. Raises UserError."""
    if (photo := next((p for p in photos if _same(target, p)), None)) is not None:
        whose = "its own result" if photo == path else f"the result of {path}"
        raise UserError(f"{photo} would be overwritten by {whose}. Name another file; the photo is untouched.")
    first = results.setdefault(os.path.normcase(os.path.realpath(target)), path)
    if first != path:
        raise UserError(f"{target} is where the result of {first} goes. Restore {path} into another folder.")


def _same(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and a.samefile(b)


def _step(task: Task, applied: Applied) -> dict[str, Any]:
    return {
        "task": task, "method": applied.step.method, "seconds": round(applied.step.seconds, 3),
        "kept": True, "why": "as asked", "settings": dict(applied.step.settings),
    }  # fmt: skip


async def _region(studio: Studio, path: Path, picture: Picture) -> Region:
    mask = (await studio.read(path)).pixels
    height, width = picture.pixels.shape[:2]
    if mask.shape[:2] != (height, width):
        raise UserError(
            f"The mask {path} has {mask.shape[1]}×{mask.shape[0]} pixels, the photo {width}×{height}. "
            "A mask must have the size of the photo after its orientation is applied."
        )
    grey = mask.max(axis=2) if mask.dtype.itemsize == 1 else (mask.max(axis=2) >> 8).astype("uint8")
    try:
        return Region.of(grey, path.stem)
    except ValueError:
        raise UserError(f"The mask {path} selects nothing: it has no white pixel.") from None


def _target(path: Path, asked: argparse.Namespace) -> Path:
    if asked.output:
        return asked.output
    from clarity_desktop.backend import pictures

    writable = {suffix for f in pictures.FORMATS.values() for suffix in f.suffixes}
    return asked.out_dir / (path.name if path.suffix.lower() in writable else f"{path.stem}.png")


def _format(target: Path) -> str:
    from clarity_desktop.backend import pictures

    for key, form in pictures.FORMATS.items():
        if target.suffix.lower() in form.suffixes:
            return key
    known = ", ".join(sorted({s for f in pictures.FORMATS.values() for s in f.suffixes}))
    raise UserError(f"{target.name} does not say a format that can be written. Its name must end in one of {known}.")


def _restored_line(row: dict[str, Any]) -> str:
    step = row["steps"][0]
    return f"{row['path']} → {row['output']}: {step['task']} by {step['method']} in {row['seconds']:.1f} s"


async def _assess(asked: argparse.Namespace) -> int:
    async def one(studio: Studio, path: Path, job: Job) -> dict[str, Any]:
        start = time.perf_counter()
        quality = await studio.score((await studio.read(path)).pixels, job)
        return {"path": str(path), **scores(quality), "seconds": round(time.perf_counter() - start, 3)}

    return await _each(asked.photos, asked.json, one, _assessed_line)


def scores(quality: Quality) -> dict[str, Any]:
    """The scores as the JSON of `assess` has them; "why" names what is null."""
    row = asdict(quality)
    row["why"] = dict(quality.why)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def _assessed_line(row: dict[str, Any]) -> str:
    known = [f"{m.upper()} {row[m]:.2f}" for m in ("niqe", "piqe", "brisque", "sseq") if row[m] is not None]
    return f"{row['path']}: {', '.join(known) or 'no score'}"


One = Callable[["Studio", Path, Job], Any]


async def _each(photos: Iterable[Path], as_json: bool, one: One, line: Callable[[dict[str, Any]], str]) -> int:
    """Do one thing to each photo; a file that fails has its line, the others go on, the worst code is returned."""
    from clarity_desktop.backend.studio import Studio

    worst, lane = DONE, Lane()
    studio = Studio(settings.load())
    try:
        for path in photos:
            try:
                row = await one(studio, path, Job(_show_progress, lane))
                _print(row if as_json else line(row))
                for note in () if as_json else row.get("notes", ()):
                    _complain(note, DONE)
            except UserError as e:
                worst = max(worst, _say(e))
                if as_json:
                    _print({"path": str(path), "error": str(e)})
    except (Aborted, asyncio.CancelledError):
        if not lane.close(PATIENCE):
            _leave()
        raise
    finally:
        lane.close()
        studio.close()
    return worst


def _leave() -> NoReturn:
    """Cancelled while a library loads, which nothing can interrupt: end without it. Nothing is written by then."""
    _complain(STOPPED, CANCELLED)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CANCELLED)


# models ---------------------------------------------------------------------------------------------------------------


async def _models(asked: argparse.Namespace) -> int:
    from clarity_desktop.backend import weights

    if asked.verb in ("fetch", "import", "remove") and not asked.names:
        return _complain(f"`clarity models {asked.verb}` needs a name. `clarity models list` shows them.", USAGE)
    wanted = ("ready", "broken") if asked.verb == "verify" else ("ready", "broken", "partial", "missing")
    worst, shown, lane = DONE, set[str](), Lane()
    job = Job(_show_progress, lane)
    try:
        for name in asked.names or [card.id for card in weights.cards() if card.state in wanted]:
            shown.add(name)
            try:
                shown.update(await asyncio.to_thread(_do, asked.verb, name, job.tick))
            except UserError as e:
                worst = max(worst, _say(e))
    finally:
        lane.close()
    for card in weights.cards():
        if card.id in shown:
            row = {**asdict(card), "path": str(card.path) if card.path else None}
            megabytes = max(0.1, card.size / 1e6)
            _print(row if asked.json else f"{card.id:28} {card.state:8} {megabytes:7.1f} MB  {card.licence}")
    return worst


def _do(verb: str, name: str, tick: Callable[[float, str], None]) -> tuple[str, ...]:
    """One verb of `clarity models`; returns the models that it was about."""
    from clarity_desktop.backend import weights

    match verb:
        case "import":
            return weights.import_(Path(name))
        case "fetch":
            weights.fetch(name, tick)
        case "remove":
            weights.remove(name)
        case "verify":
            weights.verify(name)
        case _:
            weights.state(name)
    return (name,)


# What a terminal sees -------------------------------------------------------------------------------------------------


def _show_progress(news: News) -> None:
    """Progress on one line of a terminal; a pipe or a file gets none."""
    if isinstance(news, Progress) and sys.stderr.isatty():
        left = "" if news.seconds_left is None else f", {news.seconds_left:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{news.fraction:4.0%} {news.note}{left}")
        sys.stderr.flush()


def _print(row: dict[str, Any] | str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    try:
        sys.stdout.write((row if isinstance(row, str) else json.dumps(row)) + "\n")
        sys.stdout.flush()
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python says it again at its exit
        if e.errno == errno.EPIPE:
            raise Unread from e
        raise UserError(f"The output could not be written: {e.strerror}.") from e


def _say(error: UserError) -> int:
    return _complain(str(error), NO_MODEL if isinstance(error, ModelMissing) else USAGE)


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + sentence + "\n")
    return code


def run_and_exit() -> NoReturn:
    """`python -m clarity_desktop`: a command if the first word is one, the window otherwise."""
    words = sys.argv[1:]
    sys.exit(main(words) if words and words[0] in COMMANDS else desktop(words))
