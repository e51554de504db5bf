"""Color: what stays in its profile, what is converted, and that neither shifts what is seen."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from clarity_desktop.backend.pictures import Decoder, color_management, encode, icc, profile_name, save, to_srgb8
from clarity_desktop.bit_depth import to_8_bits, to_16_bits
from clarity_desktop.text import Message
from clarity_desktop.values import ExportOptions, Picture

P3, ADOBE = icc.display_p3(), icc.adobe_rgb()
PROPHOTO = icc.build("ProPhoto", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), icc.gamma_curve(1.8),
                     (0.3457, 0.3585))  # fmt: skip
LINEAR = icc.build("Linear", icc.SRGB_PRIMARIES, icc.gamma_curve(1.0))


def linear_from_srgb(x: np.ndarray) -> np.ndarray:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def lab(path: Path) -> np.ndarray:
    """The file as a color-managed reader sees it (Little CMS), in L a b."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile")
        if image.mode in {"P", "RGBA"}:
            image = image.convert("RGB")
        if profile is None:
            image, source = image.convert("RGB"), ImageCms.createProfile("sRGB")
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        to_lab = ImageCms.buildTransform(source, ImageCms.createProfile("LAB"), image.mode, "LAB")
        return color_management.stored_lab(np.asarray(ImageCms.applyTransform(image, to_lab)), signed=True)


def loss(decoder: Decoder, path: Path) -> float:
    """Mean ΔE between a file and what opening and saving it gives."""
    save(decoder.read(path), ExportOptions(path.with_name("saved.png"), exists="overwrite"), path)
    return float(np.linalg.norm(lab(path) - lab(path.with_name("saved.png")), axis=-1).mean())


def gray_profile(gamma: float) -> bytes:
    whole = icc.build("Gray", icc.SRGB_PRIMARIES, icc.gamma_curve(gamma))
    tags = [(b"desc", icc._text("Gray")), (b"wtpt", icc._numbers(b"XYZ ", icc.D50)),
            (b"kTRC", icc.gamma_curve(gamma))]  # fmt: skip
    return profile(whole[:128], tags, b"mntr", b"GRAY", b"XYZ ")


def profile(header: bytes, tags: list[tuple[bytes, bytes]], kind: bytes, space: bytes, pcs: bytes) -> bytes:
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags:
        table += struct.pack(">4sII", name, at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    header = struct.pack(">I", at + len(body)) + header[4:8] + b"\x02\x40\0\0" + kind + space + pcs + header[24:]
    return header + struct.pack(">I", len(tags)) + table + body


def cmyk_profile() -> bytes:
    """A made-up press: a 5⁴ table from ink to Lab, in which full cyan lies outside sRGB."""
    ink = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 4, indexing="ij"), -1).reshape(-1, 4)
    rgb = (1 - ink[:, :3] * [1, 0.8, 0.9]) * (1 - 0.95 * ink[:, 3:])
    xyz = rgb**2.2 @ np.linalg.inv(color_management.SPACES[1].from_xyz).T
    stored = color_management.xyz_to_lab(xyz.astype(np.float32)) * [255 / 100, 1, 1] + [0, 128, 128]
    table = np.rint(stored).clip(0, 255).astype(np.uint8).tobytes()
    identity = np.arange(256, dtype=np.uint8).tobytes()
    lut = b"mft1" + bytes(4) + bytes([4, 3, 5, 0]) + struct.pack(">9i", *(np.eye(3, dtype=int) << 16).ravel())
    description = b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Press\0" + bytes(79)
    tags = [(b"desc", description), (b"A2B0", lut + identity * 4 + table + identity * 3),
            (b"wtpt", icc._numbers(b"XYZ ", icc.D50))]  # fmt: skip
    return profile(icc.srgb()[:128], tags, b"prtr", b"CMYK", b"Lab ")


def smooth(photo: np.ndarray) -> Image.Image:
    return Image.fromarray(cv2.GaussianBlur(photo, (0, 0), 2))


@pytest.mark.parametrize("built", [P3, ADOBE, icc.srgb(), LINEAR, PROPHOTO])
def test_the_profiles_built_here_are_what_little_cms_takes_them_for(built, photo):
    own, _ = color_management.convert(photo(64, 48), icc.parse(built), color_management.SRGB)
    theirs = color_management.through_cms(photo(64, 48), built, color_management.SRGB)
    difference = np.abs(own.astype(int) - theirs)
    assert np.percentile(difference, 99) <= 2
    assert difference.mean() < 0.3


@pytest.mark.parametrize("built", [P3, ADOBE])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_near_profiles_stay_byte_for_byte_and_nothing_shifts(decoder, tmp_path, photo, built, suffix):
    path = tmp_path / f"a{suffix}"
    smooth(photo(90, 60)).save(path, icc_profile=built, quality=95)
    picture = decoder.read(path)
    assert picture.icc == built
    assert picture.notes == ()
    assert picture.profile == profile_name(built)
    assert loss(decoder, path) == 0


