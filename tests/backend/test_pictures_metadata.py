"""EXIF, XMP and IPTC: kept in every format that can hold them, without what must go."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import ExifTags, Image, IptcImagePlugin

from clarity_desktop.backend.pictures import Decoder, encode, metadata, save
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
HOLDS = {"jpeg": {"exif", "xmp", "iptc"}, "png": {"exif", "xmp"}, "webp": {"exif", "xmp"},
         "tiff": {"exif", "xmp", "iptc"}, "avif": {"exif", "xmp"}, "heic": {"exif", "xmp"}}  # fmt: skip


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def exif(orientation: int = 6) -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F], block[0x0132] = orientation, "Maker", "2020:02:02 02:02:02"
    inner = block.get_ifd(ExifTags.IFD.Exif)
    inner[0x9003], inner[0xA002], inner[0xA003], inner[0x927C] = "2020:02:02 02:02:02", 4000, 3000, b"maker\0notes" * 9
    gps = block.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[29] = "N", (48.0, 51.0, 30.5), "2020:02:02"
    return block.tobytes()[6:]


def read(block: bytes) -> Image.Exif:
    found = Image.Exif()
    found.load(block)
    return found


@pytest.fixture
def picture(photo) -> Picture:
    return Picture(photo(48, 32), exif=metadata.upright(exif())[0], xmp=XMP, iptc=IPTC)


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
    assert back.xmp == metadata.upright_xmp(XMP)[0]
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
            if "iptc" in HOLDS[name]:
                assert IptcImagePlugin.getiptcinfo(image)[2, 90] == b"Paris", name


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
def test_the_orientation_of_a_file_is_reset_in_exif_and_xmp(decoder, tmp_path, photo, name):
    Image.fromarray(photo(48, 32)).save(tmp_path / "a", name, exif=b"Exif\0\0" + exif(8), xmp=XMP)
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
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + first + second + b"THUMB"
    upright, orientation = metadata.upright(block)
    assert orientation == 6
    assert b"THUMB" not in upright
    assert len(upright) == len(block)
    assert dict(read(upright)) == {0x0112: 1}


def test_an_exif_block_that_is_none_is_left_out_with_a_note(decoder, tmp_path, photo):
    Image.fromarray(photo(16, 16)).save(tmp_path / "a.jpg", exif=b"Exif\0\0nonsense")
    picture = decoder.read(tmp_path / "a.jpg")
    assert picture.exif is None
    assert picture.notes[0].key == "pictures.exif_broken"


def test_any_damage_to_exif_leaves_the_photo_readable(decoder, tmp_path, photo):
    chance = random.Random(2)
    whole = exif()
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
    whole = exif()
    for _ in range(3000):
        broken = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.choice((1, 5, 30))):
            if len(broken) > 8:
                broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        block = bytes(broken)
        if block[:4] in {b"II*\0", b"MM\0*"}:
            assert len(metadata.upright(block)[0]) == len(block)
        assert len(metadata.resized(block, 70000, 5)) == len(block)
        without = metadata.without_gps(block)
        assert without is None or len(without) == len(block)


def test_an_xmp_packet_with_unclear_places_is_removed():
    assert metadata.without_places(b'<a x:GPSLatitude="1"/>') is None
    assert metadata.without_places("<a/>".encode("utf-16")) is None
    assert metadata.without_gps(b"nonsense") is None


def test_odd_iptc_is_cut_at_the_first_oddity():
    assert metadata.iptc_without_places(IPTC + b"\x1c\x02\x05\xff\xff rest") == metadata.iptc_without_places(IPTC)
    assert metadata.iptc_without_places(b"") == b""
    assert metadata.iptc_from_photoshop(b"8BIM\x04\x04") is None
    assert metadata.iptc_from_photoshop(b"nothing of the kind") is None


def test_iptc_survives_its_photoshop_wrapping():
    other = b"8BIM" + struct.pack(">H", 0x03ED) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    assert metadata.iptc_from_photoshop(other + metadata.photoshop_from_iptc(IPTC)) == IPTC


def test_blocks_too_large_for_a_jpeg_segment_do_not_stop_it(decoder, tmp_path, photo):
    large = Picture(photo(16, 16), exif=exif() + bytes(70000), xmp=XMP + b" " * 70000, iptc=IPTC * 9000)
    save(large, ExportOptions(tmp_path / "a.jpg", format="jpeg"), None)
    assert decoder.read(tmp_path / "a.jpg").exif is None
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
