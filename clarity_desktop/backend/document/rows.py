"""Versions, turns and regions as rows, and back; rows may come from a stranger's file and are checked."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np

from clarity_desktop.backend.document.analysis_cache import ModelVersions, detection_of, quality_of
from clarity_desktop.backend.document.checks import blob, clean, number, parsed, parsed_json, parsed_list, text, whole
from clarity_desktop.backend.document.tiles import Damaged, compress, decompress, pack, unpack
from clarity_desktop.text import from_json, to_json
from clarity_desktop.values import TASKS, Bounds, Picture, Region, Step, Turn, Version, VersionId

SIDE = 1 << 20  # pixels; more is not a photo
AREA = 1 << 31
VERSIONS = 5000
"""More versions than this in one file are taken for an attack on the memory."""
THUMBNAIL = 128

REGION = "label, x, y, width, height, across, down, mask"
COLUMNS = "id, parent, step, quality, detection, name, star, deleted, rejected, time, width, height, thumbnail"
TURN = "role, text, message, steps, versions, time"


def step_text(step: Step) -> str:
    """Raises Damaged for a step that could not be read again."""
    row = {f.name: getattr(step, f.name) for f in fields(step)}
    stored = json.dumps({**row, "weights": dict(step.weights), "settings": dict(step.settings)})
    step_of(stored)
    return stored


def step_of(stored: Any) -> Step:
    row = parsed(stored)
    weights, settings = row.get("weights", {}), row.get("settings", {})
    if not isinstance(weights, dict) or not isinstance(settings, dict):
        raise Damaged("a version's description has the wrong form")
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
    assert version.detection is None, "a new version is looked at later"
    assert version.thumbnail.dtype == np.uint8, "a thumbnail is 8 bits"
    assert max(version.thumbnail.shape[:2]) <= THUMBNAIL, "a thumbnail is small"
    _, thumbnail = pack(version.thumbnail)
    return (
        version.id, version.parent, step_text(version.step), None, None, name_text(version), version.star,
        version.deleted, version.rejected, version.time, version.width, version.height, thumbnail,
    )  # fmt: skip


def name_text(version: Version) -> str:
    """The stored name; empty for a version that nobody named."""
    return clean(version.name or "")


def version_of(row: tuple[Any, ...], makers: ModelVersions) -> Version:
    """A version from values of COLUMNS, with what `makers` found in it. Raises Damaged."""
    at, parent, step, quality, detection, name, star, deleted, rejected, time, width, height, thumbnail = row
    small = unpack(blob(thumbnail))
    if small.ndim != 3 or small.dtype != np.uint8 or max(small.shape[:2]) > THUMBNAIL:
        raise Damaged("a thumbnail has the wrong form")
    if whole(width, 1, SIDE) * whole(height, 1, SIDE) > AREA:
        raise Damaged("a version is impossibly large")
    return Version(
        id=VersionId(text(at)),
        parent=None if parent is None else VersionId(text(parent)),
        step=step_of(step),
        name=text(name) or None,
        time=number(time, 0, 1e12),
        width=width,
        height=height,
        thumbnail=small.astype(np.uint8, copy=False),
        star=bool(whole(star, 0, 1)),
        deleted=bool(whole(deleted, 0, 1)),
        rejected=bool(whole(rejected, 0, 1)),
        quality=quality_of(quality, makers.for_photo),
        detection=detection_of(detection, makers.detector),
    )


def versions(db: sqlite3.Connection, makers: ModelVersions) -> dict[VersionId, Version]:
    """All versions in the order of making: one original, and every other after its parent. Raises Damaged."""
    [count] = db.execute("SELECT count(*) FROM version").fetchone()
    if not 1 <= count <= VERSIONS:
        raise Damaged(f"it has {count} versions")
    found: dict[VersionId, Version] = {}
    for row in db.execute(f"SELECT {COLUMNS} FROM version ORDER BY seq"):  # noqa: S608 — a constant
        version = version_of(row, makers)
        if (version.parent is None) != (not found) or (found and version.parent not in found) or version.id in found:
            raise Damaged("its versions are not a tree")
        found[version.id] = version
    return found


def redo(db: sqlite3.Connection, known: Mapping[VersionId, Version]) -> dict[VersionId, VersionId]:
    """For each version the one that was last left towards it."""
    rows = db.execute("SELECT id, redo FROM version WHERE redo IS NOT NULL")
    return {VersionId(a): VersionId(b) for a, b in rows if a in known and b in known}


def turns(db: sqlite3.Connection) -> tuple[Turn, ...]:
    """The conversation, the oldest turn first. Raises Damaged."""
    return tuple(_turn(*row) for row in db.execute(f"SELECT {TURN} FROM turn ORDER BY seq"))  # noqa: S608 — a constant


def _turn(role: Any, typed: Any, message: Any, steps: Any, versions: Any, time: Any) -> Turn:
    who: dict[Any, Literal["user", "assistant"]] = {"user": "user", "assistant": "assistant"}
    if role not in who:
        raise Damaged("the conversation has the wrong form")
    content = text(typed, 1_000_000) if message is None else from_json(parsed_json(message))
    return Turn(
        who[role],
        content,
        tuple(VersionId(v) for v in text(versions, 1_000_000).split()),
        number(time, 0, 1e12),
        tuple(parsed_list(steps)),
    )


def turn_row(turn: Turn) -> tuple[Any, ...]:
    """Values for TURN."""
    typed, message = (turn.content, None) if isinstance(turn.content, str) else ("", to_json(turn.content))
    return (
        turn.role, clean(typed), None if message is None else json.dumps(message), json.dumps(turn.steps),
        " ".join(turn.versions), turn.time,
    )  # fmt: skip


def region_row(region: Region) -> tuple[Any, ...]:
    """Values for REGION, then the region's id: the same mask has the same id."""
    b = region.bounds
    raw = np.ascontiguousarray(region.mask[b.slices()]).data.cast("B")
    down, across = region.mask.shape
    name = blake2b(repr((b, across, down)).encode(), digest_size=8)
    name.update(raw)
    return clean(region.label), b.x, b.y, b.width, b.height, across, down, compress(raw), name.hexdigest()


