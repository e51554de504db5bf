"""Watermarks and lost pixels of the training synthesis."""

from __future__ import annotations

import numpy as np
import pytest
from clarity_training.damage import Photo
from clarity_training.degrade import lettering, lost_pixels, watermarks


@pytest.fixture
def photo() -> Photo:
    """Smooth colors, 96×128, read-only."""
    y, x = np.mgrid[0:96, 0:128].astype(np.float32)
    scene = np.stack([x / 160 + 0.1, y / 120 + 0.1, 0.5 + 0.2 * np.sin(x / 20)], 2).astype(np.float32)
    scene.flags.writeable = False
    return scene


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_watermark_is_seen_on_white_on_black_and_on_gray(value: float):
    flat = np.full((128, 128, 3), value, np.float32)
    for seed in range(30):
        change = np.abs(watermarks.watermark(flat, 0.6, np.random.default_rng(seed)).pixels - flat).max(2)
        assert np.count_nonzero(change > 0.04) > 20, seed


def test_a_watermark_lets_the_photo_show_through(photo: Photo):
    for seed in range(20):
        marked = watermarks.watermark(photo, 0.5, np.random.default_rng(seed))
        assert marked.holes is None
        brighter = watermarks.watermark(np.clip(photo + 0.1, 0, 1), 0.5, np.random.default_rng(seed))
        assert brighter.pixels.mean() > marked.pixels.mean()


def test_holes_are_where_pixels_changed(photo: Photo):
    for seed in range(40):
        lost = lost_pixels.inpaint(photo, seed / 40, np.random.default_rng(seed))
        assert lost.holes is not None
        assert lost.holes.dtype == np.float32
        assert set(np.unique(lost.holes)) <= {0.0, 1.0}
        changed = (lost.pixels != photo).any(2)
        assert not changed[lost.holes == 0].any()
        assert changed[lost.holes == 1].mean() > 0.8


def test_the_lost_share_grows_with_severity(photo: Photo):
    def share(severity: float) -> list[float]:
        made = [lost_pixels.inpaint(photo, severity, np.random.default_rng(seed)).holes for seed in range(30)]
        return [float(holes.mean()) for holes in made if holes is not None]

    mild, heavy = share(0.0), share(1.0)
    assert min(mild) > 0
    assert np.mean(mild) < 0.05
    assert 0.08 < np.mean(heavy) < 0.5


def test_words_name_no_real_site():
    rng = np.random.default_rng(0)
    words = [lettering.words(rng) for _ in range(300)]
    sites = [word for word in words if "www" in word.lower() or ".ex" in word.lower()]
    assert len(sites) > 10
    assert all(site.lower().endswith(".example") for site in sites)
    assert len(set(words)) > 200


def test_letters_of_every_kind_are_drawn_whole():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        stamp = lettering.letters("Photo © ab", 24, rng)
        assert stamp.dtype == np.uint8
        assert (stamp > 128).sum() > 100
        assert stamp.shape[1] > 60
    assert lettering.seal(80, np.random.default_rng(1)).shape == (80, 80)
    assert lettering.logo_with_words(20, np.random.default_rng(1)).max() == 255


def test_a_photo_smaller_than_the_letters_is_marked_too():
    tiny = np.full((32, 40, 3), 0.4, np.float32)
    for seed in range(30):
        assert watermarks.watermark(tiny, 0.5, np.random.default_rng(seed)).pixels.shape == tiny.shape
        assert lost_pixels.inpaint(tiny, 0.5, np.random.default_rng(seed)).pixels.shape == tiny.shape
