"""The straighten tool: previews the rotated photo with a grid and the part that remains."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QTransform

from clarity_desktop.geometry import inner_size
from clarity_desktop.ui.canvas.crop_frame import paint_grid, paint_shade
from clarity_desktop.ui.canvas.tools.tool import Pointer, Tool
from clarity_desktop.ui.canvas.view import Viewport


class StraightenTool(Tool):
    """Preview of straightening; the angle comes from outside (a slider). The turned photo is not zoomed or moved."""

    exclusive = True
    paints_photo = True

    def __init__(self, view: Viewport, snapshot: Callable[[], QImage]) -> None:
        """snapshot() returns the fitted photo as one image: turning it is quick and shows no joints between tiles."""
        super().__init__()
        self._view = view
        self._make_snapshot = snapshot
        self._snapshot: QImage | None = None
        self._degrees: float | None = None

    def set_degrees(self, degrees: float) -> None:
        """Show the photo turned clockwise by -45..45 degrees; starts the tool."""
        if self._view.photo_size is None:
            return
        starts, self._degrees = self._degrees is None, degrees
        if starts:
            self.started.emit()
            self._view.fit()
            self._view.is_locked = True
        self.changed.emit()

    def cancel(self) -> None:
        if self._degrees is not None:
            self._degrees = self._snapshot = None
            self._view.is_locked = False
            self.finished.emit()

    def discard_snapshot(self) -> None:
        """The photo or the size of the canvas has changed."""
        self._snapshot = None

    def press(self, pointer: Pointer) -> bool:  # noqa: ARG002
        """Take the drag and do nothing with it: the photo stays where it is."""
        return True

    def paint(self, painter: QPainter) -> None:
        if self._degrees is None:
            return
        if self._snapshot is None:
            self._snapshot = self._make_snapshot()
        canvas, ratio = self._view.bounds(), self._view.ratio
        paint_turned(painter, self._snapshot, self._degrees, QRectF(0, 0, canvas.width / ratio, canvas.height / ratio))


def paint_turned(painter: QPainter, picture: QImage, degrees: float, canvas: QRectF) -> None:
    """A picture turned clockwise about the center of the canvas, with a grid; what will be cut off is shaded."""
    width, height = picture.width() / picture.devicePixelRatio(), picture.height() / picture.devicePixelRatio()
    whole = QTransform().rotate(degrees).mapRect(QRectF(0, 0, width, height))
    # The rotated picture must fit, but is never enlarged.
    scale = min(1.0, canvas.width() / whole.width(), canvas.height() / whole.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.translate(canvas.center())
    painter.rotate(degrees)
    painter.scale(scale, scale)
    painter.drawImage(QRectF(-width / 2, -height / 2, width, height), picture)
    painter.restore()
    wide, high = inner_size(round(width), round(height), degrees)
    inner = QRectF(0, 0, wide * scale, high * scale)
    inner.moveCenter(canvas.center())
    paint_shade(painter, inner, canvas)
    paint_grid(painter, inner, 8)
