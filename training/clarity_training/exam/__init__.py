"""The second synthesis, written apart from the first: our networks are measured on it and never trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import Degradation
from clarity_training.damage import Damage, Damaged, Photo
from clarity_training.exam.camera import blur, encoded, jpeg, noise
from clarity_training.exam.drops import raindrops
from clarity_training.exam.light import flare, low_light, overexposed, shadow
from clarity_training.exam.marks import lost, watermark
from clarity_training.exam.weather import haze, rain, snow

DAMAGES: Mapping[Degradation, Damage] = {
    "rain streak": rain,
    "raindrop": raindrops,
    "snow": snow,
    "haze": haze,
    "blur": blur,
    "inpaint": lost,
    "low-light": low_light,
    "overexposure": overexposed,
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
"""What comes together, in the order in which it happens: the scene, the camera, the file."""

Side = Literal["left", "right", "top", "bottom"]


class Half(NamedTuple):
    """A photo damaged in one half only. where: H×W bool, True in that half; the seam is mixed over 2 % of the side."""

    pixels: Photo
    side: Side
    where: NDArray[np.bool_]


def damage(
    name: str, photo: Photo, rng: np.random.Generator, severity: float | None = None
) -> tuple[Damaged, dict[Degradation, float]]:
    """One photo of a class of values.CLASSES and the severities that were used.

    severity: None draws one from 0.3 to 1, for each part of a blend from 0.3 to 0.7.
    "normal" is the photo as it is or through a JPEG of quality 92 to 98. Raises KeyError for another name.
    """
    if name == "normal":
        return Damaged(_harmless(photo, rng)), {}
    blend = name == "blend"
    parts: tuple[Degradation, ...] = BLENDS[rng.integers(len(BLENDS))] if blend else (_known(name),)
    drawn = rng.uniform(0.3, 0.7 if blend else 1, len(parts))
    used = [float(own) if severity is None else severity for own in drawn]
    given: dict[Degradation, float] = dict(zip(parts, used, strict=True))
    return _applied(photo, given, rng), given


def _known(name: str) -> Degradation:
    for known in DAMAGES:
        if known == name:
            return known
    raise KeyError(name)


def _harmless(photo: Photo, rng: np.random.Generator) -> Photo:
    quality = int(rng.integers(92, 99))
    return encoded(photo, quality) if rng.random() < 0.4 else photo.copy()


def _applied(photo: Photo, given: Mapping[Degradation, float], rng: np.random.Generator) -> Damaged:
    """One damage after the other; each has its own chance, so that none depends on how much another drew."""
    done, holes = photo, None
    for (name, severity), own in zip(given.items(), rng.spawn(len(given)), strict=True):
        damaged = DAMAGES[name](done, severity, own)
        done, holes = damaged.pixels, damaged.holes if holes is None else holes
    return Damaged(done, holes)


def pair(name: str, photo: Photo, rng: np.random.Generator) -> tuple[Damaged, Damaged]:
    """The same damage, mild (severity 0.25 to 0.4) and strong (0.7 to 0.95): same places, same kind.

    name is a degradation or "blend".
    """
    seed, low, high = int(rng.integers(2**63)), float(rng.uniform(0.25, 0.4)), float(rng.uniform(0.7, 0.95))
    mild, strong = (damage(name, photo, np.random.default_rng(seed), severity)[0] for severity in (low, high))
    return mild, strong


def half(name: str, photo: Photo, rng: np.random.Generator, severity: float | None = None) -> Half:
    """The photo damaged in its left, right, top or bottom half; every degradation can be local in this sense.

    The half is damaged as a photo of its own, so that what is sparse (a flare, a watermark) lies in it.
    """
    rows, columns = photo.shape[:2]
    side: Side = ("left", "right", "top", "bottom")[rng.integers(4)]
    length = columns if side in ("left", "right") else rows
    ramp = ((np.arange(length, dtype=np.float32) + 0.5 - length / 2) / (0.02 * length) + 0.5).clip(0, 1)
    ramp = ramp if side in ("right", "bottom") else ramp[::-1]
    share = np.broadcast_to(ramp[None] if side in ("left", "right") else ramp[:, None], (rows, columns))
    touched = share > 0
    inside = np.ix_(touched.any(1), touched.any(0))
    pixels = photo.copy()
    part = np.ascontiguousarray(photo[inside])
    worse = damage(name, part, rng, severity)[0].pixels
    weight = share[inside][..., None]
    pixels[inside] = part * (1 - weight) + worse * weight
    return Half(pixels, side, share >= 0.5)
