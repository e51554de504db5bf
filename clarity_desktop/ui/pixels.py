"""Converts between numpy arrays and QImage, and from the photo's profile to the screen's sRGB."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColorSpace, QFontMetrics, QGuiApplication, QIcon, QImage, QPainter, QPixmap

from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Pixels

LIST_ICON = QSize(64, 46)
"""Pixels of a thumbnail in a list of documents."""
TEXT_SIZE = 160
"""Pixels of the letters of `text_mask`: enough for a photo of 24 megapixels."""


@lru_cache(maxsize=32)
def color_space(icc: bytes | None) -> QColorSpace:
    """The color space of an ICC profile; sRGB for none and for one that cannot be read or is not for RGB."""
    if icc:
        space = QColorSpace.fromIccProfile(icc)
        if space.isValid() and space.colorModel() == QColorSpace.ColorModel.Rgb:
            return space
    return QColorSpace(QColorSpace.NamedColorSpace.SRgb)


def to_image(pixels: Pixels, icc: bytes | None = None) -> QImage:
    """Pixels as the screen shows them: 8 bits, sRGB, Format_RGB32, or Format_ARGB32_Premultiplied with alpha.

    pixels: H×W×3 RGB or H×W×4 RGBA (alpha not multiplied), uint8 or uint16, in the profile icc (None: sRGB). The image
    owns its memory.
    """
    has_alpha = pixels.shape[2] == 4
    shown = QImage.Format.Format_ARGB32_Premultiplied if has_alpha else QImage.Format.Format_RGB32
    space, screen = color_space(icc), color_space(None)
    if space == screen:
        return _wrap(to_8_bits(pixels)).convertToFormat(shown)
    image = _wrap(pixels)
    if pixels.dtype == np.uint8:
        image = image.convertToFormat(QImage.Format.Format_ARGB32 if has_alpha else QImage.Format.Format_RGB32)
    image.setColorSpace(space)
    return image.convertedToColorSpace(screen).convertToFormat(shown)


def to_picture(pixels: Pixels, alpha: NDArray[np.uint8] | None) -> QImage:
    """Pixels with their alpha, for the clipboard. The image owns its memory.

    pixels: H×W×3 uint8 sRGB; alpha: H×W uint8, 255 is opaque, or None.
    """
    image = to_image(pixels)
    if alpha is not None:
        height, width = alpha.shape
        rows = np.ascontiguousarray(alpha)
        image = image.convertToFormat(QImage.Format.Format_ARGB32)
        # setAlphaChannel copies, so `rows` may be freed afterwards.
        image.setAlphaChannel(QImage(rows.data, width, height, width, QImage.Format.Format_Grayscale8))
    return image


def to_pixels(image: QImage) -> tuple[Pixels, NDArray[np.uint8] | NDArray[np.uint16] | None]:
    """The pixels of a bitmap from the clipboard or a drop, and its alpha; None where all is opaque.

    Pixels are H×W×3 RGB in sRGB, alpha is H×W; both uint16 if the bitmap has more than 8 bits, else uint8.
    """
    if image.colorSpace().isValid() and image.colorSpace() != color_space(None):
        image = image.convertedToColorSpace(color_space(None))
    if image.depth() > 32:
        image = image.convertToFormat(QImage.Format.Format_RGBA64)
        return _split_alpha(np.frombuffer(image.constBits(), np.uint16), image.width(), image.height())
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    return _split_alpha(np.frombuffer(image.constBits(), np.uint8), image.width(), image.height())


def _split_alpha(samples: NDArray[Any], width: int, height: int) -> tuple[Any, Any]:
    """RGB and alpha of flat RGBA samples, copied; alpha is None where all is opaque."""
    four = samples.reshape(height, width, 4)
    opaque = bool((four[..., 3] == np.iinfo(four.dtype).max).all())
    return four[..., :3].copy(), None if opaque else four[..., 3].copy()


def text_mask(text: str) -> NDArray[np.uint8]:
    """A line of text in the window's font as a large picture with a margin: H×W uint8, 255 is ink."""
    font = QGuiApplication.font()
    font.setPixelSize(TEXT_SIZE)
    metrics, margin = QFontMetrics(font), TEXT_SIZE // 2
    image = QImage(
        metrics.horizontalAdvance(text) + 2 * margin, metrics.height() + margin, QImage.Format.Format_Grayscale8
    )
    image.fill(0)
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(image.rect(), Qt.AlignmentFlag.AlignCenter, text)
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width()].copy()


def list_icon(thumbnail: QImage) -> QIcon:
    """A thumbnail in the middle of LIST_ICON, so that the texts beside pictures of any shape are aligned."""
    ratio = QGuiApplication.primaryScreen().devicePixelRatio()
    room = LIST_ICON * ratio
    pixmap = QPixmap(room)
    pixmap.fill(Qt.GlobalColor.transparent)
    fitted = QRect(QPoint(), thumbnail.size().scaled(room, Qt.AspectRatioMode.KeepAspectRatio))
    fitted.moveCenter(pixmap.rect().center())
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(fitted, thumbnail)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return QIcon(pixmap)


def halved(image: QImage) -> QImage:
    """The image at half its size (rounded up), smoothed."""
    size = max(1, (image.width() + 1) // 2), max(1, (image.height() + 1) // 2)
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _wrap(pixels: Pixels) -> QImage:
    """A QImage over the array's memory (8 bits, or 16 bits with alpha), else over a padded copy; it keeps a reference.

    pixels: H×W×3 RGB or H×W×4 RGBA, uint8 or uint16.
    """
    height, width, channels = pixels.shape
    rows = np.ascontiguousarray(pixels)
    if pixels.dtype == np.uint8:
        kind = QImage.Format.Format_RGB888 if channels == 3 else QImage.Format.Format_RGBA8888
        return QImage(rows.data, width, height, channels * width, kind)
    if channels == 4:
        return QImage(rows.data, width, height, 8 * width, QImage.Format.Format_RGBA64)
    four = np.empty((height, width, 4), np.uint16)
    # QImage has no 16-bit RGB format without a fourth channel.
    four[..., :3], four[..., 3] = pixels, 65535
    return QImage(four.data, width, height, 8 * width, QImage.Format.Format_RGBX64)
