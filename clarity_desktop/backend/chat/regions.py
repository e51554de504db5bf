"""Finds the part of the photo that a clause names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import Mention
from clarity_desktop.backend.plan import TextRegion


def region_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part of the photo that a clause names, in the user's words; None: the whole photo."""
    stops = words.regex(words.phrases("regions", "stop"))
    name = rf"(?!(?:{stops}))[a-z][\w'-]*"
    blank = list(clause)
    for mention in mentions:
        # "|" is no word character, so a mention ends the noun before it.
        blank[mention.start : mention.end] = "|" * (mention.end - mention.start)
    text = "".join(blank)
    articles = words.regex(words.phrases("regions", "articles"))
    places = words.regex(words.phrases("regions", "prepositions"))
    noun = rf"{name}(?:\s+{name}){{0,3}}?"
    tail = rf"(?:\s+(?:{places})\s+(?:{articles})\s+{name}(?:\s+{name})?){{0,2}}"
    if at := re.search(rf"\b(?:everything|all|anything) except (?:{articles})?\s*{name}(?:\s+{name})?", text):
        return TextRegion(at[0].replace(" except ", " but "))
    stop = rf"(?=\s*(?:$|[^\w\s'-]|\b(?:{stops}|{places})\b))"
    for at in re.finditer(rf"(?:{articles})\s+(?P<noun>{noun}{tail}){stop}", text):
        if _is_part(at["noun"]):
            return TextRegion(at["noun"])
    return None


def _is_part(noun: str) -> bool:
    first = noun.split()[0]
    never = {*words.phrases("regions", "whole"), *words.phrases("regions", "never")}
    return noun not in never and first not in never
