"""A studio with plain-numpy methods, for stories below the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clarity_desktop.backend import detect, iqa, methods
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


class Detector:
    """Stands for the network: what it is to find, by the brightness of the photo, and what it was asked."""

    def __init__(self) -> None:
        self.finds: Callable[[Pixels], Detection] = lambda _: detection()
        self.asked: list[Pixels] = []

    def __call__(self, pixels: Pixels, checkpoint: Callable[[], None] = lambda: None) -> Detection:
        checkpoint()
        self.asked.append(pixels)
        return self.finds(pixels)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    """No network: a photo looks fine unless the test sets `finds`."""
    made = Detector()
    monkeypatch.setattr(detect, "detect", made)
    return made


@pytest.fixture
def unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    """No photo has a score: what the plain methods do to one is no improvement to any."""
    why = dict.fromkeys(("sseq", "niqe", "brisque", "piqe", "overall"), "Not in this test.")
    monkeypatch.setattr(iqa, "assess", lambda *_, **__: Quality(why=why))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture
def studio(tmp_path: Path, plain_methods: None, detector: Detector) -> Iterator[Studio]:
    made = Studio(Settings(), tmp_path / "documents")
    yield made
    made.close()
