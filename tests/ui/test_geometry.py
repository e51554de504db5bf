"""Zoom, pan and fit are plain geometry."""

from __future__ import annotations

import math

import pytest

from clarity_desktop.geometry import inner_size
from clarity_desktop.ui.canvas.geometry import STEPS, Placement, View, fit, next_step
from clarity_desktop.values import Bounds

PANE = Bounds(0, 0, 800, 600)


def test_the_point_under_the_pointer_stays_when_zooming():
    view = View(0.37, 1200.0, 900.0)
    before = view.to_image(PANE, 123, 456)
    after = view.zoomed(1.9, PANE, (123, 456)).to_image(PANE, 123, 456)
    assert after == pytest.approx(before, abs=0.6 / 0.37)  # places are whole device pixels


def test_fit_shows_all_and_keeps_the_margin():
    view = fit(PANE, 6000, 4000, 12)
    place = view.place(PANE, 6000, 4000)
    assert place.x == 12
    assert place.width == pytest.approx(776)
    assert view.visible(PANE, 6000, 4000) == Bounds(0, 0, 6000, 4000)


def test_fit_does_not_enlarge_a_small_photo():
    assert fit(PANE, 20, 20, 12).scale == 1.0


def test_a_photo_smaller_than_the_pane_stays_in_its_middle():
    assert View(1.0, -500, 9000).clamped(PANE, 400, 300, 48) == View(1.0, 200, 150)


def test_a_large_photo_cannot_be_pushed_away():
    far = View(1.0, -1e9, 1e9).clamped(PANE, 6000, 4000, 48)
    assert far.visible(PANE, 6000, 4000) == Bounds(0, 4000 - 552, 752, 552)


def test_what_is_visible_counts_whole_pixels_in_the_photo():
    assert View(4.0, 100, 100).visible(PANE, 6000, 4000) == Bounds(0, 25, 200, 150)


def test_steps_go_up_and_down_and_end():
    assert next_step(0.9, up=True) == 1.0
    assert next_step(1.0, up=True) == 1.5
    assert next_step(1.0, up=False) == pytest.approx(2 / 3)
    assert next_step(STEPS[-1], up=True) == STEPS[-1]
    assert next_step(STEPS[0], up=False) == STEPS[0]


def test_another_photo_is_placed_inside_the_first_ones_frame():
    assert Placement(10, 20, 600, 400).within(300, 400) == Placement(160, 20, 300.0, 400.0)


@pytest.mark.parametrize(("width", "height"), [(600, 400), (400, 600), (1000, 100), (500, 500)])
@pytest.mark.parametrize("degrees", [0.0, 0.3, -7.0, 20.0, 45.0])
def test_what_stays_of_a_straightened_photo_has_no_empty_corner(width: int, height: int, degrees: float):
    wide, high = inner_size(width, height, degrees)
    angle = math.radians(degrees)
    for x, y in ((wide / 2, high / 2), (wide / 2, -high / 2)):
        u, v = x * math.cos(angle) + y * math.sin(angle), -x * math.sin(angle) + y * math.cos(angle)
        assert abs(u) <= width / 2 + 1e-6
        assert abs(v) <= height / 2 + 1e-6
    assert (wide, high) == (width, height) if degrees == 0 else wide * high < width * height
