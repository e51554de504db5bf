"""What a short remark about the last result asks for: again, stronger, weaker, another method, the same elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clarity_desktop.backend import methods
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.past import Change, Past
from clarity_desktop.backend.plan import AdjustCall, RestoreCall, TextRegion, ToolCall
from clarity_desktop.text import Message
from clarity_desktop.values import Task, VersionId

WEAKER = 0.5
"""Strength of a second try where the first, at full strength, was too much; and the factor below that."""
SMOOTHING: frozenset[Task] = frozenset({"denoise", "dejpeg", "retouch"})
"""Tasks after which skin may look like plastic."""
MORE, LESS = 0.3, 0.2
"""How much an adjustment changes with "more" and "less"."""


def again(past: Past, region: TextRegion | None, *, whole: bool = False, method: str | None = None) -> list[ToolCall]:
    """The last changes once more: elsewhere, on the whole photo, or by another method on what they began from."""
    found: list[ToolCall] = []
    for change in past.last:
        if not isinstance(change, RestoreCall | AdjustCall):
            found.append(change)
            continue
        where = None if whole else region or change.region
        if isinstance(change, AdjustCall):
            found.append(replace(change, region=where, version=None))
        elif method is not None:
            start = past.before_last if region is None else None
            found.append(replace(change, region=where, method=method, version=start))
        else:
            found.append(replace(change, region=where, version=None))
    return found


def stronger(past: Past, *, slightly: bool = False) -> list[ToolCall]:
    """The last change with more effect. What ran at full strength is run again on its result."""
    found: list[ToolCall] = []
    for change in past.last[-1:]:
        if isinstance(change, AdjustCall):
            found.append(_adjusted(change, (MORE / 2 if slightly else MORE)))
        elif isinstance(change, RestoreCall):
            if change.strength is None or change.strength >= 1:
                found.append(replace(change, version=None))
            else:
                strength = min(1.0, round(change.strength + (0.2 if slightly else 0.4), 2))
                found.append(replace(change, strength=strength, version=_start(change, past)))
    return found


def weaker(past: Past) -> list[ToolCall]:
    """The last change with less effect, from what it began from."""
    found: list[ToolCall] = []
    for change in past.last[-1:]:
        if isinstance(change, AdjustCall):
            found.append(_adjusted(change, -LESS))
        elif isinstance(change, RestoreCall):
            strength = round(WEAKER * (change.strength or 1.0), 2)
            found.append(replace(change, strength=strength, version=_start(change, past)))
    return found


def softer(past: Past) -> list[ToolCall]:
    """The last change that may look artificial with less effect, and again what was done after it."""
    at = next((k for k, c in enumerate(past.last) if isinstance(c, RestoreCall) and c.task in SMOOTHING), None)
    if at is None or at == len(past.last) - 1:
        return weaker(past)
    start = past.shown
    for change in reversed(past.last[at:]):
        if start is None or past.made.get(start) != change:
            return weaker(past)
        start = past.parents.get(start)
    first, *later = past.last[at:]
    assert isinstance(first, RestoreCall)
    strength = round(WEAKER * (first.strength or 1.0), 2)
    again = [replace(c, version=None) if isinstance(c, RestoreCall | AdjustCall) else c for c in later]
    return [replace(first, strength=strength, version=start), *again]


def _adjusted(change: AdjustCall, by: float) -> AdjustCall:
    """An adjustment that goes on in its direction, or goes back a little: settings add up."""
    settings = {
        name: by if value is None or value is True or value > 0 else -by
        for name, value in (change.settings or {}).items()
        if name != "black_and_white"
    }
    return replace(change, settings=settings or None, strength=None, version=None)


def _start(change: Change, past: Past) -> VersionId | None:
    made = past.shown
    return past.parents.get(made) if made is not None and past.made.get(made) == change else past.before_last


def other_method(past: Past) -> tuple[list[ToolCall], Message | None]:
    """The last restoration by a method that was not tried; where there is none, at another strength, and a sentence."""
    change = next((c for c in reversed(past.last) if isinstance(c, RestoreCall)), None)
    if change is None or change.task == "auto":
        return [], Message("chat.ask_change")
    start = _start(change, past)
    if method := untried(change.task, past):
        return [replace(change, method=method, version=start)], None
    strength = round(WEAKER * (change.strength or 1.0), 2)
    return [replace(change, strength=strength, version=start)], Message("chat.no_other_method")


def untried(task: Task, past: Past) -> str | None:
    """The next method for a task that the conversation has not used."""
    able = [name for name, method in methods.all_methods().items() if task in method.tasks]
    used = set(past.methods_of(task))
    if not used:  # the default was used
        used = {able[0]} if able else set()
    return next((name for name in able if name not in used), None)


def is_only(clause: str, *lists: str) -> bool:
    """Whether a clause consists of phrases of these lists of follow-ups, politeness and fillers."""
    paths: Sequence[tuple[str, ...]] = [("follow", name) for name in lists]
    only = words.only(*paths, ("follow", "fill"), ("speech", "polite"))
    return only.fullmatch(clause) and any(words.pattern(*path).search(clause) for path in paths)
