"""EXIF, XMP and IPTC: kept in every format that can hold them, without what must go."""

from __future__ import annotations

import io
import random
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import ExifTags, Image, IptcImagePlugin

from clarity_desktop.backend.pictures import Decoder, check_size, encode, exif, losses, metadata, save, xmp
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.messages import UserError
from clarity_desktop.values import ExportOptions, Picture

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'exif:GPSLatitude="48,51.5N" photoshop:City="Paris" tiff:Orientation="6">'
    b"<exif:GPSLongitude>2,17.6E</exif:GPSLongitude><dc:creator>Ada</dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)
IPTC = b"".join(
    struct.pack(">BBBH", 0x1C, 2, n, len(t)) + t for n, t in ((5, b"Title"), (90, b"Paris"), (25, b"tower"))
)
HOLDS = {"jpeg": {"exif", "xmp", "iptc"}, "png": {"exif", "xmp", "iptc"}, "webp": {"exif", "xmp"},
         "tiff": {"exif", "xmp", "iptc"}, "avif": {"exif", "xmp"}, "heic": {"exif", "xmp"}}  # fmt: skip


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def block(orientation: int = 6) -> bytes:
    made = Image.Exif()
    made[0x0112], made[0x010F], made[0x0132] = orientation, "Maker", "2020:02:02 02:02:02"
    inner = made.get_ifd(ExifTags.IFD.Exif)
    inner[0x9003], inner[0xA002], inner[0xA003], inner[0x927C] = "2020:02:02 02:02:02", 4000, 3000, b"maker\0notes" * 9
    gps = made.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[29] = "N", (48.0, 51.0, 30.5), "2020:02:02"
    return made.tobytes()[6:]


