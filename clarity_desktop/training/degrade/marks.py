"""What lies on a photo: watermarks that let it show through, and damage under which it is lost."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.training.damage import Damaged, Photo
from clarity_desktop.training.degrade import lettering
from clarity_desktop.training.degrade.lettering import Coverage
from clarity_desktop.training.degrade.linear import Plane, clip

Rng = np.random.Generator


# ---- watermarks


def watermark(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Words, logos, seals, stamps or a repeated pattern over the photo, which shows through.

    Opacity 0.15 (severity 0) to 0.9 (severity 1), ± 0.08; letters from 12 px to a third of the photo.
    """
    height, width = photo.shape[:2]
    cover = _marks(height, width, rng).astype(np.float32) / 255
    if cover.sum() < 25:  # fell beside the photo
        cover = _placed(lettering.letters(lettering.words(rng), _size(height, width, rng), rng), height, width, rng)
        cover = cover.astype(np.float32) / 255
    if rng.random() < 0.3:  # scaled by whoever saved it
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(0.4, 1.0))), np.float32)
    opacity = float(np.clip(0.15 + 0.75 * severity + rng.uniform(-0.08, 0.08), 0.12, 0.92))
    return Damaged(_inked(photo, cover, opacity, rng))


def _size(height: int, width: int, rng: Rng) -> float:
    """Height of a letter: 12 px to a third of the photo, small ones more often; on a patch as on the photo it is of."""
    return float(np.exp(rng.uniform(np.log(12), np.log(max(16.0, min(height, width) / 3, min(96.0, height))))))


def _marks(height: int, width: int, rng: Rng) -> Coverage:
    """H×W coverage of one of the ways in which photos are marked."""
    draw = rng.random()
    size = _size(height, width, rng)
    if draw < 0.24:
        return _placed(lettering.letters(lettering.words(rng), size, rng), height, width, rng)
    if draw < 0.36:
        return _in_corner(lettering.letters(lettering.words(rng), min(size, 40), rng), height, width, rng)
    if draw < 0.42:
        return _in_corner(lettering.letters(lettering.date(rng), min(size, 36), rng), height, width, rng)
    if draw < 0.52:
        return _placed(lettering.logo(max(16, round(size * rng.uniform(1, 2.5))), rng), height, width, rng)
    if draw < 0.62:
        return _placed(lettering.logo_with_words(size, rng), height, width, rng)
    if draw < 0.66:
        return _placed(lettering.seal(int(np.clip(size * 4, 60, 400)), rng), height, width, rng)
    if draw < 0.88:
        return _tiled(size, height, width, rng)
    if draw < 0.93:
        return _crossed(size, height, width, rng)
    return _several(size, height, width, rng)


def _stamp(size: float, rng: Rng) -> Coverage:
    kind = rng.random()
    if kind < 0.65:
        return lettering.letters(lettering.words(rng), size, rng)
    return lettering.logo_with_words(size, rng) if kind < 0.85 else lettering.logo(max(12, round(size * 1.5)), rng)


def _placed(stamp: Coverage, height: int, width: int, rng: Rng) -> Coverage:
    """The stamp somewhere on an H×W plane, turned one time in three; more than half of it inside where it fits."""
    h, w = stamp.shape
    slack = float(rng.uniform(0, 0.25))
    x = float(rng.uniform(*sorted((w * (0.5 - slack), width - w * (0.5 - slack)))))
    y = float(rng.uniform(*sorted((h * (0.5 - slack), height - h * (0.5 - slack)))))
    if rng.random() < 0.25:
        x, y = width / 2, height / 2
    angle = 0.0
    if rng.random() < 0.35:
        angle = float(rng.choice([90, -90, 45, 30, rng.uniform(-60, 60), rng.uniform(-15, 15)]))
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1)
    turn[:, 2] += (x - w / 2, y - h / 2)
    return cv2.warpAffine(stamp, turn, (width, height)).astype(np.uint8)


