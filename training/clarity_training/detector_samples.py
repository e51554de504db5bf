"""What the detector is trained on: views of damaged photos, what was done to them, how severely, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.detect import Views, views
from clarity_desktop.backend.nets.detector import GRID
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation
from clarity_training.damage import Photo
from clarity_training.degrade import DAMAGES, ORDER, ordinary, saved, together

CROPS = 4
"""Of a photo's crops, so many are trained on at a time: those that show each fault best, and others by chance."""
VISIBLE = 0.012
"""Mean change of the most damaged 64th of the photo, below which nobody would see it."""
LOCAL: frozenset[Degradation] = frozenset({"raindrop", "inpaint", "flare", "shadow", "watermark"})
"""What changes some places and not others; the rest is everywhere that it was put."""
TWICE: frozenset[str] = frozenset({"normal", "raindrop", "shadow", "watermark", "blend"})
"""Classes drawn twice as often as the others: these take longest to learn."""
_CELLS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """kind: place in CLASSES. found, severity (13) and heat (49+K × 13): 0..1, nan where it is not known."""

    views: Views
    kind: int
    found: NDArray[np.float32]
    severity: NDArray[np.float32]
    heat: NDArray[np.float32]


def sightings(
    photos: Sequence[NDArray[np.uint8]],
    rng: np.random.Generator,
    real: Sequence[tuple[str, NDArray[np.uint8]]] = (),
    share: float = 0.2,
) -> Iterator[Sighting]:
    """Sightings without end, each class as often, but those of TWICE. real: photographed damage (class, photo), a
    `share` of all."""
    of_class = {name: [photo for kind, photo in real if kind == name] for name in CLASSES}
    turn = [*CLASSES, *(name for name in CLASSES if name in TWICE)]
    while True:
        for k in rng.permutation(len(turn)):
            name = turn[k]
            shots = of_class[name]
            if shots and rng.random() < share:
                yield _photographed(name, shots[int(rng.integers(len(shots)))], rng)
            else:
                yield _made(name, photos[int(rng.integers(len(photos)))], rng)


def _photographed(name: str, photo: NDArray[np.uint8], rng: np.random.Generator) -> Sighting:
    """A real photo shows its class; what else may be wrong with it nobody noted down."""
    part = _part(photo, rng, 0.75).astype(np.float32) / np.float32(255)
    if rng.random() < 0.5:
        part = saved(part, rng)
    seen = _views(part, rng)
    found = np.full(len(DEGRADATIONS), np.nan, np.float32)
    if name in DEGRADATIONS:
        found[DEGRADATIONS.index(name)] = 1
    unknown = np.full(len(DEGRADATIONS), np.nan, np.float32)
    return Sighting(seen, CLASSES.index(name), found, unknown, np.full((GRID**2 + CROPS, 13), np.nan, np.float32))


def _made(name: str, photo: NDArray[np.uint8], rng: np.random.Generator) -> Sighting:
    least = 0.5 if rng.random() < 0.5 else (256 / min(photo.shape[:2])) ** 2
    part = _another(_part(photo, rng, min(0.5, max(0.15, least))), rng)
    clean = ordinary(part.astype(np.float32) / np.float32(255), rng)
    pixels, severities, maps = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    while not _right(name, severities):
        pixels, severities, maps = _damaged(clean, _chosen(name, rng), rng)
    if rng.random() < 0.6:
        pixels = saved(pixels, rng)
    seen = _views(pixels, rng, list(maps.values()))
    found, severity = np.zeros((2, len(DEGRADATIONS)), np.float32)
    severity[:] = np.nan
    heat = np.zeros((GRID**2 + CROPS, len(DEGRADATIONS)), np.float32)
    for degradation, value in severities.items():
        k = DEGRADATIONS.index(degradation)
        found[k], severity[k] = 1, value
        heat[:, k] = _at_tokens(maps[degradation], seen.places)
    return Sighting(seen, CLASSES.index(name), found, severity, heat)


def _chosen(name: str, rng: np.random.Generator) -> frozenset[Degradation]:
    if name == "blend":
        return together(int(rng.integers(2, 4)), rng)
    return frozenset(d for d in DEGRADATIONS if d == name)


def _right(name: str, severities: dict[Degradation, float]) -> bool:
    """Whether what can be seen is what the class says."""
    return len(severities) >= 2 if name == "blend" else list(severities) == ([] if name == "normal" else [name])


