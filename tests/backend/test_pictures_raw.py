"""RAW photos: developed like the camera's own picture, in the child process, whatever is wrong with the file."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from clarity_desktop.backend.pictures import FORMATS, Decoder, exif, save
from clarity_desktop.backend.pictures.readers import raw
from clarity_desktop.backend.pictures.stored_photo import Stored
from clarity_desktop.messages import UserError
from clarity_desktop.text import english
from clarity_desktop.values import RAW, READABLE, ExportOptions

TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
"""Linear sRGB to XYZ (D65)."""
ADOBE_TO_XYZ = np.array([[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741],
                         [0.0270343, 0.0706872, 0.9911085]])  # fmt: skip
COLORS = {(30, 40): (0.6, 0.1, 0.1), (30, 120): (0.1, 0.5, 0.2), (90, 40): (0.05, 0.1, 0.7),
           (90, 120): (0.18, 0.18, 0.18)}  # fmt: skip
"""Linear sRGB by the middle (y, x) of a patch of the 160×120 scene."""
BLACK, WHITE = 512, 16383


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def scene() -> np.ndarray:
    """H×W×3 linear sRGB 0..1: four patches."""
    made = np.empty((120, 160, 3))
    for (y, x), color in COLORS.items():
        made[y - 30 : y + 30, x - 40 : x + 40] = color
    return made


def rationals(values: Sequence[float]) -> list[int]:
    return [part for value in values for part in (round(value * 10000), 10000)]


def write_dng(
    path: Path,
    linear: np.ndarray,
    *,
    neutral: tuple[float, float, float] = (0.5, 1.0, 0.6),
    orientation: int = 1,
    preview: np.ndarray | None = None,
    layout: str = "cfa",
    **options: Any,
) -> None:
    """A DNG of a camera that sees linear sRGB through filters of the given transmission, in a pattern of 2 × 2."""
    camera = linear * neutral
    if layout == "cfa":
        camera = np.where(np.indices(camera.shape[:2])[0] % 2, camera[..., 1], camera[..., 0])
        camera[0::2, 1::2], camera[1::2, 1::2] = (linear * neutral)[0::2, 1::2, 1], (linear * neutral)[1::2, 1::2, 2]
    stored = (BLACK + camera * (WHITE - BLACK)).round().clip(0, WHITE).astype(np.uint16)
    of_camera = [
        (271, 2, 0, "Clarity", True), (272, 2, 0, "Test 1", True), (274, 3, 1, orientation, True),
        (306, 2, 0, "2026:01:02 03:04:05", True), (315, 2, 0, "Zoë".encode(), True),
        (33434, 5, 1, (1, 250), True), (34855, 3, 1, 800, True), (700, 1, 0, b"<x:xmpmeta>kept</x:xmpmeta>", True),
        (50706, 1, 4, b"\1\4\0\0", True), (50707, 1, 4, b"\1\1\0\0", True), (50708, 2, 0, "Clarity Test 1", True),
        (50721, 10, 9, rationals(np.linalg.inv(TO_XYZ).ravel()), True), (50728, 5, 3, rationals(neutral), True),
        (50778, 3, 1, 21, True),
    ]  # fmt: skip
    of_sensor = [(50714, 3, 1, BLACK, True), (50717, 3, 1, WHITE, True)]
    if layout == "cfa":
        of_sensor += [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)]
    photometric = 32803 if layout == "cfa" else 34892
    with tifffile.TiffWriter(path) as out:
        if preview is None:
            tags = of_camera + of_sensor
        else:
            out.write(preview, photometric="rgb", subfiletype=1, subifds=1, extratags=of_camera, metadata=None)
            tags = of_sensor
        out.write(stored, photometric=photometric, extratags=tags, metadata=None, **options)


def wanted(color: tuple[float, float, float]) -> np.ndarray:
    """The Adobe RGB sample (uint16 range) of a linear sRGB color."""
    light = np.linalg.inv(ADOBE_TO_XYZ) @ TO_XYZ @ np.array(color)
    return light.clip(0, 1) ** (256 / 563) * 65535


@pytest.mark.parametrize("layout", ["cfa", "linear"])
@pytest.mark.parametrize("neutral", [(0.5, 1.0, 0.6), (1.0, 0.8, 0.3)])
def test_a_dng_is_developed_to_the_colors_of_the_scene(decoder, tmp_path, layout, neutral):
    write_dng(tmp_path / "a.dng", scene(), neutral=neutral, layout=layout)
    picture = decoder.read(tmp_path / "a.dng")
    assert (picture.pixels.shape, picture.pixels.dtype) == ((120, 160, 3), np.uint16)
    assert picture.profile == "Compatible with Adobe RGB (1998)"
    assert picture.format == "RAW"
    for (y, x), color in COLORS.items():
        assert picture.pixels[y, x] == pytest.approx(wanted(color), abs=300)


@pytest.mark.parametrize(("orientation", "place"), [(1, (30, 40)), (3, (89, 119)), (6, (40, 89)), (8, (119, 30))])
def test_a_dng_is_turned_once(decoder, tmp_path, orientation, place):
    write_dng(tmp_path / "a.dng", scene(), orientation=orientation)
    picture = decoder.read(tmp_path / "a.dng")
    assert picture.pixels.shape == ((160, 120, 3) if orientation > 4 else (120, 160, 3))
    assert picture.pixels[place] == pytest.approx(wanted(COLORS[30, 40]), abs=300)
    first = exif.Tiff(io.BytesIO(picture.exif)).tree().first
    assert exif.ORIENTATION not in first


def test_what_a_dng_says_about_the_photo_is_kept(decoder, tmp_path):
    write_dng(tmp_path / "a.dng", scene())
    picture = decoder.read(tmp_path / "a.dng")
    tree = exif.Tiff(io.BytesIO(picture.exif)).tree()
    assert tree.first[271].raw == b"Clarity\0"
    assert tree.first[315].raw.startswith("Zoë".encode())
    assert tree.exif[33434].raw == b"\1\0\0\0\xfa\0\0\0"  # moved to where EXIF has it
    assert not any(tag >= 50706 for tag in tree.first)
    assert picture.xmp == b"<x:xmpmeta>kept</x:xmpmeta>"
    for name in ("tiff", "jpeg", "png"):
        save(picture, ExportOptions(tmp_path / f"b.{name}", name), None)
        back = decoder.read(tmp_path / f"b.{name}")
        assert back.profile == "Compatible with Adobe RGB (1998)"
        assert exif.Tiff(io.BytesIO(back.exif)).tree().first[272].raw == b"Test 1\0"


def test_a_sensor_without_colors_makes_a_gray_photo(decoder, tmp_path):
    ramp = np.tile(np.linspace(BLACK, WHITE, 160).astype(np.uint16), (120, 1))
    tags = [(271, 2, 0, "Clarity", True), (272, 2, 0, "Gray 1", True), (50706, 1, 4, b"\1\4\0\0", True),
            (50714, 3, 1, BLACK, True), (50717, 3, 1, WHITE, True)]  # fmt: skip
    tifffile.imwrite(tmp_path / "a.dng", ramp, photometric="minisblack", extratags=tags, metadata=None)
    data = bytearray((tmp_path / "a.dng").read_bytes())
    at = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    data[at : at + 2] = struct.pack("<H", 34892)  # linear data of one channel, which tifffile does not write
    (tmp_path / "a.dng").write_bytes(data)
    pixels = decoder.read(tmp_path / "a.dng").pixels
    assert pixels.shape == (120, 160, 3)
    assert (pixels == pixels[..., :1]).all()
    assert pixels[60, 80, 0] == pytest.approx(65535 * (80 / 159) ** (256 / 563), rel=0.02)


def test_the_thumbnail_of_a_dng_is_never_the_photo(decoder, tmp_path):
    write_dng(tmp_path / "a.dng", scene(), preview=np.full((24, 32, 3), 90, np.uint8))
    assert decoder.read(tmp_path / "a.dng").pixels.shape == (120, 160, 3)
    (tmp_path / "a.dng").rename(tmp_path / "a.tif")
    picture = decoder.read(tmp_path / "a.tif")
    assert picture.pixels.shape == (120, 160, 3)
    assert [english(note) for note in picture.notes] == ["The file is named .tif but holds a RAW photo."]


def block(order: str = "<") -> bytes:
    """An EXIF block with camera, exposure and position."""
    tree = exif.Tree(
        order,
        {271: exif.Value(2, 6, b"Maker\0"), 274: exif.Value(3, 1, b"\6\0" if order == "<" else b"\0\6")},
        {0x9003: exif.Value(2, 20, b"2026:01:02 03:04:05\0"), 0x927C: exif.Value(7, 40, bytes(range(40)), 600)},
        {1: exif.Value(2, 2, b"N\0")},
        {},
    )
    made = tree.block()
    assert made is not None
    return made


def jpeg_with(exif_block: bytes) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=b"Exif\0\0" + exif_block)
    return out.getvalue()


def raf() -> bytes:
    """The beginning of a Fujifilm RAF: where its JPEG lies."""
    picture = jpeg_with(block())
    return b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + struct.pack(">II", 92, len(picture)) + picture


def rw2() -> bytes:
    """A Panasonic RW2 with a JPEG in its first directory."""
    picture = jpeg_with(block())
    return b"IIU\0" + struct.pack("<IHHHIII", 8, 1, 46, 7, len(picture), 26, 0) + picture


def cr3() -> bytes:
    """A Canon CR3 with its four directories in boxes of their own."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    tree = exif.Tiff(io.BytesIO(block())).tree()
    parts = [
        exif.Tree("<", part, {}, {}, {}).block() or b"" for part in (tree.first, tree.exif, {1: tree.gps[1]}, tree.gps)
    ]
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    directories = b"".join(box(b"CMT%d" % k, part) for k, part in enumerate(parts, 1))
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"uuid", canon + directories) + box(b"trak", b""))


