"""The pixel functions of the classical methods: no weights, no torch, all on float32 RGB of 0..1."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.methods.method import Checkpoint
from clarity_desktop.values import Bounds, Mask, Pixels, Tile

Plane = NDArray[np.float32]
"""One value for each pixel: H×W float32."""

BLOCK = 256
"""Side of the pieces between two checkpoints: about 0.2 s of the slowest filter."""


def _opencv() -> Any:
    """OpenCV without its types, which do not tell one depth of values from another."""
    import cv2

    return cv2


def as_8bit(tile: Tile) -> NDArray[np.uint8]:
    """float32 H×W×3, 0..1, as uint8."""
    return np.rint(tile.clip(0, 1) * 255).astype(np.uint8)


def luma(tile: Tile) -> Plane:
    """The luma of Rec. 601: float32 H×W×3 to H×W, 0..1."""
    cv2 = _opencv()

    return cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY).astype(np.float32, copy=False)


def blocks(height: int, width: int, margin: int) -> Iterator[tuple[Bounds, Bounds]]:
    """Pieces of height × width pixels, each with the surroundings of `margin` pixels that it is computed from."""
    for y in range(0, height, BLOCK):
        for x in range(0, width, BLOCK):
            inner = Bounds(x, y, min(BLOCK, width - x), min(BLOCK, height - y))
            yield inner, inner.grown(margin, width, height)


# Noise ---------------------------------------------------------------------------------------------------------------

NOISE_FLOOR = 0.8 / 255
"""Noise below this is not seen."""
NLM_PATCH, NLM_SEARCH, NLM_COLOR = 7, 15, 4
"""Sides in pixels of what is compared and where; how much stronger color is smoothed than luma. Measured."""


def noise_level(tile: Tile) -> float:
    """Standard deviation of the noise in the luma (float32 H×W×3, 0..1), after Immerkær (1996).

    Measured in the quarter of the photo that has the least, where it is not mistaken for texture.
    """
    cv2 = _opencv()

    if min(tile.shape[:2]) < 3:
        return 0.0
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(luma(tile), -1, kernel)[1:-1, 1:-1]) / 6
    size = max(1, response.shape[1] // 16), max(1, response.shape[0] // 16)
    means = cv2.resize(response, size, interpolation=cv2.INTER_AREA)
    return float(np.percentile(means, 25)) * math.sqrt(math.pi / 2)


def non_local_means(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
    """Remove noise by non-local means, as strongly as the noise is (float32 H×W×3, 0..1). Raises JobCancelled."""
    cv2 = _opencv()

    job.checkpoint()
    level = noise_level(tile)
    if level < NOISE_FLOOR:
        return tile
    given, out = as_8bit(tile), np.empty_like(tile)
    strength = 255 * level
    for inner, outer in blocks(tile.shape[0], tile.shape[1], NLM_PATCH // 2 + NLM_SEARCH // 2):
        job.checkpoint()
        part = np.ascontiguousarray(given[outer.slices()])
        # OpenCV takes blue first; its Lab would otherwise weight red like blue.
        clean = cv2.fastNlMeansDenoisingColored(
            part[..., ::-1], None, strength, NLM_COLOR * strength, NLM_PATCH, NLM_SEARCH
        )[..., ::-1]
        out[inner.slices()] = clean[_within(inner, outer)] / np.float32(255)
    return out


def _within(inner: Bounds, outer: Bounds) -> tuple[slice, slice]:
    return Bounds(inner.x - outer.x, inner.y - outer.y, inner.width, inner.height).slices()


# Light ---------------------------------------------------------------------------------------------------------------

MIDDLE = 0.4
"""The geometric mean of luma to which the tone curve leads."""
CELLS, BINS, CLIP = 8, 256, 4.0
"""Of CLAHE: cells along each side, bins of a histogram, how far one bin may exceed the mean of all."""


def middle_gamma(tile: Tile) -> float:
    """The exponent that brings the geometric mean of luma (float32 H×W×3, 0..1) to MIDDLE; within 1/4 and 4."""
    mean = float(np.exp(np.log(luma(tile) + 1e-3).mean()))
    return float(np.clip(math.log(MIDDLE) / math.log(min(0.99, mean)), 0.25, 4.0))


def equalize(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
    """Adaptive histogram equalization with a clip limit (CLAHE, Zuiderveld 1994) of the luma; colors keep their ratios.

    tile: float32 H×W×3, 0..1. The histograms have 256 bins, the mapping between them is linear, so that 16-bit photos
    keep their gradations. Raises JobCancelled.
    """
    from scipy.ndimage import map_coordinates

    light = luma(tile)
    height, width = light.shape
    table = _cell_curves(light)
    across = np.broadcast_to((np.arange(width) + 0.5) / width * CELLS - 0.5, (1, width))
    out = np.empty_like(tile)
    step = max(1, BLOCK * BLOCK // width)
    for top in range(0, height, step):
        job.checkpoint()
        rows = slice(top, min(height, top + step))
        part = light[rows]
        down = ((np.arange(rows.start, rows.stop) + 0.5) / height * CELLS - 0.5)[:, None]
        at: Any = np.broadcast_arrays(down, across, part * BINS)
        mapped = map_coordinates(table, at, order=1, mode="nearest")
        out[rows] = tile[rows] * (mapped / np.maximum(part, 1 / BINS))[..., None]
    return out


def _cell_curves(light: Plane) -> NDArray[np.float32]:
    """The curve of each cell at the edges of the bins: CELLS×CELLS×(BINS + 1) float32, 0..1. light: H×W, 0..1."""
    rows, columns = (np.linspace(0, side, CELLS + 1).round().astype(int) for side in light.shape)
    table = np.zeros((CELLS, CELLS, BINS + 1), np.float32)
    for r in range(CELLS):
        for c in range(CELLS):
            # A photo may be smaller than the number of cells.
            cell = light[rows[r] : max(rows[r + 1], rows[r] + 1), columns[c] : max(columns[c + 1], columns[c] + 1)]
            counts = np.histogram(cell, BINS, (0.0, 1.0))[0].astype(np.float64)
            limit = CLIP * max(1, cell.size) / BINS
            excess = np.maximum(counts - limit, 0).sum()
            counts = np.minimum(counts, limit) + excess / BINS
            table[r, c, 1:] = counts.cumsum() / max(counts.sum(), 1)
    return table


# Haze ----------------------------------------------------------------------------------------------------------------

DARK_SIDE, PATCH = 600, 15
"""The photo is reduced to this longest side to look for haze, in patches of this side."""
HAZE_KEPT, THINNEST = 0.1, 0.1
"""Share of the haze that is left for depth, and the least light of the scene that is assumed to come through."""


def air_light(photo: Tile) -> NDArray[np.float32]:
    """The color of the haze, 3 values above 0: the mean of the 0.1 % haziest pixels (float32 H×W×3, 0..1)."""
    cv2 = _opencv()

    dark = cv2.erode(photo.min(2), np.ones((PATCH, PATCH), np.uint8)).ravel()
    count = max(1, len(dark) // 1000)
    haziest = np.argpartition(dark, -count)[-count:]
    return photo.reshape(-1, 3)[haziest].mean(0).clip(0.05, 1).astype(np.float32)


def remove_haze(tile: Tile, air: NDArray[np.float32], job: Checkpoint) -> Tile:
    """The dark channel prior (He, Sun and Tang, CVPR 2009), smoothed by a guided filter at reduced size.

    tile: float32 H×W×3, 0..1. air: 3 values above 0. Raises JobCancelled.
    """
    cv2 = _opencv()

    height, width = tile.shape[:2]
    factor = min(1.0, DARK_SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(tile, size, interpolation=cv2.INTER_AREA)
    job.checkpoint()
    dark = cv2.erode((small / air).min(2), np.ones((PATCH, PATCH), np.uint8))
    slope, offset = _guide(luma(small), 1 - (1 - HAZE_KEPT) * dark, 4 * PATCH, 1e-3)
    job.checkpoint()
    # He and Sun, Fast Guided Filter (2015): the coefficients are smooth, so they can be enlarged.
    slope, offset = (cv2.resize(c, (width, height), interpolation=cv2.INTER_LINEAR) for c in (slope, offset))
    out = np.empty_like(tile)
    step = max(1, 4 * BLOCK * BLOCK // width)
    for top in range(0, height, step):
        job.checkpoint()
        rows = slice(top, top + step)
        seen = np.maximum(slope[rows] * luma(tile[rows]) + offset[rows], THINNEST)
        out[rows] = (tile[rows] - air) / seen[..., None] + air
    return out


def _guide(guide: Plane, values: Plane, radius: int, smoothing: float) -> tuple[Plane, Plane]:
    """The slope and offset (H×W) by which a guided filter computes smoothed values from the guide (both H×W)."""
    cv2 = _opencv()

    def mean(plane: Any) -> Any:
        return cv2.blur(plane, (2 * radius + 1, 2 * radius + 1))

    guide_mean, value_mean = mean(guide), mean(values)
    slope = (mean(guide * values) - guide_mean * value_mean) / (mean(guide**2) - guide_mean**2 + smoothing)
    return mean(slope), mean(value_mean - slope * guide_mean)


# Blur ----------------------------------------------------------------------------------------------------------------

SHARP, WIDEST, ROUNDS = 1.75, 4.0, 5
"""Width in pixels below which a photo stays, the widest that is corrected, and rounds of the iteration.

