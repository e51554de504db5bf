"""Water on a glass pane between lens and scene: refracting drops, trails, and a film."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo
from clarity_training.degrade.field import blur_field

Plane = NDArray[np.float32]
Rng = np.random.Generator

REDUCTION = 4
"""Factor by which the scene seen through drops is reduced."""
FRACTION_BITS = 4
"""Fractional bits of OpenCV's drawing coordinates (its argument `shift`)."""


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A random number whose logarithm is uniformly distributed between those of low and high."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


@dataclass(frozen=True, slots=True)
class DropStyle:
    """What the drops of one photo have in common: focus, light, and refraction.

    focus: "sharp", "defocused", "mixed", or "discs" (bokeh). edge: width of a defocused edge relative to the radius.
    refraction: how many radii away the rim of a drop shows the scene. central: how far the view is shifted towards the
    center of the photo, 0..1. rim: darkening of the rim, 0..1. brightness: factor. sky: brightening of the lower half,
    0..1. highlight, direction: strength (0..1) and direction (radians) of a reflection. ragged: probability of merged
    drops. corners: of the aperture in bokeh discs, 0 for a circle.
    """

    focus: str
    edge: float
    refraction: float
    central: float
    rim: float
    brightness: float
    sky: float
    highlight: float
    direction: float
    ragged: float
    corners: int

    @classmethod
    def random(cls, rng: Rng) -> DropStyle:
        return cls(
            focus=str(rng.choice(["sharp", "defocused", "mixed", "discs"], p=[0.3, 0.3, 0.28, 0.12])),
            edge=rng.uniform(0.1, 0.9),
            refraction=log_uniform(rng, 2.5, 20),
            central=rng.random() * 0.6,
            rim=rng.uniform(0.15, 0.75),
            brightness=rng.uniform(0.85, 1.3),
            sky=max(0.0, rng.uniform(-0.3, 0.8)),
            highlight=max(0.0, rng.uniform(-0.3, 0.7)),
            direction=rng.uniform(0, 2 * math.pi),
            ragged=rng.random(),
            corners=int(rng.choice([0, 6, 8])),
        )

    def softness(self, radius: float, rng: Rng) -> float:
        """Width of a drop's edge in pixels."""
        if self.focus == "discs":
            return 1.0 + rng.uniform(0.05, 0.25) * radius
        sharp = self.focus == "sharp" or (self.focus == "mixed" and rng.random() < 0.5)
        return 0.8 + (rng.uniform(0, 0.06) if sharp else self.edge * rng.uniform(0.5, 1.0)) * radius


def defocus(photo: Photo, rng: Rng) -> Photo:
    """The scene as seen through drops: blurred and reduced by REDUCTION, h×w×3. photo: H×W×3 float32, 0..1."""
    height, width = photo.shape[:2]
    small = cv2.resize(photo, (max(2, width // REDUCTION), max(2, height // REDUCTION)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.5, 2.5)), np.float32)


def paint_drop(out: Photo, scene: Photo, radius: float, strength: float, style: DropStyle, rng: Rng) -> None:
    """Paint one drop at a random place of `out` (H×W×3, modified). radius: pixels; strength: opacity, 0..1."""
    height, width = out.shape[:2]
    cx, cy = rng.random() * width, rng.random() * height
    soft, tall = style.softness(radius, rng), rng.uniform(0.8, 1.5) ** 0.5
    extent = radius * 1.75 + soft + 1
    x0, x1 = max(0, int(cx - extent)), min(width, int(cx + extent) + 1)
    y0, y1 = max(0, int(cy - extent)), min(height, int(cy + extent) + 1)
    x = ((np.arange(x0, x1, dtype=np.float32) + 0.5 - np.float32(cx)) / np.float32(radius / tall))[None]
    y = ((np.arange(y0, y1, dtype=np.float32) + 0.5 - np.float32(cy)) / np.float32(radius * tall))[:, None]
    field = _disc(x, y, style) if style.focus == "discs" else _balls(x, y, style, rng)
    cover = np.clip(field * np.float32(radius / 2 / soft) + np.float32(0.5), 0, 1)
    if style.focus == "discs":
        strength *= rng.uniform(0.25, 0.9)
    middle = cx + style.central * (width / 2 - cx), cy + style.central * (height / 2 - cy)
    inside = _refracted_scene(scene, middle, x, y, np.clip(field, 0, 1), radius, style)
    here = out[y0:y1, x0:x1]
    here += (cover * np.float32(strength))[..., None] * (np.minimum(inside, 1) - here)


def _balls(x: Plane, y: Plane, style: DropStyle, rng: Rng) -> Plane:
    """1 − r² for a round drop of radius 1, or the field of several merged balls; positive inside the drop."""
    pull = 1 / (x * x + y * y + np.float32(1e-3))
    if rng.random() < style.ragged:
        for _ in range(int(rng.integers(1, 4))):
            angle, distance, size = rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 0.9), rng.uniform(0.15, 0.55)
            dx, dy = np.float32(distance * math.cos(angle)), np.float32(distance * math.sin(angle))
            pull += np.float32(size**2) / ((x - dx) ** 2 + (y - dy) ** 2 + np.float32(1e-3))
    return np.asarray(1 - 1 / pull, np.float32)


def _disc(x: Plane, y: Plane, style: DropStyle) -> Plane:
    """The same for a defocused point of light: a disc, or the polygon of the aperture."""
    if style.corners == 0:
        return np.asarray(1 - x * x - y * y, np.float32)
    angles = style.direction + np.arange(style.corners) * (2 * math.pi / style.corners)
    sides = [x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle)) for angle in angles]
    return np.asarray(1 - np.max(sides, axis=0) ** 2, np.float32)


