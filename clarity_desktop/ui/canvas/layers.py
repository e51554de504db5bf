"""The pictures of a canvas: the open version, those compared with it, and their overlays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from clarity_desktop.ui.canvas.checkerboard import draw_image
from clarity_desktop.ui.canvas.geometry import Placement, to_screen
from clarity_desktop.ui.canvas.through import ThroughMask
from clarity_desktop.ui.canvas.tiles import (
    MAX_SMOOTH_SCALE,
    SMOOTH,
    ImagePart,
    MissingTile,
    Pyramid,
    RestoredParts,
    ScreenTileCache,
)
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import TILE, Bounds, Manifest, Pixels, VersionId

OverlayName = Literal["change", "heat", "part", "mask", "boxes"]
"""Overlays of a layer, by what they show."""


class Overlay(Protocol):
    """Something that is painted over a layer's pixels and moves with them: a heat map, a mask, restored parts."""

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:
        """Paint what touches `area`. size: width and height of the layer in its pixels, which cover `place`.

        place and area are in device pixels. The painter is clipped to area, so painting more does no harm.
        """
        ...


class StretchedImage:
    """An image of any size that covers the whole photo."""

    def __init__(self, image: QImage) -> None:
        self.image = image

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:  # noqa: ARG002
        """See `Overlay.paint`."""
        painter.setRenderHint(SMOOTH, on=True)
        painter.drawImage(QRectF(place.x, place.y, place.width, place.height), self.image)


class PartImage:
    """An image that covers a part of the photo: bounds in image pixels."""

    def __init__(self, image: QImage, bounds: Bounds) -> None:
        self._image, self._bounds = image, bounds

    def paint(self, painter: QPainter, size: tuple[int, int], place: Placement, area: QRect) -> None:
        """See `Overlay.paint`."""
        target = to_screen(self._bounds, *size, place)
        if target.intersects(area):
            painter.setRenderHint(SMOOTH, target.width() / self._image.width() < MAX_SMOOTH_SCALE)
            draw_image(painter, target, self._image, QRectF(self._image.rect()), place)


