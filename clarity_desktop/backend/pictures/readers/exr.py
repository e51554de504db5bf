"""OpenEXR: scene-linear light, shown as on a usual screen."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.stored_photo import (
    DAMAGED,
    FIRST_ONLY,
    Caps,
    CodePoints,
    Refused,
    Stored,
    gray_or_rgb,
)

SIGNATURE = b"\x76\x2f\x31\x01"
_LINEAR_SRGB = CodePoints(1, 8)


def read(file: BinaryIO, caps: Caps) -> Stored:
    """Decode the first part of an OpenEXR file to H×W(×3) float32: RGB or gray, with or without alpha."""
    import OpenEXR

    header = OpenEXR.File(file.name, header_only=True)
    facts: dict[str, Any] = header.header()
    stored_window, shown_window = _window(facts["dataWindow"]), _window(facts["displayWindow"])
    for window in (stored_window, shown_window):
        caps.check(window[2] - window[0], window[3] - window[1])
    channels: dict[str, Any] = OpenEXR.File(file.name).channels()
    layers = [key for key, channel in channels.items() if channel.pixels.shape[2:] in {(3,), (4,)}]
    name = next((key for key in ("RGBA", "RGB", "Y", *layers) if key in channels), None)
    if name is None:
        raise Refused("pictures.exr_kind")
    samples: NDArray[Any] = np.asarray(channels[name].pixels).astype(np.float32, copy=False)
    if samples.shape[:2] != (stored_window[3] - stored_window[1], stored_window[2] - stored_window[0]):
        raise Refused(DAMAGED)
    alpha: Any = channels["A"].pixels if samples.ndim == 2 and "A" in channels else None
    if samples.ndim == 3 and samples.shape[2] == 4:
        alpha = samples[..., 3]
    if alpha is not None:
        alpha = np.ascontiguousarray(alpha, np.float32)
    main = samples[..., :3] if samples.ndim == 3 else samples
    if stored_window != shown_window:
        main = _placed(main, stored_window, shown_window)
        alpha = None if alpha is None else _placed(alpha, stored_window, shown_window)
    stored = gray_or_rgb(main, alpha)
    stored.premultiplied = alpha is not None
    stored.code_points = _LINEAR_SRGB
    stored.icc = _profile(facts.get("chromaticities"))
    if len(header.parts) > 1:
        stored.notes.append(FIRST_ONLY)
    return stored


def _window(box: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom; right and bottom lie outside."""
    first, last = box
    return int(first[0]), int(first[1]), int(last[0]) + 1, int(last[1]) + 1


def _placed(
    samples: NDArray[Any], source: tuple[int, int, int, int], target: tuple[int, int, int, int]
) -> NDArray[Any]:
    """The part of the samples inside the target window, on black where there are none."""
    out = np.zeros((target[3] - target[1], target[2] - target[0], *samples.shape[2:]), samples.dtype)
    left, top = max(source[0], target[0]), max(source[1], target[1])
    right, bottom = min(source[2], target[2]), min(source[3], target[3])
    if left < right and top < bottom:
        part = samples[top - source[1] : bottom - source[1], left - source[0] : right - source[0]]
        out[top - target[1] : bottom - target[1], left - target[0] : right - target[0]] = part
    return out


def _profile(chromaticities: Any) -> bytes | None:
    """A linear profile for stated primaries; None for sRGB's."""
    if chromaticities is None:
        return None
    try:
        numbers = [float(v) for v in chromaticities]
        pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        if len(pairs) != 4 or np.allclose(pairs, (*profiles.SRGB_PRIMARIES, profiles.D65), atol=0.002):
            return None
        return profiles.build("linear", pairs[:3], profiles.gamma_curve(1), pairs[3])
    except (TypeError, ValueError, ZeroDivisionError, np.linalg.LinAlgError, struct.error):
        return None
