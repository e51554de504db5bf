"""Lens flare: glare, rays, halos and ghosts of a bright light source."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade.field import blur_field, coordinates, interpolate, jitter
from clarity_training.degrade.srgb import Plane, clip, to_linear, to_srgb

_MAX_SIDE = 360
"""Stray light is smooth, so it is rendered with at most this longer side and upscaled."""


def flare(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """A bright light source inside or outside the frame and its stray light, added in linear light.

    Glare is the sum of one to three radial falloffs (Gaussian of 0.1 to 1.2 half sides, inverse power 1 to 3, or
    exponential). Optional are 4 to 16 rays or many fine ones, a long streak, a halo ring, 2 to 9 ghosts (discs, rings,
    polygons) on the line through the center, and a veil. Tints are white, warm, cold or arbitrary. A fifth of the
    photos has two to six small lamps instead, a seventh a second source; a third of the sources are in a bright part of
    the photo. The added light is at most about 0.2 (severity 0) to 2.5 of white.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    height, width = photo.shape[:2]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    shape = (max(8, round(height * scale)), max(8, round(width * scale)))
    small = np.asarray(cv2.resize(photo, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    stray = _lamps(small, rng) if rng.random() < 0.2 else _stray_light(small, rng)
    if rng.random() < 0.14:
        stray += np.float32(rng.uniform(0.3, 1.0)) * _stray_light(small, rng)
    if stray.shape[:2] != (height, width):
        stray = np.asarray(cv2.resize(stray, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    power = interpolate(0.2, rng.uniform(1.2, 2.5), amount)
    light = to_linear(photo) * np.float32(1.0 - 0.15 * amount * rng.random()) + np.maximum(stray, 0.0) * power
    if rng.random() < 0.2:
        light = 1.0 - np.exp(-1.4 * light)
    return Damaged(clip(to_srgb(light.astype(np.float32))))


def _lamps(photo: Photo, rng: np.random.Generator) -> Plane:
    """Linear light H×W×3 of two to six lamps with small glows of different colors and the same rays."""
    x, y = coordinates(photo.shape)
    stray = np.zeros(photo.shape, np.float32)
    extent, rayed = rng.uniform(0.05, 0.3), rng.random() < 0.6
    seed = int(rng.integers(1 << 30))
    for _ in range(int(rng.integers(2, 7))):
        sx, sy = _source(photo, 0.95, rng)
        dx, dy = x - np.float32(sx), y - np.float32(sy)
        distance = np.sqrt(dx * dx + dy * dy) + np.float32(1e-4)
        own = np.float32(extent * rng.uniform(0.5, 1.5))
        glow = np.float32(rng.uniform(0.3, 1.0)) * np.exp(-distance / own)
        glow += np.float32(rng.uniform(0.5, 2.0)) / (1.0 + (distance / (0.2 * own)) ** 4)
        if rayed:
            glow += _rays(dx, dy, distance / (2 * own), np.random.default_rng(seed)) * np.float32(rng.uniform(0.3, 1.0))
        stray += glow[..., None] * _tint(rng)
    return stray


def _source(photo: Photo, spread: float, rng: np.random.Generator) -> tuple[float, float]:
    """x and y of a source in the units of `coordinates`: in a bright part (33 %), else anywhere."""
    height, width = photo.shape[:2]
    longest = max(height, width)
    if spread > 1 or rng.random() > 0.33:
        return rng.uniform(-spread, spread) * width / longest, rng.uniform(-spread, spread) * height / longest
    rows, columns = rng.integers(0, height, 48), rng.integers(0, width, 48)
    best = int(np.argmax(photo[rows, columns].sum(-1)))
    return (2 * int(columns[best]) - width) / longest, (2 * int(rows[best]) - height) / longest


def _stray_light(photo: Photo, rng: np.random.Generator) -> Plane:
    """Linear light H×W×3 of one source, with a maximum of about 1."""
    shape = photo.shape[:2]
    x, y = coordinates(shape)
    sx, sy = _source(photo, 0.9 if rng.random() < 0.72 else 1.4, rng)
    dx, dy = x - np.float32(sx), y - np.float32(sy)
    distance = np.sqrt(dx * dx + dy * dy) + np.float32(1e-4)
    tint = _tint(rng)
    stray = _glare(distance, rng)[..., None] * tint
    if rng.random() < 0.55:
        stray += _rays(dx, dy, distance, rng)[..., None] * (0.5 + 0.5 * tint)
    if rng.random() < 0.2:
        stray += _streak(dx, dy, rng)[..., None] * _tint(rng)
    if rng.random() < 0.2:
        stray += _halo(distance, rng)
    nearest = float(distance.min())
    stray /= np.float32(np.exp(-0.5 * nearest)) * np.float32(max(0.2, float(np.quantile(stray[::4, ::4], 0.995))))
    if rng.random() < 0.6:
        stray += _ghosts(shape, (sx, sy), rng)
    if rng.random() < 0.4:
        stray += np.float32(rng.uniform(0.01, 0.12)) * tint
    return stray.astype(np.float32)


def _tint(rng: np.random.Generator) -> Plane:
    """A color of light, 3 values with a maximum of 1: near white, warm, cold, or any."""
    kind = rng.choice(4, p=[0.35, 0.35, 0.15, 0.15])
    warm, cold = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.7)
    color = (
        rng.uniform(0.88, 1.0, 3),
        np.array([1.0, 1.0 - 0.5 * warm, 1.0 - warm]),
        np.array([1.0 - cold, 1.0 - 0.4 * cold, 1.0]),
        rng.uniform(0.1, 1.0, 3),
    )[int(kind)]
    return (color / color.max()).astype(np.float32)


def _glare(distance: Plane, rng: np.random.Generator) -> Plane:
    """H×W glow around the source: one to three radial falloffs and, half of the time, the source itself."""
    glow = np.zeros(distance.shape, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        extent, share = np.float32(np.exp(rng.uniform(np.log(0.1), np.log(1.2)))), np.float32(rng.uniform(0.2, 1.0))
        kind = rng.integers(0, 3)
        if kind == 0:
            glow += share * np.exp(-((distance / extent) ** 2))
        elif kind == 1:
            glow += share * np.exp(-distance / (np.float32(0.6) * extent))
        else:
            glow += share / (1.0 + distance / (np.float32(0.3) * extent)) ** np.float32(rng.uniform(1.0, 3.0))
    if rng.random() < 0.5:
        radius = np.float32(rng.uniform(0.02, 0.12))
        glow += np.float32(rng.uniform(1.0, 4.0)) / (1.0 + (distance / radius) ** np.float32(rng.uniform(4, 8)))
    return glow


def _rays(dx: Plane, dy: Plane, distance: Plane, rng: np.random.Generator) -> Plane:
    """H×W starburst: 4 to 16 regular rays of an aperture, or many irregular ones of a dirty lens."""
    angle = np.arctan2(dy, dx)
    start = rng.uniform(0, 2 * np.pi)
    if rng.random() < 0.5:
        blades = int(rng.choice([4, 6, 8, 10, 12, 14, 16]))
        beam = np.abs(np.cos((angle - start) * np.float32(blades / 2))) ** np.float32(np.exp(rng.uniform(2.0, 5.5)))
    else:
        steps = int(rng.choice([64, 128, 256, 512]))
        around = np.abs(rng.standard_normal(steps)).astype(np.float32) ** np.float32(rng.uniform(1.0, 3.0))
        smooth = np.convolve(np.concatenate([around[-4:], around, around[:4]]), [0.25, 0.5, 0.25], "same")[4:-4]
        place = ((angle + np.pi) * (steps / (2 * np.pi))).astype(np.float32)
        low = place.astype(np.int32)
        share = place - low
        beam = (smooth[low % steps] * (1 - share) + smooth[(low + 1) % steps] * share).astype(np.float32)
        beam /= smooth.max()
    extent = np.float32(np.exp(rng.uniform(np.log(0.12), np.log(0.9))))
    return beam * np.exp(-distance / extent) * np.float32(rng.uniform(0.3, 1.5))


def _streak(dx: Plane, dy: Plane, rng: np.random.Generator) -> Plane:
    """H×W line through the source: horizontal as of an anamorphic lens, or at any angle as of a smear."""
    angle = 0.0 if rng.random() < 0.5 else rng.uniform(0, np.pi)
    along = dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle))
    across = dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))
    thickness, extent = np.float32(rng.uniform(0.008, 0.06)), np.float32(rng.uniform(0.3, 2.0))
    return np.exp(-((across / thickness) ** 2) - np.abs(along) / extent) * np.float32(rng.uniform(0.3, 1.2))