def _in_corner(stamp: Coverage, height: int, width: int, rng: Rng) -> Coverage:
    """The stamp near a corner, shrunk to fit."""
    h, w = stamp.shape
    fit = min(1.0, width * 0.95 / w, height * 0.95 / h)
    h, w = max(4, int(h * fit)), max(4, int(w * fit))
    stamp = cv2.resize(stamp, (w, h), interpolation=cv2.INTER_AREA).astype(np.uint8)
    away = int(rng.uniform(0, 0.05) * min(height, width))
    x = min(away, width - w) if rng.random() < 0.35 else max(0, width - w - away)
    y = min(away, height - h) if rng.random() < 0.25 else max(0, height - h - away)
    plane = np.zeros((height, width), np.uint8)
    plane[y : y + h, x : x + w] = stamp
    return plane


def _tiled(size: float, height: int, width: int, rng: Rng) -> Coverage:
    """The stamp again and again over the whole plane, rows shifted, mostly turned."""
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
    """Diagonals, a grid or a frame of thin lines, with words in the middle."""
    plane = np.zeros((height, width), np.uint8)
    thick = int(rng.integers(1, 4))
    if rng.random() < 0.5:
        cv2.line(plane, (0, 0), (width, height), (255,), thick, cv2.LINE_AA)
        cv2.line(plane, (width, 0), (0, height), (255,), thick, cv2.LINE_AA)
    else:
        step, lean = int(rng.uniform(30, 160)), float(rng.uniform(0, 1))
        for at in range(-height - width, height + width, step):
            cv2.line(plane, (at, 0), (at + int(lean * height), height), (255,), thick, cv2.LINE_AA)
            cv2.line(plane, (0, at), (width, at + int(lean * width)), (255,), thick, cv2.LINE_AA)
    return np.maximum(plane, _placed(_stamp(size, rng), height, width, rng))


def _several(size: float, height: int, width: int, rng: Rng) -> Coverage:
    plane = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(2, 6))):
        stamp = _stamp(size * float(rng.uniform(0.5, 1.1)), rng)
        np.maximum(plane, _placed(stamp, height, width, rng), out=plane)
    return plane


def _ink(rng: Rng) -> NDArray[np.float32]:
    """A colour: white most often, black, grey, or any."""
    draw = rng.random()
    if draw < 0.45:
        colour = np.full(3, rng.uniform(0.93, 1))
    elif draw < 0.6:
        colour = np.full(3, rng.uniform(0, 0.1))
    elif draw < 0.75:
        colour = np.full(3, rng.uniform(0.25, 0.85))
    else:
        colour = rng.uniform(0, 1, 3)
        colour[rng.integers(3)] = rng.choice([0.05, 0.95])
    return colour.astype(np.float32)


def _inked(photo: Photo, cover: Plane, opacity: float, rng: Rng) -> Photo:
    """The photo under the mark, drawn flat, hollow, outlined, shadowed, embossed, multiplied or screened."""
    style, colour = rng.random(), _ink(rng)
    reach = max(1, round(rng.uniform(1, 3)))
    if style < 0.12:  # hollow letters
        cover = clip(cv2.dilate(cover, np.ones((reach + 1, reach + 1))) - cover * np.float32(0.95))
    elif style < 0.24:
        rim = cv2.dilate(cover, np.ones((2 * reach + 1, 2 * reach + 1))) - cover
        photo = _over(photo, rim, 1 - colour, opacity * 0.9)
    elif style < 0.38:
        shade = cv2.GaussianBlur(np.roll(cover, (reach, reach), (0, 1)), (0, 0), float(rng.uniform(0.5, 3)))
        photo = _over(photo, shade * (1 - cover), np.zeros(3, np.float32), opacity * float(rng.uniform(0.5, 0.9)))
    elif style < 0.48:
        return _embossed(photo, cover, opacity, reach, rng)
    elif style < 0.54:  # lightens or darkens as printed on
        ink = colour if colour.mean() > 0.5 else colour - 1
        marked = clip(photo + cover[..., None] * (opacity * 0.7 * ink))
        return _seen(photo, marked, cover, opacity)
    elif style < 0.6:  # fades along the mark
        ramp = np.linspace(rng.uniform(0.35, 1.3), rng.uniform(0.35, 1.3), cover.shape[1], dtype=np.float32)
        cover = clip(cover * ramp)
    return _seen(photo, _over(photo, cover, _colours(cover, colour, rng), opacity), cover, opacity)


