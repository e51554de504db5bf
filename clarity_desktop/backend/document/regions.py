"""Regions that the user keeps, and what engines computed of versions, as rows; untrusted rows are checked."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from clarity_desktop.backend.document import rows
from clarity_desktop.backend.document.checks import blob, clean, number, text, whole
from clarity_desktop.backend.document.limits import EMBEDDING, EMBEDDINGS, NAME, SIDE, Limits, clock
from clarity_desktop.backend.document.tiles import Damaged, PackedThumbnail, compress, decompress, pack
from clarity_desktop.values import Bounds, Region, RegionId, StoredRegion, VersionId

Arrays = Mapping[str, NDArray[Any]]
_COLUMNS = "id, region, name, version, engine, deleted, time, thumbnail"
_KINDS = {"float16", "float32", "uint8", "uint16", "int32"}
"""Types of the arrays of an embedding."""


def read(db: sqlite3.Connection, limits: Limits) -> dict[RegionId, StoredRegion]:
    """The regions that the user kept, the oldest first, deleted ones too. Raises Damaged."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='kept_region'").fetchone():
        return {}
    [count] = db.execute("SELECT count(*) FROM kept_region").fetchone()
    if count > limits.regions:
        raise Damaged("document.damage_region_count", count=count)
    names = ", ".join(f"k.{name.strip()}" for name in _COLUMNS.split(","))
    query = (
        f"SELECT {names}, r.x, r.y, r.width, r.height, r.across, r.down"  # noqa: S608 — constants
        " FROM kept_region k JOIN region r ON r.id = k.region ORDER BY k.seq"
    )
    found = (_stored(row) for row in db.execute(query))
    return {region.id: region for region in found}


def _stored(row: tuple[Any, ...]) -> StoredRegion:
    at, content, name, version, engine, deleted, time, thumbnail, x, y, width, height, across, down = row
    return StoredRegion(
        id=RegionId(text(at)), content=text(content), name=text(name), version=VersionId(text(version)),
        engine=text(engine), deleted=bool(whole(deleted, 0, 1)), time=number(time, 0, 1e12),
        thumbnail=PackedThumbnail(blob(thumbnail)),
        bounds=Bounds(whole(x, 0, SIDE), whole(y, 0, SIDE), whole(width, 1, SIDE), whole(height, 1, SIDE)),
        width=whole(across, 1, SIDE), height=whole(down, 1, SIDE),
    )  # fmt: skip


def insert(db: sqlite3.Connection, stored: StoredRegion, region: Region) -> None:
    """Insert a region with its mask, or replace the mask and the name of the one with its id."""
    put_mask(db, rows.region_row(region))
    _, thumbnail = pack(np.asarray(stored.thumbnail))
    values = (
        stored.id, stored.content, clean(stored.name)[:NAME], stored.version, clean(stored.engine)[:NAME],
        stored.deleted, clock(stored.time), thumbnail,
    )  # fmt: skip
    changes = ", ".join(f"{name}=excluded.{name}" for name in ("region", "name", "version", "engine", "thumbnail"))
    db.execute(
        f"INSERT INTO kept_region({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET {changes}",
        values,
    )


def put_mask(db: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    """Insert the row of a region's mask (rows.region_row) unless it is stored already."""
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT OR IGNORE INTO region({rows.REGION}, id) VALUES({marks})", row)


def update(db: sqlite3.Connection, stored: StoredRegion) -> None:
    """Write the name of a region and whether it is deleted."""
    db.execute(
        "UPDATE kept_region SET name=?, deleted=? WHERE id=?", (clean(stored.name)[:NAME], stored.deleted, stored.id)
    )


def put_embedding(db: sqlite3.Connection, version: VersionId, engine: str, arrays: Arrays) -> None:
    """Keep what an engine computed of a version; the oldest go beyond EMBEDDINGS. Raises ValueError if it is too large.

    arrays: of any shape, float16, float32, uint8, uint16 or int32.
    """
    db.execute(
        "INSERT OR REPLACE INTO embedding(version, engine, data) VALUES(?, ?, ?)", (version, engine, packed(arrays))
    )
    db.execute(
        "DELETE FROM embedding WHERE seq NOT IN (SELECT seq FROM embedding ORDER BY seq DESC LIMIT ?)", (EMBEDDINGS,)
    )


def embedding(db: sqlite3.Connection, version: VersionId, engine: str) -> Arrays | None:
    """What an engine computed of a version: arrays of any shape, float16 and so on; None if not kept or damaged."""
    row = db.execute("SELECT data FROM embedding WHERE version=? AND engine=?", (version, engine)).fetchone()
    try:
        return None if row is None else unpacked(blob(row[0]))
    except Damaged:  # it is only computed again
        return None


def packed(arrays: Arrays) -> bytes:
    """Arrays of any shape and of a type of _KINDS (float16 and so on) as compressed bytes. Raises ValueError."""
    from safetensors.numpy import save

    if not all(values.dtype.name in _KINDS for values in arrays.values()):
        raise ValueError("an array of another type")
    raw = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    if len(raw) > EMBEDDING:
        raise ValueError(f"{len(raw)} bytes are too many for an embedding")
    return compress(raw)


def unpacked(data: bytes) -> Arrays:
    """The arrays (any shape, float16 and so on) in compressed bytes. Raises Damaged, before any large allocation."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        size = zstandard.frame_content_size(data)
    except zstandard.ZstdError as e:
        raise Damaged("document.damage_part_packed") from e
    if not 0 < size <= EMBEDDING:
        raise Damaged("document.damage_part_size")
    try:
        found: dict[str, NDArray[Any]] = load(decompress(data, size))
    except (SafetensorError, KeyError, TypeError, ValueError) as e:
        raise Damaged("document.damage_part_size") from e
    if not all(values.dtype.name in _KINDS and math.prod(values.shape) for values in found.values()):
        raise Damaged("document.damage_part_size")
    return found