@pytest.mark.parametrize(("file", "notes"), [(raf(), []), (rw2(), []), (cr3(), ["pictures.raw_maker_note"])])
def test_metadata_is_found_where_each_maker_puts_it(file, notes):
    stored = Stored(np.zeros((1, 1, 3), np.uint16), "rgb", "RGB")
    raw.describe(stored, io.BytesIO(file))
    tree = exif.Tiff(io.BytesIO(stored.exif)).tree()
    assert tree.first[271].raw == b"Maker\0"
    assert exif.ORIENTATION not in tree.first
    assert tree.exif[0x9003].raw.startswith(b"2026:01:02")
    assert tree.gps[1].raw == b"N\0"
    assert [note.key for note in stored.notes] == notes
    assert (exif.MAKER_NOTE in tree.exif) == (not notes)


def test_metadata_cut_short_anywhere_is_none_or_less():
    complete = described(block())
    for whole in (raf(), rw2(), cr3(), block()):
        assert len(described(whole)) >= 3
        found = [described(whole[:size]) for size in range(16, len(whole), 7)]
        assert all(part.items() <= complete.items() for part in found)
        assert {} in found


def described(file: bytes) -> dict[tuple[str, int], bytes]:
    """What is found in a file: (directory, tag) → value; not where directories lie."""
    stored = Stored(np.zeros((1, 1, 3), np.uint16), "rgb", "RGB")
    raw.describe(stored, io.BytesIO(file))
    if stored.exif is None:
        return {}
    tree = exif.Tiff(io.BytesIO(stored.exif)).tree()
    parts = {"first": tree.first, "exif": tree.exif, "gps": tree.gps, "interop": tree.interop}
    values = {(name, tag): value.raw for name, part in parts.items() for tag, value in part.items()}
    return {at: value for at, value in values.items() if at[1] not in {0x8769, 0x8825, 0xA005}}


