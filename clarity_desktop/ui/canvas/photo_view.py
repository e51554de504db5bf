"""Versions of a photo in a viewport: tiles as they come, before and after, parts of a running restoration."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QHideEvent, QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.compare import Compare, Pane, Shown, paint_label, paint_split, panes
from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.idle_queue import IdleQueue
from clarity_desktop.ui.canvas.layers import Scene
from clarity_desktop.ui.canvas.pane_cache import PaneCache, rectangle
from clarity_desktop.ui.canvas.tiles import Painted, TileCache
from clarity_desktop.ui.canvas.viewport import ARROWS, REACH, Drag, Viewport
from clarity_desktop.values import TILE, Bounds, Manifest, Pixels

BLOCK = 512
"""Side of the pieces in which a finished part of a restoration is made ready for the screen."""
SPLIT_STEP = 0.02
"""Share of the width by which an arrow key moves the line."""
HOW = {"split": "split at {:.0%}", "side": "side by side", "top": "one above the other"}


class PhotoView(Viewport):
    """Shows one version of a photo, or two of them. Knows no backend: it says which tiles it wants."""

    tiles_wanted = Signal(object)  # tuple[bytes, ...]: hashes, most wanted first, none asked twice
    compare_changed = Signal(str)  # the Compare mode
    split_changed = Signal(float)  # 0..1 of the canvas width

    def __init__(self, cache: TileCache, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = Scene(cache)
        self._mode: Compare = "single"
        self._split = 0.5
        self._peeking = False
        self._title, self._names = "", ("Before", "After")
        self._frames: dict[Shown, PaneCache] = {}
        self._looked: dict[Shown, object] = {}
        self._asked: set[bytes] = set()
        self._missing: list[bytes] = []
        self._asking = QTimer(self, singleShot=True, interval=0)
        self._asking.timeout.connect(self._ask)
        self._arrivals = IdleQueue(self)
        self._arrivals.worked.connect(self.changed)
        self.zoom_changed.connect(self._describe)

    # What subclasses say

    def alone(self) -> bool:
        """Is the version shown without the other one, whatever the mode?"""
        return not self._stage.has_other

    def note(self) -> str:
        """What the accessible description adds."""
        return ""

    def changed(self) -> None:
        """What is painted has changed."""
        self._describe()
        self.update()

    def resized(self) -> None:
        """The photo has another size, or there is none now."""
        self.fit()

    # What is shown

    def set_title(self, name: str) -> None:
        """The photo's name, for the accessible description."""
        self._title = name
        self._describe()

    def set_names(self, before: str, after: str) -> None:
        """Labels of the two versions while comparing."""
        self._names = before, after
        self.changed()

    def show_preview(self, width: int, height: int, pixels: Pixels, icc: bytes | None) -> None:
        """A provisional picture of a photo of width × height pixels, while its document is being written."""
        self._stage.show_preview(width, height, pixels, icc)
        self._sized()

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version; zoom and pan stay if the size is the same, else the photo is fitted."""
        self._stage.show_version(manifest, icc)
        self._sized()

    def show_other(self, manifest: Manifest | None) -> None:
        """The version to compare with (before). After show_version: both have its profile."""
        self._stage.show_other(manifest)
        self.relayout()

    def clear(self) -> None:
        """Nothing is shown: the empty state."""
        self._stage.clear()
        self._arrivals.clear()
        self._asked.clear()
        self._sized()

    def add_tiles(self, tiles: tuple[tuple[bytes, Pixels], ...]) -> None:
        """Tiles that were wanted have come."""
        icc = self._stage.icc
        for tile, pixels in tiles:
            self._arrivals.add(lambda tile=tile, pixels=pixels: self._take(tile, icc, pixels))

    def ask_again(self) -> None:
        """A request for tiles ended, perhaps without all of them: what is still missing is wanted anew."""
        self._asked.clear()
        self._looked.clear()
        self.update()

    def paint_tile(self, bounds: Bounds, pixels: Pixels) -> None:
        """A finished part of a running restoration, over the version until another is shown."""
        painted, icc = self._stage.painted, self._stage.icc
        for y in range(0, bounds.height, BLOCK):
            for x in range(0, bounds.width, BLOCK):
                part = pixels[y : y + BLOCK, x : x + BLOCK]
                at = Bounds(bounds.x + x, bounds.y + y, part.shape[1], part.shape[0])
                self._arrivals.add(lambda at=at, part=part: self._paint_over(painted, at, part, icc))

    def clear_painted(self) -> None:
        """The restoration was cancelled: its parts go away. (show_version does this by itself.)"""
        self._stage.clear_painted()
        self.changed()

    def show_heat(self, shows: Shown, picture: QImage | None) -> None:
        """Lay a picture over a version until another one is shown there; None takes it away."""
        edition = self._stage.edition
        self._stage.show_heat(shows, picture)
        if self._stage.edition != edition:
            self.changed()

    def value_at(self, x: int, y: int) -> tuple[int, int, int] | None:
        """The photo's own RGB value (8 or 16 bits); zoomed out, the mean around it; None if it has not come yet."""
        return self._stage.value(x, y)

    # Comparing

    def set_compare(self, mode: Compare) -> None:
        """Show the version alone, or with the other one: a line between them, side by side, one above the other."""
        if mode != self._mode:
            self._mode = mode
            self.relayout()
            self.compare_changed.emit(mode)

    def compare(self) -> Compare:
        return self._mode

    def set_split(self, fraction: float) -> None:
        """Move the line of the split mode: 0..1 of the canvas width."""
        fraction = min(1.0, max(0.0, fraction))
        if fraction != self._split:
            self._split = fraction
            self.changed()
            self.split_changed.emit(fraction)

    def split(self) -> float:
        return self._split

    def peek(self, on: bool) -> None:
        """Show only the other version while on (a key is held)."""
        self._peeking = on
        self.relayout()

    # Layout

    def areas(self) -> tuple[Bounds, ...]:
        return tuple(p.area for p in self.panes())

    def panes(self) -> tuple[Pane, ...]:
        """Which part of the widget shows which version."""
        whole = self.pane()
        if self.alone():
            return panes("single", whole.width, whole.height, 1.0)
        if self._peeking:
            return (Pane("other", whole, whole),)
        return panes(self._mode, whole.width, whole.height, self._split)

    def relayout(self) -> None:
        """The panes have changed."""
        self.again()
        self.changed()

    def _sized(self) -> None:
        """Another version is shown, perhaps of another size."""
        same, self._size = self._size == self._stage.size, self._stage.size
        if not same:
            self.resized()
        self.changed()

    def _describe(self) -> None:
        """The accessible description: which photo, how large, at which zoom, compared how."""
        if self._size is None:
            text = "No photo. Drop a photo here or open one."
        else:
            width, height = self._size
            text = f"{self._title or 'Photo'}, {width} × {height} pixels, shown at {self.scale():.0%}."
            if not self.alone() and self._mode != "single":
                text += f" {self._names[0]} and {self._names[1]}, {HOW[self._mode].format(self._split)}."
            text += self.note()
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    # Tiles

    def _take(self, tile: bytes, icc: bytes | None, pixels: Pixels) -> None:
        self._asked.discard(tile)
        self._stage.cache.add(tile, icc, pixels)
        for frame in self._frames.values():
            frame.came(tile)

    def _paint_over(self, painted: Painted, bounds: Bounds, pixels: Pixels, icc: bytes | None) -> None:
        painted.add(bounds, pixels, icc)
        if painted is self._stage.painted and self._size is not None and "version" in self._frames:
            self._frames["version"].repaint(bounds, self._size)

    def want(self, tiles: list[bytes]) -> None:
        """Ask for tiles that are missing, once the painting is done."""
        if tiles:
            self._missing = tiles
            self._asking.start()

    def _ask(self) -> None:
        fresh = tuple(dict.fromkeys(t for t in self._missing if t not in self._asked))
        if fresh:
            self._asked.update(fresh)
            self.tiles_wanted.emit(fresh)

    # Painting

    def paint_photo(self, painter: QPainter, size: tuple[int, int]) -> None:
        """Paint the versions; size is the photo's."""
        self._stage.cache.next_frame()
        missing: list[bytes] = []
        painter.save()
        self.to_device(painter)
        for pane in self.panes():
            place = self._view.place(pane.area, *size)
            frame = self._frames.setdefault(pane.shows, PaneCache())
            frame.paint(painter, self._stage, pane, place, theme.colors().canvas)
            missing += frame.missing(pane) or self._around(pane, place)
        painter.restore()
        self.want(missing)

    def _around(self, pane: Pane, place: Placement) -> list[bytes]:
        """What a pane that lacks nothing may soon show; looked for after every half tile of a pan."""
        if pane.shows == "version":
            self._stage.settle()
        half = TILE // 2
        at = (place.x // half, place.y // half, place.width, pane.clip.width, self._stage.edition)
        if self._looked.get(pane.shows) == at:
            return []
        self._looked[pane.shows] = at
        return self._stage.around(pane.shows, place, rectangle(pane.clip))

    def paint_names(self, painter: QPainter) -> None:
        """The names of the versions and the line between them."""
        shown, whole = self.panes(), QRectF(self.rect())
        if len(shown) == 2:
            for pane, name in zip(shown, self._names, strict=True):
                corner = self.logical(pane.clip.x, pane.clip.y)
                area = QRectF(corner, self.logical(pane.clip.right, pane.clip.bottom))
                paint_label(painter, name, area, right=self._mode == "split" and pane.shows == "version")
            if self._mode == "split":
                x = self.logical(shown[1].clip.x, 0).x()
                paint_split(painter, x, whole.height(), QColor(theme.colors().ring), focused=self._ring)
        elif shown[0].shows == "other":
            paint_label(painter, self._names[0], whole, right=False)

    # Events

    def hideEvent(self, event: QHideEvent) -> None:
        """A hidden photo keeps no frames."""
        super().hideEvent(event)
        self._frames.clear()

    def hold(self, point: QPointF) -> Drag | None:
        if self._on_line(point):
            return lambda to: self.set_split(to.x() / max(1, self.width()))
        return None

    def shape_at(self, point: QPointF) -> Qt.CursorShape:
        return Qt.CursorShape.SplitHCursor if self._on_line(point) else Qt.CursorShape.ArrowCursor

    def keyPressEvent(self, event: QKeyEvent) -> None:
        arrow = ARROWS.get(Qt.Key(event.key()))
        if self._splits() and arrow is not None and arrow[0]:
            fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.set_split(self._split - arrow[0] * SPLIT_STEP * (0.1 if fine else 1))
        else:
            super().keyPressEvent(event)

    def _on_line(self, point: QPointF) -> bool:
        return self._splits() and abs(point.x() - self._split * self.width()) <= REACH

    def _splits(self) -> bool:
        return self._mode == "split" and len(self.panes()) == 2
