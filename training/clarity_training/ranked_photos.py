"""Photos in a known order of quality, and what the quality metrics measure on them.

Photos for the fit are damaged by the training synthesis (`degrade`), photos for its evaluation by the test synthesis
(`exam`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend.fit_view import FIT
from clarity_desktop.backend.iqa import assess, overall
from clarity_desktop.backend.iqa.appearance import COUNT, appearance
from clarity_desktop.file_io import write_atomically
from clarity_desktop.values import DEGRADATIONS, Detection
from clarity_training import degrade, exam
from clarity_training.damage import Photo
from clarity_training.photos import load, to_8bit

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

BRISQUE, SSEQ, APPEARANCE = slice(36), slice(36, 48), slice(48, 48 + COUNT)
"""Columns of Measurements.features."""
CLEAN, MILD, STRONG, UNCHANGED = range(4)
"""Grades of a photo. UNCHANGED: the clean one cropped or recompressed, which must not change its score."""
UNDAMAGED = -1
"""Label of a photo without a degradation."""
SOFT_SOURCE = 10_000
"""Added to the index of a source for its softened version, which counts as another source."""
CAMERA_SOURCE = 1_000_000
"""Index of the first source that is a pair of real photos with and without camera noise."""


class RankedPhoto(NamedTuple):
    """One photo: the index of its clean source, its degradation (index in DEGRADATIONS or UNDAMAGED), its grade, and
    its pixels, H×W×3 uint8 RGB."""

    source: int
    degradation: int
    grade: int
    pixels: Bytes


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """What the quality metrics measure on N photos.

    source, degradation, grade: N int64, as in RankedPhoto. features: N×(48+COUNT) float64, BRISQUE's 36, SSEQ's 12 and
    those of `appearance`, nan where undefined. piqe: N. blocks: for each photo NIQE's features of its blocks, B×36.
    detections: N×28, rows of overall.detection_row; nan without a detection.
    """

    source: NDArray[np.int64]
    degradation: NDArray[np.int64]
    grade: NDArray[np.int64]
    features: Floats
    piqe: Floats
    blocks: tuple[Floats, ...]
    detections: Floats


_COLUMNS = ("source", "degradation", "grade", "features", "piqe")
"""Fields with one value or row for each photo that do not need the detector."""


def shuffle(paths: Sequence[Path]) -> list[Path]:
    """The paths in a fixed random order, so that the first ones come from all folders."""
    return [paths[k] for k in np.random.default_rng(5).permutation(len(paths))]


# Photos --------------------------------------------------------------------------------------------------------------


def training_photos(paths: Sequence[Path], degradations: int, seed: int) -> Iterator[RankedPhoto]:
    """Of each clean photo: itself, cropped, recompressed, and damaged by some of the 13 degradations, mild and strong.

    degradations: how many. Each photo has random numbers of its own, so a part of the list gives the same photos.
    """
    for source, path in enumerate(paths):
        rng = np.random.default_rng([seed, source])
        clean = degrade.augment(load(path, int(rng.integers(288, FIT + 1))), rng)
        yield from _clean_photos(source, clean, rng)
        for index in np.sort(rng.permutation(len(DEGRADATIONS))[:degradations]):
            damage, damage_seed = degrade.DAMAGES[DEGRADATIONS[index]], int(rng.integers(2**63))
            recompressed = rng.random() < 0.4
            for grade, (low, high) in ((MILD, (0.12, 0.45)), (STRONG, (0.6, 1))):
                damaged = damage(clean, float(rng.uniform(low, high)), np.random.default_rng(damage_seed)).pixels
                pixels = degrade.recompress(damaged, rng) if recompressed else damaged
                yield RankedPhoto(source, int(index), grade, to_8bit(pixels))
        yield from _soft_photos(source, clean, np.random.default_rng([seed, SOFT_SOURCE + source]))


def _soft_photos(source: int, clean: Photo, rng: np.random.Generator) -> Iterator[RankedPhoto]:
    """The photo as taken with a lens less sharp than the sensor, without and with noise. Metrics of local contrast
    would otherwise take the noise for sharpness."""
    soft = cv2.GaussianBlur(clean, (0, 0), float(rng.uniform(0.7, 1.6))).astype(np.float32)
    yield RankedPhoto(SOFT_SOURCE + source, UNDAMAGED, CLEAN, to_8bit(soft))
    noise_seed, noise = int(rng.integers(2**63)), DEGRADATIONS.index("noise")
    for grade, (low, high) in ((MILD, (0.02, 0.25)), (STRONG, (0.35, 0.8))):
        noisy = degrade.DAMAGES["noise"](soft, float(rng.uniform(low, high)), np.random.default_rng(noise_seed)).pixels
        yield RankedPhoto(SOFT_SOURCE + source, noise, grade, to_8bit(noisy))


def camera_noise_photos(pairs: Sequence[tuple[Path, Path]], seed: int) -> Iterator[RankedPhoto]:
    """Of each real pair (average of many shots, single shot): both, and the single shot with more synthetic noise."""
    noise = DEGRADATIONS.index("noise")
    for k, (good, bad) in enumerate(pairs):
        rng = np.random.default_rng([seed, CAMERA_SOURCE + k])
        noisy = load(bad, 512)
        noisier = degrade.DAMAGES["noise"](noisy, float(rng.uniform(0.3, 0.8)), rng).pixels
        graded = ((UNDAMAGED, CLEAN, load(good, 512)), (noise, MILD, noisy), (noise, STRONG, noisier))
        for degradation, grade, photo in graded:
            yield RankedPhoto(CAMERA_SOURCE + k, degradation, grade, to_8bit(photo))


def evaluation_photos(paths: Sequence[Path], per_degradation: int, seed: int) -> Iterator[RankedPhoto]:
    """Of each clean photo: itself, cropped and recompressed; `per_degradation` of them mild and strong for each
    degradation."""
    assigned = _assign_degradations(len(paths), per_degradation, seed)
    for source, path in enumerate(paths):
        rng = np.random.default_rng([seed, source])
        clean = load(path, int(rng.integers(400, FIT + 1)))
        yield from _clean_photos(source, clean, rng)
        for index in assigned[source]:
            own = np.random.default_rng([seed, source, index])
            for grade, damaged in zip((MILD, STRONG), exam.pair(DEGRADATIONS[index], clean, own), strict=True):
                yield RankedPhoto(source, index, grade, to_8bit(damaged.pixels))


def _assign_degradations(count: int, per_degradation: int, seed: int) -> list[list[int]]:
    """The degradations of each of `count` photos."""
    assigned: list[list[int]] = [[] for _ in range(count)]
    for index in range(len(DEGRADATIONS)):
        for source in np.random.default_rng([seed, 7, index]).permutation(count)[:per_degradation]:
            assigned[source].append(index)
    return assigned


def _clean_photos(source: int, clean: Photo, rng: np.random.Generator) -> Iterator[RankedPhoto]:
    pixels = to_8bit(clean)
    yield RankedPhoto(source, UNDAMAGED, CLEAN, pixels)
    yield RankedPhoto(source, UNDAMAGED, UNCHANGED, crop(pixels, rng))
    yield RankedPhoto(source, UNDAMAGED, UNCHANGED, to_jpeg(pixels, int(rng.integers(92, 99))))


def crop(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """The photo (H×W×3) without 5 % of its width and height, at a random place. uint8."""
    height, width = pixels.shape[:2]
    y, x = (int(rng.integers(0, side - round(0.95 * side) + 1)) for side in (height, width))
    return np.ascontiguousarray(pixels[y : y + round(0.95 * height), x : x + round(0.95 * width)])


def to_jpeg(pixels: Bytes, quality: int) -> Bytes:
    """The photo (H×W×3) after JPEG compression with a quality of 1..100."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


