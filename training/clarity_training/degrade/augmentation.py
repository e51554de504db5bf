"""Augmentation: harmless variations of a good photo that must not be classified as damage."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Photo
from clarity_training.degrade.srgb import clip

Rng = np.random.Generator
LUMA = np.array([0.299, 0.587, 0.114], np.float32)

MIN_SIDE = 256
"""Photos are not scaled down below this shorter side in pixels."""


def augment(photo: Photo, rng: Rng) -> Photo:
    """A random variation of the photo (H×W×3 float32, 0..1) as another camera, editor or format would have given.

    Size (0.5 to 1), tone, color, sharpness, slight noise and compression. Each change has a probability of its own, so
    some photos stay almost unchanged.
    """
    return finish(adjust(photo, rng), rng)


def adjust(photo: Photo, rng: Rng) -> Photo:
    """Random size, tone and color, as people choose them when they edit a photo. photo: H×W×3 float32, 0..1."""
    if rng.random() < 0.35:
        photo = scale(photo, float(rng.uniform(0.5, 1)), rng)
    if rng.random() < 0.5:
        photo = change_tone(photo, rng)
    if rng.random() < 0.06:
        photo = to_monochrome(photo, rng)
    return photo


def finish(photo: Photo, rng: Rng) -> Photo:
    """Random slight sharpening, noise and compression, as a camera applies them.

    photo: H×W×3 float32, 0..1; returns the same shape.
    """
    if rng.random() < 0.25:
        photo = sharpen(photo, float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.4:
        photo = add_noise(photo, float(rng.uniform(0.2, 1.5)) / 255, rng)
    return recompress(photo, rng)


def scale(photo: Photo, factor: float, rng: Rng) -> Photo:
    """The photo scaled by `factor` (≤ 1), or less where the shorter side would fall below MIN_SIDE.

    photo: H×W×3 float32, 0..1.
    """
    height, width = photo.shape[:2]
    factor = min(1.0, max(factor, MIN_SIDE / min(height, width)))
    if factor == 1:
        return photo
    size = max(1, round(width * factor)), max(1, round(height * factor))
    interpolation = cv2.INTER_LANCZOS4 if factor > 0.75 and rng.random() < 0.5 else cv2.INTER_AREA
    return clip(cv2.resize(photo, size, interpolation=interpolation).astype(np.float32))


def change_tone(photo: Photo, rng: Rng) -> Photo:
    """Random gamma 0.88–1.14, contrast ± 8 %, saturation 0.85–1.2, white balance ± 4 %.

    photo: H×W×3 float32, 0..1; returns the same shape.
    """
    gamma = float(np.exp(rng.uniform(-0.13, 0.13)))
    steps = np.linspace(0, 1, 1024, dtype=np.float32) ** np.float32(gamma)
    steps = steps + np.float32(rng.uniform(-0.08, 0.08)) * np.sin(2 * np.pi * (steps - 0.5)).astype(np.float32) / 4
    curved = steps[(photo * 1023 + 0.5).astype(np.uint16)]
    luma = (curved @ LUMA)[..., None]
    balanced = luma + np.float32(rng.uniform(0.85, 1.2)) * (curved - luma)
    return clip(balanced * (1 + rng.uniform(-0.04, 0.04, 3)).astype(np.float32))


def to_monochrome(photo: Photo, rng: Rng) -> Photo:
    """The photo in black and white, or in sepia (40 %). photo: H×W×3 float32, 0..1; returns the same shape."""
    luma = (photo @ LUMA)[..., None]
    tint = np.ones(3, np.float32)
    if rng.random() < 0.4:
        tint = np.array([1.07, 1.0, 0.84], np.float32)
    return clip(luma * tint)


def sharpen(photo: Photo, amount: float) -> Photo:
    """Unsharp masking with a radius below one pixel. photo: H×W×3 float32, 0..1; returns the same shape."""
    blurred: NDArray[np.float32] = cv2.GaussianBlur(photo, (0, 0), 0.8).astype(np.float32)
    return clip(photo + np.float32(amount) * (photo - blurred))


def add_noise(photo: Photo, deviation: float, rng: Rng) -> Photo:
    """The photo with Gaussian noise of this standard deviation (in units of 0..1).

    photo: H×W×3 float32, 0..1; returns the same shape.
    """
    noise = rng.standard_normal(photo.shape, np.float32)
    return clip(photo + np.float32(deviation) * noise)


def recompress(photo: Photo, rng: Rng) -> Photo:
    """The photo (H×W×3 float32, 0..1) as 8 bits, mostly after compression that cannot be seen.

    JPEG (55 %, quality 88–99, 4:4:4 or 4:2:0), WebP (10 %, quality 85–98), or lossless.
    """
    choice = rng.random()
    pixels = (photo[..., ::-1] * 255 + 0.5).astype(np.uint8)
    if choice < 0.55:
        quality = int(rng.integers(88, 100))
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if rng.random() < 0.6 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        _, data = cv2.imencode(
            ".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        )
    elif choice < 0.65:
        _, data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(85, 99))])
    else:
        return pixels[..., ::-1].astype(np.float32) / np.float32(255)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV decodes what it has just encoded"
    return decoded[..., ::-1].astype(np.float32) / np.float32(255)
