"""A studio with plain-numpy methods, for stories below the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clarity_desktop.backend import methods
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.studio import Studio
from clarity_desktop.settings import Settings
from clarity_desktop.values import Quality
from tests.fakes import HALVES, SLOW, FakeDetector, FakeJudge, FakeScorer, Recorder, WarmDecoder


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
def judge() -> FakeJudge:
    """No network: a result is better than its input unless the test sets `says`."""
    return FakeJudge()


@pytest.fixture
def studio(
    tmp_path: Path, plain_methods: None, detector: FakeDetector, scorer: FakeScorer, judge: FakeJudge
) -> Iterator[Studio]:
    folder = tmp_path / "documents"
    made = Studio(
        Settings(),
        folder,
        decoder=WarmDecoder(Settings()),
        detector=detector,
        scorer=scorer,
        judge=judge,
        models=ModelCache(),
    )
    yield made
    made.close()
