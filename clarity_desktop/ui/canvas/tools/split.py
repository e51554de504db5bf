"""Moves the split line between two versions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.compare import Comparison, paint_split
from clarity_desktop.ui.canvas.tools.tool import ARROWS, REACH, Pointer, Tool
from clarity_desktop.ui.canvas.view import Viewport

SPLIT_STEP = 0.02
"""Share of the width by which an arrow key moves the line; a tenth of it with Shift."""


class SplitTool(Tool):
    """The line of the split mode, moved by dragging and with Left and Right."""

    def __init__(self, view: Viewport, comparison: Comparison) -> None:
        super().__init__()
        self.has_focus_ring = False
        self._view = view
        self._comparison = comparison
        self._is_dragging = False

    def press(self, pointer: Pointer) -> bool:
        self._is_dragging = self._is_near(pointer)
        return self._is_dragging

    def move(self, pointer: Pointer) -> None:
        self._comparison.set_split(pointer.position.x() / self._width())

    def release(self, pointer: Pointer) -> None:  # noqa: ARG002
        self._is_dragging = False

    def key(self, event: QKeyEvent) -> bool:
        """Left and Right move the line; the other arrows pan. `PanTool.uses_key` covers them all."""
        arrow = ARROWS.get(Qt.Key(event.key()))
        if not self._comparison.shows_split or arrow is None or not arrow[0]:
            return False
        is_fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self._comparison.set_split(self._comparison.split + arrow[0] * SPLIT_STEP * (0.1 if is_fine else 1))
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        return Qt.CursorShape.SplitHCursor if self._is_dragging or self._is_near(pointer) else None

    def paint(self, painter: QPainter) -> None:
        if self._comparison.shows_split:
            bounds = self._view.bounds()
            x = self._view.to_logical(round(bounds.width * self._comparison.split), 0).x()
            accent = QColor(theme.colors().ring)
            paint_split(painter, x, bounds.height / self._view.ratio, accent, focused=self.has_focus_ring)

    def _is_near(self, pointer: Pointer) -> bool:
        line = self._comparison.split * self._width()
        return self._comparison.shows_split and abs(pointer.position.x() - line) <= REACH

    def _width(self) -> float:
        """Logical pixels."""
        return self._view.bounds().width / self._view.ratio