def _halo(distance: Plane, rng: np.random.Generator) -> Plane:
    """H×W×3 ring around the source with slight dispersion."""
    radius, thickness = rng.uniform(0.2, 0.9), np.float32(rng.uniform(0.015, 0.1))
    part = rng.uniform(-0.06, 0.06) * radius
    rings = [np.exp(-(((distance - np.float32(radius + k * part)) / thickness) ** 2)) for k in (1.0, 0.0, -1.0)]
    return np.stack(rings, -1) * np.float32(rng.uniform(0.03, 0.2))


def _ghosts(shape: tuple[int, int], source: tuple[float, float], rng: np.random.Generator) -> Plane:
    """H×W×3 reflections between lenses, on the line from the source through the center of the frame."""
    light = np.zeros((*shape, 3), np.float32)
    half = max(shape) / 2.0
    blades, start = int(rng.integers(5, 9)), rng.uniform(0, 2 * np.pi)
    shaped = rng.random()
    for _ in range(int(rng.integers(2, 10))):
        along = rng.uniform(-1.6, 0.8)
        spot = (source[0] * along * half + shape[1] / 2, source[1] * along * half + shape[0] / 2)
        radius = half * float(np.exp(rng.uniform(np.log(0.025), np.log(0.35))))
        ghost = np.zeros(shape, np.float32)
        corners = 40 if rng.random() < shaped else blades
        angles = start + np.arange(corners) * (2 * np.pi / corners)
        outline = np.stack([spot[0] + radius * np.cos(angles), spot[1] + radius * np.sin(angles)], 1)
        cv2.fillPoly(ghost, [np.round(outline * 16).astype(np.int32)], (1.0,), cv2.LINE_8, 4)
        if rng.random() < 0.4:
            middle = np.array(spot) + (outline - np.array(spot)) * rng.uniform(0.5, 0.95)
            cv2.fillPoly(ghost, [np.round(middle * 16).astype(np.int32)], (rng.uniform(0.0, 0.7),), cv2.LINE_8, 4)
        ghost = blur_field(ghost, max(0.6, radius * rng.uniform(0.02, 0.3)))
        color = rng.uniform(0.0, 1.0, 3) ** rng.uniform(0.5, 2.0)
        light += ghost[..., None] * (color / (color.max() + 1e-6) * rng.uniform(0.03, 0.35)).astype(np.float32)
    return light
