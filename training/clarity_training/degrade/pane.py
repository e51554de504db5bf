"""Water on a pane between the lens and the scene: drops that refract, trails, a film."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo
from clarity_training.degrade.field import softened

Plane = NDArray[np.float32]
Rng = np.random.Generator

SHRINK = 4  # how much smaller the scene is kept that drops show
FRACTION = 4  # bits after the point in cv2's drawing coordinates


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Every factor between low and high is as likely as the next."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


@dataclass(frozen=True, slots=True)
class Look:
    """What the drops of one photo share: focus, light, and how they bend it.

    focus: sharp, defocused, mixed, or discs. edge: width of a defocused edge as a share of the radius. bend: how many
    radii away a drop's rim sees. central: how far its view is drawn to the middle of the photo, 0..1. rim: darkening
    there. sky: light from above, seen in the lower half. gleam, side: strength and direction (radians) of a
    reflection. corners: of the shutter.
    """

    focus: str
    edge: float
    bend: float
    central: float
    rim: float
    bright: float
    sky: float
    gleam: float
    side: float
    ragged: float
    corners: int

    @classmethod
    def drawn(cls, rng: Rng) -> Look:
        return cls(
            focus=str(rng.choice(["sharp", "defocused", "mixed", "discs"], p=[0.3, 0.3, 0.28, 0.12])),
            edge=rng.uniform(0.1, 0.9),
            bend=log_uniform(rng, 2.5, 20),
            central=rng.random() * 0.6,
            rim=rng.uniform(0.15, 0.75),
            bright=rng.uniform(0.85, 1.3),
            sky=max(0.0, rng.uniform(-0.3, 0.8)),
            gleam=max(0.0, rng.uniform(-0.3, 0.7)),
            side=rng.uniform(0, 2 * math.pi),
            ragged=rng.random(),
            corners=int(rng.choice([0, 6, 8])),
        )

    def softness(self, radius: float, rng: Rng) -> float:
        """Width of a drop's edge in pixels."""
        if self.focus == "discs":
            return 1.0 + rng.uniform(0.05, 0.25) * radius
        sharp = self.focus == "sharp" or (self.focus == "mixed" and rng.random() < 0.5)
        return 0.8 + (rng.uniform(0, 0.06) if sharp else self.edge * rng.uniform(0.5, 1.0)) * radius


def through_a_lens(photo: Photo, rng: Rng) -> Photo:
    """The scene as drops show it: a quarter in size, blurred."""
    height, width = photo.shape[:2]
    small = cv2.resize(photo, (max(2, width // SHRINK), max(2, height // SHRINK)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.5, 2.5)), np.float32)


def paint_drop(out: Photo, scene: Photo, radius: float, strength: float, look: Look, rng: Rng) -> None:
    """One drop, painted somewhere into out, strength 0..1 its opacity."""
    height, width = out.shape[:2]
    cx, cy = rng.random() * width, rng.random() * height
    soft, tall = look.softness(radius, rng), rng.uniform(0.8, 1.5) ** 0.5
    reach = radius * 1.75 + soft + 1
    x0, x1 = max(0, int(cx - reach)), min(width, int(cx + reach) + 1)
    y0, y1 = max(0, int(cy - reach)), min(height, int(cy + reach) + 1)
    x = ((np.arange(x0, x1, dtype=np.float32) + 0.5 - np.float32(cx)) / np.float32(radius / tall))[None]
    y = ((np.arange(y0, y1, dtype=np.float32) + 0.5 - np.float32(cy)) / np.float32(radius * tall))[:, None]
    field = _disc(x, y, look) if look.focus == "discs" else _balls(x, y, look, rng)
    cover = np.clip(field * np.float32(radius / 2 / soft) + np.float32(0.5), 0, 1)
    if look.focus == "discs":
        strength *= rng.uniform(0.25, 0.9)
    middle = cx + look.central * (width / 2 - cx), cy + look.central * (height / 2 - cy)
    inside = _view(scene, middle, x, y, np.clip(field, 0, 1), radius, look)
    here = out[y0:y1, x0:x1]
    here += (cover * np.float32(strength))[..., None] * (np.minimum(inside, 1) - here)


def _balls(x: Plane, y: Plane, look: Look, rng: Rng) -> Plane:
    """1 − r² for a round drop of radius 1, its like for merged balls; positive inside."""
    pull = 1 / (x * x + y * y + np.float32(1e-3))
    if rng.random() < look.ragged:
        for _ in range(int(rng.integers(1, 4))):
            turn, away, size = rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 0.9), rng.uniform(0.15, 0.55)
            dx, dy = np.float32(away * math.cos(turn)), np.float32(away * math.sin(turn))
            pull += np.float32(size**2) / ((x - dx) ** 2 + (y - dy) ** 2 + np.float32(1e-3))
    return np.asarray(1 - 1 / pull, np.float32)


def _disc(x: Plane, y: Plane, look: Look) -> Plane:
    """The same for a point of light out of focus: a disc, or a polygon of the shutter's corners."""
    if look.corners == 0:
        return np.asarray(1 - x * x - y * y, np.float32)
    turns = look.side + np.arange(look.corners) * (2 * math.pi / look.corners)
    sides = [x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn)) for turn in turns]
    return np.asarray(1 - np.max(sides, axis=0) ** 2, np.float32)


