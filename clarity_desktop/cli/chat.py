"""`clarity chat`: the conversation of the window in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import io
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clarity_desktop import settings
from clarity_desktop.cli.early_interrupts import CANCELLED
from clarity_desktop.cli.photos import begin_torch_import
from clarity_desktop.cli.terminal import (
    CANCELLED_SENTENCE,
    DONE,
    OutputClosed,
    add_photo,
    exit_now,
    file_name,
    internal_error,
    print_error,
    print_text,
    show_progress,
    warn,
)
from clarity_desktop.messages import (
    CompareRequested,
    Event,
    HeadMoved,
    JobCancelled,
    Notice,
    PhotoFound,
    Progress,
    ReplyPart,
    Selected,
    SelectionCleared,
    SendMessage,
    TurnAdded,
    UserError,
    VersionAdded,
)
from clarity_desktop.text import Message, english
from clarity_desktop.titles import method_name, version_title
from clarity_desktop.values import DocumentId, Region, Turn, Version, VersionId
from clarity_desktop.worker import Job, Lane, Pools, run_all

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio

EXAMPLES = """examples:
  clarity chat photo.jpg
  clarity chat photo.jpg -o photo.clarity
  echo "remove the rain, then brighten it a bit" | clarity chat photo.jpg -o photo.clarity
  clarity chat photo.clarity

Ctrl+C stops the running step, Ctrl+D ends the conversation. The photo itself is not changed: -o saves all versions and
the conversation as a project, and “save it as png” writes the version that is shown, after a question.
A language model answers only where Preferences > Language model switched one on.
"""
PROMPT = "> "
PROJECT = ".clarity"
_GO, _STUCK = 1, 3
"""Interrupts of one step after which it is cancelled, and after which the program ends although the step has not."""
T = TypeVar("T")
log = logging.getLogger(__name__)


def add_chat(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity chat`."""
    add_photo(p)
    p.add_argument(
        "-o", "--output", type=file_name, metavar="PROJECT.clarity",
        help="save all versions and the conversation to this new project at the end",
    )  # fmt: skip
    p.epilog = EXAMPLES
    p.set_defaults(run=_chat)


def _chat(asked: argparse.Namespace) -> int:
    if asked.output is not None:
        _check_project(asked.output)
    early = begin_torch_import() if asked.photo.is_file() and asked.make_studio is None else None
    from clarity_desktop.backend.chat.conversation import Conversation
    from clarity_desktop.backend.studio import Studio

    studio = (asked.make_studio or Studio)(settings.load())
    if early is not None:
        early.go_on()
    # The runner of asyncio, because reading a line and answering it take turns in this one thread.
    with asyncio.Runner() as runner:
        talk = _Talk(studio, Conversation(studio).send, runner)
        try:
            return talk.hold(asked.photo, asked.output)
        finally:
            talk.close()


def _check_project(project: Path) -> None:
    """Raise UserError for a project that cannot be written, before anything is done."""
    if project.suffix.lower() != PROJECT:
        raise UserError("cli.project_name", name=project.name)
    if project.exists() or project.is_symlink():
        raise UserError("cli.project_exists", project=str(project))
    if not project.absolute().parent.is_dir():
        raise UserError("cli.project_folder", project=str(project))