def read(block: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(block)
    return found


@pytest.fixture
def picture(photo) -> Picture:
    return Picture(photo(48, 32), exif=exif.upright(block())[0], xmp=XMP, iptc=IPTC)


@pytest.mark.parametrize(("kind", "value"), [(1, b"\6\0\0\0"), (8, b"\6\0\0\0"), (9, struct.pack("<i", 6))])
def test_an_orientation_of_an_unusual_type_is_applied_and_not_left_behind(kind, value):
    # Other readers look at the number only: left as it is, it would turn the result once more.
    odd = b"II*\0" + struct.pack("<IHHHI4sI", 8, 1, 0x0112, kind, 1, value, 0)
    assert exif.upright(odd) == (odd.replace(b"\6", b"\1"), 6)


@pytest.mark.parametrize("name", sorted(HOLDS))
def test_every_format_keeps_what_it_can_hold(decoder, tmp_path, picture, name):
    save(picture, ExportOptions(tmp_path / "a", format=name), None)
    back = decoder.read(tmp_path / "a")
    tags = read(back.exif)
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert tags[0x010F] == "Maker"
    assert (inner[0xA002], inner[0xA003]) == (48, 32)
    assert inner[0x927C] == b"maker\0notes" * 9
    assert tags.get_ifd(ExifTags.IFD.GPSInfo)[2] == (48.0, 51.0, 30.5)
    assert back.xmp == xmp.upright(XMP)[0]
    assert back.iptc == (IPTC if "iptc" in HOLDS[name] else None)


@pytest.mark.parametrize("name", sorted(HOLDS))
def test_the_location_alone_can_be_left_out(decoder, tmp_path, picture, name):
    file = encode(picture, ExportOptions(tmp_path / "a", format=name, metadata="no-location"))
    assert b"Paris" not in file
    assert b"GPSL" not in file
    (tmp_path / "a").write_bytes(file)
    back = decoder.read(tmp_path / "a")
    tags = read(back.exif)
    assert tags[0x010F] == "Maker"
    assert not tags.get_ifd(ExifTags.IFD.GPSInfo)
    assert struct.pack("<I", 48) + struct.pack("<I", 1) + struct.pack("<I", 51) not in file
    assert b"<dc:creator>Ada</dc:creator>" in back.xmp
    assert "iptc" not in HOLDS[name] or b"tower" in back.iptc


@pytest.mark.parametrize("name", [*sorted(HOLDS), "bmp"])
def test_everything_can_be_left_out(decoder, tmp_path, picture, name):
    file = encode(picture, ExportOptions(tmp_path / "a", format=name, metadata="none"))
    for secret in (b"Maker", b"Paris", b"Ada", b"tower"):
        assert secret not in file
    (tmp_path / "a").write_bytes(file)
    back = decoder.read(tmp_path / "a")
    assert (back.xmp, back.iptc) == (None, None)
    assert back.exif is None or not dict(read(back.exif))


def test_other_programs_find_what_was_written(tmp_path, picture):
    for name in HOLDS:
        if name == "heic":
            continue
        with Image.open(io.BytesIO(encode(picture, ExportOptions(tmp_path / "a", format=name)))) as image:
            assert image.getexif()[0x010F] == "Maker", name
            assert image.getexif().get_ifd(ExifTags.IFD.Exif)[0x9003] == "2020:02:02 02:02:02", name
            if "iptc" in HOLDS[name] and name != "png":
                assert IptcImagePlugin.getiptcinfo(image)[2, 90] == b"Paris", name


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
def test_the_orientation_of_a_file_is_reset_in_exif_and_xmp(decoder, tmp_path, photo, name):
    Image.fromarray(photo(48, 32)).save(tmp_path / "a", name, exif=b"Exif\0\0" + block(8), xmp=XMP)
    picture = decoder.read(tmp_path / "a")
    assert picture.pixels.shape == (48, 32, 3)
    assert read(picture.exif).get(0x0112, 1) == 1
    assert name not in {"jpeg", "webp"} or b'tiff:Orientation="1"' in picture.xmp


def test_the_orientation_of_xmp_counts_where_exif_has_none(decoder, tmp_path, photo):
    Image.fromarray(photo(48, 32)).save(tmp_path / "a.jpg", xmp=XMP)
    assert decoder.read(tmp_path / "a.jpg").pixels.shape == (48, 32, 3)


def test_maker_notes_keep_their_place_in_a_tiff(picture, tmp_path):
    file = encode(picture, ExportOptions(tmp_path / "a", format="tiff"))
    at = picture.exif.index(b"maker\0notes")
    assert file[at : at + 11] == b"maker\0notes"


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_old_thumbnail_is_erased(order):
    """A block by hand: one entry, then a second directory with a thumbnail."""
    first = struct.pack(order + "HHHIHH", 1, 0x0112, 3, 1, 6, 0) + struct.pack(order + "I", 26)
    second = struct.pack(order + "H", 2) + struct.pack(order + "HHII", 0x0201, 4, 1, 56)
    second += struct.pack(order + "HHII", 0x0202, 4, 1, 5) + bytes(4)
    whole = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + first + second + b"THUMB"
    upright, orientation = exif.upright(whole)
    assert orientation == 6
    assert b"THUMB" not in upright
    assert len(upright) == len(whole)
    assert dict(read(upright)) == {0x0112: 1}


def test_an_exif_block_that_is_none_is_left_out_with_a_note(decoder, tmp_path, photo):
    Image.fromarray(photo(16, 16)).save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense")
    picture = decoder.read(tmp_path / "a.jpg")
    assert picture.exif is None
    assert picture.notes[0].key == "pictures.exif_broken"


def test_any_damage_to_exif_leaves_the_photo_readable(decoder, tmp_path, photo):
    chance = random.Random(2)
    whole = block()
    for suffix in ("jpg", "png", "webp", "tif"):
        for _ in range(15):
            broken = bytearray(whole)
            for _ in range(chance.choice((1, 5, 30))):
                broken[chance.randrange(8, len(broken))] = chance.randrange(256)
            file = encode(Picture(photo(24, 16), exif=bytes(broken)), ExportOptions(tmp_path / "a", format={
                "jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)))  # fmt: skip
            (tmp_path / f"a.{suffix}").write_bytes(file)
            picture = decoder.read(tmp_path / f"a.{suffix}")
            assert sorted(picture.pixels.shape[:2]) == [16, 24]


def test_no_damage_makes_the_editing_of_blocks_fail():
    chance = random.Random(3)
    whole = block()
    for _ in range(3000):
        broken = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.choice((1, 5, 30))):
            if len(broken) > 8:
                broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        damaged = bytes(broken)
        assert len(exif.resized(damaged, 70000, 5)) == len(damaged)
        without = exif.without_places(damaged)
        assert without is None or len(without) == len(damaged)
        if damaged[:4] in {b"II*\0", b"MM\0*"}:
            assert len(exif.upright(damaged)[0]) == len(damaged)
            metadata.rehearse(damaged, None, None)
            assert exif.resolution(exif.with_resolution(damaged, 300, 299.5)) == (300, 299.5)
            exif.Tiff(io.BytesIO(damaged)).tree().block()


def test_a_block_of_nothing_but_gps_pointers_is_dropped():
    entries = struct.pack("<HHII", 0x8825, 4, 1, 4) * 5000
    assert exif.without_places(b"II*\0" + struct.pack("<IH", 8, 5000) + entries + bytes(4)) is None


def adobe_block(space: int, index: bytes) -> bytes:
    made = Image.Exif()
    made.get_ifd(ExifTags.IFD.Exif)[0xA001] = space
    made.get_ifd(ExifTags.IFD.Exif)[0xA005] = {1: index.decode()}
    return made.tobytes()[6:]


@pytest.mark.parametrize(("space", "index", "profile"), [
    (0xFFFF, b"R03", "Compatible with Adobe RGB (1998)"), (2, b"R98", "Compatible with Adobe RGB (1998)"),
    (0xFFFF, b"R98", "sRGB"), (1, b"R03", "sRGB"),
])  # fmt: skip
def test_a_camera_says_adobe_rgb_by_exif(decoder, tmp_path, photo, space, index, profile):
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(32, 32), (0xE1, b"Exif\0\0" + adobe_block(space, index))))
    assert decoder.read(tmp_path / "a.jpg").profile == profile


def test_a_photo_converted_to_srgb_no_longer_says_adobe_rgb(decoder, tmp_path, photo):
    picture = Picture(photo(32, 32), icc=profiles.adobe_rgb(), exif=adobe_block(0xFFFF, b"R03"))
    for form, profile, said in (("jpeg", "srgb", False), ("jpeg", "keep", True), ("jxl", "keep", False)):
        save(picture, ExportOptions(tmp_path / "a", form, profile=profile, exists="overwrite"), None)
        back = decoder.read(tmp_path / "a")
        assert (exif.is_adobe_rgb(back.exif), back.icc is not None) == (said, said)


def test_every_gps_directory_is_removed_wherever_it_is_named():
    gps = struct.pack("<HHHI4sI", 1, 1, 2, 2, b"N\0\0\0", 0)  # GPSLatitudeRef
    first, inner = 8, 8 + 2 + 3 * 12 + 4
    at = inner + 2 + 12 + 4
    pointers = [(0x8769, inner), (0x8825, at), (0x8825, at + len(gps))]
    whole = b"II*\0" + struct.pack("<IH", first, 3) + b"".join(struct.pack("<HHII", t, 4, 1, v) for t, v in pointers)
    whole += bytes(4) + struct.pack("<HHHIII", 1, 0x8825, 4, 1, at + 2 * len(gps), 0) + gps * 3
    assert whole.count(b"N\0\0\0") == 3
    left = exif.without_places(whole)
    assert (left.count(b"N\0\0\0"), left.count(struct.pack("<H", 0x8825))) == (0, 0)


def test_an_xmp_packet_with_unclear_places_is_removed():
    assert xmp.without_places(b"<a><GPSLatitude>1</GPSLatitude></a>") is None
    assert xmp.without_places("<a/>".encode("utf-16")) is None
    assert exif.without_places(b"nonsense") is None


def test_odd_iptc_is_cut_at_the_first_oddity():
    assert metadata.iptc_without_places(IPTC + b"\x1c\x02\x05\xff\xff rest") == metadata.iptc_without_places(IPTC)
    assert metadata.iptc_without_places(b"") == b""
    assert metadata.iptc_from_photoshop(b"8BIM\x04\x04") is None
    assert metadata.iptc_from_photoshop(b"nothing of the kind") is None


def test_iptc_survives_its_photoshop_wrapping():
    other = b"8BIM" + struct.pack(">H", 0x03ED) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    assert metadata.iptc_from_photoshop(other + metadata.photoshop_from_iptc(IPTC)) == IPTC


def test_blocks_too_large_for_a_jpeg_segment_do_not_stop_it(decoder, tmp_path, photo):
    large = Picture(photo(16, 16), exif=block() + bytes(70000), xmp=XMP + b" " * 70000, iptc=IPTC * 9000)
    save(large, ExportOptions(tmp_path / "a.jpg", format="jpeg"), None)
    back = decoder.read(tmp_path / "a.jpg")
    assert read(back.exif)[0x010F] == "Maker"
    assert (back.xmp.strip(), back.iptc) == (xmp.upright(XMP)[0], None)
    save(large, ExportOptions(tmp_path / "a.png"), None)
    assert len(decoder.read(tmp_path / "a.png").exif) > 70000


def test_real_metadata_survives_every_format(decoder, tmp_path, shared):
    original = decoder.read(shared / "data/format_samples/icc/Canon_EOS_7D.jpg")
    small = Picture(np.ascontiguousarray(original.pixels[:64, :64]), icc=original.icc, exif=original.exif,
                    xmp=original.xmp, iptc=original.iptc)  # fmt: skip
    for name in HOLDS:
        save(small, ExportOptions(tmp_path / name, format=name), None)
        back = decoder.read(tmp_path / name)
        assert read(back.exif)[0x0110] == read(original.exif)[0x0110], name
        assert back.xmp == original.xmp, name
        assert back.icc == original.icc, name


# Where blocks can lie, and where they are too large ------------------------------------------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_profile(name: bytes, body: bytes) -> bytes:
    """A block as ImageMagick writes it."""
    text = b"\n%s\n%8d\n" % (name, len(body)) + body.hex().encode() + b"\n"
    return chunk(b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(text))


def png(pixels: np.ndarray, before: bytes = b"", behind: bytes = b"") -> bytes:
    file = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    return file[:33] + before + file[33:-12] + behind + file[-12:]


def jpeg(pixels: np.ndarray, *segments: tuple[int, bytes]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95)
    head = b"".join(struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body for mark, body in segments)
    return out.getvalue()[:2] + head + out.getvalue()[2:]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("place", ["before", "behind"])
def test_png_blocks_count_before_and_behind_the_pixels(decoder, tmp_path, photo, depth, place):
    blocks = chunk(b"eXIf", block(6)) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    (tmp_path / "a.png").write_bytes(png(photo(48, 32, depth), **{place: blocks}))
    picture = decoder.read(tmp_path / "a.png")
    assert (picture.depth, picture.pixels.shape) == (depth, (48, 32, 3))
    assert read(picture.exif)[0x010F] == "Maker"
    assert picture.xmp == xmp.upright(XMP)[0]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("form", ["iptc", "8bim"])
def test_png_blocks_as_imagemagick_writes_them(decoder, tmp_path, photo, depth, form):
    blocks = raw_profile(b"exif", b"Exif\0\0" + block(6)) + raw_profile(b"xmp", XMP)
    blocks += raw_profile(form.encode(), metadata.photoshop_from_iptc(IPTC))
    (tmp_path / "a.png").write_bytes(png(photo(48, 32, depth), behind=blocks))
    picture = decoder.read(tmp_path / "a.png")
    assert picture.pixels.shape == (48, 32, 3)
    assert read(picture.exif)[0x010F] == "Maker"
    assert (picture.xmp, picture.iptc) == (xmp.upright(XMP)[0], IPTC)


def large_xmp(size: int, attribute: bool = False) -> bytes:
    history = b"edited " * (size // 7)
    stored = b' photoshop:History="' + history + b'"' if attribute else b""
    element = b"" if attribute else b"<photoshop:History>" + history + b"</photoshop:History>"
    return XMP.replace(b' tiff:Orientation="6"', stored).replace(b"<dc:creator>", element + b"<dc:creator>")


@pytest.mark.parametrize("attribute", [False, True])
def test_xmp_above_64_kb_goes_to_a_jpeg_and_comes_back(decoder, tmp_path, photo, attribute):
    large = large_xmp(150_000, attribute)
    options = ExportOptions(tmp_path / "a.jpg", "jpeg")
    assert losses(Picture(photo(32, 32), xmp=large), options) == ()
    save(Picture(photo(32, 32), xmp=large), options, None)
    file = (tmp_path / "a.jpg").read_bytes()
    assert file.count(b"http://ns.adobe.com/xmp/extension/") == 3
    back = decoder.read(tmp_path / "a.jpg")
    assert b"edited " * (150_000 // 7) in back.xmp
    assert b"Ada" in back.xmp
    assert b"HasExtendedXMP" not in back.xmp
    assert back.notes == ()


def test_xmp_of_many_small_properties_is_split(decoder, tmp_path, photo):
    many = b"".join(b"<photoshop:Layer%d>%d</photoshop:Layer%d>" % (k, k, k) for k in range(5000))
    save(Picture(photo(32, 32), xmp=XMP.replace(b"<dc:creator>", many + b"<dc:creator>")),
         ExportOptions(tmp_path / "a.jpg", "jpeg"), None)  # fmt: skip
    back = decoder.read(tmp_path / "a.jpg").xmp
    assert all(b">%d<" % k in back for k in range(5000))
    assert b"Ada" in back


def test_padding_of_xmp_is_no_reason_for_an_extension(photo):
    padded = b'<?xpacket begin="" id=""?>' + XMP + b"\n" + b" " * 70_000 + b'<?xpacket end="w"?>'
    file = encode(Picture(photo(32, 32), xmp=padded), ExportOptions(Path("a"), "jpeg"))
    assert XMP in file
    assert b"xmp/extension" not in file


def test_a_missing_extension_leaves_a_note_and_no_reference(decoder, tmp_path, photo):
    main = XMP.replace(b' tiff:Orientation="6"', b' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
                       b'xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"')  # fmt: skip
    body = b"http://ns.adobe.com/xap/1.0/\0" + main
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(32, 32), (0xE1, body)))
    picture = decoder.read(tmp_path / "a.jpg")
    assert b"HasExtendedXMP" not in picture.xmp
    assert b"Ada" in picture.xmp
    assert [note.key for note in picture.notes] == ["pictures.xmp_extension_lost"]


@pytest.mark.parametrize("text", [b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + XMP, b"<a", b"\xff\xfe<\0a\0", b"", XMP[:-20]])
def test_xmp_that_is_no_xml_is_never_split(text):
    assert xmp.split(text + b" x" * 40_000, 65_504) is None
    assert xmp.joined(text, XMP) is None


def test_exif_above_64_kb_keeps_all_but_the_makers_notes(decoder, tmp_path, photo):
    made = Image.Exif()
    made[0x010F] = "Maker"
    made.get_ifd(ExifTags.IFD.Exif).update({0x9003: "2020:02:02 02:02:02", 0x927C: bytes(range(256)) * 300})
    picture = Picture(photo(32, 32), exif=made.tobytes()[6:])
    options = ExportOptions(tmp_path / "a.jpg", "jpeg")
    assert [loss.key for loss in losses(picture, options)] == ["pictures.lost_exif_values"]
    save(picture, options, None)
    tags = read(decoder.read(tmp_path / "a.jpg").exif)
    assert tags[0x010F] == "Maker"
    assert tags.get_ifd(ExifTags.IFD.Exif)[0x9003] == "2020:02:02 02:02:02"
    assert 0x927C not in tags.get_ifd(ExifTags.IFD.Exif)


def test_exif_above_64_kb_loses_its_largest_values_only(decoder, tmp_path, photo):
    made = Image.Exif()
    made[0x010F], made[0x010E] = "Maker", "short"
    made.get_ifd(ExifTags.IFD.Exif).update({0x9003: "2020:02:02 02:02:02", 0x9286: b"ASCII\0\0\0" + b"words " * 12_000})
    picture = Picture(photo(32, 32), exif=made.tobytes()[6:])
    options = ExportOptions(tmp_path / "a.jpg", "jpeg")
    assert [loss.key for loss in losses(picture, options)] == ["pictures.lost_exif_values"]
    save(picture, options, None)
    tags = read(decoder.read(tmp_path / "a.jpg").exif)
    assert (tags[0x010F], tags[0x010E]) == ("Maker", "short")
    assert dict(tags.get_ifd(ExifTags.IFD.Exif)) == {0x9003: "2020:02:02 02:02:02"}


def test_a_makers_note_keeps_its_place_when_a_block_is_rebuilt():
    made = Image.Exif()
    made[0x010E] = "x" * 300
    made.get_ifd(ExifTags.IFD.Exif).update({0x927C: b"offsets count from here" * 5, 0x9286: bytes(200)})
    whole = made.tobytes()[6:]
    at = whole.index(b"offsets count")
    rebuilt = exif.Tiff(io.BytesIO(whole + bytes(99))).tree().block()
    assert rebuilt.index(b"offsets count") == at
    assert read(rebuilt)[0x010E] == "x" * 300
    assert read(rebuilt).get_ifd(ExifTags.IFD.Exif)[0x927C] == b"offsets count from here" * 5


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "avif", "heic"])
def test_text_and_interoperability_of_a_tiff_are_the_same_bytes(decoder, tmp_path, photo, form):
    tifffile.imwrite(tmp_path / "a.tif", photo(32, 32), photometric="rgb", metadata=None, extratags=[
        (315, 2, 0, "山田太郎".encode(), True), (33432, 2, 0, "© Jörg Müller".encode(), True)])  # fmt: skip
    original = decoder.read(tmp_path / "a.tif")
    tree = exif.Tiff(io.BytesIO(original.exif)).tree()
    interop = {1: exif.Value(2, 4, b"R98\0"), 2: exif.Value(7, 4, b"0100")}
    tree = replace(tree, exif={0x9000: exif.Value(7, 4, b"0232")}, interop=interop)
    save(replace(original, exif=tree.block()), ExportOptions(tmp_path / "b.tif", "tiff"), None)
    save(decoder.read(tmp_path / "b.tif"), ExportOptions(tmp_path / f"c.{form}", form), None)
    back = exif.Tiff(io.BytesIO(decoder.read(tmp_path / f"c.{form}").exif)).tree()
    assert back.first[315].raw.rstrip(b"\0") == "山田太郎".encode()
    assert back.first[33432].raw.rstrip(b"\0") == "© Jörg Müller".encode()
    assert {tag: value.raw for tag, value in back.interop.items()} == {1: b"R98\0", 2: b"0100"}


