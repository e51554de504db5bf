"""Finds the part of the photo that a clause names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from clarity_desktop import settings
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import Mention
from clarity_desktop.backend.plan import HERE, MAX_TEXT, TextRegion

_SEEN = re.compile(
    r"\b(?:see|read|make out|recogni[sz]e|tell|notice|print|hang|of me|took|take|taken)"
    r"\s+(?:the|this|that|my|his|her|any)\s+\w+"
)
"""What cannot be seen is no part to be changed alone: "I can't see the mountains"."""


_NOT_OWNERS = (
    r"(?:it|that|what|there|here|let|he|she|who|where|how|one|today|photo|picture|image|everything|something)'s"
)


class _Grammar(NamedTuple):
    """Patterns without groups. end: what may follow a noun."""

    articles: str
    name: str
    noun: str
    end: str


def region_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part of the photo that a clause names, in the user's words; None: the whole photo."""
    text = _SEEN.sub(" | ", _without(clause, mentions))
    g = _grammar(text)
    if " except " in text and (
        at := re.search(rf"\b(?:everything|all|anything) except (?:{g.articles})?\s*{g.name}(?:\s+{g.name})?", text)
    ):
        return text_region(at[0].replace(" except ", " but "))
    if words.pattern("regions", "here").search(text):
        return TextRegion(HERE)
    for at in re.finditer(rf"(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text):
        if _is_part(at["noun"]):
            return _all_of_list(text, at)
    return _bare(text, g)


def _bare(text: str, g: _Grammar) -> TextRegion | None:
    """A part that is named without an article: "sharpen eyes", "sky darker please"."""
    if (at := re.search(rf"\b(?!{_NOT_OWNERS})(?P<noun>[a-z]+'s\s+{g.name}){g.end}", text)) and _is_part(at["noun"]):
        return text_region(at["noun"])
    known = words.regex((*_known_nouns(), *words.phrases("regions", "bare")), text)
    if known == words.NEVER:
        return None
    lead = words.regex(words.phrases("regions", "lead"), text)
    side = words.regex(words.phrases("regions", "side"), text)
    for at in re.finditer(rf"(?:^|\||(?:{lead})\s)\s*(?P<noun>(?:(?:{side})\s+)?(?:{known})){g.end}", text):
        if _is_part(at["noun"]):
            return text_region(at["noun"])
    return None


def removed_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """What a clause wants out of the photo: "remove the person and the car". Places ("in the sky") are not meant."""
    text = _without(clause, mentions)
    g = _grammar(text)
    verbs = words.regex(words.phrases("regions", "remove"), text)
    # "remove the noise and the person"
    damage = rf"(?:(?:{g.articles})?\s*\|+\s*(?:,\s*)?(?:and|or)\s+)*"
    at = re.search(rf"(?:{verbs})\s+{damage}(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text)
    if at is None and (known := words.regex((*_known_nouns(), *words.phrases("regions", "bare")), text)) != words.NEVER:
        at = re.search(rf"(?:{verbs})\s+(?:all\s+)?(?P<noun>(?:{known})){g.end}", text)
    return _all_of_list(text, at) if at and _is_part(at["noun"]) else None


def is_only(clause: str, region: TextRegion) -> bool:
    """Whether a clause is nothing but a part of the photo: "and the person on the left"."""
    return bool(re.fullmatch(rf"(?:and\s+)?(?:{_grammar(clause).articles})\s+{re.escape(region.text)}", clause))


def left_out(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part that a clause only excludes: "don't touch the sky", "not the window"."""
    if any(True for _ in mentions):
        return None
    at = words.pattern("regions", "without").match(clause)
    region = region_in(clause, ()) if at else None
    if at is None or region is None:
        return None
    rest = clause[at.end() :].replace(region.text, " ", 1)
    fill = words.only(
        ("regions", "without_fill"), ("regions", "articles"), ("regions", "prepositions"), ("speech", "polite")
    )
    return region if not rest.strip() or fill.fullmatch(rest) else None


def everything_but(before: TextRegion | None, out: TextRegion) -> TextRegion:
    """The whole photo without one more part."""
    return text_region(f"everything but the {out.text}" if before is None else f"{before.text} and the {out.text}")


def _all_of_list(text: str, first: re.Match[str]) -> TextRegion:
    """The noun that was found and those that continue its list: "man and the woman on the left"."""
    g = _grammar(text)
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


@lru_cache(64)
def _grammar(text: str) -> _Grammar:
    """The patterns with the words that are in a text."""
    stops = words.regex(words.phrases("regions", "stop"), text)
    articles = words.regex(words.phrases("regions", "articles"), text)
    places = words.regex(words.phrases("regions", "prepositions"), text)
    name = rf"(?!(?:{stops}))[a-z][\w'-]*"
    tail = rf"(?:\s+(?:{places})\s+(?:(?:{articles})\s+{name}(?:\s+{name})?|me|him|her|us|them)){{0,2}}"
    noun = rf"{name}(?:\s+{name}){{0,3}}?{tail}"
    return _Grammar(articles, name, noun, rf"(?=\s*(?:$|[^\w\s'-]|\b(?:{stops}|{places})\b))")


@cache
def _known_nouns() -> tuple[str, ...]:
    """Plural nouns and stuff of `regions.toml`: they are named without an article."""
    lists = tomllib.loads((settings.resources() / "words" / "regions.toml").read_text("utf-8"))
    found = [w for name in ("sky", "water", "vegetation", "background", "skin") for w in lists["stuff"][name]]
    found += [w for phrases in lists["object"].values() for w in phrases if w.endswith("s")]
    out = set(words.phrases("regions", "not_bare"))
    return tuple(w for w in found if w.rstrip("*") not in out)


def _is_part(noun: str) -> bool:
    first = noun.split()[0]
    if noun.endswith("'s") or all(word in words.phrases("regions", "adjectives") for word in noun.split()):
        return False
    if "'s " in noun and noun.split()[-1] in words.phrases("regions", "whole"):  # "my grandma's photo"
        return False
    never = {*words.phrases("regions", "whole"), *words.phrases("regions", "never")}
    return noun not in never and first not in never
