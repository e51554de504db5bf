"""Auto (Algorithm 1): detect and score, choose, restore, compare, go back from what is not better."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from clarity_desktop.backend.auto import rules, texts
from clarity_desktop.backend.auto.rules import Analysis
from clarity_desktop.backend.auto.targets import Aside, AutoTarget, VersionTarget
from clarity_desktop.backend.plan import RestoreCall, to_json
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Event, Improve, Improved, JobCancelled, UserError, VersionAdded
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message, Text, messages
from clarity_desktop.titles import degradation_title, method_name
from clarity_desktop.values import Advice, Degradation, MethodOption, Task, Turn, VersionId
from clarity_desktop.worker import Job

LARGE_CHANGE_DB = 20.0
"""PSNR from the photo at the start below which the report asks to compare the two."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step of Auto: the method tried for an advice, and what happened to its result. method None: no method.

    failed: the method raised an error. superseded: it would have been kept, but the user deleted it or opened
    another version. unsure: it may be better; the most promising of these is shown if nothing was kept.
    reason: why this method was tried first, where the user's choices decided it.
    """

    advice: Advice
    method: str | None
    seconds: float
    kept: bool
    why: Text
    failed: bool = False
    superseded: bool = False
    unsure: bool = False
    reason: Message | None = None


@dataclass(frozen=True, slots=True)
class Improvement:
    """What Auto did, the photo before and after it, and a report.

    offered: a result that may be better is shown. summary: the report in a sentence or two; () if it is as short.
    """

    tried: tuple[Attempt, ...]
    before: Analysis
    after: Analysis
    text: tuple[Message, ...]
    offered: bool = False
    summary: tuple[Message, ...] = ()


@dataclass
class _Progress:
    """What was tried so far, and the most promising of the results that were not convincing."""

    tried: list[Attempt] = field(default_factory=list[Attempt])
    best: tuple[float, int, Aside, Analysis] | None = None
    """How likely it is better, its index in `tried`, where it is kept, and its analysis."""

    @property
    def anything_kept(self) -> bool:
        return any(t.kept for t in self.tried)


async def improve_document(studio: Studio, request: Improve, job: Job) -> None:
    """Auto on an open document, for the button and the conversation; the report becomes a turn of its conversation.

    Where it would take long and is not confirmed, it is offered and nothing runs. Raises UserError, JobCancelled.
    """
    if await studio.ask_first(request, job):
        return
    made: list[VersionId] = []

    def note(event: Event) -> None:
        if isinstance(event, VersionAdded):
            made.append(event.version.id)

    target = VersionTarget(studio, request, job)
    with job.observing(note):
        done = await improve(target, studio.settings)
    steps = (to_json(RestoreCall("auto")),)
    turn = Turn("assistant", done.text, tuple(made), time.time(), steps)
    await studio.add_turn(request.document, turn, job)
    job.emit(Improved(request.document, target.version, done.text, done.offered, done.summary))


async def improve(target: AutoTarget, settings: Settings) -> Improvement:
    """Treat the detected problems one by one until none is left, all were tried, or the user opens another version.

    A photo that looks fine is left unchanged, and so is one of a single color, into which a network would invent
    content. Each task is treated once, with at most rules.TRIES methods; where nothing was convincing, what is less
    likely is tried too, and the best result is offered beside the original. Kept results survive cancelling and a
    failed analysis. Raises UserError if an analysis fails, if no result could be stored, and without a detector.
    """
    await target.check_room()
    before = now = await target.analyze()
    progress = _Progress()
    if _next(now, progress, target) is not None and await target.is_uniform():
        return Improvement((), before, before, (Message("auto.uniform"),))
    try:
        while (advice := _next(now, progress, target)) is not None:
            now = await _treat(target, settings, advice, now, progress)
    except (JobCancelled, Exception):
        await target.abort()
        raise
    offered = False
    if progress.best is not None and not progress.anything_kept and not any(t.superseded for t in progress.tried):
        _, index, aside, now = progress.best
        offered = await target.offer(aside)
        if offered:
            progress.tried[index] = replace(progress.tried[index], kept=True)
    await target.close()
    tried = progress.tried
    change = await target.whole_change() if any(t.kept for t in tried) else None
    if not tried:
        discarded = target.discarded_tasks()
        text = rules.advice_text(before.detection, before.quality.overall, discarded=discarded)
        return Improvement((), before, now, text)
    report, summary = _report(tried, before, now, change, offered), _summary(tried, change, offered)
    return Improvement(tuple(tried), before, now, (*summary[:1], *report), offered, summary)


def _next(now: Analysis, progress: _Progress, target: AutoTarget) -> Advice | None:
    """The first advice whose task was not tried yet; None once the user opened another version."""
    if any(t.superseded for t in progress.tried):
        return None
    # Each task once: a degradation that persists would otherwise be treated forever.
    done: set[Task] = {*rules.NEEDS_MASK, *(t.advice.task for t in progress.tried), *target.discarded_tasks()}
    likely = next((a for a in rules.advise(now.detection) if a.task not in done), None)
    if likely is not None or progress.anything_kept:
        return likely
    return next((a for a in rules.suspects(now.detection) if a.task not in done), None)


async def _treat(
    target: AutoTarget, settings: Settings, advice: Advice, now: Analysis, progress: _Progress
) -> Analysis:
    """Try the methods for one task; returns the analysis of the photo afterwards."""
    tried = progress.tried
    try:
        candidates = await target.candidates(advice.task, now, settings)
    except UserError as e:  # there is none
        tried.append(Attempt(advice, None, 0.0, False, e.text))
        return now
    ordered = await _compared(target, advice, candidates, now)
    for option in ordered[: rules.TRIES]:
        method, reason = option.method, None
        if option is ordered[0]:
            tried_first = candidates[: rules.COMPARED]
            reason = target.reason(advice.task, method) if option is candidates[0] else _looked_best(tried_first)
        try:
            part = await target.try_part(advice, option, now.detection)
            if part is not None and (verdict := rules.evaluate(advice, part.judgement, now)).outcome == "rejected":
                tried.append(Attempt(advice, method, part.seconds, False, verdict.why, reason=reason))
                continue
            seconds = await target.attempt(advice.task, method)
        except UserError as e:  # a failed method counts as no improvement
            await target.check_room()  # raises if the disk is full: then the other methods would fail too
            tried.append(Attempt(advice, method, 0.0, False, e.text, failed=True))
            continue
        after = await target.analyze()
        verdict = rules.evaluate(advice, await target.judge(advice.task), now, after)
        if verdict.outcome == "rejected":
            tried.append(Attempt(advice, method, seconds, False, verdict.why, reason=reason))
            await target.reject()
            continue
        if verdict.outcome == "unsure":
            tried.append(Attempt(advice, method, seconds, False, verdict.why, unsure=True, reason=reason))
            aside = await target.set_aside()
            if progress.best is None or verdict.better > progress.best[0]:
                progress.best = verdict.better, len(tried) - 1, aside, after
            continue
        superseded = target.accept()
        why = verdict.why if superseded is None else messages(verdict.why, superseded)
        kept = superseded is None
        tried.append(Attempt(advice, method, seconds, kept, why, superseded=not kept, reason=reason))
        return now if superseded else after
    return now


async def _compared(
    target: AutoTarget, advice: Advice, candidates: tuple[MethodOption, ...], now: Analysis
) -> tuple[MethodOption, ...]:
    """The candidates, the first of them in the order in which their results look on a part of the photo.

    What the user chose stays first. A method that fails there keeps its place: its failure is reported when it runs.
    """
    compared = candidates[: rules.COMPARED]
    if len(compared) < 2 or candidates[0].chosen:
        return candidates
    looks: dict[str, float] = {}
    for place, option in enumerate(compared):
        with suppress(UserError):
            trial = await target.try_part(advice, option, now.detection, compare=True)
            if trial is not None:
                looks[option.method] = trial.judgement.better - rules.PLACE * place
    if len(looks) < len(compared):
        return candidates
    return (*sorted(compared, key=lambda option: -looks[option.method]), *candidates[len(compared) :])


def _looked_best(compared: Sequence[MethodOption]) -> Message:
    return Message("choice.looked_best", {"count": len(compared)})


def _report(
    tried: Sequence[Attempt], before: Analysis, after: Analysis, change: float | None, offered: bool
) -> tuple[Message, ...]:
    parts = [message for t in tried for message in _attempt_text(t)]
    if any(t.superseded for t in tried):  # the user has chosen what is shown now
        return tuple(parts)
    if offered:
        return (*parts, Message("auto.offered"))
    if not any(t.kept for t in tried):
        return (*parts, Message("auto.unchanged"))
    several = sum(t.kept for t in tried) > 1  # of a single step its own sentence says it
    if several and before.quality.overall is not None and after.quality.overall is not None:
        parts.append(Message("auto.overall", {"before": before.quality.overall, "after": after.quality.overall}))
    parts += _large_change(change)
    remaining = rules.present(after.detection)
    if remaining:  # without advice: each task has had its turn
        parts.append(Message("auto.still_there"))
    return (*parts, *texts.findings(after.detection, remaining, after.quality.overall))


def _summary(tried: Sequence[Attempt], change: float | None, offered: bool) -> tuple[Message, ...]:
    """What was tried and with what result, in plain words; () where nothing was, or the user went elsewhere."""
    names: list[Degradation] = [t.advice.degradation for t in tried if t.method is not None]
    if not names or any(t.superseded for t in tried):
        return ()
    kept: list[Degradation] = [t.advice.degradation for t in tried if t.kept]
    others: list[Degradation] = [name for name in names if name not in kept]
    first = texts.tried(tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(others)), offered=offered)
    if offered:
        return (first, Message("auto.offered"))
    if not kept:
        return (first, Message("auto.unchanged"))
    return (first, *_large_change(change))


def _large_change(change: float | None) -> tuple[Message, ...]:
    """A warning where the photo changed a lot. change: PSNR in dB from the start."""
    return (Message("auto.large_change", {"psnr": change}),) if change is not None and change < LARGE_CHANGE_DB else ()


def _attempt_text(t: Attempt) -> tuple[Message, ...]:
    key = (
        "auto.not_treated" if t.method is None
        else "auto.failed" if t.failed
        else "auto.unsure" if t.unsure
        else "auto.kept" if t.kept
        else "auto.superseded" if t.superseded
        else "auto.rejected"
    )  # fmt: skip
    title = degradation_title(t.advice.degradation)
    first = Message(key, {"degradation": title, "method": method_name(t.method) if t.method else ""})
    return messages(first, t.reason or (), t.why)
