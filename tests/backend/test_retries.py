"""Algorithm 1 in the conversation: another try after a complaint, what is remembered, and the same plan run again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend import macro, methods, tools
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.chat.opinions import opinion_of
from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.feedback import Choice
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.methods import ComputeTarget, Run
from clarity_desktop.backend.methods.method import Checkpoint
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import JobCancelled, Opened, SendMessage, TurnAdded
from clarity_desktop.text import english
from clarity_desktop.values import Bounds, Finding, Mask, Picture, Region, Task, Tile
from tests.fakes import HALVES, detection


def _scaled(factor: float):
    def load(weights: Mapping[str, Path], place: ComputeTarget, task: Task) -> Run:
        def run(tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
            return np.multiply(tile, factor, dtype=np.float32)

        return run

    return load


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("not good enough", "complaint"),
        ("hmm, I'm not convinced", "complaint"),
        ("try something else", "complaint"),
        ("try another", "complaint"),
        ("still rainy", "complaint"),
        ("I can still see rain", "complaint"),
        ("the rain isn't gone", "complaint"),
        ("that didn't help", "complaint"),
        ("that's ugly", "complaint"),
        ("it looks plastic now", "complaint"),
        ("can you do better?", "complaint"),
        ("looks great, thanks", "praise"),
        ("much better!", "praise"),
        ("perfect", "praise"),
        ("thanks", None),
        ("is it still raining?", "complaint"),
        ("there is still noise", None),
        ("remove the rain", None),
        ("what did you do?", None),
        ("undo", None),
        ("the sign reads 'not good enough'", None),
    ],
)
def test_opinions_about_the_removal_of_rain(text: str, wanted: str | None) -> None:
    assert opinion_of(text, "derain") == wanted


class Dialogue:
    def __init__(self, studio, recorder, pixels) -> None:
        self.studio, self.recorder = studio, recorder
        asyncio.run(studio.open_picture(Picture(pixels), "scene", recorder.job()))
        self.card = recorder.last(Opened).card
        self.conversation = Conversation(studio)

    def say(self, text: str, selected: Region | None = None) -> str:
        request = SendMessage(self.card.id, text, None, selected)
        asyncio.run(self.conversation.send(request, self.recorder.job()))
        return english(self.recorder.last(TurnAdded).turn.content)

    def tree(self):
        return self.studio.document(self.card.id).card()

    @property
    def head(self):
        card = self.tree()
        return next(v for v in card.versions if v.id == card.head)

    def pixels(self):
        return self.studio.document(self.card.id).pixels(self.tree().head)


@pytest.fixture
def three_methods(studio, monkeypatch: pytest.MonkeyPatch):
    """A studio with three methods for rain and one for blur."""
    added = [replace(HALVES, id=name, load=_scaled(by)) for name, by in (("quarters", 0.25), ("thirds", 1 / 3))]
    added.append(replace(HALVES, id="shifts", tasks=("deblur",), load=_scaled(0.9)))
    for method in added:
        monkeypatch.setitem(methods.METHODS, method.id, method)
    methods.all_methods.cache_clear()
    return studio


@pytest.fixture
def dialogue(unscored, three_methods, recorder, photo) -> Dialogue:
    return Dialogue(three_methods, recorder, photo(96, 64))


def test_each_complaint_tries_another_method_from_the_version_before(dialogue) -> None:
    dialogue.say("remove the rain")
    [original, first] = dialogue.tree().versions
    assert first.step.method == "halves"
    reply = dialogue.say("not good enough")
    assert "I try quarters instead of halves" in reply
    assert (dialogue.head.step.method, dialogue.head.parent) == ("quarters", original.id)
    assert "I try thirds instead of quarters" in dialogue.say("still rainy")
    assert (dialogue.head.step.method, dialogue.head.parent) == ("thirds", original.id)
    # What was disliked is marked and stays; the last result was not replaced by anything.
    assert [v.rejected for v in dialogue.tree().versions] == [False, True, True, False]
    versions = len(dialogue.tree().versions)
    reply = dialogue.say("try something else")
    assert "There is nothing left to try" in reply
    for name in ("halves", "quarters", "thirds"):
        assert name in reply
    assert len(dialogue.tree().versions) == versions
    assert dialogue.head.step.method == "thirds"


def test_what_was_tried_is_remembered_in_the_document(dialogue, tmp_path) -> None:
    dialogue.say("remove the rain")
    dialogue.say("try another")
    document = dialogue.studio.document(dialogue.card.id)
    document.save_project(tmp_path / "scene.clarity")
    asyncio.run(dialogue.studio.open(tmp_path / "scene.clarity", dialogue.recorder.job()))
    dialogue.card = dialogue.recorder.last(Opened).card
    dialogue.say("still not good enough")
    assert dialogue.head.step.method == "thirds"


def test_complaints_and_praise_decide_what_is_tried_first(dialogue) -> None:
    for _ in range(2):
        dialogue.say("remove the rain")
        if dialogue.head.step.method == "halves":
            dialogue.say("try something else")
        assert dialogue.head.step.method == "quarters"
        dialogue.say("perfect, that's much better")
        dialogue.say("back to the original")
    reply = dialogue.say("remove the rain")
    assert dialogue.head.step.method == "quarters"
    assert "You preferred quarters for rain streaks." in reply


def test_a_named_method_is_used_and_not_another(dialogue) -> None:
    dialogue.say("remove the rain")
    dialogue.say("not good enough, use thirds")
    assert dialogue.head.step.method == "thirds"


def test_a_plain_complaint_undoes_the_last_change_and_another_method_can_follow(dialogue) -> None:
    before = dialogue.head
    dialogue.say("remove the rain")
    made = dialogue.tree().head
    dialogue.say("that's ugly")
    assert dialogue.head == before
    assert dialogue.tree().redo_to == made  # nothing is lost
    dialogue.say("try another")
    assert dialogue.head.step.method == "quarters"


def test_where_there_is_one_method_another_strength_is_tried_and_said(dialogue) -> None:
    dialogue.say("sharpen it")
    original = dialogue.card.head
    strengths = []
    for _ in range(3):
        reply = dialogue.say("try something else")
        assert "no other method" in reply
        assert dialogue.head.step.method == "shifts"
        strengths.append(dialogue.head.step.strength)
    assert strengths == [0.5, 0.75, 0.25]
    assert "nothing left to try" in dialogue.say("try something else")
    assert dialogue.head.step.strength == 0.25
    assert next(v for v in dialogue.tree().versions if v.step.strength == 0.5).parent == original


def test_what_is_still_blurry_after_the_only_method_gets_a_second_pass(dialogue) -> None:
    dialogue.say("sharpen it")
    made = dialogue.tree().head
    assert "run the same one again" in dialogue.say("still blurry")
    assert dialogue.head.parent == made
    assert not any(v.rejected for v in dialogue.tree().versions)
    assert "nothing left to try" in dialogue.say("still blurry")


def test_a_part_is_tried_again_with_the_same_mask(dialogue, photo) -> None:
    part = Region.rectangle(Bounds(8, 8, 40, 32), 96, 64)
    dialogue.say("remove the rain only here", part)
    first = dialogue.head
    dialogue.say("not good enough")  # the selection is gone meanwhile
    assert dialogue.head.step.region == first.step.region
    changed = np.argwhere((dialogue.pixels() != photo(96, 64)).any(axis=2))
    assert changed.min() >= 8
    assert tuple(changed.max(axis=0)) <= (39, 47)


def test_a_version_that_is_called_better_is_a_pick(dialogue) -> None:
    dialogue.say("remove the rain")
    dialogue.say("try another")
    assert dialogue.tree().versions[1].rejected
    dialogue.say("the first one was better")
    assert dialogue.head.step.method == "halves"
    assert not dialogue.head.rejected  # it is wanted after all
    picks = [c for c in dialogue.studio.feedback.choices() if c.kind == "pick"]
    assert [(c.better, c.worse) for c in picks] == [("halves", "quarters")]


@pytest.mark.parametrize(
    ("judgement", "words"),
    [(Judgement(0.1, 0.2, 0.7), "look worse"), (Judgement(0.1, 0.8, 0.1), "does not seem to look better")],
)
def test_a_result_that_seems_no_better_stays_and_says_what_to_do(dialogue, judge, judgement, words) -> None:
    judge.says = lambda *_: judgement
    reply = dialogue.say("remove the rain")
    assert words in reply
    assert "“undo”" in reply
    assert "“try another”" in reply
    assert dialogue.head.step.task == "derain"


def test_a_better_result_gets_no_such_sentence(dialogue) -> None:
    assert "undo" not in dialogue.say("remove the rain")


def test_only_the_part_is_judged(dialogue, judge) -> None:
    dialogue.say("remove the rain only here", Region.rectangle(Bounds(8, 8, 40, 32), 96, 64))
    before, after, task = judge.asked[-1]
    assert before.shape == after.shape == (32, 40, 3)
    assert task == "derain"


def test_several_steps_end_with_a_sentence_and_the_default_order(dialogue) -> None:
    reply = dialogue.say("remove the rain and sharpen it")
    assert reply.endswith("All 2 steps are done; the photo shows the result.")
    assert [v.step.task for v in dialogue.tree().versions[1:]] == ["deblur", "derain"]
    dialogue.say("back to the original")
    dialogue.say("first remove the rain, then sharpen it")
    assert [v.step.task for v in dialogue.tree().versions[3:]] == ["derain", "deblur"]


def test_the_same_plan_gives_the_same_pixels_without_the_conversation(dialogue, recorder, photo) -> None:
    dialogue.say("remove the rain a bit, then make it brighter by 20% and flip it horizontally")
    dialogue.say("sharpen it")
    dialogue.say("try something else")
    dialogue.studio.feedback.add([])  # what is preferred meanwhile must not matter
    document = dialogue.studio.document(dialogue.card.id)
    recorded = macro.record(dialogue.tree(), 0, len(dialogue.tree().turns), "again", document.region)
    stored = macro.to_json(recorded.macro)
    asyncio.run(dialogue.studio.open_picture(Picture(photo(96, 64)), "fresh", recorder.job()))
    fresh = recorder.last(Opened).card
    context = ToolContext(dialogue.studio, fresh.id, recorder.job())

    async def run_again() -> None:
        for step in macro.from_json(stored, "again").steps:
            await tools.run(context, step)

    asyncio.run(run_again())
    copy = dialogue.studio.document(fresh.id)
    first, second = (d.manifest(d.card().head) for d in (document, copy))
    assert first.version != fresh.head
    assert [level.tiles for level in first.levels] == [level.tiles for level in second.levels]


def test_auto_tries_first_what_the_user_prefers_and_says_so(dialogue, detector) -> None:
    rain = detection({"rain streak": Finding(0.9, 0.7)})
    detector.finds = lambda pixels: rain if pixels.mean() > 100 else detection()
    dialogue.studio.document(dialogue.card.id).set_detection(dialogue.card.head, rain)
    picks = [Choice("derain", "thirds", "halves", "pick", f"{k}") for k in range(2)]
    dialogue.studio.feedback.add(picks)
    reply = dialogue.say("fix it")
    assert dialogue.head.step.method == "thirds"
    assert "You preferred thirds for rain streaks." in reply


def test_another_method_that_takes_long_is_named_in_the_question(dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(methods.METHODS, "quarters", replace(methods.METHODS["quarters"], speed=9000.0))
    methods.all_methods.cache_clear()
    dialogue.say("remove the rain")
    made = dialogue.tree().head
    reply = dialogue.say("not good enough")
    assert "quarters" in reply
    assert reply.endswith("Start?")
    assert dialogue.tree().head == made
    dialogue.say("yes")
    assert dialogue.head.step.method == "quarters"
    assert dialogue.studio.version(dialogue.card.id, made).rejected


def test_stopped_between_steps_what_was_finished_stays(dialogue, monkeypatch: pytest.MonkeyPatch) -> None:
    def load_stopped(weights: Mapping[str, Path], place: ComputeTarget, task: Task) -> Run:
        raise JobCancelled

    monkeypatch.setitem(methods.METHODS, "halves", replace(methods.METHODS["halves"], load=load_stopped))
    methods.all_methods.cache_clear()
    with pytest.raises(JobCancelled):
        dialogue.say("sharpen it and remove the rain")
    assert dialogue.head.step.task == "deblur"
    assert english(dialogue.recorder.last(TurnAdded).turn.content).endswith("Cancelled.")


def test_regions_have_methods_of_their_own_in_one_request() -> None:
    found = plan("remove the rain from the sky with clarity-all and denoise the man with maxim-denoising")
    each = [(step.task, step.method, step.region and step.region.text) for step in found.steps]
    assert sorted(each) == [("denoise", "maxim-denoising", "man"), ("derain", "clarity-all", "sky")]


def test_at_another_strength_the_method_stays(dialogue) -> None:
    dialogue.say("remove the rain")
    [original, first] = dialogue.tree().versions
    dialogue.say("now it looks plastic")
    assert (dialogue.head.step.strength, dialogue.head.step.method) == (0.5, first.step.method)
    assert dialogue.head.parent == original.id
