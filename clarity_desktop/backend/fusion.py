"""Several restorations of one photo, the candidates, become one (docs/fusion.md).

First, candidates are left out that do not show the photo, or show it shifted. Then the bands of a Laplacian pyramid are
added up, each candidate with a weight that follows from how far it is from the others there. Work is done in tiles
whose margins cover all that a pixel of the result depends on, so there are no seams.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.restore.blend import as_deep, as_pixels, as_tile, cut, mix
from clarity_desktop.messages import UserError
from clarity_desktop.text import Text
from clarity_desktop.values import Bounds, Pixels, Region, Tile

MOST = 6
"""Candidates at most."""
LEVELS = 4
"""Bands of the pyramid, beside what remains."""
CELL = 1 << LEVELS
"""Tiles begin at multiples of this, so that their pyramids have the same places as that of the whole photo."""
WINDOW = 7
"""Radius, in pixels of its level, of the neighborhood in which candidates are compared."""
TILE, MARGIN = 64 * CELL, 14 * CELL
"""Side of a tile, and what it sees beyond: more than the pyramid and the window reach."""
PRIOR, LEAST_ERROR = 1e-5, 0.3
"""Squared error (of values 0..1) below which errors count as equal, and the least share of the mean error that a
candidate has: the errors of methods are alike in part, so those that agree are not as good as they seem."""
ROWS = 256
"""Rows of pixels that are mixed at a time."""

Plane = NDArray[np.float32]


class Job(Protocol):
    """Where progress is reported, and from where cancelling comes."""

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: Text = "", seconds_left: float | None = None) -> None: ...


LOW_LIGHT_METHODS = ("clarity-all", "iat-low-light", "sci-medium")
"""The methods whose results the network for low light fuses, in the order of its training: sorted by id."""
LOW_LIGHT_WEIGHTS = "clarity-fusion-low-light"
"""In the catalog. Without the file, these results are fused like all others."""
Network = Callable[[Sequence[Tile], Tile], Tile]
"""Fuses candidates (float32 H×W×3, 0..1, in the order of training) and the damaged photo into a tile of their size."""


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """pixels: H×W×3 RGB of the depth of the candidates. how: "pyramid", "network" or "network-low-light".

    left_out: the places in the list of those candidates that do not fit the others and the photo.
    """

    pixels: Pixels
    how: str
    left_out: tuple[int, ...] = ()
    seconds: float = 0.0


def fuse(
    candidates: Sequence[Pixels], original: Pixels, *, region: Region | None = None, job: Job,
    network: Network | None = None,
) -> Fused:  # fmt: skip
    """Fuse restorations (H×W×3 RGB, uint8 or uint16) of a damaged photo, the original (the same).

    region: outside of it the original stays, bit-identical. network: that of low light, for the results of
    LOW_LIGHT_METHODS in this order; it is used if all of them fit. Without it the order does not matter. An enlarged
    photo is fused as well. Raises UserError if no candidate fits, JobCancelled.
    """
    start = time.perf_counter()
    if any(c.dtype == np.uint16 for c in (original, *candidates)):
        original, candidates = as_deep(original), [as_deep(c) for c in candidates]
    original = _like(original, candidates)
    kept = fitting(candidates, original, job)
    left_out = tuple(k for k in range(len(candidates)) if k not in kept)
    if network is not None and not left_out:
        out, how = _by_network(network, candidates, original, job), "network-low-light"
    else:
        out, how = _pyramid(_in_order([candidates[k] for k in kept]), job), "pyramid"
    if region is not None:
        out = merge_part(original, out, region, job.checkpoint)
    return Fused(out, how, left_out, time.perf_counter() - start)


def _in_order(candidates: Sequence[Pixels]) -> list[Pixels]:
    """Each different candidate once: two of the same would outvote the others. The same order, however they came."""
    each = {_digest(candidate): candidate for candidate in candidates}
    return [each[digest] for digest in sorted(each)]


def _like(original: Pixels, candidates: Sequence[Pixels]) -> Pixels:
    """The original in the size that most of the candidates have, in case that is another."""
    sizes = [c.shape for c in candidates]
    if original.shape in sizes:
        return original
    height, width = max(sizes, key=lambda size: (sizes.count(size), size))[:2]
    resized: Any = cv2.resize(original, (width, height), interpolation=cv2.INTER_CUBIC)
    return resized


def _digest(pixels: Pixels) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(pixels).data.cast("B"), digest_size=16).digest()


# Which candidates fit ------------------------------------------------------------------------------------------------


SMALL = 512
"""Longest side of the views on which structures are compared."""
STRUCTURE = 0.1
"""Least correlation of the structure of a candidate with that of the original."""
SHIFT = 0.6
"""Pixels by which a candidate may be shifted against the others."""
REACH = 6
"""Pixels up to which a shift is looked for."""
CROP, LEAST_CROP = 512, 32
"""Side of the part in which it is looked for; of a smaller one nothing can be said."""
FLAT = 2e-3
"""Deviation of the structure of a photo (values 0..1) below which it shows nothing."""
FAR = 0.25
"""Mean difference from the others above which a candidate is far away, if the others agree."""


def fitting(candidates: Sequence[Pixels], original: Pixels, job: Job) -> tuple[int, ...]:
    """The places in the list of the candidates that show the photo. All are H×W×3 RGB, uint8 or uint16.

    Raises UserError if none does, JobCancelled.
    """
    kept = [k for k, c in enumerate(candidates) if c.shape == original.shape]
    small: dict[int, Plane] = {}
    for k in kept:
        job.checkpoint()
        small[k] = _reduced(candidates[k])
    reduced = _reduced(original)
    kept = _with_structure(kept, small, reduced)
    kept = _near_the_others(kept, small)
    job.checkpoint()
    kept = _in_place(kept, candidates, original, small)
    if not kept:
        raise UserError("fusion.none_fits")
    return tuple(kept)


def _reduced(pixels: Pixels) -> Plane:
    """A gray view (float32 0..1) whose longest side is at most SMALL."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SMALL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    view: Any = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(as_tile(view).mean(2), np.float32)


