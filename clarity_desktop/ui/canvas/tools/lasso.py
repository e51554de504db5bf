"""The lasso: a line drawn around what is selected."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from clarity_desktop.ui.canvas.tools.region import How, RegionTool, is_subtracting
from clarity_desktop.ui.canvas.tools.tool import Pointer
from clarity_desktop.ui.canvas.view import Viewport

SPACING = 2.0
"""Logical pixels: points that are nearer to each other are left out."""


class LassoTool(RegionTool):
    """A drag draws the line, and its end is joined with its beginning."""

    enclosed = Signal(object, str)  # tuple of points (x, y), How

    uses_right_button = True

    def __init__(self, view: Viewport) -> None:
        super().__init__(view)
        self._points: list[tuple[float, float]] = []
        self._how: How = "replace"

    def press(self, pointer: Pointer) -> bool:
        self._points = [pointer.image]
        how = self.how(pointer.modifiers)
        self._how = "subtract" if is_subtracting(pointer) and how != "intersect" else how
        return True

    def move(self, pointer: Pointer) -> None:
        if not self._points:
            return
        x, y = self._points[-1]
        if abs(pointer.image[0] - x) + abs(pointer.image[1] - y) >= self._view.image_length(SPACING):
            self._points.append(pointer.image)
            self.changed.emit()

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        points, self._points = tuple(self._points), []
        self.changed.emit()
        if len(points) > 2:
            self.enclosed.emit(points, self._how)

    def abandon(self) -> None:
        self._points = []

    def paint(self, painter: QPainter) -> None:
        if self._points:
            line = QPolygonF([self._view.widget_point(*point) for point in self._points])
            painter.setBrush(QColor(255, 255, 255, 40))
            painter.setPen(QPen(QColor("black"), 3))
            painter.drawPolygon(line)
            painter.setPen(QPen(QColor("white"), 1.5, Qt.PenStyle.DashLine))
            painter.drawPolygon(line)
        super().paint(painter)

    def description(self) -> str:
        what = self.tr("Draw around what to select: Enter starts the line at the cursor and ends it.")
        return f"{what} {self.cursor_text()}".strip()