@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_of_any_number_type_is_kept(decoder, tmp_path, photo, kind, order):
    stored = IPTC + bytes(-len(IPTC) % 4) if kind == 4 else IPTC
    value = struct.unpack(f"{order}{len(stored) // 4}I", stored) if kind == 4 else stored
    with tifffile.TiffWriter(tmp_path / "a.tif", byteorder=order) as out:
        out.write(photo(32, 32), photometric="rgb", extratags=[(33723, kind, len(value), value, True)])
    assert decoder.read(tmp_path / "a.tif").iptc == IPTC


def test_an_exif_block_of_a_raw_photo_makes_no_raw_photo_of_a_tiff(decoder, tmp_path, photo):
    made = Image.Exif()
    made[0x010F], made[50706], made[33422] = "Maker", b"\1\4\0\0", b"\0\1\1\2"
    save(Picture(photo(32, 32), exif=made.tobytes()[6:]), ExportOptions(tmp_path / "a.tif", "tiff"), None)
    back = decoder.read(tmp_path / "a.tif")
    assert (back.format, read(back.exif)[0x010F]) == ("TIFF", "Maker")


def test_a_resolution_that_a_format_rounds_is_not_written_over(decoder, tmp_path, photo):
    picture = Picture(photo(32, 32), exif=exif.with_resolution(block(), 72, 72.4))
    for form in ("png", "jpeg", "tiff"):
        save(picture, ExportOptions(tmp_path / form, form), None)
        assert exif.resolution(decoder.read(tmp_path / form).exif) == (72, 72.4), form


