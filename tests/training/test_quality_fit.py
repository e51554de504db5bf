"""The fit of the quality metrics' parameters and its bench, on a few photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clarity_training import fitted_metrics, ranked_photos, ranking
from clarity_training.evaluate import quality as evaluate
from clarity_training.evaluate.test_set import real_half
from clarity_training.ranked_photos import (
    CLEAN,
    MILD,
    STRONG,
    UNCHANGED,
    Measurements,
    RankedPhoto,
    crop,
    evaluation_photos,
    training_photos,
)
from clarity_training.train import quality as fit
from PIL import Image
from safetensors.numpy import load_file

from clarity_desktop.backend.iqa import overall
from clarity_desktop.backend.iqa.brisque import score
from clarity_desktop.backend.iqa.kernel import Regression
from clarity_desktop.messages import UserError
from clarity_desktop.values import DEGRADATIONS

NOISE = DEGRADATIONS.index("noise")
Photo = Callable[..., np.ndarray]


@pytest.fixture
def photos(split_folder: Callable[..., Path]) -> list[Path]:
    return sorted(split_folder((320, 240), train=2).iterdir())


def made_up(count: int = 40) -> Measurements:
    """Photos whose order is known from one feature: SSEQ's fourth falls with every grade, five others are random."""
    rng = np.random.default_rng(0)
    grades = ((-1, CLEAN), (-1, UNCHANGED), (3, MILD), (3, STRONG))
    keys = np.array([(source, degradation, grade) for source in range(count) for degradation, grade in grades])
    features = np.zeros((len(keys), overall.ORIENTATIONS.shape[1]))
    features[:, 36:42] = rng.normal(size=(len(keys), 6))
    features[:, 39] = -np.select([keys[:, 2] == MILD, keys[:, 2] == STRONG], [1.0, 2.5], 0.0) + 0.1 * features[:, 39]
    detections = np.zeros((len(keys), overall.DETECTION_COUNT))
    detections[:, :2] = np.where(keys[:, 1] < 0, 0.9, 0.2)[:, None]
    detections[:, 2 + 3] = np.where(keys[:, 1] < 0, 0.05, 0.8)
    detections[:, 15 + 3] = np.select([keys[:, 2] == MILD, keys[:, 2] == STRONG], [0.3, 0.9], 0.0)
    return Measurements(*keys.T, features, rng.normal(size=len(keys)), (), detections)


def test_the_same_seed_gives_the_same_photos_and_a_part_of_the_list_too(photos: list[Path]) -> None:
    whole, part = list(training_photos(photos, 2, 3)), list(training_photos(photos[:1], 2, 3))
    assert [g[:3] for g in whole[: len(part)]] == [g[:3] for g in part]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(whole, part, strict=False))
    assert len(part) == 3 + 2 * 2 + 3


def test_measuring_gives_each_degradation_as_many_photos_as_asked(photos: list[Path]) -> None:
    made = list(evaluation_photos(photos, 1, 0))
    for kind in range(len(DEGRADATIONS)):
        assert sorted(g.grade for g in made if g.degradation == kind) == [MILD, STRONG]
    assert all(g.pixels.dtype == np.uint8 and max(g.pixels.shape) <= 400 for g in made)


def test_a_crop_is_a_part_of_the_photo(photo: Photo) -> None:
    whole = photo(200, 120)
    part = crop(whole, np.random.default_rng(2))
    assert part.shape == (114, 190, 3)
    places = [(y, x) for y in range(7) for x in range(11)]
    assert any(np.array_equal(part, whole[y : y + 114, x : x + 190]) for y, x in places)