def _view(
    scene: Photo, middle: tuple[float, float], x: Plane, y: Plane, depth: Plane, radius: float, look: Look
) -> Photo:
    """What is seen in a drop: the scene turned by 180° around the middle, its rim dark, the sky below, a gleam."""
    if look.focus == "discs":
        bend = np.full_like(depth, radius / SHRINK)
    else:
        bend = np.float32(look.bend * radius / SHRINK) / np.sqrt(depth + np.float32(0.35))
    map_x, map_y = np.float32(middle[0] / SHRINK) - x * bend, np.float32(middle[1] / SHRINK) - y * bend
    inside = cv2.remap(scene, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    shade = np.float32(look.bright) * (1 - np.float32(look.rim) * (1 - depth) ** 3)
    side = x * np.float32(math.cos(look.side)) + y * np.float32(math.sin(look.side))
    gleam = np.float32(look.gleam) * np.clip(side - np.float32(0.35), 0, 1) ** 2 * (depth > 0)
    below = 1.0 if look.focus == "discs" else np.clip(y + np.float32(0.4), 0, 1) * np.sqrt(depth)
    lit = np.asarray(inside, np.float32) * shade[..., None]
    sky = (np.float32(look.sky) * below * np.ones_like(depth))[..., None]
    return np.asarray(lit + sky * (np.float32(0.92) - lit) + gleam[..., None], np.float32)


def wet(photo: Photo, film: Plane, scale: float, rng: Rng) -> Photo:
    """A film of water or fine mist on the pane, H×W, 0..1 where it blurs the scene wholly."""
    milky = softened(photo, scale * log_uniform(rng, 1.5, 8)) * np.float32(0.92) + np.float32(0.05)
    return np.asarray(photo + film[..., None] * (milky - photo), np.float32)


def paint_trails(out: Photo, severity: float, scale: float, rng: Rng) -> None:
    """Water running down: winding lines that bend the scene by their slope, painted into out."""
    height, width = out.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(1 + int(rng.integers(1, 6) * severity)):
        steps = np.arange(0, rng.uniform(0.3, 1.0) * height, 6 * scale)
        wander = np.cumsum(rng.normal(0, 1.2 * scale, len(steps))) + rng.random() * width
        line = np.stack([wander, steps + rng.uniform(-0.2, 0.6) * height], axis=1)
        points = np.round(line * (1 << FRACTION)).astype(np.int32)
        cv2.polylines(canvas, [points], False, (255,), max(1, round(scale * rng.uniform(2, 9))), cv2.LINE_AA, FRACTION)
    body = softened(canvas.astype(np.float32) * np.float32(1 / 255), scale * rng.uniform(1, 3))
    push = np.float32(scale * rng.uniform(30, 80))
    map_x = cv2.Sobel(body, cv2.CV_32F, 1, 0, scale=1 / 8) * push + np.arange(width, dtype=np.float32)[None]
    map_y = cv2.Sobel(body, cv2.CV_32F, 0, 1, scale=1 / 8) * push + np.arange(height, dtype=np.float32)[:, None]
    where = np.asarray(map_x, np.float32), np.asarray(map_y, np.float32)
    bent = cv2.remap(out, where[0], where[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    seen = softened(np.asarray(bent, np.float32), scale * 1.2) * np.float32(rng.uniform(0.85, 1.1))
    out += np.minimum(body * np.float32(1.5), 1)[..., None] * (seen - out)
