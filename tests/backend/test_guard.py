"""Methods of other packages that do not keep to the rules: a sentence names them, and the photo stays as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clarity_desktop import cli
from clarity_desktop.backend.methods import all_methods
from clarity_desktop.backend.methods.method import ContextAware
from clarity_desktop.backend.restore import guard
from clarity_desktop.messages import JobCancelled, UserError
from tests.fakes import HALVES

PACKAGE = """
from dataclasses import replace
from tests.fakes import HALVES

def run(tile, mask, job):
    raise KeyError("a layer is missing")

def load(*_):
    raise OSError("no weights in the package")

def stop(tile, mask, job):
    raise SystemExit("no license key")

STOPS = replace(HALVES, id="stops", title="Stops", tasks=("denoise",), load=lambda *_: stop)
FAILS = replace(HALVES, id="fails", title="Fails", tasks=("denoise",), load=lambda *_: run)
EMPTY = replace(HALVES, id="empty", title="Empty", tasks=("denoise",), load=load)
"""


class Job:
    def checkpoint(self) -> None: ...


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with three methods that fail."""
    facts = tmp_path / "package_of_a_test-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Name: package_of_a_test\nVersion: 1.0\n")
    lines = "fails = package_of_a_test:FAILS\nempty = package_of_a_test:EMPTY\nstops = package_of_a_test:STOPS\n"
    (facts / "entry_points.txt").write_text(f"[clarity.methods]\n{lines}")
    (tmp_path / "package_of_a_test.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    all_methods.cache_clear()


@pytest.mark.parametrize(
    ("name", "detail"),
    [("fails", "a layer is missing"), ("empty", "no weights in the package"), ("stops", "no license key")],
)
def test_a_method_that_fails_is_named(
    package: None, picture_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, detail: str
) -> None:
    out = tmp_path / "out.png"
    assert cli.main(["restore", str(picture_file), "-o", str(out), "--task", "denoise", "--method", name]) == 2
    said = capsys.readouterr().err
    assert f"{name.capitalize()}, which is not part of Clarity Desktop, failed" in said
    assert detail in said
    assert "Traceback" not in said
    assert not out.exists()


@pytest.fixture
def picture_file(tmp_path: Path, photo: Any) -> Path:
    from PIL import Image

    Image.fromarray(photo(64, 48)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("result", "form"),
    [
        (np.zeros((4, 8, 3), np.float32), "float32 (4, 8, 3)"), (np.zeros((8, 8, 3), np.uint8), "uint8 (8, 8, 3)"),
        (None, "NoneType"), (np.zeros((8, 8), np.float32), "float32 (8, 8)"),
    ],
)  # fmt: skip
def test_a_result_of_another_form_is_described(result: Any, form: str) -> None:
    run = guard.guarded(HALVES, lambda *_: result)
    with pytest.raises(UserError) as caught:
        run(np.zeros((8, 8, 3), np.float32), None, Job())
    assert f"returned {form} instead of float32 (8, 8, 3)" in str(caught.value)


def test_what_is_right_passes_and_so_do_cancelling_and_lack_of_memory() -> None:
    tile = np.full((8, 8, 3), 0.5, np.float64)
    large = replace(HALVES, scale=2)
    assert (
        guard.guarded(large, lambda tile, *_: np.repeat(np.repeat(tile, 2, 0), 2, 1))(tile, None, Job()).shape[0] == 16
    )
    for error in (JobCancelled(), MemoryError(), RuntimeError("CUDA out of memory")):

        def run(*_: Any, error: BaseException = error) -> Any:
            raise error

        with pytest.raises(type(error)):
            guard.guarded(HALVES, run)(tile, None, Job())


def test_a_run_that_looks_at_the_whole_photo_is_guarded_as_well() -> None:
    class Whole:
        def __call__(self, tile: Any, mask: Any, job: Any) -> Any:
            return tile

        def for_photo(self, overview: Any, mask: Any, job: Any) -> Any:
            if overview.max() > 0.5:
                raise ValueError("too bright for me")
            return lambda *_: None

    run, dark = guard.guarded(HALVES, Whole()), np.zeros((8, 8, 3), np.float32)
    assert isinstance(run, ContextAware)
    with pytest.raises(UserError, match="too bright for me"):
        run.for_photo(dark + 1, None, Job())
    with pytest.raises(UserError, match="returned NoneType"):
        run.for_photo(dark, None, Job())(dark, None, Job())
