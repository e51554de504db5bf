"""What an empty canvas shows: an invitation to drop a photo, and the window's buttons below it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui import theme

TITLE_SIZE = 20
"""Pixels of the title's font."""


class Invitation:
    """Painted in the middle of the canvas; the buttons are a widget of the window."""

    def __init__(self, canvas: QWidget) -> None:
        self._canvas = canvas
        self._buttons: QWidget | None = None
        self._visible = True

    def set_buttons(self, buttons: QWidget) -> None:
        """Show these below the text; call it again when their size has changed."""
        buttons.setParent(self._canvas)
        self._buttons = buttons
        self.arrange(visible=self._visible)

    def arrange(self, *, visible: bool) -> None:
        """Show or hide the buttons and center them in the canvas."""
        self._visible = visible
        if self._buttons is not None:
            self._buttons.setVisible(visible)
            self._buttons.adjustSize()
            x = (self._canvas.width() - self._buttons.width()) // 2
            self._buttons.move(x, self._canvas.height() // 2 + 48)

    def paint(self, painter: QPainter, opening: str) -> None:
        """Paint the icon and the text. opening: the name of a photo of which nothing can be shown yet; "": none."""
        colors, center = theme.colors(), QRectF(self._canvas.rect()).center()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme.paint_icon(painter, "photo", QRectF(center.x() - 28, center.y() - 100, 56, 56), colors.muted)
        font = painter.font()
        if opening:
            painter.setPen(QColor(colors.muted))
            line = QRectF(16, center.y() - 36, self._canvas.width() - 32, 30)
            text = painter.fontMetrics().elidedText(
                opening_text(opening), Qt.TextElideMode.ElideMiddle, round(line.width())
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
            return
        font.setPixelSize(TITLE_SIZE)
        painter.setFont(font)
        painter.setPen(QColor(colors.text))
        title = QCoreApplication.translate("Invitation", "Drop a photo here")
        line = QRectF(0, center.y() - 36, self._canvas.width(), 30)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, title)
        font.setPixelSize(theme.BASE_FONT)
        painter.setFont(font)
        painter.setPen(QColor(colors.muted))
        formats = QCoreApplication.translate(
            "Invitation", "JPEG, PNG, WebP, TIFF, HEIC, AVIF and more. Everything stays on this computer."
        )
        room = QRectF(16, center.y() - 9, self._canvas.width() - 32, 44)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, formats)


def opening_text(name: str) -> str:
    """What is said of a photo that is being opened; empty for no name."""
    return QCoreApplication.translate("Invitation", "Opening {name}…").format(name=name) if name else ""