def test_layers_of_photoshop_are_dropped_and_said(decoder, tmp_path, photo):
    tifffile.imwrite(tmp_path / "a.tif", photo(32, 32), extratags=[(37724, 7, 11, b"LAYERPIXELS", True)])
    picture = decoder.read(tmp_path / "a.tif")
    assert "pictures.layers_left_out" in {note.key for note in picture.notes}
    for form in HOLDS:
        assert b"LAYERPIXELS" not in encode(picture, ExportOptions(tmp_path / "b", form)), form


# What lies behind the picture ----------------------------------------------------------------------------------------

GAIN_MAP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" hdrgm:Version="1.0" xmp:Rating="5"><Container:Directory><rdf:Seq>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" '
    b'Item:Length="9"/></rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def test_a_gain_map_is_said_and_no_longer_claimed(decoder, tmp_path, photo):
    body = b"http://ns.adobe.com/xap/1.0/\0" + GAIN_MAP
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(32, 32), (0xE1, body)) + jpeg(photo(8, 8)))
    picture = decoder.read(tmp_path / "a.jpg")
    assert [note.key for note in picture.notes] == ["pictures.gain_map"]
    for form in HOLDS:
        file = encode(picture, ExportOptions(tmp_path / "b", form))
        assert b"hdrgm" not in file
        assert b"GainMap" not in file
        assert b'xmp:Rating="5"' in file


