"""Where a photo lies on the screen: zoom, pan and fit as values, in device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PySide6.QtCore import QRect

from clarity_desktop.values import Bounds

STEPS = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3,
         1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)  # fmt: skip
"""Zoom steps of the keyboard and the buttons."""
MAX_FIT = 1.0
"""A photo that is smaller than the window is not enlarged to fit."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The rectangle that a photo covers: x and y are whole device pixels, so that a scale of 1.0 is exact."""

    x: int
    y: int
    width: float
    height: float

    def within(self, width: int, height: int) -> Placement:
        """The placement of a photo of another size inside this one: as large as fits, centered."""
        scale = min(self.width / width, self.height / height)
        wide, high = width * scale, height * scale
        return Placement(self.x + round((self.width - wide) / 2), self.y + round((self.height - high) / 2), wide, high)


@dataclass(frozen=True, slots=True)
class View:
    """scale: device pixels per image pixel. x, y: the image point in the center of the pane."""

    scale: float
    x: float
    y: float

    def place(self, pane: Bounds, width: int, height: int) -> Placement:
        """Where a photo of width × height image pixels lies in the pane."""
        # Floor rather than round: round-half-to-even would show different parts in panes of odd size.
        x, y = (
            math.floor(c + 0.5) for c in (pane.center[0] - self.x * self.scale, pane.center[1] - self.y * self.scale)
        )
        return Placement(x, y, width * self.scale, height * self.scale)

    def to_image(self, pane: Bounds, x: float, y: float) -> tuple[float, float]:
        """The image point under a point of the pane."""
        place = self.place(pane, 0, 0)
        return (x - place.x) / self.scale, (y - place.y) / self.scale

    def to_pane(self, pane: Bounds, x: float, y: float) -> tuple[float, float]:
        """The point of the pane over an image point."""
        place = self.place(pane, 0, 0)
        return place.x + x * self.scale, place.y + y * self.scale

    def moved(self, dx: float, dy: float) -> View:
        """The view with the photo moved by dx, dy device pixels."""
        return replace(self, x=self.x - dx / self.scale, y=self.y - dy / self.scale)

    def zoomed(self, scale: float, pane: Bounds, anchor: tuple[float, float]) -> View:
        """The view at another scale; the image point under `anchor`, a point of the pane, stays there."""
        x, y = self.to_image(pane, *anchor)
        center = pane.center
        return View(scale, x + (center[0] - anchor[0]) / scale, y + (center[1] - anchor[1]) / scale)

    def clamped(self, pane: Bounds, width: int, height: int, slack: float) -> View:
        """The view with the photo in reach: centered if it is smaller than the pane, else at most `slack` device
        pixels away from the pane's edge.
        """
        return replace(
            self,
            x=_clamped(self.x, width, pane.width / self.scale, slack / self.scale),
            y=_clamped(self.y, height, pane.height / self.scale, slack / self.scale),
        )

    def visible(self, pane: Bounds, width: int, height: int) -> Bounds:
        """The image pixels of a width × height photo that the pane shows, wholly or in part."""
        left, top = self.to_image(pane, pane.x, pane.y)
        right, bottom = self.to_image(pane, pane.right, pane.bottom)
        x, y = max(0, math.floor(left)), max(0, math.floor(top))
        return Bounds(x, y, max(0, min(width, math.ceil(right)) - x), max(0, min(height, math.ceil(bottom)) - y))


def _clamped(center: float, size: float, shown: float, slack: float) -> float:
    if size <= shown:
        return size / 2
    return min(max(center, shown / 2 - slack), size - shown / 2 + slack)


def fit(pane: Bounds, width: int, height: int, margin: float) -> View:
    """The view that shows a whole width × height photo in the pane with a margin in device pixels around it."""
    room = max(16.0, pane.width - 2 * margin), max(16.0, pane.height - 2 * margin)
    return View(min(MAX_FIT, room[0] / width, room[1] / height), width / 2, height / 2)


def next_step(scale: float, *, up: bool) -> float:
    """The next of STEPS above or below a scale; the last one beyond them."""
    if up:
        # 0.1% tolerance: a scale that is a step up to rounding must not be returned again.
        return next((s for s in STEPS if s > scale * 1.001), STEPS[-1])
    return next((s for s in reversed(STEPS) if s < scale * 0.999), STEPS[0])


def to_qrect(bounds: Bounds) -> QRect:
    """The same rectangle as Qt's type."""
    return QRect(bounds.x, bounds.y, bounds.width, bounds.height)


def to_screen(bounds: Bounds, width: int, height: int, place: Placement) -> QRect:
    """The whole device pixels that a part of a width × height picture covers: neighbors meet without gap or overlap."""
    across, down = place.width / width, place.height / height
    x, y = place.x + round(bounds.x * across), place.y + round(bounds.y * down)
    return QRect(x, y, place.x + round(bounds.right * across) - x, place.y + round(bounds.bottom * down) - y)
