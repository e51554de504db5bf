"""What a restoration method is: typed facts, and how to load it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from clarity_desktop.values import Mask, Task, Tile


class Checkpoint(Protocol):
    """What a running method needs of a Job: `worker.Job` in the program, a stand-in in tests."""

    def checkpoint(self) -> None:
        """Let short work run; raises Aborted when cancelled. Call at least every 0.3 s."""
        ...


Run = Callable[[Tile, Mask | None, Checkpoint], Tile]
"""tile float32 RGB 0..1, H×W×3, both sides multiples of `multiple_of`; mask uint8 H×W where `needs_mask`, else None.
Returns float32 RGB, scale·H×scale·W×3, not clipped. Must not change the tile. Raises Aborted."""


@runtime_checkable
class ContextAware(Protocol):
    """A Run that judges what it is given as a whole: its light, its haze. Of a tile it must be told by `seeing`."""

    def __call__(self, tile: Tile, mask: Mask | None, breath: Checkpoint, /) -> Tile: ...

    def for_photo(self, overview: Tile, mask: Mask | None, breath: Checkpoint, /) -> Run:
        """The Run for tiles of one photo. overview is all of that photo, reduced where it is large, and mask its mask;
        both are as Run takes them. The same overview must give the same Run. Raises Aborted.
        """
        ...


@dataclass(frozen=True, slots=True)
class ComputeTarget:
    """Where and how a method computes."""

    device: Literal["cpu", "cuda", "mps"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"
    threads: int = 2


Load = Callable[[Mapping[str, Path], ComputeTarget, Task], Run]
"""weights id → file (verified, on disk), the place, and which of its tasks the method is to do; returns the function
that runs. Imports torch inside."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way to restore.

    multiple_of, overlap and tile are in pixels. tile is the side that was measured to be best (0: as large as memory
    allows); memory is bytes per input pixel at float32, base in bytes; speed is seconds per megapixel on two cores,
    used for estimates until this machine's own figure is known.
    """

    id: str
    title: str
    tasks: tuple[Task, ...]
    architecture: str
    licence: str
    paper: str
    trained_on: str
    weights: tuple[str, ...]
    load: Load
    scale: int = 1
    channels: int = 3
    multiple_of: int = 1
    padding: Literal["reflect", "zero", "edge"] = "reflect"
    overlap: int = 0
    tile: int = 0
    tiling: Literal["yes", "discouraged", "no"] = "yes"
    needs_mask: bool = False
    memory: int = 1000
    base: int = 100_000_000
    speed: float = 1.0
    residual: bool = True
    """Whether out = in + (method(in₈) − in₈) was measured to be safe for 16-bit photos."""
