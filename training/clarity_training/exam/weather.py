"""Rain, snow and haze in the air between the camera and the scene."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.fields import (
    Field,
    blob,
    blur_field,
    fractal_noise,
    interpolate,
    line_kernel,
    luma,
    pixel_unit,
    strokes,
    upscale,
)


def rain_streak(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Rain100L to Rain100H: streaks of one to four directions, added or screened; a veil above severity 0.6.

    photo: H×W×3 float32, 0..1.
    """
    scale, angle = pixel_unit(photo.shape), rng.uniform(-35, 35)
    lines, screened, tint = rng.random() < 0.6, rng.random() < 0.5, rng.uniform(0.86, 1.0)
    layer = _rain_lines if lines else _rain_noise
    sheets = [layer(photo.shape, angle + rng.normal(0, 6) * k, severity, scale * (1 - 0.15 * k), rng) for k in range(4)]
    shown = 1 + round(3 * severity)  # Rain100L has one direction, Rain100H five
    streaks = np.zeros(photo.shape[:2], np.float32)
    for sheet in sheets[:shown]:
        streaks = np.maximum(streaks, sheet)
    light = (streaks * interpolate(0.45, 0.78, severity) * tint)[..., None]
    veil = 0.35 * max(0.0, severity - 0.6) / 0.4
    wet = photo * (1 - veil) + 0.75 * veil
    return Damaged((1 - (1 - wet) * (1 - light) if screened else wet + light).clip(0, 1).astype(np.float32))


def _rain_lines(shape: tuple[int, ...], angle: float, severity: float, scale: float, rng: np.random.Generator) -> Field:
    """Particles drawn as lines, then blurred in their direction."""
    height, width = shape[:2]
    max_count = 420
    x, y = rng.uniform(-0.1, 1.1, max_count) * width, rng.uniform(-0.1, 1.1, max_count) * height
    length = rng.uniform(12, 34, max_count) * scale * interpolate(0.9, 1.5, severity)
    lean = np.radians(angle + rng.normal(0, 2.0, max_count))
    dx, dy = np.sin(lean) * length, np.cos(lean) * length
    drawn = np.stack([x, y, x + dx, y + dy, rng.uniform(0.45, 1, max_count)], 1)
    count = round(max_count * interpolate(0.3, 1, severity))
    widths = rng.choice([1.0, 1.0, 2.0, 2.0, 2.5], max_count) * scale
    sheet = strokes(shape, drawn[:count], widths[:count])
    return _motion_blur(sheet, 8 * scale, angle)


