"""The clipboard: copy the open version, paste a picture or files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from clarity_desktop.messages import ReadPixels
from clarity_desktop.ui.commands.files import FileCommands
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.pixels import to_picture
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Pixels


class ClipboardCommands(QObject):
    """Connects Copy and Paste with requests."""

    def __init__(self, session: Session, files: FileCommands) -> None:
        super().__init__(session)
        self._session, self._files = session, files
        session.actions.on("copy", self._copy)
        session.actions.on("paste", self._paste)

    def _copy(self) -> None:
        if (state := self._session.current) and state.id and state.head:
            self._session.ask(ReadPixels(state.id, state.head), state, self.tr("Copying…"))

    def _paste(self) -> None:
        if not self._files.open_mime_data(QGuiApplication.clipboard().mimeData(), self.tr("Pasted picture {number}")):
            self._session.notify(self.tr("There is no picture in the clipboard."), seconds=6)

    def copy_pixels(self, state: DocumentState | None, pixels: Pixels, alpha: NDArray[np.uint8] | None) -> None:
        """Put pixels into the clipboard: H×W×3 uint8 sRGB, alpha H×W uint8."""
        self._session.spawn(self._put(state, pixels, alpha))

    async def _put(self, state: DocumentState | None, pixels: Pixels, alpha: NDArray[np.uint8] | None) -> None:
        # Converting a large photo takes a second, too long for the UI thread.
        image = await self._session.in_file_thread(to_picture, pixels, alpha)
        QGuiApplication.clipboard().setImage(image)
        self._session.notify(self.tr("Copied to the clipboard."), document=state, seconds=4)