def _damaged(
    clean: Photo, chosen: frozenset[Degradation], rng: np.random.Generator
) -> tuple[Photo, dict[Degradation, float], dict[Degradation, NDArray[np.float32]]]:
    pixels, severities, maps = clean, dict[Degradation, float](), dict[Degradation, NDArray[np.float32]]()
    only = _somewhere(clean.shape[:2], rng) if chosen and rng.random() < 0.15 else None
    low = 0.25 if len(chosen) > 1 else 0.12
    order: list[Degradation] = [d for d in ORDER if d in chosen]
    for name in order:
        severity = float(rng.uniform(low, 1))
        after = DAMAGES[name](pixels, severity, rng).pixels
        if only is not None:
            after = np.asarray(pixels + (after - pixels) * only[..., None], np.float32)
        change = _cells(np.abs(after - pixels).mean(2))
        if np.sort(change, None)[-4:].mean() > VISIBLE:
            severities[name] = severity
            maps[name] = _where(name, change, only)
        pixels = after
    return pixels, severities, maps


def _somewhere(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """H×W, 1 in about half of the photo, with a soft edge."""
    height, width = shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    turn, offset, soft = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4), rng.uniform(5, 80)
    if rng.random() < 0.6:
        turn = np.round(turn / (np.pi / 2)) * np.pi / 2
    away = x * np.cos(turn) + y * np.sin(turn) - offset
    if rng.random() < 0.3:
        away = rng.uniform(0.35, 0.8) - np.hypot(x - rng.uniform(-0.6, 0.6), y - rng.uniform(-0.6, 0.6))
    return (1 / (1 + np.exp((-away * soft).clip(-50, 50)))).astype(np.float32)


def _where(name: Degradation, change: NDArray[np.float32], only: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """16×16, 0..1."""
    if name in LOCAL:
        return (change / (0.5 * np.quantile(change, 0.97) + 1e-6)).clip(0, 1)
    if only is None:
        return np.ones((_CELLS, _CELLS), np.float32)
    return _cells(only)


def _cells(field: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(field, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA), np.float32)


def _at_tokens(cells: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """49+K: what a map says where each token looks."""
    wide = np.asarray(cv2.resize(cells, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32).reshape(-1)
    near: list[float] = []
    for x, y, w, h, _ in places:
        left, top = int((x - w / 2) * _CELLS), int((y - h / 2) * _CELLS)
        right, bottom = max(left + 1, round((x + w / 2) * _CELLS)), max(top + 1, round((y + h / 2) * _CELLS))
        near.append(float(cells[top:bottom, left:right].mean()) if left < _CELLS and top < _CELLS else 0.0)
    return np.concatenate((wide, np.array(near, np.float32)))


def _part(photo: NDArray[np.uint8], rng: np.random.Generator, least: float) -> NDArray[np.uint8]:
    """A random part of a photo, at a random size between a small picture for the web and its own, perhaps mirrored."""
    height, width = photo.shape[:2]
    share = rng.uniform(least, 1) ** 0.5
    h, w = int(height * share), int(width * rng.uniform(0.9, 1) * share)
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    part = photo[y : y + h, x : x + w]
    longest = max(h, w)
    wanted = float(np.exp(rng.uniform(np.log(280), np.log(900))))
    if wanted < longest:
        size = max(64, round(w * wanted / longest)), max(64, round(h * wanted / longest))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _another(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Photos are few, and a network learns them by heart: with colours exchanged, or turned, some are others."""
    if rng.random() < 0.25:
        photo = photo[..., rng.permutation(3)]
    if rng.random() < 0.15:
        photo = np.rot90(photo, int(rng.integers(1, 4)))
    return np.ascontiguousarray(photo)


def _views(pixels: Photo, rng: np.random.Generator, maps: Sequence[NDArray[np.float32]] = ()) -> Views:
    """maps: where each fault is. One that no crop shows would be learnt as a guess."""
    seen = views(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8), lambda: float(rng.random()))
    order = rng.permutation(len(seen.crops))
    best = [order[_at_tokens(cells, seen.places)[GRID**2 :][order].argmax()] for cells in maps]
    pick = np.array(list(dict.fromkeys([*best, *order]))[:CROPS])
    pick = np.resize(pick, CROPS)  # a small photo has fewer: some are shown twice
    return Views(seen.overview, seen.crops[pick], seen.places[pick])
