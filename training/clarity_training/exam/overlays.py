"""Overlays: watermarks, and holes, scratches and dust where pixels are lost."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.fields import (
    Field,
    blob,
    fill_outline,
    fractal_noise,
    interpolate,
    luma,
    pixel_unit,
    strokes,
)

_WORDS = (
    "PREVIEW", "Sample", "DO NOT COPY", "© 2019 Nordlicht", "proof", "stockhaus.example", "Evaluation", "M. Okafor",
    "For review only", "COPYRIGHT", "Lumen & Sons", "pixelbay", "No reuse", "demo", "Riverside Photo", "DRAFT 07",
)  # fmt: skip


def watermark(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Text or logo of opacity 0.3 to 0.8 at any place, size and angle; a third is tiled (LOGO, CLWD, stock photos).

    photo: H×W×3 float32, 0..1.
    """
    stamp = _logo(rng) if rng.random() < 0.4 else _text(rng)
    laid = _tile if rng.random() < 0.35 else _place_once
    cover = laid(stamp, photo.shape, rng)
    alpha = cover * interpolate(0.3, 0.8, severity)
    ground = float((luma(photo) * cover).sum() / max(float(cover.sum()), 1e-3))
    ink = _ink(ground, rng)
    return Damaged((photo * (1 - alpha[..., None]) + ink * alpha[..., None]).clip(0, 1).astype(np.float32))


def _ink(ground: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """3 values, 0..1: white, black or a saturated color, with contrast to the brightness of the ground."""
    plain = np.full(3, rng.uniform(0.9, 1) if ground < 0.62 else rng.uniform(0, 0.15))
    color = rng.permutation(np.array([rng.uniform(0.8, 1), rng.uniform(0, 0.5), rng.uniform(0, 0.4)]))
    return (plain if rng.random() < 0.7 else color).astype(np.float32)


def _text(rng: np.random.Generator) -> Field:
    """One or two words, filled or outlined: h×w, 0..1."""
    words = [str(w) for w in rng.choice(_WORDS, int(rng.choice([1, 1, 2])), replace=False)]
    if rng.random() < 0.35:
        return _hershey_text(words[0], rng)
    font = ImageFont.load_default(96)
    line = "\n".join(words)
    left, top, right, bottom = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), line, font=font)
    sheet = Image.new("L", (int(right - left) + 24, int(bottom - top) + 24), 0)
    outlined = rng.random() < 0.25
    ImageDraw.Draw(sheet).multiline_text(
        (12 - left, 12 - top), line, fill=150 if outlined else 255, font=font, align="center",
        stroke_width=5 if outlined else 0, stroke_fill=255,
    )  # fmt: skip
    return np.asarray(sheet, np.float32) / np.float32(255)


def _hershey_text(word: str, rng: np.random.Generator) -> Field:
    """A word in one of OpenCV's Hershey fonts: h×w, 0..1."""
    faces = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)
    face, thickness = int(faces[rng.integers(3)]), int(rng.integers(3, 8))
    word = word.replace("©", "(c)")
    (width, height), below = cv2.getTextSize(word, face, 3, thickness)
    sheet = np.zeros((height + below + 20, width + 20), np.uint8)
    cv2.putText(sheet, word, (10, height + 8), face, 3, 255, thickness, cv2.LINE_AA)
    return sheet.astype(np.float32) / np.float32(255)


def _logo(rng: np.random.Generator) -> Field:
    """A ring, polygon or star with initials: 240×240, 0..1."""
    side, shape = 240, (240, 240)
    outer = fill_outline(shape, _emblem(rng) * 110 + side / 2)
    inner = fill_outline(shape, _emblem(rng) * rng.uniform(70, 98) + side / 2)
    sheet = outer * (1 - inner) if rng.random() < 0.6 else outer
    letter = Image.new("L", (side, side), 0)
    initials = "".join(rng.choice(list("ABEGKMNRSTVW"), int(rng.integers(1, 3))))
    font = ImageFont.load_default(float(rng.uniform(70, 110)))
    ImageDraw.Draw(letter).text((side / 2, side / 2), initials, fill=255, font=font, anchor="mm")
    return np.abs(sheet - np.asarray(letter, np.float32) / 255).clip(0, 1)


