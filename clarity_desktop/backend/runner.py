"""A method on pixels: choose it, find its weights, load its network, run it in the lane."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.methods import ComputeTarget, Method, Run
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.restore import TilePlan, guard
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.messages import Estimated, Progress
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message
from clarity_desktop.values import BOUNDS, Bounds, Json, Pixels, Quality, Region, RestoreParams, Step, Task
from clarity_desktop.worker import Job

T = TypeVar("T")
LOADED_SIZE = 2
"""Bytes in memory for each byte of a weights file: some are stored at half precision, others kept in two layouts."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """The result of a restoration, before it becomes a version.

    pixels: H×W×3 RGB at the input's depth. step: complete, ready to be stored. changed: where pixels may
    differ from the input. notes: messages for the user. quality: its scores, if known.
    """

    pixels: Pixels
    step: Step
    changed: Bounds
    notes: tuple[Message, ...]
    quality: Quality | None = None


class _Stopwatch:
    """Adds up the seconds of work itself, without those that it waited for its turn."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        start = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


class Runner:
    """Runs methods, whose networks the model cache holds."""

    def __init__(self, models: ModelCache, store: WeightStore) -> None:
        self._models, self._store = models, store

    async def apply(
        self,
        pixels: Pixels,
        params: RestoreParams,
        settings: Settings,
        job: Job,
        on_tile: Callable[[Bounds, Pixels], None] = lambda _bounds, _pixels: None,
        recorded: TilePlan | None = None,
    ) -> Candidate:
        """Restore pixels (H×W×3 RGB, uint8 or uint16). recorded: the tile plan of an earlier run, to be used again.

        Raises UserError, ModelMissing, JobCancelled.
        """
        method = methods.choose(params.task, _named(params, settings), store=self._store)
        files = await job.side("disk", self._store.need, method.weights)
        clock = _Stopwatch()
        tile_plan, note = await job.run(clock.time, _plan, method, pixels, params, settings, recorded)
        run = await job.run(clock.time, self._load, method, params.task, files, tile_plan.place, job)
        done = await job.run(
            clock.time, restore.restore, pixels, method, run, tile_plan, region=params.region, feather=params.feather,
            strength=params.strength, visible=params.visible, job=job, on_tile=on_tile,
            reload=partial(self._load, method, params.task, files, job=job),
        )  # fmt: skip
        # Recorded with the step: a replay with other weights would give other pixels.
        digests = {name: self._store.digest(name) for name in method.weights}
        step = Step(
            "restore", params.task, method.id, digests, params.strength, seconds=clock.seconds,
            settings={**done.plan.to_json(), "feather": params.feather, **_bounds(params.region)},
        )  # fmt: skip
        return Candidate(done.pixels, step, done.changed, (*([note] if note else []), *done.notes))

    def _load(self, method: Method, task: Task, files: Mapping[str, Path], place: ComputeTarget, job: Job) -> Run:
        def show() -> None:
            job.emit(Progress(0.0, Message("studio.loading_model", {"title": method.title})))

        key = ModelKey(method.id, method.title, place.device, f"{task} {place.dtype} {place.threads}")
        size = LOADED_SIZE * sum(file.stat().st_size for file in files.values())

        def load() -> Run:
            if methods.METHODS.get(method.id) is method:
                return method.load(files, place, task)
            with guard.failures_of(method):
                return guard.guarded(method, method.load(files, place, task))

        return self._models.get(key, load, size, show)


def _named(params: RestoreParams, settings: Settings) -> str | None:
    """The method of the parameters, else that of the user's settings."""
    return params.method or methods.preferred(settings.methods, params.task)


def _plan(
    method: Method, pixels: Pixels, params: RestoreParams, settings: Settings, recorded: TilePlan | None
) -> tuple[TilePlan, Message | None]:
    """How to cut the work; a recorded plan is used unless this machine does not allow it, which the note says."""
    height, width = pixels.shape[:2]
    return _planned(method, _computed(method, (width, height), params.region), settings, recorded)


FULL = 255
"""Of a mask: selected."""


def _bounds(region: Region | None) -> dict[str, Json]:
    """Where a rectangle lies, for the record: the region itself is stored as a mask.

    A selected object is what was meant, and no part of a photo that waits for its rest.
    """
    if region is None or region.mask.min(initial=FULL) < FULL:
        return {}
    at = region.bounds
    return {BOUNDS: [at.x, at.y, at.width, at.height]}


def _computed(method: Method, size: tuple[int, int], region: Region | None) -> Bounds:
    """The part of a photo of the given width and height that a method computes for a region."""
    whole = Bounds(0, 0, *size)
    return restore.padded_box(region.bounds if region else whole, method, *size)


def _planned(
    method: Method, box: Bounds, settings: Settings, recorded: TilePlan | None
) -> tuple[TilePlan, Message | None]:
    if recorded is not None:
        memory = _memory(settings, recorded.place.device)
        return restore.replay(recorded, method, box.width, box.height, *memory)
    place = restore.place(settings)
    return restore.plan(method, box.width, box.height, place, *_memory(settings, place.device)), None


def _memory(settings: Settings, device: str) -> tuple[int, int]:
    return restore.budget(settings, device), restore.tile_budget(settings, device)


def estimate(
    size: tuple[int, int], params: RestoreParams, settings: Settings, recorded: TilePlan | None = None
) -> Estimated:
    """How long a restoration of a photo of the given width and height takes here. Raises UserError as the run would."""
    method = methods.choose(params.task, _named(params, settings))
    box = _computed(method, size, params.region)
    if recorded is None:
        seconds, device = restore.estimate(method, box.width, box.height, settings), restore.place(settings).device
    else:
        plan, _ = _planned(method, box, settings, recorded)
        seconds, device = restore.seconds(method, box.width, box.height, plan, restore.speeds()), plan.place.device
    part = params.region.bounds if params.region else Bounds(0, 0, *size)
    return Estimated(seconds, part.area / 1e6, method.id, device)


def memory_needed(size: tuple[int, int], params: RestoreParams, settings: Settings) -> int:
    """Bytes that a restoration of a photo of the given width and height takes at its peak here, beside the photo.

    Raises UserError as the run would.
    """
    method = methods.choose(params.task, _named(params, settings))
    box = _computed(method, size, params.region)
    plan, _ = _planned(method, box, settings, None)
    return restore.needed(method, box.width, box.height, plan.tile)
