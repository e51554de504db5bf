"""The canvas: what it paints, which tiles it asks for, and which signals it emits."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QImage,
    QInputDevice,
    QKeyEvent,
    QNativeGestureEvent,
    QPainter,
    QPointingDevice,
    QRegion,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import Bounds, Pixels, VersionId

SIZE = (640, 480)


class Store:
    """Stands for the backend: remembers what was wanted and delivers on request."""

    def __init__(self, canvas: Canvas, tiles: dict[bytes, Pixels]) -> None:
        self.canvas, self.tiles, self.asked = canvas, tiles, []
        canvas.tiles_wanted.connect(self.asked.append)

    def deliver(self) -> None:
        """Give what is wanted until nothing more is."""
        for _ in range(50):
            paint(self.canvas)
            wait(self.canvas)
            if not self.asked:
                return
            hashes = tuple(h for asked in self.asked for h in asked)
            self.asked.clear()
            self.canvas.add_tiles(tuple((h, self.tiles[h]) for h in hashes))
            wait(self.canvas)
        raise AssertionError("the canvas wants tiles without end")


class OnScreen(Canvas):
    """A canvas that may be on a screen of another device pixel ratio."""

    ratio = 1.0

    def devicePixelRatioF(self) -> float:
        return self.ratio


@pytest.fixture
def canvas(qtbot) -> OnScreen:
    canvas = OnScreen()
    qtbot.addWidget(canvas)
    canvas.resize(*SIZE)
    canvas.show()
    qtbot.waitExposed(canvas)
    return canvas


@cache
def scene() -> Pixels:
    """2000 × 1500 pixels of noise, in which no two places look alike."""
    return np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)


@pytest.fixture
def shown(canvas: Canvas, pyramid) -> Store:
    """A canvas that shows the scene, its tiles delivered."""
    manifest, tiles = pyramid(scene(), "a")
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    store.deliver()
    return store


def paint(canvas: Canvas, ratio: float = 1.0, at: QPointF | None = None) -> QImage:
    """What the canvas looks like on a screen of that ratio, its corner at a point of the window."""
    image = QImage(round(canvas.width() * ratio) + 8, round(canvas.height() * ratio) + 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.magenta)
    image.setDevicePixelRatio(ratio)
    painter = QPainter(image)
    canvas.render(painter, (at or QPointF()).toPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    painter.end()
    return image


def wait(canvas: Canvas) -> None:
    from PySide6.QtCore import QCoreApplication

    for _ in range(1000):
        QCoreApplication.processEvents()
        if canvas._tiles.is_idle:
            return


def to_rgb(image: QImage) -> np.ndarray:
    """H×W×3 of a 32-bit image."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4)[..., 2::-1].astype(int)


