"""The view of a photo: a plain object that needs no widget."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtCore import QPointF

from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.values import Bounds


@dataclass
class Surface:
    """What a photo is shown on."""

    size: tuple[int, int] = (800, 600)
    ratio: float = 1.0

    def width(self) -> int:
        return self.size[0]

    def height(self) -> int:
        return self.size[1]

    def devicePixelRatioF(self) -> float:
        return self.ratio


def viewport(surface: Surface, **options) -> Viewport:
    view = Viewport(surface, **options)
    view.photo_size = (6000, 4000)
    view.fit()
    return view


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0])
def test_points_go_to_the_image_and_back_on_any_screen(ratio: float):
    view = viewport(Surface(ratio=ratio))
    view.zoom_to(0.7, QPointF(300, 200))
    point = view.widget_point(*view.image_point(QPointF(123, 456)))
    assert point.toTuple() == pytest.approx((123, 456))


def test_a_zoom_keeps_what_is_under_the_pointer():
    view = viewport(Surface(ratio=2.0))
    before = view.image_point(QPointF(600, 100))
    view.zoom_to(1.3, QPointF(600, 100))
    assert view.image_point(QPointF(600, 100)) == pytest.approx(before, abs=2 / 0.25)


def test_the_keys_zoom_around_the_pointer():
    view = viewport(Surface())
    view.anchor = QPointF(100, 100)
    before = view.image_point(view.anchor)
    view.zoom_in()
    assert view.image_point(view.anchor) == pytest.approx(before, abs=8)


def test_a_fitted_photo_follows_the_surface_and_a_zoomed_one_stays_in_reach():
    surface = Surface()
    view = viewport(surface)
    surface.size = (400, 300)
    view.refresh()
    assert view.visible() == Bounds(0, 0, 6000, 4000)
    view.zoom_to(1.0)
    view.pan(-1e9, -1e9)
    surface.size = (1600, 1200)
    view.refresh()
    assert view.visible().right == 6000
    assert view.visible().width > 1500


def test_a_locked_view_is_only_fitted(qtbot):
    view = viewport(Surface())
    view.is_locked = True
    fitted = view.scale
    view.zoom_to(2.0)
    view.pan(50, 50)
    assert view.scale == fitted
    view.margin = 100
    with qtbot.waitSignal(view.zoom_changed):
        view.fit()
    assert view.scale < fitted


def test_all_panes_show_the_same_part():
    view = viewport(Surface(), panes=lambda: (Bounds(0, 0, 399, 600), Bounds(401, 0, 399, 600)))
    view.zoom_to(1.0)
    assert view.image_point(QPointF(10, 50)) == view.image_point(QPointF(411, 50))
    view.pan(-30, 20)
    assert view.image_point(QPointF(10, 50)) == view.image_point(QPointF(411, 50))


def test_without_a_photo_nothing_happens():
    view = Viewport(Surface())
    view.fit()
    view.zoom_to(3.0)
    view.pan(5, 5)
    assert view.scale == 1.0
    assert view.visible().area == 0
    assert view.image_pixel(QPointF(5, 5)) is None


def test_a_larger_version_of_the_same_photo_keeps_the_part_that_is_shown():
    view = viewport(Surface())
    view.zoom_to(0.5)
    view.pan(-300, 200)
    before = view.visible()
    view.show_photo((12000, 8000), keep=True)
    assert view.scale == 0.25
    after = view.visible()
    assert (after.x, after.y) == pytest.approx((2 * before.x, 2 * before.y), abs=4)
    view.show_photo((500, 500), keep=True)  # other proportions: nothing of the part can be kept
    assert view.visible() == Bounds(0, 0, 500, 500)