Narrower edges are sharp, or smeared in one direction only, which a Gaussian would not undo (measured).
"""


def blur_width(tile: Tile) -> float:
    """The width of the edges as that of a Gaussian, in pixels; 0 where there are none. tile: float32 H×W×3, 0..1.

    Blurred once more by a known width, wide edges lose less of their slope than sharp ones (Zhuo and Sim, 2011).
    """
    cv2 = _opencv()

    light = cv2.GaussianBlur(luma(tile), (0, 0), 0.7)  # against noise
    slopes, weaker = _slopes(light), _slopes(cv2.GaussianBlur(light, (0, 0), 1.0))
    edge = (weaker >= max(float(np.percentile(weaker, 95)), 1e-3)) & (cv2.dilate(weaker, np.ones((5, 5))) == weaker)
    if edge.sum() < 20:
        return 0.0
    ratio = float(np.median(slopes[edge] / weaker[edge]))
    return 1 / math.sqrt(max(ratio**2 - 1, 1e-3))


def _slopes(light: Any) -> Plane:
    cv2 = _opencv()

    return np.hypot(cv2.Sobel(light, -1, 1, 0), cv2.Sobel(light, -1, 0, 1))


def deconvolve(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
    """Richardson–Lucy deconvolution (1972) in linear light with a Gaussian as wide as the edges; a sharp photo stays.

    tile: float32 H×W×3, 0..1. Raises JobCancelled.
    """
    cv2 = _opencv()

    job.checkpoint()
    width = blur_width(tile)
    if width < SHARP:
        return tile
    width = min(width, WIDEST)
    soften = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=width)
    out = np.empty_like(tile)
    # Each round looks twice as far as the Gaussian, whose filter OpenCV cuts off at 4 widths.
    for inner, outer in blocks(tile.shape[0], tile.shape[1], math.ceil(ROUNDS * 4 * width)):
        observed = linear(tile[outer.slices()]) + np.float32(1e-3)
        estimate = observed
        for _ in range(ROUNDS):
            job.checkpoint()
            estimate = estimate * soften(observed / np.maximum(soften(estimate), 1e-4))
        out[inner.slices()] = encoded(estimate - np.float32(1e-3))[_within(inner, outer)]
    return out


def linear(tile: Tile) -> Tile:
    """sRGB values (H×W×3 float32, 0..1) as linear light, 0..1."""
    return np.where(tile <= 0.04045, tile / 12.92, ((tile + 0.055) / 1.055) ** 2.4).astype(np.float32)


def encoded(light: Tile) -> Tile:
    """Linear light (H×W×3 float32) as sRGB values, clipped to 0..1."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


