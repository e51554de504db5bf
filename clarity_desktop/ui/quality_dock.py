"""How good the open version is, beside the one it is compared with: each figure with its direction in words."""

from __future__ import annotations

import re

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from clarity_desktop.ui.words import METRICS, version_title
from clarity_desktop.values import Quality, Version

WORST = {"piqe": 100.0, "niqe": 15.0}
"""The end of each metric's scale as it is drawn; values beyond it are drawn at the end."""


MOST = 130
"""Characters of a reason; all of it is in the tooltip."""


def difference(now: float | None, before: float | None) -> str:
    """How the open version differs where lower is better: an arrow, the amount and the verdict in a word."""
    if now is None or before is None:
        return ""
    if abs(now - before) < 0.05:
        return "= the same"
    return f"▼ {before - now:.1f} better" if now < before else f"▲ {now - before:.1f} worse"


def value(quality: Quality | None, metric: str) -> float | None:
    return getattr(quality, metric) if quality else None


def _short(why: str) -> str:
    """A reason that may name paths and addresses, as much of it as the panel has room for."""
    text = why if len(why) <= MOST else why[:MOST].rsplit(" ", 1)[0] + " …"
    return re.sub(r"([/_\-])", "\\1\u200b", text)


class Scale(QWidget):
    """A line from best to worst with a dot for the open version and a ring for the other."""

    def __init__(self) -> None:
        super().__init__()
        self._now: float | None = None
        self._before: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(80, 14)

    def show_values(self, now: float | None, before: float | None) -> None:
        """Shares 0..1 of the way from best (left) to worst."""
        self._now, self._before = now, before
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, room = self.height() / 2, self.width() - 12
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(QRectF(6, middle - 1.5, room, 3), 1.5, 1.5)
        ink = self.palette().color(QPalette.ColorRole.Highlight)
        if self._before is not None:
            painter.setPen(self.palette().color(QPalette.ColorRole.Text))
            painter.setBrush(self.palette().color(QPalette.ColorRole.Window))
            painter.drawEllipse(QRectF(6 + room * min(1, self._before) - 4, middle - 4, 8, 8))
        if self._now is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(QRectF(6 + room * min(1, self._now) - 5, middle - 5, 10, 10))
        painter.end()


class Metric(QWidget):
    """One metric: name, value, the other's value, the difference and what it all means."""

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric
        title, meaning = METRICS[metric]
        self.name = QLabel(title)
        self.name.setProperty("role", "title")
        self.now = QLabel("–")
        self.now.setProperty("role", "title")
        self.change = QLabel()
        self.scale = Scale()
        self.meaning = QLabel(meaning)
        self.meaning.setWordWrap(True)
        self.meaning.setProperty("role", "muted")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 6)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.now, 0, 1)
        grid.addWidget(self.change, 0, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self.scale, 1, 0, 1, 3)
        grid.addWidget(self.meaning, 2, 0, 1, 3)

    def show_quality(self, now: Quality | None, before: Quality | None) -> None:
        title, meaning = METRICS[self._metric]
        a, b = value(now, self._metric), value(before, self._metric)
        why = now.why.get(self._metric, "") if now else ""
        self.now.setText(f"{a:.1f}" if a is not None else "…" if now is None else "–")
        self.change.setText(difference(a, b))
        self.change.setVisible(bool(self.change.text()))
        self.meaning.setText(_short(why) if a is None and why else meaning)
        self.meaning.setToolTip(why if a is None else "")
        worst = WORST[self._metric]
        self.scale.show_values(a / worst if a is not None else None, b / worst if b is not None else None)
        spoken = f"{title} {self.now.text()}, {self.change.text()}".rstrip(", ")
        self.setAccessibleName(spoken)
        self.now.setAccessibleName(spoken)
        self.scale.setToolTip(f"{title}: best at the left, worst at the right")


class QualityDock(QScrollArea):
    """Scores of the open version and of the one compared with."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Quality")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 8, 12, 8)
        self.names = QLabel()
        self.names.setProperty("role", "muted")
        self.names.setWordWrap(True)
        column.addWidget(self.names)
        self.metrics = {metric: Metric(metric) for metric in METRICS}
        for row in self.metrics.values():
            column.addWidget(row)
        column.addStretch(1)
        self.setWidget(inside)
        self.show_versions(None, None)

    def show_versions(self, now: Version | None, before: Version | None) -> None:
        """The open version and the one that it is compared with; None: there is none."""
        if now is None:
            self.names.setText("Open a photo to see how good it is.")
        elif before is None:
            self.names.setText(f"● {version_title(now)}")
        else:
            self.names.setText(f"● {version_title(now)}   ○ {version_title(before)}")
        for row in self.metrics.values():
            row.setVisible(now is not None)
            row.show_quality(now.quality if now else None, before.quality if before else None)
