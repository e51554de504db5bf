"""How a restoration is cut into tiles: planned from the memory there is, recorded, and used again on replay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from clarity_desktop.backend.methods.method import ComputeTarget, Method
from clarity_desktop.backend.restore import hardware
from clarity_desktop.backend.restore.layout import Grid, round_up
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Json

_LARGEST_SIDE = 1 << 20
_SMALLEST_TILE = 32


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The surroundings of a restoration that its pixels depend on. Recorded in Step.settings.

    tile is a side in pixels, shared borders included (0: the whole picture at once); overlap is how many pixels
    neighbours share. kept is there if memory ran out on the way: the larger tile sizes that were tried first, each
    with the numbers of the tiles that were finished by then and kept.
    """

    tile: int
    overlap: int
    place: ComputeTarget
    seed: int = 0
    kept: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def to_json(self) -> dict[str, Json]:
        recorded: dict[str, Json] = {
            "tile": self.tile,
            "overlap": self.overlap,
            "device": self.place.device,
            "dtype": self.place.dtype,
            "threads": self.place.threads,
            "seed": self.seed,
        }
        if self.kept:
            recorded["kept"] = [[tile, list[Json](numbers)] for tile, numbers in self.kept]
        return recorded

    @staticmethod
    def from_json(recorded: Json) -> TilePlan:
        """A recipe from a project file or a macro, which may hold anything. Raises UserError."""
        try:
            return _parsed(recorded)
        except (KeyError, TypeError, ValueError) as e:
            raise UserError(
                f"The settings recorded for this step cannot be used ({e}). Run the restoration anew instead."
            ) from None


def _parsed(recorded: Json) -> TilePlan:
    if not isinstance(recorded, Mapping):
        raise TypeError("they are not a table")
    device, dtype = recorded["device"], recorded["dtype"]
    if device not in ("cpu", "cuda", "mps") or dtype not in ("float32", "bfloat16"):
        raise ValueError(f"unknown device {device!r} or type {dtype!r}"[:80])
    at = ComputeTarget(device, dtype, _whole(recorded["threads"], 1, 4096))
    tile, overlap = _whole(recorded["tile"], 0, _LARGEST_SIDE), _whole(recorded["overlap"], 0, _LARGEST_SIDE)
    kept = tuple(_kept(entry) for entry in _sequence(recorded.get("kept", [])))
    for side in (tile, *(side for side, _ in kept)):
        if side and side <= overlap:
            raise ValueError(f"a tile of {side} cannot share {overlap} pixels")
    return TilePlan(tile, overlap, at, _whole(recorded.get("seed", 0), 0, (1 << 63) - 1), kept)


def _kept(entry: Json) -> tuple[int, tuple[int, ...]]:
    tile, numbers = _sequence(entry)
    return _whole(tile, 0, _LARGEST_SIDE), tuple(_whole(n, 0, _LARGEST_SIDE) for n in _sequence(numbers))