# Shadow --------------------------------------------------------------------------------------------------------------

SHADOW_SIDE = 256
"""The photo is reduced to this longest side to look for a shadow."""
DEPTHS = 0.5, 1.85
"""By how much a shadow is darker, as a natural logarithm of light: less is not seen, more is a dark object."""
CLEAR = 3.0
"""How much the step at a border must exceed its variation along the border for the region to be a shadow; measured."""
_STEP = 4


@dataclass(frozen=True, slots=True, eq=False)
class Shadow:
    """A shadow: where it is (h×w float32, 0 or 1, of the reduced photo), and by how much light is less, for each color.

    clarity: how much the step at its border exceeds its variation along the border.
    """

    where: Plane
    depth: NDArray[np.float32]
    clarity: float


def find_shadow(photo: Tile, job: Checkpoint) -> Shadow | None:
    """The darker region of a photo (float32 H×W×3, 0..1) whose border is that of a shadow; None without a clear one.

    Across the border of a shadow the light changes by the same factor everywhere, in all colors alike; at the border of
    an object it does not (after Guo, Dai and Hoiem, Single-Image Shadow Detection, CVPR 2011). Raises JobCancelled.
    """
    cv2 = _opencv()

    factor = min(1.0, SHADOW_SIDE / max(photo.shape[:2]))
    size = max(1, round(photo.shape[1] * factor)), max(1, round(photo.shape[0] * factor))
    light = np.log(linear(cv2.resize(photo, size, interpolation=cv2.INTER_AREA)) + np.float32(0.01))
    smooth = cv2.bilateralFilter(light.mean(2), 9, 0.4, 5)
    best: Shadow | None = None
    for level in np.percentile(smooth, range(10, 66, 5)):
        job.checkpoint()
        dark = (smooth < level).astype(np.uint8)
        for operation in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE):
            dark = cv2.morphologyEx(dark, operation, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(dark)
        for number in range(1, count):
            if 0.04 < stats[number, cv2.CC_STAT_AREA] / dark.size < 0.6:
                found = _as_shadow(light, (labels == number).astype(np.uint8))
                if found is not None and (best is None or found.clarity > best.clarity):
                    best = found
    return best if best is not None and best.clarity >= CLEAR else None


def _as_shadow(light: Tile, region: NDArray[np.uint8]) -> Shadow | None:
    """A region (H×W uint8, 0 or 1) as a shadow in the logarithm of light (float32 H×W×3); None for one that is none."""
    cv2 = _opencv()

    inside, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 3) for part in (region, 1 - region))
    near = 4 * _STEP + 1
    means, shares = [], []
    for distance in (inside, outside):
        band = ((distance > 1.5) & (distance < 2.5 * _STEP)).astype(np.float32)
        share = cv2.blur(band, (near, near))
        shares.append(share)
        means.append(cv2.blur(light * band[..., None], (near, near)) / np.maximum(share, 1e-6)[..., None])
    border = (inside > 0) & (inside <= 1.5) & (shares[0] > 0.08) & (shares[1] > 0.08)
    if border.sum() < 40:
        return None
    steps = (means[0] - means[1])[border]
    step = np.median(steps, 0)
    spread = float(np.median(np.abs(steps - step), 0).mean()) * 1.48
    tints = steps - steps.mean(1, keepdims=True)
    tint = float(np.median(np.abs(tints - (step - step.mean())), 0).mean())
    depth = -float(step.mean())
    if not DEPTHS[0] <= depth <= DEPTHS[1]:
        return None
    return Shadow(region.astype(np.float32), -step.astype(np.float32), depth / (spread + 0.12) - 6 * tint)


