"""Versions, turns and regions as rows, and back; rows from an untrusted file are checked."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import fields, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clarity_desktop.backend.document.analysis_cache import ModelVersions, detection_of, quality_of
from clarity_desktop.backend.document.checks import blob, clean, number, parsed, parsed_json, parsed_list, text, whole
from clarity_desktop.backend.document.limits import NAME, NOTES, PATH, SIDE, TEXT, THUMBNAIL, Limits, clock
from clarity_desktop.backend.document.tiles import (
    Damaged,
    PackedThumbnail,
    TooLarge,
    compress,
    decompress,
    pack,
)
from clarity_desktop.messages import UserError
from clarity_desktop.text import Text, from_json, to_json
from clarity_desktop.values import TASKS, Bounds, Picture, Region, Step, Turn, Version, VersionId

REGION = "label, x, y, width, height, across, down, mask"
COLUMNS = "id, parent, step, quality, detection, name, star, deleted, rejected, time, width, height, thumbnail"
TURN = "role, text, message, steps, versions, time, question"


def step_text(step: Step) -> str:
    """A step as JSON. Raises Damaged for one that could not be read back."""
    row = {f.name: getattr(step, f.name) for f in fields(step)}
    stored = json.dumps({**row, "weights": dict(step.weights), "settings": dict(step.settings)})
    step_of(stored)
    return stored


def step_of(stored: Any) -> Step:
    """A step from untrusted JSON. Raises Damaged."""
    row = parsed(stored)
    weights, settings = row.get("weights", {}), row.get("settings", {})
    if not isinstance(weights, dict) or not isinstance(settings, dict):
        raise Damaged("document.damage_step_form")
    task = row.get("task")
    return Step(
        kind=text(row.get("kind")),
        task=task if task in TASKS else None,
        method=None if row.get("method") is None else text(row["method"]),
        weights={text(k): text(v) for k, v in weights.items()},
        strength=number(row.get("strength", 1.0), 0, 1),
        region=None if row.get("region") is None else text(row["region"]),
        seconds=number(row.get("seconds", 0.0), 0, 1e9),
        settings=settings,
    )


def version_row(version: Version) -> tuple[Any, ...]:
    """Values for COLUMNS of a new version."""
    assert version.quality is None, "a new version is scored later"
    assert version.detection is None, "a new version is analyzed later"
    small = np.asarray(version.thumbnail)
    assert small.dtype == np.uint8, "a thumbnail is 8 bits"
    assert max(small.shape[:2]) <= THUMBNAIL, "a thumbnail is small"
    _, thumbnail = pack(small)
    return (
        version.id, version.parent, step_text(version.step), None, None, name_text(version), version.star,
        version.deleted, version.rejected, clock(version.time), version.width, version.height, thumbnail,
    )  # fmt: skip


def name_text(version: Version) -> str:
    """The stored name; empty for a version without a name typed by the user."""
    return clean(version.name or "")[:NAME]


def version_of(row: tuple[Any, ...], models: ModelVersions, limits: Limits) -> Version:
    """A version from values of COLUMNS, with what `models` found in it. Raises Damaged."""
    at, parent, step, quality, detection, name, star, deleted, rejected, time, width, height, thumbnail = row
    if (pixels := whole(width, 1, SIDE) * whole(height, 1, SIDE)) > limits.megapixels * 1e6:
        raise TooLarge(math.ceil(pixels / 1e6))
    return Version(
        id=VersionId(text(at)),
        parent=None if parent is None else VersionId(text(parent)),
        step=step_of(step),
        name=text(name) or None,
        time=number(time, 0, 1e12),
        width=width,
        height=height,
        thumbnail=PackedThumbnail(blob(thumbnail)),
        star=bool(whole(star, 0, 1)),
        deleted=bool(whole(deleted, 0, 1)),
        rejected=bool(whole(rejected, 0, 1)),
        quality=quality_of(quality, models.for_photo),
        detection=detection_of(detection, models.detector),
    )


def check_counts(db: sqlite3.Connection, limits: Limits) -> None:
    """Raises Damaged for a file with no version, or with more rows than a document may have. Works for every format."""
    # Counted before any row is read: rows are loaded into memory all at once.
    [count] = db.execute("SELECT count(*) FROM version").fetchone()
    if not 1 <= count <= limits.versions:
        raise Damaged("document.damage_version_count", count=count)
    if db.execute("SELECT 1 FROM sqlite_master WHERE name='turn'").fetchone():  # not in format 1
        [count] = db.execute("SELECT count(*) FROM turn").fetchone()
        if count > limits.turns:
            raise Damaged("document.damage_turn_count", count=count)


def versions(db: sqlite3.Connection, models: ModelVersions, limits: Limits) -> dict[VersionId, Version]:
    """All versions in the order of creation: the original, then each after its parent. Raises Damaged."""
    found: dict[VersionId, Version] = {}
    heat = 0
    for row in db.execute(f"SELECT {COLUMNS} FROM version ORDER BY seq"):  # noqa: S608 — a constant
        version = version_of(row, models, limits)
        heat += 0 if version.detection is None else version.detection.heat.nbytes
        if heat > limits.heat_bytes:  # small when compressed: an untrusted file could fill the memory
            version = replace(version, detection=None)
        # Exactly the first row has no parent, and parents precede children, so there can be no cycle.
        if (version.parent is None) != (not found) or (found and version.parent not in found) or version.id in found:
            raise Damaged("document.damage_no_tree")
        found[version.id] = version
    return found


def redo(db: sqlite3.Connection, known: Mapping[VersionId, Version]) -> dict[VersionId, VersionId]:
    """For each version, the descendant that redo leads to."""
    rows = db.execute("SELECT id, redo FROM version WHERE redo IS NOT NULL")
    return {VersionId(a): VersionId(b) for a, b in rows if a in known and b in known}


def turns(db: sqlite3.Connection) -> tuple[Turn, ...]:
    """The conversation, the oldest turn first. Raises Damaged."""
    return tuple(_turn(*row) for row in db.execute(f"SELECT {TURN} FROM turn ORDER BY seq"))  # noqa: S608 — a constant


def _turn(role: Any, typed: Any, message: Any, steps: Any, versions: Any, time: Any, question: Any) -> Turn:
    who: dict[Any, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}
    if role not in who:
        raise Damaged("document.damage_turn_form")
    content = text(typed, TEXT) if message is None else from_json(parsed_json(message))
    return Turn(
        who[role],
        content,
        tuple(VersionId(v) for v in text(versions, TEXT).split()),
        number(time, 0, 1e12),
        tuple(parsed_list(steps)),
        None if question is None else VersionId(text(question, TEXT)),
    )


def turn_row(turn: Turn) -> tuple[Any, ...]:
    """Values for TURN. Raises UserError for a turn that could not be read back."""
    typed, message = (turn.content, None) if isinstance(turn.content, str) else ("", to_json(turn.content))
    row = (
        turn.role, clean(typed), None if message is None else json.dumps(message), json.dumps(turn.steps),
        " ".join(turn.versions), clock(turn.time), turn.question,
    )  # fmt: skip
    if max(len(part) for part in row if isinstance(part, str)) > TEXT:
        raise UserError("document.turn_too_long")
    return row


def region_row(region: Region) -> tuple[Any, ...]:
    """Values for REGION, then the region's id: the same mask has the same id."""
    b = region.bounds
    raw = np.ascontiguousarray(region.mask).data.cast("B")
    across, down = region.width, region.height
    return clean(region.label), b.x, b.y, b.width, b.height, across, down, compress(raw), region_id(region)


