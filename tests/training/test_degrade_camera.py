"""The training synthesis of blur, noise and JPEG."""

from __future__ import annotations

import numpy as np
import pytest
from clarity_training.damage import Damage, Photo
from clarity_training.degrade.camera import blur, jpeg, noise

ALL = [blur, noise, jpeg]


def scene(height: int = 96, width: int = 96, grey: bool = False) -> Photo:
    """Edges, a slope and fine texture."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = 0.25 + 0.3 * x / width + 0.2 * ((x // 11 + y // 9) % 2)
    photo = slope[..., None] * np.array([1.0, 0.9, 0.8]) + rng.normal(0, 0.03, (height, width, 3))
    photo = np.clip(photo, 0, 1).astype(np.float32)
    return np.repeat(photo[..., :1], 3, axis=-1) if grey else photo


def detail(photo: Photo) -> float:
    return float(np.abs(np.diff(photo, axis=0)).mean() + np.abs(np.diff(photo, axis=1)).mean())


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
    for seed in range(14):
        result = damage(photo, seed / 13, np.random.default_rng(seed)).pixels
        assert result.shape == photo.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert 0 <= result.min() <= result.max() <= 1
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("damage", ALL)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_photos_are_damaged_without_a_warning(damage: Damage, value: float) -> None:
    photo = np.full((96, 96, 3), value, np.float32)
    for seed in range(10):
        assert np.isfinite(damage(photo, 0.7, np.random.default_rng(seed)).pixels).all()


@pytest.mark.parametrize("damage", ALL)
def test_the_same_seed_gives_the_same_damage_and_another_seed_another(damage: Damage) -> None:
    photo = scene()
    first, again, other = (damage(photo, 0.6, np.random.default_rng(seed)).pixels for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("damage", ALL)
def test_more_severity_changes_more(damage: Damage) -> None:
    changes = [change(damage, severity) for severity in (0.0, 0.2, 0.5, 1.0)]
    assert changes == sorted(changes)
    assert changes[1] > 0.005
    assert changes[3] > 1.3 * changes[1]


def test_blur_takes_detail_and_keeps_brightness() -> None:
    photo = scene(96, 128)
    kept = [blur(photo, 0.6, np.random.default_rng(seed)).pixels for seed in range(20)]
    assert np.median([detail(result) for result in kept]) < 0.5 * detail(photo)
    assert max(abs(float(result.mean() - photo.mean())) for result in kept) < 0.03


def test_blur_does_not_move_the_photo() -> None:
    photo = np.zeros((97, 97, 3), np.float32)
    photo[40:57, 40:57] = 1.0
    places = np.arange(97)
    for seed in range(20):
        weight = blur(photo, 0.4, np.random.default_rng(seed)).pixels[..., 1]
        middle = [(weight.sum(1 - axis) * places).sum() / weight.sum() for axis in (0, 1)]
        assert np.allclose(middle, 48, atol=6), seed


def test_noise_adds_detail_to_a_flat_photo_without_a_pattern_of_its_own() -> None:
    flat = np.full((96, 96, 3), 0.5, np.float32)
    for seed in range(20):
        result = noise(flat, 0.5, np.random.default_rng(seed)).pixels
        assert result.std() > 0.01
        assert abs(float(result.mean()) - 0.5) < 0.08


def test_a_compressed_photo_is_not_moved_and_not_recoloured() -> None:
    photo = scene(96, 128)
    for seed in range(20):
        result = jpeg(photo, 0.3, np.random.default_rng(seed)).pixels
        assert np.corrcoef(result[..., 1].ravel(), photo[..., 1].ravel())[0, 1] > 0.9
        assert np.allclose(result.mean((0, 1)), photo.mean((0, 1)), atol=0.03)