def relight(tile: Tile, shadow: Shadow, job: Checkpoint) -> Tile:
    """Brighten what lies in a shadow of the same photo (float32 H×W×3, 0..1). Raises JobCancelled."""
    cv2 = _opencv()

    job.checkpoint()
    height, width = tile.shape[:2]
    where = cv2.resize(shadow.where, (width, height), interpolation=cv2.INTER_LINEAR)
    where = cv2.GaussianBlur(where, (0, 0), 1.6 * max(1.0, max(height, width) / SHADOW_SIDE))
    job.checkpoint()
    offset = np.float32(0.01)
    return encoded((linear(tile) + offset) * np.exp(shadow.depth * where[..., None]) - offset)


# JPEG ----------------------------------------------------------------------------------------------------------------

QUALITIES = range(5, 96, 5)
GHOST = 0.3
"""How clearly one quality must reproduce the photo better than its neighbors for it to count as compressed."""
FINER = 5
"""Quality above the photo's at which it is compressed again; measured."""


def jpeg_quality(photo: Pixels) -> int | None:
    """The JPEG quality at which a photo (uint8 H×W×3) was compressed; None if no trace of it is found.

    Compressed again at the same quality a photo hardly changes (“JPEG ghosts”, Farid 2009).
    """
    errors = [float(np.mean((_compressed(photo, q).astype(np.float32) - photo) ** 2)) for q in QUALITIES]
    logs = np.log(np.maximum(errors, 1e-3))
    dips = (logs[:-2] + logs[2:]) / 2 - logs[1:-1]
    best = int(dips.argmax())
    return QUALITIES[best + 1] if dips[best] > GHOST else None


def _compressed(photo: Pixels, quality: int) -> Any:
    cv2 = _opencv()

    # The channels are in the wrong order for OpenCV, which JPEG would show: blue is stored more coarsely than red.
    _, code = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]


