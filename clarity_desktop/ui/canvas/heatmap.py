"""Where something is wrong with the photo: a small picture that is laid over it, and the colours that it is made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from clarity_desktop.values import DEGRADATIONS, Degradation, Detection

SIDE = 256
"""Longest side of the picture: enough for smooth shades, little to scale."""
STOPS = ((0, 0x3B0F70, 0.0), (64, 0x6A1B8A, 0.28), (128, 0xC2386B, 0.46), (192, 0xF8765C, 0.58), (255, 0xFCE08A, 0.70))
"""Heat, colour and opacity. Violet to yellow: told apart by lightness too, seldom a photo's own colour."""


def _colours() -> NDArray[np.uint32]:
    """256 colours as Qt's premultiplied ARGB."""
    heat, at = np.arange(256), [stop[0] for stop in STOPS]
    opacity = np.interp(heat, at, [stop[2] for stop in STOPS])
    channels = [np.interp(heat, at, [stop[1] >> shift & 255 for stop in STOPS]) for shift in (0, 8, 16)]
    each = np.stack([*(c * opacity for c in channels), 255 * opacity], -1)
    return np.round(each).astype(np.uint8).view("<u4")[:, 0].astype(np.uint32)


COLOURS = _colours()


@lru_cache(maxsize=32)
def picture(detection: Detection, degradation: Degradation) -> QImage:
    """The heat of one degradation, smooth between the parts; to be stretched over the whole photo."""
    heat = detection.heat[:, :, DEGRADATIONS.index(degradation)].astype(np.float64)
    rows, columns = heat.shape
    grown = max(1, SIDE // max(rows, columns))
    smooth = _stretched(_stretched(heat, rows * grown).T, columns * grown).T
    coloured = np.ascontiguousarray(COLOURS[np.round(smooth).astype(np.uint8)])
    height, width = coloured.shape
    image = QImage(coloured.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # of its own: the array goes


def _stretched(heat: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """As many rows, blended between the middles of the given ones."""
    rows = heat.shape[0]
    at = np.clip((np.arange(length) + 0.5) * rows / length - 0.5, 0, rows - 1)
    first = np.minimum(at.astype(np.intp), max(0, rows - 2))
    share = (at - first)[:, None]
    share = share * share * (3 - 2 * share)  # no creases at the middles
    return heat[first] * (1 - share) + heat[np.minimum(first + 1, rows - 1)] * share


class Legend(QWidget):
    """The colours from unlikely to likely."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Colours of the map: clear is unlikely, violet possible, yellow likely")
        self.setToolTip("Clear: unlikely. Violet: possible. Yellow: likely.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(80, 8)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        image = QImage(COLOURS.data, len(COLOURS), 1, QImage.Format.Format_ARGB32_Premultiplied)
        painter.drawImage(QRectF(self.rect()), image)
        painter.end()
