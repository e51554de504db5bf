"""The heat map: its colors, and that it moves with the photo."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import a_detection
from PySide6.QtCore import QCoreApplication, QPoint
from pytestqt.qtbot import QtBot

from clarity_desktop.ui.canvas import heatmap
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.values import Manifest, VersionId

GRAY = np.full((400, 600, 3), 128, np.uint8)


@pytest.fixture
def canvas(qtbot: QtBot, pyramid) -> Canvas:
    """A canvas that shows a gray photo, beside the same photo as the version before."""
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    manifest, tiles = pyramid(GRAY)
    canvas.tiles_wanted.connect(lambda hashes: canvas.add_tiles(tuple((h, tiles[h]) for h in hashes)))
    canvas.show_version(manifest, None)
    canvas.show_compared((Manifest(VersionId("before"), manifest.levels),))
    canvas.view.zoom_to(1.0)
    wait(canvas)
    return canvas


def wait(canvas: Canvas) -> None:
    for _ in range(200):
        canvas.grab()
        QCoreApplication.processEvents()
        if canvas._tiles.is_idle:
            return


def color_at(canvas: Canvas, x: int, y: int) -> tuple[int, int, int]:
    """What is painted at a point of the photo."""
    at = canvas.view.widget_point(x, y)
    seen = canvas.grab().toImage().pixelColor(QPoint(round(at.x()), round(at.y())))
    return seen.red(), seen.green(), seen.blue()


def test_heat_is_opaque_where_it_is_likely_and_clear_where_it_is_not():
    picture = heatmap.picture(a_detection(rain=0.9), "rain streak")
    left, right = picture.pixelColor(2, picture.height() // 2), picture.pixelColor(picture.width() - 3, 5)
    assert left.alpha() < 10
    assert right.alpha() > 150
    assert right.red() > 200


def test_a_single_part_is_one_color():
    found = a_detection(rain=0.9)
    one = type(found)(found.top, found.found, np.full((1, 1, 13), 200, np.uint8))
    picture = heatmap.picture(one, "snow")
    assert {picture.pixel(x, y) for x in (0, 99, picture.width() - 1) for y in (0, picture.height() - 1)} == {
        picture.pixel(50, 50)
    }


def test_shades_grow_without_steps_between_the_parts():
    picture = heatmap.picture(a_detection(rain=0.9), "rain streak")
    alpha = [picture.pixelColor(x, 40).alpha() for x in range(picture.width())]
    assert alpha == sorted(alpha)
    assert max(np.diff(alpha)) < 12


def test_the_map_lies_on_the_photo_and_moves_with_it(canvas: Canvas):
    assert color_at(canvas, 590, 200) == (128, 128, 128)
    canvas.show_heat(VersionId("v"), heatmap.picture(a_detection(rain=0.9), "rain streak"))
    assert color_at(canvas, 10, 200) == (128, 128, 128)
    hot = color_at(canvas, 590, 200)
    assert hot[0] > 190
    canvas.view.zoom_to(2.0)
    wait(canvas)
    warm, corner = color_at(canvas, 380, 200), canvas.view.widget_point(0, 0)
    canvas.view.pan(-100, -15)
    wait(canvas)
    assert canvas.view.widget_point(0, 0) != corner
    assert color_at(canvas, 380, 200) == warm != hot
    canvas.view.zoom_to(0.5)
    wait(canvas)
    assert color_at(canvas, 590, 200)[0] > 190
    assert color_at(canvas, 10, 200) == (128, 128, 128)
    canvas.show_heat(VersionId("v"), None)
    assert color_at(canvas, 590, 200) == (128, 128, 128)


def test_each_side_of_a_comparison_shows_its_own_map(canvas: Canvas):
    canvas.comparison.set_mode("split")
    canvas.show_heat(VersionId("v"), heatmap.picture(a_detection(rain=0.9), "rain streak"))
    canvas.comparison.set_split(1.0)
    assert color_at(canvas, 590, 200) == (128, 128, 128)
    canvas.show_heat(VersionId("before"), heatmap.picture(a_detection(rain=0.9), "rain streak"))
    assert color_at(canvas, 590, 200)[0] > 190


def test_another_version_begins_without_a_map(canvas: Canvas, pyramid):
    canvas.show_heat(VersionId("v"), heatmap.picture(a_detection(rain=0.9), "rain streak"))
    canvas.show_version(pyramid(GRAY, "next")[0], None)
    wait(canvas)
    assert color_at(canvas, 590, 200) == (128, 128, 128)


def test_the_same_map_again_paints_nothing(canvas: Canvas):
    picture = heatmap.picture(a_detection(rain=0.9), "rain streak")
    canvas.show_heat(VersionId("v"), picture)
    edition = canvas.layers.main.revision
    canvas.show_heat(VersionId("v"), picture)
    assert canvas.layers.main.revision == edition
