"""The versions of a document as a Qt model: a flat list in the order of the tree, with the lines of its graph.

`update` changes the model in place, so that an open editor, the selection and the scroll position survive when scores
arrive or a version is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, Literal, NamedTuple

import numpy as np
from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QImage

from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.labels import (
    SEPARATOR,
    clock,
    duration,
    method_and_strength,
    short_clock,
    version_title,
    what_ran,
)
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import Quality, Version, VersionId

Index = QModelIndex | QPersistentModelIndex
Mark = Literal["current", "compared", ""]

ROW_ROLE = Qt.ItemDataRole.UserRole
"""The `Row` of an index."""
FLAGS = (
    Qt.ItemFlag.ItemIsSelectable
    | Qt.ItemFlag.ItemIsEnabled
    | Qt.ItemFlag.ItemIsEditable
    | Qt.ItemFlag.ItemNeverHasChildren
)
"""Of each row; the view asks for those of all rows whenever one is added."""
MAX_LANES = 6
"""Branches further to the right share the last lane, so that names keep their room."""
MAX_IMAGES = 256
"""Converted thumbnails that are kept, some 16 MB."""


class Lines(NamedTuple):
    """The lines of the graph beside a row. Lanes count from 0; a branch runs one lane to the right of its parent."""

    # A tuple: with thousands of versions, making and comparing dataclasses takes twice as long.

    lane: int = 0
    above: bool = False  # from the parent, which is further up in the same lane
    branch: bool = False  # from the parent, which is further up in the lane to the left
    below: tuple[int, ...] = ()  # lanes that go on below this row


NO_LINES = Lines()


class Row(NamedTuple):
    version: Version
    lines: Lines
    mark: Mark = ""


def rows_of(versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> list[Row]:
    """The tree as rows from the original down.

    The first child of a version follows it in the same lane, so that a long history does not wander to the right;
    only further children, the branches, get a lane of their own. Deleted versions are left out and their children
    move up.
    """
    by_id = {v.id: v for v in versions}
    children: dict[VersionId | None, list[Version]] = {}
    parents = _displayed_parents(by_id.values())
    # Siblings in the order of their creation.
    for v in sorted((v for v in by_id.values() if not v.deleted), key=lambda v: v.time):
        children.setdefault(parents[v.id], []).append(v)
    placed: list[tuple[Version, int, bool, bool]] = []  # version, lane, in its parent's lane, branch
    waiting = [(v, 0, False, False) for v in reversed(children.get(None, []))]
    while waiting:
        version, lane, _, _ = place = waiting.pop()
        placed.append(place)
        if below := children.get(version.id):
            waiting.append((below[0], lane, True, False))
            waiting.extend((branch, lane + 1, False, True) for branch in reversed(below[1:]))
    marks: dict[VersionId | None, Mark] = {other: "compared", head: "current"}
    rows: list[Row] = []
    lines = NO_LINES
    # From the last row up, since lines lead down to rows further below. Most rows of a long history share their lines.
    for version, lane, above, branch in reversed(placed):
        lines = _lines(lane, above, branch, _going_on(lines))
        rows.append(Row(version, lines, marks.get(version.id, "")))
    rows.reverse()
    return rows


@lru_cache(1000)
def _lines(lane: int, above: bool, branch: bool, below: tuple[int, ...]) -> Lines:
    return Lines(lane, above, branch, below)


@lru_cache(1000)
def _going_on(lines: Lines) -> tuple[int, ...]:
    """The lanes that go on above a row; not those beyond MAX_LANES."""
    lane = lines.lane
    lanes = {x for x in lines.below if x < lane} | ({lane} if lines.above and lane <= MAX_LANES else set())
    if lines.branch and lane <= MAX_LANES:
        lanes.add(lane - 1)
    return tuple(sorted(lanes))


def _place(version: Version | None) -> tuple[object, ...]:
    """What decides where in the tree a version is shown."""
    return () if version is None else (version.parent, version.deleted, version.time)


def _displayed_parents(versions: Iterable[Version]) -> dict[VersionId, VersionId | None]:
    """For each version its nearest ancestor that is not deleted. versions: each after its parent."""
    deleted: set[VersionId] = set()
    parents: dict[VersionId, VersionId | None] = {}
    for v in versions:
        if v.parent is None or v.parent not in parents:
            parents[v.id] = None
        else:
            parents[v.id] = parents[v.parent] if v.parent in deleted else v.parent
        if v.deleted:
            deleted.add(v.id)
    return parents


def score(quality: Quality | None) -> str:
    """The figure that a row shows: the overall score, else a metric; "" if there is neither."""
    if quality is None:
        return ""
    if quality.overall is not None:
        return f"{quality.overall:.0f}/100"
    for name, value in (("NIQE", quality.niqe), ("PIQE", quality.piqe)):
        if value is not None:
            return f"{name} {value:.1f}"
    return ""


def details(version: Version, when: str = "") -> str:
    """The second line of a row, the most telling fact first: method, strength, time, duration.

    when: the time as text, if not the short one.
    """
    step, when = version.step, when or short_clock(version.time)
    if step.kind == "restore":
        ran = [what_ran(step)] if version.name else method_and_strength(step)
        return SEPARATOR.join((*ran, when, duration(step.seconds)))
    ran = [what_ran(step)] if version.name and version.name != what_ran(step) else []
    return SEPARATOR.join((*ran, when))


class VersionModel(QAbstractListModel):
    """One row a version. A new name is emitted by `renamed`; the row changes when the document has answered."""

    renamed = Signal(str, str)  # VersionId, new name; "" removes it

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._tree: Mapping[VersionId, Version] = {}
        self._images: dict[VersionId, QImage] = {}

    def show(self, versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> bool:
        """Show a tree of versions; returns whether rows were added, removed or moved.

        Scores, names and another head change single rows: with thousands of versions placing all of them again, several
        times a step, would stall the window.
        """
        before, tree = self._tree, {v.id: v for v in versions}
        self._tree = tree
        changed = [v for v in tree.values() if before.get(v.id) is not v]
        moved = [v for v in changed if _place(v) != _place(before.get(v.id))]
        added = len(tree) == len(before) + len(moved) == len(before) + 1 and self._add_leaf(moved[0])
        if not added and (moved or len(before) != len(tree)):
            self.update(rows_of(tree.values(), head, other))
            return True
        marks: dict[VersionId | None, Mark] = {other: "compared", head: "current"}
        ids = {v.id for v in changed}
        for at, row in enumerate(self.rows):
            version = row.version
            if version.id in ids or marks.get(version.id, "") != row.mark:
                self.rows[at] = Row(tree[version.id], row.lines, marks.get(version.id, ""))
                self.dataChanged.emit(self.index(at), self.index(at))
        return added

    def _add_leaf(self, version: Version) -> bool:
        """Insert the row of a new version that has no children yet; False if that takes placing all versions.

        It is the usual change, and must not take longer the longer the history is.
        """
        parent = self.row_of(version.parent)
        if parent is None or version.deleted or any(row.version.time > version.time for row in self.rows):
            return False
        at, lines = parent + 1, self.rows[parent].lines
        following = self.rows[at].lines if at < len(self.rows) else NO_LINES
        child_lane = lines.lane + 1 if following.branch else lines.lane
        if (following.above or following.branch) and following.lane == child_lane:
            # Not the first child: the last branch, which stands above the first child.
            while self.rows[at].lines.lane != lines.lane:
                at += 1
            row = Row(version, Lines(lines.lane + 1, branch=True, below=self.rows[at - 1].lines.below))
        else:
            row = Row(version, Lines(lines.lane, above=True, below=lines.below))
            below = (*lines.below, lines.lane) if lines.lane <= MAX_LANES else lines.below
            self.rows[parent] = self.rows[parent]._replace(lines=lines._replace(below=below))
            self.dataChanged.emit(self.index(parent), self.index(parent))
        self.beginInsertRows(QModelIndex(), at, at)
        self.rows.insert(at, row)
        self.endInsertRows()
        return True

    def update(self, rows: Sequence[Row]) -> None:
        """Become `rows` by inserting, moving, removing and changing rows; rows of another document replace all."""
        wanted = {row.version.id for row in rows}
        present = {row.version.id for row in self.rows} & wanted
        if not present:
            self.beginResetModel()
            self.rows = list(rows)
            self._images.clear()
            self.endResetModel()
            return
        # From the end, so that earlier indices stay valid.
        for at in range(len(self.rows) - 1, -1, -1):
            if self.rows[at].version.id not in wanted:
                self.beginRemoveRows(QModelIndex(), at, at)
                self._images.pop(self.rows.pop(at).version.id, None)
                self.endRemoveRows()
        for at, row in enumerate(rows):
            if row.version.id not in present:
                run = list(takewhile(lambda r: r.version.id not in present, rows[at:]))
                self.beginInsertRows(QModelIndex(), at, at + len(run) - 1)
                self.rows[at:at] = run
                self.endInsertRows()
                present.update(r.version.id for r in run)
            elif self.rows[at].version.id != row.version.id:
                found = self.row_of(row.version.id)
                assert found is not None, "it is present"
                self.beginMoveRows(QModelIndex(), found, found, QModelIndex(), at)
                self.rows.insert(at, self.rows.pop(found))
                self.endMoveRows()
            if self.rows[at] != row:
                self.rows[at] = row
                self.dataChanged.emit(self.index(at), self.index(at))

    def row_of(self, version: VersionId | None) -> int | None:
        """The row of a version; None if it is not shown."""
        return next((k for k, row in enumerate(self.rows) if row.version.id == version), None)

    def version_at(self, index: Index) -> Version | None:
        """The version of an index; None if the index is not valid."""
        return self.rows[index.row()].version if index.isValid() else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 — as Qt declares it
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return FLAGS if index.isValid() else Qt.ItemFlag.NoItemFlags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return version_title(row.version)
            case Qt.ItemDataRole.EditRole:
                return row.version.name or version_title(row.version)
            case Qt.ItemDataRole.DecorationRole:
                return self._image(row.version)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.spoken(row)
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(self.spoken(row))
            case _:
                return row if role == ROW_ROLE else None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        name = str(value).strip()
        if role == Qt.ItemDataRole.EditRole and name != self.data(index, role):
            self.renamed.emit(self.rows[index.row()].version.id, name)
        return True

    def mark(self, row: Row) -> str:
        """The word at the right of the first line."""
        return {"current": self.tr("current"), "compared": self.tr("compared"), "": ""}[row.mark]

    def spoken(self, row: Row) -> str:
        """The whole row for a screen reader and the tooltip."""
        version = row.version
        star = self.tr("starred") if version.star else ""
        marks = {"current": self.tr("current version"), "compared": self.tr("compared version"), "": ""}
        parts = (
            version_title(version),
            details(version, clock(version.time)),
            score(version.quality),
            star,
            marks[row.mark],
        )
        return ", ".join(p for p in parts if p)

    def _image(self, version: Version) -> QImage:
        """The thumbnail, converted once while it is among those shown last."""
        if (image := self._images.pop(version.id, None)) is None:
            image = to_image(np.asarray(version.thumbnail))
        self._images[version.id] = image
        if len(self._images) > MAX_IMAGES:
            del self._images[next(iter(self._images))]
        return image
