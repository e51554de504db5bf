"""Comparing versions: which part of the canvas shows which layer, the line between two of them, and their names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from clarity_desktop.text import conjunction
from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.difference import DifferenceLayer
from clarity_desktop.ui.canvas.layers import Layer, Layers, PictureLayer
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Bounds, VersionId

Compare = Literal["single", "split", "side", "top", "grid", "difference", "blink"]
"""One version, a line between two, or all of them side by side, one above the other, or in a grid; what differs
between two, or the two in turns."""
BLINK_SECONDS = 0.6
"""How long each of two versions is shown in turns: slow enough to look at both, and far from what flickers."""
MAX_PANES = 6
GAP = 2
"""Device pixels between two panes."""
LABEL_MARGIN, LABEL_PADDING = 12.0, 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Pane:
    """A part of the canvas in device pixels: the layer is laid out in `area` and painted inside `clip`."""

    layer: Layer
    area: Bounds
    clip: Bounds


def divide(
    mode: Compare, count: int, width: int, height: int, photo: tuple[int, int] | None = None
) -> tuple[Bounds, ...]:
    """`count` areas of the same size, side by side, one above the other or in a grid, in a canvas of width × height.

    photo: width and height of what is shown, which the grid makes as large as it can.
    """
    if mode == "side":
        columns, rows = count, 1
    elif mode == "top":
        columns, rows = 1, count
    else:
        columns = _columns(count, width, height, photo)
        rows = math.ceil(count / columns)
    wide, high = (width - GAP * (columns - 1)) // columns, (height - GAP * (rows - 1)) // rows
    xs = [round(k * (width - wide) / max(1, columns - 1)) for k in range(columns)]
    ys = [round(k * (height - high) / max(1, rows - 1)) for k in range(rows)]
    return tuple(Bounds(xs[k % columns], ys[k // columns], wide, high) for k in range(count))


@dataclass(frozen=True, slots=True)
class Shown:
    """Versions of the compare view in the order of their numbers, and two of them, or the input and one of them.

    second is the one that is chosen; first is what it is compared with where two are compared.
    """

    versions: tuple[VersionId, ...]
    first: VersionId
    second: VersionId


def _columns(count: int, width: int, height: int, photo: tuple[int, int] | None) -> int:
    """In how many columns a grid shows a photo largest."""
    if photo is None:
        # As square as possible: the panes keep about the proportions of the canvas.
        return math.ceil(math.sqrt(count))

    def scale(columns: int) -> float:
        rows = math.ceil(count / columns)
        return min(width / columns / photo[0], height / rows / photo[1])

    return max(range(1, count + 1), key=scale)


class Comparison(QObject):
    """How the versions of a canvas are compared: the open one and others, which is then in the last pane, or, in the
    compare view, versions in an order of their own, whichever is open."""

    changed = Signal()  # the panes are others now
    blinked = Signal()  # the other one of two versions is shown
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
        self.shows_open = False
        self.shown: Shown | None = None  # in the compare view
        self.difference = DifferenceLayer()
        self._shows_first = False  # while two versions are shown in turns
        self._hidden = True
        self._blink = QTimer(self, interval=round(1000 * BLINK_SECONDS))
        self._blink.timeout.connect(self._flip)

    def show_versions(self, shown: Shown | None) -> None:
        """Show the versions of the compare view; None leaves it."""
        if shown != self.shown:
            self.shown = shown
            self._changed()

    def show_open(self, on: bool) -> None:
        """Show only the open version while on: a part of another one is being taken into it."""
        if on != self.shows_open:
            self.shows_open = on
            self._changed()

    def set_gain(self, gain: int) -> None:
        """Amplify differences."""
        self.difference.gain = gain
        self.changed.emit()

    def hide(self, on: bool) -> None:
        """The canvas is not on the screen: nothing blinks."""
        self._hidden = on
        self._set_blink()

    def set_mode(self, mode: Compare) -> None:
        """Choose the mode. With no version to compare with, the open one is shown alone until there is one."""
        if mode != self.mode:
            self.mode = mode
            self._changed()
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
        self._changed()

    def suspend(self, on: bool) -> None:
        """Show only the open version while on, whatever the mode: a tool works on it."""
        if on != self._suspended:
            self._suspended = on
            self._changed()

    def panes(self, canvas: Bounds) -> tuple[Pane, ...]:
        """What a canvas of that size in device pixels shows."""
        # The whole canvas: what a tool works on, and the fallback without a comparison.
        main = Pane(self._layers.main, canvas, canvas)
        if self._suspended or self.shows_open or not (self._layers.compared or self.shown):
            return (main,)
        if self.shown is not None:
            return self._panes_of(self.shown, canvas) or (main,)
        first = self._layers.compared[0]
        if self._peeking:
            return (Pane(first, canvas, canvas),)
        if self.mode == "single":
            return (main,)
        if self.mode in ("split", "difference", "blink"):
            return self._pair(first, self._layers.main, canvas)
        return self._all([*self._layers.compared[: MAX_PANES - 1], self._layers.main], canvas)

    def _panes_of(self, shown: Shown, canvas: Bounds) -> tuple[Pane, ...]:
        """The panes of the compare view; none until the tiles of its versions are known."""
        first, second = self._layers.find(shown.first), self._layers.find(shown.second)
        if self._peeking and first is not None:
            return (Pane(first, canvas, canvas),)
        if self.mode in ("split", "difference", "blink") and first is not None and second is not None:
            return self._pair(first, second, canvas)
        if self.mode in ("side", "top", "grid"):
            found = [self._layers.find(version) for version in shown.versions[:MAX_PANES]]
            return self._all([layer for layer in found if layer is not None], canvas)
        return () if second is None else (Pane(second, canvas, canvas),)

    def _pair(self, first: PictureLayer, second: PictureLayer, canvas: Bounds) -> tuple[Pane, ...]:
        """Two versions at a line, as their difference, or in turns."""
        if self.mode == "difference":
            self.difference.first, self.difference.second = first, second
            return (Pane(self.difference, canvas, canvas),)
        if self.mode == "blink":
            return (Pane(first if self._shows_first else second, canvas, canvas),)
        line = round(canvas.width * self.split)
        left, right = Bounds(0, 0, line, canvas.height), Bounds(line, 0, canvas.width - line, canvas.height)
        return Pane(first, canvas, left), Pane(second, canvas, right)

    def _all(self, layers: Sequence[PictureLayer], canvas: Bounds) -> tuple[Pane, ...]:
        """All versions, each in a pane of its own."""
        if not layers:
            return ()
        areas = divide(self.mode, len(layers), canvas.width, canvas.height, self._layers.main.size)
        return tuple(Pane(layer, area, area) for layer, area in zip(layers, areas, strict=True))

    @property
    def has_pair(self) -> bool:
        """Whether two versions are there to be compared."""
        hidden = self._suspended or self._peeking or self.shows_open
        return not hidden and bool(self._layers.compared)

    def _changed(self) -> None:
        self._set_blink()
        self.changed.emit()

    def _set_blink(self) -> None:
        on = self.mode == "blink" and self.has_pair and not self._hidden
        if not on:
            self._blink.stop()
            self._shows_first = False
        elif not self._blink.isActive():
            self._blink.start()

    def _flip(self) -> None:
        self._shows_first = not self._shows_first
        self.blinked.emit()

    @property
    def shows_split(self) -> bool:
        """Whether the line between two versions is visible."""
        return self.mode == "split" and self.has_pair

    def labels(self, panes: tuple[Pane, ...]) -> tuple[str, ...]:
        """What the panes show: names of versions, or which ones are subtracted."""
        return tuple(self._label(pane.layer) for pane in panes)

    def _label(self, layer: Layer) -> str:
        if layer is not self.difference:
            return self._labels.get(layer.version or VersionId(""), "")
        first, second = (shown and self._labels.get(shown.version or VersionId(""), "") for shown in self._subtracted)
        text = self.tr("{second} − {first}, × {gain}")
        return text.format(first=first, second=second, gain=self.difference.gain) if first and second else ""

    @property
    def _subtracted(self) -> tuple[PictureLayer | None, PictureLayer | None]:
        return self.difference.first, self.difference.second

    def description(self, panes: tuple[Pane, ...]) -> str:
        """A sentence for the accessible description; empty while one version is shown or none has a label."""
        if self.mode == "blink" and self.has_pair:
            return self._pair_in_turns()
        labels = [label for label in self.labels(panes) if label]
        if self.mode == "difference" and labels and panes[0].layer is self.difference:
            return self.tr("The difference is shown: {versions}.").format(versions=labels[0])
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

    def _pair_in_turns(self) -> str:
        """The same sentence whichever of the two is shown: a screen reader must not read it at every turn."""
        main, compared = self._layers.main.version, self._layers.compared
        pair = (self.shown.first, self.shown.second) if self.shown else (compared[0].version, main)
        first, second = (self._labels.get(version or VersionId(""), "") for version in pair)
        text = self.tr("{first} and {second} are shown in turns.")
        return text.format(first=first, second=second) if first and second else ""

    def paint_labels(self, painter: QPainter, panes: tuple[Pane, ...], view: Viewport) -> None:
        """Name the panes: all of several, the one version that is peeked at, and each in the compare view."""
        is_alone = len(panes) == 1 and all(pane.layer is self._layers.main for pane in panes)
        if is_alone and (self.shown is None or self._suspended) and self.mode != "blink":
            return
        if self.shown is not None and len(panes) > 1 and not self.shows_split:
            self._frame_chosen(painter, panes, view)
        for number, (pane, label) in enumerate(zip(panes, self.labels(panes), strict=True), 1):
            clip = pane.clip
            area = QRectF(view.to_logical(clip.x, clip.y), view.to_logical(clip.right, clip.bottom))
            paint_label(painter, label, area, right=self.shows_split and number == len(panes))

    def _frame_chosen(self, painter: QPainter, panes: tuple[Pane, ...], view: Viewport) -> None:
        """A frame around the version that is chosen: what the keys act on."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.colors().ring), 2))
        for pane in panes:
            if self.shown and pane.layer.version == self.shown.second:
                clip = pane.clip
                area = QRectF(view.to_logical(clip.x, clip.y), view.to_logical(clip.right, clip.bottom))
                painter.drawRect(area.adjusted(1, 1, -1, -1))


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
