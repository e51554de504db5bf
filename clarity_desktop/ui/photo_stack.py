"""The open documents: a canvas for each, the film strip that chooses one, and the empty page while there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QStackedWidget

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.film_strip import FilmStrip
from clarity_desktop.ui.panels import EmptyPage
from clarity_desktop.values import DocumentId


class PhotoStack(QStackedWidget):
    """Owns the document states; the film strip chooses the one that is shown."""

    chosen = Signal()  # another document is shown, or none
    close_asked = Signal(object)  # DocumentState
    canvas_made = Signal(object)  # Canvas

    def __init__(self) -> None:
        super().__init__()
        self.cache = ScreenTileCache()
        self.strip = FilmStrip()
        self.empty = EmptyPage()
        self.empty_canvas = Canvas(self.cache)
        self.empty_canvas.invitation.set_buttons(self.empty)
        self.addWidget(self.empty_canvas)
        self.strip.chosen.connect(self._choose)
        self.strip.close_asked.connect(self.close_asked)

    @property
    def documents(self) -> list[DocumentState]:
        """All open documents, also those that wait until they are shown."""
        return self.strip.films.documents

    @property
    def current(self) -> DocumentState | None:
        """The document that is shown; None while none is open."""
        return self.strip.current

    def document(self, document: DocumentId) -> DocumentState | None:
        """The state of an open document."""
        return next((s for s in self.documents if s.id == document), None)

    def add(self, title: str, path: Path | None, *, show: bool = True) -> DocumentState:
        """Add a photo to the strip and a canvas for it; show: it becomes the one that is shown."""
        state = DocumentState(Canvas(self.cache), title, path)
        self.canvas_made.emit(state.canvas)
        self.addWidget(state.canvas)
        self.strip.films.add(state)
        self._show_strip()
        if show or self.current is None:
            self.strip.choose(state)
            # Opening a photo must not take the focus from a field in which the user types.
            if not isinstance(self.window().focusWidget(), QLineEdit | QPlainTextEdit):
                state.canvas.setFocus()
        return state

    def remove(self, state: DocumentState) -> None:
        """Remove a photo and its canvas; the document stays open in the backend."""
        self.strip.films.remove(state)
        self._show_strip()
        self.removeWidget(state.canvas)
        state.canvas.hide()
        state.canvas.layers.clear()  # frees its images now, not at a later garbage collection
        state.canvas.deleteLater()
        self._choose()

    def select(self, state: DocumentState) -> None:
        """Show a document."""
        self.strip.choose(state)

    def step(self, by: int) -> None:
        """Show the next or previous document, in a circle."""
        if self.current is not None:
            row = self.documents.index(self.current)
            self.strip.choose(self.documents[(row + by) % len(self.documents)])

    def show_recent(self, paths: Sequence[str]) -> None:
        """Show the recent files on the empty page."""
        self.empty.show_recent(paths)
        self.empty_canvas.invitation.set_buttons(self.empty)  # its size changed

    def _choose(self) -> None:
        self.setCurrentWidget(self.current.canvas if self.current else self.empty_canvas)
        self.chosen.emit()

    def _show_strip(self) -> None:
        """One photo alone needs no strip: the title of the window names it."""
        self.strip.setVisible(len(self.documents) > 1)
