"""A method on a photo of any size: crop to the region, cut into tiles, run, check, blend back.

All that methods have in common is written here once: padding, tiles, memory, depth, strength, masks, cancellation.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, ContextAware, Method, Run
from clarity_desktop.backend.restore import hardware
from clarity_desktop.backend.restore.blend import Blend, Deep, as_deep, as_pixels, as_tile, cut, feathered, mix
from clarity_desktop.backend.restore.hardware import budget, free_memory, model_budget, place, speeds
from clarity_desktop.backend.restore.inputs import overview, padded
from clarity_desktop.backend.restore.layout import Grid
from clarity_desktop.backend.restore.tile_plan import (
    TilePlan,
    grid,
    halved,
    needed,
    padded_box,
    plan,
    replay,
    seconds,
)
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.values import Bounds, Mask, Pixels, Region, Tile

__all__ = [
    "RestoreResult",
    "TilePlan",
    "budget",
    "estimate",
    "free_memory",
    "model_budget",
    "padded_box",
    "place",
    "plan",
    "replay",
    "restore",
    "seconds",
    "speeds",
]  # fmt: skip


_TELLING = 0.25
"""Seconds between two reports of progress inside a tile."""


class ProgressSink(Checkpoint, Protocol):
    """What a restoration needs of a Job: `worker.Job` in the program, a stand-in in tests."""

    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None:
        """Report progress, let short work run; raises Aborted when cancelled."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RestoreResult:
    """A finished restoration. recipe is what was really used; changed is where pixels may differ, in the result's
    pixels.
    """

    pixels: Pixels
    recipe: TilePlan
    notes: tuple[str, ...]
    changed: Bounds


def restore(
    pixels: Pixels,
    method: Method,
    run: Run,
    recipe: TilePlan,
    *,
    job: ProgressSink,
    on_tile: Callable[[Bounds, Pixels], None],
    reload: Callable[[ComputeTarget], Run],
    region: Region | None = None,
    feather: int = 0,
    strength: float = 1.0,
    visible: Bounds | None = None,
) -> RestoreResult:
    """Restore a photo, or only a region of it; what lies outside the region stays bit by bit.

    Returns pixels of the input's depth, method.scale times as large. feather (pixels) softens the region inside its
    edge; strength (0..1) below 1 blends with the input in linear light. Tiles run from the centre of what is visible
    outwards; on_tile gets each at once, as it will look: final, but for borders shared with tiles still to come,
    which those paint again. reload gives the method anew in another place, if its numbers fail in bfloat16.
    Raises UserError (memory, unusable results, a region that does not fit), Aborted, and what the method raises.
    """
    work = _prepare(pixels, method, region, feather, strength)
    notes: tuple[str, ...] = ()
    try:
        try:
            return _Attempt(work, run, recipe, job, on_tile, visible).result(notes)
        except _UnusableError as e:
            if recipe.place.dtype == "float32":
                raise UserError(_unusable(method, e)) from None
            notes = (f"{method.title} failed in {recipe.place.dtype} ({e}) and was run again in float32.",)
        recipe = replace(recipe, place=replace(recipe.place, dtype="float32"), kept=())
        return _Attempt(work, reload(recipe.place), recipe, job, on_tile, visible).result(notes)
    except _UnusableError as e:
        raise UserError(_unusable(method, e)) from None
    except MemoryError:
        wanted = needed(method, work.box.width, work.box.height, recipe.tile) / 1e9
        raise UserError(
            f"Memory ran out: {method.title} needs about {wanted:.1f} GB for this, even in small tiles. The photo is "
            "unchanged. Close other programs, restore a smaller region, or choose another method."
        ) from None


def estimate(method: Method, width: int, height: int, settings: Settings) -> float:
    """Seconds that a restoration of width × height pixels would take here and now. Raises UserError as `plan`."""
    at = place(settings)
    recipe = plan(method, width, height, at, budget(settings, at.device))
    return seconds(method, width, height, recipe, hardware.speeds())


class _UnusableError(Exception):
    """What a method returned cannot be shown as a photo."""


def _unusable(method: Method, error: _UnusableError) -> str:
    return (
        f"{method.title} gave no usable result ({error}). The photo is unchanged. Try another method, or choose the "
        "device “cpu” in the preferences."
    )


