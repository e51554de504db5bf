"""Several versions on one canvas: how it is divided, and that each pane shows its own version with its overlays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, QPoint
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.compare import MAX_PANES, Shown, divide
from clarity_desktop.values import Bounds, Manifest, Region, VersionId

WHOLE = Bounds(0, 0, 803, 601)
SHADES = (40, 80, 120, 160, 200, 240)


@pytest.mark.parametrize("mode", ["side", "top", "grid"])
@pytest.mark.parametrize("count", range(1, MAX_PANES + 1))
def test_panes_have_the_same_size_lie_in_the_canvas_and_do_not_overlap(mode, count: int):
    areas = divide(mode, count, WHOLE.width, WHOLE.height)
    assert len(areas) == count
    assert len({(area.width, area.height) for area in areas}) == 1
    assert all(area.cut(WHOLE) == area for area in areas)
    assert not any(a.cut(b).area for a, b in itertools.combinations(areas, 2))
    assert sum(area.area for area in areas) > 0.7 * WHOLE.area  # five in a grid leave a place for a sixth


def test_a_grid_of_six_has_three_columns():
    assert {area.x for area in divide("grid", 6, 800, 600)} == {0, 268, 535}


@pytest.fixture
def canvas(qtbot: QtBot, pyramid) -> Canvas:
    """A canvas with six versions, each of one shade; the last one is the open one."""
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(640, 480)
    canvas.show()
    manifests: list[Manifest] = []
    tiles = {}
    for shade in SHADES:
        manifest, own = pyramid(np.full((480, 640, 3), shade, np.uint8), f"v{shade}")
        manifests.append(manifest)
        tiles |= own
    canvas.tiles_wanted.connect(lambda hashes: canvas.add_tiles(tuple((h, tiles[h]) for h in hashes)))
    canvas.show_version(manifests[-1], None)
    canvas.show_compared(manifests[:-1])
    canvas.view.zoom_to(1.0)
    return canvas


def shade(canvas: Canvas, x: int, y: int) -> int:
    for _ in range(200):
        image = canvas.grab().toImage()
        QCoreApplication.processEvents()
        if canvas._tiles.is_idle:
            break
    return image.pixelColor(QPoint(x, y)).red()


def test_each_pane_of_a_grid_shows_its_version_and_the_open_one_is_last(canvas: Canvas):
    canvas.comparison.set_mode("grid")
    shades = [shade(canvas, 640 * column // 6, 480 * row // 4) for row in (1, 3) for column in (1, 3, 5)]
    assert shades == list(SHADES)


def test_fewer_versions_leave_fewer_panes(canvas: Canvas):
    canvas.comparison.set_mode("side")
    first = canvas.layers.compared[0].manifest
    assert first is not None
    canvas.show_compared((first,))
    assert [shade(canvas, x, 300) for x in (100, 500)] == [SHADES[0], SHADES[-1]]


def test_split_and_peek_use_the_first_compared_version(canvas: Canvas):
    canvas.comparison.set_mode("split")
    assert [shade(canvas, x, 100) for x in (100, 500)] == [SHADES[0], SHADES[-1]]
    canvas.comparison.peek(True)
    assert [shade(canvas, x, 100) for x in (100, 500)] == [SHADES[0]] * 2


def test_an_overlay_belongs_to_its_version_and_stays_while_it_is_compared(canvas: Canvas):
    red = QImage(4, 4, QImage.Format.Format_ARGB32_Premultiplied)
    red.fill(QColor(255, 0, 0))
    canvas.comparison.set_mode("grid")
    canvas.show_heat(VersionId("v80"), red)
    canvas.show_heat(VersionId("not shown"), red)
    assert [shade(canvas, x, 120) for x in (107, 320, 533)] == [40, 255, 120]
    manifests = [layer.manifest for layer in canvas.layers.compared if layer.manifest]
    canvas.show_compared(manifests[1:])  # five panes now; the second version is in the first of them
    assert shade(canvas, 107, 120) == 255


def test_the_description_names_all_versions(canvas: Canvas):
    canvas.comparison.set_mode("grid")
    canvas.comparison.set_labels({VersionId(f"v{s}"): f"Version {k}" for k, s in enumerate(SHADES, 1)})
    names = "Version 1, Version 2, Version 3, Version 4, Version 5 and Version 6"
    assert canvas.accessibleDescription().endswith(f"{names}, in a grid.")


def three(canvas: Canvas) -> tuple[VersionId, ...]:
    """Compare versions of which none is the open one."""
    versions = tuple(VersionId(f"v{shade}") for shade in SHADES[:3])
    canvas.comparison.show_versions(Shown(versions, versions[0], versions[2]))
    return versions


def test_the_compare_view_shows_versions_in_their_own_order_whichever_is_open(canvas: Canvas):
    three(canvas)
    canvas.comparison.set_mode("side")
    assert [shade(canvas, x, 300) for x in (100, 320, 540)] == list(SHADES[:3])
    canvas.comparison.set_mode("single")
    assert shade(canvas, 320, 240) == SHADES[2]
    canvas.comparison.set_mode("split")
    assert [shade(canvas, x, 100) for x in (100, 500)] == [SHADES[0], SHADES[2]]


def test_a_difference_is_signed_around_gray_and_amplified(canvas: Canvas):
    first, _, third = three(canvas)
    canvas.comparison.set_mode("difference")
    canvas.comparison.set_gain(1)
    assert shade(canvas, 320, 240) == 128 + SHADES[2] - SHADES[0]
    canvas.comparison.show_versions(Shown((first, third), third, first))
    assert shade(canvas, 320, 240) == 128 - (SHADES[2] - SHADES[0])
    canvas.comparison.set_gain(16)
    assert shade(canvas, 320, 240) == 0
    canvas.comparison.show_versions(Shown((first, third), first, first))
    assert shade(canvas, 320, 240) == 128


def test_nothing_is_a_difference_where_a_tile_is_missing(canvas: Canvas, pyramid):
    canvas.tiles_wanted.disconnect()
    manifest, _ = pyramid(np.full((480, 640, 3), 7, np.uint8), "late")
    canvas.show_compared((canvas.layers.compared[0].manifest, manifest))
    canvas.comparison.show_versions(Shown((VersionId("v40"), manifest.version), VersionId("v40"), manifest.version))
    canvas.comparison.set_mode("difference")
    assert canvas.grab().toImage().pixelColor(QPoint(320, 240)).red() == 128


def test_two_versions_are_shown_in_turns_and_the_description_stays(canvas: Canvas):
    three(canvas)
    canvas.comparison.set_labels({VersionId("v40"): "Before", VersionId("v120"): "After"})
    canvas.comparison.set_mode("blink")
    timer = canvas.comparison._blink
    assert timer.isActive()
    timer.stop()  # only the turns that this test makes
    seen, said = [], set()
    for _ in range(4):
        seen.append(shade(canvas, 320, 240))
        said.add(canvas.accessibleDescription())
        timer.timeout.emit()
    assert seen == [SHADES[2], SHADES[0]] * 2
    assert len(said) == 1
    assert "Before and After are shown in turns." in said.pop()
    canvas.hide()
    canvas.show()
    assert timer.isActive()
    canvas.comparison.set_mode("grid")
    assert not timer.isActive()


def test_a_part_of_another_version_is_seen_through_the_mask(canvas: Canvas):
    versions = three(canvas)
    canvas.comparison.show_open(True)
    region = Region.rectangle(Bounds(0, 0, 320, 480), 640, 480)
    canvas.show_through(versions[0], region)
    assert [shade(canvas, x, 240) for x in (100, 500)] == [SHADES[0], SHADES[-1]]
    canvas.show_through(None, None)
    assert [shade(canvas, x, 240) for x in (100, 500)] == [SHADES[-1]] * 2


def test_a_grid_has_the_columns_in_which_a_photo_is_largest():
    wide, high = (30000, 1000), (1000, 3000)
    assert len({area.x for area in divide("grid", 6, 800, 600, wide)}) == 1
    assert len({area.x for area in divide("grid", 6, 800, 600, high)}) == 6
