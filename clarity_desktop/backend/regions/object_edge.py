"""An object in a reduced photo: its edge found again along the edges of the photo, and the mask made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions import graph_cut
from clarity_desktop.backend.regions.areas import guided
from clarity_desktop.backend.regions.engine import MaskCandidate
from clarity_desktop.values import Bounds

KEPT = 1024
"""Longest side in pixels of the reduced photo that is kept as embedding, and of the masks."""
SEEN, DETAIL = 240, 320
"""Longest side of the photo in which an object is found, and of the part of it in which its edge is found."""
CLICK = 0.03
"""Radius around a click that surely belongs to it, as a share of the longer side of what is seen."""

Floats = NDArray[np.float32]
Photo = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Spot:
    """A click in pixels of a reduced photo."""

    x: int
    y: int
    inside: bool


def cell_of(position: float, scale: float, count: int) -> int:
    return min(count - 1, max(0, int(position * scale)))


def cut_along(photo: Photo, seeds: NDArray[np.uint8], spots: Sequence[Spot], rounds: int) -> Floats:
    """GrabCut from seeds: h×w float32, 1 inside."""
    radius = max(1, round(CLICK * max(photo.shape[:2])))
    seeds = seeds.copy()
    for spot in spots:
        cv2.circle(seeds, (spot.x, spot.y), radius, (cv2.GC_FGD if spot.inside else cv2.GC_BGD,), cv2.FILLED)
    return graph_cut.cut(photo, seeds, rounds)


def clean(cut: Floats, spots: Sequence[Spot]) -> Floats:
    """A mask (h×w float32, 0 or 1) without specks and small holes; with inside clicks only the parts they are in."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    smooth = cv2.morphologyEx(cut, cv2.MORPH_CLOSE, kernel)
    _, labels = cv2.connectedComponents((smooth > 0.5).astype(np.uint8))
    inside = {int(labels[s.y, s.x]) for s in spots if s.inside} - {0}
    if not inside:
        return np.asarray(smooth, np.float32)
    chosen = np.isin(labels, list(inside))
    count, holes, statistics, _ = cv2.connectedComponentsWithStats((~chosen).astype(np.uint8))
    clicked = {int(holes[s.y, s.x]) for s in spots if not s.inside}
    for hole in range(1, count):
        if hole not in clicked and statistics[hole, cv2.CC_STAT_AREA] < 0.01 * chosen.sum():
            chosen[holes == hole] = True
    return chosen.astype(np.float32)


def find_edge(photo: Photo, cut: Floats, spots: Sequence[Spot]) -> Floats:
    """The mask (float32, 0..1, of the reduced photo) with its edge found again in the part of the photo around it.

    photo: h×w×3 uint8. Returns h×w float32, 0..1.
    """
    height, width = photo.shape[:2]
    rows, columns = cut.shape
    ys, xs = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
    across, down = width / columns, height / rows
    x, y = int(xs[0] * across), int(ys[0] * down)
    box = Bounds(x, y, min(width, round((xs[-1] + 1) * across)) - x, min(height, round((ys[-1] + 1) * down)) - y)
    seen = box.grown(max(6, round(0.12 * max(box.width, box.height))), width, height)
    part = reduced_to(photo[seen.slices()], DETAIL)
    size = part.shape[1], part.shape[0]
    whole = cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)
    first = np.asarray(cv2.resize(whole[seen.slices()], size, interpolation=cv2.INTER_AREA), np.float32) > 0.5
    reach = max(2, round(0.025 * max(size)))
    depth = cv2.distanceTransform(first.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    seeds = np.where(first, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[depth > reach], seeds[away > reach] = cv2.GC_FGD, cv2.GC_BGD
    scale = size[0] / seen.width, size[1] / seen.height
    near = [move(spot, seen, scale, *size) for spot in spots if is_in(spot, seen)]
    return enlarge(clean(cut_along(part, seeds, near, 1), near), seen, photo)


def is_in(spot: Spot, box: Bounds) -> bool:
    return box.x <= spot.x < box.right and box.y <= spot.y < box.bottom


def move(spot: Spot, seen: Bounds, scale: tuple[float, float], columns: int, rows: int) -> Spot:
    """A click in a reduced part of the photo."""
    x, y = cell_of(spot.x - seen.x + 0.5, scale[0], columns), cell_of(spot.y - seen.y + 0.5, scale[1], rows)
    return Spot(x, y, spot.inside)


def enlarge(cut: Floats, seen: Bounds, photo: Photo) -> Floats:
    """A mask of a part (float32, 0..1) as one of the photo (h×w×3 uint8)."""
    whole = np.zeros(photo.shape[:2], np.float32)
    whole[seen.slices()] = cv2.resize(cut, (seen.width, seen.height), interpolation=cv2.INTER_LINEAR)
    return whole


def make_candidate(photo: Photo, mask: Floats, score: float) -> MaskCandidate:
    """Logits from a mask (h×w, 0..1), with its edge smoothed along the edges of the photo."""
    logits = 8 * (guided(photo, mask, 3, 1e-3) - np.float32(0.5))
    rows, columns = reduced_to(photo, SEEN).shape[:2]
    hint = np.asarray(cv2.resize(logits, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
    return MaskCandidate(logits, score, hint)