def test_a_gain_map_after_iso_21496_is_said(decoder, tmp_path, photo):
    mark = (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(32, 32), mark))
    assert [note.key for note in decoder.read(tmp_path / "a.jpg").notes] == ["pictures.gain_map"]


def test_the_gain_map_of_a_heic_is_said(decoder, tmp_path, photo):
    """A HEIC with alpha whose auxiliary picture is declared a gain map, in fewer letters than iPhones do it."""
    heif = pillow_heif.from_bytes("RGBA", (64, 64), np.dstack([photo(64, 64), photo(64, 64)[..., 0]]).tobytes())
    out = io.BytesIO()
    heif.save(out)
    alpha = re.search(rb"urn:mpeg:[\w:.]+\0", out.getvalue())[0]
    gain_map = b"urn:x:aux:hdrgainmap".ljust(len(alpha), b"\0")
    (tmp_path / "a.heic").write_bytes(out.getvalue().replace(alpha, gain_map))
    assert [note.key for note in decoder.read(tmp_path / "a.heic").notes] == ["pictures.gain_map"]


def test_the_film_of_a_motion_photo_is_said_and_no_longer_claimed(decoder, tmp_path, photo):
    film = XMP.replace(b' tiff:Orientation="6"', b' xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
                       b'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="99"')  # fmt: skip
    (tmp_path / "a.jpg").write_bytes(jpeg(photo(32, 32), (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + film)))
    picture = decoder.read(tmp_path / "a.jpg")
    assert [note.key for note in picture.notes] == ["pictures.film"]
    assert b"MotionPhoto" not in picture.xmp
    assert b"MicroVideo" not in picture.xmp
    assert b"Ada" in picture.xmp


