"""Photos in known orders of quality, and what the scores see of them: for fitting (first synthesis) and for measuring
(second)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend import iqa
from clarity_desktop.backend.iqa import overall
from clarity_desktop.backend.iqa.appearance import COUNT, appearance
from clarity_desktop.values import DEGRADATIONS, Detection
from clarity_training import degrade, exam
from clarity_training.damage import Photo
from clarity_training.photos import eight_bits, load

Bytes = NDArray[np.uint8]
BRISQUE, SSEQ, LOOKS = slice(36), slice(36, 48), slice(48, 48 + COUNT)
"""Columns of Seen.inputs."""
CLEAN, MILD, STRONG, SAME = range(4)
"""How good a photo is. SAME: the clean one cropped or saved anew, which must not change its score."""


class Graded(NamedTuple):
    """One photo: where its clean source stands in the list, its class (-1: clean) and its grade; H×W×3 RGB."""

    source: int
    kind: int
    grade: int
    pixels: Bytes


SOFT = 10_000
"""Added to a source's number for its softened self."""
CAMERA = 1_000_000
"""The first source that is a pair of real photographs, with and without a camera's noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the scores see of N photos.

    source, kind, grade: as of Graded. inputs: BRISQUE's 36 features, SSEQ's 12 and those of `appearance`; nan
    where undefined. piqe: N. blocks: NIQE's 36 features of the blocks of each photo. detections: N×27, the probability
    of "normal", 13 probabilities and 13 severities; nan where nobody looked.
    """

    source: NDArray[np.int64]
    kind: NDArray[np.int64]
    grade: NDArray[np.int64]
    inputs: NDArray[np.float64]
    piqe: NDArray[np.float64]
    blocks: tuple[NDArray[np.float64], ...]
    detections: NDArray[np.float64]


_COLUMNS = ("source", "kind", "grade", "inputs", "piqe")
"""What of Seen is one value or row a photo and measured without the detector."""


def shuffled(paths: Sequence[Path]) -> list[Path]:
    """The paths in an order that is always the same, so that a part of them is of every folder."""
    return [paths[k] for k in np.random.default_rng(5).permutation(len(paths))]


def for_fitting(paths: Sequence[Path], kinds: int, seed: int) -> Iterator[Graded]:
    """Of each photo: itself, itself cropped, itself saved, and `kinds` of the 13 degradations mild and strong, by the
    first synthesis. Each photo and each number has its own chance, so that a part of the list gives the same photos."""
    for source, path in enumerate(paths):
        rng = np.random.default_rng([seed, source])
        clean = degrade.ordinary(load(path, int(rng.integers(288, 401))), rng)
        yield from _clean(source, clean, rng)
        for kind in np.sort(rng.permutation(len(DEGRADATIONS))[:kinds]):
            damage, chance = degrade.DAMAGES[DEGRADATIONS[kind]], int(rng.integers(2**63))
            again = rng.random() < 0.4
            for grade, (low, high) in ((MILD, (0.12, 0.45)), (STRONG, (0.6, 1))):
                made = damage(clean, float(rng.uniform(low, high)), np.random.default_rng(chance)).pixels
                yield Graded(source, int(kind), grade, eight_bits(degrade.saved(made, rng) if again else made))
        yield from _soft(source, clean, np.random.default_rng([seed, SOFT + source]))


def _soft(source: int, clean: Photo, rng: np.random.Generator) -> Iterator[Graded]:
    """The photo as a lens leaves it that is less sharp than its sensor, and with noise: noise is no sharpness, although
    every metric of local contrast takes it for that. It counts as a source of its own."""
    soft = cv2.GaussianBlur(clean, (0, 0), float(rng.uniform(0.7, 1.6))).astype(np.float32)
    yield Graded(SOFT + source, -1, CLEAN, eight_bits(soft))
    chance, noise = int(rng.integers(2**63)), DEGRADATIONS.index("noise")
    for grade, (low, high) in ((MILD, (0.02, 0.25)), (STRONG, (0.35, 0.8))):
        made = degrade.DAMAGES["noise"](soft, float(rng.uniform(low, high)), np.random.default_rng(chance)).pixels
        yield Graded(SOFT + source, noise, grade, eight_bits(made))


def with_camera_noise(pairs: Sequence[tuple[Path, Path]], seed: int) -> Iterator[Graded]:
    """Real photographs, first the good one of each pair: the average of many shots, a single shot, and that with more
    noise of the first synthesis."""
    noise = DEGRADATIONS.index("noise")
    for k, (good, bad) in enumerate(pairs):
        rng = np.random.default_rng([seed, CAMERA + k])
        noisy = load(bad, 512)
        worse = degrade.DAMAGES["noise"](noisy, float(rng.uniform(0.3, 0.8)), rng).pixels
        for kind, grade, photo in ((-1, CLEAN, load(good, 512)), (noise, MILD, noisy), (noise, STRONG, worse)):
            yield Graded(CAMERA + k, kind, grade, eight_bits(photo))


