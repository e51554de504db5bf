"""Politeness, small talk, and requests that name nothing: Auto, and those that need a question."""

from __future__ import annotations

import re
from collections.abc import Mapping

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.regions import region_in
from clarity_desktop.text import Message

HELP = Message("chat.help")


NOTHING = Message("chat.nothing_changed")


_QUESTIONS: Mapping[str, Message] = {
    "remove": Message("chat.ask_remove"), "light": Message("chat.ask_light"), "size": Message("chat.ask_size"),
    "change": Message("chat.ask_change"),
}  # fmt: skip
"""List of `ambiguous` → what is asked."""


def says_only(request: str, *path: str) -> bool:
    """Whether a request is nothing but phrases of a list and politeness."""
    return words.only(path, ("speech", "polite"), ("speech", "praise_fill")).fullmatch(request) and bool(
        words.pattern(*path).search(request)
    )


def without_fill(text: str) -> str:
    """A text without politeness at its beginning."""
    polite = words.regex(
        (*words.phrases("speech", "polite"), "maybe", "perhaps", "also", "then", "yes", "no", "again"), text
    )
    keep = r"(?!(?:can|could|would|will) (?:you|we|i)\b)"
    return re.sub(rf"^\W*(?:{keep}(?:{polite})\W+)+", "", text)


def small_talk(request: str, past: Past) -> Message | None:
    """The reply to a message that is not about the photo; None for other messages."""
    if re.fullmatch(r"\W*(?:help|\?)\W*", request) or words.pattern("look", "help").search(request):
        if re.search(r"\b(?:possible|a way) to\b", request) and any(m.asked for m in mentions_in(request)):
            return None  # "is it possible to remove the rain?"
        return HELP
    if words.only(("speech", "greetings"), ("speech", "greet_fill")).fullmatch(request) and words.pattern(
        "speech", "greetings"
    ).search(request):
        return Message("chat.greeting")
    bare = words.only(("speech", "nothing"), ("speech", "polite"))
    if bare.fullmatch(request) and words.pattern("speech", "nothing").search(request):
        return (
            Message("chat.welcome") if re.match(r"\W*(?:ok |okay )?(?:thanks|thank you|cheers)\b", request) else NOTHING
        )
    praise = words.only(("speech", "thanks"), ("speech", "praise_fill"), ("speech", "greetings"))
    asks = re.match(r"\W*(?:is|are|was|does|did|has|have|how)\b", request)  # "is it better now?"
    if not asks and praise.fullmatch(request) and words.pattern("speech", "thanks").search(request):
        return Message("chat.welcome")
    if not past.last and words.only(("speech", "follow_up"), ("speech", "polite")).fullmatch(request):
        return Message("chat.follow_up") if words.pattern("speech", "follow_up").search(request) else None
    if re.search(
        r"\b(?:write|tell|sing|compose|read)\b.*\b(?:poem|joke|story|song|essay|news|haiku|limerick)\b", request
    ):
        return Message("chat.off_topic")
    if words.pattern("speech", "colorize").search(request):
        return Message("chat.no_colorize")
    if len(words.pattern("speech", "foreign").findall(request)) >= 2:
        return Message("chat.english_only")
    return None


def is_auto(text: str) -> bool:
    """Whether a request leaves the choice to the program and names nothing to be done."""
    if says_only(re.sub(r"\s+for (?:an?|the|my|our) [\w' ]+$", "", text), "auto", "alone"):
        return True
    verbs = words.only(("auto", "verbs"), ("auto", "objects"), ("speech", "polite"))
    if (
        verbs.fullmatch(text)
        and words.pattern("auto", "verbs").search(text)
        and not re.fullmatch(r"\W*(?:save|do)\b.*", without_fill(text))
    ):
        return True
    # "repair this old family picture"
    nouns, kinds = words.phrases("regions", "whole"), words.phrases("auto", "verbs")
    small = words.regex(words.phrases("regions", "prepositions"), text)
    verb = rf"(?:{words.regex(kinds, text)})\s+(?:the|this|that|my|our|an?|his|her|these)"
    named = (
        rf"{verb}\s+(?:(?!(?:{small}))[\w'-]+\s+){{0,3}}(?:{words.regex(nouns, text)})(?:\s+(?:of|from)\s+[\w' ]+)?\W*"
    )
    bare = re.sub(r"^\W*(?:can|could|would|will) (?:you|we)\s+(?:please\s+)?", "", without_fill(text))
    if re.fullmatch(named, bare) and not mentions_in(text):
        return True
    bare = " ".join(words.pattern("speech", "polite").sub(" ", text).split())
    return words.only(("auto", "better")).fullmatch(bare)


def is_fragment(text: str) -> bool:
    """Whether a text names only where or how, and not what to do: "on the left please", "a different one"."""
    bare = without_fill(text)
    if len(bare.split()) > 7:
        return False
    if any(words.pattern("follow", name).search(bare) for name in ("another", "stronger", "weaker", "same")):
        return True
    region = region_in(bare, ())
    rest = words.pattern("speech", "polite").sub(" ", bare.replace(region.text, " ", 1)) if region else bare
    return region is not None and not re.sub(r"\b(?:on|in|at|the|only|just|for|to|my|and|there|over)\b|\W", "", rest)


def ambiguous(text: str) -> Message | None:
    """The question to ask about a request that could mean anything."""
    for name, question in _QUESTIONS.items():
        only = words.only(("ambiguous", name), ("ambiguous", "what"), ("speech", "polite"), ("ambiguous", "fill"))
        if only.fullmatch(text) and words.pattern("ambiguous", name).search(text):
            return question
    return None
