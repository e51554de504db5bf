"""Macros: made from a conversation, checked as files, run on another photo."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend import macro, methods
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.macro import Macro
from clarity_desktop.backend.plan import (
    AdjustCall,
    BoxRegion,
    RestoreCall,
    TextRegion,
    TransformCall,
    TransformSettings,
)
from clarity_desktop.messages import (
    Adjust,
    Notice,
    Opened,
    RunMacro,
    SaveMacro,
    SendMessage,
    SetStrength,
    TurnAdded,
    UserError,
)
from clarity_desktop.text import english
from clarity_desktop.values import Adjustments, Bounds, Finding, Picture, Region
from tests.fakes import SLOW, detection

RAIN = detection({"rain streak": Finding(0.9, 0.7)})


class Talk:
    """A conversation about one photo, and the macros made from it."""

    def __init__(self, studio, recorder, pixels) -> None:
        self.studio, self.recorder = studio, recorder
        self.conversation = Conversation(studio)
        self.open(pixels)

    def open(self, pixels) -> None:
        asyncio.run(self.studio.open_picture(Picture(pixels), "scene.png", self.recorder.job()))
        self.id = self.recorder.last(Opened).card.id

    @property
    def card(self):
        return self.studio.document(self.id).card()

    def say(self, text: str, selected: Region | None = None, visible: Bounds | None = None) -> str:
        asyncio.run(self.conversation.send(SendMessage(self.id, text, visible, selected), self.recorder.job()))
        return english(self.recorder.last(TurnAdded).turn.content)

    def record(self, first: int = 0, stop: int = 1000) -> macro.Recording:
        return macro.record(self.card, first, stop, "", self.studio.document(self.id).region)

    def notes(self) -> str:
        return english(self.record().notes)

    def pixels(self) -> np.ndarray:
        return self.studio.document(self.id).pixels(self.card.head)


@pytest.fixture
def talk(unscored, studio, recorder, photo) -> Talk:
    return Talk(studio, recorder, photo(200, 150))


def test_what_was_done_becomes_steps_with_the_methods_that_ran(talk) -> None:
    talk.say("remove the rain a bit, then rotate it left and make it warmer")
    made = talk.record().macro
    assert made.name == "scene"
    assert [step.tool for step in made.steps] == ["restore", "transform", "adjust"]
    assert made.steps[0] == RestoreCall("derain", None, "halves", 0.4)
    assert "left out" not in talk.notes().lower()


def test_what_only_looked_was_undone_or_failed_is_left_out_and_said(talk) -> None:
    for text in ("what is wrong with it?", "make it warmer", "undo that", "remove the rain", "dehaze it"):
        talk.say(text)
    made = talk.record()
    assert [step.tool for step in made.macro.steps] == ["restore"]
    notes = english(made.notes)
    assert "does not contain it: White balance adjusted" in notes
    assert "did not run: Remove haze" in notes
    assert "only look" in notes


@pytest.fixture
def slow_denoising(plain_methods: None) -> None:
    """Denoising is said to take minutes, even of a small photo."""
    methods.METHODS["slow"] = replace(SLOW, speed=1e5)
    methods.all_methods.cache_clear()


def test_a_question_is_recorded_once_and_only_if_it_was_confirmed(slow_denoising, talk, photo) -> None:
    talk.open(photo(60, 40))
    talk.say("denoise it")
    with pytest.raises(UserError, match="no change"):
        talk.record()
    talk.say("yes")
    assert [step.task for step in talk.record().macro.steps] == ["denoise"]
    assert not talk.record().notes


def test_a_stretch_takes_its_own_turns_only(talk) -> None:
    talk.say("remove the rain")
    talk.say("rotate it left")
    talk.say("make it warmer")
    assert [step.tool for step in talk.record(2, 4).macro.steps] == ["transform"]


def test_auto_stays_auto_and_is_one_step(talk, detector) -> None:
    detector.finds = lambda _: RAIN
    talk.open(np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (150, 1, 3)))
    talk.say("make it warmer and fix everything")
    made = talk.record()
    assert [getattr(step, "task", step.tool) for step in made.macro.steps] == ["adjust", "auto"]
    assert not made.notes


def test_what_the_mouse_did_between_is_named(talk) -> None:
    talk.say("remove the rain")
    asyncio.run(talk.studio.adjust(Adjust(talk.id, talk.card.head, Adjustments(contrast=0.4)), talk.recorder.job()))
    talk.say("rotate it left")
    made = talk.record()
    assert [step.tool for step in made.macro.steps] == ["restore", "transform"]
    assert "not done by the conversation: Contrast adjusted" in english(made.notes)


def test_a_strength_that_was_changed_afterwards_counts(talk) -> None:
    talk.say("remove the rain")
    asyncio.run(talk.studio.set_strength(SetStrength(talk.id, talk.card.head, 0.25), talk.recorder.job()))
    [step] = talk.record().macro.steps
    assert step.strength == 0.25
    assert not talk.record().notes


def test_words_stay_words_and_a_selection_becomes_its_rectangle(talk) -> None:
    part = Region.rectangle(Bounds(20, 30, 100, 60), 200, 150)
    talk.say("remove the rain only here", selected=part)
    talk.say("make the darkest part warmer")
    steps = talk.record().macro.steps
    box = BoxRegion((0.1, 0.2, 0.6, 0.6))
    assert [step.region for step in steps] == [box, TextRegion("darkest part")]
    assert "becomes the rectangle around it" in talk.notes()
    talk.say("back to the original")
    talk.say("remove the rain")
    talk.say("but not here", selected=part)
    assert [step.region for step in talk.record().macro.steps] == [replace(box, outside=True)]


def test_the_same_macro_gives_the_same_pixels_without_a_planner(talk, photo, tmp_path) -> None:
    part = Region.rectangle(Bounds(20, 30, 100, 60), 200, 150)
    talk.say("remove the rain by half")
    talk.say("rotate it right")
    talk.say("make it a bit brighter")
    talk.say("more contrast in the top half")
    talk.say("undo that")
    talk.say("back to the original")
    talk.say("remove the rain only here", selected=part)
    talk.say("rotate it left, then crop it to 4:3")
    wanted = talk.pixels()
    macro.write(talk.record().macro, tmp_path / "own.clarity-macro")
    talk.open(photo(200, 150))
    asyncio.run(talk.conversation.run_macro(RunMacro(talk.id, tmp_path / "own.clarity-macro"), talk.recorder.job()))
    np.testing.assert_array_equal(talk.pixels(), wanted)
    [asked, answered] = talk.card.turns
    assert english(asked.content) == "Run the macro “scene”."
    assert len(answered.steps) == len(answered.versions) == 3


def test_a_macro_that_takes_long_asks_first_and_runs_on_yes(slow_denoising, talk, photo, tmp_path) -> None:
    talk.open(photo(60, 40))
    macro.write(Macro("quiet", (RestoreCall("denoise"),)), tmp_path / "quiet")
    asyncio.run(talk.conversation.run_macro(RunMacro(talk.id, tmp_path / "quiet"), talk.recorder.job()))
    assert "Start?" in english(talk.card.turns[-1].content)
    assert len(talk.card.versions) == 1
    talk.say("yes")
    assert len(talk.card.versions) == 2


def test_a_part_that_is_not_there_changes_nothing(talk, tmp_path) -> None:
    steps = (TransformCall(TransformSettings(rotate=90)), RestoreCall("derain", TextRegion("the purple submarine")))
    macro.write(Macro("half", steps[::-1]), tmp_path / "half")
    asyncio.run(talk.conversation.run_macro(RunMacro(talk.id, tmp_path / "half"), talk.recorder.job()))
    assert len(talk.card.versions) == 1
    assert english(talk.card.turns[-1].content)


def test_saving_says_what_is_in_it_and_what_is_not(talk, tmp_path) -> None:
    talk.say("remove the rain")
    talk.say("is it noisy?")
    path = tmp_path / "rain.clarity-macro"
    asyncio.run(talk.conversation.save_macro(SaveMacro(talk.id, path, 0, 4, "  My\nrain "), talk.recorder.job()))
    said = english(talk.recorder.last(Notice).text)
    assert "“My rain” was saved" in said
    assert "Remove rain" in said
    assert "only look" in said
    assert macro.read(path) == Macro("My rain", (RestoreCall("derain", method="halves"),))


def test_a_folder_that_takes_no_file_is_a_sentence(talk, tmp_path) -> None:
    talk.say("remove the rain")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="was not saved"):
        macro.write(talk.record().macro, tmp_path / "folder")


GOOD = {"format": "clarity-macro", "version": 1, "name": "x", "steps": [{"tool": "restore", "task": "derain"}]}
BAD_STEPS = [
    "derain", None, 7, [], {"tool": "restore"}, {"tool": "restore", "task": "fly"}, {"tool": "shell", "task": "derain"},
    {"tool": "restore", "task": "derain", "version": "v1"}, {"tool": "restore", "task": "derain", "method": "../x"},
    {"tool": "restore", "task": "derain", "strength": 2}, {"tool": "restore", "task": "derain", "path": "/etc"},
    {"tool": "restore", "task": "auto", "method": "halves"}, {"tool": "restore", "task": "inpaint"},
    {"tool": "restore", "task": "derain", "region": {"kind": "text", "text": "here"}},
    {"tool": "restore", "task": "derain", "region": {"kind": "text", "text": ""}},
    {"tool": "restore", "task": "derain", "region": {"kind": "text", "text": "[hat]"}},
    {"tool": "restore", "task": "derain", "region": {"kind": "box", "box": [0.5, 0, 0.1, 1]}},
    {"tool": "restore", "task": "derain", "region": {"kind": "box", "box": [0, 0, float("nan"), 1]}},
    {"tool": "restore", "task": "derain", "region": {"kind": "box", "box": [0, 0, 1]}},
    {"tool": "adjust"}, {"tool": "adjust", "settings": {"exposure": None}}, {"tool": "adjust", "settings": {"x": 1}},
    {"tool": "adjust", "settings": {"exposure": 1e9}}, {"tool": "transform"},
    {"tool": "transform", "settings": {"rotate": 90, "flip": "vertical"}},
    {"tool": "export", "format": "png"}, {"tool": "undo"}, {"tool": "go_to", "version": "v1"},
    {"tool": "ask_user", "question": "Who?"}, {"tool": "detect"}, {"tool": "fuse"},
]  # fmt: skip


@pytest.mark.parametrize("step", BAD_STEPS, ids=str)
def test_a_step_that_means_nothing_on_another_photo_is_refused(step) -> None:
    with pytest.raises(UserError, match="Step 2 of the macro"):
        macro.from_json({**GOOD, "steps": [*GOOD["steps"], step]}, "x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a macro"), (b"[]", "not a macro"), (b"\xff\xfe", "not a macro"), (b"[" * 100_000, "not a macro"),
        (b"9" * 10_000, "not a macro"), (b'{"steps": []}', "not a macro"), (b" " * 300_000, "too large"),
        (json.dumps({**GOOD, "version": 2}).encode(), "newer release"),
        (json.dumps({**GOOD, "version": True}).encode(), "not a macro"),
        (json.dumps({**GOOD, "steps": []}).encode(), "no steps"),
        (json.dumps({**GOOD, "steps": GOOD["steps"] * 101}).encode(), "too large"),
        (json.dumps({**GOOD, "name": 7}).encode(), "not a macro"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_a_sentence(tmp_path, content: bytes, said: str) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(UserError, match=said):
        macro.read(tmp_path / "m")


def test_what_is_no_file_is_a_sentence(tmp_path) -> None:
    for path in (tmp_path / "missing", tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match="cannot be read"):
            macro.read(path)


def test_a_name_of_many_lines_becomes_one(tmp_path) -> None:
    assert macro.from_json({**GOOD, "name": "a\n\u202eb\x00c" + "d" * 500}, "x").name.startswith("a b cddd")
    assert macro.from_json({**GOOD, "name": "\n"}, "from the file.clarity-macro").name == "from the file"


def test_all_kinds_of_steps_survive_the_file(tmp_path) -> None:
    steps = (
        RestoreCall("auto", BoxRegion((0.0, 0.25, 1.0, 1.0))),
        RestoreCall("inpaint", TextRegion("the wire"), "opencv-telea"),
        AdjustCall({"exposure": 0.25, "black_and_white": True}, TextRegion("everything but the sky"), 0.5),
        TransformCall(TransformSettings(straighten=-1.5)), TransformCall(TransformSettings(crop="4:3")),
    )  # fmt: skip
    macro.write(Macro("all", steps), tmp_path / "all")
    assert macro.read(tmp_path / "all") == Macro("all", steps)
