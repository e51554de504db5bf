"""The heat map of a degradation: a small image that is laid over the photo, and its color scale."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from clarity_desktop.values import DEGRADATIONS, Degradation, Detection

SIDE = 256
"""Longest side of the image in pixels: enough for smooth shades, quick to scale."""
STOPS = ((0, 0x3B0F70, 0.0), (64, 0x6A1B8A, 0.28), (128, 0xC2386B, 0.46), (192, 0xF8765C, 0.58), (255, 0xFCE08A, 0.70))
"""Heat 0..255, color and opacity. Violet to yellow also differ in lightness and are rare in photos."""


def _color_scale() -> NDArray[np.uint32]:
    """256 colors as Qt's premultiplied ARGB."""
    heat, at = np.arange(256), [stop[0] for stop in STOPS]
    opacity = np.interp(heat, at, [stop[2] for stop in STOPS])
    channels = [np.interp(heat, at, [stop[1] >> shift & 255 for stop in STOPS]) for shift in (0, 8, 16)]
    bgra = np.stack([*(c * opacity for c in channels), 255 * opacity], -1)
    return np.round(bgra).astype(np.uint8).view("<u4")[:, 0].astype(np.uint32)


COLORS = _color_scale()


@lru_cache(maxsize=32)
def picture(detection: Detection, degradation: Degradation) -> QImage:
    """The heat of one degradation, interpolated between cells, to be stretched over the whole photo.

    Premultiplied ARGB, transparent where the degradation is unlikely. The image owns its memory.
    """
    heat = detection.heat[:, :, DEGRADATIONS.index(degradation)].astype(np.float64)
    rows, columns = heat.shape
    factor = max(1, SIDE // max(rows, columns))
    smooth = _stretch(_stretch(heat, rows * factor).T, columns * factor).T
    pixels = np.ascontiguousarray(COLORS[np.round(smooth).astype(np.uint8)])
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # the array is freed on return


def _stretch(heat: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The map with `length` rows, blended between the centers of the given rows."""
    rows = heat.shape[0]
    position = np.clip((np.arange(length) + 0.5) * rows / length - 0.5, 0, rows - 1)
    first = np.minimum(position.astype(np.intp), max(0, rows - 2))
    share = (position - first)[:, None]
    share = share * share * (3 - 2 * share)  # smoothstep: linear blending shows creases at the centers
    return heat[first] * (1 - share) + heat[np.minimum(first + 1, rows - 1)] * share


class Legend(QWidget):
    """The color scale from unlikely to likely."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Heat map colors: clear is unlikely, violet possible, yellow likely"))
        self.setToolTip(self.tr("Clear: unlikely. Violet: possible. Yellow: likely."))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(80, 8)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = QImage(COLORS.data, len(COLORS), 1, QImage.Format.Format_ARGB32_Premultiplied)
        painter.drawImage(QRectF(self.rect()), image)
        painter.end()
