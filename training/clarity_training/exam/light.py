"""Low light, overexposure, lens flare, and cast shadows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.camera import sensor_noise
from clarity_training.exam.fields import (
    Field,
    blob,
    blur_field,
    fill_outline,
    fractal_noise,
    interpolate,
    luma,
    pixel_unit,
    strokes,
    to_linear,
    to_srgb,
)


def low_light(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """β·(α·I)^γ on sRGB values (Lv et al., 2021) with γ 1.6–2.9, α 0.9–1, β 0.8–0.45; a color cast; sensor noise.

    photo: H×W×3 float32, 0..1.
    """
    alpha, cast = rng.uniform(0.9, 1.0), rng.uniform(0.88, 1.0, 3).astype(np.float32)
    beta = interpolate(0.8, 0.45, severity) * rng.uniform(0.9, 1.1)
    dark = beta * (alpha * photo) ** interpolate(1.6, 2.9, severity) * cast
    return Damaged(sensor_noise(dark.clip(0, 1).astype(np.float32), 10 ** rng.uniform(-3.7, -3.1), rng))


def overexposure(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """+1.5 to +3 EV in linear light with clipping (Afifi et al., 2021), relative to a photo metered to middle gray.

    photo: H×W×3 float32, 0..1.
    """
    light = to_linear(photo)
    metered = float(np.clip(0.18 / max(float(luma(light).mean()), 1e-3), 0.8, 3))
    balance = rng.uniform(0.95, 1.05, 3).astype(np.float32)
    return Damaged(to_srgb(light * metered * 2 ** interpolate(1.5, 3, severity) * balance))


def flare(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Glare, shimmer, streak and ghosts of a light source, added in linear light (Flare7K).

    photo: H×W×3 float32, 0..1.
    """
    rows, columns = photo.shape[:2]
    size, strength = min(rows, columns), interpolate(0.35, 1.6, severity)
    center = rng.uniform(0.08, 0.92, 2) * (columns, rows)
    tint = _tint(rng)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    dx, dy = (x - center[0]) / size, (y - center[1]) / size
    distance = np.hypot(dx, dy)
    glare = _glare(distance, rng)
    spokes = _shimmer(np.arctan2(dy, dx), distance, rng)
    streak = _streak(dx, dy, rng)
    shown = rng.random(3) < (0.75, 0.6, 0.7)
    scattered = glare * 0.8 + spokes * 0.5 * shown[0] + streak * shown[1]
    light = scattered[..., None] * (tint + (distance < 0.05)[..., None] * (1 - tint))
    ghosts = _ghosts(photo.shape, center, rng)
    if shown[2]:
        light = light + 0.35 * ghosts
    veil = 0.06 * severity * tint
    return Damaged(to_srgb(to_linear(photo) + strength * light.astype(np.float32) + veil))


def _tint(rng: np.random.Generator) -> NDArray[np.float32]:
    """3 values, 0..1: a warm (65 %) or cold color of light."""
    warm = np.array([1.0, rng.uniform(0.65, 0.95), rng.uniform(0.3, 0.8)], np.float32)
    cold = np.array([rng.uniform(0.5, 0.85), rng.uniform(0.75, 0.95), 1.0], np.float32)
    return warm if rng.random() < 0.65 else cold


def _glare(distance: Field, rng: np.random.Generator) -> Field:
    """H×W light of the clipped source with two halos and a ring. distance: in shorter sides."""
    core, near, far = rng.uniform(0.02, 0.045), rng.uniform(0.06, 0.14), rng.uniform(0.25, 0.5)
    ring = 0.12 * np.exp(-(((distance - rng.uniform(0.2, 0.4)) / 0.02) ** 2))
    halos = 0.9 * np.exp(-distance / near) + 0.35 * np.exp(-((distance / far) ** 2))
    return np.asarray(3 * np.exp(-((distance / core) ** 2)) + halos + ring, np.float32)


def _shimmer(angle: Field, distance: Field, rng: np.random.Generator) -> Field:
    """H×W radial spokes: a random function of the angle that fades with the distance."""
    count = 360
    wheel = rng.random(count) ** 6 + 2.0 * (rng.random(count) > 0.975)
    wheel = np.convolve(np.concatenate([wheel[-3:], wheel, wheel[:3]]), [0.1, 0.25, 0.3, 0.25, 0.1], "same")[3:-3]
    at = (angle / (2 * np.pi) % 1 * count).astype(np.float32)
    low = at.astype(int) % count
    part = at - np.floor(at)
    spokes = wheel[low] * (1 - part) + wheel[(low + 1) % count] * part
    return (spokes * np.exp(-distance / rng.uniform(0.12, 0.3))).astype(np.float32)


def _streak(dx: Field, dy: Field, rng: np.random.Generator) -> Field:
    """H×W bright line through the source, as of a smear on the lens or an anamorphic lens."""
    lean = np.radians(rng.choice([rng.normal(0, 4), rng.uniform(-90, 90)]))
    along, across = dx * np.cos(lean) + dy * np.sin(lean), dy * np.cos(lean) - dx * np.sin(lean)
    wide, length = rng.uniform(0.006, 0.018), rng.uniform(0.25, 0.7)
    return 0.9 * np.exp(-np.abs(across) / wide) * np.exp(-np.abs(along) / length)


