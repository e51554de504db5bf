"""A method for Clarity Desktop: the median filter."""

import cv2
import numpy as np

from clarity_desktop.backend.methods import Method


def run(tile, _mask, job):
    """Restore one tile: float32 RGB, H×W×3, 0..1."""
    job.checkpoint()  # lets the user cancel
    return cv2.medianBlur(np.ascontiguousarray(tile), 5)


MEDIAN = Method(
    id="median", title="Median", tasks=("denoise",), architecture="median filter", licence="MIT", paper="none",
    trained_on="nothing", weights=(), load=lambda *_: run, overlap=8, speed=0.1, memory=50,
)  # fmt: skip