# Measurements --------------------------------------------------------------------------------------------------------


def measure(photos: Iterable[RankedPhoto]) -> Measurements:
    """Measure the photos, without the detector."""
    rows = [(photo[:3], *_features(photo.pixels)) for photo in photos]
    keys = np.array([row[0] for row in rows], np.int64).reshape(-1, 3)
    return Measurements(
        *keys.T,
        features=np.array([row[1] for row in rows]),
        piqe=np.array([row[2] for row in rows]),
        blocks=tuple(row[3] for row in rows),
        detections=_no_detections(len(rows)),
    )


def concatenate(*parts: Measurements) -> Measurements:
    """The photos of all parts in their order."""
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    blocks = tuple(block for part in parts for block in part.blocks)
    return Measurements(**rows, blocks=blocks, detections=np.concatenate([part.detections for part in parts]))


def with_detections(
    measurements: Measurements, photos: Iterable[RankedPhoto], detect: Callable[[Bytes], Detection]
) -> Measurements:
    """The measurements with the detections of their first photos, which `photos` gives once more.

    detect: takes a photo, H×W×3 uint8.
    """
    detections = measurements.detections.copy()
    keys = zip(measurements.source, measurements.degradation, measurements.grade, strict=True)
    for k, (photo, key) in enumerate(zip(photos, keys, strict=False)):
        assert photo[:3] == key
        detections[k] = overall.detection_row(detect(photo.pixels))
    return replace(measurements, detections=detections)


def _features(pixels: Bytes) -> tuple[Floats, float, Floats]:
    """Features, PIQE, and NIQE's blocks."""
    found = assess.features(pixels)
    brisque = np.full(36, np.nan) if found.brisque is None else found.brisque
    sseq = np.full(12, np.nan) if found.sseq is None else found.sseq
    piqe = np.nan if found.piqe is None else found.piqe
    return np.concatenate([brisque, sseq, appearance(pixels)]), piqe, found.niqe


def _no_detections(count: int) -> Floats:
    return np.tile(overall.detection_row(None), (count, 1))


def cached(file: Path | None, compute: Callable[[], Measurements]) -> Measurements:
    """The measurements in a file, which is computed and written first if it does not exist. None: no cache."""
    if file is None:
        return compute()
    if not file.exists():
        computed = compute()
        counts = [len(rows) for rows in computed.blocks]
        arrays = {name: getattr(computed, name) for name in _COLUMNS}
        blocks = np.concatenate(computed.blocks)
        write_atomically(file, lambda output: np.savez(output, counts=counts, blocks=blocks, **arrays))
    with np.load(file, allow_pickle=False) as stored:
        blocks = np.split(stored["blocks"], np.cumsum(stored["counts"])[:-1])
        detections = _no_detections(len(stored["piqe"]))
        return Measurements(*(stored[name] for name in _COLUMNS), blocks=tuple(blocks), detections=detections)
