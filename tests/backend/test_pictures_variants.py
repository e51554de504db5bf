"""Rarer variants of the formats: number types, light beyond white, files that are not quite whole, new formats."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import OpenEXR
import pillow_heif
import pytest
import tifffile
from PIL import Image

from clarity_desktop.backend.pictures import Decoder, color_management, encode, icc, jpegxl_header, losses
from clarity_desktop.backend.pictures.stored_photo import CodePoints
from clarity_desktop.messages import UserError
from clarity_desktop.values import ExportOptions, Picture

WHITE = 65535


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def opened(decoder: Decoder, path: Path, data: bytes) -> Picture:
    path.write_bytes(data)
    return decoder.read(path)


def notes(picture: Picture) -> list[str]:
    return [note.key.removeprefix("pictures.") for note in picture.notes]


def tiff(samples: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, samples, photometric=options.pop("photometric", "minisblack"), metadata=None, **options)
    return out.getvalue()


def jpeg(pixels: np.ndarray, mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels, mode).save(out, "JPEG", quality=95, **options)
    return out.getvalue()


# TIFF ----------------------------------------------------------------------------------------------------------------


def test_a_compression_that_is_not_read_is_named(decoder, tmp_path):
    data = bytearray(tiff(np.zeros((8, 8), np.uint8)))
    at = data.find(struct.pack("<HHI", 259, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 34661)
    with pytest.raises(UserError, match="JBIG compression, which this program cannot read"):
        opened(decoder, tmp_path / "a.tif", bytes(data))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
def test_negative_samples_are_black_and_the_largest_is_white(decoder, tmp_path, dtype):
    top = np.iinfo(dtype).max
    picture = opened(decoder, tmp_path / "a.tif", tiff(np.array([[-5, 0, top]], dtype)))
    full = np.iinfo(picture.pixels.dtype).max
    assert picture.pixels[0, :, 0].tolist() == [0, 0, full]


@pytest.mark.parametrize("dtype", ["u4", "i4", "u8"])
def test_small_numbers_in_a_large_type_are_no_black_photo(decoder, tmp_path, dtype):
    picture = opened(decoder, tmp_path / "a.tif", tiff(np.array([[0, 128, 255]], dtype)))
    assert picture.pixels[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("bits", [6, 10, 14])
def test_samples_of_unusual_depths_are_rounded_to_the_nearest(decoder, tmp_path, bits):
    dtype, top = (np.uint8 if bits < 8 else np.uint16), (1 << bits) - 1
    stored = np.linspace(0, top, 64).astype(dtype).reshape(8, 8)
    picture = opened(decoder, tmp_path / "a.tif", tiff(stored, bitspersample=bits))
    assert np.array_equal(picture.pixels[..., 0], np.rint(stored / top * np.iinfo(dtype).max))


def test_values_that_are_no_numbers_are_black_and_infinite_ones_white(decoder, tmp_path):
    values = np.array([[np.nan, -np.inf, 0.5, np.inf]], np.float32)
    picture = opened(decoder, tmp_path / "a.tif", tiff(values))
    assert picture.pixels[0, :, 0].tolist() == [0, 0, 32768, WHITE]


def test_a_thumbnail_before_the_photo_is_passed_over(decoder, tmp_path):
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(np.zeros((4, 4, 3), np.uint8), photometric="rgb", subfiletype=1, metadata=None)
        file.write(np.full((20, 30, 3), 200, np.uint8), photometric="rgb", metadata=None)
    picture = opened(decoder, tmp_path / "a.tif", out.getvalue())
    assert picture.pixels.shape == (20, 30, 3)
    assert notes(picture) == []


def test_a_second_page_is_reported(decoder, tmp_path):
    picture = opened(decoder, tmp_path / "a.tif", tiff(np.zeros((2, 8, 8), np.uint8)))
    assert notes(picture) == ["first_only"]


def test_a_wrong_length_of_plain_pixels_and_a_fourth_channel_without_a_name_are_read(decoder, tmp_path, photo):
    pixels = np.dstack([photo(20, 16), photo(20, 16)[..., 0]])
    data = bytearray(tiff(pixels, photometric="rgb", extrasamples=["unassalpha"]))
    for tag, value in ((279, 35_711_440), (338, None)):
        at = next(k for k in range(8, len(data)) if data[k : k + 2] == struct.pack("<H", tag) and data[k + 3] == 0)
        if value is None:
            data[at : at + 2] = struct.pack("<H", 60_001)  # a tag that no one knows, in place of ExtraSamples
        else:
            data[at + 8 : at + 12] = struct.pack("<I", value)
    picture = opened(decoder, tmp_path / "a.tif", bytes(data))
    assert np.array_equal(picture.pixels, pixels[..., :3])
    assert np.array_equal(picture.alpha, pixels[..., 3])


def test_a_palette_with_alpha_keeps_it(decoder, tmp_path):
    data = bytearray(tiff(np.array([[[0, 255], [1, 90]]], np.uint8), extrasamples=["unassalpha"],
                          extratags=[(320, 3, 768, tuple(range(0, 65536, 86))[:762] + (0,) * 6, True)]))  # fmt: skip
    at = data.find(struct.pack("<HHI", 262, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 3)
    assert opened(decoder, tmp_path / "a.tif", bytes(data)).alpha.tolist() == [[255, 90]]


def test_linear_light_keeps_its_shadows(decoder, tmp_path):
    """Floating-point light of a thousandth of white has 13 of 255 levels in sRGB, in exact steps."""
    light = np.repeat(np.linspace(0, 0.01, 200, dtype=np.float32)[None, :, None], 3, 2)
    profile = icc.build("Linear", icc.SRGB_PRIMARIES, icc.gamma_curve(1))
    tag = (34675, 7, len(profile), profile, False)
    picture = opened(decoder, tmp_path / "a.tif", tiff(light, photometric="rgb", extratags=[tag]))
    wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * WHITE
    assert np.abs(picture.pixels - wanted).max() <= 2


def test_ycbcr_with_reduced_color_is_read(decoder, tmp_path, photo):
    out = io.BytesIO()
    pixels = photo(48, 32) // 2 + 60
    Image.fromarray(pixels).convert("YCbCr").save(out, "TIFF", compression="tiff_lzw")
    picture = opened(decoder, tmp_path / "a.tif", out.getvalue())
    assert np.abs(picture.pixels.astype(int) - pixels).mean() < 1


# PNG -----------------------------------------------------------------------------------------------------------------


def png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    file = imagecodecs.png_encode(np.ascontiguousarray(pixels))
    made = b"".join(struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks)
    return bytes(file[:33]) + made + bytes(file[33:])


def bare_tiff(pixels: bytes, *tags: tuple[int, int, tuple[int, ...]], order: str = "<") -> bytes:
    """A TIFF of the given tags (number, type 3 or 4, values) whose pixels begin at byte 8."""
    data, entries = (b"II*\0" if order == "<" else b"MM\0*") + bytes(4) + pixels + bytes(len(pixels) % 2), b""
    for tag, kind, values in sorted(tags):
        raw = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        where = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(order + "I", len(data))
        data += raw if len(raw) > 4 else b""
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + where
    head = struct.pack(order + "I", len(data))
    return data[:4] + head + data[8:] + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def strip(width: int, height: int, size: int) -> list[tuple[int, int, tuple[int, ...]]]:
    """Width, height, and one strip of that many bytes."""
    return [(256, 3, (width,)), (257, 3, (height,)), (273, 4, (8,)), (278, 3, (height,)), (279, 4, (size,))]


@pytest.mark.parametrize(("order", "kind"), [("<", 3), (">", 4)])
def test_ycbcr_without_compression_is_turned_once(decoder, tmp_path, order, kind):
    rows = np.array([[[50, 128, 128], [100, 128, 128], [150, 128, 128]], [[60, 128, 128]] * 3], np.uint8)
    tags = [(258, 3, (8, 8, 8)), (262, 3, (6,)), (277, 3, (3,)), (530, 3, (1, 1)), (274, kind, (6,))]
    data = bare_tiff(rows.tobytes(), *strip(3, 2, 18), *tags, order=order)
    assert opened(decoder, tmp_path / "a.tif", data).pixels[..., 1].tolist() == [[60, 50], [60, 100], [60, 150]]


def test_a_tiff_that_does_not_say_what_its_samples_mean_is_no_negative(decoder, tmp_path):
    gray = bare_tiff(bytes([10, 20]), *strip(2, 1, 2), (258, 3, (8,)), (277, 3, (1,)))
    assert opened(decoder, tmp_path / "a.tif", gray).pixels[0, :, 0].tolist() == [10, 20]
    colors = bare_tiff(bytes([10, 20, 30]), *strip(1, 1, 3), (258, 3, (8, 8, 8)), (277, 3, (3,)))
    assert opened(decoder, tmp_path / "a.tif", colors).pixels[0, 0].tolist() == [10, 20, 30]


def test_channels_of_different_depths_are_no_damage(decoder, tmp_path):
    pixels = struct.pack("<HH", 0b11111_000000_00001, 0b00000_111111_00000)
    tags = [(258, 3, (5, 6, 5)), (262, 3, (2,)), (277, 3, (3,))]
    picture = opened(decoder, tmp_path / "a.tif", bare_tiff(pixels, *strip(2, 1, 4), *tags))
    assert picture.pixels[0].tolist() == [[255, 0, 8], [0, 255, 0]]


def test_a_text_of_many_megabytes_is_no_damage(decoder, tmp_path, photo):
    long = b"Comment\0\0" + zlib.compress(bytes(40_000_000))
    picture = opened(decoder, tmp_path / "a.png", png(photo(20, 20), (b"zTXt", long)))
    assert np.array_equal(picture.pixels, photo(20, 20))


def test_a_damaged_pixel_chunk_is_refused(decoder, tmp_path, photo):
    data = bytearray(png(photo(20, 20)))
    data[data.find(b"IDAT") + 20] ^= 255
    with pytest.raises(UserError, match="damaged"):
        opened(decoder, tmp_path / "a.png", bytes(data))


def test_a_png_of_an_iphone_app_is_not_called_damaged(decoder, tmp_path, photo):
    whole = png(photo(8, 8))
    with pytest.raises(UserError, match="CgBI"):
        opened(decoder, tmp_path / "a.png", whole[:8] + struct.pack(">I4sII", 4, b"CgBI", 0x50002002, 0) + whole[8:])


@pytest.mark.parametrize(("dtype", "unit", "top"), [(np.uint8, 1, 255), (np.uint16, 256, WHITE)])
def test_a_png_in_the_range_of_video_fills_the_whole_range(decoder, tmp_path, dtype, unit, top):
    stored = (np.array([[[0] * 3, [16] * 3, [235] * 3, [255] * 3]]) * unit).astype(dtype)
    picture = opened(decoder, tmp_path / "a.png", png(stored, (b"cICP", bytes((1, 13, 0, 0)))))
    assert picture.pixels[0, :, 0].tolist() == [0, 0, top, top]


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_png_has_the_look_of_a_usual_photo(decoder, tmp_path, transfer):
    """Diffuse white of 203 cd/m² stays nearly white; what is brighter stays apart."""
    white = 0.5807 if transfer == 16 else 0.75
    signal = np.array([[0.0, white / 2, white, 0.9 if transfer == 16 else 1.0]])
    deep = np.rint(np.repeat(signal[..., None], 3, 2) * WHITE).astype(np.uint16)
    picture = opened(decoder, tmp_path / "a.png", png(deep, (b"cICP", bytes((1, transfer, 0, 1)))))
    levels = (picture.pixels[0, :, 0] / 257).round().tolist()
    assert notes(picture) == ["hdr"]
    assert levels[0] == 0
    assert 30 < levels[1] < 130
    assert 215 <= levels[2] < levels[3]
    assert levels[3] == pytest.approx(255, abs=3)


def test_light_up_to_white_is_not_changed_by_tone_mapping():
    gray = np.linspace(0, 0.58, 50)[None, :, None].repeat(3, 2).astype(np.float32)
    pixels, space = color_management.tone_mapped(gray, CodePoints(1, 16))
    light = color_management._pq_light(gray.astype(np.float64))
    wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert space.name == "sRGB"
    assert np.abs(pixels / WHITE - wanted).max() < 0.002


# JPEG ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_mark_opens_and_that_is_said(decoder, tmp_path, photo, progressive):
    data = jpeg(photo(96, 64), progressive=progressive)
    whole = opened(decoder, tmp_path / "a.jpg", data)
    picture = opened(decoder, tmp_path / "b.jpg", data[:-2])
    assert np.array_equal(picture.pixels, whole.pixels)
    assert notes(picture) == ["jpeg_no_end"]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_jpeg_is_refused_and_with_an_end_mark_it_is_said(decoder, tmp_path, photo, progressive):
    data = jpeg(photo(96, 64), progressive=progressive)
    cut = data[: len(data) * 7 // 10]
    with pytest.raises(UserError, match="damaged or cut short"):
        opened(decoder, tmp_path / "a.jpg", cut)
    assert notes(opened(decoder, tmp_path / "b.jpg", cut + b"\xff\xd9")) == ["jpeg_incomplete"]


def test_a_whole_jpeg_with_a_flat_corner_has_no_note(decoder, tmp_path):
    flat = jpeg(np.full((64, 64, 3), 255, np.uint8))
    assert notes(opened(decoder, tmp_path / "a.jpg", flat)) == []
    filled = flat[:-2] + b"\xff" + flat[-2:]  # markers may be preceded by any number of fill bytes
    assert notes(opened(decoder, tmp_path / "b.jpg", filled)) == []


def test_ink_is_inverted_only_where_adobe_says_so(decoder, tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0] = 255
    adobe = jpeg(ink, "CMYK")
    at = adobe.find(b"\xff\xee")
    plain = adobe[:at] + adobe[at + 2 + int.from_bytes(adobe[at + 2 : at + 4], "big") :]
    first = opened(decoder, tmp_path / "a.jpg", adobe).pixels[8, 8]
    second = opened(decoder, tmp_path / "b.jpg", plain).pixels[8, 8]
    assert first[0] < 10 < 240 < first[1]
    assert second.max() < 10  # magenta, yellow and black, as the bytes say


def test_twelve_bits_are_read_and_rare_kinds_are_not_called_damaged(decoder, tmp_path, photo):
    deep = photo(64, 48, 16) >> 4
    picture = opened(decoder, tmp_path / "a.jpg", imagecodecs.jpeg8_encode(deep, level=98, bitspersample=12))
    assert picture.depth == 16
    assert np.abs(picture.pixels.astype(int) - (deep.astype(int) << 4)).mean() < 1200
    rare = bytearray(jpeg(photo(64, 48)))
    rare[rare.find(b"\xff\xc0") + 1] = 0xC5
    with pytest.raises(UserError, match="not supported"):
        opened(decoder, tmp_path / "b.jpg", bytes(rare))


# AVIF and HEIC -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [10, 12])
def test_white_is_white_at_every_depth(decoder, tmp_path, bits):
    white = np.full((32, 32, 3), (1 << bits) - 1, np.uint16)
    avif = imagecodecs.avif_encode(white, level=100, bitspersample=bits, speed=9)
    assert (opened(decoder, tmp_path / "a.avif", bytes(avif)).pixels == WHITE).all()
    out = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (32, 32), np.full((32, 32, 3), WHITE, np.uint16).tobytes()).save(out, quality=-1)
    assert (opened(decoder, tmp_path / "a.heic", out.getvalue()).pixels == WHITE).all()


def test_a_heif_file_in_another_compression_is_not_called_damaged(decoder, tmp_path):
    out = io.BytesIO()
    pillow_heif.from_bytes("RGB", (32, 32), bytes(32 * 32 * 3)).save(out)
    with pytest.raises(UserError, match="HEIF file with VVC compression, which this program cannot read"):
        opened(decoder, tmp_path / "a.heic", out.getvalue().replace(b"hvc1", b"vvc1", 1))


# JPEG XL, Photoshop, OpenEXR -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 16])
def test_jpeg_xl_of_full_quality_loses_nothing(decoder, tmp_path, photo, depth):
    alpha = photo(60, 40, depth, seed=2)[..., 0].copy()
    picture = Picture(photo(60, 40, depth), alpha, exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x:xmpmeta/>")
    back = opened(decoder, tmp_path / "a.jxl", encode(picture, ExportOptions(tmp_path, format="jxl", quality=100)))
    assert np.array_equal(back.pixels, picture.pixels)
    assert np.array_equal(back.alpha, alpha)
    assert (back.format, back.profile, notes(back)) == ("JXL", "sRGB", [])
    assert back.xmp


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("clear", [False, True])
def test_a_gray_photo_stays_gray_in_jpeg_xl(decoder, tmp_path, photo, dtype, clear):
    top = np.iinfo(dtype).max
    gray = (photo(24, 16)[..., 1].astype(np.float64) / 255 * top).astype(dtype)
    alpha = np.full(gray.shape, top // 2, dtype) if clear else None
    picture = Picture(gray[..., None].repeat(3, 2), alpha=alpha, mode="L")
    back = opened(decoder, tmp_path / "a.jxl", encode(picture, ExportOptions(tmp_path / "a", "jxl", quality=92)))
    assert back.mode == "L"
    assert np.ptp(back.pixels, axis=-1).max() == 0
    assert np.abs(back.pixels / top - picture.pixels / top).max() < 0.06
    assert (back.alpha is not None) == clear


def test_jpeg_xl_says_that_a_profile_is_converted(tmp_path, photo):
    options = ExportOptions(tmp_path / "a.jxl", format="jxl")
    keys = [note.key for note in losses(Picture(photo(8, 8), icc=icc.display_p3()), options)]
    assert keys == ["pictures.lost_profile"]


def test_the_numbers_of_a_photo_in_linear_jpeg_xl_are_seen_as_light(decoder, tmp_path):
    light = np.full((16, 16, 3), 0.5, np.float32)
    picture = opened(decoder, tmp_path / "a.jxl", bytes(imagecodecs.jpegxl_encode(light, lossless=True)))
    assert picture.pixels[8, 8].tolist() == pytest.approx([48204] * 3, abs=40)


def test_lossy_jpeg_xl_gives_more_bits_than_it_declares(photo):
    """With an ICC profile libjxl gives linear light, for which 8 bits are too few."""
    clear = np.dstack([photo(60, 40), photo(60, 40)[..., 0]])
    data = bytes(imagecodecs.jpegxl_encode(clear, level=90, lossless=False))
    header = jpegxl_header.parse(data)
    assert header.is_xyb
    assert header.bits == 8
    deep = imagecodecs.jpegxl_decode(jpegxl_header.with_more_bits(data, header))
    plain = imagecodecs.jpegxl_decode(data)
    assert int(deep.max()) > 255
    assert np.abs(deep / 4095 * 255 - plain).max() < 1


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", [">u1", ">u2"])
def test_photoshop_files_open_flattened(decoder, tmp_path, photo, dtype, packed):
    pixels = photo(41, 37, 8 * np.dtype(dtype).itemsize)
    planes = pixels.astype(dtype).transpose(2, 0, 1)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 37, 41, 8 * planes.itemsize, 3)
    profile = icc.display_p3()
    resource = b"8BIM" + struct.pack(">HHI", 0x040F, 0, len(profile)) + profile
    data = head + struct.pack(">II", 0, len(resource)) + resource + struct.pack(">I", 0)
    if packed:
        rows = [imagecodecs.packbits_encode(row.tobytes()) for row in planes.reshape(-1, planes.shape[-1])]
        data += struct.pack(f">H{len(rows)}H", 1, *map(len, rows)) + b"".join(rows)
    else:
        data += b"\0\0" + planes.tobytes()
    picture = opened(decoder, tmp_path / "a.psd", data)
    assert np.array_equal(picture.pixels, pixels)
    assert (picture.format, picture.profile, notes(picture)) == ("PSD", "Display P3", [])


@pytest.mark.parametrize(("layers", "is_clear"), [(b"\xff\xff", True), (b"\0\1", False)])
def test_transparent_photoshop_files_lose_the_white_that_they_were_laid_on(decoder, tmp_path, layers, is_clear):
    planes = np.array([[[178]], [[153]], [[128]], [[128]]], np.uint8)  # half of (101, 51, 1) on white
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 4, 1, 1, 8, 3) + struct.pack(">II", 0, 0)
    data = head + struct.pack(">II", 6, 2) + layers + b"\0\0" + planes.tobytes()
    picture = opened(decoder, tmp_path / "a.psd", data)
    assert picture.pixels[0, 0].tolist() == ([102, 52, 2] if is_clear else [178, 153, 128])
    assert (picture.alpha is not None) == is_clear


def test_openexr_is_shown_as_on_a_usual_screen(decoder, tmp_path):
    light = np.zeros((8, 8, 3), np.float32)
    light[:, 4:] = 0.2140411  # the light of the middle of sRGB
    light[0, 0] = 6
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": light}).write(str(tmp_path / "a.exr"))
    picture = decoder.read(tmp_path / "a.exr")
    assert picture.pixels[4, 6].tolist() == pytest.approx([WHITE // 2] * 3, abs=60)
    assert picture.pixels[0, 0].tolist() == [WHITE] * 3
    assert "hdr" in notes(picture)


def test_openexr_shows_its_display_window(decoder, tmp_path):
    light = np.full((8, 8, 3), 1, np.float32)
    window = (np.array([2, 0], np.int32), np.array([11, 5], np.int32))  # 10 × 6 pixels from x 2 on
    header = {"type": OpenEXR.scanlineimage, "displayWindow": window}
    OpenEXR.File(header, {"RGB": light}).write(str(tmp_path / "a.exr"))
    picture = decoder.read(tmp_path / "a.exr")
    assert picture.pixels.shape == (6, 10, 3)
    assert (picture.pixels[:, :6] == WHITE).all()
    assert not picture.pixels[:, 6:].any()


# BMP -----------------------------------------------------------------------------------------------------------------


def test_a_picture_in_another_format_inside_a_bmp_is_not_called_damaged(decoder, tmp_path):
    head = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 0, 5, 64, 0, 0, 0, 0)
    with pytest.raises(UserError, match="BMP of a rare kind"):
        opened(decoder, tmp_path / "a.bmp", b"BM" + struct.pack("<IHHI", 118, 0, 0, 54) + head + bytes(64))


def test_masks_with_gaps_are_named_as_not_supported(decoder, tmp_path):
    head = struct.pack("<IiiHHIIiiII4I", 56, 4, 4, 1, 32, 3, 64, 0, 0, 0, 0, 0x00FF00FF, 0xFF00, 0xFF000000, 0)
    data = b"BM" + struct.pack("<IHHI", 134, 0, 0, 70) + head + bytes(64)
    with pytest.raises(UserError, match="BMP whose color masks are not supported"):
        opened(decoder, tmp_path / "a.bmp", data)


# Found in public test files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_24_bits_in_one_strip_opens(decoder, tmp_path, channels):
    values = np.linspace(0, 0xFFFFFF, 8 * 4 * channels).round().astype("<u4").reshape(4, 8, channels)
    body = values.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    head = struct.pack("<2sHI", b"II", 42, 8)
    entries = [(256, 3, 1, 8), (257, 3, 1, 4), (258, 3, 1, 24), (259, 3, 1, 1), (262, 3, 1, 1 + channels // 3),
               (273, 4, 1, 128), (277, 3, 1, channels), (278, 3, 1, 4), (279, 4, 1, len(body))]  # fmt: skip
    if channels > 1:
        entries[2] = 258, 3, 3, 122
    table = struct.pack("<H", 9) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    data = head + table + struct.pack("<3H", 24, 24, 24) + body
    picture = opened(decoder, tmp_path / "a.tif", data)
    assert np.abs(picture.pixels.astype(int) - (values >> 8)).max() <= 1


def avif(mode: str, **options) -> bytes:
    frames = [Image.new(mode, (40, 24), (200, 60 + 30 * k, 20, 120)[: len(mode)]) for k in range(2)]
    out = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:]} if options.pop("animated", False) else {}
    frames[0].save(out, "AVIF", quality=95, **more, **options)
    return out.getvalue()


def test_jpeg_ls_is_not_called_damaged(decoder, tmp_path, photo):
    data = jpeg(photo(32, 24)).replace(b"\xff\xc0", b"\xff\xf7", 1)
    with pytest.raises(UserError, match="kind"):
        opened(decoder, tmp_path / "a.jpg", data)


def test_an_avif_sequence_without_a_still_picture_opens(decoder, tmp_path):
    data = bytearray(avif("RGB", animated=True))
    at = data.find(b"meta")
    data[at : at + 4] = b"free"
    data[16:20] = b"avis"  # not "avif", which promises a still picture
    picture = opened(decoder, tmp_path / "a.avif", bytes(data))
    assert picture.pixels.shape == (24, 40, 3)
    assert notes(picture) == ["first_only"]


def test_an_avif_whose_alpha_does_not_state_its_size_opens(decoder, tmp_path):
    data = bytearray(avif("RGBA"))
    at = data.find(b"ipma") + 8
    count, at = int.from_bytes(data[at : at + 4], "big"), at + 4
    assert count == 2
    size = data[at + 3]  # of the picture: its first property, which the alpha shares
    alpha = at + 3 + data[at + 2]
    properties = range(alpha + 3, alpha + 3 + data[alpha + 2])
    other = next(data[k] for k in properties if data[k] != size)
    for k in properties:
        data[k] = other if data[k] == size else data[k]
    picture = opened(decoder, tmp_path / "a.avif", bytes(data))
    assert picture.alpha is not None
    assert abs(int(picture.alpha[5, 5]) - 120) <= 3


def test_an_avif_with_broken_exif_opens_without_it(decoder, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = avif("RGB", exif=exif.tobytes())
    assert b"Maker" in (opened(decoder, tmp_path / "a.avif", data).exif or b"")
    at = data.find(b"Maker")
    start = data.rfind(b"II*", 0, at) if b"II*" in data[:at] else data.rfind(b"MM\0*", 0, at)
    broken = data[:start] + b"XX" + data[start + 2 :]
    picture = opened(decoder, tmp_path / "b.avif", broken)
    assert picture.pixels.shape == (24, 40, 3)
    assert picture.exif is None
    assert "exif_broken" in notes(picture)


def test_a_tiff_whose_last_directory_has_no_end_opens(decoder, tmp_path):
    data = bytearray(tiff(np.full((4, 6), 99, np.uint8)))
    (at,) = struct.unpack_from("<I", data, 4)
    count = struct.unpack_from("<H", data, at)[0]
    # The directory moves to the end of the file, without the link to a next one.
    struct.pack_into("<I", data, 4, len(data))
    data += data[at : at + 2 + 12 * count]
    assert (opened(decoder, tmp_path / "a.tif", bytes(data)).pixels == 99).all()
