"""The versions of a document as a Qt model: a flat list in the order of the tree, with the lines of its graph.

`update` changes the model in place, so that an open editor, the selection and the scroll position survive when scores
arrive or a version is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage

from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.labels import (
    SEPARATOR,
    clock,
    duration,
    method_name,
    percent,
    short_clock,
    version_name,
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
    """leads_to_head: it is the open version or one that led to it. before: the overall score of its parent."""

    version: Version
    lines: Lines
    mark: Mark = ""
    leads_to_head: bool = False
    before: float | None = None


Parents = Mapping[VersionId, VersionId | None]
"""For each version the one that is shown as its parent."""


def rows_of(versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> list[Row]:
    """The tree as rows from the original down.

    The last child of a version goes on in the same lane, so that a long history does not wander to the right; earlier
    children stand between the two, as branches in a lane of their own. Deleted versions are left out and their
    children move up.
    """
    by_id = {v.id: v for v in versions}
    parents = _displayed_parents(by_id.values())
    # No list or tuple for each version: with 20,000 of them collecting that garbage takes as long as all the rest.
    youngest: dict[VersionId | None, VersionId] = {}
    older: dict[VersionId, VersionId | None] = {}
    for v in sorted((v for v in by_id.values() if not v.deleted), key=attrgetter("time")):
        older[v.id] = youngest.get(parents[v.id])
        youngest[parents[v.id]] = v.id
    placed: list[VersionId] = []
    places: list[_Place] = []
    waiting = [*_siblings(youngest.get(None), older)]
    waiting_places = [_at(0) for _ in waiting]
    while waiting:
        version, place = waiting.pop(), waiting_places.pop()
        placed.append(version)
        places.append(place)
        child = youngest.get(version)
        if child is not None:
            waiting.append(child)
            waiting_places.append(_at(place.lane, above=True))
            for branch in _siblings(older[child], older):
                waiting.append(branch)
                waiting_places.append(_at(place.lane + 1, branch=True))
    appearance = _Appearance(by_id, parents, head, other)
    rows: list[Row] = []
    lines = NO_LINES
    # From the last row up, since lines lead down to rows further below. Most rows of a long history share their lines.
    for version, place in zip(reversed(placed), reversed(places), strict=True):
        lines = _lines(place, _going_on(lines))
        rows.append(appearance.row(version, lines))
    rows.reverse()
    return rows


class _Appearance:
    """What a row shows beside its place in the tree: its mark, whether it leads to the head, the score before."""

    def __init__(
        self, versions: Mapping[VersionId, Version], parents: Parents, head: VersionId | None, other: VersionId | None
    ) -> None:
        self._versions = versions
        self._parents = parents
        self.marks: dict[VersionId | None, Mark] = {other: "compared", head: "current"}
        self.path: set[VersionId] = set()
        step = head
        while step is not None:
            self.path.add(step)
            step = parents.get(step)

    def row(self, name: VersionId, lines: Lines) -> Row:
        """The row of a version at its place."""
        parent = self._parents[name]
        quality = self._versions[parent].quality if parent else None
        before = quality.overall if quality else None
        return Row(self._versions[name], lines, self.marks.get(name, ""), name in self.path, before)

    def differs_from(self, earlier: _Appearance) -> set[VersionId]:
        """The versions with another mark, or that began or ceased to lead to the head."""
        marked = {v for v in (*self.marks, *earlier.marks) if v and self.marks.get(v) != earlier.marks.get(v)}
        return marked | (self.path ^ earlier.path)


class _Place(NamedTuple):
    """The lane of a row, and whether its line comes from above in this lane or from the lane to the left."""

    lane: int
    above: bool
    branch: bool


@lru_cache(1000)
def _at(lane: int, *, above: bool = False, branch: bool = False) -> _Place:
    return _Place(lane, above, branch)


def _siblings(youngest: VersionId | None, older: Mapping[VersionId, VersionId | None]) -> Iterator[VersionId]:
    """A version and its older siblings, the oldest last."""
    while youngest is not None:
        yield youngest
        youngest = older[youngest]


@lru_cache(1000)
def _lines(place: _Place, below: tuple[int, ...]) -> Lines:
    return Lines(place.lane, place.above, place.branch, below)


@lru_cache(1000)
def _going_on(lines: Lines) -> tuple[int, ...]:
    """The lanes that go on above a row; not those beyond MAX_LANES."""
    lane = lines.lane
    lanes = {x for x in lines.below if x < lane} | ({lane} if lines.above and lane <= MAX_LANES else set())
    if lines.branch and lane <= MAX_LANES:
        lanes.add(lane - 1)
    return tuple(sorted(lanes))


def _position(version: Version | None) -> tuple[object, ...]:
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


def change(row: Row) -> int | None:
    """By how many points the score rose from that of the parent, from the rounded scores that are shown."""
    now = row.version.quality.overall if row.version.quality else None
    return None if now is None or row.before is None else round(now) - round(row.before)


def facts(version: Version) -> str:
    """The second line of a row: method, strength and scope of a restoration, else when the version was made."""
    step = version.step
    if step.kind != "restore" or not step.method:
        ran = [what_ran(step)] if version.name and version.name != what_ran(step) else []
        return SEPARATOR.join((*ran, short_clock(version.time)))
    whole = QCoreApplication.translate("VersionModel", "whole")
    scope = whole if step.region is None else QCoreApplication.translate("VersionModel", "part")
    return SEPARATOR.join((method_name(step.method), percent(step.strength), scope))


def details(version: Version) -> str:
    """What the tooltip and a screen reader tell beside the title: what ran, how, when and for how long."""
    step = version.step
    ran = [what_ran(step)] if version.name and version.name != what_ran(step) else []
    if step.kind != "restore":
        return SEPARATOR.join((*ran, clock(version.time)))
    return SEPARATOR.join((*ran, facts(version), clock(version.time), duration(step.seconds)))


class VersionModel(QAbstractListModel):
    """One row a version. A new name is emitted by `renamed`; the row changes when the document has answered."""

    renamed = Signal(str, str)  # VersionId, new name; "" removes it

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self._tree: Mapping[VersionId, Version] = {}
        self._parents: dict[VersionId, VersionId | None] = {}
        self._appearance = _Appearance({}, {}, None, None)
        self._images: dict[VersionId, QImage] = {}

    def show(self, versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> bool:
        """Show a tree of versions; returns whether rows were added, removed or moved.

        Scores, names and another head change single rows: with thousands of versions placing all of them again, several
        times a step, would stall the window.
        """
        before, tree = self._tree, {v.id: v for v in versions}
        self._tree = tree
        changed = [v for v in tree.values() if before.get(v.id) is not v]
        moved = [v for v in changed if _position(v) != _position(before.get(v.id))]
        added = len(tree) == len(before) + len(moved) == len(before) + 1 and self._add_leaf(moved[0])
        if not added and (moved or len(before) != len(tree)):
            self._parents = _displayed_parents(tree.values())
            self._appearance = _Appearance(tree, self._parents, head, other)
            self.update(rows_of(tree.values(), head, other))
            return True
        earlier, self._appearance = self._appearance, _Appearance(tree, self._parents, head, other)
        self._change_rows({v.id for v in changed}, self._appearance.differs_from(earlier))
        return added

    def _change_rows(self, versions: set[VersionId], looks: set[VersionId]) -> None:
        """Show versions that changed, with the rows that name their score as the one before, and rows that look new."""
        if not versions and not looks:
            return
        for at, row in enumerate(self.rows):
            name = row.version.id
            if name in looks or name in versions or self._parents[name] in versions:
                new = self._appearance.row(name, row.lines)
                if new.version is not row.version or new[2:] != row[2:]:
                    self.rows[at] = new
                    self.dataChanged.emit(self.index(at), self.index(at))

    def _add_leaf(self, version: Version) -> bool:
        """Insert the row of the only child of a version; False if that takes placing all versions.

        It is the usual change, and must not take longer the longer the history is.
        """
        parent = self.row_of(version.parent)
        if parent is None or version.deleted:
            return False
        at, lines = parent + 1, self.rows[parent].lines
        if lines.lane in lines.below:
            return False  # it has a child, which now becomes a branch
        below = (*lines.below, lines.lane) if lines.lane <= MAX_LANES else lines.below
        self._parents[version.id] = self.rows[parent].version.id
        self.rows[parent] = self.rows[parent]._replace(lines=lines._replace(below=below))
        self.dataChanged.emit(self.index(parent), self.index(parent))
        self.beginInsertRows(QModelIndex(), at, at)
        self.rows.insert(at, Row(version, Lines(lines.lane, above=True, below=lines.below)))
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
                return version_name(row.version)
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

    def change(self, row: Row) -> str:
        """How the score changed, in words: "12 better", "3 worse", "same"; "" if it is not known."""
        points = change(row)
        if points is None:
            return ""
        if points == 0:
            return self.tr("same")
        return (self.tr("{points} better") if points > 0 else self.tr("{points} worse")).format(points=abs(points))

    def spoken(self, row: Row) -> str:
        """The whole row for a screen reader and the tooltip."""
        version = row.version
        star = self.tr("starred") if version.star else ""
        marks = {"current": self.tr("open version"), "compared": self.tr("compared version"), "": ""}
        parts = (
            version_name(version), details(version), score(version.quality), self.change(row), star, marks[row.mark],
        )  # fmt: skip
        return ", ".join(p for p in parts if p)

    def _image(self, version: Version) -> QImage:
        """The thumbnail, converted once while it is among those shown last."""
        if (image := self._images.pop(version.id, None)) is None:
            image = to_image(np.asarray(version.thumbnail))
        self._images[version.id] = image
        if len(self._images) > MAX_IMAGES:
            del self._images[next(iter(self._images))]
        return image