def _sequence(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _whole(value: Json, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a number of {low} to {high}"[:80])
    return value


def smallest_tile(method: Method, overlap: int) -> int:
    """The smallest side into which this method's work may be cut."""
    return round_up(max(_SMALLEST_TILE, 2 * overlap), method.multiple_of)


def halved(method: Method, overlap: int, side: int) -> int | None:
    """The tile to try after one of `side` pixels did not fit; None if it cannot be smaller."""
    if method.tiling == "no":
        return None
    smaller = side // 2 // method.multiple_of * method.multiple_of
    smaller = max(smaller, smallest_tile(method, overlap))
    return smaller if smaller < side else None


def padded_box(bounds: Bounds, method: Method, width: int, height: int) -> Bounds:
    """What is computed for a region: its bounds, the surroundings a method wants, and up to its multiple."""
    grown = bounds.grown(method.overlap // 2, width, height)
    x, across = _stretched(grown.x, grown.width, method.multiple_of, width)
    y, down = _stretched(grown.y, grown.height, method.multiple_of, height)
    return Bounds(x, y, across, down)


def _stretched(start: int, length: int, multiple_of: int, limit: int) -> tuple[int, int]:
    """Real pixels are better surroundings than padding: take them where the picture has them."""
    wanted = min(round_up(length, multiple_of), limit)
    return max(0, min(start - (wanted - length) // 2, limit - wanted)), wanted


def needed(method: Method, width: int, height: int, tile: int) -> int:
    """Bytes that a restoration of width × height pixels takes at its peak, beside the photo itself."""
    across, down = (round_up(min(side, tile or side), method.multiple_of) for side in (width, height))
    return method.base + _per_pixel(method) * across * down + _picture(method, width, height)


def _per_pixel(method: Method) -> int:
    """Of a tile: what the method takes, and the float32 copies and weights of its blending."""
    return method.memory + 36 + 36 * method.scale**2


def _picture(method: Method, width: int, height: int) -> int:
    """The result at 16 bits, and the sums of the tiles that are under way."""
    return 12 * width * height * method.scale**2


def plan(method: Method, width: int, height: int, place: ComputeTarget, free_memory: int) -> TilePlan:
    """How to restore width × height pixels within free_memory bytes. Raises UserError if that is too little.

    In tiles of the side that was measured to be best; a photo of no more than two such tiles stays in one piece.
    """
    recipe = TilePlan(0, method.overlap, place)
    measured_best = method.tile if method.tiling == "yes" else 0
    fits = needed(method, width, height, 0) <= free_memory
    if fits and (not measured_best or width * height <= 2 * measured_best**2):
        return recipe
    if method.tiling == "no":
        raise UserError(_too_little(method, needed(method, width, height, 0), free_memory))
    room = free_memory - method.base - _picture(method, width, height)
    side = math.isqrt(max(0, room) // _per_pixel(method)) // method.multiple_of * method.multiple_of
    side = min(side, measured_best or side)
    smallest = smallest_tile(method, method.overlap)
    if measured_best:
        smallest = min(smallest, round_up(measured_best, method.multiple_of))
    if side < smallest:
        raise UserError(_too_little(method, needed(method, width, height, smallest), free_memory))
    return replace(recipe, tile=side)


def _too_little(method: Method, wanted: int, free: int) -> str:
    return (
        f"{method.title} needs about {wanted / 1e9:.1f} GB of memory for this photo, and {free / 1e9:.1f} GB are free. "
        "Close other programs, restore a smaller region, or choose another method."
    )


def replay(recipe: TilePlan, method: Method, width: int, height: int, free_memory: int) -> tuple[TilePlan, str | None]:
    """The recorded recipe; or, where this machine does not allow it, the nearest one and a sentence that says so.

    Raises UserError if even the smallest tile does not fit, or if the record does not belong to this method.
    """
    if any(side % method.multiple_of for side in (recipe.tile, *(side for side, _ in recipe.kept))):
        raise UserError(
            f"The recorded tile of {recipe.tile} pixels does not suit {method.title}. Run the restoration anew instead."
        )
    at = recipe.place
    if not hardware.available(at.device):
        now = replace(plan(method, width, height, replace(at, device="cpu"), free_memory), seed=recipe.seed)
        return now, f"It was first computed on “{at.device}”, which is not available here: pixels may differ slightly."
    sides = [recipe.tile, *(side for side, _ in recipe.kept)]
    if max(needed(method, width, height, side) for side in sides) <= free_memory:
        return recipe, None
    now = plan(method, width, height, at, free_memory)
    smaller = replace(now, tile=_not_above(now.tile, recipe.tile), overlap=recipe.overlap, seed=recipe.seed)
    if smaller.tile and smaller.tile <= smaller.overlap:
        smaller = replace(smaller, overlap=now.overlap)
    if smaller == recipe:
        return recipe, None
    return smaller, (
        f"There is less memory now than when this step was recorded, so the photo is cut into tiles of {smaller.tile} "
        f"pixels ({recipe.tile or 'one piece'} then): pixels may differ slightly."
    )


def _not_above(tile: int, recorded: int) -> int:
    return min(tile, recorded) if tile and recorded else tile or recorded


def grid(method: Method, width: int, height: int, tile: int, overlap: int) -> Grid:
    return Grid.over(width, height, tile, overlap, method.multiple_of)


def seconds(method: Method, width: int, height: int, recipe: TilePlan, measured: Mapping[str, float]) -> float:
    """How long a restoration will take, from this machine's own measurements (machine.speeds) where there are any."""
    per_megapixel = measured.get(hardware.speed_key(method, recipe.place), method.speed)
    return grid(method, width, height, recipe.tile, recipe.overlap).area / 1e6 * per_megapixel
