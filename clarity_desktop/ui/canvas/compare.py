"""Two versions together: which part of the canvas shows which, the line between them and their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from clarity_desktop.values import Bounds

Compare = Literal["single", "split", "side", "top"]
Shown = Literal["version", "other"]
GAP = 2
"""Device pixels between two panes."""
LABEL_MARGIN, LABEL_PADDING = 12.0, 8.0


@dataclass(frozen=True, slots=True)
class Pane:
    """A part of the canvas in device pixels: the photo is laid out in `area` and drawn inside `clip`."""

    shows: Shown
    area: Bounds
    clip: Bounds


def panes(mode: Compare, width: int, height: int, split: float) -> tuple[Pane, ...]:
    """The parts of a canvas of width × height device pixels: the version compared with first, if it is shown."""
    whole = Bounds(0, 0, width, height)
    if mode == "single":
        return (Pane("version", whole, whole),)
    if mode == "split":
        line = round(width * split)
        before, after = Bounds(0, 0, line, height), Bounds(line, 0, width - line, height)
        return Pane("other", whole, before), Pane("version", whole, after)
    if mode == "side":
        half = (width - GAP) // 2
        before, after = Bounds(0, 0, half, height), Bounds(width - half, 0, half, height)
    else:
        half = (height - GAP) // 2
        before, after = Bounds(0, 0, width, half), Bounds(0, height - half, width, half)
    return Pane("other", before, before), Pane("version", after, after)


def paint_label(painter: QPainter, text: str, area: QRectF, *, right: bool) -> None:
    """A version's name in the upper left or right corner of its area, on a dark plate that any photo leaves legible."""
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() - 2 * (LABEL_MARGIN + LABEL_PADDING))
    if len(text) < 2:
        return
    plate = QRectF(0, 0, metrics.horizontalAdvance(text) + 2 * LABEL_PADDING, metrics.height() + LABEL_PADDING)
    plate.moveTop(area.top() + LABEL_MARGIN)
    plate.moveLeft(area.right() - LABEL_MARGIN - plate.width() if right else area.left() + LABEL_MARGIN)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 176))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def paint_split(painter: QPainter, x: float, height: float, accent: QColor, *, focused: bool) -> None:
    """The line between the two versions, with a grip; in the accent colour while the keyboard moves it."""
    painter.setPen(QPen(QColor(0, 0, 0, 120), 4))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    painter.setPen(QPen(accent if focused else QColor(255, 255, 255), 2))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    grip = QPointF(x, height / 2)
    painter.setBrush(QColor(30, 30, 30, 220))
    painter.drawEllipse(grip, 15, 15)
    painter.setPen(QPen(QColor(255, 255, 255), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for side in (-1, 1):
        tip = grip + QPointF(9 * side, 0)
        painter.drawLine(tip, tip + QPointF(-4 * side, -4))
        painter.drawLine(tip, tip + QPointF(-4 * side, 4))
