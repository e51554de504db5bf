"""Another try after a complaint: by a method that was not tried, from the version before the one that was disliked."""

from __future__ import annotations

from dataclasses import replace

from clarity_desktop.backend import methods, plan
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.method_names import find_method
from clarity_desktop.backend.chat.opinions import Restoration
from clarity_desktop.backend.chat.spelling import normalize
from clarity_desktop.backend.plan import (
    LOOK_ONLY,
    PartRegion,
    Plan,
    RestoreCall,
    TextRegion,
    ToolCall,
    UndoCall,
    from_json,
)
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import Selected, UserError
from clarity_desktop.text import Message, conjunction
from clarity_desktop.titles import method_name, task_title
from clarity_desktop.values import DocumentCard, Task, VersionId

STRENGTHS = (0.5, 0.75, 0.25)
"""Tried one after the other where a task has only one method."""
CONTINUED: frozenset[Task] = frozenset({"low_light", "overexposure", "upscale"})
"""Tasks of which more is wanted where the last result is "still too dark": they go on from it."""


async def another_try(context: ToolContext, text: str, found: Plan, disliked: Restoration | None) -> Plan:
    """The plan of a message that complains about a restoration; of any other message the plan as it is.

    A method that the message names, more or less strength, and other tasks stay as they were understood.
    """
    request = normalize(text)
    if disliked is None or find_method(request).ids:
        return found
    if found.question is not None:
        only_undo = bool(found.steps) and all(isinstance(step, UndoCall) for step in found.steps)
        fresh = await untried(context, disliked) if only_undo else ()
        fields = {"method": method_name(fresh[0])} if fresh else {}
        return replace(found, question=Message("chat.undo_or_another", fields)) if fresh else found
    if not _asks_for_another(found, disliked):
        return _by_its_method(found, disliked)
    return await _plan(context, request, disliked)


def _asks_for_another(found: Plan, disliked: Restoration) -> bool:
    """Whether a plan is no more than the disliked task once more, or changes nothing."""
    changing = [step for step in found.steps if step.tool not in LOOK_ONLY]
    if not changing:
        return True
    call = changing[0]
    if len(changing) > 1 or not isinstance(call, RestoreCall) or call.task != disliked.task:
        return False
    if call.version is None:
        return call.strength is None and call.task not in CONTINUED
    replies = found.reply if isinstance(found.reply, tuple) else (found.reply,)
    no_other = any(isinstance(reply, Message) and reply.key == "chat.no_other_method" for reply in replies)
    return call.version == disliked.start and (no_other or call.method not in (None, disliked.method))


def _by_its_method(found: Plan, disliked: Restoration) -> Plan:
    """A plan whose steps at another strength keep the method: two changes at once could not be distinguished."""
    return replace(
        found,
        steps=tuple(
            replace(step, method=disliked.method)
            if isinstance(step, RestoreCall)
            and (step.task, step.method, step.version) == (disliked.task, None, disliked.start)
            and step.strength is not None
            else step
            for step in found.steps
        ),
    )


async def _plan(context: ToolContext, request: str, disliked: Restoration) -> Plan:
    card = context.card
    region = await _region(context, disliked)
    fresh = await untried(context, disliked)
    if fresh:
        reply = Message(
            "chat.another_method", {"method": method_name(fresh[0]), "other": method_name(disliked.method)}
        )  # fmt: skip
        return Plan((RestoreCall(disliked.task, region, fresh[0], version=disliked.start),), reply=reply)
    tried = _tried(card, disliked)
    exhausted = Plan(
        reply=Message(
            "chat.all_tried",
            {"task": task_title(disliked.task), "methods": conjunction([method_name(name) for name in tried])},
        )
    )
    if len(tried) > 1:
        return exhausted
    method, used = disliked.method, tried[disliked.method]
    if words.pattern("opinions", "still").search(request) or words.pattern("follow", "no_effect").search(request):
        if disliked.version.step.strength < 1 and 1.0 not in used:
            call = RestoreCall(disliked.task, region, method, version=disliked.start)
            return Plan((call,), reply=Message("chat.no_other_method"))
        if _is_second_pass(card, disliked):
            return exhausted
        return Plan((RestoreCall(disliked.task, region, method),), reply=Message("chat.second_pass"))
    weaker = next((s for s in STRENGTHS if s not in used), None)
    if weaker is None:
        return exhausted
    call = RestoreCall(disliked.task, region, method, weaker, disliked.start)
    return Plan((call,), reply=Message("chat.no_other_method"))


