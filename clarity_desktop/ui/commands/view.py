"""How the photo is viewed: zoom, comparison, panels, keyboard focus. Changes nothing in a document."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.compare import Compare
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.panels import LEFT, RIGHT
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.side_panels import SidePanels
from clarity_desktop.values import VersionId

MODES: dict[str, Compare] = {"single": "single", "split": "split", "side_by_side": "side", "stacked": "top",
                              "grid": "grid", "difference": "difference", "blink": "blink"}  # fmt: skip
"""Action → the canvas's mode."""
HOLD_SECONDS = 0.3
"""A key held longer than this shows the other version only while it is held."""
REPEAT_SECONDS = 0.05
"""X11 may report a held key as released and pressed again: a release counts if no press follows within this time."""


class ViewCommands(QObject):
    """Connects the View menu with the document that is shown."""

    pair_shown = Signal(object)  # DocumentState that shows two versions now

    def __init__(
        self, session: Session, panels: SidePanels, focus_order: Callable[[], Sequence[QWidget | None]]
    ) -> None:
        """focus_order: the parts of the window that F6 goes through."""
        super().__init__(session)
        self._session, self._panels, self._focus_order = session, panels, focus_order
        self._pressed: DocumentState | None = None
        self._pressed_at = self._released_at = 0.0
        self._watched: QWidget | None = None
        self._release = QTimer(self, singleShot=True, interval=round(1000 * REPEAT_SECONDS))
        self._release.timeout.connect(self._end_press)
        on = session.actions.on
        for name, scale in (("full_size", 1.0), ("zoom_200", 2.0), ("zoom_400", 4.0)):
            on(name, lambda scale=scale: self._on_canvas(lambda canvas: canvas.view.zoom_to(scale)))
        on("zoom_in", lambda: self._on_canvas(lambda canvas: canvas.view.zoom_in()))
        on("zoom_out", lambda: self._on_canvas(lambda canvas: canvas.view.zoom_out()))
        on("fit", lambda: self._on_canvas(lambda canvas: canvas.view.fit()))
        on("toggle_fit", lambda: self._on_canvas(lambda canvas: canvas.view.toggle_fit()))
        for name, mode in MODES.items():
            on(name, partial(self.set_compare, mode))
        on("before", self._toggle_before)
        on("panels", panels.toggle_all)
        on("left_panels", partial(panels.toggle, LEFT))
        on("right_panels", partial(panels.toggle, RIGHT))
        panels.changed.connect(self._show_panels)
        on("next_pane", partial(self._move_focus, 1))
        on("previous_pane", partial(self._move_focus, -1))

    def show_state(self) -> None:
        """Check the actions for what the shown document's canvas shows."""
        state, actions = self._session.current, self._session.actions
        self.show_compare(state.canvas.comparison.mode if state else "")
        actions["before"].setChecked(bool(state and state.before))

    def show_compare(self, mode: str) -> None:
        """Check the action of a comparison mode."""
        for name, compare in MODES.items():
            self._session.actions[name].setChecked(compare == mode)

    def set_compare(self, mode: Compare) -> None:
        """Show one version or two; the same action again goes back to one, in the compare view to the grid."""
        if state := self._session.current:
            state.show_before(False)
            comparison = state.canvas.comparison
            nothing = state.other is None and state.compared is None
            if mode != "single" and comparison.mode != mode and nothing:
                self.show_unavailable()
            else:
                otherwise: Compare = "single" if state.compared is None else "grid"
                comparison.set_mode(otherwise if comparison.mode == mode else mode)
            self.show_state()

    def show_unavailable(self) -> None:
        """Say why nothing is compared."""
        text = self.tr("There is only one version, so there is nothing to compare.")
        self._session.notify(text, document=self._session.current, seconds=6)

    def compare(self, state: DocumentState, version: VersionId, other: VersionId) -> None:
        """Show two versions side by side; one of them is the open one."""
        state.chosen_other = other if version == state.head else version
        state.canvas.comparison.set_mode("side")
        self.show_pair(state)

    def show_pair(self, state: DocumentState) -> None:
        """Show the open version and the chosen other one, split by a line unless two are shown already."""
        if state.canvas.comparison.mode == "single":
            state.canvas.comparison.set_mode("split")
        self.pair_shown.emit(state)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The key of "before" was released, or its release will not be seen."""
        if event.type() == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            if not event.isAutoRepeat() and event.key() in self._before_keys():
                self._released_at = time.monotonic()
                self._release.start()
        elif event.type() == QEvent.Type.FocusOut:
            self._released_at = time.monotonic()
            self._end_press()
        return super().eventFilter(watched, event)

    def _on_canvas(self, act: Callable[[Canvas], object]) -> None:
        if state := self._session.current:
            act(state.canvas)

    def _toggle_before(self) -> None:
        state = self._session.current
        if self._release.isActive():
            self._release.stop()  # the key is still held: it repeats
        elif state and state.other is None and state.compared is None and not state.canvas.has_change:
            self.show_unavailable()
        elif state:
            self._end_press()
            state.show_before(not state.before)
            self._pressed, self._pressed_at = state, time.monotonic()
            # The release of the key goes to the focused widget, not to the action.
            if focus := self._session.dialog_parent.focusWidget():
                self._watched = focus
                focus.installEventFilter(self)
        self._session.actions["before"].setChecked(bool(state and state.before))

    def _end_press(self) -> None:
        """A tap leaves the other version shown; at the end of a hold all is as it was before."""
        self._release.stop()
        self._stop_watching()
        state, self._pressed = self._pressed, None
        if state and self._session.is_open(state) and self._released_at - self._pressed_at > HOLD_SECONDS:
            state.show_before(not state.before)
            self.show_state()

    def _before_keys(self) -> set[int]:
        shortcuts = self._session.actions["before"].shortcuts()
        return {keys[0].key() for keys in shortcuts if keys.count()}  # type: ignore[index]  # PySide's stubs lack QKeySequence.__getitem__

    def _stop_watching(self) -> None:
        if self._watched is not None and isValid(self._watched):  # the photo may have been closed meanwhile
            self._watched.removeEventFilter(self)
        self._watched = None

    def _show_panels(self) -> None:
        """Check the actions for the panels that are hidden."""
        actions, panels = self._session.actions, self._panels
        actions["panels"].setChecked(panels.all_collapsed)
        actions["left_panels"].setChecked(panels.is_collapsed(LEFT))
        actions["right_panels"].setChecked(panels.is_collapsed(RIGHT))

    def _move_focus(self, step: int) -> None:
        panes = [pane for pane in self._focus_order() if pane and pane.isVisible() and pane.isEnabled()]
        focus = self._session.dialog_parent.focusWidget()
        # -step: without a focused pane the first (or last) one comes next.
        at = next((k for k, p in enumerate(panes) if focus and (p is focus or p.isAncestorOf(focus))), -step)
        panes[(at + step) % len(panes)].setFocus(Qt.FocusReason.ShortcutFocusReason)
