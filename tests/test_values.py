"""The nouns: bounds and regions."""

from __future__ import annotations

import numpy as np
import pytest

from clarity_desktop.values import Bounds, Region


def test_a_region_holds_only_the_part_of_the_mask_that_it_selects() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:14, 20:30] = 200
    region = Region.of(mask, "sky")
    assert (region.bounds, region.width, region.height, region.label) == (Bounds(20, 10, 10, 4), 60, 40, "sky")
    assert region.mask.shape == (4, 10)
    assert region.mask.base is None  # it does not keep the whole mask alive
    assert np.array_equal(region.full(), mask)
    with pytest.raises(ValueError, match="selects nothing"):
        Region.of(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("box", [(0, 0, 60, 40), (25, 12, 30, 20), (22, 11, 3, 2), (0, 0, 5, 5), (20, 10, 10, 4)])
def test_the_mask_over_a_box_is_that_part_of_the_whole_mask(box: tuple[int, int, int, int]) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:14, 20:30] = np.arange(1, 41).reshape(4, 10)
    bounds = Bounds(*box)
    assert np.array_equal(Region.of(mask).within(bounds), mask[bounds.slices()])


def test_a_rectangle_is_cut_to_the_photo() -> None:
    region = Region.rectangle(Bounds(50, 30, 100, 100), 60, 40)
    assert region.bounds == Bounds(50, 30, 10, 10)
    assert (region.mask == 255).all()
    assert Region.rectangle(Bounds(70, 0, 5, 5), 60, 40).mask.size == 0
