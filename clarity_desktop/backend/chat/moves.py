"""Undo, redo and moves to a version that a clause asks for."""

from __future__ import annotations

import re

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import Mention, mentions_in
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import GoToCall, RedoCall, ToolCall, UndoCall
from clarity_desktop.values import Task

MAX_MOVES = 20
"""Undo or redo steps of one request; whoever wants more opens the version itself."""


def history_call(clause: str) -> ToolCall | None:
    if words.ending("negation", "refuse", within=1).search(clause[: first_in(clause, "undo")]):
        return None
    if re.fullmatch(r"\W*(?:please |no |nope )?(?:go |and )?back(?: again| please| then)?\W*", clause):
        return UndoCall()
    if words.pattern("history", "redo").search(clause):
        return RedoCall()
    original = words.pattern("history", "original").search(clause)
    if original and not any(m.asked for m in mentions_in(clause)):
        return GoToCall()
    if words.pattern("history", "all").search(clause):
        return GoToCall()
    steps: list[Task] = [
        m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord) and _is_step(clause, m)
    ]
    if steps:
        return UndoCall(steps[0])
    wanted: list[Task] = [
        m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord) and _comes_back(clause, m)
    ]
    if wanted:
        return UndoCall(wanted[0])
    if words.pattern("history", "undo").search(clause):
        named: list[Task] = [m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord)]
        return UndoCall(named[0] if named else None)
    return None


def asks_step_undone(clause: str) -> bool:
    """Whether a clause wants a step to be undone, not a version to be shown: "delete the denoised version"."""
    return any(_is_step(clause, m) or _comes_back(clause, m) for m in mentions_in(clause))


def count_in(clause: str) -> int:
    """How many steps an undo or redo goes: 2 for "undo twice", "go back two versions", "undo the last 2 changes"."""
    if words.pattern("history", "twice").search(clause):
        return 2
    numbers, steps = words.lists()["history"]["numbers"], words.regex(words.phrases("history", "steps"), clause)
    counted = re.search(rf"\b({'|'.join(numbers)}|\d{{1,4}})\s+(?:more\s+|last\s+)?(?:{steps})", clause)
    counted = counted or re.search(rf"\blast\s+({'|'.join(numbers)}|\d{{1,4}})\b", clause)
    return min(max(1, numbers.get(counted[1]) or int(counted[1])), MAX_MOVES) if counted else 1


def _is_step(clause: str, mention: Mention) -> bool:
    """Whether a mention is a step that is to be removed: "remove the denoising", "delete the denoised version"."""
    result = re.match(rf"\s+(?:{words.regex(words.phrases('history', 'results'), clause)})", clause[mention.end :])
    return (clause[: mention.end].endswith("ing") or result is not None) and bool(
        isinstance(mention.word, TaskWord)
        and (mention.word.kind == "verb" or (result is not None and "step" in result[0]))
        and words.ending("history", "take_out", within=0).search(clause[: mention.start])
    )


def _comes_back(clause: str, mention: Mention) -> bool:
    """Whether a mention is something that a step removed and that is wanted again: "put the rain back"."""
    if not isinstance(mention.word, TaskWord) or mention.word.kind != "thing" or mention.word.task == "retouch":
        return False
    if re.match(r"\s+back\b(?! there)", clause[mention.end :]):
        return True
    return bool(words.ending("history", "bring_back", within=2).search(clause[: mention.start]))


def first_in(clause: str, name: str) -> int:
    at = words.pattern("history", name).search(clause)
    return at.start() if at else 0
