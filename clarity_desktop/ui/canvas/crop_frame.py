"""The crop frame: its geometry in image pixels, and how it is painted."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from clarity_desktop.values import Bounds

Grip = tuple[int, int]
"""The part of a frame that is dragged: (-1, 0) the left edge, (1, 1) the lower right corner, (0, 0) the whole frame."""
MIN_SIDE = 16
"""Shortest side of a frame in image pixels (less only in a photo that is smaller)."""
SHADE = QColor(0, 0, 0, 140)


def grip_at(frame: Bounds, x: float, y: float, reach: float) -> Grip | None:
    """The grip of a frame at image point x, y; reach in image pixels. None outside the frame."""
    if not (frame.x - reach <= x <= frame.right + reach and frame.y - reach <= y <= frame.bottom + reach):
        return None
    across = -1 if x - frame.x <= min(reach, frame.width / 3) else int(frame.right - x <= min(reach, frame.width / 3))
    down = -1 if y - frame.y <= min(reach, frame.height / 3) else int(frame.bottom - y <= min(reach, frame.height / 3))
    return across, down


def move_grip(frame: Bounds, grip: Grip, by: tuple[int, int], size: tuple[int, int], ratio: float | None) -> Bounds:
    """The frame after its grip was moved by (dx, dy) image pixels; it stays in the photo and keeps width / height."""
    width, height = size
    if grip == (0, 0):
        x = min(max(0, frame.x + by[0]), width - frame.width)
        return Bounds(x, min(max(0, frame.y + by[1]), height - frame.height), frame.width, frame.height)
    left, right = _edges(frame.x, frame.right, grip[0], by[0], width)
    top, bottom = _edges(frame.y, frame.bottom, grip[1], by[1], height)
    moved = Bounds(left, top, right - left, bottom - top)
    return moved if ratio is None else with_ratio(moved, grip, size, ratio)


def _edges(low: int, high: int, side: int, by: int, size: int) -> tuple[int, int]:
    """Both ends of one dimension after the end `side` (-1 low, 1 high, 0 none) was moved."""
    least = min(MIN_SIDE, size)
    if side < 0:
        low = min(max(0, low + by), high - least)
    elif side > 0:
        high = max(min(size, high + by), low + least)
    return max(0, low), min(size, high)


def with_ratio(frame: Bounds, grip: Grip, size: tuple[int, int], ratio: float) -> Bounds:
    """The frame with width / height = ratio; the side opposite the grip stays in place, or the center for no grip."""
    if grip[0] == 0 and grip[1] != 0:
        width = frame.height * ratio
    elif grip[1] == 0:
        width = float(frame.width)
    else:
        width = max(frame.width, frame.height * ratio)
    width = min(
        width, _room(frame.x, frame.right, grip[0], size[0]), _room(frame.y, frame.bottom, grip[1], size[1]) * ratio
    )
    wide, high = max(1, round(width)), max(1, round(width / ratio))
    x, y = _start(frame.x, frame.right, grip[0], wide), _start(frame.y, frame.bottom, grip[1], high)
    return Bounds(x, y, wide, high).cut(Bounds(0, 0, *size))


def _room(low: int, high: int, side: int, size: int) -> float:
    """How long a dimension may become, given which of its ends moves."""
    if side < 0:
        return high
    return size - low if side > 0 else min(low + high, 2 * size - low - high)


def _start(low: int, high: int, side: int, length: int) -> int:
    """Where a dimension of that length begins, given which of its ends moves."""
    if side < 0:
        return high - length
    return low if side > 0 else (low + high - length) // 2


def paint_frame(painter: QPainter, frame: QRectF, canvas: QRectF, accent: QColor) -> None:
    """The frame with thirds and handles; what will be cut off is shaded."""
    paint_shade(painter, frame, canvas)
    paint_grid(painter, frame, 3)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(255, 255, 255), 1.5))
    painter.drawRect(frame)
    painter.setBrush(QColor(255, 255, 255))
    painter.setPen(QPen(accent, 1.5))
    for x in (frame.left(), frame.center().x(), frame.right()):
        for y in (frame.top(), frame.center().y(), frame.bottom()):
            if QPointF(x, y) != frame.center():
                painter.drawRect(QRectF(x - 4, y - 4, 8, 8))


def paint_shade(painter: QPainter, clear: QRectF, canvas: QRectF) -> None:
    """Darken all of the canvas except one rectangle."""
    around = QPainterPath()
    around.addRect(canvas)
    around.addRect(clear)
    painter.fillPath(around, SHADE)


def paint_grid(painter: QPainter, area: QRectF, parts: int) -> None:
    """Lines that divide an area into parts × parts, legible on bright and dark photos."""
    across, down = area.width() / parts, area.height() / parts
    lines = [
        *(
            QLineF(area.left() + k * across, area.top(), area.left() + k * across, area.bottom())
            for k in range(1, parts)
        ),
        *(QLineF(area.left(), area.top() + k * down, area.right(), area.top() + k * down) for k in range(1, parts)),
    ]
    for color, width in ((QColor(0, 0, 0, 90), 2.0), (QColor(255, 255, 255, 150), 1.0)):
        painter.setPen(QPen(color, width))
        painter.drawLines(lines)
