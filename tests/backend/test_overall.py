"""The overall score: orders it keeps, what it does with little to go by, and what its range means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clarity_training.photos import load_8bit, select

from clarity_desktop.backend.iqa import overall
from clarity_desktop.backend.iqa.appearance import COUNT, _tiles, appearance
from clarity_desktop.backend.iqa.assess import assess, features, is_stale
from clarity_desktop.backend.iqa.parameters import Parameters, default_parameters
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.text import english
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection, Finding, Quality

Photo = Callable[..., np.ndarray]


@pytest.fixture
def scene(shared: Path) -> np.ndarray:
    """A clean photo that nothing was fitted on."""
    folders = [folder for folder in (shared / "data").glob("clean_*") if folder.is_dir()]
    return load_8bit(select(folders, "test")[0], 384)


def seen(probability: float, severity: float, what: Degradation = "haze") -> Detection:
    """As a detector that is sure of all the rest."""
    top = {**dict.fromkeys(CLASSES, 0.0), "normal": 1 - probability, what: probability}
    found: dict[Degradation, Finding] = {name: Finding(0.0, 0.0) for name in DEGRADATIONS}
    found[what] = Finding(probability, severity)
    return Detection(tuple(sorted(top.items(), key=lambda row: -row[1])), found, np.zeros((1, 1, 13), np.uint8))


def points(pixels: np.ndarray, detection: Detection | None = None) -> float:
    score = assess(pixels, detection=detection).overall
    assert score is not None
    return score


DAMAGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noise": lambda p: p + np.random.default_rng(0).normal(0, 30, p.shape),
    "blur": lambda p: cv2.GaussianBlur(p, (0, 0), 3),
    "veil": lambda p: 0.35 * p + 0.6 * 255,
    "darkness": lambda p: 0.15 * p,
    "too much light": lambda p: 3.0 * p + 60,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_photo_scores_lower(scene: np.ndarray, damage: str) -> None:
    worse = DAMAGES[damage](scene.astype(np.float32)).clip(0, 255).astype(np.uint8)
    assert points(worse) < points(scene) - 5


def test_the_range_holds_the_score_and_is_never_narrower_than_it_moves(photo: Photo) -> None:
    quality = assess(photo(320, 240))
    assert quality.overall is not None
    assert quality.low is not None
    assert quality.high is not None
    assert 0 <= quality.low <= quality.overall - min(overall.MIN_MARGIN, quality.overall)
    assert quality.overall + min(overall.MIN_MARGIN, 100 - quality.overall) <= quality.high <= 100


def test_members_that_disagree_make_the_range_wider() -> None:
    agreeing, apart = overall.rating(np.full(8, 0.5)), overall.rating(np.linspace(-1.5, 2.5, 8))
    assert agreeing.overall == pytest.approx(apart.overall)
    assert apart.high - apart.low > agreeing.high - agreeing.low == pytest.approx(2 * overall.MIN_MARGIN)


@pytest.mark.parametrize("size", [(32, 32), (32, 500), (700, 33)])
def test_a_score_is_there_from_32_pixels_on(photo: Photo, size: tuple[int, int]) -> None:
    assert 0 <= points(photo(*size)) <= 100


def test_a_smaller_photo_has_none_and_says_why(photo: Photo) -> None:
    quality = assess(photo(200, 31))
    assert quality.overall is None
    assert (quality.low, quality.high) == (None, None)
    assert "32 × 32" in english(quality.why["overall"])


def test_gray_and_flat_photos_have_a_score(photo: Photo) -> None:
    gray = np.repeat(photo(200, 150)[..., :1], 3, 2)
    assert 0 <= points(gray) <= 100
    assert 0 <= points(np.full((64, 64, 3), 90, np.uint8)) <= 100


def test_sixteen_bits_score_as_eight(photo: Photo) -> None:
    eight = photo(300, 220)
    sixteen = eight.astype(np.uint16) * 257
    assert points(sixteen) == pytest.approx(points(eight), abs=0.2)
    assert np.allclose(appearance(sixteen), appearance(eight), atol=2e-3)


def test_appearance_is_finite_for_any_size() -> None:
    for size in ((1, 1), (1, 40), (40, 1), (8, 8), (900, 1000)):
        found = appearance(np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8))
        assert found.shape == (COUNT,)
        assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("size", "places"),
    [((760, 768), 1), ((769, 800), 9), ((4000, 6000), 9), ((760, 16000), 3), ((16000, 33), 3)],
)
def test_fine_detail_is_analyzed_in_few_places_however_long_the_photo_is(size: tuple[int, int], places: int) -> None:
    tiles = _tiles(np.zeros((*size, 3), np.uint8))
    assert len(tiles) == places
    assert sum(tile.size for tile in tiles) <= 768 * 768 * 3


def test_the_score_is_the_same_whether_or_not_the_authors_files_are_here(
    photo: Photo, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.delenv("CLARITY_WEIGHTS", raising=False)
    alone = assess(photo(256, 256))
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    beside = assess(photo(256, 256))
    assert alone.bundled == ("sseq", "niqe", "brisque")
    assert beside.overall == alone.overall


def test_an_undefined_metric_counts_as_that_of_a_clean_photo() -> None:
    table = default_parameters().overall()
    inputs, unknown = np.full((1, 48 + COUNT), np.nan), overall.detection_row(None)[None]
    found = overall.features(inputs, np.full((1, 4), np.nan), unknown, table)
    assert np.array_equal(found[0, 0, 1:], table["metric_clean"])
    assert np.isfinite(overall.logits(found, table)).all()


def test_weights_never_reward_what_a_metric_calls_bad() -> None:
    table = default_parameters().overall()
    assert all((weights[:, :-1] >= 0).all() for name, weights in table.items() if name in ("alone", "seen"))


def test_the_bundled_parameters_are_small_and_finite() -> None:
    parameters = default_parameters()
    assert parameters.file.stat().st_size < 1_000_000
    for metric in ("niqe", "brisque", "sseq", "overall"):
        table = parameters.bundled(metric)
        assert table
        assert all(np.isfinite(values).all() for values in table.values())
    assert all(len(parameters.bundled(metric)["vectors"]) <= 400 for metric in ("brisque", "sseq"))


def test_without_its_file_the_score_is_absent_and_says_so(
    photo: Photo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: Path
) -> None:
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    quality = assess(photo(64, 64), parameters=replace(default_parameters(), file=tmp_path / "absent"))
    assert quality.overall is None
    assert quality.brisque is not None
    assert "Reinstall Clarity Desktop" in english(quality.why["overall"])


def test_parameters_have_distinct_digests(tmp_path: Path) -> None:
    shipped = default_parameters()
    other = replace(shipped, file=tmp_path / "iqa.safetensors")
    assert other.digest() == ""
    other.file.write_bytes(b"fitted again")
    assert len({"", shipped.digest(), other.digest()}) == 3


def test_scores_by_bundled_parameters_are_stale_once_the_authors_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: Path
) -> None:
    monkeypatch.delenv("CLARITY_WEIGHTS", raising=False)
    parameters = Parameters(WeightStore(catalog(), tmp_path), default_parameters().file)
    assert not is_stale(Quality(bundled=("niqe",)), parameters)
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    assert is_stale(Quality(bundled=("niqe",)), parameters)
    assert not is_stale(Quality(), parameters)


def test_a_turned_photo_keeps_what_the_models_see(photo: Photo) -> None:
    def inputs(pixels: np.ndarray) -> np.ndarray:
        found = features(np.ascontiguousarray(pixels))
        assert found.brisque is not None
        assert found.sseq is not None
        return np.concatenate([found.brisque, found.sseq, appearance(np.ascontiguousarray(pixels))])

    # Streaks, so that across and down, and the two diagonals, differ.
    pixels = photo(320, 256).astype(np.float32)
    pixels += 40 * np.sin(np.arange(320)[None, :, None] * 1.3 + np.arange(256)[:, None, None] * 0.4)
    pixels = pixels.clip(0, 255).astype(np.uint8)
    upright = inputs(pixels)
    for order, turned in enumerate((pixels, pixels.transpose(1, 0, 2), pixels[:, ::-1])):
        differs = np.abs(upright[overall.ORIENTATIONS[order]] - inputs(turned)) > 0.05 + 0.05 * np.abs(upright)
        assert not differs[:36].any()
        # What goes only across (flat neighbors, the quarter in which repeats are looked for) has no other place.
        assert np.flatnonzero(differs).tolist() in ([], [88], [110], [110, 111]), order
    assert (np.abs(upright[overall.ORIENTATIONS[1]] - upright) > 0.1).any()
