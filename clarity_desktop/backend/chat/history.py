"""What made the version that is shown, as calls that can be repeated elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from clarity_desktop.backend.chat.follow_ups import LastChange
from clarity_desktop.backend.plan import (
    LOOK_ONLY,
    AdjustCall,
    Adjustment,
    PastTurn,
    RestoreCall,
    ToolCall,
    VersionLabel,
    from_json,
)
from clarity_desktop.backend.tools import FULL_EXPOSURE
from clarity_desktop.errors import UserError
from clarity_desktop.text import english
from clarity_desktop.values import DocumentCard, Step, Turn, Version, VersionId, adjustments_of, full_result

MAX_TURNS = 200
"""Turns that the planner gets: the last ones."""


def last_change(card: DocumentCard) -> LastChange | None:
    """The changes of the turn that made the version that is shown, or else the step that made it; None: no change."""
    versions = {v.id: v for v in card.versions}
    head = versions[card.head]
    for turn in reversed(card.turns):
        if head.id in turn.versions:
            return _of_turn(versions, head, turn) or _of_step(versions, head)
    return _of_step(versions, head)


def _of_turn(versions: Mapping[VersionId, Version], head: Version, turn: Turn) -> LastChange | None:
    calls = [call for step in turn.steps if (call := _change(step)) is not None]
    at: Version | None = head
    count = 0
    while at is not None and at.id in turn.versions:
        at, count = (versions[at.parent] if at.parent else None), count + 1
    # Each call made one version, if nothing failed: else the calls do not tell what was done.
    if at is None or not calls or count != len(calls):
        return None
    return LastChange(at.id, tuple(calls))


def _change(stored: object) -> RestoreCall | AdjustCall | None:
    call = _call_of(stored)
    return replace(call, region=None, version=None) if isinstance(call, RestoreCall | AdjustCall) else None


def _of_step(versions: Mapping[VersionId, Version], head: Version) -> LastChange | None:
    # Another strength is a child of the version whose strength it changes.
    made = full_result(versions, head) or head
    call = _call(head.step)
    return LastChange(made.parent, (call,)) if call is not None and made.parent is not None else None


def _call(step: Step) -> RestoreCall | AdjustCall | None:
    if step.kind == "restore" and step.task is not None and step.task != "inpaint":
        return RestoreCall(step.task, None, step.method, step.strength if step.strength < 1 else None)
    if step.kind != "adjust":
        return None
    settings: dict[Adjustment, float | bool | None] = {}
    for name in get_args(Adjustment):
        if value := getattr(adjustments_of(step.settings), name):
            # A call cannot ask for more than two stops.
            settings[name] = min(1.0, max(-1.0, value / FULL_EXPOSURE)) if name == "exposure" else value
    return AdjustCall(settings) if settings else None


def past_turns(card: DocumentCard, numbered: tuple[VersionId, ...] = ()) -> tuple[PastTurn, ...]:
    """The conversation of a document as the planner gets it. Every version is labelled with what made it.

    numbered: the versions that the user sees under the numbers 1, 2, …
    """
    labels = [
        VersionLabel(v.id, _label(v), v.parent, v.quality.overall if v.quality else None)
        for v in card.versions
        if not v.deleted
    ]
    places = {label.id: place for place, label in enumerate(labels)}
    turns: list[PastTurn] = []
    known = 1
    for turn in card.turns[-MAX_TURNS:]:
        known = max(known, *(places.get(version, 0) + 1 for version in turn.versions), 1)
        steps = tuple(step for step in map(_call_of, turn.steps) if step is not None)
        if turn.role == "user":
            text = english(turn.content)
        else:
            # The conversation itself keeps the steps that wait for an answer.
            text = "?" if turn.question is not None and not turn.steps else "." if turn.versions else ""
        if not turn.versions:  # what changes failed, or waits for an answer
            steps = tuple(step for step in steps if step.tool in LOOK_ONLY)
        turns.append(PastTurn(turn.role, text, steps, tuple(labels[:known])))
    marked = [v for v in card.versions if not v.deleted]
    starred = tuple(v.id for v in marked if v.star and not v.rejected)
    rejected = tuple(v.id for v in marked if v.rejected)
    now = PastTurn(
        "assistant", versions=tuple(labels), shown=card.head, numbered=tuple(v for v in numbered if v in places),
        starred=starred, rejected=rejected,
    )  # fmt: skip
    return (*turns, now)


def _call_of(stored: object) -> ToolCall | None:
    try:
        return from_json(stored)
    except UserError:  # a document of another release
        return None


def _label(version: Version) -> str:
    """The label of a version in a history: "derain (prenet)"."""
    step = version.step
    if version.parent is None:
        return "original"
    name = version.name or str(step.task or step.kind)
    return f"{name} ({step.method})" if step.method and not version.name else name
