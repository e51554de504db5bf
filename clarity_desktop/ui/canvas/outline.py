"""The outline of the part of a photo that was restored."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.values import Bounds

DASH = (4.0, 4.0)
"""Dash and gap, in widths of the line."""


class Outline:
    """A dashed frame in black and white, which is visible on every photo."""

    def __init__(self, bounds: Bounds) -> None:
        """bounds: in pixels of the layer."""
        self.bounds = bounds

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:  # noqa: ARG002
        """See `Overlay.paint`."""
        across, down = place.width / size[0], place.height / size[1]
        at = self.bounds
        frame = QRectF(place.x + at.x * across, place.y + at.y * down, at.width * across, at.height * down)
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor("white"), 2))
        painter.drawRect(frame)
        pen = QPen(QColor("black"), 2)
        pen.setDashPattern(list(DASH))
        painter.setPen(pen)
        painter.drawRect(frame)
        painter.restore()
