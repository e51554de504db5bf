"""Transparency of a document's versions as the window gets it: tiles of every level, without hidden colors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from clarity_desktop.backend.document import Document, reduced
from clarity_desktop.values import Bounds, Level, Picture, Step, VersionId

SIZE = (1025, 770)
Photo = Callable[..., np.ndarray]


def shown(document: Document, version: VersionId, level: int) -> np.ndarray:
    """A whole level as the window gets it: H×W×4."""
    at = document.manifest(version).levels[level]
    tiles = dict(document.tiles(at.tiles))
    depth = next(iter(tiles.values())).dtype
    out = np.full((at.height, at.width, 4), np.iinfo(depth).max, depth)
    for index, name in enumerate(at.tiles):
        tile = tiles[name]
        out[at.bounds(index).slices()][..., : tile.shape[2]] = tile
    return out


def hidden_half(depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Gray pixels, of which the left part is pure red and transparent; a soft edge of five pixels between them."""
    top = 2**depth - 1
    pixels = np.full((SIZE[1], SIZE[0], 3), top // 2, f"u{depth // 8}")
    pixels[:, :300] = (top, 0, 0)
    alpha = np.full((SIZE[1], SIZE[0]), top, pixels.dtype)
    alpha[:, :301] = 0
    alpha[:, 301:306] = top // 3
    return pixels, alpha


@pytest.fixture(params=[8, 16])
def document(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Document]:
    pixels, alpha = hidden_half(request.param)
    made = Document.create(tmp_path / "documents", Picture(pixels, alpha=alpha), "a")
    yield made
    made.close(keep=True)


def test_every_level_carries_the_alpha_reduced(document: Document):
    head = document.card().head
    expected = document.alpha(head)
    assert expected is not None
    for level in range(len(document.manifest(head).levels)):
        found = shown(document, head, level)[..., 3]
        assert np.abs(found.astype(int) - expected).max() <= 1
        height, width = expected.shape
        padded = cv2.copyMakeBorder(expected, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        expected = cv2.resize(padded, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)


def test_hidden_colors_appear_in_no_level(document: Document):
    head = document.card().head
    for level in range(len(document.manifest(head).levels)):
        found = shown(document, head, level)
        visible = found[found[..., 3] > 0]
        assert (visible[:, 0] == visible[:, 1]).all(), f"red shows in level {level}"


def test_a_local_change_keeps_hidden_colors_hidden(document: Document):
    head = document.card().head
    pixels = document.pixels(head).copy()
    pixels[100:400, 250:500] //= 2
    step = Step("restore", task="denoise")
    made = document.add(head, step, pixels, changed=Bounds(250, 100, 250, 300), thumbnail=reduced(pixels))
    for level in range(len(document.manifest(made.id).levels)):
        found = shown(document, made.id, level)
        visible = found[found[..., 3] > 0]
        assert (visible[:, 0] == visible[:, 1]).all(), f"red shows in level {level}"


def test_tiles_without_transparency_come_without_alpha(document: Document):
    first = document.manifest(document.card().head).levels[0]
    depths = [tile.shape[2] for _, tile in document.tiles(first.tiles[:5])]
    assert depths == [4, 4, 3, 3, 3]
    assert len(set(map(len, first.tiles))) == 2


def test_another_alpha_gives_tiles_other_names(document: Document):
    head = document.card().head
    pixels, alpha = document.pixels(head), document.alpha(head)
    assert alpha is not None
    half = np.full_like(alpha, np.iinfo(alpha.dtype).max // 2)
    made = document.add(head, Step("reset"), pixels, alpha=half, thumbnail=reduced(pixels))
    before, after = document.manifest(head), document.manifest(made.id)

    def names(levels: tuple[Level, ...]) -> set[bytes]:
        return {name for level in levels for name in level.tiles}

    assert not names(before.levels) & names(after.levels)
    assert (shown(document, made.id, 1)[..., 3] == half[0, 0]).all()


def test_a_photo_without_alpha_has_plain_tiles(tmp_path: Path, photo: Photo):
    document = Document.create(tmp_path / "documents", Picture(photo(700, 520)), "a")
    manifest = document.manifest(document.card().head)
    assert all(tile.shape[2] == 3 for level in manifest.levels for _, tile in document.tiles(level.tiles))
    document.close(keep=True)
