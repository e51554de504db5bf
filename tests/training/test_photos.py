"""Clean photos: finding, splitting, excluding by difference hash, loading in sRGB."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clarity_training import options, photos
from clarity_training.evaluate import detector as bench_detector
from clarity_training.evaluate import quality as bench_quality
from clarity_training.evaluate import restorer as bench_restorer
from clarity_training.train import calibration, clip, detector, quality, restorer
from PIL import Image, ImageCms, ImageEnhance

from clarity_desktop.messages import UserError


def picture(path: Path, size: tuple[int, int] = (40, 30), **saved: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.tile(np.linspace(0, 255, size[0]).astype(np.uint8)[None, :, None], (size[1], 1, 3))
    Image.fromarray(ramp).save(path, **saved)
    return path


def test_pictures_are_found_below_all_folders_sorted_and_once(tmp_path: Path):
    b, a = picture(tmp_path / "x" / "deep" / "b.png"), picture(tmp_path / "x" / "a.JPG", format="JPEG")
    (tmp_path / "x" / "notes.txt").write_text("no picture")
    assert photos.find([tmp_path, tmp_path / "x"]) == sorted([a, b])


def test_a_missing_or_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(UserError, match="is not a folder"):
        photos.find([tmp_path / "none"])
    with pytest.raises(UserError, match="No photos found in"):
        photos.find([tmp_path])


# Splits --------------------------------------------------------------------------------------------------------------


def test_the_splits_have_their_shares():
    counts = Counter(photos.split_of(Path(f"photos/{i:05}.jpg")) for i in range(4000))
    assert all(abs(counts[split] / 40 - percent) < 3 for split, percent in photos.SPLIT_PERCENT.items())


def test_the_split_depends_on_the_file_stem_only():
    # written down: a photo of the test split must never be trained on
    known = {"8068": "train", "kodim01": "train", "img_002": "validation", "100007": "validation", "kodim07": "test"}
    assert {name: photos.split_of(Path(f"{name}.jpg")) for name in known} == known
    assert photos.split_of(Path("a/b/kodim05.png")) == photos.split_of(Path("kodim05.webp"))


def test_photos_of_one_split_are_selected(tmp_path: Path):
    picture(tmp_path / "8068.png")
    picture(tmp_path / "kodim07.png")
    assert photos.select([tmp_path], "train") == [tmp_path / "8068.png"]
    assert photos.select([tmp_path], "test") == [tmp_path / "kodim07.png"]
    with pytest.raises(UserError, match="belongs to the validation split"):
        photos.select([tmp_path], "validation")


# Difference hashes ---------------------------------------------------------------------------------------------------


def scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((360, 270), Image.Resampling.BICUBIC)


def test_the_hash_compares_each_cell_with_its_right_neighbor(tmp_path: Path):
    cells = np.zeros((8, 9), np.uint8)
    cells[0, 1], cells[7, 8] = 200, 200  # brighter than the left neighbor: the first and the last bit
    Image.fromarray(cells).resize((90, 80), Image.Resampling.NEAREST).save(tmp_path / "cells.png")
    assert photos.difference_hash(tmp_path / "cells.png") == (1 << 63) + 1


def test_a_listed_photo_is_excluded_under_another_name_size_and_format(tmp_path: Path):
    folder = tmp_path / "photos"
    folder.mkdir()
    original = scene(0)
    original.save(tmp_path / "original.png")
    original.resize((200, 150)).save(folder / "smaller.jpg", quality=60)
    ImageEnhance.Brightness(original).enhance(0.8).save(folder / "darker.png")
    turned = original.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers rotate it by 90° clockwise
    turned.save(folder / "turned.jpg", exif=exif)
    scene(1).save(folder / "other.png")
    exclude = tmp_path / "exclude.txt"
    exclude.write_text(f"0123456789abcdef\n\n{photos.difference_hash(tmp_path / 'original.png'):016x}\n")
    assert photos.without_listed(photos.find([folder]), photos.read_hashes(exclude)) == [folder / "other.png"]


def test_hashes_may_differ_in_seven_bits(tmp_path: Path):
    path = picture(tmp_path / "a.png")
    value = photos.difference_hash(path)
    for bits, left in ((7, []), (8, [path])):
        assert photos.without_listed([path], np.array([value ^ ((1 << bits) - 1)], np.uint64)) == left


def test_the_excluded_photos_do_not_count_in_their_split(tmp_path: Path):
    path = picture(tmp_path / "8068.png")
    exclude = tmp_path / "exclude.txt"
    exclude.write_text(f"{photos.difference_hash(path):016x}")
    assert photos.select([tmp_path], "train") == [path]
    with pytest.raises(UserError, match="belongs to the train split"):
        photos.select([tmp_path], "train", exclude)


@pytest.mark.parametrize("text", ["0123", "0123456789abcdeg", "0123456789abcdef0"])
def test_a_file_that_is_no_list_of_hashes_is_an_error(tmp_path: Path, text: str):
    (tmp_path / "exclude.txt").write_text(text)
    with pytest.raises(UserError, match=r"exclude\.txt.*list of difference hashes"):
        photos.read_hashes(tmp_path / "exclude.txt")
    with pytest.raises(UserError, match=r"none\.txt.*list of difference hashes"):
        photos.read_hashes(tmp_path / "none.txt")


PARSERS = (
    detector._parser, restorer._parser, clip._parser, quality._parser, calibration._parser,
    bench_detector.parser, bench_restorer._parser, bench_quality._parser,
)  # fmt: skip


@pytest.mark.parametrize("parser", PARSERS)
def test_every_trainer_and_bench_excludes_photos(tmp_path: Path, parser: Callable[[], argparse.ArgumentParser]):
    listed, other = tmp_path / "p" / "8068.png", tmp_path / "p" / "kodim01.png"
    listed.parent.mkdir()
    scene(0).save(listed)
    scene(1).save(other)
    (tmp_path / "exclude.txt").write_text(f"{photos.difference_hash(listed):016x}")
    args = parser().parse_args(["--photos", str(listed.parent), "--exclude", str(tmp_path / "exclude.txt")])
    assert options.clean_photos(args, "train") == [other]


# Pixels --------------------------------------------------------------------------------------------------------------


def test_a_photo_is_loaded_upright_scaled_and_as_floats(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers rotate it by 90° clockwise
    path = picture(tmp_path / "turned.jpg", (80, 60), exif=exif, quality=95)
    whole = photos.load(path)
    assert whole.shape == (80, 60, 3)
    assert whole.dtype == np.float32
    assert 0 <= whole.min() < 0.1 < 0.9 < whole.max() <= 1
    assert photos.load(path, 40).shape == (40, 30, 3)
    assert photos.load(path, 400).shape == (80, 60, 3)


def test_a_profile_is_converted_to_srgb(tmp_path: Path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = picture(tmp_path / "srgb.png", icc_profile=srgb)
    without = picture(tmp_path / "plain.png")
    broken = picture(tmp_path / "broken.png", icc_profile=b"no profile")
    assert np.abs(photos.load(with_profile) - photos.load(without)).max() <= 1.5 / 255
    assert np.array_equal(photos.load(broken), photos.load(without))


def test_gray_transparent_and_sixteen_bit_pictures_become_rgb(tmp_path: Path):
    Image.new("L", (8, 8), 128).save(tmp_path / "gray.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((8, 8), 32896, np.uint16)).save(tmp_path / "deep.png")
    assert np.allclose(photos.load(tmp_path / "gray.png"), 128 / 255)
    assert np.allclose(photos.load(tmp_path / "clear.png"), 1)
    assert np.allclose(photos.load(tmp_path / "deep.png"), 128 / 255)


def test_broken_and_too_large_files_are_errors_with_their_names(tmp_path: Path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(UserError, match=r"broken\.jpg.*could not be read as an image"):
        photos.load(broken)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(picture(tmp_path / "whole.jpg", (400, 300)).read_bytes()[:900])
    with pytest.raises(UserError, match=r"cut\.jpg"):
        photos.load(cut)
    with pytest.raises(UserError, match="40 × 30 pixels"):
        photos.load(picture(tmp_path / "large.png"), max_pixels=100)
