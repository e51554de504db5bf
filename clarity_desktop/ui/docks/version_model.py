"""The versions of a document as a Qt model: a flat list in the order of the tree, with the lines of its graph.

`update` changes the model in place, so that an open editor, the selection and the scroll position survive when scores
arrive or a version is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

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


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of the graph beside a row. Lanes count from 0; a branch runs one lane to the right of its parent."""

    lane: int = 0
    above: bool = False  # from the parent, which is further up in the same lane
    branch: bool = False  # from the parent, which is further up in the lane to the left
    below: tuple[int, ...] = ()  # lanes that go on below this row


@dataclass(frozen=True, slots=True)
class Row:
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
    placed: list[tuple[Version, Lines]] = []
    waiting = [(v, Lines()) for v in reversed(children.get(None, []))]
    while waiting:
        version, lines = waiting.pop()
        placed.append((version, lines))
        first, *branches = children.get(version.id) or [None]
        if first:
            waiting.append((first, Lines(lines.lane, above=True)))
        waiting.extend((branch, Lines(lines.lane + 1, branch=True)) for branch in reversed(branches) if branch)
    marks: dict[VersionId | None, Mark] = {other: "compared", head: "current"}
    return [Row(version, lines, marks.get(version.id, "")) for version, lines in _connected(placed)]


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


def _connected(placed: Sequence[tuple[Version, Lines]]) -> list[tuple[Version, Lines]]:
    """Fill in the lanes that go on below each row, from the last row up; not those beyond MAX_LANES."""
    going_on: set[int] = set()
    connected: list[tuple[Version, Lines]] = []
    for version, lines in reversed(placed):
        lane = lines.lane
        connected.append((version, Lines(lane, lines.above, lines.branch, tuple(sorted(going_on)))))
        going_on = {x for x in going_on if x < lane} | ({lane} if lines.above and lane <= MAX_LANES else set())
        if lines.branch and lane <= MAX_LANES:
            going_on.add(lane - 1)
    return connected[::-1]


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
        if len(before) != len(tree) or any(_place(v) != _place(before.get(v.id)) for v in changed):
            self.update(rows_of(tree.values(), head, other))
            return True
        marks: dict[VersionId | None, Mark] = {other: "compared", head: "current"}
        ids = {v.id for v in changed}
        for at, row in enumerate(self.rows):
            version = row.version
            if version.id in ids or marks.get(version.id, "") != row.mark:
                self.rows[at] = Row(tree[version.id], row.lines, marks.get(version.id, ""))
                self.dataChanged.emit(self.index(at), self.index(at))
        return False

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
