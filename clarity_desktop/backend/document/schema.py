"""The tables of a document, their migrations, and the check that an untrusted file has exactly these tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from clarity_desktop.backend.document import checks, rows
from clarity_desktop.backend.document.old_titles import split_name
from clarity_desktop.backend.document.tiles import Damaged

APPLICATION = 0x434C5259  # "CLRY": SQLite's application id of our documents
PAGE = 8192  # a tile is some 20 to 150 kB; larger pages waste more at a tile's end than they save


def _1_versions(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE meta(key TEXT PRIMARY KEY, value)")
    db.execute("CREATE TABLE tile(hash BLOB PRIMARY KEY, data BLOB NOT NULL)")
    db.execute(
        "CREATE TABLE version(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, parent TEXT, step TEXT NOT NULL,"
        " quality TEXT, name TEXT NOT NULL, star INTEGER NOT NULL, deleted INTEGER NOT NULL, time REAL NOT NULL,"
        " width INTEGER NOT NULL, height INTEGER NOT NULL, thumbnail BLOB NOT NULL, pixels BLOB NOT NULL, alpha BLOB)"
    )


def _2_regions_and_turns(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE version ADD COLUMN redo TEXT")  # the version that was last left towards this one
    db.execute(
        "CREATE TABLE region(id TEXT PRIMARY KEY, label TEXT NOT NULL, x INTEGER NOT NULL, y INTEGER NOT NULL,"
        " width INTEGER NOT NULL, height INTEGER NOT NULL, across INTEGER NOT NULL, down INTEGER NOT NULL,"
        " mask BLOB NOT NULL)"
    )
    db.execute(
        "CREATE TABLE turn(seq INTEGER PRIMARY KEY, role TEXT NOT NULL, text TEXT NOT NULL, versions TEXT NOT NULL,"
        " time REAL NOT NULL)"
    )


def _3_detections(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE version ADD COLUMN detection TEXT")
    db.execute("UPDATE version SET quality=NULL")  # older scores lack metrics and ranges: they are computed again


def _4_typed_names_and_messages(db: sqlite3.Connection) -> None:
    """Names only where the user typed one, rejection as a flag, turns as messages with their steps.

    An empty name means none, and a turn that is a message has an empty text beside it: so older releases can still show
    the document.
    """
    db.execute("ALTER TABLE version ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE turn ADD COLUMN message TEXT")
    db.execute("ALTER TABLE turn ADD COLUMN steps TEXT NOT NULL DEFAULT '[]'")
    for seq, name, step in db.execute("SELECT seq, name, step FROM version").fetchall():
        typed, rejected = split_name(checks.text(name), rows.step_of(step))
        db.execute("UPDATE version SET name=?, rejected=? WHERE seq=?", (typed, rejected, seq))


def _5_questions(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE turn ADD COLUMN question TEXT")  # the version that the turn's open question is about


def _6_kept_regions_and_embeddings(db: sqlite3.Connection) -> None:
    """Regions that the user named, by the masks that steps use too, and what engines computed of versions."""
    db.execute(
        "CREATE TABLE kept_region(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, region TEXT NOT NULL,"
        " name TEXT NOT NULL, version TEXT NOT NULL, engine TEXT NOT NULL, deleted INTEGER NOT NULL,"
        " time REAL NOT NULL, thumbnail BLOB NOT NULL)"
    )
    db.execute(
        "CREATE TABLE embedding(seq INTEGER PRIMARY KEY, version TEXT NOT NULL, engine TEXT NOT NULL,"
        " data BLOB NOT NULL, UNIQUE(version, engine))"
    )


MIGRATIONS = (
    _1_versions, _2_regions_and_turns, _3_detections, _4_typed_names_and_messages, _5_questions,
    _6_kept_regions_and_embeddings,
)  # fmt: skip
"""Append only; each runs in its own transaction together with the file's version number."""


def version_of(db: sqlite3.Connection) -> int:
    [at] = db.execute("PRAGMA user_version").fetchone()
    return int(at)


def migrate(db: sqlite3.Connection, until: int = len(MIGRATIONS)) -> None:
    """Bring an open file up to date. The connection must be in autocommit mode. Raises sqlite3.Error, Damaged."""
    for number in range(version_of(db), until):
        # DDL is transactional in SQLite: a crash leaves either the old or the new format.
        db.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[number](db)
            db.execute(f"PRAGMA user_version={number + 1}")
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


Shape = frozenset[tuple[str, str, str, str | None]]


def _shape(db: sqlite3.Connection) -> Shape:
    return frozenset(db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))


@lru_cache
def _expected(version: int) -> Shape:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        # The expected tables come from running the migrations, so there is no second list to keep up to date.
        migrate(db, version)
        return _shape(db)


def check_header(path: Path) -> None:
    """Raise Damaged if a file is not a document or is shorter than it declares. Reads 100 bytes; raises OSError."""
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise Damaged("document.damage_not_a_file")
    with path.open("rb") as file:
        head = file.read(100)
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise Damaged("document.damage_not_a_project")
    if int.from_bytes(head[68:72], "big") != APPLICATION:
        raise Damaged("document.damage_not_a_project")
    # Offsets of the SQLite file format: page size at 16 (1 means 65536), page count at 28.
    page, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    if path.stat().st_size < (65536 if page == 1 else page) * pages:
        raise Damaged("document.damage_truncated")


def check(db: sqlite3.Connection) -> None:
    """Raise Damaged unless a file has exactly the expected tables: no trigger, no view, nothing that could run.

    A newer file may have more tables and columns, but must have all known ones and nothing that could run.
    """
    at, found = version_of(db), _shape(db)
    if 1 <= at <= len(MIGRATIONS):
        if found != _expected(at):
            raise Damaged("document.damage_tables")
    elif at < 1 or not all(sql is None or sql.startswith("CREATE TABLE ") for _, _, _, sql in found):
        raise Damaged("document.damage_tables")
    _check_columns(db, min(at, len(MIGRATIONS)))
    tables = ("meta", "version") + (("region", "turn") if at > 1 else ()) + (("kept_region",) if at > 5 else ())
    for table in tables:
        # Not the tile table: its content is verified by hash when it is read, and checking it would take minutes.
        [verdict] = db.execute(f"PRAGMA quick_check({table})").fetchone()
        if verdict != "ok":
            raise Damaged("document.damage_damaged_tables")


def _check_columns(db: sqlite3.Connection, version: int) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as ours:
        migrate(ours, version)
        for (table,) in ours.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall():
            wanted = {row[1] for row in ours.execute(f"PRAGMA table_xinfo({table})")}
            found = {row[1] for row in db.execute(f"PRAGMA table_xinfo({table})") if not row[6]}  # 6: hidden, computed
            if not wanted <= found:
                raise Damaged("document.damage_tables")
