"""A method on pixels: choose it, find its weights, load its network, run it in the heavy lane."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clarity_desktop.backend import methods, restore, weights
from clarity_desktop.backend.methods import ComputeTarget, Method, Run
from clarity_desktop.backend.restore import TilePlan
from clarity_desktop.messages import Estimated
from clarity_desktop.settings import Settings
from clarity_desktop.values import Bounds, Pixels, Region, Step, Task
from clarity_desktop.worker import Job


@dataclass(frozen=True, slots=True)
class RestoreParams:
    """A restoration as asked for, apart from the pixels it is asked for."""

    task: Task
    method: str | None = None
    strength: float = 1.0
    region: Region | None = None
    feather: int = 0
    visible: Bounds | None = None
    recorded: TilePlan | None = None  # settings of an earlier run to be used again


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What a wish made of pixels: the step is complete, changed is where the result may differ."""

    pixels: Pixels
    step: Step
    changed: Bounds
    notes: tuple[str, ...]


class Runner:
    """Keeps the network that was used last."""

    def __init__(self) -> None:
        self._loaded: tuple[tuple[str, Task, ComputeTarget], Run] | None = None  # the last one: the likeliest next

    async def apply(
        self,
        pixels: Pixels,
        wish: RestoreParams,
        settings: Settings,
        job: Job,
        on_tile: Callable[[Bounds, Pixels], None] = lambda _bounds, _pixels: None,
    ) -> Candidate:
        """Run a wish on pixels in the heavy lane. Raises UserError, ModelMissing, Aborted."""
        method = methods.choose(wish.task, wish.method or settings.methods.get(wish.task))
        files = await asyncio.to_thread(weights.need, method.weights)
        start = time.perf_counter()
        job.report(0.0, f"Loading {method.title}")
        recipe, note = await job.heavy(_recipe, method, pixels, wish, settings)
        run = await job.heavy(self._load, method, wish.task, files, recipe.place)
        done = await job.heavy(
            restore.restore, pixels, method, run, recipe, region=wish.region, feather=wish.feather,
            strength=wish.strength, visible=wish.visible, job=job, on_tile=on_tile,
            reload=lambda place: self._load(method, wish.task, files, place),
        )  # fmt: skip
        step = Step(
            "restore", wish.task, method.id, {name: weights.digest(name) for name in method.weights}, wish.strength,
            seconds=time.perf_counter() - start, settings={**done.recipe.to_json(), "feather": wish.feather},
        )  # fmt: skip
        return Candidate(done.pixels, step, done.changed, (*([note] if note else []), *done.notes))

    def _load(self, method: Method, task: Task, files: dict[str, Path], place: ComputeTarget) -> Run:
        if self._loaded is None or self._loaded[0] != (method.id, task, place):
            self._loaded = None  # two networks never lie in memory together
            self._loaded = (method.id, task, place), method.load(files, place, task)
        return self._loaded[1]


def _recipe(method: Method, pixels: Pixels, wish: RestoreParams, settings: Settings) -> tuple[TilePlan, str | None]:
    """How to cut the work; a recorded way is kept unless this machine does not allow it, which is then said."""
    height, width = pixels.shape[:2]
    box = wish.region.bounds if wish.region else Bounds(0, 0, width, height)
    box = restore.padded_box(box, method, width, height)
    if wish.recorded is not None:
        budget = restore.budget(settings, wish.recorded.place.device)
        return restore.replay(wish.recorded, method, box.width, box.height, budget)
    place = restore.place(settings)
    budget = restore.budget(settings, place.device)
    return restore.plan(method, box.width, box.height, place, budget), None


def estimate(size: tuple[int, int], task: str, method: str | None, settings: Settings) -> Estimated:
    """How long restoring width × height pixels would take here, and by which method. Raises UserError."""
    chosen = methods.choose(task, method or settings.methods.get(task))
    seconds = restore.estimate(chosen, *size, settings)
    return Estimated(seconds, size[0] * size[1] / 1e6, chosen.id, restore.place(settings).device)
