"""kill -9 at random moments: everything committed is there afterwards, at most the running step is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clarity_desktop.backend.document import Document, recoveries
from clarity_desktop.backend.document import state as states

from . import crashing
from .crashing import digest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process is killed and forked as POSIX knows it")

KILLS = 40
WHILE_KEEPING = 28
"""Of the kills, those between a step's first stored tile and its commit."""


@dataclass
class Life:
    """What a child said before it was killed."""

    committed: dict[str, str] = field(default_factory=dict)  # version → digest of its pixels
    starred: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        assert not line.startswith("failed"), line
        self.said.append(line)
        match line.split():
            case ["committed", version, pixels]:
                self.committed[version] = pixels
            case ["starred", version]:
                self.starred.add(version)


Doom = Callable[[str], float | None]
"""After each line that a child says: in how many seconds it shall die, or None."""


class Nursery:
    """Starts children, listens to them and kills them."""

    def __init__(self) -> None:
        command, root = [sys.executable, "-m", crashing.__name__], Path(__file__).parents[2]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().strip()

    def live(self, folder: Path, store: Path | None, mode: str, seed: int, doom: Doom) -> Life:
        """Let a child work on a store, or on a new one, until it is killed."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder} {store or 'new'} {mode} {seed}\n".encode())
        self._process.stdin.flush()
        life, death = Life(), None
        pid = int(self._line().removeprefix("pid "))
        line = "born"
        while line != "dead":
            if death is None and (delay := doom(line)) is not None:
                death = threading.Timer(delay, os.kill, (pid, signal.SIGKILL))
                death.start()
            line = self._line()
            life.take(line)
        assert death is not None, "it died by itself"
        death.join()
        return life

    def close(self) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def shot(luck: random.Random) -> Doom:
    """The moment of one kill: mostly while a step's tiles are being stored, else at any time."""
    if luck.random() < 0.15:
        return lambda line: luck.uniform(0, 0.5) if line == "born" else None
    steps, batches, seen = luck.choice((1, 1, 2)), luck.choice((1, 2)), list[str]()

    def doom(line: str) -> float | None:
        seen.append(line)
        now = seen.count("adding") >= steps and seen[-batches:] == ["stored"] * batches
        return luck.uniform(0, 0.006) if now else None

    return doom


def orphan_tiles(store: Path) -> int:
    """Tiles that no version names: what the killed step had stored."""
    with closing(sqlite3.connect(store)) as db:
        return len(states.orphan_tiles(db)[0])


def check(store: Path, known: Life) -> None:
    """The document is whole: all that was said to be committed is there, and at most one version beyond it."""
    document = Document.open(store)
    versions = {v.id: v for v in document.card().versions}
    assert known.committed.keys() <= versions.keys()
    assert len(versions) <= len(known.committed) + 1
    for version in versions.values():
        pixels = digest(document.pixels(version.id))  # the unsaid one, too, can be read
        assert known.committed.setdefault(version.id, pixels) == pixels
        assert version.star or version.id not in known.starred
    document.close(keep=True)
    assert orphan_tiles(store) == 0


def test_a_kill_at_any_moment_loses_at_most_the_running_step(nursery: Nursery, tmp_path: Path) -> None:
    folder, luck = tmp_path / "documents", random.Random(0)
    store, known, kills, keeping = None, Life(), 0, 0
    while kills < KILLS or (keeping < WHILE_KEEPING and kills < 2 * KILLS):
        if kills % 3 == 0:
            store, known = None, Life()
            shutil.rmtree(folder, ignore_errors=True)
        life = nursery.live(folder, store, "add", kills, shot(luck))
        kills += 1
        known.committed |= life.committed
        known.starred |= life.starred
        keeping += bool(store or life.committed) and _was_keeping(folder)
        found = recoveries(folder)
        if not known.committed and not found:
            assert list(folder.glob("*")) == []  # killed before there was a document: nothing lies around
            continue
        [offered] = found
        store = offered.store
        check(store, known)
    assert kills >= KILLS
    assert keeping >= WHILE_KEEPING, f"{keeping} of {kills} kills fell between first tile and commit"


def _was_keeping(folder: Path) -> bool:
    return any(orphan_tiles(store) for store in folder.glob("*.store"))


def test_a_kill_while_saving_leaves_the_old_project_or_the_new_one(nursery: Nursery, tmp_path: Path) -> None:
    luck, project = random.Random(1), tmp_path / "saved.clarity"
    whole = 0
    for kill in range(12):
        saves = luck.choice((1, 2))

        def doom(line: str) -> float | None:
            nonlocal saves
            saves -= line == "saving"
            return luck.uniform(0, 0.04) if line == "saving" and not saves else None

        life = nursery.live(tmp_path, None, "save", kill, doom)
        said = [int(line.split()[1]) for line in life.said if line.startswith("saved")]
        if project.exists():
            document = Document.open_project(tmp_path / "other", project)
            versions = document.card().versions
            for version in versions:
                assert digest(document.pixels(version.id)) == life.committed[version.id]
            assert len(versions) >= max(said, default=0)
            document.close(keep=False)
            whole += 1
        assert not said or project.exists()
        project.unlink(missing_ok=True)
    assert whole >= 3
