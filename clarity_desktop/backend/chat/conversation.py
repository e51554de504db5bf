"""One turn of the conversation: plan it, run its tools, report the results."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile
from typing import cast

from clarity_desktop.backend import macro, methods, selection, tools
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.chat import opinions, plan_request, references, retries
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.history import last_change, past_turns
from clarity_desktop.backend.chat.llm import turn as llm_turn
from clarity_desktop.backend.chat.llm.language_models import LanguageModels
from clarity_desktop.backend.chat.photos import PhotoRequest, photo_in
from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.chat.reply import Reply
from clarity_desktop.backend.chat.scales import factor_in, with_scale
from clarity_desktop.backend.plan import (
    ASK_FIRST,
    LOOK_ONLY,
    EarlierChoice,
    ExportCall,
    GoToCall,
    Plan,
    RestoreCall,
    TextRegion,
    ToolCall,
    before_files,
    from_json,
    region_of,
    to_json,
)
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import (
    JobCancelled,
    ModelMissing,
    ModelsListed,
    Notice,
    Offered,
    ReplyPart,
    RunMacro,
    RunPlan,
    SaveMacro,
    SendMessage,
    UserError,
)
from clarity_desktop.text import Message, Text, conjunction, duration, size
from clarity_desktop.values import Json, Turn, Version
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
        card = self._studio.document(request.document).card()
        context = ToolContext(
            self._studio, request.document, job, request.visible, selected=request.selected,
            referred=references.named(request.text, card), numbered=request.numbered,
        )  # fmt: skip
        pending, wanted = self._pending(context)
        await self._exchange(
            context, request.text, lambda reply: self._answer(context, request.text, pending, wanted, reply)
        )

    async def run_macro(self, request: RunMacro, job: Job) -> None:
        """Run a macro as a turn, after the same questions as a message. Raises as `send`, and what reading raises."""
        context = ToolContext(self._studio, request.document, job, request.visible)
        read = await job.side("disk", macro.read, request.path)
        asked = Message("macro.run", {"name": read.name})
        await self._exchange(context, asked, lambda reply: self._follow(context, Plan(read.steps), reply))

    async def save_macro(self, request: SaveMacro, job: Job) -> None:
        """Write the changes of a stretch of the conversation as a macro. Raises UserError."""
        document = self._studio.document(request.document)
        made = await job.side(
            "disk", macro.record, document.card(), request.first, request.stop, request.name, document.region
        )
        job.commit()
        await job.side("disk", macro.write, made.macro, request.path)
        fields = {"name": made.macro.name, "path": str(request.path), "steps": made.macro.titles}
        job.emit(Notice((Message("macro.saved", fields), *made.notes)))

    async def run(self, request: RunPlan, job: Job) -> None:
        """Run the steps of the open question as the user changed them. Errors are treated as in `send`."""
        context = ToolContext(
            self._studio, request.document, job, request.visible,
            request.only_visible and request.visible is not None, request.selected,
        )  # fmt: skip
        pending, wanted = self._pending(context)

        async def answer(reply: Reply) -> None:
            if not pending or not request.steps:
                reply.say(Message("chat.nothing_changed" if pending else "chat.nothing_to_confirm"))
                return
            steps = tuple(from_json(step) for step in request.steps)
            if await self._asks_more(context, steps, pending, wanted, reply):
                return
            disliked = opinions.waiting(context.card)
            await self._download(context, wanted)
            await self._run_confirmed(context, steps, tuple(from_json(step) for step in pending), reply)
            await retries.settle(context, disliked)

        said = "chat.say_run_visible" if context.only_visible else "chat.say_run"
        await self._exchange(context, Message(said), answer)

    async def _exchange(
        self, context: ToolContext, content: Text, answer: Callable[[Reply], Awaitable[object]]
    ) -> None:
        """Add a turn of the user and the turn that answers it; errors are handled as `send` says."""
        await self._studio.add_turn(context.document, Turn("user", content, time=time.time()), context.job)
        reply = Reply()
        try:
            with context.watching():
                await answer(reply)
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
        disliked = opinions.waiting(context.card) if answer else await opinions.note(context, text)
        if answer == "no" and pending:
            reply.say(Message("chat.nothing_changed"))
        elif answer is not None and pending:
            context.only_visible = answer == "visible" and context.visible is not None
            await self._download(context, wanted)
            steps = tuple(from_json(step) for step in pending)
            await self._run_confirmed(context, steps, steps, reply)
        elif self._studio.settings.llm.enabled:
            # "Yes" may answer a question of the model.
            turns = context.card.turns[:-1]  # the last one is this message
            ask = self._show_plan if plan_request.asks_first(text) else self._ask_first
            await llm_turn.answer(self.models, context, turns, text, reply, ask, disliked)
        elif answer is not None:
            reply.say(Message("chat.nothing_to_confirm"))
        elif (asked := photo_in(text)) is not None and _means_photo(context, asked):
            await self._go_to_photo(context, asked, reply)
        else:
            await self._plan_and_run(context, text, disliked, reply)
        await retries.settle(context, disliked)

    async def _go_to_photo(self, context: ToolContext, asked: PhotoRequest, reply: Reply) -> None:
        """Show an earlier photo; what was said about it is answered there."""
        if asked.same:
            await self._do_the_same(context, asked.which, reply)
            return
        if asked.together:
            photo = context.card.earlier[0 if asked.which == "previous" else -1]
            reply.say(Message("chat.photos_apart", {"title": photo.title}))
            return
        result = await tools.go_to_photo(context, asked.which, asked.text)
        reply.steps = (GoToCall(photo=asked.which),)
        reply.say(result.text)

    async def _do_the_same(self, context: ToolContext, which: EarlierChoice, reply: Reply) -> None:
        """Run on this photo what the conversation did to an earlier one. Raises UserError."""
        found = await self._studio.find_photo(context.document, 0 if which == "previous" else -1, context.job)
        if found.open is None:
            raise UserError("chat.same_not_open", title=found.photo.title)
        document = self._studio.document(found.open)
        card = document.card()
        try:
            made = await context.job.side(
                "disk", macro.record, card, 0, len(card.turns), card.title, document.region
            )  # fmt: skip
        except UserError as e:
            raise UserError("chat.same_nothing", title=found.photo.title) from e
        await self._follow(context, Plan(made.macro.steps, reply=made.notes), reply)

    async def _plan(self, context: ToolContext, text: str) -> Plan:
        card = context.card
        hidden, names = references.hide(text, card)
        past = past_turns(card, context.numbered)
        turns = tuple(replace(turn, text=references.hide(turn.text, card)[0]) for turn in past)
        found = references.restore(plan(hidden, turns, last_change(card)), names)
        return (
            found if factor_in(text) is None else await context.job.side("disk", with_scale, self._studio, found, text)
        )

    async def _plan_and_run(
        self, context: ToolContext, text: str, disliked: opinions.Restoration | None, reply: Reply
    ) -> None:
        """Plan a message and run the plan, or show it first where the message asks for that.

        disliked: the restoration that the message complains about.
        """
        rest = plan_request.rest_of(text)
        if rest is not None:
            found = await self._plan(context, rest) if rest else await self._advised(context)
            if any(step.tool not in LOOK_ONLY for step in found.steps) and found.question is None:
                reply.say(found.reply)
                await self._show_plan(context, found.steps, reply)
                return
        found = await self._plan(context, text)
        await opinions.note_move(context, text, found)
        await self._follow(context, await retries.another_try(context, text, found, disliked), reply)

    async def _follow(self, context: ToolContext, found: Plan, reply: Reply) -> None:
        """Run a plan, or ask about it first."""
        if found.question is not None:
            reply.say(found.question)
            reply.steps, reply.question = found.steps, context.card.head
            return
        await self._run_or_ask(context, found.steps, reply, found.reply)

    async def _advised(self, context: ToolContext) -> Plan:
        """What Auto would treat, in its order, as a plan; without clear problems the sentence that says so."""
        advised = await self._studio.advise(context.document, context.card.head, context.job)
        return Plan(tuple(RestoreCall(a.task) for a in advised.advice), reply=advised.text)

    async def _show_plan(
        self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply, later: tuple[ToolCall, ...] = ()
    ) -> bool:
        """Show the steps as a plan that waits, as the user asked for; with what would be asked about it anyway."""
        if all(step.tool in LOOK_ONLY for step in steps):
            return await self._ask_first(context, steps, reply, later)
        reply.say(Message("chat.plan_ready"))
        if not await self._ask_first(context, steps, reply, later):
            reply.steps, reply.question = (*steps, *later), context.card.head
        return True

    async def _asks_more(
        self, context: ToolContext, steps: tuple[ToolCall, ...], pending: tuple[Json, ...], wanted: tuple[str, ...],
        reply: Reply,
    ) -> bool:  # fmt: skip
        """Ask about what a changed plan needs beyond what the user confirmed: a download, or more time."""
        missing = await context.job.side("disk", self._missing, context, steps)
        if set(missing) <= set(wanted):
            confirmed = tuple(from_json(step) for step in pending)
            if steps == confirmed or await self._seconds(context, steps) <= await self._seconds(context, confirmed):
                return False
        now, files = before_files(steps)
        return await self._ask_first(context, now, reply, files)

    async def _seconds(self, context: ToolContext, steps: tuple[ToolCall, ...]) -> float:
        """What the steps that must be asked about take."""
        await tools.find_parts(context, steps)
        offers = [await tools.offer(context, step) for step in steps]
        return sum(o.seconds for o in offers if o is not None)

    async def _run_or_ask(
        self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply, said: Text = ""
    ) -> None:
        """Run steps up to the first that must be confirmed, and ask about that."""
        now, files = before_files(steps)
        reply.say(said)  # before a question, too: it says which method would run
        if await self._ask_first(context, now, reply, files):
            return
        await self._run(context, now, reply)
        await self._ask_first(context, files, reply)

    async def _run_confirmed(
        self, context: ToolContext, steps: tuple[ToolCall, ...], asked: tuple[ToolCall, ...], reply: Reply
    ) -> None:
        """Run steps after a question that was answered with yes; what it did not cover is asked about next.

        asked: the steps of the question, which the user may have changed.
        """
        files = tuple(call for call in _leading_files(steps) if call in _leading_files(asked))
        now, later = (files, steps[len(files) :]) if files else before_files(steps)
        context.confirmed = files
        await self._run(context, now, reply)
        await self._run_or_ask(context, later, reply)

    async def _ask_first(
        self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply, later: tuple[ToolCall, ...] = ()
    ) -> bool:
        """Ask about steps that write a file, need a download or take long. Returns whether it asked.

        They and those that follow later wait for the answer. What ran before in this reply becomes a turn of its own.
        """
        files = _leading_files(steps)
        with_method = () if files else [step for step in steps if tools.has_method(context, step)]
        wanted = await context.job.side("disk", self._missing, context, with_method)
        if files:
            question: Text | None = tuple([await tools.export_question(context, call) for call in files])
        elif wanted:
            question = self._models_question(context, steps, wanted)
        else:
            await tools.find_parts(context, steps)
            question = await self._question(context, steps)
        if question is None:
            return False
        if reply.steps:
            await self._add(context, reply)
            reply.clear()
            context.made.clear()
        reply.say(question)
        reply.steps, reply.question, reply.models = (*steps, *later), context.card.head, wanted
        return True

    def _missing(self, context: ToolContext, steps: Sequence[ToolCall]) -> tuple[str, ...]:
        """The models that these steps still need: of their methods, and to find the parts that they name."""
        found: dict[str, None] = {}
        kept = set(references.known(context.card))
        for step in steps:
            if isinstance(region := region_of(step), TextRegion):
                words = tools.as_reference(context, region.text)
                found |= dict.fromkeys(selection.missing_models(self._studio, words, kept))
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
            discarded = self._studio.discarded_tasks(context.card.id, context.card.head)
            return (
                *rules.advice_text(detection, discarded=discarded),
                Message("chat.auto_takes_long", {"time": whole}),
            )
        part = _part(offers)
        if part is None:
            return Message("chat.takes_long", {"time": whole})
        return Message("chat.takes_long_or_part", {"whole": whole, "part": duration(part)})

    async def _run(self, context: ToolContext, steps: tuple[ToolCall, ...], reply: Reply) -> None:
        """Run steps one after the other; the first that fails ends it."""
        await tools.find_parts(context, steps)
        before, made = context.head, len(context.made)
        for number, step in enumerate(steps, 1):
            await tools.announce(context, step, number, len(steps))
            reply.steps = (*reply.steps, step)
            result = await tools.run(context, step)
            reply.say(result.text)
            if number < len(steps):
                context.job.emit(ReplyPart(context.document, reply.text))
            reply.in_transcript = reply.in_transcript or result.in_transcript
        if len(context.made) - made > 1 and not reply.in_transcript:
            reply.say(_ending(len(context.made) - made, before, context.head))

    async def _add(self, context: ToolContext, reply: Reply) -> None:
        if not reply.content and reply.in_transcript:
            return
        turn = Turn(
            "assistant",
            reply.text,
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


def _ending(count: int, before: Version, after: Version) -> Message:
    """The last sentence of a request with several changes: the result is shown."""
    was, now = (version.quality.overall if version.quality else None for version in (before, after))
    if was is None or now is None:
        return Message("chat.all_done", {"count": count})
    return Message("chat.all_done_with_score", {"count": count, "before": was, "after": now})


def _leading_files(steps: tuple[ToolCall, ...]) -> tuple[ExportCall, ...]:
    """The calls that write a file before any other."""
    return tuple(cast("ExportCall", step) for step in takewhile(lambda step: step.tool in ASK_FIRST, steps))


def _means_photo(context: ToolContext, asked: PhotoRequest) -> bool:
    """Whether an earlier photo is meant: "do the same here" repeats the last change of this one, once there is one.

    Without an earlier photo "the first picture" may be a version, but not where the same is to be done as on it.
    """
    if not context.card.earlier:
        return asked.named and asked.same
    return asked.named or len(context.card.versions) == 1


def _part(offers: list[Offered]) -> float | None:
    """Seconds for the visible part of all steps; None if one of them cannot be limited to it."""
    parts = [o.part_seconds for o in offers]
    return None if None in parts else sum(p for p in parts if p is not None)
