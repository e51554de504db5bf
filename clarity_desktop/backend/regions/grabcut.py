"""Objects from clicks and boxes by classical means, without weights: the engine that is always there.

The photo is divided into small areas of one color. From the clicks, the cost of the way to each area grows with every
edge that is crossed; what is reached more easily from inside clicks than from outside ones is a first mask. GrabCut
(Rother, Kolmogorov, Blake, 2004) then cuts along the edges: first in the whole photo, then in the part around the
object, at a larger scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.regions import graph_cut
from clarity_desktop.backend.regions.areas import guided
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt, check
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Pixels

KEPT = 1024
"""Longest side in pixels of the reduced photo that is kept as embedding, and of the masks."""
SEEN, DETAIL = 240, 320
"""Longest side of the photo in which an object is found, and of the part of it in which its edge is found."""
CELL = 9
"""Distance in pixels between the seeds of the areas of one color."""
SHARES: Mapping[float, float] = {0.08: 0.2, 0.3: 0.45, 0.65: 0.35}
"""Largest share of the photo of each candidate for one click, and how likely it is."""
CLICK = 0.03
"""Radius around a click that surely belongs to it, as a share of the longer side of what is seen."""

Floats = NDArray[np.float32]
Photo = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A click in pixels of a reduced photo."""

    x: int
    y: int
    inside: bool


class GrabCut:
    """The engine. It has no state, so it is safe for several threads."""

    @property
    def id(self) -> str:
        """See Engine.id."""
        return "grabcut"

    @property
    def title(self) -> str:
        """See Engine.title."""
        return "GrabCut (classical)"

    def is_ready(self) -> bool:
        """It needs no weights."""
        return True

    def digest(self) -> str:
        """See Engine.digest."""
        return "grabcut 1"

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        """A reduced copy of H×W×3 RGB (uint8 or uint16): uint8, longest side at most 1024; see Engine.embed."""
        checkpoint()
        height, width = pixels.shape[:2]
        photo = _reduced(to_8_bits(pixels), KEPT)
        return Embedding(self.digest(), width, height, {"photo": photo}, costly=False)

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        """One to three candidates, the best first; see Engine.masks."""
        photo = embedding.arrays.get("photo")
        if photo is None or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise UserError("regions.embedding_form", engine=self.title)
        check(prompt, embedding.width, embedding.height)
        scale = photo.shape[1] / embedding.width, photo.shape[0] / embedding.height
        spots = [
            _Spot(_cell(c.x, scale[0], photo.shape[1]), _cell(c.y, scale[1], photo.shape[0]), c.inside)
            for c in prompt.clicks
        ]
        box = None if prompt.box is None else _scaled(prompt.box, scale, photo.shape[1], photo.shape[0])
        found = _in_box(photo, box, spots) if box is not None else _at_clicks(photo, spots, prompt.hint)
        return tuple(sorted(found, key=lambda candidate: -candidate.score))


def _reduced(photo: Photo, side: int) -> Photo:
    height, width = photo.shape[:2]
    factor = min(1.0, side / max(height, width))
    if factor == 1:
        return photo
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cell(position: float, scale: float, count: int) -> int:
    return min(count - 1, max(0, int(position * scale)))


def _scaled(box: Bounds, scale: tuple[float, float], width: int, height: int) -> Bounds:
    x, y = min(width - 1, int(box.x * scale[0])), min(height - 1, int(box.y * scale[1]))
    right, bottom = max(x + 1, round(box.right * scale[0])), max(y + 1, round(box.bottom * scale[1]))
    return Bounds(x, y, min(width, right) - x, min(height, bottom) - y)


