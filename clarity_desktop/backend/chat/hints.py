"""What a request without any known wording means: by its likeness to example sentences, and carefully."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast, get_args

from clarity_desktop.backend.chat import remarks, versions
from clarity_desktop.backend.chat.calls import Read
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.sentence_model import intents_of
from clarity_desktop.backend.chat.speech import HELP, NOTHING
from clarity_desktop.backend.chat.spelling import QUOTED
from clarity_desktop.backend.chat.words import pattern
from clarity_desktop.backend.plan import (
    AdjustCall,
    Adjustment,
    AssessCall,
    DescribeCall,
    DetectCall,
    ExportCall,
    GoToCall,
    RedoCall,
    RestoreCall,
    ToolCall,
    TransformCall,
    TransformSettings,
    UndoCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import TASK_FOR, TASKS, Degradation, Task

SURE, SURE_OF_TASK, SURE_OF_CHANGE, SURER = 0.5, 0.55, 0.65, 0.7
"""Probabilities from which an answer is given, a restoration is run, and the photo is changed in other ways; and
from which the model is believed rather than a phrase of the lists."""
UNLIKELY = 0.15
"""Below it the model says that a phrase of the lists is wrong; then it is believed as soon as it is sure."""
_STATES_NOT = re.compile(
    r"\b(?:is|are|was|were|does|did|can|could|looks?|has|have|will|would) (?:\w+ )?not\b|\bcannot\b"
)
"""Says how something is: "the sea is not level". It refuses nothing."""
_DEGRADATION: Mapping[Task, Degradation] = {task: name for name, task in TASK_FOR.items()}
_LOOKS = ("detect", "assess", "describe_done", "describe_content", "describe_facts", "compare")
_AFTER_CHANGE = ("stronger", "weaker", "unnatural", "another", "worse", "again", "undo")
_REPLIES = {
    "help": HELP, "nothing": NOTHING, "praise": Message("chat.welcome"), "greeting": Message("chat.greeting"),
    "off_topic": Message("chat.off_topic"), "impossible": Message("chat.cannot"),
}  # fmt: skip


def hint_for(text: str, past: Past, *, asks: bool) -> Read | None:
    """What a text most likely means; None where nothing is likely. asks: it is a question, so nothing changes."""
    likely = next((intent for intent in intents_of(text) if _is_possible(intent.name, past)), None)
    if likely is None or likely.probability < SURE:
        return None
    name = likely.name
    if name in _LOOKS:
        return Read((_look(name, text, past),)) if asks or name != "detect" else None
    if name in _REPLIES:
        return Read(reply=_REPLIES[name])
    if name == "vague" and not asks:
        return Read(question=Message("chat.ask_change"))
    if name in TASKS and past.last and pattern("speech", "thanks").search(text) and likely.probability < SURER:
        return Read(reply=_REPLIES["praise"])
    # Text that is quoted is what the user talks about, and a refusal is no request.
    if (
        likely.probability < (SURE_OF_TASK if name in TASKS else SURE_OF_CHANGE)
        or QUOTED in text
        or pattern("negation", "refuse").search(_STATES_NOT.sub(" ", text))
    ):
        return None
    if asks:
        return Read((DetectCall(_DEGRADATION.get(name)),)) if name in TASKS else None
    calls = _changes(name, text, past)
    return Read(tuple(calls)) if calls else None


def likely_task(text: str, clue: Task) -> Task | None:
    """The task that indirect wording is about, of which a phrase of the lists says `clue`; None: about no task."""
    intents = intents_of(text)
    likely = next(iter(intents), None)
    if likely is None or len(text.split()) < 3:
        return clue
    own = next((intent.probability for intent in intents if intent.name == clue), 0.0)
    if likely.name in TASKS and likely.probability >= (SURE if own < UNLIKELY else SURER):
        return likely.name
    if likely.probability < SURER:
        return clue
    return None if likely.name in ("off_topic", "greeting") else clue


def _is_possible(name: str, past: Past) -> bool:
    return bool(past.last) or name not in _AFTER_CHANGE


def _look(name: str, text: str, past: Past) -> ToolCall:
    match name:
        case "detect":
            return DetectCall()
        case "assess":
            return AssessCall()
        case "compare":
            return versions.compare_in(text, past)
        case _:
            return DescribeCall(content=name == "describe_content")


def _changes(name: str, text: str, past: Past) -> list[ToolCall]:
    match name:
        case "stronger":
            return remarks.stronger(past)
        case "weaker" | "unnatural":
            return remarks.weaker(past)
        case "again":
            return remarks.again(past, None)
        case "another":
            return remarks.other_method(past)[0]
        case "worse" | "undo":
            return [UndoCall()]
        case "redo":
            return [RedoCall()]
        case "original":
            return [GoToCall()]
        case "fuse":
            found = versions.fuse_in(text, past)
            return [] if isinstance(found, int) else [found]
        case "export":
            return [ExportCall()]
        case "auto":
            return [RestoreCall("auto")]
        case "flip":
            return [TransformCall(TransformSettings(flip="horizontal"))]
        case "rotate" | "crop" | "straighten":
            return [TransformCall()]
        case _ if name in TASKS:
            return [RestoreCall(name)]
        case _:
            return _adjustment(name)


def _adjustment(name: str) -> list[ToolCall]:
    setting = name.rstrip("+-0")
    if setting == "black_and_white":
        return [AdjustCall({"black_and_white": True})]
    if setting not in get_args(Adjustment):
        return []
    amount = {"+": 0.5, "-": -0.5}.get(name[-1])
    return [AdjustCall({cast(Adjustment, setting): amount})]