class _Talk:
    """One conversation: reads lines, sends them, shows what comes of them."""

    def __init__(
        self, studio: Studio, send: Callable[[SendMessage, Job], Coroutine[Any, Any, None]], runner: asyncio.Runner
    ) -> None:
        self._studio, self._send, self._runner = studio, send, runner
        self._lane, self._pools = Lane(), Pools()
        self._is_terminal = sys.stdin is not None and sys.stdin.isatty()
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")  # what is piped in need not be valid text
        self._selected: Region | None = None
        self._shown = ""
        """What of the reply that is coming is shown already; it ends without a line feed."""
        self._output_closed = False

    def close(self) -> None:
        """Close the documents, which are kept, and end the threads."""
        run_all(self._lane.close, self._pools.close, self._studio.close)

    def hold(self, photo: Path, project: Path | None) -> int:
        """Hold the conversation about a photo to its end; returns the exit code. Raises UserError, JobCancelled."""
        document = self._run(lambda job: self._open(photo, job))
        if self._is_terminal:
            with suppress(ImportError):  # not on every system
                importlib.import_module("readline")  # input() then edits the line and keeps a history
        while not self._output_closed and (line := self._read()) is not None:
            if line.strip():
                self._answer(document, line)
        if self._output_closed:
            return CANCELLED
        return self._end(document, project)

    async def _open(self, photo: Path, job: Job) -> DocumentId:
        document = await self._studio.open(photo, job)
        card = document.card()
        head = document.version(card.head)
        self._say(f"{card.title}: {head.width} × {head.height} pixels, version {self._number(head.id, document.id)}.")
        for note in card.notes:
            warn(note)
        with suppress(UserError):  # without a detector nothing is said about the photo
            self._say(english((await self._studio.advise(document.id, head.id, job)).text))
        llm = self._studio.settings.llm
        if llm.enabled:
            warn(Message("cli.chat_by_model", {"model": llm.model or "?"}))
        if self._is_terminal:
            warn(Message("cli.chat_keys"))
        return document.id

    # Lines ------------------------------------------------------------------------------------------------------------

    def _read(self) -> str | None:
        """The next line; None: there is none."""
        if not self._is_terminal:
            line = sys.stdin.readline() if sys.stdin is not None else ""
            if line.strip():
                self._say(f"{PROMPT}{line.rstrip()}")  # what was requested stands before its answer
            return line or None
        while True:
            try:
                return input(PROMPT)
            except EOFError:
                self._say("")
                return None
            except KeyboardInterrupt:
                self._say("")
                warn(Message("cli.chat_keys"))

    def _answer(self, document: DocumentId, line: str) -> None:
        """Answer one line. No error ends the conversation."""
        request = SendMessage(document, line.strip(), None, self._selected)
        try:
            self._run(lambda job: self._send(request, job))
        except OutputClosed:
            self._output_closed = True
        except JobCancelled:
            pass  # the turn says so
        except UserError as e:
            print_error(e)
        except Exception:
            log.exception("A message was not answered")
            warn(internal_error())

    def _run(self, work: Callable[[Job], Coroutine[Any, Any, T]]) -> T:
        """Run a job to its end. Ctrl+C cancels it and nothing else. Raises what it raises."""
        job = Job(self._show, self._lane, self._pools)

        async def run() -> T:
            with _interrupts(asyncio.get_running_loop(), job):
                return await work(job)

        return self._runner.run(run())

    # What is shown ----------------------------------------------------------------------------------------------------

    def _show(self, event: Event) -> None:
        match event:
            case Progress():
                show_progress(event)
            case ReplyPart(_, text):
                self._show_part(english(text))
            case TurnAdded(_, turn):
                self._show_turn(turn)
            case VersionAdded(document, version):
                self._say(self._made(version, document))
            case HeadMoved(document, head):
                self._say(f"[version {self._number(head, document)} is shown]")
            case CompareRequested(document, version, other):
                for each in (other, version):
                    self._say(self._scored(each, document))
            case Selected(_, _, region):
                self._selected = region
            case SelectionCleared():
                self._selected = None
            case PhotoFound(_, _, file) if file is not None:
                warn(Message("cli.chat_other_photo", {"path": str(file)}))
            case Notice(text):
                warn(text)
            case _:
                pass

    def _show_part(self, text: str) -> None:
        """Show what is new of a reply that is coming."""
        if text.startswith(self._shown):
            print_text(text[len(self._shown) :], end="")
            self._shown = text

    def _show_turn(self, turn: Turn) -> None:
        if turn.role == "user":
            return
        text = english(turn.content)
        if self._shown and text.startswith(self._shown):
            print_text(text[len(self._shown) :])
            self._shown = ""
        else:
            self._say(text)
        if any(
            isinstance(s, dict) and s.get("tool") == "select_region" and s.get("region") is None for s in turn.steps
        ):
            self._selected = None
            warn(Message("cli.chat_selection_cleared"))

    def _say(self, text: str) -> None:
        """Print a line of its own, also in the middle of a reply."""
        if self._shown:
            print_text("")
            self._shown = ""
        print_text(text)

    def _made(self, version: Version, document: DocumentId) -> str:
        """A line about a new version: "[version 2: Rain removed, MAXIM, 3.1 s]"."""
        parts = [english(version_title(version))]
        if version.step.method:
            parts.append(english(method_name(version.step.method)))
        if version.step.seconds:
            parts.append(f"{version.step.seconds:.1f} s")
        return f"[version {self._number(version.id, document)}: {', '.join(parts)}]"

    def _scored(self, version: VersionId, document: DocumentId) -> str:
        known = self._studio.version(document, version)
        overall = known.quality.overall if known.quality else None
        score = "not scored" if overall is None else f"overall score {overall:.0f} of 100"
        return f"[version {self._number(version, document)}: {english(version_title(known))}, {score}]"

    def _number(self, version: VersionId, document: DocumentId) -> int:
        """The number by which a message can name a version."""
        listed = [v.id for v in self._studio.document(document).card().versions if not v.deleted]
        return listed.index(version) + 1 if version in listed else 0

    # The end ----------------------------------------------------------------------------------------------------------

    def _end(self, document: DocumentId, project: Path | None) -> int:
        """Save the conversation, or say where it stays; returns the exit code."""
        code = DONE if project is None else self._save(document, project)
        card = self._studio.document(document).card()
        while card.unsaved and self._is_terminal and (named := self._ask_for_project()) is not None:
            code = self._save(document, named)
            card = self._studio.document(document).card()
        self._run(lambda job: self._studio.close_document(document, job))
        if card.unsaved:
            warn(Message("cli.chat_not_saved", {"title": card.title}))
        return code

    def _save(self, document: DocumentId, project: Path) -> int:
        try:
            self._run(lambda job: self._studio.save_project(document, project, job))
        except JobCancelled:
            warn(CANCELLED_SENTENCE)
            return CANCELLED
        except UserError as e:
            return print_error(e)
        warn(Message("cli.project_saved", {"project": str(project)}))
        return DONE

    def _ask_for_project(self) -> Path | None:
        """The project that the user names at the end; None: none."""
        while True:
            warn(Message("cli.ask_project"))
            try:
                named = input(PROMPT).strip()
            except (EOFError, KeyboardInterrupt):
                self._say("")
                return None
            if not named:
                return None
            project = Path(named).expanduser()
            try:
                project = project if project.suffix else project.with_suffix(PROJECT)
                _check_project(project)
            except UserError as e:
                print_error(e)
            except ValueError as e:
                warn(str(e))
            else:
                return project


@contextmanager
def _interrupts(loop: asyncio.AbstractEventLoop, job: Job) -> Generator[None]:
    """Let Ctrl+C cancel a job. If it does not end, a third one ends the program; the document is offered again."""
    count = 0

    def on_interrupt(_number: int, _frame: object) -> None:
        nonlocal count
        count += 1
        if count == _GO:
            # Not from here: the interrupted code may hold the job's lock.
            loop.call_soon_threadsafe(job.cancel)
        elif count < _STUCK:
            warn(Message("cli.chat_stopping"))
        else:
            exit_now(CANCELLED)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