def gradient() -> np.ndarray:
    """H×W×3 linear sRGB: a dim gray ramp, as cameras expose."""
    return np.repeat(np.linspace(0.002, 0.3, 160)[None, :, None] * np.ones((120, 1, 1)), 3, 2)


def test_a_photo_gets_the_tones_of_the_cameras_picture(decoder, tmp_path):
    bright = np.rint(255 * (gradient() * 2.5).clip(0, 1) ** (1 / 2.2)).astype(np.uint8)
    write_dng(tmp_path / "a.dng", gradient(), preview=bright)
    write_dng(tmp_path / "b.dng", gradient())
    toned, plain = (decoder.read(tmp_path / name).pixels[60, :, 1].astype(float) for name in ("a.dng", "b.dng"))
    assert toned[80] == pytest.approx(65535 * (gradient()[0, 80, 0] * 2.5) ** (256 / 563), rel=0.05)
    assert plain[80] == pytest.approx(65535 * gradient()[0, 80, 0] ** (256 / 563), rel=0.02)
    assert (np.diff(toned) >= 0).all()  # a curve never turns round


@pytest.mark.parametrize("preview", [np.zeros((24, 32, 3), np.uint8), np.full((24, 32, 3), 255, np.uint8)])
def test_an_empty_preview_changes_no_tones(decoder, tmp_path, preview):
    write_dng(tmp_path / "a.dng", np.full((120, 160, 3), 0.18) + 1e-3 * scene(), preview=preview)
    middle = int(decoder.read(tmp_path / "a.dng").pixels[60, 80, 1])
    assert middle == pytest.approx(65535 * 0.18 ** (256 / 563), rel=0.05) or preview.any()
    assert middle > 20_000


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_the_cameras_picture_is_there_before_the_photo(decoder, tmp_path, orientation):
    small = np.rint(255 * scene()[::4, ::4] ** (1 / 2.2)).astype(np.uint8)
    write_dng(tmp_path / "a.dng", scene(), preview=small, orientation=orientation)
    picture, size = decoder.preview(tmp_path / "a.dng")
    assert size == ((160, 120) if orientation == 1 else (120, 160))
    assert picture.pixels.shape == ((30, 40, 3) if orientation == 1 else (40, 30, 3))
    whole = decoder.read(tmp_path / "a.dng").pixels
    corner = whole[10, 10].astype(float) / 65535
    assert picture.pixels[2, 2].argmax() == corner.argmax()


