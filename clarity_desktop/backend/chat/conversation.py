"""One turn of the conversation: plan it, run its tools, report the results."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from clarity_desktop.backend import methods, selection, tools
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.history import last_change, past_turns
from clarity_desktop.backend.chat.llm import turn as llm_turn
from clarity_desktop.backend.chat.llm.language_models import LanguageModels
from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.chat.reply import Reply
from clarity_desktop.backend.plan import (
    Plan,
    RestoreCall,
    ToolCall,
    from_json,
    region_of,
    to_json,
)
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import JobCancelled, ModelMissing, ModelsListed, Offered, SendMessage, UserError
from clarity_desktop.text import Message, Text, conjunction, duration, messages, size
from clarity_desktop.values import Json, Turn
from clarity_desktop.worker import Job

log = logging.getLogger(__name__)


class Conversation:
    """The conversations of the open documents. Its only state is their turns, and what is known of language models."""

    def __init__(self, studio: Studio, models: LanguageModels | None = None) -> None:
        """models: another keyring and other pauses than those of the program."""
        self._studio = studio
        self.models = models or LanguageModels()

    async def send(self, request: SendMessage, job: Job) -> None:
        """Answer a message. Errors become the reply; bugs and cancelling become a reply and are raised too."""
        context = ToolContext(self._studio, request.document, job, request.visible, selected=request.selected)
        pending, wanted = self._pending(context)
        await self._studio.add_turn(request.document, Turn("user", request.text, time=time.time()), job)
        reply = Reply()
        try:
            with context.watching():
                await self._answer(context, request.text, pending, wanted, reply)
        except UserError as e:
            reply.say(e.text)
        except JobCancelled:
            reply.say(Message("chat.cancelled"))
            await self._add_failed(context, reply)
            raise
        except Exception:
            reply.say(Message("chat.failed"))
            await self._add_failed(context, reply)
            raise
        await self._add(context, reply)

    def _pending(self, context: ToolContext) -> tuple[tuple[Json, ...], tuple[str, ...]]:
        """The stored steps that wait for an answer: those of a last turn that asked about the version that is shown.

        And the models to download for them.
        """
        card = context.card
        last = card.turns[-1] if card.turns else None
        # A question is only valid for the version that it was requested about.
        if last is None or last.question is None or last.question != card.head:
            return (), ()
        return last.steps, last.models

    async def _answer(
        self, context: ToolContext, text: str, pending: tuple[Json, ...], wanted: tuple[str, ...], reply: Reply
    ) -> None:
        answer = answer_of(text)
        if answer == "no" and pending:
            reply.say(Message("chat.nothing_changed"))
        elif answer is not None and pending:
            context.only_visible = answer == "visible" and context.visible is not None
            await self._download(context, wanted)
            await self._run(context, tuple(from_json(step) for step in pending), reply)
        elif self._studio.settings.llm.enabled:
            # "Yes" may answer a question of the model.
            turns = context.card.turns[:-1]  # the last one is this message
            await llm_turn.answer(self.models, context, turns, text, reply, self._ask_first)
        elif answer is not None:
            reply.say(Message("chat.nothing_to_confirm"))
        else:
            await self._follow(context, self._plan(context, text), reply)

    def _plan(self, context: ToolContext, text: str) -> Plan:
        card = context.card
        return plan(text, past_turns(card), last_change(card))

    async def _follow(self, context: ToolContext, found: Plan, reply: Reply) -> None:
        """Run a plan, or ask about it first."""
        if found.question is not None:
            reply.say(found.question)
            reply.steps, reply.question = found.steps, context.card.head
            return
        if await self._ask_first(context, found.steps, reply):
            return
        reply.say(found.reply)
        await self._run(context, found.steps, reply)

    async def _ask_first(self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply) -> bool:
        """Ask about steps that need a download or take long; they wait for the answer. Returns whether it asked."""
        wanted = await context.job.side("disk", self._missing, steps)
        if wanted:
            question: Text | None = self._models_question(context, steps, wanted)
        else:
            await tools.find_parts(context, steps)
            question = await self._question(context, steps)
        if question is None:
            return False
        reply.say(question)
        reply.steps, reply.question, reply.models = steps, context.card.head, wanted
        return True

    def _missing(self, steps: tuple[ToolCall, ...]) -> tuple[str, ...]:
        """The models that these steps still need: of their methods, and to find the parts that they name."""
        found: dict[str, None] = {}
        for step in steps:
            if (region := region_of(step)) is not None:
                found |= dict.fromkeys(selection.missing_models(self._studio, region.text))
            with suppress(UserError):  # running the step reports the error
                if isinstance(step, RestoreCall) and step.task != "auto":
                    method = self._studio.method(step.task, step.method)
                    found |= dict.fromkeys(methods.missing(method, self._studio.store))
        return tuple(found)

    def _models_question(self, context: ToolContext, steps: tuple[ToolCall, ...], wanted: tuple[str, ...]) -> Text:
        known = [self._studio.store.models[model] for model in wanted]
        shown, seconds = context.head, 0.0
        for step in steps:
            if isinstance(step, RestoreCall) and step.task != "auto":
                with suppress(UserError):
                    area = shown.width, shown.height
                    seconds += self._studio.estimate(area, step.task, step.method).seconds
        fields = {
            "models": conjunction(model.name for model in known), "size": size(sum(model.size for model in known)),
            "time": duration(seconds),
        }  # fmt: skip
        return Message("chat.needs_models" if seconds else "chat.needs_models_to_find", fields)

    async def _download(self, context: ToolContext, wanted: tuple[str, ...]) -> None:
        """Download models that a question was about. Raises UserError, JobCancelled."""
        store, job = self._studio.store, context.job
        for model in wanted:
            try:
                await job.side("network", store.fetch, model, job.report)
            except ModelMissing as e:
                log.info("A model was not downloaded: %s", e)
                raise UserError("chat.download_failed") from e
        if wanted:
            job.emit(ModelsListed(tuple(await job.side("disk", store.cards))))

    async def _question(self, context: ToolContext, steps: tuple[ToolCall, ...]) -> Text | None:
        """What to ask about steps that would take long; None where they may run at once."""
        offers = [o for o in [await tools.offer(context, step) for step in steps] if o is not None]
        if not offers:
            return None
        whole = duration(sum(o.seconds for o in offers))
        if any(isinstance(step, RestoreCall) and step.task == "auto" for step in steps):
            detection = await self._studio.detect(context.document, context.card.head, context.job)
            return (*rules.advice_text(detection), Message("chat.auto_takes_long", {"time": whole}))
        part = _part(offers)
        if part is None:
            return Message("chat.takes_long", {"time": whole})
        return Message("chat.takes_long_or_part", {"whole": whole, "part": duration(part)})

    async def _run(self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply) -> None:
        """Run steps one after the other; the first that fails ends it."""
        await tools.find_parts(context, steps)
        for step in steps:
            reply.steps = (*reply.steps, step)
            result = await tools.run(context, step)
            reply.say(result.text)
            reply.in_transcript = reply.in_transcript or result.in_transcript

    async def _add(self, context: ToolContext, reply: Reply) -> None:
        if not reply.content and reply.in_transcript:
            return
        content = tuple(reply.content)
        turn = Turn(
            "assistant",
            content[0] if len(content) == 1 else messages(*content),
            tuple(context.made),
            time.time(),
            tuple(to_json(step) for step in reply.steps),
            reply.question,
            reply.models,
        )
        await self._studio.add_turn(context.document, turn, context.job)

    async def _add_failed(self, context: ToolContext, reply: Reply) -> None:
        """Add the turn of an error that is being raised; failing to store it must not hide that error."""
        try:
            await self._add(context, reply)
        except UserError as e:
            log.info("The turn was not kept: %s", e)


def _part(offers: list[Offered]) -> float | None:
    """Seconds for the visible part of all steps; None if one of them cannot be limited to it."""
    parts = [o.part_seconds for o in offers]
    return None if None in parts else sum(p for p in parts if p is not None)
