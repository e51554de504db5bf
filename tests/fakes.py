"""Stand-ins at the outermost edge: a plain-numpy method for the networks, jobs that record their events."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from clarity_desktop.backend.analysis import MetricScorer
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.methods import ComputeTarget, Method, Run
from clarity_desktop.backend.methods.method import Checkpoint
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.pictures import Decoder, Limits
from clarity_desktop.messages import Event
from clarity_desktop.settings import Settings
from clarity_desktop.values import (
    CLASSES,
    DEGRADATIONS,
    Degradation,
    Detection,
    Finding,
    Mask,
    Pixels,
    Quality,
    Task,
    Tile,
)
from clarity_desktop.worker import Job, Lane, Pools, run_all


def _load(weights: Mapping[str, Path], place: ComputeTarget, task: Task) -> Run:
    def run(tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        job.checkpoint()
        return np.multiply(tile, 0.5, dtype=np.float32)

    return run


def _load_slow(weights: Mapping[str, Path], place: ComputeTarget, task: Task) -> Run:
    def run(tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        for _ in range(20):
            time.sleep(0.02)
            job.checkpoint()
        return np.multiply(tile, 0.5, dtype=np.float32)

    return run


HALVES = Method(
    id="halves", title="Halving", tasks=("derain",), architecture="none", licence="MIT", paper="none",
    trained_on="nothing", weights=(), load=_load, tile=64, overlap=16, memory=100, base=1000, speed=0.01,
)  # fmt: skip
"""Halves every value: its effect is known to the last digit."""
SLOW = replace(HALVES, id="slow", tasks=("denoise",), speed=1000.0)
"""The same, said to take 1000 s a megapixel."""
LASTING = replace(SLOW, load=_load_slow)
"""The same, taking 0.4 s a tile: for tests that end it before its end."""


def detection(found: Mapping[Degradation, Finding] | None = None, heat: tuple[int, int] = (3, 4)) -> Detection:
    """What a detector might say: what is given is there, nothing else; nothing given is a clean photo."""
    there = found or {}
    leading = max(there, key=lambda name: there[name].probability) if there else "normal"
    top = ((leading, 0.86), *((name, 0.01) for name in CLASSES if name != leading))
    each = {name: there.get(name, Finding(0.02, 0.0)) for name in DEGRADATIONS}
    return Detection(top, each, np.full((*heat, len(DEGRADATIONS)), 7, np.uint8))


class FakeDetector:
    """Stands in for the network: what it is to find in a photo, and the photos that it was given."""

    def __init__(self) -> None:
        self.finds: Callable[[Pixels], Detection] = lambda _: detection()
        self.asked: list[Pixels] = []
        self.release = "detector 1"

    def detect(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Detection:
        checkpoint()
        self.asked.append(pixels)
        return self.finds(pixels)

    def digest(self) -> str:
        return self.release


class FakeJudge:
    """Stands in for the network: what it makes of two photos. A result that differs is better."""

    def __init__(self) -> None:
        self.says: Callable[[Pixels, Pixels, Task], Judgement] = lambda before, after, _task: (
            Judgement(0.0, 1.0, 0.0) if np.array_equal(before, after) else Judgement(0.9, 0.06, 0.04)
        )
        self.asked: list[tuple[Pixels, Pixels, Task]] = []

    def compare(self, before: Pixels, after: Pixels, task: Task, checkpoint: Callable[[], None], /) -> Judgement:
        checkpoint()
        self.asked.append((before, after, task))
        return self.says(before, after, task)


class FakeScorer:
    """The real metrics, each replaceable; the same photo is computed once for all tests of a process."""

    _known: ClassVar[dict[bytes, Quality]] = {}

    def __init__(self) -> None:
        self._real = real = MetricScorer(ModelCache())
        self.scores: Callable[[Pixels, Callable[[], None], Detection | None], Quality] = self._remembered
        self.measures: Callable[[str, Pixels], float] = real.measure
        self.stale: Callable[[Quality], bool] = real.is_stale
        self.release = real.digest()

    def _remembered(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None) -> Quality:
        checkpoint()
        key = hashlib.blake2b(np.ascontiguousarray(pixels).data.cast("B"), digest_size=16)
        key.update(repr((pixels.shape, pixels.dtype, self._real.digest())).encode())
        if detection is not None:
            found = detection.top, detection.found, detection.close, detection.quality, detection.heat.shape
            key.update(repr(found).encode())
            key.update(detection.heat.tobytes())
        if (known := self._known.get(key.digest())) is None:
            known = self._known[key.digest()] = self._real.assess(pixels, checkpoint, detection)
        return known

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        return self.scores(pixels, checkpoint, detection)

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        return self.measures(metric, pixels)

    def is_stale(self, quality: Quality, /) -> bool:
        return self.stale(quality)

    def digest(self) -> str:
        return self.release


class WarmDecoder(Decoder):
    """Reads photos as the program does, in a process that later tests use as well: starting one takes 0.5 s."""

    _idle: ClassVar[list[tuple[Sequence[str], Any]]] = []

    def __init__(self, settings: Settings) -> None:
        super().__init__(Limits(megapixels=settings.max_megapixels))

    def close(self) -> None:
        """Keep the process for the next test. Photos already read stay valid; `read` raises from now on."""
        with self._lock:
            if self._child is not None:
                self._idle.append((self._command, self._child))
            self._child = None

    def _start(self) -> Any:
        for kept in self._idle:
            command, child = kept
            if command == self._command and child.alive:
                self._idle.remove(kept)
                return child
        return super()._start()

    @classmethod
    def end_all(cls) -> None:
        while cls._idle:
            cls._idle.pop()[1].end()


class Recorder:
    """A lane, pools and jobs whose events are kept in order."""

    def __init__(self) -> None:
        self.lane, self.pools = Lane(), Pools()
        self.events: list[Event] = []

    def job(self) -> Job:
        return Job(self.events.append, self.lane, self.pools)

    def close(self) -> None:
        run_all(self.lane.close, self.pools.close)

    def last(self, kind: type) -> Event:
        """The newest event of that kind. Raises IndexError if there is none."""
        return [n for n in self.events if isinstance(n, kind)][-1]
