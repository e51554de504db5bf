"""For tests of the window: async tests run on a qasync loop; leaked windows and timers fail the test that made them."""

from __future__ import annotations

import gc
import hashlib
import inspect
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from clarity_desktop.ui import translate
from clarity_desktop.values import TILE, Level, Manifest, Pixels, VersionId


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def test_…` on a qasync loop. In it, wait with asyncio.sleep, never with qtbot.wait."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    with qasync.QEventLoop(QApplication.instance() or QApplication([])) as loop:
        loop.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(autouse=True, scope="session")
def translations(qapp: QApplication) -> None:
    """The English plural forms, as the program has them."""
    translate.install(qapp)


@pytest.fixture(autouse=True)
def no_leaked_widgets(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a window on the screen or a timer running fails. qtbot.addWidget closes for you."""
    yield
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [w for w in QApplication.topLevelWidgets() if isValid(w) and w.isVisible()]
    timers = [t for t in gc.get_objects() if issubclass(type(t), QTimer) and isValid(t) and t.isActive()]
    for widget in left:
        widget.close()
    for timer in timers:
        timer.stop()
    assert not left, f"leaked windows: {left}"
    assert not timers, f"leaked timers: {timers}"


Pyramid = tuple[Manifest, dict[bytes, Pixels]]


@pytest.fixture
def pyramid() -> Callable[..., Pyramid]:
    """pyramid(pixels, id): the manifest of a photo and its tiles by hash, as the document stores them."""

    def make(pixels: Pixels, version: str = "v") -> Pyramid:
        levels: list[Level] = []
        tiles: dict[bytes, Pixels] = {}
        while True:
            height, width = pixels.shape[:2]
            level = Level(width, height, (b"",) * (-(-width // TILE) * -(-height // TILE)))
            parts = [np.ascontiguousarray(pixels[level.bounds(k).slices()]) for k in range(len(level.tiles))]
            hashes = tuple(hashlib.sha256(repr(p.shape).encode() + p.tobytes()).digest() for p in parts)
            tiles.update(zip(hashes, parts, strict=True))
            levels.append(Level(width, height, hashes))
            if max(width, height) <= TILE:
                return Manifest(VersionId(version), tuple(levels)), tiles
            even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(np.uint32)
            quarters = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
            pixels = ((quarters + 2) // 4).astype(pixels.dtype)

    return make
