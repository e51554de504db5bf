"""A document: a tree of versions in a store of tiles. Undo moves the head to the parent; nothing is overwritten."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.document import checks, create, photos, pyramid, recovery, regions, rows
from clarity_desktop.backend.document import project as projects
from clarity_desktop.backend.document import state as states
from clarity_desktop.backend.document.alpha import AlphaTiles
from clarity_desktop.backend.document.analysis_cache import NO_MODELS, ModelVersions, more_of
from clarity_desktop.backend.document.create import no_checkpoint
from clarity_desktop.backend.document.limits import NAME, Limits, clock
from clarity_desktop.backend.document.reader import Reader
from clarity_desktop.backend.document.recovery import INCOMPLETE, Lock
from clarity_desktop.backend.document.state import State
from clarity_desktop.backend.document.store import Store, as_user_errors
from clarity_desktop.backend.document.tiles import HASH, Damaged, Stored
from clarity_desktop.backend.document.write_tiles import write_tiles
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, Text
from clarity_desktop.values import (
    Bounds,
    Detection,
    DocumentCard,
    DocumentId,
    EarlierPhoto,
    Level,
    Manifest,
    Picture,
    Pixels,
    Quality,
    Region,
    RegionId,
    Step,
    StoredRegion,
    Turn,
    Version,
    VersionId,
)

Alpha = NDArray[np.uint8] | NDArray[np.uint16]
NEWER = Message("document.newer")
LIMITS = Limits()
CACHED_LEVELS = 64
"""Tile lists that stay in memory. A plain dict: an lru_cache on the method would be a reference cycle."""
METADATA = ("icc", "exif", "xmp", "iptc")
COMPRESSION = 0.25
"""The compressed size of tiles ÷ size of the pixels, a low estimate for the check of free disk space."""


class Document:
    """One open document. All methods may be called from any thread, also while `add` runs in another."""

    def __init__(self, store: Store, lock: Lock, state: State, limits: Limits, notes: tuple[Text, ...] = ()) -> None:
        """Not to be called directly: use create, open or open_project."""
        self._limits = limits
        self.id = DocumentId(store.path.stem)
        self._store = store
        self._lock = lock
        self._state = state
        self._notes = notes
        self._state_lock = threading.Lock()
        self._add_lock = threading.Lock()
        self._levels_lock = threading.Lock()
        self._reader = Reader(store, state.title)
        self._known_levels: OrderedDict[tuple[VersionId, str], tuple[Level, ...]] = OrderedDict()
        self._alpha_tiles = AlphaTiles(self._reader.tiles, self._dtype.itemsize)

    @classmethod
    def create(
        cls,
        folder: Path,
        picture: Picture,
        title: str,
        thumbnail: NDArray[np.uint8] | None = None,
        checkpoint: Callable[[], None] = no_checkpoint,
        models: ModelVersions = NO_MODELS,
        limits: Limits = LIMITS,
    ) -> Document:
        """Create a document in the working folder, with the picture as its first version.

        thumbnail: H×W×3 uint8 RGB in sRGB, longest side ≤ 128; None: the picture's own pixels, reduced. models: the
        detector and scores in use. Raises UserError, and what checkpoint raises.
        """
        limits.check_size(picture.pixels.shape[1], picture.pixels.shape[0])
        store, lock = create.reserve_store(folder)
        incomplete = store.with_suffix(INCOMPLETE)
        try:
            with as_user_errors(incomplete):
                create.create_tables(incomplete)
            create.write_original(incomplete, picture, title, thumbnail, checkpoint)
            return cls._open_new(incomplete, store, lock, store, models, limits, checkpoint)
        except BaseException:
            recovery.erase(incomplete)
            lock.release(gone=not store.exists())
            raise

    @classmethod
    def open(
        cls,
        store: Path,
        models: ModelVersions = NO_MODELS,
        limits: Limits = LIMITS,
        checkpoint: Callable[[], None] = no_checkpoint,
        *,
        read_only: bool = False,
    ) -> Document:
        """Open a working store that an earlier run left. Raises UserError if it is damaged or already open.

        Results of other models than `models` are treated as missing, here and in open_project.
        """
        with as_user_errors(store):
            lock = Lock.take(store, patience=0.5) if store.is_file() else None
        if lock is None:
            raise UserError("document.open_elsewhere" if store.is_file() else "document.store_gone", path=str(store))
        try:
            return cls._open_locked(store, lock, store, models, limits, checkpoint, read_only=read_only)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_project(
        cls,
        folder: Path,
        project: Path,
        models: ModelVersions = NO_MODELS,
        limits: Limits = LIMITS,
        checkpoint: Callable[[], None] = no_checkpoint,
    ) -> Document:
        """Open a copy of a .clarity file in the working folder; a newer format opens read-only. Raises UserError."""
        store, lock = create.reserve_store(folder)
        incomplete = store.with_suffix(INCOMPLETE)
        try:
            projects.copy(project, incomplete, checkpoint)
            document = cls._open_new(incomplete, store, lock, project, models, limits, checkpoint)
        except BaseException:
            recovery.erase(incomplete)
            recovery.erase(store)
            lock.release(gone=True)
            raise
        # Opened from a file, so nothing is unsaved.
        document._saved_as(project.absolute(), document._state.changes)
        return document

    @classmethod
    def _open_new(
        cls,
        incomplete: Path,
        store: Path,
        lock: Lock,
        named: Path,
        models: ModelVersions,
        limits: Limits,
        checkpoint: Callable[[], None],
    ) -> Document:
        with as_user_errors(store):
            incomplete.replace(store)
        return cls._open_locked(store, lock, named, models, limits, checkpoint)

    @classmethod
    def _open_locked(
        cls,
        path: Path,
        lock: Lock,
        named: Path,
        models: ModelVersions,
        limits: Limits,
        checkpoint: Callable[[], None],
        *,
        read_only: bool = False,
    ) -> Document:
        state, newer = projects.read(path, named, models, limits, checkpoint)
        return cls(Store(path, read_only=read_only or newer), lock, state, limits, (NEWER,) if newer else ())

    # Reading ----------------------------------------------------------------------------------------------------------

    def card(self) -> DocumentCard:
        """What a window shows of the document."""
        return self._state.card(self.id, read_only=self._store.read_only, notes=self._notes)

    def version(self, at: VersionId) -> Version:
        """One version. Raises UserError if it is not part of the document."""
        return self._state.version(at)

    def manifest(self, version: VersionId) -> Manifest:
        """The hashes of a version's tiles, level by level. Raises UserError.

        The hash of a tile with transparency is that of its colors, followed by that of its alpha.
        """
        return Manifest(version, self._levels(version, "shown"))

    def tiles(self, hashes: Sequence[bytes]) -> list[tuple[bytes, Pixels]]:
        """Hashes of a manifest and read-only tiles in the order given: H×W×3 RGB, or H×W×4 RGBA with the alpha not
        multiplied into the colors, where something is transparent; uint8 or uint16.

        Raises UserError if one is missing or damaged.
        """
        colors = self._reader.tiles([name[:HASH] for name in hashes])
        return [(name, self._with_alpha(tile, name[HASH:])) for name, tile in zip(hashes, colors, strict=True)]

    def _with_alpha(self, tile: Stored, alpha: bytes) -> Stored:
        if not alpha:
            return tile
        both = np.dstack([tile, self._alpha_tiles.tile(alpha)])
        both.flags.writeable = False
        return cast("Pixels", both)

    def pixels(self, version: VersionId, bounds: Bounds | None = None) -> Pixels:
        """Read-only H×W×3 RGB (uint8 or uint16) of a version, or of a part of it. Raises UserError."""
        return self._window(self._levels(version, "pixels")[0], bounds, channels=3)

    def reduced(self, version: VersionId, level: int, bounds: Bounds) -> Pixels:
        """A part of a version, reduced by 2^level: H×W×3 RGB, or H×W×4 where something is transparent.

        uint8 or uint16. bounds: in pixels of that level. Raises UserError.
        """
        at = self._levels(version, "shown")[level]
        places = list(pyramid.within(at, bounds))
        # Through the cache of the tiles that are shown: they were just painted.
        tiles = [tile for _, tile in self.tiles([at.tiles[index] for index, _ in places])]
        channels = max((tile.shape[2] for tile in tiles), default=3)
        out: Any = np.full((bounds.height, bounds.width, channels), np.iinfo(self._dtype).max, self._dtype)
        for (_, place), tile in zip(places, tiles, strict=True):
            part = place.cut(bounds)
            to = Bounds(part.x - bounds.x, part.y - bounds.y, part.width, part.height)
            source = Bounds(part.x - place.x, part.y - place.y, part.width, part.height)
            out[to.slices()][..., : tile.shape[2]] = tile[source.slices()]
        return cast("Pixels", out)

    def alpha(self, version: VersionId) -> Alpha | None:
        """Read-only H×W uint8 or uint16, 0 transparent; None if the photo has no alpha. Raises UserError."""
        levels = self._levels(version, "alpha")
        return self._window(levels[0], None, channels=1) if levels else None

    def picture(self, version: VersionId) -> Picture:
        """A version with the photo's profile and metadata, for export. Raises UserError."""
        return replace(self._state.picture, pixels=self.pixels(version), alpha=self.alpha(version))

    def metadata(self) -> dict[str, bytes]:
        """The metadata blocks that exist, by name: "icc", "exif", "xmp", "iptc"."""
        blocks = {name: getattr(self._state.picture, name) for name in METADATA}
        return {name: block for name, block in blocks.items() if block is not None}

    def about(self) -> Picture:
        """The photo's format, profile and metadata, without its pixels."""
        return self._state.picture

    def drop_metadata(self, names: Iterable[str]) -> None:
        """Remove broken metadata blocks and note it; without a profile the photo counts as sRGB. Raises UserError.

        The file on the disk keeps them until the document is saved.
        """
        names = tuple(names)
        blocks: dict[str, str | int | bytes | None] = dict.fromkeys(names)
        if "icc" in names:
            blocks["profile"] = "sRGB"
        with self._state_lock:
            if not self._store.read_only:
                with self._store.writing() as db:
                    rows.put_meta(db, blocks)
            picture = replace(self._state.picture, **blocks)
            self._state = replace(self._state, picture=picture)
            self._notes = (*self._notes, *(Message(f"document.broken_{name}") for name in names))

    def region(self, at: str) -> Region:
        """The region that a step names. Raises UserError."""
        with self._store.reading() as db:
            row = db.execute(f"SELECT {rows.REGION} FROM region WHERE id=?", (at,)).fetchone()  # noqa: S608 — a constant
        if row is None:
            raise UserError("document.region_gone")
        try:
            return rows.region_of(row, self._limits)
        except Damaged as e:
            raise self._reader.damaged(e) from e

    def kept_region(self, at: RegionId) -> Region:
        """A region that the user keeps, with its mask. Raises UserError."""
        stored = self._state.region(at)
        return replace(self.region(stored.content), label=stored.name)

    def embedding(self, version: VersionId, engine: str) -> regions.Arrays | None:
        """What an engine computed of a version: arrays of any shape, float16 and so on; None if it is not kept."""
        self._state.version(version)
        with self._store.reading() as db:
            return regions.embedding(db, version, engine)

    def more(self, version: VersionId) -> Mapping[str, float]:
        """Further metrics stored with a version, even where its main scores are outdated. Raises UserError."""
        self._state.version(version)
        with self._store.reading() as db:
            return more_of(*db.execute("SELECT quality FROM version WHERE id=?", (version,)).fetchone())

    def _window(self, level: Level, bounds: Bounds | None, channels: int) -> Stored:
        inside = Bounds(0, 0, level.width, level.height)
        pixels = self._reader.window(level, bounds.cut(inside) if bounds else inside, self._dtype, channels)
        # Cached and shared with other threads: it must not be modified.
        pixels.flags.writeable = False
        return pixels

    @property
    def _dtype(self) -> np.dtype[Any]:
        return self._state.picture.pixels.dtype

    def _levels(self, version: VersionId, of: str) -> tuple[Level, ...]:
        """The levels of a version's "pixels", "alpha" (empty without alpha), or of both as they are "shown".

        Recently used ones are cached.
        """
        with self._levels_lock:
            if (levels := self._known_levels.get((version, of))) is not None:
                self._known_levels.move_to_end((version, of))
                return levels
        levels = self._read_levels(version, of)
        with self._levels_lock:
            self._known_levels[version, of] = levels
            while len(self._known_levels) > CACHED_LEVELS:
                self._known_levels.popitem(last=False)
        return levels

    def _read_levels(self, version: VersionId, of: str) -> tuple[Level, ...]:
        if of == "shown":
            return self._shown_levels(version)
        known = self._state.version(version)
        with self._store.reading() as db:
            pixels, alpha = db.execute("SELECT pixels, alpha FROM version WHERE id=?", (version,)).fetchone()
        if of == "pixels":
            return pyramid.levels(known.width, known.height, pixels)
        return () if alpha is None else pyramid.levels(known.width, known.height, alpha, reduced=False)

    def _shown_levels(self, version: VersionId) -> tuple[Level, ...]:
        pixels, alpha = self._levels(version, "pixels"), self._levels(version, "alpha")
        if not alpha:
            return pixels
        return tuple(
            Level(color.width, color.height, tuple(a + b for a, b in zip(color.tiles, level.tiles, strict=True)))
            for color, level in zip(pixels, self._alpha_tiles.levels(alpha[0]), strict=True)
        )

    # Changing -------------------------------------------------------------------------------------------------------

    def add(
        self,
        parent: VersionId,
        step: Step,
        pixels: Pixels,
        *,
        thumbnail: NDArray[np.uint8],
        changed: Bounds | None = None,
        alpha: Alpha | None = None,
        region: Region | None = None,
        name: str | None = None,
        hidden: bool = False,
        candidate: bool = False,
        checkpoint: Callable[[], None] = no_checkpoint,
    ) -> Version:
        """Commit a child of `parent` and make it the head. The head stays for a candidate, and for a hidden version,
        which is stored as deleted.

        pixels: H×W×3 RGB of the document's depth; thumbnail: H×W×3 uint8 in sRGB, longest side ≤ 128. changed: outside
        of it the pixels are the parent's, whose tiles are used again; None: everything changed. alpha: H×W of the same
        depth; None: the parent's, which must then have the same size. checkpoint is called every few tiles and may
        raise JobCancelled: then, as after any error, there is no new version. Raises UserError, on a full disk for
        instance.
        """
        # Mixed depths would make tiles that cannot be compared or reused between versions.
        assert pixels.dtype == self._dtype, "a version has its document's depth"
        row = rows.region_row(region) if region is not None else None
        step = step if row is None else replace(step, region=row[-1])
        # Adds run one at a time, so that the limits that were checked still hold when the row is written.
        with self._add_lock:
            self._check_addable(step, pixels.shape[1], pixels.shape[0])
            names, opacity = self._write_tiles(parent, pixels, changed, alpha, checkpoint)
            height, width = pixels.shape[:2]
            version = Version(
                id=self._new_id(),
                parent=parent,
                step=step,
                name=name or None,
                time=clock(time.time()),
                width=width,
                height=height,
                thumbnail=thumbnail,
                deleted=hidden,
            )
            # The version becomes visible with this one transaction, after all its tiles are stored.
            self._change(
                lambda s: _with(s, version, candidate), lambda db: create.insert(db, version, names, opacity, row)
            )
            self._store.checkpoint()
        return version

    def _new_id(self) -> VersionId:
        """An id that no version has: of 20,000 random ones, two would be equal in one document of twenty."""
        while (name := VersionId(secrets.token_hex(4))) in self._state.versions:
            pass
        return name

    def discard(self, version: VersionId) -> None:
        """Remove a hidden version from which nothing was made. Raises UserError."""
        with self._add_lock:
            assert self._state.version(version).deleted, "only a hidden version is removed"
            self._change(
                lambda s: replace(s, versions={at: v for at, v in s.versions.items() if at != version}),
                lambda db: db.execute("DELETE FROM version WHERE id=?", (version,)),
            )
            self._delete_orphans()

    def _check_addable(self, step: Step, width: int, height: int) -> None:
        """Raise UserError for a version that could not be opened again."""
        self._limits.check_versions(len(self._state.versions))
        self._limits.check_size(width, height)
        try:
            rows.step_text(step)
        except Damaged as e:
            raise UserError("document.step_too_long") from e

    def _write_tiles(
        self,
        parent: VersionId,
        pixels: Pixels,
        changed: Bounds | None,
        alpha: Alpha | None,
        checkpoint: Callable[[], None],
    ) -> tuple[bytes, bytes | None]:
        old, alpha_levels = self._levels(parent, "pixels"), self._levels(parent, "alpha")
        if changed is not None:
            assert (pixels.shape[1], pixels.shape[0]) == (old[0].width, old[0].height), "a part changed: same size"
        weights = alpha if alpha is not None or not alpha_levels else self.alpha(parent)
        try:
            names = write_tiles(self._store, pixels, changed, old, self._older(old), checkpoint, weights)
            if alpha is not None:
                assert alpha.shape == pixels.shape[:2], "alpha has the pixels' size"
                return names, write_tiles(self._store, alpha, None, alpha_levels, self._older(alpha_levels), checkpoint)
        except BaseException:
            with contextlib.suppress(UserError):  # a disk too full to delete: opening the document does it
                self._delete_orphans()
            raise
        if not alpha_levels:
            return names, None
        full = alpha_levels[0]
        assert (full.height, full.width) == pixels.shape[:2], "a new size needs its alpha"
        return names, b"".join(full.tiles)

    def _older(self, levels: tuple[Level, ...]) -> pyramid.Older:
        return lambda level, bounds: self._reader.window(levels[level], bounds, self._dtype, channels=3)

    def check_room(self, parent: VersionId) -> None:
        """Raise the UserError that `add` would raise: the document is read-only or full, or the disk is full."""
        # An empty change takes the writer lock and so raises the errors of a real one.
        self._change(lambda s: s)
        version, folder = self._state.version(parent), self._store.path.parent
        self._limits.check_versions(len(self._state.versions))
        with as_user_errors(self._store.path):
            free = shutil.disk_usage(folder).free  # small writes still fit into the file when the disk is full
        if free < COMPRESSION * version.width * version.height * 3 * self._dtype.itemsize:
            raise UserError("document.no_room", folder=str(folder))

    def _delete_orphans(self) -> None:
        with self._store.writing() as db:
            states.delete_orphans(db)

    def go_to(self, version: VersionId, *, remember: bool = True, is_undo: bool = True) -> VersionId:
        """Move the head and return it. Raises UserError.

        remember: redo leads back from an ancestor; is_undo: what was left for it was undone.
        """
        return self._change(lambda s: s.moved(version, remember=remember, is_undo=is_undo)).head

    def was_undone(self, version: VersionId) -> bool:
        """Whether undo led away from a version, and nothing back to it."""
        return version in self._state.undone

    def undo(self) -> VersionId:
        """Move the head to its parent. Raises UserError at the original."""
        return self._change(State.undo).head

    def redo(self) -> VersionId:
        """Move the head back to where the last undo came from. Raises UserError if there is none."""
        return self._change(State.redo_last).head

    def edit(
        self,
        version: VersionId,
        *,
        name: str | None = None,
        star: bool | None = None,
        deleted: bool | None = None,
        rejected: bool | None = None,
    ) -> Version:
        """Rename, star, delete, reject or restore; None leaves a field, an empty name removes it.

        A deleted version keeps its place in the tree, hidden, so that it can be restored and its children stay.
        Raises UserError; the original cannot be deleted.
        """
        return self._change(lambda s: s.edited(version, name, star, deleted, rejected)).versions[version]

    def set_quality(self, version: VersionId, quality: Quality) -> Version:
        """Store a version's scores; a saved document stays saved. Raises UserError."""
        return self._set_analysis(version, lambda v: replace(v, quality=quality))

    def set_detection(self, version: VersionId, detection: Detection) -> Version:
        """Store a version's detection; a saved document stays saved. Raises UserError.

        Scores that were computed without it are dropped, because the overall score uses it.
        """
        return self._set_analysis(
            version, lambda v: replace(v, detection=detection, quality=v.quality if v.detection is not None else None)
        )

    def _set_analysis(self, version: VersionId, analyzed: Callable[[Version], Version]) -> Version:
        """Store results of a version; if the file is read-only, they stay in memory."""

        def known(s: State) -> State:
            return replace(s, versions={**s.versions, version: analyzed(s.version(version))})

        if self._store.read_only:
            with self._state_lock:
                self._state = known(self._state)
                return self._state.versions[version]
        return self._change(known).versions[version]

    def add_turn(self, turn: Turn) -> None:
        """Append a turn to the conversation. Raises UserError."""
        row = rows.turn_row(turn)
        insert = f"INSERT INTO turn({rows.TURN}) VALUES(?, ?, ?, ?, ?, ?, ?)"
        self._change(
            lambda s: s.with_turn(turn, self._limits),
            lambda db: db.execute(insert, row),
        )

    def set_earlier(self, earlier: tuple[EarlierPhoto, ...]) -> None:
        """Store the photos that the conversation was about before, the last one first. Raises UserError.

        A saved document stays saved.
        """
        earlier = earlier[: photos.MAX_EARLIER]
        self._change(
            lambda s: replace(s, earlier=earlier),
            lambda db: rows.put_meta(db, {"earlier": photos.to_text(earlier)}),
        )

    def keep_region(
        self,
        region: Region,
        name: str,
        version: VersionId,
        thumbnail: NDArray[np.uint8],
        engine: str = "",
        at: RegionId | None = None,
    ) -> StoredRegion:
        """Keep a region under a name, or put it in the place of the region `at`. Raises UserError.

        thumbnail: H×W×3 uint8 of the whole photo, white where it is selected, longest side ≤ 128. engine: what made it.
        """
        self._state.version(version)
        old = None if at is None else self._state.region(at)
        stored = StoredRegion(
            id=RegionId(secrets.token_hex(4)) if at is None else at, content=rows.region_row(region)[-1],
            name=checks.clean(name)[:NAME], version=version, bounds=region.bounds, width=region.width,
            height=region.height, thumbnail=thumbnail, engine=engine, deleted=False,
            time=clock(time.time()) if old is None else old.time,
        )  # fmt: skip
        self._change(
            lambda s: s.with_region(stored, self._limits), lambda db: regions.insert(db, stored, region)
        )  # fmt: skip
        return stored

    def edit_region(self, at: RegionId, *, name: str | None = None, deleted: bool | None = None) -> StoredRegion:
        """Rename, delete or bring back a kept region; None leaves a field. Raises UserError."""

        def edited(s: State) -> State:
            old = s.region(at)
            new = replace(
                old, name=old.name if name is None else checks.clean(name)[:NAME] or old.name,
                deleted=old.deleted if deleted is None else deleted,
            )  # fmt: skip
            return s.with_region(new, self._limits)

        return self._change(edited).region(at)

    def keep_embedding(self, version: VersionId, engine: str, arrays: regions.Arrays) -> None:
        """Keep what an engine computed of a version; a saved document stays saved. Raises UserError.

        arrays: any shape, float16 and so on. In a read-only document nothing is kept.
        """
        self._state.version(version)
        if not self._store.read_only:
            with self._store.writing() as db:
                regions.put_embedding(db, version, engine, arrays)

    def _change(
        self, make: Callable[[State], State], write: Callable[[sqlite3.Connection], object] | None = None
    ) -> State:
        """Compute the next state and commit what differs; readers see it only once it is committed."""
        with self._state_lock:
            before = self._state
            after = make(before)
            with self._store.writing() as db:
                if write is not None:
                    write(db)
                states.write(db, before, after)
            self._state = after
            return after

    # Files ------------------------------------------------------------------------------------------------------------

    def save_project(self, path: Path, commit: Callable[[], None] = no_checkpoint) -> None:
        """Write one .clarity file atomically. Raises UserError.

        commit is called before the file gets its name, and may raise to stop that.
        """
        self._saved_as(path.absolute(), projects.save(self._store, path, commit))

    def _saved_as(self, project: Path, changes: int) -> None:
        stamp = states.stamp_of(project)
        with self._state_lock:
            if not self._store.read_only:
                with self._store.writing() as db:
                    rows.put_meta(db, {"project": os.fsencode(project), "saved": changes, "stamp": stamp})
            self._state = replace(self._state, project=project, saved=changes, stamp=stamp)

    def close(self, keep: bool, *, erase: bool = False) -> None:
        """Close the document.

        Unsaved work is not erased: with `keep` it stays where the next start offers to recover it, without, it moves
        to the closed documents. erase: do erase it, because its result is elsewhere. Waits for a running `add`; closing
        again does nothing. Raises UserError.
        """
        with self._add_lock:
            if self._store.closed:
                return
            try:
                self._store.close()
                with as_user_errors(self._store.path):
                    if self._state.saved_elsewhere or erase:
                        recovery.erase(self._store.path)
                    elif not keep:
                        recovery.move_to_closed(self._store.path)
            finally:
                self._lock.release(gone=not self._store.path.exists())


def _with(state: State, version: Version, candidate: bool) -> State:
    versions = {**state.versions, version.id: version}
    if version.deleted:  # a hidden one is a part of the version that follows, which counts as the change
        return replace(state, versions=versions)
    head = state.head if candidate else version.id
    return replace(state, head=head, versions=versions, changes=state.changes + 1)
