"""A studio with plain-numpy methods, for stories below the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clarity_desktop.backend import methods
from clarity_desktop.backend.studio import Studio
from clarity_desktop.settings import Settings
from tests.fakes import HALVES, SLOW, Recorder


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
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.lane.close()


@pytest.fixture
def studio(tmp_path: Path, plain_methods: None) -> Iterator[Studio]:
    made = Studio(Settings(), tmp_path / "documents")
    yield made
    made.close()