def _emblem(rng: np.random.Generator) -> NDArray[np.float64]:
    """The outline (N×2) of a circle, polygon or star with radius 1."""
    points, pointed = int(rng.choice([5, 6, 8, 60])), rng.random() < 0.4
    angle = np.linspace(0, 2 * np.pi, points * 2, endpoint=False)
    radius = np.where(np.arange(points * 2) % 2 == 0, 1, rng.uniform(0.45, 0.8) if pointed and points < 60 else 0.95)
    return np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1)


def _place_once(stamp: Field, shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """The stamp once on an H×W field, 22 to 85 % of its width, rotated by up to 45°."""
    rows, columns = shape[:2]
    tall = stamp.shape[0] > 0.7 * stamp.shape[1]
    wide = columns * (rng.uniform(0.22, 0.45) if tall else rng.uniform(0.4, 0.85))
    angle = rng.choice([0.0, rng.uniform(-45, 45)])
    scale = min(wide / stamp.shape[1], 0.6 * rows / stamp.shape[0])
    lean = abs(np.radians(angle))
    size = np.array([stamp.shape[1], stamp.shape[0]]) * scale
    half = (size * np.cos(lean) + size[::-1] * np.sin(lean)) / 2
    room = np.array([columns, rows], float)
    place = half.clip(0, room / 2) + rng.random(2) * (room - 2 * half).clip(0)
    return _warp(stamp, shape, scale, float(angle), place)


def _tile(stamp: Field, shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """The stamp in slanted rows over an H×W field."""
    rows, columns = shape[:2]
    scale = rng.uniform(0.18, 0.34) * columns / max(stamp.shape[1], stamp.shape[0])
    pad = rng.uniform(0.2, 0.6)
    gap = int(pad * stamp.shape[0]), int(pad * 0.5 * stamp.shape[1])
    cell = np.pad(stamp, ((gap[0], gap[0]), (gap[1], gap[1])))
    grid = np.concatenate([cell, np.roll(cell, cell.shape[1] // 2, 1)], 0)
    small = _reduce(grid, scale)
    extent = int(np.hypot(rows, columns)) + 2
    sheet = np.tile(small, (extent // small.shape[0] + 1, extent // small.shape[1] + 1))
    return _warp(sheet, shape, 1.0, float(rng.uniform(-40, 40)), np.array([columns / 2, rows / 2]))


def _warp(stamp: Field, shape: tuple[int, ...], scale: float, angle: float, place: NDArray[np.float64]) -> Field:
    """The stamp on an H×W field, its center at `place` (x, y), rotated by `turn` degrees and scaled."""
    if scale < 1:
        stamp = _reduce(stamp, scale)
        scale = 1.0
    middle = stamp.shape[1] / 2, stamp.shape[0] / 2
    matrix = cv2.getRotationMatrix2D(middle, angle, scale)
    matrix[:, 2] += place - middle
    return np.asarray(cv2.warpAffine(stamp, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR), np.float32)


def _reduce(sheet: Field, scale: float) -> Field:
    return np.asarray(cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)


def inpaint(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Uniform holes (brush strokes, boxes, blots; Places2), or the scratches and dust of an old print.

    photo: H×W×3 float32, 0..1.
    """
    if rng.random() < 0.5:
        holes = _holes(photo.shape, severity, rng)
        fill = np.full(3, float(rng.choice([1.0, 1.0, 0.0, 0.5])), np.float32)
        alpha = holes
    else:
        holes = _scratches(photo.shape, severity, rng)
        fill = np.array([1.0, rng.uniform(0.92, 1), rng.uniform(0.82, 1)], np.float32)
        fill *= np.float32(rng.uniform(0.85, 1))
        alpha = holes * (0.75 + 0.25 * fractal_noise(photo.shape, rng, 8, 3))
    pixels = photo * (1 - alpha[..., None]) + fill * alpha[..., None]
    return Damaged(pixels.astype(np.float32).clip(0, 1), (holes > 0.05).astype(np.float32))


def _holes(shape: tuple[int, ...], severity: float, rng: np.random.Generator) -> Field:
    """H×W mask of two to ten holes: brush strokes (Yu et al., 2019), sometimes with boxes and blots."""
    sheet = np.zeros(shape[:2], np.float32)
    boxes = rng.random() < 0.3
    made = [_box(shape, rng) if boxes and k % 2 == 0 else _brush(shape, rng) for k in range(10)]
    for hole in made[: 2 + round(8 * severity)]:
        sheet = np.maximum(sheet, hole)
    return (sheet > 0.5).astype(np.float32)


def _brush(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """H×W free-form stroke as in DeepFill v2 (Yu et al., ICCV 2019)."""
    rows, columns = shape[:2]
    count, size = int(rng.integers(4, 11)), min(rows, columns)
    width = rng.uniform(0.025, 0.07) * size
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(2 * np.pi / 5, 2 * np.pi / 15, count) - 0.9)
    angles[1::2] += np.pi * (rng.random() < 0.5)
    steps = np.abs(rng.normal(0.11, 0.05, count))[:, None] * size * np.stack([np.cos(angles), np.sin(angles)], 1)
    points = rng.random(2) * (columns, rows) + np.cumsum(steps, 0)
    points = points.clip(0, (columns, rows))
    lines = np.concatenate([points[:-1], points[1:], np.ones((count - 1, 1))], 1)
    return strokes(shape, lines, np.full(count - 1, width))


def _box(shape: tuple[int, ...], rng: np.random.Generator) -> Field:
    """H×W mask of a rectangle or a blot."""
    rows, columns = shape[:2]
    place, size = rng.random(2) * (columns, rows), rng.uniform(0.05, 0.13, 2) * (columns, rows)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return fill_outline(shape, (corners if rng.random() < 0.6 else blob(rng, 5, 0.2)) * size + place)


def _scratches(shape: tuple[int, ...], severity: float, rng: np.random.Generator) -> Field:
    """H×W coverage of long thin lines and specks (Wan et al., Bringing Old Photos Back to Life, CVPR 2020)."""
    rows, columns = shape[:2]
    scale, upright = pixel_unit(shape), rng.random() < 0.6
    lines, widths = zip(*(_scratch(shape, upright, rng) for _ in range(26)), strict=True)
    count = round(interpolate(5, 26, severity))
    sheet = strokes(shape, np.concatenate(lines[:count]), np.concatenate(widths[:count]))
    max_specks = 260
    specks = rng.random((max_specks, 2)) * (columns, rows)
    sizes, outlines = rng.lognormal(0, 0.6, max_specks) * 1.1 * scale, [blob(rng, 5, 0.3)[::8] for _ in range(5)]
    dust = np.zeros(shape[:2], np.uint8)
    for k in range(round(max_specks * interpolate(0.15, 1, severity))):
        points = np.rint((outlines[k % 5] * sizes[k] + specks[k]) * 16).astype(np.int32)
        cv2.fillPoly(dust, [points], 255, cv2.LINE_AA, 4)
    return np.maximum(sheet, dust.astype(np.float32) / 255)


def _scratch(
    shape: tuple[int, ...], upright: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One scratch as segments (N×5, as for `strokes`) with their widths (N)."""
    rows, columns = shape[:2]
    pieces, size = 24, max(rows, columns)
    heading = rng.normal(np.pi / 2, 0.06) if upright else rng.uniform(0, np.pi)
    heading = heading + np.cumsum(rng.normal(0, rng.choice([0.02, 0.15]), pieces))
    step = rng.uniform(0.15, 0.9) * size / pieces
    points = rng.random(2) * (columns, rows * (0.4 if upright else 1)) + np.cumsum(
        step * np.stack([np.cos(heading), np.sin(heading)], 1), 0
    )
    value = rng.uniform(0.6, 1) * rng.uniform(0.7, 1, pieces - 1)
    width = (rng.uniform(0.8, 3.2) * pixel_unit(shape) * rng.uniform(0.7, 1.2, pieces - 1)).clip(1)
    return np.concatenate([points[:-1], points[1:], value[:, None]], 1), width
