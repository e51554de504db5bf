"""Messages: English from keys and fields, lists, titles and sizes, and the stored form, which is not trusted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from clarity_desktop.messages import UserError
from clarity_desktop.text import (
    Message,
    conjunction,
    duration,
    english,
    enumeration,
    from_json,
    megapixels,
    messages,
    size,
    to_json,
)
from clarity_desktop.text.catalog import MODULES, templates
from clarity_desktop.titles import degradation_noun, degradation_title, step_title, task_title, version_title
from clarity_desktop.values import DEGRADATIONS, TASKS, Step, Version, VersionId


def test_fields_that_are_messages_are_rendered_first():
    weaker = Message("result.weaker", {"title": Message("result.denoise"), "strength": 0.6})
    assert english(weaker) == "Denoised (60%)"
    assert str(UserError(weaker)) == "Denoised (60%)"


def test_several_messages_are_sentences_in_a_row():
    assert english((Message("noun.noise"), Message("noun.haze"))) == "noise haze"
    assert english("as it is {written}") == "as it is {written}"


def test_lists_of_messages():
    parts = [Message(f"noun.{name}") for name in ("noise", "haze", "blur")]
    assert english(conjunction(parts[:1])) == "noise"
    assert english(conjunction(parts[:2])) == "noise and haze"
    assert english(conjunction(parts)) == "noise, haze and blur"
    assert english(enumeration(parts)) == "noise, haze, blur"


def test_a_long_list_is_rendered_and_survives_being_stored():
    few, many = [[str(k) for k in range(n)] for n in (100, 20_000)]
    assert english(conjunction(few)) == f"{', '.join(few[:-1])} and 99"
    assert english(enumeration(many)) == ", ".join(many)
    leaf = step_title(Step("restore", "derain", strength=0.5, region="r"))
    turn = (Message("chat.steps", {"steps": conjunction([leaf] * 12)}),)
    assert english(from_json(json.loads(json.dumps(to_json(turn))))) == english(turn)
    with pytest.raises(ValueError, match="nothing"):
        enumeration([])


def test_every_task_and_degradation_has_its_titles():
    for task in TASKS:
        assert english(task_title(task)) != f"task.{task}"
        assert english(step_title(Step("restore", task))) != "Changed"
    for degradation in DEGRADATIONS:
        assert "." not in english(degradation_title(degradation))
        assert "." not in english(degradation_noun(degradation))


@pytest.mark.parametrize(
    ("step", "title"),
    [
        (Step("open"), "Original"),
        (Step("crop"), "Cropped"),
        (Step("reset"), "Reset to original"),
        (Step("restore", "dehaze", "maxim"), "Dehazed"),
        (Step("restore", "denoise", "maxim", strength=0.5), "Denoised (50%)"),
        (Step("restore", "deblur", "maxim", region="r1"), "Deblurred (part)"),
        (Step("merge", region="r1"), "Part of another version"),
        (Step("of a later program"), "Changed"),
    ],
)
def test_titles_of_steps(step: Step, title: str):
    assert english(step_title(step)) == title


def test_titles_of_versions():
    def titled(**fields: Any) -> str:
        thumbnail = np.zeros((1, 1, 3), np.uint8)
        return english(version_title(Version(VersionId("v"), None, Step("crop"), width=1, height=1, time=0.0,
                                             thumbnail=thumbnail, **fields)))  # fmt: skip

    assert titled(name=None) == "Cropped"
    assert titled(name="For the {wall}") == "For the {wall}"
    assert titled(name="For the {wall}", rejected=True) == "Rejected: For the {wall}"


def test_durations_sizes_and_pixels():
    assert [english(duration(s)) for s in (0.2, 12, 89, 400, 5800)] == ["1 s", "12 s", "89 s", "7 min", "1.6 h"]
    assert [english(size(n)) for n in (0, 640, 57_000, 999_600, 1_240_000, 57_300_000, 1_430_000_000)] == [
        "0 bytes", "640 bytes", "57 kB", "1.0 MB", "1.2 MB", "57 MB", "1.4 GB",
    ]  # fmt: skip
    assert [english(megapixels(x)) for x in (24.2, 1.04, 0.05)] == ["24 MP", "1.0 MP", "0.05 MP"]


def test_texts_survive_being_stored():
    nested = conjunction([Message("noun.noise"), Message("noun.haze")])
    for text in ("words of the user", nested, (Message("task.derain"), nested)):
        assert english(from_json(json.loads(json.dumps(to_json(text))))) == english(text)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        3,
        {"key": 3},
        {"key": "no.such.key", "fields": {}},
        {"key": "result.weaker", "fields": []},
        {"key": "noun.noise", "fields": {"x": {"key": "no.such.key"}}},
        [[["nested"]]],
    ],
)
def test_stored_nonsense_is_an_empty_text_or_harmless(stored: Any):
    assert english(from_json(stored)) in {"", "noise"}


def test_deep_nesting_ends():
    stored: Any = {"key": "noun.noise", "fields": {}}
    for _ in range(100):
        stored = {"key": "list.and", "fields": {"first": stored, "second": "x"}}
    assert len(english(from_json(stored))) < 200


@pytest.mark.parametrize("fields", [{}, {"title": "Denoised"}, {"title": "Denoised", "strength": "much"}])
def test_a_stored_message_whose_fields_do_not_fit_its_template_is_empty(fields: dict[str, Any]):
    """A document of another version of the program, or a hostile one, may hold any fields."""
    assert from_json({"key": "result.weaker", "fields": fields}) == ""


def test_keys_begin_with_the_name_of_a_group_and_are_unique():
    assert sum(len(module.TEMPLATES) for module in MODULES) == len(templates())
    assert all("." in key for key in templates())


def test_texts_in_a_row_become_messages():
    one, two = Message("units.seconds", {"value": 3}), Message("units.minutes", {"value": 7})
    assert messages(one, (two, one), "", "a title") == (one, two, one, Message("chat.quoted", {"text": "a title"}))
    assert english(messages(one, "a title")) == "3 s a title"
    assert from_json(to_json(messages("a title"))) == messages("a title")
