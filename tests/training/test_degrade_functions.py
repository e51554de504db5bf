"""Every damage function of the training synthesis: its promises, and what each degradation does to a photo."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from clarity_training.damage import Damage, Photo
from clarity_training.degrade import DAMAGES
from clarity_training.degrade.camera import blur, jpeg, noise
from clarity_training.degrade.flare import flare
from clarity_training.degrade.light import low_light, overexposure, shadow
from clarity_training.degrade.srgb import to_linear, to_srgb
from clarity_training.degrade.weather import haze, rain_streak, raindrop, snow

from clarity_desktop.values import DEGRADATIONS

WEATHER = [rain_streak, raindrop, snow, haze]
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
every_weather = pytest.mark.parametrize("damage", WEATHER, ids=lambda damage: damage.__name__)


def scene(height: int = 64, width: int = 64, gray: bool = False) -> Photo:
    """Edges, a slope, smooth colors and fine texture in mid-tones."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = 0.25 + 0.3 * x / width + 0.2 * ((x // 11 + y // 9) % 2)
    photo = slope[..., None] * np.array([1.0, 0.9, 0.8]) + rng.normal(0, 0.03, (height, width, 3))
    photo = np.clip(photo, 0, 1).astype(np.float32)
    return np.repeat(photo[..., :1], 3, axis=-1) if gray else photo


