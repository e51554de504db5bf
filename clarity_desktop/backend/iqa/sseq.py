"""SSEQ: the spatial and spectral entropy of a photo's blocks at three sizes (Liu, Liu, Huang, Bovik, 2014).

After the authors' release, except that the skewness of values that do not vary (a single block) is 0 here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.kernel import Classifier, Regression
from clarity_desktop.backend.iqa.statistics import Gray, Plane

SIZES = 3
BLOCK = 8
_PIXELS = BLOCK * BLOCK
_CHUNK = 1024  # blocks processed together: with fewer, threads wait for each other; more exceed the cache
_PRODUCT = 64  # blocks multiplied at once: few enough that BLAS starts no threads, whose waiting costs more
_TINY = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Distortions:
    """The authors' two stages: how likely each of five distortions is, and how bad the photo is if it is that one."""

    classifier: Classifier
    regressions: tuple[Regression, ...]

    def scaled(self, features: Plane) -> Plane:
        """12 features (float64) scaled for the kernels, about -1..1."""
        return self.regressions[0].scaled(features)

    def __call__(self, scaled: Plane) -> float:
        """The score from scaled features: the regressions' mean, weighted by the probabilities, mapped to 0..100."""
        scores = np.array([regression(scaled) for regression in self.regressions])
        # The regressions give about -1..1.
        return 50 * float(self.classifier(scaled) @ scores) + 50


def score(features: Plane, model: Distortions | Regression) -> float:
    """SSEQ of the 12 features (float64): about 0 (good) to 100 (bad); values beyond both occur."""
    return model(model.scaled(features))


def features(sizes: Sequence[Plane]) -> Plane:
    """The 12 features (float64) from the blocks' entropies (2×n, of `entropies`) at each of the three sizes."""
    return np.array([feature for size in sizes for kind in size for feature in (_central_mean(kind), _skewness(kind))])


def entropies(rows: Gray) -> Plane:
    """Spatial and spectral entropy, in bits, of each 8×8 block of gray rows (H×W uint8): 2×n float64, row by row.

    Incomplete blocks at the right and bottom are filled up with zeros.
    """
    blocks = in_blocks(rows)
    return np.concatenate([chunk_entropies(blocks, k) for k in range(chunks(blocks))], 1)


def in_blocks(rows: Gray) -> Gray:
    """The 8×8 blocks of H×W uint8, row by row, each flattened: n×64 uint8."""
    height, width = (-(-side // BLOCK) for side in rows.shape)
    if rows.shape != (height * BLOCK, width * BLOCK):
        rows = np.pad(rows, ((0, -rows.shape[0] % BLOCK), (0, -rows.shape[1] % BLOCK)))
    return rows.reshape(height, BLOCK, width, BLOCK).transpose(0, 2, 1, 3).reshape(-1, _PIXELS)


def chunks(blocks: Gray) -> int:
    """The number of chunks that blocks (n×64 uint8) are processed in."""
    return -(-len(blocks) // _CHUNK)


def chunk_entropies(blocks: Gray, index: int) -> Plane:
    """As `entropies`, for one chunk of the blocks (n×64 uint8).

    The chunk size affects the last digits, because BLAS computes the remainder of a product in another way.
    """
    chunk = blocks[index * _CHUNK : (index + 1) * _CHUNK]
    return np.stack([_spatial(chunk), _spectral(np.ascontiguousarray(chunk.T))])


_PLACE = np.arange(_PIXELS, dtype=np.uint8)
_RANK = np.arange(1, _PIXELS + 1)
_GAIN = np.diff(np.concatenate([[0], _RANK * np.log2(_RANK)])) / _PIXELS


def _spatial(blocks: Gray) -> Plane:
    """Entropy of the histogram of each row, n from n×64.

    A value that occurs c times contributes c·log₂ c. This is summed pixel by pixel over the sorted row: each adds the
    increase from the number of equal pixels before it.
    """
    ordered = np.sort(blocks, 1, kind="stable")
    before = np.zeros_like(ordered)
    np.multiply(ordered[:, 1:] != ordered[:, :-1], _PLACE[1:], out=before[:, 1:])
    np.maximum.accumulate(before, 1, out=before)  # where the run of equal pixels begins
    np.subtract(_PLACE, before, out=before)
    return np.maximum(math.log2(_PIXELS) - _GAIN[before].sum(1), 0)


def _dct() -> NDArray[np.float32]:
    """The orthonormal two-dimensional cosine transform of a block as a matrix, 64×64."""
    k = np.arange(BLOCK)
    line = np.cos(np.pi * (2 * k + 1) * k[:, None] / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    # Makes the transform orthonormal, so that energies are comparable.
    line[0] /= math.sqrt(2)
    return np.kron(line, line).astype(np.float32)


_DCT = _dct()


def _spectral(values: Gray) -> Plane:
    """Entropy of the energy distribution of each column's cosine transform, without its mean: n from 64×n."""
    level = values.astype(np.float32)
    level -= level[0].copy()  # changes only the mean; flat blocks become exact zeros, as in the authors' code
    power = np.empty_like(level)
    for k in range(0, level.shape[1], _PRODUCT):
        np.matmul(_DCT, level[:, k : k + _PRODUCT], out=power[:, k : k + _PRODUCT])
    # The mean (DC) carries no information about texture; the authors set it to this value.
    power[0] = _TINY
    power *= power
    power /= power.sum(0)
    power[power == 0] = _TINY
    return -(power * np.log(power)).sum(0).astype(np.float64) / math.log(2)


def _central_mean(values: Plane) -> float:
    """The mean of the middle 60%."""
    ordered, count = np.sort(values), len(values)
    return float(ordered[math.ceil(0.2 * count) - 1 : math.ceil(0.8 * count)].mean())


def _skewness(values: Plane) -> float:
    centerd = values - values.mean()
    variance = float(np.square(centerd).mean())
    return float((centerd**3).mean()) / variance**1.5 if variance > 1e-20 else 0.0
