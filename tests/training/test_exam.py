"""The test synthesis: random seeds, shapes, severities and halves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from clarity_training import exam
from clarity_training.damage import Photo

from clarity_desktop.values import CLASSES, DEGRADATIONS

DAMAGED = (*DEGRADATIONS, "blend")


@pytest.fixture
def clean(photo: Callable[..., np.ndarray]) -> Photo:
    return photo(128, 96).astype(np.float32) / 255


def change(one: Photo, other: Photo) -> float:
    return float(np.abs(one - other).mean())


def test_the_table_has_every_degradation_in_order() -> None:
    assert tuple(exam.DAMAGES) == DEGRADATIONS


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_seed_damages_alike_and_another_one_otherwise(name: str, clean: Photo) -> None:
    first, again = (exam.damage(name, clean, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first[0].pixels, again[0].pixels)
    assert first[1] == again[1]
    if name != "normal":
        assert not np.array_equal(first[0].pixels, exam.damage(name, clean, np.random.default_rng(6))[0].pixels)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [(97, 140), (33, 32)])
def test_a_damaged_photo_keeps_its_form_and_the_clean_one_is_untouched(
    name: str, size: tuple[int, int], photo: Callable[..., np.ndarray]
) -> None:
    clean = photo(*size).astype(np.float32) / 255
    before = clean.copy()
    for seed in range(3):
        damaged, given = exam.damage(name, clean, np.random.default_rng(seed))
        assert damaged.pixels.shape == clean.shape
        assert damaged.pixels.dtype == np.float32
        assert damaged.pixels.min() >= 0
        assert damaged.pixels.max() <= 1
        assert all(0.3 <= s <= 1 for s in given.values())
    assert np.array_equal(clean, before)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_black_white_and_gray_photos_are_damaged_without_a_warning(name: str) -> None:
    for value in (0.0, 0.5, 1.0):
        flat = np.full((64, 80, 3), value, np.float32)
        for seed in range(3):
            assert np.isfinite(exam.damage(name, flat, np.random.default_rng(seed), 1.0)[0].pixels).all()


@pytest.mark.parametrize("name", DAMAGED)
def test_the_strong_one_of_a_pair_is_further_from_the_clean_photo(name: str, clean: Photo) -> None:
    for seed in range(6):
        mild, strong = exam.pair(name, clean, np.random.default_rng(seed))
        assert change(mild.pixels, clean) < change(strong.pixels, clean)


@pytest.mark.parametrize("name", ["shadow", "watermark", "flare"])
def test_both_of_a_pair_are_damaged_in_the_same_places(name: str, clean: Photo) -> None:
    mild, strong = exam.pair(name, clean, np.random.default_rng(2))
    one, other = (np.abs(d.pixels - clean).mean(-1).ravel() for d in (mild, strong))
    assert np.corrcoef(one, other)[0, 1] > 0.8


@pytest.mark.parametrize("name", DAMAGED)
def test_a_half_is_damaged_and_the_other_stays_bit_for_bit(name: str, clean: Photo) -> None:
    sides = set()
    for seed in range(8):
        pixels, side, where = exam.half(name, clean, np.random.default_rng(seed))
        sides.add(side)
        touched = (pixels != clean).any(-1)
        seam = 3  # 2 % of 128 is mixed, half of it on each side
        grown = where | np.roll(where, seam, 0) | np.roll(where, -seam, 0) | np.roll(where, seam, 1)
        assert not touched[~(grown | np.roll(where, -seam, 1))].any()
        assert where.mean() == pytest.approx(0.5, abs=0.02)
        assert touched[where].mean() > 0.005
        assert (where[:, 0].all(), where[:, -1].all(), where[0].all(), where[-1].all()) == tuple(
            side == s for s in ("left", "right", "top", "bottom")
        )
    assert len(sides) > 1


def test_normal_is_hardly_touched(clean: Photo) -> None:
    for seed in range(12):
        damaged, given = exam.damage("normal", clean, np.random.default_rng(seed))
        assert given == {}
        assert change(damaged.pixels, clean) < 0.03


def test_a_blend_names_its_parts_in_the_order_of_their_cause(clean: Photo) -> None:
    order = dict.fromkeys(DEGRADATIONS, 0) | {"blur": 1, "noise": 2, "JPEG": 3}
    for seed in range(20):
        given = list(exam.damage("blend", clean, np.random.default_rng(seed))[1])
        assert len(given) in {2, 3}
        assert [order[n] for n in given] == sorted(order[n] for n in given)


def test_lost_pixels_are_marked_where_the_photo_changed(clean: Photo) -> None:
    for seed in range(8):
        damaged, _ = exam.damage("inpaint", clean, np.random.default_rng(seed))
        assert damaged.holes is not None
        assert set(np.unique(damaged.holes)) == {0, 1}
        assert 0.005 < damaged.holes.mean() < 0.6
        assert np.abs(damaged.pixels - clean).max(-1)[damaged.holes == 0].max() < 0.06


def test_an_unknown_class_is_refused(clean: Photo) -> None:
    with pytest.raises(KeyError):
        exam.damage("moiré", clean, np.random.default_rng(0))


def test_every_kernel_sums_to_one() -> None:
    kernels = [exam.camera.disc(r) for r in (0.5, 2, 9)]
    kernels += [exam.camera.path_kernel(exam.camera.trajectory(np.random.default_rng(k)), 20) for k in range(10)]
    for kernel in kernels:
        assert kernel.sum() == pytest.approx(1, abs=1e-5)
