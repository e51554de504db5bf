"""Pans the photo; a click without a drag reports an image pixel."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from clarity_desktop.ui.canvas.tools.tool import ARROWS, Pointer, Tool, has_plain_modifiers
from clarity_desktop.ui.canvas.view import Viewport

PAN_STEP = 64.0
"""Logical pixels that one press of an arrow key moves the photo."""
FAR = 1e9
"""More device pixels than any photo has: to the edge."""


class PanTool(Tool):
    """Moves the photo by dragging and with the arrow keys, Home and End."""

    clicked = Signal(int, int)  # image pixel: left click without drag
    clicked_at = Signal(QPointF)  # where, in logical pixels, also beside the photo

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        self._view = view
        self._last: QPointF | None = None  # the pointer's last position during a drag
        self._click: Pointer | None = None  # where a press may still become a click

    def press(self, pointer: Pointer) -> bool:
        """A drag moves the photo, less is a click."""
        self.grab(pointer)
        self._click = pointer
        return True

    def grab(self, pointer: Pointer) -> None:
        """Start a drag that moves the photo at once and never becomes a click."""
        self._last, self._click = pointer.position, None

    def move(self, pointer: Pointer) -> None:
        if self._last is None:
            return
        if self._click is not None:
            moved = (pointer.position - self._click.position).manhattanLength()
            if moved < QApplication.startDragDistance():
                return
            self._click = None
        ratio, by = self._view.ratio, pointer.position - self._last
        self._last = pointer.position
        self._view.pan(by.x() * ratio, by.y() * ratio)

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        click, self._last, self._click = self._click, None, None
        if click is None:
            return
        self.clicked_at.emit(click.position)
        if (pixel := self._view.image_pixel(click.position)) is not None:
            self.clicked.emit(*pixel)

    def uses_key(self, event: QKeyEvent) -> bool:
        return has_plain_modifiers(event) and (
            event.key() in ARROWS or event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End)
        )

    def key(self, event: QKeyEvent) -> bool:
        if (arrow := ARROWS.get(Qt.Key(event.key()))) is not None:
            step = PAN_STEP * self._view.ratio
            self._view.pan(-arrow[0] * step, -arrow[1] * step)
        elif event.key() == Qt.Key.Key_Home:
            self._view.pan(FAR, FAR)
        elif event.key() == Qt.Key.Key_End:
            self._view.pan(-FAR, -FAR)
        else:
            return False
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:  # noqa: ARG002
        is_dragging = self._last is not None and self._click is None
        return Qt.CursorShape.ClosedHandCursor if is_dragging else None
