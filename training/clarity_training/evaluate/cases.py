"""Further test cases of the detector: training synthesis on unseen photos, clean photos, half-damaged photos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import CLASSES, DEGRADATIONS, LOCAL, Degradation
from clarity_training import degrade, exam
from clarity_training.damage import Photo
from clarity_training.evaluate.test_set import Case, real_photos
from clarity_training.photos import load, load_8bit, to_8bit

MAX_REAL = 100
"""Real photos of a class that are evaluated at most."""


def training_synthesis_cases(
    clean: Sequence[Path], per_class: int, seed: int = 0, classes: Collection[str] = CLASSES
) -> Iterator[Case]:
    """per_class cases of each of the classes, damaged by the training synthesis with severities from 0.3 to 1.

    clean: files with clean photos.
    """
    for k, name in enumerate(CLASSES):
        if name not in classes:
            continue
        order = np.random.default_rng([seed, k]).permutation(len(clean))
        for n in range(per_class):
            rng = np.random.default_rng([seed, k, n])
            path = clean[order[n % len(clean)]]
            pixels, severities = _apply_damage(name, degrade.augment(_load_reduced(path, rng), rng), rng)
            if rng.random() < 0.6:
                pixels = degrade.recompress(pixels, rng)
            yield Case(name, to_8bit(pixels), path, real=False, severities=severities)


def clean_cases(clean: Sequence[Path], count: int, seed: int = 0) -> Iterator[Case]:
    """`count` clean photos without any change except for the size, which is reduced as for all cases."""
    order = np.random.default_rng([seed, len(CLASSES)]).permutation(len(clean))
    for n in range(count):
        path = clean[order[n % len(clean)]]
        photo = _load_reduced(path, np.random.default_rng([seed, len(CLASSES), n]))
        yield Case(CLASSES[0], to_8bit(photo), path, real=False)


def _apply_damage(name: str, photo: Photo, rng: np.random.Generator) -> tuple[Photo, dict[Degradation, float]]:
    if name == "blend":
        damaged, severities = degrade.blend(photo, rng)
        return damaged.pixels, severities
    severities: dict[Degradation, float] = {d: float(rng.uniform(0.3, 1)) for d in DEGRADATIONS if d == name}
    for degradation, severity in severities.items():
        photo = degrade.DAMAGES[degradation](photo, severity, rng).pixels
    return photo, severities


def real_cases(folder: Path) -> Iterator[Case]:
    """The real photos of the test half, at most MAX_REAL of a class, evenly spaced over its data sets.

    folder: with an index.csv, see `real_photos`.
    """
    labeled = real_photos(folder, "test")
    for name in CLASSES:
        paths = [path for label, path in labeled if label == name]
        if len(paths) > MAX_REAL:
            paths = [paths[k * len(paths) // MAX_REAL] for k in range(MAX_REAL)]
        for path in paths:
            yield Case(name, load_8bit(path), path, real=True)


def half_damaged(clean: Sequence[Path], count: int, seed: int = 0) -> Iterator[tuple[Degradation, exam.Half]]:
    """`count` photos of each degradation, damaged by the test synthesis in one half."""
    for k, name in enumerate(DEGRADATIONS):
        order = np.random.default_rng([seed, 100 + k]).permutation(len(clean))
        for n in range(count):
            rng = np.random.default_rng([seed, 100 + k, n])
            yield name, exam.half(name, _load_reduced(clean[order[n % len(clean)]], rng), rng)


def locally_damaged(
    clean: Sequence[Path], count: int, seed: int = 0
) -> Iterator[tuple[Degradation, NDArray[np.uint8], NDArray[np.bool_]]]:
    """`count` photos of each local degradation by the test synthesis (H×W×3 uint8), and where they changed (H×W)."""
    for k, name in enumerate(DEGRADATIONS):
        order = np.random.default_rng([seed, 200 + k]).permutation(len(clean))
        for n in range(count if name in LOCAL else 0):
            rng = np.random.default_rng([seed, 200 + k, n])
            photo = _load_reduced(clean[order[n % len(clean)]], rng)
            damaged = exam.damage(name, photo, rng)[0].pixels
            change = np.abs(damaged - photo).mean(2)
            yield name, to_8bit(damaged), change > max(4 / 255, 0.12 * float(np.quantile(change, 0.995)))


def _load_reduced(path: Path, rng: np.random.Generator) -> Photo:
    return load(path, int(rng.integers(448, 801)))
