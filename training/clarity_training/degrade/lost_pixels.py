"""Lost pixels: scratches, cracks, dust, tears, brush strokes, rectangles and opaque text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade import lettering, old_print
from clarity_training.degrade.lettering import Coverage
from clarity_training.degrade.srgb import Plane, clip

Rng = np.random.Generator
Draw = Callable[[Coverage, float, Rng], None]
"""(plane, share of it that all shapes together should cover, rng): draws one more shape on the plane."""


def inpaint(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Scratches, cracks, dust, tears, brush strokes, rectangles or text that replace the photo.

    Thin damage covers 0.2 % (severity 0) to 9 % (severity 1) of the photo, broad damage 0.5 % to 35 %; some photos have
    both. `holes` marks every pixel that is covered, even where the filling has the photo's color.

    photo: H×W×3 float32, 0..1.
    """
    draw = rng.random()
    if draw < 0.4:
        return _thin_damage(photo, severity, rng)
    if draw < 0.85:
        return _broad_damage(photo, severity, rng)
    broad = _broad_damage(photo, severity * 0.7, rng)
    thin = _thin_damage(broad.pixels, severity * 0.8, rng)
    assert broad.holes is not None and thin.holes is not None  # noqa: PT018
    return Damaged(thin.pixels, np.maximum(broad.holes, thin.holes))


def damaged_print(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """A faded print with creases, stains, scratches and, from a severity of 0.3 on, mostly a torn corner.

    Unlike `inpaint`, it changes the whole photo; `holes` marks only what is missing. photo: H×W×3 float32, 0..1.
    """
    aged = old_print.faded(photo, severity, rng) if rng.random() < 0.85 else photo
    aged = old_print.stains(aged, severity, rng)
    broken, relief = old_print.creases(photo.shape, severity, rng)
    aged = clip(aged + (0.12 + 0.2 * severity) * relief[..., None])
    paper = np.full(3, rng.uniform(0.85, 1), np.float32)
    pixels = clip(aged + broken[..., None] * (paper - aged))
    holes = (broken > 0.1).astype(np.float32)
    if rng.random() < 0.8:
        thin = _thin_damage(pixels, severity * 0.7, rng)
        assert thin.holes is not None
        pixels, holes = thin.pixels, np.maximum(holes, thin.holes)
    if severity > 0.3 and rng.random() < 0.6:
        torn = old_print.torn_corners(photo.shape, severity, rng)
        pixels = np.where(torn[..., None] > 0, old_print.background(photo.shape, rng), pixels)
        holes = np.maximum(holes, torn)
    return Damaged(pixels, holes)


def _thin_damage(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Scratches, cracks and dust, sometimes with soft edges or gaps."""
    cover = _draw_until_covered(photo, _THIN, 0.002 * 45**severity * float(rng.uniform(0.7, 1.3)), rng)
    share = cover.astype(np.float32) / np.float32(255)
    if rng.random() < 0.35:  # gaps where the photo shows through
        share *= np.clip(_field(cover.shape[0], cover.shape[1], 24, rng) * np.float32(0.25) + np.float32(0.85), 0.35, 1)
    if rng.random() < 0.35:  # as scanned
        share = np.asarray(cv2.GaussianBlur(share, (0, 0), float(rng.uniform(0.4, 0.8))), np.float32)
        share[share < 0.03] = 0
    return _fill(photo, share, thin=True, rng=rng)


def _broad_damage(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Tears, strokes, rectangles and text with hard edges."""
    cover = _draw_until_covered(photo, _BROAD, 0.005 * 70**severity * float(rng.uniform(0.7, 1.3)), rng)
    return _fill(photo, (cover > 127).astype(np.float32), thin=False, rng=rng)


def _fill(photo: Photo, share: Plane, thin: bool, rng: Rng) -> Damaged:
    filling = _ensure_contrast(_filling(photo, thin, rng), photo, share)
    return Damaged(clip(photo + share[..., None] * (filling - photo)), (share > 0).astype(np.float32))


def _draw_until_covered(photo: Photo, shapes: Sequence[Draw], target: float, rng: Rng) -> Coverage:
    """H×W coverage by one or two kinds of damage that together cover the share `target`."""
    cover = np.zeros(photo.shape[:2], np.uint8)
    kinds = rng.choice(len(shapes), int(rng.integers(1, 3)), replace=False)
    for kind in kinds:
        _draw_share(cover, shapes[kind], target / len(kinds), rng)
    return cover


def _draw_share(cover: Coverage, draw: Draw, target: float, rng: Rng) -> None:
    """Draw until an additional share `target` of the plane is covered, at most sixty times."""
    goal = cv2.countNonZero(cover) + target * cover.size
    for _ in range(60):
        draw(cover, target, rng)
        if cv2.countNonZero(cover) >= goal:
            return


def _field(height: int, width: int, cell: int, rng: Rng) -> Plane:
    """Smooth noise, H×W float32 with mean 0 and standard deviation 1, features of about `cell` pixels."""
    small = rng.standard_normal((height // cell + 3, width // cell + 3), dtype=np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _path(
    start: tuple[float, float], heading: float, steps: int, step: float, bend: float, rng: Rng
) -> NDArray[np.int32]:
    """Points (n×1×2, x and y) of a walk whose direction changes by about `bend` radians a step."""
    angles = heading + np.cumsum(rng.normal(0, bend, steps))
    walk = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], 1) * step, 0)
    return (np.array(start) + walk).round().astype(np.int32)[:, None]


