"""The click tool: a click selects the object under the pointer, a drag the object in a box."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QApplication

from clarity_desktop.ui.canvas.tools.region import RegionTool, is_subtracting
from clarity_desktop.ui.canvas.tools.tool import Pointer
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.values import Bounds, Click

DOT = 5.0
"""Logical pixels: radius of the mark of a click."""
INSIDE, OUTSIDE = "#35c46a", "#ff5d52"
"""Colors of clicks on the object and beside it; a plus and a minus tell them apart as well."""


class ClickTool(RegionTool):
    """Clicks mark the object; with Alt or the right button what is not part of it; with Shift another object.

    A drag draws a box around the object. C goes on to the next mask that the clicks may mean.
    """

    clicked = Signal(object, str)  # Click, How
    boxed = Signal(object, str)  # Bounds, How
    next_asked = Signal(int)  # 1: the next candidate, -1: the one before it
    pointed = Signal(object)  # (x, y) of the photo under the resting pointer; None: it is somewhere else

    uses_right_button = True
    drags = False

    def __init__(self, view: Viewport, *, only_boxes: bool = False) -> None:
        """only_boxes: every press starts a box, also from the keyboard."""
        super().__init__(view)
        self.clicks: tuple[Click, ...] = ()  # those that the shown mask answers
        self._only_boxes = only_boxes
        self.drags = only_boxes
        self._start: Pointer | None = None
        self._end: tuple[float, float] | None = None

    def show_clicks(self, clicks: tuple[Click, ...]) -> None:
        """Mark the clicks that the shown mask answers."""
        if clicks != self.clicks:
            self.clicks = clicks
            self.changed.emit()

    def press(self, pointer: Pointer) -> bool:
        if self._view.image_pixel(pointer.position) is None and not self._only_boxes:
            return False
        self._start, self._end = pointer, None
        self.pointed.emit(None)
        return True

    def move(self, pointer: Pointer) -> None:
        if self._start is None or self._start.button == Qt.MouseButton.RightButton:
            return
        moved = (pointer.position - self._start.position).manhattanLength()
        if self._end is not None or moved >= QApplication.startDragDistance():
            self._end = pointer.image
            self.changed.emit()

    def release(self, pointer: Pointer) -> None:
        start, box = self._start, self._box()
        self._start = self._end = None
        self.changed.emit()
        if start is None:
            return
        if box is not None:
            how = self.how(start.modifiers)
            self.boxed.emit(box, "subtract" if is_subtracting(start) and how != "intersect" else how)
        elif not self._only_boxes and self._view.image_pixel(pointer.position) is not None:
            self.clicked.emit(Click(*start.image, inside=not is_subtracting(start)), self.how(start.modifiers))

    def abandon(self) -> None:
        self._start = self._end = None

    def hover(self, pointer: Pointer | None) -> None:
        super().hover(pointer)
        inside = pointer is not None and self._view.image_pixel(pointer.position) is not None
        self.pointed.emit(pointer.image if pointer is not None and inside else None)

    def uses_key(self, event: QKeyEvent) -> bool:
        return super().uses_key(event) or _turns(event)

    def key(self, event: QKeyEvent) -> bool:
        if not _turns(event):
            return super().key(event)
        self.next_asked.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        return True

    def paint(self, painter: QPainter) -> None:
        for click in self.clicks:
            _paint_click(painter, click, self._view)
        if self._start is not None and self._end is not None:
            frame = QRectF(self._view.widget_point(*self._start.image), self._view.widget_point(*self._end))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor("black"), 3))
            painter.drawRect(frame)
            painter.setPen(QPen(QColor("white"), 1.5, Qt.PenStyle.DashLine))
            painter.drawRect(frame)
        super().paint(painter)

    def description(self) -> str:
        if self._only_boxes:
            what = self.tr("Draw a box around an object: Enter starts it at the cursor and ends it.")
        else:
            what = self.tr("Click an object to select it; with Alt, what is not part of it.")
        return f"{what} {self.cursor_text()}".strip()

    def _box(self) -> Bounds | None:
        """The box that was drawn, in the photo; None for a click."""
        if self._start is None or self._end is None or (size := self._view.photo_size) is None:
            return None
        (x0, y0), (x1, y1) = self._start.image, self._end
        left, right = (round(min(max(0.0, x), size[0])) for x in sorted((x0, x1)))
        top, bottom = (round(min(max(0.0, y), size[1])) for y in sorted((y0, y1)))
        return Bounds(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _turns(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_C and not event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier


def _paint_click(painter: QPainter, click: Click, view: Viewport) -> None:
    at = view.widget_point(click.x, click.y)
    painter.setPen(QPen(QColor("white"), 1.5))
    painter.setBrush(QColor(INSIDE if click.inside else OUTSIDE))
    painter.drawEllipse(at, DOT + 1, DOT + 1)
    across, down = QPointF(DOT - 2, 0), QPointF(0, DOT - 2)
    painter.drawLine(at - across, at + across)
    if click.inside:
        painter.drawLine(at - down, at + down)
