"""Where a photo lies on the screen: zoom, pan and fit as plain geometry, in device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from clarity_desktop.values import Bounds

STEPS = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3,
         1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)  # fmt: skip
"""Zoom steps of the keyboard and the buttons."""
LARGEST_FIT = 2.0
"""A small photo is fitted up to this scale: above it, single pixels would show."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The rectangle that a photo covers: x and y are whole device pixels, so that 1.0 is exact."""

    x: int
    y: int
    width: float
    height: float

    def within(self, width: int, height: int) -> Placement:
        """The place of another photo, of that size, shown with this one: as large as fits, centred."""
        scale = min(self.width / width, self.height / height)
        wide, high = width * scale, height * scale
        return Placement(self.x + round((self.width - wide) / 2), self.y + round((self.height - high) / 2), wide, high)


@dataclass(frozen=True, slots=True)
class View:
    """scale: device pixels per image pixel. x, y: the image point in the middle of the pane."""

    scale: float
    x: float
    y: float

    def place(self, pane: Bounds, width: int, height: int) -> Placement:
        """Where a photo of width × height lies when its view is shown in the pane."""
        x, y = (
            math.floor(c + 0.5) for c in (pane.centre[0] - self.x * self.scale, pane.centre[1] - self.y * self.scale)
        )
        return Placement(x, y, width * self.scale, height * self.scale)  # floor: panes of odd size show the same part

    def to_image(self, pane: Bounds, x: float, y: float) -> tuple[float, float]:
        """The image point under a point of the pane."""
        place = self.place(pane, 0, 0)
        return (x - place.x) / self.scale, (y - place.y) / self.scale

    def to_pane(self, pane: Bounds, x: float, y: float) -> tuple[float, float]:
        """The point of the pane over an image point."""
        place = self.place(pane, 0, 0)
        return place.x + x * self.scale, place.y + y * self.scale

    def moved(self, dx: float, dy: float) -> View:
        """The photo pushed by dx, dy device pixels."""
        return replace(self, x=self.x - dx / self.scale, y=self.y - dy / self.scale)

    def zoomed(self, scale: float, pane: Bounds, at: tuple[float, float]) -> View:
        """Another scale; the image point under `at` stays there."""
        x, y = self.to_image(pane, *at)
        middle = pane.centre
        return View(scale, x + (middle[0] - at[0]) / scale, y + (middle[1] - at[1]) / scale)

    def held(self, pane: Bounds, width: int, height: int, slack: float) -> View:
        """Not pushed away: centred where the photo is smaller than the pane, else at most `slack` from its edge."""
        return replace(
            self,
            x=_held(self.x, width, pane.width / self.scale, slack / self.scale),
            y=_held(self.y, height, pane.height / self.scale, slack / self.scale),
        )

    def visible(self, pane: Bounds, width: int, height: int) -> Bounds:
        """The image pixels that the pane shows, wholly or in part."""
        left, top = self.to_image(pane, pane.x, pane.y)
        right, bottom = self.to_image(pane, pane.right, pane.bottom)
        x, y = max(0, math.floor(left)), max(0, math.floor(top))
        return Bounds(x, y, max(0, min(width, math.ceil(right)) - x), max(0, min(height, math.ceil(bottom)) - y))


def _held(centre: float, size: float, shown: float, slack: float) -> float:
    if size <= shown:
        return size / 2
    return min(max(centre, shown / 2 - slack), size - shown / 2 + slack)


def fitted(pane: Bounds, width: int, height: int, margin: float) -> View:
    """The whole photo in the pane with a margin around it."""
    room = max(16.0, pane.width - 2 * margin), max(16.0, pane.height - 2 * margin)
    return View(min(LARGEST_FIT, room[0] / width, room[1] / height), width / 2, height / 2)


def next_step(scale: float, *, up: bool) -> float:
    """The next of STEPS above or below a scale; the last one beyond them."""
    if up:
        return next((s for s in STEPS if s > scale * 1.001), STEPS[-1])
    return next((s for s in reversed(STEPS) if s < scale * 0.999), STEPS[0])


def upright(width: int, height: int, degrees: float) -> tuple[int, int]:
    """Size of the largest centred rectangle without empty corners in a photo turned by -45..45 degrees."""
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long:  # two corners touch the long side: half of the short side bounds it
        along, across = short / 2 / sine, short / 2 / cosine
        size = (along, across) if width >= height else (across, along)
    else:
        span = cosine * cosine - sine * sine
        size = (width * cosine - height * sine) / span, (height * cosine - width * sine) / span
    return max(1, int(size[0] + 1e-6)), max(1, int(size[1] + 1e-6))
