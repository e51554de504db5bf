"""Steps in a row: a plan of several, the same step on another version, the visible part, and the map of problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from clarity_desktop.messages import Offered, Repeat, UserError
from clarity_desktop.values import DEGRADATIONS, Finding
from tests.fakes import FakeDetector, detection

from .user import Sitting, keys


async def test_a_request_with_several_steps_is_followed_in_its_order(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=(120, 90)))
        turn = await user.say("first remove the haze, then rotate it left and then remove the rain")
        assert [v.step.task or v.step.kind for v in user.versions] == ["open", "dehaze", "rotate", "derain"]
        assert turn.versions == tuple(v.id for v in user.versions[1:])
        assert (user.head.width, user.head.height) == (90, 120)
        await user.say("undo the haze removal")
        assert user.head.id == turn.versions[-1]  # the last change is another one
        await user.say("back to the original")
        assert user.head.id == user.shown.original
        described = await user.say("what was done to it?")
        assert "chat.no_steps" in keys(described.content)


async def test_a_step_is_repeated_on_another_version_as_it_was(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        original = user.head.id
        user.window.restore.strength.setValue(50)
        await user.restore("derain")
        made = user.head
        assert made.step.strength == 0.5
        await user.click("undo")
        await user.click("flip_horizontal")
        user.choose(made.id)
        await user.click("repeat")
        assert any(isinstance(request, Repeat) for request in user.link.requests)
        assert user.head.step.strength == 0.5
        assert user.head.parent not in {original, made.id}
        assert np.array_equal(await user.pixels(), (await user.pixels(made.id))[:, ::-1])
        user.choose(original)
        assert not user.window.action["repeat"].isEnabled()


async def test_the_visible_part_is_restored_and_the_rest_stays(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=(600, 450)))
        original = user.head.id
        user.start("zoom_400")
        visible = user.shown.canvas.view.visible()
        # All of it would take long, so the part is offered first.
        user.start_restoring("denoise")
        await user.idle()
        [offered] = user.events(Offered)
        assert offered.part_seconds < offered.seconds
        await user.press(0)
        before, after = await user.pixels(original), (await user.pixels()).copy()
        center = visible.y + visible.height // 2, visible.x + visible.width // 2
        assert after[center].sum() < 0.7 * before[center].sum()
        after[visible.slices()] = before[visible.slices()]
        assert np.array_equal(after, before)
        [text] = user.texts()
        assert text.startswith("Only the outlined part (")
        # An offer goes when its version is left.
        user.start("undo")
        await user.idle()
        await user.restore("denoise")
        assert len(user.texts()) == 1
        await user.click("rotate_right")
        assert user.texts() == []


async def test_what_was_found_is_shown_and_what_is_suggested_can_be_done(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector
) -> None:
    def absent(_pixels: np.ndarray) -> None:
        raise UserError("units.seconds", value=3)

    async with sit_down() as user:
        detector.finds = absent
        await user.open(picture())
        assert user.head.detection is None
        assert (user.head.id, "detection") in user.shown.failures
        rainy = detection({"rain streak": Finding(0.9, 0.7)})
        rainy.heat[:1, :, DEGRADATIONS.index("rain streak")] = 255  # a part stands out
        detector.finds = lambda _: rainy
        await user.click("advise")
        assert user.head.detection is not None
        assert user.shown.failures == {}
        assert [advice.task for advice in user.shown.advised.advice] == ["derain"]
        await user.click("heat")
        assert user.shown.canvas.layers.main.overlay("heat") is not None
        user.window.quality.advice.task_asked.emit("derain")
        await user.idle()
        assert user.head.step.task == "derain"
        assert user.shown.advised.version == user.shown.original
