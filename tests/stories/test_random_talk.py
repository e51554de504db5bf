"""Whoever says and presses anything gets a sentence, and loses nothing."""

from __future__ import annotations

import random

import pytest

from clarity_desktop.messages import VersionAdded

from .random_talk import OFFLINE, RandomTalk
from .rounds import PHOTOS
from .user import Sitting


async def test_whatever_is_said_nothing_breaks(
    sit_down_with_networks: Sitting, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    async with sit_down_with_networks() as user:
        talk = RandomTalk(user, sorted(PHOTOS.glob("*.jpg")), random.Random(5))
        for _ in range(2):
            for _ in range(12):
                await talk.step()
            await talk.check()
        assert user.events(VersionAdded)
        made = {state.id: set(state.versions) for state in user.window.photos.documents if state.unsaved}
    async with sit_down_with_networks() as user:  # all of it is offered again
        while user.texts():
            await user.press()
        found = {state.id: set(state.versions) for state in user.window.photos.documents}
        assert found == {document: versions for document, versions in made.items() if document in found}
