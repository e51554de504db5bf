"""Parts of a request in the order in which the user wants them done."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in

_ARROWS = re.compile(r"\s*(?:→|⇒|-+>|=+>|>+)\s*")
_NUMBER = re.compile(r"(?:^|[\s,;])(?:and\s+)?(?:step\s*|#)?(?:\d|[a-e](?=\)))\s?[.):]+\s")
_DONE = re.compile(
    r"\b(?:is|are|has been|have been|was|were|'s) (?:all )?(?:gone|removed|done|fixed|out|taken care of"
    r"|cleaned up|finished)\b"
)
_YOU_DID = re.compile(r"^\W*(?:you|we|i)(?:'ve| have| are done with|'re done with| did)?(?: all)?\s+(?=\w)")


_TURN_TO = (
    r"(?:touch|tackle|address|attack|handle|do|start (?:on|with)|turn to|get to|move on to|go to|go for|begin with)"
)
_TURNING_TO = (
    r"(?:touching|tackling|addressing|attacking|handling|doing|starting (?:on|with)|turning to|getting to|moving on to)"
)
"""Between "before" and what is done later."""
_IN_THIS_ORDER = re.compile(
    r"(?:in (?:this|the following) order\W+(?P<first>.+)|^(?P<second>.+?)\W+in (?:that|this|exactly that) order\W*$)"
)
_BEFORE_ALL = re.compile(
    r"^(?P<late>.+?),?\s+(?:but |and )?(?:before|ahead of|prior to) (?:everything|all|anything|all of (?:it|that|this))"
    r"(?: else| of (?:it|that|this))?,?\s+(?P<early>.+)$"
)
_LEFT_FOR_THE_END = re.compile(
    r"^(?P<one>.*?)(?:\b(?:but|and)\s+)?\b(?:leave|keep|save|hold|reserve|do|put|postpone|leaving|saving|keeping) "
    r"(?P<late>[^,]+?) (?:(?:for|until|till|to|at) )?(?:the )?(?:very )?(?:end|last|finish|later)\b,?(?P<two>.*)$"
)


def _as_request(part: str) -> str:
    """What is to be done first, as a request: "the noise is gone", "you have removed the rain"."""
    part = _DONE.sub("", part)
    plain = _YOU_DID.sub("", part)
    return re.sub(r"^(remov|eras|delet|tak|clean|fix|clear)(?:ed|en|ing)\b", "remove", plain) if plain != part else part


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
    request = _numbered(_ARROWS.sub(" then ", request))
    begin = words.regex(words.phrases("order", "begin"), request)
    request = re.sub(rf"(?<!to )\b(?:{begin})\s+(?!the original|the first)", "", request)
    found: list[str] = []
    for sentence in re.split(r"(?<=[.!?;])\s+", request):
        found += [part for part in _cut(_in_order(sentence)) if part]
    found = _last_ones_last(found)
    segments = [
        Segment(re.sub(r"^\W*and\b|\band\s*$", "", part.strip(" ,?")).strip(" ,"), "?" in part) for part in found
    ]
    return [segment for segment in segments if segment.text]


def _last_ones_last(parts: list[str]) -> list[str]:
    """The parts in their order, behind the others those that are to be done last: "upscale it last; first dehaze"."""
    last = re.compile(rf"(?:{words.regex(words.phrases('order', 'last'), ' '.join(parts))})\W*$")
    late = [bool(last.search(part) and mentions_in(part)) for part in parts]
    if not any(late) or all(late):
        return parts
    return [p for p, is_late in zip(parts, late, strict=True) if not is_late] + [
        last.sub("", p) for p, is_late in zip(parts, late, strict=True) if is_late
    ]


def _cut(sentence: str) -> list[str]:
    return _cuts(sentence).split(sentence)


def _numbered(request: str) -> str:
    """A numbered list as sentences: "1. denoise 2. sharpen", "step 1: denoise, step 2: sharpen", "a) … b) …"."""
    return _NUMBER.sub("; ", request) if len(_NUMBER.findall(request)) > 1 else request


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
    if (at := _IN_THIS_ORDER.search(sentence)) and names(steps := at["first"] or at["second"]):
        return " then ".join(re.split(r"\s*,\s*(?:and\s+|then\s+)?|\s+and\s+(?:then\s+)?", steps))
    if (at := _BEFORE_ALL.match(sentence)) and names(at["early"]) and names(at["late"]):
        return f"{at['early']} then {at['late']}"
    if (at := _LEFT_FOR_THE_END.match(sentence)) and names(at["late"]):
        rest = re.sub(r"\W*\band\W*$", "", f"{at['one']} {at['two']}".strip(" ,"))
        if names(rest):
            return f"{rest} then {at['late']}"
    if (at := re.match(rf"^(?:{before})\s+(?P<late>[^,]+),\s*(?P<early>.+)$", sentence)) and names(at["late"]):
        return f"{at['early']} then {at['late']}"
    if (at := re.match(rf"^(?:{after})\s+(?P<early>[^,]+),\s*(?P<late>.+)$", sentence)) and names(at["early"]):
        return f"{_as_request(at['early'])} then {at['late']}"
    if at := re.match(
        r"^(?P<early>.+?),?\s+(?:and|but)\s+(?P<late>.+?)\s+(?:comes?|goes?|is|should come) "
        r"(?:after|afterwards|last|later|next)\W*$",
        sentence,
    ):
        return f"{at['early']} then {at['late']}"
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
        return f"{_as_request(at['early'])} then {re.sub(r',? (?:but|and|only)$', '', at['late'])}"
    if at := re.match(
        rf"^(?P<one>.+?),?\s+(?:{before})\s+"
        rf"(?:(?:you|we|i|it's|it is)\s+(?:{_TURN_TO}\s+)?|(?:{_TURNING_TO}\s+)|(?=the ))(?P<two>.+)$",
        sentence,
    ):
        asks = all(any(m.asked for m in mentions_in(part)) for part in (at["one"], at["two"]))
        if asks and not re.search(
            r"\b(?:to|from|version|one|was|better|it|(?<!dealt )with|as|state|than|how|photo|picture|image|back)$",
            at["one"],
        ):
            return f"{at['one']} then {at['two']}"  # "dehaze before you denoise"
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
