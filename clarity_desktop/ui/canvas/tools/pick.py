"""The pick tool: a click takes the point of the photo under the pointer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent

from clarity_desktop.ui.canvas.tools.tool import Pointer, Tool
from clarity_desktop.ui.canvas.view import Viewport


class PickTool(Tool):
    """Active from `start` until a point was clicked or Esc was pressed."""

    picked = Signal(int, int)  # image pixel

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        self._view = view
        self._active = False

    def start(self) -> None:
        """Wait for a click on the photo."""
        if self._view.photo_size is not None and not self._active:
            self._active = True
            self.started.emit()

    def cancel(self) -> None:
        if self._active:
            self._active = False
            self.finished.emit()

    def press(self, pointer: Pointer) -> bool:
        point = self._view.image_pixel(pointer.position)
        if point is not None:
            self.cancel()
            self.picked.emit(*point)
        return True

    def uses_key(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape

    def key(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Escape:
            return False
        self.cancel()
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        return None if self._view.image_pixel(pointer.position) is None else Qt.CursorShape.CrossCursor

    def description(self) -> str:
        return self.tr("Click a point that should be gray; Esc cancels.")
