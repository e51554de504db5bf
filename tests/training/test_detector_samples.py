"""Samples of the detector: the labels say what was done to the photo, how severely, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from clarity_training import detector_samples
from clarity_training.detector_samples import CROPS, OVERSAMPLED, DetectorSample, samples

from clarity_desktop.backend.nets.detector import GRID
from clarity_desktop.values import CLASSES, DEGRADATIONS


@pytest.fixture(scope="module")
def textured() -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:150, :200].astype(np.float32)
    scene = np.stack([0.3 + 0.3 * np.sin(x / 9), 0.5 + 0.3 * np.cos(y / 7), 0.4 + 0.2 * np.sin((x + y) / 13)], -1)
    return np.rint(255 * (scene + 0.03 * rng.standard_normal(scene.shape)).clip(0, 1)).astype(np.uint8)


def take(photo: np.ndarray, number: int, seed: int = 1, **more: Any) -> list[DetectorSample]:
    return list(islice(samples([photo], np.random.default_rng(seed), **more), number))


@pytest.fixture(scope="module")
def two_rounds(textured: np.ndarray) -> list[DetectorSample]:
    return take(textured, 2 * (len(CLASSES) + len(OVERSAMPLED)))


def test_every_class_comes_as_often_but_the_hard_ones_twice(two_rounds: list[DetectorSample]) -> None:
    assert Counter(CLASSES[s.label] for s in two_rounds) == {name: 4 if name in OVERSAMPLED else 2 for name in CLASSES}


def test_a_sample_has_the_promised_form(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        assert s.views.overview.shape == (224, 224, 3)
        assert s.views.crops.shape == (CROPS, 128, 128, 3)
        assert s.views.places.shape == (CROPS, 5)
        assert s.heat.shape == (GRID**2 + CROPS, 13)
        for values in (s.found, s.severity, s.heat):
            assert values.dtype == np.float32
            known = values[~np.isnan(values)]
            assert ((known >= 0) & (known <= 1 + 1e-5)).all()


def test_what_is_found_agrees_with_the_class(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        name, found = CLASSES[s.label], {d for d, there in zip(DEGRADATIONS, s.found, strict=True) if there == 1}
        if name == "blend":
            assert len(found) in (2, 3)
        else:
            assert found == ({name} - {"normal"})
        assert set(s.found) <= {0, 1}


def test_severity_is_known_of_what_is_there_and_only_of_that(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        assert np.array_equal(~np.isnan(s.severity), s.found == 1)
        assert (s.severity[s.found == 1] > 0.1).all()


def test_heat_is_where_something_is_and_nowhere_else(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        assert not s.heat[:, s.found == 0].any()
        assert (s.heat[: GRID**2, s.found == 1].max(0, initial=1) > 0.4).all()
        everywhere = [DEGRADATIONS.index(d) for d in ("noise", "JPEG") if CLASSES[s.label] == d]
        assert (s.heat[:, everywhere].max(0) > 0.9).all()


def test_heat_is_high_in_the_damaged_half_and_low_in_the_other(textured: np.ndarray) -> None:
    clean = textured.astype(np.float32) / np.float32(255)
    left = np.zeros(clean.shape[:2], np.float32)
    left[:, : clean.shape[1] // 2] = 1
    places = np.array([[0.2, 0.5, 0.3, 0.3, 0], [0.8, 0.5, 0.3, 0.3, 0]], np.float32)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        damaged, severities, maps = detector_samples._apply_damage(clean, frozenset({"noise"}), rng, region=left)
        assert severities
        assert np.array_equal(damaged[:, 100:], clean[:, 100:])
        heat = detector_samples._heat_at_tokens(maps["noise"], places)
        overview = heat[: GRID**2].reshape(GRID, GRID)
        assert overview[:, :3].min() > 0.9
        assert overview[:, 4:].max() < 0.1
        assert heat[-2] > 0.9
        assert heat[-1] < 0.1


def test_random_regions_cover_a_part_of_the_photo() -> None:
    rng = np.random.default_rng(0)
    masks = [detector_samples._random_region((60, 80), rng) for _ in range(30)]
    assert all(m.shape == (60, 80) and m.min() >= 0 and m.max() <= 1 for m in masks)
    assert 0.2 < np.mean([m.mean() for m in masks]) < 0.7
    assert sum(m.max() > 0.9 and m.min() < 0.1 for m in masks) > 25


def test_a_degradation_that_cannot_be_seen_is_not_labeled(textured: np.ndarray) -> None:
    clean = textured.astype(np.float32) / np.float32(255)
    chosen, rng = frozenset({"noise", "JPEG"}), np.random.default_rng(0)
    _, severities, maps = detector_samples._apply_damage(clean, chosen, rng, min_change=2.0)
    assert (severities, maps) == ({}, {})


def test_a_real_photo_tells_its_class_and_nothing_else(textured: np.ndarray) -> None:
    of_haze = [s for s in take(textured, 40, real=[("haze", textured), ("normal", textured)], real_share=1.0)
               if CLASSES[s.label] in ("haze", "normal")]  # fmt: skip
    assert len(of_haze) == 6
    for s in of_haze:
        known = {DEGRADATIONS[k] for k in np.flatnonzero(~np.isnan(s.found))}
        assert known == ({"haze"} if CLASSES[s.label] == "haze" else set())
        assert np.isnan(s.severity).all()
        assert np.isnan(s.heat).all()


def test_the_same_seed_gives_the_same_samples_and_another_others(textured: np.ndarray) -> None:
    one, again, other = (take(textured, 4, seed=s) for s in (7, 7, 8))
    for a, b in zip(one, again, strict=True):
        assert a.label == b.label
        assert np.array_equal(a.views.overview, b.views.overview)
        assert np.array_equal(a.views.crops, b.views.crops)
        assert np.array_equal(a.heat, b.heat)
    assert any(not np.array_equal(a.views.overview, b.views.overview) for a, b in zip(one, other, strict=True))


def test_crops_are_drawn_from_all_over_a_large_photo(photo: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    places = np.concatenate([detector_samples._views(photo(400, 300) / np.float32(255), rng).places for _ in range(8)])
    assert places[:, 0].min() < 0.3
    assert places[:, 0].max() > 0.7
    assert len(np.unique(places[:, 0])) > 8
