"""How much two versions differ on average."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from clarity_desktop.backend import differences
from clarity_desktop.messages import ApplyTransform, DifferenceMeasured, MeasureDifferences
from clarity_desktop.values import TILE, Picture, Rotate, Step

THUMBNAIL = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_difference_is_a_share_of_the_range_over_the_whole_photo(studio, recorder, dtype) -> None:
    most = int(np.iinfo(dtype).max)
    photo = np.full((2 * TILE, 2 * TILE, 3), most // 2, dtype)
    document = asyncio.run(studio.open_picture(Picture(photo), "photo", recorder.job()))
    first = document.card().head
    changed = photo.copy()
    changed[:TILE, :TILE] += most // 10  # a quarter of it
    one = document.add(first, Step("adjust"), changed, thumbnail=THUMBNAIL)
    same = document.add(first, Step("adjust"), photo.copy(), thumbnail=THUMBNAIL)
    asyncio.run(differences.measure(studio, MeasureDifferences(document.id, (one.id, same.id), first), recorder.job()))
    found = [e for e in recorder.events if isinstance(e, DifferenceMeasured)]
    assert [(e.reference, e.version) for e in found] == [(first, one.id), (first, same.id)]
    assert found[0].share == pytest.approx(0.1 / 4, rel=0.02)
    assert found[1].share == 0


def test_the_mean_is_exact_where_all_tiles_are_read(studio, recorder) -> None:
    photo = np.zeros((8 * TILE, 4 * TILE, 3), np.uint8)
    document = asyncio.run(studio.open_picture(Picture(photo), "photo", recorder.job()))
    first = document.card().head
    changed = np.random.default_rng(0).integers(0, 100, photo.shape, np.uint8)
    one = document.add(first, Step("adjust"), changed, thumbnail=THUMBNAIL)
    assert differences.mean_difference(document, first, one.id) == pytest.approx(changed.mean() / 255, rel=1e-6)


def test_what_was_turned_cannot_be_compared(studio, recorder) -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    document = asyncio.run(studio.open_picture(Picture(photo), "photo", recorder.job()))
    first = document.card().head
    turned = asyncio.run(studio.change(ApplyTransform(document.id, first, Rotate(1)), recorder.job()))
    assert differences.mean_difference(document, first, turned.id) is None