def _refracted_scene(
    scene: Photo, middle: tuple[float, float], x: Plane, y: Plane, depth: Plane, radius: float, style: DropStyle
) -> Photo:
    """The scene seen in a drop: rotated by 180°, with a dark rim, a bright lower half and a highlight."""
    if style.focus == "discs":
        bend = np.full_like(depth, radius / REDUCTION)
    else:
        bend = np.float32(style.refraction * radius / REDUCTION) / np.sqrt(depth + np.float32(0.35))
    map_x, map_y = np.float32(middle[0] / REDUCTION) - x * bend, np.float32(middle[1] / REDUCTION) - y * bend
    inside = cv2.remap(scene, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    shade = np.float32(style.brightness) * (1 - np.float32(style.rim) * (1 - depth) ** 3)
    side = x * np.float32(math.cos(style.direction)) + y * np.float32(math.sin(style.direction))
    gleam = np.float32(style.highlight) * np.clip(side - np.float32(0.35), 0, 1) ** 2 * (depth > 0)
    below = 1.0 if style.focus == "discs" else np.clip(y + np.float32(0.4), 0, 1) * np.sqrt(depth)
    lit = np.asarray(inside, np.float32) * shade[..., None]
    sky = (np.float32(style.sky) * below * np.ones_like(depth))[..., None]
    return np.asarray(lit + sky * (np.float32(0.92) - lit) + gleam[..., None], np.float32)


def wet_pane(photo: Photo, film: Plane, scale: float, rng: Rng) -> Photo:
    """The photo through a film of water. film: H×W, 1 where the scene is fully blurred, 0 where it is clear.

    photo: H×W×3 float32, 0..1.
    """
    milky = blur_field(photo, scale * log_uniform(rng, 1.5, 8)) * np.float32(0.92) + np.float32(0.05)
    return np.asarray(photo + film[..., None] * (milky - photo), np.float32)


def paint_trails(out: Photo, severity: float, scale: float, rng: Rng) -> None:
    """Paint water running down the pane into `out` (H×W×3, modified): winding lines that refract the scene.

    float32, 0..1.
    """
    height, width = out.shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(1 + int(rng.integers(1, 6) * severity)):
        steps = np.arange(0, rng.uniform(0.3, 1.0) * height, 6 * scale)
        wander = np.cumsum(rng.normal(0, 1.2 * scale, len(steps))) + rng.random() * width
        line = np.stack([wander, steps + rng.uniform(-0.2, 0.6) * height], axis=1)
        points = np.round(line * (1 << FRACTION_BITS)).astype(np.int32)
        cv2.polylines(
            canvas, [points], False, (255,), max(1, round(scale * rng.uniform(2, 9))), cv2.LINE_AA, FRACTION_BITS
        )
    body = blur_field(canvas.astype(np.float32) * np.float32(1 / 255), scale * rng.uniform(1, 3))
    push = np.float32(scale * rng.uniform(30, 80))
    map_x = cv2.Sobel(body, cv2.CV_32F, 1, 0, scale=1 / 8) * push + np.arange(width, dtype=np.float32)[None]
    map_y = cv2.Sobel(body, cv2.CV_32F, 0, 1, scale=1 / 8) * push + np.arange(height, dtype=np.float32)[:, None]
    where = np.asarray(map_x, np.float32), np.asarray(map_y, np.float32)
    bent = cv2.remap(out, where[0], where[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    seen = blur_field(np.asarray(bent, np.float32), scale * 1.2) * np.float32(rng.uniform(0.85, 1.1))
    out += np.minimum(body * np.float32(1.5), 1)[..., None] * (seen - out)
