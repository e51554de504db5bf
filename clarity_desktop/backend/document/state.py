"""A document without its pixels: the tree of versions, its head, and the rules of undo and redo."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from clarity_desktop.backend.document import checks, photos, pyramid, regions, rows
from clarity_desktop.backend.document.analysis_cache import NO_MODELS, ModelVersions, detection_text, quality_text
from clarity_desktop.backend.document.limits import COUNT, NAME, Limits
from clarity_desktop.backend.document.tiles import Damaged
from clarity_desktop.messages import UserError
from clarity_desktop.text import Text
from clarity_desktop.values import (
    DocumentCard,
    DocumentId,
    EarlierPhoto,
    Picture,
    RegionId,
    StoredRegion,
    Turn,
    Version,
    VersionId,
)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """One state of a document. Immutable, so that one thread may read it while another computes the next."""

    title: str
    picture: Picture  # with no pixels in it
    has_alpha: bool
    head: VersionId
    versions: Mapping[VersionId, Version]  # in the order of creation: parents before children
    redo: Mapping[VersionId, VersionId]
    undone: frozenset[VersionId] = frozenset()  # left by undo; of an opened file only the last of each parent
    turns: tuple[Turn, ...] = ()
    regions: Mapping[RegionId, StoredRegion] = field(default_factory=dict)  # in the order of creation
    earlier: tuple[EarlierPhoto, ...] = ()
    changes: int = 0  # counter
    saved: int = 0  # value of `changes` in the project file
    project: Path | None = None
    stamp: str = ""  # of the project file as it was saved
    models: ModelVersions = NO_MODELS  # of all detections and scores in `versions`

    def version(self, at: VersionId) -> Version:
        """A version by id. Raises UserError if there is none."""
        if at not in self.versions:
            raise UserError("document.no_version")
        return self.versions[at]

    def ancestors(self, at: VersionId) -> Iterator[VersionId]:
        """The version itself and its ancestors up to the original, without deleted ones."""
        parent = self.version(at).parent
        yield at
        while parent is not None:
            if not self.versions[parent].deleted:
                yield parent
            parent = self.versions[parent].parent

    def moved(self, to: VersionId, *, remember: bool = True, is_undo: bool = True) -> State:
        """The state with another head. Raises UserError.

        remember: a move to an ancestor records the path for redo; is_undo: and that the user did not want it.
        """
        if self.version(to).deleted:
            raise UserError("document.version_deleted")
        path = list(self.ancestors(self.head))
        down: dict[VersionId, VersionId] = {}
        if remember and to in path:
            # Every version on the way up remembers its child, so that several redos follow each undo.
            path = path[: path.index(to) + 1]
            down = {above: below for below, above in pairwise(path)}
        undone = self.undone.union(down.values() if is_undo else ()).difference(self.ancestors(to))
        return replace(self, head=to, redo={**self.redo, **down}, undone=undone, changes=self.changes + 1)

    @property
    def undo_to(self) -> VersionId | None:
        """The nearest ancestor of the head that is not deleted; None at the original.

        A rejected version is not skipped: the head was made from it, so the user continued from it.
        """
        return next((v for v in self.ancestors(self.head) if v != self.head), None)

    @property
    def redo_to(self) -> VersionId | None:
        """The version from which undo last came to the head; deleted and rejected ones are skipped; None if none."""
        seen, below = {self.head}, self.redo.get(self.head)  # an untrusted file may contain a cycle
        while below is not None and below not in seen:
            version = self.versions[below]
            if not version.deleted and not version.rejected:
                return below
            seen.add(below)
            below = self.redo.get(below)
        return None

    def undo(self) -> State:
        """The state with the head moved by one undo. Raises UserError at the original."""
        if (above := self.undo_to) is None:
            raise UserError("document.nothing_to_undo")
        return self.moved(above)

    def redo_last(self) -> State:
        """The state with the head moved by one redo. Raises UserError if there is nothing to redo."""
        if (below := self.redo_to) is None:
            raise UserError("document.nothing_to_redo")
        return self.moved(below)

    def edited(
        self, at: VersionId, name: str | None, star: bool | None, deleted: bool | None, rejected: bool | None = None
    ) -> State:
        """The state with a changed version (empty name: none). A deleted head is replaced by its parent."""
        old = self.version(at)
        if deleted and old.parent is None:
            raise UserError("document.original_stays")
        new = replace(
            old,
            name=old.name if name is None else checks.clean(name)[:NAME] or None,
            star=old.star if star is None else star,
            deleted=old.deleted if deleted is None else deleted,
            rejected=old.rejected if rejected is None else rejected,
        )
        # The original cannot be deleted, so there always is an ancestor.
        head = next(v for v in self.ancestors(at) if v != at) if new.deleted and self.head == at else self.head
        after = replace(self, head=head, versions={**self.versions, at: new}, changes=self.changes + 1)
        if head != self.head and after.redo_to is None and at in self.redo:
            # Redo goes on to what was made from the deleted version, as it would have from that version itself.
            after = replace(after, redo={**self.redo, head: at})
        return after

    def with_turn(self, turn: Turn, limits: Limits) -> State:
        """The state with one more turn. Raises UserError beyond the limit."""
        limits.check_turns(len(self.turns))
        return replace(self, turns=(*self.turns, turn), changes=self.changes + 1)

    def region(self, at: RegionId) -> StoredRegion:
        """A kept region by id. Raises UserError if there is none."""
        if at not in self.regions:
            raise UserError("document.no_region")
        return self.regions[at]

    def with_region(self, region: StoredRegion, limits: Limits) -> State:
        """The state with a region added, or replaced by its id. Raises UserError beyond the limit."""
        if region.id not in self.regions:
            limits.check_regions(len(self.regions))
        return replace(self, regions={**self.regions, region.id: region}, changes=self.changes + 1)

    def card(self, document: DocumentId, *, read_only: bool, notes: tuple[Text, ...]) -> DocumentCard:
        """The card of the document for the window."""
        return DocumentCard(
            id=document,
            title=self.title,
            path=self.picture.path,
            project=self.project,
            depth=self.picture.depth,
            profile=self.picture.profile,
            icc=self.picture.icc,
            has_alpha=self.has_alpha,
            head=self.head,
            versions=tuple(self.versions.values()),
            turns=self.turns,
            unsaved=self.unsaved,
            read_only=read_only,
            notes=(*self.picture.notes, *notes),
            undo_to=self.undo_to,
            redo_to=self.redo_to,
            regions=tuple(self.regions.values()),
            earlier=self.earlier,
        )

    @property
    def modified(self) -> bool:
        """Whether anything, including turns, is missing in the project file."""
        return self.changes != self.saved

    @property
    def unsaved(self) -> bool:
        """Whether to ask before closing: a pasted picture is in no file. Turns alone count only for a saved project."""
        if self.project is None and self.picture.path is None:
            return True
        return self.modified if self.project is not None else self.changes > self.saved + len(self.turns)

    @property
    def saved_elsewhere(self) -> bool:
        """Whether the document can be erased without loss: all of it is in a file that still exists, unchanged."""
        if self.modified:
            return False
        if self.project is not None:
            return self.stamp == stamp_of(self.project) != ""
        return self.picture.path is not None and self.picture.path.is_file()


def stamp_of(file: Path) -> str:
    """Identifies the contents of a file by size and time; empty if it cannot be read."""
    try:
        at = file.stat()
    except OSError:
        return ""
    return f"{at.st_size} {at.st_mtime_ns}"


def read(db: sqlite3.Connection, models: ModelVersions = NO_MODELS, limits: Limits = Limits()) -> State:  # noqa: B008 — a frozen value
    """The state stored in a file, without results of other models than `models`. Raises Damaged, TooLarge."""
    rows.check_counts(db, limits)
    meta, versions = rows.meta(db), rows.versions(db, models, limits)
    head = VersionId(checks.text(meta.get("head")))
    if head not in versions or versions[head].deleted or next(iter(versions.values())).deleted:
        raise Damaged("document.damage_no_head")
    project = meta.get("project")
    redo = rows.redo(db, versions)
    state = State(
        title=checks.text(meta.get("title")),
        picture=rows.picture_of(meta),
        has_alpha=bool(meta.get("alpha")),
        head=head,
        versions=versions,
        redo=redo,
        turns=rows.turns(db),
        regions=regions.read(db, limits),
        earlier=photos.of_text(meta.get("earlier", "[]")),
        changes=checks.whole(meta.get("changes"), 0, COUNT),
        saved=checks.whole(meta.get("saved"), 0, COUNT),
        project=None if project is None else rows.local(project),
        stamp=checks.text(meta.get("stamp", "")),
        models=models,
    )
    return replace(state, undone=frozenset(redo.values()).difference(state.ancestors(head)))


def write(db: sqlite3.Connection, before: State, after: State) -> None:
    """Write the differences, except new versions, turns and regions, in the open transaction."""
    rows.put_meta(db, {"head": after.head, "changes": after.changes})
    for at, below in after.redo.items():
        if before.redo.get(at) != below:
            db.execute("UPDATE version SET redo=? WHERE id=?", (below, at))
    for at, region in after.regions.items():
        if (known := before.regions.get(at)) is not None and known is not region:
            regions.update(db, region)
    for at, version in after.versions.items():
        if (old := before.versions.get(at)) is not None and old is not version:
            db.execute(
                "UPDATE version SET name=?, star=?, deleted=?, rejected=? WHERE id=?",
                (rows.name_text(version), version.star, version.deleted, version.rejected, at),
            )
            if version.quality is not old.quality and version.quality is not None:
                by = after.models.scores if version.detection is None else after.models.for_photo
                db.execute("UPDATE version SET quality=? WHERE id=?", (quality_text(version.quality, by), at))
            if version.detection is not old.detection and version.detection is not None:
                found = detection_text(version.detection, after.models.detector)
                db.execute("UPDATE version SET detection=? WHERE id=?", (found, at))


def orphan_tiles(db: sqlite3.Connection) -> tuple[list[bytes], int]:
    """Names of tiles that no version uses, and the number of used tiles that are missing. Raises Damaged."""
    named: set[bytes] = set()
    for width, height, pixels, alpha in db.execute("SELECT width, height, pixels, alpha FROM version"):
        for level in pyramid.levels(width, height, checks.blob(pixels)):
            named.update(level.tiles)
        if alpha is not None:
            named.update(pyramid.levels(width, height, checks.blob(alpha), reduced=False)[0].tiles)
    held: set[bytes] = {checks.blob(name) for (name,) in db.execute("SELECT hash FROM tile")}
    return list(held - named), len(named - held)


def delete_orphans(db: sqlite3.Connection) -> None:
    """Delete tiles that no version uses, left by steps that were cancelled or failed. Raises Damaged."""
    db.executemany("DELETE FROM tile WHERE hash=?", [(name,) for name in orphan_tiles(db)[0]])
