"""A widget through which a picture is seen: zoom and pan by wheel, pinch, mouse and keyboard. Paints nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QGestureEvent, QPinchGesture, QWidget

from clarity_desktop.ui.canvas.geometry import STEPS, View, fitted, next_step
from clarity_desktop.values import Bounds

Drag = Callable[[QPointF], None]
"""Called with every position of the pointer while a button is held."""
ARROWS = {
    Qt.Key.Key_Left: (1, 0), Qt.Key.Key_Right: (-1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1),
}  # fmt: skip
BY_KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)
PAN_STEP, SLACK, FIT_MARGIN, REACH = 64.0, 48.0, 12.0, 8.0
"""Logical pixels: one press of an arrow key, how far a photo may be pushed from the edge, the margin of fit, and how
near the pointer takes hold of a line."""


class Viewport(QWidget):
    """Shows a picture of some size at some zoom. Lengths are device pixels unless said otherwise."""

    zoom_changed = Signal(float)  # 1.0 = one image pixel per device pixel
    hovered = Signal(object)  # (x, y) of the image pixel under the pointer, or None
    clicked = Signal(int, int)  # image pixel: left click without drag

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size: tuple[int, int] | None = None
        self._view = View(1.0, 0.0, 0.0)
        self._is_fitted = True
        self._shift = (0.0, 0.0)  # from the widget's corner back to a whole device pixel
        self._drag: Drag | None = None
        self._pressed: QPointF | None = None  # where a left click may still come from
        self._pointer: QPointF | None = None
        self._space = False
        self._ring = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)

    # What subclasses say

    def areas(self) -> tuple[Bounds, ...]:
        """Where the picture is laid out; all show the same part of it, the last one is the version itself."""
        return (self.pane(),)

    def hold(self, point: QPointF) -> Drag | None:
        """What the left button takes hold of at a point, if not the picture."""
        del point
        return None

    def shape_at(self, point: QPointF) -> Qt.CursorShape:
        """The pointer's shape at a point where nothing is dragged."""
        del point
        return Qt.CursorShape.ArrowCursor

    # The view

    def fit(self) -> None:
        """Show the whole photo; it stays fitted while the window changes its size."""
        if self._size is not None:
            self.show_view(fitted(self._main(), *self._size, self.margin()), is_fitted=True)

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """1.0: one image pixel per device pixel. at: the point of the widget that stays in place (else the centre)."""
        area = self._main() if at is None else self._area_at(at)
        point = area.centre if at is None else self.device(at)
        self.show_view(self._view.zoomed(min(max(scale, STEPS[0]), STEPS[-1]), area, point), is_fitted=False)

    def zoom_in(self) -> None:
        self.zoom_to(next_step(self._view.scale, up=True), self._pointer)

    def zoom_out(self) -> None:
        self.zoom_to(next_step(self._view.scale, up=False), self._pointer)

    def toggle_fit(self) -> None:
        """Fit, or 100 % at the pointer."""
        if self._is_fitted and self._view.scale != 1.0:
            self.zoom_to(1.0, self._pointer)
        else:
            self.fit()

    def pan(self, dx: float, dy: float) -> None:
        """Push the photo by device pixels."""
        self.show_view(self._view.moved(dx, dy), is_fitted=self._is_fitted and self._all_visible())

    def scale(self) -> float:
        """Device pixels per image pixel."""
        return self._view.scale

    def visible(self) -> Bounds:
        """The part of the photo on the screen, in its pixels; empty without a photo."""
        return Bounds(0, 0, 0, 0) if self._size is None else self._view.visible(self._main(), *self._size)

    # Geometry

    def pane(self) -> Bounds:
        """The whole widget."""
        ratio = self.devicePixelRatioF()
        return Bounds(0, 0, max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))

    def device(self, point: QPointF) -> tuple[float, float]:
        """A point of the widget (logical pixels) in device pixels."""
        ratio = self.devicePixelRatioF()
        return point.x() * ratio + self._shift[0], point.y() * ratio + self._shift[1]

    def logical(self, x: float, y: float) -> QPointF:
        """A device pixel as a point of the widget."""
        ratio = self.devicePixelRatioF()
        return QPointF((x - self._shift[0]) / ratio, (y - self._shift[1]) / ratio)

    def image_point(self, point: QPointF) -> tuple[float, float]:
        """The image point under a point of the widget."""
        return self._view.to_image(self._area_at(point), *self.device(point))

    def image_pixel(self, point: QPointF) -> tuple[int, int] | None:
        """The image pixel under a point of the widget, if there is one."""
        if self._size is None:
            return None
        x, y = (int(v // 1) for v in self.image_point(point))
        return (x, y) if 0 <= x < self._size[0] and 0 <= y < self._size[1] else None

    def widget_point(self, x: float, y: float) -> QPointF:
        """An image point of the version as a point of the widget."""
        return self.logical(*self._view.to_pane(self._main(), x, y))

    def to_device(self, painter: QPainter) -> None:
        """Let the painter count in device pixels from a whole one, also where the scale of the screen is fractional."""
        total = painter.deviceTransform()
        ratio = total.m11()
        self._shift = total.dx() - round(total.dx()), total.dy() - round(total.dy())
        painter.setWorldTransform(
            QTransform(1 / ratio, 0, 0, 1 / ratio, -self._shift[0] / ratio, -self._shift[1] / ratio), True
        )

    def _main(self) -> Bounds:
        return self.areas()[-1]

    def _area_at(self, point: QPointF) -> Bounds:
        x, y = self.device(point)
        inside = (a for a in self.areas() if a.x <= x < a.right and a.y <= y < a.bottom)
        return next(inside, self._main())

    def margin(self) -> float:
        """Around the fitted photo."""
        return FIT_MARGIN * self.devicePixelRatioF()

    def _all_visible(self) -> bool:
        return self._size is not None and self.visible() == Bounds(0, 0, *self._size)

    def show_view(self, view: View, *, is_fitted: bool) -> None:
        """Take this view, as far as it may be pushed."""
        if self._size is None:
            return
        before = self._view.scale
        self._view = view.held(self._main(), *self._size, SLACK * self.devicePixelRatioF())
        self._is_fitted = is_fitted
        self.update()
        if self._view.scale != before:
            self.zoom_changed.emit(self._view.scale)

    def again(self) -> None:
        """The widget or its areas changed their size."""
        if self._is_fitted:
            self.fit()
        else:
            self.show_view(self._view, is_fitted=False)

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.again()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self._zoom_by(1 + event.value(), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                at = self.mapFromGlobal(pinch.centerPoint().toPoint())
                self._zoom_by(pinch.scaleFactor(), QPointF(at))
                return True
        elif event.type() == QEvent.Type.DevicePixelRatioChange:
            self.again()
        elif event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.uses(event):
            event.accept()
            return True
        return super().event(event)

    def uses(self, event: QKeyEvent) -> bool:
        """Is this key the canvas's own now, rather than a shortcut of the window?"""
        plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
        return plain and (event.key() in ARROWS or event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End))

    def wheelEvent(self, event: QWheelEvent) -> None:
        touchpad = event.device().type() == QInputDevice.DeviceType.TouchPad
        if touchpad and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            by = event.angleDelta() if event.pixelDelta().isNull() else event.pixelDelta()
            self.pan(by.x() * self.devicePixelRatioF(), by.y() * self.devicePixelRatioF())
        else:
            self._zoom_by(2 ** (event.angleDelta().y() / 360), event.position())
        event.accept()

    def _zoom_by(self, factor: float, at: QPointF) -> None:
        """A smooth zoom stops for a moment at exactly 100 %."""
        before, scale = self._view.scale, self._view.scale * max(0.1, factor)
        self.zoom_to(1.0 if (before - 1) * (scale - 1) < 0 else scale, at)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        left, middle = event.button() == Qt.MouseButton.LeftButton, event.button() == Qt.MouseButton.MiddleButton
        if self._size is None or not (left or middle) or self._drag is not None:
            super().mousePressEvent(event)
            return
        held = self.hold(event.position()) if left and not self._space else None
        self._pressed = event.position() if left and not self._space and held is None else None
        self._drag = held or self.panning(event.position())
        if held is None and self._pressed is None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def panning(self, start: QPointF) -> Drag:
        """The drag that pushes the photo."""
        last = start

        def move(point: QPointF) -> None:
            nonlocal last
            if self._pressed is not None:  # not yet told from a click
                return
            ratio = self.devicePixelRatioF()
            self.pan((point.x() - last.x()) * ratio, (point.y() - last.y()) * ratio)
            last = point

        return move

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._pressed is not None and _far(event.position(), self._pressed):
            self._pressed = None
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._drag is not None:
            self._drag(event.position())
        self._set_shape()
        self.hovered.emit(self.image_pixel(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, self._drag = self._pressed, None, None
        self._set_shape()
        if pressed is not None and (pixel := self.image_pixel(pressed)) is not None:
            self.clicked.emit(*pixel)
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """On the margin: fit."""
        if self.image_pixel(event.position()) is None:
            self.fit()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._pointer = event.position()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._pointer = None
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            self._set_shape()
        elif (arrow := ARROWS.get(Qt.Key(event.key()))) is not None:
            step = PAN_STEP * self.devicePixelRatioF()
            self.pan(arrow[0] * step, arrow[1] * step)
        elif event.key() == Qt.Key.Key_Home:
            self.pan(1e9, 1e9)
        elif event.key() == Qt.Key.Key_End:
            self.pan(-1e9, -1e9)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self._set_shape()
        else:
            super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The ring shows where the keyboard is; the mouse needs none."""
        self._ring = event.reason() in BY_KEYBOARD
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ring = self._space = False
        self._set_shape()
        self.update()

    def _set_shape(self) -> None:
        if self._drag is not None:
            return
        if self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif self._pointer is not None:
            self.setCursor(self.shape_at(self._pointer))


def _far(point: QPointF, start: QPointF) -> bool:
    return (point - start).manhattanLength() >= QApplication.startDragDistance()
