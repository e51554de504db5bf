"""The photo on the screen: zoom, pan, before and after, crop; says what was clicked, dropped and wanted."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui.pyramid import TileCache
from clarity_desktop.values import Bounds, Manifest, Pixels

Compare = Literal["single", "split", "side", "top"]


class Canvas(QWidget):
    """Shows one version of a photo, or two of them. Knows no backend: it says which tiles it wants."""

    tiles_wanted = Signal(object)  # tuple[bytes, ...]: hashes, most wanted first, none asked twice
    zoom_changed = Signal(float)  # 1.0 = one image pixel per device pixel
    hovered = Signal(object)  # (x, y) of the image pixel under the pointer, or None
    clicked = Signal(int, int)  # image pixel: left click without drag
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

    # what is shown
    def set_title(self, name: str) -> None:
        """The photo's name, for the accessible description."""

    def set_names(self, before: str, after: str) -> None:
        """Labels of the two versions while comparing."""

    def set_empty_widget(self, widget: QWidget) -> None:
        """The invitation in the middle of an empty canvas; shown while there is no photo."""

    def show_preview(self, width: int, height: int, pixels: Pixels, icc: bytes | None) -> None:
        """A provisional picture of a photo of width × height pixels, while its document is being written."""

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version; zoom and pan stay if the size is the same, else the photo is fitted."""

    def show_other(self, manifest: Manifest | None) -> None:
        """The version to compare with (before)."""

    def clear(self) -> None:
        """Nothing is shown: the empty state."""

    def add_tiles(self, tiles: tuple[tuple[bytes, Pixels], ...]) -> None:
        """Tiles that were wanted have come."""

    def ask_again(self) -> None:
        """A request for tiles ended without them: what is still missing is wanted anew."""

    def paint_tile(self, bounds: Bounds, pixels: Pixels) -> None:
        """A finished part of a running restoration, over the version until it changes."""

    def clear_painted(self) -> None:
        """The restoration was cancelled: its parts go away. (show_version does this by itself.)"""

    def set_grid(self, on: bool) -> None: ...

    # comparing
    def set_compare(self, mode: Compare) -> None: ...
    def compare(self) -> Compare: ...
    def set_split(self, fraction: float) -> None: ...
    def peek(self, on: bool) -> None:
        """Show only the other version while on (the key is held)."""

    # view
    def fit(self) -> None: ...
    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """1.0: one image pixel per device pixel. at: the point of the widget that stays in place (else the centre)."""

    def zoom_in(self) -> None: ...
    def zoom_out(self) -> None: ...
    def toggle_fit(self) -> None:
        """Fit or 100 % at the pointer."""

    def scale(self) -> float: ...
    def visible(self) -> Bounds:
        """The part of the photo on the screen, in its pixels."""

    def value_at(self, x: int, y: int) -> tuple[int, int, int] | None:
        """The photo's own RGB value (8 or 16 bits); the mean of the pixels around it while zoomed out; None if not loaded."""

    # crop and straighten
    def start_crop(self, bounds: Bounds | None = None, ratio: float | None = None) -> None: ...
    def set_crop(self, bounds: Bounds) -> None: ...
    def set_crop_ratio(self, ratio: float | None) -> None:
        """width / height that the frame keeps, or None for any."""

    def crop(self) -> Bounds | None: ...
    def accept_crop(self) -> None: ...
    def cancel_crop(self) -> None: ...
    def set_straighten(self, degrees: float | None) -> None:
        """Preview of the photo turned clockwise, with a grid and the part that stays; None ends it."""
