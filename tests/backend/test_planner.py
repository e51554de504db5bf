"""Words → plan, by rules."""

from __future__ import annotations

import pytest

from clarity_desktop.backend.chat.planner import HELP_TEXT, UNKNOWN, PlanStep, plan


def tasks(text: str) -> list[str | None]:
    return [s.task for s in plan(text).steps if s.tool == "restore"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("please get rid of the rain", ["derain"]),
        ("its way too dark in here", ["low_light"]),
        ("Remove the HAZE.", ["dehaze"]),
        ("the photo is blurry", ["deblur"]),
        ("can you remove the noise?", ["denoise"]),
        ("make the colours nicer", ["retouch"]),
        ("first dehaze, then denoise", ["dehaze", "denoise"]),
        ("dehaze and denoise", ["denoise", "dehaze"]),
        ("remove the rain, and it is also too dark and noisy", ["denoise", "low_light", "derain"]),
        ("brighten it but first denoise", ["denoise", "low_light"]),
        ("don't denoise, just remove the rain", ["derain"]),
        ("do not brighten; deblur", ["deblur"]),
        ("deblur. then retouch. finally denoise", ["deblur", "retouch", "denoise"]),
        ("grain", ["denoise"]),
    ],
)
def test_a_request_becomes_its_tasks_in_order(text: str, wanted: list[str]) -> None:
    assert tasks(text) == wanted


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("how good is it?", "assess"),
        ("score it", "assess"),
        ("what is wrong with this picture?", "detect"),
        ("What's wrong with it", "detect"),
        ("any problems?", "detect"),
        ("is it noisy?", "detect"),
        ("what should I do?", "advise"),
        ("what do you suggest?", "advise"),
    ],
)
def test_a_photo_that_should_only_be_looked_at_is_never_changed(text: str, tool: str) -> None:
    assert plan(text).steps == (PlanStep(tool),)


@pytest.mark.parametrize(
    "text",
    ["fix it", "Auto", "auto-fix, please", "make it better", "make the photo look better", "improve this picture",
     "can you fix all the problems?", "restore it automatically"],
)  # fmt: skip
def test_a_request_that_leaves_the_choice_is_for_auto(text: str) -> None:
    assert plan(text).steps == (PlanStep("improve"),)


@pytest.mark.parametrize(
    ("text", "task"),
    [("make the colours better", "retouch"), ("fix the blur", "deblur"), ("repair rain", "derain")],
)
def test_a_request_that_names_what_to_do_is_not_for_auto(text: str, task: str) -> None:
    assert tasks(text) == [task]


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("undo that", "undo"),
        ("redo", "redo"),
        ("compare", "compare"),
        ("show me before and after", "compare"),
        ("back to the original", "go_to"),
    ],
)
def test_moves_in_the_history_are_understood(text: str, tool: str) -> None:
    assert [s.tool for s in plan(text).steps] == [tool]


def test_undo_may_be_followed_by_another_try() -> None:
    assert [(s.tool, s.task) for s in plan("undo that and dehaze instead").steps] == [
        ("undo", None),
        ("restore", "dehaze"),
    ]


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("denoise a bit", 0.4),
        ("denoise by 30%", 0.3),
        ("denoise halfway", 0.5),
        ("denoise", None),
        ("denoise by 700 percent", 1.0),
    ],
)
def test_strength_is_told_only_where_the_words_say_how_much(text: str, strength: float | None) -> None:
    assert [s.strength for s in plan(text).steps] == [strength]


def test_a_named_method_is_taken_for_its_own_task_only() -> None:
    steps = plan("dehaze with maxim-dehazing-indoor and denoise").steps
    assert [(s.task, s.method) for s in steps] == [("denoise", None), ("dehaze", "maxim-dehazing-indoor")]


def test_a_method_of_many_tasks_is_taken_for_each() -> None:
    steps = plan("denoise and dehaze with clarity-all").steps
    assert [(s.task, s.method) for s in steps] == [("denoise", "clarity-all"), ("dehaze", "clarity-all")]


def test_haze_in_a_room_is_given_to_the_indoor_network() -> None:
    assert [s.method for s in plan("remove the haze in the room").steps] == ["maxim-dehazing-indoor"]


@pytest.mark.parametrize("text", ["help", "?", "what can you do?"])
def test_help_lists_what_can_be_said(text: str) -> None:
    assert plan(text).reply == HELP_TEXT


@pytest.mark.parametrize("text", ["what's the capital of France", "", "🦆", "x" * 5000, "make me a sandwich"])
def test_what_is_not_understood_is_said_plainly_and_changes_nothing(text: str) -> None:
    assert plan(text).steps == ()
    assert plan(text).reply == UNKNOWN
