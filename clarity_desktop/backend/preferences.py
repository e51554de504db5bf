"""The verbs of the user's preferences: what stars, rejections, remarks and picks say of methods; list, reset."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from clarity_desktop.backend import methods
from clarity_desktop.backend.feedback import Choice
from clarity_desktop.backend.feedback.scores import Kind
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Edit, Notice, PreferencesListed, UserError
from clarity_desktop.values import DocumentId, MethodPreference, Task, TaskPreferences, Version, VersionId
from clarity_desktop.worker import Job


async def edit(studio: Studio, request: Edit, job: Job) -> None:
    """Rename, star, delete, reject or bring back a version; a star or a rejection is the user's choice.

    A version has either. Rejecting the open version opens the one that it was made from.
    """
    version = studio.version(request.document, request.version)
    star, rejected = request.star, request.rejected
    if star and version.rejected:
        rejected = False
    if rejected and version.star:
        star = False
    if rejected and version.parent is not None and studio.document(request.document).card().head == version.id:
        parent = version.parent
        # Not to be redone: the user wants something else.
        await studio.move(request.document, lambda d: d.go_to(parent, remember=False), job)
    await studio.edit(
        request.document, request.version, job, name=request.name, star=star, deleted=request.deleted, rejected=rejected
    )
    if star or rejected:
        await _choose(studio, request.document, version, "star" if star else "reject", job)
    elif star is False or rejected is False:
        await _store(studio, lambda: studio.feedback.forget(_about(request.document, version.id)), job)


async def remark(studio: Studio, document: DocumentId, version: VersionId, *, liked: bool, job: Job) -> None:
    """Praise or a complaint about the restoration that made a version; of any other version it says nothing."""
    await _choose(studio, document, studio.version(document, version), "praise" if liked else "complaint", job)
    if liked:
        await _accept(studio, document, version, job)


async def pick(studio: Studio, document: DocumentId, better: VersionId, worse: Sequence[VersionId], job: Job) -> None:
    """A version was preferred to others that the same task made; those of other tasks are not compared."""
    chosen = studio.version(document, better).step
    if chosen.task is None or chosen.method is None:
        return
    others = [studio.version(document, version).step for version in worse]
    losers = dict.fromkeys(s.method for s in others if s.task == chosen.task and s.method not in (None, chosen.method))
    about, now = _about(document, better, *worse), time.time()
    choices = [Choice(chosen.task, chosen.method, loser, "pick", about, now) for loser in losers]
    if choices:
        await _store(studio, lambda: studio.feedback.add(choices), job)
    await _accept(studio, document, better, job)


async def _accept(studio: Studio, document: DocumentId, version: VersionId, job: Job) -> None:
    """Take back the rejection of a version that the user likes after all."""
    if studio.version(document, version).rejected:
        await studio.edit(document, version, job, rejected=False)


async def listed(studio: Studio, job: Job) -> PreferencesListed:
    """The preferences of each task that has a method."""
    found = await job.side("disk", _listed, studio)
    _report(studio, job)
    return found


async def reset(studio: Studio, task: Task | None, job: Job) -> PreferencesListed:
    """Forget the choices of a task, or of all tasks. Raises UserError."""
    await job.side("disk", studio.feedback.reset, task)
    return await listed(studio, job)


async def restore(studio: Studio, job: Job) -> PreferencesListed:
    """Bring back what the last reset forgot. Raises UserError."""
    await job.side("disk", studio.feedback.restore)
    return await listed(studio, job)


def _listed(studio: Studio) -> PreferencesListed:
    return PreferencesListed(tuple(_of_task(studio, task) for task in methods.tasks()), studio.feedback.can_restore)


def _of_task(studio: Studio, task: Task) -> TaskPreferences:
    ranking, measured = studio.ranking(task), studio.feedback.evidence().get(task, {})
    return TaskPreferences(
        task,
        tuple(
            MethodPreference(
                name,
                ranking.scores[name].likely,
                ranking.scores[name].choices,
                measured[name].gain_db if name in measured else None,
            )
            for name in ranking.order
        ),
    )


async def _choose(studio: Studio, document: DocumentId, version: Version, kind: Kind, job: Job) -> None:
    step = version.step
    if step.kind != "restore" or step.task is None or step.method is None:
        return
    better, worse = (step.method, None) if kind in ("star", "praise") else (None, step.method)
    choice = Choice(step.task, better, worse, kind, _about(document, version.id), time.time())
    await _store(studio, lambda: studio.feedback.add((choice,)), job)


def _about(document: DocumentId, *versions: VersionId) -> str:
    return " ".join((document, *versions))[:200]


async def _store(studio: Studio, change: Callable[[], None], job: Job) -> None:
    """Store choices. A failure is shown and stops nothing: the version itself has its star."""
    try:
        await job.side("disk", change)
    except UserError as e:
        job.emit(Notice(e.text))
    job.emit(await listed(studio, job))


def _report(studio: Studio, job: Job) -> None:
    if problem := studio.feedback.take_problem():
        job.emit(Notice(problem))