def deblock(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
    """Average the photo with copies compressed again on shifted grids (Nosratinia 2001), which hides the blocks.

    tile: float32 H×W×3, 0..1; it returns as it is if no trace of JPEG is found. Raises JobCancelled.
    """
    cv2 = _opencv()

    given = as_8bit(tile)
    height, width = given.shape[:2]
    # A part tells the quality as well as the whole; it keeps the grid of the blocks.
    top, left = (max(0, side - 1024) // 2 // 16 * 16 for side in (height, width))
    job.checkpoint()
    found = jpeg_quality(np.ascontiguousarray(given[top : top + 1024, left : left + 1024]))
    if found is None:
        return tile
    out = np.empty_like(tile)
    for inner, outer in blocks(height, width, 16):
        job.checkpoint()
        part = np.ascontiguousarray(given[outer.slices()])
        total, count = part.astype(np.float32), 1
        rows, columns = part.shape[:2]
        for down in range(0, 8, 2):
            for across in range(0, 8, 2):
                if down or across:
                    moved = cv2.copyMakeBorder(part, down, 0, across, 0, cv2.BORDER_REFLECT)
                    total += _compressed(moved, found + FINER)[down : down + rows, across : across + columns]
                    count += 1
        out[inner.slices()] = total[_within(inner, outer)] / np.float32(255 * count)
    return out


# Missing parts -------------------------------------------------------------------------------------------------------

HOLE = 60_000
"""Pixels of a hole that are filled at once, about 0.3 s; a larger one is filled reduced, then along its edge."""
REACH = 3
"""Radius in pixels of what OpenCV looks at."""

Fill = Callable[[Tile, Mask], Tile]


def telea(tile: Tile, mask: Mask) -> Tile:
    """Inpainting by fast marching (Telea 2004): float32 H×W×3, 0..1, and uint8 H×W, above 0 where to fill."""
    cv2 = _opencv()

    # OpenCV's is wrong for float32.
    return cv2.inpaint(as_8bit(tile), mask, REACH, cv2.INPAINT_TELEA) / np.float32(255)


def navier_stokes(tile: Tile, mask: Mask) -> Tile:
    """Inpainting by fluid dynamics (Bertalmío et al. 2001): float32 H×W×3, 0..1, and uint8 H×W, above 0 to fill."""
    cv2 = _opencv()

    planes = [cv2.inpaint(np.ascontiguousarray(tile[..., k]), mask, REACH, cv2.INPAINT_NS) for k in range(3)]
    return np.dstack(planes).astype(np.float32, copy=False)


def fill_holes(tile: Tile, mask: Mask | None, job: Checkpoint, fill: Fill) -> Tile:
    """Fill each hole of the mask (uint8 H×W, above 0) from its surroundings (float32 H×W×3). Raises JobCancelled."""
    cv2 = _opencv()

    if mask is None or not mask.any():
        return tile
    holes = (mask > 0).astype(np.uint8)
    out = tile.copy()
    margin = 2 * REACH + 2
    # Holes whose surroundings overlap are filled together: what is missing must not be taken for the photo.
    near = cv2.dilate(holes, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    for number in range(1, count):
        job.checkpoint()
        x, y, width, height = (int(v) for v in stats[number, :4])
        at = np.s_[y : y + height, x : x + width]
        own = (labels[at] == number) & (holes[at] > 0)
        # Other holes in the box count as missing too, but are filled in their own turn.
        filled = _filled(np.ascontiguousarray(tile[at]), holes[at].copy(), job, fill)
        out[at][own] = filled[own]
    return out


def _filled(tile: Tile, holes: Mask, job: Checkpoint, fill: Fill) -> Tile:
    """The tile (float32 H×W×3) with its holes (uint8 H×W, above 0) filled; large ones from a reduced copy."""
    cv2 = _opencv()

    job.checkpoint()
    area = int(np.count_nonzero(holes))
    if area <= HOLE:
        return fill(tile, holes)
    factor = math.sqrt(HOLE / area)
    height, width = holes.shape
    size = max(8, round(width * factor)), max(8, round(height * factor))
    known = (holes == 0).astype(np.float32)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    # Only what is known counts for the reduced pixels along the edge of a hole.
    colors = cv2.resize(tile * known[..., None], size, interpolation=cv2.INTER_AREA)
    reduced = colors / np.maximum(share, 1e-6)[..., None]
    coarse = fill(reduced.astype(np.float32), (share < 0.5).astype(np.uint8))
    edge = math.ceil(1 / factor) + REACH
    core = cv2.erode(holes, np.ones((2 * edge + 1, 2 * edge + 1), np.uint8))
    tile = np.where(core[..., None] > 0, cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), tile)
    job.checkpoint()
    return fill(np.ascontiguousarray(tile, np.float32), holes & ~(core > 0))
