"""A large JPEG is seen reduced before it is read whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend.pictures import Decoder, reduced
from clarity_desktop.messages import UserError


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_preview_is_the_photo_reduced_and_knows_its_size_upright(decoder, tmp_path: Path, photo, orientation) -> None:
    path = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(photo(2800, 1600)).save(path, quality=95, exif=exif)
    draft, size = decoder.preview(path)
    whole = decoder.read(path)
    assert size == (whole.pixels.shape[1], whole.pixels.shape[0])
    assert draft.icc == whole.icc
    assert draft.pixels.shape[:2] == (size[1] // 4, size[0] // 4)
    assert np.abs(draft.pixels.astype(int) - reduced(whole.pixels, 4)).mean() < 3


def test_other_photos_have_no_preview(decoder, tmp_path: Path, photo) -> None:
    small, png, gray = tmp_path / "small.jpg", tmp_path / "large.png", tmp_path / "gray.jpg"
    Image.fromarray(photo(300, 200)).save(small)
    Image.fromarray(photo(2800, 1600)).save(png, compress_level=1)
    Image.fromarray(photo(2800, 1600)[..., 0]).save(gray)
    assert [decoder.preview(path) for path in (small, png, gray)] == [None, None, None]


def test_what_cannot_be_previewed_says_so_when_it_is_read(decoder, tmp_path: Path, photo) -> None:
    path = tmp_path / "short.jpg"
    Image.fromarray(photo(2800, 1600)).save(path)
    path.write_bytes(path.read_bytes()[:50_000])
    assert decoder.preview(path) is None
    with pytest.raises(UserError, match=r"short\.jpg"):
        decoder.read(path)
    with pytest.raises(UserError, match="not found"):
        decoder.preview(tmp_path / "nothing.jpg")