def test_a_palette_with_a_profile_does_not_shift(decoder, tmp_path, photo):
    smooth(photo(90, 60)).quantize(100).save(tmp_path / "a.png", icc_profile=P3)
    assert loss(decoder, tmp_path / "a.png") == 0


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_gray_with_a_gray_profile_does_not_shift(decoder, tmp_path, photo, gamma, suffix):
    gray = smooth(photo(90, 60)).convert("L")
    gray.save(tmp_path / f"a{suffix}", icc_profile=gray_profile(gamma), quality=95)
    picture = decoder.read(tmp_path / f"a{suffix}")
    assert bool(picture.notes) == (gamma == 1.0)
    assert loss(decoder, tmp_path / f"a{suffix}") < 0.5


def test_cmyk_is_converted_and_does_not_shift(decoder, tmp_path, photo):
    mild = Image.fromarray(np.dstack([photo(90, 60) // 3, photo(90, 60)[..., :1] // 3]), "CMYK")
    mild.save(tmp_path / "a.tif", icc_profile=cmyk_profile())
    picture = decoder.read(tmp_path / "a.tif")
    assert picture.notes == (Message("pictures.converted_cmyk", {"space": "sRGB"}),)
    assert loss(decoder, tmp_path / "a.tif") < 0.5


def test_cmyk_with_colors_beyond_srgb_ends_in_a_wider_space(decoder, tmp_path):
    ink = np.zeros((40, 60, 4), np.uint8)
    ink[..., 0] = np.linspace(200, 255, 60).astype(np.uint8)
    Image.fromarray(ink, "CMYK").save(tmp_path / "a.jpg", quality=100, icc_profile=cmyk_profile())
    assert decoder.read(tmp_path / "a.jpg").profile == "Display P3"
    assert loss(decoder, tmp_path / "a.jpg") < 0.7


def test_real_files_do_not_shift(decoder, tmp_path, shared):
    samples = shared / "data/format_samples"
    for path in (samples / "cmyk/Channel_digital_image_CMYK_color.jpg", samples / "icc/Canon_EOS_7D.jpg",
                 samples / "icc/p3.png", samples / "grey/wolf_gray.jpg"):  # fmt: skip
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        assert loss(decoder, copy) < 0.5, path.name


def test_cmyk_without_a_profile_says_that_colors_are_approximate(decoder, tmp_path, photo):
    Image.fromarray(photo(20, 20)).convert("CMYK").save(tmp_path / "a.jpg")
    picture = decoder.read(tmp_path / "a.jpg")
    assert picture.notes[-1].key == "pictures.converted_cmyk_unprofiled"
    assert picture.icc is None


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("built", "name"), [(LINEAR, "Linear"), (PROPHOTO, "ProPhoto")])
def test_far_profiles_are_converted_at_their_own_depth_and_that_is_reported(
    decoder, tmp_path, photo, depth, built, name
):
    dull = (photo(64, 48, depth) // 2 + np.iinfo(np.uint8 if depth == 8 else np.uint16).max // 4).astype(
        np.uint8 if depth == 8 else np.uint16
    )
    save(Picture(dull, icc=built), ExportOptions(tmp_path / "a.png"), None)
    picture = decoder.read(tmp_path / "a.png")
    assert picture.depth == depth
    assert str(picture.notes[0]).startswith(f"The photo’s colors were converted from {name} to ")
    assert not color_management.is_far(icc.parse(picture.icc or icc.srgb()))
    theirs = color_management.through_cms(to_8_bits(dull), built, color_management.SRGB)
    assert np.abs(to_srgb8(picture)[0].astype(int) - theirs).mean() < 1


def test_a_png_with_only_a_gamma_is_shown_as_it_asks(decoder, tmp_path, photo):
    file = encode(Picture(photo(32, 32)), ExportOptions(tmp_path / "a", format="png"))
    chunk = b"gAMA" + struct.pack(">I", 100000)
    chunk = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(file[:33] + chunk + file[33:])
    picture = decoder.read(tmp_path / "a.png")
    wanted = np.asarray(
        Image.fromarray(color_management.convert(photo(32, 32), icc.parse(LINEAR), color_management.SRGB)[0])
    )
    assert "gamma 1.00" in str(picture.notes[0])
    assert np.abs(picture.pixels.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_tiffs_become_rgb(decoder, tmp_path, bits):
    rgb = np.indices((6, 6)).transpose(1, 2, 0)[..., [0, 1, 0]].astype(np.float32) / 8 + 0.1
    values = color_management.xyz_to_lab(
        (linear_from_srgb(rgb) @ np.linalg.inv(color_management.SRGB.from_xyz).T).astype(np.float32)
    )
    unit = 1 if bits == 8 else 256
    top = 255 if bits == 8 else 65535
    light = np.rint(values[..., :1] * top / 100).astype(f"u{bits // 8}")
    ab = np.rint(values[..., 1:] * unit).astype(f"i{bits // 8}").view(f"u{bits // 8}")
    tifffile.imwrite(tmp_path / "a.tif", np.concatenate([light, ab], -1), photometric="cielab")
    picture = decoder.read(tmp_path / "a.tif")
    assert picture.notes[0].key == "pictures.converted_lab"
    shown = to_srgb8(picture)[0] / 255
    assert np.abs(shown - rgb).max() < (0.02 if bits == 8 else 0.004)


def test_a_broken_profile_is_dropped_with_a_note(decoder, tmp_path, photo):
    chance = np.random.default_rng(0)
    for damage in (b"nonsense", P3[:200], P3[:132] + b"\xff" * 400, bytes(chance.integers(0, 256, 3000, np.uint8))):
        Image.fromarray(photo(16, 16)).save(tmp_path / "a.png", icc_profile=damage)
        picture = decoder.read(tmp_path / "a.png")
        assert picture.icc is None
        assert picture.notes == (Message("pictures.profile_broken"),)
        assert np.array_equal(picture.pixels, photo(16, 16))


def test_a_damaged_profile_never_stops_the_decoder(decoder, tmp_path, photo):
    chance = np.random.default_rng(1)
    for sound in (P3, cmyk_profile()):
        image = Image.fromarray(photo(16, 16)).convert("CMYK" if sound[16:20] == b"CMYK" else "RGB")
        for _ in range(40):
            broken = bytearray(sound)
            for at in chance.integers(0, 400, 3):
                broken[at] = chance.integers(0, 256)
            image.save(tmp_path / "a.tif", icc_profile=bytes(broken))
            assert decoder.read(tmp_path / "a.tif").pixels.shape == (16, 16, 3)


def test_a_profile_of_another_kind_is_ignored(decoder, tmp_path, photo):
    Image.fromarray(photo(16, 16)).save(tmp_path / "a.png", icc_profile=cmyk_profile())
    picture = decoder.read(tmp_path / "a.png")
    assert picture.icc is None
    assert picture.notes == (Message("pictures.profile_kind"),)


@pytest.mark.parametrize("depth", [8, 16])
def test_export_to_srgb_converts_and_drops_the_profile(decoder, tmp_path, photo, depth):
    picture = Picture(photo(40, 30, depth), icc=ADOBE)
    save(picture, ExportOptions(tmp_path / "a.png", profile="srgb"), None)
    back = decoder.read(tmp_path / "a.png")
    assert back.icc is None
    assert back.depth == depth
    assert np.abs(to_8_bits(back.pixels).astype(int) - to_srgb8(picture)[0]).mean() < 0.6


def test_a_format_without_profiles_is_written_in_srgb(tmp_path, photo):
    picture = Picture(photo(40, 30), icc=P3)
    file = encode(picture, ExportOptions(tmp_path / "a", format="bmp"))
    with Image.open(io.BytesIO(file)) as image:
        assert np.array_equal(np.asarray(image), to_srgb8(picture)[0])


def test_a_photo_without_a_profile_is_srgb(photo):
    pixels, alpha = to_srgb8(Picture(photo(10, 10), photo(10, 10)[..., 0]))
    assert np.array_equal(pixels, photo(10, 10))
    assert np.array_equal(alpha, photo(10, 10)[..., 0])


def test_a_profile_that_little_cms_refuses_is_taken_for_srgb(photo):
    assert np.array_equal(to_srgb8(Picture(photo(10, 10), icc=b"nonsense"))[0], photo(10, 10))


def test_depths_convert_without_loss_where_there_is_none():
    all_values = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_8_bits(to_16_bits(all_values)), all_values)
    deep = np.arange(65536, dtype=np.uint16)
    assert np.abs(to_8_bits(deep) * 257.0 - deep).max() <= 128.5


def test_profiles_name_themselves():
    assert profile_name(None) == "sRGB"
    assert profile_name(P3) == "Display P3"
    assert profile_name(b"nonsense") == "unnamed profile"
    assert profile_name(cmyk_profile()) == "Press"


@pytest.mark.parametrize("kind", range(5))
def test_parametric_curves_are_those_of_little_cms(photo, kind):
    numbers = ((2.2,), (2.2, 0.9, 0.1), (2.2, 0.8, 0.1, 0.05), (2.4, 0.948, 0.052, 0.0774, 0.04),
               (2.4, 0.9, 0.05, 0.07, 0.04, 0.02, 0.01))[kind]  # fmt: skip
    tag = (
        b"para\0\0\0\0"
        + struct.pack(">HH", kind, 0)
        + struct.pack(f">{len(numbers)}i", *(round(n * 65536) for n in numbers))
    )
    built = icc.build(f"kind {kind}", icc.SRGB_PRIMARIES, tag)
    own, _ = color_management.convert(photo(40, 30), icc.parse(built), color_management.SRGB)
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(p)) for p in (built, icc.srgb()))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC  # the only one that leaves a black that is not black alone
    transform = ImageCms.buildTransform(source, target, "RGB", "RGB", intent)
    theirs = np.asarray(ImageCms.applyTransform(Image.fromarray(photo(40, 30)), transform))
    assert np.abs(own.astype(int) - theirs).mean() < 0.5
