"""Adjusting light and color: live previews of the panel's values, versions made of them, the gray point, presets."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QInputDialog

from clarity_desktop.messages import Adjust, PickWhite, WhitePicked
from clarity_desktop.settings import Settings
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.commands.live_preview import LivePreview
from clarity_desktop.ui.docks.adjust import AdjustDock, with_white_balance
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.selection import soft_edge
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Adjustments, Region, Version, VersionId, adjustment_settings, adjustments_of

MAX_PRESETS = 100
MAX_NAME = 60


class AdjustCommands(QObject):
    """Connects the adjust panel with requests for the document that is shown.

    Values that are not applied yet stay with their photo: they survive other photos and new versions, and go with undo.
    """

    panel_wanted = Signal()

    def __init__(self, session: Session, dock: AdjustDock, preview: LivePreview) -> None:
        super().__init__(session)
        self._session, self._dock, self._preview = session, dock, preview
        self._pending: WeakKeyDictionary[DocumentState, tuple[VersionId, Adjustments]] = WeakKeyDictionary()
        self._applying: dict[DocumentState, PendingRequest] = {}
        self._made: WeakKeyDictionary[DocumentState, tuple[str, Region]] = WeakKeyDictionary()
        self._copied: Adjustments | None = None
        dock.changed.connect(self._change)
        dock.applied.connect(self.apply)
        dock.only_selection.toggled.connect(self.follow_selection)
        dock.discarded.connect(self.discard)
        dock.pick_asked.connect(self._pick)
        dock.save_asked.connect(self._name_preset)
        dock.preset_deleted.connect(self._delete_preset)
        session.document_added.connect(self._watch)
        session.settings_changed.connect(self._show_presets)
        on = session.actions.on
        on("adjust", self.panel_wanted.emit)
        on("copy_adjustments", self._copy)
        on("paste_adjustments", self._paste)
        self._show_presets()

    # values and their preview

    def show_state(self) -> None:
        """The document that is shown, or its open version, changed."""
        state = self._session.current
        head = state.head_version if state else None
        self._dock.show_ready(bool(state and state.card and head))
        self._session.actions["copy_adjustments"].setEnabled(bool(head and head.step.kind == "adjust"))
        self._session.actions["paste_adjustments"].setEnabled(bool(head and self._copied))
        if state is None or head is None:
            self._dock.show_values(Adjustments())
            return
        self._dock.show_selection(state.selection.now.region is not None)
        start = self._start(state, head)
        pending = self._pending.get(state)
        if pending is not None and pending[0] != head.id:
            pending = self._moved(state, pending, head)
        self._dock.show_values(pending[1] if pending else start, start)

    def _moved(
        self, state: DocumentState, pending: tuple[VersionId, Adjustments], head: Version
    ) -> tuple[VersionId, Adjustments] | None:
        """Unapplied values after another version was opened: a version made of the old one keeps them.

        Values that were applied are done, except for what was changed meanwhile.
        """
        is_late = state in self._applying and pending[1] != adjustments_of_version(head)
        if head.parent == pending[0] and (head.step.kind != "adjust" or is_late):
            self._pending[state] = kept = head.id, pending[1]
            self._preview.show(state, pending[1], self._part(state))
            return kept
        self._drop(state)
        return None

    def _change(self, values: Adjustments) -> None:
        state = self._session.current
        if state is None or (head := state.head_version) is None:
            return
        if values == self._start(state, head):
            self._drop(state)
        else:
            self._pending[state] = head.id, values
            self._preview.show(state, values, self._part(state))

    def _part(self, state: DocumentState) -> tuple[Region, int] | None:
        """The only part to adjust; None: the whole photo."""
        region = state.selection.now.region
        return (region, soft_edge(region)) if region is not None and self._dock.in_selection else None

    def _start(self, state: DocumentState, head: Version) -> Adjustments:
        """The adjustments that are replaced: those of the open version, if they are of the same part."""
        part = self._part(state)
        same = head.step.region is None
        if part is not None:
            made = self._made.get(state)
            same = made is not None and made[0] == head.step.region and made[1] is part[0]
        return adjustments_of_version(head) if same else Adjustments()

    def follow_selection(self) -> None:
        """What is selected changed, or whether it alone is adjusted."""
        if (state := self._session.current) is not None and (pending := self._pending.get(state)) is not None:
            self._preview.show(state, pending[1], self._part(state))
        self.show_state()

    def note_version(self, pending: PendingRequest, version: Version) -> None:
        """A version was made: remember which selection its region is."""
        request = pending.request
        if isinstance(request, Adjust) and request.region is not None and pending.state is not None:
            self._made[pending.state] = version.step.region or "", request.region

    def apply(self) -> None:
        """Make a version of the values."""
        state = self._session.current
        pending = self._pending.get(state) if state else None
        if state is None or state.id is None or pending is None or state in self._applying:
            return
        region, feather = self._part(state) or (None, 0)
        request = Adjust(state.id, pending[0], pending[1], region, feather)
        self._applying[state] = self._session.ask(request, state, self.tr("Adjusting…"))

    def discard(self) -> None:
        """Show the open version again as it is."""
        if (state := self._session.current) is not None:
            self._drop(state)
            state.canvas.pick.cancel()
            self.show_state()

    def _drop(self, state: DocumentState) -> None:
        if self._pending.pop(state, None) is not None:
            self._preview.end(state)

    def finish(self, pending: PendingRequest) -> None:
        """A request made its version, or ended: the values are applied, or stay as they are."""
        if pending.state is not None and self._applying.get(pending.state) is pending:
            del self._applying[pending.state]

    # the gray point

    def _watch(self, state: DocumentState) -> None:
        state.canvas.pick.picked.connect(partial(self._ask_white, state))
        state.canvas.pick.finished.connect(self._end_pick)
        state.canvas.installEventFilter(self)

    def _pick(self, on: bool) -> None:
        if (state := self._session.current) is None:
            return
        if on:
            state.canvas.pick.start()
            state.canvas.setFocus()
        else:
            state.canvas.pick.cancel()

    def _end_pick(self) -> None:
        self._dock.pick.setChecked(False)

    def _ask_white(self, state: DocumentState, x: int, y: int) -> None:
        if state.id and state.head:
            self._session.ask(PickWhite(state.id, state.head, x, y), state)

    def use_white(self, pending: PendingRequest, picked: WhitePicked) -> None:
        """The white balance of a picked point is known."""
        state = self._session.current
        if state is None or pending.state is not state or picked.version != state.head:
            return
        if picked.temperature is None or picked.tint is None:
            text = self.tr("This point is too dark to set the white balance. Pick a lighter gray.")
            self._session.notify(text, document=pending.state, seconds=8)
        else:
            self._dock.use(with_white_balance(self._dock.values(), picked.temperature, picked.tint))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter applies and Esc discards while the photo has the focus, as in the panel."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self._takes(watched, event):
                event.accept()
                return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._takes(watched, event):
            if event.key() == Qt.Key.Key_Escape:
                self.discard()
            else:
                self.apply()
            return True
        return super().eventFilter(watched, event)

    def _takes(self, watched: QObject, event: QKeyEvent) -> bool:
        state = self._session.current
        keys = (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if state is None or watched is not state.canvas or event.key() not in keys:
            return False
        return isinstance(watched, Canvas) and not watched.has_active_tool and state in self._pending

    # copy, paste, presets

    def _copy(self) -> None:
        if (state := self._session.current) and (head := state.head_version) and head.step.kind == "adjust":
            self._copied = adjustments_of_version(head)
            self._session.actions["paste_adjustments"].setEnabled(True)
            self._session.notify(self.tr("Adjustments copied."), document=state, seconds=4)

    def _paste(self) -> None:
        state = self._session.current
        if self._copied is not None and state is not None and state.id and state.head:
            self._drop(state)
            self._session.ask(Adjust(state.id, state.head, self._copied), state, self.tr("Adjusting…"))

    def _show_presets(self, *_settings: Settings) -> None:
        stored = self._session.settings.presets
        self._dock.show_presets({name: adjustments_of(values) for name, values in stored.items()})

    def _name_preset(self) -> None:
        values = self._dock.values()
        dialog = QInputDialog(self._session.dialog_parent)
        dialog.setWindowTitle(self.tr("Save preset"))
        dialog.setLabelText(self.tr("Name of the preset:"))
        dialog.textValueSelected.connect(partial(self._save_named, values))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _save_named(self, values: Adjustments, name: str) -> None:
        self.save_preset(name, values)

    def save_preset(self, name: str, values: Adjustments) -> None:
        """Save adjustments under a name; one of that name is replaced."""
        name = " ".join(name.split())[:MAX_NAME]
        presets = {k: v for k, v in self._session.settings.presets.items() if k != name}
        if not name:
            return
        if len(presets) >= MAX_PRESETS:
            self._session.notify(self.tr("There are too many presets. Delete one first."), "error")
            return
        self._session.change_settings(presets={**presets, name: adjustment_settings(values)})

    def _delete_preset(self, name: str) -> None:
        presets = self._session.settings.presets
        self._session.change_settings(presets={k: v for k, v in presets.items() if k != name})


def adjustments_of_version(version: Version) -> Adjustments:
    """The adjustments that made a version; neutral ones for another step."""
    return adjustments_of(version.step.settings) if version.step.kind == "adjust" else Adjustments()
