"""`clarity segment` and `clarity restore --text`: masks, JSON, exit codes, sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import methods
from tests.fakes import HALVES
from tests.test_cli import clarity as clarity
from tests.test_cli import detector as detector
from tests.test_cli import judge as judge
from tests.test_cli import make_studio as make_studio
from tests.test_cli import plain_methods as plain_methods
from tests.test_cli import read
from tests.test_cli import scorer as scorer

BOX = (slice(30, 70), slice(50, 100))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An orange box on gray-blue."""
    pixels = np.full((100, 150, 3), (90, 105, 120), np.uint8)
    pixels[BOX] = (220, 130, 40)
    path = tmp_path / "scene.png"
    Image.fromarray(pixels).save(path)
    return path


def iou(path: Path) -> float:
    mask = read(path)
    assert mask.shape == (100, 150)
    truth = np.zeros(mask.shape, np.bool_)
    truth[BOX] = True
    return float(((mask > 127) & truth).sum() / ((mask > 127) | truth).sum())


@pytest.mark.parametrize(
    "words", [("--point", "75,50"), ("--point", "75,50,1", "--point", "10,10,0"), ("--box", "45,25,106,76")]
)
def test_points_and_boxes_write_a_mask(clarity, file, tmp_path, words) -> None:
    out = tmp_path / "mask.png"
    code, [row], _ = clarity("segment", file, *words, "-o", out, "--json")
    assert code == 0
    assert row.keys() == {"path", "output", "engine", "score", "box", "area"}
    assert (row["path"], row["output"], row["engine"]) == (str(file), str(out), "clarity-click")
    assert 0 < row["score"] <= 1
    assert iou(out) > 0.9
    assert row["area"] == (read(out) > 127).sum()
    assert row["box"] == pytest.approx([50, 30, 100, 70], abs=2)


def test_words_write_a_mask(clarity, file, tmp_path) -> None:
    out = tmp_path / "mask.png"
    code, [row], _ = clarity("segment", file, "--text", "the left half", "-o", out, "--json")
    assert (code, row["engine"], row["box"], row["area"]) == (0, "pixels", [0, 0, 75, 100], 7500)
    assert read(out)[:, :75].all()
    assert not read(out)[:, 75:].any()
    assert clarity("segment", file, "--text", "everything but the left half", "-o", tmp_path / "rest.png")[0] == 0
    assert np.array_equal(read(tmp_path / "rest.png"), 255 - read(out))


