"""Crash recovery: locks of open stores, stores that a crash left open, closed documents and their disk usage."""

from __future__ import annotations

import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from clarity_desktop.backend.document import rows, schema, state
from clarity_desktop.backend.document.limits import Limits
from clarity_desktop.backend.document.project import bounded, check_seconds
from clarity_desktop.backend.document.store import as_user_errors, connect
from clarity_desktop.backend.document.tiles import Damaged
from clarity_desktop.messages import UserError
from clarity_desktop.values import EarlierPhoto, Recovery

log = logging.getLogger(__name__)

STORE = ".store"
INCOMPLETE = ".new"
"""A store whose first version is not committed yet."""
GUARD = ".guard"
"""Suffix of the file beside the folder that is locked while lock files are taken and removed; it stays."""
CLOSED = "closed"
"""Subfolder for documents that were closed without being saved."""


class Lock:
    """Marks a store as held by a running program. The system releases it however the program ends.

    Taking and removing lock files happens under a second lock, one per folder, that is held only briefly:
    otherwise a process could lock a file that another one is removing, and both would believe that they hold the store.
    """

    def __init__(self, file: FileLock) -> None:
        """Use `take`."""
        self._file = file

    @classmethod
    def take(cls, store: Path, patience: float = 0.0) -> Lock | None:
        """The lock of a store, or None if a program (this one included) has held it for `patience` seconds.

        Raises OSError.
        """
        lock = cls(_file_lock(store.with_suffix(".lock")))
        until = time.monotonic() + patience
        while True:
            with suppress(Timeout), _guard(store.parent):
                lock._file.acquire(timeout=0)
                return lock
            if time.monotonic() >= until:
                return None
            time.sleep(0.02)

    def release(self, *, gone: bool = False) -> None:
        """Release the lock. gone: the store no longer exists, so the lock file is removed too."""
        path = Path(self._file.lock_file)
        with _guard(path.parent):
            if gone:
                with suppress(PermissionError):  # Windows does not remove what is open; the next start does
                    path.unlink(missing_ok=True)
            self._file.release()


def _file_lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False, mode=0o600)  # a document may be closed by another thread


def _guard(folder: Path) -> FileLock:
    return _file_lock(folder.with_name(folder.name + GUARD))


def summarize(store: Path) -> tuple[Recovery | None, bool]:
    """Summary of a store (None, and a log entry, if it cannot be read), and whether all of it is saved elsewhere."""
    limits = Limits(megapixels=math.inf)  # no pixels are unpacked here
    try:
        schema.check_header(store)
        with closing(connect(store)) as db, bounded(db, check_seconds(store)):
            schema.check(db)
            rows.check_counts(db, limits)
            schema.migrate(db)  # an older program may have left it
            read = state.read(db, limits=limits)
    except (Damaged, UnicodeDecodeError, sqlite3.Error, OSError) as e:
        log.warning("%s cannot be offered again: %s", store, e)
        return None, False
    shown = read.versions[read.head]
    last = max(v.time for v in read.versions.values())
    alive = sum(not v.deleted for v in read.versions.values())
    return Recovery(store, read.title, last, alive, np.asarray(shown.thumbnail)), read.saved_elsewhere


def recoveries(folder: Path) -> tuple[Recovery, ...]:
    """Documents that an earlier run did not close, newest first, except those that a running process holds.

    Also removes stores without work to lose: those whose first version is incomplete, and those that are completely
    saved in a file that still exists. Raises UserError.
    """
    with as_user_errors(folder):
        return _find(folder)


def _find(folder: Path) -> tuple[Recovery, ...]:
    found: list[Recovery] = []
    for store in (*folder.glob(f"*{STORE}"), *folder.glob(f"*{INCOMPLETE}")):
        if (lock := Lock.take(store)) is None:
            continue
        gone = False
        try:
            offer, obsolete = (None, True) if store.suffix == INCOMPLETE else summarize(store)
            if obsolete:
                erase(store)
                gone = True
            elif offer is not None:
                found.append(offer)
        except OSError as e:  # the other stores may hold work
            log.warning("%s cannot be removed: %s", store, e)
        finally:
            lock.release(gone=gone)
    _remove_stale_locks(folder)
    return tuple(sorted(found, key=lambda r: r.time, reverse=True))