def test_a_dng_without_preview_has_none(decoder, tmp_path):
    write_dng(tmp_path / "a.dng", scene())
    assert decoder.preview(tmp_path / "a.dng") is None


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.97])
def test_a_dng_cut_short_is_damaged(decoder, tmp_path, share):
    write_dng(tmp_path / "a.dng", scene())
    whole = (tmp_path / "a.dng").read_bytes()
    (tmp_path / "a.dng").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"“a\.dng” is (damaged|not a photo|a RAW photo of a kind)"):
        decoder.read(tmp_path / "a.dng")


@pytest.mark.parametrize("head", [b"II+\0\x08\0\0\0" + b"\xff" * 8, b"MM\0+\0\x08\0\0" + b"\x7f" + b"\xff" * 7,
                                  b"II*\0\xff\xff\xff\xff", b"IIRO\xff\xff\xff\xff"])  # fmt: skip
def test_directories_far_outside_the_file_are_a_sentence(decoder, tmp_path, head):
    (tmp_path / "a.tif").write_bytes(head + bytes(100))
    with pytest.raises(UserError, match=r"“a\.tif” is (damaged or cut short|a RAW photo of a kind)"):
        decoder.read(tmp_path / "a.tif")


def test_a_photo_without_sensor_data_is_damaged(decoder, tmp_path):
    write_dng(tmp_path / "a.dng", np.zeros((120, 160, 3)))
    with pytest.raises(UserError, match="is damaged"):
        decoder.read(tmp_path / "a.dng")