def photo_at(canvas: Canvas, pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """What is painted at 100 %, and the photo's pixels that belong there."""
    part = canvas.view.visible()
    return to_rgb(paint(canvas))[: part.height, : part.width], pixels[part.slices()].astype(int)


def press(canvas: Canvas, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    canvas.keyPressEvent(QKeyEvent(QEvent.Type.KeyPress, key, modifiers))


def wheel(canvas: Canvas, at: QPointF, steps: float) -> None:
    angle = QPoint(0, round(120 * steps))
    none, phase = Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    where = canvas.mapToGlobal(at)
    canvas.wheelEvent(QWheelEvent(at, where, QPoint(), angle, Qt.MouseButton.NoButton, none, phase, False))


# Tiles


def test_visible_tiles_are_wanted_from_the_middle_outwards(canvas: Canvas, pyramid, photo):
    manifest, tiles = pyramid(scene())
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    paint(canvas)
    wait(canvas)
    level = manifest.levels[1]  # fitted at 0.31: the half is the coarsest that is not enlarged
    assert set(store.asked[0]) == set(level.tiles)
    distances = [
        abs(c[0] - 500) + abs(c[1] - 375) for c in (level.bounds(level.tiles.index(h)).center for h in store.asked[0])
    ]
    assert distances[0] == min(distances)
    assert distances[-1] == max(distances)


def test_a_tile_is_wanted_once_until_the_window_asks_again(canvas: Canvas, pyramid, photo):
    manifest, tiles = pyramid(photo(700, 500))
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    paint(canvas)
    wait(canvas)
    paint(canvas)
    wait(canvas)
    assert len(store.asked) == 1
    canvas.request_again()
    paint(canvas)
    wait(canvas)
    assert store.asked[1] == store.asked[0]


def test_going_back_to_a_version_wants_only_what_is_not_cached(shown: Store, pyramid, photo):
    changed = scene().copy()
    changed[600:700, 900:1000] = 0
    manifest, tiles = pyramid(changed, "b")
    shown.tiles |= tiles
    shown.canvas.show_version(manifest, None)
    paint(shown.canvas)
    wait(shown.canvas)
    assert len(shown.asked) == 1
    assert 0 < len(shown.asked[0]) <= 4
    assert set(shown.asked[0]) <= set(manifest.levels[1].tiles)


def test_what_is_around_is_wanted_when_all_that_is_visible_has_come(canvas: Canvas, pyramid, photo):
    manifest, tiles = pyramid(np.tile(scene(), (2, 1, 1)))
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    canvas.view.zoom_to(1.0)
    paint(canvas)
    wait(canvas)
    visible = set(store.asked[0])
    store.deliver()
    before = len(store.asked)
    canvas.view.pan(-200, 0)  # less than a tile: it is loaded already
    paint(canvas)
    wait(canvas)
    assert len(visible) < 20
    assert before == 0
    assert not any(visible & set(asked) for asked in store.asked)


def test_the_cache_keeps_to_its_budget(qapp, photo):
    cache = ScreenTileCache(budget=2_000_000)
    for k in range(20):
        cache.start_frame()
        cache.add(bytes([k]), None, photo(256, 256))
    assert cache.size <= 2_000_000
    assert not cache.has(b"\x00", None)
    assert cache.has(bytes([19]), None)


def test_the_cache_keeps_what_is_on_the_screen_whatever_its_budget(qapp, photo):
    cache = ScreenTileCache(budget=100_000)
    cache.start_frame()
    for k in range(6):
        cache.add(bytes([k]), None, photo(256, 256))
    assert all(cache.has(bytes([k]), None) for k in range(6))


def test_a_huge_photo_in_a_tiny_cache_comes_to_rest(qtbot, pyramid, photo):
    canvas = Canvas(ScreenTileCache(budget=1_000))
    qtbot.addWidget(canvas)
    canvas.resize(*SIZE)
    manifest, tiles = pyramid(scene())
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    canvas.view.zoom_to(1.0)
    store.deliver()
    painted, photo_there = photo_at(canvas, scene())
    assert np.array_equal(painted, photo_there)


# Painting


def test_at_100_percent_a_photo_pixel_is_a_device_pixel(shown: Store, photo):
    shown.canvas.view.zoom_to(1.0)
    shown.deliver()
    painted, pixels = photo_at(shown.canvas, scene())
    assert painted.shape == (480, 640, 3)
    assert np.array_equal(painted, pixels)


@pytest.mark.parametrize("ratio", [1.25, 1.5, 2.0])
def test_at_100_percent_it_is_exact_on_any_screen(shown: Store, photo, ratio: float):
    canvas = shown.canvas
    canvas.ratio = ratio
    canvas.view.zoom_to(1.0)
    for corner in (QPointF(0, 0), QPointF(3, 1)):  # 3 × 1.25 is not a whole device pixel
        for _ in range(3):
            paint(canvas, ratio, corner)
            shown.deliver()
        image = to_rgb(paint(canvas, ratio, corner))
        x, y = round(corner.x() * ratio), round(corner.y() * ratio)
        part = canvas.view.visible()
        pixels = scene()[part.slices()]
        inner = image[y + 2 : y + 400, x + 2 : x + 500]
        assert np.array_equal(inner, pixels[2:400, 2:500])


def test_above_200_percent_pixels_are_squares(shown: Store, photo):
    shown.canvas.view.zoom_to(8.0)
    shown.deliver()
    image, part = to_rgb(paint(shown.canvas))[:480, :640], shown.canvas.view.visible()
    expected = scene()[part.slices()].repeat(8, 0).repeat(8, 1)
    assert np.array_equal(image, expected[:480, :640])


def test_zoomed_out_the_photo_has_no_seams(canvas: Canvas, pyramid):
    manifest, tiles = pyramid(np.full((1500, 2000, 3), (90, 140, 200), np.uint8))
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    for scale in (0.29, 0.4123, 0.77, 1.37):
        canvas.view.zoom_to(scale)
        store.deliver()
        image = to_rgb(paint(canvas))[100:380, 100:540]
        assert (image == (90, 140, 200)).all(), scale


@pytest.mark.parametrize("scale", [0.37, 1.0, 1.7, 5.0])
@pytest.mark.parametrize("mode", ["single", "split", "side"])
def test_panning_shows_just_what_painting_everything_would_show(pair: Store, pyramid, scale: float, mode):
    canvas = pair.canvas
    first, second = pyramid(scene(), "c"), pyramid(255 - scene(), "d")
    pair.tiles |= first[1] | second[1]
    canvas.show_version(first[0], None)
    canvas.show_compared((second[0],))
    canvas.comparison.set_mode(mode)
    canvas.view.zoom_to(scale)
    pair.deliver()
    for dx, dy in ((-37, 11), (300, -70), (-5, -90)):
        canvas.view.pan(dx, dy)
        canvas.comparison.set_split(canvas.comparison.split * 0.9)
        pair.deliver()
    canvas.paint_tile(Bounds(900, 600, 300, 300), np.full((300, 300, 3), 99, np.uint8))
    wait(canvas)
    canvas.view.pan(8, 9)
    pair.deliver()
    shifted = to_rgb(paint(canvas))
    canvas._renderer.clear()
    assert np.abs(shifted - to_rgb(paint(canvas))).max() <= 1


def test_the_preview_is_painted_before_there_are_tiles_and_until_they_come(canvas: Canvas, pyramid):
    flat = np.full((1500, 2000, 3), (10, 200, 30), np.uint8)
    canvas.show_preview(2000, 1500, flat[:300, :400], None)
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (10, 200, 30)
    manifest, tiles = pyramid(flat // 2)
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (10, 200, 30)
    store.deliver()
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (5, 100, 15)


def test_until_a_versions_tiles_come_the_one_before_is_shown(shown: Store, pyramid):
    before = to_rgb(paint(shown.canvas))
    manifest, tiles = pyramid(np.full((1500, 2000, 3), 77, np.uint8), "b")
    shown.tiles |= tiles
    shown.canvas.show_version(manifest, None)
    assert np.array_equal(to_rgb(paint(shown.canvas)), before)
    shown.deliver()
    assert tuple(to_rgb(paint(shown.canvas))[240, 320]) == (77, 77, 77)


def test_finished_parts_of_a_restoration_are_painted_over_the_version(shown: Store):
    canvas = shown.canvas
    before = to_rgb(paint(canvas))
    canvas.paint_tile(Bounds(800, 600, 700, 600), np.full((600, 700, 3), 250, np.uint8))
    wait(canvas)
    x, y = canvas.view.widget_point(1000, 800).toTuple()
    assert tuple(to_rgb(paint(canvas))[round(y), round(x)]) == (250, 250, 250)
    assert np.array_equal(to_rgb(paint(canvas))[:100], before[:100])
    canvas.clear_painted()
    assert np.array_equal(to_rgb(paint(canvas)), before)


def test_the_result_follows_its_finished_parts_without_a_flash(shown: Store, pyramid):
    canvas = shown.canvas
    canvas.paint_tile(Bounds(0, 0, 2000, 1500), np.full((1500, 2000, 3), 250, np.uint8))
    wait(canvas)
    manifest, tiles = pyramid(np.full((1500, 2000, 3), 250, np.uint8), "b")
    shown.tiles |= tiles
    canvas.show_version(manifest, None)
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (250, 250, 250)
    shown.deliver()
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (250, 250, 250)


def test_a_part_that_arrives_late_is_not_painted_over_the_next_version(shown: Store, pyramid):
    canvas = shown.canvas
    canvas.paint_tile(Bounds(0, 0, 2000, 1500), np.full((1500, 2000, 3), 250, np.uint8))
    manifest, tiles = pyramid(np.full((1500, 2000, 3), 20, np.uint8), "b")
    shown.tiles |= tiles
    canvas.show_version(manifest, None)
    shown.deliver()
    assert tuple(to_rgb(paint(canvas))[240, 320]) == (20, 20, 20)


def test_a_wide_profile_is_shown_in_srgb(canvas: Canvas, pyramid):
    from PySide6.QtGui import QColorSpace

    icc = bytes(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3).iccProfile().data())
    flat = np.full((300, 300, 3), (128, 64, 64), np.uint8)
    manifest, tiles = pyramid(flat)
    store = Store(canvas, tiles)
    canvas.show_version(manifest, icc)
    store.deliver()
    expected = to_image(flat[:1, :1], icc).pixelColor(0, 0)
    assert tuple(to_rgb(paint(canvas))[240, 320]) == expected.getRgb()[:3] != (128, 64, 64)


# Values


@pytest.mark.parametrize("depth", [8, 16])
def test_the_value_under_the_pointer_is_the_photos_own(canvas: Canvas, pyramid, photo, depth: int):
    pixels = photo(600, 400, depth)
    manifest, tiles = pyramid(pixels)
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    assert canvas.layers.main.value(300, 200) is None
    store.deliver()
    canvas.view.zoom_to(1.0)
    store.deliver()
    assert canvas.layers.main.value(300, 200) == tuple(pixels[200, 300])
    assert canvas.layers.main.value(600, 200) is None


def test_zoomed_out_the_value_is_that_of_the_level_shown(canvas: Canvas, pyramid):
    manifest, tiles = pyramid(np.full((1500, 2500, 3), (1, 2, 3), np.uint8))
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    store.deliver()
    assert canvas.layers.main.value(2499, 1499) == (1, 2, 3)


# Zoom and pan


def test_zoom_and_pan_stay_for_a_version_of_the_same_size_and_fit_for_another(shown: Store, pyramid, photo):
    canvas = shown.canvas
    canvas.view.zoom_to(1.5)
    canvas.view.pan(-100, -50)
    part = canvas.view.visible()
    canvas.show_version(pyramid(scene() // 2, "b")[0], None)
    assert canvas.view.visible() == part
    canvas.show_version(pyramid(photo(900, 1500), "c")[0], None)
    assert canvas.view.visible() == Bounds(0, 0, 900, 1500)


def test_a_fitted_photo_stays_fitted_when_the_window_grows(shown: Store, qtbot):
    scale = shown.canvas.view.scale
    shown.canvas.resize(960, 720)
    assert shown.canvas.view.scale > scale
    assert shown.canvas.view.visible() == Bounds(0, 0, 2000, 1500)


def test_the_wheel_zooms_at_the_pointer(shown: Store, qtbot):
    canvas, at = shown.canvas, QPointF(200, 300)
    before = canvas.view.image_point(at)
    with qtbot.waitSignal(canvas.zoom_changed):
        wheel(canvas, at, 3)
    assert canvas.view.scale == pytest.approx(620 / 2000 * 2) or canvas.view.scale > 0.5
    assert canvas.view.image_point(at) == pytest.approx(before, abs=2)


def test_the_wheel_stops_at_exactly_100_percent(shown: Store):
    shown.canvas.view.zoom_to(0.95)
    wheel(shown.canvas, QPointF(200, 200), 1)
    assert shown.canvas.view.scale == 1.0


def test_a_pinch_zooms(shown: Store):
    before = shown.canvas.view.scale
    at = QPointF(100, 100)
    where = shown.canvas.mapToGlobal(at)
    kind = Qt.NativeGestureType.ZoomNativeGesture
    device = QPointingDevice.primaryPointingDevice()
    shown.canvas.event(QNativeGestureEvent(kind, device, 2, at, at, where, 0.5, QPointF()))
    assert shown.canvas.view.scale == pytest.approx(before * 1.5)


def test_two_fingers_on_a_touchpad_pan(shown: Store, monkeypatch):
    canvas = shown.canvas
    canvas.view.zoom_to(1.0)
    part = canvas.view.visible()
    monkeypatch.setattr(QWheelEvent, "device", lambda _: Pad())
    wheel(canvas, QPointF(100, 100), -0.5)
    assert canvas.view.scale == 1.0
    assert canvas.view.visible().y == part.y + 60


class Pad:
    """A touchpad."""

    @staticmethod
    def type() -> QInputDevice.DeviceType:
        return QInputDevice.DeviceType.TouchPad


def test_keys_zoom_in_steps_and_toggle_fit(shown: Store):
    canvas = shown.canvas
    fit = canvas.view.scale
    canvas.view.zoom_in()
    assert canvas.view.scale == pytest.approx(1 / 3)
    canvas.view.zoom_out()
    assert canvas.view.scale == pytest.approx(1 / 4)
    canvas.view.fit()
    canvas.view.toggle_fit()
    assert canvas.view.scale == 1.0
    canvas.view.toggle_fit()
    assert canvas.view.scale == fit


def test_zoom_has_limits(shown: Store):
    shown.canvas.view.zoom_to(1000.0)
    assert shown.canvas.view.scale == 32.0
    shown.canvas.view.zoom_to(0.0)
    assert shown.canvas.view.scale == 1 / 64


def drag(canvas: Canvas, qtbot, start: QPoint, end: QPoint, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    qtbot.mousePress(canvas, button, pos=start)
    for k in range(1, 5):
        move(canvas, start + (end - start) * k / 4, button)
    qtbot.mouseRelease(canvas, button, pos=end)


def move(canvas: Canvas, point: QPoint, button: Qt.MouseButton) -> None:
    from PySide6.QtGui import QMouseEvent

    at = QPointF(point)
    none = Qt.KeyboardModifier.NoModifier
    canvas.mouseMoveEvent(QMouseEvent(QEvent.Type.MouseMove, at, canvas.mapToGlobal(at), button, button, none))


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_dragging_pans_and_is_no_click(shown: Store, qtbot, button: Qt.MouseButton):
    canvas, clicks = shown.canvas, []
    canvas.clicked.connect(lambda x, y: clicks.append((x, y)))
    canvas.view.zoom_to(1.0)
    before = canvas.view.visible()
    drag(canvas, qtbot, QPoint(300, 200), QPoint(220, 180), button)
    assert (canvas.view.visible().x, canvas.view.visible().y) == (before.x + 80, before.y + 20)
    assert clicks == []


def test_a_click_names_the_image_pixel(shown: Store, qtbot):
    canvas = shown.canvas
    canvas.view.zoom_to(1.0)
    part = canvas.view.visible()
    with qtbot.waitSignal(canvas.clicked) as caught:
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(30, 40))
    assert caught.args == [part.x + 30, part.y + 40]


def test_hovering_names_the_image_pixel_and_leaving_says_none(shown: Store, qtbot):
    canvas, seen = shown.canvas, []
    canvas.hovered.connect(seen.append)
    canvas.view.zoom_to(1.0)
    part = canvas.view.visible()
    move(canvas, QPoint(7, 9), Qt.MouseButton.NoButton)
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert seen == [(part.x + 7, part.y + 9), None]


def test_double_click_on_the_margin_fits(shown: Store, qtbot):
    canvas = shown.canvas
    canvas.view.zoom_to(0.1)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert canvas.view.visible() == Bounds(0, 0, 2000, 1500)
    assert canvas.view.scale > 0.1


def test_space_and_drag_pans_even_while_cropping(shown: Store, qtbot):
    canvas = shown.canvas
    canvas.crop.start()
    canvas.view.zoom_to(1.0)
    before, frame = canvas.view.visible(), canvas.crop.bounds
    press(canvas, Qt.Key.Key_Space)
    drag(canvas, qtbot, QPoint(300, 200), QPoint(200, 200))
    assert canvas.view.visible().x == before.x + 100
    assert canvas.crop.bounds == frame


def test_arrows_home_and_end_pan(shown: Store):
    canvas = shown.canvas
    canvas.view.zoom_to(1.0)
    before = canvas.view.visible()
    press(canvas, Qt.Key.Key_Right)
    press(canvas, Qt.Key.Key_Down)
    assert (canvas.view.visible().x, canvas.view.visible().y) == (before.x + 64, before.y + 64)
    press(canvas, Qt.Key.Key_Home)
    assert (canvas.view.visible().x, canvas.view.visible().y) == (0, 0)
    press(canvas, Qt.Key.Key_End)
    assert (canvas.view.visible().right, canvas.view.visible().bottom) == (2000, 1500)


# Comparing


@pytest.fixture
def pair(canvas: Canvas, pyramid) -> Store:
    """A white version compared with a black one."""
    before, first = pyramid(np.zeros((1500, 2000, 3), np.uint8), "a")
    after, second = pyramid(np.full((1500, 2000, 3), 255, np.uint8), "b")
    store = Store(canvas, first | second)
    canvas.show_version(after, None)
    canvas.show_compared((before,))
    return store


def at(canvas: Canvas, x: int, y: int) -> int:
    return int(to_rgb(paint(canvas))[y, x, 0])


def test_the_split_line_divides_before_and_after(pair: Store):
    pair.canvas.comparison.set_mode("split")
    pair.canvas.comparison.set_split(0.25)
    pair.deliver()
    assert [at(pair.canvas, x, 300) for x in (100, 150, 172, 400)] == [0, 0, 255, 255]


def test_the_split_line_reaches_both_ends(pair: Store):
    canvas = pair.canvas
    canvas.comparison.set_mode("split")
    canvas.comparison.set_split(0.0)
    pair.deliver()
    assert [at(canvas, x, 300) for x in (25, 320, 610)] == [255, 255, 255]
    canvas.comparison.set_split(1.0)
    pair.deliver()
    assert [at(canvas, x, 300) for x in (25, 320, 610)] == [0, 0, 0]


def test_the_split_line_follows_mouse_and_keys(pair: Store, qtbot):
    canvas = pair.canvas
    canvas.comparison.set_mode("split")
    drag(canvas, qtbot, QPoint(320, 100), QPoint(480, 100))
    assert canvas.comparison.split == pytest.approx(0.75)
    press(canvas, Qt.Key.Key_Left)
    assert canvas.comparison.split == pytest.approx(0.73)
    press(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.comparison.split == pytest.approx(0.732)
    for _ in range(60):
        press(canvas, Qt.Key.Key_Right)
    assert canvas.comparison.split == 1.0


def test_side_by_side_both_show_the_same_part(pair: Store):
    canvas = pair.canvas
    canvas.comparison.set_mode("side")
    canvas.view.zoom_to(1.0)
    pair.deliver()
    assert [at(canvas, x, 300) for x in (50, 300, 340, 600)] == [0, 0, 255, 255]
    assert canvas.view.image_point(QPointF(10, 60)) == pytest.approx(canvas.view.image_point(QPointF(331, 60)))


def test_one_above_the_other(pair: Store):
    pair.canvas.comparison.set_mode("top")
    pair.canvas.view.zoom_to(1.0)
    pair.deliver()
    assert [at(pair.canvas, 320, y) for y in (100, 230, 300, 470)] == [0, 0, 255, 255]


def test_peek_shows_the_other_version_while_held(pair: Store):
    canvas = pair.canvas
    pair.deliver()
    canvas.comparison.peek(True)
    pair.deliver()
    assert at(canvas, 320, 300) == 0
    canvas.comparison.peek(False)
    assert at(canvas, 320, 300) == 255


def test_a_version_of_another_size_is_compared_in_the_same_frame(pair: Store, pyramid):
    manifest, tiles = pyramid(np.full((3000, 4000, 3), 60, np.uint8), "big")
    pair.tiles |= tiles
    pair.canvas.show_compared((manifest,))
    pair.canvas.comparison.set_mode("split")
    pair.deliver()
    assert [at(pair.canvas, x, 300) for x in (30, 310, 400)] == [60, 60, 255]


def test_without_another_version_the_mode_shows_one(shown: Store):
    alone = to_rgb(paint(shown.canvas))
    shown.canvas.comparison.set_mode("side")
    assert np.array_equal(to_rgb(paint(shown.canvas)), alone)


def test_a_mode_is_emitted_once(canvas: Canvas):
    emitted: list[str] = []
    canvas.compare_changed.connect(emitted.append)
    canvas.comparison.set_mode("split")
    canvas.comparison.set_mode("split")
    assert emitted == ["split"]


# Crop and straighten


def test_crop_is_accepted_by_enter_with_the_frame_that_was_dragged(shown: Store, qtbot):
    canvas = shown.canvas
    canvas.crop.start()
    assert canvas.crop.bounds == Bounds(0, 0, 2000, 1500)
    corner = canvas.view.widget_point(2000, 1500).toPoint()
    drag(canvas, qtbot, corner, canvas.view.widget_point(1000, 900).toPoint())
    with qtbot.waitSignal(canvas.crop_accepted) as caught:
        press(canvas, Qt.Key.Key_Return)
    frame = caught.args[0]
    assert (frame.x, frame.y) == (0, 0)
    assert frame.width == pytest.approx(1000, abs=8)
    assert frame.height == pytest.approx(900, abs=8)
    assert canvas.crop.bounds is None


def test_escape_leaves_crop_and_keeps_nothing(shown: Store, qtbot):
    canvas = shown.canvas
    canvas.crop.start(Bounds(10, 20, 300, 200))
    with qtbot.waitSignal(canvas.crop_cancelled):
        press(canvas, Qt.Key.Key_Escape)
    assert canvas.crop.bounds is None


def test_arrows_move_the_frame_and_with_shift_its_corner(shown: Store):
    canvas = shown.canvas
    canvas.crop.start(Bounds(10, 20, 300, 200))
    canvas.view.zoom_to(1.0)
    press(canvas, Qt.Key.Key_Right)
    press(canvas, Qt.Key.Key_Down)
    press(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert canvas.crop.bounds == Bounds(11, 21, 299, 200)


def test_the_frame_takes_a_ratio(shown: Store):
    canvas, emitted = shown.canvas, []
    canvas.crop_changed.connect(emitted.append)
    canvas.crop.start()
    canvas.crop.set_ratio(1.0)
    assert canvas.crop.bounds == emitted[-1] == Bounds(250, 0, 1500, 1500)


def test_keys_of_the_crop_mode_are_not_the_windows_shortcuts(shown: Store):
    def taken(key: Qt.Key) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
        event.ignore()
        shown.canvas.event(event)
        return event.isAccepted()

    assert taken(Qt.Key.Key_Left)
    assert not taken(Qt.Key.Key_Escape)
    shown.canvas.crop.start()
    assert taken(Qt.Key.Key_Escape)
    assert taken(Qt.Key.Key_Return)
    assert not taken(Qt.Key.Key_Z)


def test_another_size_ends_the_crop(shown: Store, pyramid, photo, qtbot):
    shown.canvas.crop.start()
    with qtbot.waitSignal(shown.canvas.crop_cancelled):
        shown.canvas.show_version(pyramid(photo(900, 700), "c")[0], None)


def test_straighten_turns_the_photo_clockwise_and_ends(shown: Store, pyramid):
    half = np.zeros((1500, 2000, 3), np.uint8)
    half[:, 1000:] = 255
    manifest, tiles = pyramid(half, "h")
    shown.tiles |= tiles
    canvas = shown.canvas
    canvas.show_version(manifest, None)
    shown.deliver()
    canvas.straighten.set_degrees(20.0)
    shown.deliver()
    image = to_rgb(paint(canvas))
    above, below = image[170, :640, 0], image[310, :640, 0]
    edge = [int(np.argmax(row > 200)) for row in (above, below)]
    assert edge[0] > 335  # clockwise: the upright edge leans to the right above the middle
    assert 100 < edge[1] < 305
    canvas.straighten.cancel()
    image = to_rgb(paint(canvas))
    assert abs(int(np.argmax(image[120, 40:600, 0] > 200)) + 40 - 320) <= 1


# Accessibility, focus and drops


def test_an_empty_canvas_invites_and_shows_the_windows_buttons(canvas: Canvas, pyramid, photo):
    button = QPushButton("Open a sample")
    canvas.invitation.set_buttons(button)
    assert button.isVisible()
    assert "Drop a photo" in canvas.accessibleDescription()
    assert len(np.unique(to_rgb(paint(canvas))[:480, :640].reshape(-1, 3), axis=0)) > 5
    canvas.show_version(pyramid(photo(300, 200))[0], None)
    assert not button.isVisible()
    canvas.clear()
    assert button.isVisible()


def test_the_description_says_photo_size_zoom_and_comparison(pair: Store):
    canvas = pair.canvas
    assert canvas.accessibleName() == "Photo"
    canvas.set_title("harbour.jpg")
    canvas.comparison.set_labels({VersionId("a"): "Original", VersionId("b"): "Derain"})
    canvas.view.zoom_to(0.5)
    canvas.comparison.set_mode("split")
    canvas.comparison.set_split(0.3)
    assert canvas.accessibleDescription() == (
        "harbour.jpg, 2000 × 1500 pixels, shown at 50%. Original and Derain, split at 30%."
    )
    canvas.crop.start(Bounds(1, 2, 30, 40))
    assert canvas.accessibleDescription().endswith("Crop frame 30 × 40 at 1, 2.")


def test_the_focus_ring_shows_for_the_keyboard_and_not_for_the_mouse(shown: Store):
    canvas = shown.canvas
    plain = to_rgb(paint(canvas))
    canvas.focusInEvent(QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.MouseFocusReason))
    assert np.array_equal(to_rgb(paint(canvas)), plain)
    canvas.focusInEvent(QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))
    assert not np.array_equal(to_rgb(paint(canvas))[0], plain[0])


def dropped(canvas: Canvas, mime: QMimeData) -> None:
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), copy, mime, left, none)
    QApplication.sendEvent(canvas, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(canvas, QDropEvent(QPointF(50, 50), copy, mime, left, none))


def test_dropped_files_are_emitted(canvas: Canvas, qtbot, tmp_path: Path):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a b.jpg")), QUrl.fromLocalFile(str(tmp_path))])
    with qtbot.waitSignal(canvas.files_dropped) as caught:
        dropped(canvas, mime)
    assert caught.args == [(tmp_path / "a b.jpg", tmp_path)]


def test_a_bitmap_from_a_browser_is_emitted_as_a_picture(canvas: Canvas, qtbot, photo):
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/a.png")])
    mime.setImageData(to_image(photo(20, 10)))
    with qtbot.waitSignal(canvas.image_dropped) as caught:
        dropped(canvas, mime)
    assert (caught.args[0].width(), caught.args[0].height()) == (20, 10)


def test_text_is_not_taken(canvas: Canvas):
    mime = QMimeData()
    mime.setText("remove the rain")
    event = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    event.ignore()
    QApplication.sendEvent(canvas, event)
    assert not event.isAccepted()


def test_two_photos_share_a_cache(qtbot, pyramid, photo):
    cache = ScreenTileCache()
    manifest, tiles = pyramid(photo(300, 200))
    first, second = Canvas(cache), Canvas(cache)
    for canvas in (first, second):
        qtbot.addWidget(canvas)
        canvas.resize(*SIZE)
    store = Store(first, tiles)
    first.show_version(manifest, None)
    store.deliver()
    wanted: list[object] = []
    second.tiles_wanted.connect(wanted.append)
    second.show_version(manifest, None)
    paint(second)
    wait(second)
    assert wanted == []


# Transparency


def half_transparent() -> Pixels:
    """2000 × 1500 blue pixels, the left half fully transparent, where they are red."""
    pixels = np.zeros((1500, 2000, 4), np.uint8)
    pixels[:, :1000] = (255, 0, 0, 0)
    pixels[:, 1000:] = (0, 0, 200, 255)
    return pixels


def grays(image: np.ndarray) -> set[int]:
    """The levels of an image that is all gray."""
    assert (image == image[..., :1]).all(), "a hidden color shows"
    return set(np.unique(image).tolist())


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("scale", [None, 1.0, 2.5])
def test_transparency_shows_a_checkerboard_and_no_hidden_color(canvas: OnScreen, pyramid, ratio, scale):
    canvas.ratio = ratio
    manifest, tiles = pyramid(half_transparent(), "a")
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    canvas.view.fit() if scale is None else canvas.view.zoom_to(scale)
    store.deliver()
    place = canvas.view.place(Bounds(0, 0, *(round(side * ratio) for side in SIZE)))
    edge = round(place.x + place.width / 2)
    image = to_rgb(paint(canvas, ratio))[60 : round(400 * ratio)]
    hidden = image[:, max(place.x + 2, 0) : edge - 4]
    assert len(grays(hidden)) == 2, "two grays in squares"
    assert (image[:, edge + 4 : edge + 20] == (0, 0, 200)).all()


def test_the_checkerboard_moves_with_the_photo(canvas: Canvas, pyramid):
    manifest, tiles = pyramid(half_transparent(), "a")
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    canvas.view.zoom_to(1.0)
    store.deliver()
    before = to_rgb(paint(canvas))
    canvas.view.pan(7, 5)
    store.deliver()
    assert np.array_equal(to_rgb(paint(canvas))[105:305, 107:307], before[100:300, 100:300])


def test_an_older_version_does_not_show_through_a_transparent_one(canvas: Canvas, pyramid):
    solid = half_transparent()
    solid[..., 3] = 255
    (first, old), (second, new) = pyramid(solid, "a"), pyramid(half_transparent(), "b")
    store = Store(canvas, old | new)
    canvas.show_version(first, None)
    store.deliver()
    canvas.show_version(second, None)
    store.deliver()
    image = to_rgb(paint(canvas))
    assert len(grays(image[200:280, 60:300])) == 2


def test_a_preview_and_finished_parts_are_transparent_too(canvas: Canvas, pyramid):
    canvas.show_preview(2000, 1500, half_transparent()[::4, ::4], None)
    assert len(grays(to_rgb(paint(canvas))[200:280, 60:300])) == 2
    solid = half_transparent()
    solid[..., 3] = 255
    manifest, tiles = pyramid(solid, "a")
    store = Store(canvas, tiles)
    canvas.show_version(manifest, None)
    store.deliver()
    canvas.paint_tile(Bounds(0, 0, 1000, 1500), half_transparent()[:, :1000])
    wait(canvas)
    assert len(grays(to_rgb(paint(canvas))[200:280, 60:300])) == 2
