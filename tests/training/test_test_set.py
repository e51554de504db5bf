"""The test set: number of cases, share of real photos, and the halves of the real photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clarity_training.evaluate.test_set import REAL_SETS, build, real_half, real_pairs, real_photos
from PIL import Image

from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS

HEAD = "path,set,role,class\n"


@pytest.fixture
def clean(tmp_path: Path, photo: Callable[..., np.ndarray]) -> list[Path]:
    files = [tmp_path / f"clean{k}.png" for k in range(3)]
    for k, file in enumerate(files):
        Image.fromarray(photo(96, 64, seed=k)).save(file)
    return files


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Twelve hazy and two noisy photos, one of a set that is too weak, and targets, with their index."""
    folder = tmp_path / "real"
    rows = [f"haze_real/haze/{k}.png,haze_real,haze,haze" for k in range(12)]
    rows += [f"noise_cc15/input/{k}.png,noise_cc15,input,noise" for k in range(2)]
    rows += ["noise_polyu/input/0.png,noise_polyu,input,noise", "noise_cc15/target/0.png,noise_cc15,target,noise"]
    for k, row in enumerate(rows):
        file = folder / row.split(",")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(k).integers(0, 256, (5, 6, 3), np.uint8)  # each another scene
        Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(file)
    (folder / "index.csv").write_text(HEAD + "\n".join(rows), "utf-8")
    return folder


def test_every_class_has_its_number_of_cases_in_order(clean: list[Path]) -> None:
    cases = list(build(clean, None, per_class=2, seed=1))
    assert [c.name for c in cases] == [name for name in CLASSES for _ in range(2)]
    for case in cases:
        assert case.pixels.dtype == np.uint8
        assert case.pixels.shape == (64, 96, 3)
        assert not case.real
        assert case.source in clean
        assert set(case.severities) <= set(DEGRADATIONS)
        assert len(case.severities) in {"normal": {0}, "blend": {2, 3}}.get(case.name, {1})


def test_the_same_seed_gives_the_same_cases_and_another_seed_others(clean: list[Path]) -> None:
    one, again, other = ([c.pixels for c in build(clean, None, per_class=1, seed=s)] for s in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_three_of_ten_are_real_where_there_are_enough(clean: list[Path], real: Path) -> None:
    hazy = sum(name == "haze" for name, _ in real_photos(real, "test"))
    cases = list(build(clean, real, per_class=10))
    assert Counter(c.name for c in cases) == dict.fromkeys(CLASSES, 10)
    assert sum(c.real for c in cases if c.name == "haze") == min(3, hazy) == 3
    assert {c.name for c in cases if c.real} <= {"haze", "noise"}
    assert all(real_half(c.source) == "test" and not c.severities for c in cases if c.real)


def test_the_halves_share_no_photo_and_leave_none_out(real: Path) -> None:
    train, exam = (real_photos(real, half) for half in ("train", "test"))
    assert not {p.stem for _, p in train} & {p.stem for _, p in exam}
    assert Counter(name for name, _ in train + exam) == {"haze": 12, "noise": 2}


def test_photos_of_one_name_stay_in_one_half() -> None:
    assert real_half(Path("exposure_bracket/under/church.webp")) == real_half(Path("exposure_bracket/over/church.jpg"))


def test_a_scene_of_the_train_half_is_not_in_the_test_half(real: Path) -> None:
    hazy = sorted((real / "haze_real" / "haze").iterdir())
    exam, train = ([path for path in hazy if real_half(path) == half] for half in ("test", "train"))
    with Image.open(train[0]) as opened:
        darker = Image.fromarray(np.asarray(opened) // 3).resize((60, 50))
    darker.save(exam[0])
    assert {path for name, path in real_photos(real, "test") if name == "haze"} == set(exam[1:])
    assert {path for name, path in real_photos(real, "train") if name == "haze"} == set(train)


def test_pairs_are_of_one_half_each_good_and_bad_and_share_no_scene(shared: Path) -> None:
    train, exam = (real_pairs(shared / "data", half) for half in ("train", "test"))
    assert len(train["lol_train"]) > 200
    assert 60 < len(exam["lol_train"]) < 130  # half of 428, without other exposures of what is in the other half
    assert all(good.parent.name == "target" and bad.parent.name == "input" for good, bad in exam["noise_cc15"])
    frames = [{bad.stem.rpartition("_")[0].rstrip("_") for _, bad in half["noise_polyu"]} for half in (train, exam)]
    assert not frames[0] & frames[1]
    assert all(len(frame) > 5 for frame in frames)


def test_an_index_that_is_absent_or_wrong_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not be read"):
        real_photos(tmp_path, "test")
    (tmp_path / "index.csv").write_text("path,set\na.png,haze_real\n", "utf-8")
    with pytest.raises(UserError, match="no column 'role'"):
        real_photos(tmp_path, "test")


def test_an_index_cannot_name_files_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text(HEAD + "../secret.png,haze_real,haze,haze\n", "utf-8")
    with pytest.raises(UserError, match="outside its folder"):
        real_photos(tmp_path, "test")


def test_no_clean_photo_is_an_error() -> None:
    with pytest.raises(UserError, match="no clean photo"):
        next(build([], None))


def test_the_measuring_data_has_real_photos_of_every_class(shared: Path) -> None:
    both = [real_photos(shared / "data", half) for half in ("train", "test")]
    assert {name for half in both for name, _ in half} == set(CLASSES) - {"normal"}
    assert all(path.is_file() for half in both for _, path in half)
    exam = Counter(name for name, _ in both[1])
    assert exam["low-light"] > 60
    assert exam["haze"] > 10
    assert set(REAL_SETS.values()) == set(CLASSES)
