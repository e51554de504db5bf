"""From the sample to a version, through the real thread and the real network."""

from __future__ import annotations

import queue

import numpy as np
import pytest

from clarity_desktop import settings
from clarity_desktop.backend.answer import make_answer
from clarity_desktop.messages import (
    ApplyTransform,
    Assessed,
    Cancelled,
    Failed,
    Finished,
    ListMethods,
    MethodsListed,
    ModelMissing,
    Open,
    Opened,
    ReadTiles,
    Request,
    Restore,
    TileDone,
    TilesReady,
    VersionAdded,
)
from clarity_desktop.settings import Settings
from clarity_desktop.values import Bounds, Crop, RestoreParams
from clarity_desktop.worker import Worker


class Backend:
    def __init__(self) -> None:
        self.came: queue.Queue = queue.Queue()
        self.worker = Worker(lambda: make_answer(Settings()), lambda at, news: self.came.put((at, news)))

    def ask(self, request: Request) -> list:
        at = self.worker.submit(request)
        told: list = []
        while not (told and isinstance(told[-1], Finished | Failed | Cancelled)):
            whose, news = self.came.get(timeout=300)
            told += [news] if whose == at else []
        if isinstance(told[-1], Failed):
            raise told[-1].error
        return told


@pytest.fixture
def backend():
    made = Backend()
    yield made
    made.worker.close()


def of(kind: type, told: list):
    return next(n for n in told if isinstance(n, kind))


@pytest.fixture
def cropped(backend):
    """The sample, cut to a part small enough for a test: its document, and the version."""
    opened = of(Opened, backend.ask(Open(settings.resources() / "samples" / "rain.jpg")))
    crop = ApplyTransform(opened.card.id, opened.card.head, Crop(Bounds(180, 110, 150, 120)))
    return opened.card.id, of(VersionAdded, backend.ask(crop)).version


def test_the_real_network_takes_the_rain_out_of_the_sample(backend, cropped, weights) -> None:
    weights("maxim-deraining")
    document, before = cropped
    told = backend.ask(Restore(document, before.id, RestoreParams("derain"), confirmed=True))
    added = of(VersionAdded, told)
    assert added.version.parent == before.id
    assert added.version.step.method == "maxim-deraining"
    assert len(added.version.step.weights["maxim-deraining"]) == 64
    assert any(isinstance(n, TileDone) for n in told)
    assert of(Assessed, told).version == added.version.id
    tiles = of(TilesReady, backend.ask(ReadTiles(document, added.manifest.levels[0].tiles))).tiles
    after = tiles[0][1].astype(int)
    # Rain is thin lines across the picture: without it the photo is smoother, and still the same photo.
    first = of(VersionAdded, backend.ask(ApplyTransform(document, before.id, Crop(Bounds(0, 0, 150, 120))))).manifest
    old = of(TilesReady, backend.ask(ReadTiles(document, first.levels[0].tiles))).tiles[0][1].astype(int)
    assert after.shape == old.shape == (120, 150, 3)
    assert np.abs(np.diff(after, axis=1)).mean() < 0.8 * np.abs(np.diff(old, axis=1)).mean()
    assert np.abs(after - old).mean() < 25


def test_methods_say_which_weights_are_missing_and_restoring_says_what_to_do(backend, cropped) -> None:
    methods = of(MethodsListed, backend.ask(ListMethods())).methods
    assert {m.id for m in methods} >= {"maxim-deraining", "maxim-denoising"}
    assert all(m.missing == (m.id,) for m in methods if m.id.startswith("maxim-"))
    document, version = cropped
    with pytest.raises(ModelMissing, match="clarity models fetch maxim-deraining"):
        backend.ask(Restore(document, version.id, RestoreParams("derain", "maxim-deraining")))