@pytest.mark.parametrize("place", [
    b'drone-dji:GpsLatitude="+48.8583701" drone-dji:GpsLongitude="+2.2944813" drone-dji:GpsLongtitude="2.29"',
    b"drone-dji:AbsoluteAltitude='+101.1'", b'Camera:GPSXYAccuracy="1"', b'geo:lat="48.8583701" geo:long="2.2944813"',
    b'exif:GPSLatitude="48,51.5N"', b'Vendor:HomeLatitude = "48.8583701"',
    b'xmpDM:shotLocation="48 rue de Rivoli"',
])  # fmt: skip
def test_no_location_means_makers_positions_too(place):
    names = [part.split(b"=")[0].strip() for part in place.split(b" ") if b":" in part]
    attributes = XMP.replace(b'photoshop:City="Paris"', place)
    values = b"".join(b"<" + n + b">48.8583701</" + n + b"><" + n + b' rdf:value="48.8583701"/>' for n in names)
    elements = XMP.replace(b"<dc:creator>", values + b"<dc:creator>")
    for packet in (attributes, elements):
        left = xmp.without_places(packet)
        assert b"48" not in left.replace(b"1948", b"").replace(b"02/22", b"")
        assert not any(name in left for name in names)
        assert b"<dc:creator>Ada</dc:creator>" in left


