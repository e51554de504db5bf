"""The brush: paints what is selected, or erases it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPen

from clarity_desktop.ui.canvas.tools.region import RegionTool, is_subtracting
from clarity_desktop.ui.canvas.tools.tool import Pointer
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.values import Stroke

SIZES = (1, 2000)
"""Diameters in pixels of the photo."""
GROWTH = 1.2
"""By which a key makes the brush larger."""
SOFTER = 0.1
SPACING = 0.15
"""Of the radius: points of a stroke that are nearer to each other are left out."""
ADDED, ERASED = QColor(255, 70, 70, 110), QColor(30, 30, 30, 130)
"""Of a stroke that is not part of the mask yet."""


class BrushTool(RegionTool):
    """Strokes add to the selection; with Alt, the right button or `erases` they take away. [ and ] change the size,
    with Shift the softness.
    """

    painted = Signal(object)  # Stroke
    shape_changed = Signal()  # diameter or softness

    uses_right_button = True

    def __init__(self, view: Viewport, *, only_adds: bool = False) -> None:
        """only_adds: nothing is erased, whatever is pressed."""
        super().__init__(view)
        self._only_adds = only_adds
        self.diameter = 60.0
        self.softness = 0.3
        self.erases = False
        self._points: list[tuple[float, float]] = []
        self._erasing = False
        self._waiting: list[Stroke] = []  # drawn until the mask shows them
        self._at: QPointF | None = None  # of the pointer

    def set_shape(self, diameter: float, softness: float) -> None:
        """Set the diameter in pixels of the photo and the softness, 0..1 of the radius."""
        shape = min(max(diameter, SIZES[0]), SIZES[1]), min(max(softness, 0.0), 1.0)
        if shape != (self.diameter, self.softness):
            self.diameter, self.softness = shape
            self.shape_changed.emit()
            self.changed.emit()

    def forget_strokes(self) -> None:
        """The mask shows what was painted."""
        if self._waiting:
            self._waiting.clear()
            self.changed.emit()

    def press(self, pointer: Pointer) -> bool:
        self._points = [pointer.image]
        self._erasing = not self._only_adds and self.erases != is_subtracting(pointer)
        self._at = pointer.position
        self.changed.emit()
        return True

    def move(self, pointer: Pointer) -> None:
        self._at = pointer.position
        if self._points:
            x, y = self._points[-1]
            if abs(pointer.image[0] - x) + abs(pointer.image[1] - y) >= SPACING * self.diameter / 2:
                self._points.append(pointer.image)
        self.changed.emit()

    def release(self, pointer: Pointer) -> None:
        if not self._points:
            return
        if self._points[-1] != pointer.image:
            self._points.append(pointer.image)
        stroke = Stroke(tuple(self._points), self.diameter / 2, 1 - self.softness, self._erasing)
        self._points = []
        self._waiting.append(stroke)
        self.changed.emit()
        self.painted.emit(stroke)

    def abandon(self) -> None:
        self._points = []
        self._waiting.clear()
        self._at = None

    def hover(self, pointer: Pointer | None) -> None:
        super().hover(pointer)
        self._at = pointer.position if pointer else None
        self.changed.emit()

    def uses_key(self, event: QKeyEvent) -> bool:
        return super().uses_key(event) or _change(event) is not None

    def key(self, event: QKeyEvent) -> bool:
        if (change := _change(event)) is None:
            return super().key(event)
        larger, softer = change
        diameter = self.diameter * GROWTH**larger
        # At least one pixel: a brush of two pixels would never become larger.
        diameter = max(diameter, self.diameter + 1) if larger > 0 else diameter
        self.set_shape(round(diameter), round(self.softness + SOFTER * softer, 2))
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        return None if self._view.image_pixel(pointer.position) is None else Qt.CursorShape.BlankCursor

    def paint(self, painter: QPainter) -> None:
        strokes = list(self._waiting)
        if self._points:
            strokes.append(Stroke(tuple(self._points), self.diameter / 2, 1 - self.softness, self._erasing))
        for stroke in strokes:
            self._paint_stroke(painter, stroke)
        at = self._at if self._cursor is None else self._view.widget_point(*self._cursor)
        if at is not None:
            self._paint_circle(painter, at)
        super().paint(painter)

    def description(self) -> str:
        text = self.tr("Brush of {size} pixels: Enter puts it down at the cursor and lifts it.")
        return f"{text.format(size=round(self.diameter))} {self.cursor_text()}".strip()

    def _radius(self, diameter: float) -> float:
        """Logical pixels."""
        return diameter / 2 * self._view.scale / self._view.ratio

    def _paint_stroke(self, painter: QPainter, stroke: Stroke) -> None:
        points = [self._view.widget_point(*point) for point in stroke.points]
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        if len(points) == 1 or all(point == points[0] for point in points):
            path.lineTo(points[0] + QPointF(0.01, 0))  # Qt draws no line without a length
        pen = QPen(ERASED if stroke.erase else ADDED, 2 * self._radius(2 * stroke.radius))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.strokePath(path, pen)

    def _paint_circle(self, painter: QPainter, at: QPointF) -> None:
        """The outline of the brush, and inside it where its softness begins."""
        radius = max(1.5, self._radius(self.diameter))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((QColor(0, 0, 0, 200), 2.5), (QColor("white"), 1.2)):
            painter.setPen(QPen(color, width))
            painter.drawEllipse(at, radius, radius)
            if self.softness > 0 and radius > 6:
                pen = QPen(color, width / 2, Qt.PenStyle.DotLine)
                painter.setPen(pen)
                painter.drawEllipse(at, radius * (1 - self.softness), radius * (1 - self.softness))


def _change(event: QKeyEvent) -> tuple[int, int] | None:
    """What a key changes: size (-1, 0, 1) and softness."""
    if event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
        return None
    by = {
        Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1, Qt.Key.Key_BraceLeft: -1, Qt.Key.Key_BraceRight: 1,
    }.get(Qt.Key(event.key()))  # fmt: skip
    if by is None:
        return None
    shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
    return (0, by) if shifted or event.key() in (Qt.Key.Key_BraceLeft, Qt.Key.Key_BraceRight) else (by, 0)