def _colours(cover: Plane, colour: NDArray[np.float32], rng: Rng) -> NDArray[np.float32]:
    """One colour, or now and then two that meet at a line."""
    if rng.random() > 0.15:
        return colour
    split = int(rng.uniform(0.2, 0.8) * cover.shape[1])
    field = np.empty((1, cover.shape[1], 3), np.float32)
    field[:, :split], field[:, split:] = colour, _ink(rng)
    return field


def _over(photo: Photo, cover: Plane, colour: NDArray[np.float32], opacity: float) -> Photo:
    share = (cover * np.float32(opacity))[..., None]
    return photo + share * (colour - photo)


def _seen(photo: Photo, marked: Photo, cover: Plane, opacity: float) -> Photo:
    """The marked photo; in the opposite tone where the mark would vanish, white on a white sky."""
    where = cover > 0.5
    if not where.any():
        return marked
    if float(np.abs(marked[where] - photo[where]).mean()) >= 0.15 * opacity:
        return marked
    tone = np.full(3, 0.0 if float(photo[where].mean()) > 0.5 else 1.0, np.float32)
    return _over(photo, cover, tone, opacity)


def _embossed(photo: Photo, cover: Plane, opacity: float, reach: int, rng: Rng) -> Photo:
    """Lit from one side, shaded from the other, with a veil inside the letters."""
    dx, dy = ((1, 1), (-1, -1), (1, -1))[int(rng.integers(3))]
    soft = cv2.GaussianBlur(cover, (0, 0), 0.7)
    relief = soft - np.roll(soft, (dy * reach, dx * reach), (0, 1))
    veil = cover * float(rng.uniform(0, 0.35))
    return clip(photo + (opacity * (0.8 * relief + veil))[..., None])


# ---- what is lost


