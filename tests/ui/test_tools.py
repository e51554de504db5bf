"""What a tool gets from the canvas, and how tools follow each other."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.canvas.tools.tool import Pointer, Tool


class Recorder(Tool):
    """A tool that takes everything and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def events(self) -> list[str]:
        """What it got besides the requests to paint, whose number depends on the system."""
        return [call for call in self.calls if call != "paint"]

    def press(self, pointer: Pointer) -> bool:
        self.calls.append(f"press {pointer.image[0]:.0f},{pointer.image[1]:.0f}")
        return True

    def move(self, pointer: Pointer) -> None:
        self.calls.append(f"move {pointer.image[0]:.0f},{pointer.image[1]:.0f}")

    def release(self, pointer: Pointer) -> None:
        self.calls.append("release")

    def hover(self, pointer: Pointer | None) -> None:
        self.calls.append("leave" if pointer is None else "hover")

    def key(self, event: QKeyEvent) -> bool:
        self.calls.append(f"key {event.text()}")
        return event.key() == Qt.Key.Key_B

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        return Qt.CursorShape.CrossCursor

    def paint(self, painter: QPainter) -> None:
        self.calls.append("paint")

    def description(self) -> str:
        return "Painting a mask."

    def cancel(self) -> None:
        self.calls.append("cancel")
        self.finished.emit()


class OneTool(Canvas):
    """A canvas with one more tool."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder()
        self._tools.add(self.recorder)


@pytest.fixture
def canvas(qtbot: QtBot, pyramid) -> OneTool:
    """A canvas that shows a photo at 100 %, its corner in the corner."""
    canvas = OneTool()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.show()
    canvas.show_version(pyramid(np.zeros((300, 400, 3), np.uint8))[0], None)
    canvas.view.zoom_to(1.0)
    return canvas


def drag(canvas: Canvas, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    QTest.mousePress(canvas, button, pos=QPoint(100, 80))
    QTest.mouseMove(canvas, QPoint(150, 90))
    QTest.mouseRelease(canvas, button, pos=QPoint(150, 90))


def test_a_tool_gets_pointer_and_keys_only_while_it_is_active(canvas: OneTool):
    drag(canvas)
    assert canvas.recorder.calls == []
    canvas.recorder.started.emit()
    drag(canvas)
    assert canvas.recorder.events() == ["press 100,80", "move 150,90", "release"]
    assert canvas.cursor().shape() == Qt.CursorShape.CrossCursor
    assert canvas.accessibleDescription().endswith("Painting a mask.")
    QTest.mouseMove(canvas, QPoint(20, 20))
    QTest.keyClick(canvas, Qt.Key.Key_B)
    assert canvas.recorder.events()[3:] == ["hover", "key b"]
    canvas.recorder.calls.clear()
    canvas.grab()
    assert canvas.recorder.calls == ["paint"]
    canvas.recorder.finished.emit()
    drag(canvas)
    canvas.grab()
    assert canvas.recorder.calls == ["paint"]


def test_space_and_the_middle_button_pan_whatever_tool_is_active(canvas: OneTool):
    canvas.view.zoom_to(2.0)
    canvas.recorder.started.emit()
    before = canvas.view.visible()
    drag(canvas, Qt.MouseButton.MiddleButton)
    assert (canvas.view.visible().x, canvas.view.visible().y) == (before.x - 25, before.y - 5)
    QTest.keyPress(canvas, Qt.Key.Key_Space)
    assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    drag(canvas)
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert (canvas.view.visible().x, canvas.view.visible().y) == (before.x - 50, before.y - 10)
    assert [call for call in canvas.recorder.calls if call.startswith("press")] == []


def test_a_key_that_a_tool_does_not_use_goes_on_to_the_next(canvas: OneTool):
    canvas.view.zoom_to(2.0)
    canvas.recorder.started.emit()
    before = canvas.view.visible()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.view.visible().x == before.x + 32


def test_one_tool_cancels_the_other(canvas: OneTool):
    canvas.recorder.started.emit()
    canvas.crop.start()
    assert canvas.recorder.calls[-1] == "cancel"
    canvas.straighten.set_degrees(3.0)
    assert canvas.crop.bounds is None
    assert canvas.view.is_locked
    canvas.crop.start()
    assert not canvas.view.is_locked


def test_a_photo_of_another_size_cancels_the_tool(canvas: OneTool, pyramid):
    canvas.recorder.started.emit()
    canvas.show_version(pyramid(np.zeros((200, 200, 3), np.uint8), "w")[0], None)
    assert canvas.recorder.calls[-1] == "cancel"


def test_only_an_exclusive_tool_hides_the_comparison(canvas: OneTool, pyramid):
    canvas.show_compared((pyramid(np.zeros((300, 400, 3), np.uint8), "other")[0],))
    canvas.comparison.set_mode("split")
    canvas.recorder.started.emit()
    assert canvas.comparison.shows_split
    canvas.crop.start()
    assert not canvas.comparison.shows_split
    canvas.crop.cancel()
    assert canvas.comparison.shows_split


def test_the_tool_is_notified_when_the_pointer_leaves(canvas: OneTool):
    canvas.recorder.started.emit()
    canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert canvas.recorder.events() == ["leave"]
