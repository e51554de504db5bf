"""Checks what a reply says was done against what the program did."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import AdjustCall, ExportCall, RestoreCall, ToolCall, TransformCall
from clarity_desktop.text import Message, conjunction
from clarity_desktop.titles import task_title
from clarity_desktop.values import TASKS, Task

_CHANGED = (
    r"(?:(?:remov|restor|denois|derain|dehaz|deblurr|desnow|brighten|darken|lighten|sharpen|enhanc|improv|fix|clean"
    r"|correct|repair|upscal|enlarg|cropp|rotat|flipp|straighten|adjust|appli|process|edit|retouch|inpaint|reduc"
    r"|eliminat|clear|boost|increas|revert|reset|convert|warm|cool|merg|fus|combin|chang)ed|undone|undid|got rid of)"
)
_ADVERBS = r"(?: just| now| already| been| successfully| also| all| slightly| fully| completely)*"
_DONE = re.compile(
    rf"\b(?:i|we)(?:['’]ve| have)?{_ADVERBS} {_CHANGED}\b"
    rf"|\b(?:has|have|was|were){_ADVERBS} {_CHANGED}\b"
    rf"|\b(?:is|are) now(?: \w+)? {_CHANGED}\b|\b(?:is|are) now (?:\w+er|done|ready|finished|free of)\b"
    rf"|^(?:all )?(?:done|finished|completed)\b|^(?:successfully )?{_CHANGED} the\b",
    re.IGNORECASE,
)
"""A sentence that says that the photo was changed."""
_OTHER_TIME = re.compile(r"\b(?:if|unless|once|when|should|earlier|previously|before|last time|ago)\b", re.IGNORECASE)
"""Words by which a sentence speaks of another time."""
_FILE = re.compile(
    rf"\b(?:i|we)(?:['’]ve| have)?{_ADVERBS} (?:written|wrote|stored)\b|\b(?:i|we)\b[^.!?]* (?:saved|exported)\b"
    rf"|\b(?:has|have|was|were|is|are){_ADVERBS} (?:saved|exported|written|stored)\b",
    re.IGNORECASE,
)
_REMOVED = re.compile(
    r"(?:removed|reduced|eliminated|cleared|fixed|corrected|cleaned|got rid of)((?:\s+[\w'-]+){0,5})\s+$"
)
_PLACE = re.compile(r"\b(?:from|in|on|of|at|by|with|without|while)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def false_claims(
    text: str, steps: Sequence[ToolCall], *, changed: bool, asked: bool = False, earlier: Collection[Task] = ()
) -> tuple[Message, ...]:
    """What to say about claims of a reply that are not true; empty: nothing was found.

    steps: that ran in reply to the message. changed: they changed the photo or which version is shown. asked: the
    message was a question, so the reply may report what was done earlier: the tasks of the versions that there are.
    """
    sentences = [s for s in _SENTENCE.split(text) if "?" not in s and not _OTHER_TIME.search(s)]
    done = [s for s in sentences if _DONE.search(s)]
    named: set[Task] = set().union(*(_tasks(s) for s in done))
    found: list[Message] = []
    if any(_FILE.search(s) for s in sentences) and not any(isinstance(step, ExportCall) for step in steps):
        found.append(Message("llm.false_file"))
    if done and not changed:
        if not (asked and earlier and named <= set(earlier)):
            found.append(Message("llm.false_claim"))
        return tuple(found)
    is_auto = any(isinstance(step, RestoreCall) and step.task == "auto" for step in steps)
    if not is_auto and (untrue := named - _run(steps) - set(earlier)):
        titles = [task_title(task) for task in TASKS if task in untrue]
        found.append(Message("llm.false_claim_of_tasks", {"tasks": conjunction(titles)}))
    return tuple(found)


def _tasks(sentence: str) -> set[Task]:
    """The tasks that a sentence says were done: "denoised", or "removed the noise"."""
    lower = sentence.lower()
    found: set[Task] = set()
    for pattern, word in words.topics():
        if not isinstance(word, TaskWord) or word.kind == "goal":
            continue
        for at in pattern.finditer(lower):
            before = _REMOVED.search(lower[: at.start()])
            # "Removed the rain from the night scene" does not claim that the night was removed.
            is_removed = before is not None and not _PLACE.search(before[1])
            if (word.kind == "verb" and at[0].endswith("ed")) or (word.kind == "thing" and is_removed):
                found.add(word.task)
    return found


def _run(steps: Sequence[ToolCall]) -> set[Task]:
    done: set[Task] = set()
    for step in steps:
        if isinstance(step, RestoreCall) and step.task != "auto":
            done.add(step.task)
        if isinstance(step, AdjustCall | TransformCall):
            # "Brightened", "sharpened" and "enhanced" name adjustments as well as restorations.
            done |= {"low_light", "overexposure", "deblur", "dehaze", "retouch"}
    return done
