"""A turn of the conversation, from words to a version."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from clarity_desktop import titles
from clarity_desktop.backend import auto, chat, methods, tools
from clarity_desktop.backend import plan as plan_module
from clarity_desktop.backend import studio as studio_module
from clarity_desktop.backend.auto.loop import improve_document
from clarity_desktop.backend.chat import planner
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt
from clarity_desktop.backend.regions.engines import Engines
from clarity_desktop.backend.regions.words import Part
from clarity_desktop.messages import (
    Adjust,
    ApplyTransform,
    CompareRequested,
    HeadMoved,
    Improve,
    Improved,
    JobCancelled,
    ModelMissing,
    ModelsListed,
    Opened,
    RegionAnalyzed,
    ReplyPart,
    RunPlan,
    Selected,
    SelectionCleared,
    SendMessage,
    StepStarted,
    TileDone,
    TurnAdded,
    VersionAdded,
)
from clarity_desktop.text import Message, catalog, english
from clarity_desktop.text import message as message_module
from clarity_desktop.values import (
    DEGRADATIONS,
    TASKS,
    Adjustments,
    Bounds,
    Box,
    Finding,
    Flip,
    Picture,
    Pixels,
    Region,
    Turn,
    Version,
)
from tests.fakes import HALVES, Recorder, detection

RAIN = detection({"rain streak": Finding(0.9, 0.7)})
VISIBLE = Bounds(10, 10, 60, 50)


class Dialogue:
    def __init__(self, studio, recorder: Recorder, pixels: Pixels) -> None:
        self.studio, self.recorder = studio, recorder
        asyncio.run(studio.open_picture(Picture(pixels), "scene", recorder.job()))
        self.card = recorder.last(Opened).card
        self.conversation = Conversation(studio)

    def say(self, text: str, visible: Bounds | None = None, selected: Region | None = None) -> str:
        request = SendMessage(self.card.id, text, visible, selected)
        asyncio.run(self.conversation.send(request, self.recorder.job()))
        return self.reply()

    def run(self, *steps, **choices) -> str:
        """Run the open plan with these steps instead of its own."""
        request = RunPlan(self.card.id, steps, **choices)
        asyncio.run(self.conversation.run(request, self.recorder.job()))
        return self.reply()

    def reply(self) -> str:
        return english(self.recorder.last(TurnAdded).turn.content)

    def tree(self):
        return self.studio.document(self.card.id).card()

    def finds(self, found) -> None:
        self.studio.document(self.card.id).set_detection(self.card.head, found)


@pytest.fixture
def dialogue(unscored, studio, recorder, photo) -> Dialogue:
    return Dialogue(studio, recorder, photo(200, 150))


def test_words_become_a_version_and_the_turn_names_it(dialogue) -> None:
    reply = dialogue.say("remove the rain please")
    [_, version] = dialogue.tree().versions
    assert version.step.method == "halves"
    assert "halves" in reply
    [asked, answered] = dialogue.tree().turns
    assert (asked.role, answered.role) == ("user", "assistant")
    assert answered.versions == (version.id,)
    assert [step["task"] for step in answered.steps] == ["derain"]


def test_the_same_as_on_a_photo_that_there_was_not_repeats_nothing(dialogue) -> None:
    dialogue.say("remove the rain")
    assert "no earlier one" in dialogue.say("do the same as on the first photo")
    assert len(dialogue.tree().versions) == 2


def test_strength_in_words_is_passed_on(dialogue) -> None:
    dialogue.say("remove the rain a bit")
    assert dialogue.tree().versions[-1].step.strength == 0.4


def test_undo_redo_and_the_original_by_words(dialogue) -> None:
    dialogue.say("remove the rain")
    [first, version] = [v.id for v in dialogue.tree().versions]
    heads = []
    for text in ("undo that", "redo", "back to the original"):
        dialogue.say(text)
        heads.append(dialogue.recorder.last(HeadMoved).head)
    assert heads == [first, version, first]


def test_undoing_a_task_undoes_no_other_change(dialogue) -> None:
    dialogue.say("remove the rain")
    head = dialogue.tree().head
    assert "Rain removed" in dialogue.say("undo the denoising")
    assert dialogue.tree().head == head
    dialogue.say("undo the deraining")
    assert dialogue.tree().head == dialogue.card.head
    assert len(dialogue.tree().versions) == 2


def test_nothing_to_undo_is_reported_and_is_no_error(dialogue) -> None:
    assert dialogue.say("undo")
    assert len(dialogue.tree().versions) == 1


def test_compare_asks_the_window_and_needs_two_versions(dialogue) -> None:
    assert "nothing to compare" in dialogue.say("compare")
    dialogue.say("remove the rain")
    dialogue.say("compare")
    asked = dialogue.recorder.last(CompareRequested)
    assert (asked.version, asked.other) == tuple(v.id for v in reversed(dialogue.tree().versions))


def test_scores_are_given_with_their_direction(dialogue) -> None:
    reply = dialogue.say("how good is it?")
    assert "PIQE: no score. Not in this test." in reply
    assert "Lower is better" in reply


def test_what_is_wrong_and_what_to_do_are_reported_and_change_nothing(dialogue) -> None:
    dialogue.finds(RAIN)
    assert "Rain streaks: 90% likely, very strong." in dialogue.say("what is wrong with it?")
    assert "Auto can treat rain streaks." in dialogue.say("what should I do?")
    assert dialogue.say("how much noise is there?") == "Noise: not likely (2%)."
    assert dialogue.say("is it raining?") == "Rain streaks: 90% likely, very strong."
    assert len(dialogue.tree().versions) == 1


def test_describe_lists_the_steps(dialogue) -> None:
    assert "Nothing has been changed" in dialogue.say("what did you do?")
    dialogue.say("remove the rain")
    assert dialogue.say("what did you do?").endswith("Done so far: Rain removed.")


def test_the_photo_is_turned_and_cropped_by_words(dialogue) -> None:
    dialogue.say("rotate it left")
    dialogue.say("crop it to a square")
    [_, turned, cropped] = dialogue.tree().versions
    assert (turned.width, turned.height) == (150, 200)
    assert (cropped.width, cropped.height) == (150, 150)


def test_light_and_color_are_adjusted_by_words(dialogue) -> None:
    assert "Adjust panel" in dialogue.say("make it warmer")
    dialogue.say("a little more contrast")
    [_, _, last] = dialogue.tree().versions
    assert last.step.kind == "adjust"
    assert last.step.settings["temperature"] == 0.5
    assert 0 < last.step.settings["contrast"] < 0.5


UNABLE = (
    ["fix the white balance", "only the zebra should be darker", "denoise only the face",
     "can you make the face sharper?", "merge both versions",
     "save it as jpg", "where is the dog?", "remove the scratches", "straighten it"]
)  # fmt: skip


def test_what_this_version_cannot_do_is_reported_and_changes_nothing(dialogue) -> None:
    for text in UNABLE:
        assert "did not understand" not in dialogue.say(text), text
    assert len(dialogue.tree().versions) == 1
    assert not [e for e in dialogue.recorder.events if isinstance(e, TileDone)]


def test_a_failure_is_reported_after_the_finished_steps(dialogue) -> None:
    reply = dialogue.say("first remove the rain, then dehaze")
    assert "Rain removed" in reply
    assert "no method for the task" in reply
    assert len(dialogue.tree().versions) == 2


def test_a_method_that_does_not_exist_is_reported(dialogue) -> None:
    assert "no method “maxim-deraining”" in dialogue.say("derain with maxim-deraining")


def test_two_tasks_make_two_versions_one_after_the_other(dialogue) -> None:
    assert "Start?" in dialogue.say("first remove the rain, then denoise it")
    dialogue.say("yes")
    [first, rain, noise] = dialogue.tree().versions
    assert (rain.parent, noise.parent) == (first.id, rain.id)
    assert dialogue.recorder.last(VersionAdded).version.id == noise.id


# Auto ----------------------------------------------------------------------------------------------------------------


def test_auto_by_words_says_what_it_did_in_one_turn(dialogue) -> None:
    dialogue.finds(RAIN)
    reply = dialogue.say("fix it")
    [_, version] = dialogue.tree().versions
    assert version.step.method == "halves"
    assert "halves, kept" in reply
    assert [t.versions for t in dialogue.tree().turns] == [(), (version.id,)]
    assert dialogue.recorder.last(Improved).version == version.id


def test_a_long_auto_is_asked_about_first(dialogue) -> None:
    dialogue.finds(detection({"noise": Finding(0.9, 0.7)}))
    question = dialogue.say("fix it")
    assert "Auto takes about" in question
    assert "Noise: 90% likely" in question
    assert dialogue.say("no") == "Nothing was changed."
    assert len(dialogue.tree().versions) == 1
    dialogue.say("fix it")
    assert "slow, kept" in dialogue.say("yes, go ahead")


def test_auto_on_the_visible_part_leaves_the_rest(dialogue, detector) -> None:
    noise = detection({"noise": Finding(0.9, 0.7)})
    dialogue.finds(noise)
    dialogue.say("fix it", VISIBLE)
    detector.finds = lambda pixels: (
        noise if pixels[20, 20].mean() > 60 and pixels.shape[:2] == (50, 60) else detection()
    )
    dialogue.say("only the visible part", VISIBLE)
    [first, version] = dialogue.tree().versions
    document = dialogue.studio.document(dialogue.card.id)
    changed = (document.pixels(first.id) != document.pixels(version.id)).any(axis=2)
    assert changed[30, 30]
    changed[VISIBLE.slices()] = False
    assert not changed.any()
    assert {p.shape[:2] for p in detector.asked[1:]} >= {(50, 60)}


# Questions -----------------------------------------------------------------------------------------------------------


def test_a_long_run_is_asked_about_first_and_the_visible_part_can_be_chosen(dialogue) -> None:
    assert "the visible part about" in dialogue.say("denoise it", VISIBLE)
    assert len(dialogue.tree().versions) == 1
    dialogue.say("the visible part", VISIBLE)
    [first, version] = dialogue.tree().versions
    document = dialogue.studio.document(dialogue.card.id)
    changed = (document.pixels(first.id) != document.pixels(version.id)).any(axis=2)
    assert changed[30, 30]
    changed[VISIBLE.slices()] = False
    assert not changed.any()


# Plans that wait ----------------------------------------------------------------------------------------------------


def test_a_plan_is_shown_first_where_the_user_asks_for_it(dialogue) -> None:
    reply = dialogue.say("show me the plan: first remove the rain, then flip it")
    assert reply.startswith("This is the plan.")
    asked = dialogue.tree().turns[-1]
    assert [step["tool"] for step in asked.steps] == ["restore", "transform"]
    assert asked.question == dialogue.tree().head
    assert len(dialogue.tree().versions) == 1
    dialogue.say("yes")
    assert [v.step.kind for v in dialogue.tree().versions] == ["paste", "restore", "flip"]


def test_what_auto_would_do_is_shown_as_a_plan(dialogue) -> None:
    dialogue.finds(RAIN)
    assert "This is the plan." in dialogue.say("what would you do?")
    assert [step["task"] for step in dialogue.tree().turns[-1].steps] == ["derain"]
    dialogue.finds(detection())
    assert "This is the plan." not in dialogue.say("what would you do?")


def test_a_plan_of_long_steps_says_so_at_once(dialogue) -> None:
    assert re.search(r"This is the plan.* takes about .*Start\?", dialogue.say("show me the plan first: denoise it"))
    dialogue.run(*dialogue.tree().turns[-1].steps)
    assert dialogue.tree().versions[-1].step.task == "denoise"


def test_a_changed_plan_runs_as_it_was_changed(dialogue) -> None:
    dialogue.say("show me the plan: first remove the rain, then flip it")
    rain, flip_ = dialogue.tree().turns[-1].steps
    dialogue.run(flip_, {**rain, "strength": 0.5})
    assert [v.step.kind for v in dialogue.tree().versions if not v.deleted] == ["paste", "flip", "restore"]
    assert dialogue.tree().versions[-1].step.strength == 0.5
    [*_, said, done] = dialogue.tree().turns
    assert (said.role, english(said.content)) == ("user", "Run it")
    assert [step["tool"] for step in done.steps] == ["transform", "restore"]


def test_a_plan_runs_on_the_visible_part_alone(dialogue) -> None:
    dialogue.say("denoise it", VISIBLE)
    dialogue.run(*dialogue.tree().turns[-1].steps, only_visible=True, visible=VISIBLE)
    assert dialogue.tree().versions[-1].step.region is not None


def test_what_a_changed_plan_takes_beyond_the_question_is_asked_first(dialogue) -> None:
    dialogue.say("show me the plan first: remove the rain")
    [rain] = dialogue.tree().turns[-1].steps
    assert "takes about" in dialogue.run({**rain, "task": "denoise"})
    assert len(dialogue.tree().versions) == 1
    [noise] = dialogue.tree().turns[-1].steps
    dialogue.run(noise)
    assert dialogue.tree().versions[-1].step.task == "denoise"
    dialogue.say("denoise it")
    [noise] = dialogue.tree().turns[-1].steps
    dialogue.run({**noise, "strength": 0.5})
    assert dialogue.tree().versions[-1].step.strength == 0.5, "no more than what was confirmed"


BAD_STEPS: list[object] = [
    5, {}, {"tool": "unknown"}, {"tool": "restore", "task": "derain", "strength": 7}, {"tool": "restore", "task": "x"},
    {"tool": "restore", "task": "derain", "method": "../x"}, {"tool": "restore", "task": "derain", "path": "/etc"},
]  # fmt: skip


@pytest.mark.parametrize("step", BAD_STEPS, ids=str)
def test_a_plan_that_is_not_valid_runs_nothing(dialogue, step) -> None:
    dialogue.say("show me the plan first: remove the rain")
    [rain] = dialogue.tree().turns[-1].steps
    assert "not valid" in dialogue.run(rain, step)
    assert len(dialogue.tree().versions) == 1


def test_a_plan_without_steps_or_after_another_change_runs_nothing(dialogue) -> None:
    dialogue.say("show me the plan first: remove the rain")
    steps = dialogue.tree().turns[-1].steps
    assert dialogue.run() == "Nothing was changed."
    assert "No question is open" in dialogue.run(*steps)
    dialogue.say("show me the plan first: remove the rain")
    flip(dialogue)
    assert "No question is open" in dialogue.run(*steps)


def test_steps_are_announced_and_the_reply_comes_in_parts(dialogue) -> None:
    dialogue.say("remove the rain, then flip it")
    started = [event for event in dialogue.recorder.events if isinstance(event, StepStarted)]
    assert [(s.step["tool"], s.number, s.count) for s in started] == [("restore", 1, 2), ("transform", 2, 2)]
    [part] = [english(event.text) for event in dialogue.recorder.events if isinstance(event, ReplyPart)]
    assert dialogue.reply().startswith(part)
    assert part.startswith("Rain removed")


def test_auto_announces_what_it_tries(dialogue) -> None:
    dialogue.finds(RAIN)
    dialogue.say("fix it")
    started = [event.step for event in dialogue.recorder.events if isinstance(event, StepStarted)]
    assert [(step["task"], step["method"]) for step in started] == [("auto", None), ("derain", "halves")]


NO_CONSENT = (
    ["what part is wrong with it?", "why is all this noise there?", "is it ok like that?", "is everything visible?",
     "don't do it", "not now", "no, thanks", "undo all of that", "how good is it?", "I like it all"]
)  # fmt: skip


def test_only_a_plain_yes_starts_what_was_asked_about(dialogue) -> None:
    for text in NO_CONSENT:
        dialogue.say("denoise it", VISIBLE)
        dialogue.say(text, VISIBLE)
        dialogue.say("yes", VISIBLE)
        assert len(dialogue.tree().versions) == 1, f"neither by “{text}” nor by a later yes"


def test_the_question_can_be_answered_with_another_request(dialogue) -> None:
    dialogue.say("denoise it", VISIBLE)
    assert dialogue.say("no", VISIBLE) == "Nothing was changed."
    dialogue.say("denoise it", VISIBLE)
    dialogue.say("remove the rain", VISIBLE)
    assert [v.step.method for v in dialogue.tree().versions] == [None, "halves"]


def test_a_yes_without_a_question_does_nothing(dialogue) -> None:
    assert "No question is open" in dialogue.say("yes")


def test_a_question_is_about_the_version_that_was_shown(dialogue) -> None:
    dialogue.say("denoise it", VISIBLE)
    flip(dialogue)
    dialogue.say("yes", VISIBLE)
    assert [v.step.kind for v in dialogue.tree().versions] == ["paste", "flip"]


def test_a_step_that_cannot_be_read_is_a_reply_and_the_conversation_goes_on(dialogue) -> None:
    document = dialogue.studio.document(dialogue.card.id)
    document.add_turn(Turn("assistant", "Shall I?", steps=({"tool": "unknown"},), question=dialogue.card.head))
    assert "not valid" in dialogue.say("yes")
    assert [turn.role for turn in dialogue.tree().turns[-2:]] == ["user", "assistant"]
    document.add_turn(Turn("assistant", "Shall I?", steps=(5,), question=dialogue.card.head))
    assert dialogue.say("how big is the photo?").startswith("The photo is")


def test_a_question_can_be_answered_after_the_project_was_closed(dialogue, tmp_path) -> None:
    dialogue.say("denoise it", VISIBLE)
    document = dialogue.studio.document(dialogue.card.id)
    assert document.card().turns[-1].question == dialogue.card.head
    document.save_project(tmp_path / "a.clarity")
    asyncio.run(dialogue.studio.close_document(dialogue.card.id, dialogue.recorder.job()))
    asyncio.run(dialogue.studio.open(tmp_path / "a.clarity", dialogue.recorder.job()))
    dialogue.card = dialogue.recorder.last(Opened).card
    assert [step["task"] for step in dialogue.card.turns[-1].steps] == ["denoise"]
    dialogue.say("yes", VISIBLE)
    assert [v.step.task for v in dialogue.tree().versions] == [None, "denoise"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("yes", "yes"), ("Yes, please.", "yes"), ("ok, go ahead", "yes"), ("do it", "yes"), ("all of it", "yes"),
        ("everything please", "yes"), ("Sure!", "yes"),
        ("visible", "visible"), ("the visible part first, please", "visible"), ("just the part I see", "visible"),
        ("no, only the visible part", "visible"), ("yes, only the visible part", "visible"),
        ("no", "no"), ("no thanks", "no"), ("don't do it", "no"), ("not now", "no"), ("don't do all of it", "no"),
        ("ok, cancel it", "no"), ("don’t", "no"),
        ("what part is wrong with it?", None), ("all?", None), ("is it ok like that?", None),
        ("undo all of that", None), ("why is all this noise there?", None), ("remove the rain", None),
        ("yes but denoise first", None), ("", None),
    ],
)  # fmt: skip
def test_an_answer_is_nothing_but_an_answer(text: str, wanted: str | None) -> None:
    assert answer_of(text) == wanted


# What the turn claims, and what is left of one that ended early -------------------------------------------------------


def flip(dialogue: Dialogue) -> None:
    request = ApplyTransform(dialogue.card.id, dialogue.tree().head, Flip("horizontal"))
    asyncio.run(dialogue.studio.change(request, dialogue.recorder.job()))


def test_a_turn_claims_only_versions_that_it_made(dialogue, detector) -> None:
    async def both() -> None:
        send = dialogue.conversation.send(SendMessage(dialogue.card.id, "remove the rain"), dialogue.recorder.job())
        request = ApplyTransform(dialogue.card.id, dialogue.card.head, Flip("horizontal"))
        await asyncio.gather(send, dialogue.studio.change(request, dialogue.recorder.job()))

    asyncio.run(both())
    [_, *made] = dialogue.tree().versions
    assert {v.step.kind for v in made} == {"restore", "flip"}
    [restored] = [v.id for v in made if v.step.kind == "restore"]
    assert dialogue.tree().turns[-1].versions == (restored,)


def test_a_bug_leaves_a_turn_that_says_so(dialogue, detector) -> None:
    def bug(_: object) -> object:
        raise ZeroDivisionError

    detector.finds = bug
    dialogue.studio.document(dialogue.card.id).set_detection(dialogue.card.head, None)
    with pytest.raises(ZeroDivisionError):
        dialogue.say("what is wrong with it?")
    assert dialogue.tree().turns[-1].role == "assistant"
    assert "internal error" in dialogue.reply()


def test_a_cancelled_turn_says_so_and_names_what_was_finished(dialogue, detector) -> None:
    job = dialogue.recorder.job()

    def cancel(_: object) -> object:
        job.cancel()
        return RAIN

    detector.finds = cancel  # asked about the result of the first step
    with pytest.raises(JobCancelled):
        asyncio.run(dialogue.conversation.send(SendMessage(dialogue.card.id, "derain, then sharpen"), job))
    [_, made] = dialogue.tree().versions
    last = dialogue.tree().turns[-1]
    assert (last.role, last.versions) == ("assistant", (made.id,))
    assert "Cancelled" in dialogue.reply()


def test_closing_a_document_during_a_turn_hides_no_error(dialogue, detector) -> None:
    def close(_: object) -> object:
        dialogue.studio._documents.clear()
        raise ZeroDivisionError

    document: Document = dialogue.studio.document(dialogue.card.id)
    detector.finds = close
    document.set_detection(dialogue.card.head, None)
    with pytest.raises(ZeroDivisionError):
        dialogue.say("what is wrong with it?")
    document.close(keep=False)


def test_the_button_and_the_words_write_the_same_turn(dialogue, studio, recorder, photo) -> None:
    dialogue.finds(RAIN)
    asyncio.run(
        improve_document(dialogue.studio, Improve(dialogue.card.id, dialogue.card.head), dialogue.recorder.job())
    )
    by_button: Turn = dialogue.tree().turns[-1]
    other = Dialogue(studio, recorder, photo(200, 150))  # a copy: what was left is not tried again on one photo
    other.finds(RAIN)
    other.say("fix it")
    assert english(other.tree().turns[-1].content) == english(by_button.content)
    assert other.tree().turns[-1].steps == by_button.steps


# Parts ----------------------------------------------------------------------------------------------------------------


class Dogs:
    """Finds two dogs, whatever the photo."""

    def engine_for(self, part: Part, /) -> str | None:
        return "dogs" if part.name == "dog" else None

    def objects(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> list[Box]:
        return [Box("dog", 0.91, Bounds(10, 20, 60, 50)), Box("dog", 0.7, Bounds(120, 30, 40, 40))]

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        checkpoint()
        return [Box("dog", 0.91, Bounds(10, 20, 60, 50)), Box("dog", 0.7, Bounds(120, 30, 40, 40))]


class Filled:
    """Takes all of a box for its object."""

    id, title = "filled", "Filled"

    def is_ready(self) -> bool:
        return True

    def digest(self) -> str:
        return "filled 1"

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        return Embedding("filled 1", pixels.shape[1], pixels.shape[0], {})

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        logits = np.full((embedding.height, embedding.width), -9, np.float32)
        assert prompt.box is not None
        logits[prompt.box.slices()] = 9
        return (MaskCandidate(logits, 0.8),)


@pytest.fixture
def dogs(dialogue) -> Dialogue:
    dialogue.studio.finder = Dogs()
    dialogue.studio.engines = Engines(lambda _device: (Filled(),))
    return dialogue


def test_only_the_named_part_is_restored(dialogue, photo) -> None:
    reply = dialogue.say("remove the rain on the left side")
    [_, version] = dialogue.tree().versions
    assert "halves" in reply
    changed = (dialogue.studio.document(dialogue.card.id).pixels(version.id) != photo(200, 150)).any(2)
    assert changed[:, :80].mean() > 0.9
    assert not changed[:, 100:].any()


def test_objects_are_restored_alone(dogs, photo) -> None:
    dogs.say("remove the rain from the dogs")
    [_, version] = dogs.tree().versions
    changed = (dogs.studio.document(dogs.card.id).pixels(version.id) != photo(200, 150)).any(2)
    inside = np.zeros((150, 200), bool)
    inside[20:70, 10:70] = inside[30:70, 120:160] = True
    assert changed[inside].mean() > 0.8
    assert not changed[~inside].any()


def test_what_is_not_there_changes_nothing(dogs) -> None:
    assert "zebra" in dogs.say("remove the rain from the zebra")
    assert "zebra" in dogs.say("remove the rain on the left side and darken the zebra")
    assert len(dogs.tree().versions) == 1


def test_without_a_method_no_part_is_looked_for(dogs) -> None:
    assert "no method for the task" in dogs.say("remove the haze from the zebra")
    assert "no method for the task" in dogs.say("remove the rain on the left side, then the haze from the zebra")
    assert [v.step.task for v in dogs.tree().versions] == [None, "derain"]


def test_what_was_selected_by_words_is_changed_alone(dogs) -> None:
    dogs.say("select the dogs")
    assert "Only “dogs” was changed." in dogs.say("remove the rain from only that")


def changed(dialogue: Dialogue, version: Version, before: Pixels) -> np.ndarray:
    return (dialogue.studio.document(dialogue.card.id).pixels(version.id) != before).any(2)


def test_several_parts_are_changed_each_in_its_own_way(dogs, photo) -> None:
    reply = dogs.say("darken the dogs and remove the rain on the right side")
    [_, rain, dark] = dogs.tree().versions
    assert (rain.step.task, dark.step.kind, dark.step.settings) == ("derain", "adjust", {"exposure": -1.0})
    assert "Only “dogs” was changed." in reply
    assert "Only “right side” was changed." in reply
    assert not changed(dogs, rain, photo(200, 150))[:, :100].any()
    inside = np.zeros((150, 200), bool)
    inside[20:70, 10:70] = inside[30:70, 120:160] = True
    darker = changed(dogs, dark, dogs.studio.document(dogs.card.id).pixels(rain.id))
    assert darker[inside].mean() > 0.8
    assert not darker[~inside].any()


def test_a_part_that_is_darkened_twice_gets_darker_by_both(dogs) -> None:
    dogs.say("darken the dogs")
    dogs.say("darken the dogs")
    assert dogs.tree().versions[-1].step.settings == {"exposure": -2.0}
    dogs.say("darken the left side")
    assert dogs.tree().versions[-1].step.settings == {"exposure": -1.0}


SELECTED = Region.rectangle(Bounds(100, 0, 100, 150), 200, 150)


def test_the_last_change_is_made_in_the_selection_alone(dialogue, photo) -> None:
    dialogue.say("remove the rain")
    reply = dialogue.say("the same, but only here", selected=SELECTED)
    [first, _, part] = dialogue.tree().versions
    assert "Only the selected part" in reply
    assert (part.parent, part.step.task) == (first.id, "derain")
    inside = changed(dialogue, part, photo(200, 150))
    assert inside[:, 120:].mean() > 0.9
    assert not inside[:, :100].any()


def test_the_rest_is_changed_as_the_part_was(dialogue, photo) -> None:
    dialogue.say("remove the rain only here", selected=SELECTED)
    dialogue.say("the rest too")
    [first, _, whole] = dialogue.tree().versions
    assert (whole.parent, whole.step.region) == (first.id, None)
    assert changed(dialogue, whole, photo(200, 150)).mean() > 0.9


def test_what_the_mouse_changed_is_repeated_by_words(dialogue) -> None:
    head = dialogue.tree().head
    adjust = Adjust(dialogue.card.id, head, Adjustments(exposure=1.0, contrast=0.25))
    asyncio.run(dialogue.studio.adjust(adjust, dialogue.recorder.job()))
    dialogue.say("but only on the left side")
    made = dialogue.tree().versions[-1]
    assert (made.parent, made.step.settings) == (head, {"exposure": 1.0, "contrast": 0.25})
    assert made.step.region is not None


def test_here_without_a_selection_changes_nothing(dialogue) -> None:
    assert "Nothing is selected" in dialogue.say("remove the rain only here")
    other = Region.rectangle(Bounds(0, 0, 10, 10), 20, 20)
    assert "20 × 20" in dialogue.say("remove the rain only here", selected=other)
    assert len(dialogue.tree().versions) == 1


def test_a_detector_that_is_missing_is_offered(dialogue) -> None:
    question = dialogue.say("darken the dog")
    assert "the model YOLOX-Nano (3.7 MB)" in question
    assert "Download it and go on?" in question
    assert dialogue.tree().turns[-1].models == ("yolox-nano",)
    assert dialogue.say("no") == "Nothing was changed."


def test_a_long_restoration_of_a_part_is_asked_about_first(dialogue) -> None:
    assert "Start?" in dialogue.say("denoise the left side")
    assert "Only “left side”" in dialogue.say("yes")


def test_a_part_is_analyzed_by_itself(dialogue, detector) -> None:
    dialogue.finds(RAIN)
    detector.finds = lambda _: detection({"noise": Finding(0.95, 0.8)})
    assert dialogue.say("is this part noisy?", selected=SELECTED) == "Noise: 95% likely, very strong."
    assert dialogue.recorder.last(RegionAnalyzed).region is SELECTED
    assert dialogue.say("is it noisy?").startswith("Noise: not likely")
    assert "PIQE: no score" in dialogue.say("how good is the left side?")


def test_scratches_are_selected_before_they_are_filled(dialogue) -> None:
    assert "finds no" in dialogue.say("remove the scratches")
    damaged = detection({"inpaint": Finding(0.9, 0.7)})
    damaged.heat[..., DEGRADATIONS.index("inpaint")] = 0
    damaged.heat[0, 0, DEGRADATIONS.index("inpaint")] = 255
    dialogue.finds(damaged)
    assert "looks damaged is selected" in dialogue.say("remove the scratches")
    assert dialogue.recorder.last(Selected).region.bounds.width < 200
    assert len(dialogue.tree().versions) == 1


def test_a_photo_is_described_by_what_is_known(dogs) -> None:
    reply = dogs.say("what is in this photo?")
    assert reply.startswith("A landscape photo of 200 × 150 pixels.")
    assert "Objects that were recognized: dog (2)." in reply
    assert "BLIP" in reply  # where to get it
    assert len(dogs.tree().versions) == 1


def test_things_are_found_and_selected(dogs) -> None:
    context = tools.ToolContext(dogs.studio, dogs.card.id, dogs.recorder.job())

    def run(call) -> str:
        return english(asyncio.run(tools.run(context, call)).text)

    where = plan_module.TextRegion("the dogs")
    assert run(plan_module.FindCall(where)) == "2 found: dog (91%), dog (70%)."
    assert run(plan_module.SelectRegionCall(where)) == "“the dogs” is selected: 15% of the photo."
    assert dogs.recorder.last(Selected).region.bounds == Bounds(10, 20, 150, 50)
    assert run(plan_module.SelectRegionCall(None)) == "Nothing is selected, so there is nothing to clear."


def test_a_message_clears_the_selection(dogs) -> None:
    part = Region.rectangle(Bounds(20, 30, 100, 60), 200, 150)
    assert dogs.say("clear the selection", selected=part) == "Nothing is selected any more."
    assert dogs.recorder.last(SelectionCleared).document == dogs.card.id
    assert len(dogs.tree().versions) == 1


def test_every_message_of_conversation_and_auto_has_a_template() -> None:
    used: set[str] = set()
    for package in (auto, chat):
        for file in Path(package.__path__[0]).glob("*.py"):
            used |= set(re.findall(r'"((?:auto|chat|analysis)\.[a-z_.]+)"', file.read_text("utf-8")))
    for module in (tools, plan_module, message_module):
        used |= set(re.findall(r'Message\(\s*"([a-z_.]+)"', Path(module.__file__ or "").read_text("utf-8")))
    for module in (tools, studio_module):
        used |= set(re.findall(r'"(chat\.[a-z_]+)"', Path(module.__file__ or "").read_text("utf-8")))
    assert used <= set(catalog.templates()), used - set(catalog.templates())
    # What the window suggests to say is not said here.
    own = {key for key in catalog.templates() if key.startswith("chat.") and not key.startswith("chat.say_")}
    assert own <= used | {"chat.restored"}, own - used


def test_the_planner_understands_what_the_window_suggests_to_say() -> None:
    asks = ("chat.say_fix", "chat.say_find", "chat.say_compare", "chat.say_undo", "chat.say_score", "chat.say_content")
    tools_of = [[step.tool for step in planner.plan(english(Message(key))).steps] for key in asks]
    assert tools_of == [["restore"], ["detect"], ["compare"], ["undo"], ["assess"], ["describe"]]
    for task in TASKS:
        said = english(Message("chat.say_here", {"task": titles.task_title(task)}))
        assert planner.plan(said).steps == (plan_module.RestoreCall(task, plan_module.TextRegion(plan_module.HERE)),)
    assert answer_of(english(Message("chat.say_no"))) == "no"


# Models that are not installed --------------------------------------------------------------------------------------


class FakeStore:
    """A catalog of one model, which arrives when it is downloaded."""

    def __init__(self) -> None:
        self.models = {"net": SimpleNamespace(title="Net (blur)", name="Net (blur)", size=5_000_000)}
        self.installed: set[str] = set()
        self.is_offline = False

    def is_ready(self, model: str) -> bool:
        return model in self.installed

    def need(self, ids) -> dict[str, Path]:
        if missing := [model for model in ids if model not in self.installed]:
            raise ModelMissing(f"{missing} is missing; clarity models fetch gets it.")
        return dict.fromkeys(ids, Path(__file__))

    def fetch(self, model: str, report) -> None:
        report(0.5)
        if self.is_offline:
            raise ModelMissing("It could not be reached; clarity models fetch tries again.")
        self.installed.add(model)

    def cards(self) -> tuple:
        return ()

    def digest(self, model: str) -> str:
        return "0" * 64


@pytest.fixture
def incomplete(unscored, studio, recorder, photo) -> Dialogue:
    """A dialogue in which deblurring needs a model that is not installed."""
    methods.METHODS["net"] = replace(HALVES, id="net", tasks=("deblur",), weights=("net",))
    methods.all_methods.cache_clear()
    studio.store = studio._runner._store = FakeStore()
    return Dialogue(studio, recorder, photo(200, 150))


def test_a_missing_model_is_offered_with_its_size_and_downloaded_on_a_yes(incomplete) -> None:
    reply = incomplete.say("sharpen it")
    assert "Net (blur) (5.0 MB)" in reply
    assert "clarity models" not in reply
    asked = incomplete.tree().turns[-1]
    assert (asked.models, asked.question, len(asked.steps)) == (("net",), incomplete.card.head, 1)
    assert len(incomplete.tree().versions) == 1
    incomplete.say("download and restore")
    assert incomplete.recorder.last(ModelsListed)
    assert incomplete.tree().versions[-1].step.method == "net"


def test_a_declined_download_changes_nothing(incomplete) -> None:
    incomplete.say("sharpen it")
    assert incomplete.say("no") == "Nothing was changed."
    assert incomplete.studio.store.installed == set()


def test_a_download_that_fails_names_no_command(incomplete) -> None:
    incomplete.studio.store.is_offline = True
    incomplete.say("sharpen it")
    reply = incomplete.say("yes")
    assert "could not be downloaded" in reply
    assert "clarity models" not in reply
    assert len(incomplete.tree().versions) == 1


def test_a_changed_plan_that_needs_a_download_asks_first(incomplete) -> None:
    incomplete.say("show me the plan first: remove the rain")
    [rain] = incomplete.tree().turns[-1].steps
    assert "Net (blur)" in incomplete.run({**rain, "task": "deblur"})
    [blur] = incomplete.tree().turns[-1].steps
    incomplete.run(blur)
    assert incomplete.tree().versions[-1].step.method == "net"
