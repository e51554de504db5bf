"""Watermark and flare removal find their own part of the photo, show it, and leave the rest alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from clarity_desktop.backend import affected_part, methods
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Notice, Restore, Selected
from clarity_desktop.text import english
from clarity_desktop.values import (
    CLASSES,
    DEGRADATIONS,
    Degradation,
    Detection,
    Finding,
    Mask,
    Picture,
    Pixels,
    Region,
    RestoreParams,
    Task,
)
from tests.fakes import HALVES, Recorder


@dataclass
class FakeDetector:
    """Sees watermarks or flares where the test says."""

    heat: dict[Degradation, NDArray[np.uint8]]
    probability: float = 0.9

    def digest(self) -> str:
        return "fake"

    def detect(self, _pixels: Pixels, checkpoint: Callable[[], None]) -> Detection:
        checkpoint()
        return seen(self.heat, self.probability)


def seen(maps: dict[Degradation, NDArray[np.uint8]], probability: float = 0.9) -> Detection:
    """A detection with these maps (12×16 uint8)."""
    heat = np.zeros((12, 16, len(DEGRADATIONS)), np.uint8)
    for name, plane in maps.items():
        heat[..., DEGRADATIONS.index(name)] = plane
    classes = tuple((name, 1 / len(CLASSES)) for name in CLASSES)
    found: dict[Degradation, Finding] = {
        name: Finding(probability if name in maps else 0.01, 0.5) for name in DEGRADATIONS
    }
    return Detection(classes, found, heat)


def left() -> NDArray[np.uint8]:
    """12×16: strong in the left half."""
    plane = np.zeros((12, 16), np.uint8)
    plane[:, :8] = 255
    return plane


@pytest.fixture
def remover(monkeypatch: pytest.MonkeyPatch, plain_methods: None) -> None:
    monkeypatch.setitem(methods.METHODS, "remover", replace(HALVES, id="remover", tasks=("dewatermark", "deflare")))
    filler = replace(HALVES, id="filler", tasks=("dewatermark",), needs_mask=True)
    monkeypatch.setitem(methods.METHODS, "filler", filler)
    methods.all_methods.cache_clear()


def photo() -> Pixels:
    """120×160×3 uint8: a smooth ramp, with a lighter bar in the left half and another one in the right half."""
    ramp = np.add.outer(np.linspace(60, 90, 120), np.linspace(0, 60, 160))
    pixels = np.repeat(ramp[..., None], 3, 2)
    pixels[40:44, 20:60] += 70
    pixels[40:44, 100:140] += 70
    return np.rint(pixels).astype(np.uint8)


def bar() -> Mask:
    """H×W uint8 of the left bar."""
    mask = np.zeros((120, 160), np.uint8)
    mask[40:44, 20:60] = 255
    return mask


def restore(
    studio: Studio, recorder: Recorder, detector: FakeDetector, task: Task, method: str | None = None,
    region: Region | None = None,
) -> NDArray[np.bool_]:  # fmt: skip
    """H×W: which pixels a restoration changed."""
    studio._detector = detector  # pyright: ignore[reportPrivateUsage]
    document = asyncio.run(studio.open_picture(Picture(photo()), "photo", recorder.job()))
    request = Restore(document.id, document.card().head, RestoreParams(task, method, region=region), confirmed=True)
    version = asyncio.run(studio.restore(request, recorder.job()))
    assert version is not None
    return (document.pixels(version.id) != photo()).any(-1)


def selected(recorder: Recorder) -> list[Region]:
    return [e.region for e in recorder.events if isinstance(e, Selected)]


def said(recorder: Recorder) -> str:
    return [english(e.text) for e in recorder.events if isinstance(e, Notice)][-1]


def test_what_fills_the_whole_place_is_texture_and_no_watermark() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert affected_part.find_watermark(noise, seen({"watermark": left()})) is None
    assert affected_part.find_watermark(photo(), seen({"watermark": left()})) is not None


def test_only_the_watermark_is_restored_and_it_is_selected(studio: Studio, recorder: Recorder, remover: None) -> None:
    changed = restore(studio, recorder, FakeDetector({"watermark": left()}), "dewatermark")
    [region] = selected(recorder)
    assert np.array_equal(changed, region.full() > 0)
    assert changed[bar() > 0].all()
    assert changed.sum() < 4 * (bar() > 0).sum()
    assert not changed[:, 80:].any()
    assert said(recorder).startswith("The watermark was found and selected (")


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_without_a_watermark_the_whole_photo_is_restored_and_it_is_said(
    studio: Studio, recorder: Recorder, remover: None, probability: float
) -> None:
    nowhere = FakeDetector({"watermark": left() if probability < 0.3 else left() // 9}, probability)
    assert restore(studio, recorder, nowhere, "dewatermark").all()
    assert not selected(recorder)
    assert said(recorder).startswith("No watermark was found, so the whole photo was restored.")


def test_a_method_that_fills_gives_way_where_there_is_nothing_to_fill(
    studio: Studio, recorder: Recorder, remover: None
) -> None:
    nowhere = FakeDetector({"watermark": left()}, 0.1)
    assert restore(studio, recorder, nowhere, "dewatermark", "filler").all()


def test_a_selection_is_what_the_user_wants(studio: Studio, recorder: Recorder, remover: None) -> None:
    part = np.zeros((120, 160), np.uint8)
    part[:10, :10] = 255
    detector = FakeDetector({"watermark": left()})
    changed = restore(studio, recorder, detector, "dewatermark", region=Region.of(part))
    assert np.array_equal(changed, part > 0)
    assert not selected(recorder)


def test_only_the_flare_is_restored(studio: Studio, recorder: Recorder, remover: None) -> None:
    changed = restore(studio, recorder, FakeDetector({"flare": left()}), "deflare")
    assert changed[:, :60].all()
    assert not changed[:, 100:].any()
    assert selected(recorder)
    assert said(recorder).startswith("The flare was found")


def test_a_faint_flare_on_the_map_is_none() -> None:
    assert affected_part.find_flare(seen({"flare": left() // 2}), 160, 120) is None


def test_a_large_photo_has_the_mark_at_its_own_size() -> None:
    large = np.repeat(np.repeat(photo(), 16, 0), 16, 1).astype(np.uint8)
    mask = affected_part.find_watermark(large, seen({"watermark": left()}))
    assert mask is not None
    assert mask.shape == large.shape[:2]
    assert (mask[640:704, 320:960] > 0).mean() > 0.95
