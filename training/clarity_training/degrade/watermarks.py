"""Watermarks: semi-transparent text, logos and patterns."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade import lettering
from clarity_training.degrade.lettering import Coverage
from clarity_training.degrade.srgb import Plane, clip

Rng = np.random.Generator


def watermark(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """A watermark: words, logos, seals, a date stamp or a repeated pattern.

    Opacity 0.15 (severity 0) to 0.9 (severity 1), ± 0.08; letters from 12 px to a third of the photo high.

    photo: H×W×3 float32, 0..1.
    """
    height, width = photo.shape[:2]
    marks = _marks(height, width, rng)
    if marks.sum(dtype=np.int64) < 25 * 255:  # outside the photo
        marks = _place_in_corner(lettering.letters(lettering.words(rng), 16, rng), height, width, rng)
    cover = marks.astype(np.float32) / np.float32(255)
    if rng.random() < 0.3:  # as after rescaling the file
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(0.4, 1.0))), np.float32)
    opacity = float(np.clip(0.15 + 0.75 * severity + rng.uniform(-0.08, 0.08), 0.12, 0.92))
    return Damaged(_draw_mark(photo, cover, opacity, rng))


def _marks(height: int, width: int, rng: Rng) -> Coverage:
    """H×W coverage of a random kind of watermark, sometimes with small words in the corner."""
    kinds = (_words, _corner, _sign, _tiled, _crossed, _several)
    kind = kinds[int(rng.choice(len(kinds), p=[0.24, 0.2, 0.24, 0.2, 0.05, 0.07]))]
    plane = kind(lettering.random_size(height, width, rng), height, width, rng)
    if kind is not _corner and rng.random() < 0.12:
        np.maximum(plane, _corner(float(rng.uniform(10, 20)), height, width, rng), out=plane)
    return plane


def _words(size: float, height: int, width: int, rng: Rng) -> Coverage:
    return lettering.place(lettering.letters(lettering.words(rng), size, rng), height, width, rng)


def _corner(size: float, height: int, width: int, rng: Rng) -> Coverage:
    """Small words or a camera's date stamp in a corner."""
    text = lettering.date(rng) if rng.random() < 0.35 else lettering.words(rng)
    return _place_in_corner(lettering.letters(text, min(size, 40), rng), height, width, rng)


def _sign(size: float, height: int, width: int, rng: Rng) -> Coverage:
    """A logo, a logo with words, or a round seal."""
    kind = rng.random()
    if kind < 0.35:
        stamp = lettering.logo(max(16, round(size * rng.uniform(1, 2.5))), rng)
    elif kind < 0.85:
        stamp = lettering.logo_with_words(size, rng)
    else:
        stamp = lettering.seal(int(np.clip(size * 4, 60, 400)), rng)
    return lettering.place(stamp, height, width, rng)


def _stamp(size: float, rng: Rng) -> Coverage:
    kind = rng.random()
    if kind < 0.65:
        return lettering.letters(lettering.words(rng), size, rng)
    return lettering.logo_with_words(size, rng) if kind < 0.85 else lettering.logo(max(12, round(size * 1.5)), rng)


def _place_in_corner(stamp: Coverage, height: int, width: int, rng: Rng) -> Coverage:
    """The stamp (h×w) near a corner of an H×W plane, reduced to fit."""
    h, w = stamp.shape
    fit = min(1.0, width * 0.95 / w, height * 0.95 / h)
    h, w = max(4, int(h * fit)), max(4, int(w * fit))
    stamp = cv2.resize(stamp, (w, h), interpolation=cv2.INTER_AREA).astype(np.uint8)
    distance = int(rng.uniform(0, 0.05) * min(height, width))
    x = min(distance, width - w) if rng.random() < 0.35 else max(0, width - w - distance)
    y = min(distance, height - h) if rng.random() < 0.25 else max(0, height - h - distance)
    plane = np.zeros((height, width), np.uint8)
    plane[y : y + h, x : x + w] = stamp
    return plane