def region_of(row: tuple[Any, ...]) -> Region:
    """A region from values of REGION. Raises Damaged."""
    label, x, y, width, height, across, down, mask = row
    if whole(across, 1, SIDE) * whole(down, 1, SIDE) > AREA:
        raise Damaged("a region is impossibly large")
    bounds = Bounds(whole(x, 0, across), whole(y, 0, down), whole(width, 1, across), whole(height, 1, down))
    if bounds.right > across or bounds.bottom > down:
        raise Damaged("a region lies outside its photo")
    full = np.zeros((down, across), np.uint8)
    full[bounds.slices()] = np.frombuffer(decompress(blob(mask), width * height), np.uint8).reshape(height, width)
    full.flags.writeable = False
    return Region(full, bounds, text(label))


def put_meta(db: sqlite3.Connection, values: Mapping[str, str | int | bytes | None]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", values.items())


def meta(db: sqlite3.Connection) -> dict[str, Any]:
    return dict(db.execute("SELECT key, value FROM meta"))


def picture_meta(picture: Picture) -> dict[str, str | int | bytes | None]:
    """All of a picture but its pixels, as meta rows."""
    return {
        "path": None if picture.path is None else os.fsencode(picture.path),
        "icc": picture.icc,
        "profile": picture.profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "iptc": picture.iptc,
        "format": picture.format,
        "mode": picture.mode,
        "depth": picture.depth,
        "notes": "\n".join(picture.notes),
    }


def picture_of(rows: Mapping[str, Any]) -> Picture:
    """A picture of no pixels with all that travels beside them. Raises Damaged."""
    depth = rows.get("depth")
    if depth not in (8, 16):
        raise Damaged("its depth is neither 8 nor 16 bits")
    path = rows.get("path")
    return Picture(
        pixels=np.empty((0, 0, 3), np.uint8) if depth == 8 else np.empty((0, 0, 3), np.uint16),
        icc=_optional(rows.get("icc")),
        profile=text(rows.get("profile")),
        exif=_optional(rows.get("exif")),
        xmp=_optional(rows.get("xmp")),
        iptc=_optional(rows.get("iptc")),
        format=text(rows.get("format")),
        mode=text(rows.get("mode")),
        path=None if path is None else local(path),
        notes=tuple(line for line in text(rows.get("notes", ""), 10_000).split("\n") if line),
    )


def local(stored: Any) -> Path | None:
    """A path from a file, unless merely looking at it would reach out to another machine."""
    path = os.fsdecode(blob(stored)[:4096])
    return None if path.startswith(("\\\\", "//")) or "\0" in path else Path(path)


def _optional(value: Any) -> bytes | None:
    return None if value is None else blob(value)
