"""One SQLite file: a few pooled connections, one writer at a time, and errors as sentences.

Reading does not wait for writing: the file is in WAL mode, and a thread that uses a connection has it alone. Writers
queue at a lock of this process, and none holds it for longer than a few tiles, so that undo is quick while a large
step is stored.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from clarity_desktop.backend.document.limits import VALUE
from clarity_desktop.messages import UserError

CONNECTIONS = 4
"""Open at once at most; each has a page cache of its own, and dozens of documents may be open."""
CACHE = 2 << 20  # bytes of pages that a connection keeps
BATCH = 16
"""Tiles written in one transaction: some 2 MB, a few milliseconds."""
CHECKPOINT = 8
"""Batches after which the write-ahead log is written into the file, so that the log stays small."""

ERRORS = {
    sqlite3.SQLITE_FULL: "document.sqlite_full",
    sqlite3.SQLITE_IOERR: "document.sqlite_io",
    sqlite3.SQLITE_CORRUPT: "document.sqlite_corrupt",
    sqlite3.SQLITE_NOTADB: "document.sqlite_not_a_document",
    sqlite3.SQLITE_READONLY: "document.sqlite_read_only",
    sqlite3.SQLITE_PERM: "document.sqlite_permission",
    sqlite3.SQLITE_CANTOPEN: "document.sqlite_cannot_open",
    sqlite3.SQLITE_BUSY: "document.sqlite_busy",
    sqlite3.SQLITE_TOOBIG: "document.value_too_large",
}


@contextmanager
def as_user_errors(path: Path) -> Generator[None]:
    """Turn errors of SQLite or the system about a disk or a file into a UserError; other errors are bugs."""
    try:
        yield
    except OSError as e:
        raise UserError("document.unusable", path=str(path), reason=e.strerror or str(e)) from e
    except (sqlite3.Error, UnicodeDecodeError) as e:  # SQLite may name a damaged part in bytes that are no text
        unreadable = sqlite3.SQLITE_CORRUPT if isinstance(e, UnicodeDecodeError) else 0
        key = ERRORS.get(getattr(e, "sqlite_errorcode", unreadable) & 0xFF)
        if key is None:
            raise
        raise UserError(key, path=str(path), folder=str(path.parent)) from e


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection that trusts nothing in the file. Raises sqlite3.Error."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        # Autocommit: transactions are written explicitly, so none stays open by accident.
        isolation_level=None,
        check_same_thread=False,  # the pool gives it to one thread at a time
        timeout=10,
    )
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        db.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
    # Limits against hostile files: SQLite allocates what a record header declares.
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE)
    db.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000)
    db.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
    # Invalid UTF-8 in an untrusted file must not raise in the middle of a query.
    db.text_factory = _text
    db.execute("PRAGMA trusted_schema=OFF")
    db.execute("PRAGMA cell_size_check=ON")
    db.execute(f"PRAGMA cache_size=-{CACHE // 1024}")
    return db


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


class Store:
    """A document's file. Threads share a Store, never a connection."""

    def __init__(self, path: Path, *, read_only: bool = False, incomplete: bool = False) -> None:
        """incomplete: the file is still being created, and is discarded after a crash. Raises UserError."""
        self.path = path
        self._incomplete = incomplete
        self.read_only = read_only
        self._owned = threading.local()
        self._writer = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._opened = 0
        self._batches = 0
        self._pool_changed = threading.Condition()
        self.closed = False
        with as_user_errors(path), self.using():
            pass

    def _connect(self) -> sqlite3.Connection:
        db = connect(self.path, read_only=self.read_only)
        if self._incomplete:  # written once and not waited for; the photo that it is made from is still there
            db.execute("PRAGMA journal_mode=MEMORY")
            db.execute("PRAGMA synchronous=OFF")
        elif not self.read_only:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA wal_autocheckpoint=0")  # else an undo could have to write back a restoration's log
            db.execute("PRAGMA journal_size_limit=16000000")
        return db

    @contextmanager
    def using(self) -> Generator[sqlite3.Connection]:
        """A connection of the pool, for this thread alone; inside another `using` of the thread it is the same one.

        Waits while all are in use. Raises UserError once the store is closed, and sqlite3.Error.
        """
        owned: sqlite3.Connection | None = getattr(self._owned, "db", None)
        if owned is not None:
            yield owned
            return
        db = self._owned.db = self._take()
        try:
            yield db
        finally:
            self._owned.db = None
            with self._pool_changed:
                self._idle.append(db)
                self._pool_changed.notify_all()

    def _take(self) -> sqlite3.Connection:
        with self._pool_changed:
            self._pool_changed.wait_for(lambda: self.closed or self._idle or self._opened < CONNECTIONS)
            if self.closed:
                raise UserError("document.closed")
            if self._idle:
                return self._idle.pop()
            self._opened += 1
        try:
            return self._connect()
        except BaseException:
            with self._pool_changed:
                self._opened -= 1
                self._pool_changed.notify_all()
            raise

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection for reading. Raises UserError."""
        with as_user_errors(self.path), self.using() as db:
            yield db

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection]:
        """A transaction: committed when the block ends, rolled back on an error. Raises UserError."""
        if self.read_only:
            raise UserError("document.read_only")
        with self._writer, self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk may have ended it already
                    db.execute("ROLLBACK")
                raise

    def put(self, tiles: Iterable[tuple[bytes, bytes]]) -> None:
        """Store compressed tiles by name; those already stored are skipped. Raises UserError."""
        with self.writing() as db:
            db.executemany("INSERT OR IGNORE INTO tile(hash, data) VALUES(?, ?)", tiles)
        self._batches += 1
        if self._batches % CHECKPOINT == 0:
            self.checkpoint()

    def get(self, names: Sequence[bytes]) -> dict[bytes, bytes]:
        """The stored bytes of tiles by name; missing tiles are left out. Raises UserError."""
        found: dict[bytes, bytes] = {}
        with self.reading() as db:
            # In batches: SQLite limits the number of bound parameters.
            for k in range(0, len(names), 64):
                some = names[k : k + 64]
                marks = ",".join("?" * len(some))
                found.update(db.execute(f"SELECT hash, data FROM tile WHERE hash IN ({marks})", some))  # noqa: S608 — only marks
        return found

    def checkpoint(self) -> None:
        """Write back the part of the write-ahead log that no reader needs; does not block other threads."""
        with self.reading() as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Wait until all connections are idle, then close them; the last one empties the log. Raises UserError."""
        with self._pool_changed:
            self.closed = True
            self._pool_changed.notify_all()
            self._pool_changed.wait_for(lambda: len(self._idle) == self._opened)
        with as_user_errors(self.path):
            while self._idle:
                self._idle.pop().close()
        self._opened = 0
