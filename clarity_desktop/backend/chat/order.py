"""Parts of a request in the order in which the user wants them done."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in


@dataclass(frozen=True, slots=True)
class Segment:
    """asks: whether it ended with a question mark."""

    text: str
    asks: bool = False


def _cuts(text: str) -> re.Pattern[str]:
    then = words.regex(words.phrases("order", "then"), text)
    but = words.regex(words.phrases("order", "not_then"), text)
    return re.compile(rf"(?!(?:{but}))(?:{then})|[;!]+|\.+(?=\s|$)|\n+|\band (?=(?:fix|repair)\b)|(?<=\?)\s*")


def segments_of(request: str) -> list[Segment]:
    """The segments of a request, first those that are to be done first."""
    request = _numbered(request)
    found: list[str] = []
    for sentence in re.split(r"(?<=[.!?;])\s+", request):
        found += [part for part in _cut(_in_order(sentence)) if part]
    segments = [
        Segment(re.sub(r"^\W*and\b|\band\s*$", "", part.strip(" ,?")).strip(" ,"), "?" in part) for part in found
    ]
    return [segment for segment in segments if segment.text]


def _cut(sentence: str) -> list[str]:
    return _cuts(sentence).split(sentence)


def _numbered(request: str) -> str:
    """A numbered list as sentences."""
    if not re.match(r"\s*1\s?[.):]\s", request):
        return request
    return re.sub(r"(?:^|\s)\d\s?[.):]\s", "; ", request)


def _in_order(sentence: str) -> str:
    """A sentence with its parts in the order in which they are to be done, with "then" between them."""

    def names(part: str) -> bool:
        return bool(mentions_in(part)) or bool(re.search(r"\b(?:crop|rotate|flip|straighten|mirror)", part))

    if words.pattern("versions", "like").search(sentence):  # "before you sharpened it, it was better"
        return sentence
    before, after = (
        words.regex(words.phrases("order", "before"), sentence),
        words.regex(words.phrases("order", "after"), sentence),
    )
    that = words.regex(words.phrases("order", "before_that"), sentence)
    if (
        at := re.search(rf"^(?P<late>.+?),?\s+(?:(?:but|and)\s+)?(?P<early>[^,]+?)\s+(?:{that})\s*[.!]?$", sentence)
    ) and names(at["late"]):
        return f"{at['early']} then {at['late']}"
    if (at := re.match(rf"^(?:{before})\s+(?P<late>[^,]+),\s*(?P<early>.+)$", sentence)) and names(at["late"]):
        return f"{at['early']} then {at['late']}"
    if (at := re.match(rf"^(?:{after})\s+(?P<early>[^,]+),\s*(?P<late>.+)$", sentence)) and names(at["early"]):
        early = re.sub(r"\b(?:is|are|has been|have been) (?:gone|removed|done|fixed)\b", "", at["early"])
        return f"{early} then {at['late']}"
    at = re.match(
        rf"^(?P<late>.+?),?\s+(?:(?:but|and)\s+first\b|(?:{after})(?!\s+(?:that|this|you)\b(?!'ve| have| are| did)))"
        r"\s*(?P<early>.+)$",
        sentence,
    )
    if (
        at
        and names(at["early"])
        and names(at["late"])
        and not re.search(r"\b(?:version|one|result|state|picture|photo)\s*$", at["late"])
    ):
        return f"{at['early']} then {at['late']}"
    sentence = re.sub(
        rf"(?<!to )(?<!from )(?<!version )(?<!one )(?<!was )\b(?:{before})\s+(?=(?:the |you |any )?\w+ing\b)",
        "then ",
        sentence,
    )
    return _with_ends(sentence)


def _with_ends(sentence: str) -> str:
    """ "Denoise last, deblur first" in its order."""
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", sentence)
    first, last = (
        words.regex(words.phrases("order", "first"), sentence),
        words.regex(words.phrases("order", "last"), sentence),
    )

    def place(part: str) -> int:
        if re.search(rf"(?:{first})\W*$|^\W*(?:{first})", part):
            return 0
        return (
            2 if re.search(rf"(?:{last})\W*$|^\W*(?:{last})(?!\s+(?:one|two|three|step|change|version))", part) else 1
        )

    places = [place(part) for part in parts]
    if len(parts) < 2 or set(places) == {1} or not all(mentions_in(part) for part in parts):
        return sentence
    ends = re.compile(rf"(?:{first}|{last})")
    ordered = sorted(range(len(parts)), key=lambda k: places[k])
    return " then ".join(ends.sub(" ", parts[k]).strip() for k in ordered)
