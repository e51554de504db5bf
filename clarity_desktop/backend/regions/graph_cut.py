"""GrabCut (Rother, Kolmogorov, Blake, 2004) from seeds: the cut between two kinds of colors along the edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST = 16
"""Pixels of each kind below which there is nothing to learn colors from."""


def cut(photo: NDArray[np.uint8], seeds: NDArray[np.uint8], rounds: int) -> NDArray[np.float32]:
    """The mask (h×w float32, 1 inside) of a photo (h×w×3 uint8 RGB).

    seeds: h×w uint8 of OpenCV's constants: GC_BGD, GC_FGD (surely outside, inside), GC_PR_BGD, GC_PR_FGD (probably).
    Where almost all seeds are of one kind, they are the mask.
    """
    inside = np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if min(inside.sum(), (~inside).sum()) < LEAST:
        return inside.astype(np.float32)
    cv2.setRNGSeed(1)  # the models of the colors start at random
    labels, background, foreground = seeds.copy(), np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(
        np.ascontiguousarray(photo[..., ::-1]), labels, (0, 0, 0, 0), background, foreground, rounds,
        cv2.GC_INIT_WITH_MASK,
    )  # fmt: skip
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
