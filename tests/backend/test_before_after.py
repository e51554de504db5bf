"""Pictures of before and after, histograms, and what metadata say of a photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from clarity_desktop.backend.pictures import before_after, histogram_of, photo_info
from clarity_desktop.values import BeforeAfter, PhotoInfo, Picture, VersionId

Photo = Callable[..., np.ndarray]


def both(layout: Literal["side", "split"]) -> BeforeAfter:
    label = np.zeros((90, 300), np.uint8)
    label[30:60, 40:260] = 255
    return BeforeAfter(VersionId("v0"), layout, (label, label))


@pytest.mark.parametrize("depth", [8, 16])
def test_side_by_side_shows_both_whole(photo: Photo, depth: int) -> None:
    old, new = photo(400, 300, depth), photo(400, 300, depth, seed=1)
    out = before_after(Picture(old), Picture(new, exif=b"kept"), both("side"))
    gap = out.pixels.shape[1] - 800
    assert out.pixels.dtype == old.dtype
    assert out.exif == b"kept"
    assert 1 < gap < 8
    # Below the labels every pixel is that of its version.
    assert np.array_equal(out.pixels[100:, :400], old[100:])
    assert np.array_equal(out.pixels[100:, 400 + gap :], new[100:])
    assert not np.array_equal(out.pixels[:60, :150], old[:60, :150])


def test_a_split_picture_has_half_of_each(photo: Photo) -> None:
    old, new = photo(400, 300), photo(400, 300, seed=1)
    out = before_after(Picture(old), Picture(new), both("split")).pixels
    assert out.shape == new.shape
    assert np.array_equal(out[100:, :190], old[100:, :190])
    assert np.array_equal(out[100:, 210:], new[100:, 210:])
    assert (out[100:, 200] == 255).all()


def test_versions_of_other_sizes_and_transparency_fit(photo: Photo) -> None:
    alpha = np.zeros((150, 200), np.uint8)
    out = before_after(Picture(photo(400, 200)), Picture(photo(200, 150), alpha), both("side")).pixels
    assert out.shape[0] == 150
    assert out.shape[1] > 500
    assert (out[100:, -150:] == 255).all()
    tiny = before_after(Picture(photo(5, 4)), Picture(photo(5, 4)), both("split")).pixels
    assert tiny.shape == (4, 5, 3)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_histogram_counts_values_and_clipping(depth: int) -> None:
    pixels = np.full((10, 10, 3), 128 if depth == 8 else 128 * 257, np.uint8 if depth == 8 else np.uint16)
    pixels[:2] = np.iinfo(pixels.dtype).max
    pixels[2:3, :, 1] = 0
    found = histogram_of(pixels)
    assert found.counts.shape == (4, 256)
    assert (found.counts.sum(1) == 100).all()
    assert found.counts[0, 128] == 80
    assert found.counts[1, 0] == 10
    assert (found.dark, found.bright) == (pytest.approx(0.1), pytest.approx(0.2))


def test_a_histogram_of_a_large_photo_counts_every_pixel() -> None:
    pixels = np.full((4200, 4100, 3), 7, np.uint8)  # single precision counts to 2²⁴
    pixels[0, 0] = 8
    counts = histogram_of(pixels).counts
    assert counts[:, 7].tolist() == [4200 * 4100 - 1] * 4


def test_facts_are_read_from_exif() -> None:
    exif = Image.Exif()
    base = ExifTags.Base
    exif[base.Make], exif[base.Model] = "NIKON CORPORATION", "NIKON D90 \0"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[base.ExposureTime], inner[base.FNumber] = IFDRational(1, 250), IFDRational(28, 10)
    inner[base.ISOSpeedRatings], inner[base.FocalLength] = 400, IFDRational(50, 1)
    inner[base.FocalLengthIn35mmFilm], inner[base.LensModel] = 75, "50mm f/1.8"
    inner[base.DateTimeOriginal], inner[base.Flash] = "2024:05:17 10:20:30", 16
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[3], gps[4] = "N", (48.0, 30.0, 0.0), "W", (9.0, 0.0, 36.0)
    found = photo_info(Picture(np.zeros((1, 1, 3), np.uint8), exif=exif.tobytes(), format="JPEG"))
    assert found.camera == "NIKON D90"
    assert found.exposure == pytest.approx(1 / 250)
    assert (found.aperture, found.iso, found.focal, found.focal_35) == (pytest.approx(2.8), 400, 50.0, 75)
    assert (found.lens, found.taken, found.flash) == ("50mm f/1.8", "2024:05:17 10:20:30", False)
    assert found.place == (pytest.approx(48.5), pytest.approx(-9.01))


@pytest.mark.parametrize(
    "block", [None, b"", b"Exif\0\0", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 60]
)
def test_a_broken_block_says_nothing(block: bytes | None) -> None:
    found = photo_info(Picture(np.zeros((1, 1, 3), np.uint8), exif=block, format="PNG"))
    assert found == PhotoInfo(format="PNG")
