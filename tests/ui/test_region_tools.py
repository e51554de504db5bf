"""The tools that select on the canvas: what the mouse and the keyboard make of the photo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.tools.region import RegionTool
from clarity_desktop.values import Bounds, Click, Stroke

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT, ALT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@pytest.fixture
def canvas(qtbot: QtBot, pyramid) -> Canvas:
    """A canvas that shows a photo at 100 %, its corner in the corner."""
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    manifest, tiles = pyramid(np.zeros((300, 400, 3), np.uint8))
    canvas.show_version(manifest, None)
    canvas.add_tiles(tuple(tiles.items()))
    canvas.view.zoom_to(1.0)
    return canvas


def heard(signal: Any) -> list[tuple[Any, ...]]:
    """What a signal emits from now on."""
    calls: list[tuple[Any, ...]] = []
    signal.connect(lambda *args: calls.append(args))
    return calls


def drag(canvas: Canvas, *points: tuple[int, int], keys: Qt.KeyboardModifier = NONE, button: Any = LEFT) -> None:
    QTest.mousePress(canvas, button, keys, QPoint(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(canvas, QPoint(*point))
    QTest.mouseRelease(canvas, button, keys, QPoint(*points[-1]))


@pytest.mark.parametrize(
    ("button", "keys", "inside", "how"),
    [
        (LEFT, NONE, True, "replace"), (LEFT, SHIFT, True, "add"), (LEFT, ALT, False, "subtract"),
        (RIGHT, NONE, False, "replace"), (LEFT, SHIFT | ALT, False, "intersect"),
    ],
)  # fmt: skip
def test_a_click_says_what_is_meant_and_how_it_joins(canvas: Canvas, button: Any, keys: Any, inside: bool, how: str):
    clicks = heard(canvas.click.clicked)
    canvas.click.start()
    QTest.mouseClick(canvas, button, keys, QPoint(120, 80))
    [(click, joined)] = clicks
    assert (round(click.x), round(click.y), click.inside, joined) == (120, 80, inside, how)


def test_a_click_beside_the_photo_and_an_inactive_tool_do_nothing(canvas: Canvas):
    clicks = heard(canvas.click.clicked)
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(120, 80))
    canvas.view.zoom_to(0.25)
    canvas.click.start()
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(3, 3))
    assert clicks == []


@pytest.mark.parametrize("name", ["click", "box"])
def test_a_drag_draws_a_box_that_ends_with_the_photo(canvas: Canvas, name: str):
    tool = getattr(canvas, name)
    boxes, clicks = heard(tool.boxed), heard(tool.clicked)
    tool.start()
    drag(canvas, (200, 150), (100, 100), (90, -40), keys=SHIFT)
    assert boxes == [(Bounds(90, 0, 110, 150), "add")]
    assert clicks == []
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(50, 50))
    assert len(clicks) == (1 if name == "click" else 0)
    assert len(boxes) == 1


def test_the_brush_paints_strokes_of_its_shape(canvas: Canvas):
    strokes = heard(canvas.brush.painted)
    canvas.brush.start()
    canvas.brush.set_shape(20, 0.5)
    drag(canvas, (50, 50), (80, 50), (110, 50))
    drag(canvas, (50, 90), (80, 90), keys=ALT)
    drag(canvas, (50, 120), (80, 120), button=RIGHT)
    canvas.brush.erases = True
    drag(canvas, (50, 150), (80, 150))
    painted: list[Stroke] = [stroke for (stroke,) in strokes]
    assert [stroke.erase for stroke in painted] == [False, True, True, True]
    assert painted[0].points == ((50.0, 50.0), (80.0, 50.0), (110.0, 50.0))
    assert (painted[0].radius, painted[0].hardness) == (10.0, 0.5)


def test_a_stroke_is_drawn_until_the_mask_shows_it(canvas: Canvas):
    canvas.brush.start()
    before = canvas.grab().toImage().pixelColor(80, 50)
    drag(canvas, (50, 50), (110, 50))
    QTest.mouseMove(canvas, QPoint(300, 250))
    assert canvas.grab().toImage().pixelColor(80, 50).red() > before.red() + 60
    canvas.brush.forget_strokes()
    assert canvas.grab().toImage().pixelColor(80, 50) == before


def test_brackets_change_size_and_softness_of_the_brush(canvas: Canvas):
    canvas.brush.start()
    canvas.brush.set_shape(50, 0.3)
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    assert canvas.brush.diameter == 60
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    assert canvas.brush.diameter == 50
    QTest.keyClick(canvas, Qt.Key.Key_BraceRight, SHIFT)
    assert canvas.brush.softness == 0.4
    QTest.keyClick(canvas, Qt.Key.Key_BraceLeft, SHIFT)
    assert canvas.brush.softness == 0.3
    canvas.brush.set_shape(1, 0)
    QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
    assert canvas.brush.diameter == 2


def test_the_lasso_reports_its_line_and_ignores_a_click(canvas: Canvas):
    lines = heard(canvas.lasso.enclosed)
    canvas.lasso.start()
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(20, 20))
    drag(canvas, (20, 20), (120, 20), (120, 120), (20, 120), keys=ALT)
    [(points, how)] = lines
    assert points == ((20.0, 20.0), (120.0, 20.0), (120.0, 120.0), (20.0, 120.0))
    assert how == "subtract"


def test_the_keyboard_moves_a_cursor_and_clicks(canvas: Canvas):
    clicks = heard(canvas.click.clicked)
    canvas.click.start()
    QTest.keyClick(canvas, Qt.Key.Key_Right)  # the cursor appears in the middle
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    QTest.keyClick(canvas, Qt.Key.Key_Up, SHIFT)
    assert "The cursor is at 216, 149." in canvas.accessibleDescription()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    QTest.keyClick(canvas, Qt.Key.Key_Return, ALT)
    assert clicks == [(Click(216.5, 149.5), "replace"), (Click(216.5, 149.5, inside=False), "subtract")]


def test_the_first_enter_only_shows_the_cursor(canvas: Canvas):
    clicks = heard(canvas.click.clicked)
    canvas.click.start()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert clicks == []
    assert "The cursor is at" in canvas.accessibleDescription()


def test_the_keyboard_draws_boxes_lines_and_strokes(canvas: Canvas):
    boxes, lines, strokes = heard(canvas.box.boxed), heard(canvas.lasso.enclosed), heard(canvas.brush.painted)
    for tool in (canvas.box, canvas.lasso, canvas.brush):
        tool.start()
        for key in ("Up", "Return", "Right", "Down", "Left", "Return"):
            QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
        tool.cancel()
    assert len(lines) == len(strokes) == 1
    assert boxes == [(Bounds(200, 150, 0, 16), "replace")] or boxes == []  # it came back to its column
    assert lines[0][0] == ((200.5, 150.5), (216.5, 150.5), (216.5, 166.5), (200.5, 166.5))


def test_a_cursor_at_the_edge_of_a_zoomed_photo_takes_the_view_along(canvas: Canvas):
    canvas.view.zoom_to(4.0)
    canvas.click.start()
    before = canvas.view.visible()
    for _ in range(30):
        QTest.keyClick(canvas, Qt.Key.Key_Right)
    seen = canvas.view.visible()
    assert seen.x > before.x
    x = int(canvas.click.cursor_text().split("at ")[1].split(",")[0])
    assert seen.x <= x < seen.right


def test_escape_ends_a_drag_of_the_keyboard_first(canvas: Canvas):
    escaped, boxes = heard(canvas.box.escaped), heard(canvas.box.boxed)
    canvas.box.start()
    for key in ("Up", "Return", "Right", "Down"):
        QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert escaped == []
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert len(escaped) == 1
    assert boxes == []


def test_one_tool_ends_the_other_and_c_asks_for_the_next_mask(canvas: Canvas):
    steps = heard(canvas.click.next_asked)
    canvas.click.start()
    QTest.keyClick(canvas, Qt.Key.Key_C)
    QTest.keyClick(canvas, Qt.Key.Key_C, SHIFT)
    assert steps == [(1,), (-1,)]
    canvas.brush.start()
    assert not canvas.click.is_active
    assert canvas.brush.is_active
    canvas.crop.start()
    assert not canvas.brush.is_active


@pytest.mark.parametrize("name", ["click", "box", "brush", "lasso"])
def test_every_tool_paints_and_describes_itself(canvas: Canvas, name: str):
    tool: RegionTool = getattr(canvas, name)
    tool.start()
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    if tool.drags:
        QTest.keyClick(canvas, Qt.Key.Key_Return)
        QTest.keyClick(canvas, Qt.Key.Key_Down)
        QTest.keyClick(canvas, Qt.Key.Key_Right)
    canvas.click.show_clicks((Click(30, 30), Click(60, 60, inside=False)))
    assert not canvas.grab().isNull()
    assert tool.description()
