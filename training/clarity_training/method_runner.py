"""Running restoration methods of the program on photos, for trainings and benches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.methods import ComputeTarget, Method
from clarity_desktop.backend.restore import TilePlan
from clarity_desktop.text import Text
from clarity_desktop.values import Mask, Pixels, Region, Task
from clarity_training.weight_errors import as_user_error

Restore = Callable[[Task, Pixels, Mask | None], Pixels]
"""(task, photo H×W×3 uint8, mask H×W uint8 with 255 where pixels are lost or None) → photo of the same shape."""


class MethodRunner:
    """Runs a method as the program does; the network that was used last stays loaded."""

    def __init__(self, method: Method, files: Mapping[str, Path], place: ComputeTarget) -> None:
        self._method, self._files, self._plan = method, files, TilePlan(0, method.overlap, place)
        self._loaded: tuple[Task, methods.Run] | None = None

    def __call__(self, task: Task, photo: Pixels, mask: Mask | None) -> Pixels:
        if self._loaded is None or self._loaded[0] != task:
            self._loaded = task, self._load(task, self._plan.place)
        method = replace(self._method, needs_mask=mask is not None)
        return restore.restore(
            photo, method, self._loaded[1], self._plan, job=_NullJob(), on_tile=lambda _bounds, _pixels: None,
            reload=lambda place: self._load(task, place), region=None if mask is None else Region.of(mask),
        ).pixels  # fmt: skip

    def _load(self, task: Task, place: ComputeTarget) -> methods.Run:
        with as_user_error(self._method.id, *self._files.values()):
            return self._method.load(self._files, place, task)


class _NullJob:
    """A job without progress display or cancellation."""

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: Text = "", seconds_left: float | None = None) -> None: ...
