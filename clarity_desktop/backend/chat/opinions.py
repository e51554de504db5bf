"""What a message says about the last restoration: praise, a complaint, or that another version is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clarity_desktop.backend import preferences
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.spelling import normalize
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import GoToCall, Plan
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.text import english
from clarity_desktop.values import DocumentCard, Task, Version, VersionId, full_result

Opinion = Literal["praise", "complaint"]
LONGEST = 20
"""Words of a remark; a longer message says more than that."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What made the version that is shown: a method, for a task, from a version."""

    version: Version
    task: Task
    method: str
    start: VersionId


def last_restoration(card: DocumentCard) -> Restoration | None:
    """The restoration that made the version that is shown; None where something else made it."""
    versions = {v.id: v for v in card.versions}
    return _restoration(versions, versions[card.head])


def _restoration(versions: Mapping[VersionId, Version], version: Version) -> Restoration | None:
    step = version.step
    # Another strength is a child of the version whose strength it changes.
    start = (full_result(versions, version) or version).parent
    if step.kind != "restore" or step.task is None or step.method is None or start is None:
        return None
    return Restoration(version, step.task, step.method, start)


def opinion_of(text: str, task: Task) -> Opinion | None:
    """What a message says about the result of a task; None where it says nothing, or is about something else."""
    request = normalize(text)
    if len(request.split()) > LONGEST or words.pattern("look", "planted").search(request):
        return None
    mentioned: set[Task] = {m.word.task for m in mentions_in(request) if isinstance(m.word, TaskWord)}
    if mentioned - {task}:
        return None
    if is_dissatisfied(request) or (task in mentioned and words.pattern("opinions", "still").search(request)):
        return "complaint"
    if text.rstrip().endswith("?"):
        return None
    lists = (("speech", "thanks"), ("speech", "polite"), ("speech", "praise_fill"))
    if words.only(*lists).fullmatch(request) and not words.only(("opinions", "thanks"), *lists[1:]).fullmatch(request):
        return "praise" if words.pattern("speech", "thanks").search(request) else None
    return None


def is_dissatisfied(request: str) -> bool:
    """Whether a request, as `normalize` gives it, wants another result or complains about this one."""
    if words.pattern("opinions", "dissatisfied").search(request):
        return True
    if any(words.pattern("follow", name).search(request) for name in ("another", "no_effect", "unnatural")):
        return True
    says_only = words.only(("speech", "complaint"), ("speech", "polite"), ("speech", "praise_fill"))
    return bool(
        words.pattern("speech", "complaint_about").search(request)
        or (says_only.fullmatch(request) and words.pattern("speech", "complaint").search(request))
    )


async def note(context: ToolContext, text: str) -> Restoration | None:
    """Remember what a message says about the last restoration; returns the restoration that it complains about."""
    last = last_restoration(context.card)
    opinion = opinion_of(text, last.task) if last is not None else None
    if last is None or opinion is None:
        return None
    await preferences.remark(
        context.studio, context.document, last.version.id, liked=opinion == "praise", job=context.job
    )
    return last if opinion == "complaint" else None


def waiting(card: DocumentCard) -> Restoration | None:
    """The restoration that the message before an open question complained about. The last turn is the answer."""
    last = last_restoration(card)
    if last is None or len(card.turns) < 3:
        return None
    complaint, question = card.turns[-3], card.turns[-2]
    if complaint.role != "user" or question.question != card.head:
        return None
    return last if opinion_of(english(complaint.content), last.task) == "complaint" else None


async def note_move(context: ToolContext, text: str, found: Plan) -> None:
    """Remember that a message prefers another version to the one that is shown: "the first one was better"."""
    card, last = context.card, last_restoration(context.card)
    if last is None or len(found.steps) != 1 or not isinstance(call := found.steps[0], GoToCall):
        return
    target = next((v for v in card.versions if v.id == (call.version or card.versions[0].id)), None)
    if target is None or call.photo is not None or not words.pattern("versions", "like").search(normalize(text)):
        return
    other = _restoration({v.id: v for v in card.versions}, target)
    if other is not None and (other.task, other.start) == (last.task, last.start):
        await preferences.pick(context.studio, context.document, target.id, (last.version.id,), context.job)
    elif target.id == last.start:
        await preferences.remark(context.studio, context.document, last.version.id, liked=False, job=context.job)
