"""One open document as the window shows it: versions, conversation and comparison, with its own canvas."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from clarity_desktop.messages import Advised, AnalysisPart, Progress, Redo, Undo
from clarity_desktop.text import Text
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.comparison import ComparedVersions, short_titles
from clarity_desktop.ui.labels import SEPARATOR, distinct_titles
from clarity_desktop.ui.selection import Selection
from clarity_desktop.values import (
    Detection,
    Distance,
    DocumentCard,
    DocumentId,
    Json,
    Manifest,
    Quality,
    Task,
    Turn,
    Version,
    VersionId,
)

MAX_MANIFESTS = 64


@dataclass
class RunningReply:
    """A reply while it is prepared: what was said so far, the versions that its steps made, and the step that runs.

    step: the call as JSON; None between steps. number: of the step, from 1, of count; 0 where it is not known.
    """

    text: Text = ""
    made: list[VersionId] = field(default_factory=list[VersionId])
    step: Json = None
    number: int = 0
    count: int = 0
    progress: Progress | None = None


class DocumentState(QObject):
    """State of one document. It has no card while the photo is being opened and only its preview is shown.

    undo_to, redo_to and unsaved come from the backend: the window has no rules of its own for them.
    """

    def __init__(self, canvas: Canvas, title: str, path: Path | None) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.title = title
        self.path = path
        self.project: Path | None = None
        self.card: DocumentCard | None = None
        self.head: VersionId | None = None
        self.undo_to: VersionId | None = None
        self.redo_to: VersionId | None = None
        self.unsaved = False
        self.waits = False  # the photo is opened when it is shown for the first time
        self.thumbnail: QImage | None = None  # a thumbnail until it is open
        self.pending_moves: list[type[Undo | Redo]] = []  # requested and not answered yet; the first one is running
        self.versions: dict[VersionId, Version] = {}
        self.manifests: dict[VersionId, Manifest] = {}
        self.distances: dict[VersionId, Distance | None] = {}  # from the original; None: it has another size
        self.advised: Advised | None = None
        self.failures: dict[tuple[VersionId, AnalysisPart], str] = {}  # part of an analysis that failed → why
        self.turns: list[Turn] = []
        self.earlier: DocumentId | None = None  # the document from whose conversation this one was opened
        self.draft = ""  # a message that was typed and not sent
        self.chosen_other: VersionId | None = None
        self.compared: ComparedVersions | None = None  # in the compare view
        self.differences: dict[tuple[VersionId, VersionId], float | None] = {}  # of two versions, 0..1, where measured
        self.before = False  # the canvas shows the other version instead of the open one
        self.reply: RunningReply | None = None  # the reply in the conversation that is on its way
        self.selection = Selection()
        canvas.set_title(title)

    @property
    def id(self) -> DocumentId | None:
        """The id of the document; None until it is open."""
        return self.card.id if self.card else None

    @property
    def shown_title(self) -> str:
        """The title, with * while there is unsaved work."""
        return f"{self.title}*" if self.unsaved else self.title

    @property
    def head_version(self) -> Version | None:
        """The open version."""
        return self.versions.get(self.head) if self.head else None

    @property
    def discarded_tasks(self) -> frozenset[Task]:
        """Tasks whose results on the open version were rejected, or undone last: they are not suggested again."""
        made = [v for v in self.versions.values() if v.parent == self.head and v.step.region is None]
        left = [v for v in made if v.rejected or v.deleted or v.id == self.redo_to]
        return frozenset(v.step.task for v in left if v.step.task is not None)

    @property
    def other(self) -> VersionId | None:
        """The version that the open one is compared with: the chosen one, else the one that undo leads to."""
        chosen = self.versions.get(self.chosen_other) if self.chosen_other else None
        if chosen and not chosen.deleted and chosen.id != self.head:
            return chosen.id
        return self.undo_to

    @property
    def other_version(self) -> Version | None:
        """The version compared with."""
        return self.versions.get(self.other) if self.other else None

    @property
    def shown_versions(self) -> tuple[Version, ...]:
        """The open version and those that are compared."""
        names = (self.head, *(self.compared.needed if self.compared else (self.other,)))
        return tuple(self.versions[name] for name in dict.fromkeys(names) if name and name in self.versions)

    @property
    def original(self) -> VersionId | None:
        """The version without a parent."""
        return next((v.id for v in self.versions.values() if v.parent is None), None)

    @property
    def best(self) -> Version | None:
        """The version with the best overall score, the earliest of equal ones; None if no version has a score."""
        scored = [v for v in self.versions.values() if not v.deleted and v.quality and v.quality.overall is not None]
        return max(scored, key=lambda v: v.quality.overall if v.quality and v.quality.overall else 0.0, default=None)

    @property
    def branch(self) -> tuple[Version, ...]:
        """The versions from the original to the open one, and the one that redo leads to."""
        redo = self.versions.get(self.redo_to) if self.redo_to else None
        chain, version = [redo] if redo else [], self.head_version
        while version is not None:
            chain.append(version)
            version = self.versions.get(version.parent) if version.parent else None
        return tuple(v for v in reversed(chain) if not v.deleted)

    # events

    def open(self, card: DocumentCard, manifest: Manifest) -> None:
        """Take the card of the document and show its head."""
        self.card, self.head = card, card.head
        self.title, self.path, self.project = card.title, card.path, card.project
        self.versions = {v.id: v for v in card.versions}
        self.turns = list(card.turns)
        self.selection.kept = {region.id: region for region in card.regions}
        self.show_history(card.undo_to, card.redo_to, unsaved=card.unsaved)
        self.canvas.set_title(card.title)
        self._show(manifest)

    def show_history(self, undo_to: VersionId | None, redo_to: VersionId | None, *, unsaved: bool) -> None:
        """Store where undo and redo lead, and whether there is unsaved work."""
        self.undo_to, self.redo_to, self.unsaved = undo_to, redo_to, unsaved

    def add_version(self, version: Version, manifest: Manifest) -> None:
        """Add a version and make it the head."""
        self.versions[version.id] = version
        self.move_head(version.id, manifest)

    def move_head(self, head: VersionId, manifest: Manifest) -> None:
        """Show another version as the head."""
        self.head = head
        self._show(manifest)

    def change_versions(self, versions: tuple[Version, ...]) -> None:
        """Replace versions whose name, star or deletion changed."""
        # Updated in place: events carry all versions, also deleted ones.
        self.versions |= {v.id: v for v in versions}

    def add_quality(self, version: VersionId, quality: Quality, distance: Distance | None = None) -> None:
        """Store scores and the distance from the original."""
        if (known := self.versions.get(version)) is not None:
            self.versions[version] = dataclasses.replace(known, quality=quality)
            self.distances[version] = distance
            self.failures.pop((version, "quality"), None)

    def add_detection(self, version: VersionId, detection: Detection) -> None:
        """Store a detection; as in the document, scores computed without a detection become invalid."""
        if (known := self.versions.get(version)) is not None:
            quality = known.quality if known.detection is not None else None
            self.versions[version] = dataclasses.replace(known, detection=detection, quality=quality)
            self.failures.pop((version, "detection"), None)

    def start_analysis(self, version: VersionId) -> None:
        """Clear the failures of an earlier analysis: a new one has started."""
        self.failures.pop((version, "detection"), None)
        self.failures.pop((version, "quality"), None)

    def add_failure(self, version: VersionId, part: AnalysisPart, reason: str) -> None:
        """Record that a part of an analysis failed or was cancelled."""
        self.failures[version, part] = reason

    def add_manifest(self, manifest: Manifest) -> None:
        """Store a manifest; show its version if it is one that is compared."""
        self._keep(manifest)
        if manifest.version in self._wanted():
            self.show_other()

    # comparing

    def show_other(self) -> tuple[VersionId, ...]:
        """Give the canvas the versions to compare; returns those whose manifests must be asked for first."""
        wanted = self._wanted()
        self.canvas.show_compared(tuple(self.manifests[v] for v in wanted if v in self.manifests))
        self.canvas.comparison.show_versions(self.compared.shown if self.compared else None)
        self.canvas.comparison.set_labels(self._labels())
        return tuple(v for v in wanted if v not in self.manifests)

    def _wanted(self) -> tuple[VersionId, ...]:
        """The versions that are compared with the open one."""
        wanted = self.compared.needed if self.compared else (self.other,)
        return tuple(v for v in wanted if v and v != self.head)

    def _labels(self) -> dict[VersionId, str]:
        """The titles of the compared versions, with their numbers and stars in the compare view."""
        if self.compared is None:
            return distinct_titles(self.shown_versions)
        titles = short_titles(self.shown_versions)
        for number, at in enumerate(self.compared.versions, 1):
            star = " ★" if self.versions[at].star else ""
            titles[at] = SEPARATOR.join((str(number), titles[at] + star))
        return titles

    def show_before(self, on: bool) -> None:
        """Show the other version in place of the open one, or stop doing so.

        While a change is previewed, that is the open version without the change.
        """
        self.before = on
        self.canvas.hide_change(on and self.canvas.has_change)
        self.canvas.comparison.peek(on and not self.canvas.has_change)

    def _keep(self, manifest: Manifest) -> None:
        """Keep the manifests used last; the others are asked for again (one of a large photo takes 200 kB)."""
        self.manifests.pop(manifest.version, None)
        self.manifests[manifest.version] = manifest
        while len(self.manifests) > MAX_MANIFESTS:
            del self.manifests[next(iter(self.manifests))]

    def _show(self, manifest: Manifest) -> None:
        self._keep(manifest)
        # A new head ends the peek: otherwise the window would show an old version under the new title.
        if self.before:
            self.show_before(False)
        self.canvas.show_version(manifest, self.card.icc if self.card else None)
        self.show_other()