def region_id(region: Region) -> str:
    """The id of a region's mask. By content: repeating a step stores its region only once."""
    name = blake2b(repr((region.bounds, region.width, region.height)).encode(), digest_size=8)
    name.update(np.ascontiguousarray(region.mask).data.cast("B"))
    return name.hexdigest()


def region_of(row: tuple[Any, ...], limits: Limits) -> Region:
    """A region from values of REGION. Raises Damaged."""
    label, x, y, width, height, across, down, mask = row
    if whole(across, 1, SIDE) * whole(down, 1, SIDE) > limits.megapixels * 1e6:
        raise Damaged("document.damage_region_size")
    bounds = Bounds(whole(x, 0, across), whole(y, 0, down), whole(width, 1, across), whole(height, 1, down))
    if bounds.right > across or bounds.bottom > down:
        raise Damaged("document.damage_region_outside")
    selected = np.frombuffer(decompress(blob(mask), width * height), np.uint8).reshape(height, width)
    return Region(bounds, selected, across, down, text(label))


def put_meta(db: sqlite3.Connection, values: Mapping[str, str | int | bytes | None]) -> None:
    """Insert or replace rows of the meta table."""
    db.executemany("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", values.items())


def meta(db: sqlite3.Connection) -> dict[str, Any]:
    """The meta table as a dictionary; the values are untrusted."""
    return dict(db.execute("SELECT key, value FROM meta"))


