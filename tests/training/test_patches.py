"""Patches for the restorer: aligned clean and damaged patches, all degradations equally often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clarity_training import patches
from PIL import Image

from clarity_desktop.messages import UserError
from clarity_desktop.values import DEGRADATIONS, Degradation

SIDE = 32
QUICK: tuple[Degradation, ...] = ("inpaint", "low-light", "noise")


@pytest.fixture
def photos(photo: Callable[..., np.ndarray]) -> list[np.ndarray]:
    return [photo(160, 120, seed=k) for k in range(2)]


def batches(photos: list[np.ndarray], number: int, seed: int = 1, **more: Any) -> list[patches.PatchBatch]:
    rng = np.random.default_rng(seed)
    return list(islice(patches.batches(photos, QUICK, SIDE, 6, rng, **more), number))


def test_photos_are_read_in_8_bits_and_scaled_down(tmp_path: Path, photo: Callable[..., np.ndarray]) -> None:
    Image.fromarray(photo(60, 40)).save(tmp_path / "small.png")
    Image.fromarray(photo(2400, 60)).save(tmp_path / "wide.png")
    small, wide = patches.load_all([tmp_path / "small.png", tmp_path / "wide.png"])
    assert np.array_equal(small, photo(60, 40))
    assert wide.shape == (30, patches.MAX_SIDE, 3)
    (tmp_path / "none.png").write_text("no picture")
    with pytest.raises(UserError, match=r"none\.png"):
        patches.load_all([tmp_path / "none.png"])


@pytest.mark.parametrize("size", [(160, 120), (40, 200), (20, 24)])
def test_a_patch_has_its_side_whatever_the_photo(photo: Callable[..., np.ndarray], size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        patch = patches.random_patch(photo(*size), SIDE, rng)
        assert patch.shape == (SIDE, SIDE, 3)
        assert patch.dtype == np.float32
        assert 0 <= patch.min() < patch.max() <= 1


def test_a_batch_has_the_promised_form(photos: list[np.ndarray]) -> None:
    for batch in batches(photos, 3):
        assert batch.clean.shape == batch.damaged.shape == (6, SIDE, SIDE, 3)
        assert batch.holes.shape == (6, SIDE, SIDE, 1)
        assert batch.clean.dtype == batch.damaged.dtype == batch.holes.dtype == np.float32
        for values in (batch.clean, batch.damaged, batch.holes):
            assert np.isfinite(values).all()
            assert values.min() >= 0
            assert values.max() <= 1
        assert {DEGRADATIONS[k] for k in batch.degradation} <= set(QUICK)


def test_every_kind_comes_as_often(photos: list[np.ndarray]) -> None:
    kinds = Counter(DEGRADATIONS[k] for batch in batches(photos, 6) for k in batch.degradation)
    assert kinds == dict.fromkeys(QUICK, 12)


def test_only_what_may_lack_pixels_has_holes_and_they_cover_the_damage(photos: list[np.ndarray]) -> None:
    holes = 0
    for batch in batches(photos, 8):
        for clean, damaged, hole, kind in zip(batch.clean, batch.damaged, batch.holes, batch.degradation, strict=True):
            if DEGRADATIONS[kind] != "inpaint":
                assert not hole.any()
            elif hole.any():
                holes += 1
                assert np.array_equal(clean * (1 - hole), damaged * (1 - hole))
    assert holes > 4


def test_most_patches_are_damaged_and_some_are_clean_or_nearly(photos: list[np.ndarray]) -> None:
    changes = [
        float(np.abs(d - c).mean()) for b in batches(photos, 16) for c, d in zip(b.clean, b.damaged, strict=True)
    ]
    assert np.median(changes) > 0.01
    assert min(changes) < 0.005


def test_the_patches_lie_over_each_other(photos: list[np.ndarray]) -> None:
    """Noise and darkness leave the large forms where they are."""
    alike: list[float] = []
    for batch in batches(photos, 8):
        for clean, damaged in zip(batch.clean, batch.damaged, strict=True):
            a, b = (cv2.GaussianBlur(p, (0, 0), 2).mean(2).ravel() for p in (clean, damaged))
            alike.append(np.corrcoef(a, b)[0, 1])
    assert np.median(alike) > 0.95


def test_the_same_seed_gives_the_same_pairs_and_another_others(photos: list[np.ndarray]) -> None:
    one, again, other = (batches(photos, 2, seed=s)[1].damaged for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_photographed_pairs_are_used_for_a_third_of_their_kind_and_as_they_are(photos: list[np.ndarray]) -> None:
    real = [(np.full((50, 60, 3), 20, np.uint8), np.full((50, 60, 3), 200, np.uint8))]
    share = [
        bool((batch.damaged[k] == np.float32(20 / 255)).all() and (batch.clean[k] == np.float32(200 / 255)).all())
        for batch in batches(photos, 60, real={"low-light": real})
        for k in range(6)
        if DEGRADATIONS[batch.degradation[k]] == "low-light"
    ]
    assert 0.2 < np.mean(share) < 0.47


def test_a_photographed_pair_smaller_than_a_patch_is_enlarged(photos: list[np.ndarray]) -> None:
    tiny = np.full((10, 20, 3), 20, np.uint8)
    found = batches(photos, 6, real={"low-light": [(tiny, tiny)]})
    assert all(batch.clean.shape == (6, SIDE, SIDE, 3) for batch in found)
    assert any(np.array_equal(c, d) and c.std() < 1e-6 for b in found for c, d in zip(b.clean, b.damaged, strict=True))


def test_most_patches_with_jpeg_begin_with_a_block() -> None:
    def begins_with_a_block(name: Degradation) -> bool:
        clean, *_ = patches._crop(scene, scene, holes, name, 32, rng)  # pyright: ignore[reportPrivateUsage]
        return not (clean[0, 0] % 8).any()

    rng, holes = np.random.default_rng(0), np.zeros((100, 100), np.float32)
    scene = np.stack((*np.mgrid[:100, :100], np.zeros((100, 100))), -1).astype(np.float32)  # its own coordinates
    shares = [np.mean([begins_with_a_block(name) for _ in range(400)]) for name in ("JPEG", "noise")]
    assert 0.7 < shares[0] < 0.85
    assert shares[1] < 0.06
