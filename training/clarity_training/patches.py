"""Patches of clean photos and what damage makes of them: what a restorer is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.values import DEGRADATIONS, Degradation
from clarity_training.damage import Damaged, Photo
from clarity_training.degrade import DAMAGES, ordinary, saved
from clarity_training.photos import load

LONGEST = 1200
"""Photos are kept in memory at this side at most, in 8 bits: a thousand of them take about 2 GB."""
SCENE = 2
"""Damage is made on scenes of this many times the patch's side: what is wider than a patch is then met in parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """clean and damaged N×H×W×3 float32, holes N×H×W×1 float32 (1: lost), kind N: place in DEGRADATIONS."""

    clean: NDArray[np.float32]
    damaged: NDArray[np.float32]
    holes: NDArray[np.float32]
    kind: NDArray[np.int64]


def read(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """The photos in 8 bits. Raises UserError for what is no photo."""
    return [np.rint(load(path, LONGEST) * 255).astype(np.uint8) for path in paths]


def cut(photo: NDArray[np.uint8], side: int, rng: np.random.Generator) -> Photo:
    """A random square, turned and reduced at random: side×side×3, 0..1."""
    short = min(photo.shape[:2])
    taken = min(short, round(side / rng.uniform(0.5, 1)))
    y, x = (int(rng.integers(n - taken + 1)) for n in photo.shape[:2])
    patch = photo[y : y + taken, x : x + taken].astype(np.float32) / 255
    if taken != side:
        patch = cv2.resize(patch, (side, side), interpolation=cv2.INTER_AREA if taken > side else cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    return np.ascontiguousarray(patch.clip(0, 1))


def pairs(
    photos: Sequence[NDArray[np.uint8]],
    kinds: Sequence[Degradation],
    side: int,
    count: int,
    rng: np.random.Generator,
    real: dict[Degradation, Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]] | None = None,
) -> Iterator[Pairs]:
    """Batches of `count` patches without end, each of another scene: every kind as often, one scene in six undamaged.

    real: photographed pairs (damaged, clean) of a kind; a third of its scenes are taken from them.
    """
    order: list[Degradation] = []
    while True:
        rows: list[tuple[Photo, Photo, NDArray[np.float32], int]] = []
        while len(rows) < count:
            if not order:
                order = [kinds[k] for k in rng.permutation(len(kinds))]
            kind = order.pop()
            shot = real.get(kind) if real else None
            if shot and rng.random() < 1 / 3:
                rows.append(_photographed(shot[int(rng.integers(len(shot)))], kind, side, rng))
            else:
                rows.append(_made(photos[int(rng.integers(len(photos)))], kind, side, rng))
        clean, damaged, holes, kind_of = zip(*rows, strict=True)
        yield Pairs(np.stack(clean), np.stack(damaged), np.stack(holes), np.array(kind_of))


Row = tuple[Photo, Photo, NDArray[np.float32], int]


def _made(photo: NDArray[np.uint8], kind: Degradation, side: int, rng: np.random.Generator) -> Row:
    clean = _fit(ordinary(cut(photo, SCENE * side, rng), rng), side)
    damaged = Damaged(clean)
    if rng.random() >= 1 / 6:
        damaged = DAMAGES[kind](clean, float(rng.uniform(0.2, 1)), rng)
    if rng.random() < 0.25 and damaged.holes is None:
        damaged = Damaged(saved(damaged.pixels, rng))
    holes = np.zeros(clean.shape[:2], np.float32) if damaged.holes is None else damaged.holes
    return _row(clean, damaged.pixels, holes, kind, side, rng)


def _fit(photo: Photo, side: int) -> Photo:
    """`ordinary` may have reduced the scene: never below a patch."""
    short = min(photo.shape[:2])
    return photo if short >= side else cv2.resize(photo, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def _photographed(
    shot: tuple[NDArray[np.uint8], NDArray[np.uint8]], kind: Degradation, side: int, rng: np.random.Generator
) -> Row:
    damaged, clean = (_fit(part.astype(np.float32) / np.float32(255), side) for part in shot)
    if rng.random() < 0.5:
        damaged, clean = damaged[:, ::-1], clean[:, ::-1]
    return _row(clean, damaged, np.zeros(clean.shape[:2], np.float32), kind, side, rng)


def _row(
    clean: Photo, damaged: Photo, holes: NDArray[np.float32], kind: Degradation, side: int, rng: np.random.Generator
) -> Row:
    y, x = (int(rng.integers(n - side + 1)) for n in clean.shape[:2])
    part = np.s_[y : y + side, x : x + side]
    return clean[part], damaged[part], holes[part][..., None], DEGRADATIONS.index(kind)