def inpaint(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Scratches, cracks, dust, torn places, brush strokes, rectangles or text under which the photo is lost.

    Thin damage covers 0.1 % (severity 0) to 7 % (severity 1) of the photo, broad damage 0.5 % to 35 %. `holes` marks
    every pixel that is touched; a hole in the photo's own tone may leave some as they were.
    """
    height, width = photo.shape[:2]
    thin = rng.random() < 0.45
    target = (0.001 * 70**severity if thin else 0.005 * 70**severity) * float(rng.uniform(0.7, 1.3))
    cover = np.zeros((height, width), np.uint8)
    kinds = rng.choice(len(_THIN if thin else _BROAD), int(rng.integers(1, 3)), replace=False)
    for kind in kinds:
        _until(cover, (_THIN if thin else _BROAD)[kind], target / len(kinds), rng)
    share = cover.astype(np.float32) / 255
    if thin and rng.random() < 0.4:  # worn: the photo shows through in places
        share *= np.clip(_field(height, width, 24, rng) * 0.25 + 0.8, 0.25, 1)
    elif not thin:
        share = (cover > 127).astype(np.float32)
    pixels = photo + share[..., None] * (_told_apart(_filling(photo, cover, thin, rng), photo, cover) - photo)
    return Damaged(clip(pixels), (share > 0).astype(np.float32))


def _until(cover: Coverage, draw: Callable[[Coverage, float, Rng], None], target: float, rng: Rng) -> None:
    """Draws until that share of the plane is covered in addition, at most sixty times."""
    goal = cv2.countNonZero(cover) + target * cover.size
    for _ in range(60):
        draw(cover, target, rng)
        if cv2.countNonZero(cover) >= goal:
            return


def _field(height: int, width: int, cell: int, rng: Rng) -> Plane:
    """Smooth noise of mean 0 and deviation about 1, with features of about `cell` pixels."""
    small = rng.standard_normal((height // cell + 3, width // cell + 3), dtype=np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _path(
    start: tuple[float, float], heading: float, steps: int, step: float, bend: float, rng: Rng
) -> NDArray[np.int32]:
    """n×1×2 points of a walk whose heading drifts by `bend` radians a step."""
    angles = heading + np.cumsum(rng.normal(0, bend, steps))
    walk = np.cumsum(np.stack([np.cos(angles), np.sin(angles)], 1) * step, 0)
    return (np.array(start) + walk).round().astype(np.int32)[:, None]


def _start(cover: Coverage, rng: Rng) -> tuple[float, float]:
    return float(rng.uniform(0, cover.shape[1])), float(rng.uniform(0, cover.shape[0]))


def _scratch(cover: Coverage, _: float, rng: Rng) -> None:
    """A long thin line, slightly curved, 1 to 5 px; often along the photo's height, as film is scratched."""
    size = max(cover.shape)
    heading = float(rng.normal(np.pi / 2, 0.1)) if rng.random() < 0.35 else float(rng.uniform(0, 2 * np.pi))
    length = size * float(rng.uniform(0.08, 1.2))
    points = _path(_start(cover, rng), heading, 24, length / 24, float(rng.choice([0.01, 0.05, 0.2])), rng)
    thick = int(rng.choice([1, 1, 1, 2, 2, 3, 4, 5]))
    cv2.polylines(cover, [points], False, (int(rng.integers(150, 256)),), thick, cv2.LINE_AA)


def _crack(cover: Coverage, _: float, rng: Rng) -> None:
    """A jagged fold with branches, as in broken emulsion."""
    size, heading = max(cover.shape), float(rng.uniform(0, 2 * np.pi))
    trunk = _path(_start(cover, rng), heading, 30, size * float(rng.uniform(0.01, 0.03)), 0.35, rng)
    thick = int(rng.integers(1, 4))
    cv2.polylines(cover, [trunk], False, (255,), thick, cv2.LINE_AA)
    for at in rng.integers(0, 30, int(rng.integers(0, 6))):
        x, y = trunk[at, 0]
        branch = _path((x, y), heading + float(rng.normal(0, 1)), 10, size * 0.012, 0.5, rng)
        cv2.polylines(cover, [branch], False, (255,), max(1, thick - 1), cv2.LINE_AA)


def _dust(cover: Coverage, _: float, rng: Rng) -> None:
    """Specks and short hairs."""
    scale = max(1.0, min(cover.shape) / 400)
    for _i in range(int(rng.integers(4, 30))):
        x, y = _start(cover, rng)
        axes = rng.exponential(1.2 * scale, 2).round().astype(int)
        cv2.ellipse(
            cover, (int(x), int(y)), (int(axes[0]), int(axes[1])), float(rng.uniform(0, 180)), 0, 360, (255,), -1
        )
    if rng.random() < 0.5:
        hair = _path(_start(cover, rng), float(rng.uniform(0, 6.3)), 16, 2 * scale, 0.4, rng)
        cv2.polylines(cover, [hair], False, (230,), 1, cv2.LINE_AA)


def _torn(cover: Coverage, target: float, rng: Rng) -> None:
    """Ragged holes, or a torn edge or corner, of about the wanted area."""
    height, width = cover.shape
    ragged = _field(height, width, max(4, min(height, width) // 6), rng) + 0.4 * _field(height, width, 6, rng)
    if rng.random() < 0.7:
        x, y = _start(cover, rng)
        if rng.random() < 0.4:
            x, y = float(rng.choice([0, width])), float(rng.choice([0, height]))
        away = np.hypot(*np.ogrid[-y : height - y : 1.0, -x : width - x : 1.0])[:height, :width]
        ragged = 0.5 * ragged - (away / (0.35 * min(height, width))).astype(np.float32)
    share = float(np.clip(target * rng.uniform(0.4, 1), 0.001, 0.5))
    cover[ragged > np.quantile(ragged[::3, ::3], 1 - share)] = 255


def _brush(cover: Coverage, _: float, rng: Rng) -> None:
    """A free-form stroke: a few turns of a round brush, straight or wavy."""
    size = min(cover.shape)
    thick = max(2, round(size * float(rng.uniform(0.015, 0.08))))
    turns, bend = int(rng.integers(2, 9)), float(rng.choice([0.3, 1.0, 2.0]))
    points = _path(
        _start(cover, rng), float(rng.uniform(0, 6.3)), turns, size * float(rng.uniform(0.03, 0.2)), bend, rng
    )
    cv2.polylines(cover, [points], False, (255,), thick)


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


def _text(cover: Coverage, _: float, rng: Rng) -> None:
    """Words that hide what they cover."""
    height, width = cover.shape
    stamp = lettering.letters(lettering.words(rng), _size(height, width, rng), rng)
    np.maximum(cover, _placed(stamp, height, width, rng), out=cover)


def _blob(cover: Coverage, target: float, rng: Rng) -> None:
    """A stain: an ellipse with a wavy edge."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = np.cos(np.outer(angles, (2, 3, 5)) + rng.uniform(0, 6.3, 3)) @ rng.normal(0, 0.15, 3)
    radius = (target * cover.size * float(rng.uniform(0.1, 0.6)) / np.pi) ** 0.5 * (1 + waves)
    outline = np.stack([np.cos(angles) * float(rng.uniform(0.6, 1.6)) * radius, np.sin(angles) * radius], 1)
    cv2.fillPoly(cover, [(outline + _start(cover, rng)).round().astype(np.int32)], (255,))


_THIN = (_scratch, _scratch, _crack, _dust)
_BROAD = (_brush, _brush, _torn, _rectangle, _text, _blob)


def _told_apart(filling: NDArray[np.float32], photo: Photo, cover: Coverage) -> NDArray[np.float32]:
    """The filling; black or white where it would hardly differ from what it covers."""
    where = cover > 127
    if not where.any() or float(np.abs((filling - photo)[where]).mean()) >= 0.12:
        return filling
    return np.full(3, 0.03 if float(photo[where].mean()) > 0.5 else 0.97, np.float32)


def _filling(photo: Photo, cover: Coverage, thin: bool, rng: Rng) -> NDArray[np.float32]:
    """What shows where the photo is lost: white, black, grey, the photo's mean, paper, noise or any colour."""
    height, width = cover.shape
    draw = rng.random()
    if draw < 0.34:
        return np.full(3, rng.uniform(0.9, 1) if thin else rng.choice([1.0, rng.uniform(0.9, 1)]), np.float32)
    if draw < 0.52:
        return np.full(3, rng.uniform(0, 0.1) if thin else rng.choice([0.0, rng.uniform(0, 0.1)]), np.float32)
    if draw < 0.62:
        return np.full(3, rng.choice([0.5, rng.uniform(0.2, 0.8)]), np.float32)
    if draw < 0.7:
        return photo.mean((0, 1), dtype=np.float64).astype(np.float32)
    if draw < 0.84:  # the paper below the picture, uneven
        paper = np.array([0.92, 0.87, 0.76], np.float32) * np.float32(rng.uniform(0.75, 1.05))
        return clip(paper + 0.04 * _field(height, width, 5, rng)[..., None])
    if draw < 0.92:
        noise = rng.random((height, width, 3 if rng.random() < 0.5 else 1), np.float32)
        return clip(0.5 + (noise - 0.5) * np.float32(rng.uniform(0.3, 1)))
    return rng.uniform(0, 1, 3).astype(np.float32)
