"""A conversation: what is wrong, what to do about it, and a question before what takes long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from clarity_desktop.backend.methods import Method
from clarity_desktop.messages import TileDone, VersionAdded
from clarity_desktop.values import Finding
from tests.fakes import HALVES, FakeDetector, detection

from .user import Gate, Sitting, keys

SMALL, LARGE = (120, 90), (300, 220)


async def test_questions_change_nothing_and_requests_do(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector
) -> None:
    detector.finds = lambda _: detection({"noise": Finding(0.9, 0.7)})
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        original = user.head.id
        for question in ("what is wrong with it?", "how good is this photo?", "is it noisy?", "how large is it?"):
            turn = await user.say(question)
            assert turn.role == "assistant"
            assert turn.versions == ()
        assert user.listed() == {original}
        assert user.events(VersionAdded) == []

        turn = await user.say("denoise it a bit")
        assert user.head.step.task == "denoise"
        assert user.head.parent == original
        assert 0 < user.head.step.strength < 1
        assert turn.versions == (user.head.id,)
        assert "chat.restored" in keys(turn.content)
        assert len(user.bubbles()) == 10

        await user.say("undo")
        assert user.head.id == original
        assert keys((await user.say("bring me a coffee")).content) == ["chat.off_topic"]
        assert len(user.versions) == 2


async def test_a_long_step_is_asked_about_and_the_answer_decides(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=LARGE))
        original = user.head.id
        user.window.action["zoom_400"].trigger()
        visible = user.shown.canvas.view.visible()
        assert visible.area < 0.5 * LARGE[0] * LARGE[1]

        asked = await user.say("denoise it")
        assert keys(asked.content)[0] == "chat.takes_long_or_part"
        assert asked.question == original
        assert user.events(TileDone) == []
        declined = await user.say("no")
        assert keys(declined.content) == ["chat.nothing_changed"]
        assert user.listed() == {original}
        assert keys((await user.say("yes")).content) == ["chat.nothing_to_confirm"]

        await user.say("denoise it")
        await user.say("only the visible part")
        before, after = await user.pixels(original), (await user.pixels()).copy()
        inside = visible.slices()
        assert (after[inside] != before[inside]).mean() > 0.5
        after[inside] = before[inside]
        assert (after == before).all()

        await user.say("undo")
        await user.say("denoise it")
        await user.say("yes")
        assert user.head.step.region is None
        assert (await user.pixels()).mean() < 0.6 * before.mean()


async def test_a_reply_that_is_cancelled_says_so_and_the_next_one_is_answered(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        gate.close()
        user.start_saying("dehaze it")
        await user.wait_for(gate.reached.is_set)
        await user.wait_for(lambda: not user.window.chat.transcript.running.isHidden())
        await user.click("cancel")
        assert keys(user.shown.turns[-1].content)[-1] == "chat.cancelled"
        assert len(user.versions) == 1
        assert user.window.chat.transcript.running.isHidden()
        gate.open()
        await user.say("dehaze it")
        assert user.head.step.task == "dehaze"


async def test_another_method_that_is_not_installed_is_offered_for_download(
    sit_down: Sitting, picture: Callable[..., Path], install: Callable[[Method], None]
) -> None:
    install(replace(HALVES, id="maxim-deraining", weights=("maxim-deraining",)))
    async with sit_down() as user:
        await user.open(picture())
        await user.say("remove the rain")
        derained = user.head.id
        turn = await user.say("that is not good enough, try another one")
        assert "chat.needs_models" in keys(turn.content)
        assert turn.models == ("maxim-deraining",)
        assert user.head.id == derained, "nothing is taken away before there is something else"
