"""Training samples of the detector: damaged photos with labels of what was done, how severely and where.

All samples of a batch have the same shape, one of SHAPES. The damage is done at the size at which the photo is judged,
or at a larger one: then what the reduction hides is no damage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.detect import MAP_STRIDE
from clarity_desktop.values import CLASSES, DEGRADATIONS, LOCAL, Degradation
from clarity_training.damage import Photo
from clarity_training.degrade import DAMAGES, ORDER, augment, choose_blend, damaged_print, recompress
from clarity_training.photos import load_8bit, photo_size, to_8bit

T = TypeVar("T", np.uint8, np.float32)
Shape = tuple[int, int]
"""Rows and columns."""
SHAPES: dict[Shape, float] = {
    (160, 224): 0.06, (224, 160): 0.04, (288, 384): 0.4, (384, 288): 0.22, (448, 576): 0.18, (576, 448): 0.1,
}  # fmt: skip
"""Shapes of the samples and how often each is drawn."""
MIN_VISIBLE_CHANGE = 0.012
"""Mean absolute change (of 1) in the most damaged 64th of the photo, below which a degradation cannot be seen."""
OVERSAMPLED: frozenset[str] = frozenset({"normal", "raindrop", "shadow", "watermark", "inpaint", "blend"})
"""Classes sampled twice as often as the others: they take longest to learn."""
REAL_SHARE = 0.4
"""Of the samples of a class are real photos where there are some."""
OLD_PRINT_SHARE = 0.3
"""Of the photos with missing parts are old prints."""
LARGER_SHARE = 0.25
"""Of the samples are damaged at a larger size and then reduced."""
BARELY, WORST = 0.25, 0.95
"""What a visible degradation takes from the quality at severity 0 and 1; those of several multiply."""
MAX_SIDE = 1200
"""Photos are loaded with at most this side."""
_PIXEL_CHANGE = 0.015
"""Mean absolute change (of 1) of a pixel that counts as changed."""
_CELL_SHARE = 0.12
"""Share of a cell's pixels that must have changed for a local degradation to be there."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectorSample:
    """One sample. photo: H×W×3 uint8 RGB. label: index in CLASSES. found, severity: 13 values; quality: how good the
    photo is; where: 13×H/8×W/8, whether the degradation is in that cell. The labels are 0..1, nan where unknown; the
    arrays are float32."""

    photo: NDArray[np.uint8]
    label: int
    found: NDArray[np.float32]
    severity: NDArray[np.float32]
    quality: float
    where: NDArray[np.float32]


def samples(
    photos: Sequence[Path],
    rng: np.random.Generator,
    real: Sequence[tuple[str, Path]] = (),
    batch: int = 1,
    real_share: float = REAL_SHARE,
) -> Iterator[DetectorSample]:
    """Samples without end: all classes equally often, except for OVERSAMPLED; `batch` in a row have one shape.

    photos: files with clean photos. real: (class, file) of photographed damage and of good photos; `real_share` of the
    samples of its class. Raises UserError where a file is no readable image.
    """
    real_of_class = {name: [path for label, path in real if label == name] for name in CLASSES}
    cycle = [*CLASSES, *(name for name in CLASSES if name in OVERSAMPLED)]
    photos_of_shape = _by_shape(photos)
    queue: list[str] = []
    while True:
        shape = list(SHAPES)[int(rng.choice(len(SHAPES), p=np.array(list(SHAPES.values()))))]
        for _ in range(batch):
            if not queue:
                queue = [cycle[k] for k in rng.permutation(len(cycle))]
            name = queue.pop()
            candidates = real_of_class[name]
            if candidates and rng.random() < real_share:
                yield _real_sample(name, load_8bit(_any(candidates, rng), MAX_SIDE), shape, rng)
            else:
                yield _synthetic_sample(name, load_8bit(_any(photos_of_shape[shape], rng), MAX_SIDE), shape, rng)


def _any(paths: Sequence[Path], rng: np.random.Generator) -> Path:
    return paths[int(rng.integers(len(paths)))]


def _by_shape(photos: Sequence[Path]) -> dict[Shape, list[Path]]:
    """For each of SHAPES the photos that are nearly as large; all photos where there is none."""
    sizes = [(path, photo_size(path)) for path in photos]
    chosen: dict[Shape, list[Path]] = {}
    for rows, columns in SHAPES:
        fitting = [p for p, (height, width) in sizes if height >= 0.92 * rows and width >= 0.92 * columns]
        chosen[rows, columns] = fitting or list(photos)
    return chosen


