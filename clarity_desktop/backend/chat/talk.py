"""One turn of the conversation: plan it, do it through the studio, say what was done."""

from __future__ import annotations

import time
from dataclasses import dataclass

from clarity_desktop.backend.auto import loop, rules
from clarity_desktop.backend.chat.planner import Plan, PlanStep, plan
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import CompareRequested, Improve, Improved, Restore, TurnAdded, UserError
from clarity_desktop.text import english, step_title, version_title
from clarity_desktop.values import Bounds, DocumentId, Quality, Region, RestoreParams, Turn, VersionId
from clarity_desktop.worker import Job

SLOW_STEP_SECONDS = 20.0
"""Seconds that a turn may take without asking first."""
ALL = ("all", "whole", "everything", "yes", "go ahead", "ok")
VISIBLE = ("visible", "part", "what i see", "view")
NO = ("no", "cancel", "stop", "never mind", "neither")


@dataclass(frozen=True, slots=True)
class _Pending:
    steps: tuple[PlanStep, ...]


class Conversation:
    """The conversations of the open documents. State between turns is only an unanswered question."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._pending: dict[DocumentId, _Pending] = {}

    def close(self, at: DocumentId) -> None:
        """Drop an unanswered question of a document that was closed."""
        self._pending.pop(at, None)

    async def say(self, at: DocumentId, text: str, visible: Bounds | None, job: Job) -> None:
        """One turn. What fails is said in the conversation; cancelling passes through."""
        self._add(at, Turn("user", text, time=time.time()), job)
        before = len(self._studio.document(at).card().versions)
        try:
            reply = await self._turn(at, text, visible, job)
        except UserError as e:
            reply = str(e)
        made = tuple(v.id for v in self._studio.document(at).card().versions[before:])
        self._add(at, Turn("assistant", reply, made, time.time()), job)

    async def improve(self, asked: Improve, job: Job) -> None:
        """Auto, as the button asks for it: what was done and why is said in the conversation too."""
        at = asked.document
        before = len(self._studio.document(at).card().versions)
        text, ended = await self._improve(asked, job)
        made = tuple(v.id for v in self._studio.document(at).card().versions[before:])
        self._add(at, Turn("assistant", text, made, time.time()), job)
        job.emit(ended)

    def _add(self, at: DocumentId, turn: Turn, job: Job) -> None:
        document = self._studio.document(at)
        document.add_turn(turn)
        job.emit(TurnAdded(at, turn, document.card().unsaved))

    async def _turn(self, at: DocumentId, text: str, visible: Bounds | None, job: Job) -> str:
        pending = self._pending.pop(at, None)
        if pending is not None and (answered := _answer_of(text)):
            if answered == "no":
                return "Nothing was changed."
            return await self._do(at, pending.steps, visible, job, only_visible=answered == "visible")
        wanted = plan(text)
        if question := await self._question(at, wanted, visible, job):
            self._pending[at] = _Pending(wanted.steps)
            return question
        return wanted.reply or await self._do(at, wanted.steps, visible, job)

    async def _question(self, at: DocumentId, wanted: Plan, visible: Bounds | None, job: Job) -> str:
        """What to ask before a long run; empty where it is short or nothing smaller can be offered."""
        if any(s.tool == "improve" for s in wanted.steps):
            return await self._before_auto(at, job)
        size = self._size(at)
        restores = [s for s in wanted.steps if s.tool == "restore" and s.task]
        if not restores or visible is None or visible.area > 0.8 * size[0] * size[1]:
            return ""
        each = [await job.side("estimate", self._studio.estimate, size, s.task, s.method) for s in restores if s.task]
        seconds = sum(e.seconds for e in each)
        if seconds <= SLOW_STEP_SECONDS:
            return ""
        part = seconds * visible.area / (size[0] * size[1])
        return (
            f"The whole photo takes about {_span(seconds)} on this machine, the visible part about {_span(part)}. "
            "Shall I do “all” of it or the “visible part” first?"
        )

    async def _before_auto(self, at: DocumentId, job: Job) -> str:
        """Auto looks at the whole photo, so all that can be asked is whether."""
        detection = await self._studio.detect(at, self._head(at), job)
        advice = rules.advise(detection)
        seconds = await job.side("estimate", rules.auto_seconds, advice, self._size(at), self._studio.settings)
        if seconds <= SLOW_STEP_SECONDS:
            return ""
        return f"{rules.advice_text(detection)} It takes about {_span(seconds)} on this machine. Shall I go ahead?"

    async def _do(
        self,
        at: DocumentId,
        steps: tuple[PlanStep, ...],
        visible: Bounds | None,
        job: Job,
        *,
        only_visible: bool = False,
    ) -> str:
        said = [await self._step(at, step, visible, job, only_visible=only_visible) for step in steps]
        return " ".join(said)

    async def _step(
        self, at: DocumentId, step: PlanStep, visible: Bounds | None, job: Job, *, only_visible: bool
    ) -> str:  # fmt: skip
        match step.tool:
            case "restore":
                return await self._restore(at, step, visible if only_visible else None, visible, job)
            case "assess":
                return _scores(await self._studio.assess(at, self._head(at), job))
            case "detect":
                return rules.found(await self._studio.detect(at, self._head(at), job))
            case "advise":
                return (await self._studio.advise(at, self._head(at), job)).text
            case "improve":
                text, ended = await self._improve(Improve(at, self._head(at), visible), job)
                job.emit(ended)
                return text
            case "compare":
                return self._compare(at, job)
            case "undo":
                return self._move(at, "undo", job)
            case "redo":
                return self._move(at, "redo", job)
            case "go_to":
                first = self._studio.document(at).card().versions[0].id
                self._studio.move(at, lambda d: d.go_to(first), job)
                return "This is the original again; the later versions are still in the history."

    async def _restore(
        self, at: DocumentId, step: PlanStep, part: Bounds | None, visible: Bounds | None, job: Job
    ) -> str:  # fmt: skip
        assert step.task is not None
        region = Region.rectangle(part, *self._size(at), "visible part") if part else None
        params = RestoreParams(
            step.task, step.method, 1.0 if step.strength is None else step.strength, region,
            feather=16 if region else 0, visible=visible,
        )  # fmt: skip
        version = await self._studio.restore_now(Restore(at, self._head(at), params), job)
        where = " in the visible part" if region else ""
        title = english(step_title(version.step))
        return f"{title}{where} with {version.step.method} in {_span(version.step.seconds)}."

    async def _improve(self, asked: Improve, job: Job) -> tuple[str, Improved]:
        """What to say, and the news that ends it."""
        bench = loop.VersionTarget(self._studio, asked, job)
        done = await loop.improve(bench, self._studio.settings)
        return done.text, Improved(asked.document, bench.version, done.text)

    def _compare(self, at: DocumentId, job: Job) -> str:
        card = self._studio.document(at).card()
        original = card.versions[0].id
        if card.head == original:
            return "This is the original; there is nothing to compare it with yet."
        job.emit(CompareRequested(at, card.head, original))
        return "Before and after are shown together: Y for side by side, Shift+Y for a line, E for one picture."

    def _move(self, at: DocumentId, verb: str, job: Job) -> str:
        self._studio.move(at, lambda d: d.undo() if verb == "undo" else d.redo(), job)
        after = self._studio.document(at).card()
        shown = next(v for v in after.versions if v.id == after.head)
        return f"Now showing “{english(version_title(shown))}”."

    def _head(self, at: DocumentId) -> VersionId:
        return self._studio.document(at).card().head

    def _size(self, at: DocumentId) -> tuple[int, int]:
        card = self._studio.document(at).card()
        head = next(v for v in card.versions if v.id == card.head)
        return head.width, head.height


def _answer_of(text: str) -> str:
    said = f" {' '.join(text.lower().split()).strip(' .!“”')} "
    for meaning, words in (("visible", VISIBLE), ("no", NO), ("all", ALL)):
        if any(f" {w} " in said or said.strip() == w for w in words):
            return meaning
    return ""


def _scores(quality: Quality) -> str:
    def one(name: str, value: float | None, key: str) -> str:
        return f"{name} {value:.1f}" if value is not None else f"{name}: {quality.why.get(key, 'not available')}"

    metrics = [one(name, getattr(quality, name.lower()), name.lower()) for name in ("SSEQ", "NIQE", "BRISQUE", "PIQE")]
    overall = f"Overall {quality.overall:.0f} of 100, higher is better. " if quality.overall is not None else ""
    return f"{overall}{'; '.join(metrics)}. Lower is better for these."


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
