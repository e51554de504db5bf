"""The training synthesis of low light, overexposure, flare and shadow."""

from __future__ import annotations

import numpy as np
import pytest
from clarity_training.damage import Damage, Photo
from clarity_training.degrade.light import flare, low_light, overexposure, shadow
from clarity_training.degrade.linear import to_linear, to_srgb

ALL = [low_light, overexposure, flare, shadow]


def scene(height: int = 96, width: int = 96, grey: bool = False) -> Photo:
    """A slope with fine texture in all tones."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = 0.15 + 0.5 * x / width + 0.15 * np.sin(y / 7)
    photo = slope[..., None] * np.array([1.0, 0.9, 0.8]) + rng.normal(0, 0.04, (height, width, 3))
    photo = np.clip(photo, 0, 1).astype(np.float32)
    return np.repeat(photo[..., :1], 3, axis=-1) if grey else photo


def change(damage: Damage, severity: float) -> float:
    photo = scene(96, 128)
    seeds = range(24)
    return float(
        np.mean([np.abs(damage(photo, severity, np.random.default_rng(s)).pixels - photo).mean() for s in seeds])
    )


@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize("photo", [scene(), scene(33, 200), scene(200, 33), scene(grey=True)])
def test_every_photo_stays_a_photo_of_its_size(damage: Damage, photo: Photo) -> None:
    before = photo.copy()
    for seed in range(12):
        result = damage(photo, seed / 11, np.random.default_rng(seed)).pixels
        assert result.shape == photo.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert 0 <= result.min() <= result.max() <= 1
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_photos_are_damaged_without_a_warning(damage: Damage, value: float) -> None:
    photo = np.full((96, 96, 3), value, np.float32)
    for seed in range(8):
        assert np.isfinite(damage(photo, 0.7, np.random.default_rng(seed)).pixels).all()


@pytest.mark.parametrize("damage", ALL)
def test_the_same_seed_gives_the_same_damage_and_another_seed_another(damage: Damage) -> None:
    photo = scene()
    first, again, other = (damage(photo, 0.6, np.random.default_rng(seed)).pixels for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("damage", ALL)
def test_more_severity_changes_more(damage: Damage) -> None:
    changes = [change(damage, severity) for severity in (0.0, 0.15, 0.5, 1.0)]
    assert changes == sorted(changes)
    assert changes[1] > 0.01
    assert changes[3] > 1.5 * changes[1]


def test_low_light_and_shadow_darken_while_overexposure_and_flare_brighten() -> None:
    photo = scene(96, 128)
    for seed in range(16):
        means = [damage(photo, 0.6, np.random.default_rng(seed)).pixels.mean() - photo.mean() for damage in ALL]
        assert [mean > 0 for mean in means] == [False, True, True, False], seed


def test_a_shadow_leaves_a_part_of_the_photo_in_the_light() -> None:
    photo = np.maximum(scene(128, 160), 0.05)
    shares = []
    for seed in range(40):
        ratio = shadow(photo, 1.0, np.random.default_rng(seed)).pixels.mean(-1) / photo.mean(-1)
        shares.append(float((ratio < 0.8).mean()))
    assert min(shares) > 0.05
    assert max(shares) < 0.95
    assert np.ptp(shares) > 0.25


def test_flare_only_adds_light_in_most_photos() -> None:
    dark = np.full((96, 96, 3), 0.05, np.float32)
    added = [float((flare(dark, 0.5, np.random.default_rng(s)).pixels >= dark - 0.02).mean()) for s in range(20)]
    assert min(added) > 0.95


def test_linear_light_and_back_is_the_same_photo() -> None:
    photo = np.linspace(0, 1, 3 * 256, dtype=np.float32).reshape(16, 16, 3)
    assert np.allclose(to_srgb(to_linear(photo)), photo, atol=1e-5)
    assert np.isclose(to_linear(np.full((1, 1, 3), 0.5, np.float32))[0, 0, 0], 0.21404, atol=1e-4)
