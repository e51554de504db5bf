"""Questions about the photo and about what was done, and the calls that answer them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.calls import Read
from clarity_desktop.backend.chat.hints import likely_task
from clarity_desktop.backend.chat.indirect import clue
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.regions import region_in, text_region
from clarity_desktop.backend.chat.speech import without_fill
from clarity_desktop.backend.chat.versions import versions_in
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    AssessCall,
    DescribeCall,
    DetectCall,
    FindCall,
    SelectRegionCall,
    TextRegion,
    ToolCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import TASK_FOR, Degradation, Task

DEGRADATION_OF: Mapping[Task, Degradation] = {task: name for name, task in TASK_FOR.items()}


_SHARE_OF = re.compile(
    r"\b(?:how much|what (?:share|percentage|fraction|part)) of (?:it|this|(?:the|this|my) (?:photo|picture|image))"
    r" (?:is|are|shows|does)(?: the)? (?P<what>[a-z][\w' -]*)"
)
"""A question how large something is."""
_PASSIVE = re.compile(
    r"\b(?:can|could|may|might|should|will|would|must)\b(?:\s+(?!be\b)[\w'-]+){0,7}?\s+be\s+(?:\w+ly\s+)?"
    r"(?:removed|taken|fixed|repaired|reduced|cleaned|cleared|erased|deleted|sharpened|brightened|lightened"
    r"|darkened|denoised"
    r"|restored|corrected|improved|undone|made|enhanced|lifted|healed|edited|smoothed|enlarged|upscaled|turned|rotated"
    r"|straightened|cropped|softened|recovered|eliminated|rescued|patched|filled|dehazed|deblurred|derained)\b"
    r"|\b(?:can|could|may)\b(?:\s+(?!be\b)[\w'-]+){1,7}?\s+(?:be (?:all )?gone|disappear|vanish|go away)\b"
    r"|\bis (?:it )?possible to\b(?! (?:see|know|tell))|\b(?:is there|there's|there is) (?:a|any) way to\b(?!"
    r" (?:see|know|tell))"
    r"|\bwould be (?:nice|great|good|cool|lovely|better)\b|\bwould (?:love|like) it if\b"
)
"""Requests in the form of questions about what can be done."""


_ENDS_WITH_REQUEST = re.compile(
    r"^\W*(?:but |and |ugh |oh )*(?:why|how come|what happened|what's with|what is with)\b.*?"
    r"(?<!should )(?<!\bi )(?<!\bto )(?<!\byou )(?<!\bnot )"
    r"\b(?:fix|repair|correct|improve|sort|clean|help)(?: (?:it|this|that|them|me))?(?: (?:up|out))?"
    r"(?: please)?\W*$"
)
"""A question that is none: "why so grainy, fix please"."""


def is_question(text: str, past: Past, *, asks: bool) -> bool:
    """Whether a text only asks. asks: whether it ended with a question mark."""
    if re.match(r"\W*(?:just )?(?:do )?whatever\b", text):
        return False
    if _ENDS_WITH_REQUEST.search(text):
        return False
    if words.pattern("look", "request").match(text) or re.match(r"what about \w+ing\b", text):
        return False
    bare = without_fill(text)
    if _PASSIVE.search(text) and mentions_in(text):  # "could the noise be removed?"
        return False
    you = words.regex(words.phrases("look", "ask_you"), text)
    if re.match(rf"\W*(?:would|will|can|could|do|did) you\s+(?:please\s+|also\s+)?(?:{you})", bare):
        return not re.match(r"\W*(?:can|could|would|will) you\s+(?:please\s+)?(?:do|use)\b", bare)
    if re.match(r"\W*(?:can|could|would|will) (?:you|we|i (?:get|have))\b", bare):
        return False
    if re.match(r"(?:please )?(?:show|highlight)\b", text) and mentions_in(text):  # "show me the noise"
        named = bool(versions_in(text, past))
        return not named and not words.pattern("history", "original").search(text)
    start = words.regex(words.phrases("look", "start"), text)
    if re.match(rf"\W*(?:(?:and|so|but|well|ok|okay|hey|just|please|now|hmm|oh)\W+)*(?:{start})", text):
        return True
    return asks and not _is_imperative(bare)


def _is_imperative(text: str) -> bool:
    """Whether a text with a question mark is a request all the same: "remove the rain?"."""
    if re.search(r"\b(?:can|could|would|will) you\b", text):
        return True
    first = mentions_in(text)
    if first and first[0].start == 0 and not (isinstance(first[0].word, TaskWord) and first[0].word.kind == "thing"):
        return True
    verbs = (*words.phrases("regions", "remove"), *words.phrases("auto", "verbs"), *words.phrases("versions", "go"))
    verbs += (*words.phrases("history", "undo"), "make", "reduce", "turn", *words.phrases("export", "verbs"))
    return bool(re.match(rf"(?:{words.regex(verbs, text)})|\w+ing\b", text))


def look(text: str) -> Read:
    """What answers a question."""
    if words.pattern("look", "elsewhere").search(text):
        return Read(reply=Message("chat.off_topic"))
    if words.pattern("history", "done").search(text):
        return Read((DescribeCall(),))
    if (share := _SHARE_OF.search(text)) and not mentions_in(share["what"]):
        return Read((SelectRegionCall(text_region(share["what"].strip())),))  # it says how large it is
    if words.pattern("look", "advise").search(text):
        return Read((DetectCall(),))
    mentioned: list[Task] = [m.word.task for m in mentions_in(text) if isinstance(m.word, TaskWord)]
    about: list[Degradation] = [DEGRADATION_OF[task] for task in mentioned if task in DEGRADATION_OF]
    region = _looked_at(text)
    if about and not words.pattern("look", "assess").search(text):
        return Read((DetectCall(about[0], region=region),))
    if not about and (found := _found_in(text)):
        return Read((FindCall(found),))
    if looks := looks_without_question(text):
        return Read(looks)
    if words.pattern("look", "content").search(text):
        return Read((DescribeCall(content=True),))
    if words.pattern("look", "describe").search(text):
        return Read((DescribeCall(),))
    if (task := clue(text)) is not None and (task := likely_task(text, task)) is not None:
        return Read((DetectCall(DEGRADATION_OF.get(task), region=region),))
    if words.pattern("look", "subject").search(text) or mentioned:
        return Read((DetectCall(region=region),))
    return Read(reply=Message("chat.off_topic"))


def looks_without_question(text: str) -> tuple[ToolCall, ...]:
    """Looks that a text asks for by their own words: "quality score", "defects"."""
    if words.pattern("look", "detect").search(text):
        return (DetectCall(region=_looked_at(text)),)
    found = words.pattern("look", "assess").search(text)
    return (AssessCall(region=_looked_at(text)),) if found else ()


def _looked_at(text: str) -> TextRegion | None:
    """The part that a question is about: "is this part still noisy?", "what is wrong with the face?"."""
    named = region_in(text, mentions_in(text))
    if named is None or named.text in (HERE, NOT_HERE):
        return named
    from clarity_desktop.backend.regions.words import parse

    # A question has other nouns as well: "which version is the best?".
    meant = parse(named.text)
    return named if meant and all(part.kind != "phrase" for part in meant.parts) else None


def _found_in(text: str) -> TextRegion | None:
    """What a question wants to be found or counted."""
    trigger = words.pattern("look", "find").search(text)
    if trigger is None:
        return None
    stops = words.regex(
        [w for w in words.phrases("regions", "stop") if w not in ("a", "any", "some", "all", "the")], text
    )
    tail = re.sub(
        r"^\s+(?:in|on) (?:the|this|my) (?:photo|picture|image)(?:\s+(?:is|are|do you see|can you see))?",
        "",
        text[trigger.end() :],
    )
    rest = re.sub(r"^\s+(?:me\s+)?(?:all\s+)?(?:the|a|an|any|my|some|all|another)\b", "", tail)
    at = re.match(rf"\s*((?:(?!(?:{stops}))[a-z][\w'-]*\s*){{1,5}})", rest)
    noun = (
        re.sub(
            r"\s+(?:in|on|of|from|at|with)(?:\s+(?:the|this|it|my))?(?:\s+(?:photo|picture|image|shot))?\s*$",
            "",
            at[1].strip(),
        )
        if at
        else ""
    )
    noun = re.sub(r"\s+(?:in|on)\s+(?:the|this|my)\s+(?:photo|picture|image|shot)\b.*$", "", noun)
    never = {
        *words.phrases("regions", "never"),
        *words.phrases("regions", "whole"),
        "it",
        "this",
        "that",
        "something",
        "problems",
        "anything",
        "you",
        "i",
    }
    return (
        TextRegion(noun)
        if noun and not noun.startswith("what") and noun.split()[0] not in never and noun not in never
        else None
    )