# What is asked -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What to compute: a box of the photo, and how much of each of its pixels changes (None: all of it)."""

    pixels: Pixels
    method: Method
    box: Bounds
    holes: Mask | None  # of the photo, where the method fills them
    soft: Mask | None  # of the box: what is selected, feathered
    strength: float
    changed: Bounds


def _prepare(pixels: Pixels, method: Method, region: Region | None, feather: int, strength: float) -> _Work:
    height, width = pixels.shape[:2]
    whole = Bounds(0, 0, width, height)
    if not 0 <= strength <= 1:
        raise UserError(f"The strength is {strength:g}. Give one between 0 (nothing) and 1 (all).")
    if region is None:
        if method.needs_mask:
            raise UserError(f"{method.title} needs a region: mark first what is to be replaced.")
        return _Work(pixels, method, whole, None, None, strength, whole)
    if method.scale != 1:
        raise UserError(f"{method.title} changes the size of the whole photo. Clear the region, or crop to it first.")
    if (region.width, region.height) != (width, height):
        raise UserError(
            f"The region was made for a photo of {region.width} × {region.height} pixels, this one has "
            f"{width} × {height}. Select it anew."
        )
    inside = _selected(region)
    box = padded_box(inside, method, width, height)
    mask = region.within(box)
    holes = region.full() if method.needs_mask else None
    return _Work(pixels, method, box, holes, _soft(mask, inside, box, method, feather), strength, inside)


def _selected(region: Region) -> Bounds:
    try:
        part = Region.of(region.mask).bounds  # a stored mask may be empty at its edges
    except ValueError:
        raise UserError("The region is empty. Select a part of the photo first.") from None
    return Bounds(region.bounds.x + part.x, region.bounds.y + part.y, part.width, part.height)


def _soft(mask: Mask, inside: Bounds, box: Bounds, method: Method, feather: int) -> Mask:
    """Where a method fills a hole, what was in the hole must not shine through: there the edge stays."""
    if method.needs_mask:
        return mask
    # Padding may end at the region: a line of what lies beyond tells the feather that there is an edge.
    near = Bounds(inside.x - box.x, inside.y - box.y, inside.width, inside.height).grown(1, box.width, box.height)
    soft = np.zeros_like(mask)
    soft[near.slices()] = feathered(mask[near.slices()], feather)
    return soft


# Doing it ------------------------------------------------------------------------------------------------------------


