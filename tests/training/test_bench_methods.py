"""`clarity bench methods`: what cannot be measured is said before the work, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from clarity_training.evaluate import methods
from PIL import Image

from clarity_desktop.messages import UserError

WORDS = ["--task", "denoise", "--method", "nl-means"]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A folder with one pair."""
    for name in ("input", "target"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64), (90, 120, 150)).save(tmp_path / name / "a.png")
    return tmp_path


def test_photos_without_a_partner_are_named(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pairs / "target" / "a.png").rename(pairs / "target" / "b.png")
    with pytest.raises(UserError, match="contains none of the photos of"):
        methods.main(["--data", str(pairs), *WORDS])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("folder", ["input", "mask"])
def test_a_partner_of_another_size_is_named(pairs: Path, folder: str) -> None:
    (pairs / folder).mkdir(exist_ok=True)
    Image.new("RGB", (40, 64)).save(pairs / folder / "a.png")
    with pytest.raises(UserError, match=rf"{folder}.a\.png has another size than"):
        methods.main(["--data", str(pairs), *WORDS])


@pytest.mark.parametrize("content", [None, "{", "[]", '{"denoise": 3}'])
def test_a_file_that_is_no_table_stays_as_it_is(pairs: Path, content: str | None) -> None:
    table = pairs / "table.json"
    table.mkdir() if content is None else table.write_text(content)
    with pytest.raises(UserError, match="is no table of results"):
        methods.main(["--data", str(pairs), *WORDS, "--evidence", str(table)])
    assert content is None or table.read_text() == content


@pytest.mark.parametrize("words", [["--count", "0"], ["--count", "-3"], ["--side", "0"]])
def test_numbers_below_one_are_refused(pairs: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        methods.main(["--data", str(pairs), *WORDS, *words])
    assert "is not a whole number from 1" in capsys.readouterr().err


def test_a_pair_is_measured_and_added(pairs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pairs / "table.json"
    assert methods.main(["--data", str(pairs), *WORDS, "--evidence", str(table)]) == 0
    assert "| denoise | nl-means | 1 |" in capsys.readouterr().out
    assert '"nl-means"' in table.read_text()
