"""The difference of two versions, signed around middle gray and amplified, of what is on the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.layers import PictureLayer
from clarity_desktop.ui.canvas.tiles import MissingTile
from clarity_desktop.values import VersionId

GAINS = (1, 2, 4, 8, 16)
"""By how much differences may be amplified."""
GRAY = 128
"""Where the versions are equal."""
ROWS = 64
"""Rows that are computed at once: their numbers stay in the processor's cache."""


class DifferenceLayer:
    """Painted like a picture: brighter than gray where the second version is brighter than the first.

    Computed from the pixels of the screen, so its cost depends on the window and not on the photo, and versions of
    different sizes can be compared. Overlays are not part of it.
    """

    def __init__(self) -> None:
        self.gain = 4
        self.first: PictureLayer | None = None
        self.second: PictureLayer | None = None

    @property
    def version(self) -> VersionId | None:
        """It shows no version."""
        return None

    @property
    def revision(self) -> object:
        """Changes with the versions, with what is shown of them and with the gain."""
        layers = (self.first, self.second)
        return (self.gain, *((layer, layer.revision) for layer in layers if layer))

    def paint(self, painter: QPainter, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[MissingTile]:
        """See `PictureLayer.paint`. What one of the versions lacks yet stays gray."""
        if self.first is None or self.second is None:
            return []
        field = area & self.first.covers(photo_size, place) & self.second.covers(photo_size, place)
        if field.isEmpty():
            return []
        missing: list[MissingTile] = []
        images: list[QImage] = []
        for layer in (self.first, self.second):
            image = QImage(field.size(), QImage.Format.Format_RGB32)
            image.fill(QColor(0, 0, 0))
            inner = QPainter(image)
            inner.translate(-field.topLeft())
            missing += layer.paint_pixels(inner, photo_size, place, field)
            inner.end()
            images.append(image)
        shown = signed(_samples(images[0]), _samples(images[1]), self.gain)
        painter.drawImage(field, _image(shown))
        for _, target in missing:  # a coarse stand-in beside a sharp tile would look like a difference
            painter.fillRect(target & field, QColor(GRAY, GRAY, GRAY))
        return missing

    def nearby_tiles(self, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[bytes]:
        """See `PictureLayer.nearby_tiles`."""
        layers = [layer for layer in (self.first, self.second) if layer]
        return [tile for layer in layers for tile in layer.nearby_tiles(photo_size, place, area)]

    def drop_previous(self) -> None:
        """See `PictureLayer.drop_previous`."""
        for layer in (self.first, self.second):
            if layer is not None:
                layer.drop_previous()


def signed(first: NDArray[np.uint8], second: NDArray[np.uint8], gain: int) -> NDArray[np.uint8]:
    """128 + gain × (second − first), cut to 0..255. All H×W×4 uint8."""
    shown = np.empty_like(first)
    for top in range(0, len(first), ROWS):
        rows = slice(top, top + ROWS)
        away = second[rows].astype(np.int16)
        away -= first[rows]
        away *= gain
        away += GRAY
        np.clip(away, 0, 255, out=shown[rows], casting="unsafe")
    return shown


def _samples(image: QImage) -> NDArray[np.uint8]:
    """The bytes of a Format_RGB32 image: H×W×4 uint8, without a copy."""
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)


def _image(samples: NDArray[np.uint8]) -> QImage:
    """H×W×4 uint8 as an image; the fourth byte has no meaning. The image keeps the array."""
    height, width = samples.shape[:2]
    return QImage(samples.data, width, height, 4 * width, QImage.Format.Format_RGB32)
