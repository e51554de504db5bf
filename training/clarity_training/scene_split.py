"""Recognizing photos of the same scene under different names: no scene may be in both the train and the test split."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.photos import load

SAME_SCENE_CORRELATION = 0.95
"""Correlation of two gray thumbnails from which on they count as one scene. It recognizes other exposures, sizes and
formats of a frame, but not crops of it."""
_SIDE = 16


def exclude_scenes(paths: Sequence[Path], known: Sequence[Path]) -> list[Path]:
    """The paths, in their order, that do not show a scene of one of the known photos.

    Raises UserError where a file is no readable image.
    """
    if not paths or not known:
        return list(paths)
    correlation = np.stack([_thumbnail(p) for p in paths]) @ np.stack([_thumbnail(p) for p in known]).T
    return [path for path, most in zip(paths, correlation.max(1), strict=True) if most < SAME_SCENE_CORRELATION]


@cache
def _thumbnail(path: Path) -> NDArray[np.float32]:
    """The photo as 256 gray values with mean 0 and norm 1; zeros for a uniform photo."""
    gray = cv2.resize(load(path, 4 * _SIDE).mean(2), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel()
    centered = gray - gray.mean()
    return np.asarray(centered / max(float(np.linalg.norm(centered)), 1e-3), np.float32)