async def instead(context: ToolContext, call: ToolCall, disliked: Restoration | None) -> ToolCall:
    """A call that repeats a disliked restoration by no other method: another method, from the version before it."""
    if disliked is None or not isinstance(call, RestoreCall) or call.task != disliked.task or call.strength is not None:
        return call
    same = call.method in (None, disliked.method) and call.version in (None, disliked.start, disliked.version.id)
    if not same or call.task in CONTINUED or not (fresh := await untried(context, disliked)):
        return call
    region = call.region or await _region(context, disliked)
    return replace(call, method=fresh[0], version=disliked.start, region=region)


async def untried(context: ToolContext, disliked: Restoration) -> tuple[str, ...]:
    """Methods that were not tried from the version before a disliked one, the first to try first."""
    return await context.job.side("estimate", _fresh, context, disliked)


def _fresh(context: ToolContext, disliked: Restoration) -> tuple[str, ...]:
    """Methods that were not tried from the same version, those that are installed first, in the user's order."""
    studio, known = context.studio, methods.all_methods()
    tried = _tried(context.card, disliked)
    in_part = disliked.version.step.region is not None
    fresh = [
        name
        for name in studio.ranking(disliked.task).order
        if name not in tried and (in_part or not known[name].needs_mask)
    ]
    return tuple(sorted(fresh, key=lambda name: bool(methods.missing(known[name], studio.store))))


def _tried(card: DocumentCard, disliked: Restoration) -> dict[str, set[float]]:
    """Methods that were tried for the task from the same version, with their strengths."""
    siblings = [v for v in card.versions if v.parent == disliked.start and v.step.task == disliked.task]
    found: dict[str, set[float]] = {}
    for version in (*siblings, disliked.version):
        # The hidden result at full strength, of which a weaker one is a blend, was not shown.
        shown = not version.deleted or version.step.strength < 1
        if version.step.method is not None:
            found.setdefault(version.step.method, set()).update({version.step.strength} if shown else ())
    return found


def _is_second_pass(card: DocumentCard, disliked: Restoration) -> bool:
    before = next((v.step for v in card.versions if v.id == disliked.start), None)
    return before is not None and (before.task, before.method) == (disliked.task, disliked.method)


async def _region(context: ToolContext, disliked: Restoration) -> PartRegion | None:
    """The part that the disliked restoration changed, as its call named it; the tools get the very same mask."""
    part = disliked.version.step.region
    if part is None:
        return None
    document = context.studio.document(context.document)
    region: PartRegion = _named(context.card, disliked) or TextRegion(plan.HERE)
    mask = await context.job.side("disk", document.region, part)
    context.named[region] = Selected(context.document, disliked.start, mask, "", (1.0,))
    return region


def _named(card: DocumentCard, disliked: Restoration) -> PartRegion | None:
    for turn in reversed(card.turns):
        if disliked.version.id not in turn.versions:
            continue
        for stored in turn.steps:
            try:
                call = from_json(stored)
            except UserError:  # a document of another release
                continue
            if isinstance(call, RestoreCall) and call.task == disliked.task and call.region is not None:
                return call.region
    return None


async def settle(context: ToolContext, disliked: Restoration | None) -> None:
    """Mark the disliked version as rejected once another try has taken its place. It stays in the tree."""
    card = context.card
    if disliked is None or card.head in (disliked.start, disliked.version.id):
        return
    path = _ancestors(card)
    if disliked.start in path and disliked.version.id not in path:
        await context.studio.edit(context.document, disliked.version.id, context.job, rejected=True, star=False)


def _ancestors(card: DocumentCard) -> set[VersionId]:
    parents = {v.id: v.parent for v in card.versions}
    path: set[VersionId] = set()
    at: VersionId | None = card.head
    while at is not None and at not in path:
        path.add(at)
        at = parents.get(at)
    return path
