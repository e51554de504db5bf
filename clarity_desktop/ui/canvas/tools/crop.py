"""The crop tool: a frame that is moved and resized."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.crop_frame import Grip, grip_at, move_grip, paint_frame, with_ratio
from clarity_desktop.ui.canvas.tools.tool import ARROWS, REACH, Pointer, Tool
from clarity_desktop.ui.canvas.view import FIT_MARGIN, Viewport
from clarity_desktop.values import Bounds

CROP_MARGIN = 40.0
"""Logical pixels around the fitted photo: room to take hold of the frame."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
CURSORS = {
    (0, 0): Qt.CursorShape.SizeAllCursor, (-1, 0): Qt.CursorShape.SizeHorCursor, (1, 0): Qt.CursorShape.SizeHorCursor,
    (0, -1): Qt.CursorShape.SizeVerCursor, (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, -1): Qt.CursorShape.SizeFDiagCursor, (1, 1): Qt.CursorShape.SizeFDiagCursor,
    (1, -1): Qt.CursorShape.SizeBDiagCursor, (-1, 1): Qt.CursorShape.SizeBDiagCursor,
}  # fmt: skip


class CropTool(Tool):
    """The crop frame. Arrows move it, with Shift its lower right corner; Enter or double-click accepts, Esc cancels."""

    bounds_changed = Signal(object)  # Bounds in image pixels
    accepted = Signal(object)  # Bounds
    cancelled = Signal()

    exclusive = True

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        self._view = view
        self._bounds: Bounds | None = None
        self._ratio: float | None = None
        self._dragged: tuple[Bounds, Grip, tuple[float, float]] | None = None  # the frame, its grip and the image point

    @property
    def bounds(self) -> Bounds | None:
        """The frame in image pixels; None while the tool is not active."""
        return self._bounds

    def start(self, bounds: Bounds | None = None, ratio: float | None = None) -> None:
        """Show a frame: the given bounds in image pixels (default: the whole photo), with the ratio of `set_ratio`."""
        if self._view.photo_size is None:
            return
        whole = Bounds(0, 0, *self._view.photo_size)
        self._bounds = whole if bounds is None else bounds.cut(whole)
        self.started.emit()
        self._view.margin = CROP_MARGIN
        self._view.fit()
        self.set_ratio(ratio)

    def set_bounds(self, bounds: Bounds) -> None:
        """Move the frame; it is cut to the photo."""
        if self._bounds is not None and self._view.photo_size is not None:
            self._bounds = bounds.cut(Bounds(0, 0, *self._view.photo_size))
            self.changed.emit()
            self.bounds_changed.emit(self._bounds)

    def set_ratio(self, ratio: float | None) -> None:
        """Keep width / height of the frame at a ratio; None: any."""
        self._ratio = ratio
        if self._bounds is not None and (size := self._view.photo_size) is not None:
            self.set_bounds(self._bounds if ratio is None else with_ratio(self._bounds, (0, 0), size, ratio))

    def accept(self) -> None:
        """End with the frame as the result."""
        if (bounds := self._finish()) is not None:
            self.accepted.emit(bounds)

    def cancel(self) -> None:
        if self._finish() is not None:
            self.cancelled.emit()

    def press(self, pointer: Pointer) -> bool:
        grip = self._grip_at(pointer)
        if self._bounds is None or grip is None:
            return False
        self._dragged = self._bounds, grip, pointer.image
        return True

    def move(self, pointer: Pointer) -> None:
        if self._dragged is None or self._view.photo_size is None:
            return
        bounds, grip, start = self._dragged
        by = round(pointer.image[0] - start[0]), round(pointer.image[1] - start[1])
        self.set_bounds(move_grip(bounds, grip, by, self._view.photo_size, self._ratio))

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        self._dragged = None

    def double_click(self, pointer: Pointer) -> bool:
        if self._grip_at(pointer) is None:
            return False
        self.accept()
        return True

    def uses_key(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape or event.key() in ENTER

    def key(self, event: QKeyEvent) -> bool:
        arrow = ARROWS.get(Qt.Key(event.key()))
        if event.key() in ENTER:
            self.accept()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancel()
        elif arrow is not None and self._bounds is not None and self._view.photo_size is not None:
            grip = (1, 1) if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else (0, 0)
            step = max(1, round(1 / self._view.scale))  # at least one device pixel: every press can be seen
            by = arrow[0] * step, arrow[1] * step
            self.set_bounds(move_grip(self._bounds, grip, by, self._view.photo_size, self._ratio))
        else:
            return False
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        grip = self._dragged[1] if self._dragged else self._grip_at(pointer)
        return None if grip is None else CURSORS[grip]

    def paint(self, painter: QPainter) -> None:
        if (bounds := self._bounds) is None:
            return
        canvas = self._view.bounds()
        frame = QRectF(
            self._view.widget_point(bounds.x, bounds.y), self._view.widget_point(bounds.right, bounds.bottom)
        )
        area = QRectF(0, 0, canvas.width / self._view.ratio, canvas.height / self._view.ratio)
        paint_frame(painter, frame, area, QColor(theme.colors().ring))

    def description(self) -> str:
        if (bounds := self._bounds) is None:
            return ""
        text = self.tr("Crop frame {width} × {height} at {x}, {y}.")
        return text.format(width=bounds.width, height=bounds.height, x=bounds.x, y=bounds.y)

    def _grip_at(self, pointer: Pointer) -> Grip | None:
        if self._bounds is None:
            return None
        return grip_at(self._bounds, *pointer.image, self._view.image_length(REACH))

    def _finish(self) -> Bounds | None:
        bounds, self._bounds, self._dragged = self._bounds, None, None
        if bounds is not None:
            self._view.margin = FIT_MARGIN
            self.finished.emit()
        return bounds