def _ghosts(shape: tuple[int, ...], center: NDArray[np.float64], rng: np.random.Generator) -> Photo:
    """H×W×3 reflections of the aperture on the line through the center of the photo: colored discs and polygons."""
    rows, columns = shape[:2]
    middle, size = np.array([columns, rows]) / 2, min(rows, columns)
    sides = int(rng.choice([6, 7, 8, 40]))
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False) + rng.uniform(0, 1)
    polygon = np.stack([np.cos(angle), np.sin(angle)], 1)
    light = np.zeros((rows, columns, 3), np.float32)
    for _ in range(int(rng.integers(4, 9))):
        place = middle + (middle - center) * rng.uniform(-0.7, 1.4) + rng.normal(0, 0.01, 2) * size
        radius = size * rng.lognormal(np.log(0.06), 0.5)
        shade = fill_outline(shape, polygon * radius + place)
        rim = (shade - blur_field(shade, radius * 0.15)).clip(0, 1)
        color = rng.uniform(0.1, 1, 3).astype(np.float32) * np.float32(rng.uniform(0.3, 0.8))
        light += blur_field(shade * 0.45 + rim, 0.6 + 0.02 * radius)[..., None] * color
    return light


def shadow(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """A cast shadow (SRD, ISTD): linear light multiplied by 0.5 to 0.1, red most, because of the blue sky.

    It covers 12 to 50 % of the photo; the penumbra is 1 to 12 pixels wide.

    photo: H×W×3 float32, 0..1.
    """
    candidates = [_occluder(photo.shape, rng) for _ in range(4)]
    bright = luma(photo)
    where = max(candidates, key=lambda c: _visibility(c, bright))  # a shadow on dark ground cannot be seen
    left = interpolate(0.5, 0.1, severity) * rng.uniform(0.9, 1.1)
    sky = np.array([rng.uniform(0.75, 0.95), rng.uniform(0.9, 1.0), rng.uniform(1.05, 1.3)], np.float32)
    depth = 1 - (left * sky).clip(0, 0.9)
    return Damaged(to_srgb(to_linear(photo) * (1 - where[..., None] * depth)))


def _visibility(where: Field, bright: Field) -> float:
    """The mean brightness of the ground in the shadow, reduced for very small and very large shadows."""
    share = float(where.mean())
    ground = float((where * bright).sum() / max(float(where.sum()), 1.0))
    return ground * (1.0 if 0.12 < share < 0.5 else 0.2)


def _occluder(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """H×W, 0 (lit) to 1 (umbra): the shadow of a person, foliage, a wall, or an irregular blob."""
    rows, columns = shape[:2]
    size, kind = min(rows, columns), rng.integers(4)
    if kind == 0:
        sheet = _person(shape, rng)
    elif kind == 1:
        gaps = fractal_noise(shape, rng, 5, 4)
        place = rng.uniform(0.2, 0.8, 2) * (columns, rows)
        crown = fill_outline(shape, blob(rng, 5, 0.25) * size * rng.uniform(0.35, 0.6) + place)
        sheet = crown * (gaps > rng.uniform(0.3, 0.5))
    elif kind == 2:
        sheet = _wall(shape, rng)
    else:
        place = rng.uniform(0.2, 0.8, 2) * (columns, rows)
        sheet = fill_outline(
            shape, blob(rng, 7, 0.3) * size * rng.uniform(0.28, 0.5) * (rng.uniform(1, 1.8), 1) + place
        )
    sharp, wide = rng.uniform(0.8, 2.5) * pixel_unit(shape), rng.uniform(3, 12) * pixel_unit(shape)
    further = fractal_noise(shape, rng, 2, 1)
    sheet = sheet.astype(np.float32)
    return np.asarray(blur_field(sheet, sharp) * (1 - further) + blur_field(sheet, wide) * further, np.float32)


def _person(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """H×W mask of the long shadow of a person: head, trunk, arms and legs."""
    rows, columns = shape[:2]
    size = min(rows, columns)
    foot = np.array([rng.uniform(0.2, 0.8) * columns, rng.uniform(0.8, 1.05) * rows])
    lean, long = np.radians(rng.uniform(-50, 50)), rng.uniform(0.6, 0.95) * size
    up, side = np.array([np.sin(lean), -np.cos(lean)]), np.array([np.cos(lean), np.sin(lean)])
    wide = rng.uniform(0.09, 0.16) * size
    joints = [(0, -0.5, 0.45, -0.3), (0, 0.5, 0.45, 0.3), (0.4, 0, 0.8, 0), (0.78, 0, 0.5, -1), (0.78, 0, 0.5, 1)]
    thickness = np.array([0.55, 0.55, 1.1, 0.35, 0.35]) * wide
    lines = [[*(foot + up * a * long + side * b * wide), *(foot + up * c * long + side * d * wide), 1]
             for a, b, c, d in joints]  # fmt: skip
    head = fill_outline(shape, blob(rng, 3, 0.05) * wide * 0.5 + foot + up * long * 0.93)
    return np.maximum(strokes(shape, np.array(lines, float), thickness), head)


def _wall(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """H×W mask of one side of a straight or stepped edge."""
    rows, columns = shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    lean = rng.uniform(0, 2 * np.pi)
    along = (x / columns - 0.5) * np.cos(lean) + (y / rows - 0.5) * np.sin(lean)
    across = (y / rows - 0.5) * np.cos(lean) - (x / columns - 0.5) * np.sin(lean)
    steps = np.interp(across, np.linspace(-0.8, 0.8, 6), rng.choice([0, 0, 0.12, -0.1], 6))
    return (along > rng.uniform(-0.1, 0.2) + steps).astype(np.float32)
