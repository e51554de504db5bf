"""How the photo is looked at: zoom, before and after, panels, full screen, focus. Changes nothing in a document."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDockWidget, QWidget

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.compare import Compare
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.values import VersionId

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow

MODES: dict[str, Compare] = {"single": "single", "split": "split", "side_by_side": "side", "stacked": "top"}
"""Action → the canvas's mode."""
PEEK = 0.3
"""A key held longer than so many seconds was a peek: releasing it goes back."""


class ViewCommands(QObject):
    """Connects the actions of the View menu with the photo that is shown."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._hidden: list[QDockWidget] = []
        self._pressed = 0.0
        self._watched: QWidget | None = None
        on = window.action.on
        for name, scale in (("full_size", 1.0), ("zoom_200", 2.0), ("zoom_400", 4.0)):
            on(name, lambda scale=scale: self._on_canvas(lambda canvas: canvas.view.zoom_to(scale)))
        on("zoom_in", lambda: self._on_canvas(lambda canvas: canvas.view.zoom_in()))
        on("zoom_out", lambda: self._on_canvas(lambda canvas: canvas.view.zoom_out()))
        on("fit", lambda: self._on_canvas(lambda canvas: canvas.view.fit()))
        on("toggle_fit", lambda: self._on_canvas(lambda canvas: canvas.view.toggle_fit()))
        for name, mode in MODES.items():
            on(name, partial(self.set_compare, mode))
        on("before", self._toggle_before)
        on("panels", self._toggle_panels)
        on("full_screen", self._toggle_full_screen)
        on("next_photo", lambda: window.photos.step(1))
        on("previous_photo", lambda: window.photos.step(-1))
        on("next_pane", lambda: self._focus_pane(1))
        on("previous_pane", lambda: self._focus_pane(-1))
        on("chat", self._focus_chat)

    def show_state(self, view: DocumentState | None) -> None:
        """The title, the status bar and the check marks for the photo that is shown."""
        window = self._window
        mode = view.canvas.comparison.mode if view else "single"
        for name, its in MODES.items():
            window.action[name].setChecked(bool(view) and its == mode)
        window.action["before"].setChecked(bool(view and view.before))
        if view and (version := view.head_version) and (card := view.card):
            window.status.show_photo(version.width, version.height, card.depth, card.profile)
            window.status.show_zoom(view.canvas.view.scale)
        else:
            window.status.show_no_photo()
        self._show_title(view)

    def zoom_changed(self, scale: float) -> None:
        if self._window.current:
            self._window.status.show_zoom(scale)
            self._show_title(self._window.current)

    def hovered(self, at: tuple[int, int] | None) -> None:
        view = self._window.current
        self._window.status.show_pixel(at, view.canvas.layers.main.value(*at) if view and at else None)

    def compare_changed(self, mode: str) -> None:
        for name, its in MODES.items():
            self._window.action[name].setChecked(its == mode)

    def set_compare(self, mode: Compare) -> None:
        """Show one version or two; the same key again goes back to one."""
        if view := self._window.current:
            view.show_before(False)
            view.canvas.comparison.set_mode("single" if view.canvas.comparison.mode == mode else mode)
            self.show_state(view)

    def compare_asked(self, view: DocumentState | None, version: VersionId, other: VersionId) -> None:
        """The conversation asked to show two versions together."""
        if view is not None:
            view.chosen_other = other if version == view.head else version
            view.canvas.comparison.set_mode("side")
            self.compare_with(view)

    def compare_with(self, view: DocumentState) -> None:
        """Show the chosen pair, at a line unless two are shown already."""
        if view.canvas.comparison.mode == "single":
            view.canvas.comparison.set_mode("split")
        self._window.perceiving.complete(view)
        if view is self._window.current:
            self._window.refresh()

    def show_all_panels(self) -> None:
        """Undo what hiding the panels did, so that they are there at the next start."""
        for dock in self._hidden:
            dock.show()
        self._hidden = []
        self._window.action["panels"].setChecked(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent) and not event.isAutoRepeat():
            self._stop_watching()
            if time.monotonic() - self._pressed > PEEK and (view := self._window.current):
                view.show_before(False)
                self._window.action["before"].setChecked(False)
        return super().eventFilter(watched, event)

    def _on_canvas(self, act: Callable[[Canvas], object]) -> None:
        if view := self._window.current:
            act(view.canvas)

    def _toggle_before(self) -> None:
        if view := self._window.current:
            view.show_before(not view.before)
            self._window.action["before"].setChecked(view.before)
            self._pressed = time.monotonic()
            if view.before and (focus := self._window.focusWidget()):
                self._stop_watching()
                self._watched = focus
                focus.installEventFilter(self)

    def _stop_watching(self) -> None:
        if self._watched is not None:
            self._watched.removeEventFilter(self)
            self._watched = None

    def _toggle_panels(self) -> None:
        if self._hidden:
            self.show_all_panels()
            return
        self._hidden = [dock for dock in self._window.docks.values() if dock.isVisible()]
        for dock in self._hidden:
            dock.hide()
        self._window.action["panels"].setChecked(bool(self._hidden))

    def _toggle_full_screen(self) -> None:
        self._window.setWindowState(self._window.windowState() ^ Qt.WindowState.WindowFullScreen)
        self._window.action["full_screen"].setChecked(self._window.isFullScreen())

    def _focus_pane(self, step: int) -> None:
        window = self._window
        shown = window.photos.currentWidget()
        bars = window.notices.bars()
        notice = bars[-1].first if bars else None
        panes = [notice, shown, window.versions.tree, window.quality, window.restore.task, window.chat.composer]
        panes = [p for p in panes if p and p.isVisible() and p.isEnabled()]
        focus = window.focusWidget()
        at = next((k for k, p in enumerate(panes) if focus and (p is focus or p.isAncestorOf(focus))), -step)
        panes[(at + step) % len(panes)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _focus_chat(self) -> None:
        self._window.docks["chat"].show()
        self._window.docks["chat"].raise_()
        self._window.chat.focus()

    def _show_title(self, view: DocumentState | None) -> None:
        if view is None:
            self._window.setWindowTitle("Clarity Desktop")
            return
        about = f" (RGB {view.card.depth}-bit, {view.card.profile})" if view.card else ""
        zoom = f"{100 * view.canvas.view.scale:.0f} %"
        self._window.setWindowTitle(f"{view.shown_title} – {zoom}{about} – Clarity Desktop")