def _real_sample(name: str, photo: NDArray[np.uint8], shape: Shape, rng: np.random.Generator) -> DetectorSample:
    """A real photo has its class as label; whether it has other degradations too is unknown."""
    # A mark or a drop may lie in a corner: where it is is unknown, so nothing is cut away.
    fitted = _whole(photo, shape) if name in LOCAL else _fitted(photo, shape, rng, 0.7)
    part = fitted.astype(np.float32) / np.float32(255)
    if rng.random() < 0.5:
        part = recompress(part, rng)
    found = np.full(len(DEGRADATIONS), np.nan, np.float32)
    where = np.full((len(DEGRADATIONS), shape[0] // MAP_STRIDE, shape[1] // MAP_STRIDE), np.nan, np.float32)
    if name in DEGRADATIONS:
        found[DEGRADATIONS.index(name)] = 1
    elif name == "normal":
        found[:], where[:] = 0, 0
    unknown = np.full(len(DEGRADATIONS), np.nan, np.float32)
    quality = 1.0 if name == "normal" else float("nan")
    return DetectorSample(to_8bit(part), CLASSES.index(name), found, unknown, quality, where)


def _synthetic_sample(name: str, photo: NDArray[np.uint8], shape: Shape, rng: np.random.Generator) -> DetectorSample:
    # A reduced photo keeps a border of its own, so that the damage is not always cut at the same size.
    scale = float(rng.uniform(1.25, 2.2)) if rng.random() < LARGER_SHARE else 1.0
    scale = min(scale, photo.shape[0] / shape[0], photo.shape[1] / shape[1])
    made = (round(shape[0] * scale), round(shape[1] * scale)) if scale > 1.1 else shape
    clean = augment(_permute_or_rotate(_fitted(photo, made, rng, 0.35), rng).astype(np.float32) / np.float32(255), rng)
    if clean.shape[:2] != made:  # `augment` may have scaled it down: the missing border is continued
        clean = _continued(clean, made)
    pixels, severities, changes = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    while not _matches_class(name, severities):
        pixels, severities, changes = _apply_damage(clean, _choose_degradations(name, rng), shape, rng)
    if made != shape:
        pixels = _reduced(pixels, shape)
    if rng.random() < 0.6:
        pixels = recompress(pixels, rng)
    found, severity = np.zeros((2, len(DEGRADATIONS)), np.float32)
    severity[:] = np.nan
    where = np.zeros((len(DEGRADATIONS), shape[0] // MAP_STRIDE, shape[1] // MAP_STRIDE), np.float32)
    for degradation, value in severities.items():
        k = DEGRADATIONS.index(degradation)
        found[k], severity[k], where[k] = 1, value, changes[degradation]
    quality = math.prod(1 - (WORST - BARELY) * value - BARELY for value in severities.values())
    return DetectorSample(to_8bit(pixels), CLASSES.index(name), found, severity, quality, where)


def _choose_degradations(name: str, rng: np.random.Generator) -> frozenset[Degradation]:
    if name == "blend":
        return choose_blend(int(rng.integers(2, 4)), rng)
    return frozenset(d for d in DEGRADATIONS if d == name)


def _matches_class(name: str, severities: dict[Degradation, float]) -> bool:
    """Whether the visible degradations are those of the class."""
    return len(severities) >= 2 if name == "blend" else list(severities) == ([] if name == "normal" else [name])


def _apply_damage(
    clean: Photo, chosen: frozenset[Degradation], shape: Shape, rng: np.random.Generator
) -> tuple[Photo, dict[Degradation, float], dict[Degradation, NDArray[np.float32]]]:
    """The damaged photo (of the size of `clean`), and of each degradation that is visible at `shape` its severity and
    its map (H/8×W/8 float32, 0..1)."""
    pixels, severities, maps = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    region = _random_region(clean.shape[:2], rng) if chosen and rng.random() < 0.12 else None
    low = 0.25 if len(chosen) > 1 else 0.12
    order: list[Degradation] = [d for d in ORDER if d in chosen]
    for name in order:
        severity = float(rng.uniform(low, 1))
        old = name == "inpaint" and rng.random() < OLD_PRINT_SHARE
        damaged = (damaged_print if old else DAMAGES[name])(pixels, severity, rng)
        after = damaged.pixels
        if region is not None:
            after = np.asarray(pixels + (after - pixels) * region[..., None], np.float32)
        before_seen, after_seen = _reduced(pixels, shape), _reduced(after, shape)
        change = np.abs(after_seen - before_seen).mean(2)
        coarse = cv2.resize(change, (16, 16), interpolation=cv2.INTER_AREA)
        if np.sort(coarse, None)[-4:].mean() > MIN_VISIBLE_CHANGE:
            severities[name] = severity
            # An old print is faded everywhere, but only lost pixels can be filled.
            place = change if damaged.holes is None or region is not None else _reduced(damaged.holes, shape)
            maps[name] = damage_map(name, place, None if region is None else _reduced(region, shape))
        pixels = after
    return pixels, severities, maps


def damage_map(
    name: Degradation, change: NDArray[np.float32], region: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """H/8×W/8 float32, 0..1: whether the degradation is in that cell.

    change: H×W float32, the absolute change of each pixel (of 1). region: H×W weight of the damage; None: everywhere.
    A local degradation is where enough pixels changed visibly; a global one wherever it was applied.
    """
    rows, columns = change.shape[0] // MAP_STRIDE, change.shape[1] // MAP_STRIDE
    if name in LOCAL:
        threshold = max(_PIXEL_CHANGE, 0.12 * float(np.quantile(change[::2, ::2], 0.995)))
        share = cv2.resize((change > threshold).astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
        return (np.asarray(share, np.float32) / np.float32(_CELL_SHARE)).clip(0, 1)
    if region is None:
        return np.ones((rows, columns), np.float32)
    return np.asarray(cv2.resize(region, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _random_region(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """H×W float32, 1 in about half of the photo (a half-plane or a disc), with a soft edge."""
    height, width = shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, offset, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4), rng.uniform(5, 80)
    if rng.random() < 0.6:
        angle = np.round(angle / (np.pi / 2)) * np.pi / 2
    distance = x * np.cos(angle) + y * np.sin(angle) - offset
    if rng.random() < 0.3:
        distance = rng.uniform(0.35, 0.8) - np.hypot(x - rng.uniform(-0.6, 0.6), y - rng.uniform(-0.6, 0.6))
    return (1 / (1 + np.exp((-distance * steepness).clip(-50, 50)))).astype(np.float32)


def _fitted(photo: NDArray[np.uint8], shape: Shape, rng: np.random.Generator, min_share: float) -> NDArray[np.uint8]:
    """A random part of the photo (at least `min_share` of its area where it is not cut by the aspect ratio) at `shape`.

    Reduced where it is larger, continued by reflection where it is smaller: enlarging would blur it. Half are mirrored.
    """
    height, width = photo.shape[:2]
    ratio = shape[1] / shape[0]
    # The largest part of that aspect ratio, up to 15 % squeezed, as of photos with other ratios.
    ratio *= float(rng.uniform(0.87, 1.15))
    full_h, full_w = (height, height * ratio) if height * ratio <= width else (width / ratio, float(width))
    share = float(rng.uniform(min_share, 1)) ** 0.5
    h, w = full_h * share, full_w * share
    if h < shape[0] or w < shape[1]:  # take as much as there is, at its own size
        h, w = min(height, max(h, shape[0])), min(width, max(w, shape[1]))
    rows, columns = max(1, int(h)), max(1, int(w))
    y, x = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    part = photo[y : y + rows, x : x + columns]
    size = min(columns, shape[1]), min(rows, shape[0])
    if size != (columns, rows):
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    part = _continued(part, shape)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _whole(photo: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """The whole photo, reduced to fit `shape` and continued by reflection."""
    height, width = photo.shape[:2]
    scale = min(1.0, shape[0] / height, shape[1] / width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    reduced = cv2.resize(photo, size, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    return _continued(np.asarray(reduced, np.uint8), shape)


def _continued(photo: NDArray[T], shape: Shape) -> NDArray[T]:
    """H×W×3 continued by reflection at the right and lower edges to `shape`, as nets see photos of odd sizes."""
    rows, columns = shape[0] - photo.shape[0], shape[1] - photo.shape[1]
    return np.pad(photo, ((0, rows), (0, columns), (0, 0)), "symmetric") if rows or columns else photo


def _reduced(field: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    if field.shape[:2] == shape:
        return field
    return np.asarray(cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def _permute_or_rotate(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Some photos with permuted channels or upside down, against overfitting."""
    if rng.random() < 0.12:
        photo = photo[..., rng.permutation(3)]
    if rng.random() < 0.08:
        photo = photo[::-1]
    return np.ascontiguousarray(photo)
