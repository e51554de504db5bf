"""Text, logos and seals as coverage masks, for watermarks and opaque text."""

from __future__ import annotations

import string
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Coverage = NDArray[np.uint8]
"""h×w uint8; 0: free, 255: covered, in between at anti-aliased edges."""

_SYLLABLES = (
    "al", "an", "ar", "ba", "be", "bo", "ca", "ce", "da", "de", "di", "do", "el", "en", "fa", "fo", "ga", "ge", "gra",
    "ha", "hi", "in", "jo", "ka", "ki", "la", "li", "lo", "ma", "me", "mi", "mo", "na", "no", "nu", "oli", "on", "pa",
    "pho", "pi", "ra", "re", "ro", "sa", "se", "sha", "sol", "sta", "su", "ta", "ti", "to", "tra", "va", "ve", "xa",
)  # fmt: skip
_COMMON_WORDS = (
    "Photo", "Photography", "Sample", "Preview", "Proof", "Copyright", "Studio", "Images", "Draft", "Stock",
    "Confidential", "Demo", "Art", "Gallery",
)  # fmt: skip
_ENDINGS = ("photos.example", "images.example", ".example", "stock.example", "pics.example")
_CAPITALS, _DIGITS = np.array(list(string.ascii_uppercase)), np.array(list(string.digits))
_CASES = (str, str, str.upper, str.lower, str.title)


def name(rng: np.random.Generator) -> str:
    """An invented word of two to four syllables."""
    return "".join(rng.choice(_SYLLABLES, int(rng.integers(2, 5)))).capitalize()


def words(rng: np.random.Generator) -> str:
    """The text of a watermark: an invented name, ©, a web address, letters, or a number."""
    kind = int(rng.integers(9))
    if kind == 0:
        text = f"© {name(rng)} {name(rng)}"
    elif kind == 1:
        text = ("www." if rng.random() < 0.6 else "") + name(rng).lower() + str(rng.choice(_ENDINGS))
    elif kind == 2:
        text = f"© {rng.integers(1995, 2027)} {name(rng)}"
    elif kind == 3:
        text = "".join(rng.choice(_CAPITALS, int(rng.integers(1, 5))))
    elif kind == 4:
        text = f"#{''.join(rng.choice(_DIGITS, int(rng.integers(6, 10))))}"
    elif kind == 5:
        text = f"{name(rng)} {rng.choice(_COMMON_WORDS)}"
    elif kind == 6:
        text = f"@{name(rng).lower()}"
    else:
        text = str(rng.choice(_COMMON_WORDS)) if rng.random() < 0.5 else name(rng)
    return _CASES[int(rng.integers(len(_CASES)))](text)


def date(rng: np.random.Generator) -> str:
    """A camera's date stamp."""
    year, month, day = int(rng.integers(1988, 2027)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    forms = (
        f"{day:02}.{month:02}.{year}", f"'{year % 100:02} {month} {day}", f"{year}/{month:02}/{day:02}",
        f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}", f"{hour:02}:{minute:02}", f"{day}.{month}.{year % 100:02}",
    )  # fmt: skip
    return forms[int(rng.integers(len(forms)))]


@lru_cache(maxsize=64)
def _pillow_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=4)
def _face(kind: str) -> cv2.FontFace:
    return cv2.FontFace(kind)


def letters(text: str, size: float, rng: np.random.Generator) -> Coverage:
    """Coverage of one to three lines of text, about `size` pixels a line, in a random font, weight and slant.

    Returns h×w uint8, 255 where covered.
    """
    lines = [text]
    if " " in text and rng.random() < 0.35:
        lines = text.split(" ")
    draw = (_hershey, _pillow, _pillow, _outline_font, _outline_font)[int(rng.integers(5))]
    style = int(rng.integers(1 << 16))
    # All lines have the same style: each uses a generator with the same seed.
    rows = [draw(line, size, np.random.default_rng(style)) for line in lines[:3] if line]
    width = max(row.shape[1] for row in rows)
    left = rng.random() < 0.5
    padded = [np.pad(row, ((0, 0), _sides(width - row.shape[1], left))) for row in rows]
    return _stretch_or_slant(np.concatenate(padded), rng)


