"""Weather for training: what every damage keeps, and that severity means more of it."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from clarity_training.damage import Damage, Photo
from clarity_training.degrade import weather

WEATHERS = [weather.rain_streak, weather.raindrop, weather.snow, weather.haze]
NAMES = [damage.__name__ for damage in WEATHERS]
each = pytest.mark.parametrize("damage", WEATHERS, ids=NAMES)


def scene(height: int, width: int) -> Photo:
    """A smooth, coloured, mid-toned scene with detail in it."""
    rng = np.random.default_rng(7)
    coarse = cv2.resize(rng.random((6, 8, 3), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.random((height, width, 1), np.float32)
    return np.clip(0.1 + 0.5 * np.asarray(coarse, np.float32) + 0.1 * fine, 0, 1).astype(np.float32)


def change(damage: Damage, photo: Photo, severity: float, seed: int) -> float:
    return float(np.abs(damage(photo, severity, np.random.default_rng(seed)).pixels - photo).mean())


@each
@pytest.mark.parametrize("size", [(96, 96), (33, 200), (200, 33), (32, 32), (240, 320)], ids=str)
def test_weather_keeps_the_size_and_the_range(damage: Damage, size: tuple[int, int]) -> None:
    photo = scene(*size)
    for seed in range(12):
        damaged = damage(photo, seed / 11, np.random.default_rng(seed))
        assert damaged.pixels.shape == photo.shape
        assert damaged.pixels.dtype == np.float32
        assert np.isfinite(damaged.pixels).all()
        assert damaged.pixels.min() >= 0
        assert damaged.pixels.max() <= 1
        assert damaged.holes is None


@each
def test_the_photo_itself_is_never_changed(damage: Damage) -> None:
    photo = scene(96, 96)
    kept = photo.copy()
    photo.setflags(write=False)
    for seed in range(12):
        damaged = damage(photo, 0.8, np.random.default_rng(seed))
        assert not np.shares_memory(damaged.pixels, photo)
    assert np.array_equal(photo, kept)


@each
def test_one_seed_gives_one_weather_and_another_seed_another(damage: Damage) -> None:
    photo = scene(96, 128)
    first, again, other = (damage(photo, 0.6, np.random.default_rng(seed)).pixels for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@each
def test_more_severity_changes_more_of_the_photo(damage: Damage) -> None:
    photo = scene(128, 128)
    means = [np.mean([change(damage, photo, s, seed) for seed in range(16)]) for s in (0.05, 0.15, 0.4, 0.7, 1.0)]
    assert all(after > before * 1.1 for before, after in pairwise(means)), means


@each
def test_a_mild_weather_can_already_be_seen(damage: Damage) -> None:
    photo = scene(96, 96)
    for seed in range(16):
        damaged = damage(photo, 0.15, np.random.default_rng(seed)).pixels
        assert np.abs(damaged - photo).max() > 0.04


@each
def test_a_grey_photo_stays_grey(damage: Damage) -> None:
    photo = np.repeat(scene(96, 96).mean(axis=2, keepdims=True), 3, axis=2)
    for seed in range(8):
        damaged = damage(photo, 0.7, np.random.default_rng(seed)).pixels
        assert np.ptp(damaged, axis=2).max() < 1e-4


def test_haze_pales_and_flattens_a_dark_scene() -> None:
    photo = scene(96, 96) * np.float32(0.5)
    for seed in range(8):
        hazy = weather.haze(photo, 0.9, np.random.default_rng(seed)).pixels
        assert hazy.mean() > photo.mean()
        fine, fine_hazy = (np.abs(np.diff(picture, axis=1)).mean() for picture in (photo, hazy))
        assert fine_hazy < fine


def test_rain_and_snow_never_darken_a_black_scene_and_leave_some_of_it() -> None:
    photo = np.zeros((160, 160, 3), np.float32)
    for damage in (weather.rain_streak, weather.snow):
        means = [damage(photo, 1.0, np.random.default_rng(seed)).pixels.mean() for seed in range(8)]
        assert min(means) > 0.005
        assert max(means) < 0.85


def test_a_drop_shows_the_scene_upside_down() -> None:
    photo = np.zeros((160, 160, 3), np.float32)
    photo[:80] = 0.8  # bright above, dark below
    upper, lower = np.zeros(2), np.zeros(2)
    for seed in range(12):
        change_here = weather.raindrop(photo, 1.0, np.random.default_rng(seed)).pixels - photo
        upper += [change_here[20:80].min(), change_here[20:80].max()]
        lower += [change_here[80:140].min(), change_here[80:140].max()]
    assert upper[0] / 12 < -0.3, "the dark ground is seen in drops before the sky"
    assert lower[1] / 12 > 0.3, "the bright sky is seen in drops before the ground"
