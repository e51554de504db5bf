"""The base class of canvas tools."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter

REACH = 8.0
"""Logical pixels: how near the pointer takes hold of a line or a corner."""
ARROWS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
}  # fmt: skip
"""Arrow keys and the direction in which they point."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the pointer is: in logical pixels of the canvas, and as the image point under it, perhaps off the photo."""

    position: QPointF
    image: tuple[float, float]
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier


class Tool(QObject):
    """A tool of the canvas: each subclass has its own file and overrides what it needs.

    The router gives each event to the active tool first, then to the split line, then to panning; the first that
    answers True (a shape, for `cursor`) has it. Space and the middle button always pan. A tool gets what it works
    with (the viewport, …) when it is made, keeps its own state, and reports its result by signals of its own.

    A tool becomes the active one by emitting `started` and stops being it by emitting `finished`. Another tool that
    starts, and a photo of another size, `cancel` it.
    """

    started = Signal()
    finished = Signal()
    changed = Signal()  # what `paint` or `description` show has changed

    exclusive = False
    """The open version is shown alone while the tool is active, whatever is compared."""
    paints_photo = False
    """`paint` draws the photo, too, on an empty canvas."""
    uses_right_button = False
    """The right button presses the tool, too."""

    def press(self, pointer: Pointer) -> bool:
        """The left button went down. True: the tool takes the drag and gets `move` and `release`."""
        del pointer
        return False

    def move(self, pointer: Pointer) -> None:
        """The pointer moved during the tool's drag."""

    def release(self, pointer: Pointer) -> None:
        """The tool's drag ended."""

    def double_click(self, pointer: Pointer) -> bool:
        """The left button was double-clicked. True: the tool has used it."""
        del pointer
        return False

    def hover(self, pointer: Pointer | None) -> None:
        """The pointer moved without a drag while the tool is active; None: it left the canvas."""

    def uses_key(self, event: QKeyEvent) -> bool:
        """Whether `key` uses this key now; then it is not a shortcut of the window."""
        del event
        return False

    def key(self, event: QKeyEvent) -> bool:
        """A key went down. True: the tool has used it."""
        del event
        return False

    def cursor(self, pointer: Pointer) -> Qt.CursorShape | None:
        """The shape of the pointer at a position; None: not set by this tool."""
        del pointer
        return None

    def paint(self, painter: QPainter) -> None:
        """Paint over the photo in logical pixels of the canvas, antialiased."""

    def description(self) -> str:
        """A sentence for the canvas's accessible description; empty: nothing to say."""
        return ""

    def cancel(self) -> None:
        """Stop without a result and emit `finished`; nothing happens if the tool is not active."""


def has_plain_modifiers(event: QKeyEvent) -> bool:
    """Whether a key is pressed alone or with Shift; other combinations are shortcuts."""
    plain = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
    return not event.modifiers() & ~plain
