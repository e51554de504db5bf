"""What is wrong with the photo and how good it is: asked for where it is missing, shown, acted on when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from clarity_desktop.messages import Assess, Improved, ReadManifest, Request
from clarity_desktop.ui.document_view import DocumentView

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow


class Perceiving(QObject):
    """Connects the quality panel with the photo that is shown."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def show(self) -> None:
        """Show what is known of the current photo's open version."""
        view = self._window.current
        self._window.quality.show_versions(view.head_version if view else None, view.other_version if view else None)

    def complete(self, view: DocumentView) -> None:
        """Ask for what the photo's state lacks: the manifest of the version compared with, scores, what is wrong."""
        if view.id is None:
            return
        if view.other and not view.show_other():
            self._ask_once(ReadManifest(view.id, view.other), view)
        if self._busy_with(view):
            return
        for version in (view.other_version, view.head_version):
            if version is not None and version.quality is None:
                self._ask_once(Assess(view.id, version.id), view)

    def improved(self, news: Improved) -> None:
        self._window.notices.say(news.text)

    def _ask_once(self, request: Request, view: DocumentView) -> None:
        if all(f.request != request for f in self._window.follows):
            self._window.ask(request, view)

    def _busy_with(self, view: DocumentView) -> bool:
        """Whether a request is under way that brings the scores by itself."""
        return any(f.view is view and f.title for f in self._window.follows)
