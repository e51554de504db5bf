"""Pictures with transparency over a checkerboard that moves with the photo."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QBrush, QColor, QImage, QPainter

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.geometry import Placement

SQUARE = 12
"""Device pixels of a square's side, at any zoom."""


def draw_image(painter: QPainter, target: QRect, image: QImage, source: QRectF, place: Placement) -> None:
    """Draw a part of an image over a target on the screen (device pixels), over the checkerboard if it has alpha.

    place: where the photo lies, in device pixels; the squares begin at its corner.
    """
    if image.hasAlphaChannel():
        colors = theme.colors()
        painter.setBrushOrigin(place.x, place.y)
        # Also erases what lies below: an older version must not shine through.
        painter.fillRect(target, _brush(colors.check_dark, colors.check_light))
    painter.drawImage(QRectF(target), image, source)


@lru_cache(maxsize=4)
def _brush(dark: str, light: str) -> QBrush:
    tile = QImage(2 * SQUARE, 2 * SQUARE, QImage.Format.Format_RGB32)
    tile.fill(QColor(light))
    painter = QPainter(tile)
    for x, y in ((SQUARE, 0), (0, SQUARE)):
        painter.fillRect(x, y, SQUARE, SQUARE, QColor(dark))
    painter.end()
    return QBrush(tile)
