"""A message of the user answered by a language model: in rounds of tool calls, through the tools of the program."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from clarity_desktop.backend import pictures, tools
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.chat import prompts, retries
from clarity_desktop.backend.chat.llm.claims import false_claims
from clarity_desktop.backend.chat.llm.exchange import Answer, Asked, Exchange
from clarity_desktop.backend.chat.llm.language_models import LanguageModels
from clarity_desktop.backend.chat.opinions import Restoration
from clarity_desktop.backend.chat.reply import Reply
from clarity_desktop.backend.plan import AskUserCall, GoToCall, RedoCall, ToolCall, UndoCall, before_files
from clarity_desktop.backend.tools import ToolContext
from clarity_desktop.messages import ReplyPart, UserError
from clarity_desktop.settings import LlmSettings
from clarity_desktop.text import Message, Text, english, messages
from clarity_desktop.values import Picture, Task, Turn

MAX_ROUNDS = 8
"""Rounds of tool calls for one message; a model that wants more has lost its way."""
PHOTO_SIDE, PHOTO_QUALITY = 768, 85
"""Longest side in pixels and JPEG quality of the photo that is sent."""
SHOW_SECONDS = 0.05
"""Between two pieces of a reply that are shown while it comes."""
NOT_RUN = "Not run, because an earlier step failed."
AskFirst = Callable[[ToolContext, tuple[ToolCall, ...], Reply, tuple[ToolCall, ...]], Awaitable[bool]]
"""Puts a question about steps that must not run at once, and keeps others for later; returns whether it did."""


async def answer(
    models: LanguageModels, context: ToolContext, turns: tuple[Turn, ...], text: str, reply: Reply, ask_first: AskFirst,
    disliked: Restoration | None = None,
) -> None:  # fmt: skip
    """Answer a message by the language model of the settings. Raises UserError, JobCancelled.

    turns: before it. disliked: the restoration that it complains about.
    """
    llm = context.studio.settings.llm
    if not llm.model:
        raise UserError("llm.no_model_chosen")
    card = context.card
    async with models.connect(llm, context.job) as client:
        photo = await _photo(context) if llm.send_photo else None
        exchange = Exchange(
            client, card, turns, await _facts(context, disliked), text, photo[0] if photo else None,
            by_plan=not models.calls_tools(llm), on_text=_show_to(context, reply),
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
            # A model names no method where the user did not; once more the same one would please no one.
            fresh = tuple([replace(a, step=await retries.instead(context, a.step, disliked)) for a in fresh])
            if not found.asked or await _run_or_ask(context, exchange, found, fresh, reply, done, ask_first):
                break
            if found.final or any(isinstance(asked.step, AskUserCall) for asked in fresh):
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


async def _run_or_ask(
    context: ToolContext, exchange: Exchange, found: Answer, fresh: tuple[Asked, ...], reply: Reply, done: set[str],
    ask_first: AskFirst,
) -> bool:  # fmt: skip
    """Run what the model asked for up to a step that must be confirmed; returns whether there is one.

    What cannot even be begun, such as a change of a part that is not in the photo, is the result of all the calls:
    the model may ask for something else. Raises UserError for a plan, whose model expects no results.
    """
    steps = tuple(asked.step for asked in fresh)
    now, files = before_files(steps)
    left = fresh
    try:
        if await ask_first(context, now, reply, files):
            return True
        left = fresh[len(now) :]
        if not await _run(context, exchange, fresh[: len(now)], reply):
            for asked in left:
                exchange.report(asked, NOT_RUN)
            return False
        return await ask_first(context, files, reply, ())
    except UserError as e:
        if found.final:
            raise
        if e.text not in reply.content:
            reply.say(e.text)
        for asked in left:
            done.discard(repr(asked.step))
            exchange.report(asked, f"Error: {e} Nothing was done.")
        return False


async def _run(context: ToolContext, exchange: Exchange, fresh: tuple[Asked, ...], reply: Reply) -> bool:
    """Run what the model asked for, in its order; after a step that failed the others are left out.

    Returns whether none failed.
    """
    failed = False
    for number, asked in enumerate(fresh, 1):
        if failed:
            exchange.report(asked, NOT_RUN)
            continue
        context.job.emit(ReplyPart(context.document, reply.text))
        await tools.announce(context, asked.step, number, len(fresh))
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
    return not failed


def _outcome(context: ToolContext, text: Text, changed: bool) -> str:
    """What the model gets to know of a step: the sentence for the user, and which version is shown now."""
    card = context.card
    sentence = english(text)
    if not sentence and card.turns and card.turns[-1].role == "assistant":  # Auto's report is a turn of its own
        sentence = english(card.turns[-1].content)
    if not changed and card.head == context.head.id and not sentence:
        return "Done."
    return f"{sentence} The version that is shown is {card.head}."


async def _facts(context: ToolContext, disliked: Restoration | None) -> prompts.Facts:
    """Methods, what the likely tasks take here, what the photo shows, and what the user does not like."""
    studio, head = context.studio, context.head
    listed = await context.job.side("disk", studio.methods)
    costs: dict[Task, tuple[float, int]] = {}
    for name in rules.present(head.detection) if head.detection else ():
        task, size = rules.TREATMENTS[name].task, (head.width, head.height)
        with suppress(UserError):  # there is no method for it
            costs[task] = studio.estimate(size, task, None).seconds, studio.memory_needed(size, task, None)
    untried = await retries.untried(context, disliked) if disliked is not None else ()
    return prompts.Facts(
        listed.methods, costs, studio.contents.get((context.document, head.id), ()),
        disliked=disliked and disliked.version.id, untried=untried,
    )  # fmt: skip


def _show_to(context: ToolContext, reply: Reply) -> Callable[[str], None]:
    """Shows a reply in the window while it comes, after what was said before; not more often than the eye follows."""
    loop = asyncio.get_running_loop()
    last = 0.0

    def show(text: str) -> None:
        nonlocal last
        if loop.time() - last >= SHOW_SECONDS:
            last = loop.time()
            context.job.emit(ReplyPart(context.document, messages(reply.text, text) if reply.content else text))

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