class _Attempt:
    """One pass over the box: every tile of the recipe, in smaller ones if memory runs out."""

    def __init__(
        self,
        work: _Work,
        run: Run,
        recipe: TilePlan,
        job: ProgressSink,
        on_tile: Callable[[Bounds, Pixels], None],
        visible: Bounds | None,
    ) -> None:
        self._work, self._run, self._recipe, self._job, self._on_tile = work, run, recipe, job, on_tile
        self._scale = work.method.scale
        box = Bounds(*(self._scale * side for side in (work.box.x, work.box.y, work.box.width, work.box.height)))
        self._origin = box.x, box.y
        self._out = _canvas(work.pixels, self._scale)
        self._blend = Blend(cut(self._out, box), self._scale)
        seen = visible.cut(work.box) if visible else work.box
        x, y = (seen if seen.area else work.box).centre
        self._focus = x - work.box.x, y - work.box.y
        self._computed, self._seconds, self._fraction = 0, 0.0, 0.0
        self._seeing: Run | None = None
        self._within = _TileProgress(job, 0.0, 0.0, "", 0.0, 0.0)

    def result(self, notes: tuple[str, ...]) -> RestoreResult:
        """Run all tiles. Raises _UnusableError, UserError, MemoryError, Aborted and what the method raises."""
        _settle_torch(self._recipe)
        kept: list[tuple[int, tuple[int, ...]]] = []
        for tile, numbers in self._recipe.kept:
            done = self._pass(tile, frozenset(numbers))
            self._blend.regrid()
            kept.append((tile, numbers if done is None else tuple(sorted(done))))
        tile: int | None = self._recipe.tile
        done = self._pass(tile, None)
        while done is not None:  # memory ran out
            if done:
                kept.append((tile, tuple(sorted(done))))
                self._blend.regrid()
            tile = halved(self._work.method, self._recipe.overlap, self._side(tile))
            if tile is None:
                raise MemoryError
            notes = (*notes, f"Memory ran out, so the rest was done in smaller tiles of {tile} pixels.")
            done = self._pass(tile, None)
        self._job.report(1.0, seconds_left=0.0)
        used = replace(self._recipe, tile=tile, kept=tuple(kept))
        changed = self._work.changed
        changed = Bounds(*(self._scale * side for side in (changed.x, changed.y, changed.width, changed.height)))
        self._out.flags.writeable = False
        hardware.remember(self._work.method, used.place, self._computed / 1e6, self._seconds)
        return RestoreResult(self._out, used, notes, changed)

    def _grid(self, tile: int) -> Grid:
        box = self._work.box
        return grid(self._work.method, box.width, box.height, tile, self._recipe.overlap)

    def _side(self, tile: int) -> int:
        """The longer side of what a method was really given."""
        tiles = self._grid(tile)
        return max(tiles.columns.side, tiles.rows.side)

    def _pass(self, tile: int, only: frozenset[int] | None) -> set[int] | None:
        """Run the tiles of one size (only some of them: what a recipe kept). Returns None once all are done, or,
        where memory ran out, the numbers of those that are.
        """
        tiles = self._grid(tile)
        order = [n for n in tiles.order(self._focus) if only is None or n in only]
        order = [n for n in order if self._blend.wants(tiles.cell(n, self._scale))]
        before, done = self._fraction, set[int]()
        for count, number in enumerate(order):
            self._fraction = before + (1 - before) * count / len(order)
            each = self._expected(tiles.tile(number).area)
            note = f"Tile {count + 1} of {len(order)}" if len(order) > 1 else ""
            share = (1 - before) / len(order)
            self._within = _TileProgress(self._job, self._fraction, share, note, each, each * (len(order) - count - 1))
            self._within.tell()
            if not self._tile(tiles, number):
                self._fraction = self._within.reached
                return done
            done.add(number)
        return None

    def _expected(self, area: int) -> float:
        """Seconds that the method will take for so many pixels: as its tiles did just now, else as it did before."""
        if self._computed:
            return self._seconds * area / self._computed
        method = self._work.method
        return hardware.speeds().get(hardware.speed_key(method, self._recipe.place), method.speed) * area / 1e6

    def _tile(self, tiles: Grid, number: int) -> bool:
        """Compute, check, blend and show one tile. False if there was no memory for it."""
        work, cell = self._work, tiles.cell(number, self._scale)
        at = tiles.tile(number).cut(Bounds(0, 0, work.box.width, work.box.height))
        source = cut(cut(work.pixels, work.box), at)
        inner = Bounds(cell.x - at.x * self._scale, cell.y - at.y * self._scale, cell.width, cell.height).slices()
        if not work.strength or (work.soft is not None and not work.soft[at.slices()][inner].any()):
            self._blend.add(tiles, number, as_deep(_enlarged(as_tile(source), self._scale))[inner])
            return True
        try:
            after = self._computed_tile(self._run_over(tiles), source, at)
        except (MemoryError, RuntimeError) as e:
            if not _out_of_memory(e):
                raise
            after = None
        if after is None:  # outside the except block: the exception holds on to the memory
            _let_go()
            return False
        shown = self._blend.add(tiles, number, self._blended(source, after, at)[inner])
        shown.flags.writeable = False
        self._on_tile(Bounds(cell.x + self._origin[0], cell.y + self._origin[1], cell.width, cell.height), shown)
        return True

    def _run_over(self, tiles: Grid) -> Run:
        """The method for these tiles: if they are not all of the photo at once, it may want to see that first."""
        work, run = self._work, self._run
        whole = len(tiles) == 1 and (work.box.height, work.box.width) == work.pixels.shape[:2]
        if whole or not isinstance(run, ContextAware):
            return run
        if self._seeing is None:
            self._seeing = run.for_photo(*overview(work.pixels, work.holes, work.method), self._within)
        return self._seeing

    def _computed_tile(self, run: Run, source: Pixels, at: Bounds) -> Tile:
        """What the method makes of a tile, checked and without padding; not clipped."""
        method, tile = self._work.method, as_tile(source)
        residual = method.residual and method.scale == 1 and source.dtype == np.uint16
        given = as_tile(as_pixels(as_deep(source), np.dtype(np.uint8))) if residual else tile
        holes = self._work.holes
        mask = None if holes is None else padded(holes[self._work.box.slices()][at.slices()], method)
        started = time.monotonic()
        after = run(padded(given, method), mask, self._within)
        self._seconds += time.monotonic() - started
        self._computed += at.area
        after = after[: at.height * method.scale, : at.width * method.scale]
        _check(given, after)
        return np.add(tile, after - given, dtype=np.float32) if residual else after

    def _blended(self, source: Pixels, after: Tile, at: Bounds) -> Deep:
        """The tile with strength and mask applied, 16 bits deep. Where nothing changes, the input's own values."""
        work = self._work
        if work.strength == 1 and work.soft is None:
            return as_deep(after)
        amount = np.full(after.shape[:2], work.strength, np.float32)
        if work.soft is not None:
            amount *= np.divide(work.soft[at.slices()], 255, dtype=np.float32)
        before = _enlarged(as_tile(source), self._scale)
        mixed = as_deep(mix(before, after.clip(0, 1), amount))
        return mixed if self._scale != 1 else np.where(amount[..., None] > 0, mixed, as_deep(source))


