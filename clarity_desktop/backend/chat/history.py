"""What made the version that is shown, as calls that can be repeated elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from clarity_desktop.backend.chat.follow_ups import LastChange
from clarity_desktop.backend.plan import AdjustCall, Adjustment, RestoreCall, ToolCall, from_json
from clarity_desktop.backend.tools import FULL_EXPOSURE
from clarity_desktop.messages import UserError
from clarity_desktop.values import DocumentCard, Step, Turn, Version, VersionId, adjustments_of, full_result


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
    try:
        call: ToolCall = from_json(stored)
    except UserError:  # a document of another release
        return None
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
