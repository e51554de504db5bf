"""The detector's bench: its metrics on cases with known answers, its files, and the calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training import predictors
from clarity_training.evaluate import cases, detector, metrics
from clarity_training.evaluate.test_set import Case
from clarity_training.exam import Half
from clarity_training.train import calibration
from clarity_training.train.calibration import Fit, Logits
from PIL import Image
from safetensors.torch import save_file

from clarity_desktop.backend.detect import logits, sample_views
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS, Detection, Finding

GRAY = np.full((40, 60, 3), 128, np.uint8)


def detection_of(name: str, *, flat: bool = True) -> Detection:
    """A detection with a high probability of one class; its heat map is constant, or higher in the upper half."""
    top = sorted(((c, 0.86 if c == name else 0.01) for c in CLASSES), key=lambda row: -row[1])
    found = {d: Finding(0.9 if d == name else 0.1, 0.5) for d in DEGRADATIONS}
    heat = np.full((8, 8, 13), 100, np.uint8)
    if not flat:
        heat[:4] = 200
    return Detection(tuple(top), found, heat)


def two_cases_each(real: bool = False) -> list[Case]:
    """Two cases of each class; their first pixel tells the class."""
    out: list[Case] = []
    for k, name in enumerate(CLASSES):
        pixels = GRAY.copy()
        pixels[0, 0] = k
        severities = {d: 0.6 for d in DEGRADATIONS if d == name and not real}
        out += [Case(name, pixels, Path("x.png"), real, severities)] * 2
    return out


def perfect(pixels: np.ndarray) -> Detection:
    return detection_of(CLASSES[pixels[0, 0, 0]])


def summary_of(predict: predictors.Predictor) -> dict[str, float]:
    return detector.summarize(detector.predict_all({"one": predict}, two_cases_each())["one"])


@pytest.fixture
def clean(split_folder: Callable[..., Path]) -> Path:
    return split_folder((120, 90), validation=2, test=2)


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    net = Detector()
    net.prompts = torch.nn.functional.normalize(torch.randn_like(net.prompts), dim=-1)
    save_file(net.state_dict(), tmp_path / "untrained.safetensors")
    return tmp_path / "untrained.safetensors"


def test_one_that_knows_is_always_right() -> None:
    row = summary_of(perfect)
    assert row["top-1"] == row["top-3"] == row["mean average precision"] == 1
    assert row["false alarms"] == 0
    assert row["top-1 synthetic"] == 1
    assert math.isnan(row["top-1 real"])
    assert row["calibration error"] == pytest.approx(0.14)  # right in all cases, sure to 0.86
    assert row["calibration error of found"] == pytest.approx(0.1)


def test_one_that_says_haze_to_all_is_right_once_in_fifteen() -> None:
    row = summary_of(lambda _: detection_of("haze"))
    assert row["top-1"] == pytest.approx(1 / 15)
    assert row["false alarms"] == 1
    assert row["cases"] == 30
    assert row["top-3"] == pytest.approx(1 / 15)  # equal odds count against it


def test_each_class_has_its_precision_and_what_it_is_taken_for() -> None:
    def predict(pixels: np.ndarray) -> Detection:
        return detection_of("haze") if CLASSES[pixels[0, 0, 0]] == "snow" else perfect(pixels)

    rows = detector.per_class(detector.predict_all({"one": predict}, two_cases_each())["one"])
    assert rows["snow"]["recall"] == 0
    assert math.isnan(rows["snow"]["precision"])
    assert rows["snow"]["confused with"] == {"haze": 2}
    assert rows["haze"]["recall"] == 1
    assert rows["haze"]["precision"] == 0.5


def test_real_photos_have_counts_and_intervals() -> None:
    rows = detector.per_real_class(detector.predict_all({"one": perfect}, two_cases_each(real=True))["one"])
    assert rows["noise"]["cases"] == rows["noise"]["correct"] == 2
    assert (rows["noise"]["low"], rows["noise"]["high"]) == pytest.approx((0.342, 1), abs=0.001)
    assert rows["noise"]["found"] == 1


def test_a_flat_heat_map_has_one_half_and_one_that_points_has_more() -> None:
    where = np.zeros((40, 60), bool)
    where[:20] = True
    half = Half(GRAY.astype(np.float32) / 255, "top", where)
    assert detector.heat_map_auc(lambda _: detection_of("snow"), iter([("snow", half)])) == {"snow": 0.5}
    assert detector.heat_map_auc(lambda _: detection_of("snow", flat=False), iter([("snow", half)])) == {"snow": 1}


def test_known_figures() -> None:
    assert metrics.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert metrics.average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])) == pytest.approx(5 / 6)
    alike = np.full(4, 0.5)  # in whichever order they stand
    assert metrics.average_precision(alike, np.array([True, False, False, False])) == 0.25
    assert metrics.average_precision(alike, np.array([False, False, False, True])) == 0.25
    assert metrics.area_under_curve(np.array([3.0, 1, 2, 2]), np.array([True, False, False, True])) == 0.875
    assert metrics.calibration_error(np.array([0.9, 0.9]), np.array([True, False])) == pytest.approx(0.4)
    assert math.isnan(metrics.correlation(np.ones(9), np.arange(9.0)))


def test_the_bench_writes_its_figures_and_pictures(clean: Path, untrained: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [
        "--photos",
        str(clean),
        "--weights",
        str(untrained),
        "--per-class",
        "1",
        "--training-synthesis",
        "--threads",
        "1",
    ]
    assert detector.main([*words, "--out", str(out)]) == 0
    result = json.loads((out / "figures.json").read_text("utf-8"))
    assert result["rows"]["built-in"]["cases"] == result["training synthesis"]["cases"] == 15
    assert set(result["heat"]) == set(DEGRADATIONS)
    assert "| watermark | 1 (0) |" in (out / "figures.md").read_text("utf-8")
    with Image.open(out / "confusion.png") as matrix, Image.open(out / "errors.jpg") as sheet:
        assert matrix.width == matrix.height > 15 * 40
        assert sheet.height > 200


def test_weights_that_are_none_of_the_detectors_are_detection_of(clean: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, wrong)
    with pytest.raises(UserError, match=r"No weights of the detector in “.*other\.safetensors”"):
        detector.main(["--photos", str(clean), "--weights", str(wrong)])


def test_calibration_makes_the_too_sure_less_sure() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(1, 15, 3000)  # no clean photo, so none to spare
    classes = rng.normal(0, 1, (3000, 15))
    classes[np.arange(3000), kinds] += 2.0
    there = rng.random((3000, 13)) < 0.2
    found = np.where(there, 1.0, -1.0) + rng.normal(0, 1, (3000, 13))
    logits_ = Logits(classes * 6, found * 5 + 3, kinds, there)
    fit = calibration.fit(logits_)
    before, after = calibration.calibration_errors(logits_), calibration.calibration_errors(fit.apply(logits_))
    assert after[0] < 0.05 < before[0]
    assert after[1] < 0.03 < before[1]
    assert (fit.class_scale, fit.found_scale) == pytest.approx((1 / 3, 0.4), abs=0.02)


def test_calibration_levels_the_classes_and_spares_clean_photos() -> None:
    rng = np.random.default_rng(1)
    kinds = np.concatenate((np.zeros(2000, np.int64), rng.integers(1, 15, 5000)))
    classes = rng.normal(0, 1, (7000, 15))
    classes[np.arange(7000), kinds] += 2.5
    classes[:, 3] += 1.5  # snow is named too often
    logits_ = Logits(classes, np.zeros((7000, 13)), kinds, np.zeros((7000, 13), np.bool_))
    after = calibration.fit(logits_).apply(logits_)
    assert calibration.false_alarm_rate(logits_) > 0.1
    assert 0.04 < calibration.false_alarm_rate(after) <= calibration.MAX_FALSE_ALARMS
    others = Logits(logits_.classes[kinds > 0], logits_.found[kinds > 0], kinds[kinds > 0], logits_.present[kinds > 0])
    assert calibration.balanced_accuracy(calibration.fit(others).apply(others)) > calibration.balanced_accuracy(others)


def test_what_is_folded_into_the_file_is_what_was_fitted(clean: Path, untrained: Path) -> None:
    [case, *_] = cases.training_synthesis_cases(sorted(clean.iterdir()), 1)
    seen = sample_views(case.pixels).whole[None]
    before = logits(predictors.load_detector(untrained), seen)
    fit = Fit(0.5, np.linspace(2, -2, 15), 1.7, np.linspace(-1, 1, 13))
    calibration.fold(untrained, fit)
    after = logits(predictors.load_detector(untrained), seen)
    assert after["classes"] == pytest.approx(before["classes"] * 0.5 + fit.class_bias, abs=0.05)
    assert after["found"] == pytest.approx(before["found"] * 1.7 + fit.found_bias, abs=0.05)
    assert after["map"] == pytest.approx(before["map"])


def test_a_file_is_calibrated_again_as_if_for_the_first_time(clean: Path, untrained: Path) -> None:
    [case, *_] = cases.training_synthesis_cases(sorted(clean.iterdir()), 1)
    seen = sample_views(case.pixels).whole[None]
    before = logits(predictors.load_detector(untrained), seen)
    calibration.fold(untrained, Fit(1.0, np.zeros(15), 1.0, np.zeros(13), 2.0))
    after = logits(predictors.load_detector(untrained), seen)
    assert after["classes"][0, 0] == pytest.approx(before["classes"][0, 0] + 2, abs=0.02)
    assert (after["found"] < before["found"]).all()
    calibration.fold(untrained, Fit(1.0, np.zeros(15), 1.0, np.zeros(13)))
    again = logits(predictors.load_detector(untrained), seen)
    assert again["classes"] == pytest.approx(before["classes"], abs=0.02)
    assert again["found"] == pytest.approx(before["found"], abs=0.02)


def test_the_calibration_works_on_the_photos_set_aside(
    clean: Path, untrained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--photos", str(clean), "--weights", str(untrained), "--per-class", "1", "--threads", "1"]
    assert calibration.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["before", "after"]


def test_the_overlap_of_a_heat_map_with_the_damage_is_one_where_they_agree() -> None:
    where = np.zeros((64, 96), np.bool_)
    where[16:32, 48:80] = True
    heat = np.zeros((8, 12, 13), np.uint8)
    heat[2:4, 6:10, DEGRADATIONS.index("watermark")] = 255

    def overlap(marked: np.ndarray) -> float:
        seen = replace(detection_of("watermark"), heat=marked)
        photo = np.zeros((64, 96, 3), np.uint8)
        return detector.heat_map_overlap(lambda _: seen, iter([("watermark", photo, where)]))["watermark"]

    assert overlap(heat) == 1
    assert overlap(np.full_like(heat, 255)) == pytest.approx(8 / 96)
    assert overlap(np.zeros_like(heat)) == 0
