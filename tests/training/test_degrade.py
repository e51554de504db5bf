"""The training synthesis as a whole: blends, augmentation, samples."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from clarity_training import degrade
from clarity_training.damage import Photo
from clarity_training.degrade import augmentation

from clarity_desktop.values import CLASSES, DEGRADATIONS


@pytest.fixture(scope="module")
def photo() -> Photo:
    """A smooth scene with texture and edges, 96×128, read-only."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    waves = 0.45 + 0.2 * np.sin(x / 9) * np.cos(y / 13) + 0.15 * ((x // 16 + y // 16) % 2)
    scene = np.stack([waves, waves * 0.8 + 0.1, waves * 0.6 + 0.2 * (y / 96)], 2)
    scene = (scene + np.random.default_rng(1).normal(0, 0.01, scene.shape)).clip(0, 1).astype(np.float32)
    scene.flags.writeable = False
    return scene


def psnr(a: Photo, b: Photo) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


def test_the_order_names_every_degradation_once() -> None:
    assert sorted(degrade.ORDER) == sorted(DEGRADATIONS)


def test_a_blend_has_two_or_three_and_never_low_light_with_overexposure(photo: Photo) -> None:
    small = photo[:48, :48]
    counts, with_holes = Counter[int](), 0
    for seed in range(60):
        damaged, severities = degrade.blend(small, np.random.default_rng(seed))
        counts[len(severities)] += 1
        assert not {"low-light", "overexposure"} <= set(severities)
        assert list(severities) == [name for name in degrade.ORDER if name in severities]
        assert all(0 < severity < 1 for severity in severities.values())
        assert (damaged.holes is not None) == ("inpaint" in severities)
        with_holes += damaged.holes is not None
    assert set(counts) == {2, 3}
    assert with_holes > 0
    assert len(degrade.blend(small, np.random.default_rng(0), count=3)[1]) == 3


def test_augmentation_after_the_adjustments_is_hardly_visible(photo: Photo) -> None:
    results = [augmentation.finish(photo, np.random.default_rng(seed)) for seed in range(40)]
    assert min(psnr(result, photo) for result in results) >= 30
    assert sum(np.abs(result - photo).max() > 2 / 255 for result in results) > 10


def test_augmentation_scales_large_photos_only(photo: Photo) -> None:
    assert all(augmentation.scale(photo, 0.5, np.random.default_rng(s)).shape == photo.shape for s in range(5))
    large = np.tile(photo, (4, 4, 1))
    assert augmentation.scale(large, 0.5, np.random.default_rng(0)).shape == (256, 341, 3)
    assert augmentation.scale(large, 0.9, np.random.default_rng(0)).shape == (346, 461, 3)


def test_tone_changes_of_the_augmentation_are_slight(photo: Photo) -> None:
    for seed in range(20):
        changed = augmentation.change_tone(photo, np.random.default_rng(seed))
        assert 0 < np.abs(changed - photo).mean() < 0.1


def test_augmentation_depends_on_the_seed_only(photo: Photo) -> None:
    first, again, other = (degrade.augment(photo, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_samples_are_of_all_classes_equally_often(photo: Photo) -> None:
    small = photo[:32, :32]
    counts = Counter[str]()
    for seed in range(300):
        damaged, severities = degrade.sample(small, np.random.default_rng(seed))
        assert damaged.pixels.shape == small.shape
        counts["normal" if not severities else "blend" if len(severities) > 1 else next(iter(severities))] += 1
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) >= 8
    assert max(counts.values()) <= 40
