"""Zoom, pan and coordinates of a canvas: which part of the photo is shown, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QPainter, QTransform

from clarity_desktop.ui.canvas.geometry import STEPS, Placement, View, fit, next_step
from clarity_desktop.values import Bounds

SLACK, FIT_MARGIN = 48.0, 12.0
"""Logical pixels: how far a photo may be pushed away from the edge, and the margin around a fitted photo."""


class Surface(Protocol):
    """What is painted on: a widget, in logical pixels."""

    def width(self) -> int: ...

    def height(self) -> int: ...

    def devicePixelRatioF(self) -> float: ...


class Viewport(QObject):
    """The view of one photo in one or several panes that all show the same part of it.

    Three kinds of coordinates: image pixels (float; pixel centers at .5), device pixels of the surface, and logical
    pixels of the surface as `QPointF`. Zoom and pan count in device pixels, so that 100 % is exact on any screen.
    """

    changed = Signal()
    zoom_changed = Signal(float)  # 1.0 = one image pixel per device pixel

    def __init__(self, surface: Surface, panes: Callable[[], Sequence[Bounds]] | None = None) -> None:
        """panes() returns the areas in which the photo is laid out, in device pixels; the last one is the main one.
        Without it the photo fills the surface.
        """
        super().__init__()
        self.photo_size: tuple[int, int] | None = None
        self.margin = FIT_MARGIN
        self.is_locked = False  # only `fit` changes a locked view
        self.anchor: QPointF | None = None  # what the zoom keys keep in place: the pointer
        self._surface = surface
        self._panes = panes or (lambda: (self.bounds(),))
        self._view = View(1.0, 0.0, 0.0)
        self._is_fitted = True
        self._shift = (0.0, 0.0)  # from the surface's corner to a whole device pixel of the window

    # Zoom and pan

    @property
    def scale(self) -> float:
        """Device pixels per image pixel."""
        return self._view.scale

    def fit(self) -> None:
        """Show the whole photo; it stays fitted while the surface changes its size."""
        if self.photo_size is not None:
            view = fit(self._main_pane(), *self.photo_size, self.margin * self.ratio)
            self._set_view(view, is_fitted=True)

    def show_photo(self, size: tuple[int, int] | None, *, keep: bool = False) -> None:
        """Show a photo of another size, or none: it is fitted. keep: one of the same proportions keeps the part that
        is shown."""
        before, self.photo_size = self.photo_size, size
        if size is None:
            return
        if not keep or before is None or self._is_fitted or not _have_same_proportions(before, size):
            self.fit()
            return
        ratio = size[0] / before[0]
        view = self._view
        self._set_view(View(view.scale / ratio, view.x * ratio, view.y * size[1] / before[1]), is_fitted=False)

    def zoom_to(self, scale: float, anchor: QPointF | None = None) -> None:
        """Set the scale; the image point under `anchor` stays in place (default: the center of the main pane)."""
        pane = self._main_pane() if anchor is None else self._pane_at(anchor)
        point = pane.center if anchor is None else self.to_device(anchor)
        self._set_view(self._view.zoomed(min(max(scale, STEPS[0]), STEPS[-1]), pane, point), is_fitted=False)

    def zoom_in(self) -> None:
        """To the next zoom step, around the pointer."""
        self.zoom_to(next_step(self.scale, up=True), self.anchor)

    def zoom_out(self) -> None:
        """To the previous zoom step, around the pointer."""
        self.zoom_to(next_step(self.scale, up=False), self.anchor)

    def zoom_by(self, factor: float, anchor: QPointF) -> None:
        """Zoom smoothly; on the way through 100 % it stops there, so that exact pixels are easy to reach."""
        # At least 0.1 per event: some touchpads report huge steps.
        before, scale = self.scale, self.scale * max(0.1, factor)
        self.zoom_to(1.0 if (before - 1) * (scale - 1) < 0 else scale, anchor)

    def toggle_fit(self) -> None:
        """Fit, or 100 % around the pointer."""
        if self._is_fitted and self.scale != 1.0:
            self.zoom_to(1.0, self.anchor)
        else:
            self.fit()

    def pan(self, dx: float, dy: float) -> None:
        """Move the photo by device pixels."""
        self._set_view(self._view.moved(dx, dy), is_fitted=self._is_fitted and self._shows_all())

    def refresh(self) -> None:
        """Update after the surface or its panes were resized: fit again, or keep the photo in reach."""
        if self._is_fitted:
            self.fit()
        else:
            self._set_view(self._view, is_fitted=False)

    # What is shown

    @property
    def ratio(self) -> float:
        """Device pixels per logical pixel."""
        return self._surface.devicePixelRatioF()

    def bounds(self) -> Bounds:
        """The whole surface in device pixels; at least one pixel."""
        ratio = self.ratio
        width, height = round(self._surface.width() * ratio), round(self._surface.height() * ratio)
        return Bounds(0, 0, max(1, width), max(1, height))

    def visible(self) -> Bounds:
        """The part of the photo on the screen in image pixels; empty without a photo."""
        if self.photo_size is None:
            return Bounds(0, 0, 0, 0)
        return self._view.visible(self._main_pane(), *self.photo_size)

    def place(self, pane: Bounds) -> Placement:
        """Where the photo lies in a pane, in device pixels. There must be a photo."""
        assert self.photo_size is not None
        return self._view.place(pane, *self.photo_size)

    def fitted_place(self) -> Placement:
        """Where the photo would lie in the main pane if it were fitted. There must be a photo."""
        assert self.photo_size is not None
        pane = self._main_pane()
        return fit(pane, *self.photo_size, self.margin * self.ratio).place(pane, *self.photo_size)

    # Coordinates

    def image_point(self, point: QPointF) -> tuple[float, float]:
        """The image point under a point of the surface; it may lie outside the photo."""
        return self._view.to_image(self._pane_at(point), *self.to_device(point))

    def image_pixel(self, point: QPointF) -> tuple[int, int] | None:
        """The image pixel under a point of the surface; None outside the photo."""
        if self.photo_size is None:
            return None
        x, y = (int(v // 1) for v in self.image_point(point))
        return (x, y) if 0 <= x < self.photo_size[0] and 0 <= y < self.photo_size[1] else None

    def image_length(self, length: float) -> float:
        """A length in logical pixels as image pixels."""
        return length * self.ratio / self.scale

    def widget_point(self, x: float, y: float) -> QPointF:
        """The point of the surface over an image point, in the main pane."""
        return self.to_logical(*self._view.to_pane(self._main_pane(), x, y))

    def to_device(self, point: QPointF) -> tuple[float, float]:
        """A point of the surface in device pixels."""
        ratio = self.ratio
        return point.x() * ratio + self._shift[0], point.y() * ratio + self._shift[1]

    def to_logical(self, x: float, y: float) -> QPointF:
        """A point in device pixels as a point of the surface."""
        ratio = self.ratio
        return QPointF((x - self._shift[0]) / ratio, (y - self._shift[1]) / ratio)

    def use_device_pixels(self, painter: QPainter) -> None:
        """Let the painter count in device pixels. Where the screen's ratio is fractional, the surface's corner may lie
        between two pixels: painting then starts at a whole one, or every photo pixel would be blurred.
        """
        # The offset of the widget in the window, in device pixels, may be fractional.
        total = painter.deviceTransform()
        ratio = total.m11()
        self._shift = total.dx() - round(total.dx()), total.dy() - round(total.dy())
        painter.setWorldTransform(
            QTransform(1 / ratio, 0, 0, 1 / ratio, -self._shift[0] / ratio, -self._shift[1] / ratio), True
        )

    def _main_pane(self) -> Bounds:
        return self._panes()[-1]

    def _pane_at(self, point: QPointF) -> Bounds:
        x, y = self.to_device(point)
        panes = self._panes()
        return next((p for p in panes if p.x <= x < p.right and p.y <= y < p.bottom), panes[-1])

    def _shows_all(self) -> bool:
        return self.photo_size is not None and self.visible() == Bounds(0, 0, *self.photo_size)

    def _set_view(self, view: View, *, is_fitted: bool) -> None:
        if self.photo_size is None or (self.is_locked and not is_fitted):
            return
        before = self.scale
        self._view = view.clamped(self._main_pane(), *self.photo_size, SLACK * self.ratio)
        self._is_fitted = is_fitted
        self.changed.emit()
        if self.scale != before:
            self.zoom_changed.emit(self.scale)


def _have_same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether a photo is the other one enlarged, up to a pixel that was rounded."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)
