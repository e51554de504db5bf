"""The histogram: red, green, blue and luminance, with marks for what is clipped."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.values import Histogram

HEIGHT = 76
MARK = 8.0
"""Logical pixels of a clipping mark's side."""
CLIPPED = 0.0005
"""Share of clipped pixels from which a mark is shown: single bright points are no mistake."""
CHANNELS = ("#e05252", "#4fae5a", "#5b8def")


class HistogramView(QWidget):
    """Shows one histogram; the corners light up where shadows or highlights are clipped."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Histogram | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Histogram"))
        self.show_histogram(None)

    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    @property
    def histogram(self) -> Histogram | None:
        """What is shown."""
        return self._shown

    def show_histogram(self, histogram: Histogram | None) -> None:
        """Show a histogram; None: there is none (yet)."""
        self._shown = histogram
        text = self._description(histogram) if histogram else ""
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        self.update()

    def _description(self, histogram: Histogram) -> str:
        values = np.arange(256)
        luminance = histogram.counts[3]
        mean = float(luminance @ values / max(1, luminance.sum()) / 255)
        return self.tr(
            "Mean brightness {mean}. Pure black in a channel: {dark} of the pixels; pure white: {bright}."
        ).format(mean=f"{mean:.0%}", dark=f"{histogram.dark:.1%}", bright=f"{histogram.bright:.1%}")

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        colors = theme.colors()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.setBrush(QColor(colors.field))
        painter.drawRoundedRect(area, 4, 4)
        if self._shown is not None:
            inside = area.adjusted(4, 6, -4, -1)
            self._paint_curves(painter, inside, self._shown)
            self._paint_marks(painter, area, self._shown)
        painter.end()

    def _paint_curves(self, painter: QPainter, area: QRectF, shown: Histogram) -> None:
        # The ends would dwarf everything else in a photo with clipped parts.
        inner = shown.counts[:, 1:-1]
        top = float(np.sqrt(max(1.0, np.percentile(inner.max(0), 99.5))))
        ink = QColor(theme.colors().text)
        for channel, name in enumerate((*CHANNELS, "")):
            color = QColor(name) if name else ink
            # Roots, so that the small counts at both ends stay visible.
            heights = np.minimum(1.0, np.sqrt(shown.counts[channel]) / top)
            points = [
                QPointF(area.left() + area.width() * k / 255, area.bottom() - area.height() * float(h))
                for k, h in enumerate(heights)
            ]
            if name:
                painter.setPen(Qt.PenStyle.NoPen)
                color.setAlpha(110)
                painter.setBrush(color)
                painter.drawPolygon(QPolygonF([area.bottomLeft(), *points, area.bottomRight()]))
            else:
                painter.setPen(QPen(color, 1.2))
                painter.drawPolyline(QPolygonF(points))

    def _paint_marks(self, painter: QPainter, area: QRectF, shown: Histogram) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colors().error))
        for share, x, inwards in ((shown.dark, area.left() + 3, 1), (shown.bright, area.right() - 3, -1)):
            if share > CLIPPED:
                corner = QPointF(x, area.top() + 3)
                across, down = QPointF(MARK * inwards, 0), QPointF(0, MARK)
                painter.drawPolygon(QPolygonF([corner, corner + across, corner + down]))
