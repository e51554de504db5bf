"""Light and color of a region alone: outside every pixel stays identical; settings of one part replace each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop import messages as m
from clarity_desktop.backend.adjust import adjust
from clarity_desktop.backend.answer import answer
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import UserError
from clarity_desktop.values import Adjustments, Bounds, DocumentCard, Pixels, Region, Version, adjustments_of
from tests.fakes import Recorder

WIDTH, HEIGHT = 160, 120
BRIGHTER, WARMER = Adjustments(exposure=0.7, sharpen=0.5), Adjustments(temperature=0.4)


class Desk:
    """A studio with one open photo."""

    def __init__(self, studio: Studio, recorder: Recorder, path: Path) -> None:
        self.studio, self.recorder = studio, recorder
        self.conversation = Conversation(studio)
        self.ask(m.Open(path))
        [opened] = [e for e in self.recorder.events if isinstance(e, m.Opened)]
        self.card: DocumentCard = opened.card
        self.version = self.card.head

    def ask(self, request: m.Request) -> None:
        asyncio.run(answer(self.studio, self.conversation, request, self.recorder.job()))

    def adjust(self, settings: Adjustments, region: Region | None, feather: int = 0) -> Version:
        self.ask(m.Adjust(self.card.id, self.version, settings, region, feather))
        made = [e for e in self.recorder.events if isinstance(e, m.VersionAdded)][-1].version
        self.version = made.id
        return made

    def pixels(self) -> Pixels:
        return self.studio.document(self.card.id).pixels(self.version)


@pytest.fixture(params=[8, 16])
def desk(request: pytest.FixtureRequest, studio: Studio, recorder: Recorder, tmp_path: Path) -> Desk:
    rng = np.random.default_rng(1)
    path = tmp_path / "photo.png"
    if request.param == 8:
        Image.fromarray(rng.integers(20, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)).save(path)
    else:
        import cv2

        assert cv2.imwrite(str(path), rng.integers(5000, 50000, (HEIGHT, WIDTH, 3)).astype(np.uint16))
    return Desk(studio, recorder, path)


def disk(x: int, y: int, radius: int) -> Region:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return Region.of((((columns - x) ** 2 + (rows - y) ** 2 <= radius**2) * 255).astype(np.uint8))


@pytest.mark.parametrize("feather", [0, 6])
def test_outside_every_pixel_stays_identical_and_inside_is_adjusted(desk: Desk, feather: int) -> None:
    before, region = desk.pixels(), disk(70, 60, 30)
    made = desk.adjust(BRIGHTER, region, feather)
    after, mask = desk.pixels(), region.full()
    assert np.array_equal(after[mask == 0], before[mask == 0])
    everywhere = adjust(before, BRIGHTER)
    assert np.array_equal(after[55:65, 65:75], everywhere[55:65, 65:75])
    assert made.step.region is not None
    assert adjustments_of(made.step.settings) == BRIGHTER
    edge = after[60, 41].astype(float).sum(), everywhere[60, 41].astype(float).sum()
    assert edge[0] < edge[1] if feather else edge[0] == edge[1]


def test_settings_of_the_same_region_replace_each_other_and_others_stay(desk: Desk) -> None:
    original = desk.pixels()
    first, second = disk(50, 60, 25), disk(120, 60, 25)
    desk.adjust(BRIGHTER, first)
    bright = desk.pixels()
    desk.adjust(WARMER, first)
    assert np.array_equal(desk.pixels()[60, 50], adjust(original, WARMER)[60, 50])
    desk.adjust(BRIGHTER, first)
    assert np.array_equal(desk.pixels(), bright)
    desk.adjust(WARMER, second)
    after = desk.pixels()
    assert np.array_equal(after[first.full() > 0], bright[first.full() > 0])
    assert np.array_equal(after[60, 120], adjust(original, WARMER)[60, 120])
    desk.adjust(WARMER, None)  # the whole photo, from what the regions made of it
    assert np.array_equal(desk.pixels(), adjust(after, WARMER))
    desk.adjust(Adjustments(), None)
    assert np.array_equal(desk.pixels(), after)


def test_a_preview_shows_the_change_inside_only(desk: Desk) -> None:
    region = disk(70, 60, 30)
    visible = Bounds(0, 0, WIDTH, HEIGHT)
    desk.ask(m.Preview(desk.card.id, desk.version, BRIGHTER, visible, 1.0, region, 4))
    desk.ask(m.Preview(desk.card.id, desk.version, Adjustments(), visible, 1.0))
    changed, plain = (e.pixels for e in desk.recorder.events if isinstance(e, m.PreviewDone))
    assert np.array_equal(changed[region.full() == 0], plain[region.full() == 0])
    assert changed[60, 70].sum() > plain[60, 70].sum()


def test_the_step_is_repeated_in_its_region(desk: Desk) -> None:
    made = desk.adjust(BRIGHTER, disk(70, 60, 30), 6)
    bright = desk.pixels()
    desk.ask(m.Repeat(desk.card.id, desk.card.head, made.id))
    again = [e for e in desk.recorder.events if isinstance(e, m.VersionAdded)][-1].version
    assert again.step.region == made.step.region
    desk.version = again.id
    assert np.array_equal(desk.pixels(), bright)


def test_a_region_of_another_size_is_a_sentence(desk: Desk) -> None:
    other = Region.rectangle(Bounds(0, 0, 10, 10), 50, 50)
    with pytest.raises(UserError) as failed:
        desk.adjust(BRIGHTER, other)
    assert failed.value.text is not None
