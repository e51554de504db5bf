"""Which photos show the same scene, whatever they are called: no scene may be trained on and examined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.photos import load

ALIKE = 0.95
"""Correlation of two small grey copies from which on they show one scene. It holds for other exposures, sizes and
formats of a frame, not for other parts of it."""
_SIDE = 16


def unseen(paths: Sequence[Path], known: Sequence[Path]) -> list[Path]:
    """Those of the paths that show no scene of the known photos, in their order. Raises UserError for what is no
    photo."""
    if not paths or not known:
        return list(paths)
    likeness = np.stack([_small(p) for p in paths]) @ np.stack([_small(p) for p in known]).T
    return [path for path, most in zip(paths, likeness.max(1), strict=True) if most < ALIKE]


@cache
def _small(path: Path) -> NDArray[np.float32]:
    """The photo as 256 grey values of mean 0 and length 1; zeros where it is flat."""
    grey = cv2.resize(load(path, 4 * _SIDE).mean(2), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel()
    away = grey - grey.mean()
    return np.asarray(away / max(float(np.linalg.norm(away)), 1e-3), np.float32)
