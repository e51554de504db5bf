"""The test synthesis: independent of `degrade`, used to evaluate our networks and never to train them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Degradation
from clarity_training.damage import Damage, Damaged, Photo
from clarity_training.exam.camera import blur, compress, jpeg, noise
from clarity_training.exam.drops import raindrop
from clarity_training.exam.light import flare, low_light, overexposure, shadow
from clarity_training.exam.overlays import inpaint, watermark
from clarity_training.exam.weather import haze, rain_streak, snow

DAMAGES: Mapping[Degradation, Damage] = {
    "rain streak": rain_streak,
    "raindrop": raindrop,
    "snow": snow,
    "haze": haze,
    "blur": blur,
    "inpaint": inpaint,
    "low-light": low_light,
    "overexposure": overexposure,
    "flare": flare,
    "shadow": shadow,
    "watermark": watermark,
    "noise": noise,
    "JPEG": jpeg,
}
"""In the order of DEGRADATIONS."""

BLENDS: tuple[tuple[Degradation, ...], ...] = (
    ("rain streak", "haze"), ("snow", "haze"), ("low-light", "haze"), ("low-light", "noise"), ("low-light", "blur"),
    ("blur", "noise"), ("blur", "JPEG"), ("noise", "JPEG"), ("haze", "noise"), ("haze", "JPEG"),
    ("shadow", "noise"), ("raindrop", "noise"), ("watermark", "JPEG"), ("overexposure", "JPEG"), ("flare", "noise"),
    ("rain streak", "JPEG"), ("haze", "rain streak", "low-light"), ("haze", "snow", "low-light"),
    ("low-light", "noise", "JPEG"), ("blur", "noise", "JPEG"), ("rain streak", "haze", "JPEG"),
)  # fmt: skip
"""Combinations in the order in which they arise: in the scene, the camera, the file."""

Side = Literal["left", "right", "top", "bottom"]


class Half(NamedTuple):
    """A photo (H×W×3 float32) damaged in one half. where: H×W bool, True in that half. Both sides are blended over a
    seam of 2 % of the width or height."""

    pixels: Photo
    side: Side
    where: NDArray[np.bool_]


def damage(
    name: str, photo: Photo, rng: np.random.Generator, severity: float | None = None
) -> tuple[Damaged, dict[Degradation, float]]:
    """The photo (H×W×3 float32, 0..1) damaged as a photo of the class `name`, and the severities.

    severity: None draws one from 0.3 to 1, for each part of a blend from 0.3 to 0.7. "normal" is the photo as it is or
    after JPEG of quality 92 to 98. Raises KeyError for a name that is not in values.CLASSES.
    """
    if name == "normal":
        return Damaged(_normal(photo, rng)), {}
    blend = name == "blend"
    parts: tuple[Degradation, ...] = BLENDS[rng.integers(len(BLENDS))] if blend else (_as_degradation(name),)
    drawn = rng.uniform(0.3, 0.7 if blend else 1, len(parts))
    used = [float(own) if severity is None else severity for own in drawn]
    severities: dict[Degradation, float] = dict(zip(parts, used, strict=True))
    return _apply(photo, severities, rng), severities


def _as_degradation(name: str) -> Degradation:
    for degradation in DAMAGES:
        if degradation == name:
            return degradation
    raise KeyError(name)


def _normal(photo: Photo, rng: np.random.Generator) -> Photo:
    quality = int(rng.integers(92, 99))
    return compress(photo, quality) if rng.random() < 0.4 else photo.copy()


def _apply(photo: Photo, severities: Mapping[Degradation, float], rng: np.random.Generator) -> Damaged:
    """One damage after the other, each with its own random numbers, so that they do not depend on each other."""
    pixels, holes = photo, None
    for (name, severity), own in zip(severities.items(), rng.spawn(len(severities)), strict=True):
        damaged = DAMAGES[name](pixels, severity, own)
        pixels, holes = damaged.pixels, damaged.holes if holes is None else holes
    return Damaged(pixels, holes)


def pair(name: str, photo: Photo, rng: np.random.Generator) -> tuple[Damaged, Damaged]:
    """The same damage in the same places, mild (severity 0.25 to 0.4) and strong (0.7 to 0.95).

    photo: H×W×3 float32, 0..1. name: a degradation or "blend".
    """
    seed, low, high = int(rng.integers(2**63)), float(rng.uniform(0.25, 0.4)), float(rng.uniform(0.7, 0.95))
    mild, strong = (damage(name, photo, np.random.default_rng(seed), severity)[0] for severity in (low, high))
    return mild, strong


def half(name: str, photo: Photo, rng: np.random.Generator, severity: float | None = None) -> Half:
    """The photo (H×W×3 float32, 0..1) damaged in its left, right, top or bottom half.

    The half is damaged as a photo of its own, so that sparse damage (a flare, a watermark) lies within it.
    """
    rows, columns = photo.shape[:2]
    side: Side = ("left", "right", "top", "bottom")[rng.integers(4)]
    length = columns if side in ("left", "right") else rows
    ramp = ((np.arange(length, dtype=np.float32) + 0.5 - length / 2) / (0.02 * length) + 0.5).clip(0, 1)
    ramp = ramp if side in ("right", "bottom") else ramp[::-1]
    share = np.broadcast_to(ramp[None] if side in ("left", "right") else ramp[:, None], (rows, columns))
    affected = share > 0
    inside = np.ix_(affected.any(1), affected.any(0))
    pixels = photo.copy()
    part = np.ascontiguousarray(photo[inside])
    damaged = damage(name, part, rng, severity)[0].pixels
    weight = share[inside][..., None]
    pixels[inside] = part * (1 - weight) + damaged * weight
    return Half(pixels, side, share >= 0.5)
