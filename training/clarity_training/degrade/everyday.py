"""What a normal, good photo may look like: harmless differences that must not be called damage."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo
from clarity_training.degrade.linear import clip

Rng = np.random.Generator
GREY = np.array([0.299, 0.587, 0.114], np.float32)

SMALLEST = 256
"""A photo is scaled down only as long as its shorter side keeps that many pixels: patches keep their size."""


def ordinary(photo: Photo, rng: Rng) -> Photo:
    """The photo as another good camera, program or owner would have left it, saved as they would: at least half as
    large, never larger. Each change is rare enough for some photos to stay as they are."""
    changed = tastes(photo, rng)
    if rng.random() < 0.25:
        changed = sharpened(changed, float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.4:
        changed = grained(changed, float(rng.uniform(0.2, 1.5)) / 255, rng)
    return saved(changed, rng)


def tastes(photo: Photo, rng: Rng) -> Photo:
    """Size, tone and colour, as people choose them."""
    if rng.random() < 0.35:
        photo = scaled(photo, float(rng.uniform(0.5, 1)), rng)
    if rng.random() < 0.5:
        photo = toned(photo, rng)
    if rng.random() < 0.06:
        photo = grey(photo, rng)
    return photo


def scaled(photo: Photo, factor: float, rng: Rng) -> Photo:
    """Smaller by `factor`, or less where the shorter side would fall below SMALLEST."""
    height, width = photo.shape[:2]
    factor = min(1.0, max(factor, SMALLEST / min(height, width)))
    if factor == 1:
        return photo
    size = max(1, round(width * factor)), max(1, round(height * factor))
    way = cv2.INTER_LANCZOS4 if factor > 0.75 and rng.random() < 0.5 else cv2.INTER_AREA
    return clip(cv2.resize(photo, size, interpolation=way).astype(np.float32))


def toned(photo: Photo, rng: Rng) -> Photo:
    """Gamma 0.88–1.14, contrast ± 8 %, saturation 0.85–1.2, white balance ± 4 %."""
    gamma = float(np.exp(rng.uniform(-0.13, 0.13)))
    steps = np.linspace(0, 1, 1024, dtype=np.float32) ** np.float32(gamma)
    steps = steps + np.float32(rng.uniform(-0.08, 0.08)) * np.sin(2 * np.pi * (steps - 0.5)).astype(np.float32) / 4
    curved = steps[(photo * 1023 + 0.5).astype(np.uint16)]
    luma = (curved @ GREY)[..., None]
    balanced = luma + np.float32(rng.uniform(0.85, 1.2)) * (curved - luma)
    return clip(balanced * (1 + rng.uniform(-0.04, 0.04, 3)).astype(np.float32))


def grey(photo: Photo, rng: Rng) -> Photo:
    """Black and white, or sepia."""
    luma = (photo @ GREY)[..., None]
    tint = np.ones(3, np.float32)
    if rng.random() < 0.4:
        tint = np.array([1.07, 1.0, 0.84], np.float32)
    return clip(luma * tint)


def sharpened(photo: Photo, amount: float) -> Photo:
    """Unsharp masking with a radius below one pixel."""
    soft: NDArray[np.float32] = cv2.GaussianBlur(photo, (0, 0), 0.8).astype(np.float32)
    return clip(photo + np.float32(amount) * (photo - soft))


def grained(photo: Photo, deviation: float, rng: Rng) -> Photo:
    """The noise of a good camera in good light: at most 1.5 of 255."""
    noise = rng.standard_normal(photo.shape, np.float32)
    return clip(photo + np.float32(deviation) * noise)


def saved(photo: Photo, rng: Rng) -> Photo:
    """Saved well: as JPEG (quality 88–99, with full or halved colour), as WebP (quality 85–98), or without loss."""
    draw = rng.random()
    eight = (photo[..., ::-1] * 255 + 0.5).astype(np.uint8)
    if draw < 0.55:
        quality = int(rng.integers(88, 100))
        halved = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if rng.random() < 0.6 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        _, data = cv2.imencode(
            ".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, halved]
        )
    elif draw < 0.65:
        _, data = cv2.imencode(".webp", eight, [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(85, 99))])
    else:
        return eight[..., ::-1].astype(np.float32) / np.float32(255)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None, "what was encoded just now can be decoded"
    return decoded[..., ::-1].astype(np.float32) / np.float32(255)
