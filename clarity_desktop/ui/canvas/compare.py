"""Comparing versions: which part of the canvas shows which layer, the line between two of them, and their names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from clarity_desktop.text import conjunction
from clarity_desktop.ui.canvas.layers import Layers, PictureLayer
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Bounds, VersionId

Compare = Literal["single", "split", "side", "top", "grid"]
"""One version, a line between two, or all of them side by side, one above the other, or in a grid."""
MAX_PANES = 6
GAP = 2
"""Device pixels between two panes."""
LABEL_MARGIN, LABEL_PADDING = 12.0, 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """A part of the canvas in device pixels: the layer is laid out in `area` and painted inside `clip`."""

    layer: PictureLayer
    area: Bounds
    clip: Bounds


def divide(mode: Compare, count: int, width: int, height: int) -> tuple[Bounds, ...]:
    """`count` areas of the same size, side by side, one above the other or in a grid, in a canvas of width × height."""
    if mode == "side":
        columns, rows = count, 1
    elif mode == "top":
        columns, rows = 1, count
    else:
        # As square as possible: the panes keep about the proportions of the canvas.
        columns = math.ceil(math.sqrt(count))
        rows = math.ceil(count / columns)
    wide, high = (width - GAP * (columns - 1)) // columns, (height - GAP * (rows - 1)) // rows
    xs = [round(k * (width - wide) / max(1, columns - 1)) for k in range(columns)]
    ys = [round(k * (height - high) / max(1, rows - 1)) for k in range(rows)]
    return tuple(Bounds(xs[k % columns], ys[k // columns], wide, high) for k in range(count))


class Comparison(QObject):
    """How the versions of a canvas are compared. The open version is always in the last pane."""

    changed = Signal()  # the panes are others now
    mode_changed = Signal(str)  # the Compare mode
    split_changed = Signal(float)  # 0..1 of the canvas width

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.mode: Compare = "single"
        self.split = 0.5
        self._layers = layers
        self._labels: Mapping[VersionId, str] = {}
        self._peeking = False
        self._suspended = False

    def set_mode(self, mode: Compare) -> None:
        """Choose the mode. With no version to compare with, the open one is shown alone until there is one."""
        if mode != self.mode:
            self.mode = mode
            self.changed.emit()
            self.mode_changed.emit(mode)

    def set_split(self, fraction: float) -> None:
        """Move the line of the split mode: 0..1 of the canvas width."""
        fraction = min(1.0, max(0.0, fraction))
        if fraction != self.split:
            self.split = fraction
            self.changed.emit()
            self.split_changed.emit(fraction)

    def set_labels(self, labels: Mapping[VersionId, str]) -> None:
        """Name the versions while they are compared; one without a name gets no label."""
        self._labels = dict(labels)
        self.changed.emit()

    def peek(self, on: bool) -> None:
        """Show only the version compared with while on (a key is held)."""
        self._peeking = on
        self.changed.emit()

    def suspend(self, on: bool) -> None:
        """Show only the open version while on, whatever the mode: a tool works on it."""
        if on != self._suspended:
            self._suspended = on
            self.changed.emit()

    def panes(self, canvas: Bounds) -> tuple[Pane, ...]:
        """What a canvas of that size in device pixels shows."""
        # The whole canvas: what a tool works on, and the fallback without a comparison.
        main = Pane(self._layers.main, canvas, canvas)
        if self._suspended or not self._layers.compared:
            return (main,)
        first = self._layers.compared[0]
        if self._peeking:
            return (Pane(first, canvas, canvas),)
        if self.mode == "single":
            return (main,)
        if self.mode == "split":
            line = round(canvas.width * self.split)
            left, right = Bounds(0, 0, line, canvas.height), Bounds(line, 0, canvas.width - line, canvas.height)
            return Pane(first, canvas, left), Pane(self._layers.main, canvas, right)
        layers = [*self._layers.compared[: MAX_PANES - 1], self._layers.main]
        areas = divide(self.mode, len(layers), canvas.width, canvas.height)
        return tuple(Pane(layer, area, area) for layer, area in zip(layers, areas, strict=True))

    @property
    def shows_split(self) -> bool:
        """Whether the line between two versions is visible."""
        is_plain = not self._suspended and not self._peeking
        return self.mode == "split" and is_plain and bool(self._layers.compared)

    def labels(self, panes: tuple[Pane, ...]) -> tuple[str, ...]:
        """The names of the versions in the panes."""
        return tuple(self._labels.get(pane.layer.version or VersionId(""), "") for pane in panes)

    def description(self, panes: tuple[Pane, ...]) -> str:
        """A sentence for the accessible description; empty while one version is shown or none has a label."""
        labels = [label for label in self.labels(panes) if label]
        if len(panes) < 2 or not labels:
            return ""
        templates = {
            "split": self.tr("{versions}, split at {position}."),
            "side": self.tr("{versions}, side by side."),
            "top": self.tr("{versions}, one above the other."),
            "grid": self.tr("{versions}, in a grid."),
        }
        versions = render(conjunction(labels))
        return templates[self.mode].format(versions=versions, position=f"{self.split:.0%}")

    def paint_labels(self, painter: QPainter, panes: tuple[Pane, ...], view: Viewport) -> None:
        """Name the panes: all of several, or the one version that is peeked at."""
        if len(panes) == 1 and panes[0].layer is self._layers.main:
            return
        for pane, label in zip(panes, self.labels(panes), strict=True):
            clip = pane.clip
            area = QRectF(view.to_logical(clip.x, clip.y), view.to_logical(clip.right, clip.bottom))
            paint_label(painter, label, area, right=self.shows_split and pane is panes[-1])


def paint_label(painter: QPainter, text: str, area: QRectF, *, right: bool) -> None:
    """A version's name in the upper left or right corner of its area, on a dark plate that any photo leaves legible."""
    metrics = QFontMetricsF(painter.font())
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width() - 2 * (LABEL_MARGIN + LABEL_PADDING))
    if len(text) < 2:  # nothing, or an ellipsis alone
        return
    plate = QRectF(0, 0, metrics.horizontalAdvance(text) + 2 * LABEL_PADDING, metrics.height() + LABEL_PADDING)
    plate.moveTop(area.top() + LABEL_MARGIN)
    plate.moveLeft(area.right() - LABEL_MARGIN - plate.width() if right else area.left() + LABEL_MARGIN)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 176))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)


def paint_split(painter: QPainter, x: float, height: float, accent: QColor, *, focused: bool) -> None:
    """The line between the two versions, with a grip; in the accent color while the keyboard moves it."""
    painter.setPen(QPen(QColor(0, 0, 0, 120), 4))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    painter.setPen(QPen(accent if focused else QColor(255, 255, 255), 2))
    painter.drawLine(QPointF(x, 0), QPointF(x, height))
    grip = QPointF(x, height / 2)
    painter.setBrush(QColor(30, 30, 30, 220))
    painter.drawEllipse(grip, 15, 15)
    painter.setPen(QPen(QColor(255, 255, 255), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for side in (-1, 1):
        tip = grip + QPointF(9 * side, 0)
        painter.drawLine(tip, tip + QPointF(-4 * side, -4))
        painter.drawLine(tip, tip + QPointF(-4 * side, 4))