def _rain_noise(shape: tuple[int, ...], angle: float, severity: float, scale: float, rng: np.random.Generator) -> Field:
    """Noise, threshold and motion blur, as in the older data sets of Rain13k."""
    height, width = shape[:2]
    grain = rng.random((round(height / scale) + 1, round(width / scale) + 1), np.float32)
    dots = (grain > 1 - interpolate(0.003, 0.012, severity)).astype(np.float32)
    dots = np.asarray(cv2.resize(dots, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    length = interpolate(16, 34, severity) * scale
    return (_motion_blur(dots, length, angle) * length * 0.75).clip(0, 1)


def _motion_blur(sheet: Field, length: float, angle: float) -> Field:
    return np.asarray(cv2.filter2D(sheet, -1, line_kernel(length, angle), borderType=cv2.BORDER_REFLECT), np.float32)


def snow(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Flakes of three sizes in one wind direction (Snow100K), and a veil (CSD). photo: H×W×3 float32, 0..1."""
    scale, wind = pixel_unit(photo.shape), rng.uniform(-50, 50)
    cover = np.zeros(photo.shape[:2], np.float32)
    for radius, max_count, opacity, speed in ((1.0, 900, 0.9, 3), (2.4, 260, 0.85, 6), (5.5, 60, 0.65, 11)):
        sheet = _flakes(photo.shape, radius * scale, max_count, severity, rng)
        drift = speed * rng.uniform(0.3, 1.6) * scale
        sheet = _motion_blur(blur_field(sheet, 0.25 * radius * scale), drift, wind + rng.normal(0, 6))
        cover = 1 - (1 - cover) * (1 - opacity * sheet)
    tint = np.array([rng.uniform(0.9, 0.98), rng.uniform(0.93, 0.99), 1.0], np.float32)
    veil = interpolate(0.02, 0.3, severity) * (0.6 + 0.4 * fractal_noise(photo.shape, rng))[..., None]
    air = photo * (1 - veil) + 0.85 * veil
    cover = (cover * interpolate(0.85, 1, severity))[..., None]
    return Damaged((air * (1 - cover) + tint * cover).clip(0, 1).astype(np.float32))


def _flakes(shape: tuple[int, ...], radius: float, max_count: int, severity: float, rng: np.random.Generator) -> Field:
    """Ragged flakes of about this radius; a higher severity adds flakes to those of a lower one."""
    height, width = shape[:2]
    places = rng.uniform(-0.02, 1.02, (max_count, 2)) * (width, height)
    sizes = radius * rng.lognormal(0, 0.35, max_count)
    outlines = [blob(rng, 5, 0.22) for _ in range(6)]
    angles, opacity = rng.integers(0, 96, max_count), rng.uniform(0.45, 1, max_count)
    sheet = np.zeros((height, width), np.uint8)
    for k in range(round(max_count * interpolate(0.15, 1, severity))):
        outline = np.roll(outlines[k % 6], int(angles[k]), 0)[::6] * sizes[k] + places[k]
        points = np.rint(outline * 16).astype(np.int32)
        cv2.fillPoly(sheet, [points], round(255 * float(opacity[k])), cv2.LINE_AA, 4)
    return sheet.astype(np.float32) / np.float32(255)


def haze(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """J·t + A·(1 − t) with t = exp(−β·depth), β 0.6–1.8, A 0.7–1 (RESIDE); a third is uneven (NH-HAZE).

    photo: H×W×3 float32, 0..1.
    """
    depth = _depth(photo, rng)
    uneven, patches = rng.random() < 0.35, fractal_noise(photo.shape, rng, 2, 4)
    if uneven:
        depth = depth * (0.35 + 1.3 * patches)
    air = rng.uniform(0.7, 1.0) + rng.uniform(-0.025, 0.025, 3)
    through = np.exp(-interpolate(0.6, 1.8, severity) * depth)[..., None]
    return Damaged((photo * through + air.clip(0, 1) * (1 - through)).clip(0, 1).astype(np.float32))


def _depth(photo: Photo, rng: np.random.Generator) -> Field:
    """A guess of the depth, H×W, 0.15 (near) to 1.5 (far): ground, corridor, hills or slope, with the photo's edges."""
    height, width = photo.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = y / height, x / width
    kind = rng.integers(4)
    horizon, aside, tilt = rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.7), rng.uniform(-0.5, 0.5)
    ridges = [rng.uniform(-0.1, 0.1, (1, 7)) for _ in range(4)]
    if kind == 0:
        plane = 0.12 / np.maximum(y + 0.1 * tilt * (x - 0.5) - horizon, 0.06)
    elif kind == 1:
        plane = 1 - np.maximum(np.abs(x - aside), np.abs(y - horizon)) * 1.3
    elif kind == 2:
        line = [upscale(r, (1, width, 1))[0] for r in ridges]
        plane = sum((y < 0.25 + 0.18 * k + line[k][None]).astype(np.float32) for k in range(4)) / 4
    else:
        plane = 1 - y + tilt * (x - 0.5)
    rough = plane + 0.15 * fractal_noise(photo.shape, rng) + 0.25 * luma(photo)  # distant parts (the sky) are bright
    rough = cv2.resize(rough.astype(np.float32), (width, height))
    low, high = np.quantile(rough[::4, ::4], [0.02, 0.98])
    return 0.15 + 1.35 * _guided(luma(photo), ((rough - low) / max(high - low, 1e-6)).clip(0, 1).astype(np.float32))


def _guided(guide: Field, field: Field) -> Field:
    """Guided filter (He et al., 2013): the field with the edges of the guide, both H×W."""
    side = max(3, min(guide.shape) // 14)
    box = (side, side)
    mean_g, mean_f = cv2.blur(guide, box), cv2.blur(field, box)
    slope = (cv2.blur(guide * field, box) - mean_g * mean_f) / (cv2.blur(guide * guide, box) - mean_g**2 + 1e-3)
    return (cv2.blur(slope, box) * guide + cv2.blur(mean_f - slope * mean_g, box)).clip(0, 1)
