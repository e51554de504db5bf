"""Clean photos: found, split by source photo, loaded upright in sRGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clarity_training import photos
from PIL import Image, ImageCms

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


def test_a_folder_that_is_none_or_empty_is_a_sentence(tmp_path: Path):
    with pytest.raises(UserError, match="is no folder"):
        photos.find([tmp_path / "none"])
    with pytest.raises(UserError, match="no pictures below"):
        photos.find([tmp_path])


def test_the_split_is_disjoint_complete_and_of_the_promised_shares():
    paths = [Path(f"photos/{i:05}.jpg") for i in range(4000)]
    parts = {part: photos.split(paths, part) for part in photos.SHARES}
    assert sorted(path for part in parts.values() for path in part) == paths
    for part, share in photos.SHARES.items():
        assert abs(len(parts[part]) / 40 - share) < 3


def test_the_split_is_stable_over_folders_formats_and_company():
    # written down: what was once an exam photo must never be trained on
    known = {"8068": "train", "kodim01": "train", "img_002": "check", "100007": "check", "kodim07": "exam"}
    assert {name: photos.part_of(Path(f"{name}.jpg")) for name in known} == known
    assert photos.part_of(Path("a/b/kodim05.png")) == photos.part_of(Path("kodim05.webp"))


def test_a_part_without_photos_is_a_sentence():
    photo = next(Path(f"{k}.jpg") for k in range(99) if photos.part_of(Path(f"{k}.jpg")) == "train")
    assert photos.split([photo], "train") == [photo]
    with pytest.raises(UserError, match="None of these 1 photos belongs to the part “check”"):
        photos.split([photo], "check")


def test_a_photo_is_loaded_upright_scaled_and_as_floats(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by a quarter
    path = picture(tmp_path / "turned.jpg", (80, 60), exif=exif, quality=95)
    whole = photos.load(path)
    assert whole.shape == (80, 60, 3)
    assert whole.dtype == np.float32
    assert 0 <= whole.min() < 0.1 < 0.9 < whole.max() <= 1
    assert photos.load(path, 40).shape == (40, 30, 3)
    assert photos.load(path, 400).shape == (80, 60, 3)


def test_a_profile_is_turned_into_srgb(tmp_path: Path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = picture(tmp_path / "srgb.png", icc_profile=srgb)
    without = picture(tmp_path / "plain.png")
    broken = picture(tmp_path / "broken.png", icc_profile=b"no profile")
    assert np.abs(photos.load(with_profile) - photos.load(without)).max() <= 1.5 / 255
    assert np.array_equal(photos.load(broken), photos.load(without))


def test_grey_transparent_and_sixteen_bit_pictures_become_rgb(tmp_path: Path):
    Image.new("L", (8, 8), 128).save(tmp_path / "grey.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((8, 8), 32896, np.uint16)).save(tmp_path / "deep.png")
    assert np.allclose(photos.load(tmp_path / "grey.png"), 128 / 255)
    assert np.allclose(photos.load(tmp_path / "clear.png"), 1)
    assert np.allclose(photos.load(tmp_path / "deep.png"), 128 / 255)


def test_what_is_broken_or_too_large_is_a_sentence_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(UserError, match=r"broken\.jpg.*could not be read"):
        photos.load(broken)
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(picture(tmp_path / "whole.jpg", (400, 300)).read_bytes()[:900])
    with pytest.raises(UserError, match=r"cut\.jpg"):
        photos.load(cut)
    monkeypatch.setattr(photos, "MAX_PIXELS", 100)
    with pytest.raises(UserError, match="40 × 30 pixels"):
        photos.load(picture(tmp_path / "large.png"))
