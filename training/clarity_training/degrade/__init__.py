"""The training synthesis: one damage function for each degradation, blends of several, and augmentation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation
from clarity_training.damage import Damage, Damaged, Photo
from clarity_training.degrade.augmentation import augment, recompress
from clarity_training.degrade.camera import blur, jpeg, noise
from clarity_training.degrade.flare import flare
from clarity_training.degrade.light import low_light, overexposure, shadow
from clarity_training.degrade.lost_pixels import damaged_print, inpaint
from clarity_training.degrade.watermarks import watermark
from clarity_training.degrade.weather import haze, rain_streak, raindrop, snow

__all__ = ["DAMAGES", "ORDER", "augment", "blend", "choose_blend", "damaged_print", "recompress", "sample"]

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
"""The order in which degradations arise: in the scene, lens, exposure, sensor, print, file."""

COMMON: tuple[tuple[Degradation, ...], ...] = (
    ("low-light", "noise"), ("low-light", "noise", "JPEG"), ("low-light", "blur"), ("haze", "rain streak"),
    ("haze", "JPEG"), ("haze", "snow"), ("rain streak", "raindrop"), ("blur", "noise"), ("blur", "noise", "JPEG"),
    ("blur", "JPEG"), ("noise", "JPEG"), ("watermark", "JPEG"), ("inpaint", "noise"), ("inpaint", "blur"),
    ("low-light", "rain streak"), ("low-light", "flare"), ("overexposure", "flare"), ("shadow", "JPEG"),
    ("haze", "low-light"), ("snow", "JPEG"), ("rain streak", "JPEG"),
)  # fmt: skip
"""Combinations that are frequent in real photos; half of the blends."""


def blend(photo: Photo, rng: np.random.Generator, count: int | None = None) -> tuple[Damaged, dict[Degradation, float]]:
    """Two or three degradations on one photo (H×W×3 float32, 0..1), in ORDER, and the severity of each.

    count: 2 or 3; None draws it. Low light and overexposure are never combined. Severities are 0.25 to 0.9, for these
    two 0.2 to 0.55, so that each degradation remains visible.
    """
    count = count or int(rng.integers(2, 4))
    chosen = choose_blend(count, rng)
    severities: dict[Degradation, float] = {}
    damaged = Damaged(photo)
    for name in ORDER:
        if name in chosen:
            is_exposure = name in ("low-light", "overexposure")
            severities[name] = float(rng.uniform(0.2, 0.55) if is_exposure else rng.uniform(0.25, 0.9))
            after = DAMAGES[name](damaged.pixels, severities[name], rng)
            damaged = Damaged(after.pixels, _union(damaged, after))
    return damaged, severities


def choose_blend(count: int, rng: np.random.Generator) -> frozenset[Degradation]:
    """`count` (2 or 3) degradations for a blend: one of COMMON or, in half of the cases, any combination."""
    if rng.random() < 0.5:
        candidates = [names for names in COMMON if len(names) == count]
        return frozenset(candidates[int(rng.integers(len(candidates)))])
    while True:
        chosen = frozenset(DEGRADATIONS[i] for i in rng.choice(len(DEGRADATIONS), count, replace=False))
        if not {"low-light", "overexposure"} <= chosen:
            return chosen


def _union(before: Damaged, after: Damaged) -> NDArray[np.float32] | None:
    if before.holes is None or after.holes is None:
        return before.holes if after.holes is None else after.holes
    return np.maximum(before.holes, after.holes)


def sample(photo: Photo, rng: np.random.Generator) -> tuple[Damaged, dict[Degradation, float]]:
    """A photo (H×W×3 float32, 0..1) of one of the 15 classes, all equally likely, and the severities.

    Photos of all classes are augmented, and most are recompressed, so that these traces do not correlate with the
    class. The result is smaller than the photo where `augment` scaled it down, but not below a shorter side of 256.
    """
    label = CLASSES[int(rng.integers(len(CLASSES)))]
    clean = augment(photo, rng)
    damaged, severities = Damaged(clean), dict[Degradation, float]()
    if label == "blend":
        damaged, severities = blend(clean, rng)
    for name in DEGRADATIONS:
        if name == label:
            severities[name] = float(rng.uniform(0.05, 1))
            damaged = DAMAGES[name](clean, severities[name], rng)
    if rng.random() < 0.6:
        damaged = Damaged(recompress(damaged.pixels, rng), damaged.holes)
    return damaged, severities
