"""A turn of the conversation, from words to a version."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import restore
from clarity_desktop.backend.chat.talk import Conversation
from clarity_desktop.messages import CompareRequested, HeadMoved, Improved, Opened, TurnAdded, VersionAdded
from clarity_desktop.values import Bounds, Finding
from tests.fakes import Recorder, detection


class Dialogue:
    def __init__(self, studio, recorder: Recorder, file: Path) -> None:
        self.studio, self.recorder = studio, recorder
        asyncio.run(studio.open(file, recorder.job()))
        self.card = recorder.last(Opened).card
        self.talk = Conversation(studio)

    def say(self, text: str, visible: Bounds | None = None) -> str:
        asyncio.run(self.talk.say(self.card.id, text, visible, self.recorder.job()))
        return self.recorder.last(TurnAdded).turn.content

    def tree(self):
        return self.studio.document(self.card.id).card()


@pytest.fixture
def conversation(studio, recorder, tmp_path, photo) -> Dialogue:
    path = tmp_path / "scene.png"
    Image.fromarray(photo(200, 150)).save(path)
    return Dialogue(studio, recorder, path)


def test_words_become_a_version_and_the_turn_names_it(conversation) -> None:
    reply = conversation.say("remove the rain please")
    [_, version] = conversation.tree().versions
    assert version.step.method == "halves"
    assert "halves" in reply
    turns = conversation.tree().turns
    assert [t.role for t in turns] == ["user", "assistant"]
    assert turns[1].versions == (version.id,)


def test_strength_in_words_is_passed_on(conversation) -> None:
    conversation.say("remove the rain a bit")
    assert conversation.tree().versions[-1].step.strength == 0.4


def test_undo_redo_and_the_original_by_words(conversation) -> None:
    conversation.say("remove the rain")
    [first, version] = [v.id for v in conversation.tree().versions]
    heads = []
    for words in ("undo that", "redo", "back to the original"):
        conversation.say(words)
        heads.append(conversation.recorder.last(HeadMoved).head)
    assert heads == [first, version, first]


def test_nothing_to_undo_is_said_and_is_no_error(conversation) -> None:
    assert conversation.say("undo")
    assert len(conversation.tree().versions) == 1


def test_compare_asks_the_window_and_needs_two_versions(conversation) -> None:
    assert "nothing to compare" in conversation.say("compare")
    conversation.say("remove the rain")
    conversation.say("compare")
    asked = conversation.recorder.last(CompareRequested)
    assert (asked.version, asked.other) == tuple(v.id for v in reversed(conversation.tree().versions))


def test_scores_are_told_with_their_direction(conversation) -> None:
    reply = conversation.say("how good is it?")
    assert "PIQE" in reply
    assert "Lower is better" in reply


def test_what_is_wrong_and_what_to_do_are_said_and_change_nothing(conversation, detector) -> None:
    detector.finds = lambda _: detection({"rain streak": Finding(0.9, 0.7)})
    first = conversation.tree().versions[0].id
    conversation.studio.document(conversation.card.id).set_detection(first, detector.finds(None))
    assert "Rain streaks: 90% likely, strong" in conversation.say("what is wrong with it?")
    assert "What would help: remove the rain." in conversation.say("what should I do?")
    assert len(conversation.tree().versions) == 1


def test_auto_by_words_says_what_it_did_in_one_turn(unscored, conversation, detector) -> None:
    rain, first = detection({"rain streak": Finding(0.9, 0.7)}), conversation.tree().versions[0].id
    conversation.studio.document(conversation.card.id).set_detection(first, rain)
    reply = conversation.say("fix it")
    [_, version] = conversation.tree().versions
    assert version.step.method == "halves"
    assert "halves, kept" in reply
    assert [t.versions for t in conversation.tree().turns] == [(), (version.id,)]
    assert conversation.recorder.last(Improved).version == version.id


def test_a_long_auto_is_asked_about_first(unscored, conversation, detector, monkeypatch) -> None:
    rain, first = detection({"rain streak": Finding(0.9, 0.7)}), conversation.tree().versions[0].id
    conversation.studio.document(conversation.card.id).set_detection(first, rain)
    monkeypatch.setattr(restore, "estimate", lambda *_: 50.0)
    question = conversation.say("fix it")
    assert "about 50 s" in question
    assert "Rain streaks: 90% likely" in question
    assert conversation.say("no") == "Nothing was changed."
    assert len(conversation.tree().versions) == 1
    conversation.say("fix it")
    assert "halves, kept" in conversation.say("yes, go ahead")


def test_a_long_run_is_asked_about_first_and_the_visible_part_can_be_chosen(conversation, photo) -> None:
    visible = Bounds(10, 10, 60, 50)
    question = conversation.say("denoise it", visible)
    assert "visible part" in question
    assert len(conversation.tree().versions) == 1
    conversation.say("the visible part", visible)
    [first, version] = conversation.tree().versions
    document = conversation.studio.document(conversation.card.id)
    changed = (document.pixels(first.id) != document.pixels(version.id)).any(axis=2)
    assert changed[30, 30]
    outside = np.ones_like(changed)
    outside[visible.slices()] = False
    assert not changed[outside].any()


def test_the_question_can_be_answered_with_no_or_with_another_request(conversation) -> None:
    visible = Bounds(10, 10, 60, 50)
    conversation.say("denoise it", visible)
    assert conversation.say("no", visible) == "Nothing was changed."
    conversation.say("denoise it", visible)
    conversation.say("remove the rain", visible)
    assert [v.step.method for v in conversation.tree().versions] == [None, "halves"]


def test_what_fails_is_said_in_the_conversation(conversation) -> None:
    reply = conversation.say("dehaze with maxim-dehazing-indoor")
    assert "no method" in reply.lower()
    assert len(conversation.tree().versions) == 1


def test_two_tasks_make_two_versions_one_after_the_other(conversation) -> None:
    conversation.say("first remove the rain, then denoise it")
    [first, rain, noise] = conversation.tree().versions
    assert (rain.parent, noise.parent) == (first.id, rain.id)
    assert conversation.recorder.last(VersionAdded).version.id == noise.id