def _structure(gray: Plane) -> Plane:
    """What is neither noise nor light: differences of two scales, of mean 0."""
    fine: Any = cv2.GaussianBlur(gray, (0, 0), 1.0)
    coarse: Any = cv2.GaussianBlur(gray, (0, 0), 6.0)
    found = fine - coarse
    return found - found.mean()


def _correlation(a: Plane, b: Plane) -> float:
    scale = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _with_structure(kept: list[int], small: dict[int, Plane], original: Plane) -> list[int]:
    """Those whose structure is that of the original: a black, an inverted or another photo is not among them."""
    wanted = _structure(original)
    shown = {k: _structure(small[k]) for k in kept}
    if wanted.std() < FLAT and all(s.std() < FLAT for s in shown.values()):
        return kept  # a photo of one color
    fits = [k for k in kept if shown[k].std() > FLAT / 10 and _correlation(shown[k], wanted) >= STRUCTURE]
    if wanted.std() >= FLAT:
        return fits
    return [k for k in kept if shown[k].std() > FLAT / 10]  # an original that is too dark to say more


def _near_the_others(kept: list[int], small: dict[int, Plane]) -> list[int]:
    """Those that are not far from all others where the others agree; of two it cannot be said which is wrong."""
    if len(kept) < 3:
        return kept
    middle = np.median([small[k] for k in kept], axis=0)
    away = {k: float(np.abs(small[k] - middle).mean()) for k in kept}
    typical = float(np.median(list(away.values())))
    return [k for k in kept if away[k] <= max(FAR, 4 * typical)]


def _in_place(kept: list[int], candidates: Sequence[Pixels], original: Pixels, small: dict[int, Plane]) -> list[int]:
    """Those that are not shifted against the others or, if there is one that is in place, against the original."""
    if len(kept) < 2:
        return kept
    part = _detailed([small[k] for k in kept], original.shape[1], original.shape[0])
    if min(part.width, part.height) < LEAST_CROP:
        return kept
    wanted = _gray(original, part)
    shifts = {k: _shift(_gray(candidates[k], part), wanted) for k in kept}
    known = {k: shift for k, shift in shifts.items() if shift is not None}
    if len(known) < 2:
        return kept
    at = np.array(list(known.values()))
    lengths = np.hypot(at[:, 0], at[:, 1])
    place = at[lengths.argmin()] if lengths.min() <= SHIFT else np.median(at, axis=0)
    return [k for k in kept if k not in known or math.dist(known[k], place) <= SHIFT]


def _gray(pixels: Pixels, part: Bounds) -> Plane:
    return np.asarray(as_tile(cut(pixels, part)).mean(2), np.float32)


