"""The crop frame: its grips, and how it moves."""

from __future__ import annotations

import pytest

from clarity_desktop.ui.canvas.crop_frame import MIN_SIDE, grip_at, move_grip, with_ratio
from clarity_desktop.values import Bounds

SIZE = (1000, 800)
FRAME = Bounds(200, 100, 400, 300)


@pytest.mark.parametrize(
    ("x", "y", "grip"),
    [(200, 100, (-1, -1)), (603, 396, (1, 1)), (400, 98, (0, -1)), (205, 250, (-1, 0)), (400, 250, (0, 0))],
)
def test_corners_edges_and_the_inside_are_distinguished(x: float, y: float, grip: tuple[int, int]):
    assert grip_at(FRAME, x, y, 8) == grip


def test_outside_the_frame_nothing_is_held():
    assert grip_at(FRAME, 620, 250, 8) is None


def test_the_middle_of_a_tiny_frame_can_still_be_held():
    assert grip_at(Bounds(0, 0, 12, 12), 6, 6, 8) == (0, 0)


def test_the_frame_moves_as_a_whole_and_stays_in_the_photo():
    assert move_grip(FRAME, (0, 0), (-500, 1000), SIZE, None) == Bounds(0, 500, 400, 300)


def test_a_corner_moves_two_sides():
    assert move_grip(FRAME, (1, -1), (50, 30), SIZE, None) == Bounds(200, 130, 450, 270)


def test_a_side_stops_before_it_meets_the_other():
    assert move_grip(FRAME, (-1, 0), (900, 0), SIZE, None) == Bounds(600 - MIN_SIDE, 100, MIN_SIDE, 300)


@pytest.mark.parametrize("grip", [(1, 1), (-1, 1), (-1, -1), (0, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("by", [(37, -20), (900, 900), (-900, -900)])
def test_a_ratio_is_kept_inside_the_photo(grip: tuple[int, int], by: tuple[int, int]):
    frame = move_grip(with_ratio(FRAME, (0, 0), SIZE, 1.5), grip, by, SIZE, 1.5)
    assert frame.width == pytest.approx(frame.height * 1.5, abs=1.6)
    assert frame.cut(Bounds(0, 0, *SIZE)) == frame


def test_the_corner_opposite_the_grip_stays_when_a_ratio_is_kept():
    frame = move_grip(with_ratio(FRAME, (0, 0), SIZE, 1.0), (-1, -1), (-60, -10), SIZE, 1.0)
    start = with_ratio(FRAME, (0, 0), SIZE, 1.0)
    assert (frame.right, frame.bottom) == (start.right, start.bottom)


def test_a_photo_smaller_than_the_smallest_frame_can_be_held():
    assert move_grip(Bounds(0, 0, 9, 7), (1, 1), (-5, -5), (9, 7), None) == Bounds(0, 0, 9, 7)
