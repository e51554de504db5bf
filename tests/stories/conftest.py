"""A user at the real window: the real link, thread, studio, documents and decoder, with plain methods.

A story gets `sit_down` and reads like what its user does. Whoever quits and comes back sits down again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.app import samples
from clarity_desktop.backend import methods
from clarity_desktop.backend.answer import answer_by
from clarity_desktop.backend.methods import Method
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.studio import Studio
from clarity_desktop.settings import Settings
from clarity_desktop.ui.main_window import MainWindow
from tests.fakes import HALVES, FakeDetector, FakeJudge, WarmDecoder
from tests.qt import frozen_objects as frozen_objects
from tests.qt import no_leaked_widgets as no_leaked_widgets
from tests.qt import pytest_pyfunc_call as pytest_pyfunc_call
from tests.qt import same_appearance as same_appearance
from tests.qt import translations as translations

from .user import PATIENCE, QUICK, SIZE, Gate, QuickScorer, RecordingLink, Sitting, User


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Every tile of the slow methods passes here."""
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def plain_methods(fresh_methods: None, gate: Gate) -> None:
    """Networks give way to halves: of derain at once, of the others through the gate; denoise is estimated as slow."""

    def load(*_: object) -> Callable[..., Any]:
        def run(tile: np.ndarray, mask: object, job: Any) -> np.ndarray:
            gate.pass_(job.checkpoint)
            return np.multiply(tile, 0.5, dtype=np.float32)

        return run

    slow = replace(HALVES, id="slow", tasks=("denoise", "deblur"), load=load, speed=1000.0)
    waiting = replace(HALVES, id="waiting", tasks=("dehaze",), load=load)
    methods.METHODS.clear()
    methods.METHODS.update({method.id: method for method in (HALVES, slow, waiting)})


@pytest.fixture
def install(plain_methods: None) -> Callable[[Method], None]:
    """install(method): one more method, before the window opens."""

    def add(method: Method) -> None:
        methods.METHODS[method.id] = method
        methods.all_methods.cache_clear()

    return add


@pytest.fixture
def detector() -> FakeDetector:
    """A photo looks fine unless the test sets `finds`."""
    return FakeDetector()


@pytest.fixture
def judge() -> FakeJudge:
    """A result is better than its input unless the test sets `says`."""
    return FakeJudge()


@pytest.fixture
def scorer() -> Iterator[QuickScorer]:
    made = QuickScorer()
    yield made
    made.gate.open()


@pytest.fixture
def sit_down(
    plain_methods: None,
    detector: FakeDetector,
    scorer: QuickScorer,
    judge: FakeJudge,
    gate: Gate,
    caplog: pytest.LogCaptureFixture,
) -> Sitting:
    """`async with sit_down() as user`: start the program with plain methods; at the end the user quits it."""

    def make_studio(settings: Settings) -> Studio:
        return Studio(
            settings, decoder=WarmDecoder(settings), detector=detector, scorer=scorer, judge=judge, models=ModelCache()
        )

    @asynccontextmanager
    async def sit(settings: Settings = QUICK) -> AsyncGenerator[User]:
        async with sitting(make_studio, settings, caplog) as user:
            try:
                yield user
            finally:
                gate.open()
                scorer.gate.open()

    return sit


@pytest.fixture
def sit_down_with_networks(caplog: pytest.LogCaptureFixture) -> Sitting:
    """As `sit_down`, with the networks and metrics of the program."""

    def sit(settings: Settings = QUICK) -> AbstractAsyncContextManager[User]:
        return sitting(
            lambda settings: Studio(settings, decoder=WarmDecoder(settings), models=ModelCache()), settings, caplog
        )

    return sit


@asynccontextmanager
async def sitting(
    make_studio: Callable[[Settings], Studio], settings: Settings, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[User]:
    """The program from its start until the user quits it. An error that is a bug fails the test."""
    window = MainWindow(settings, samples())
    window.resize(1280, 800)
    window.show()
    ended = asyncio.Event()
    window.ended.connect(ended.set)
    link = RecordingLink(lambda: answer_by(make_studio(settings)))
    user = User(window, link)
    window.connect_backend(link)
    try:
        await user.wait_for(lambda: window.restore.choice() is not None)
        await user.idle()
        yield user
        await user.idle()
    finally:
        window.end_session()
        await asyncio.wait_for(ended.wait(), PATIENCE)
        link.close()
        window.deleteLater()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
def picture(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """picture(name, size, color, **save options): a photo in a file of its own. color None: a scene with texture."""

    def make(name: str = "rain.png", size: tuple[int, int] = SIZE, color: Any = None, **options: Any) -> Path:
        path = tmp_path / name
        pixels = photo(*size) if color is None else np.full((size[1], size[0], 3), color, np.uint8)
        Image.fromarray(pixels).save(path, **options)
        return path

    return make
