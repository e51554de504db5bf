"""A studio with plain-numpy methods, for stories below the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clarity_desktop.backend import methods
from clarity_desktop.backend.analysis import MetricScorer
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.studio import Studio
from clarity_desktop.settings import Settings
from clarity_desktop.values import Detection, Pixels, Quality
from tests.fakes import HALVES, SLOW, Recorder, detection


@pytest.fixture
def plain_methods(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The table of methods holds two plain ones and no network."""
    with monkeypatch.context() as patch:
        for name in tuple(methods.METHODS):
            patch.delitem(methods.METHODS, name)
        for method in (HALVES, SLOW):
            patch.setitem(methods.METHODS, method.id, method)
        methods.all_methods.cache_clear()
        yield
    methods.all_methods.cache_clear()


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


class FakeScorer:
    """The real metrics, each replaceable."""

    def __init__(self) -> None:
        real = MetricScorer(ModelCache())
        self.scores: Callable[[Pixels, Callable[[], None], Detection | None], Quality] = real.assess
        self.measures: Callable[[str, Pixels], float] = real.measure
        self.stale: Callable[[Quality], bool] = real.is_stale
        self.release = real.digest()

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        return self.scores(pixels, checkpoint, detection)

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        return self.measures(metric, pixels)

    def is_stale(self, quality: Quality, /) -> bool:
        return self.stale(quality)

    def digest(self) -> str:
        return self.release


@pytest.fixture
def detector() -> FakeDetector:
    """No network: a photo looks fine unless the test sets `finds`."""
    return FakeDetector()


@pytest.fixture
def scorer() -> FakeScorer:
    return FakeScorer()


@pytest.fixture
def unscored(scorer: FakeScorer) -> None:
    """No photo has a score: what the plain methods do to one is no improvement to any."""
    why = dict.fromkeys(("sseq", "niqe", "brisque", "piqe", "overall"), "Not in this test.")
    scorer.scores = lambda *_: Quality(why=why)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture
def studio(tmp_path: Path, plain_methods: None, detector: FakeDetector, scorer: FakeScorer) -> Iterator[Studio]:
    made = Studio(Settings(), tmp_path / "documents", detector=detector, scorer=scorer, models=ModelCache())
    yield made
    made.close()
