"""Saving: whole or not at all, the source only on request, and a sentence for every error."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend.pictures import FORMATS, copy, encode, losses, save
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.values import ExportOptions, Picture

PICTURE = Picture(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"the original")
    return path


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != "home")


def test_a_new_file_is_written_whole(tmp_path):
    assert save(PICTURE, ExportOptions(tmp_path / "a.png"), None) == tmp_path / "a.png"
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), PICTURE.pixels)
    assert names(tmp_path) == ["a.png"]


def test_an_existing_file_is_asked_about(source):
    with pytest.raises(FileExists, match=r"“photo\.png” already exists"):
        save(PICTURE, ExportOptions(source), None)
    assert source.read_bytes() == b"the original"


def test_skip_leaves_it_and_says_nothing_was_written(source):
    assert save(PICTURE, ExportOptions(source, exists="skip"), source) is None
    assert source.read_bytes() == b"the original"


def test_number_finds_the_next_free_name(source):
    (source.parent / "photo (2).png").touch()
    assert save(PICTURE, ExportOptions(source, exists="number"), source) == source.parent / "photo (3).png"
    assert source.read_bytes() == b"the original"
    assert (source.parent / "photo (2).png").read_bytes() == b""
    assert names(source.parent) == ["photo (2).png", "photo (3).png", "photo.png"]


def test_overwriting_the_source_keeps_every_older_self(source):
    source.chmod(0o640)
    for _ in range(2):
        assert save(PICTURE, ExportOptions(source, exists="overwrite"), source) == source
    assert source.read_bytes()[:4] == b"\x89PNG"
    assert (source.parent / "photo.png~").read_bytes() == b"the original"
    assert (source.parent / "photo.png~1").read_bytes() == source.read_bytes()
    assert source.stat().st_mode & 0o777 == 0o640


def test_overwriting_another_file_keeps_no_backup(source):
    save(PICTURE, ExportOptions(source, exists="overwrite"), None)
    assert names(source.parent) == ["photo.png"]


def test_the_source_is_recognised_behind_a_link(source):
    link = source.with_name("link.png")
    link.symlink_to(source.name)
    save(PICTURE, ExportOptions(link, exists="overwrite"), source)
    assert link.is_symlink()
    assert (source.parent / "photo.png~").read_bytes() == b"the original"


@contextmanager
def small_files_only(most: int):
    """The system refuses to let files grow beyond that."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_cannot_grow_leaves_nothing_and_the_old_file_as_it_was(source):
    with small_files_only(5000), pytest.raises(UserError, match=r"“photo.png” could not be saved: the disk"):
        save(PICTURE, ExportOptions(source, exists="overwrite"), source)
    assert source.read_bytes() == b"the original"
    assert names(source.parent) == ["photo.png"]


def test_a_copy_is_the_same_file_and_one_that_does_not_fit_leaves_nothing_behind(source, tmp_path):
    target = tmp_path / "out" / "old.png"
    target.parent.mkdir()
    target.write_bytes(b"old")
    target.chmod(0o640)
    options = ExportOptions(target, exists="overwrite")
    with small_files_only(5), pytest.raises(UserError, match=r"“old.png” could not be saved: the disk"):
        copy(source, options)
    assert (names(target.parent), target.read_bytes()) == (["old.png"], b"old")
    assert copy(source, options) == target
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"the original", 0o640)
    assert names(target.parent) == ["old.png"]
    source.unlink()
    with pytest.raises(UserError, match=r"“photo.png” could not be read again"):
        copy(source, options)


FULL_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from clarity_desktop.backend.pictures import save
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.values import ExportOptions, Picture
noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
try:
    save(Picture(noise), ExportOptions(Path(sys.argv[2]) / "a.png"), None)
except UserError as e:
    print(e)
print([p.name for p in Path(sys.argv[2]).iterdir()])
"""


def test_a_full_disk_is_a_sentence(tmp_path):
    """On a file system of one megabyte of its own, in a mount namespace of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size=1m none '{disk}' && exec '{sys.executable}' -c \"$0\" \"$@\""
    root = str(Path(__file__).resolve().parents[2])
    command = ["unshare", "-rm", "sh", "-c", mounted, FULL_DISK, root, str(disk)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("this system allows no file system of one's own")
    assert done.stdout.splitlines() == [
        "“a.png” could not be saved: the disk is full. Free some space or choose another folder.", "[]",
    ]  # fmt: skip


def test_a_missing_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"“a.png” could not be saved: the folder does not exist"):
        save(PICTURE, ExportOptions(tmp_path / "absent" / "a.png"), None)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="the folder does not exist"):
        save(PICTURE, ExportOptions(tmp_path / "file" / "a.png"), None)