def test_what_was_kept_in_a_file_is_not_measured_again(photos: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "seen"
    first = ranked_photos.cached(file, lambda: ranked_photos.measure(training_photos(photos[:1], 1, 0)))
    again = ranked_photos.cached(file, lambda: pytest.fail("measured again"))
    assert np.array_equal(first.features, again.features)
    assert [len(rows) for rows in first.blocks] == [len(rows) for rows in again.blocks]
    assert np.isnan(again.detections).all()


def test_the_regression_comes_near_a_smooth_teacher_and_has_the_products_form() -> None:
    rng = np.random.default_rng(1)
    features = rng.uniform(-1, 1, (500, 36))
    wanted = 50 + 20 * features[:, 0] - 10 * features[:, 1] ** 2
    table = fit.regression(features[:400], wanted[:400], 0.05, 1e-3, 0)
    predicted = fitted_metrics.predict(table, features[400:])
    assert np.corrcoef(predicted, wanted[400:])[0, 1] > 0.95
    one = Regression(
        table["vectors"], table["coefficients"], table["rho"][0], table["gamma"][0], table["low"], table["high"]
    )
    assert score(features[400], one) == pytest.approx(predicted[0], abs=0.01)


def test_pristine_statistics_come_from_sharp_blocks_only(photo: Photo) -> None:
    with pytest.raises(UserError, match="sharp blocks"):
        fit.pristine_model([photo(200, 100)])
    model = fit.pristine_model([photo(480, 480, seed=k) for k in range(8)])
    assert model["mean"].shape == (36,)
    assert np.linalg.eigvalsh(model["covariance"]).min() > -1e-9


def test_the_fit_finds_the_order_and_its_weights_are_never_negative() -> None:
    data = made_up()
    metrics = np.random.default_rng(3).normal(size=(len(data.source), 4))
    table = ranking.fit(data, metrics, 0, ranking.Size(members=2, steps=150))
    table["seen"] = ranking.fit_detector_weights(data, metrics, table, 0)
    for detections in (np.full_like(data.detections, np.nan), data.detections):
        scores = overall.logits(overall.features(data.features, metrics, detections, table), table).mean(0)
        order = evaluate.rank_metrics(data, scores)["classes"]["haze"]
        assert order["clean over damaged"]["share"] >= 0.97
        assert order["mild over strong"]["share"] >= 0.95
    assert all((table[name][:, :-1] >= 0).all() for name in ("alone", "seen"))


def test_the_same_seed_gives_the_same_fit() -> None:
    data, size = made_up(8), ranking.Size(members=1, steps=5)
    metrics = np.random.default_rng(3).normal(size=(len(data.source), 4))
    first, again, other = (ranking.fit(data, metrics, seed, size) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["first"], other["first"])


def test_the_numbers_survive_their_file(tmp_path: Path) -> None:
    fit.save_tables({"niqe": {"mean": np.arange(3.0)}, "overall": {"alone": np.ones((2, 6))}}, tmp_path / "x" / "y")
    held = load_file(tmp_path / "x" / "y")
    assert held["niqe.mean"].tolist() == [0, 1, 2]
    assert held["overall.alone"].dtype == np.float32


def test_without_the_authors_parameters_there_is_no_reference(photos: list[Path], tmp_path: Path) -> None:
    folder = str(photos[0].parent)
    with pytest.raises(UserError, match="needs the authors' parameters"):
        fit.main(["--photos", folder, "--count", "8", "--degradations", "1", "--out", str(tmp_path / "iqa")])


def test_the_detectors_part_alone_needs_photos_to_look_at_and_the_other_parts(tmp_path: Path, photo: Photo) -> None:
    Image.fromarray(photo(64, 64)).save(tmp_path / "img_002.png")  # of the validation split
    words = ["--photos", str(tmp_path), "--detector-only", "--out", str(tmp_path / "iqa")]
    with pytest.raises(UserError, match="--detector-photos"):
        fit.main(words)
    with pytest.raises(UserError, match="could not be read"):
        fit.main([*words, "--detector-photos", "1"])
    (tmp_path / "iqa").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="could not be read"):
        fit.main([*words, "--detector-photos", "1"])
    fit.save_tables({"niqe": {"mean": np.arange(3.0)}}, tmp_path / "iqa")
    with pytest.raises(UserError, match="no parameters of the overall score"):
        fit.main([*words, "--detector-photos", "1"])


