"""Boxes of objects that were found, with their labels."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.values import Bounds

COLOR = "#ffd54a"
"""Of frames and labels: on a dark ground visible on every photo, in both themes."""


class BoxOverlay:
    """Frames with labels; those that are not chosen are dashed."""

    def __init__(self, boxes: Sequence[tuple[Bounds, str, bool]], ratio: float) -> None:
        """boxes: bounds in pixels of the layer, label, and whether it is chosen. ratio: device per logical pixel."""
        self.boxes = tuple(boxes)
        self._ratio = ratio

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:  # noqa: ARG002
        """See `Overlay.paint`."""
        painter.save()
        across, down, ratio = place.width / size[0], place.height / size[1], self._ratio
        font = QFont(painter.font())
        font.setPixelSize(round(12 * ratio))
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        for at, label, chosen in self.boxes:
            frame = QRectF(place.x + at.x * across, place.y + at.y * down, at.width * across, at.height * down)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(0, 0, 0, 180), 4 * ratio))
            painter.drawRect(frame)
            line = Qt.PenStyle.SolidLine if chosen else Qt.PenStyle.DashLine
            painter.setPen(QPen(QColor(COLOR), 2 * ratio, line))
            painter.drawRect(frame)
            room = QRectF(frame.topLeft(), metrics.size(0, label)).adjusted(0, 0, 8 * ratio, 4 * ratio)
            room.moveTopLeft(QPointF(frame.left(), max(place.y, frame.top() - room.height())))
            painter.fillRect(room, QColor(0, 0, 0, 200))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, label)
        painter.restore()