def _in_box(photo: Photo, box: Bounds, spots: Sequence[_Spot]) -> list[MaskCandidate]:
    """The object that fills a box, cut out of its surroundings."""
    height, width = photo.shape[:2]
    seen = box.grown(max(4, round(0.25 * max(box.width, box.height))), width, height)
    part = _reduced(photo[seen.slices()], DETAIL)
    rows, columns = part.shape[:2]
    scale = columns / seen.width, rows / seen.height
    inner = _scaled(Bounds(box.x - seen.x, box.y - seen.y, box.width, box.height), scale, columns, rows)
    seeds = np.full((rows, columns), cv2.GC_BGD, np.uint8)
    seeds[inner.slices()] = cv2.GC_PR_FGD
    # The corners of a box rarely belong to its object, its middle mostly does.
    y, x = np.ogrid[:rows, :columns]
    away = np.hypot((x + 0.5 - inner.center[0]) / inner.width, (y + 0.5 - inner.center[1]) / inner.height)
    seeds[(away > 0.6) & (seeds == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    seeds[away < 0.1] = cv2.GC_FGD
    near = [_moved(spot, seen, scale, columns, rows) for spot in spots if _lies_in(spot, seen)]
    if inner.area == rows * columns:
        return [_candidate(photo, _enlarged(np.ones((rows, columns), np.float32), seen, photo), 0.5)]
    cut = _cut(part, seeds, near, 4)
    if cut.sum() < 0.05 * inner.area:  # nothing in the box differs from its surroundings: its middle is all we know
        cut = ((away < 0.5) & (seeds != cv2.GC_BGD)).astype(np.float32)
    return [_candidate(photo, _enlarged(_cleaned(cut, near), seen, photo), 0.9)]


def _at_clicks(photo: Photo, spots: Sequence[_Spot], hint: Floats | None) -> list[MaskCandidate]:
    """What the clicks are on, as a small, a middle and a large object where one click leaves that open."""
    small = _reduced(photo, SEEN)
    rows, columns = small.shape[:2]
    height, width = photo.shape[:2]
    scale = columns / width, rows / height
    near = [_moved(spot, Bounds(0, 0, width, height), scale, columns, rows) for spot in spots]
    known = hint if hint is not None and hint.shape == (rows, columns) and bool(np.isfinite(hint).all()) else None
    candidates: list[MaskCandidate] = []
    for first, sure in _first_masks(small, near, known):
        cut = _cleaned(_cut(small, _seeds(first), near, 2), near)
        if cut.sum() < 0.25 * first.sum():  # the colors of the two sides are alike: a cut finds only specks
            cut = _cleaned(first.astype(np.float32), near)
        mask = _detailed(photo, cut, spots) if cut.any() else np.zeros(photo.shape[:2], np.float32)
        candidates.append(_candidate(photo, mask, sure))
    return candidates


def _first_masks(
    small: Photo, spots: Sequence[_Spot], known: Floats | None
) -> list[tuple[NDArray[np.bool_], float]]:  # fmt: skip
    """First masks (h×w) with how sure each is, 0..1. known: the mask that the clicks correct, h×w, positive inside."""
    areas = _Areas(small)
    clicks = [(int(areas.numbers[s.y, s.x]), s.inside) for s in spots]
    if known is None and len(clicks) == 1 and clicks[0][1]:
        return [(chosen[areas.numbers], sure) for chosen, sure in areas.around(clicks[0][0])]
    if known is not None:
        chosen = np.bincount(areas.numbers.ravel(), (known > 0).ravel(), areas.count) > 0.5 * areas.sizes
    else:
        start = next((area for area, inside in clicks if inside), None)
        chosen = np.ones(areas.count, np.bool_) if start is None else areas.around(start)[0][0]
    for area, inside in clicks:
        if chosen[area] == inside:
            continue
        # What is wrong there: the way to this click is shorter than to any click of the other kind.
        others = [other for other, kind in clicks if kind != inside]
        way, limit = areas.ways(area), areas.ways(*others) if others else np.full(areas.count, np.inf)
        wrong = way < limit
        if inside:
            wrong &= areas.around(area)[0][0]
        chosen = np.where(wrong, inside, chosen)
    for area, inside in clicks:
        chosen[area] = inside
    return [(chosen[areas.numbers], 0.8)]


class _Areas:
    """The areas of one color of a photo (h×w×3 uint8), and the cost of the ways between them.

    numbers: the area of each pixel, h×w int32 from 0. sizes: pixels of each area.
    """

    def __init__(self, small: Photo) -> None:
        self.numbers, self.count = _color_areas(small)
        self.sizes = np.maximum(1, np.bincount(self.numbers.ravel(), minlength=self.count))
        self._ways = _ways(small, self.numbers, self.sizes)

    def ways(self, *start: int) -> NDArray[np.float64]:
        """The least cost from any of the areas to each, one value for each area."""
        from scipy.sparse.csgraph import dijkstra

        return np.asarray(dijkstra(self._ways, directed=False, indices=start, min_only=True))

    def around(self, start: int) -> list[tuple[NDArray[np.bool_], float]]:
        """One to three choices of areas around one, and how likely each is meant, the most likely first."""
        near = self.ways(start)
        order = np.argsort(near)
        covered = np.cumsum(self.sizes[order]) / self.numbers.size
        # A choice ends where the next area is much farther than those before: at an edge around the object.
        steps = np.diff(near[order], append=near.max() * 1.05) / (near[order] + 0.15 * float(np.median(near)) + 1e-6)
        found: list[tuple[NDArray[np.bool_], float]] = []
        low = 0.01
        for high, likely in SHARES.items():
            possible = np.flatnonzero((covered >= low) & (covered < high))
            low = high
            if not possible.size:
                continue
            last = possible[int(steps[possible].argmax())]
            chosen = np.zeros(self.count, np.bool_)
            chosen[order[: last + 1]] = True
            # Objects of a middle size are meant most often; an edge all around makes the others likely.
            found.append((chosen, likely + 0.3 * min(1.0, float(steps[last]))))
        if not found:
            found.append((np.arange(self.count) == start, 0.1))
        return sorted(found, key=lambda choice: -choice[1])


def _color_areas(small: Photo) -> tuple[NDArray[np.int32], int]:
    """The number of the area of each pixel (h×w int32, from 0) and how many there are."""
    rows, columns = small.shape[:2]
    markers = np.zeros((rows, columns), np.int32)
    ys, xs = np.arange(min(CELL // 2, rows - 1), rows, CELL), np.arange(min(CELL // 2, columns - 1), columns, CELL)
    markers[np.ix_(ys, xs)] = np.arange(1, len(ys) * len(xs) + 1).reshape(len(ys), len(xs))
    smooth = cv2.pyrMeanShiftFiltering(small, 4, 14, maxLevel=0)
    areas = np.asarray(cv2.watershed(smooth, markers), np.int32)
    # Lines between areas (-1) join the area beside them, the frame the one inside it.
    filled = np.asarray(cv2.dilate(areas.astype(np.float32), np.ones((3, 3), np.uint8)), np.float32).astype(np.int32)
    areas = np.where(areas < 1, filled, areas)
    areas = np.where(areas < 1, np.asarray(cv2.dilate(filled.astype(np.float32), np.ones((3, 3), np.uint8))), areas)
    _, numbered = np.unique(areas, return_inverse=True)
    numbered = numbered.reshape(rows, columns).astype(np.int32)
    return numbered, int(numbered.max()) + 1


def _ways(small: Photo, areas: NDArray[np.int32], sizes: NDArray[np.int_]) -> Any:
    """The graph of neighboring areas (sparse, n×n): a way costs their difference in color and a little more."""
    from scipy import sparse

    count = len(sizes)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)
    means = np.stack([np.bincount(areas.ravel(), lab[..., k].ravel(), count) / sizes for k in range(3)], 1)
    pairs = np.concatenate([
        np.stack((areas[:, :-1].ravel(), areas[:, 1:].ravel()), 1),
        np.stack((areas[:-1].ravel(), areas[1:].ravel()), 1),
    ])  # fmt: skip
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1), axis=0)
    costs = np.linalg.norm(means[pairs[:, 0]] - means[pairs[:, 1]], axis=1) + 1.2
    return sparse.coo_matrix((costs, (pairs[:, 0], pairs[:, 1])), (count, count)).tocsr()


def _seeds(first: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Seeds of GrabCut from a first mask (h×w): sure deep inside and far outside, open around its edge."""
    reach = max(2, round(0.03 * max(first.shape)))
    depth = cv2.distanceTransform(np.pad(first, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    away = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    seeds = np.where(first, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[depth > max(2 * reach, 0.6 * float(depth.max()))] = cv2.GC_FGD
    seeds[(away > 4 * reach) & ~first] = cv2.GC_BGD
    return seeds


def _cut(photo: Photo, seeds: NDArray[np.uint8], spots: Sequence[_Spot], rounds: int) -> Floats:
    """GrabCut from seeds: h×w float32, 1 inside."""
    radius = max(1, round(CLICK * max(photo.shape[:2])))
    seeds = seeds.copy()
    for spot in spots:
        cv2.circle(seeds, (spot.x, spot.y), radius, (cv2.GC_FGD if spot.inside else cv2.GC_BGD,), cv2.FILLED)
    return graph_cut.cut(photo, seeds, rounds)


def _cleaned(cut: Floats, spots: Sequence[_Spot]) -> Floats:
    """Without specks and small holes; with inside clicks only the parts that they are in."""
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


def _detailed(photo: Photo, cut: Floats, spots: Sequence[_Spot]) -> Floats:
    """The mask (of the reduced photo) with its edge found again in the part of the photo around it, over all of it."""
    height, width = photo.shape[:2]
    rows, columns = cut.shape
    ys, xs = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
    across, down = width / columns, height / rows
    x, y = int(xs[0] * across), int(ys[0] * down)
    box = Bounds(x, y, min(width, round((xs[-1] + 1) * across)) - x, min(height, round((ys[-1] + 1) * down)) - y)
    seen = box.grown(max(6, round(0.12 * max(box.width, box.height))), width, height)
    part = _reduced(photo[seen.slices()], DETAIL)
    size = part.shape[1], part.shape[0]
    whole = cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)
    first = np.asarray(cv2.resize(whole[seen.slices()], size, interpolation=cv2.INTER_AREA), np.float32) > 0.5
    reach = max(2, round(0.025 * max(size)))
    depth = cv2.distanceTransform(first.astype(np.uint8), cv2.DIST_L2, 5)
    away = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    seeds = np.where(first, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[depth > reach], seeds[away > reach] = cv2.GC_FGD, cv2.GC_BGD
    scale = size[0] / seen.width, size[1] / seen.height
    near = [_moved(spot, seen, scale, *size) for spot in spots if _lies_in(spot, seen)]
    return _enlarged(_cleaned(_cut(part, seeds, near, 1), near), seen, photo)


def _lies_in(spot: _Spot, box: Bounds) -> bool:
    return box.x <= spot.x < box.right and box.y <= spot.y < box.bottom


def _moved(spot: _Spot, seen: Bounds, scale: tuple[float, float], columns: int, rows: int) -> _Spot:
    """A click in a reduced part of the photo."""
    x, y = _cell(spot.x - seen.x + 0.5, scale[0], columns), _cell(spot.y - seen.y + 0.5, scale[1], rows)
    return _Spot(x, y, spot.inside)


def _enlarged(cut: Floats, seen: Bounds, photo: Photo) -> Floats:
    """A mask of a part as one of the photo."""
    whole = np.zeros(photo.shape[:2], np.float32)
    whole[seen.slices()] = cv2.resize(cut, (seen.width, seen.height), interpolation=cv2.INTER_LINEAR)
    return whole


def _candidate(photo: Photo, mask: Floats, score: float) -> MaskCandidate:
    """Logits from a mask (h×w, 0..1), with its edge smoothed along the edges of the photo."""
    logits = 8 * (guided(photo, mask, 3, 1e-3) - np.float32(0.5))
    rows, columns = _reduced(photo, SEEN).shape[:2]
    hint = np.asarray(cv2.resize(logits, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)
    return MaskCandidate(logits, score, hint)
