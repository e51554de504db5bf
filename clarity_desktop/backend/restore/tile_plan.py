"""How a restoration is cut into tiles: planned from the memory there is, recorded, and used again on replay."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from clarity_desktop.backend.methods.method import ComputeTarget, Method
from clarity_desktop.backend.restore import hardware
from clarity_desktop.backend.restore.layout import Grid, round_up
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, size
from clarity_desktop.values import Bounds, Json

log = logging.getLogger(__name__)

_LARGEST_SIDE = 1 << 20
_SMALLEST_TILE = 32


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The surroundings of a restoration that its pixels depend on. Recorded in Step.settings.

    tile is a side in pixels, shared borders included (0: the whole picture at once); overlap is how many pixels
    neighbors share.
    """

    tile: int
    overlap: int
    place: ComputeTarget
    seed: int = 0

    def to_json(self) -> dict[str, Json]:
        return {
            "tile": self.tile,
            "overlap": self.overlap,
            "device": self.place.device,
            "dtype": self.place.dtype,
            "threads": self.place.threads,
            "seed": self.seed,
        }

    @staticmethod
    def from_json(recorded: Json) -> TilePlan:
        """A plan from a project file or a macro, which may hold anything. Raises UserError."""
        try:
            return _parsed(recorded)
        except (KeyError, TypeError, ValueError) as e:
            log.info("A recorded tile plan cannot be used: %s", e)
            raise UserError("restore.record_unusable") from None


def _parsed(recorded: Json) -> TilePlan:
    if not isinstance(recorded, Mapping):
        raise TypeError("they are not a table")
    device, dtype = recorded["device"], recorded["dtype"]
    if device not in ("cpu", "cuda", "mps") or dtype not in ("float32", "bfloat16"):
        raise ValueError(f"unknown device {device!r} or type {dtype!r}"[:80])
    at = ComputeTarget(device, dtype, _integer(recorded["threads"], 1, 4096))
    tile, overlap = _integer(recorded["tile"], 0, _LARGEST_SIDE), _integer(recorded["overlap"], 0, _LARGEST_SIDE)
    if tile and tile <= overlap:
        raise ValueError(f"a tile of {tile} cannot share {overlap} pixels")
    return TilePlan(tile, overlap, at, _integer(recorded.get("seed", 0), 0, (1 << 63) - 1))


def _integer(value: Json, low: int, high: int) -> int:
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


def plan(
    method: Method, width: int, height: int, place: ComputeTarget, memory: int, tile_memory: int | None = None
) -> TilePlan:
    """How to restore width × height pixels within this many bytes of memory. Raises UserError if that is too little.

    A method whose tiles were measured gets tiles of that side; a photo of no more than two of them stays in one piece.
    One whose tiling is discouraged runs in one piece whenever memory allows. tile_memory: bytes for a run in tiles,
    where that is less.
    """
    whole = TilePlan(0, method.overlap, place)
    measured_best = method.tile if method.tiling == "yes" else 0
    fits = needed(method, width, height, 0) <= memory
    if fits and (not measured_best or width * height <= 2 * measured_best**2):
        return whole
    if method.tiling == "no":
        raise _too_little(method, needed(method, width, height, 0), memory)
    memory = memory if tile_memory is None else min(memory, tile_memory)
    room = memory - method.base - _picture(method, width, height)
    side = math.isqrt(max(0, room) // _per_pixel(method)) // method.multiple_of * method.multiple_of
    side = min(side, measured_best or side)
    smallest = smallest_tile(method, method.overlap)
    if measured_best:
        smallest = min(smallest, round_up(measured_best, method.multiple_of))
    if side < smallest:
        raise _too_little(method, needed(method, width, height, smallest), memory)
    return replace(whole, tile=side)


def _too_little(method: Method, needed_bytes: int, free: int) -> UserError:
    return UserError("restore.too_little_memory", method=method.title, needed=size(needed_bytes), free=size(free))


def replay(
    recorded: TilePlan,
    method: Method,
    width: int,
    height: int,
    memory: int,
    tile_memory: int | None = None,
    available: Callable[[str], bool] = hardware.available,
) -> tuple[TilePlan, Message | None]:
    """The recorded plan; or, where this machine does not allow it, the nearest one and a message that says so.

    Raises UserError if even the smallest tile does not fit, or if the record does not belong to this method.
    """
    if recorded.tile % method.multiple_of:
        raise UserError("restore.record_of_other_method", tile=recorded.tile, method=method.title)
    at = recorded.place
    if not available(at.device):
        now = plan(method, width, height, replace(at, device="cpu"), memory, tile_memory)
        return replace(now, seed=recorded.seed), Message("restore.other_device", {"device": at.device})
    if needed(method, width, height, recorded.tile) <= memory:
        return recorded, None
    now = plan(method, width, height, at, memory, tile_memory)
    smaller = replace(now, tile=_not_above(now.tile, recorded.tile), overlap=recorded.overlap, seed=recorded.seed)
    if smaller.tile and smaller.tile <= smaller.overlap:
        smaller = replace(smaller, overlap=now.overlap)
    if smaller == recorded:
        return recorded, None
    if recorded.tile:
        return smaller, Message("restore.smaller_than_recorded", {"tile": smaller.tile, "recorded": recorded.tile})
    return smaller, Message("restore.tiles_unlike_recorded", {"tile": smaller.tile})


def _not_above(tile: int, recorded: int) -> int:
    return min(tile, recorded) if tile and recorded else tile or recorded


def grid(method: Method, width: int, height: int, tile: int, overlap: int) -> Grid:
    """The tiles of a plan over width × height pixels."""
    return Grid.over(width, height, tile, overlap, method.multiple_of)


def seconds(method: Method, width: int, height: int, tile_plan: TilePlan, measured: Mapping[str, float]) -> float:
    """How long a restoration will take, by this machine's own measurements (hardware.speeds) where there are any."""
    per_megapixel = measured.get(hardware.speed_key(method, tile_plan.place), method.speed)
    return grid(method, width, height, tile_plan.tile, tile_plan.overlap).area / 1e6 * per_megapixel