def test_text_about_latitude_is_no_position():
    packet = XMP.replace(b"Ada", b"latitude of a film, wide")
    assert b"latitude of a film" in xmp.without_places(packet)


# Resolution and texts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [*sorted(HOLDS), "bmp"])
def test_the_resolution_goes_from_every_format_to_every_other(decoder, tmp_path, photo, source):
    picture = Picture(photo(32, 24), exif=exif.with_resolution(None, 300, 240))
    for keep in ("all", "none"):
        save(picture, ExportOptions(tmp_path / "a", source, metadata=keep, exists="overwrite"), None)
        back = decoder.read(tmp_path / "a")
        if keep == "none" and source in {"webp", "avif", "heic"}:
            assert exif.resolution(back.exif) is None  # they have it in EXIF only
            continue
        assert exif.resolution(back.exif) == (300, 240)
        assert losses(back, ExportOptions(tmp_path / "b", "bmp")) == ()
        for target in (*HOLDS, "bmp"):
            save(back, ExportOptions(tmp_path / "b", target, exists="overwrite"), None)
            assert exif.resolution(decoder.read(tmp_path / "b").exif) == (300, 240), target


@pytest.mark.parametrize(("form", "options"), [
    ("JPEG", {"dpi": (300, 300)}), ("PNG", {"dpi": (300, 300)}), ("BMP", {"dpi": (300, 300)}),
    ("TIFF", {"resolution": 118.11023622, "resolution_unit": 3}),
])  # fmt: skip
def test_the_resolution_is_what_other_programs_write(decoder, tmp_path, photo, form, options):
    Image.fromarray(photo(16, 16)).save(tmp_path / "a", form, **options)
    picture = decoder.read(tmp_path / "a")
    assert exif.resolution(picture.exif) == pytest.approx((300, 300), abs=0.01)
    for target in ("jpeg", "png", "tiff", "bmp"):
        with Image.open(io.BytesIO(encode(picture, ExportOptions(tmp_path / "b", target)))) as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.05), target


TEXTS = (
    ("Title", "Tür"),
    ("Author", "山田太郎"),
    ("Comment", "first"),
    ("Comment", "второй " * 500),
    ("workflow", "{}" * 900),
)


def test_png_keeps_all_texts_and_jpeg_the_comments(decoder, tmp_path, photo):
    picture = Picture(photo(32, 24), texts=TEXTS)
    save(picture, ExportOptions(tmp_path / "a.png", "png"), None)
    assert decoder.read(tmp_path / "a.png").texts == TEXTS
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Title"] == "Tür"
        assert image.text["Author"] == "山田太郎"
    options = ExportOptions(tmp_path / "a.jpg", "jpeg")
    assert [(loss.key, loss.fields["names"]) for loss in losses(picture, options)] == [
        ("pictures.lost_texts", "Title, workflow")]  # fmt: skip
    save(picture, options, None)
    back = decoder.read(tmp_path / "a.jpg")
    assert back.texts == TEXTS[2:4]
    assert exif.Tiff(io.BytesIO(back.exif)).tree().first[0x013B].raw == "山田太郎".encode() + b"\0"


@pytest.mark.parametrize("form", ["webp", "tiff", "avif", "heic"])
def test_texts_that_exif_knows_are_kept_there_and_the_others_reported(decoder, tmp_path, photo, form):
    picture = Picture(photo(32, 24), texts=TEXTS)
    options = ExportOptions(tmp_path / "a", form)
    assert [loss.fields["names"] for loss in losses(picture, options)] == ["Title, Comment, workflow"]
    save(picture, options, None)
    assert exif.Tiff(io.BytesIO(decoder.read(tmp_path / "a").exif)).tree().first[0x013B].raw.startswith("山".encode())


def test_texts_follow_the_users_choice(photo):
    picture = Picture(photo(32, 24), texts=(*TEXTS, ("exif:GPSLatitude", "48.8583701"), ("Location", "48.8583701")))
    assert b"48.8583701" in encode(picture, ExportOptions(Path("a"), "png"))
    kept = encode(picture, ExportOptions(Path("a"), "png", metadata="no-location"))
    assert b"48.8583701" not in kept
    assert b"Title" in kept
    bare = encode(picture, ExportOptions(Path("a"), "png", metadata="none"))
    assert b"Title" not in bare
    assert losses(picture, ExportOptions(Path("a"), "bmp", metadata="none")) == ()
    assert [loss.key for loss in losses(picture, ExportOptions(Path("a"), "bmp"))] == ["pictures.lost_metadata"]


