"""The open documents: a tab and a canvas for each, and the empty page while there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QStackedWidget, QTabBar, QToolButton

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.panels import EmptyPage
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import DocumentId

MIN_TAB_WIDTH = 140
"""Pixels: a thumbnail, the close button and some ten characters."""


class PhotoStack(QStackedWidget):
    """Owns the document states; its tab bar chooses the one that is shown."""

    chosen = Signal()  # another document is shown, or none
    close_asked = Signal(object)  # DocumentState
    canvas_made = Signal(object)  # Canvas

    def __init__(self) -> None:
        super().__init__()
        self.cache = ScreenTileCache()
        self.documents: list[DocumentState] = []
        self.tabs = make_tabs()
        self.empty = EmptyPage()
        self.empty_canvas = Canvas(self.cache)
        self.empty_canvas.invitation.set_buttons(self.empty)
        self.addWidget(self.empty_canvas)
        self.tabs.hide()
        self.tabs.currentChanged.connect(self._choose)

    @property
    def current(self) -> DocumentState | None:
        """The document that is shown; None while none is open."""
        index = self.tabs.currentIndex()
        return self.documents[index] if 0 <= index < len(self.documents) else None

    def document(self, document: DocumentId) -> DocumentState | None:
        """The state of an open document."""
        return next((s for s in self.documents if s.id == document), None)

    def add(self, title: str, path: Path | None) -> DocumentState:
        """Add a tab and a canvas for a photo that is being opened, and show them."""
        state = DocumentState(Canvas(self.cache), title, path)
        self.canvas_made.emit(state.canvas)
        self.documents.append(state)
        self.addWidget(state.canvas)
        index = self.tabs.addTab(title)
        self.tabs.setTabButton(index, QTabBar.ButtonPosition.RightSide, self._close_button(state))
        self.tabs.setCurrentIndex(index)
        self._choose()
        # Opening a photo must not take the focus from a field in which the user types.
        if not isinstance(self.window().focusWidget(), QLineEdit | QPlainTextEdit):
            state.canvas.setFocus()
        return state

    def remove(self, state: DocumentState) -> None:
        """Remove the tab and the canvas; the document stays open in the backend."""
        index = self.documents.index(state)
        self.documents.remove(state)
        self.tabs.removeTab(index)
        self.removeWidget(state.canvas)
        state.canvas.hide()
        state.canvas.layers.clear()  # frees its images now, not at a later garbage collection
        state.canvas.deleteLater()
        self._choose()

    def select(self, state: DocumentState) -> None:
        """Show a document."""
        self.tabs.setCurrentIndex(self.documents.index(state))

    def step(self, by: int) -> None:
        """Show the next or previous document, in a circle."""
        if self.documents:
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % len(self.documents))

    def show_recent(self, paths: Sequence[str]) -> None:
        """Show the recent files on the empty page."""
        self.empty.show_recent(paths)
        self.empty_canvas.invitation.set_buttons(self.empty)  # its size changed

    def name_tabs(self) -> None:
        """Show titles with * for unsaved work, and thumbnails."""
        self.tabs.setVisible(bool(self.documents))
        for index, state in enumerate(self.documents):
            # Doubled, because a tab shows a single ampersand as a mnemonic.
            self.tabs.setTabText(index, state.shown_title.replace("&", "&&"))
            self.tabs.setTabToolTip(index, tooltip(str(state.path or state.title)))
            if (version := state.head_version) and self.tabs.tabData(index) != version.id:
                self.tabs.setTabData(index, version.id)
                self.tabs.setTabIcon(index, QIcon(QPixmap.fromImage(to_image(np.asarray(version.thumbnail)))))

    def _choose(self, _index: int = -1) -> None:
        self.setCurrentWidget(self.current.canvas if self.current else self.empty_canvas)
        self.chosen.emit()

    def _close_button(self, state: DocumentState) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, "close")
        button.setIconSize(QSize(12, 12))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAccessibleName(self.tr("Close {name}").format(name=state.title))
        button.setToolTip(tooltip(button.accessibleName()))
        button.clicked.connect(lambda: self.close_asked.emit(state))
        return button


class Tabs(QTabBar):
    """Tabs that scroll before their titles become unreadable."""

    def minimumTabSizeHint(self, index: int) -> QSize:
        """At least MIN_TAB_WIDTH, or the whole title if that is shorter."""
        width = min(self.tabSizeHint(index).width(), MIN_TAB_WIDTH)
        return QSize(width, super().minimumTabSizeHint(index).height())


def make_tabs() -> QTabBar:
    """The tab bar of the open photos."""
    tabs = Tabs()
    tabs.setAccessibleName(QCoreApplication.translate("PhotoStack", "Open photos"))
    tabs.setDocumentMode(True)
    tabs.setExpanding(False)
    tabs.setElideMode(Qt.TextElideMode.ElideMiddle)
    tabs.setUsesScrollButtons(True)
    tabs.setIconSize(QSize(32, 22))
    tabs.setDrawBase(False)
    return tabs
