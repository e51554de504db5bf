"""Several photos: one step for all that are open, and the export of all, with a state for each and Cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject
from shiboken6 import isValid

from clarity_desktop.messages import Adjust, ApplyTransform, Export, Request, Restore
from clarity_desktop.ui.commands.export import ExportCommands
from clarity_desktop.ui.commands.files import FileCommands
from clarity_desktop.ui.dialogs.batch import BatchDialog, BatchState
from clarity_desktop.ui.dialogs.export import ExportForm
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import version_title
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.values import (
    Flip,
    RestoreParams,
    Rotate,
    Step,
    Straighten,
    Transform,
    Version,
    VersionId,
    adjustments_of,
)

Make = Callable[[DocumentState], Request | None]


@dataclass(eq=False)
class _Batch:
    """A job over photos, one after the other."""

    dialog: BatchDialog
    photos: Sequence[DocumentState]
    make: Make
    title: str
    row: int = -1
    pending: PendingRequest | None = None
    # Exports that met an existing file: the one question about them is answered later.
    unanswered: dict[DocumentState, tuple[int, PendingRequest]] = field(default_factory=dict)
    is_over: bool = False


class BatchCommands(QObject):
    """Runs one batch at a time; photos that are not open yet are opened for it."""

    def __init__(self, session: Session, files: FileCommands, exports: ExportCommands, versions: VersionsDock) -> None:
        super().__init__(session)
        self._session, self._files, self._exports, self._versions = session, files, exports, versions
        self._batch: _Batch | None = None
        session.document_added.connect(self._show_added)
        session.document_changed.connect(self._go_on_with)
        exports.all_confirmed.connect(self._export_all)
        session.actions.on("apply_to_all", self._apply_to_all)
        versions.chosen_changed.connect(self.show_state)

    @property
    def dialog(self) -> BatchDialog | None:
        """The dialog of the last batch, while it is open."""
        return self._batch.dialog if self._batch and isValid(self._batch.dialog) else None

    def show_state(self) -> None:
        """Enable what can be done with several photos."""
        several = len(self._session.documents) > 1
        self._session.actions["export_all"].setEnabled(several)
        self._session.actions["apply_to_all"].setEnabled(several and self._source() is not None)

    def _show_added(self, _state: DocumentState) -> None:
        self.show_state()

    # what to do

    def _source(self) -> tuple[DocumentState, Version] | None:
        """The chosen version, or the open one, if its step can be applied to other photos."""
        state = self._session.current
        chosen = self._versions.chosen() if state else None
        version = state.versions.get(chosen or state.head or VersionId("")) if state else None
        return (state, version) if state and version and is_transferable(version.step) else None

    def _apply_to_all(self) -> None:
        if (found := self._source()) is None:
            return
        state, version = found
        title = version_title(version)
        photos = [other for other in self._session.documents if other is not state]
        question = self.tr("Apply “{step}” to %n other open photo(s)?", "", len(photos)).format(step=title)
        job = self.tr("Apply “{step}”").format(step=title)
        self._start(question, photos, lambda other: request_of(version.step, other), job)

    def _export_all(self, form: ExportForm) -> None:
        photos = self._session.documents
        self._start("", photos, lambda state: self._exports.request(state, form), self.tr("Export all"))

    # running

    def _start(self, question: str, photos: Sequence[DocumentState], make: Make, title: str) -> None:
        if self._batch is not None and not self._batch.is_over:
            self._session.notify(
                self.tr("Another batch is still running. Wait until it is finished, or cancel it."), seconds=8
            )
            return
        if (older := self.dialog) is not None:
            older.close()
        dialog = BatchDialog(self._session.dialog_parent, title, question, [state.title for state in photos])
        self._batch = _Batch(dialog, photos, make, title)
        self._batch.is_over = bool(question)
        dialog.started.connect(self._begin)
        dialog.cancelled.connect(self.cancel)
        dialog.show()
        if not question:
            self._next()

    def _begin(self) -> None:
        if self._batch is not None:
            self._batch.is_over = False
            self._next()

    def cancel(self) -> None:
        """Cancel what runs and what waits."""
        if (batch := self._batch) is None or batch.is_over:
            return
        batch.is_over = True
        if batch.pending is not None:
            self._session.requests.cancel(batch.pending)
        for row in range(max(0, batch.row), len(batch.photos)):
            self._show(row, "cancelled")
        self._end(batch)

    def owns(self, pending: PendingRequest) -> bool:
        """Whether a request belongs to a batch: its dialog shows how it ended."""
        return self._batch is not None and self._batch.pending is pending

    def finish(self, pending: PendingRequest, state: BatchState, reason: str = "") -> None:
        """A request of the batch made its version or its file, failed or was cancelled: go on with the next."""
        batch = self._batch
        if batch is None or pending.state is None:
            return
        if batch.pending is pending:
            batch.pending = None
            if not batch.is_over:
                if state == "exists":
                    batch.unanswered[pending.state] = batch.row, pending
                self._show(batch.row, state, reason)
                self._next()
        elif isinstance(pending.request, Export) and pending.state in batch.unanswered:
            row, refused = batch.unanswered[pending.state]
            if pending is not refused:
                del batch.unanswered[pending.state]
                self._show(row, state, reason)

    def _next(self) -> None:
        """Go on with the next photo for which there is something to do."""
        batch = self._batch
        if batch is None or batch.is_over:
            return
        while batch.row + 1 < len(batch.photos):
            batch.row += 1
            state = batch.photos[batch.row]
            self._show(batch.row, "running")
            if not self._session.is_open(state):
                self._show(batch.row, "skipped", self.tr("Closed"))
            elif state.card is None:
                self._files.open_now(state)  # _go_on_with follows
                return
            elif self._ask(batch, state):
                return
        batch.row, batch.is_over = len(batch.photos), True
        self._end(batch)

    def _go_on_with(self, state: DocumentState | None) -> None:
        """A photo was opened."""
        batch = self._batch
        if batch is None or batch.is_over or batch.pending is not None or not 0 <= batch.row < len(batch.photos):
            return
        if state is not None and batch.photos[batch.row] is state and state.card and not self._ask(batch, state):
            self._next()

    def skip_closed(self) -> None:
        """A photo was closed, or could not be opened: do not wait for it."""
        batch = self._batch
        if batch is None or batch.is_over or batch.pending is not None or not 0 <= batch.row < len(batch.photos):
            return
        if not self._session.is_open(batch.photos[batch.row]):
            self._show(batch.row, "failed", self.tr("Could not be opened"))
            self._next()

    def _ask(self, batch: _Batch, state: DocumentState) -> bool:
        """Ask for what the batch does to a photo; False if that is nothing."""
        if (request := batch.make(state)) is None:
            self._show(batch.row, "skipped")
            return False
        batch.pending = self._session.ask(request, state, batch.title)
        return True

    def _show(self, row: int, state: BatchState, reason: str = "") -> None:
        if (dialog := self.dialog) is not None:
            dialog.show_state(row, state, reason)

    def _end(self, batch: _Batch) -> None:
        if isValid(batch.dialog):
            batch.dialog.end()


def is_transferable(step: Step) -> bool:
    """Whether a step makes sense on another photo: not a part of one, nor a crop."""
    return step.region is None and (
        step.kind in ("adjust", "flip", "rotate", "straighten") or (step.kind == "restore" and step.task is not None)
    )


def request_of(step: Step, state: DocumentState) -> Request | None:
    """The request that applies a step to the open version of a photo."""
    if state.id is None or state.head is None:
        return None
    if step.kind == "adjust":
        return Adjust(state.id, state.head, adjustments_of(step.settings))
    if step.kind == "restore" and step.task is not None:
        params = RestoreParams(step.task, step.method, step.strength)
        return Restore(state.id, state.head, params, confirmed=True)
    transform = _transform(step)
    return ApplyTransform(state.id, state.head, transform) if transform else None


def _transform(step: Step) -> Transform | None:
    """The transform of a step, whose settings may come from an untrusted file."""
    match (step.kind, dict(step.settings)):
        case ("rotate", {"quarter_turns": int() as turns}) if 1 <= turns <= 3:
            return Rotate(1 if turns == 1 else 2 if turns == 2 else 3)
        case ("flip", {"axis": "horizontal" | "vertical" as axis}):
            return Flip(axis)
        case ("straighten", {"degrees": int() | float() as degrees}) if -45 <= degrees <= 45:
            return Straighten(float(degrees))
        case _:
            return None
