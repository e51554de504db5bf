"""Finds the part of the photo that a clause names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import Mention
from clarity_desktop.backend.plan import HERE, MAX_TEXT, TextRegion


class _Grammar(NamedTuple):
    """Patterns without groups. end: what may follow a noun."""

    articles: str
    name: str
    noun: str
    end: str


def region_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part of the photo that a clause names, in the user's words; None: the whole photo."""
    text = _without(clause, mentions)
    g = _grammar()
    if at := re.search(rf"\b(?:everything|all|anything) except (?:{g.articles})?\s*{g.name}(?:\s+{g.name})?", text):
        return text_region(at[0].replace(" except ", " but "))
    if words.pattern("regions", "here").search(text):
        return TextRegion(HERE)
    for at in re.finditer(rf"(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text):
        if _is_part(at["noun"]):
            return _all_of_list(text, at)
    return None


def removed_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """What a clause wants out of the photo: "remove the person and the car". Places ("in the sky") are not meant."""
    text = _without(clause, mentions)
    g = _grammar()
    verbs = words.regex(words.phrases("regions", "remove"))
    # "remove the noise and the person"
    damage = rf"(?:(?:{g.articles})?\s*\|+\s*(?:,\s*)?(?:and|or)\s+)*"
    at = re.search(rf"(?:{verbs})\s+{damage}(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text)
    return _all_of_list(text, at) if at and _is_part(at["noun"]) else None


def is_only(clause: str, region: TextRegion) -> bool:
    """Whether a clause is nothing but a part of the photo: "and the person on the left"."""
    return bool(re.fullmatch(rf"(?:and\s+)?(?:{_grammar().articles})\s+{re.escape(region.text)}", clause))


def _all_of_list(text: str, first: re.Match[str]) -> TextRegion:
    """The noun that was found and those that continue its list: "man and the woman on the left"."""
    g = _grammar()
    end = first.end("noun")
    while at := re.match(rf"\s*(?:,\s*)?(?:and|or)\s+(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text[end:]):
        if not _is_part(at["noun"]):
            break
        end += at.end("noun")
    return text_region(text[first.start("noun") : end])


def text_region(text: str) -> TextRegion:
    """A region by its words. Too many of them are cut: whoever looks for it then says that they are too long."""
    return TextRegion(text[:MAX_TEXT])


def _without(clause: str, mentions: Iterable[Mention]) -> str:
    """A clause whose mentions are "|", which is no word character: a mention ends the noun before it."""
    blank = list(clause)
    for mention in mentions:
        blank[mention.start : mention.end] = "|" * (mention.end - mention.start)
    return "".join(blank)


@cache
def _grammar() -> _Grammar:
    stops = words.regex(words.phrases("regions", "stop"))
    articles = words.regex(words.phrases("regions", "articles"))
    places = words.regex(words.phrases("regions", "prepositions"))
    name = rf"(?!(?:{stops}))[a-z][\w'-]*"
    tail = rf"(?:\s+(?:{places})\s+(?:{articles})\s+{name}(?:\s+{name})?){{0,2}}"
    noun = rf"{name}(?:\s+{name}){{0,3}}?{tail}"
    return _Grammar(articles, name, noun, rf"(?=\s*(?:$|[^\w\s'-]|\b(?:{stops}|{places})\b))")


def _is_part(noun: str) -> bool:
    first = noun.split()[0]
    never = {*words.phrases("regions", "whole"), *words.phrases("regions", "never")}
    return noun not in never and first not in never
