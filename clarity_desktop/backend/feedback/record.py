"""The file with a user's choices, and the measurements that come with the program. Both are untrusted until checked."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

from filelock import FileLock

from clarity_desktop import settings
from clarity_desktop.backend.feedback.scores import Choice, Evidence, Kind, Ranking, Severity, rank
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message
from clarity_desktop.values import TASKS, Task

log = logging.getLogger(__name__)
FORMAT = 1
MAX_BYTES = 2_000_000
MAX_CHOICES = 3000
"""Choices that are kept, the newest. Older ones count almost nothing, because the score decays."""
MAX_ABOUT = 200
_METHOD = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}")
_LOCK_SECONDS = 5.0


class Feedback:
    """The choices of a user. Safe to use from several threads, and by several processes at a time."""

    def __init__(self, file: Path, evidence: Path | None = None) -> None:
        """Reads nothing yet. evidence: what was measured, the file of the program by default; it may be absent."""
        self._file = file
        self._evidence_file = evidence or settings.resources() / "evidence.json"
        self._evidence: Mapping[Task, Mapping[str, Evidence]] | None = None
        self._choices: tuple[Choice, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self._removed: tuple[Choice, ...] = ()
        self._problem: Message | None = None
        self._lock = threading.RLock()

    def choices(self, task: Task | None = None) -> tuple[Choice, ...]:
        """All choices, or those of a task; the oldest first."""
        with self._lock:
            self._refresh()
            return self._choices if task is None else tuple(c for c in self._choices if c.task == task)

    def rank(self, task: Task, able: Sequence[str], severity: Severity | None = None) -> Ranking:
        """Order the methods of a task; see `scores.rank`. severity: of the damage that it treats, if known."""
        measured = {name: e.of(severity) for name, e in self.evidence().get(task, {}).items()}
        return rank(able, self.choices(task), measured)

    def evidence(self) -> Mapping[Task, Mapping[str, Evidence]]:
        """What was measured, by task and method; empty without the file."""
        with self._lock:
            if self._evidence is None:
                self._evidence = read_evidence(self._evidence_file)
            return self._evidence

    def add(self, choices: Iterable[Choice]) -> None:
        """Add choices about one thing in place of earlier ones about it. Raises UserError if they cannot be stored."""
        new = tuple(choices)
        about = {(c.task, c.about) for c in new}
        self._change(lambda old: (*(c for c in old if (c.task, c.about) not in about), *new))

    def forget(self, about: str) -> None:
        """Drop the choices about one thing. Raises UserError."""
        if any(c.about == about for c in self.choices()):
            self._change(lambda old: tuple(c for c in old if c.about != about))

    def reset(self, task: Task | None = None) -> None:
        """Drop all choices of a task, or of all tasks. Raises UserError."""
        if removed := self.choices(task):
            self._change(lambda old: tuple(c for c in old if task is not None and c.task != task))
            self._removed = removed

    @property
    def can_restore(self) -> bool:
        """Whether `restore` would bring back choices."""
        return bool(self._removed)

    def restore(self) -> None:
        """Bring back what the last reset of this run dropped, before what was chosen since. Raises UserError."""
        removed = self._removed
        known = {(c.task, c.about) for c in self.choices()}
        if back := tuple(c for c in removed if (c.task, c.about) not in known):
            self._change(lambda old: (*back, *old))
        self._removed = ()

    def take_problem(self) -> Message | None:
        """What was wrong with the file when it was read, once."""
        with self._lock:
            problem, self._problem = self._problem, None
            return problem

    def _change(self, change: Callable[[tuple[Choice, ...]], tuple[Choice, ...]]) -> None:
        with self._lock:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                # Another process may have added choices since the file was read.
                with FileLock(f"{self._file}.lock", timeout=_LOCK_SECONDS):
                    self._refresh()
                    after = change(self._choices)[-MAX_CHOICES:]
                    write_atomically(self._file, _to_json(after))
                    self._choices, self._stamp = after, _stamp(self._file)
            except (OSError, TimeoutError) as e:
                log.warning("The preferences file %s cannot be written (%s).", self._file, e)
                raise UserError("feedback.not_stored", path=str(self._file)) from e

    def _refresh(self) -> None:
        """Read the file if it changed."""
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        self._choices, self._stamp = (), stamp
        if stamp is None:
            return
        try:
            if self._file.stat().st_size > MAX_BYTES:
                raise ValueError("too large")
            self._choices, invalid = parse(self._file.read_bytes())
        except (OSError, ValueError, RecursionError) as e:
            log.warning("The preferences file %s cannot be read (%s).", self._file, e)
            self._keep_aside("feedback.broken")
            return
        if invalid:
            log.warning("%d choices in %s are not valid and were left out.", invalid, self._file)
            self._keep_aside("feedback.partly_broken")

    def _keep_aside(self, problem: str) -> None:
        """Copy a file that is damaged beside it, before it is written again."""
        aside = self._file.with_name(f"{self._file.stem} (damaged){self._file.suffix}")
        with suppress(OSError):
            if problem == "feedback.broken":
                self._file.replace(aside)
                self._stamp = None
            elif self._file.stat().st_size <= MAX_BYTES:
                write_atomically(aside, self._file.read_bytes())
        self._problem = Message(problem, {"path": str(aside)})


def parse(content: bytes) -> tuple[tuple[Choice, ...], int]:
    """The valid choices of untrusted JSON, and the number of invalid ones. Raises ValueError, RecursionError."""
    stored = _object(json.loads(content))
    listed: Any = stored.get("choices")
    if stored.get("format") != FORMAT or not isinstance(listed, list):
        raise ValueError("not the format of this release")
    entries = cast(list[Any], listed)[-MAX_CHOICES:]
    found = [choice for entry in entries if (choice := _choice(entry)) is not None]
    return tuple(found), len(entries) - len(found)


def _choice(entry: Any) -> Choice | None:
    if not isinstance(entry, dict):
        return None
    entry = cast(dict[str, Any], entry)
    task, better, worse, about = (entry.get(name) for name in ("task", "better", "worse", "about"))
    kind, time = entry.get("kind"), _number(entry.get("time"))
    valid = (
        task in TASKS
        and all(m is None or (isinstance(m, str) and _METHOD.fullmatch(m)) for m in (better, worse))
        and better != worse
        and kind in get_args(Kind)
        and isinstance(about, str)
        and 0 < len(about) <= MAX_ABOUT
    )
    return Choice(task, better, worse, kind, about, time) if valid and time is not None else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return float(value) if is_number and math.isfinite(value) else None
    except OverflowError:  # an integer of thousands of digits
        return None


def _to_json(choices: Sequence[Choice]) -> bytes:
    stored = {"format": FORMAT, "choices": [asdict(choice) for choice in choices]}
    return json.dumps(stored, indent=0, ensure_ascii=False).encode()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        at = file.stat()
    except OSError:
        return None
    return at.st_mtime_ns, at.st_size


def read_evidence(file: Path) -> Mapping[Task, Mapping[str, Evidence]]:
    """Measurements: {task: {method: {"gain_db": 5.8, "n": 120, "seconds_per_mp": 22.0}}}; empty if there are none.

    Optional: "clean_db", and "severity": {"light": {"gain_db": 4.2, "n": 50}, "heavy": …}. Entries that are not valid
    are left out.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        stored: Any = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as e:
        log.warning("The measurements in %s cannot be read (%s).", file, e)
        return {}
    found: dict[Task, dict[str, Evidence]] = {}
    for task in TASKS:
        for method, facts in _object(_object(stored).get(task)).items():
            if (evidence := _evidence(_object(facts))) is not None:
                found.setdefault(task, {})[method] = evidence
    return found


def _object(value: Any) -> Mapping[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _evidence(facts: Mapping[str, Any], seconds: float | None = None) -> Evidence | None:
    """An entry; seconds: of the entry that it is a part of."""
    gain, n = _number(facts.get("gain_db")), _number(facts.get("n"))
    seconds = _number(facts.get("seconds_per_mp")) if seconds is None else seconds
    if gain is None or n is None or seconds is None or n < 0 or seconds < 0:
        return None
    parts: dict[Severity, Evidence] = {}
    for severity in get_args(Severity):
        if (part := _object(facts.get("severity")).get(severity)) and (found := _evidence(_object(part), seconds)):
            parts[severity] = found
    return Evidence(gain, int(n), seconds, _number(facts.get("clean_db")), parts)
