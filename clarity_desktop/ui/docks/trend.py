"""The overall score over the versions, from the original to the newest of the branch that is open: a small curve."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.labels import version_title
from clarity_desktop.values import Version, VersionId

HEIGHT = 52
MARGIN = 7.0
MIN_SPAN = 30.0
"""Points of score that the height covers at least, so that small differences look small."""
MAX_SPOKEN = 5
"""With more versions than this a screen reader hears only the last of them and the best."""
MAX_DOTS = 20
"""With more versions than this only the open one has a dot."""


def score_range(values: list[float]) -> tuple[float, float]:
    """The scores at the lower and the upper edge: all values, some room around them, within 0..100."""
    low, high = min(values), max(values)
    # At least MIN_SPAN points, so that noise of a point does not look dramatic.
    room = max(2.0, (MIN_SPAN - (high - low)) / 2)
    low, high = max(0.0, low - room), min(100.0, high + room)
    return (low, max(high, low + MIN_SPAN)) if low == 0 else (min(low, high - MIN_SPAN), high)


class Trend(QWidget):
    """A dot for each version with a score, a translucent bar for its range; a click chooses the version."""

    chosen = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._scored: list[Version] = []
        self._head: VersionId | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def show_branch(self, branch: tuple[Version, ...], head: VersionId | None) -> None:
        """The versions in order; those without an overall score are left out."""
        self._scored = [v for v in branch if v.quality and v.quality.overall is not None]
        self._head = head
        self.setVisible(len(self._scored) > 1)
        self.setAccessibleName(self._description())
        self.update()

    def _description(self) -> str:
        """The curve in words: all of a few versions, of many the last ones and the best."""
        count, last = len(self._scored), self._scored[-MAX_SPOKEN:]
        scores = ", ".join(f"{version_title(v)} {_overall(v):.0f}" for v in last)
        if count <= MAX_SPOKEN:
            return self.tr("Overall score of %n version(s): {scores}", "", count).format(scores=scores)
        best = max(self._scored, key=_overall)
        return self.tr("Overall score of %n version(s), best: {best}, latest: {scores}", "", count).format(
            best=f"{version_title(best)} {_overall(best):.0f}", scores=scores
        )

    def points(self) -> list[QPointF]:
        """Where each version's dot lies."""
        if not self._scored:
            return []
        low, high = score_range([x for v in self._scored for x in _range(v)])
        wide, tall = self.width() - 2 * MARGIN, self.height() - 2 * MARGIN
        steps = max(1, len(self._scored) - 1)
        return [
            QPointF(MARGIN + wide * k / steps, MARGIN + tall * (high - _overall(v)) / (high - low))
            for k, v in enumerate(self._scored)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        colors, points = theme.colors(), self.points()
        ink = QColor(colors.ring if self.isEnabled() else colors.disabled)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(colors.border), 1))
        for y in (MARGIN, self.height() - MARGIN):
            painter.drawLine(QPointF(0, y), QPointF(self.width(), y))
        self._paint_ranges(painter, ink)
        painter.setPen(QPen(ink, 2))
        painter.drawPolyline(QPolygonF(points))
        for version, point in zip(self._scored, points, strict=True):
            here = version.id == self._head
            if here or len(points) <= MAX_DOTS:
                painter.setBrush(ink if here else QColor(colors.window))
                painter.drawEllipse(point, *((5.0, 5.0) if here else (3.0, 3.0)))
        painter.end()

    def _paint_ranges(self, painter: QPainter, ink: QColor) -> None:
        low, high = score_range([x for v in self._scored for x in _range(v)]) if self._scored else (0.0, 1.0)
        scale = (self.height() - 2 * MARGIN) / (high - low)
        range_color = QColor(ink)
        range_color.setAlpha(64)
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(range_color)
        for version, point in zip(self._scored, self.points(), strict=True):
            worst, best = _range(version)
            top = MARGIN + scale * (high - best)
            painter.drawRoundedRect(QRectF(point.x() - 4, top, 8, max(2.0, scale * (best - worst))), 3, 3)
        painter.restore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (version := self._nearest(event.position())) is not None:
            self.chosen.emit(version.id)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and (version := self._nearest(QPointF(event.pos()))) is not None:
            text = self.tr("{title}: {score} of 100").format(
                title=version_title(version), score=f"{_overall(version):.0f}"
            )
            QToolTip.showText(event.globalPos(), tooltip(text), self)
            return True
        return super().event(event)

    def _nearest(self, at: QPointF) -> Version | None:
        # Horizontal distance only: the dots are small and the curve is flat.
        near = sorted(zip(self.points(), self._scored, strict=True), key=lambda pair: abs(pair[0].x() - at.x()))
        return near[0][1] if near else None


def _overall(version: Version) -> float:
    return (version.quality.overall if version.quality else None) or 0.0


def _range(version: Version) -> tuple[float, float]:
    """The ends of a score's range; the score itself where it has none."""
    quality, overall = version.quality, _overall(version)
    if quality is None or quality.low is None or quality.high is None:
        return overall, overall
    return quality.low, quality.high
