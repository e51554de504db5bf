"""Whether a message asks to see the plan before it runs: "show me the plan first", "what would you do?"."""

from __future__ import annotations

from clarity_desktop.backend.chat import words

_BETWEEN = " ,;.:!?-"


def rest_of(text: str) -> str | None:
    """The message without the words that ask for the plan; "" if it says nothing else, None if it does not ask."""
    line = " ".join(text.replace("’", "'").split())
    found = words.pattern("plan_request", "phrases").search(line.lower())
    # A letter whose small form is longer would move the place.
    if found is None or len(line.lower()) != len(line):
        return None
    joints = words.phrases("plan_request", "joints")
    before, after = line[: found.start()].rstrip(_BETWEEN), line[found.end() :].strip(_BETWEEN)
    while joint := next((j for j in joints if f" {before}".lower().endswith(f" {j}")), None):
        before = before[: len(before) - len(joint)].rstrip(_BETWEEN)
    while joint := next((j for j in joints if f"{after} ".lower().startswith(f"{j} ")), None):
        after = after[len(joint) :].lstrip(_BETWEEN)
    return ". ".join(part for part in (before, after) if part)


def asks_first(text: str) -> bool:
    """Whether the plan is to be shown before it runs."""
    return rest_of(text) is not None
