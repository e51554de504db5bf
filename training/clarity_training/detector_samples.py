"""Training samples of the detector: views of damaged photos with labels of what was done, how severely and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.detect import SampleViews, sample_views
from clarity_desktop.backend.nets.detector import GRID
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation
from clarity_training.damage import Photo
from clarity_training.degrade import DAMAGES, ORDER, augment, choose_blend, recompress
from clarity_training.photos import to_8bit

CROPS = 4
"""Crops of a photo in a sample: for each degradation the crop that shows it best, the others at random."""
MIN_VISIBLE_CHANGE = 0.012
"""Mean absolute change (of 1) in the most damaged 64th of the photo, below which a degradation cannot be seen."""
LOCAL: frozenset[Degradation] = frozenset({"raindrop", "inpaint", "flare", "shadow", "watermark"})
"""Degradations that change some places and not others."""
OVERSAMPLED: frozenset[str] = frozenset({"normal", "raindrop", "shadow", "watermark", "blend"})
"""Classes sampled twice as often as the others: they take longest to learn."""
REAL_SHARE = 0.2
"""Of the samples of a class are real photos where there are some."""
_CELLS = 16
"""Side of the grid on which the place of a degradation is recorded."""
_TOKENS = GRID**2 + CROPS


@dataclass(frozen=True, slots=True, eq=False)
class DetectorSample:
    """One sample. label: index in CLASSES. found, severity: 13 values; heat: (49+CROPS)×13, one row for each token of
    the detector. All are float32, 0..1, nan where unknown."""

    views: SampleViews
    label: int
    found: NDArray[np.float32]
    severity: NDArray[np.float32]
    heat: NDArray[np.float32]


_DamageResult = tuple[Photo, dict[Degradation, float], dict[Degradation, NDArray[np.float32]]]
"""The damaged photo, and of each visible degradation its severity and its heat map (_CELLS×_CELLS)."""


def samples(
    photos: Sequence[NDArray[np.uint8]],
    rng: np.random.Generator,
    real: Sequence[tuple[str, NDArray[np.uint8]]] = (),
    real_share: float = REAL_SHARE,
) -> Iterator[DetectorSample]:
    """Samples without end: all classes equally often, except for OVERSAMPLED.

    photos: clean photos, H×W×3 uint8. real: (class, photo) of photographed damage, H×W×3 uint8; `real_share` of the
    samples of its class.
    """
    real_of_class = {name: [photo for label, photo in real if label == name] for name in CLASSES}
    cycle = [*CLASSES, *(name for name in CLASSES if name in OVERSAMPLED)]
    while True:
        for k in rng.permutation(len(cycle)):
            name = cycle[k]
            candidates = real_of_class[name]
            if candidates and rng.random() < real_share:
                yield _real_sample(name, candidates[int(rng.integers(len(candidates)))], rng)
            else:
                yield _synthetic_sample(name, photos[int(rng.integers(len(photos)))], rng)


def _real_sample(name: str, photo: NDArray[np.uint8], rng: np.random.Generator) -> DetectorSample:
    """A real photo has its class as label; whether it has other degradations too is unknown."""
    part = _random_crop(photo, rng, 0.75).astype(np.float32) / np.float32(255)
    if rng.random() < 0.5:
        part = recompress(part, rng)
    taken = _views(part, rng)
    found = np.full(len(DEGRADATIONS), np.nan, np.float32)
    if name in DEGRADATIONS:
        found[DEGRADATIONS.index(name)] = 1
    unknown = np.full(len(DEGRADATIONS), np.nan, np.float32)
    heat = np.full((_TOKENS, len(DEGRADATIONS)), np.nan, np.float32)
    return DetectorSample(taken, CLASSES.index(name), found, unknown, heat)


def _synthetic_sample(name: str, photo: NDArray[np.uint8], rng: np.random.Generator) -> DetectorSample:
    min_share = 0.5 if rng.random() < 0.5 else (256 / min(photo.shape[:2])) ** 2
    part = _permute_or_rotate(_random_crop(photo, rng, min(0.5, max(0.15, min_share))), rng)
    clean = augment(part.astype(np.float32) / np.float32(255), rng)
    pixels, severities, maps = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    while not _matches_class(name, severities):
        pixels, severities, maps = _apply_damage(clean, _choose_degradations(name, rng), rng)
    if rng.random() < 0.6:
        pixels = recompress(pixels, rng)
    taken = _views(pixels, rng, list(maps.values()))
    found, severity = np.zeros((2, len(DEGRADATIONS)), np.float32)
    severity[:] = np.nan
    heat = np.zeros((_TOKENS, len(DEGRADATIONS)), np.float32)
    for degradation, value in severities.items():
        k = DEGRADATIONS.index(degradation)
        found[k], severity[k] = 1, value
        heat[:, k] = _heat_at_tokens(maps[degradation], taken.places)
    return DetectorSample(taken, CLASSES.index(name), found, severity, heat)


def _choose_degradations(name: str, rng: np.random.Generator) -> frozenset[Degradation]:
    if name == "blend":
        return choose_blend(int(rng.integers(2, 4)), rng)
    return frozenset(d for d in DEGRADATIONS if d == name)


def _matches_class(name: str, severities: dict[Degradation, float]) -> bool:
    """Whether the visible degradations are those of the class."""
    return len(severities) >= 2 if name == "blend" else list(severities) == ([] if name == "normal" else [name])


def _apply_damage(
    clean: Photo,
    chosen: frozenset[Degradation],
    rng: np.random.Generator,
    *,
    region: NDArray[np.float32] | None = None,
    min_change: float = MIN_VISIBLE_CHANGE,
) -> _DamageResult:
    """region: H×W weight of the damage; None: random for some photos, the whole photo for the others."""
    pixels, severities, maps = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    if region is None and chosen and rng.random() < 0.15:
        region = _random_region(clean.shape[:2], rng)
    low = 0.25 if len(chosen) > 1 else 0.12
    order: list[Degradation] = [d for d in ORDER if d in chosen]
    for name in order:
        severity = float(rng.uniform(low, 1))
        after = DAMAGES[name](pixels, severity, rng).pixels
        if region is not None:
            after = np.asarray(pixels + (after - pixels) * region[..., None], np.float32)
        change = _to_cells(np.abs(after - pixels).mean(2))
        if np.sort(change, None)[-4:].mean() > min_change:
            severities[name] = severity
            maps[name] = _heat_map(name, change, region)
        pixels = after
    return pixels, severities, maps


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


def _heat_map(
    name: Degradation, change: NDArray[np.float32], region: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """_CELLS×_CELLS, 0..1."""
    if name in LOCAL:
        return (change / (0.5 * np.quantile(change, 0.97) + 1e-6)).clip(0, 1)
    if region is None:
        return np.ones((_CELLS, _CELLS), np.float32)
    return _to_cells(region)


def _to_cells(field: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(field, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.float32)


def _heat_at_tokens(cells: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """49+K values: the mean of a heat map over the area of each token. places: K×5 as in SampleViews."""
    overview = np.asarray(cv2.resize(cells, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32).reshape(-1)
    crops: list[float] = []
    for x, y, w, h, _ in places:
        left, top = int((x - w / 2) * _CELLS), int((y - h / 2) * _CELLS)
        right, bottom = max(left + 1, round((x + w / 2) * _CELLS)), max(top + 1, round((y + h / 2) * _CELLS))
        crops.append(float(cells[top:bottom, left:right].mean()) if left < _CELLS and top < _CELLS else 0.0)
    return np.concatenate((overview, np.array(crops, np.float32)))


def _random_crop(photo: NDArray[np.uint8], rng: np.random.Generator, min_share: float) -> NDArray[np.uint8]:
    """A random crop of at least `min_share` of the area, at a random size between 280 pixels and its own; half of them
    mirrored."""
    height, width = photo.shape[:2]
    share = rng.uniform(min_share, 1) ** 0.5
    h, w = int(height * share), int(width * rng.uniform(0.9, 1) * share)
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    part = photo[y : y + h, x : x + w]
    longest = max(h, w)
    target = float(np.exp(rng.uniform(np.log(280), np.log(900))))
    if target < longest:
        size = max(64, round(w * target / longest)), max(64, round(h * target / longest))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _permute_or_rotate(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Some photos with permuted channels or rotated by quarter turns, against overfitting on few photos."""
    if rng.random() < 0.25:
        photo = photo[..., rng.permutation(3)]
    if rng.random() < 0.15:
        photo = np.rot90(photo, int(rng.integers(1, 4)))
    return np.ascontiguousarray(photo)


def _views(pixels: Photo, rng: np.random.Generator, maps: Sequence[NDArray[np.float32]] = ()) -> SampleViews:
    """Overview and CROPS crops. maps: heat maps of the degradations; each is shown by at least one crop, since the
    network would learn to guess one that no crop shows."""
    all_views = sample_views(to_8bit(pixels), lambda: float(rng.random()))
    order = rng.permutation(len(all_views.crops))
    best = [order[_heat_at_tokens(cells, all_views.places)[GRID**2 :][order].argmax()] for cells in maps]
    chosen = np.array(list(dict.fromkeys([*best, *order]))[:CROPS])
    chosen = np.resize(chosen, CROPS)  # a small photo has fewer crops: repeat some
    return SampleViews(all_views.overview, all_views.crops[chosen], all_views.places[chosen])
