"""A language model answers in the chat: it is switched on, asked, and its server fails, through the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clarity_desktop.messages import ReplyPart
from clarity_desktop.settings import LlmSettings
from tests.llm_server import call, fail, llm_server, say

from .user import Sitting, keys


async def test_a_model_restores_and_its_server_fails_and_comes_back(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    with llm_server() as server:
        async with sit_down() as user:
            await user.open(picture(size=(120, 90)))
            original = user.head.id
            await user.say("what is wrong with it?")
            assert server.bodies == []
            assert user.window.chat.recipient.isHidden()

            user.window.session.change_settings(llm=LlmSettings(True, server.url, "small"))
            await user.idle()
            assert "gets your messages, not the photo" in user.window.chat.recipient.text()
            server.replies(call(("restore", {"task": "derain"})), say("The rain is gone."))
            turn = await user.say("could you get rid of all that water?")
            assert user.head.step.task == "derain"
            assert user.head.parent == original
            assert turn.versions == (user.head.id,)
            assert user.bubbles()[-1].endswith("The rain is gone.")
            assert user.events(ReplyPart)

            server.replies(fail(401, "No."))
            assert keys((await user.say("and now?")).content) == ["llm.wrong_key"]
            server.replies(call(("undo", {})), say("It is as it was."))
            await user.say("no, put it back")
            assert user.head.id == original

            user.window.session.change_settings(llm=LlmSettings(False, server.url, "small"))
            await user.idle()
            asked = len(server.bodies)
            await user.say("remove the rain")
            assert len(server.bodies) == asked
            assert user.window.chat.recipient.isHidden()