def test_a_folder_of_that_name_is_a_sentence(tmp_path):
    (tmp_path / "a.png").mkdir()
    for exists in ("ask", "overwrite", "number"):
        with pytest.raises(UserError, match="a folder has that name"):
            save(PICTURE, ExportOptions(tmp_path / "a.png", exists=exists), None)


def test_a_name_too_long_or_impossible_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="the name is too long"):
        save(PICTURE, ExportOptions(tmp_path / ("x" * 300 + ".png")), None)
    with pytest.raises(UserError, match="no file name may contain"):
        save(PICTURE, ExportOptions(tmp_path / "a\0.png"), None)
    assert names(tmp_path) == []


def test_a_link_that_leads_in_a_circle_is_a_sentence(tmp_path):
    (tmp_path / "a.png").symlink_to("a.png")
    with pytest.raises(UserError, match=r"“a.png” (could not be saved|already exists)"):
        save(PICTURE, ExportOptions(tmp_path / "a.png"), None)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EPERM, errno.EIO])
def test_a_folder_that_may_not_be_written_to_is_a_sentence(tmp_path, monkeypatch, code):
    """The system's refusal is faked: root, who runs many tests, is refused nothing."""

    def refuse(self: Path, *args: object, **named: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"“a.png” could not be saved: .*\.$"):
        save(PICTURE, ExportOptions(tmp_path / "a.png"), None)


def test_disks_without_hard_links_are_written_to_all_the_same(tmp_path, monkeypatch):
    def refuse(*args: object, **named: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save(PICTURE, ExportOptions(tmp_path / "a.png"), None)
    original = (tmp_path / "a.png").read_bytes()
    assert save(PICTURE, ExportOptions(tmp_path / "a.png", exists="number"), None) == tmp_path / "a (2).png"
    save(PICTURE, ExportOptions(tmp_path / "a.png", exists="overwrite"), tmp_path / "a.png")
    assert (tmp_path / "a.png~").read_bytes() == original
    assert names(tmp_path) == ["a (2).png", "a.png", "a.png~"]


def test_a_file_that_appears_while_encoding_is_not_lost(tmp_path):
    def save_meanwhile(options: ExportOptions) -> Path | None:
        return save(PICTURE, options, None, commit=lambda: options.path.write_bytes(b"somebody else's"))

    with pytest.raises(FileExists):
        save_meanwhile(ExportOptions(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes() == b"somebody else's"
    assert save_meanwhile(ExportOptions(tmp_path / "b.png", exists="number")) == tmp_path / "b (2).png"
    assert save_meanwhile(ExportOptions(tmp_path / "c.png", exists="skip")) is None
    assert names(tmp_path) == ["a.png", "b (2).png", "b.png", "c.png"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_photo_of_one_pixel_is_written(form: str) -> None:
    for mode in ("L", "RGB"):
        assert encode(Picture(np.full((1, 1, 3), 90, np.uint8), mode=mode), ExportOptions(Path("a"), form))


def exif_of(size: int) -> bytes:
    """An EXIF block with a maker note of n bytes."""
    block = Image.Exif()
    block.get_ifd(0x8769)[0x927C] = bytes(size)
    return block.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize(
    ("form", "fields", "lost"),
    [
        ("jpeg", {"xmp": b"x" * 70_000}, {"XMP"}),
        ("jpeg", {"iptc": b"\x1c\x02\x78" + bytes(70_000)}, {"IPTC"}),
        ("jpeg", {"exif": exif_of(100), "xmp": b"<x/>", "iptc": b"\x1c\x02\x78\0\0"}, set()),
        ("png", {"exif": exif_of(70_000), "xmp": b"x" * 70_000, "iptc": b"\x1c\x02\x78\0\0"}, set()),
        *((form, {"iptc": b"\x1c\x02\x78\0\0"}, {"IPTC"}) for form in ("webp", "avif", "heic")),
        ("tiff", {"exif": exif_of(70_000), "xmp": b"x" * 70_000, "iptc": b"\x1c\x02\x78\0\0"}, set()),
    ],
)
def test_metadata_that_a_format_cannot_hold_is_reported(photo, form: str, fields: dict, lost: set[str]) -> None:
    picture = Picture(photo(40, 30), **fields)
    options = ExportOptions(Path("a"), form)
    assert {str(loss.fields["block"]) for loss in losses(picture, options)} == lost
    assert losses(picture, replace(options, metadata="none")) == ()
    written = encode(picture, options)
    for name, block in fields.items():
        found = block[-60:] in written or (form == "png" and b"Raw profile type iptc" in written)
        assert found == (name.upper() not in lost)