def test_the_resolution_of_a_photoshop_file_is_kept(decoder, tmp_path):
    resource = b"8BIM" + struct.pack(">H2xI", 0x03ED, 16) + struct.pack(">IHHIHH", 300 << 16, 1, 1, 240 << 16, 1, 1)
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 4, 4, 8, 3)
    body = struct.pack(">II", 0, len(resource)) + resource + struct.pack(">IH", 0, 0) + bytes(48)
    (tmp_path / "a.psd").write_bytes(head + body)
    assert exif.resolution(decoder.read(tmp_path / "a.psd").exif) == (300, 240)


def test_a_profile_that_cannot_be_kept_is_said(photo):
    picture = Picture(photo(8, 8), icc=profiles.display_p3(), profile="Display P3")
    for form in ("bmp", "jxl"):
        assert [loss.key for loss in losses(picture, ExportOptions(Path("a"), form))] == ["pictures.lost_profile"]
        assert losses(picture, ExportOptions(Path("a"), form, profile="srgb")) == ()
    assert losses(picture, ExportOptions(Path("a"), "png")) == ()


def test_the_size_limit_of_a_format_is_said_before_the_work(photo):
    check_size(16383, 10, ExportOptions(Path("a"), "webp"))
    with pytest.raises(UserError, match="WebP holds at most 16383 pixels per side, but the photo is 16384 × 10"):
        check_size(16384, 10, ExportOptions(Path("a"), "webp"))
    check_size(16384, 10, ExportOptions(Path("a"), "webp", longest=16000))
    for form, limit in (("jpeg", 65500), ("avif", 65535), ("heic", 16384)):
        check_size(10, limit, ExportOptions(Path("a"), form))
        with pytest.raises(UserError, match="holds at most"):
            check_size(10, limit + 1, ExportOptions(Path("a"), form))


# The inputs of the trials --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "form", "kept"), [
    ("png16_exif_after_idat.png", "png", "xmp exif"), ("png_xmp_iptc_raw_profiles.png", "jpeg", "xmp iptc"),
    ("jpg_iptc.jpg", "png", "iptc"), ("jpg_iptc.jpg", "tiff", "iptc"), ("tiff_iptc_as_long.tif", "jpeg", "iptc"),
    ("tiff_iptc_as_long.tif", "tiff", "iptc"), ("tiff_utf8_text.tif", "avif", "exif"),
    ("png_xmp_100k.png", "png", "xmp"),
    ("jpg_xmp_extended.jpg", "webp", "xmp"), ("jpg_300dpi_comment.jpg", "jpeg", "exif texts"),
])  # fmt: skip
def test_metadata_of_the_trials_is_kept(decoder, tmp_path, shared, name, form, kept):
    original = decoder.read(shared / "trials" / name)
    save(original, ExportOptions(tmp_path / "a", form), None)
    back = decoder.read(tmp_path / "a")
    for block_name in kept.split():
        assert getattr(original, block_name)
        assert getattr(back, block_name) == getattr(original, block_name)


def test_what_the_trials_lost_is_kept_or_said(decoder, tmp_path, shared):
    def of(name: str, form: str, **options: str) -> tuple[Picture, bytes, set[str]]:
        picture = decoder.read(shared / "trials" / name)
        asked = ExportOptions(tmp_path / "a", form, **options)
        return picture, encode(picture, asked), {loss.key for loss in losses(picture, asked)}

    for form in ("webp", "avif", "heic"):
        assert of("jpg_iptc.jpg", form)[2] == {"pictures.lost_block"}
    for name in ("png_xmp_100k.png", "jpg_xmp_extended.jpg"):
        assert b"kept title" in of(name, "jpeg")[1]
    picture, file, _ = of("tiff_photoshop_layers.tif", "tiff")
    assert (b"OLDLAYERPIXELS" in file, "pictures.layers_left_out" in {n.key for n in picture.notes}) == (False, True)
    picture, file, _ = of("jpg_ultra_hdr.jpg", "jpeg")
    assert (b"hdrgm:Version" in file, b"GainMap" in file, [n.key for n in picture.notes]) == (
        False, False, ["pictures.gain_map"])  # fmt: skip
    assert b"48.8583701" not in of("jpg_dji_gps_in_xmp.jpg", "jpeg", metadata="no-location")[1]
    assert b"48.8583701" in of("jpg_dji_gps_in_xmp.jpg", "jpeg")[1]
    assert decoder.read(shared / "trials/png16_exif_after_idat.png").pixels.shape == (96, 64, 3)