def _start(cover: Coverage, rng: Rng) -> tuple[float, float]:
    return float(rng.uniform(0, cover.shape[1])), float(rng.uniform(0, cover.shape[0]))


def _scratch(cover: Coverage, _: float, rng: Rng) -> None:
    """A long, slightly curved line 1 to 5 px wide; often vertical, as on film."""
    size = max(cover.shape)
    heading = float(rng.normal(np.pi / 2, 0.1)) if rng.random() < 0.35 else float(rng.uniform(0, 2 * np.pi))
    length = size * float(rng.uniform(0.08, 1.2))
    points = _path(_start(cover, rng), heading, 24, length / 24, float(rng.choice([0.01, 0.05, 0.2])), rng)
    thickness = int(rng.choice([1, 1, 1, 2, 2, 3, 4, 5]))
    cv2.polylines(cover, [points], False, (int(rng.integers(150, 256)),), thickness, cv2.LINE_AA)


def _crack(cover: Coverage, _: float, rng: Rng) -> None:
    """A jagged line with branches, as in a cracked emulsion."""
    size, heading = max(cover.shape), float(rng.uniform(0, 2 * np.pi))
    trunk = _path(_start(cover, rng), heading, 30, size * float(rng.uniform(0.01, 0.03)), 0.35, rng)
    thickness = int(rng.integers(1, 4))
    cv2.polylines(cover, [trunk], False, (255,), thickness, cv2.LINE_AA)
    for at in rng.integers(0, 30, int(rng.integers(0, 6))):
        x, y = trunk[at, 0]
        branch = _path((x, y), heading + float(rng.normal(0, 1)), 10, size * 0.012, 0.5, rng)
        cv2.polylines(cover, [branch], False, (255,), max(1, thickness - 1), cv2.LINE_AA)


def _dust(cover: Coverage, _: float, rng: Rng) -> None:
    """Specks, sometimes with a hair."""
    scale = max(1.0, min(cover.shape) / 400)
    for _i in range(int(rng.integers(4, 30))):
        x, y = _start(cover, rng)
        axes = (0.3 + rng.exponential(1.6 * scale, 2)).round().astype(int)
        cv2.ellipse(
            cover, (int(x), int(y)), (int(axes[0]), int(axes[1])), float(rng.uniform(0, 180)), 0, 360, (255,), -1
        )
    if rng.random() < 0.5:
        hair = _path(_start(cover, rng), float(rng.uniform(0, 6.3)), 16, 2 * scale, 0.4, rng)
        cv2.polylines(cover, [hair], False, (230,), 1, cv2.LINE_AA)


