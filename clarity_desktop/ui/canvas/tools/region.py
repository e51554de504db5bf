"""The base of the tools that select: how they are combined with what is selected, and the cursor of the keyboard."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPen

from clarity_desktop.ui.canvas.tools.tool import ARROWS, Pointer, Tool, has_plain_modifiers
from clarity_desktop.ui.canvas.view import Viewport

How = Literal["add", "subtract", "intersect", "replace"]
"""How a new mask joins the selection; as in `values.Combine`."""
STEP = 16.0
"""Logical pixels that an arrow key moves the cursor of the keyboard; one device pixel with Shift."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
CROSS = 9.0
"""Logical pixels from the middle of the keyboard's cursor to its ends."""


class RegionTool(Tool):
    """Active from `start` until `cancel`. Arrows move a cursor; Enter presses and releases there as the mouse does.

    Shift adds to the selection, Alt subtracts from it, both intersect; without them `mode` says what happens.
    """

    escaped = Signal()  # Esc: what it ends is decided elsewhere

    drags = True
    """From the keyboard, Enter starts a drag and a second Enter ends it; else one Enter is a click."""

    def __init__(self, view: Viewport) -> None:
        super().__init__()
        self.mode: How = "replace"
        self.is_active = False
        self._view = view
        self._cursor: tuple[float, float] | None = None  # image point, while the keyboard is used
        self._pressed: Qt.KeyboardModifier | None = None  # Enter started a drag

    def start(self) -> None:
        """Become the active tool."""
        if self._view.photo_size is not None and not self.is_active:
            self.is_active = True
            self.started.emit()

    def cancel(self) -> None:
        if self.is_active:
            self.is_active = False
            self._cursor = self._pressed = None
            self.abandon()
            self.finished.emit()

    def abandon(self) -> None:
        """Forget a drag that has not ended."""

    def how(self, modifiers: Qt.KeyboardModifier) -> How:
        """How the mask that a gesture makes joins the selection."""
        adds, subtracts = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
        if modifiers & adds and modifiers & subtracts:
            return "intersect"
        if modifiers & adds:
            return "add"
        return "subtract" if modifiers & subtracts else self.mode

    def hover(self, pointer: Pointer | None) -> None:
        if pointer is not None and self._cursor is not None and self._pressed is None:
            self._cursor = None  # the mouse is used again
            self.changed.emit()

    def uses_key(self, event: QKeyEvent) -> bool:
        is_enter = event.key() in ENTER and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        return is_enter or (event.key() == Qt.Key.Key_Escape and not event.modifiers())

    def key(self, event: QKeyEvent) -> bool:
        arrow = ARROWS.get(Qt.Key(event.key()))
        if event.key() == Qt.Key.Key_Escape:
            self._escape()
        elif event.key() in ENTER:
            self._press_key(event.modifiers())
        elif arrow is not None and has_plain_modifiers(event):
            self._move_cursor(arrow, fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            return False
        return True

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        return None if self._view.image_pixel(pointer.position) is None else Qt.CursorShape.CrossCursor

    def paint(self, painter: QPainter) -> None:
        """The cursor of the keyboard."""
        if self._cursor is None:
            return
        at = self._view.widget_point(*self._cursor)
        for color, width in ((QColor("black"), 4.0), (QColor("white"), 1.5)):
            painter.setPen(QPen(color, width))
            painter.drawLine(at - QPointF(CROSS, 0), at + QPointF(CROSS, 0))
            painter.drawLine(at - QPointF(0, CROSS), at + QPointF(0, CROSS))

    def cursor_text(self) -> str:
        """Where the cursor of the keyboard is, as a sentence; empty while the mouse is used."""
        if self._cursor is None:
            return ""
        return self.tr("The cursor is at {x}, {y}.").format(x=int(self._cursor[0]), y=int(self._cursor[1]))

    def _escape(self) -> None:
        if self._pressed is not None:
            self._pressed = None
            self.abandon()
            self.changed.emit()
        else:
            self.escaped.emit()

    def _move_cursor(self, arrow: tuple[int, int], *, fine: bool) -> None:
        if (size := self._view.photo_size) is None:
            return
        if self._cursor is None:
            seen = self._view.visible()
            self._cursor = seen.x + seen.width // 2 + 0.5, seen.y + seen.height // 2 + 0.5
        else:
            step = max(1.0, 1 / self._view.scale) if fine else self._view.image_length(STEP)
            x, y = self._cursor[0] + arrow[0] * step, self._cursor[1] + arrow[1] * step
            self._cursor = min(max(0.5, x), size[0] - 0.5), min(max(0.5, y), size[1] - 0.5)
            self._follow()
        if self._pressed is not None:
            self.move(self._pointer(self._pressed))
        self.changed.emit()

    def _follow(self) -> None:
        """Pan until the cursor is on the screen."""
        assert self._cursor is not None
        seen, (x, y) = self._view.visible(), self._cursor
        across = min(0.0, x - seen.x) + max(0.0, x - seen.right)
        down = min(0.0, y - seen.y) + max(0.0, y - seen.bottom)
        if across or down:
            margin = self._view.image_length(4 * STEP)
            across += margin * ((across > 0) - (across < 0))
            down += margin * ((down > 0) - (down < 0))
            self._view.pan(-across * self._view.scale, -down * self._view.scale)

    def _press_key(self, modifiers: Qt.KeyboardModifier) -> None:
        if self._cursor is None:
            self._move_cursor((0, 0), fine=True)  # shows it first: where it is must be seen before it acts
            return
        if self._pressed is not None:
            pressed, self._pressed = self._pressed, None
            self.release(self._pointer(pressed))
        elif self.press(self._pointer(modifiers)):
            if self.drags:
                self._pressed = modifiers
            else:
                self.release(self._pointer(modifiers))
        self.changed.emit()

    def _pointer(self, modifiers: Qt.KeyboardModifier) -> Pointer:
        assert self._cursor is not None
        return Pointer(self._view.widget_point(*self._cursor), self._cursor, Qt.MouseButton.LeftButton, modifiers)


def is_subtracting(pointer: Pointer) -> bool:
    """Whether a press means what must be left out: the right button, or Alt."""
    return pointer.button == Qt.MouseButton.RightButton or bool(pointer.modifiers & Qt.KeyboardModifier.AltModifier)