def test_boxes_are_listed_without_a_mask(clarity, file, capsys) -> None:
    code, [row], _ = clarity("segment", file, "--text", "orange", "--boxes", "--json")
    assert code == 0
    assert row.keys() == {"path", "engine", "count", "boxes", "seconds"}
    assert (row["count"], row["engine"]) == (1, "pixels")
    [box] = row["boxes"]
    assert box.keys() == {"label", "score", "box"}
    assert (box["label"], box["box"]) == ("orange", pytest.approx([50, 30, 100, 70], abs=2))
    assert clarity("segment", file, "--text", "orange", "--boxes")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "m.png"], "in one way"),
        (["--text", "sky", "--point", "1,1", "-o", "m.png"], "in one way"),
        (["--point", "75,50"], "-o MASK.png"),
        (["--point", "75,50", "-o", "m.jpg"], "ends in .png"),
        (["--point", "75,50", "--boxes"], "--boxes lists"),
        (["--text", "sky", "--boxes", "-o", "m.png"], "--boxes lists"),
        (["--point", "75", "-o", "m.png"], "not a point"),
        (["--point", "nan,3", "-o", "m.png"], "not a point"),
        (["--point", "1,2,3", "-o", "m.png"], "not a point"),
        (["--box", "1,2,3", "-o", "m.png"], "not a box"),
        (["--point", "150,50", "-o", "m.png"], "The point 150, 50 lies outside the photo of 150 × 100"),
        (["--point", "-5,10", "-o", "m.png"], "The point -5, 10 lies outside"),
        (["--box", "-5,-5,20,20", "-o", "m.png"], "inside the photo"),
        (["--box", "100,50,90,40", "-o", "m.png"], "must have an area"),
        (["--box", "100,50,160,90", "-o", "m.png"], "inside the photo"),
        (["--text", "", "-o", "m.png"], "Describe what to find"),
        (["--text", "a purple submarine", "-o", "m.png"], "is not among the things"),
        (["--text", "the purple part", "-o", "m.png"], "was not found"),
        (["--text", "the left half", "--engine", "magic", "-o", "m.png"], "no engine “magic”"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(clarity, file, tmp_path, monkeypatch, words, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = clarity("segment", file, *words)
    assert code == 2
    assert sentence in err
    assert not (tmp_path / "m.png").exists()


def test_a_missing_detector_is_exit_3_and_named(clarity, file, tmp_path) -> None:
    code, [row], err = clarity("segment", file, "--text", "the dog", "-o", tmp_path / "m.png", "--json")
    assert code == 3
    assert "yolox" in err
    assert row.keys() == {"path", "error"}
    assert clarity("segment", file, "--text", "a face", "--boxes")[0] == 3
    assert clarity("segment", file, "--point", "75,50", "--engine", "mobile-sam", "-o", tmp_path / "m.png")[0] == 3


def test_existing_masks_are_kept_numbered_skipped_or_replaced(clarity, file, tmp_path) -> None:
    out = tmp_path / "mask.png"
    words = ("segment", file, "--text", "the left half", "-o", out)
    assert clarity(*words)[0] == 0
    code, _, err = clarity("segment", file, "--text", "the right half", "-o", out)
    assert code == 2
    assert "already exists" in err
    assert clarity(*words, "--if-exists", "number", "--json")[1][0]["output"] == str(tmp_path / "mask (2).png")
    assert clarity(*words, "--if-exists", "skip", "--json")[1][0]["skipped"] is True
    assert clarity("segment", file, "--text", "the right half", "-o", out, "--if-exists", "overwrite")[0] == 0
    assert not read(out)[:, :75].any()
    before = file.read_bytes()
    assert clarity("segment", file, "--text", "the left half", "-o", file, "--if-exists", "overwrite")[0] == 2
    assert file.read_bytes() == before


def test_restore_only_what_words_mean(clarity, file, tmp_path) -> None:
    out = tmp_path / "out.png"
    code, [row], _ = clarity("restore", file, "-o", out, "--task", "derain", "--text", "the left half", "--json")
    assert code == 0
    assert row["steps"][0]["kept"]
    before, after = read(file), read(out)
    assert np.array_equal(after[:, 75:], before[:, 75:])
    assert np.abs(after[:, :75] - before[:, :75] * 0.5).max() <= 1


def test_words_name_what_is_to_be_filled(clarity, file, tmp_path, monkeypatch) -> None:
    filling = replace(HALVES, id="filling", tasks=("inpaint",), needs_mask=True)
    monkeypatch.setitem(methods.METHODS, filling.id, filling)
    methods.all_methods.cache_clear()
    out = tmp_path / "out.png"
    assert clarity("restore", file, "-o", out, "--task", "inpaint")[0] == 2
    assert clarity("restore", file, "-o", out, "--task", "inpaint", "--text", "the left half")[0] == 0
    assert np.array_equal(read(out)[:, 75:], read(file)[:, 75:])


def test_restore_with_words_that_find_nothing_writes_nothing(clarity, file, tmp_path) -> None:
    out = tmp_path / "out.png"
    code, _, err = clarity("restore", file, "-o", out, "--task", "derain", "--text", "the purple part")
    assert (code, out.exists()) == (2, False)
    assert "“purple part” was not found" in err
    mask = ("--mask", file, "--text", "the sky")
    assert clarity("restore", file, "-o", out, "--task", "derain", *mask)[0] == 2
