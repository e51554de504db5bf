"""Damage for training: one function a degradation, blends of two or three, and what a good photo may look like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation
from clarity_training.damage import Damage, Damaged, Photo
from clarity_training.degrade.camera import blur, jpeg, noise
from clarity_training.degrade.everyday import ordinary, saved
from clarity_training.degrade.flare import flare
from clarity_training.degrade.light import low_light, overexposure, shadow
from clarity_training.degrade.losses import inpaint
from clarity_training.degrade.marks import watermark
from clarity_training.degrade.weather import haze, rain_streak, raindrop, snow

__all__ = ["DAMAGES", "ORDER", "blend", "ordinary", "sample", "saved", "together"]

DAMAGES: dict[Degradation, Damage] = {
    "rain streak": rain_streak, "raindrop": raindrop, "snow": snow, "haze": haze, "blur": blur, "inpaint": inpaint,
    "low-light": low_light, "overexposure": overexposure, "flare": flare, "shadow": shadow, "watermark": watermark,
    "noise": noise, "JPEG": jpeg,
}  # fmt: skip
"""In the order of DEGRADATIONS."""

ORDER: tuple[Degradation, ...] = (
    "shadow", "haze", "rain streak", "snow", "raindrop", "flare", "low-light", "overexposure", "blur", "noise",
    "inpaint", "watermark", "JPEG",
)  # fmt: skip
"""As light meets them: the scene, the lens, the exposure, the sensor, the print, the file."""

COMMON: tuple[tuple[Degradation, ...], ...] = (
    ("low-light", "noise"), ("low-light", "noise", "JPEG"), ("low-light", "blur"), ("haze", "rain streak"),
    ("haze", "JPEG"), ("haze", "snow"), ("rain streak", "raindrop"), ("blur", "noise"), ("blur", "noise", "JPEG"),
    ("blur", "JPEG"), ("noise", "JPEG"), ("watermark", "JPEG"), ("inpaint", "noise"), ("inpaint", "blur"),
    ("low-light", "rain streak"), ("low-light", "flare"), ("overexposure", "flare"), ("shadow", "JPEG"),
    ("haze", "low-light"), ("snow", "JPEG"), ("rain streak", "JPEG"),
)  # fmt: skip
"""What comes together in life; half of the blends."""


def blend(photo: Photo, rng: np.random.Generator, count: int | None = None) -> tuple[Damaged, dict[Degradation, float]]:
    """Two or three degradations (`count` of them, or drawn) on one photo, as light meets them, and how severe each is.
    Low light and overexposure never meet. Severities are 0.25 to 0.9, of the
    exposure 0.2 to 0.55: each can still be seen."""
    count = count or int(rng.integers(2, 4))
    chosen = together(count, rng)
    severities: dict[Degradation, float] = {}
    damaged = Damaged(photo)
    for name in ORDER:
        if name in chosen:
            exposure = name in ("low-light", "overexposure")
            severities[name] = float(rng.uniform(0.2, 0.55) if exposure else rng.uniform(0.25, 0.9))
            after = DAMAGES[name](damaged.pixels, severities[name], rng)
            damaged = Damaged(after.pixels, _either(damaged, after))
    return damaged, severities


def together(count: int, rng: np.random.Generator) -> frozenset[Degradation]:
    """`count` (2 or 3) degradations for a blend: half of them what comes together in life, half by chance."""
    if rng.random() < 0.5:
        fitting = [names for names in COMMON if len(names) == count]
        return frozenset(fitting[int(rng.integers(len(fitting)))])
    while True:
        chosen = frozenset(DEGRADATIONS[i] for i in rng.choice(len(DEGRADATIONS), count, replace=False))
        if not {"low-light", "overexposure"} <= chosen:
            return chosen


def _either(before: Damaged, after: Damaged) -> NDArray[np.float32] | None:
    if before.holes is None or after.holes is None:
        return before.holes if after.holes is None else after.holes
    return np.maximum(before.holes, after.holes)


def sample(photo: Photo, rng: np.random.Generator) -> tuple[Damaged, dict[Degradation, float]]:
    """One of the 15 classes, each as likely, and what was done: nothing for "normal".

    Every class is drawn from ordinary photos and most are saved well once more, so that traces of either say nothing
    about the class. The result is smaller than the photo where `ordinary` scaled it down: never below a shorter side of
    256 pixels.
    """
    kind = CLASSES[int(rng.integers(len(CLASSES)))]
    clean = ordinary(photo, rng)
    damaged, severities = Damaged(clean), dict[Degradation, float]()
    if kind == "blend":
        damaged, severities = blend(clean, rng)
    for name in DEGRADATIONS:
        if name == kind:
            severities[name] = float(rng.uniform(0.05, 1))
            damaged = DAMAGES[name](clean, severities[name], rng)
    if rng.random() < 0.6:
        damaged = Damaged(saved(damaged.pixels, rng), damaged.holes)
    return damaged, severities
