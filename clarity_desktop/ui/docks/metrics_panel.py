"""The single quality metrics: each with its value and how it differs from the version compared with."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from clarity_desktop.text import enumeration
from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import muted_label, plain_label, show_role, tooltip
from clarity_desktop.ui.labels import METRICS, excerpt, metric_meaning
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Quality

SCALE_END = {"sseq": 100.0, "niqe": 15.0, "brisque": 100.0, "piqe": 100.0}
"""The end of each metric's scale as it is drawn; values beyond it are drawn at the end."""


def difference(now: float | None, before: float | None) -> tuple[str, str]:
    """How a metric differs where lower is better, and the role of its color: "3.1 better", "good"."""
    if now is None or before is None:
        return "", "muted"
    # Equal at the one decimal that is shown.
    if abs(now - before) < 0.05:
        return QCoreApplication.translate("MetricsPanel", "same"), "muted"
    if now < before:
        text = QCoreApplication.translate("MetricsPanel", "{amount} better")
        return text.format(amount=f"{before - now:.1f}"), "good"
    return QCoreApplication.translate("MetricsPanel", "{amount} worse").format(amount=f"{now - before:.1f}"), "error"


def value(quality: Quality | None, metric: str) -> float | None:
    """A metric of a version; None if it is unknown."""
    return getattr(quality, metric) if quality else None


class Scale(QWidget):
    """A line from best to worst; a dot marks the open version, a ring the one compared with."""

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


class MetricRow(QWidget):
    """One metric: name, value, difference, and the reason if it has no value."""

    def __init__(self, metric: str) -> None:
        super().__init__()
        self._metric = metric
        self.name, self.now, self.change = plain_label(METRICS[metric]), plain_label("–"), plain_label()
        for label in (self.name, self.now):
            label.setProperty("role", "title")
        self.scale, self.reason = Scale(), muted_label()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 6)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.now, 0, 1)
        grid.addWidget(self.change, 0, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self.scale, 1, 0, 1, 3)
        grid.addWidget(self.reason, 2, 0, 1, 3)

    def show_quality(self, now: Quality | None, before: Quality | None) -> None:
        title = METRICS[self._metric]
        a, b = value(now, self._metric), value(before, self._metric)
        if now and before and (self._metric in now.bundled) != (self._metric in before.bundled):
            b = None  # values of different parameters cannot be compared
        why = render(now.why.get(self._metric, "")) if now else ""
        self.now.setText(f"{a:.1f}" if a is not None else "…" if now is None else "–")
        text, role = difference(a, b)
        self.change.setText(text)
        show_role(self.change, role)
        self.change.setVisible(bool(text))
        self.reason.setText(excerpt(why) if a is None else "")
        self.reason.setToolTip(tooltip(why) if a is None else "")
        self.reason.setVisible(bool(self.reason.text()))
        worst = SCALE_END[self._metric]
        self.scale.show_values(a / worst if a is not None else None, b / worst if b is not None else None)
        # Screen readers read the row as one unit instead of five labels.
        spoken = ", ".join(x for x in (f"{title} {self.now.text()}", self.change.text()) if x)
        self.setAccessibleName(spoken)
        self.now.setAccessibleName(spoken)
        self.setToolTip(metric_meaning(self._metric))


class MetricsPanel(QWidget):
    """Shows the metrics of a version beside those of the version compared with."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.metrics = {metric: MetricRow(metric) for metric in METRICS}
        self.heading = muted_label(self.tr("Published metrics, lower is better"))
        column.addWidget(self.heading)
        for row in self.metrics.values():
            column.addWidget(row)
        self.bundled = muted_label()
        why = self.tr(
            "The authors' parameters are not installed, so the parameters built into this program are used. "
            "The value may differ from published ones. Models downloads the authors' parameters."
        )
        self.bundled.setToolTip(why)
        self.bundled.setAccessibleDescription(why)
        column.addWidget(self.bundled)
        self.more = plain_label()
        self.more.setWordWrap(True)
        self.more.setToolTip(self.tr("Additional metrics chosen in Preferences"))
        column.addWidget(self.more)
        self.failed = muted_label()
        column.addWidget(self.failed)

    def show_quality(self, now: Quality | None, before: Quality | None, switched_on: tuple[str, ...] = ()) -> None:
        """switched_on: the additional metrics chosen in Preferences; one without a value shows the reason."""
        for row in self.metrics.values():
            row.show_quality(now, before)
        bundled = [METRICS[name] for name in METRICS if now and name in now.bundled and value(now, name) is not None]
        text = self.tr("Computed with built-in parameters: {metrics}")
        self.bundled.setText(text.format(metrics=render(enumeration(bundled))) if bundled else "")
        self.bundled.setVisible(bool(bundled))
        more = now.more if now else {}
        self.more.setText("\n".join(self._more_line(name, value, before) for name, value in more.items()))
        self.more.setVisible(bool(more))
        reasons = [(name, render(now.why[name])) for name in switched_on if now and name in now.why]
        self.failed.setText("\n".join(f"{name}  –  {excerpt(why)}" for name, why in reasons))
        self.failed.setToolTip(tooltip("\n".join(f"{name}: {why}" for name, why in reasons)))
        self.failed.setVisible(bool(reasons))

    def _more_line(self, name: str, value: float, before: Quality | None) -> str:
        """An additional metric; whether higher is better depends on the metric, so only both values are shown."""
        if before is None or name not in before.more:
            return f"{name}  {value:.3g}"
        line = self.tr("{metric}  {value}  (before: {before})")
        return line.format(metric=name, value=f"{value:.3g}", before=f"{before.more[name]:.3g}")