def test_agreement_is_over_the_photos_for_which_a_metric_is_defined(
    shared: Path, monkeypatch: pytest.MonkeyPatch, photo: Photo
) -> None:
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    sizes = ((300, 220), (320, 200), (300, 200), (300, 80))  # the last is too small for NIQE
    flat = RankedPhoto(9, 0, STRONG, np.full((200, 300, 3), 255, np.uint8))
    made = [RankedPhoto(k, 0, MILD, photo(*size, seed=k)) for k, size in enumerate(sizes)]
    found = evaluate.agreement(ranked_photos.measure(iter([*made, flat])))
    assert found == evaluate.agreement(ranked_photos.measure(iter(made)))
    assert all(-1 <= value <= 1 for value in found.values())


def test_real_pairs_of_a_fitted_photo_are_not_counted(tmp_path: Path) -> None:
    rows, left = ["path,set,pair_id,role"], 2
    for k in range(40):
        if not left or real_half(Path(f"{k}.png")) != "test":
            continue
        left -= 1
        coarse = Image.fromarray(np.random.default_rng(k).integers(0, 256, (5, 6, 3), np.uint8))
        for role, change in (("target", 1.0), ("input", 0.3)):
            file = tmp_path / "rain" / role / f"{k}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            coarse.resize((60, 50), Image.Resampling.BICUBIC).point(lambda v, c=change: v * c).save(file)
            rows.append(f"rain/{role}/{k}.png,rain,{k},{role}")
    (tmp_path / "index.csv").write_text("\n".join(rows), "utf-8")
    good = sorted((tmp_path / "rain" / "target").iterdir())
    assert evaluate.real_pair_metrics(tmp_path, [], detector=False)["rain"]["of"] == 2
    assert evaluate.real_pair_metrics(tmp_path, good[:1], detector=False)["rain"]["of"] == 1
    assert evaluate.real_pair_metrics(tmp_path, good, detector=False) == {}


def test_equal_scores_share_their_rank() -> None:
    assert evaluate.spearman(np.array([1.0, 1, 2, 3]), np.array([5.0, 5, 6, 7])) == pytest.approx(1)
    assert evaluate.spearman(np.array([1.0, 2, 2, 3]), np.array([4.0, 3, 3, 1])) == pytest.approx(-1)


def test_the_bench_reports_order_movement_and_agreement(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    folder = str(shared / "data" / "clean_urban100")
    assert (
        evaluate.main(["--photos", folder, "--count", "3", "--per-degradation", "1", "--out", str(tmp_path / "q")]) == 0
    )
    report = (tmp_path / "q.md").read_text(encoding="utf-8")
    assert all(f"| {name} |" in report for name in DEGRADATIONS)
    assert "Spearman" in report
    assert (tmp_path / "q.json").exists()


def test_of_a_real_pair_the_average_of_many_shots_is_the_best(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good = np.full((80, 90, 3), 120, np.uint8)
    for name, pixels in (("good", good), ("bad", good + rng.integers(0, 12, good.shape).astype(np.uint8))):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    made = list(ranked_photos.camera_noise_photos([(tmp_path / "good.png", tmp_path / "bad.png")], 1))
    assert [(g.degradation, g.grade) for g in made] == [(-1, CLEAN), (NOISE, MILD), (NOISE, STRONG)]
    spread = [float(g.pixels.std()) for g in made]
    assert spread[0] == 0 < spread[1] < spread[2]
    assert len({g.source for g in made}) == 1
    assert made[0].source > ranked_photos.SOFT_SOURCE


def test_what_was_measured_apart_is_joined_in_order() -> None:
    both = ranked_photos.concatenate(made_up(2), made_up(3))
    assert len(both.source) == len(both.features) == len(both.piqe) == len(both.detections) == 4 * 5
    assert both.source.tolist()[:9] == [0, 0, 0, 0, 1, 1, 1, 1, 0]
