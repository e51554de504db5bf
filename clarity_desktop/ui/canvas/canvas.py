"""The photo on the screen, to be looked at, cropped, straightened and dropped onto; says what was done to it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas import crop
from clarity_desktop.ui.canvas.compare import Compare
from clarity_desktop.ui.canvas.geometry import Placement, View, fitted
from clarity_desktop.ui.canvas.photo_view import PhotoView
from clarity_desktop.ui.canvas.tiles import TileCache
from clarity_desktop.ui.canvas.viewport import ARROWS, REACH, Drag
from clarity_desktop.values import Bounds

__all__ = ["Canvas", "Compare"]

CROP_MARGIN = 40.0
"""Logical pixels around the fitted photo while its frame is moved."""
CURSORS = {
    (0, 0): Qt.CursorShape.SizeAllCursor, (-1, 0): Qt.CursorShape.SizeHorCursor, (1, 0): Qt.CursorShape.SizeHorCursor,
    (0, -1): Qt.CursorShape.SizeVerCursor, (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, -1): Qt.CursorShape.SizeFDiagCursor, (1, 1): Qt.CursorShape.SizeFDiagCursor,
    (1, -1): Qt.CursorShape.SizeBDiagCursor, (-1, 1): Qt.CursorShape.SizeBDiagCursor,
}  # fmt: skip


class Canvas(PhotoView):
    """What a document's window shows in its middle. Values in by show_…, wishes out by signal.

    Keys of its own while it has the focus: arrows, Home, End and Space (pan); in split mode Left and Right move the
    line, with Shift finely; while cropping the arrows move the frame, with Shift its lower right corner, Enter accepts
    and Esc leaves.
    """

    files_dropped = Signal(object)  # tuple[Path, ...]
    image_dropped = Signal(QImage)
    crop_changed = Signal(object)  # Bounds, while in crop mode
    crop_accepted = Signal(object)  # Bounds: Enter or double click
    crop_cancelled = Signal()  # Esc

    def __init__(self, cache: TileCache | None = None, parent: QWidget | None = None) -> None:
        """cache is shared by the canvases of a window: TileCache(budget in bytes)."""
        super().__init__(cache or TileCache(), parent)
        self._crop: Bounds | None = None
        self._ratio: float | None = None
        self._degrees: float | None = None
        self._snapshot: QImage | None = None
        self._dropping = False
        self._empty: QWidget | None = None
        self.setAcceptDrops(True)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Photo")
        self.changed()

    def set_empty_widget(self, widget: QWidget) -> None:
        """Buttons below the painted invitation of an empty canvas; shown while there is no photo."""
        widget.setParent(self)
        self._empty = widget
        self._place_empty()

    # Crop and straighten

    def start_crop(self, bounds: Bounds | None = None, ratio: float | None = None) -> None:
        """Show a frame to choose a part of the photo with; at first the whole, or the given bounds."""
        if self._size is None:
            return
        whole = Bounds(0, 0, *self._size)
        self._degrees = None
        self._crop = whole if bounds is None else bounds.cut(whole)
        self.fit()
        self.set_crop_ratio(ratio)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_crop(self, bounds: Bounds) -> None:
        """Move the frame; it is cut to the photo."""
        if self._crop is not None and self._size is not None:
            self._crop = bounds.cut(Bounds(0, 0, *self._size))
            self.changed()
            self.crop_changed.emit(self._crop)

    def set_crop_ratio(self, ratio: float | None) -> None:
        """width / height that the frame keeps, or None for any."""
        self._ratio = ratio
        if self._crop is not None and self._size is not None:
            self.set_crop(self._crop if ratio is None else crop.shaped(self._crop, (0, 0), self._size, ratio))

    def crop(self) -> Bounds | None:
        """The frame, in image pixels; None while not cropping."""
        return self._crop

    def accept_crop(self) -> None:
        """Leave crop mode and say what was chosen."""
        if (chosen := self._leave_crop()) is not None:
            self.crop_accepted.emit(chosen)

    def cancel_crop(self) -> None:
        """Leave crop mode."""
        if self._leave_crop() is not None:
            self.crop_cancelled.emit()

    def set_straighten(self, degrees: float | None) -> None:
        """Preview of the photo turned clockwise, with a grid and the part that stays; None ends it."""
        turned, self._degrees = self._degrees is not None, degrees
        if turned != (degrees is not None):
            self.fit()
            self.relayout()
        self.update()

    def _leave_crop(self) -> Bounds | None:
        frame, self._crop = self._crop, None
        if frame is not None:
            self.relayout()
        return frame

    # What the view asks

    def alone(self) -> bool:
        return super().alone() or self._crop is not None or self._degrees is not None

    def note(self) -> str:
        c = self._crop
        return "" if c is None else f" Crop frame {c.width} × {c.height} at {c.x}, {c.y}."

    def margin(self) -> float:
        return super().margin() if self._crop is None else CROP_MARGIN * self.devicePixelRatioF()

    def changed(self) -> None:
        self._snapshot = None
        super().changed()

    def resized(self) -> None:
        self._degrees = None
        self.cancel_crop()
        self._place_empty()
        super().resized()

    def show_view(self, view: View, *, is_fitted: bool) -> None:
        if self._degrees is None or is_fitted:  # a turned photo is not zoomed
            super().show_view(view, is_fitted=is_fitted)

    def _place_empty(self) -> None:
        if self._empty is not None:
            self._empty.setVisible(self._size is None)
            self._empty.adjustSize()
            self._empty.move((self.width() - self._empty.width()) // 2, self.height() // 2 + 48)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        colors = theme.colors()
        covered = self._size is not None and self._degrees is None and self.compare() in ("single", "split")
        if not covered or self.devicePixelRatioF() % 1:  # where it is fractional, an edge may lie between two pixels
            painter.fillRect(self.rect(), QColor(colors.canvas))
        if self._size is None:
            self._paint_invitation(painter, colors)
        elif self._degrees is not None:
            self._paint_turned(painter, self._size, self._degrees)
        else:
            self.paint_photo(painter, self._size)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.paint_names(painter)
            if self._crop is not None:
                first, last = self._crop, (self._crop.right, self._crop.bottom)
                frame = QRectF(self.widget_point(first.x, first.y), self.widget_point(*last))
                crop.paint_frame(painter, frame, QRectF(self.rect()), QColor(colors.ring))
        if self._ring or self._dropping:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.ring), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_turned(self, painter: QPainter, size: tuple[int, int], degrees: float) -> None:
        if self._snapshot is None:
            self._snapshot = self._taken(size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        crop.paint_turned(painter, self._snapshot, degrees, QRectF(self.rect()))

    def _taken(self, size: tuple[int, int]) -> QImage:
        """The whole version at the size of fit: turning one picture is quick and shows no joints."""
        place = fitted(self.pane(), *size, self.margin()).place(self.pane(), *size)
        place = Placement(0, 0, place.width, place.height)
        area = QRect(0, 0, max(1, round(place.width)), max(1, round(place.height)))
        picture = QImage(area.size(), QImage.Format.Format_RGB32)
        picture.fill(QColor(theme.colors().canvas))
        painter = QPainter(picture)
        self._stage.cache.next_frame()
        self.want([tile for tile, _ in self._stage.paint(painter, "version", place, area)])
        painter.end()
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        return picture

    def _paint_invitation(self, painter: QPainter, colors: theme.Colors) -> None:
        middle = QRectF(self.rect()).center()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme.paint_icon(painter, "photo", QRectF(middle.x() - 28, middle.y() - 100, 56, 56), colors.muted)
        font = painter.font()
        font.setPixelSize(20)
        painter.setFont(font)
        painter.setPen(QColor(colors.text))
        line = QRectF(0, middle.y() - 36, self.width(), 30)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, "Drop a photo here")
        font.setPixelSize(theme.BASE_FONT)
        painter.setFont(font)
        painter.setPen(QColor(colors.muted))
        words = "JPEG, PNG, WebP, TIFF, HEIC, AVIF and more. Everything stays on this computer."
        room = QRectF(16, middle.y() - 9, self.width() - 32, 44)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, words)

    # Events

    def hold(self, point: QPointF) -> Drag | None:
        if self._crop is not None and self._size is not None:
            return self._hold_frame(self._crop, self._size, point)
        return self._stay if self._degrees is not None else super().hold(point)

    def _stay(self, to: QPointF) -> None:
        """The drag of a picture that does not move."""

    def _hold_frame(self, frame: Bounds, size: tuple[int, int], point: QPointF) -> Drag:
        start = self.image_point(point)
        grip = crop.grip_at(frame, *start, self._reach())
        if grip is None:
            return self.panning(point)

        def move(to: QPointF) -> None:
            x, y = self.image_point(to)
            self.set_crop(crop.dragged(frame, grip, (round(x - start[0]), round(y - start[1])), size, self._ratio))

        return move

    def _reach(self) -> float:
        """REACH in image pixels."""
        return REACH * self.devicePixelRatioF() / self.scale()

    def shape_at(self, point: QPointF) -> Qt.CursorShape:
        if self._crop is None:
            return super().shape_at(point)
        grip = crop.grip_at(self._crop, *self.image_point(point), self._reach())
        return Qt.CursorShape.ArrowCursor if grip is None else CURSORS[grip]

    def uses(self, event: QKeyEvent) -> bool:
        ending = event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        return super().uses(event) or (self._crop is not None and ending)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._crop is None or not self._crop_key(self._crop, event):
            super().keyPressEvent(event)

    def _crop_key(self, frame: Bounds, event: QKeyEvent) -> bool:
        """Keys of the crop mode; one press of an arrow is at least one device pixel."""
        arrow = ARROWS.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept_crop()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancel_crop()
        elif arrow is not None and self._size is not None:
            grip = (1, 1) if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else (0, 0)
            step = max(1, round(1 / self.scale()))
            self.set_crop(crop.dragged(frame, grip, (-arrow[0] * step, -arrow[1] * step), self._size, self._ratio))
        else:
            return False
        return True

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        frame = self._crop
        if frame is not None and crop.grip_at(frame, *self.image_point(event.position()), self._reach()) is not None:
            self.accept_crop()
        else:
            super().mouseDoubleClickEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._snapshot = None
        self._place_empty()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()
            self._dropping = True
            self.update()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        super().dragLeaveEvent(event)
        self._dropping = False
        self.update()

    def dropEvent(self, event: QDropEvent) -> None:
        """Files first; a picture from a browser comes with an address, too, and is taken as a bitmap."""
        self._dropping = False
        self.update()
        files = tuple(Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile())
        image = event.mimeData().imageData()
        if files:
            self.files_dropped.emit(files)
        elif isinstance(image, QImage) and not image.isNull():
            self.image_dropped.emit(image)
        event.acceptProposedAction()
