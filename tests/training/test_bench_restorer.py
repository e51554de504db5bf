"""The restorer's bench: its metrics, and which tasks pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training.evaluate import restorer
from clarity_training.evaluate.restorer import MAX_PSNR, Case, Summary, evaluate, main, markdown, passes
from clarity_training.photos import load_8bit, select, split_of
from PIL import Image
from safetensors.torch import save, save_file

from clarity_desktop.backend.nets.clarity_all import ClarityAll
from clarity_desktop.messages import UserError

GOOD = Summary(
    photos=10, before=20, after=23, gain=3, median=3, worst=1, gaining=1, ssim_before=0.5, ssim_after=0.8,
    clean=40, clean_worst=35,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Path:
    """Photos of which several belong to the test split."""
    (tmp_path / "clean").mkdir()
    for k in range(24):
        Image.fromarray(photo(72, 56, seed=k)).save(tmp_path / "clean" / f"p{k}.png")
    return tmp_path / "clean"


@pytest.fixture
def paths(folder: Path) -> list[Path]:
    return select([folder], "test")


def test_a_restorer_that_changes_nothing_gains_nothing_and_keeps_clean_photos(paths: list[Path]) -> None:
    cases = evaluate("denoise", paths, lambda _task, photo, _lost: photo, 3, 0, [])
    assert len(cases) == 3
    assert all(c.gain == 0 and c.ssim_after == c.ssim_before and c.clean == MAX_PSNR for c in cases)
    assert all(10 < c.before < 30 for c in cases)
    assert not passes("denoise", replace(Summary.of(cases), photos=10))


def test_a_restorer_that_knows_the_clean_photo_gains_all_there_is(paths: list[Path]) -> None:
    known = [load_8bit(p) for p in paths]

    def nearest(_task: object, photo: np.ndarray, _lost: object) -> np.ndarray:
        return min(known, key=lambda clean: float(np.square(photo.astype(float) - clean).sum()))

    summary = Summary.of(evaluate("denoise", paths, nearest, len(paths), 0, []))
    assert summary.photos == len(paths)
    assert summary.after == summary.clean == MAX_PSNR
    assert summary.gain == pytest.approx(MAX_PSNR - summary.before)
    assert summary.gain > 20
    assert (summary.gaining, summary.ssim_after) == (1, 1)


def test_a_restorer_that_spoils_clean_photos_is_reported(paths: list[Path]) -> None:
    def darker(_task: object, photo: np.ndarray, _lost: object) -> np.ndarray:
        return np.where(photo > 9, photo - 10, photo)

    summary = Summary.of(evaluate("deblur", paths, darker, 3, 0, []))
    assert summary.clean == pytest.approx(20 * np.log10(255 / 10), abs=1)
    assert summary.clean_worst is not None
    assert summary.clean_worst <= summary.clean


def test_what_is_lost_is_shown_to_the_restorer_and_clean_photos_are_not_asked_about(paths: list[Path]) -> None:
    seen: list[np.ndarray] = []

    def gray(_task: object, photo: np.ndarray, lost: np.ndarray | None) -> np.ndarray:
        assert lost is not None
        seen.append(lost)
        return np.where(lost[..., None] > 0, np.uint8(127), photo)

    cases = evaluate("inpaint", paths, gray, 2, 0, [])
    assert [c.clean for c in cases] == [None, None]
    assert all(set(np.unique(lost)) == {0, 255} for lost in seen)


def test_the_same_seed_damages_the_same_way_and_the_sheet_shows_the_first_photos(paths: list[Path]) -> None:
    shown: list[tuple[np.ndarray, str]] = []

    def same(_task: object, photo: np.ndarray, _lost: object) -> np.ndarray:
        return photo

    one, again, other = (evaluate("derain", paths, same, 3, seed, shown) for seed in (1, 1, 2))
    assert one == again != other
    assert len(shown) == 3 * 3 * restorer.PHOTOS_SHOWN
    assert np.array_equal(shown[0][0], shown[1][0])
    assert not np.array_equal(shown[0][0], shown[2][0])


def test_means_medians_and_the_worst_are_those_of_the_photos() -> None:
    cases = [Case(20, 20 + gain, 0.5, 0.6, kept) for gain, kept in ((4, 40), (1, 50), (-2, 36))]
    summary = Summary.of(cases)
    assert (summary.gain, summary.median, summary.worst, summary.gaining) == (1, 1, -2, 2 / 3)
    assert (summary.before, summary.after, summary.clean, summary.clean_worst) == (20, 21, 42, 36)


@pytest.mark.parametrize(
    ("task", "changed", "offered"),
    [
        ("derain", {}, True),
        ("derain", {"gain": 2.0}, True),
        ("derain", {"gain": 1.99}, False),
        ("derain", {"clean": 38.0}, True),
        ("derain", {"clean": 37.99}, False),
        ("derain", {"photos": 9}, False),
        ("inpaint", {"clean": None, "clean_worst": None}, True),
        ("dejpeg", {"gain": 0.7}, True),
        ("dejpeg", {"gain": 0.69}, False),
        ("deblur", {"gain": 1.0}, True),
        ("deblur", {"gain": 0.99}, False),
    ],
)
def test_a_task_is_offered_exactly_from_its_gain_its_kept_photos_and_their_number(task, changed, offered) -> None:
    assert passes(task, replace(GOOD, **changed)) is offered


def test_the_table_has_a_row_a_task_and_says_what_is_offered() -> None:
    lines = markdown({"derain": GOOD, "inpaint": replace(GOOD, gain=1.5, clean=None, clean_worst=None)}).splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in cells}) == 1
    assert cells[2] == [
        "derain", "10", "20.0", "23.0", "+3.00", "+3.00", "+1.00", "100 %", "0.500 → 0.800", "40.0", "35.0", "yes",
    ]  # fmt: skip
    assert cells[3][4] == "+1.50"
    assert cells[3][-3:] == ["all", "all", "no"]


def test_an_untrained_network_is_measured_through_the_real_method(folder: Path, tmp_path: Path, capsys) -> None:
    torch.manual_seed(0)
    save_file(ClarityAll(8).state_dict(), tmp_path / "net.safetensors")  # as it starts, it changes nothing
    words = ["--photos", str(folder), "--weights", str(tmp_path / "net.safetensors"), "--task", "dejpeg", "inpaint"]
    assert main([*words, "--count", "2", "--out", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out" / "figures.json").read_text("utf-8"))
    assert set(result["tasks"]) == {"dejpeg", "inpaint"}
    assert result["tasks"]["dejpeg"]["gain"] == 0
    assert result["tasks"]["dejpeg"]["clean"] == MAX_PSNR
    assert result["tasks"]["dejpeg"]["offered"] is False
    assert result["tasks"]["inpaint"]["clean"] is None
    assert str(tmp_path) not in json.dumps(result)
    assert (tmp_path / "out" / "figures.md").read_text("utf-8").count("\n") == 4
    with Image.open(tmp_path / "out" / "sheet.jpg") as sheet:
        assert sheet.width > sheet.height > 100
    assert "Offered: none" in capsys.readouterr().out


def test_photos_of_the_training_alone_and_an_unknown_method_are_sentences(folder: Path, tmp_path: Path) -> None:
    for path in select([folder], "test"):
        path.unlink()
    with pytest.raises(UserError, match=r"No photo in .* belongs to the test split"):
        main(["--photos", str(folder)])
    Image.new("RGB", (40, 40)).save(folder / _test_name())
    with pytest.raises(UserError, match="There is no method “none”"):
        main(["--photos", str(folder), "--method", "none"])


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 99, save({"a": torch.zeros(1)}), save({"head.weight": torch.zeros(8)})]
)
def test_weights_that_are_none_of_the_networks_are_named(folder: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"No weights of clarity-all in “.*other\.safetensors”"):
        main(["--photos", str(folder), "--weights", str(tmp_path / "other.safetensors"), "--task", "denoise"])


def _test_name() -> str:
    return next(f"x{k}.png" for k in range(99) if split_of(Path(f"x{k}.png")) == "test")