def picture_meta(picture: Picture) -> dict[str, str | int | bytes | None]:
    """Everything of a picture except pixels and alpha, as meta rows."""
    return {
        "path": None if picture.path is None else os.fsencode(picture.path),
        "icc": picture.icc,
        "profile": picture.profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "iptc": picture.iptc,
        "texts": json.dumps(picture.texts).encode() if picture.texts else None,
        "format": picture.format,
        "mode": picture.mode,
        "depth": picture.depth,
        "notes": _notes_text(picture.notes),
    }


def picture_of(rows: Mapping[str, Any]) -> Picture:
    """A picture with empty pixels (0×0×3) and the stored metadata. Raises Damaged."""
    depth = rows.get("depth")
    if depth not in (8, 16):
        raise Damaged("document.damage_depth")
    path = rows.get("path")
    return Picture(
        pixels=np.empty((0, 0, 3), np.uint8) if depth == 8 else np.empty((0, 0, 3), np.uint16),
        icc=_optional(rows.get("icc")),
        profile=text(rows.get("profile")),
        exif=_optional(rows.get("exif")),
        xmp=_optional(rows.get("xmp")),
        iptc=_optional(rows.get("iptc")),
        texts=_texts_of(_optional(rows.get("texts"))),
        format=text(rows.get("format")),
        mode=text(rows.get("mode")),
        path=None if path is None else local(path),
        notes=_notes_of(text(rows.get("notes", ""), NOTES)),
    )


def _texts_of(stored: bytes | None) -> tuple[tuple[str, str], ...]:
    """Keyword and text of each comment of the photo; none if they are not what this program writes."""
    try:
        pairs = json.loads(stored or b"[]")
    except (ValueError, RecursionError):
        return ()
    if not isinstance(pairs, list) or not all(
        isinstance(p, list) and len(p) == 2 and all(isinstance(v, str) for v in p) for p in pairs
    ):
        return ()
    return tuple((_unicode(key), _unicode(text)) for key, text in pairs)


def _unicode(text: str) -> str:
    """The text without the halves of characters that JSON can hold and no encoding can."""
    return text.encode("utf-8", "replace").decode()


def _notes_text(notes: tuple[Text, ...]) -> str:
    """The notes as a JSON list of at most NOTES characters; what does not fit is left out."""
    stored = [to_json(note) for note in notes]
    while len(line := json.dumps(stored)) > NOTES:
        stored.pop()
    return line


def _notes_of(stored: str) -> tuple[Text, ...]:
    """The notes of a document; documents before schema 4 hold English sentences, one a line."""
    try:
        notes = json.loads(stored)
    except (ValueError, RecursionError):
        return tuple(line for line in stored.split("\n") if line)
    return tuple(note for note in map(from_json, notes) if note) if isinstance(notes, list) else ()


def local(stored: Any) -> Path | None:
    """A path from a file; None for a network path, because even testing it would contact another machine."""
    path = os.fsdecode(blob(stored)[:PATH])
    return None if path.startswith(("\\\\", "//")) or "\0" in path else Path(path)


def _optional(value: Any) -> bytes | None:
    return None if value is None else blob(value)
