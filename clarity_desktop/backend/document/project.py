"""The .clarity file: a document's store, compacted, in one file that opens on another machine."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from clarity_desktop.backend.document import checks, rows, schema, state
from clarity_desktop.backend.document.analysis_cache import ModelVersions
from clarity_desktop.backend.document.limits import COUNT, Limits
from clarity_desktop.backend.document.state import State
from clarity_desktop.backend.document.store import Store, as_user_errors, connect
from clarity_desktop.backend.document.tiles import Damaged, TooLarge
from clarity_desktop.file_io import publish_atomically
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message

CHECK_SECONDS, CHECK_BYTES_PER_SECOND = 10.0, 20_000_000
"""Processor time allowed for checking a file, generous even for a slow machine."""
COPIED_AT_ONCE = 1 << 22  # bytes


def save(store: Store, path: Path, commit: Callable[[], None]) -> int:
    """Write the project file atomically. Returns the number of changes in it. Raises UserError.

    commit is called before the file gets its name, and may raise to stop that.
    """

    def write(temporary: Path) -> None:
        with store.using() as db:
            # VACUUM INTO reads one consistent snapshot, so writers need not wait, and compacts the copy.
            db.execute("VACUUM INTO ?", (str(temporary),))
        with closing(connect(temporary)) as db:
            db.execute("PRAGMA journal_mode=DELETE")  # no log beside a file that people copy
            # These describe this machine, not the project.
            db.execute("DELETE FROM meta WHERE key IN ('project', 'stamp')")

    def publish(temporary: Path, path: Path) -> int:
        with closing(connect(temporary, read_only=True)) as db:
            changes = checks.whole(rows.meta(db).get("changes"), 0, COUNT)
        commit()
        temporary.replace(path)
        return changes

    try:
        return publish_atomically(path.absolute(), write, publish)
    except (OSError, sqlite3.Error) as e:
        path_text = Message("document.not_saved", {"path": str(path)})
        raise UserError((path_text, _reason(e), Message("document.save_another_place"))) from e


def _reason(e: OSError | sqlite3.Error) -> Message:
    """Why a file could not be written. Raises the error itself if it is a bug."""
    if isinstance(e, OSError):
        return Message("document.system_error", {"reason": e.strerror or str(e)})
    match getattr(e, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return Message("document.save_disk_full")
        case sqlite3.SQLITE_CORRUPT:
            return Message("document.save_damaged")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return Message("document.save_folder")
        case _:
            raise e


def copy(project: Path, store: Path, checkpoint: Callable[[], None]) -> None:
    """Copy a project to a working store. Raises UserError, and what checkpoint raises."""
    try:
        schema.check_header(project)
        with project.open("rb") as source, store.open("xb") as target:
            while part := source.read(COPIED_AT_ONCE):
                checkpoint()
                target.write(part)
    except Damaged as e:
        raise refused(project, e) from e
    except OSError as e:
        raise UserError("document.copy_failed", path=str(project), reason=e.strerror or str(e)) from e


def refused(path: Path, why: Exception) -> UserError:
    """The error for a file that is not a valid document."""
    reason = why.text if isinstance(why, Damaged) else Message("document.damage_unreadable")
    cannot = Message("document.cannot_open", {"path": str(path)})
    return UserError((cannot, reason, Message("document.choose_other")))


@contextmanager
def bounded(db: sqlite3.Connection, seconds: float, checkpoint: Callable[[], None] = lambda: None) -> Generator[None]:
    """Limit the processor time that SQLite spends on an untrusted file, with regular checkpoints.

    Waiting for a slow disk does not count. Raises Damaged when the time is over, and what checkpoint raises.
    """
    # Thread time, because other threads of the process are busy as well.
    until = time.thread_time() + seconds
    stopped: list[BaseException] = []  # SQLite swallows what a progress handler raises

    def stops() -> bool:
        try:
            checkpoint()
        except BaseException as e:  # noqa: BLE001 — raised again below
            stopped.append(e)
        return bool(stopped) or time.thread_time() > until

    db.set_progress_handler(stops, 100_000)
    try:
        yield
    except sqlite3.OperationalError as e:
        if e.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        if stopped:
            raise stopped[0] from e
        raise Damaged("document.damage_endless") from e
    finally:
        db.set_progress_handler(None, 0)


def check_seconds(path: Path) -> float:
    """Limit of the processor time for checking a file, by its size. Raises OSError."""
    return CHECK_SECONDS + path.stat().st_size / CHECK_BYTES_PER_SECOND


def read(
    path: Path, named: Path, models: ModelVersions, limits: Limits, checkpoint: Callable[[], None]
) -> tuple[State, bool]:
    """Check a store completely, migrate it and delete orphan tiles. Returns its state and whether its format is newer.

    named: the file that error messages name. A newer store is left unchanged. Raises UserError, and what checkpoint
    raises.
    """
    try:
        with as_user_errors(named):
            schema.check_header(path)
            seconds = check_seconds(path)
        with closing(connect(path)) as db, bounded(db, seconds, checkpoint):
            # Schema before content: a query on untrusted tables or views could run anything.
            schema.check(db)
            rows.check_counts(db, limits)
            newer = schema.version_of(db) > len(schema.MIGRATIONS)
            if not newer:
                schema.migrate(db)
            found = state.read(db, models, limits)
            orphans, missing = state.orphan_tiles(db)
            if missing:
                raise Damaged("document.damage_tiles_missing")
            if orphans and not newer:
                state.delete_orphans(db)
    except TooLarge as e:
        raise UserError(
            "document.project_too_large", path=str(named), megapixels=e.megapixels, limit=math.floor(limits.megapixels)
        ) from e
    except (Damaged, UnicodeDecodeError, sqlite3.Error) as e:
        with as_user_errors(named):  # a full disk or a locked file is not the file's fault
            if isinstance(e, sqlite3.Error) and getattr(e, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
                raise
        raise refused(named, e) from e
    return found, newer


_DAMAGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
           sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}  # fmt: skip
