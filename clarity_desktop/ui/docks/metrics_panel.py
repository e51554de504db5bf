"""The single measures of quality: each with its value, the one before, the difference and its direction in words."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import muted_label, plain_label, tooltip
from clarity_desktop.ui.labels import METRICS, excerpt
from clarity_desktop.values import Quality

WORST = {"sseq": 100.0, "niqe": 15.0, "brisque": 100.0, "piqe": 100.0}
"""The end of each metric's scale as it is drawn; values beyond it are drawn at the end."""
OURS = "our own parameters"
OURS_WHY = (
    "The authors' parameters are not on this computer, so those that this program's makers fitted are used. "
    "The value may differ from published ones; Models fetches the authors' parameters."
)


def difference(now: float | None, before: float | None) -> str:
    """How the open version differs where lower is better: an arrow, the amount and the verdict in a word."""
    if now is None or before is None:
        return ""
    if abs(now - before) < 0.05:
        return "= the same"
    return f"▼ {before - now:.1f} better" if now < before else f"▲ {now - before:.1f} worse"


def value(quality: Quality | None, metric: str) -> float | None:
    return getattr(quality, metric) if quality else None


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
        colors, painter = theme.colors(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, room = self.height() / 2, self.width() - 12
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.border))
        painter.drawRoundedRect(QRectF(6, middle - 1.5, room, 3), 1.5, 1.5)
        ink = QColor(colors.ring if self.isEnabled() else colors.disabled)
        if self._before is not None:
            painter.setPen(QColor(colors.text))
            painter.setBrush(QColor(colors.window))
            painter.drawEllipse(QRectF(6 + room * min(1, self._before) - 4, middle - 4, 8, 8))
        if self._now is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink)
            painter.drawEllipse(QRectF(6 + room * min(1, self._now) - 5, middle - 5, 10, 10))
        painter.end()


class Metric(QWidget):
    """One metric: name, value, whose parameters, the difference and what it all means."""

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric
        title, meaning = METRICS[metric]
        self.name, self.now, self.change, self.ours = QLabel(title), QLabel("–"), QLabel(), muted_label(OURS)
        for label in (self.name, self.now):
            label.setProperty("role", "title")
        self.ours.setToolTip(OURS_WHY)
        self.ours.setAccessibleDescription(OURS_WHY)
        self.scale, self.meaning = Scale(), muted_label(meaning)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 6)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.now, 0, 1)
        grid.addWidget(self.change, 0, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self.scale, 1, 0, 1, 3)
        grid.addWidget(self.meaning, 2, 0, 1, 3)
        grid.addWidget(self.ours, 3, 0, 1, 3)

    def show_quality(self, now: Quality | None, before: Quality | None) -> None:
        title, meaning = METRICS[self._metric]
        a, b = value(now, self._metric), value(before, self._metric)
        if now and before and (self._metric in now.ours) != (self._metric in before.ours):
            b = None  # by other parameters: no less than another metric
        why = now.why.get(self._metric, "") if now else ""
        self.now.setText(f"{a:.1f}" if a is not None else "…" if now is None else "–")
        self.change.setText(difference(a, b))
        self.change.setVisible(bool(self.change.text()))
        self.meaning.setText(excerpt(why) if a is None and why else meaning)
        self.meaning.setToolTip(tooltip(why) if a is None else "")
        ours = bool(now and a is not None and self._metric in now.ours)
        self.ours.setVisible(ours)
        worst = WORST[self._metric]
        self.scale.show_values(a / worst if a is not None else None, b / worst if b is not None else None)
        spoken = ", ".join(x for x in (f"{title} {self.now.text()}", self.change.text(), OURS if ours else "") if x)
        self.setAccessibleName(spoken)
        self.now.setAccessibleName(spoken)
        self.scale.setToolTip(f"{title}: best at the left, worst at the right")


class MetricsPanel(QWidget):
    """Values in by show_quality."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.metrics = {metric: Metric(metric) for metric in METRICS}
        for row in self.metrics.values():
            column.addWidget(row)
        self.more = plain_label()
        self.more.setWordWrap(True)
        self.more.setToolTip("Further metrics that you switched on in Preferences")
        column.addWidget(self.more)
        self.failed = muted_label()
        column.addWidget(self.failed)

    def show_quality(self, now: Quality | None, before: Quality | None, switched_on: tuple[str, ...] = ()) -> None:
        """switched_on: the further metrics that the user wants; those that have no value say why."""
        for row in self.metrics.values():
            row.show_quality(now, before)
        more = now.more if now else {}
        self.more.setText("\n".join(f"{name}  {value:.3g}{_earlier(before, name)}" for name, value in more.items()))
        self.more.setVisible(bool(more))
        reasons = [(name, now.why[name]) for name in switched_on if now and name in now.why]
        self.failed.setText("\n".join(f"{name}  –  {excerpt(why)}" for name, why in reasons))
        self.failed.setToolTip(tooltip("\n".join(f"{name}: {why}" for name, why in reasons)))
        self.failed.setVisible(bool(reasons))


def _earlier(before: Quality | None, name: str) -> str:
    """Further metrics differ in their direction: only what was before is said, no verdict."""
    return f"  (before {before.more[name]:.3g})" if before and name in before.more else ""
