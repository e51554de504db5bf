"""The open photos: a tab and a canvas for each, and the canvas that invites to open one while there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
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


class PhotoStack(QStackedWidget):
    """Owns the views; the tab bar beside it says which one is shown."""

    chosen = Signal()  # another photo is shown, or none
    close_asked = Signal(object)  # DocumentView
    canvas_made = Signal(object)  # Canvas

    def __init__(self) -> None:
        super().__init__()
        self.cache = ScreenTileCache()
        self.views: list[DocumentState] = []
        self.tabs = make_tabs()
        self.empty = EmptyPage()
        self.empty_canvas = Canvas(self.cache)
        self.empty_canvas.invitation.set_buttons(self.empty)
        self.addWidget(self.empty_canvas)
        self.tabs.hide()
        self.tabs.currentChanged.connect(self._choose)

    @property
    def current(self) -> DocumentState | None:
        index = self.tabs.currentIndex()
        return self.views[index] if 0 <= index < len(self.views) else None

    def view(self, document: DocumentId) -> DocumentState | None:
        return next((v for v in self.views if v.id == document), None)

    def add(self, title: str, path: Path | None) -> DocumentState:
        """A tab and a canvas for a photo that is being opened; shown at once."""
        view = DocumentState(Canvas(self.cache), title, path)
        self.canvas_made.emit(view.canvas)
        self.views.append(view)
        self.addWidget(view.canvas)
        index = self.tabs.addTab(title)
        self.tabs.setTabButton(index, QTabBar.ButtonPosition.RightSide, self._close_button(view))
        self.tabs.setCurrentIndex(index)
        self._choose()
        if not isinstance(self.window().focusWidget(), QLineEdit | QPlainTextEdit):
            view.canvas.setFocus()
        return view

    def remove(self, view: DocumentState) -> None:
        """Take a photo out of the window; its document is not touched."""
        index = self.views.index(view)
        self.views.remove(view)
        self.tabs.removeTab(index)
        self.removeWidget(view.canvas)
        view.canvas.hide()
        view.canvas.deleteLater()
        self._choose()

    def select(self, view: DocumentState) -> None:
        self.tabs.setCurrentIndex(self.views.index(view))

    def step(self, by: int) -> None:
        """To the next or previous photo, round and round."""
        if self.views:
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % len(self.views))

    def show_recent(self, paths: Sequence[str]) -> None:
        """What the page without a photo offers to open again."""
        self.empty.show_recent(paths)
        self.empty_canvas.invitation.set_buttons(self.empty)  # it has another size

    def name_tabs(self) -> None:
        """Titles with the star of unsaved work, and thumbnails."""
        self.tabs.setVisible(bool(self.views))
        for index, view in enumerate(self.views):
            self.tabs.setTabText(index, view.shown_title.replace("&", "&&"))
            self.tabs.setTabToolTip(index, tooltip(str(view.path or view.title)))
            if (version := view.head_version) and self.tabs.tabData(index) != version.id:
                self.tabs.setTabData(index, version.id)
                self.tabs.setTabIcon(index, QIcon(QPixmap.fromImage(to_image(np.asarray(version.thumbnail)))))

    def _choose(self, _index: int = -1) -> None:
        self.setCurrentWidget(self.current.canvas if self.current else self.empty_canvas)
        self.chosen.emit()

    def _close_button(self, view: DocumentState) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, "close")
        button.setIconSize(QSize(12, 12))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setAccessibleName(f"Close {view.title}")
        button.setToolTip(tooltip(f"Close {view.title}"))
        button.clicked.connect(lambda: self.close_asked.emit(view))
        return button


def make_tabs() -> QTabBar:
    tabs = QTabBar()
    tabs.setAccessibleName("Open photos")
    tabs.setDocumentMode(True)
    tabs.setExpanding(False)
    tabs.setElideMode(Qt.TextElideMode.ElideMiddle)
    tabs.setUsesScrollButtons(True)
    tabs.setIconSize(QSize(32, 22))
    tabs.setDrawBase(False)
    return tabs
