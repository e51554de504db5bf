"""The widget that shows the photo: composes view, layers, comparison and tools, and passes events to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QImage,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.box_overlay import BoxOverlay
from clarity_desktop.ui.canvas.compare import Comparison, Pane
from clarity_desktop.ui.canvas.drop_target import DropTarget
from clarity_desktop.ui.canvas.idle_queue import IdleQueue
from clarity_desktop.ui.canvas.invitation import Invitation, opening_text
from clarity_desktop.ui.canvas.layers import Layers, PartImage, StretchedImage
from clarity_desktop.ui.canvas.mask_overlay import MaskOverlay, MaskStyle, ShownMask
from clarity_desktop.ui.canvas.outline import Outline
from clarity_desktop.ui.canvas.renderer import Renderer
from clarity_desktop.ui.canvas.through import ThroughMask
from clarity_desktop.ui.canvas.tile_requests import TileRequests
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.ui.canvas.tools.brush import BrushTool
from clarity_desktop.ui.canvas.tools.click import ClickTool
from clarity_desktop.ui.canvas.tools.crop import CropTool
from clarity_desktop.ui.canvas.tools.lasso import LassoTool
from clarity_desktop.ui.canvas.tools.pan import PanTool
from clarity_desktop.ui.canvas.tools.pick import PickTool
from clarity_desktop.ui.canvas.tools.router import ToolRouter
from clarity_desktop.ui.canvas.tools.split import SplitTool
from clarity_desktop.ui.canvas.tools.straighten import StraightenTool
from clarity_desktop.ui.canvas.tools.tool import Pointer
from clarity_desktop.ui.canvas.view import Viewport
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import Bounds, Manifest, Pixels, Region, VersionId

BLOCK = 512
"""Side of the pieces in which a finished part of a restoration is converted for the screen."""
KEYBOARD = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason)

RETURNED = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason, Qt.FocusReason.MenuBarFocusReason)
"""The focus was here before a menu or another window took it."""


class Canvas(QWidget):
    """Shows a photo: one version of it or several. Independent of the backend: `tiles_wanted` requests tiles,
    `add_tiles` and the show_… methods set the content.

    What can be done with the photo is in its parts: `view` (zoom, pan, coordinates), `comparison` (modes, split line,
    peek), `crop`, `straighten`, `pick`, `click`, `box`, `brush`, `heal` and `lasso` (tools), `invitation` (the empty
    state). `layers` holds the pictures. While the canvas has the focus, arrows, Home, End and Space pan; the tools say
    which other keys they use.
    """

    tiles_wanted = Signal(object)  # tuple[bytes, ...]: hashes, the most important first, none twice
    zoom_changed = Signal(float)  # 1.0 = one image pixel per device pixel
    hovered = Signal(object)  # (x, y) of the image pixel under the pointer, or None
    clicked = Signal(int, int)  # image pixel: left click without drag
    pane_clicked = Signal(object)  # VersionId of the pane that was clicked without a drag
    compare_changed = Signal(str)  # the Compare mode
    split_changed = Signal(float)  # 0..1 of the canvas width
    crop_changed = Signal(object)  # Bounds of the crop frame in image pixels
    crop_accepted = Signal(object)  # Bounds: Enter or double-click
    crop_cancelled = Signal()  # Esc
    files_dropped = Signal(object)  # tuple[Path, ...]
    image_dropped = Signal(QImage)

    def __init__(self, cache: ScreenTileCache | None = None, parent: QWidget | None = None) -> None:
        """cache is shared by the canvases of a window."""
        super().__init__(parent)
        self.layers = Layers(cache or ScreenTileCache())
        self.comparison = Comparison(self.layers)
        self.view = Viewport(self, lambda: [pane.area for pane in self._panes()])
        self.crop = CropTool(self.view)
        self.straighten = StraightenTool(self.view, self._snapshot)
        self._split, self._pan = SplitTool(self.view, self.comparison), PanTool(self.view)
        self._tools = ToolRouter(self.view, self.comparison, self._split, self._pan)
        self._was_clicked = False  # the focus came from the pointer
        self._renderer = Renderer(self.layers.cache)
        self._queue = IdleQueue(self)
        self._tiles = TileRequests(self.layers.cache, self._queue, self._renderer.repaint_tile)
        self.invitation = Invitation(self)
        self._drops = DropTarget(self)
        self._title = ""
        self.view.changed.connect(self.update)
        self.view.zoom_changed.connect(self.zoom_changed)
        self.view.zoom_changed.connect(self._describe)
        self.comparison.changed.connect(self._arrange)
        self.comparison.blinked.connect(self.update)
        self.comparison.mode_changed.connect(self.compare_changed)
        self.comparison.split_changed.connect(self.split_changed)
        self.crop.bounds_changed.connect(self.crop_changed)
        self.crop.accepted.connect(self.crop_accepted)
        self.crop.cancelled.connect(self.crop_cancelled)
        self.pick = PickTool(self.view)
        self.click, self.box = ClickTool(self.view), ClickTool(self.view, only_boxes=True)
        self.brush, self.heal = BrushTool(self.view), BrushTool(self.view, only_adds=True)
        self.lasso = LassoTool(self.view)
        selecting = (self.click, self.box, self.brush, self.heal, self.lasso)
        for tool in (self.crop, self.straighten, self.pick, *selecting):
            self._tools.add(tool)
        self._pan.clicked.connect(self.clicked)
        self._pan.clicked_at.connect(self._click_pane)
        self._tools.changed.connect(self._refresh)
        self._tiles.wanted.connect(self.tiles_wanted)
        self._queue.worked.connect(self._refresh)
        self._drops.files_dropped.connect(self.files_dropped)
        self._drops.image_dropped.connect(self.image_dropped)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        # Every pixel is painted, so Qt need not erase the background first.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self.setMinimumSize(160, 120)
        self.setAccessibleName(self.tr("Photo"))
        self._describe()

    # What is shown

    def set_title(self, name: str) -> None:
        """The photo's name, for the accessible description."""
        self._title = name
        self._describe()

    def show_preview(self, width: int, height: int, pixels: Pixels, icc: bytes | None) -> None:
        """Show a reduced picture of a photo of width × height pixels while its document is being written.

        pixels: H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the profile icc (None: sRGB).
        """
        self.layers.clear()
        self.layers.main.show_preview((width, height), pixels, icc)
        self._update_size()

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version whose tiles are in the profile icc. Zoom and pan stay if the size is the same, else it is
        fitted.
        """
        self.layers.main.show_version(manifest, icc)
        self._update_size()

    def show_compared(self, manifests: Sequence[Manifest]) -> None:
        """The versions to compare the open one with, in its profile; call it after `show_version`."""
        if self.layers.compare_with(manifests):
            self._renderer.keep_only((*self.layers, self.comparison.difference))
            self._arrange()

    def show_heat(self, version: VersionId, picture: QImage | None) -> None:
        """Lay a heat map over a version, until another one is shown there; None takes it away."""
        layer = self.layers.find(version)
        shown = layer and layer.overlay("heat")
        if layer is None or picture is (shown.image if isinstance(shown, StretchedImage) else None):
            return
        layer.set_overlay("heat", None if picture is None else StretchedImage(picture))
        self._refresh()

    def show_part(self, version: VersionId, bounds: Bounds | None) -> None:
        """Outline a part of a version (image pixels), until another one is shown there; None removes the outline."""
        layer = self.layers.find(version)
        shown = layer and layer.overlay("part")
        if layer is None or bounds == (shown.bounds if isinstance(shown, Outline) else None):
            return
        layer.set_overlay("part", None if bounds is None else Outline(bounds))
        self._refresh()

    def show_masks(self, masks: Sequence[ShownMask], style: MaskStyle) -> None:
        """Lay masks over the open version, until another one is shown; none removes them."""
        layer = self.layers.main
        shown, ratio = layer.overlay("mask"), self.view.ratio
        if self.comparison.shows_open:
            style = "outline"  # a part of another version is seen there
        new = tuple(masks)
        if isinstance(shown, MaskOverlay):
            same = [(m.region, m.color) for m in shown.masks] == [(m.region, m.color) for m in new]
            if same and shown.style == style:
                return
        elif not new:
            return
        layer.set_overlay("mask", MaskOverlay(new, style, ratio) if new else None)
        self._refresh()

    def show_through(self, source: VersionId | None, region: Region | None) -> None:
        """Show over the open version how a part of a compared one will look in it; None: no part."""
        layer = self.layers.find(source) if source else None
        shown = self.layers.main.through
        if layer is None or region is None or layer is self.layers.main:
            if shown is None:
                return
            self.layers.main.set_through(None)
        elif shown is None or shown.picture is not layer or shown.region is not region:
            self.layers.main.set_through(ThroughMask(layer, region))
        self._refresh()

    def show_boxes(self, boxes: Sequence[tuple[Bounds, str, bool]]) -> None:
        """Frame parts of the open version: bounds in image pixels, a label, and whether it is chosen; none removes
        them.
        """
        layer = self.layers.main
        shown = layer.overlay("boxes")
        if tuple(boxes) == (shown.boxes if isinstance(shown, BoxOverlay) else ()):
            return
        layer.set_overlay("boxes", BoxOverlay(boxes, self.view.ratio) if boxes else None)
        self._refresh()

    def show_change(self, bounds: Bounds, pixels: Pixels) -> None:
        """Lay the preview of a change over a part of the open version, until another version is shown.

        bounds in image pixels; pixels: H×W×3 or H×W×4 uint8 sRGB, of any resolution.
        """
        self.layers.main.set_overlay("change", PartImage(to_image(pixels), bounds))
        self._refresh()

    @property
    def has_change(self) -> bool:
        """Whether the preview of a change lies over the open version."""
        return self.layers.main.overlay("change") is not None

    def hide_change(self, hidden: bool) -> None:
        """Show the open version without the preview of its change, or with it again."""
        self.layers.main.hide_change(hidden)
        self._refresh()

    def clear_change(self) -> None:
        """Remove the preview of a change."""
        if self.has_change:
            self.layers.main.set_overlay("change", None)
            self._refresh()

    def clear(self) -> None:
        """Show the empty state."""
        self.layers.clear()
        self._queue.clear()
        self._tiles.reset()
        self._update_size()

    # Tiles

    def add_tiles(self, tiles: Sequence[tuple[bytes, Pixels]]) -> None:
        """Add requested tiles: hash and pixels, H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the version's profile."""
        self._tiles.add(tiles, self.layers.main.icc)

    def request_again(self) -> None:
        """Request missing tiles again: the last request ended, perhaps without all of them."""
        self._tiles.reset()
        self._renderer.prefetch_again()
        self.update()

    def paint_tile(self, bounds: Bounds, pixels: Pixels) -> None:
        """Show a finished part of a running restoration over the open version, until another version is shown.

        bounds in image pixels; pixels: H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the photo's profile.
        """
        restored, icc = self.layers.main.restored, self.layers.main.icc

        def add(at: Bounds, part: Pixels) -> None:
            restored.add(at, part, icc)
            if restored is self.layers.main.restored:  # else another version was shown in the meantime
                self._renderer.repaint(self.layers.main, at)

        for y in range(0, bounds.height, BLOCK):
            for x in range(0, bounds.width, BLOCK):
                part = pixels[y : y + BLOCK, x : x + BLOCK]
                at = Bounds(bounds.x + x, bounds.y + y, part.shape[1], part.shape[0])
                self._queue.add(lambda at=at, part=part: add(at, part))

    def clear_painted(self) -> None:
        """Remove the parts of a cancelled restoration; `show_version` removes them too."""
        self.layers.main.clear_restored()
        self._refresh()

    @property
    def has_active_tool(self) -> bool:
        """Whether a tool works on the photo: it has the keys first."""
        return self._tools.active is not None

    # Changes of the parts

    def _panes(self) -> tuple[Pane, ...]:
        return self.comparison.panes(self.view.bounds())

    def _update_size(self) -> None:
        """Update for another version, perhaps of another size."""
        if self.view.photo_size != self.layers.main.size:
            self._tools.cancel()
            # In the compare view all versions lie over the same field: choosing a larger one moves nothing.
            self.view.show_photo(self.layers.main.size, keep=self.comparison.shown is not None)
            self.invitation.arrange(visible=self.view.photo_size is None)
        self._refresh()

    def _click_pane(self, position: QPointF) -> None:
        x, y = self.view.to_device(position)
        for pane in self._panes():
            clip = pane.clip
            if pane.layer.version and clip.x <= x < clip.right and clip.y <= y < clip.bottom:
                self.pane_clicked.emit(pane.layer.version)

    def _arrange(self) -> None:
        """Update after the panes changed."""
        self.view.refresh()
        self._refresh()

    def _refresh(self) -> None:
        """Update after the painted content changed."""
        self.straighten.discard_snapshot()
        self._describe()
        self.update()

    def _describe(self) -> None:
        """The accessible description: which photo, how large, at which zoom, compared how."""
        if self.view.photo_size is None:
            text = opening_text(self._title) or self.tr("No photo. Drop a photo here or open one.")
        else:
            width, height = self.view.photo_size
            photo = self.tr("{photo}, {width} × {height} pixels, shown at {zoom}.").format(
                photo=self._title or self.tr("Photo"), width=width, height=height, zoom=f"{self.view.scale:.0%}"
            )
            sentences = (photo, self.comparison.description(self._panes()), self._tools.description())
            text = " ".join(sentence for sentence in sentences if sentence)
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        colors, panes = theme.colors(), self._panes()
        has_photo = self.view.photo_size is not None
        tool_paints = self._tools.active is not None and self._tools.active.paints_photo
        is_covered = has_photo and not tool_paints and panes[0].area == self.view.bounds()
        if not is_covered or self.view.ratio % 1:  # where it is fractional, the edge may lie between two pixels
            painter.fillRect(self.rect(), QColor(colors.canvas))
        if not has_photo:
            self.invitation.paint(painter, self._title)
        else:
            if not tool_paints:
                self._tiles.want(self._renderer.paint(painter, panes, self.view, colors.canvas))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.comparison.paint_labels(painter, panes, self.view)
            self._tools.paint(painter)
        if self._split.has_focus_ring or self._drops.is_hovered:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colors.ring), 2))
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _snapshot(self) -> QImage:
        image, missing = self._renderer.snapshot(self.layers.main, self.view, theme.colors().canvas)
        self._tiles.want(missing)
        return image

    # Events

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.view.zoom_by(1 + event.value(), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                center = self.mapFromGlobal(pinch.centerPoint().toPoint())
                self.view.zoom_by(pinch.scaleFactor(), QPointF(center))
                return True
        elif event.type() == QEvent.Type.DevicePixelRatioChange:
            self._arrange()
        elif event.type() == QEvent.Type.ShortcutOverride and self._uses_key(cast("QKeyEvent", event)):
            event.accept()
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.straighten.discard_snapshot()
        self.view.refresh()
        self.invitation.arrange(visible=self.view.photo_size is None)

    def hideEvent(self, event: QHideEvent) -> None:
        """Free the pixmaps of a hidden photo."""
        super().hideEvent(event)
        self.comparison.hide(True)
        self._renderer.clear()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.comparison.hide(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        is_touchpad = event.device().type() == QInputDevice.DeviceType.TouchPad
        # A touchpad scrolls; a mouse wheel, or Ctrl with either, zooms.
        if is_touchpad and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            by = event.angleDelta() if event.pixelDelta().isNull() else event.pixelDelta()
            self.view.pan(by.x() * self.view.ratio, by.y() * self.view.ratio)
        else:
            # One notch of a wheel is 120, so three notches double the scale.
            self.view.zoom_by(2 ** (event.angleDelta().y() / 360), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._was_clicked = True
        if not self._tools.press(self._pointer(event)):
            super().mousePressEvent(event)
        self._set_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.view.anchor = event.position()
        self._tools.move(self._pointer(event))
        self._set_cursor()
        self.hovered.emit(self.view.image_pixel(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._tools.release(self._pointer(event))
        self._set_cursor()
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._tools.double_click(self._pointer(event))
        self._set_cursor()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.view.anchor = event.position()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.view.anchor = None
        self._tools.leave()
        self.hovered.emit(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._tools.key(event):
            super().keyPressEvent(event)
        self._set_cursor()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._tools.key_release(event):
            super().keyReleaseEvent(event)
        self._set_cursor()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus ring only if the focus came from the keyboard."""
        self._split.has_focus_ring = event.reason() in KEYBOARD
        if event.reason() not in RETURNED:
            self._was_clicked = event.reason() == Qt.FocusReason.MouseFocusReason
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._tools.release_keys()
        self._split.has_focus_ring = False
        self._set_cursor()
        self.update()

    def _uses_key(self, event: QKeyEvent) -> bool:
        """Whether a key is no shortcut of the window now: Tab hides panels only for who works with the pointer."""
        is_tab = event.key() == Qt.Key.Key_Tab and not event.modifiers()
        return self._tools.uses_key(event) or (is_tab and not self._was_clicked)

    def _pointer(self, event: QMouseEvent) -> Pointer:
        image = self.view.image_point(event.position())
        return Pointer(event.position(), image, event.button(), event.modifiers())

    def _set_cursor(self) -> None:
        self.setCursor(self._tools.cursor())
