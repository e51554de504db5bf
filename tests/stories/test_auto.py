"""Auto: what helps is kept, what does not stays in the tree and is passed by, and what takes long is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from clarity_desktop.backend.judge import Judgement
from clarity_desktop.messages import Improve, Improved, Offered
from clarity_desktop.values import Detection, Finding, Pixels
from tests.fakes import FakeDetector, FakeJudge, detection

from .user import Sitting, keys


def rainy_and_hazy(pixels: Pixels) -> Detection:
    """Rain until the photo is darker; haze whatever is done."""
    rain = pixels.mean() > 90
    return detection({"haze": Finding(0.8, 0.5), **({"rain streak": Finding(0.9, 0.7)} if rain else {})})


async def test_auto_keeps_what_helps_and_rolls_back_what_does_not(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector, judge: FakeJudge
) -> None:
    detector.finds = rainy_and_hazy
    judge.says = lambda *asked: Judgement(*((0.9, 0.1, 0.0) if asked[2] == "derain" else (0.1, 0.1, 0.8)))
    async with sit_down() as user:
        await user.open(picture())
        original = user.head.id
        await user.click("improve")
        [done] = user.events(Improved)
        kept = user.head
        assert done.version == kept.id
        assert kept.step.task == "derain"
        assert kept.parent == original
        [rejected] = [v for v in user.versions if v.rejected]
        assert rejected.step.task == "dehaze"
        assert rejected.parent == kept.id
        assert rejected.id in user.listed()
        assert {"auto.kept", "auto.rejected"} <= set(keys(done.text))
        assert user.reads("auto.treated_and_tried")
        assert user.shown.turns[-1].content == done.text

        # Undo and redo pass the rejected version by; it can still be opened.
        assert not user.window.action["redo"].isEnabled()
        await user.click("undo")
        assert user.head.id == original
        await user.click("redo")
        assert user.head.id == kept.id
        assert user.shown.redo_to is None
        user.choose(rejected.id)
        await user.click("go_to")
        assert user.head.id == rejected.id


async def test_what_auto_is_not_sure_of_is_kept_or_discarded_by_the_user(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector, judge: FakeJudge
) -> None:
    detector.finds = lambda pixels: detection({"rain streak": Finding(0.9, 0.7)})
    judge.says = lambda *_: Judgement(0.6, 0.3, 0.1)
    async with sit_down() as user:
        await user.open(picture())
        original = user.head.id
        await user.click("improve")
        offered = user.head
        assert offered.parent == original
        assert user.reads("auto.offered")
        # It is shown beside the original until the user has chosen.
        assert user.shown.canvas.comparison.mode == "split"
        assert user.shown.other == original
        await user.press(1)  # discard
        assert user.head.id == original
        assert [v.id for v in user.versions if v.rejected] == [offered.id]
        assert user.shown.canvas.comparison.mode == "single"
        await user.click("improve")
        assert len(user.versions) == 2, "what was discarded is not tried again"


async def test_a_long_auto_is_offered_and_runs_when_confirmed(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector
) -> None:
    detector.finds = lambda pixels: detection({"noise": Finding(0.9, 0.7)} if pixels.mean() > 90 else None)
    async with sit_down() as user:
        await user.open(picture())
        await user.click("improve")
        [offered] = user.events(Offered)
        assert isinstance(offered.request, Improve)
        assert len(user.versions) == 1
        await user.press(1)  # not now
        assert user.texts() == []
        await user.click("improve")
        await user.press(0)
        assert [request.confirmed for request in user.link.requests if isinstance(request, Improve)] == [
            False, False, True,
        ]  # fmt: skip
        assert [v.step.task for v in user.versions] == [None, "denoise"]


async def test_auto_leaves_a_photo_without_problems_alone(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        before = await user.pixels()
        await user.click("improve")
        assert len(user.versions) == 1
        assert user.reads("auto.nothing_to_do")
        assert np.array_equal(await user.pixels(), before)
