"""Samples of the detector: the labels say what was done to the photo, how severely, and where."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clarity_training import detector_samples
from clarity_training.detector_samples import OVERSAMPLED, SHAPES, DetectorSample, samples
from PIL import Image

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation


@pytest.fixture(scope="module")
def textured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :400].astype(np.float32)
    scene = np.stack([0.3 + 0.3 * np.sin(x / 9), 0.5 + 0.3 * np.cos(y / 7), 0.4 + 0.2 * np.sin((x + y) / 13)], -1)
    pixels = np.rint(255 * (scene + 0.03 * rng.standard_normal(scene.shape)).clip(0, 1)).astype(np.uint8)
    path = tmp_path_factory.mktemp("photos") / "textured.png"
    Image.fromarray(pixels).save(path)
    return path


def take(photo: Path, number: int, seed: int = 1, **more: Any) -> list[DetectorSample]:
    return list(islice(samples([photo], np.random.default_rng(seed), **more), number))


@pytest.fixture(scope="module")
def two_rounds(textured: Path) -> list[DetectorSample]:
    return take(textured, 2 * (len(CLASSES) + len(OVERSAMPLED)))


def test_every_class_comes_as_often_but_the_hard_ones_twice(two_rounds: list[DetectorSample]) -> None:
    assert Counter(CLASSES[s.label] for s in two_rounds) == {name: 4 if name in OVERSAMPLED else 2 for name in CLASSES}


def test_a_sample_has_the_promised_form(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        rows, columns = s.photo.shape[:2]
        assert (rows, columns) in SHAPES
        assert s.photo.shape == (rows, columns, 3)
        assert s.where.shape == (13, rows // 8, columns // 8)
        for values in (s.found, s.severity, s.where):
            assert values.dtype == np.float32
            known = values[~np.isnan(values)]
            assert ((known >= 0) & (known <= 1 + 1e-5)).all()


def test_all_samples_of_a_batch_have_one_shape(textured: Path) -> None:
    shapes = [s.photo.shape for s in take(textured, 24, batch=6)]
    assert all(len(set(shapes[k : k + 6])) == 1 for k in range(0, 24, 6))
    assert len(set(shapes)) > 1


def test_a_clean_photo_is_good_and_damage_takes_from_it(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        assert (s.quality == 1) == (CLASSES[s.label] == "normal")
        assert 0 <= s.quality <= 1


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


def test_the_map_is_where_something_is_and_nowhere_else(two_rounds: list[DetectorSample]) -> None:
    for s in two_rounds:
        assert not s.where[s.found == 0].any()
        assert (s.where[s.found == 1].max((1, 2), initial=0) > 0.4).all()
        everywhere = [DEGRADATIONS.index(d) for d in ("noise", "JPEG") if CLASSES[s.label] == d]
        assert (s.where[everywhere].max((1, 2)) > 0.9).all()


def test_the_map_of_a_mark_is_the_mark_and_that_of_noise_is_the_region() -> None:
    change = np.zeros((64, 96), np.float32)
    change[16:24, 40:80] = 0.3
    mark = detector_samples.damage_map("watermark", change)
    assert mark.shape == (8, 12)
    assert mark[2, 5:10].min() == 1
    assert mark.sum() == 5
    left = np.zeros_like(change)
    left[:, :48] = 1
    assert np.array_equal(detector_samples.damage_map("noise", change, left)[0], [1.0] * 6 + [0.0] * 6)
    assert detector_samples.damage_map("noise", change).min() == 1


def test_random_regions_cover_a_part_of_the_photo() -> None:
    rng = np.random.default_rng(0)
    masks = [detector_samples._random_region((60, 80), rng) for _ in range(30)]
    assert all(m.shape == (60, 80) and m.min() >= 0 and m.max() <= 1 for m in masks)
    assert 0.2 < np.mean([m.mean() for m in masks]) < 0.7
    assert sum(m.max() > 0.9 and m.min() < 0.1 for m in masks) > 25


def test_what_the_reduction_to_the_screen_hides_is_not_labeled() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((1200, 1600, 3), 0.5, np.float32)
    chosen = frozenset[Degradation]({"JPEG"})
    _, severities, maps = detector_samples._apply_damage(flat, chosen, (96, 128), rng)
    assert (severities, maps) == ({}, {})


def test_a_real_photo_tells_its_class_and_nothing_else(textured: Path) -> None:
    of_haze = [s for s in take(textured, 42, real=[("haze", textured), ("normal", textured)], real_share=1.0)
               if CLASSES[s.label] in ("haze", "normal")]  # fmt: skip
    assert len(of_haze) == 6
    for s in of_haze:
        known = {DEGRADATIONS[k] for k in np.flatnonzero(~np.isnan(s.found))}
        assert known == ({"haze"} if CLASSES[s.label] == "haze" else set(DEGRADATIONS))
        assert np.isnan(s.severity).all()
        assert np.isnan(s.where).all() == (CLASSES[s.label] == "haze")


def test_the_same_seed_gives_the_same_samples_and_another_others(textured: Path) -> None:
    one, again, other = (take(textured, 4, seed=s) for s in (7, 7, 8))
    for a, b in zip(one, again, strict=True):
        assert a.label == b.label
        assert np.array_equal(a.photo, b.photo)
        assert np.array_equal(a.where, b.where)
    assert any(not np.array_equal(a.photo, b.photo) for a, b in zip(one, other, strict=True))