def for_measuring(paths: Sequence[Path], each: int, seed: int) -> Iterator[Graded]:
    """Of each photo: itself and itself cropped and saved; of `each` photos a degradation: mild and strong, by the
    second synthesis."""
    wanted = _turns(len(paths), each, seed)
    for source, path in enumerate(paths):
        rng = np.random.default_rng([seed, source])
        clean = load(path, 400)
        yield from _clean(source, clean, rng)
        for kind in wanted[source]:
            own = np.random.default_rng([seed, source, kind])
            for grade, made in zip((MILD, STRONG), exam.pair(DEGRADATIONS[kind], clean, own), strict=True):
                yield Graded(source, kind, grade, eight_bits(made.pixels))


def _turns(count: int, each: int, seed: int) -> list[list[int]]:
    """Which degradations each of `count` photos gets, so that each degradation gets `each` photos."""
    wanted: list[list[int]] = [[] for _ in range(count)]
    for kind in range(len(DEGRADATIONS)):
        for source in np.random.default_rng([seed, 7, kind]).permutation(count)[:each]:
            wanted[source].append(kind)
    return wanted


def _clean(source: int, clean: Photo, rng: np.random.Generator) -> Iterator[Graded]:
    pixels = eight_bits(clean)
    yield Graded(source, -1, CLEAN, pixels)
    yield Graded(source, -1, SAME, cropped(pixels, rng))
    yield Graded(source, -1, SAME, resaved(pixels, int(rng.integers(92, 99))))


def cropped(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """Without 5 % of its width and height, spread over the four sides by chance."""
    height, width = pixels.shape[:2]
    y, x = (int(rng.integers(0, side - round(0.95 * side) + 1)) for side in (height, width))
    return np.ascontiguousarray(pixels[y : y + round(0.95 * height), x : x + round(0.95 * width)])


def resaved(pixels: Bytes, quality: int) -> Bytes:
    """Through a JPEG of that quality."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def look(photos: Iterator[Graded]) -> Seen:
    """Measure photos one after the other, without a detector."""
    rows = [(graded[:3], *_of(graded.pixels)) for graded in photos]
    keys = np.array([row[0] for row in rows], np.int64).reshape(-1, 3)
    return Seen(
        *keys.T,
        inputs=np.array([row[1] for row in rows]),
        piqe=np.array([row[2] for row in rows]),
        blocks=tuple(row[3] for row in rows),
        detections=_unseen(len(rows)),
    )


def joined(*parts: Seen) -> Seen:
    """The photos of all, one after the other."""
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    blocks = tuple(block for part in parts for block in part.blocks)
    return Seen(**rows, blocks=blocks, detections=np.concatenate([part.detections for part in parts]))


def detected(seen: Seen, photos: Iterator[Graded], detect: Callable[[Bytes], Detection]) -> Seen:
    """Seen with what the detector finds in its first photos; photos gives these again."""
    detections = seen.detections.copy()
    for k, graded in enumerate(photos):
        assert (graded.source, graded.kind, graded.grade) == (seen.source[k], seen.kind[k], seen.grade[k])
        detections[k] = overall.row(detect(graded.pixels))
    return replace(seen, detections=detections)


def _of(pixels: Bytes) -> tuple[NDArray[np.float64], float, NDArray[np.float64]]:
    found = iqa.features(pixels)
    brisque = np.full(36, np.nan) if found.brisque is None else found.brisque
    sseq = np.full(12, np.nan) if found.sseq is None else found.sseq
    piqe = np.nan if found.piqe is None else found.piqe
    return np.concatenate([brisque, sseq, appearance(pixels)]), piqe, found.niqe


def _unseen(count: int) -> NDArray[np.float64]:
    return np.tile(overall.row(None), (count, 1))


def kept(file: Path | None, work: Callable[[], Seen]) -> Seen:
    """What was measured before and kept in a file, or else measured now and kept there. None: measured now."""
    if file is None:
        return work()
    if not file.exists():
        seen = work()
        counts = [len(rows) for rows in seen.blocks]
        arrays = {name: getattr(seen, name) for name in _COLUMNS}
        with file.open("wb") as whole:  # by its name alone, numpy would add an ending
            np.savez(whole, counts=counts, blocks=np.concatenate(seen.blocks), **arrays)
    with np.load(file, allow_pickle=False) as held:
        blocks = np.split(held["blocks"], np.cumsum(held["counts"])[:-1])
        return Seen(*(held[name] for name in _COLUMNS), blocks=tuple(blocks), detections=_unseen(len(held["piqe"])))
