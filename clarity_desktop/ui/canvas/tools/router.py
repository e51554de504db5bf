"""Passes the events of a canvas to its tools."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter

from clarity_desktop.ui.canvas.compare import Comparison
from clarity_desktop.ui.canvas.tools.pan import PanTool
from clarity_desktop.ui.canvas.tools.split import SplitTool
from clarity_desktop.ui.canvas.tools.tool import Pointer, Tool, has_plain_modifiers
from clarity_desktop.ui.canvas.view import Viewport


class ToolRouter(QObject):
    """The active tool, if there is one, the split line and panning, in this order."""

    changed = Signal()  # another tool is active, or the active one looks different

    def __init__(self, view: Viewport, comparison: Comparison, split: SplitTool, pan: PanTool) -> None:
        super().__init__()
        self.active: Tool | None = None
        self._view = view
        self._comparison = comparison
        self._split = split
        self._pan = pan
        self._dragging: Tool | None = None
        self._pointer: Pointer | None = None
        self._space = False

    def add(self, tool: Tool) -> None:
        """Let a tool become the active one."""
        tool.started.connect(lambda: self._activate(tool))
        tool.finished.connect(lambda: self._deactivate(tool))
        tool.changed.connect(self.changed)

    def cancel(self) -> None:
        """Cancel the active tool."""
        if self.active is not None:
            self.active.cancel()

    def release_keys(self) -> None:
        """Forget held keys: the focus is elsewhere, so their release will not be received."""
        self._space = False

    # Pointer

    def press(self, pointer: Pointer) -> bool:
        """Handle a button press. Returns whether it was used."""
        self._pointer = pointer
        left, middle = pointer.button == Qt.MouseButton.LeftButton, pointer.button == Qt.MouseButton.MiddleButton
        wants_right = self.active is not None and self.active.uses_right_button
        right = wants_right and pointer.button == Qt.MouseButton.RightButton
        if self._view.photo_size is None or not (left or middle or right) or self._dragging is not None:
            return False
        # Panning works even while a tool is active.
        if middle or self._space:
            self._dragging = self._pan
            self._pan.grab(pointer)
            return True
        tools = self._tools()[:1] if right else self._tools()
        self._dragging = next((tool for tool in tools if tool.press(pointer)), None)
        if self._dragging is self._pan and self.active is not None:
            self._pan.grab(pointer)  # outside of the active tool a click has no meaning
        return self._dragging is not None

    def move(self, pointer: Pointer) -> None:
        """Handle a move of the pointer, with or without a button."""
        self._pointer = pointer
        if self._dragging is not None:
            self._dragging.move(pointer)
        elif self.active is not None:
            self.active.hover(pointer)

    def release(self, pointer: Pointer) -> None:
        """Handle a button release."""
        self._pointer = pointer
        dragging, self._dragging = self._dragging, None
        if dragging is not None:
            dragging.release(pointer)

    def leave(self) -> None:
        """Handle the pointer leaving the canvas."""
        self._pointer = None
        if self.active is not None:
            self.active.hover(None)

    def double_click(self, pointer: Pointer) -> None:
        """A button was double-clicked; without a tool that uses it, a double-click beside the photo fits it."""
        used = any(tool.double_click(pointer) for tool in self._tools())
        if not used and self._view.image_pixel(pointer.position) is None:
            self._view.fit()

    def cursor(self) -> Qt.CursorShape:
        """The shape of the pointer where it is."""
        tools = self._tools() if self._dragging is None else (self._dragging,)
        if self._space and self._dragging is None:
            return Qt.CursorShape.OpenHandCursor
        if self._pointer is None:
            return Qt.CursorShape.ArrowCursor
        shapes = (tool.cursor(self._pointer) for tool in tools)
        return next((shape for shape in shapes if shape is not None), Qt.CursorShape.ArrowCursor)

    # Keys

    def uses_key(self, event: QKeyEvent) -> bool:
        """Whether the canvas uses this key now, instead of a shortcut of the window."""
        is_space = event.key() == Qt.Key.Key_Space and has_plain_modifiers(event)
        return is_space or any(tool.uses_key(event) for tool in self._tools())

    def key(self, event: QKeyEvent) -> bool:
        """Handle a key press. Returns whether it was used."""
        if event.key() == Qt.Key.Key_Space:
            self._space = True
            return True
        return any(tool.key(event) for tool in self._tools())

    def key_release(self, event: QKeyEvent) -> bool:
        """Handle a key release. Returns whether it was used."""
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            return False
        self._space = False
        return True

    # Painting

    def paint(self, painter: QPainter) -> None:
        """Paint the line and the active tool over the photo."""
        for tool in reversed(self._tools()):
            tool.paint(painter)

    def description(self) -> str:
        """What the active tool adds to the accessible description."""
        return "" if self.active is None else self.active.description()

    def _tools(self) -> tuple[Tool, ...]:
        return (self._split, self._pan) if self.active is None else (self.active, self._split, self._pan)

    def _activate(self, tool: Tool) -> None:
        previous, self.active = self.active, tool
        if previous is not None and previous is not tool:
            previous.cancel()
        self._comparison.suspend(tool.exclusive)
        self.changed.emit()

    def _deactivate(self, tool: Tool) -> None:
        if self._dragging is tool:
            self._dragging = None
        if self.active is tool:
            self.active = None
            self._comparison.suspend(False)
            self.changed.emit()
