"""What is selected in one document: the mask, what found it, and the undo of its changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.ui.canvas.tools.region import How
from clarity_desktop.values import Bounds, Box, Click, Region, RegionId, StoredRegion, VersionId

MAX_STEPS, MAX_BYTES = 100, 256_000_000
"""Of the undo of mask changes: steps, and bytes of masks that are kept for it."""
MAX_LEFT = 2
"""Places whose selections are kept: undo leads back to them, and their masks take memory."""
SOFT_EDGE, MAX_SOFT_EDGE = 0.01, 24
"""Over which a changed selection blends into its surroundings: share of its longer side, and most pixels."""


def soft_edge(region: Region) -> int:
    """Pixels over which a change of a region blends into its surroundings, inside its edge."""
    return min(MAX_SOFT_EDGE, max(2, round(SOFT_EDGE * max(region.bounds.width, region.bounds.height))))


@dataclass(frozen=True, slots=True, eq=False)
class ObjectPrompt:
    """The clicks and boxes of one object, which are sent again with each further click.

    hint: of the mask that these clicks correct; next_hint: of the mask that further ones correct. scores: of the masks
    that may be meant; candidate: which one is shown. base and how: the selection before this object, and how the object
    joins it.
    """

    clicks: tuple[Click, ...] = ()
    boxes: tuple[Bounds, ...] = ()
    hint: NDArray[np.float32] | None = None
    next_hint: NDArray[np.float32] | None = None
    scores: tuple[float, ...] = ()
    candidate: int = 0
    base: Region | None = None
    how: How = "replace"

    def clicked(self, click: Click) -> ObjectPrompt:
        """With one click more: it corrects the mask that is shown."""
        hint = self.hint if self.next_hint is None else self.next_hint
        return replace(self, clicks=(*self.clicks, click), hint=hint, next_hint=None, scores=(), candidate=0)


@dataclass(frozen=True, slots=True, eq=False)
class MaskState:
    """A selection at one moment. region None: nothing is selected.

    engine: the ids of what found it, joined by "+"; empty for the user's own hand. kept: the kept region that changes
    with it. name: for keeping it.
    """

    region: Region | None = None
    engine: str = ""
    prompt: ObjectPrompt | None = None
    kept: RegionId | None = None
    name: str = ""


Origin = tuple[VersionId, MaskState, Region | None]
"""The version in which a selection was made, what it was there, and the region that it was carried to."""


@dataclass(frozen=True, slots=True, eq=False)
class _Left:
    """What was selected before the photo was cropped, turned or flipped."""

    now: MaskState
    undo: list[MaskState]
    redo: list[MaskState]
    origin: Origin | None
    version: VersionId | None


@dataclass(slots=True, eq=False)
class Selection:
    """The selection of a document, its kept regions, and what was found in it. Changed by the commands only."""

    now: MaskState = field(default_factory=MaskState)
    kept: dict[RegionId, StoredRegion] = field(default_factory=dict[RegionId, StoredRegion])  # deleted ones, too
    masks: dict[RegionId, tuple[str, Region]] = field(default_factory=dict[RegionId, tuple[str, Region]])
    """Masks of kept regions that were read: the content that they belong to, and the region."""
    preview: Region | None = None  # what a click where the pointer rests would select
    visible: set[RegionId] = field(default_factory=set[RegionId])  # shown although they are not selected
    boxes: tuple[Box, ...] = ()
    chosen: frozenset[int] = frozenset()  # of the boxes
    engine_of_boxes: str = ""
    words: str = ""  # that the boxes are for
    version: VersionId | None = None  # that was open when the mask was last changed
    place: VersionId | None = None  # the version, as in placed_as, whose pixels all these masks lie over
    origin: Origin | None = None
    _undo: list[MaskState] = field(default_factory=list[MaskState])
    _redo: list[MaskState] = field(default_factory=list[MaskState])
    _left: dict[VersionId, _Left] = field(default_factory=dict[VersionId, _Left])  # by their places

    def change(self, state: MaskState) -> None:
        """Go on to another state; the one before can be brought back."""
        self._undo.append(self.now)
        self._redo.clear()
        self.now = state
        self._limit()

    def undo(self) -> bool:
        """Bring back the state before. Returns whether there was one."""
        return self._move(self._undo, self._redo)

    def redo(self) -> bool:
        """Bring back the state that was undone. Returns whether there was one."""
        return self._move(self._redo, self._undo)

    @property
    def can_undo(self) -> bool:
        """Whether there is a state before this one."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether a state was undone."""
        return bool(self._redo)

    def leave(self) -> None:
        """The pixels of the photo lie elsewhere: no mask fits them. What was selected may come back."""
        if self.place is not None:
            self._left[self.place] = _Left(self.now, self._undo, self._redo, self.origin, self.version)
            while len(self._left) > MAX_LEFT:
                del self._left[next(iter(self._left))]
        self.now, self.preview, self._undo, self._redo = MaskState(), None, [], []
        self.masks.clear()
        self.visible.clear()
        self.boxes, self.chosen = (), frozenset()

    def come_back(self, place: VersionId) -> bool:
        """Select what was selected at a place, with its undo. Returns whether that is known."""
        left = self._left.pop(place, None)
        if left is None:
            return False
        self.now, self._undo, self._redo, self.origin, self.version = (
            left.now, left.undo, left.redo, left.origin, left.version,
        )  # fmt: skip
        stored = self.kept.get(self.now.kept) if self.now.kept else None
        if stored is not None and self.now.region is not None:
            self.masks[stored.id] = stored.content, self.now.region
        return True

    def listed(self) -> list[StoredRegion]:
        """The kept regions that are not deleted, the oldest first."""
        return [region for region in self.kept.values() if not region.deleted]

    def mask_of(self, region: StoredRegion) -> Region | None:
        """The mask of a kept region, if it was read and has not changed since."""
        content, mask = self.masks.get(region.id, ("", None))
        return mask if content == region.content else None

    def _move(self, source: list[MaskState], target: list[MaskState]) -> bool:
        if not source:
            return False
        target.append(self.now)
        self.now = source.pop()
        return True

    def _limit(self) -> None:
        while len(self._undo) > MAX_STEPS:
            del self._undo[0]
        total = sum(state.region.mask.nbytes for state in self._undo if state.region is not None)
        while total > MAX_BYTES and len(self._undo) > 1:
            gone = self._undo.pop(0)
            total -= gone.region.mask.nbytes if gone.region is not None else 0
