"""A message of the user answered by a language model: in rounds of tool calls, through the tools of the program."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from contextlib import suppress

from clarity_desktop.backend import pictures, tools
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.chat import prompts
from clarity_desktop.backend.chat.llm.claims import false_claims
from clarity_desktop.backend.chat.llm.exchange import Answer, Asked, Exchange
from clarity_desktop.backend.chat.llm.language_models import LanguageModels
from clarity_desktop.backend.chat.reply import Reply
from clarity_desktop.backend.plan import AskUserCall, GoToCall, RedoCall, ToolCall, UndoCall
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import ReplyPart, UserError
from clarity_desktop.settings import LlmSettings
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import Picture, Task, Turn

MAX_ROUNDS = 8
"""Rounds of tool calls for one message; a model that wants more has lost its way."""
PHOTO_SIDE, PHOTO_QUALITY = 768, 85
"""Longest side in pixels and JPEG quality of the photo that is sent."""
SHOW_SECONDS = 0.05
"""Between two pieces of a reply that are shown while it comes."""
AskFirst = Callable[[ToolContext, tuple[ToolCall, ...], Reply], Awaitable[bool]]
"""Puts a question about steps that must not run at once; returns whether it did."""


async def answer(
    models: LanguageModels, context: ToolContext, turns: tuple[Turn, ...], text: str, reply: Reply, ask_first: AskFirst
) -> None:
    """Answer a message by the language model of the settings; turns: before it. Raises UserError, JobCancelled."""
    llm = context.studio.settings.llm
    if not llm.model:
        raise UserError("llm.no_model_chosen")
    card = context.card
    async with models.connect(llm, context.job) as client:
        photo = await _photo(context) if llm.send_photo else None
        exchange = Exchange(
            client, card, turns, await _facts(context), text, photo[0] if photo else None,
            by_plan=not models.calls_tools(llm), on_text=_show_to(context),
        )  # fmt: skip
        said: list[str] = []
        done: set[str] = set()
        for _ in range(MAX_ROUNDS):
            found = await exchange.ask()
            if photo is not None:
                _note_photo(models, llm, context, exchange, photo, client.where.server, reply)
                photo = None
            _note_ways(models, llm, exchange, reply)
            said.append(found.text)
            reply.say(found.text)
            reply.say(found.problem)
            reply.say(found.question or "")
            fresh = _leave_out_repeated(exchange, found, done)
            steps = tuple(asked.step for asked in fresh)
            if not found.asked or await ask_first(context, steps, reply):
                break
            await _run(context, exchange, fresh, reply)
            if found.final or any(isinstance(step, AskUserCall) for step in steps):
                break
        else:
            reply.say(Message("llm.endless", {"rounds": MAX_ROUNDS}))
    if reply.question is None:
        changed = bool(context.made) or context.card.head != card.head
        made: set[Task] = {v.step.task for v in context.card.versions if v.step.task is not None}
        is_question = text.rstrip().endswith("?")
        for note in false_claims(" ".join(said), reply.steps, changed=changed, asked=is_question, earlier=made):
            reply.say(note)


def _leave_out_repeated(exchange: Exchange, found: Answer, done: set[str]) -> tuple[Asked, ...]:
    """The calls that were not run in an earlier round; some models repeat a call instead of coming to an end.

    done: the calls of earlier rounds; after a move in the history they may be run again.
    """
    fresh = tuple(asked for asked in found.asked if repr(asked.step) not in done)
    for asked in found.asked:
        if asked not in fresh:
            exchange.report(asked, "This was done already. Do not repeat it; answer the user.")
    for asked in fresh:
        if isinstance(asked.step, UndoCall | RedoCall | GoToCall):
            done.clear()
        else:
            done.add(repr(asked.step))
    return fresh


async def _run(context: ToolContext, exchange: Exchange, fresh: tuple[Asked, ...], reply: Reply) -> None:
    """Run what the model asked for, in its order; after a step that failed the others are left out."""
    failed = False
    for asked in fresh:
        if failed:
            exchange.report(asked, "Not run, because an earlier step failed.")
            continue
        reply.steps = (*reply.steps, asked.step)
        made = len(context.made)
        try:
            result = await tools.run(context, asked.step)
        except UserError as e:
            failed = True
            reply.say(e.text)
            exchange.report(asked, f"Error: {e}")
            continue
        reply.say(result.text)
        reply.in_transcript = reply.in_transcript or result.in_transcript
        exchange.report(asked, _outcome(context, result.text, len(context.made) > made))


def _outcome(context: ToolContext, text: Text, changed: bool) -> str:
    """What the model gets to know of a step: the sentence for the user, and which version is shown now."""
    card = context.card
    sentence = english(text)
    if not sentence and card.turns and card.turns[-1].role == "assistant":  # Auto's report is a turn of its own
        sentence = english(card.turns[-1].content)
    if not changed and card.head == context.head.id and not sentence:
        return "Done."
    return f"{sentence} The version that is shown is {card.head}."


async def _facts(context: ToolContext) -> prompts.Facts:
    """Methods, and what the likely tasks take here."""
    studio, head = context.studio, context.head
    listed = await context.job.side("disk", studio.methods)
    seconds: dict[Task, float] = {}
    for name in rules.present(head.detection) if head.detection else ():
        task = rules.TREATMENTS[name].task
        with suppress(UserError):  # there is no method for it
            seconds[task] = studio.estimate((head.width, head.height), task, None).seconds
    return prompts.Facts(listed.methods, seconds)


def _show_to(context: ToolContext) -> Callable[[str], None]:
    """Shows a reply in the window while it comes, not more often than the eye follows."""
    loop = asyncio.get_running_loop()
    last = 0.0

    def show(text: str) -> None:
        nonlocal last
        if loop.time() - last >= SHOW_SECONDS:
            last = loop.time()
            context.job.emit(ReplyPart(context.document, text))

    return show


def _note_ways(models: LanguageModels, llm: LlmSettings, exchange: Exchange, reply: Reply) -> None:
    """Say what the server could not do, once."""
    if exchange.by_plan:
        models.note_without_tools(llm)
    for note in exchange.notes:
        reply.say(note)
    exchange.notes.clear()


def _note_photo(
    models: LanguageModels, llm: LlmSettings, context: ToolContext, exchange: Exchange,
    photo: tuple[str, int, int], server: str, reply: Reply,
) -> None:  # fmt: skip
    """Say that the photo was sent, the first time it was."""
    seen = (llm.url, context.document)
    if exchange.image is not None and seen not in models.saw_photo:
        models.saw_photo.add(seen)
        reply.say(Message("llm.photo_sent", {"server": server, "width": photo[1], "height": photo[2]}))


async def _photo(context: ToolContext) -> tuple[str, int, int]:
    """The version that is shown as a data URL, and its reduced width and height."""
    document = context.studio.document(context.document)
    picture = await context.job.side("disk", document.picture, context.card.head)
    return await context.job.side("encode", _reduced, picture)


def _reduced(picture: Picture) -> tuple[str, int, int]:
    from PIL import Image

    pixels, alpha = pictures.to_srgb8(picture)
    image = Image.fromarray(pixels)
    if alpha is not None:  # the color under transparent pixels is nothing to look at
        image = Image.composite(image, Image.new("RGB", image.size, "white"), Image.fromarray(alpha))
    image.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=PHOTO_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", image.width, image.height
