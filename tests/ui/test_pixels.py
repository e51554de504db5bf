"""numpy to QImage and back; profiles become the screen's sRGB."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from PySide6.QtGui import QColor, QColorSpace, QImage

from clarity_desktop.ui.pixels import halved, to_image, to_picture, to_pixels

P3 = bytes(QColorSpace(QColorSpace.NamedColorSpace.DisplayP3).iccProfile().data())
GRAY = bytes(QColorSpace(QColorSpace.NamedColorSpace.SRgb).iccProfile().data()).replace(b"RGB XYZ ", b"GRAY XYZ")


def rgb(image: QImage, x: int, y: int) -> tuple[int, int, int]:
    color = image.pixelColor(x, y)
    return color.red(), color.green(), color.blue()


def test_eight_bits_arrive_unchanged_at_odd_widths(photo):
    pixels = photo(37, 23)
    image = to_image(pixels)
    assert (image.width(), image.height()) == (37, 23)
    assert rgb(image, 36, 22) == tuple(pixels[22, 36])
    assert rgb(image, 5, 0) == tuple(pixels[0, 5])


def test_a_part_of_an_array_is_shown_as_it_is(photo):
    pixels = photo(64, 64)
    assert rgb(to_image(pixels[8:40, 16:50]), 3, 2) == tuple(pixels[10, 19])


def test_sixteen_bits_are_rounded_to_eight():
    pixels = np.array([[[0, 65535, 257 * 77], [128, 129, 65407]]], np.uint16)
    image = to_image(pixels)
    assert rgb(image, 0, 0) == (0, 255, 77)
    assert rgb(image, 1, 0) == (0, 1, 255)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_wide_profile_is_converted(depth: int):
    top = 255 if depth == 8 else 65535
    kind = np.uint8 if depth == 8 else np.uint16
    # Display P3 (0.5, 0.25, 0.25) lies inside sRGB, at about (0.538, 0.232, 0.242)
    pixels = np.full((4, 4, 3), 0, kind) + (np.array([0.5, 0.25, 0.25]) * top).astype(kind)
    red, green, blue = rgb(to_image(pixels.astype(kind), P3), 1, 1)
    assert red == pytest.approx(0.538 * 255, abs=1.6)
    assert green == pytest.approx(0.232 * 255, abs=1.6)
    assert blue == pytest.approx(0.242 * 255, abs=1.6)


@pytest.mark.parametrize("icc", [b"no profile at all", P3[:200], GRAY, b""])
def test_a_profile_that_cannot_be_used_counts_as_srgb(photo, icc: bytes):
    pixels = photo(8, 8)
    assert rgb(to_image(pixels, icc), 3, 4) == tuple(pixels[4, 3])


@pytest.mark.parametrize("depth", [8, 16])
def test_the_image_outlives_the_array(photo, depth: int):
    pixels = photo(300, 200, depth)
    expected = to_image(pixels.copy(), P3)
    image = to_image(pixels, P3)
    del pixels
    gc.collect()
    _ = [np.random.default_rng(1).integers(0, 255, (200, 300, 3), np.uint8) for _ in range(8)]
    assert image == expected


def test_a_bitmap_comes_back_as_pixels(photo):
    pixels = photo(37, 23)
    back, alpha = to_pixels(to_image(pixels))
    assert alpha is None
    assert np.array_equal(back, pixels)


def test_a_bitmap_with_transparency_has_an_alpha():
    image = QImage(5, 3, QImage.Format.Format_ARGB32)
    image.fill(QColor(10, 20, 30, 128))
    image.setPixelColor(1, 1, QColor(200, 100, 50, 255))
    pixels, alpha = to_pixels(image)
    assert alpha is not None
    assert alpha[0, 0] == 128
    assert alpha[1, 1] == 255
    assert tuple(pixels[1, 1]) == (200, 100, 50)


def test_a_deep_bitmap_keeps_sixteen_bits():
    image = QImage(3, 2, QImage.Format.Format_RGBA64)
    image.fill(QColor.fromRgba64(1000, 2000, 3000, 65535))
    pixels, alpha = to_pixels(image)
    assert pixels.dtype == np.uint16
    assert alpha is None
    assert tuple(pixels[1, 2]) == (1000, 2000, 3000)


def test_halving_rounds_up_and_averages():
    image = to_image(np.array([[[0] * 3, [200] * 3, [100] * 3]], np.uint8))
    half = halved(image)
    assert (half.width(), half.height()) == (2, 1)
    assert 60 < rgb(half, 0, 0)[0] < 140


def test_a_picture_for_the_clipboard_keeps_its_alpha():
    pixels = np.full((4, 6, 3), (10, 200, 30), np.uint8)
    alpha = np.zeros((4, 6), np.uint8)
    alpha[:, 3:] = 255
    back, kept = to_pixels(to_picture(pixels, alpha))
    assert kept is not None
    assert np.array_equal(kept, alpha)
    assert np.array_equal(back[:, 3:], pixels[:, 3:])
    assert to_pixels(to_picture(pixels, None))[1] is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("icc", [None, P3])
def test_alpha_changes_no_color_and_is_kept(depth: type, icc: bytes | None):
    top = np.iinfo(depth).max
    colors = np.random.default_rng(0).integers(0, top + 1, (20, 30, 3)).astype(depth)
    alpha = np.full((20, 30, 1), top, depth)
    alpha[:, 15:] = 0
    plain, shown = to_image(colors, icc), to_image(np.concatenate([colors, alpha], axis=2), icc)
    assert shown.format() == QImage.Format.Format_ARGB32_Premultiplied
    for x in (0, 14):
        for y in range(20):
            a, b = plain.pixelColor(x, y), shown.pixelColor(x, y)
            assert max(abs(p - q) for p, q in zip(a.getRgb(), b.getRgb(), strict=True)) <= 1
    assert shown.pixel(20, 10) == 0, "nothing is left of a hidden color"
