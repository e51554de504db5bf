"""Pairs of clean and damaged patches: the training data of the restorer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import DEGRADATIONS, Degradation
from clarity_training.damage import Damaged, Photo
from clarity_training.degrade import DAMAGES, augment, recompress
from clarity_training.photos import load_8bit

MAX_SIDE = 1200
"""Photos are kept in memory with at most this side, as uint8: a thousand of them take about 2 GB."""
SCENE_FACTOR = 2
"""Damage is synthesized on scenes of this many times a patch's side, so that structures wider than a patch are cut."""
BLOCK = 8
"""Side of a block of JPEG, in pixels."""
WHOLE_BLOCKS_SHARE = 3 / 4
"""Of the patches with JPEG begin with a block, as photos do that were not cropped after compression."""
CLEAN_SHARE = 1 / 6
"""Of the patches stay undamaged."""
REAL_SHARE = 1 / 3
"""Of the patches of a degradation come from photographed pairs where there are some."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchBatch:
    """clean and damaged N×H×W×3 float32, 0..1; holes N×H×W×1 float32, 1 where pixels are lost; degradation N int64,
    the index in DEGRADATIONS."""

    clean: NDArray[np.float32]
    damaged: NDArray[np.float32]
    holes: NDArray[np.float32]
    degradation: NDArray[np.int64]


_Patch = tuple[Photo, Photo, NDArray[np.float32], int]
"""clean, damaged, holes, degradation of one row of a PatchBatch."""
_RealPair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def load_all(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """The photos as H×W×3 uint8, scaled down to MAX_SIDE. Raises UserError where a file is no readable image."""
    return [load_8bit(path, MAX_SIDE) for path in paths]


def random_patch(photo: NDArray[np.uint8], side: int, rng: np.random.Generator) -> Photo:
    """A random square of a photo (H×W×3 uint8), randomly scaled down and mirrored: side×side×3 float32, 0..1."""
    short = min(photo.shape[:2])
    cropped = min(short, round(side / rng.uniform(0.5, 1)))
    y, x = (int(rng.integers(n - cropped + 1)) for n in photo.shape[:2])
    patch = photo[y : y + cropped, x : x + cropped].astype(np.float32) / 255
    if cropped != side:
        interpolation = cv2.INTER_AREA if cropped > side else cv2.INTER_CUBIC
        patch = cv2.resize(patch, (side, side), interpolation=interpolation)
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    return np.ascontiguousarray(patch.clip(0, 1))


def batches(
    photos: Sequence[NDArray[np.uint8]],
    degradations: Sequence[Degradation],
    side: int,
    count: int,
    rng: np.random.Generator,
    real: Mapping[Degradation, Sequence[_RealPair]] | None = None,
) -> Iterator[PatchBatch]:
    """Batches of `count` patches without end, each patch from another scene.

    photos: H×W×3 uint8. degradations: all are equally frequent. real: photographed pairs (damaged, clean), each H×W×3
    uint8, from which REAL_SHARE of the patches of a degradation is cut.
    """
    queue: list[Degradation] = []
    while True:
        rows: list[_Patch] = []
        while len(rows) < count:
            if not queue:
                queue = [degradations[k] for k in rng.permutation(len(degradations))]
            name = queue.pop()
            pairs = real.get(name) if real else None
            if pairs and rng.random() < REAL_SHARE:
                rows.append(_real_patch(pairs[int(rng.integers(len(pairs)))], name, side, rng))
            else:
                rows.append(_synthetic_patch(photos[int(rng.integers(len(photos)))], name, side, rng))
        clean, damaged, holes, index = zip(*rows, strict=True)
        yield PatchBatch(np.stack(clean), np.stack(damaged), np.stack(holes), np.array(index))


def _synthetic_patch(photo: NDArray[np.uint8], name: Degradation, side: int, rng: np.random.Generator) -> _Patch:
    clean = _at_least(augment(random_patch(photo, SCENE_FACTOR * side, rng), rng), side)
    damaged = Damaged(clean)
    if rng.random() >= CLEAN_SHARE:
        damaged = DAMAGES[name](clean, float(rng.uniform(0.2, 1)), rng)
    if rng.random() < 0.25 and damaged.holes is None:
        damaged = Damaged(recompress(damaged.pixels, rng))
    holes = np.zeros(clean.shape[:2], np.float32) if damaged.holes is None else damaged.holes
    return _crop(clean, damaged.pixels, holes, name, side, rng)


def _at_least(photo: Photo, side: int) -> Photo:
    """Enlarge a scene that is smaller than a patch: `augment` may have scaled it down."""
    short = min(photo.shape[:2])
    return photo if short >= side else cv2.resize(photo, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def _real_patch(pair: _RealPair, name: Degradation, side: int, rng: np.random.Generator) -> _Patch:
    damaged, clean = (_at_least(part.astype(np.float32) / np.float32(255), side) for part in pair)
    if rng.random() < 0.5:
        damaged, clean = damaged[:, ::-1], clean[:, ::-1]
    return _crop(clean, damaged, np.zeros(clean.shape[:2], np.float32), name, side, rng)


def _crop(
    clean: Photo, damaged: Photo, holes: NDArray[np.float32], name: Degradation, side: int, rng: np.random.Generator
) -> _Patch:
    grid = BLOCK if name == "JPEG" and rng.random() < WHOLE_BLOCKS_SHARE else 1
    y, x = (grid * int(rng.integers((n - side) // grid + 1)) for n in clean.shape[:2])
    part = np.s_[y : y + side, x : x + side]
    return clean[part], damaged[part], holes[part][..., None], DEGRADATIONS.index(name)
