"""Editing: undo and redo, names, stars and deletion of versions, crop, straighten, rotate and flip."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from clarity_desktop.messages import ApplyTransform, Edit, GoTo, Redo, Reset, Undo
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import distinct_titles
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.transform_bars import ORIGINAL_RATIO, CropBar, StraightenBar
from clarity_desktop.values import Bounds, Crop, DocumentId, Flip, Rotate, Straighten, Transform, Version, VersionId

DELETED_NOTICE = 20.0
"""Seconds for which a deletion or rejection can be undone in its notice."""


class LocalHistory(Protocol):
    """Changes that make no version, as those of a mask, and have an undo of their own."""

    def can_move(self, kind: type[Undo | Redo]) -> bool:
        """Whether undo or redo concerns them now."""
        ...

    def move(self, kind: type[Undo | Redo]) -> None:
        """Undo or redo one of them."""
        ...


class EditCommands(QObject):
    """Connects the Edit, Photo and Version menus with requests for the document that is shown."""

    compare_wanted = Signal(object)  # DocumentState whose pair is to be shown
    several_wanted = Signal(object, object)  # DocumentState, and the VersionIds to compare
    compare_unavailable = Signal()  # there is only one version

    def __init__(
        self,
        session: Session,
        versions: VersionsDock,
        crop_bar: CropBar,
        straighten_bar: StraightenBar,
        local: LocalHistory,
    ) -> None:
        """local: what undo and redo ask first."""
        super().__init__(session)
        self._local = local
        self._session, self._versions = session, versions
        self._crop_bar, self._straighten_bar = crop_bar, straighten_bar
        self._moving: dict[DocumentState | None, PendingRequest] = {}  # the running undo or redo
        self._transforming: dict[DocumentState | None, PendingRequest] = {}  # the transform under way
        self._transforms: dict[DocumentState, list[tuple[str, Transform]]] = {}  # pressed while one is under way
        on = session.actions.on
        on("undo", partial(self._move, Undo))
        on("redo", partial(self._move, Redo))
        on("reset", self._reset)
        on("rotate_left", partial(self._transform, self.tr("Rotate"), Rotate(3)))
        on("rotate_right", partial(self._transform, self.tr("Rotate"), Rotate(1)))
        on("flip_horizontal", partial(self._transform, self.tr("Flip"), Flip("horizontal")))
        on("flip_vertical", partial(self._transform, self.tr("Flip"), Flip("vertical")))
        on("crop", self._toggle_crop)
        on("straighten", self._toggle_straighten)
        on("go_to", self._go_to_chosen)
        on("compare", self._compare_chosen)
        on("rename", versions.rename)
        on("star", partial(self._star, None))
        on("reject", partial(self._reject, None))
        on("delete", self._delete)
        versions.opened.connect(self.go_to)
        versions.chosen_changed.connect(self.show_chosen)
        versions.renamed.connect(self._rename)
        self._connect_bars()

    # undo and redo

    def show_moves(self) -> None:
        """Enable undo and redo. While one is running both are enabled: the next target is known only afterwards."""
        state, actions = self._session.current, self._session.actions
        pending = bool(state and state.pending_moves)
        actions["undo"].setEnabled(pending or bool(state and state.undo_to) or self._local.can_move(Undo))
        actions["redo"].setEnabled(pending or bool(state and state.redo_to) or self._local.can_move(Redo))

    def finish_move(self, pending: PendingRequest) -> None:
        """If the request was the running undo or redo, start the next pending one that is possible.

        Called when the head has moved or the request has ended; the analysis of the version may still run.
        """
        state = pending.state
        if pending is not self._moving.get(state) or state is None:
            return
        del self._moving[state]
        if not self._session.is_open(state):
            return
        state.pending_moves.pop(0)
        while state.pending_moves and not self._target(state):
            state.pending_moves.pop(0)
        self._start_move(state)
        self.show_moves()

    def _move(self, kind: type[Undo | Redo]) -> None:
        if (state := self._session.current) is None or state.id is None:
            return
        if not state.pending_moves and self._local.can_move(kind):
            self._local.move(kind)
            self.show_moves()
            return
        # Queued: a second undo must start from where the first one ends.
        state.pending_moves.append(kind)
        if len(state.pending_moves) == 1:
            if not self._target(state):
                state.pending_moves.clear()
            self._start_move(state)
        self.show_moves()

    def _target(self, state: DocumentState) -> VersionId | None:
        return state.undo_to if state.pending_moves[0] is Undo else state.redo_to

    def _start_move(self, state: DocumentState) -> None:
        if state.pending_moves and state.id:
            self._moving[state] = self._session.ask(state.pending_moves[0](state.id), state)

    # versions

    def show_chosen(self) -> None:
        """Enable what can be done to the chosen version: the open one is open already, the original stays."""
        found, actions = self._chosen(), self._session.actions
        several = len(self._versions.selected()) > 1
        actions["compare"].setText(self.tr("&Compare these versions") if several else actions.specs["compare"].text)
        starred = bool(found and found[2].star)
        actions["star"].setText(self.tr("Remove &star") if starred else self.tr("&Star"))
        rejected = bool(found and found[2].rejected)
        actions["reject"].setText(self.tr("Take back the re&jection") if rejected else self.tr("Re&ject"))
        actions["reject"].setEnabled(bool(found and found[2].parent))
        actions["go_to"].setEnabled(bool(found and found[2].id != found[0].head))
        actions["delete"].setEnabled(bool(found and found[2].parent))

    def go_to(self, version: VersionId) -> None:
        """Open another version."""
        if (state := self._session.current) and state.id and version != state.head:
            self._session.ask(GoTo(state.id, version), state)

    def _reset(self) -> None:
        if (state := self._session.current) and state.id and state.head:
            self._session.ask(Reset(state.id, state.head), state)

    def _go_to_chosen(self) -> None:
        if chosen := self._versions.chosen():
            self.go_to(chosen)

    def _compare_chosen(self) -> None:
        """Compare with the chosen version, or with the previous one if the chosen one is open."""
        if (state := self._session.current) is None:
            return
        chosen = self._versions.chosen()
        several = self._versions.selected()
        if state.compared is not None:  # the chosen ones join
            several = tuple(dict.fromkeys((*state.compared.versions, *several)))
        if len(several) > 1:
            self.several_wanted.emit(state, several)
            return
        # None: the canvas falls back to the version that undo leads to.
        state.chosen_other = chosen if chosen != state.head else None
        if state.other is None:
            self.compare_unavailable.emit()
        else:
            self.compare_wanted.emit(state)

    def _rename(self, version: VersionId, name: str) -> None:
        if (state := self._session.current) and state.id:
            self._session.ask(Edit(state.id, version, name=name), state)

    def star(self, version: VersionId) -> None:
        """Give a version of the shown document a star, or take it away."""
        self._star(version)

    def reject(self, version: VersionId) -> None:
        """Reject a version of the shown document, or take that back."""
        self._reject(version)

    def _star(self, named: VersionId | None = None) -> None:
        if found := self._chosen(named):
            state, document, version = found
            self._session.ask(Edit(document, version.id, star=not version.star), state)

    def _reject(self, named: VersionId | None = None) -> None:
        """Reject the chosen version, or take that back; rejecting the open one opens what it was made from."""
        if found := self._chosen(named):
            state, document, version = found
            offer = None if version.rejected else partial(self._offer_acceptance, state, document, version, state.head)
            self._session.remove_notices(_rejection(version), state)  # what it says does not hold any more
            self._session.ask(Edit(document, version.id, rejected=not version.rejected), state, then=offer)

    def _offer_acceptance(
        self, state: DocumentState, document: DocumentId, version: Version, head: VersionId | None
    ) -> None:
        """Let the notice about a rejection undo it."""

        def accept() -> None:
            self._session.ask(Edit(document, version.id, rejected=False, star=version.star or None), state)
            if head == version.id:
                self._session.ask(GoTo(document, version.id), state)

        text = self.tr("“{version}” was rejected.").format(version=distinct_titles((version,))[version.id])
        undo = (self.tr("Undo"), accept)
        topic = _rejection(version)
        self._session.notify(text, choices=(undo,), document=state, seconds=DELETED_NOTICE, topic=topic)

    def _delete(self) -> None:
        if found := self._chosen():
            state, document, version = found
            offer = partial(self._offer_restore, state, document, version)
            self._session.ask(Edit(document, version.id, deleted=True), state, then=offer)

    def _offer_restore(self, state: DocumentState, document: DocumentId, version: Version) -> None:
        """Let the notice about a deletion undo it."""

        def restore() -> None:
            self._session.ask(Edit(document, version.id, deleted=False), state)

        text = self.tr("“{version}” was deleted.").format(version=distinct_titles((version,))[version.id])
        self._session.notify(text, choices=((self.tr("Undo"), restore),), document=state, seconds=DELETED_NOTICE)

    def _chosen(self, named: VersionId | None = None) -> tuple[DocumentState, DocumentId, Version] | None:
        """The version that keys and menu act on: in the compare view the chosen one, unless the list has the focus;
        else the chosen row, else the open one. named: this one instead.
        """
        state = self._session.current
        if state is None or state.id is None:
            return None
        if named is None and state.compared is not None and not self._versions.tree.hasFocus():
            named = state.compared.chosen
        version = state.versions.get(named or self._versions.chosen() or state.head or VersionId(""))
        return (state, state.id, version) if version else None

    # crop, straighten, rotate, flip

    def leave(self) -> None:
        """End cropping and straightening without a change."""
        if self._crop_bar.isHidden() and self._straighten_bar.isHidden():
            return
        self._crop_bar.hide()
        self._straighten_bar.hide()
        self._session.actions["crop"].setChecked(False)
        self._session.actions["straighten"].setChecked(False)
        for state in self._session.documents:
            state.canvas.crop.cancel()
            state.canvas.straighten.cancel()
        if state := self._session.current:
            state.canvas.setFocus()

    def crop_to(self, bounds: Bounds) -> None:
        """Crop the shown version; bounds of the whole version change nothing."""
        state = self._session.current
        head = state.head_version if state else None
        self.leave()
        if state and state.id and head and bounds != Bounds(0, 0, head.width, head.height):
            # At once, even if a transform is under way: the bounds are those of the version that is shown now.
            self._session.ask(ApplyTransform(state.id, head.id, Crop(bounds)), state, self.tr("Crop"))

    def finish_transform(self, pending: PendingRequest, *, made: bool) -> None:
        """If the request was the transform under way: make the next one that was pressed from its result.

        made: its version is there, though its analysis may still run. If not, what was pressed after it is dropped.
        """
        state = pending.state
        if state is None or self._transforming.get(state) is not pending:
            return
        del self._transforming[state]
        if made and self._session.is_open(state):
            self._start_transform(state)
        else:
            self._transforms.pop(state, None)

    def _transform(self, title: str, transform: Transform) -> None:
        """Transform the shown version, or what the transforms pressed before will make of it."""
        if (state := self._session.current) and state.id and state.head:
            self._transforms.setdefault(state, []).append((title, transform))
            if state not in self._transforming:
                self._start_transform(state)

    def _start_transform(self, state: DocumentState) -> None:
        waiting = self._transforms.get(state, [])
        if waiting and state.id and state.head:
            title, transform = waiting.pop(0)
            self._transforming[state] = self._session.ask(ApplyTransform(state.id, state.head, transform), state, title)
        else:
            self._transforms.pop(state, None)

    def _connect_bars(self) -> None:
        crop, straighten = self._crop_bar, self._straighten_bar
        crop.accepted.connect(self._accept_crop)
        crop.cancelled.connect(self.leave)
        crop.ratio_chosen.connect(self._set_ratio)
        straighten.accepted.connect(self._accept_straighten)
        straighten.cancelled.connect(self.leave)
        straighten.turned.connect(self._preview_angle)

    def _toggle_crop(self) -> None:
        on = self._crop_bar.isHidden()
        self.leave()
        if on and (state := self._session.current) and state.card:
            # The frame is drawn over one version; a comparison would hide a part of it.
            state.canvas.comparison.set_mode("single")
            self._crop_bar.begin()
            state.canvas.crop.start()
            if (bounds := state.canvas.crop.bounds) is not None:
                self._crop_bar.show_bounds(bounds)
            state.canvas.setFocus()
        self._session.actions["crop"].setChecked(not self._crop_bar.isHidden())

    def _accept_crop(self) -> None:
        if (state := self._session.current) and (bounds := state.canvas.crop.bounds) is not None:
            self.crop_to(bounds)

    def _set_ratio(self, ratio: float | None) -> None:
        if (state := self._session.current) and (version := state.head_version):
            state.canvas.crop.set_ratio(version.width / version.height if ratio == ORIGINAL_RATIO else ratio)

    def _toggle_straighten(self) -> None:
        on = self._straighten_bar.isHidden()
        self.leave()
        if on and (state := self._session.current) and state.card:
            state.canvas.comparison.set_mode("single")
            state.canvas.straighten.set_degrees(0)
            self._straighten_bar.begin()
        self._session.actions["straighten"].setChecked(not self._straighten_bar.isHidden())

    def _preview_angle(self, degrees: float) -> None:
        if state := self._session.current:
            state.canvas.straighten.set_degrees(degrees)

    def _accept_straighten(self) -> None:
        degrees = self._straighten_bar.degrees.value()
        self.leave()
        if degrees:
            self._transform(self.tr("Straighten"), Straighten(degrees))


def _rejection(version: Version) -> str:
    """The topic of the notice that a version was rejected."""
    return f"rejected {version.id}"
