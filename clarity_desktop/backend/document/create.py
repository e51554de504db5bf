"""Creates a document: an empty file with the tables, then the photo as its first version."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.document import checks, pyramid, regions, rows, schema
from clarity_desktop.backend.document.limits import NAME, THUMBNAIL
from clarity_desktop.backend.document.recovery import STORE, Lock
from clarity_desktop.backend.document.store import Store
from clarity_desktop.backend.document.tiles import Stored
from clarity_desktop.backend.document.write_tiles import write_tiles
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Picture, Pixels, Step, Version, VersionId


def no_checkpoint() -> None:
    """For callers that cannot be cancelled."""


def reserve_store(folder: Path) -> tuple[Path, Lock]:
    """Choose a path for a new store and lock it. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / f"{secrets.token_hex(6)}{STORE}"
        lock = Lock.take(store)
    except OSError as e:
        raise UserError("document.folder_not_writable", folder=str(folder), reason=e.strerror or str(e)) from e
    assert lock is not None, "names are never used twice"
    return store, lock


def create_tables(path: Path) -> None:
    """Create an empty file with the tables. Raises sqlite3.Error."""
    db = sqlite3.connect(path, isolation_level=None)
    with contextlib.closing(db):
        db.execute(f"PRAGMA page_size={schema.PAGE}")
        # No flush yet: the file is incomplete until it is renamed, and a crash discards it.
        db.execute("PRAGMA synchronous=OFF")
        schema.migrate(db)


def write_original(
    path: Path, picture: Picture, title: str, thumbnail: NDArray[np.uint8] | None, checkpoint: Callable[[], None]
) -> None:
    """Write the photo as the first version, with its metadata, into a file with empty tables.

    thumbnail: H×W×3 uint8 sRGB; None: computed from the pixels. Raises UserError, and what checkpoint raises.
    """
    height, width = picture.pixels.shape[:2]
    version = Version(
        id=VersionId(secrets.token_hex(4)),
        parent=None,
        step=Step("paste" if picture.path is None else "open"),
        name=None,
        time=time.time(),
        width=width,
        height=height,
        thumbnail=reduced(picture.pixels) if thumbnail is None else thumbnail,
    )
    store = Store(path, incomplete=True)
    with contextlib.closing(store):
        # Tiles first: the version row makes them visible, so a crash in between leaves no version.
        names = write_tiles(store, picture.pixels, None, (), _nothing_older, checkpoint, picture.alpha)
        alpha = (
            None if picture.alpha is None else write_tiles(store, picture.alpha, None, (), _nothing_older, checkpoint)
        )
        about = {
            "title": checks.clean(title)[:NAME],
            "head": version.id,
            "changes": 0,
            "saved": 0,
            "alpha": int(alpha is not None),
        }
        with store.writing() as db:
            insert(db, version, names, alpha, None)
            rows.put_meta(db, {**rows.picture_meta(picture), **about})
        with store.reading() as db:
            db.execute("PRAGMA journal_mode=WAL")  # recorded in the file; later it would wait for the disk


def _nothing_older(level: int, bounds: Bounds) -> Stored:
    raise AssertionError(f"the first version has no older tiles (level {level}, {bounds})")


def insert(
    db: sqlite3.Connection, version: Version, names: bytes, alpha: bytes | None, region: tuple[Any, ...] | None
) -> None:
    """Insert the row of a version and, unless it is stored already, of its region."""
    if region is not None:
        regions.put_mask(db, region)
    row = (*rows.version_row(version), names, alpha)
    marks = ", ".join("?" * len(row))
    db.execute(
        f"INSERT INTO version({rows.COLUMNS}, pixels, alpha) VALUES({marks})",
        row,
    )


def reduced(pixels: Pixels) -> NDArray[np.uint8]:
    """A thumbnail of H×W×3 RGB (uint8 or uint16), without color conversion: H×W×3 uint8, longest side ≤ 128."""
    while max(pixels.shape) > 8 * THUMBNAIL:
        pixels = pyramid.halved(pixels)  # several times faster than one large step
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMBNAIL / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Any = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return to_8_bits(small)
