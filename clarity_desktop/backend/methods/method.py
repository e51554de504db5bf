"""What a restoration method is: static facts that can be serialized, and a function that loads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from clarity_desktop.values import Mask, Task, Tile


class Checkpoint(Protocol):
    """The part of a Job that a running method needs (`worker.Job`, or a fake in tests)."""

    def checkpoint(self) -> None:
        """Let waiting interactive work run. Raises JobCancelled. Call it at least every 0.3 s."""
        ...


@runtime_checkable
class Viewer(Checkpoint, Protocol):
    """A Checkpoint that shows the photo while a tile is being computed."""

    def show(self, share: float, draft: Tile, /) -> None:
        """Show a first picture of the tile, not clipped: float32 H×W×3, 0..1. share: 0..1, how much of it is done."""
        ...


Run = Callable[[Tile, Mask | None, Checkpoint], Tile]
"""Restores one tile: float32 RGB 0..1, H×W×3, both sides multiples of `multiple_of`, with its mask (uint8 H×W, above 0
where to restore) if the method has `needs_mask`, else None. Returns float32 RGB, scale·H × scale·W × 3, not clipped.
Must not change the tile. Raises JobCancelled."""


@runtime_checkable
class ContextAware(Protocol):
    """A Run whose result depends on the whole photo (its light, its haze), which it gets through `for_photo`."""

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint, /) -> Tile: ...

    def for_photo(self, overview: Tile, mask: Mask | None, job: Checkpoint, /) -> Run:
        """The Run for the tiles of one photo. Raises JobCancelled.

        overview: the whole photo, reduced if it is large (float32 H×W×3, 0..1). mask: uint8 H×W of the same size, or
        None. The same overview must give the same Run.
        """
        ...


@dataclass(frozen=True, slots=True)
class ComputeTarget:
    """Where and in which precision a method computes."""

    device: Literal["cpu", "cuda", "mps"] = "cpu"
    dtype: Literal["float32", "bfloat16"] = "float32"
    threads: int = 2


Load = Callable[[Mapping[str, Path], ComputeTarget, Task], Run]
"""Loads a method for one of its tasks. The mapping leads from weights id to a verified safetensors file. Imports torch
inside. Raises ValueError for a file of another network."""


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """The static facts of a method, all of them numbers, strings or tuples of strings."""

    id: str
    title: str
    tasks: tuple[Task, ...]
    architecture: str
    licence: str
    paper: str
    trained_on: str
    weights: tuple[str, ...]
    """Ids of the weights, as in resources/models.toml."""
    scale: int = 1
    """Side of the result divided by the side of the input."""
    multiple_of: int = 1
    """Both sides of a tile are multiples of this many pixels."""
    minimum: int = 1
    """Smallest side of a tile in pixels; smaller photos are padded."""
    padding: Literal["reflect", "zero", "edge"] = "reflect"
    overlap: int = 0
    """Pixels by which tiles overlap."""
    tile: int = 0
    """Side of a tile in pixels that was measured to be best; 0: as large as memory allows."""
    tiling: Literal["yes", "discouraged", "no"] = "yes"
    needs_mask: bool = False
    memory: int = 1000
    """Bytes per input pixel at float32."""
    base: int = 100_000_000
    """Bytes that do not depend on the size of a tile."""
    speed: float = 1.0
    """Seconds per megapixel on two cores, for estimates until this machine's own speed is known."""
    gains: Mapping[Task, float] = field(default_factory=dict)
    """Task → mean gain in dB on damaged test photos, where it was measured (docs/clarity-all.md)."""
    residual: bool = False
    """Whether out = in + (method(in₈) − in₈) was measured to be safe for 16-bit photos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(MethodFacts):
    """A way to restore: its facts, and how to load it."""

    load: Load

    @property
    def facts(self) -> MethodFacts:
        """The facts alone, to be stored or sent to another process."""
        return MethodFacts(**{f.name: getattr(self, f.name) for f in fields(MethodFacts)})
