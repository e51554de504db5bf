"""The .clarity file: a document's store, compacted, in one file that opens on another machine."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from clarity_desktop.backend.document import checks, rows, schema, state
from clarity_desktop.backend.document.analysis_cache import ModelVersions
from clarity_desktop.backend.document.state import State
from clarity_desktop.backend.document.store import Store, connect, said
from clarity_desktop.backend.document.tiles import Damaged
from clarity_desktop.messages import UserError

SLOW_STEP_SECONDS = 10.0
"""Seconds after which checking a file is given up."""


def save(store: Store, path: Path, commit: Callable[[], None]) -> int:
    """Write the project file, whole or not at all. Returns how many changes are in it. Raises UserError.

    commit is called before the file gets its name, and may raise to stop that.
    """
    temporary = path.absolute().with_name(f".{secrets.token_hex(6)}.clarity.tmp")
    try:
        with store.using() as db:
            db.execute("VACUUM INTO ?", (str(temporary),))
        with closing(connect(temporary)) as db:
            db.execute("PRAGMA journal_mode=DELETE")  # no log beside a file that people copy
            db.execute("DELETE FROM meta WHERE key IN ('project', 'stamp')")
            changes = checks.whole(rows.meta(db).get("changes"), 0, 1 << 60)
        _flush(temporary)
        commit()
        temporary.replace(path)
        _flush(path.absolute().parent)
    except (OSError, sqlite3.Error) as e:
        raise UserError(f"{path} could not be saved: {_reason(e)}. Choose another place; nothing is lost.") from e
    finally:
        with suppress(OSError):  # the folder may be gone; what counts was said above
            temporary.unlink(missing_ok=True)
    return changes


def _reason(e: OSError | sqlite3.Error) -> str:
    if isinstance(e, OSError):
        return e.strerror or str(e)
    match getattr(e, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "the disk is full"
        case sqlite3.SQLITE_CORRUPT:
            return "the working document is damaged"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return "the folder cannot be written"
        case _:
            raise e


def _flush(path: Path) -> None:
    """Wait until a file, or where possible a folder, is on the disk."""
    if path.is_dir() and os.name == "nt":
        return
    file = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def copy(project: Path, store: Path) -> None:
    """Copy a project to a working store. Raises UserError."""
    try:
        schema.check_header(project)
        shutil.copyfile(project, store)
    except Damaged as e:
        raise refused(project, e) from e
    except OSError as e:
        raise UserError(
            f"{project} cannot be opened ({e.strerror}). Check the file, its disk and the free room."
        ) from e


def refused(path: Path, why: Exception) -> UserError:
    reason = why if isinstance(why, Damaged) else "its contents cannot be read"
    return UserError(f"{path} cannot be opened: {reason}. Choose another file, or an older copy of it.")


@contextmanager
def impatient(db: sqlite3.Connection) -> Generator[None]:
    """Give up on a file that makes SQLite work for longer than PATIENCE."""
    until = time.monotonic() + SLOW_STEP_SECONDS
    db.set_progress_handler(lambda: time.monotonic() > until, 100_000)
    try:
        yield
    finally:
        db.set_progress_handler(None, 0)


def read(path: Path, named: Path, makers: ModelVersions) -> tuple[State, bool]:
    """Check a store from top to bottom, bring it up to date, sweep it. Returns its state and whether it is newer.

    named is the file that the user knows it by. Raises UserError; a newer store is left as it is.
    """
    try:
        with said(named):
            schema.check_header(path)
        with closing(connect(path)) as db, impatient(db):
            schema.check(db)
            newer = schema.version_of(db) > len(schema.MIGRATIONS)
            if not newer:
                schema.migrate(db)
            found = state.read(db, makers)
            stray, missing = state.strays(db)
            if missing:
                raise Damaged("some of its tiles are missing")
            if stray and not newer:
                state.sweep(db)
    except (Damaged, UnicodeDecodeError, sqlite3.Error) as e:
        with said(named):  # a full disk or a locked file is not the file's fault
            if isinstance(e, sqlite3.Error) and getattr(e, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
                raise
        raise refused(named, e) from e
    return found, newer


_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_INTERRUPT,
           sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}  # fmt: skip
