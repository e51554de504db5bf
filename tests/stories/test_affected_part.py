"""A watermark or a flare is removed where it is: its part is found, shown as the selection, and corrected by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend.methods import Method
from clarity_desktop.values import DEGRADATIONS, Detection, Finding, Pixels, Region, Task
from tests.fakes import HALVES, FakeDetector, detection

from .user import SIZE, Sitting, User

WIDTH, HEIGHT = SIZE


@pytest.fixture
def flare_on_the_left(install: Callable[[Method], None], detector: FakeDetector) -> None:
    """The detector sees a flare in the left third of each photo; a method removes it."""
    tasks: tuple[Task, ...] = ("deflare",)
    install(replace(HALVES, id="flare-remover", tasks=tasks))
    detector.finds = lambda _: with_flare(left_third())


def left_third() -> Pixels:
    """12×18 uint8: a map of the detector, strong in its left third."""
    plane = np.zeros((12, 18), np.uint8)
    plane[:, :6] = 255
    return plane


def with_flare(plane: Pixels) -> Detection:
    """plane: where, 12×18 uint8."""
    heat = np.zeros((12, 18, len(DEGRADATIONS)), np.uint8)
    heat[..., DEGRADATIONS.index("flare")] = plane
    fine = detection()
    return replace(fine, found={**fine.found, "flare": Finding(0.9, 0.6)}, heat=heat)


def selected(user: User) -> Region:
    region = user.shown.selection.now.region
    assert region is not None, "nothing is selected"
    return region


async def changed(user: User) -> Pixels:
    """H×W bool: where the shown version differs from the original."""
    original = user.versions[0].id
    return (await user.pixels() != await user.pixels(original)).any(-1)


@pytest.mark.usefixtures("flare_on_the_left")
async def test_the_flare_is_found_shown_and_corrected(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("deflare")
        assert any(text.startswith("The flare was found and selected (") for text in user.texts())
        found = selected(user)
        differs = await changed(user)
        assert differs[:, : WIDTH // 4].any()
        assert not differs[:, WIDTH // 2 :].any(), "the rest of the photo is left alone"
        assert user.head.step.region is not None, "the step says which part it was"

        await user.click("undo")
        await user.click("select_invert")
        assert not np.array_equal(selected(user).full(), found.full())
        await user.restore("deflare")
        differs = await changed(user)
        assert differs[:, WIDTH // 2 :].any()
        assert not differs[:, : WIDTH // 8].any(), "what the user selected is what is restored"


@pytest.mark.usefixtures("flare_on_the_left")
async def test_a_message_removes_the_flare_where_it_is(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.say("remove the flare")
        assert selected(user).full()[:, : WIDTH // 8].all()
        differs = await changed(user)
        assert differs[:, : WIDTH // 4].any()
        assert not differs[:, WIDTH // 2 :].any()
        await user.say("undo that")
        assert not (await changed(user)).any()


async def test_without_a_flare_the_whole_photo_is_restored(
    sit_down: Sitting, picture: Callable[..., Path], install: Callable[[Method], None]
) -> None:
    install(replace(HALVES, id="flare-remover", tasks=("deflare",)))
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("deflare")
        assert any(text.startswith("No flare was found, so the whole photo was restored.") for text in user.texts())
        assert user.shown.selection.now.region is None
        assert (await changed(user)).mean() > 0.9