def _tiled(size: float, height: int, width: int, rng: Rng) -> Coverage:
    """The stamp repeated over the whole plane, with shifted rows and mostly rotated."""
    stamp = _stamp(min(size, 48), rng)
    h, w = stamp.shape
    gap_y, gap_x = (int(size * rng.uniform(0.3, 4)), int(size * rng.uniform(0.3, 4)))
    cell = np.pad(stamp, ((gap_y // 2, gap_y - gap_y // 2), (gap_x // 2, gap_x - gap_x // 2)))
    shift = int(cell.shape[1] * rng.choice([0, 0.5, rng.uniform(0, 1)]))
    cell = np.concatenate([cell, np.roll(cell, shift, 1)])
    angle = float(rng.choice([0, 45, -45, 30, -30, rng.uniform(-60, 60)], p=[0.2, 0.1, 0.1, 0.15, 0.15, 0.3]))
    turn = cv2.getRotationMatrix2D((float(rng.uniform(0, w)), float(rng.uniform(0, h))), angle, 1)
    return cv2.warpAffine(cell, turn, (width, height), borderMode=cv2.BORDER_WRAP).astype(np.uint8)


def _crossed(size: float, height: int, width: int, rng: Rng) -> Coverage:
    """Diagonals or a grid of thin lines, with a stamp."""
    plane = np.zeros((height, width), np.uint8)
    thickness = int(rng.integers(1, 4))
    if rng.random() < 0.5:
        cv2.line(plane, (0, 0), (width, height), (255,), thickness, cv2.LINE_AA)
        cv2.line(plane, (width, 0), (0, height), (255,), thickness, cv2.LINE_AA)
    else:
        step, lean = int(rng.uniform(30, 160)), float(rng.uniform(0, 1))
        for at in range(-height - width, height + width, step):
            cv2.line(plane, (at, 0), (at + int(lean * height), height), (255,), thickness, cv2.LINE_AA)
            cv2.line(plane, (0, at), (width, at + int(lean * width)), (255,), thickness, cv2.LINE_AA)
    return np.maximum(plane, lettering.place(_stamp(size, rng), height, width, rng))


def _several(size: float, height: int, width: int, rng: Rng) -> Coverage:
    plane = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(2, 6))):
        stamp = _stamp(size * float(rng.uniform(0.5, 1.1)), rng)
        np.maximum(plane, lettering.place(stamp, height, width, rng), out=plane)
    return plane


def _random_color(rng: Rng) -> NDArray[np.float32]:
    """3 values, 0..1: white (45 %), black, gray, or any color."""
    draw = rng.random()
    if draw < 0.45:
        color = np.full(3, rng.uniform(0.93, 1))
    elif draw < 0.6:
        color = np.full(3, rng.uniform(0, 0.1))
    elif draw < 0.75:
        color = np.full(3, rng.uniform(0.25, 0.85))
    else:
        color = rng.uniform(0, 1, 3)
        color[rng.integers(3)] = rng.choice([0.05, 0.95])
    return color.astype(np.float32)


def _draw_mark(photo: Photo, cover: Plane, opacity: float, rng: Rng) -> Photo:
    """The photo with the mark (H×W coverage) as flat, hollow, outlined, shadowed, embossed or blended ink."""
    style, color = rng.random(), _random_color(rng)
    extent = max(1, round(rng.uniform(1, 3)))
    if style < 0.12:  # outline only
        cover = clip(cv2.dilate(cover, np.ones((extent + 1, extent + 1))) - cover * np.float32(0.95))
    elif style < 0.24:
        rim = cv2.dilate(cover, np.ones((2 * extent + 1, 2 * extent + 1))) - cover
        photo = _blend(photo, rim, 1 - color, opacity * 0.9)
    elif style < 0.38:
        shade = cv2.GaussianBlur(np.roll(cover, (extent, extent), (0, 1)), (0, 0), float(rng.uniform(0.5, 3)))
        photo = _blend(photo, shade * (1 - cover), np.zeros(3, np.float32), opacity * float(rng.uniform(0.5, 0.9)))
    elif style < 0.48:
        return _emboss(photo, cover, opacity, extent, rng)
    elif style < 0.54:  # lightens or darkens
        ink = color if color.mean() > 0.5 else color - 1
        marked = clip(photo + cover[..., None] * (opacity * 0.7 * ink))
        return _ensure_visible(photo, marked, cover, opacity)
    elif style < 0.59:  # a bar behind the letters
        photo = _blend(photo, _bar(cover, rng), 1 - color, opacity * float(rng.uniform(0.3, 0.8)))
    elif style < 0.65:  # a gradient along the mark
        ramp = np.linspace(rng.uniform(0.35, 1.3), rng.uniform(0.35, 1.3), cover.shape[1], dtype=np.float32)
        cover = clip(cover * ramp)
    return _ensure_visible(photo, _blend(photo, cover, _fill_colors(cover, color, rng), opacity), cover, opacity)


def _bar(cover: Plane, rng: Rng) -> Plane:
    """H×W mask of the bounding box of the mark with a margin, or of a strip from edge to edge."""
    rows, columns = np.flatnonzero(cover.max(1) > 0.2), np.flatnonzero(cover.max(0) > 0.2)
    bar = np.zeros_like(cover)
    if rows.size and columns.size:
        room = int(rng.integers(1, 12))
        left, right = max(0, int(columns[0]) - room), int(columns[-1]) + room
        if rng.random() < 0.4:
            left, right = 0, cover.shape[1]
        bar[max(0, int(rows[0]) - room) : int(rows[-1]) + room, left:right] = 1
    # Behind a pattern over the whole photo it would be a tint, not a bar.
    return bar if bar.mean() < 0.3 else np.zeros_like(cover)


def _fill_colors(cover: Plane, color: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """One color, or (15 %) two colors side by side: broadcasts to H×W×3."""
    if rng.random() > 0.15:
        return color
    split = int(rng.uniform(0.2, 0.8) * cover.shape[1])
    field = np.empty((1, cover.shape[1], 3), np.float32)
    field[:, :split], field[:, split:] = color, _random_color(rng)
    return field


def _blend(photo: Photo, cover: Plane, color: NDArray[np.float32], opacity: float) -> Photo:
    share = (cover * np.float32(opacity))[..., None]
    return clip(photo + share * (color - photo))


def _ensure_visible(photo: Photo, marked: Photo, cover: Plane, opacity: float) -> Photo:
    """The marked photo, or one with a black or white mark where that would be invisible, as white on a white sky."""
    where = cover > 0.5
    if not where.any():
        return marked
    if float(np.abs(marked[where] - photo[where]).mean()) >= 0.15 * opacity:
        return marked
    tone = np.full(3, 0.0 if float(photo[where].mean()) > 0.5 else 1.0, np.float32)
    return _blend(photo, cover, tone, opacity)


def _emboss(photo: Photo, cover: Plane, opacity: float, extent: int, rng: Rng) -> Photo:
    """The photo with an embossed mark: bright and dark edges, slightly lighter inside."""
    dx, dy = ((1, 1), (-1, -1), (1, -1))[int(rng.integers(3))]
    soft = cv2.GaussianBlur(cover, (0, 0), 0.7)
    relief = soft - np.roll(soft, (dy * extent, dx * extent), (0, 1))
    veil = cover * float(rng.uniform(0, 0.35))
    return clip(photo + (opacity * (0.8 * relief + veil))[..., None])