class Layer(Protocol):
    """What a pane shows: a picture, or the difference of two."""

    @property
    def version(self) -> VersionId | None:
        """The version shown, if it is one."""
        ...

    @property
    def revision(self) -> object:
        """Changes with everything that is shown except arriving tiles."""
        ...

    def paint(self, painter: QPainter, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[MissingTile]:
        """Paint what touches an area of the screen and return the tiles that were missing."""
        ...

    def nearby_tiles(self, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[bytes]:
        """Tiles to fetch in advance around an area that is complete."""
        ...

    def drop_previous(self) -> None:
        """All visible tiles are cached."""
        ...


class PictureLayer:
    """One version with its overlays; before its manifest is known, a preview. Knows no widget."""

    def __init__(self, cache: ScreenTileCache) -> None:
        self.size: tuple[int, int] | None = None
        self.icc: bytes | None = None
        self.restored = RestoredParts()
        self.through: ThroughMask | None = None  # a part of another version, to be taken from it
        self.revision = 0  # changes with everything that is shown except arriving tiles
        self._cache = cache
        self._pyramid: Pyramid | None = None
        self._preview: QImage | None = None
        # Shown until the new version's tiles are there.
        self._previous: tuple[Pyramid, RestoredParts, Overlay | None] | None = None
        self._overlays: dict[OverlayName, Overlay] = {}
        self._hides_change = False

    @property
    def manifest(self) -> Manifest | None:
        """The tiles of the version; None while there is only a preview."""
        return None if self._pyramid is None else self._pyramid.manifest

    @property
    def version(self) -> VersionId | None:
        """The version shown; None for a preview."""
        return None if self._pyramid is None else self._pyramid.manifest.version

    def show_preview(self, size: tuple[int, int], pixels: Pixels, icc: bytes | None) -> None:
        """Show a reduced picture of a photo of that size.

        pixels: H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the profile icc.
        """
        self.clear()
        self.size, self.icc = size, icc
        self._preview = to_image(pixels, icc)

    def show_version(self, manifest: Manifest, icc: bytes | None) -> None:
        """Show a version without overlays. One of the same size is shown until the tiles of the new one are there."""
        new = Pyramid(manifest, icc, self._cache)
        same_size = new.size == self.size
        if self._pyramid is not None or not same_size:
            self._preview = None
        # The preview of a change looks like the version that it becomes.
        previous = None if self._pyramid is None else (self._pyramid, self.restored, self._overlays.get("change"))
        self._previous = previous if same_size else None
        self._pyramid, self.size, self.icc = new, new.size, icc
        self._overlays.clear()
        self.through = None
        self.clear_restored()

    def set_through(self, through: ThroughMask | None) -> None:
        """Show a part of another version over this one, until another version is shown; None removes it."""
        if through is not self.through:
            self.through = through
            self.revision += 1

    def set_overlay(self, name: OverlayName, overlay: Overlay | None) -> None:
        """Set or (None) remove an overlay; it stays until another version is shown."""
        if overlay is self._overlays.get(name):
            return
        self._overlays.pop(name, None)
        if overlay is not None:
            self._overlays[name] = overlay
        self.revision += 1

    def hide_change(self, hidden: bool) -> None:
        """Show the version without the preview of its change, or with it again."""
        if hidden != self._hides_change:
            self._hides_change = hidden
            self.revision += 1

    def overlay(self, name: OverlayName) -> Overlay | None:
        """The overlay of that name."""
        return self._overlays.get(name)

    def clear(self) -> None:
        """Show nothing."""
        self._overlays.clear()
        self.through = None
        self.size = self._pyramid = self._previous = self._preview = None
        self.clear_restored()

    def clear_restored(self) -> None:
        """Remove the parts of a running restoration."""
        self.restored = RestoredParts()
        self.revision += 1

    def drop_previous(self) -> None:
        """Drop the previous version: all visible tiles of the new one are cached."""
        self._previous = None

    def value(self, x: int, y: int) -> tuple[int, ...] | None:
        """The photo's own RGB or RGBA value at an image pixel; see `Pyramid.value`."""
        return None if self._pyramid is None else self._pyramid.value(x, y)

    def paint(self, painter: QPainter, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[MissingTile]:
        """Paint the layer where it touches an area of the screen and return the tiles that were missing.

        place is where the photo of photo_size lies; a layer of another size is centered in it.
        """
        if self.size is None:
            return []
        missing = self.paint_pixels(painter, photo_size, place, area)
        place = self._fit_into(place, photo_size)
        self.restored.paint(painter, self.size, place, area)
        if self.through is not None:
            missing += self.through.paint(painter, self.size, place, area)
        for name in ("change", "heat", "part", "mask", "boxes"):  # from the lowest to the topmost
            overlay = None if name == "change" and self._hides_change else self._overlays.get(name)
            if overlay is not None:
                overlay.paint(painter, self.size, place, area)
        return missing

    def paint_pixels(
        self, painter: QPainter, photo_size: tuple[int, int], place: Placement, area: QRect
    ) -> list[MissingTile]:
        """As `paint`, without overlays and parts of a running restoration."""
        if self.size is None:
            return []
        place = self._fit_into(place, photo_size)
        if self._pyramid is not None:
            return self._paint_version(painter, self._pyramid, place, area)
        if self._preview is not None:
            painter.setRenderHint(SMOOTH, on=True)
            target = to_screen(Bounds(0, 0, *self.size), *self.size, place)
            draw_image(painter, target, self._preview, QRectF(self._preview.rect()), place)
        return []

    def covers(self, photo_size: tuple[int, int], place: Placement) -> QRect:
        """What the layer covers of the screen where the photo of photo_size lies at `place`."""
        if self.size is None:
            return QRect()
        return to_screen(Bounds(0, 0, *self.size), *self.size, self._fit_into(place, photo_size))

    def nearby_tiles(self, photo_size: tuple[int, int], place: Placement, area: QRect) -> list[bytes]:
        """Tiles to fetch in advance around an area that is complete: those beside it, and coarser ones farther out."""
        if self._pyramid is None:
            return []
        pyramid, place = self._pyramid, self._fit_into(place, photo_size)
        level = pyramid.level(place)
        coarser = min(level + 2, len(pyramid.manifest.levels) - 1)
        # Three times the visible area in each direction, at a quarter of the resolution.
        far = area.adjusted(-area.width(), -area.height(), area.width(), area.height())
        return [
            pyramid.hash(at, index)
            for at, region in ((coarser, far), (level, area.adjusted(-TILE, -TILE, TILE, TILE)))
            for index, _ in pyramid.tiles(at, place, region)
            if not pyramid.has(at, index)
        ]

    def _fit_into(self, place: Placement, photo_size: tuple[int, int]) -> Placement:
        return place if self.size is None or self.size == photo_size else place.within(*self.size)

    def _paint_version(self, painter: QPainter, pyramid: Pyramid, place: Placement, area: QRect) -> list[MissingTile]:
        level = pyramid.level(place)
        if self._previous is None or all(pyramid.has(level, index) for index, _ in pyramid.tiles(level, place, area)):
            return self._paint_tiles(painter, pyramid, place, area, with_substitutes=True)
        # The previous version is sharp, the new one's coarser levels are not: switching late does not flicker.
        previous, restored, change = self._previous
        self._paint_tiles(painter, previous, place, area, with_substitutes=True)
        restored.paint(painter, previous.size, place, area)
        if change is not None:
            change.paint(painter, previous.size, place, area)
        return self._paint_tiles(painter, pyramid, place, area, with_substitutes=False)

    def _paint_tiles(
        self, painter: QPainter, pyramid: Pyramid, place: Placement, area: QRect, *, with_substitutes: bool
    ) -> list[MissingTile]:
        """with_substitutes: paint coarser levels or the preview where tiles are missing."""
        level = pyramid.level(place)
        # Beyond 200% pixels are shown as squares, for judging single pixels.
        is_smooth = place.width / pyramid.manifest.levels[level].width < MAX_SMOOTH_SCALE
        missing: list[MissingTile] = []
        for index, target in pyramid.tiles(level, place, area):
            part = pyramid.find(level, index)
            painter.setRenderHint(SMOOTH, is_smooth or part is None)
            if part is None:
                missing.append((pyramid.hash(level, index), target))
                part = self._substitute(pyramid, level, index) if with_substitutes else None
            if part is not None:
                draw_image(painter, target, *part, place)
        return missing

    def _substitute(self, pyramid: Pyramid, level: int, index: int) -> ImagePart | None:
        part = pyramid.find_coarser(level, index)
        if part is None and self._preview is not None and pyramid is self._pyramid:
            return _preview_part(self._preview, pyramid, level, index)
        return part


class Layers:
    """The pictures of a canvas: the open version (`main`) and up to five that are compared with it."""

    def __init__(self, cache: ScreenTileCache) -> None:
        self.cache = cache
        self.main = PictureLayer(cache)
        self.compared: tuple[PictureLayer, ...] = ()

    def __iter__(self) -> Iterator[PictureLayer]:
        yield from self.compared
        yield self.main

    def find(self, version: VersionId) -> PictureLayer | None:
        """The layer that shows a version."""
        return next((layer for layer in self if layer.version == version), None)

    def compare_with(self, manifests: Sequence[Manifest]) -> bool:
        """Show these versions beside the open one, in its profile. Returns whether something changed.

        A layer that already shows one of them is kept with its overlays.
        """
        before = self.compared
        # By identity: comparing two manifests would compare thousands of hashes.
        shown = {id(layer.manifest): layer for layer in before if layer.icc == self.main.icc}
        self.compared = tuple(shown.get(id(m)) or self._layer(m) for m in manifests)
        return self.compared != before

    def clear(self) -> None:
        """Show nothing."""
        self.main.clear()
        self.compared = ()

    def _layer(self, manifest: Manifest) -> PictureLayer:
        layer = PictureLayer(self.cache)
        layer.show_version(manifest, self.main.icc)
        return layer


def _preview_part(preview: QImage, pyramid: Pyramid, level: int, index: int) -> ImagePart:
    """The part of the preview that a tile covers."""
    at = pyramid.manifest.levels[level]
    bounds, across, down = at.bounds(index), preview.width() / at.width, preview.height() / at.height
    return preview, QRectF(bounds.x * across, bounds.y * down, bounds.width * across, bounds.height * down)