def _detailed(views: Sequence[Plane], width: int, height: int) -> Bounds:
    """The part of a photo of width × height pixels, at most CROP wide and high, in which views of it show most."""
    rows, columns = views[0].shape
    across, down = min(CROP, width), min(CROP, height)
    energy = np.mean([np.abs(_structure(view)) for view in views], axis=0)
    window = max(1, round(across * columns / width)), max(1, round(down * rows / height))
    around: Any = cv2.blur(energy, window, borderType=cv2.BORDER_CONSTANT)
    row, column = np.unravel_index(int(around.argmax()), around.shape)
    x = min(max(0, round(float(column) * width / columns) - across // 2), width - across)
    y = min(max(0, round(float(row) * height / rows) - down // 2), height - down)
    return Bounds(x, y, across, down)


def _shift(moved: Plane, still: Plane) -> tuple[float, float] | None:
    """By how many pixels (x, y) one plane is shifted against another; None where it cannot be said."""
    reach = min(REACH, min(still.shape) // 8)
    a, b = _structure(moved), _structure(still)[reach:-reach, reach:-reach]
    if min(float(a.std()), float(b.std())) < FLAT / 10:
        return None
    alike: Any = cv2.matchTemplate(a, np.ascontiguousarray(b), cv2.TM_CCOEFF_NORMED)
    row, column = (int(k) for k in np.unravel_index(int(alike.argmax()), alike.shape))
    if alike[row, column] < 2 * STRUCTURE:
        return None
    x = column - reach + _peak(alike[row], column)
    y = row - reach + _peak(alike[:, column], row)
    return x, y


def _peak(values: Plane, at: int) -> float:
    """Where between -0.5 and 0.5 of its maximum a curve has its peak."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(v) for v in values[at - 1 : at + 2])
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / bend))


# The pyramid ---------------------------------------------------------------------------------------------------------


def _pyramid(candidates: Sequence[Pixels], job: Job) -> Pixels:
    if len(candidates) == 1:
        return candidates[0]
    height, width = candidates[0].shape[:2]
    out: Any = np.empty_like(candidates[0])
    tiles = list(_tiles(width, height))
    for number, tile in enumerate(tiles):
        job.report(number / len(tiles))
        seen = tile.grown(MARGIN, width, height)
        fused = _fuse_tile([as_tile(cut(c, seen)) for c in candidates], job.checkpoint)
        inside = Bounds(tile.x - seen.x, tile.y - seen.y, tile.width, tile.height).slices()
        out[tile.slices()] = as_pixels(as_deep(fused[inside]), out.dtype)
    return out


def _tiles(width: int, height: int) -> Iterator[Bounds]:
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            yield Bounds(x, y, min(TILE, width - x), min(TILE, height - y))


def _fuse_tile(candidates: Sequence[Tile], checkpoint: Callable[[], None]) -> Tile:
    """Candidates (float32 H×W×3, 0..1) of one place as one, within what they have at each pixel."""
    low, high = np.min(candidates, axis=0), np.max(candidates, axis=0)
    rest, bands = list(candidates), list[Plane]()
    for _ in range(LEVELS):
        if min(rest[0].shape[:2]) < 2:
            break
        checkpoint()
        smaller = [_down(r) for r in rest]
        bands.append(_weighted([r - _up(s, r) for r, s in zip(rest, smaller, strict=True)]))
        rest = smaller
    fused = _weighted(rest)
    for band in reversed(bands):
        checkpoint()
        fused = _up(fused, band) + band
    return np.clip(fused, low, high)


def _down(plane: Plane) -> Plane:
    smaller: Any = cv2.pyrDown(plane)
    return smaller


def _up(plane: Plane, like: Plane) -> Plane:
    larger: Any = cv2.pyrUp(plane, dstsize=(like.shape[1], like.shape[0]))
    return larger


def _weighted(bands: Sequence[Plane]) -> Plane:
    total: Any = np.zeros_like(bands[0])
    for band, weight in zip(bands, weights(bands), strict=True):
        total += band * weight[..., None]
    return total


def weights(bands: Sequence[Plane]) -> list[Plane]:
    """For each candidate's band (float32 H×W×3) its weights, float32 H×W; those of a pixel add up to 1.

    If the errors of candidates do not depend on each other, the squared difference of two is the sum of their squared
    errors. From the differences of all pairs follows the error of each, and the best weights are inverse to them. Of
    two candidates it cannot be said which is wrong: they count alike.
    """
    count = len(bands)
    if count < 3:
        return [np.full(band.shape[:2], 1 / count, np.float32) for band in bands]
    apart = [np.zeros(bands[0].shape[:2], np.float32) for _ in bands]
    for k, one in enumerate(bands):
        for m in range(k):
            difference = _around(np.square(one - bands[m]).mean(2))
            apart[k] += difference
            apart[m] += difference
    total = np.sum(apart, axis=0) / (2 * (count - 1))  # of all squared errors
    inverse = [1 / (PRIOR + np.maximum((a - total) / (count - 2), LEAST_ERROR / count * total)) for a in apart]
    sums = np.sum(inverse, axis=0)
    return [i / sums for i in inverse]


def _around(plane: Any) -> Plane:
    side = 2 * WINDOW + 1
    mean: Any = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
    return mean


# The network ---------------------------------------------------------------------------------------------------------


NETWORK_TILE, NETWORK_OVERLAP = 768, 96
"""Side of the tiles of the network, and by how much they overlap: a gigabyte at a time."""


def load_network(path: Path) -> Network:
    """The network for low light, of any size. Raises OSError, SafetensorError and RuntimeError for any other file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import fusion as nets

    state = {k: v.float() for k, v in load_file(path).items()}
    heads = {part: len(state[f"{part}.0.attention.temperature"]) for part in _LEVELS}
    net = nets.FusionNet(
        width=len(state["first.weight"]),
        heads=(heads["encoders.0"], heads["encoders.1"], heads["encoders.2"], heads["latent"]),
        blocks=_count(state, "encoders.0"), latent=_count(state, "latent"),
        shrink=math.isqrt(state["first.weight"].shape[1] // (3 * (nets.CANDIDATES + 1))),
    ).eval()  # fmt: skip
    net.load_state_dict(state)

    def run(candidates: Sequence[Tile], damaged: Tile) -> Tile:
        height, width = damaged.shape[:2]
        beyond = ((0, -height % nets.MULTIPLE), (0, -width % nets.MULTIPLE), (0, 0))
        planes = [torch.from_numpy(np.pad(t, beyond, "reflect").transpose(2, 0, 1)) for t in (*candidates, damaged)]
        with torch.inference_mode():
            fused = net(torch.stack(planes[:-1])[None], planes[-1][None])[0]
        return np.ascontiguousarray(fused.clamp(0, 1).numpy().transpose(1, 2, 0)[:height, :width])

    return run


_LEVELS = ("encoders.0", "encoders.1", "encoders.2", "latent")


def _count(names: Iterable[str], part: str) -> int:
    """The number of blocks that a part of a network has, by the names of its weights."""
    return len({name.removeprefix(f"{part}.").split(".")[0] for name in names if name.startswith(f"{part}.")})


def _by_network(network: Network, candidates: Sequence[Pixels], original: Pixels, job: Job) -> Pixels:
    """Tile by tile; where tiles overlap, the result passes from one to the next."""
    height, width = original.shape[:2]
    sums, shares = np.zeros((height, width, 3), np.float32), np.zeros((height, width, 1), np.float32)
    places = [(y, x) for y in _starts(height) for x in _starts(width)]
    for number, (y, x) in enumerate(places):
        job.report(number / len(places))
        at = Bounds(x, y, min(NETWORK_TILE, width - x), min(NETWORK_TILE, height - y))
        fused = network([as_tile(cut(c, at)) for c in candidates], as_tile(cut(original, at)))
        share = (_ramp(at.height)[:, None] * _ramp(at.width))[..., None]
        sums[at.slices()] += share * fused
        shares[at.slices()] += share
    out: Any = np.empty_like(original)
    for y in range(0, height, ROWS):
        out[y : y + ROWS] = as_pixels(as_deep(sums[y : y + ROWS] / shares[y : y + ROWS]), original.dtype)
    return out


def _starts(side: int) -> list[int]:
    """Where tiles begin along a side: evenly, and the last one ends with it."""
    if side <= NETWORK_TILE:
        return [0]
    count = math.ceil((side - NETWORK_OVERLAP) / (NETWORK_TILE - NETWORK_OVERLAP))
    return [round(k * (side - NETWORK_TILE) / (count - 1)) for k in range(count)]


def _ramp(side: int) -> Plane:
    """How much a tile counts along its side: less towards its ends."""
    at = np.arange(side, dtype=np.float32) + 0.5
    return np.minimum(1, np.minimum(at, side - at) / NETWORK_OVERLAP)


# A part --------------------------------------------------------------------------------------------------------------


def merge_part(base: Pixels, source: Pixels, region: Region, checkpoint: Callable[[], None]) -> Pixels:
    """`base` with what the region selects taken from `source` (both H×W×3, uint8 or uint16, of one depth and size).

    Where the region selects in part, both are mixed in linear light; outside of it every pixel stays identical.
    checkpoint may raise.
    """
    out = base.copy()
    for y in range(region.bounds.y, region.bounds.bottom, ROWS):
        checkpoint()
        at = Bounds(region.bounds.x, y, region.bounds.width, min(ROWS, region.bounds.bottom - y))
        mask = region.within(at)
        before, after = cut(base, at), cut(source, at)
        mixed = as_pixels(as_deep(mix(as_tile(before), as_tile(after), _share(mask))), base.dtype)
        whole = mask[..., None]
        out[at.slices()] = np.where(whole == 0, before, np.where(whole == 255, after, mixed))
    return out


def _share(mask: NDArray[np.uint8]) -> Plane:
    return mask.astype(np.float32) / np.float32(255)
