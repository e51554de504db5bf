"""Compare: restore, look at before and after in every way, undo and redo while the photo is still being painted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clarity_desktop.messages import HeadMoved

from .user import Sitting, User


async def test_before_and_after_are_compared_in_every_way(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(200, 180, 160)))
        bright = await painted(user, lambda now: now > 150)
        await user.restore("derain")
        assert user.shown.other == user.shown.original
        await painted(user, lambda now: now < 0.7 * bright)

        await user.click("split")
        await user.wait_for(lambda: user.brightness(0.45) > 1.4 * user.brightness(0.55))
        await user.click("side_by_side")
        await user.wait_for(lambda: user.brightness(0.25) > 1.4 * user.brightness(0.75))
        await user.click("single")
        await painted(user, lambda now: now < 0.7 * bright)

        await user.click("before")
        await painted(user, lambda now: now == pytest.approx(bright, abs=3))
        await user.click("before")
        await painted(user, lambda now: now < 0.7 * bright)


async def test_undo_and_redo_pressed_fast_lead_where_they_were_to_lead(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=(700, 500)))
        original = user.head.id
        await user.restore("derain")
        first = user.head.id
        await user.restore("derain")
        second = user.head.id
        for action in ("undo", "undo", "redo", "undo", "redo", "redo"):  # while tiles are on their way
            user.start(action)
        await user.idle()
        assert user.head.id == second
        assert [e.head for e in user.events(HeadMoved)] == [first, original, first, original, first, second]
        assert not user.window.action["redo"].isEnabled()
        assert user.link.errors == []
        await user.click("undo")
        await user.click("undo")
        assert user.head.id == original
        assert not user.window.action["undo"].isEnabled()
        assert (await user.pixels()).mean() > 3 * (await user.pixels(second)).mean()


async def painted(user: User, holds: Callable[[float], bool]) -> float:
    """Wait until the middle of the canvas is as bright as it should be."""
    await user.wait_for(lambda: holds(user.brightness()))
    return user.brightness()
