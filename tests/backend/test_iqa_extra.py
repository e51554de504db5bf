"""Further metrics of pyiqa: only what is here, no net, no pickles."""

from __future__ import annotations

import os
import pickle
import socket
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend import model_cache
from clarity_desktop.backend.iqa import extra
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.messages import UserError

Photo = Callable[..., np.ndarray]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Torch's hub folder, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub"
    (folder / "pyiqa").mkdir(parents=True)
    yield folder
    model_cache.shared().clear()


@pytest.fixture
def pyiqa() -> None:
    """pyiqa, with what it says at its import left aside."""
    from clarity_desktop.backend import library_shims

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library_shims.torchvision_ready()
        pytest.importorskip("pyiqa", exc_type=ImportError)


def test_a_metric_is_offered_when_all_its_files_are_here(pyiqa: None, hub: Path) -> None:
    assert extra.available() == ("entropy",)
    (hub / "pyiqa" / "NRQM_model.mat").write_bytes(b"a")
    assert extra.available() == ("entropy", "nrqm")
    (hub / "pyiqa" / "niqe_modelparameters.mat").write_bytes(b"a")
    assert extra.available() == ("entropy", "nrqm", "pi")


def test_without_pyiqa_nothing_is_offered(monkeypatch: pytest.MonkeyPatch, photo: Photo) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)  # as importlib marks what cannot be imported
    assert extra.available() == ()
    with pytest.raises(UserError, match="package pyiqa is not installed"):
        extra.measure("entropy", photo(64, 48))


@pytest.mark.filterwarnings("ignore")
def test_entropy_is_that_of_the_luma_whatever_the_depth(pyiqa: None, photo: Photo, capsys) -> None:
    gray = np.repeat((np.arange(64 * 64) % 16 * 16).astype(np.uint8).reshape(64, 64)[..., None], 3, 2)
    assert extra.measure("entropy", gray) == pytest.approx(4, abs=0.01)
    assert extra.measure("entropy", gray.astype(np.uint16) * 257) == pytest.approx(4, abs=0.01)
    assert extra.measure("entropy", photo(1600, 1200)) > 3
    assert capsys.readouterr().out == ""


def test_a_metric_whose_files_are_absent_is_a_sentence(pyiqa: None, photo: Photo) -> None:
    with pytest.raises(UserError, match=r"musiq_koniq.*pth"):
        extra.measure("musiq", photo(64, 48))
    with pytest.raises(UserError, match="no pyiqa metric"):
        extra.measure("nonsense", photo(64, 48))


@pytest.mark.parametrize("depth", [8, 16])
def test_a_large_photo_is_reduced_before_anything_is_made_of_its_pixels(photo: Photo, depth: int) -> None:
    pixels = photo(3000, 2000, depth)
    tracemalloc.start()
    small = extra._reduced(pixels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert small.shape[0] * small.shape[1] <= extra.MAX_PIXELS * 1.01
    assert small.mean() == pytest.approx(pixels.mean() / np.iinfo(pixels.dtype).max, abs=0.01)
    assert peak < 2 * pixels.nbytes


class Runs:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self._path,))


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_would_run_code_is_refused(pyiqa: None, hub: Path, photo: Photo, tmp_path: Path) -> None:
    weights = hub / "pyiqa" / "CNNIQA_koniq10k-e6f14c91.pth"
    weights.write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol=2))
    from pyiqa.archs import cnniqa_arch

    cnniqa_arch.default_model_urls["koniq10k"] = str(weights)  # pyiqa took its folder from the environment at import
    with pytest.raises(UserError, match="cnniqa"):
        extra.measure("cnniqa", photo(64, 48))
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_failure_is_one_line(pyiqa: None, photo: Photo) -> None:
    def fail(_name: str) -> None:
        raise RuntimeError("Error in loading.\n\tMissing key: a\n\tMissing key: b")

    with pytest.raises(UserError, match=r"failed: Error in loading\. Switch it off in Preferences\.$"):
        extra.measure("entropy", photo(64, 48), ModelCache(), fail)


@pytest.mark.filterwarnings("ignore")
def test_the_environment_is_changed_for_the_call_only(
    pyiqa: None, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    before, within = dict(os.environ), []

    def metric(_batch: object) -> float:
        within.append(os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD"))
        return 1.0

    extra.measure("entropy", photo(64, 48), ModelCache(), lambda _name: metric)
    assert within == ["1"]
    assert dict(os.environ) == before
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    extra.measure("entropy", photo(64, 48), ModelCache(), lambda _name: metric)
    assert within == ["1", "1"]
    assert os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] == "0"


@pytest.mark.filterwarnings("ignore")
def test_pyiqa_cannot_use_the_network(pyiqa: None, photo: Photo) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    with pytest.raises(UserError, match="use the network"):
        extra.measure(
            "entropy", photo(64, 48), ModelCache(), lambda _name: lambda _batch: socket.create_connection(address, 1)
        )
    socket.create_connection(address, 1).close()  # others can, and so can this thread afterwards
    server.close()
