"""A part of one version seen through a mask over another one, as it will look once it was taken."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.mask_overlay import sampled, screen_rect
from clarity_desktop.ui.canvas.tiles import MissingTile
from clarity_desktop.values import Region


class Painted(Protocol):
    """A version whose pixels can be painted."""

    def paint_pixels(
        self, painter: QPainter, photo_size: tuple[int, int], place: Placement, area: QRect
    ) -> list[MissingTile]: ...


class ThroughMask:
    """Paints another version where a region selects. Both versions have one size."""

    def __init__(self, picture: Painted, region: Region) -> None:
        self.picture, self.region = picture, region

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> list[MissingTile]:
        """Paint what touches an area of the screen and return the tiles that were missing; see `Layer.paint`."""
        at = screen_rect(self.region.bounds, size, place).intersected(area)
        if at.isEmpty():
            return []
        image = QImage(at.size(), QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        inner = QPainter(image)
        inner.translate(-at.topLeft())
        missing = self.picture.paint_pixels(inner, size, place, at)
        inner.resetTransform()
        inner.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
        mask = np.ascontiguousarray(sampled(self.region, size, place, at))
        inner.drawImage(0, 0, QImage(mask.data, at.width(), at.height(), at.width(), QImage.Format.Format_Alpha8))
        inner.end()
        painter.drawImage(at.topLeft(), image)
        return missing
