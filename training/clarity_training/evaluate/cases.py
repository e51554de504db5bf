"""More test photos than testset.py has: the training synthesis on photos not trained on, and halves for heat maps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation
from clarity_training import degrade, exam
from clarity_training.damage import Photo
from clarity_training.evaluate.test_set import Case, real_photos
from clarity_training.photos import eight_bits, load

REAL_MOST = 100
"""Of a class, at most so many real photos are looked at."""


def own(clean: Sequence[Path], per_class: int, seed: int = 0, classes: Collection[str] = CLASSES) -> Iterator[Case]:
    """per_class cases of each of the classes by the synthesis that trains; severities 0.3 to 1 as in the exam."""
    for at, name in enumerate(CLASSES):
        if name not in classes:
            continue
        order = np.random.default_rng([seed, at]).permutation(len(clean))
        for k in range(per_class):
            rng = np.random.default_rng([seed, at, k])
            path = clean[order[k % len(clean)]]
            pixels, severities = _damaged(name, degrade.ordinary(_reduced(path, rng), rng), rng)
            if rng.random() < 0.6:
                pixels = degrade.saved(pixels, rng)
            yield Case(name, eight_bits(pixels), path, real=False, severities=severities)


def plain(clean: Sequence[Path], count: int, seed: int = 0) -> Iterator[Case]:
    """`count` clean photos as they are, only reduced as all cases are."""
    order = np.random.default_rng([seed, len(CLASSES)]).permutation(len(clean))
    for k in range(count):
        path = clean[order[k % len(clean)]]
        photo = _reduced(path, np.random.default_rng([seed, len(CLASSES), k]))
        yield Case(CLASSES[0], eight_bits(photo), path, real=False)


def _damaged(name: str, photo: Photo, rng: np.random.Generator) -> tuple[Photo, dict[Degradation, float]]:
    if name == "blend":
        damaged, severities = degrade.blend(photo, rng)
        return damaged.pixels, severities
    severities: dict[Degradation, float] = {d: float(rng.uniform(0.3, 1)) for d in DEGRADATIONS if d == name}
    for known, severity in severities.items():
        photo = degrade.DAMAGES[known](photo, severity, rng).pixels
    return photo, severities


def real(folder: Path) -> Iterator[Case]:
    """The exam half of the real photos, up to REAL_MOST of a class, evenly over its sets."""
    known = real_photos(folder, "exam")
    for name in CLASSES:
        paths = [path for kind, path in known if kind == name]
        few = paths if len(paths) <= REAL_MOST else [paths[k * len(paths) // REAL_MOST] for k in range(REAL_MOST)]
        for path in few:
            yield Case(name, eight_bits(load(path)), path, real=True)


def halves(clean: Sequence[Path], count: int, seed: int = 0) -> Iterator[tuple[Degradation, exam.Half]]:
    """`count` photos of each degradation, damaged by the exam's synthesis in one half."""
    for at, name in enumerate(DEGRADATIONS):
        order = np.random.default_rng([seed, 100 + at]).permutation(len(clean))
        for k in range(count):
            rng = np.random.default_rng([seed, 100 + at, k])
            yield name, exam.half(name, _reduced(clean[order[k % len(clean)]], rng), rng)


def _reduced(path: Path, rng: np.random.Generator) -> Photo:
    return load(path, longest=int(rng.integers(448, 801)))
