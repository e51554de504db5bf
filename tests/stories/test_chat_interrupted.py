"""What comes between a message and its reply: more messages, a deleted version, a closed photo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .user import Gate, Sitting, keys

SMALL = (120, 90)


async def test_what_is_said_while_a_step_runs_is_answered_after_it(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        original = user.head.id
        gate.close()
        user.start_saying("dehaze it")
        await user.wait_for(gate.reached.is_set)
        for text in ("make it warmer 🌇", "undo", "undo"):
            user.start_saying(text)
        gate.open()
        await user.idle()
        assert sorted(turn.role for turn in user.shown.turns) == 4 * ["assistant"] + 4 * ["user"]
        assert user.window.chat.transcript.running.isHidden()
        assert original in user.listed()


async def test_a_photo_is_closed_while_its_reply_is_on_its_way(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        await user.open(picture("second.png", size=SMALL))
        gate.close()
        user.start_saying("dehaze it")
        await user.wait_for(gate.reached.is_set)
        user.start("close")
        gate.open()
        await user.idle()
        turn = await user.say("how good is it?")
        assert turn.role == "assistant"


async def test_a_version_that_the_conversation_made_is_deleted(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        original = user.head.id
        made = (await user.say("dehaze it")).versions[0]
        user.choose(made)
        await user.click("delete")
        assert made not in user.listed()
        assert user.head.id == original
        await user.say("a bit less please")
        assert keys((await user.say("compare with the original")).content)
        assert user.window.chat.transcript.running.isHidden()