def smooth_scene(height: int, width: int) -> Photo:
    rng = np.random.default_rng(7)
    coarse = cv2.resize(rng.random((6, 8, 3), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.random((height, width, 1), np.float32)
    return np.clip(0.1 + 0.5 * np.asarray(coarse, np.float32) + 0.1 * fine, 0, 1).astype(np.float32)


def slope(height: int, width: int) -> Photo:
    """A horizontal slope with fine texture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    values = 0.15 + 0.5 * x / width + 0.15 * np.sin(y / 7)
    texture = np.random.default_rng(5).normal(0, 0.04, (height, width, 3))
    return np.clip(values[..., None] * np.array([1.0, 0.9, 0.8]) + texture, 0, 1).astype(np.float32)


def damaged(damage: Damage, photo: Photo, severity: float, seeds: int) -> list[Photo]:
    return [damage(photo, severity, np.random.default_rng(seed)).pixels for seed in range(seeds)]


def mean_change(damage: Damage, photo: Photo, severity: float, seeds: int = 20) -> float:
    return float(np.mean([np.abs(result - photo).mean() for result in damaged(damage, photo, severity, seeds)]))


def detail(photo: Photo) -> float:
    return float(np.abs(np.diff(photo, axis=0)).mean() + np.abs(np.diff(photo, axis=1)).mean())


# All degradations ----------------------------------------------------------------------------------------------------


def test_there_is_one_function_for_every_degradation_in_their_order() -> None:
    assert tuple(DAMAGES) == DEGRADATIONS


@every_damage
@pytest.mark.parametrize("photo", [scene(), scene(33, 160), scene(160, 33), scene(gray=True)])
def test_the_result_is_a_photo_of_the_same_size_and_the_input_is_not_modified(damage: Damage, photo: Photo) -> None:
    before = photo.copy()
    photo.setflags(write=False)
    for seed in range(12):
        result = damage(photo, seed / 11, np.random.default_rng(seed))
        assert result.pixels.shape == photo.shape
        assert result.pixels.dtype == np.float32
        assert np.isfinite(result.pixels).all()
        assert 0 <= result.pixels.min() <= result.pixels.max() <= 1
        assert not np.shares_memory(result.pixels, photo)
        assert (result.holes is not None) == (damage is DAMAGES["inpaint"])
    assert np.array_equal(photo, before)


@every_damage
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_photos_are_damaged_without_a_warning(damage: Damage, value: float) -> None:
    photo = np.full((64, 64, 3), value, np.float32)
    for result in damaged(damage, photo, 0.7, 8):
        assert np.isfinite(result).all()


@every_damage
def test_the_result_depends_on_the_seed_only(damage: Damage) -> None:
    photo = scene()
    for severity in (0.0, 0.6, 1.0):
        first, again, other = (damage(photo, severity, np.random.default_rng(seed)).pixels for seed in (3, 3, 4))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        assert not np.array_equal(first, photo)


@every_damage
def test_heavy_damage_changes_more_than_mild(damage: Damage) -> None:
    photo = scene()
    assert mean_change(damage, photo, 0.05, 10) < mean_change(damage, photo, 1.0, 10)


@pytest.mark.parametrize("damage", [blur, noise, jpeg, low_light, overexposure, flare, shadow])
def test_a_higher_severity_changes_more(damage: Damage) -> None:
    photo = scene(80, 96)
    changes = [mean_change(damage, photo, severity) for severity in (0.0, 0.2, 0.5, 1.0)]
    assert changes == sorted(changes)
    assert changes[1] > 0.005
    assert changes[3] > 1.3 * changes[1]


# Camera --------------------------------------------------------------------------------------------------------------


def test_blur_removes_detail_and_keeps_brightness() -> None:
    photo = scene(96, 128)
    results = damaged(blur, photo, 0.6, 20)
    assert np.median([detail(result) for result in results]) < 0.5 * detail(photo)
    assert max(abs(float(result.mean() - photo.mean())) for result in results) < 0.03


def test_blur_does_not_move_the_photo() -> None:
    photo = np.zeros((97, 97, 3), np.float32)
    photo[40:57, 40:57] = 1.0
    position = np.arange(97)
    for seed, result in enumerate(damaged(blur, photo, 0.4, 20)):
        weight = result[..., 1]
        center = [(weight.sum(1 - axis) * position).sum() / weight.sum() for axis in (0, 1)]
        assert np.allclose(center, 48, atol=6), seed


def test_noise_in_a_uniform_photo_keeps_its_brightness() -> None:
    uniform = np.full((64, 64, 3), 0.5, np.float32)
    for result in damaged(noise, uniform, 0.5, 20):
        assert result.std() > 0.01
        assert abs(float(result.mean()) - 0.5) < 0.08


def test_jpeg_keeps_place_and_color() -> None:
    photo = scene(96, 128)
    for result in damaged(jpeg, photo, 0.3, 20):
        assert np.corrcoef(result[..., 1].ravel(), photo[..., 1].ravel())[0, 1] > 0.9
        assert np.allclose(result.mean((0, 1)), photo.mean((0, 1)), atol=0.03)


# Light ---------------------------------------------------------------------------------------------------------------


def test_low_light_and_shadow_darken_while_overexposure_and_flare_brighten() -> None:
    photo = scene(64, 80)
    for damage, brightens in ((low_light, False), (overexposure, True), (flare, True), (shadow, False)):
        assert all((result.mean() > photo.mean()) == brightens for result in damaged(damage, photo, 0.6, 16))


def test_a_shadow_leaves_a_part_of_the_photo_in_the_light() -> None:
    photo = np.maximum(slope(128, 160), 0.05)
    shares = [float((r.mean(-1) / photo.mean(-1) < 0.8).mean()) for r in damaged(shadow, photo, 1.0, 40)]
    assert min(shares) > 0.05
    assert max(shares) < 0.95
    assert np.ptp(shares) > 0.25


def test_flare_mostly_adds_light() -> None:
    dark = np.full((64, 64, 3), 0.05, np.float32)
    assert all((result >= dark - 0.02).mean() > 0.95 for result in damaged(flare, dark, 0.5, 20))


def test_linear_light_and_back_is_the_same_photo() -> None:
    photo = np.linspace(0, 1, 3 * 256, dtype=np.float32).reshape(16, 16, 3)
    assert np.allclose(to_srgb(to_linear(photo)), photo, atol=1e-5)
    assert np.isclose(to_linear(np.full((1, 1, 3), 0.5, np.float32))[0, 0, 0], 0.21404, atol=1e-4)


# Weather -------------------------------------------------------------------------------------------------------------


@every_weather
def test_more_severe_weather_changes_more_step_by_step(damage: Damage) -> None:
    photo = smooth_scene(96, 96)
    means = [mean_change(damage, photo, severity, 16) for severity in (0.05, 0.15, 0.4, 0.7, 1.0)]
    assert all(after > before * 1.1 for before, after in pairwise(means)), means


@every_weather
def test_mild_weather_is_visible(damage: Damage) -> None:
    photo = smooth_scene(96, 96)
    assert all(np.abs(result - photo).max() > 0.04 for result in damaged(damage, photo, 0.15, 16))


@every_weather
def test_a_gray_photo_stays_gray(damage: Damage) -> None:
    photo = np.repeat(smooth_scene(96, 96).mean(axis=2, keepdims=True), 3, axis=2)
    assert all(np.ptp(result, axis=2).max() < 1e-4 for result in damaged(damage, photo, 0.7, 8))


def test_haze_brightens_a_dark_scene_and_reduces_its_contrast() -> None:
    photo = smooth_scene(96, 96) * np.float32(0.5)
    for result in damaged(haze, photo, 0.9, 8):
        assert result.mean() > photo.mean()
        assert detail(result) < detail(photo)


@pytest.mark.parametrize("damage", [rain_streak, snow])
def test_rain_and_snow_brighten_a_part_of_a_black_scene(damage: Damage) -> None:
    means = [result.mean() for result in damaged(damage, np.zeros((128, 128, 3), np.float32), 1.0, 8)]
    assert min(means) > 0.005
    assert max(means) < 0.85


def test_a_raindrop_shows_the_scene_upside_down() -> None:
    photo = np.zeros((160, 160, 3), np.float32)
    photo[:80] = 0.8  # bright above, dark below
    changes = [result - photo for result in damaged(raindrop, photo, 1.0, 12)]
    assert np.mean([change[20:80].min() for change in changes]) < -0.3, "drops before the sky show the dark ground"
    assert np.mean([change[80:140].max() for change in changes]) > 0.3, "drops before the ground show the bright sky"
