"""`clarity fuse`: several results become one file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import methods
from tests.fakes import HALVES
from tests.test_cli import clarity as clarity
from tests.test_cli import detector as detector
from tests.test_cli import file as file
from tests.test_cli import judge as judge
from tests.test_cli import make_studio as make_studio
from tests.test_cli import plain_methods as plain_methods
from tests.test_cli import read
from tests.test_cli import scorer as scorer


@pytest.fixture
def results(file: Path, tmp_path: Path) -> list[Path]:
    """Three results of the photo that differ a little."""
    made: list[Path] = []
    for k in range(3):
        noise = np.random.default_rng(k).normal(0, 4 + k, read(file).shape)
        made.append(tmp_path / f"{k}.png")
        Image.fromarray(np.clip(read(file) + noise, 0, 255).astype(np.uint8)).save(made[-1])
    return made


def test_results_become_one_file_in_any_order(clarity, file, results, tmp_path) -> None:
    code, [row], _ = clarity("fuse", *results, "--input", file, "--task", "derain", "-o", tmp_path / "a.png", "--json")
    assert code == 0
    assert {"path", "output", "seconds", "candidates", "how"} <= row.keys()
    assert (row["path"], row["output"], row["how"]) == (str(file), str(tmp_path / "a.png"), "pyramid")
    assert row["candidates"] == [str(r) for r in results]
    assert clarity("fuse", *results[::-1], "--input", file, "-o", tmp_path / "b.png")[0] == 0
    assert np.array_equal(read(tmp_path / "a.png"), read(tmp_path / "b.png"))
    away = [np.abs(read(p).astype(int) - read(file)).mean() for p in (tmp_path / "a.png", *results)]
    assert away[0] < min(away[1:])


def test_a_result_that_does_not_fit_is_named(clarity, file, results, tmp_path) -> None:
    Image.new("RGB", (50, 40)).save(results[1])
    code, [row], _ = clarity("fuse", *results, "--input", file, "-o", tmp_path / "a.png", "--json")
    assert code == 0
    assert any(results[1].name in note for note in row["notes"])


def test_without_files_the_best_methods_run(clarity, file, tmp_path, monkeypatch) -> None:
    out = tmp_path / "out.png"
    code, _, said = clarity("fuse", "--input", file, "--task", "derain", "-o", out)
    assert code == 2
    assert "Fewer than two" in said
    for k in range(4):
        monkeypatch.setitem(methods.METHODS, f"more-{k}", replace(HALVES, id=f"more-{k}"))
    methods.all_methods.cache_clear()
    code, [row], _ = clarity("fuse", "--input", file, "--task", "derain", "-o", out, "--json")
    assert code == 0
    assert row["candidates"] == ["halves", "more-0", "more-1"]
    assert np.abs(read(out) - np.rint(read(file) * 0.5)).max() <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "fly"], "fly"), ([], "Name the files"), (["--task", "dehaze"], "haze"),
        (["{0}", "--task", "derain"], "at least two"), (["{0}"] * 7, "At most six"),
        (["{0}", "nothing.png"], "nothing.png"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(clarity, file, results, tmp_path, words, said) -> None:
    words = [w.format(results[0]) for w in words]
    code, _, error = clarity("fuse", *words, "--input", file, "-o", tmp_path / "out.png")
    assert code == 2
    assert said.lower() in error.lower()
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("rule", ["error", "number", "skip", "overwrite"])
def test_an_input_is_never_replaced(clarity, file, results, rule) -> None:
    before = [path.read_bytes() for path in (file, *results)]
    for target in (file, *results):
        code, _, said = clarity("fuse", *results, "--input", file, "-o", target, "--if-exists", rule)
        assert code == 2
        assert "would replace" in said
    assert [path.read_bytes() for path in (file, *results)] == before


def test_an_existing_result_is_kept_numbered_or_skipped(clarity, file, results, tmp_path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    words = ("fuse", *results, "--input", file, "-o", out)
    assert clarity(*words)[0] == 2
    code, [row], _ = clarity(*words, "--if-exists", "skip", "--json")
    assert (code, row["skipped"]) == (0, True)
    code, [row], _ = clarity(*words, "--if-exists", "number", "--json")
    assert (code, Path(row["output"]).name) == (0, "out (2).png")
    assert out.read_bytes() == b"mine"


def test_sixteen_bits_and_transparency_stay(clarity, tmp_path, file) -> None:
    source, alpha = read(file).astype(np.uint16) * 257, np.full((90, 120, 1), 65535, np.uint16)
    alpha[:20] = 0
    names = [tmp_path / f"deep{k}.png" for k in range(3)]
    for k, name in enumerate(names):
        cv2.imwrite(str(name), np.dstack([np.clip(source.astype(int) + 100 * k, 0, 65535).astype(np.uint16), alpha]))
    assert clarity("fuse", *names[1:], "--input", names[0], "-o", tmp_path / "out.png")[0] == 0
    result = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert (result.dtype, result.shape) == (np.uint16, (90, 120, 4))
    assert np.array_equal(result[..., 3:], alpha)
    assert np.array_equal(result[:20, :, :3], source[:20])  # what is hidden
    assert np.abs(result[20:, :, :3].astype(int) - source[20:] - 150).max() <= 50  # between both, to the last digits