def _sides(more: int, left: bool) -> tuple[int, int]:
    return (0, more) if left else (more // 2, more - more // 2)


def _hershey(text: str, size: float, rng: np.random.Generator) -> Coverage:
    """Text in OpenCV's Hershey fonts, with strokes of any thickness."""
    font = int(rng.integers(8)) + (16 if rng.random() < 0.3 else 0)
    thickness = max(1, round(size * float(rng.uniform(0.03, 0.14))))
    text = text.replace("©", "(c)")
    scale = size / 34
    (width, height), base = cv2.getTextSize(text, font, scale, thickness)
    stamp = np.zeros((height + base + 2 * thickness, width + 2 * thickness), np.uint8)
    cv2.putText(stamp, text, (thickness, height + thickness), font, scale, (255,), thickness, cv2.LINE_AA)
    return stamp


def _outline_font(text: str, size: float, rng: np.random.Generator) -> Coverage:
    """Text in OpenCV's outline fonts of any weight, upright or italic."""
    face, weight = _face("italic" if rng.random() < 0.35 else "sans"), int(rng.integers(200, 900))
    points, width, height = max(6, round(size)), round(size * (len(text) + 2)), round(size * 1.5)
    stamp = np.zeros((height, width), np.uint8)
    cv2.putText(stamp, text, (round(size * 0.4), round(size * 1.05)), (255,), face, points, weight)
    used = np.flatnonzero(stamp.any(0))
    return stamp[:, : int(used[-1]) + round(size * 0.4)] if used.size else stamp


def _pillow(text: str, size: float, rng: np.random.Generator) -> Coverage:
    """Text in Pillow's default font, regular or bold."""
    font = _pillow_font(max(6, round(size)))
    bold = round(size * float(rng.uniform(0, 0.06)))
    left, top, right, bottom = font.getbbox(text, stroke_width=bold)
    canvas = Image.new("L", (max(1, round(right - left)) + 2, max(1, round(bottom - top)) + round(size * 0.3)))
    ImageDraw.Draw(canvas).text((1 - left, round(size * 0.1) - top), text, 255, font, stroke_width=bold)
    return np.asarray(canvas)


def _stretch_or_slant(stamp: Coverage, rng: np.random.Generator) -> Coverage:
    """The stamp, sometimes stretched or slanted."""
    height, width = stamp.shape
    if rng.random() < 0.35:
        stamp = cv2.resize(stamp, (max(4, round(width * float(rng.uniform(0.7, 1.5)))), height)).astype(np.uint8)
    if rng.random() < 0.2:
        slant = float(rng.uniform(0.1, 0.4))
        angle = np.array([[1, -slant, slant * height], [0, 1, 0]])
        stamp = cv2.warpAffine(stamp, angle, (stamp.shape[1] + int(slant * height), height)).astype(np.uint8)
    return stamp


def logo(size: int, rng: np.random.Generator) -> Coverage:
    """A mark without words, size×size: disc, ring, rings, shield, star, polygon, square, bars or petals; hollow or with
    a letter cut out now and then.

    Returns h×w uint8, 255 where covered.
    """
    stamp = np.zeros((size, size), np.uint8)
    kind = int(rng.integers(8))
    thickness = -1 if rng.random() < 0.45 else max(1, round(size * float(rng.uniform(0.03, 0.12))))
    middle, radius = size // 2, round(size * 0.42)
    if kind == 0:
        cv2.circle(stamp, (middle, middle), radius, (255,), thickness, cv2.LINE_AA)
    elif kind == 1:
        for dx in (-radius // 3, radius // 3):
            cv2.circle(stamp, (middle + dx, middle), radius * 2 // 3, (255,), max(1, size // 14), cv2.LINE_AA)
    elif kind == 2:
        _bars(stamp, rng)
    elif kind == 3:
        for angle in np.arange(0, 360, 360 / int(rng.integers(3, 9))):
            cv2.ellipse(
                stamp, (middle, middle), (radius, radius // 4), angle, 0, 360, (255,), max(1, size // 24), cv2.LINE_AA
            )
    else:
        _polygon(stamp, _outline(kind, rng) * radius + middle, thickness)
    if thickness == -1 and rng.random() < 0.6:
        _cut_letter(stamp, rng)
    elif thickness > 0 and rng.random() < 0.4:
        _polygon(stamp, _outline(int(rng.integers(4, 8)), rng) * radius * 0.5 + middle, -1)
    return stamp


def _outline(kind: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """n×2 corners about the origin within radius 1: a shield, a star, a polygon or a square turned at will."""
    if kind == 4:
        return np.array(
            [(-0.8, -0.9), (0, -0.7), (0.8, -0.9), (0.75, 0.1), (0.4, 0.65), (0, 1), (-0.4, 0.65), (-0.75, 0.1)]
        )
    corners = 4 if kind == 7 else int(rng.integers(3, 9))
    radii = np.ones(2 * corners) if kind != 5 else np.tile([1, float(rng.uniform(0.35, 0.7))], corners)
    if kind != 5:
        radii = radii[:corners]
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False) + float(rng.choice([-np.pi / 2, rng.uniform(0, 6)]))
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radii[:, None]


def _polygon(stamp: Coverage, corners: NDArray[np.float64], thickness: int) -> None:
    whole = [corners.round().astype(np.int32)]
    if thickness < 0:
        cv2.fillPoly(stamp, whole, (255,), cv2.LINE_AA)
    else:
        cv2.polylines(stamp, whole, True, (255,), thickness, cv2.LINE_AA)


def _bars(stamp: Coverage, rng: np.random.Generator) -> None:
    size, count = stamp.shape[0], int(rng.integers(2, 6))
    step = size / (count + 1)
    for i in range(count):
        top = round(size * float(rng.uniform(0.1, 0.6)))
        cv2.rectangle(stamp, (round(step * (i + 0.6)), top), (round(step * (i + 1.1)), round(size * 0.9)), (255,), -1)


def _cut_letter(stamp: Coverage, rng: np.random.Generator) -> None:
    size = stamp.shape[0]
    letter = letters(str(rng.choice(_CAPITALS)), size * 0.55, rng)
    h, w = min(letter.shape[0], size), min(letter.shape[1], size)
    y, x = (size - h) // 2, (size - w) // 2
    inside = stamp[y : y + h, x : x + w]
    np.minimum(inside, 255 - letter[:h, :w], out=inside)


def seal(size: int, rng: np.random.Generator) -> Coverage:
    """A round seal, size×size: two rings with text between them and a logo in the center.

    Returns h×w uint8, 255 where covered.
    """
    stamp = np.zeros((size, size), np.uint8)
    middle = size // 2
    for radius in (0.47, 0.3):
        cv2.circle(stamp, (middle, middle), round(size * radius), (255,), max(1, size // 40), cv2.LINE_AA)
    around = (words(rng) + " * " + name(rng)).replace("©", "(c)")
    for letter, angle in zip(around, np.linspace(0, 360, len(around), endpoint=False), strict=True):
        glyph = np.zeros((size, size), np.uint8)
        cv2.putText(
            glyph,
            letter,
            (middle - size // 30, round(size * 0.16)),
            0,
            size / 260,
            (255,),
            max(1, size // 110),
            cv2.LINE_AA,
        )
        turn = cv2.getRotationMatrix2D((middle, middle), -angle, 1)
        np.maximum(stamp, cv2.warpAffine(glyph, turn, (size, size)), out=stamp)
    inner = logo(max(8, round(size * 0.4)), rng)
    at = (size - inner.shape[0]) // 2
    inside = stamp[at : at + inner.shape[0], at : at + inner.shape[0]]
    np.maximum(inside, inner, out=inside)
    return stamp


def logo_with_words(size: float, rng: np.random.Generator) -> Coverage:
    """A logo with words beside or below it; `size` is about the height of a letter.

    Returns h×w uint8, 255 where covered.
    """
    text = letters(words(rng), size, rng)
    sign = logo(max(8, round(size * float(rng.uniform(1.2, 2.2)))), rng)
    beside = rng.random() < 0.7
    axis = 0 if beside else 1
    most = max(text.shape[axis], sign.shape[axis])

    def centerd(stamp: Coverage) -> Coverage:
        sides = _sides(most - stamp.shape[axis], left=False)
        return np.pad(stamp, (sides, (0, 0)) if beside else ((0, 0), sides))

    return np.concatenate([centerd(sign), centerd(text)], 1 - axis)


def random_size(height: int, width: int, rng: np.random.Generator) -> float:
    """A random height of a letter: 12 px to a third of the photo, log-uniform."""
    return float(np.exp(rng.uniform(np.log(12), np.log(max(16.0, min(height, width) / 3, min(96.0, height))))))


def place(stamp: Coverage, height: int, width: int, rng: np.random.Generator) -> Coverage:
    """The stamp (h×w) at a random place of an H×W plane, sometimes rotated; mostly inside the plane. Both are uint8."""
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
