"""Pairs of a photo and a restoration of it whose truth is known: the training data of the judge.

The truth is the distance to the clean photo before and after. Restorations are those of the program's methods, also of
methods for another problem, and made-up ones: a step towards the clean photo, further damage, and the simple filters
that people know. So the judge sees more ways to fail than the methods of today have.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.distance import distance
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import CLASSES, DEGRADATIONS, TASK_FOR, Degradation, Task
from clarity_training import degrade
from clarity_training.damage import Photo
from clarity_training.method_runner import Restore
from clarity_training.photos import load_8bit, to_8bit

Bytes = NDArray[np.uint8]

MAX_SIDE = 480
"""Photos are reduced to this longest side or less: methods take seconds, and the judge sees no more than FIT."""
BETTER_DB, WORSE_DB = 0.4, -0.3
"""Change of the PSNR to the clean photo from which a restoration is better or worse."""
WORSE_SSIM = -0.015
"""Fall of SSIM that is worse, whatever the PSNR says."""
GOOD_DB, SPOILED_DB = 42.0, 37.0
"""A photo that is at least that close to the clean one is good; a result of it beyond that distance is worse."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPair:
    """before, after: H×W×3 uint8 RGB. task: what the restoration was meant to do. truth: index in VERDICTS of
    nets.judge."""

    before: Bytes
    after: Bytes
    task: Task
    truth: int


def truth_of(clean: Bytes, before: Bytes, after: Bytes) -> int:
    """0: the result is better, 1: as good, 2: worse, by its distance to the clean photo. All H×W×3 uint8."""
    old, new = distance(clean, before), distance(clean, after)
    old_db, new_db = (math.inf if d.psnr is None else d.psnr for d in (old, new))
    if old_db >= GOOD_DB:
        return 2 if new_db < SPOILED_DB else 1
    gain = min(new_db, 60.0) - old_db
    if gain <= WORSE_DB or new.ssim - old.ssim <= WORSE_SSIM:
        return 2
    return 0 if gain >= BETTER_DB else 1


def made_up_pairs(photos: Sequence[Path], rng: np.random.Generator) -> Iterator[JudgedPair]:
    """Pairs without end whose restorations are made up. photos: files with clean photos."""
    while True:
        clean, before, problems = _damaged(photos, rng)
        task = _task(problems, rng)
        yield JudgedPair(before, after := _made_up(clean, before, rng), task, truth_of(clean, before, after))


def method_pairs(
    photos: Sequence[Path], methods: Sequence[tuple[Sequence[Task], Restore]], rng: np.random.Generator
) -> Iterator[JudgedPair]:
    """Pairs without end whose restorations are those of methods, each given with its tasks.

    photos: files with clean photos. In a third of the pairs the method is not the one for the photo's problem.
    """
    while True:
        tasks, restore = methods[int(rng.integers(len(methods)))]
        task = tasks[int(rng.integers(len(tasks)))]
        clean, before, _ = _damaged(photos, rng, None if rng.random() < 1 / 3 else task)
        after = to_8_bits(restore(task, before, None))
        if rng.random() < 0.3:  # a strength below 1, as the user or Auto may choose
            after = _mixed(before, after, float(rng.uniform(0.3, 1)))
        yield JudgedPair(before, after, task, truth_of(clean, before, after))


def real_pairs(
    pairs: Sequence[tuple[Path, Path]], task: Task, restore: Restore | None, rng: np.random.Generator
) -> Iterator[JudgedPair]:
    """Pairs without end from photographed (good, bad) ones: restored by a method, or by made-up steps if it is None."""
    while True:
        good, bad = (load_8bit(path) for path in pairs[int(rng.integers(len(pairs)))])
        rows, columns = (min(sides) for sides in zip(good.shape[:2], bad.shape[:2], strict=True))
        y, x = (int(rng.integers(max(1, n - 320 + 1))) for n in (rows, columns))
        clean, before = (np.ascontiguousarray(p[y : y + 320, x : x + 320]) for p in (good, bad))
        after = _made_up(clean, before, rng) if restore is None else to_8_bits(restore(task, before, None))
        yield JudgedPair(before, after, task, truth_of(clean, before, after))


