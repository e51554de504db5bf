"""One open photo as the window keeps it: its versions, conversation and comparison, beside its own canvas."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from PySide6.QtCore import QObject

from clarity_desktop.messages import Advised, Request
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.dialogs.export import ExportForm
from clarity_desktop.ui.labels import version_title
from clarity_desktop.values import (
    Detection,
    Distance,
    DocumentCard,
    DocumentId,
    Manifest,
    Quality,
    Turn,
    Version,
    VersionId,
)


class DocumentState(QObject):
    """State of one document. It begins without a card, while the photo is being opened and only previewed."""

    def __init__(self, canvas: Canvas, title: str, path: Path | None) -> None:
        super().__init__(canvas)
        self.canvas = canvas
        self.title = title
        self.path = path
        self.project: Path | None = None
        self.card: DocumentCard | None = None
        self.head: VersionId | None = None
        self.wished: list[VersionId] = []  # where each undo and redo leads that is on its way
        self._left: dict[VersionId, VersionId] = {}  # version → the one that undo last left towards it
        self.versions: dict[VersionId, Version] = {}
        self.manifests: dict[VersionId, Manifest] = {}
        self.distances: dict[VersionId, Distance | None] = {}  # from the original; None: it has another size
        self.scored: set[VersionId] = set()  # whose scores came since there are the weights that there are now
        self.advised: Advised | None = None
        self.failed: dict[Request, str] = {}  # what was asked unasked and could not be answered, with why
        self.turns: list[Turn] = []
        self.chosen_other: VersionId | None = None
        self.before = False
        self.unsaved = False
        self.draft = ""
        self.talking = False
        self.exported: ExportForm | None = None
        canvas.set_title(title)

    @property
    def id(self) -> DocumentId | None:
        return self.card.id if self.card else None

    @property
    def shown_title(self) -> str:
        return f"{self.title}*" if self.unsaved else self.title

    @property
    def head_version(self) -> Version | None:
        return self.versions.get(self.head) if self.head else None

    @property
    def undo_to(self) -> VersionId | None:
        """Where undo leads."""
        return self.head_version.parent if self.head_version else None

    @property
    def other(self) -> VersionId | None:
        """The version that the open one is compared with: the chosen one, else the one it was made from."""
        chosen = self.versions.get(self.chosen_other) if self.chosen_other else None
        if chosen and not chosen.deleted and chosen.id != self.head:
            return chosen.id
        return self.undo_to

    @property
    def other_version(self) -> Version | None:
        return self.versions.get(self.other) if self.other else None

    @property
    def undo_leads_to(self) -> VersionId | None:
        """Where one more undo leads after those that are on their way: keys come faster than answers."""
        version = self.versions.get(self._heading) if self._heading else None
        return version.parent if version else None

    @property
    def redo_leads_to(self) -> VersionId | None:
        """The same for redo; a guess where the way was left in an earlier run."""
        return self._after(self._heading) if self._heading else None

    def _after(self, version: VersionId) -> VersionId | None:
        below = [v.id for v in self.versions.values() if v.parent == version and not v.deleted]
        left = self._left.get(version)
        wanted = [v for v in below if not self.versions[v].rejected]  # nobody undid the others
        return left if left in below else wanted[-1] if wanted else None

    def undone(self, to: VersionId) -> None:
        """Undo is asked for."""
        if self._heading:
            self._left[to] = self._heading
        self.wished.append(to)

    @property
    def _heading(self) -> VersionId | None:
        return self.wished[-1] if self.wished else self.head

    @property
    def original(self) -> VersionId | None:
        return next((v.id for v in self.versions.values() if v.parent is None), None)

    @property
    def best(self) -> Version | None:
        """The version with the best overall score, the earliest of several; None while there is no score."""
        living = [v for v in self.versions.values() if not v.deleted and v.quality and v.quality.overall is not None]
        return max(living, key=lambda v: v.quality.overall if v.quality and v.quality.overall else 0.0, default=None)

    @property
    def branch(self) -> tuple[Version, ...]:
        """The versions from the original to the open one, and on to where redo would lead."""
        chain: list[Version] = []
        version = self.head_version
        while version is not None:
            chain.insert(0, version)
            version = self.versions.get(version.parent) if version.parent else None
        while chain and (after := self._after(chain[-1].id)) is not None:
            chain.append(self.versions[after])
        return tuple(v for v in chain if not v.deleted)

    # news

    def opened(self, card: DocumentCard, manifest: Manifest) -> None:
        """The document exists: take its card and show its head."""
        self.card, self.head = card, card.head
        self.title, self.path, self.project = card.title, card.path, card.project
        self.versions = {v.id: v for v in card.versions}
        self.turns = list(card.turns)
        self.unsaved = card.unsaved and (card.project is not None or len(card.versions) > 1)  # as `told` has it
        self.canvas.set_title(card.title)
        self._show(manifest)

    def added(self, version: Version, manifest: Manifest) -> None:
        self.versions[version.id] = version
        self.head = version.id
        self.unsaved = True
        self._show(manifest)

    def moved(self, head: VersionId, manifest: Manifest) -> None:
        self.unsaved = self.unsaved or head != self.head
        self.head = head
        self._show(manifest)

    def told(self, turn: Turn) -> None:
        """Words alone are no unsaved work, or Auto would make some of a photo that it leaves alone: the document keeps
        them when it is closed. Only a project is without them until it is saved again.
        """
        self.turns.append(turn)
        self.unsaved = self.unsaved or self.project is not None

    def changed(self, versions: tuple[Version, ...]) -> None:
        """Names, stars, deletions."""
        self.versions |= {v.id: v for v in versions}
        self.unsaved = True

    def assessed(self, version: VersionId, quality: Quality, distance: Distance | None = None) -> None:
        if (known := self.versions.get(version)) is not None:
            self.versions[version] = dataclasses.replace(known, quality=quality)
            self.distances[version] = distance
            self.scored.add(version)

    def detected(self, version: VersionId, detection: Detection) -> None:
        """As in the document, scores that went without a detection are not known any more."""
        if (known := self.versions.get(version)) is not None:
            quality = known.quality if known.detection is not None else None
            self.versions[version] = dataclasses.replace(known, detection=detection, quality=quality)

    def take_advice(self, advised: Advised) -> None:
        self.advised = advised

    def saved(self, path: Path) -> None:
        self.project, self.unsaved = path, False

    def manifest_came(self, manifest: Manifest) -> None:
        self.manifests[manifest.version] = manifest
        if manifest.version == self.other:
            self.show_other()

    # comparing

    def show_other(self) -> bool:
        """Give the canvas the version to compare with; False if its manifest must be asked for first."""
        other = self.other
        manifest = self.manifests.get(other) if other else None
        self.canvas.show_compared((manifest,) if manifest else ())
        shown = (v for v in (self.other_version, self.head_version) if v)
        self.canvas.comparison.set_labels({v.id: version_title(v) for v in shown})
        return manifest is not None or other is None

    def show_before(self, on: bool) -> None:
        self.before = on
        self.canvas.comparison.peek(on)

    def _show(self, manifest: Manifest) -> None:
        self.manifests[manifest.version] = manifest
        if self.before:
            self.show_before(False)
        self.canvas.show_version(manifest, self.card.icc if self.card else None)
        self.show_other()
