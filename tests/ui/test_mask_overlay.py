"""Masks and boxes over a photo: where they are, and that they can be seen on any photo."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from clarity_desktop.ui.canvas.box_overlay import BoxOverlay
from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.canvas.mask_overlay import MaskOverlay, MaskStyle, ShownMask, sampled
from clarity_desktop.values import Bounds, Region

SIZE = (100, 80)
SQUARE = Region.rectangle(Bounds(20, 20, 40, 30), *SIZE)


def painted(overlay: MaskOverlay | BoxOverlay, ground: str, place: Placement, area: QRect | None = None) -> np.ndarray:
    """RGB of a screen of one color with the overlay on it."""
    image = QImage(200, 160, QImage.Format.Format_RGB32)
    image.fill(QColor(ground))
    painter = QPainter(image)
    overlay.paint(painter, SIZE, place, area or QRect(0, 0, 200, 160))
    painter.end()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(160, 200, 4)
    return rows[..., 2::-1].copy()


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_mask_is_sampled_where_the_screen_shows_it(scale: float):
    place = Placement(10, 5, SIZE[0] * scale, SIZE[1] * scale)
    at = QRect(0, 0, 200, 160)
    mask = sampled(SQUARE, SIZE, place, at)
    rows, columns = np.flatnonzero(mask.max(1) > 127), np.flatnonzero(mask.max(0) > 127)
    assert (columns[0], columns[-1] + 1) == (10 + 20 * scale, 10 + 60 * scale)
    assert (rows[0], rows[-1] + 1) == (5 + 20 * scale, 5 + 50 * scale)


def test_a_reduced_mask_is_averaged():
    stripes = np.zeros((30, 40), np.uint8)
    stripes[:, ::2] = 255
    region = Region(Bounds(20, 20, 40, 30), stripes, *SIZE)
    mask = sampled(region, SIZE, Placement(0, 0, 50, 40), QRect(0, 0, 50, 40))
    assert set(np.unique(mask[12:22, 12:28]).tolist()) == {127}


@pytest.mark.parametrize("style", ["tint", "outline", "dim"])
@pytest.mark.parametrize("ground", ["#000000", "#ffffff", "#ff4646", "#808080"])
def test_the_selection_is_seen_on_any_photo(style: MaskStyle, ground: str):
    overlay = MaskOverlay((ShownMask(SQUARE, "#ff4646"),), style)
    place = Placement(0, 0, 200, 160)
    shown, plain = painted(overlay, ground, place), np.array(QColor(ground).getRgb()[:3])
    change = np.abs(shown.astype(int) - plain).max(2)
    if style == "dim":
        if ground != "#000000":  # nothing is darker than black
            assert change[:30].min() > 60
        assert change[60:80, 60:100].max() == 0
        return
    # The edge has black and colored dashes; one of the two differs from any ground.
    assert (change[38:42, 40:120].max(0) > 100).mean() > 0.3
    assert change[:30].max() == 0


def test_only_the_asked_area_is_painted():
    overlay = MaskOverlay((ShownMask(SQUARE, "#00ff00"),), "tint")
    place, area = Placement(0, 0, 200, 160), QRect(50, 50, 20, 20)
    part, whole = painted(overlay, "#808080", place, area), painted(overlay, "#808080", place)
    assert np.array_equal(part[50:70, 50:70], whole[50:70, 50:70])
    assert (part[:40] == 128).all()


def test_the_border_of_the_photo_is_an_edge_of_a_region_that_covers_it():
    everything = Region.rectangle(Bounds(0, 0, *SIZE), *SIZE)
    shown = painted(MaskOverlay((ShownMask(everything, "#00ff00"),), "outline"), "#808080", Placement(20, 20, 100, 80))
    assert np.abs(shown[20:23, 40:100].astype(int) - 128).max() > 100
    assert (shown[50:60, 50:90] == 128).all()


def test_boxes_have_labels_inside_the_photo():
    overlay = BoxOverlay(((Bounds(0, 0, 30, 20), "car 93%", True), (Bounds(50, 40, 30, 20), "car 61%", False)), 1.0)
    shown = painted(overlay, "#ffffff", Placement(0, 0, 200, 160))
    assert (shown[2:10, 2:40].min(2) < 120).any()  # the label of a box at the upper edge is not cut off
    assert (shown < 255).any(2)[78:124, 98:164].any()
