"""Request → plan by rules, without a language model: the same words always give the same plan.

A request is cut into segments whose order is given by the user ("first …, then …"), a segment into clauses that
negation does not cross. In a clause the words of `words.topics` name tasks; each mention is asked for or refused by the
words around it. A clause without such a word may be a remark on the last result (`remarks`), a move among versions
(`versions`), or indirect wording (`words.clues`). A segment that only asks about the photo never becomes a step that
changes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.calls import everywhere_but, in_named, repeats
from clarity_desktop.backend.chat.follow_ups import LastChange, follow_up, of_history
from clarity_desktop.backend.chat.hints import hint_for
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.order import segments_of
from clarity_desktop.backend.chat.past import Past, replay
from clarity_desktop.backend.chat.questions import is_question
from clarity_desktop.backend.chat.regions import region_in
from clarity_desktop.backend.chat.remarks import WEAKER
from clarity_desktop.backend.chat.segment import UNKNOWN, Segment
from clarity_desktop.backend.chat.speech import NOTHING, is_fragment, says_only, small_talk
from clarity_desktop.backend.chat.spelling import normalize
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    GoToCall,
    PastTurn,
    Plan,
    RestoreCall,
    TextRegion,
    ToolCall,
    UndoCall,
)
from clarity_desktop.text import Message

NOT_UNDERSTOOD = (UNKNOWN.key, "chat.off_topic")
"""Replies to what the rules do not know."""
KEPT_REPLIES = ("chat.no_such_method", "chat.method_for_other_task", "chat.no_other_method", "chat.cannot")
"""Replies that are given although the plan has steps."""


_REMINDER = re.compile(r"\b(?:don't|do not|never) forget(?: to| about)?\b|\b(?:would|do) you mind\b(?=\s+\w+ing\b)")
"""Phrases that refuse nothing, although their words do."""

_THAT_PART = re.compile(
    r"(?P<only>\b(?:only|just) )(?:(?:in|on) )?(?:that|it|this|those|these|them|there)\b(?: (?:part|area|region|one))?"
    r"|\b(?:that|this) (?:part|area|region)\b"
)
"""A part of the photo that was named before."""
_IT = re.compile(r"\W*(?:(?:now|please|then|and|ok|okay) )*(?P<verb>[a-z]+) (?P<it>it|that|this|those|them)\b")


def plan(text: str, history: Sequence[PastTurn] = (), last: LastChange | None = None) -> Plan:
    """What to do for a request in plain English that follows a conversation.

    last: what made the version that is shown; None: what the conversation tells of it.
    """
    past = replay(history)
    if last is not None:
        past.change(last.base, last.calls)
    if (past.waiting or past.asked) and (found := _answer(text, past)) is not None:
        return found
    request = _name_part(_REMINDER.sub("", normalize(text)), past)
    request = _corrected(_reworded(request))
    bare, factor = _with_factor(request)
    if (repeated := follow_up(bare, last or of_history(history))) is not None:
        return (
            repeated if factor is None else replace(repeated, steps=tuple(_scaled(s, factor) for s in repeated.steps))
        )
    if words.pattern("look", "planted").search(request):
        return Plan(reply=Message("chat.off_topic"))
    if reply := small_talk(request, past):
        return Plan(reply=reply)
    asks = _ASKS.match(request)  # "is it brighter than before?"
    if not asks and (
        says_only(request, "speech", "complaint") or words.pattern("speech", "complaint_about").search(request)
    ):
        # An undone change can be redone, so there is no need to ask; without one there may be nothing to undo.
        return Plan((UndoCall(),), None if past.last else Message("chat.undo_question"))
    return _plan(request, past)


_PLACED = (
    r"((?: (?:on|in|at|under|behind|beside|below|across|around|near|of) (?:the|my|his|her|their)(?: [\w-]+){1,2}?)?)"
)
_COMPARATIVE = {
    "warm": "warmer", "cold": "cooler", "cool": "cooler", "dark": "darker", "saturated": "more saturated",
    "colorful": "more colorful", "colourful": "more colorful", "vivid": "more vivid", "contrasty": "contrastier",
    "punchy": "punchier", "light": "lighter", "big": "bigger", "large": "larger", "vibrant": "more vibrant",
}  # fmt: skip
"""What is wanted where something is "not warm enough"."""
_SHADOWS_COULD_BE = (
    rf"\bthe shadows?{_PLACED} (?:could|should|must|need to|needs to|ought to|may) be "
    r"(?:a (?:bit|little) |much |slightly )?"
)
_REWORDED: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\bwith the exception of\b"), "except"),
    (re.compile(r"\bnot (?:only|just) (is|are|was) (it|this|the (?:photo|picture|image))\b"), r"\2 \1"),
    (re.compile(r"\bnot only\b"), ""),
    (re.compile(r"\bneither (.+?) nor (.+?) (?:should|may|can|must) (?:stay|remain|be left)\b"), r"remove \1 and \2"),
    (
        re.compile(
            r"\b(the|my|his|her|their) ([\w']+(?: [\w']+)?) (?:must|should|has to|needs to) (?:stay|remain)\b"
            r"(?: (?:the way (?:it is|they are)|as (?:it is|they are)|alone|untouched|like that|unchanged))"
        ),
        r"don't touch \1 \2",
    ),
    (
        re.compile(
            r"^\W*(?:just look\W+)?(?:please )?(?:do not|don't) (?:edit|change|touch|do|start|fix|alter)"
            r"(?: (?:anything|it|yet|a thing|nothing))*\W+"
            r"(?:(?:just|and|only|but|first)\s+)*(?=tell|what|say|show|look|is|how|why)"
        ),
        "",
    ),
    (re.compile(r"\b(?:need|want) (the|my|this|that) ([\w' ]+?) (?:selected|masked|marked)\b"), r"select \1 \2"),
    (re.compile(r"\b(?:a )?(?:light|gentle|soft) touch on\b"), "slightly reduce"),
    (re.compile(r",? (?:and )?(?:i'll|i will) (?:tell you|explain|decide|say) (?:later|then|afterwards)\b.*$"), ""),
    # "grainier than my porridge" says how the photo is, "darker than before" how it changed.
    (
        re.compile(r"\b(grain|haz|blurr|nois|fogg|mist|smogg)ier than (?!before|it|this|that|last|v\d|the)[\w' -]+"),
        r"\1y",
    ),
    (re.compile(r"\b(i|we)(?:'d| would) (?:really |just )?(?:like|love)(?: to (?:have|get|see))?\b"), r"\1 want"),
    # "the shadow on the left": a tone, with what is to be done about it first.
    (
        re.compile(
            rf"\b(?:make|turn|get|have) (?:the |those |these )?shadows?{_PLACED}"
            r"(?: (?:a (?:bit|little|touch|tad)|much|slightly))* (brighter|lighter)\b"
        ),
        r"lift the shadows\1",
    ),
    (
        re.compile(rf"\b(?:make|turn|get|have) (?:the |those |these )?shadows?{_PLACED}(?: much)? (?:darker|deeper)\b"),
        r"deepen the shadows\1",
    ),
    (
        re.compile(
            rf"\bthe shadows?{_PLACED} (?:is|are|looks?) (?:a bit |a little |much |way |far )?too (dark|black|deep)\b"
        ),
        r"the shadows are too dark\1",
    ),
    (re.compile(rf"{_SHADOWS_COULD_BE}(?:lighter|brighter)\b"), r"lift the shadows\1"),
    (re.compile(rf"{_SHADOWS_COULD_BE}(?:darker|deeper)\b"), r"deepen the shadows\1"),
    (re.compile(r"\b(?:shadowy|shady|shaded) (?=(?:area|part|corner|region|spot|side|bit|zone|half)s?\b)"), "dark "),
    (
        re.compile(r"\b(?:not|hardly|barely) (?:quite |nearly |anywhere near )?(\w+) enough\b"),
        lambda at: f"make it {_COMPARATIVE[at[1]]}" if at[1] in _COMPARATIVE else at[0],
    ),
    (
        re.compile(
            r"\b(?:the whole|the entire|the full|the rest of the|all of the|all the) "
            r"(?:photo|picture|image|thing|scene|shot) (but|except|apart from|other than|outside)"
            r"(?= (?:for |of )?(?:the|my|his|her|this|that|here|in)\b)"
        ),
        r"everything \1",
    ),
    # "use the second for the sky", "the sky from 2": versions, not an order of steps.
    (
        re.compile(
            r"\b(use|take|put|keep|copy|from|of) the (first|second|third|fourth)"
            r"(?= (?:for|in|on) (?:the|my|his|her|their)\b|\W*$)"
        ),
        r"\1 the \2 one",
    ),
    (
        re.compile(
            r"\b(use|take|(?:the|my|his|her|their) \w+ (?:from|of)) (?:number |no\.? |#)?([1-9])"
            r"(?= (?:for|in|on) (?:the|my|his|her|their)\b|\W*$)"
        ),
        r"\1 version \2",
    ),
    (re.compile(r"\b(dark|dim)(?:m?)er than (?:an?|my|your|hell|night|midnight)\b[\w' -]*"), r"too \1"),
    (re.compile(r"\bnothing (?:but|except|other than|apart from) (?=(?:the|my|his|her|their)\b)"), "only "),
    (re.compile(r"\b(as [\w ]+? as (?:you|it|we)) (?:possibly|ever|humanly) (can|could)\b"), r"\1 \2"),
    # "the face needs more light and the background less"
    (
        re.compile(
            r"\b(more|less) (light|contrast|noise|grain|saturation|colou?r|brightness|blur)\b(,? (?:and|but)|,) "
            r"((?:the|my|his|her|their) [\w ]+?) (?:(?:a (?:bit|little|touch|tad)|much|slightly) )?(more|less)(?=\W*$)"
        ),
        r"\1 \2\3 \4 \5 \2",
    ),
    # "the version with the rain gone": named by what made it.
    (
        re.compile(
            r"\b(version|state|one|result|stage|step) (?:with|where)(?: only| just)? "
            r"(?=(?:the |no )?(?:\w+ ){0,2}?(?:is |was )?(?:gone|removed|away|out)\b)"
        ),
        r"\1 with only ",
    ),
    (re.compile(r"\b(version|state|one|result) without(?: the| any)? (?=\w+\W*$)"), r"\1 with only the "),
)
"""Turns of phrase in plainer words."""


_SOFTER = re.compile(
    r"[,\s]+(?:but |only |just |a bit |a little |much )*"
    r"(softer|weaker|gentler|less strong(?:ly)?|with less strength|milder)\W*$"
)


_ASKS = re.compile(r"\W*(?:is|are|was|were|does|did|has|have|which|how)\b")
_CORRECTION = re.compile(
    r"\W+(?:no,? wait|wait,? no|no no|actually no|no,? actually|correction|just kidding)\b[,:. ]*(?=\w)"
)


def _corrected(request: str) -> str:
    """What is left of a request that takes itself back: "remove the rain, no wait, the snow"."""
    parts = _CORRECTION.split(request)
    meant = parts[-1]
    return meant if len(parts) > 1 and (mentions_in(meant) or region_in(meant, ()) is not None) else request


def _with_factor(request: str) -> tuple[str, float | None]:
    """A request without "only softer" at its end, and by what that multiplies the strength."""
    at = _SOFTER.search(request)
    return (request, None) if at is None else (request[: at.start()], WEAKER)


def _scaled(call: ToolCall, factor: float | None) -> ToolCall:
    if factor is None:
        return call
    return replace(call, strength=round(factor * (call.strength or 1), 2)) if isinstance(call, RestoreCall) else call


def _reworded(request: str) -> str:
    for pattern, words_instead in _REWORDED:
        request = pattern.sub(words_instead, request)
    return request


def _name_part(request: str, past: Past) -> str:
    """A request with the part that was just selected or found in place of "only that" and "make it"."""
    if past.named is None:
        return request
    part = past.named.text if past.named.text in (HERE, NOT_HERE) else f"the {past.named.text}"
    found = _THAT_PART.sub(lambda at: f"{at['only'] or ''}{part}", request)
    verb = _IT.match(found)
    if verb is None or not (verb["verb"] == "make" or any(not m.start for m in mentions_in(verb["verb"]))):
        return found
    return f"{found[: verb.start('it')]}{part}{found[verb.end('it') :]}"


def _plan(request: str, past: Past) -> Plan:
    segments = segments_of(request)
    if len(segments) > 1 and any(answer_of(segment.text) == "no" for segment in segments[1:]):  # "remove it? no, wait"
        return Plan(reply=NOTHING)
    steps: list[ToolCall] = []
    replies: list[Message] = []
    question: Message | None = None
    out: TextRegion | None = None
    for segment in segments:
        found = Segment(segment.text, past, asks=segment.asks).read()
        steps += [s for s in in_named(found.calls, steps, segment.text, None) if not repeats(s, steps)]
        question, out = question or found.question, out or found.left_out
        if found.reply is not None and found.reply not in replies:
            replies.append(found.reply)
    if len([s for s in steps if s == RestoreCall("auto")]) and any(
        isinstance(s, RestoreCall) and s.task != "auto" for s in steps
    ):
        steps = [s for s in steps if s != RestoreCall("auto")]  # "it's dark. please fix it"
    if out is not None:
        steps = [everywhere_but(s, out) for s in steps]
    if steps and question is not None and not all(isinstance(s, UndoCall) for s in steps):
        question = None
    if not steps and question is None and not past.last and replies == [UNKNOWN] and is_fragment(request):
        question, replies = Message("chat.ask_change"), []
    if not steps and question is None and all(reply.key in NOT_UNDERSTOOD for reply in replies):
        asks = any(is_question(segment.text, past, asks=segment.asks) for segment in segments)
        if (hint := hint_for(request, past, asks=asks)) is not None:
            steps, question, replies = list(hint.calls), hint.question, [hint.reply] if hint.reply else []
    steps = [
        replace(s, version=past.original) if isinstance(s, GoToCall) and s.version is None and s.photo is None else s
        for s in steps
    ]
    if steps:  # of a mixed request only what cannot be done is worth a sentence
        replies = [r for r in replies if r.key in KEPT_REPLIES]
    elif question is not None:
        replies = []
    elif not replies:
        replies = [UNKNOWN]
    elif len(replies) > 1:
        replies = [r for r in replies if r != UNKNOWN]
    return Plan(tuple(steps), question, replies[0] if len(replies) == 1 else tuple(replies))


def _answer(text: str, past: Past) -> Plan | None:
    """The plan for an answer to an open question; None for a message that is something else."""
    answer = answer_of(text)
    if answer == "no":
        return Plan(reply=NOTHING)
    if past.waiting:
        return Plan(past.waiting) if answer is not None else None
    own = plan(text, (PastTurn("assistant", versions=past.versions, shown=past.shown),))
    if own.steps:
        return None
    reply = re.sub(r"^\W*(?:i mean|i meant|it's|it is|that's)\b", "", text.strip(" .!"), flags=re.IGNORECASE)
    completed = re.sub(
        r"\b(?:it|that|this|them|something)\b", lambda _: reply, past.asked, count=1, flags=re.IGNORECASE
    )
    found = plan(completed if completed != past.asked else f"{past.asked} {reply}", ())
    return found if found.steps and found.question is None else None
