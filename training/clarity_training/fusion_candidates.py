"""The inputs of the fusion network for low light: noisy dark photos, three restorations of each, and the good photo.

They are made once and kept in files, because methods take seconds for each; a step of the training is then only the
fusion network. A photo of LOL gets several draws of the noise, a synthetic one gets one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.backend import methods, weights
from clarity_desktop.backend.fusion import LOW_LIGHT_METHODS
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.file_io import write_atomically
from clarity_training import degrade, photos
from clarity_training.method_runner import MethodRunner, Restore

NOISE = 10.0
"""Standard deviation of the Gaussian noise, in steps of 8 bits: the experiment of the paper (section 4.3)."""
SIDE = 256
"""Pixels of a synthetic photo's side."""


Make = Callable[[np.random.Generator], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""(random generator) → a dark photo and the good one, H×W×3 uint8."""


@dataclass(frozen=True, slots=True, eq=False)
class FusionSample:
    """damaged, truth: H×W×3 uint8. candidates: 3×H×W×3 uint8, in the order of LOW_LIGHT_METHODS."""

    damaged: NDArray[np.uint8]
    candidates: NDArray[np.uint8]
    truth: NDArray[np.uint8]


class CandidateMaker:
    """Makes samples with the installed methods of LOW_LIGHT_METHODS and keeps them in a folder."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Raises UserError if one of the methods is not installed."""
        store = weights.default_store()
        self._folder = folder
        self._runs: list[Restore] = [
            MethodRunner(method, store.need(method.weights), ComputeTarget(threads=threads))
            for method in map(methods.METHODS.__getitem__, LOW_LIGHT_METHODS)
        ]
        folder.mkdir(parents=True, exist_ok=True)

    def pair(self, dark: Path, good: Path, draw: int) -> Path:
        """The file of one draw of the noise on a photographed pair; made if it does not exist."""
        return self._file(f"pair-{dark.stem}-{draw}", lambda _: (_load(dark), _load(good)), draw, dark.stem)

    def synthetic(self, photo: Path, draw: int) -> Path:
        """The file of a clean photo's crop in low light; made if it does not exist."""

        def make(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
            good = photos.load_8bit(photo)
            y, x = (int(rng.integers(0, max(1, n - SIDE + 1))) for n in good.shape[:2])
            good = good[y : y + SIDE, x : x + SIDE]
            dark = degrade.low_light(np.divide(good, 255, dtype=np.float32), rng.uniform(0.3, 1.0), rng).pixels
            return photos.to_8bit(dark), good

        return self._file(f"made-{photo.stem}-{draw}", make, draw, photo.stem)

    def _file(self, name: str, make: Make, draw: int, seed: str) -> Path:
        path = self._folder / f"{name}.npz"
        if path.exists():
            return path
        rng = np.random.default_rng([draw, *seed.encode()])
        dark, good = make(rng)
        noisy = np.clip(np.rint(dark + rng.normal(0, NOISE, dark.shape)), 0, 255).astype(np.uint8)
        made = np.stack([run("low_light", noisy, None) for run in self._runs])
        data = io.BytesIO()
        np.savez(data, damaged=noisy, candidates=made, truth=good)
        write_atomically(path, data.getvalue())
        return path


def read(path: Path) -> FusionSample:
    """A sample that CandidateMaker has written."""
    with np.load(path, allow_pickle=False) as file:
        return FusionSample(file["damaged"], file["candidates"], file["truth"])


def lol_pairs(folder: Path, *, train: bool) -> Iterator[tuple[Path, Path]]:
    """(dark, good) of a data set of LOL pairs with the folders "input" and "target", of one half by name.

    The half for training has the names from which `clarity-all` has learned, too (`photos.split_of`), so that the other
    half is unseen by both. Photos that were not reduced to 256×256 are all of the other half.
    """
    for dark in sorted((folder / "input").iterdir()):
        learned = photos.split_of(dark) == "train" and photos.photo_size(dark) == (SIDE, SIDE)
        if learned == train:
            yield dark, folder / "target" / dark.name


def _load(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def batch(samples: Sequence[FusionSample]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(candidates N×3×3×H×W, damaged N×3×H×W, truth N×3×H×W), float32 0..1, of samples of one size."""
    candidates = np.stack([s.candidates for s in samples]).transpose(0, 1, 4, 2, 3)
    damaged = np.stack([s.damaged for s in samples]).transpose(0, 3, 1, 2)
    truth = np.stack([s.truth for s in samples]).transpose(0, 3, 1, 2)
    return tuple(np.ascontiguousarray(a, np.float32) / 255 for a in (candidates, damaged, truth))  # pyright: ignore[reportReturnType]
