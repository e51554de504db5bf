"""What every test shares: an offscreen Qt, a private home, async tests on a qasync loop, and leak checks."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything imports Qt

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop import settings
from clarity_desktop.backend import methods
from tests.fakes import WarmDecoder

DOWNLOADED = settings.data_folder() / "weights"  # the user's own, before tests get a private home
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def fresh_methods() -> Iterator[None]:
    """What a test puts into the table of methods ends with it, in whatever order patches are taken back."""
    kept = dict(methods.METHODS)
    methods.all_methods.cache_clear()
    yield
    methods.METHODS.clear()
    methods.METHODS.update(kept)
    methods.all_methods.cache_clear()


@pytest.fixture(autouse=True)
def home(fresh_methods: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A private home: no test reads or writes the developer's documents, settings or weights."""
    folder = tmp_path / "home"
    for name, value in {"HOME": folder, "XDG_DATA_HOME": folder / "data", "XDG_CONFIG_HOME": folder / "config",
                        "XDG_CACHE_HOME": folder / "cache", "XDG_STATE_HOME": folder / "state"}.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    return folder


@pytest.fixture(autouse=True, scope="session")
def no_idle_decoders() -> Iterator[None]:
    """Decoders that tests kept for one another end with the last test."""
    yield
    WarmDecoder.end_all()


@pytest.fixture(autouse=True)
def closed_log() -> Iterator[None]:
    """The log file that a test opened is closed after it: the program opens one only where none is open."""
    before = list(logging.getLogger().handlers)
    yield
    for handler in [h for h in logging.getLogger().handlers if h not in before]:
        logging.getLogger().removeHandler(handler)
        with contextlib.suppress(OSError):  # a log on a full disk
            handler.close()


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """A test that leaves a thread of the program running fails."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = [t for t in threading.enumerate() if t not in before and t.name.startswith("clarity")]
        if not left:
            return
        time.sleep(0.02)
    pytest.fail(f"leaked threads: {[t.name for t in left]}")


@pytest.fixture
def shared() -> Path:
    """The folder of measuring data beside the project; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the measuring data beside the project (../shared) is absent")
    return SHARED


@pytest.fixture
def weights(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """weights(id): let the test have the downloaded model, or that of ../shared; else it is skipped, in CI it fails."""

    def have(model: str) -> None:
        files = [p for p in DOWNLOADED.glob(f"{model}*") if p.suffix in {".safetensors", ".json"}]
        given = SHARED / "weights" / model.replace("-", "_")
        if len(files) < 2 and given.is_dir():
            monkeypatch.setenv("CLARITY_WEIGHTS", str(given))
            return
        if len(files) < 2:
            reason = f"{model} was not downloaded: clarity models fetch {model}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        own = settings.data_folder() / "weights"
        own.mkdir(parents=True, exist_ok=True)
        for file in files:
            (own / file.name).symlink_to(file)

    return have


@pytest.fixture
def photo() -> Callable[..., np.ndarray]:
    """photo(width, height, depth=8): a synthetic scene with edges, gradients and texture; uint8 or uint16 RGB."""

    def make(width: int, height: int, depth: int = 8, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        base = np.stack([x / max(1, width), y / max(1, height), 0.5 + 0.5 * np.sin(x / 7) * np.cos(y / 11)], -1)
        base = 0.1 + 0.75 * base + 0.02 * rng.standard_normal((height, width, 3), np.float32)
        top = 255 if depth == 8 else 65535
        return np.rint(base.clip(0, 1) * top).astype(np.uint8 if depth == 8 else np.uint16)

    return make
