"""Photos in and out: every format, depth, alpha and orientation."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageOps

from clarity_desktop.backend.pictures import FORMATS, Decoder, Limits, encode, save
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message
from clarity_desktop.values import READABLE, ExportOptions, Picture

Photo = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(Limits(megapixels=20))
    yield decoder
    decoder.close()


def by_pillow(path: Path, mode: str = "RGB") -> np.ndarray:
    """The first frame as Pillow shows it."""
    with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert(mode))


def kept(decoder: Decoder, picture: Picture, path: Path, **options) -> Picture:
    """The picture after it was saved and opened again."""
    save(picture, ExportOptions(path, **options), None)
    return decoder.read(path)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("name", ["png", "tiff"])
def test_lossless_formats_keep_every_sample(decoder, tmp_path, photo, name, depth, transparent):
    alpha = photo(70, 51, depth, seed=3)[..., 0].copy() if transparent else None
    back = kept(decoder, Picture(photo(70, 51, depth), alpha), tmp_path / f"a.{name}", format=name)
    assert back.depth == depth
    assert np.array_equal(back.pixels, photo(70, 51, depth))
    assert (back.alpha is None) if alpha is None else np.array_equal(back.alpha, alpha)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_brings_the_photo_back(decoder, tmp_path, photo, name):
    pixels = cv2.GaussianBlur(photo(96, 64), (0, 0), 2)
    path = tmp_path / f"a{FORMATS[name].suffixes[0]}"
    back = kept(decoder, Picture(pixels), path, format=name, quality=95)
    assert back.format == name.upper()
    assert np.abs(back.pixels.astype(int) - pixels).mean() < 2.5


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if f.alpha])
def test_formats_with_alpha_keep_it(decoder, tmp_path, photo, name):
    alpha = np.zeros((64, 96), np.uint8)
    alpha[16:48, 20:70] = 255
    back = kept(decoder, Picture(photo(96, 64), alpha), tmp_path / "a", format=name, quality=100)
    assert back.alpha is not None
    assert np.abs(back.alpha.astype(int) - alpha).max() <= 6


@pytest.mark.parametrize("name", [n for n, f in FORMATS.items() if not f.alpha])
def test_formats_without_alpha_lay_the_photo_on_white(decoder, tmp_path, name):
    alpha = np.zeros((32, 32), np.uint8)
    alpha[:, 16:] = 255
    back = kept(decoder, Picture(np.zeros((32, 32, 3), np.uint8), alpha), tmp_path / "a", format=name, quality=100)
    assert back.alpha is None
    assert back.pixels[:, :8].min() > 250
    assert back.pixels[:, -8:].max() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_and_reset(decoder, tmp_path, photo, orientation):
    upright = cv2.GaussianBlur(photo(64, 48), (0, 0), 3)
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
              5: upright.swapaxes(0, 1), 6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1),
              8: np.rot90(upright, -1)}[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    picture = decoder.read(tmp_path / "a.jpg")
    assert np.abs(picture.pixels.astype(int) - upright).mean() < 2
    again = kept(decoder, picture, tmp_path / "b.jpg", format="jpeg", quality=100)
    assert again.pixels.shape == upright.shape
    with Image.open(tmp_path / "b.jpg") as image:
        tags = image.getexif()
        assert (tags[0x0112], tags[0x010F]) == (1, "Maker")


MODES = {
    "1": lambda im: im.convert("1"),
    "L": lambda im: im.convert("L"),
    "LA": lambda im: im.convert("LA"),
    "P": lambda im: im.quantize(64),
    "RGB": lambda im: im,
    "RGBA": lambda im: im.convert("RGBA"),
}


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [(m, s) for m in MODES for s in (".png", ".tif", ".gif", ".bmp", ".webp") if (m, s) != ("LA", ".bmp")],
)
def test_every_mode_becomes_rgb(decoder, tmp_path, photo, mode, suffix):
    image = MODES[mode](Image.fromarray(photo(40, 30)))
    image.save(tmp_path / f"a{suffix}", **({"lossless": True} if suffix == ".webp" else {}))
    picture = decoder.read(tmp_path / f"a{suffix}")
    assert np.array_equal(picture.pixels, by_pillow(tmp_path / f"a{suffix}", "RGBA")[..., :3])
    assert picture.pixels.dtype == np.uint8


def test_a_transparent_palette_gives_alpha(decoder, tmp_path):
    image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) % 4, "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "a.png", transparency=2)
    picture = decoder.read(tmp_path / "a.png")
    assert picture.mode == "P"
    assert np.array_equal(picture.alpha == 0, np.asarray(image) == 2)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_png_keeps_its_values(decoder, tmp_path, channels):
    samples = np.random.default_rng(0).integers(0, 65536, (21, 33, channels), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), samples)
    picture = decoder.read(tmp_path / "a.png")
    rgb = samples[..., 2::-1] if channels > 1 else samples.repeat(3, 2)
    assert np.array_equal(picture.pixels, rgb)
    assert channels != 4 or np.array_equal(picture.alpha, samples[..., 3])


@pytest.mark.parametrize("compression", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_tiff_keeps_its_values_in_every_compression(decoder, tmp_path, compression, channels):
    samples = np.random.default_rng(1).integers(0, 65536, (21, 33, channels), np.uint16)
    if compression == "lzw":  # OpenCV's own default
        cv2.imwrite(str(tmp_path / "a.tif"), samples[..., {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]])
    else:
        tifffile.imwrite(tmp_path / "a.tif", samples.squeeze(), photometric="rgb" if channels > 1 else "minisblack",
                         compression=None if compression == "none" else "zlib", byteorder=">")  # fmt: skip
    picture = decoder.read(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, samples[..., :3] if channels > 1 else samples.repeat(3, 2))


def test_separate_color_planes_are_put_together(decoder, tmp_path, photo):
    pixels = photo(40, 30, 16)
    tifffile.imwrite(tmp_path / "a.tif", pixels.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert np.array_equal(decoder.read(tmp_path / "a.tif").pixels, pixels)


def test_white_is_zero_in_some_tiffs(decoder, tmp_path):
    samples = np.arange(400, dtype=np.uint16).reshape(20, 20)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite")
    assert np.array_equal(decoder.read(tmp_path / "a.tif").pixels[..., 1], 65535 - samples)


def test_floating_point_tiff_is_scaled_and_that_is_reported(decoder, tmp_path, photo):
    values = photo(40, 30).astype(np.float32) / 255
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    picture = decoder.read(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, np.rint(values * 65535).astype(np.uint16))
    assert picture.notes == (Message("pictures.float_scaled"),)


def test_ten_bit_heic_is_opened_with_sixteen_bits(decoder, tmp_path, photo):
    import pillow_heif

    deep = cv2.GaussianBlur(photo(64, 48, 16), (0, 0), 4)
    pillow_heif.from_bytes("RGB;16", (64, 48), deep.tobytes()).save(tmp_path / "a.heic", quality=95)
    picture = decoder.read(tmp_path / "a.heic")
    assert picture.depth == 16
    assert len(np.unique(picture.pixels % 257)) > 8
    assert np.abs(picture.pixels.astype(int) - deep).mean() < 600


def test_depth_can_be_chosen_when_saving(decoder, tmp_path, photo):
    deep = kept(decoder, Picture(photo(20, 20)), tmp_path / "a.png", depth=16)
    flat = kept(decoder, Picture(photo(20, 20, 16)), tmp_path / "b.png", depth=8)
    assert np.array_equal(deep.pixels, photo(20, 20).astype(np.uint16) * 257)
    assert np.abs(flat.pixels - photo(20, 20, 16) / 257).max() <= 0.51


def test_the_longest_side_can_be_chosen_and_hidden_colors_do_not_bleed(decoder, tmp_path):
    pixels = np.full((100, 200, 3), 255, np.uint8)
    pixels[:, :101] = 0
    alpha = np.full((100, 200), 255, np.uint8)
    alpha[:, :101] = 0
    small = kept(decoder, Picture(pixels, alpha), tmp_path / "a.png", longest=50)
    assert small.pixels.shape == (25, 50, 3)
    assert small.pixels[small.alpha > 0].min() == 255


def test_only_the_first_frame_is_opened_and_that_is_reported(decoder, tmp_path, photo):
    first, second = Image.fromarray(photo(20, 20)), Image.fromarray(photo(20, 20)[::-1])
    for suffix in (".gif", ".tif", ".webp", ".png"):
        path = tmp_path / f"a{suffix}"
        first.save(path, save_all=True, append_images=[second], **({"lossless": True} if suffix == ".webp" else {}))
        picture = decoder.read(path)
        assert picture.notes[0].key == "pictures.first_only", suffix
        assert np.array_equal(picture.pixels, by_pillow(path)), suffix


def test_a_wrong_suffix_is_read_by_content_and_named(decoder, tmp_path, photo):
    Image.fromarray(photo(20, 20)).save(tmp_path / "a.jpg", "PNG")
    picture = decoder.read(tmp_path / "a.jpg")
    assert picture.format == "PNG"
    assert picture.notes == (Message("pictures.wrong_suffix", {"suffix": ".jpg", "format": "PNG"}),)


def test_a_name_that_is_not_utf8_is_read(decoder, tmp_path, photo):
    path = Path(str(tmp_path / "ph") + "\udcff\n.png")
    Image.fromarray(photo(8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(path)
    assert decoder.read(path).pixels.shape == (8, 8, 3)


def test_pixels_are_read_only_and_outlive_the_decoder(tmp_path, photo):
    Image.fromarray(photo(64, 64)).save(tmp_path / "a.png")
    decoder = Decoder()
    picture = decoder.read(tmp_path / "a.png")
    decoder.close()
    assert not picture.pixels.flags.writeable
    assert np.array_equal(picture.pixels, photo(64, 64))


def test_encode_gives_the_bytes_that_save_writes(tmp_path, photo):
    for name in FORMATS:
        options = ExportOptions(tmp_path / name, format=name)
        picture = Picture(photo(32, 32))
        save(picture, options, None)
        assert (tmp_path / name).read_bytes() == encode(picture, options), name


def test_a_picture_too_large_for_a_format_is_refused_with_its_limit(tmp_path):
    with pytest.raises(UserError, match="WebP holds at most 16383 pixels"):
        encode(Picture(np.zeros((1, 20000, 3), np.uint8)), ExportOptions(tmp_path / "a", format="webp"))


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UserError, match="tga"):
        encode(Picture(np.zeros((1, 1, 3), np.uint8)), ExportOptions(tmp_path / "a", format="tga"))


def test_dialogs_offer_what_can_be_read():
    assert {".jpg", ".png", ".tif", ".heic", ".avif", ".webp", ".gif", ".bmp"} <= set(READABLE)
    assert {suffix for form in FORMATS.values() for suffix in form.suffixes} <= set(READABLE)


def test_odd_files_of_the_world_open_as_pillow_shows_them(decoder, shared):
    """Real files of all formats; what is converted on open is compared in the color tests."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    files = sorted(p for p in (shared / "data/format_samples").rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    compared = 0
    for path in files:
        picture = decoder.read(path)
        converted = any(note.key.startswith(("pictures.converted", "pictures.hdr")) for note in picture.notes)
        if converted or (path.suffix == ".tif" and picture.depth == 16):
            continue  # Pillow clips these
        eight = picture.pixels if picture.depth == 8 else picture.pixels / 257
        # Pillow's way from 10 bits to 8 has a bias of one level; ours has none against the 8-bit file beside it.
        assert np.abs(by_pillow(path).astype(int) - eight).mean() < 1.5, path.name
        compared += 1
    assert compared > 30


def test_jpeg_quality_above_ninety_keeps_colors_at_full_resolution(tmp_path, photo):
    for quality, sampling in ((95, 1), (80, 2)):
        file = encode(Picture(photo(32, 32)), ExportOptions(tmp_path / "a", format="jpeg", quality=quality))
        with Image.open(io.BytesIO(file)) as image:
            assert image.layer[0][1] == sampling


def test_a_premultiplied_heic_has_the_colors_of_a_plain_one(decoder, tmp_path) -> None:
    color, alpha = np.full((64, 64, 3), (200, 100, 40), np.uint8), np.full((64, 64), 102, np.uint8)
    premultiplied = np.rint(color * (102 / 255)).astype(np.uint8)
    heif = pillow_heif.from_bytes("RGBa", (64, 64), np.dstack([premultiplied, alpha]).tobytes())
    heif.save(tmp_path / "a.heic", quality=-1)
    picture = decoder.read(tmp_path / "a.heic")
    assert pillow_heif.open_heif(tmp_path / "a.heic")[0].mode == "RGBa"
    assert np.abs(picture.pixels.astype(int) - color).max() <= 4
    assert np.abs(picture.alpha.astype(int) - 102).max() <= 1
