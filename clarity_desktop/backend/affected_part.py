"""The part of a photo that has a watermark or a flare: tasks that restore it find it where nothing is selected."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures.geometry import reduced_to
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.text import Message
from clarity_desktop.values import DEGRADATIONS, FINDS_PART, Degradation, Detection, Mask, Pixels, Region, Task

SIDE = 1280
"""Pixels of the longest side at which letters are looked for. Larger photos are reduced."""
CERTAIN = 0.5
"""Probability of a watermark from which it is looked for."""
ZONE = 0.5
"""Share of the strongest place of the detector's map from which a watermark may be there."""
WIDE, FILLED = 0.08, 0.9
"""Where the place is wider than this share of the photo, and a mark covers more than this share of it, it is texture: a
word fills its place, a pattern of letters does not."""
STROKE = 0.095
"""Side of the square whose median is what is behind a letter, as a share of the photo's longer side."""
FAINTEST, SHARE = 7.0, 0.2
"""Distance in Lab from what is behind, from which a pixel belongs to a mark: at least so much, and as a share of that
of the clearest pixels."""
COLOR = 1.5
"""Weight of the colors against lightness."""
ONE_SIDED = 1.8
"""A mark that is lighter this many times as often as darker (or the reverse) is of one ink; the rest is behind it."""
SPECK = 12
"""Pixels below which a found spot is no letter."""
RIM = 2
"""Pixels by which a mark is widened: letters have soft edges and shadows."""
FLARE, SOFT = 0.7, 0.25
"""Probability of the detector's map from which a part is in a flare, and the range over which the part becomes soft.

How both were chosen, and what they gain: docs/affected-parts.md."""


def find(task: Task, pixels: Pixels, detection: Detection) -> Mask | None:
    """The part of a photo that a task of FINDS_PART has to restore; H×W uint8, 255 inside; None where there is none.

    pixels: H×W×3 RGB, uint8 or uint16.
    """
    if task == "deflare":
        return find_flare(detection, pixels.shape[1], pixels.shape[0])
    return find_watermark(pixels, detection)


def find_flare(detection: Detection, width: int, height: int) -> Mask | None:
    """Where a photo of width × height pixels is in a flare: H×W uint8, 255 inside; None if it is nowhere."""
    heat = _heat(detection, "flare")
    if heat.max(initial=0.0) < FLARE:
        return None
    weights = ((heat - FLARE) / SOFT + 0.5).clip(0, 1)
    return np.asarray(cv2.resize(np.rint(255 * weights).astype(np.uint8), (width, height)), np.uint8)


def find_watermark(pixels: Pixels, detection: Detection) -> Mask | None:
    """The letters, logos or patterns over a photo: H×W uint8, 255 where they are; None if there are none.

    They are what differs from its surroundings where the detector sees a watermark. pixels: H×W×3 RGB, uint8 or uint16.
    """
    heat = _heat(detection, "watermark")
    if detection.found["watermark"].probability < CERTAIN or heat.max(initial=0.0) < CERTAIN:
        return None
    seen = reduced_to(to_8_bits(pixels), SIDE)
    zone = np.asarray(cv2.resize(heat, seen.shape[1::-1], interpolation=cv2.INTER_CUBIC)) > ZONE * heat.max()
    if not zone.any():
        return None
    side = 2 * RIM + 1
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    grown = np.asarray(cv2.dilate(_marks(seen, zone), rim), np.uint8)
    place, covered = np.count_nonzero(zone), np.count_nonzero(grown)
    if not covered or (place > WIDE * zone.size and covered > FILLED * place):
        return None
    larger = np.asarray(cv2.resize(grown * np.uint8(255), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    return np.where(larger > 127, np.uint8(255), np.uint8(0))


def _marks(seen: NDArray[np.uint8], zone: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What differs from its surroundings within a zone (H×W) of a photo (H×W×3 uint8): H×W uint8, 0 or 1."""
    lab = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2LAB), np.uint8)
    side = 2 * max(2, round(STROKE * max(seen.shape[:2]) / 2)) + 1
    behind = np.dstack([cv2.medianBlur(np.ascontiguousarray(lab[..., k]), min(side, 255)) for k in range(3)])
    apart = (lab.astype(np.float32) - behind) * np.array([1, COLOR, COLOR], np.float32)
    distance = np.linalg.norm(apart, axis=2)
    found = zone & (distance > max(FAINTEST, SHARE * float(np.percentile(distance[zone], 97))))
    lighter = apart[..., 0]
    light, dark = float(distance[found & (lighter > 0)].sum()), float(distance[found & (lighter < 0)].sum())
    if light > ONE_SIDED * dark:
        found &= lighter > -2
    elif dark > ONE_SIDED * light:
        found &= lighter < 2
    closed = np.asarray(cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    large = np.asarray(stats[:, cv2.CC_STAT_AREA], np.int64) >= SPECK
    large[0] = False
    return large[np.asarray(labels, np.int64)].astype(np.uint8)


def _heat(detection: Detection, name: Degradation) -> NDArray[np.float32]:
    return detection.heat[..., DEGRADATIONS.index(name)].astype(np.float32) / np.float32(255)


def found(task: Task, mask: Mask | None) -> tuple[Region | None, Message]:
    """The region of a mask (H×W uint8) that a task of FINDS_PART found, and the sentence about it."""
    name = FINDS_PART[task]
    if mask is None or not mask.any():
        return None, Message(f"affected.no_{name}")
    percent = max(1, round(float(mask.mean(dtype=np.float64)) / 2.55))
    return Region.of(mask), Message(f"affected.{name}", {"percent": percent})
