"""The training synthesis as a whole: every degradation, blends, ordinary photos, samples."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from clarity_training import degrade
from clarity_training.damage import Photo
from clarity_training.degrade import everyday

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation


@pytest.fixture
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


def test_there_is_one_damage_for_every_degradation_in_their_order():
    assert tuple(degrade.DAMAGES) == DEGRADATIONS
    assert sorted(degrade.ORDER) == sorted(DEGRADATIONS)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_damage_depends_on_its_seed_alone_and_stays_in_range(name: Degradation, photo: Photo):
    for seed, severity in enumerate((0.0, 0.5, 1.0)):
        once = degrade.DAMAGES[name](photo, severity, np.random.default_rng(seed))
        again = degrade.DAMAGES[name](photo, severity, np.random.default_rng(seed))
        other = degrade.DAMAGES[name](photo, severity, np.random.default_rng(seed + 9))
        assert once.pixels.shape == photo.shape
        assert once.pixels.dtype == np.float32
        assert 0 <= once.pixels.min() <= once.pixels.max() <= 1
        assert np.array_equal(once.pixels, again.pixels)
        assert not np.array_equal(once.pixels, other.pixels)
        assert not np.array_equal(once.pixels, photo)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_more_severe_is_farther_from_the_photo(name: Degradation, photo: Photo):
    def far(severity: float) -> float:
        made = [degrade.DAMAGES[name](photo, severity, np.random.default_rng(seed)).pixels for seed in range(10)]
        return float(np.mean([np.mean((pixels - photo) ** 2) for pixels in made]))

    assert far(0.05) < far(1.0)


def test_a_blend_has_two_or_three_and_never_low_light_with_overexposure(photo: Photo):
    small = photo[:48, :48]
    counts, holes = Counter[int](), 0
    for seed in range(60):
        damaged, severities = degrade.blend(small, np.random.default_rng(seed))
        counts[len(severities)] += 1
        assert not {"low-light", "overexposure"} <= set(severities)
        assert list(severities) == [name for name in degrade.ORDER if name in severities]
        assert all(0 < severity < 1 for severity in severities.values())
        assert (damaged.holes is not None) == ("inpaint" in severities)
        holes += damaged.holes is not None
    assert set(counts) == {2, 3}
    assert holes > 0
    assert len(degrade.blend(small, np.random.default_rng(0), count=3)[1]) == 3


def test_an_ordinary_photo_stays_close_but_for_size_and_tone(photo: Photo, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(everyday, "tastes", lambda photo, _: photo)
    made = [degrade.ordinary(photo, np.random.default_rng(seed)) for seed in range(40)]
    assert min(psnr(one, photo) for one in made) >= 30
    assert sum(np.abs(one - photo).max() > 2 / 255 for one in made) > 10


def test_an_ordinary_photo_keeps_its_size_when_it_is_a_patch_and_may_shrink_when_it_is_large(photo: Photo):
    assert all(everyday.scaled(photo, 0.5, np.random.default_rng(s)).shape == photo.shape for s in range(5))
    large = np.tile(photo, (4, 4, 1))
    assert everyday.scaled(large, 0.5, np.random.default_rng(0)).shape == (256, 341, 3)
    assert everyday.scaled(large, 0.9, np.random.default_rng(0)).shape == (346, 461, 3)


def test_tone_changes_of_an_ordinary_photo_are_slight(photo: Photo):
    for seed in range(20):
        toned = everyday.toned(photo, np.random.default_rng(seed))
        assert 0 < np.abs(toned - photo).mean() < 0.1


def test_samples_are_of_all_classes_alike_and_an_ordinary_one_names_nothing(photo: Photo):
    small = photo[:32, :32]
    seen = Counter[str]()
    for seed in range(300):
        damaged, severities = degrade.sample(small, np.random.default_rng(seed))
        assert damaged.pixels.shape == small.shape
        seen["normal" if not severities else "blend" if len(severities) > 1 else next(iter(severities))] += 1
    assert set(seen) == set(CLASSES)
    assert min(seen.values()) >= 8
    assert max(seen.values()) <= 40
