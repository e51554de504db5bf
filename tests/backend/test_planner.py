"""Request → plan, by rules."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.calls import ORDER
from clarity_desktop.backend.chat.follow_ups import LastChange
from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.chat.segment import UNKNOWN
from clarity_desktop.backend.chat.speech import HELP
from clarity_desktop.backend.plan import (
    HERE,
    LOOK_ONLY,
    NOT_HERE,
    TOOLS,
    AdjustCall,
    AssessCall,
    DescribeCall,
    DetectCall,
    ExportCall,
    FindCall,
    FuseCall,
    GoToCall,
    PastTurn,
    Plan,
    RestoreCall,
    SelectRegionCall,
    TextRegion,
    ToolCall,
    TransformCall,
    TransformSettings,
    UndoCall,
    VersionLabel,
    from_function,
    from_json,
    functions,
    plan_from_json,
    plan_to_json,
    to_json,
)
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, english
from clarity_desktop.titles import task_title
from clarity_desktop.values import TASKS, Task, VersionId

VERSIONS = (VersionLabel(VersionId("a"), "Original"), VersionLabel(VersionId("b"), "Denoised"))
PAST = (PastTurn("assistant", versions=VERSIONS),)


def tasks(text: str) -> list[str | None]:
    return [s.task for s in plan(text).steps if isinstance(s, RestoreCall)]


def tools(text: str) -> list[str]:
    return [s.tool for s in plan(text).steps]


def key(text: str) -> str:
    reply = plan(text).reply
    assert isinstance(reply, Message)
    return reply.key


# Restorations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("please get rid of the rain", ["derain"]),
        ("its way too dark in here", ["low_light"]),
        ("Remove the HAZE.", ["dehaze"]),
        ("the photo is blurry", ["deblur"]),
        ("can you remove the noise?", ["denoise"]),
        ("make the colours nicer", ["retouch"]),
        ("remove the flare", ["deflare"]),
        ("overexposed sky", ["overexposure"]),
        ("the picture is overexposed", ["overexposure"]),
        ("remove the snow", ["desnow"]),
        ("remove the scratches", ["inpaint"]),
        ("fix the scratches and the fading", ["inpaint", "retouch"]),
        ("remove the watermark", ["dewatermark"]),
        ("enlarge it 2x", ["upscale"]),
        ("make it pop", ["retouch"]),
        ("first dehaze, then denoise", ["dehaze", "denoise"]),
        ("dehaze and denoise", ["denoise", "dehaze"]),
        ("remove the haze and clean up the jpeg mess", ["dejpeg", "dehaze"]),
        ("remove the rain, and it is also too dark and noisy", ["denoise", "low_light", "derain"]),
        ("brighten it but first denoise", ["denoise", "low_light"]),
        ("sharpen after denoising", ["denoise", "deblur"]),
        ("sharpen before denoising", ["deblur", "denoise"]),
        ("before you denoise, dehaze it", ["dehaze", "denoise"]),
        ("don't denoise, just remove the rain", ["derain"]),
        ("do not brighten; deblur", ["deblur"]),
        ("deblur. then retouch. finally denoise", ["deblur", "retouch", "denoise"]),
        ("grain", ["denoise"]),
        ("make the colours better", ["retouch"]),
        ("fix the blur", ["deblur"]),
        ("repair rain", ["derain"]),
    ],
)
def test_a_request_becomes_its_tasks_in_order(text: str, wanted: list[str]) -> None:
    assert tasks(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("its not bright enough", ["low_light"]),
        ("I don't want any noise", ["denoise"]),
        ("it isn't sharp", ["deblur"]),
        ("no more grain please", ["denoise"]),
        ("sharpen without adding noise", ["deblur"]),
        ("I like the rain, leave it", []),
        ("there is no rain", []),
        ("there's no noise and I see no haze", []),
        ("no more noise reduction", []),
        ("remove everything but the rain", []),
        ("get rid of everything except the noise", []),
        ("there is too much rain", ["derain"]),
        ("I like the rain", []),
        ("don't touch the grain, just remove the haze", ["dehaze"]),
        ("the noise is fine, but the haze must go", ["dehaze"]),
        ("don't brighten it", []),
        ("blur the background", []),
        ("blur faces", []),
        ("remove the noise? no, wait", []),
        ("don't change anything", []),
        ("add some grain", []),
        ("do not remove the rain or the haze", []),
        ("don't remove the rain, the haze or the snow", []),
        ("don't remove the rain, but denoise", ["denoise"]),
        ("I think the fog looks great", []),
        ("it is dark on purpose", []),
        ("make it foggy", []),
        ("make it noisier", []),
        ("make it less noisy", ["denoise"]),
        ("turn day into night", []),
        ("sharpen, no denoising", ["deblur"]),
        ("make the shadows brighter", []),
        ("skip the denoising", []),
        ("forget the denoising, just sharpen", ["deblur"]),
        ("don't forget to denoise", ["denoise"]),
        ("cancel denoise", []),
        ("no one asked you to denoise", []),
        ("neither rain nor haze should be removed", []),
        ("neither denoise nor deblur", []),
        ("rather dehaze than derain", ["dehaze"]),
        ("except for the rain, remove everything", []),
        ("hardly any noise", []),
        ("no noise here", []),
        ("nice blur", []),
        ("the blurred background is intentional", []),
        ("the haze should remain", []),
        ("it should stay dark", []),
        ("sharpen while preserving the grain", ["deblur"]),
        ("denoise without blurring", ["denoise"]),
        ("that removed too much noise", []),
        ("too much noise removed", []),
        ("you removed the rain but I wanted it", []),
        ("less noise reduction", []),
        ("too much sharpening", []),
        ("denoise it a bit less", []),
        ("it was sharper before", []),
        ("deepen the shadows", []),
        ("the colors are too strong", []),
    ],
)
def test_what_is_refused_is_not_done_and_what_is_unwanted_is(text: str, wanted: list[str]) -> None:
    assert tasks(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "it's too bright, tone it down",
        "make it darker",
        "darken it",
        "reduce the brightness",
        "i want it dark",
        "only the sky should be darker",
    ],
)
def test_a_request_for_less_light_never_brightens(text: str) -> None:
    [step] = plan(text).steps
    assert step == RestoreCall("overexposure") or (isinstance(step, AdjustCall) and step.settings == {"exposure": -0.5})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("remove the nosie", "denoise"), ("brigten it", "low_light"), ("shapren the photo", "deblur")],
)
def test_typing_errors_are_corrected(text: str, wanted: str) -> None:
    assert tasks(text) == [wanted]


@pytest.mark.parametrize("text", ["remove the flame", "my nose", "the street is moist", "a house in the grass"])
def test_other_words_are_no_typing_errors(text: str) -> None:
    assert not set(tasks(text)) & {"deflare", "denoise", "dehaze", "derain"}


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("denoise only the sky, just a touch", "sky"),
        ("denoise it, but only the sky", "sky"),
        ("can you make the face sharper?", "face"),
        ("denoise only the top left", "top left"),
        ("brigten jsut the tower", "tower"),
        ("denoise everything but the sky", "everything but the sky"),
        ("sharpen the man on the left", "man on the left"),
        ("remove the noise from the photo", None),
        ("remove the haze in the room", None),
        ("make the colours of this picture nicer", None),
    ],
)
def test_a_named_part_is_never_the_whole_photo(text: str, region: str | None) -> None:
    [step] = plan(text).steps
    assert isinstance(step, RestoreCall)
    assert (step.region.text if step.region else None) == region


def test_each_named_part_keeps_its_own_task() -> None:
    steps = plan("make the man on the left sharper and the sky less noisy").steps
    assert set(steps) == {
        RestoreCall("deblur", TextRegion("man on the left")), RestoreCall("denoise", TextRegion("sky")),
    }  # fmt: skip


def parts(text: str, last: LastChange | None = None) -> list[tuple[str, str | None]]:
    """The tasks of a request with the parts of the photo that they are for."""
    steps = plan(text, last=last).steps
    return [
        (s.task if isinstance(s, RestoreCall) else str(s.settings), s.region.text if s.region else None)
        for s in steps
        if isinstance(s, RestoreCall | AdjustCall)
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("denoise the sky and brighten the person", [("denoise", "sky"), ("low_light", "person")]),
        ("brighten the person, denoise the sky", [("denoise", "sky"), ("low_light", "person")]),
        ("denoise the sky, denoise the person", [("denoise", "sky"), ("denoise", "person")]),
        ("first brighten the person, then denoise the sky", [("low_light", "person"), ("denoise", "sky")]),
        ("denoise the sky and the person", [("denoise", "sky and the person")]),
        ("denoise the sky, the person and the car", [("denoise", "sky and the person and the car")]),
        ("sharpen and denoise it, but only the sky", [("denoise", "sky"), ("deblur", "sky")]),
        ("remove the rain and brighten the face", [("low_light", "face"), ("derain", None)]),
        ("make the sky darker and the grass more saturated",
         [("{'exposure': -0.5}", "sky"), ("{'saturation': 0.5}", "grass")]),
        ("denoise only here", [("denoise", "here")]),
        ("brighten this part", [("low_light", "here")]),
        ("its way too dark in here", [("low_light", None)]),
        ("remove the person and the car", [("inpaint", "person and the car")]),
        ("remove the rain and the person", [("inpaint", "person"), ("derain", None)]),
        ("remove the person and the rain", [("inpaint", "person"), ("derain", None)]),
        ("remove the noise in the sky", [("denoise", "sky")]),
        ("don't remove the person", []),
    ],
)  # fmt: skip
def test_each_part_of_the_photo_has_its_tasks(text: str, wanted: list[tuple[str, str | None]]) -> None:
    assert parts(text) == wanted


LAST = LastChange(VersionId("v0"), (RestoreCall("denoise", strength=0.5),))


@pytest.mark.parametrize(
    ("text", "region", "instead"),
    [
        ("the same, but only here", "here", True),
        ("only here please", "here", True),
        ("but only the sky", "sky", True),
        ("the same, but not the sky", "everything but the sky", True),
        ("not here", "everything but here", True),
        ("the rest too", None, True),
        ("and do the rest of the photo as well", None, True),
        ("everywhere else too", None, True),
        ("apply it to the whole photo", None, True),
        ("the person too", "person", False),
        ("and the same for the person on the left", "person on the left", False),
        ("also the sky, please", "sky", False),
        ("do the same here", "here", False),
    ],
)
def test_the_last_change_is_repeated_elsewhere(text: str, region: str | None, instead: bool) -> None:
    [step] = plan(text, last=LAST).steps
    part = None if region is None else TextRegion(region)
    assert step == RestoreCall("denoise", part, strength=0.5, version=LAST.base if instead else None)


def test_several_changes_are_repeated_one_after_the_other() -> None:
    last = LastChange(LAST.base, (RestoreCall("denoise"), AdjustCall({"exposure": 0.5})))
    here = TextRegion("here")
    assert plan("only here", last=last).steps == (
        RestoreCall("denoise", here, version=LAST.base), AdjustCall({"exposure": 0.5}, here),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["the same as the man said", "the sky", "the man on the left"])
def test_other_words_repeat_nothing(text: str) -> None:
    assert plan(text, last=LAST).steps == ()


def test_without_a_document_the_conversation_tells_what_was_changed() -> None:
    labels = tuple(VersionLabel(VersionId(f"v{k}")) for k in range(3))
    turns = [PastTurn("user", "denoise"), PastTurn("assistant", "", (RestoreCall("denoise"),), labels)]
    assert plan("only the sky", turns).steps == (RestoreCall("denoise", TextRegion("sky"), version=VersionId("v1")),)
    turns += [PastTurn("user", "undo"), PastTurn("assistant", "", (UndoCall(),), labels)]
    assert plan("only the sky", turns).steps == ()


SELECTED = (PastTurn("assistant", "Selected.", (SelectRegionCall(TextRegion("sky")),), VERSIONS),)


@pytest.mark.parametrize(
    ("text", "task", "region"),
    [
        ("brighten only that", "low_light", "sky"),
        ("denoise just that part", "denoise", "sky"),
        ("sharpen it a bit", "deblur", "sky"),
        ("make that less noisy", "denoise", "sky"),
        ("denoise only the car", "denoise", "car"),
        ("remove the rain", "derain", None),
        ("fix it", "auto", None),
    ],
)
def test_that_means_the_part_that_was_just_selected(text: str, task: str, region: str | None) -> None:
    [call] = plan(text, SELECTED).steps
    assert isinstance(call, RestoreCall)
    assert (call.task, call.region and call.region.text) == (task, region)
    changed = PastTurn("assistant", "Done.", (RestoreCall("derain"),), VERSIONS)
    later = plan(text, (*SELECTED, changed)).steps
    assert not any(isinstance(c, RestoreCall) and c.region == TextRegion("sky") for c in later)


def test_there_is_nothing_to_repeat_before_the_first_change() -> None:
    assert "nothing to repeat" in english(plan("the same, but only here").reply)
    filled = LastChange(LAST.base, (RestoreCall("inpaint"),))
    assert "nothing to repeat" in english(plan("the rest too", last=filled).reply)
    assert parts("the person too", filled) == [("inpaint", "person")]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("is this part still noisy?", DetectCall("noise", region=TextRegion("here"))),
        ("how noisy is the sky?", DetectCall("noise", region=TextRegion("sky"))),
        ("what is wrong with the face?", DetectCall(region=TextRegion("face"))),
        ("how good is the sky?", AssessCall(region=TextRegion("sky"))),
        ("which version is the best?", AssessCall()),
        ("what is the score of the original?", AssessCall()),
    ],
)
def test_a_question_may_be_about_a_part(text: str, call: DetectCall | AssessCall) -> None:
    assert plan(text).steps == (call,)


@pytest.mark.parametrize(
    "text",
    [
        "and " * 500,
        "the same but " * 150,
        "the rest " * 200,
        "same too " * 200,
        "denoise the cars" + " and the cars" * 150,
    ],
)
def test_long_rows_of_words_are_read_quickly(text: str) -> None:
    assert plan(text, last=LAST).reply or plan(text, last=LAST).steps


@pytest.mark.parametrize("text", ["is it better now?", "is that better?", "Is it good?"])
def test_a_question_whether_it_is_better_is_no_praise(text: str) -> None:
    assert plan(text, PAST).steps == (AssessCall(),)


@pytest.mark.parametrize("text", ["how much of the photo is sky?", "What share of this picture is the sky?"])
def test_how_large_a_part_is_says_its_selection(text: str) -> None:
    assert plan(text).steps == (SelectRegionCall(TextRegion("sky")),)


@pytest.mark.parametrize(
    "text",
    ["describe the photo", "what do you see?", "what's in this picture?", "caption this", "who is in the photo?"],
)
def test_what_a_photo_shows_is_described(text: str) -> None:
    assert plan(text).steps == (DescribeCall(content=True),)


def test_an_object_to_be_removed_is_filled_in() -> None:
    found = RestoreCall("inpaint", TextRegion("person in the background"))
    assert plan("remove the person in the background").steps == (found,)


@pytest.mark.parametrize(
    "text",
    ["fix it", "Auto", "auto-fix, please", "make it better", "make the photo look better", "improve this picture",
     "can you fix all the problems?", "restore it automatically", "cleanup this mess pls"],
)  # fmt: skip
def test_a_request_that_leaves_the_choice_is_for_auto(text: str) -> None:
    assert plan(text).steps == (RestoreCall("auto"),)


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
def test_strength_is_set_only_where_the_words_say_how_much(text: str, strength: float | None) -> None:
    assert plan(text).steps == (RestoreCall("denoise", strength=strength),)


def test_a_named_method_is_taken_for_its_own_task_only() -> None:
    steps = plan("dehaze with maxim-dehazing-indoor and denoise").steps
    assert steps == (RestoreCall("denoise"), RestoreCall("dehaze", method="maxim-dehazing-indoor"))


def test_a_method_of_many_tasks_is_taken_for_each() -> None:
    steps = plan("denoise and remove the rain with clarity-all").steps
    assert steps == (RestoreCall("denoise", method="clarity-all"), RestoreCall("derain", method="clarity-all"))


def test_the_quick_model_is_the_quick_one() -> None:
    assert plan("use the fast model to remove noise").steps == (RestoreCall("denoise", method="clarity-all"),)


def test_a_method_that_does_not_exist_is_named_in_the_reply() -> None:
    found = plan("dehaze with prenet-x")
    assert found.steps == (RestoreCall("dehaze"),)
    assert "prenet-x" in english(found.reply)


def test_a_method_is_not_run_for_a_task_that_it_does_not_do() -> None:
    found = plan("deblur with clarity-all")
    assert found.steps == (RestoreCall("deblur"),)
    assert "clarity-all is for other tasks" in english(found.reply)
    assert plan("use maxim-deraining").steps == (RestoreCall("derain", method="maxim-deraining"),)
    assert plan("run clarity-all").steps == ()


def test_haze_in_a_room_is_given_to_the_indoor_network() -> None:
    assert plan("remove the haze in the room").steps == (RestoreCall("dehaze", method="maxim-dehazing-indoor"),)


@pytest.mark.parametrize("task", TASKS)
def test_the_title_of_a_task_asks_for_it(task: Task) -> None:
    assert plan(english(task_title(task))).steps == (RestoreCall(task),)


# Looking -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("how good is it?", "assess"),
        ("score it", "assess"),
        ("what is wrong with this picture?", "detect"),
        ("What's wrong with it", "detect"),
        ("can you tell me what is wrong with the colours?", "detect"),
        ("why are the colours so dull?", "detect"),
        ("what part is wrong with it?", "detect"),
        ("is it ok like that?", "detect"),
        ("any problems?", "detect"),
        ("what should I do?", "detect"),
        ("what do you suggest?", "detect"),
        ("what did you do?", "describe"),
        ("how big is the photo?", "describe"),
        ("just tell me what is wrong, don't change anything", "detect"),
        ("where is the dog?", "find"),
        ("show me the noise", "detect"),
        ("would it help to denoise it?", "detect"),
        ("should I denoise it?", "detect"),
        ("what happens if I denoise it?", "detect"),
        ("what is the difference?", "compare"),
    ],
)
def test_a_request_about_a_photo_never_changes_it(text: str, tool: str) -> None:
    assert tools(text) == [tool]
    assert tool in LOOK_ONLY


@pytest.mark.parametrize(
    ("text", "degradation"),
    [("is it noisy?", "noise"), ("how much noise is there?", "noise"), ("why is it so dark?", "low-light")],
)
def test_a_question_about_one_degradation_is_about_that_one(text: str, degradation: str) -> None:
    assert plan(text).steps == (DetectCall(degradation),)


def test_a_question_may_be_followed_by_a_request() -> None:
    assert tools("what is wrong? fix it") == ["detect", "restore"]
    assert plan("where is the red car?").steps == (FindCall(TextRegion("red car")),)


# History, transforms, files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("undo that", ["undo"]),
        ("undo all of that", ["undo"]),
        ("redo", ["redo"]),
        ("compare", ["compare"]),
        ("show me before and after", ["compare"]),
        ("back to the original", ["go_to"]),
        ("blend the original and this one half and half", ["fuse"]),
        ("combine the best of both versions", ["fuse"]),
        ("don't undo it", []),
        ("go back two steps", ["undo", "undo"]),
        ("go back two versions", ["undo", "undo"]),
        ("three versions back please", ["undo"] * 3),
        ("undo the last 4 changes", ["undo"] * 4),
        ("undo the last three", ["undo"] * 3),
        ("undo it twice", ["undo", "undo"]),
        ("go back one step", ["undo"]),
        ("redo two steps", ["redo", "redo"]),
        ("undo 9999 steps", ["undo"] * 20),
        ("undo 0 steps", ["undo"]),
        ("undo everything", ["go_to"]),
        ("take back the last step", ["undo"]),
        ("start over and denoise", ["go_to", "restore"]),
    ],
)
def test_moves_in_the_history_are_understood(text: str, wanted: list[str]) -> None:
    assert tools(text) == wanted


@pytest.mark.parametrize("phrase", ["a bit more ", "please now ", "thank you very much ", "fix it up all ", "hey hi "])
def test_a_long_row_of_phrases_is_read_in_no_time(phrase: str) -> None:
    before = time.process_time()
    plan(phrase * 40 + "xyzzy")
    plan("denoise " + phrase * 40 + "xyzzy")
    assert time.process_time() - before < 5  # 0.1 s; “a bit more” took twice as long with each repetition


def test_undoing_a_restoration_does_not_run_it_again() -> None:
    assert plan("undo the denoising").steps == (UndoCall("denoise"),)
    assert plan("undo the denoising and the sharpening").steps == (UndoCall("denoise"),)
    assert plan("remove the denoising").steps == (UndoCall("denoise"),)
    assert plan("cancel the denoising").steps == (UndoCall("denoise"),)
    assert plan("delete the denoised version").steps == (UndoCall("denoise"),)
    assert plan("undo that and dehaze instead").steps == (UndoCall(), RestoreCall("dehaze"))


@pytest.mark.parametrize(
    "text",
    ["put the rain back", "bring back the rain", "bring the rain back", "add the rain back", "I want the rain back"],
)
def test_what_was_removed_is_brought_back_by_undoing_the_step(text: str) -> None:
    assert plan(text).steps == (UndoCall("derain"),)


@pytest.mark.parametrize(
    ("text", "setting", "sign"),
    [
        ("deepen the shadows", "shadows", -1),
        ("the shadows are too bright", "shadows", -1),
        ("the shadows are too dark", "shadows", 1),
        ("the colors are too strong", "saturation", -1),
        ("make the colours less vivid", "saturation", -1),
        ("it is too saturated", "saturation", -1),
        ("turn down the contrast", "contrast", -1),
        ("too little contrast", "contrast", 1),
    ],
)
def test_light_and_color_change_in_the_direction_that_is_asked_for(text: str, setting: str, sign: int) -> None:
    [step] = plan(text).steps
    assert isinstance(step, AdjustCall)
    assert {name: value > 0 for name, value in (step.settings or {}).items()} == {setting: sign > 0}


def test_a_version_is_shown_by_its_number() -> None:
    assert plan("show me version 2", PAST).steps == (GoToCall(VersionId("b")),)
    assert plan("show me version 9", PAST) == Plan(reply=Message("chat.no_such_version", {"number": 9}))


def test_a_complaint_asks_before_it_undoes() -> None:
    for text in ("i dont like that", "that looks worse than before"):
        found = plan(text)
        assert found.steps == (UndoCall(),)
        assert found.question


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("rotate it left", TransformSettings(rotate=270)),
        ("turn the photo upside down", None),
        ("rotate by 180 degrees", TransformSettings(rotate=180)),
        ("flip it", TransformSettings(flip="horizontal")),
        ("crop it to a square", TransformSettings(crop="1:1")),
        ("crop to 16:9", TransformSettings(crop="16:9")),
        ("straighten it by -2 degrees", TransformSettings(straighten=-2.0)),
    ],
)
def test_transforms_are_understood(text: str, settings: TransformSettings | None) -> None:
    assert plan(text).steps == (TransformCall(settings or TransformSettings(rotate=180)),)


def test_export_and_adjustments_are_understood() -> None:
    assert plan("save it as jpg").steps == (ExportCall("jpeg"),)
    assert plan("make it black and white").steps == (AdjustCall({"black_and_white": True}),)
    assert plan("a bit warmer").steps == (AdjustCall({"temperature": 0.4}, strength=0.4),)
    assert plan("white balance is off").steps == (AdjustCall({"temperature": None}),)


# What is no request --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["help", "?", "what can you do?"])
def test_help_lists_requests(text: str) -> None:
    assert plan(text).reply == HELP


@pytest.mark.parametrize("text", ["", "🦆", "x" * 5000])
def test_an_unknown_request_is_reported_and_changes_nothing(text: str) -> None:
    assert plan(text) == Plan(reply=UNKNOWN)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("make me a sandwich", "chat.off_topic"),
        ("what's the capital of France", "chat.off_topic"),
        ("what's the weather like today?", "chat.off_topic"),
        ("hi", "chat.greeting"),
        ("thanks!", "chat.welcome"),
        ("colorize this photo", "chat.no_colorize"),
        ("entferne das Rauschen", "chat.english_only"),
        ("a bit less please", "chat.follow_up"),
        ("stronger", "chat.follow_up"),
        ("do the same again", "chat.follow_up"),
        ("I like the rain, leave it", "chat.nothing_changed"),
    ],
)
def test_what_cannot_be_done_gets_its_own_answer(text: str, wanted: str) -> None:
    assert plan(text).steps == ()
    assert key(text) == wanted


# The schema and the word lists ---------------------------------------------------------------------------------------


def test_every_step_has_the_keys_of_the_command_line() -> None:
    [step] = plan_to_json(plan("denoise only the sky by 40%"))["steps"]
    assert step == {
        "tool": "restore", "task": "denoise", "region": {"kind": "text", "text": "sky"}, "method": None,
        "strength": 0.4, "version": None,
    }  # fmt: skip
    assert plan_to_json(plan("undo"))["steps"] == [
        {"tool": "undo", "task": None, "region": None, "method": None, "strength": None, "version": None}
    ]


@pytest.mark.parametrize(
    "text",
    ["denoise only the sky by 40%", "undo the denoising", "compare", "rotate it left", "make it warmer",
     "save it as jpg", "fix it", "is it noisy?", "where is the dog?", "merge them"],
)  # fmt: skip
def test_a_plan_survives_its_json_form(text: str) -> None:
    found = plan(text)
    assert found.steps
    assert plan_from_json(plan_to_json(found)).steps == found.steps


@pytest.mark.parametrize(
    "stored",
    [{"tool": "format_disk"}, {"tool": "restore"}, {"tool": "restore", "task": "denoise", "strength": 3}, [], None,
     {"tool": "undo", "path": "/etc"}, {"tool": "restore", "task": "denoise", "strength": "much"}],
)  # fmt: skip
def test_a_step_from_outside_is_checked(stored: object) -> None:
    with pytest.raises(UserError, match="not valid"):
        from_json(stored)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("restore", '{"task": "denoise", "version": "../photo.png"}'),
        ("restore", '{"task": "denoise", "version": "C:\\\\photo.png"}'),
        ("restore", '{"task": "denoise", "method": "../x"}'),
        ("restore", '{"task": "denoise", "strength": NaN}'),
        ("restore", '{"task": "denoise"'),
        ("restore", "[]"),
        ("adjust", '{"settings": {"exposure": 40}}'),
        ("adjust", '{"settings": {"exposure": true}}'),
        ("adjust", '{"settings": {"fly": 1}}'),
        ("transform", '{"settings": {"crop": "0:1"}}'),
        ("export", '{"format": "../a.png"}'),
        ("ask_user", '{"question": " "}'),
        ("find", '{"region": ""}'),
        ("undo", '{"tool": "redo"}'),
        ("format_disk", "{}"),
    ],
)
def test_a_function_call_of_a_model_is_checked(tool: str, arguments: str) -> None:
    with pytest.raises(UserError, match="not valid"):
        from_function(tool, arguments)


def test_functions_describe_every_tool_without_references() -> None:
    described = [entry["function"] for entry in functions()]
    assert tuple(entry["name"] for entry in described) == TOOLS
    assert "$ref" not in json.dumps(described)
    assert all(entry["description"] and entry["parameters"]["type"] == "object" for entry in described)
    assert from_function("restore", '{"task": "denoise", "region": "the sky"}') == RestoreCall(
        "denoise", TextRegion("the sky")
    )
    assert from_function("undo", "") == UndoCall()


def test_the_schema_has_all_tools() -> None:
    assert TOOLS == (
        "assess", "detect", "find", "select_region", "restore", "adjust", "transform", "compare", "fuse", "go_to",
        "undo", "redo", "export", "describe", "ask_user",
    )  # fmt: skip
    assert set(TASKS) == set(ORDER)


def test_the_word_lists_have_the_form_that_the_planner_reads() -> None:
    lists = words.lists()
    assert set(lists["tasks"]) <= set(TASKS)
    for groups in lists["tasks"].values():
        assert set(groups) <= {"verbs", "things", "goals"}
    for entry in lists["adjustments"]:
        assert set(entry) == {"setting", "sign", "words"}
    for phrase in _strings(lists):
        assert phrase == phrase.lower().strip()
        assert re.compile(words.regex([phrase]))


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [s for v in value.values() for s in _strings(v)]
    if isinstance(value, list):
        return [s for v in value for s in _strings(v)]
    return [value] if isinstance(value, str) else []


def test_every_call_is_a_tool_call() -> None:
    step: ToolCall = UndoCall()
    assert from_json(to_json(step)) == step


@pytest.mark.parametrize(
    ("text", "task", "setting"),
    [
        ("remove the rain and make it warmer", "derain", "temperature"),
        ("remove the noise and make it black and white", "denoise", "black_and_white"),
    ],
)
def test_a_restoration_and_an_adjustment_in_one_clause_are_both_done(text: str, task: str, setting: str):
    restored, adjusted = plan(text).steps
    assert isinstance(restored, RestoreCall)
    assert restored.task == task
    assert isinstance(adjusted, AdjustCall)
    assert list(adjusted.settings or {}) == [setting]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("make the castle brighter", ["castle"]),  # a noun of no list
        ("the hat should be darker", ["hat"]),
        ("the sky: more contrast", ["sky"]),
        ("face: sharper", ["face"]),
        ("lighten the dark part", ["dark part"]),
        ("darken the bright area top right", ["bright area top right"]),
        ("brighten the shadowy area", ["dark area"]),
        ("denoise the noisy part", ["noisy part"]),
        ("fix the blurry area", ["blurry area"]),
        ("make the dark part on the left brighter", ["dark part on the left"]),
        ("remove the rain everywhere but here", [NOT_HERE]),
        ("remove the rain, but leave the selection alone", [NOT_HERE]),
        ("don't touch the selection, denoise the rest", [NOT_HERE]),
        ("brighten everything outside the selection", [NOT_HERE]),
        ("sharpen only the selection", [HERE]),
        ("the dog is blurry, sharpen it and make it brighter", ["dog", "dog"]),
        ("The dog is blurry. Sharpen it.", ["dog"]),
        ("the blur is only on the dog, sharpen him", ["dog"]),
        ("there's a guy under the bridge, give him more light", ["guy under the bridge"]),
        ("remove the man and make it brighter", ["man", None]),
        ("the shadow on the wall should go and it's also a bit noisy", [None, "wall"]),
        ("the wires in the sky, get them out", ["wires in the sky"]),
        ("the lamp post throws a shadow over the pavement", ["pavement"]),
        ("it is dark, make it brighter", [None]),
        ("give me the strongest dehazing you have", [None]),
        ("old and noisy", [None]),
    ],
)
def test_the_part_that_is_meant(text: str, parts: list[str | None]) -> None:
    regions = [step.region for step in plan(text).steps if isinstance(step, RestoreCall | AdjustCall)]
    assert [getattr(region, "text", None) for region in regions] == parts


@pytest.mark.parametrize("text", ["make the shadow on the left brighter", "the shadows on the left are too dark"])
def test_a_shadow_that_is_to_be_brighter_is_a_tone(text: str) -> None:
    assert plan(text).steps == (AdjustCall({"shadows": 0.5}, TextRegion("left")),)


@pytest.mark.parametrize(
    ("text", "setting", "sign"),
    [
        ("half a stop darker", "exposure", -1),
        ("not warm enough", "temperature", 1),
        ("not dark enough", "exposure", -1),
    ],
)
def test_how_much_light_and_color_is_wanted(text: str, setting: str, sign: int) -> None:
    [call] = plan(text).steps
    assert isinstance(call, AdjustCall)
    [(name, value)] = (call.settings or {}).items()
    assert name == setting
    assert value is not None
    assert value * sign > 0


def test_a_method_behind_a_comma_is_that_of_the_change_before_it() -> None:
    [call] = plan("remove the rain, but with the fast one").steps
    assert call == RestoreCall("derain", method="clarity-all")


@pytest.mark.parametrize("text", ["why so grainy :( fix pls", "could the noise be gone?", "I'd like the noise removed"])
def test_requests_that_look_like_questions_or_praise(text: str) -> None:
    assert plan(text).steps == (RestoreCall("denoise"),)


def test_a_leaning_tower_is_straightened_once() -> None:
    assert plan("tower leans, make it stand upright").steps == (TransformCall(),)


@pytest.mark.parametrize(
    "text",
    ["ｒｅｍｏｖｅ the rain", "re\u200dmove the ra\u200bin", "remove \u202ethe rain\u202c", "\ufeffremove the rain"],
)
def test_unseen_marks_and_other_forms_of_letters_change_nothing(text: str) -> None:
    assert plan(text).steps == (RestoreCall("derain"),)


@pytest.mark.parametrize(
    "word", ["very ", "far ", "the ", "and ", "not ", "everything but ", "make the shadow on the left "]
)
def test_a_long_row_of_the_same_words_is_read(word: str) -> None:
    # Where a pattern can divide such a row in many ways, this does not end.
    assert plan(f"could the {500 * word}be gone").reply is not None


RESULTS = tuple(
    VersionLabel(VersionId(f"v{k}"), label)
    for k, label in enumerate(("Original", "derain (prenet)", "derain (maxim-deraining)", "derain (clarity-all)"))
)


@pytest.mark.parametrize(
    ("text", "version", "part"),
    [
        ("use the second for the sky", "v2", "sky"),
        ("take the sky from version 2", "v2", "sky"),
        ("the sky from 3", "v3", "sky"),
        ("use the sky of the third result", "v3", "sky"),
        ("keep the person on the left from the second one", "v2", "person on the left"),
        ("use the original for the face", "v0", "face"),
        ("restore the face from the original", "v0", "face"),
        ("put the sky of number 2 into this one", "v2", "sky"),
        ("replace the sky with the one from version 3", "v3", "sky"),
        ("use the second one's sky", "v2", "sky"),
        ("paste the sky from 2", "v2", "sky"),
        ("use version 2 in the upper half", "v2", "upper"),
        ("take the dark parts from version 3", "v3", "dark parts"),
        ("sky from 2, please", "v2", "sky"),
    ],
)
def test_a_part_comes_from_another_version(text: str, version: str, part: str) -> None:
    shown = PastTurn("assistant", "", (RestoreCall("derain"),), RESULTS, VersionId("v1"))
    [call] = plan(text, [PastTurn("user", "remove the rain"), shown]).steps
    assert isinstance(call, FuseCall)
    assert (call.versions, call.region) == ((VersionId(version),), TextRegion(part))


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("blend 1 and 3", ["v1", "v3"]),
        ("could you blend versions 1 and 3?", ["v1", "v3"]),
        ("merge #1, #2 and #3", ["v1", "v2", "v3"]),
        ("average 2 and 3", ["v2", "v3"]),
        ("fuse the last 2", ["v2", "v3"]),
        ("merge the best of them", ["v1", "v2", "v3"]),
        ("give me the best of all of them", ["v1", "v2", "v3"]),
        ("combine the prenet and the maxim result", ["v1", "v2"]),
    ],
)
def test_versions_that_are_named_become_one(text: str, versions: list[str]) -> None:
    shown = PastTurn("assistant", "", (RestoreCall("derain"),), RESULTS, VersionId("v1"))
    [call] = plan(text, [PastTurn("user", "remove the rain"), shown]).steps
    assert isinstance(call, FuseCall)
    assert (call.versions, call.region) == (tuple(versions), None)


def test_two_parts_come_from_two_versions() -> None:
    shown = PastTurn("assistant", "", (RestoreCall("derain"),), RESULTS, VersionId("v1"))
    [call] = plan("use 2 for the sky and 3 for the rest", [shown]).steps
    assert call == FuseCall((VersionId("v3"), VersionId("v2")), region=TextRegion("sky"))


@pytest.mark.parametrize(
    ("text", "reply"), [("don't merge them", "chat.nothing_changed"), ("blend 1 and 7", "chat.no_such_version")]
)
def test_what_cannot_become_one_changes_nothing(text: str, reply: str) -> None:
    found = plan(text, [PastTurn("assistant", versions=RESULTS, shown=VersionId("v1"))])
    assert found.steps == ()
    assert isinstance(found.reply, Message)
    assert found.reply.key == reply


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("blend 1 and 3", FuseCall((VersionId("b"), VersionId("d")))),
        ("use the second for the sky", FuseCall((VersionId("c"),), region=TextRegion("sky"))),
        ("use the second result for the sky", FuseCall((VersionId("d"),), region=TextRegion("sky"))),
        ("merge them", FuseCall((VersionId("c"), VersionId("d")))),
        ("blend 1 and 4", None),
    ],
)
def test_numbers_are_those_that_the_compare_view_shows(text: str, wanted: FuseCall | None) -> None:
    versions = [
        VersionLabel(VersionId(v), v, VersionId(p.strip()) or None) for v, p in zip("abcd", " abb", strict=True)
    ]
    now = PastTurn("assistant", versions=tuple(versions), shown=VersionId("b"), numbered=tuple(map(VersionId, "bcd")))
    assert plan(text, [now]).steps == ((wanted,) if wanted else ())


@pytest.mark.parametrize("text", ["use version 3 for the sky", "take the face from the third result"])
def test_a_part_of_the_version_that_is_shown_is_there_already(text: str) -> None:
    found = plan(text, [PastTurn("assistant", "", (), RESULTS, VersionId("v3"))])
    assert found.steps == ()
    assert "is the version that is shown" in english(found.reply)


def test_they_are_those_with_a_star_and_none_that_was_rejected() -> None:
    def fused(**marks: tuple[VersionId, ...]) -> tuple[VersionId, ...] | None:
        [call] = plan(
            "merge the best of them", [PastTurn("assistant", "", (), RESULTS, VersionId("v0"), **marks)]
        ).steps
        assert isinstance(call, FuseCall)
        return call.versions

    assert fused(starred=(VersionId("v1"), VersionId("v3"))) == ("v1", "v3")
    assert fused(rejected=(VersionId("v2"),)) == ("v1", "v3")


@pytest.mark.parametrize(
    ("text", "starred", "wanted"),
    [
        ("combine the two best", "", "v1 v3"),
        ("merge the best two results", "", "v1 v3"),
        ("blend the top three", "", "v1 v2 v3"),
        ("fuse the 2 best versions", "v2", "v1 v2"),
        ("combine the last two", "", "v2 v3"),
    ],
)
def test_the_best_results_are_those_with_a_star_and_then_by_score(text: str, starred: str, wanted: str) -> None:
    versions = tuple(replace(v, score=score) for v, score in zip(RESULTS, (90.0, 60.0, 40.0, 50.0), strict=True))
    marked = tuple(map(VersionId, starred.split()))
    now = PastTurn("assistant", "", (), versions, VersionId("v0"), starred=marked)
    assert plan(text, [now]).steps == (FuseCall(tuple(map(VersionId, wanted.split()))),)


@pytest.mark.parametrize(
    "text", ["use the second one", "use version 2 for the next step", "use the second for denoising"]
)
def test_a_version_that_is_used_for_no_part_is_not_merged(text: str) -> None:
    shown = PastTurn("assistant", "", (RestoreCall("derain"),), RESULTS, VersionId("v1"))
    steps = plan(text, [PastTurn("user", "remove the rain"), shown]).steps
    assert not any(isinstance(step, FuseCall) for step in steps)


def test_what_looks_like_plastic_is_done_again_and_what_came_after_it_too() -> None:
    steps = (RestoreCall("denoise", strength=0.8), RestoreCall("low_light", strength=0.4))
    shown = PastTurn("assistant", "Done.", steps, RESULTS[:3], RESULTS[2].id)
    assert plan("now it looks plastic", [PastTurn("user", "denoise and brighten it"), shown]).steps == (
        RestoreCall("denoise", strength=0.4, version=RESULTS[0].id),
        RestoreCall("low_light", strength=0.4),
    )


@pytest.mark.parametrize("text", ["is it brighter than before?", "was it noisier than before", "is it worse now?"])
def test_a_question_about_the_last_change_takes_nothing_back(text: str) -> None:
    shown = PastTurn("assistant", "Done.", (RestoreCall("low_light"),), RESULTS[:2], RESULTS[1].id)
    found = plan(text, [PastTurn("user", "brighten it"), shown])
    assert found.steps
    assert {step.tool for step in found.steps} <= LOOK_ONLY


def test_a_request_may_take_itself_back() -> None:
    assert plan("remove the rain, no wait, the snow").steps == (RestoreCall("desnow"),)
