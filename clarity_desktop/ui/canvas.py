"""The photo on the screen: before and after, crop, straighten; says what was clicked, dropped and wanted."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal
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

from clarity_desktop.ui import crop, theme
from clarity_desktop.ui.arrivals import Arrivals
from clarity_desktop.ui.compare import Compare, Pane, paint_label, paint_split, panes
from clarity_desktop.ui.pyramid import TileCache
from clarity_desktop.ui.stage import Stage
from clarity_desktop.ui.view import Place, fitted
from clarity_desktop.ui.viewport import ARROWS, FIT_MARGIN, Drag, Viewport
from clarity_desktop.values import Bounds, Manifest, Pixels

BLOCK = 512
"""Side of the pieces in which a finished part of a restoration is made ready for the screen."""
REACH, SPLIT_STEP, CROP_MARGIN = 8.0, 0.02, 40.0
"""Logical pixels around a line that take hold of it; share of the width per arrow key; margin while cropping."""
CURSORS = {
    (0, 0): Qt.CursorShape.SizeAllCursor, (-1, 0): Qt.CursorShape.SizeHorCursor, (1, 0): Qt.CursorShape.SizeHorCursor,
    (0, -1): Qt.CursorShape.SizeVerCursor, (0, 1): Qt.CursorShape.SizeVerCursor,
    (-1, -1): Qt.CursorShape.SizeFDiagCursor, (1, 1): Qt.CursorShape.SizeFDiagCursor,
    (1, -1): Qt.CursorShape.SizeBDiagCursor, (-1, 1): Qt.CursorShape.SizeBDiagCursor,
}  # fmt: skip


class Canvas(Viewport):
    """Shows one version of a photo, or two of them. Knows no backend: it says which tiles it wants.

    Keys of its own while it has the focus: arrows, Home, End and Space (pan); in split mode Left and Right move the
    line, with Shift finely; while cropping the arrows move the frame, with Shift its lower right corner, Enter accepts
    and Esc leaves.
    """

    tiles_wanted = Signal(object)  # tuple[bytes, ...]: hashes, most wanted first, none asked twice
    compare_changed = Signal(str)  # the Compare mode
    split_changed = Signal(float)  # 0..1 of the canvas width
    files_dropped = Signal(object)  # tuple[Path, ...]
    image_dropped = Signal(QImage)
    crop_changed = Signal(object)  # Bounds, while in crop mode
    crop_accepted = Signal(object)  # Bounds: Enter or double click
    crop_cancelled = Signal()  # Esc

    def __init__(self, cache: TileCache | None = None, parent: QWidget | None = None) -> None:
        """cache is shared by the canvases of a window: TileCache(budget in bytes)."""
        super().__init__(parent)
        self._stage = Stage(cache or TileCache())
        self._mode: Compare = "single"
        self._split = 0.5
        self._peeking = False
        self._title, self._names = "", ("Before", "After")
        self._crop: Bounds | None = None
        self._ratio: float | None = None
        self._degrees: float | None = None
        self._snapshot: QImage | None = None
        self._dropping = False
        self._empty: QWidget | None = None
        self._asked: set[bytes] = set()
        self._missing: list[bytes] = []
        self._asking = QTimer(self, singleShot=True, interval=0)
        self._asking.timeout.connect(self._ask)
        self._arrivals = Arrivals(self)
        self._arrivals.worked.connect(self._changed)
        self.setAcceptDrops(True)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Photo")
        self.zoom_changed.connect(self._describe)
        self._describe()

    # What is shown

    def set_title(self, name: str) -> None:
        """The photo's name, for the accessible description."""
        self._title = name
        self._describe()

    def set_names(self, before: str, after: str) -> None:
        """Labels of the two versions while comparing."""
        self._names = before, after
        self._changed()

    def set_empty_widget(self, widget: QWidget) -> None:
        """Buttons below the painted invitation of an empty canvas; shown while there is no photo."""
        widget.setParent(self)
        self._empty = widget
        self._place_empty()

    def show_preview(self, width: int, height: int, pixels: Pixels, icc: bytes | None) -> None:
        """A provisional picture of a photo of width × height pixels, while its document is being written."""
        self._stage.show_preview(width, height, pixels, icc)
        self._resized()

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version; zoom and pan stay if the size is the same, else the photo is fitted."""
        self._stage.show_version(manifest, icc)
        self._resized()

    def show_other(self, manifest: Manifest | None) -> None:
        """The version to compare with (before). After show_version: both have its profile."""
        self._stage.show_other(manifest)
        self._relayout()

    def clear(self) -> None:
        """Nothing is shown: the empty state."""
        self._stage.clear()
        self._arrivals.clear()
        self._asked.clear()
        self._resized()

    def add_tiles(self, tiles: tuple[tuple[bytes, Pixels], ...]) -> None:
        """Tiles that were wanted have come."""
        icc = self._stage.icc
        for tile, pixels in tiles:
            self._arrivals.add(lambda tile=tile, pixels=pixels: self._take(tile, icc, pixels))

    def ask_again(self) -> None:
        """A request for tiles ended, perhaps without all of them: what is still missing is wanted anew."""
        self._asked.clear()
        self.update()

    def paint_tile(self, bounds: Bounds, pixels: Pixels) -> None:
        """A finished part of a running restoration, over the version until another is shown."""
        painted, icc = self._stage.painted, self._stage.icc
        for y in range(0, bounds.height, BLOCK):
            for x in range(0, bounds.width, BLOCK):
                part = pixels[y : y + BLOCK, x : x + BLOCK]
                at = Bounds(bounds.x + x, bounds.y + y, part.shape[1], part.shape[0])
                self._arrivals.add(lambda at=at, part=part: painted.add(at, part, icc))

    def clear_painted(self) -> None:
        """The restoration was cancelled: its parts go away. (show_version does this by itself.)"""
        self._stage.clear_painted()
        self._changed()

    def value_at(self, x: int, y: int) -> tuple[int, int, int] | None:
        """The photo's own RGB value (8 or 16 bits); zoomed out, the mean around it; None if it has not come yet."""
        return self._stage.value(x, y)

    # Comparing

    def set_compare(self, mode: Compare) -> None:
        """Show the version alone, or with the other one: a line between them, side by side, one above the other."""
        if mode != self._mode:
            self._mode = mode
            self._relayout()
            self.compare_changed.emit(mode)

    def compare(self) -> Compare:
        return self._mode

    def set_split(self, fraction: float) -> None:
        """Move the line of the split mode: 0..1 of the canvas width."""
        fraction = min(1.0, max(0.0, fraction))
        if fraction != self._split:
            self._split = fraction
            self._changed()
            self.split_changed.emit(fraction)

    def split(self) -> float:
        return self._split

    def peek(self, on: bool) -> None:
        """Show only the other version while on (a key is held)."""
        self._peeking = on
        self._relayout()

    # Crop and straighten

    def start_crop(self, bounds: Bounds | None = None, ratio: float | None = None) -> None:
        """Show a frame to choose a part of the photo with; at first the whole, or the given bounds."""
        if self._size is None:
            return
        whole = Bounds(0, 0, *self._size)
        self._degrees, self._ratio = None, ratio
        self._crop = whole if bounds is None else bounds.cut(whole)
        self.fit()
        self.set_crop_ratio(ratio)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_crop(self, bounds: Bounds) -> None:
        """Move the frame; it is cut to the photo."""
        if self._crop is not None and self._size is not None:
            self._crop = bounds.cut(Bounds(0, 0, *self._size))
            self._changed()
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
        chosen = self._leave_crop()
        if chosen is not None:
            self.crop_accepted.emit(chosen)

    def cancel_crop(self) -> None:
        if self._leave_crop() is not None:
            self.crop_cancelled.emit()

    def set_straighten(self, degrees: float | None) -> None:
        """Preview of the photo turned clockwise, with a grid and the part that stays; None ends it."""
        if (degrees is None) != (self._degrees is None):
            self._degrees = degrees
            self.fit()
            self._relayout()
        self._degrees = degrees
        self.update()

    def _leave_crop(self) -> Bounds | None:
        frame, self._crop = self._crop, None
        self._relayout()
        return frame

    # Layout

    def areas(self) -> tuple[Bounds, ...]:
        return tuple(p.area for p in self._panes())

    def _panes(self) -> tuple[Pane, ...]:
        whole = self.pane()
        if self._crop is not None or self._degrees is not None or not self._stage.has_other:
            return panes("single", whole.width, whole.height, 1.0)
        if self._peeking:
            return (Pane("other", whole, whole),)
        return panes(self._mode, whole.width, whole.height, self._split)

    def _margin(self) -> float:
        return (FIT_MARGIN if self._crop is None else CROP_MARGIN) * self.devicePixelRatioF()

    def _resized(self) -> None:
        """Another version is shown, perhaps of another size."""
        same, self._size = self._size == self._stage.size, self._stage.size
        if not same:
            self.cancel_crop()
            self._degrees = None
            self.fit()
        self._place_empty()
        self._changed()

    def _relayout(self) -> None:
        self._again()
        self._changed()

    def _changed(self) -> None:
        self._snapshot = None
        self._describe()
        self.update()

    def _place_empty(self) -> None:
        if self._empty is not None:
            self._empty.setVisible(self._size is None)
            self._empty.adjustSize()
            self._empty.move((self.width() - self._empty.width()) // 2, self.height() // 2 + 72)

    def _describe(self) -> None:
        """The accessible description: which photo, how large, at which zoom, compared how."""
        if self._size is None:
            text = "No photo. Drop a photo here or open one."
        else:
            width, height = self._size
            text = f"{self._title or 'Photo'}, {width} × {height} pixels, shown at {self.scale():.0%}."
            if self._crop is not None:
                c = self._crop
                text += f" Crop frame {c.width} × {c.height} at {c.x}, {c.y}."
            elif len(self._panes()) == 2:
                before, after = self._names
                how = {"split": f"split at {self._split:.0%}", "side": "side by side", "top": "one above the other"}
                text += f" {before} and {after}, {how[self._mode]}."
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    # Tiles

    def _take(self, tile: bytes, icc: bytes | None, pixels: Pixels) -> None:
        self._asked.discard(tile)
        self._stage.cache.add(tile, icc, pixels)

    def _ask(self) -> None:
        fresh = tuple(dict.fromkeys(t for t in self._missing if t not in self._asked))
        if fresh:
            self._asked.update(fresh)
            self.tiles_wanted.emit(fresh)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        worn = theme.colours()
        painter.fillRect(self.rect(), QColor(worn.canvas))
        if self._size is None:
            self._paint_invitation(painter, worn)
        elif self._degrees is not None:
            self._paint_straightened(painter, self._size, self._degrees)
        else:
            self._paint_panes(painter, self._size)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_marks(painter, worn)
        if self._ring or self._dropping:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(worn.ring), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_panes(self, painter: QPainter, size: tuple[int, int]) -> None:
        self._stage.cache.next_frame()
        self._missing = []
        painter.save()
        self.to_device(painter)
        for pane in self._panes():
            clip = QRect(pane.clip.x, pane.clip.y, pane.clip.width, pane.clip.height)
            place = self._view.place(pane.area, *size)
            painter.setClipRect(clip)
            self._stage.paint(painter, pane.shows, place, clip)
            self._missing += self._stage.missing(pane.shows, place, clip)
        painter.restore()
        if self._missing:
            self._asking.start()

    def _paint_straightened(self, painter: QPainter, size: tuple[int, int], degrees: float) -> None:
        pane = self.pane()
        place = fitted(pane, *size, self._margin()).place(pane, *size)
        place = Place(0, 0, place.width, place.height)
        area = QRect(0, 0, max(1, round(place.width)), max(1, round(place.height)))
        if self._snapshot is None:
            self._snapshot = QImage(area.size(), QImage.Format.Format_RGB32)
            self._snapshot.fill(QColor(theme.colours().canvas))
            within = QPainter(self._snapshot)
            self._stage.paint(within, "version", place, area)
            within.end()
            self._snapshot.setDevicePixelRatio(self.devicePixelRatioF())
            self._missing = self._stage.missing("version", place, area)
            self._asking.start()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        crop.paint_turned(painter, self._snapshot, degrees, QRectF(self.rect()))

    def _paint_marks(self, painter: QPainter, worn: theme.Colours) -> None:
        """The crop frame, or the names of the versions and the line between them."""
        shown = self._panes()
        whole = QRectF(self.rect())
        if self._crop is not None:
            corners = (
                self._on_widget(self._crop.x, self._crop.y),
                self._on_widget(self._crop.right, self._crop.bottom),
            )
            crop.paint_frame(painter, QRectF(*corners), whole, QColor(worn.ring))
        elif len(shown) == 2:
            for pane, name in zip(shown, self._names, strict=True):
                corner = self.logical(pane.clip.x, pane.clip.y)
                area = QRectF(corner, self.logical(pane.clip.right, pane.clip.bottom))
                paint_label(painter, name, area, right=self._mode == "split" and pane.shows == "version")
            if self._mode == "split":
                x = self.logical(shown[1].clip.x, 0).x()
                paint_split(painter, x, whole.height(), QColor(worn.ring), focused=self._ring)
        elif shown[0].shows == "other":
            paint_label(painter, self._names[0], whole, right=False)

    def _paint_invitation(self, painter: QPainter, worn: theme.Colours) -> None:
        middle = QRectF(self.rect()).center()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme.icon("photo").paint(painter, QRect(round(middle.x()) - 24, round(middle.y()) - 84, 48, 48))
        font = painter.font()
        font.setPixelSize(20)
        painter.setFont(font)
        painter.setPen(QColor(worn.text))
        line = QRectF(0, middle.y() - 24, self.width(), 30)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, "Drop a photo here")
        font.setPixelSize(theme.BASE_FONT)
        painter.setFont(font)
        painter.setPen(QColor(worn.muted))
        words = "JPEG, PNG, WebP, TIFF, HEIC, AVIF and more. Everything stays on this computer."
        painter.drawText(line.translated(0, 34), Qt.AlignmentFlag.AlignCenter, words)

    def _on_widget(self, x: float, y: float) -> QPointF:
        """An image point as a point of the widget."""
        return self.logical(*self._view.to_pane(self._main(), x, y))

    # Events

    def hold(self, point: QPointF) -> Drag | None:
        if self._crop is not None and self._size is not None:
            return self._hold_frame(self._crop, self._size, point)
        if self._degrees is not None:
            return lambda to: None
        if self._on_line(point):
            return lambda to: self.set_split(to.x() / max(1, self.width()))
        return None

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

    def _on_line(self, point: QPointF) -> bool:
        return self._splits() and abs(point.x() - self._split * self.width()) <= REACH

    def _splits(self) -> bool:
        return self._mode == "split" and len(self._panes()) == 2

    def shape_at(self, point: QPointF) -> Qt.CursorShape:
        if self._crop is not None:
            grip = crop.grip_at(self._crop, *self.image_point(point), self._reach())
            return Qt.CursorShape.ArrowCursor if grip is None else CURSORS[grip]
        return Qt.CursorShape.SplitHCursor if self._on_line(point) else Qt.CursorShape.ArrowCursor

    def uses(self, event: QKeyEvent) -> bool:
        ending = event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        return super().uses(event) or (self._crop is not None and ending)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrow = ARROWS.get(Qt.Key(event.key()))
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if self._crop is not None and self._crop_key(self._crop, event, fine):
            return
        if self._splits() and arrow is not None and arrow[0]:
            self.set_split(self._split - arrow[0] * SPLIT_STEP * (0.1 if fine else 1))
        else:
            super().keyPressEvent(event)

    def _crop_key(self, frame: Bounds, event: QKeyEvent, corner: bool) -> bool:
        """Keys of the crop mode; one press of an arrow is at least one device pixel."""
        arrow = ARROWS.get(Qt.Key(event.key()))
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept_crop()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancel_crop()
        elif arrow is not None and self._size is not None:
            step = max(1, round(1 / self.scale()))
            by = -arrow[0] * step, -arrow[1] * step
            self.set_crop(crop.dragged(frame, (1, 1) if corner else (0, 0), by, self._size, self._ratio))
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
