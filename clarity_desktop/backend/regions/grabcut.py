"""Objects from clicks and boxes by classical means, without weights: the engine that is always there.

The photo is divided into small areas of one color. From the clicks, the cost of the way to each area grows with every
edge that is crossed; what is reached more easily from inside clicks than from outside ones is a first mask. GrabCut
(Rother, Kolmogorov, Blake, 2004) then cuts along the edges: first in the whole photo, then in the part around the
object, at a larger scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions.color_graph import ColorGraph
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt, check
from clarity_desktop.backend.regions.object_edge import (
    DETAIL,
    KEPT,
    SEEN,
    Floats,
    Photo,
    Spot,
    cell_of,
    clean,
    cut_along,
    enlarge,
    find_edge,
    is_in,
    make_candidate,
    move,
)
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Pixels


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
        photo = reduced_to(to_8_bits(pixels), KEPT)
        return Embedding(self.digest(), width, height, {"photo": photo}, costly=False)

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        """One to three candidates, the best first; see Engine.masks."""
        photo = embedding.arrays.get("photo")
        if photo is None or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise UserError("regions.embedding_form", engine=self.title)
        check(prompt, embedding.width, embedding.height)
        scale = photo.shape[1] / embedding.width, photo.shape[0] / embedding.height
        spots = [
            Spot(cell_of(c.x, scale[0], photo.shape[1]), cell_of(c.y, scale[1], photo.shape[0]), c.inside)
            for c in prompt.clicks
        ]
        box = None if prompt.box is None else _scaled(prompt.box, scale, photo.shape[1], photo.shape[0])
        found = _in_box(photo, box, spots) if box is not None else _at_clicks(photo, spots, prompt.hint)
        return tuple(sorted(found, key=lambda candidate: -candidate.score))


def _scaled(box: Bounds, scale: tuple[float, float], width: int, height: int) -> Bounds:
    x, y = min(width - 1, int(box.x * scale[0])), min(height - 1, int(box.y * scale[1]))
    right, bottom = max(x + 1, round(box.right * scale[0])), max(y + 1, round(box.bottom * scale[1]))
    return Bounds(x, y, min(width, right) - x, min(height, bottom) - y)


def _in_box(photo: Photo, box: Bounds, spots: Sequence[Spot]) -> list[MaskCandidate]:
    """The object that fills a box, cut out of its surroundings."""
    height, width = photo.shape[:2]
    seen = box.grown(max(4, round(0.25 * max(box.width, box.height))), width, height)
    part = reduced_to(photo[seen.slices()], DETAIL)
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
    near = [move(spot, seen, scale, columns, rows) for spot in spots if is_in(spot, seen)]
    if inner.area == rows * columns:
        return [make_candidate(photo, enlarge(np.ones((rows, columns), np.float32), seen, photo), 0.5)]
    cut = cut_along(part, seeds, near, 4)
    if cut.sum() < 0.05 * inner.area:  # nothing in the box differs from its surroundings: its middle is all we know
        cut = ((away < 0.5) & (seeds != cv2.GC_BGD)).astype(np.float32)
    return [make_candidate(photo, enlarge(clean(cut, near), seen, photo), 0.9)]


def _at_clicks(photo: Photo, spots: Sequence[Spot], hint: Floats | None) -> list[MaskCandidate]:
    """What the clicks are on, as a small, a middle and a large object where one click leaves that open."""
    small = reduced_to(photo, SEEN)
    rows, columns = small.shape[:2]
    height, width = photo.shape[:2]
    scale = columns / width, rows / height
    near = [move(spot, Bounds(0, 0, width, height), scale, columns, rows) for spot in spots]
    known = hint if hint is not None and hint.shape == (rows, columns) and bool(np.isfinite(hint).all()) else None
    candidates: list[MaskCandidate] = []
    for first, sure in _first_masks(small, near, known):
        cut = clean(cut_along(small, _seeds(first), near, 2), near)
        if cut.sum() < 0.25 * first.sum():  # the colors of the two sides are alike: a cut finds only specks
            cut = clean(first.astype(np.float32), near)
        mask = find_edge(photo, cut, spots) if cut.any() else np.zeros(photo.shape[:2], np.float32)
        candidates.append(make_candidate(photo, mask, sure))
    return candidates


def _first_masks(
    small: Photo, spots: Sequence[Spot], known: Floats | None
) -> list[tuple[NDArray[np.bool_], float]]:  # fmt: skip
    """First masks (h×w) with how sure each is, 0..1. known: the mask that the clicks correct, h×w, positive inside."""
    areas = ColorGraph(small)
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


def _seeds(first: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Seeds of GrabCut from a first mask (h×w): sure deep inside and far outside, open around its edge."""
    reach = max(2, round(0.03 * max(first.shape)))
    depth = cv2.distanceTransform(np.pad(first, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    away = cv2.distanceTransform((~first).astype(np.uint8), cv2.DIST_L2, 5)
    seeds = np.where(first, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[depth > max(2 * reach, 0.6 * float(depth.max()))] = cv2.GC_FGD
    seeds[(away > 4 * reach) & ~first] = cv2.GC_BGD
    return seeds