@pytest.mark.parametrize("head", [
    b"FUJIFILMCCD-RAW 0201FF383501", b"II\x1a\0\0\0HEAPCCDR\2\0", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    b"IIRO\x08\0\0\0", b"IIU\0\x08\0\0\0", b"MMOR\0\0\0\x08", b"II*\0\x10\0\0\0CR\2\0", b"\0MRM\0\0\1\0",
    b"II*\0\x10\0\0\0IIII",
])  # fmt: skip
@pytest.mark.parametrize("rest", [b"", bytes(5000), random.Random(1).randbytes(5000)])
def test_the_beginning_of_a_raw_file_alone_is_a_sentence(decoder, tmp_path, head, rest):
    (tmp_path / "a.nef").write_bytes(head + rest)
    with pytest.raises(UserError, match=r"“a\.nef” (is|needs more memory|takes too long|has \d+ × \d+ pixels).*\.$"):
        decoder.read(tmp_path / "a.nef")
    assert decoder.preview(tmp_path / "a.nef") is None


def test_any_damage_to_a_dng_is_a_photo_or_a_sentence(decoder, tmp_path):
    chance = random.Random(4)
    write_dng(tmp_path / "a.dng", scene(), preview=np.full((24, 32, 3), 90, np.uint8))
    whole = (tmp_path / "a.dng").read_bytes()
    for _ in range(40):
        broken = bytearray(whole)
        for _ in range(chance.choice((1, 5, 30))):
            broken[chance.choice((chance.randrange(4, 3000), chance.randrange(len(broken))))] = chance.randrange(256)
        (tmp_path / "b.dng").write_bytes(broken)
        with suppress(UserError):
            assert decoder.read(tmp_path / "b.dng").pixels.size


def test_the_raw_photos_of_the_trials(decoder, shared):
    with pytest.raises(UserError, match="is a RAW photo of a kind that this program cannot develop"):
        decoder.read(shared / "trials/raw_thumbnail_first.dng")
    linear = decoder.read(shared / "trials/raw_linear.dng")
    with tifffile.TiffFile(shared / "trials/raw_linear.dng") as file:
        stored = file.pages[0].asarray().astype(float) / 65535
    assert linear.format == "RAW"
    assert linear.pixels / 65535 == pytest.approx(stored ** (256 / 563), abs=0.06)  # white is the brightest


def test_dialogs_know_raw_photos_and_no_export_is_one():
    nine = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"}
    assert nine <= set(RAW) <= set(READABLE)
    assert not set(RAW) & {suffix for form in FORMATS.values() for suffix in form.suffixes}


def test_libraw_is_loaded_in_the_child_only():
    code = ("import sys; import clarity_desktop.app, clarity_desktop.backend.studio; "
            "print('rawpy' in sys.modules, any('libraw' in line for line in open('/proc/self/maps')))")  # fmt: skip
    if sys.platform != "linux":
        pytest.skip("the list of loaded libraries is read from /proc")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False False", done.stderr


def test_the_preview_of_a_jpeg_in_a_dng_is_decoded(decoder, tmp_path):
    small = Image.fromarray(np.rint(255 * scene()[::2, ::2] ** (1 / 2.2)).astype(np.uint8))
    out = io.BytesIO()
    small.save(out, "JPEG")
    write_dng(tmp_path / "a.dng", scene())
    # A second directory with a JPEG picture, as cameras have it.
    data = bytearray((tmp_path / "a.dng").read_bytes())
    at = len(data) + len(data) % 2
    entries = [(254, 4, 1, 1), (256, 4, 1, 80), (257, 4, 1, 60), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 6),
               (273, 4, 1, at), (277, 3, 1, 3), (278, 4, 1, 60), (279, 4, 1, len(out.getvalue()))]  # fmt: skip
    data += bytes(len(data) % 2) + out.getvalue()
    data += bytes(len(data) % 2)
    directory = len(data)
    data += len(entries).to_bytes(2, "little")
    for tag, kind, count, value in entries:
        data += b"".join((tag.to_bytes(2, "little"), kind.to_bytes(2, "little"), count.to_bytes(4, "little"),
                          value.to_bytes(4, "little")))  # fmt: skip
    data += bytes(4)
    first = int.from_bytes(data[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(data[first : first + 2], "little")
    data[end : end + 4] = directory.to_bytes(4, "little")
    (tmp_path / "a.dng").write_bytes(data)
    picture, size = decoder.preview(tmp_path / "a.dng")
    assert (picture.pixels.shape, size) == ((60, 80, 3), (160, 120))
