"""numpy to QImage and back, and the photo's profile to the screen's sRGB. The only place."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColorSpace, QImage

from clarity_desktop.values import Pixels


@lru_cache(maxsize=32)
def colour_space(icc: bytes | None) -> QColorSpace:
    """The colour space of a profile; sRGB for none and for one that cannot be read or is not for RGB."""
    if icc:
        space = QColorSpace.fromIccProfile(icc)
        if space.isValid() and space.colorModel() == QColorSpace.ColorModel.Rgb:
            return space
    return QColorSpace(QColorSpace.NamedColorSpace.SRgb)


def to_image(pixels: Pixels, icc: bytes | None = None) -> QImage:
    """Pixels as the screen shows them: 8 bits, sRGB, Format_RGB32. The image owns its memory."""
    space, screen = colour_space(icc), colour_space(None)
    if space == screen:
        return _wrapped(pixels if pixels.dtype == np.uint8 else _eight(pixels)).convertToFormat(
            QImage.Format.Format_RGB32
        )
    image = _wrapped(pixels)
    if pixels.dtype == np.uint8:
        image = image.convertToFormat(QImage.Format.Format_RGB32)
    image.setColorSpace(space)
    return image.convertedToColorSpace(screen).convertToFormat(QImage.Format.Format_RGB32)


def to_picture(pixels: Pixels, alpha: NDArray[np.uint8] | None) -> QImage:
    """sRGB pixels of 8 bits with their alpha, for the clipboard. The image owns its memory."""
    image = to_image(pixels)
    if alpha is not None:
        height, width = alpha.shape
        rows = np.ascontiguousarray(alpha)
        image = image.convertToFormat(QImage.Format.Format_ARGB32)
        image.setAlphaChannel(QImage(rows.data, width, height, width, QImage.Format.Format_Grayscale8))
    return image


def to_pixels(image: QImage) -> tuple[Pixels, NDArray[np.uint8] | NDArray[np.uint16] | None]:
    """A bitmap from the clipboard or a drop, in sRGB: its pixels, and its alpha of the same depth if it has any."""
    if image.colorSpace().isValid() and image.colorSpace() != colour_space(None):
        image = image.convertedToColorSpace(colour_space(None))
    if image.depth() > 32:
        image = image.convertToFormat(QImage.Format.Format_RGBA64)
        return _parted(np.frombuffer(image.constBits(), np.uint16), image.width(), image.height())
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    return _parted(np.frombuffer(image.constBits(), np.uint8), image.width(), image.height())


def _parted(samples: NDArray[Any], width: int, height: int) -> tuple[Any, Any]:
    """RGB and alpha of RGBA samples, copied; alpha is None where all is opaque."""
    four = samples.reshape(height, width, 4)
    opaque = bool((four[..., 3] == np.iinfo(four.dtype).max).all())
    return four[..., :3].copy(), None if opaque else four[..., 3].copy()


def halved(image: QImage) -> QImage:
    """The image at half its size, smoothed."""
    size = max(1, (image.width() + 1) // 2), max(1, (image.height() + 1) // 2)
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _eight(pixels: Pixels) -> NDArray[np.uint8]:
    """16 bits to 8, rounded: 65535 is 257 times 255."""
    wide = pixels.astype(np.uint32)
    return ((wide * 255 + 32895) >> 16).astype(np.uint8)


def _wrapped(pixels: Pixels) -> QImage:
    """A QImage over the array's memory (8 bits) or over a padded copy (16 bits); it keeps a reference to either."""
    height, width = pixels.shape[:2]
    if pixels.dtype == np.uint8:
        rows = np.ascontiguousarray(pixels)
        return QImage(rows.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    four = np.empty((height, width, 4), np.uint16)
    four[..., :3], four[..., 3] = pixels, 65535
    return QImage(four.data, width, height, 8 * width, QImage.Format.Format_RGBX64)
