"""Plane geometry that the window and the backend share; no library is needed for it."""

from __future__ import annotations

import math


def inner_size(width: int, height: int, degrees: float) -> tuple[int, int]:
    """Width and height of the largest centered upright rectangle inside a picture turned by -45..45 degrees."""
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    long, short = max(width, height), min(width, height)
    if short <= 2 * sine * cosine * long:  # two corners touch the long sides: half of the short side limits it
        half = short / 2
        w, h = (half / sine, half / cosine) if width >= height else (half / cosine, half / sine)
    else:
        span = cosine * cosine - sine * sine
        w, h = (width * cosine - height * sine) / span, (height * cosine - width * sine) / span
    return max(1, math.floor(w + 1e-6)), max(1, math.floor(h + 1e-6))
