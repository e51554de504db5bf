"""Masks over a photo: a tint, an outline, or everything else dimmed. Computed for the pixels of the screen only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.values import Bounds, Mask, Region

MaskStyle = Literal["tint", "outline", "dim"]
TINT, DIM = 0.45, 0.65
"""Opacity of the tint, and of the black over what is not selected."""
DASH = 5
"""Device pixels of a dash of the outline."""
SAMPLES = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
"""Where a screen pixel that covers several mask pixels looks at them."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownMask:
    """A region with the color in which it is tinted, "#rrggbb"."""

    region: Region
    color: str


class MaskOverlay:
    """Masks of regions over one version. Only the part of a mask that is on the screen costs time."""

    def __init__(self, masks: tuple[ShownMask, ...], style: MaskStyle, ratio: float = 1.0) -> None:
        """ratio: device pixels per logical pixel, for the width of lines."""
        self.masks, self.style = masks, style
        self._width = max(1, round(ratio))

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:
        """See `Overlay.paint`."""
        covered = _whole_pixels(place).intersected(area)
        if self.style == "dim":
            self._dim(painter, size, place, covered)
            return
        for shown in self.masks:
            at = screen_rect(shown.region.bounds, size, place).intersected(covered)
            # Two pixels more show where an outline ends that only just leaves the area.
            at = at.adjusted(-2, -2, 2, 2).intersected(covered.adjusted(-2, -2, 2, 2))
            if at.isEmpty():
                continue
            mask = sampled(shown.region, size, place, at)
            if self.style == "tint":
                painter.drawImage(at.topLeft(), _tinted(mask, QColor(shown.color), TINT))
            # Around the tint as well: on an object of its color it would hardly be seen.
            painter.drawImage(at.topLeft(), _outlined(mask, QColor(shown.color), at, self._width))

    def _dim(self, painter: QPainter, size: tuple[int, int], place: Placement, covered: QRect) -> None:
        """Darken what no mask selects."""
        if covered.isEmpty() or not self.masks:
            return
        selected = np.zeros((covered.height(), covered.width()), np.uint8)
        for shown in self.masks:
            at = screen_rect(shown.region.bounds, size, place).intersected(covered)
            if not at.isEmpty():
                rows = slice(at.y() - covered.y(), at.y() - covered.y() + at.height())
                columns = slice(at.x() - covered.x(), at.x() - covered.x() + at.width())
                np.maximum(selected[rows, columns], sampled(shown.region, size, place, at), out=selected[rows, columns])
        painter.drawImage(covered.topLeft(), _tinted(np.uint8(255) - selected, QColor("black"), DIM))


def sampled(region: Region, size: tuple[int, int], place: Placement, at: QRect) -> Mask:
    """The mask of a region as the screen shows it: H×W uint8 of the device pixels of `at`.

    size: of the photo, which covers place.
    """
    across, down = size[0] / place.width, size[1] / place.height  # image pixels per device pixel
    if across <= 1 and down <= 1:
        return _looked_up(region, *_centers(at, place, across, down, 0.5, 0.5))
    parts = [_looked_up(region, *_centers(at, place, across, down, x, y)).astype(np.uint16) for x, y in SAMPLES]
    total = parts[0]
    for part in parts[1:]:
        total += part
    return (total // len(parts)).astype(np.uint8)


def _centers(
    at: QRect, place: Placement, across: float, down: float, x: float, y: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    columns = np.floor((np.arange(at.x(), at.x() + at.width()) + x - place.x) * across).astype(np.int64)
    rows = np.floor((np.arange(at.y(), at.y() + at.height()) + y - place.y) * down).astype(np.int64)
    return rows, columns


def _looked_up(region: Region, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Mask:
    """Mask values at rows and columns of the photo; 0 outside of the region's bounds."""
    b = region.bounds
    found = np.zeros((rows.size, columns.size), np.uint8)
    inside_rows, inside_columns = (rows >= b.y) & (rows < b.bottom), (columns >= b.x) & (columns < b.right)
    if inside_rows.any() and inside_columns.any():
        # Both are contiguous: rows and columns grow.
        y, x = np.flatnonzero(inside_rows), np.flatnonzero(inside_columns)
        part = region.mask[np.ix_(rows[y] - b.y, columns[x] - b.x)]
        found[y[0] : y[-1] + 1, x[0] : x[-1] + 1] = part
    return found


def _tinted(mask: Mask, color: QColor, opacity: float) -> QImage:
    """The color with the opacity of the mask (H×W uint8), as an image that owns its memory."""
    alpha = np.arange(256, dtype=np.float32) / 255 * opacity
    table = np.empty((256, 4), np.uint8)
    for channel, value in enumerate((color.blue(), color.green(), color.red())):
        table[:, channel] = np.rint(alpha * value)
    table[:, 3] = np.rint(alpha * 255)
    return _image(table.view(np.uint32)[:, 0][mask])


def _outlined(mask: Mask, color: QColor, at: QRect, width: int) -> QImage:
    """The edge of the mask (H×W uint8) as dashes in black and in the color, which is visible on every photo."""
    inside = mask > 127
    edge = np.zeros_like(inside)
    for axis in (0, 1):
        for by in (1, -1):
            edge |= inside & ~_shifted(inside, axis, by)
    for _ in range(width):
        edge = edge | _shifted(edge, 0, 1) | _shifted(edge, 1, 1)
    along = np.arange(at.y(), at.y() + at.height())[:, None] + np.arange(at.x(), at.x() + at.width())
    first = along // (DASH * width) % 2 == 0
    values = np.where(first, np.uint32(0xFF000000), np.uint32(0xFF000000 | (color.rgb() & 0xFFFFFF)))
    return _image(np.where(edge, values, np.uint32(0)).astype(np.uint32))


def _shifted(mask: NDArray[np.bool_], axis: int, by: int) -> NDArray[np.bool_]:
    """The mask moved by one pixel; what comes in at the border repeats it, so the photo's border is no edge."""
    moved: NDArray[np.bool_] = np.roll(mask, by, axis)
    border: Any = [slice(None), slice(None)]
    border[axis] = 0 if by > 0 else -1
    moved[tuple(border)] = mask[tuple(border)]
    return moved


def _image(values: NDArray[np.uint32]) -> QImage:
    height, width = values.shape
    rows = np.ascontiguousarray(values)
    # A copy: the image would only refer to the array.
    return QImage(rows.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()


def _whole_pixels(place: Placement) -> QRect:
    return QRect(place.x, place.y, max(1, round(place.width)), max(1, round(place.height)))


def screen_rect(bounds: Bounds, size: tuple[int, int], place: Placement) -> QRect:
    """The device pixels that bounds of the photo touch."""
    across, down = place.width / size[0], place.height / size[1]
    left, top = int(bounds.x * across) - 1, int(bounds.y * down) - 1
    right, bottom = int(bounds.right * across) + 2, int(bounds.bottom * down) + 2
    return QRect(place.x + left, place.y + top, right - left, bottom - top)
