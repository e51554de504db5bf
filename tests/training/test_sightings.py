"""What the detector is taught: the labels say what was done to the photo, how severely, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from clarity_training import detector_samples as room
from clarity_training.detector_samples import CROPS, TWICE, Sighting, sightings

from clarity_desktop.backend.nets.detector import GRID
from clarity_desktop.values import CLASSES, DEGRADATIONS


@pytest.fixture(scope="module")
def textured() -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:150, :200].astype(np.float32)
    scene = np.stack([0.3 + 0.3 * np.sin(x / 9), 0.5 + 0.3 * np.cos(y / 7), 0.4 + 0.2 * np.sin((x + y) / 13)], -1)
    return np.rint(255 * (scene + 0.03 * rng.standard_normal(scene.shape)).clip(0, 1)).astype(np.uint8)


def some(photo: np.ndarray, number: int, seed: int = 1, **more: Any) -> list[Sighting]:
    return list(islice(sightings([photo], np.random.default_rng(seed), **more), number))


@pytest.fixture(scope="module")
def two_rounds(textured: np.ndarray) -> list[Sighting]:
    return some(textured, 2 * (len(CLASSES) + len(TWICE)))


def test_every_class_comes_as_often_but_the_hard_ones_twice(two_rounds: list[Sighting]) -> None:
    assert Counter(CLASSES[s.kind] for s in two_rounds) == {name: 4 if name in TWICE else 2 for name in CLASSES}


def test_a_sighting_has_the_promised_form(two_rounds: list[Sighting]) -> None:
    for s in two_rounds:
        assert s.views.overview.shape == (224, 224, 3)
        assert s.views.crops.shape == (CROPS, 128, 128, 3)
        assert s.views.places.shape == (CROPS, 5)
        assert s.heat.shape == (GRID**2 + CROPS, 13)
        for values in (s.found, s.severity, s.heat):
            assert values.dtype == np.float32
            known = values[~np.isnan(values)]
            assert ((known >= 0) & (known <= 1 + 1e-5)).all()


def test_what_is_found_agrees_with_the_class(two_rounds: list[Sighting]) -> None:
    for s in two_rounds:
        name, found = CLASSES[s.kind], {d for d, there in zip(DEGRADATIONS, s.found, strict=True) if there == 1}
        if name == "blend":
            assert len(found) in (2, 3)
        else:
            assert found == ({name} - {"normal"})
        assert set(s.found) <= {0, 1}


def test_severity_is_known_of_what_is_there_and_only_of_that(two_rounds: list[Sighting]) -> None:
    for s in two_rounds:
        assert np.array_equal(~np.isnan(s.severity), s.found == 1)
        assert (s.severity[s.found == 1] > 0.1).all()


def test_heat_is_where_something_is_and_nowhere_else(two_rounds: list[Sighting]) -> None:
    for s in two_rounds:
        assert not s.heat[:, s.found == 0].any()
        assert (s.heat[: GRID**2, s.found == 1].max(0, initial=1) > 0.4).all()
        everywhere = [DEGRADATIONS.index(d) for d in ("noise", "JPEG") if CLASSES[s.kind] == d]
        assert (s.heat[:, everywhere].max(0) > 0.9).all()


def test_heat_is_high_in_the_damaged_half_and_low_in_the_other(
    textured: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(shape: tuple[int, ...], _: np.random.Generator) -> np.ndarray:
        half = np.zeros(shape[:2], np.float32)
        half[:, : shape[1] // 2] = 1
        return half

    monkeypatch.setattr(room, "_somewhere", left)
    clean = textured.astype(np.float32) / np.float32(255)
    halves = 0
    for seed in range(40):
        damaged, severities, maps = room._damaged(clean, frozenset({"noise"}), np.random.default_rng(seed))
        if severities and np.array_equal(damaged[:, 100:], clean[:, 100:]):
            halves += 1
            places = np.array([[0.2, 0.5, 0.3, 0.3, 0], [0.8, 0.5, 0.3, 0.3, 0]], np.float32)
            heat = room._at_tokens(maps["noise"], places)
            wide = heat[: GRID**2].reshape(GRID, GRID)
            assert wide[:, :3].min() > 0.9
            assert wide[:, 4:].max() < 0.1
            assert heat[-2] > 0.9
            assert heat[-1] < 0.1
    assert halves > 1


def test_some_damage_is_in_a_part_only(two_rounds: list[Sighting]) -> None:
    rng = np.random.default_rng(0)
    masks = [room._somewhere((60, 80), rng) for _ in range(30)]
    assert all(m.shape == (60, 80) and m.min() >= 0 and m.max() <= 1 for m in masks)
    assert 0.2 < np.mean([m.mean() for m in masks]) < 0.7
    assert sum(m.max() > 0.9 and m.min() < 0.1 for m in masks) > 25


def test_what_cannot_be_seen_is_not_called_there(textured: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "VISIBLE", 2.0)
    clean = textured.astype(np.float32) / np.float32(255)
    _, severities, maps = room._damaged(clean, frozenset({"noise", "JPEG"}), np.random.default_rng(0))
    assert (severities, maps) == ({}, {})


def test_a_real_photo_tells_its_class_and_nothing_else(textured: np.ndarray) -> None:
    of_haze = [s for s in some(textured, 40, real=[("haze", textured), ("normal", textured)], share=1.0)
               if CLASSES[s.kind] in ("haze", "normal")]  # fmt: skip
    assert len(of_haze) == 6
    for s in of_haze:
        known = {DEGRADATIONS[k] for k in np.flatnonzero(~np.isnan(s.found))}
        assert known == ({"haze"} if CLASSES[s.kind] == "haze" else set())
        assert np.isnan(s.severity).all()
        assert np.isnan(s.heat).all()


def test_the_same_seed_gives_the_same_sightings_and_another_others(textured: np.ndarray) -> None:
    one, again, other = (some(textured, 4, seed=s) for s in (7, 7, 8))
    for a, b in zip(one, again, strict=True):
        assert a.kind == b.kind
        assert np.array_equal(a.views.overview, b.views.overview)
        assert np.array_equal(a.views.crops, b.views.crops)
        assert np.array_equal(a.heat, b.heat)
    assert any(not np.array_equal(a.views.overview, b.views.overview) for a, b in zip(one, other, strict=True))


def test_crops_are_drawn_from_all_over_a_large_photo(photo: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    places = np.concatenate([room._views(photo(400, 300) / np.float32(255), rng).places for _ in range(20)])
    assert places[:, 0].min() < 0.3
    assert places[:, 0].max() > 0.7
    assert len(np.unique(places[:, 0])) > 20
