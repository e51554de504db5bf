"""Wording that no list has: the model of sentences and what the planner makes of it."""

from __future__ import annotations

import pytest

from clarity_desktop.backend.chat.hints import hint_for
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.sentence_model import intents_of
from clarity_desktop.backend.plan import LOOK_ONLY, RestoreCall


def test_a_sentence_is_like_examples_with_other_words() -> None:
    likely = intents_of("the number plate is a smear because the car was racing past")
    assert likely[0].name == "deblur"
    assert sum(intent.probability for intent in likely) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("text", ["", "?!", "a" * 3000])
def test_any_text_has_intents(text: str) -> None:
    assert intents_of(text)


def test_a_hint_restores() -> None:
    hint = hint_for("moths and mice nibbled at this old print and a corner was ripped off", Past(), asks=False)
    assert hint is not None
    assert hint.calls == (RestoreCall("inpaint"),)


def test_a_hint_at_a_question_changes_nothing() -> None:
    hint = hint_for("moths and mice nibbled at this old print and a corner was ripped off", Past(), asks=True)
    assert hint is not None
    assert {call.tool for call in hint.calls} <= LOOK_ONLY


@pytest.mark.parametrize(
    "text", ["don't repair the ripped corner of the print", "quoted is written on the ripped corner"]
)
def test_a_refusal_and_quoted_text_change_nothing(text: str) -> None:
    hint = hint_for(text, Past(), asks=False)
    assert hint is None or {call.tool for call in hint.calls} <= LOOK_ONLY
