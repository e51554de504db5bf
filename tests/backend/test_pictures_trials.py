"""Files that real programs wrote and that once were read wrongly, with their right values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from clarity_desktop.backend.pictures import Decoder

WHITE, DEEP_FIRST = 65535, (30840, 23130, 15420)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


# File: size (height, width), depth, stored first pixel, mean of 255, keys of the notes.
OPENED = {
    "tiff16_lab_lzw.tif": ((48, 64), 16, None, (128, 142, 137), ["converted_lab"]),
    "tiff16_cmyk_lzw.tif": ((64, 96), 16, DEEP_FIRST, (127, 141, 137), ["converted_cmyk_unprofiled"]),
    "tiff16_grey_alpha_lzw.tif": ((64, 96), 16, (23130,) * 3, None, []),
    "tiff16_zstd.tif": ((64, 96), 16, DEEP_FIRST, (127, 141, 137), []),
    "tiff_f32_deflate_predictor3.tif": ((64, 96), 16, DEEP_FIRST, (127, 141, 137), ["float_scaled"]),
    "tiff8_jpeg2000.tif": ((64, 96), 8, (120, 90, 60), (127, 141, 137), []),
    "png_cicp_p3.png": ((64, 96), 8, (120, 90, 60), (127, 141, 137), []),
    "png_cicp_srgb_and_gama1.png": ((64, 96), 8, (120, 90, 60), (127, 141, 137), []),
    "png_gama_chrm_adobe.png": ((64, 96), 8, (120, 90, 60), (127, 141, 137), []),
    "png_iccp_1300k.png": ((64, 96), 8, (120, 90, 60), (127, 141, 137), []),
    "png_ztxt_1300k.png": ((64, 96), 8, None, (127, 141, 137), []),
    "png_bad_crc_in_text.png": ((64, 96), 16, DEEP_FIRST, (127, 141, 137), []),
    "avif10_pq.avif": ((64, 96), 16, None, (127, 141, 137), ["hdr"]),
    "avif10_opened_as_8bit.avif": ((200, 200), 16, None, None, ["hdr"]),
    "avif_clean_aperture.avif": ((32, 40), 8, None, None, []),
    "jpg_cmyk_no_adobe_marker.jpg": ((120, 160), 8, None, (128, 142, 137), ["converted_cmyk_unprofiled"]),
    "jpg_without_end_mark.jpg": ((120, 160), 8, None, (128, 142, 137), ["jpeg_no_end"]),
    "jpg_cut_with_end_mark.jpg": ((120, 160), 8, None, None, ["jpeg_incomplete"]),
    "mpo_two_pictures.mpo": ((64, 96), 8, None, (127, 141, 137), ["first_only"]),
}


@pytest.mark.parametrize("name", OPENED)
def test_it_opens_with_its_own_size_depth_and_colors(decoder, shared, name):
    size, depth, first, mean, notes = OPENED[name]
    picture = decoder.read(shared / "trials" / name)
    assert picture.pixels.shape[:2] == size
    assert picture.depth == depth
    assert [note.key.removeprefix("pictures.") for note in picture.notes] == notes
    if first is not None:
        assert np.abs(picture.pixels[0, 0].astype(int) - first).max() <= (2 if depth == 8 else 64)
    if mean is not None:
        assert np.abs(picture.pixels.mean((0, 1)) * (1 if depth == 8 else 255 / WHITE) - mean).max() < 1


def test_profiles_that_png_files_state_in_numbers_are_known(decoder, shared):
    said = {n: decoder.read(shared / f"trials/{n}.png").profile for n in
            ("png_cicp_p3", "png_cicp_srgb_and_gama1", "png_gama_chrm_adobe", "png_iccp_1300k")}  # fmt: skip
    assert said["png_cicp_p3"] == said["png_iccp_1300k"] == "Display P3"
    assert said["png_cicp_srgb_and_gama1"] == "sRGB"
    assert "Adobe RGB" in said["png_gama_chrm_adobe"]


def test_deep_files_are_turned_once(decoder, shared):
    turned = decoder.read(shared / "trials/tiff16_lzw_orientation3.tif")
    assert np.abs(turned.pixels[-1, -1].astype(int) - DEEP_FIRST).max() <= 64
    linear = decoder.read(shared / "trials/tiff_f32_linear_icc_orientation6.tif")
    assert linear.pixels.shape == (96, 64, 3)
    assert np.abs(linear.pixels[0, -1].astype(int) - DEEP_FIRST).max() <= 64
    assert linear.exif
    assert linear.xmp
    later = decoder.read(shared / "trials/png16_exif_after_idat.png")
    assert later.pixels.shape == (96, 64, 3)
    assert later.exif
    assert later.xmp


def test_transparency_is_kept(decoder, shared):
    key = decoder.read(shared / "trials/png16_grey_trns.png")
    assert np.array_equal(key.alpha == 0, key.pixels[..., 0] == 1234)
    assert set(np.unique(key.alpha)) == {0, WHITE}
    gray = decoder.read(shared / "trials/tiff16_grey_alpha_lzw.tif")
    assert not gray.alpha[:20].any()
    assert gray.alpha[20:].all()
    heic = decoder.read(shared / "trials/heic_premultiplied_alpha.heic")
    assert np.abs(heic.pixels[12, 10].astype(int) - (160, 109, 76)).max() <= 6  # lossy
    assert abs(int(heic.alpha[12, 10]) - 128) <= 1


def test_infinite_light_is_white(decoder, shared):
    picture = decoder.read(shared / "trials/tiff_f32_infinite.tif")
    assert (picture.pixels[:, :10] == WHITE).all()