class _TileProgress:
    """The breath of a method inside one tile: a large tile takes minutes, in which progress goes on by the clock."""

    def __init__(self, job: ProgressSink, start: float, share: float, note: str, expected: float, after: float) -> None:
        """start and share: of the whole progress; expected: seconds for this tile; after: for those that follow."""
        self._job, self._start, self._share, self._note = job, start, share, note
        self._expected, self._after = max(expected, 1e-3), after
        self._began, self._told = time.monotonic(), 0.0
        self.reached = start

    def checkpoint(self) -> None:
        if time.monotonic() - self._told < _TELLING:
            self._job.checkpoint()
        else:
            self.tell()

    def tell(self) -> None:
        gone = time.monotonic() - self._began if self._told else 0.0
        self._told = time.monotonic()
        # Near its end a tile that takes longer than expected slows down instead of standing still.
        part = gone / (gone + max(self._expected - gone, 0.1 * self._expected))
        left = max(self._expected - gone, 0.1 * self._expected) + self._after
        self.reached = self._start + self._share * part
        self._job.report(self.reached, self._note, left)


def _canvas(pixels: Pixels, scale: int) -> Pixels:
    if scale == 1:
        return pixels.copy()
    canvas: Any = np.zeros((pixels.shape[0] * scale, pixels.shape[1] * scale, 3), pixels.dtype)
    return canvas


def _enlarged(tile: Tile, scale: int) -> Tile:
    """What an upscaler's result is blended with: the plain enlargement."""
    if scale == 1:
        return tile
    import cv2

    size = tile.shape[1] * scale, tile.shape[0] * scale
    return cv2.resize(tile, size, interpolation=cv2.INTER_CUBIC).clip(0, 1).astype(np.float32, copy=False)


def _check(before: Tile, after: Tile) -> None:
    """Raises _UnusableError for what no restoration gives: NaN, Inf, or one flat colour where there was a picture."""
    if not np.isfinite(after).all():
        raise _UnusableError("its numbers overflowed")
    if before.std() < 4 / 255:
        return  # nearly flat before: a flat result may be right
    if after.max() < 0.5 / 255:
        raise _UnusableError("a black picture")
    if after.std() < 0.1 / 255:
        raise _UnusableError("one flat colour")


# Memory and torch ----------------------------------------------------------------------------------------------------

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc", "Insufficient memory")


def _out_of_memory(error: Exception) -> bool:
    """MemoryError, and the RuntimeErrors by which torch says the same for its devices."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def _let_go() -> None:
    """Give back what the failed tile held."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _settle_torch(recipe: TilePlan) -> None:
    """Threads and seed as recorded; a method without torch has none."""
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(recipe.place.threads)
        torch.manual_seed(recipe.seed)
