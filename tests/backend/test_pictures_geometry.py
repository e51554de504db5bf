"""Crop, turns, flips, straightening and reducing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from clarity_desktop.backend.pictures import change, reduced
from clarity_desktop.backend.pictures.geometry import straighten
from clarity_desktop.geometry import inner_size
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Crop, Flip, Rotate, Straighten


@pytest.mark.parametrize("depth", [8, 16])
def test_a_crop_is_a_copy_of_its_part(photo, depth):
    part = change(photo(40, 30, depth), Crop(Bounds(5, 7, 20, 10)))
    assert np.array_equal(part, photo(40, 30, depth)[7:17, 5:25])
    assert part.flags.c_contiguous


def test_a_crop_is_cut_to_the_photo_and_refused_outside_it(photo):
    assert change(photo(40, 30), Crop(Bounds(30, 20, 100, 100))).shape == (10, 10, 3)
    with pytest.raises(UserError, match="outside"):
        change(photo(40, 30), Crop(Bounds(50, 50, 10, 10)))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_go_clockwise_and_lose_nothing(photo, turns):
    assert np.array_equal(change(photo(40, 30, 16), Rotate(turns)), np.rot90(photo(40, 30, 16), -turns))


def test_flips(photo):
    assert np.array_equal(change(photo(40, 30), Flip("horizontal")), photo(40, 30)[:, ::-1])
    assert np.array_equal(change(photo(40, 30)[..., 0], Flip("vertical")), photo(40, 30)[::-1, :, 0])


@pytest.mark.parametrize("degrees", [-45, -30, -7.5, -0.3, 0.3, 5, 20, 45])
@pytest.mark.parametrize("size", [(400, 300), (300, 400), (600, 80), (257, 257)])
def test_straightening_cuts_to_the_largest_rectangle_without_empty_corners(degrees, size):
    width, height = size
    inside = change(np.full((height, width), 255, np.uint8), Straighten(degrees))
    assert inside.min() == 255
    w, h = inner_size(width, height, degrees)
    assert inside.shape == (h, w)
    turned = np.deg2rad(abs(degrees))
    assert w * np.cos(turned) + h * np.sin(turned) <= width + 1e-3
    assert w * np.sin(turned) + h * np.cos(turned) <= height + 1e-3
    larger = (w + 2) * np.cos(turned) + (h + 2) * np.sin(turned), (w + 2) * np.sin(turned) + (h + 2) * np.cos(turned)
    assert larger[0] > width or larger[1] > height


@pytest.mark.parametrize("depth", [8, 16])
def test_straightening_turns_clockwise(depth):
    """A bright dot right of the center goes down."""
    pixels = np.zeros((201, 201, 3), np.uint8 if depth == 8 else np.uint16)
    cv2.circle(pixels, (160, 100), 4, [int(np.iinfo(pixels.dtype).max)] * 3, -1)
    turned = change(pixels, Straighten(20))
    y, x = np.argwhere(turned[..., 0] > turned.max() / 2).mean(0) - (np.array(turned.shape[:2]) - 1) / 2
    assert x == pytest.approx(60 * np.cos(np.deg2rad(20)), abs=0.3)
    assert y == pytest.approx(60 * np.sin(np.deg2rad(20)), abs=0.3)


def test_straightening_there_and_back_keeps_the_middle(photo):
    smooth = cv2.GaussianBlur(photo(300, 300), (0, 0), 3)
    back = change(change(smooth, Straighten(6)), Straighten(-6))
    height, width = back.shape[:2]
    y, x = (300 - height) // 2, (300 - width) // 2
    same = smooth[y : y + height, x : x + width]
    assert np.abs(back.astype(int) - same).mean() < 3


def test_no_angle_changes_nothing(photo):
    assert np.array_equal(change(photo(30, 20), Straighten(0.0)), photo(30, 20))


def test_large_photos_are_straightened_in_tiles_without_seams(photo):
    smooth = cv2.GaussianBlur(photo(300, 200), (0, 0), 3)
    whole = change(smooth, Straighten(9))
    assert np.abs(straighten(smooth, 9, tile=64).astype(int) - whole).max() <= 1


def test_a_panorama_wider_than_opencv_warps_is_straightened():
    wide = np.full((60, 40000), 255, np.uint8)
    assert change(wide, Straighten(0.02)).min() == 255


@pytest.mark.parametrize("factor", [1, 2, 3, 8, 1000])
def test_reducing_averages_and_never_vanishes(photo, factor):
    small = reduced(photo(96, 48, 16), factor)
    assert small.shape == (max(1, -(-48 // factor)), max(1, -(-96 // factor)), 3)
    assert small.mean() == pytest.approx(photo(96, 48, 16).mean(), rel=0.02)
    assert reduced(photo(96, 48)[..., 0], factor).ndim == 2


def test_reducing_by_two_is_the_mean_of_four(photo):
    wanted = photo(96, 48).reshape(24, 2, 48, 2, 3).mean((1, 3))
    assert np.abs(reduced(photo(96, 48), 2) - wanted).max() <= 0.5