def _remove_stale_locks(folder: Path) -> None:
    """Remove the locks of stores that do not exist."""
    for path in folder.glob("*.lock"):
        alone = not any(path.with_suffix(suffix).exists() for suffix in (STORE, INCOMPLETE))
        if alone and (lock := Lock.take(path)) is not None:
            lock.release(gone=True)


def _files(store: Path) -> list[Path]:
    return [store, store.with_name(store.name + "-wal"), store.with_name(store.name + "-shm")]


def erase(store: Path) -> None:
    """Remove a store and the -wal and -shm files of SQLite."""
    for file in _files(store):
        file.unlink(missing_ok=True)


def move_to_closed(store: Path) -> Path:
    """Move a store, whose lock the caller holds, to the closed documents. Returns its new path."""
    folder = store.parent if store.parent.name == CLOSED else store.parent / CLOSED
    folder.mkdir(exist_ok=True)
    for file in reversed(_files(store)):  # the store itself last: until then it is found again
        if file.exists():
            file.replace(folder / file.name)
    # The modification time is the time of closing; `over_budget` removes the oldest first.
    os.utime(folder / store.name)
    return folder / store.name


def discard(store: Path) -> None:
    """Move a store that an earlier run left to the closed documents. Raises UserError."""
    with as_user_errors(store):
        lock = Lock.take(store, patience=0.5)
        if lock is None:
            raise UserError("document.open_elsewhere", path=store.name)
        moved = False
        try:
            with suppress(sqlite3.Error, UnicodeDecodeError):  # a damaged one is moved as it is
                _checkpoint(store)
            move_to_closed(store)
            moved = True
        finally:
            lock.release(gone=moved)


def _checkpoint(store: Path) -> None:
    """Merge the write-ahead log into the store, so that only one file has to be moved."""
    with closing(connect(store)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def usage(folder: Path) -> int:
    """Bytes of all stores: open, left by a crash, and closed."""
    return sum(_bytes(file) for file in folder.rglob("*"))


def over_budget(folder: Path, budget: int) -> tuple[Path, ...]:
    """The closed documents, oldest first, to remove so that the rest fits into `budget` bytes. Removes nothing."""
    excess = usage(folder) - budget
    stores = sorted((folder / CLOSED).glob(f"*{STORE}"), key=_closed_at)
    removable: list[Path] = []
    for store in stores:
        if excess <= 0:
            break
        excess -= _size(store)
        removable.append(store)
    return tuple(removable)


def _closed_at(store: Path) -> float:
    """When a document was closed; 0 for one that another program has just removed."""
    try:
        return store.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(store: Path) -> int:
    return sum(_bytes(file) for file in _files(store))


def _bytes(file: Path) -> int:
    """0 for a folder, and for a file that another program has just removed."""
    try:
        return 0 if file.is_dir() else file.stat().st_size
    except FileNotFoundError:
        return 0


def prune(stores: Iterable[Path]) -> int:
    """Erase closed documents permanently, with the user's consent. Returns the bytes freed. Raises UserError."""
    freed = 0
    for store in stores:
        # Defense in depth: only closed documents may ever be erased by request.
        if store.parent.name != CLOSED:
            raise UserError("document.not_closed", name=store.name)
        with as_user_errors(store):
            if (lock := Lock.take(store)) is None:
                continue  # opened again
            size, gone = _size(store), False
            try:
                erase(store)
                gone = True
            finally:
                lock.release(gone=gone)
            freed += size
    return freed


def find_photo(folder: Path, photo: EarlierPhoto, beside: Path | None) -> Path | None:
    """Where an earlier photo that is not open is: its project, its working file in `folder`, or the photo itself.

    beside: the project that remembers it; both may have been moved together. None: it is nowhere.
    """
    stores = (folder / f"{photo.document}{STORE}", folder / CLOSED / f"{photo.document}{STORE}")
    projects = [photo.project] if photo.project else []
    projects += [beside.with_name(photo.project.name)] if photo.project and beside else []
    photos = [photo.path] if photo.path else []
    photos += [beside.with_name(photo.path.name)] if photo.path and beside else []
    for path in (*projects, *stores, *photos):
        if os.path.isfile(path):  # noqa: PTH113 — Path.is_file raises for a folder that may not be entered
            return path
    return None