def _damaged(
    photos: Sequence[Path], rng: np.random.Generator, task: Task | None = None
) -> tuple[Bytes, Bytes, tuple[Degradation, ...]]:
    """A clean photo, the same damaged, and by what. task: what it should need; None: any class, normal included."""
    photo = load_8bit(photos[int(rng.integers(len(photos)))], int(rng.integers(288, MAX_SIDE + 1)))
    clean = degrade.augment(photo.astype(np.float32) / np.float32(255), rng)
    names: tuple[Degradation, ...] = tuple(d for d, t in TASK_FOR.items() if t == task)
    if task is None:
        label = CLASSES[int(rng.integers(len(CLASSES)))]
        names = tuple(d for d in DEGRADATIONS if d == label)
        if label == "blend":
            names = tuple(d for d in degrade.ORDER if d in degrade.choose_blend(2, rng))
    elif rng.random() < 0.3:  # something else besides
        other = degrade.choose_blend(2, rng)
        names = tuple(d for d in degrade.ORDER if d in names or d in list(other)[:1])
    pixels = clean
    for name in names:
        pixels = degrade.DAMAGES[name](pixels, float(rng.uniform(0.1, 1)), rng).pixels
    if rng.random() < 0.4:
        pixels = degrade.recompress(pixels, rng)
    return to_8bit(clean), to_8bit(pixels), names


def _task(problems: Sequence[Degradation], rng: np.random.Generator) -> Task:
    if problems and rng.random() < 0.75:
        return TASK_FOR[problems[int(rng.integers(len(problems)))]]
    return TASK_FOR[DEGRADATIONS[int(rng.integers(len(DEGRADATIONS)))]]


def _made_up(clean: Bytes, before: Bytes, rng: np.random.Generator) -> Bytes:
    """A restoration that no method made: better, as good, or worse."""
    choice = rng.random()
    if choice < 0.34:  # towards the clean photo, as a good method would
        after = _mixed(before, clean, float(rng.uniform(0.15, 1)))
        return _filtered(after, rng) if rng.random() < 0.5 else after
    if choice < 0.42:  # in one part only
        return _partly(before, clean, rng)
    if choice < 0.62:  # further damage
        name = DEGRADATIONS[int(rng.integers(len(DEGRADATIONS)))]
        photo: Photo = before.astype(np.float32) / np.float32(255)
        return to_8bit(degrade.DAMAGES[name](photo, float(rng.uniform(0.02, 0.5)), rng).pixels)
    after = _filtered(before, rng)
    return _filtered(after, rng) if rng.random() < 0.3 else after


def _mixed(a: Bytes, b: Bytes, share: float) -> Bytes:
    return to_8bit(np.asarray(_unit(a) + share * (_unit(b) - _unit(a)), np.float32))


def _partly(a: Bytes, b: Bytes, rng: np.random.Generator) -> Bytes:
    field = cv2.resize(rng.random((4, 4), np.float32), a.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    weight = (1 / (1 + np.exp(-(field - rng.uniform(0.3, 0.7)) * 12)))[..., None].astype(np.float32)
    return to_8bit(np.asarray(_unit(a) + weight * (_unit(b) - _unit(a)), np.float32))


def _unit(photo: Bytes) -> Photo:
    return photo.astype(np.float32) / np.float32(255)


def _filtered(photo: Bytes, rng: np.random.Generator) -> Bytes:
    """What a simple program does: smooth, sharpen, change the light or color, compress, shift."""
    amount = float(rng.uniform(0.1, 1))
    choice = int(rng.integers(10))
    if choice == 0:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.4 + 1.8 * amount), np.uint8)
    if choice == 1:
        return np.asarray(cv2.medianBlur(photo, 3 if amount < 0.6 else 5), np.uint8)
    if choice == 2:
        return np.asarray(cv2.bilateralFilter(photo, 7, 12 + 60 * amount, 3), np.uint8)
    if choice == 3:
        return np.asarray(
            cv2.fastNlMeansDenoisingColored(photo, None, 2 + 10 * amount, 2 + 10 * amount, 5, 11), np.uint8
        )
    unit = photo.astype(np.float32) / np.float32(255)
    if choice == 4:
        soft = cv2.GaussianBlur(unit, (0, 0), float(rng.uniform(0.6, 2.5)))
        return to_8bit(np.asarray(unit + 2 * amount * (unit - soft), np.float32))
    if choice == 5:
        return to_8bit(np.asarray(unit ** float(np.exp(rng.choice([-1, 1]) * amount)), np.float32))
    if choice == 6:
        contrast = 1 + float(rng.choice([-0.5, 0.8])) * amount
        return to_8bit(np.asarray((unit - unit.mean()) * contrast + unit.mean(), np.float32))
    if choice == 7:
        return to_8bit(np.asarray(unit * (1 + 0.4 * amount * rng.uniform(-1, 1, 3)), np.float32))
    if choice == 8:
        _, data = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, int(95 - 80 * amount)])
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert decoded is not None, "OpenCV decodes what it has just encoded"
        return np.asarray(decoded, np.uint8)
    gray = unit.mean(2, keepdims=True)
    return to_8bit(np.asarray(gray + (unit - gray) * float(rng.uniform(0, 2)), np.float32))