def _tear(cover: Coverage, target: float, rng: Rng) -> None:
    """Ragged holes, or a torn edge or corner."""
    height, width = cover.shape
    ragged = _field(height, width, max(4, min(height, width) // 6), rng) + 0.4 * _field(height, width, 6, rng)
    if rng.random() < 0.7:
        x, y = _start(cover, rng)
        if rng.random() < 0.4:
            x, y = float(rng.choice([0, width])), float(rng.choice([0, height]))
        distance = np.hypot(*np.ogrid[-y : height - y : 1.0, -x : width - x : 1.0])[:height, :width]
        ragged = 0.5 * ragged - (distance / (0.35 * min(height, width))).astype(np.float32)
    share = float(np.clip(target * rng.uniform(0.4, 1), 0.001, 0.5))
    cover[ragged > np.quantile(ragged[::3, ::3], 1 - share)] = 255


def _brush(cover: Coverage, _: float, rng: Rng) -> None:
    """A free-form brush stroke (Yu et al., 2019)."""
    size = min(cover.shape)
    thickness = max(2, round(size * float(rng.uniform(0.015, 0.08))))
    angles, bend = int(rng.integers(2, 9)), float(rng.choice([0.3, 1.0, 2.0]))
    points = _path(
        _start(cover, rng), float(rng.uniform(0, 6.3)), angles, size * float(rng.uniform(0.03, 0.2)), bend, rng
    )
    cv2.polylines(cover, [points], False, (255,), thickness)


def _rectangle(cover: Coverage, target: float, rng: Rng) -> None:
    """A rectangle, a strip or a run of dashes."""
    height, width = cover.shape
    area = target * height * width * float(rng.uniform(0.15, 1))
    aspect = float(np.exp(rng.normal(0, 0.9)))
    w, h = max(2, round((area * aspect) ** 0.5)), max(2, round((area / aspect) ** 0.5))
    x, y = (int(v) for v in _start(cover, rng))
    if rng.random() < 0.12:
        x, w = (0, width) if rng.random() < 0.5 else (x, max(2, round(area / height)))
        y, h = (0, height) if x or w < width else (y, max(2, round(area / width)))
    cover[max(0, y - h // 2) : y - h // 2 + h, max(0, x - w // 2) : x - w // 2 + w] = 255


def _dashes(cover: Coverage, _: float, rng: Rng) -> None:
    """A line of short bars, mostly vertical."""
    height, width = cover.shape
    thickness = max(2, round(min(height, width) * float(rng.uniform(0.01, 0.05))))
    upright = rng.random() < 0.75
    x, y = (int(v) for v in _start(cover, rng))
    at, end = (int(v) for v in sorted(rng.uniform(0, height if upright else width, 2)))
    while at < end:
        bar = max(3, int(thickness * rng.uniform(0.8, 4)))
        wobble = int(rng.integers(-thickness, thickness + 1))
        left, top = (max(0, x + wobble), at) if upright else (at, max(0, y + wobble))
        w, h = (thickness, bar) if upright else (bar, thickness)
        cover[top : top + h, left : left + w] = 255
        at += bar + int(thickness * rng.uniform(0.2, 3))


def _text(cover: Coverage, _: float, rng: Rng) -> None:
    """Opaque words."""
    height, width = cover.shape
    stamp = lettering.letters(lettering.words(rng), lettering.random_size(height, width, rng), rng)
    np.maximum(cover, lettering.place(stamp, height, width, rng), out=cover)


def _blob(cover: Coverage, target: float, rng: Rng) -> None:
    """A stain: an ellipse with a wavy edge."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = np.cos(np.outer(angles, (2, 3, 5)) + rng.uniform(0, 6.3, 3)) @ rng.normal(0, 0.15, 3)
    radius = (target * cover.size * float(rng.uniform(0.1, 0.6)) / np.pi) ** 0.5 * (1 + waves)
    outline = np.stack([np.cos(angles) * float(rng.uniform(0.6, 1.6)) * radius, np.sin(angles) * radius], 1)
    cv2.fillPoly(cover, [(outline + _start(cover, rng)).round().astype(np.int32)], (255,))


_THIN = (_scratch, _scratch, _crack, _dust)
_BROAD = (_brush, _brush, _tear, _rectangle, _dashes, _text, _blob)


def _ensure_contrast(filling: NDArray[np.float32], photo: Photo, share: Plane) -> NDArray[np.float32]:
    """The filling, replaced by black or white where it would hardly differ from the covered photo."""
    where = share > 0.4
    if not where.any() or float(np.abs((filling - photo)[where]).mean()) >= 0.18:
        return filling
    return np.full(3, 0.03 if float(photo[where].mean()) > 0.5 else 0.97, np.float32)


def _filling(photo: Photo, thin: bool, rng: Rng) -> NDArray[np.float32]:
    """What fills the holes, 3 values or H×W×3: white, black, gray, the mean color, paper, noise, or any color."""
    height, width = photo.shape[:2]
    draw = rng.random()
    if draw < 0.34:
        return np.full(3, rng.uniform(0.9, 1) if thin else rng.choice([1.0, rng.uniform(0.9, 1)]), np.float32)
    if draw < 0.52:
        return np.full(3, rng.uniform(0, 0.1) if thin else rng.choice([0.0, rng.uniform(0, 0.1)]), np.float32)
    if draw < 0.62:
        return np.full(3, rng.choice([0.5, rng.uniform(0.2, 0.8)]), np.float32)
    if draw < 0.7:
        return photo.mean((0, 1), dtype=np.float64).astype(np.float32)
    if draw < 0.84:  # uneven paper below the emulsion
        paper = np.array([0.92, 0.87, 0.76], np.float32) * np.float32(rng.uniform(0.75, 1.05))
        return clip(paper + 0.04 * _field(height, width, 5, rng)[..., None])
    if draw < 0.92:
        noise = rng.random((height, width, 3 if rng.random() < 0.5 else 1), np.float32)
        return clip(0.5 + (noise - 0.5) * np.float32(rng.uniform(0.3, 1)))
    return rng.uniform(0, 1, 3).astype(np.float32)
