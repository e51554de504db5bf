"""Accepts files and pictures that are dropped onto a widget."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QWidget


class DropTarget(QObject):
    """Watches the drag and drop events of a widget."""

    files_dropped = Signal(object)  # tuple[Path, ...]
    image_dropped = Signal(QImage)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.is_hovered = False  # something that can be dropped is over the widget
        self._widget = widget
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt's hook: True for the events that are handled here."""
        if isinstance(event, QDragEnterEvent):
            if event.mimeData().hasUrls() or event.mimeData().hasImage():
                # Without accepting the enter event Qt sends no drop event.
                event.acceptProposedAction()
                self._set_hovered(True)
        elif event.type() == QEvent.Type.DragLeave:
            self._set_hovered(False)
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self._set_hovered(False)
            self._drop(event.mimeData())
            event.acceptProposedAction()
        else:
            return super().eventFilter(watched, event)
        return True

    def _drop(self, data: QMimeData) -> None:
        """Files come first: a picture dragged out of a browser has an address, too, and is taken as a bitmap."""
        files = tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
        image = data.imageData()
        if files:
            self.files_dropped.emit(files)
        elif isinstance(image, QImage) and not image.isNull():
            self.image_dropped.emit(image)

    def _set_hovered(self, on: bool) -> None:
        self.is_hovered = on
        self._widget.update()
