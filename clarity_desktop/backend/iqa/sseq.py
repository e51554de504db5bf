"""SSEQ: the spatial and spectral entropy of a photo's blocks at three sizes (Liu, Liu, Huang, Bovik, 2014).

After the authors' release, but for a skewness without any spread (a single block), which is 0 here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.kernel import Classifier, Regression
from clarity_desktop.backend.iqa.statistics import Grey, Plane

SIZES = 3
BLOCK = 8
_PIXELS = BLOCK * BLOCK
_CHUNK = 1024  # blocks worked on together: with fewer, threads wait for each other; more leave the cache
_PRODUCT = 64  # blocks multiplied at once: small enough that BLAS does not wake threads, whose waiting costs more
_TINY = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Distortions:
    """The authors' two stages: how likely each of five distortions is, and how bad the photo is if it is that one."""

    classifier: Classifier
    regressions: tuple[Regression, ...]

    def scaled(self, features: Plane) -> Plane:
        return self.regressions[0].scaled(features)

    def __call__(self, scaled: Plane) -> float:
        each = np.array([regression(scaled) for regression in self.regressions])
        return 50 * float(self.classifier(scaled) @ each) + 50


def score(features: Plane, model: Distortions | Regression) -> float:
    """SSEQ of the 12 features; 0 is good and 100 bad, beyond both occurs."""
    return model(model.scaled(features))


def features(sizes: Sequence[Plane]) -> Plane:
    """The 12 features from the blocks' entropies (2×n, as of `entropies`) at each size."""
    return np.array([feature for size in sizes for kind in size for feature in (_middle(kind), _skewness(kind))])


def entropies(rows: Grey) -> Plane:
    """Spatial and spectral entropy, in bits, of each 8×8 block, row by row: 2×n. Blocks are filled up with zeros."""
    blocks = in_blocks(rows)
    return np.concatenate([chunk_entropies(blocks, k) for k in range(chunks(blocks))], 1)


def in_blocks(rows: Grey) -> Grey:
    """The 8×8 blocks, row by row, as rows: n×64."""
    height, width = (-(-side // BLOCK) for side in rows.shape)
    if rows.shape != (height * BLOCK, width * BLOCK):
        rows = np.pad(rows, ((0, -rows.shape[0] % BLOCK), (0, -rows.shape[1] % BLOCK)))
    return rows.reshape(height, BLOCK, width, BLOCK).transpose(0, 2, 1, 3).reshape(-1, _PIXELS)


def chunks(blocks: Grey) -> int:
    """Into how many chunks the blocks are cut."""
    return -(-len(blocks) // _CHUNK)


def chunk_entropies(blocks: Grey, index: int) -> Plane:
    """As `entropies`, of one chunk. Other cuts would give other last digits: BLAS treats the rest otherwise."""
    chunk = blocks[index * _CHUNK : (index + 1) * _CHUNK]
    return np.stack([_spatial(chunk), _spectral(np.ascontiguousarray(chunk.T))])


_PLACE = np.arange(_PIXELS, dtype=np.uint8)
_RANK = np.arange(1, _PIXELS + 1)
_GAIN = np.diff(np.concatenate([[0], _RANK * np.log2(_RANK)])) / _PIXELS


def _spatial(blocks: Grey) -> Plane:
    """Entropy of the histogram of each row. A value that occurs c times adds c·log₂ c: here bit by bit, a step for each
    pixel by how many of its kind stand before it once they are sorted."""
    ordered = np.sort(blocks, 1, kind="stable")
    before = np.zeros_like(ordered)
    np.multiply(ordered[:, 1:] != ordered[:, :-1], _PLACE[1:], out=before[:, 1:])
    np.maximum.accumulate(before, 1, out=before)  # where its kind begins
    np.subtract(_PLACE, before, out=before)
    return np.maximum(math.log2(_PIXELS) - _GAIN[before].sum(1), 0)


def _dct() -> NDArray[np.float32]:
    """The orthonormal two-dimensional cosine transform of a block as a matrix, 64×64."""
    k = np.arange(BLOCK)
    line = np.cos(np.pi * (2 * k + 1) * k[:, None] / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    line[0] /= math.sqrt(2)
    return np.kron(line, line).astype(np.float32)


_DCT = _dct()


def _spectral(values: Grey) -> Plane:
    """Entropy of how the energy of each column's cosine transform is spread, its mean left out."""
    level = values.astype(np.float32)
    level -= level[0].copy()  # only the mean changes; flat blocks become exact zeros, as they are by the authors' code
    power = np.empty_like(level)
    for k in range(0, level.shape[1], _PRODUCT):
        np.matmul(_DCT, level[:, k : k + _PRODUCT], out=power[:, k : k + _PRODUCT])
    power[0] = _TINY
    power *= power
    power /= power.sum(0)
    power[power == 0] = _TINY
    return -(power * np.log(power)).sum(0).astype(np.float64) / math.log(2)


def _middle(values: Plane) -> float:
    """The mean of the middle 60 %."""
    ordered, count = np.sort(values), len(values)
    return float(ordered[math.ceil(0.2 * count) - 1 : math.ceil(0.8 * count)].mean())


def _skewness(values: Plane) -> float:
    away = values - values.mean()
    spread = float(np.square(away).mean())
    return float((away**3).mean()) / spread**1.5 if spread > 1e-20 else 0.0
