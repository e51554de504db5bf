"""Finds the part of the photo that a clause names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from clarity_desktop import settings
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.indirect import clue
from clarity_desktop.backend.chat.mentions import Mention
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import HERE, MAX_TEXT, NOT_HERE, TextRegion

_SEEN = re.compile(
    r"\b(?:see|make out|recogni[sz]e|tell|notice|print|hang|of me|took|take|taken)"
    r"\s+(?:the|this|that|my|his|her|any)\s+\w+"
)
"""What cannot be seen is no part to be changed alone: "I can't see the mountains"."""


_IDIOM = re.compile(
    r"\bto (?:my|the|our) (?:eyes?|taste|liking|mind)\b|\b(?:shaky|shaking|unsteady|trembling|cold|my own two) hands?\b"
    r"|\bhands? (?:shook|trembled|off)\b|\b(?:in|at|on|during) (?:the|my) (?:end|moment|whole|meantime"
    r"|holidays?|trip|party)\b"
)
"""Phrases with nouns that are no parts of the photo."""
_PHOTO = r"photo|picture|image|shot|snapshot|snap|photograph|portrait|selfie|scan|print|slide|version|frame"
"""Behind these "of" and a noun say what the photo shows: "my shot of the parade"."""
_NOT_OWNERS = (
    r"(?:it|that|what|there|here|let|he|she|who|where|how|one|today|photo|picture|image|everything|something)'s"
)


_PLACE = (
    r"(?:(?:upper|lower|top|bottom|left|right|far|very)(?:[ -]?hand)?[ -]+){0,4}"
    r"(?:top|bottom|upper|lower|left|right)(?:[ -]?hand)?"
    r"(?: (?:left|right))? (?:corner|half|side|part|third|edge|quarter|area)"
)
"""A place without an article: "bottom right corner"."""


_SCENE = (
    r"(?:hall|room|street|alley|venue|theat(?:er|re)|cinema|church|cathedral|museum|station|stadium|arena|gym|disco"
    r"|place|forest|woods|city|village|town|classroom|office|pub|tavern|stage|bar|club|day|evening|sky|air|weather)"
)
_CIRCUMSTANCE = re.compile(
    rf"\b(?:the|our|my|that) (?:whole |entire )?{_SCENE} (?:was|were|had)\b(?! too\b)"
    rf"|\bit was\b[^,.;]*?\b(?:in|at|inside) (?:the|our|my|that) {_SCENE}\b"
)
"""How it was where the photo was taken, in the past: no part of it."""


_MARKS = re.compile(r"\b(?:dots|specks|flakes|streaks|circles|blobs|blotches|drops|patch|smears?|halos?|gunk|dirt)\b")
"""Words for what is wrong with a photo, which is no part of it."""


class _Grammar(NamedTuple):
    """Patterns without groups. end: what may follow a noun."""

    articles: str
    name: str
    noun: str
    end: str


def region_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part of the photo that a clause names, in the user's words; None: the whole photo."""
    text = _CIRCUMSTANCE.sub(" | ", _IDIOM.sub(" | ", _SEEN.sub(" | ", _without(clause, mentions))))
    text = re.sub(r"\ball over (?:the|my|our) (?:\w+ )?\w+", " | ", text)
    text = re.sub(rf"\b(?:{_PHOTO}) (?:of|from|at) (?:the|my|our|his|her|their|a|an|this|that)\s+\w+", " | ", text)
    g = _grammar(text)
    if _outside_selection(text):
        return TextRegion(NOT_HERE)
    if " except " in text and (
        at := re.search(
            rf"\b(?:everything|all|anything) except (?:{g.articles})?\s*(?P<noun>{g.name}(?:\s+{g.name})?)", text
        )
    ):
        return text_region(text[at.start() : _list_end(text, at)].replace(" except ", " but "))
    if words.pattern("regions", "here").search(text):
        return TextRegion(HERE)
    if at := _part_by_look(text, g):
        return text_region(at["noun"])
    for at in re.finditer(rf"(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text):
        if _is_part(at["noun"]) and not _is_amount(text, at) and not _is_sentence(text, at):
            return _all_of_list(text, at)
    return _bare(text, g)


def _is_sentence(text: str, at: re.Match[str]) -> bool:
    """Whether a noun is no part: "my uncle scanned it" tells what happened, "in front of the church" what is behind."""
    after = text[at.end("noun") :]
    tells = re.search(r" \w{3,}ed$", at["noun"]) and re.match(r"\s+(?:it|this|that|them|these)\b", after)
    tells = tells or (at["noun"].endswith(" left") and re.match(r"\s+(?:an?|some|many|several|its)\b", after))
    return bool(tells) or bool(re.search(r"\bin front of\s+$", text[: at.start()]))


_OUTSIDE = (
    r"(?:\b(?:everything|everywhere|all|all of it|anything|anywhere) (?:except|apart from)|\boutside)"
    r"(?: of)?(?: (?:for|in|on|at|inside|within))*"
)
_SELECTED = r"(?:the )?(?:selection|selected (?:part|area|region)|what (?:is|i|i have|i've) selected)"
_HERE = rf"(?:here|there|{_SELECTED}|(?:this|that) (?:part|area|region|spot|bit))\b"


def _outside_selection(text: str) -> bool:
    """Whether a text means all but what is selected: "everywhere except here", "outside the selection"."""
    return bool(re.search(rf"{_OUTSIDE} {_HERE}", text))


def _part_by_look(text: str, g: _Grammar) -> re.Match[str] | None:
    """A part that is named by how it looks: "the dark part", "the bright area top right", "the noisy bits"."""
    looks = words.regex(words.phrases("regions", "looks"), text)
    if looks == words.NEVER:
        return None
    parts = words.regex(words.phrases("regions", "parts"), text)
    side = words.regex(words.phrases("regions", "side"), text)
    where = rf"(?:\s+(?:{side})(?:\s+(?:{side}))?|\s+(?:on|in|at|of)\s+(?:{g.articles})\s+{g.name}(?:\s+(?:{side}))?)?"
    return re.search(rf"(?P<noun>(?:{looks})\s+(?:{parts}){where})(?![\w'-])", text)


def _is_amount(text: str, at: re.Match[str]) -> bool:
    """Whether a noun only tells how much or what kind of damage: "the ugly orange |stamp|", "those dots of |snow|"."""
    after = text[at.end("noun") :]
    if re.match(r"\s+(?:of|from)\s+(?:the\s+)?[|!]", after):
        return True
    known = words.regex((*_all_nouns(), *words.phrases("regions", "bare"), *words.phrases("regions", "places")), text)
    return bool(re.match(r"\s*\|", after)) and not re.search(rf"(?:{known})", at["noun"])


def _bare(text: str, g: _Grammar) -> TextRegion | None:
    """A part that is named without an article: "sharpen eyes", "sky darker please"."""
    if (at := re.search(rf"\b(?!{_NOT_OWNERS})(?P<noun>[a-z]+'s\s+{g.name}){g.end}", text)) and _is_part(at["noun"]):
        return text_region(at["noun"])
    before = words.regex(words.phrases("regions", "lead"), text)
    if at := re.search(rf"(?:^|[|!]|\b(?:{before}|the)\s)\s*(?P<noun>{_PLACE}){g.end}", text):
        return text_region(at["noun"])
    known = words.regex((*_known_nouns(), *words.phrases("regions", "bare")), text)
    if known == words.NEVER:
        return None
    lead = words.regex(words.phrases("regions", "lead"), text)
    side = words.regex(words.phrases("regions", "side"), text)
    for at in re.finditer(rf"(?:^|[|!]|(?:{lead})\s)\s*(?P<noun>(?:(?:{side})\s+)?(?:{known})){g.end}", text):
        if _is_part(at["noun"]):
            return text_region(at["noun"])
    return None


def removed_in(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """What a clause wants out of the photo: "remove the person and the car". Places ("in the sky") are not meant."""
    text = _without(clause, mentions)
    g = _grammar(text)
    verbs = words.regex(words.phrases("regions", "remove"), text)
    # "remove the noise and the person"
    damage = rf"(?:(?:{g.articles})?\s*[|!]+\s*(?:,\s*)?(?:and|or)\s+)*"
    at = re.search(rf"(?:{verbs})\s+{damage}(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text)
    if at is None:  # "get the trash can out of my picture", "the tourists have to go"
        out = r"(?:get|take|photoshop|edit|airbrush|clone|cut|paint|wipe|want|leave|have)"
        goes = r"(?:has to|have to|must|needs? to|should|can|could) (?:go|disappear|vanish|be gone|be out|leave)\b"
        at = re.search(rf"{out}\s+(?:{g.articles})\s+(?P<noun>{g.noun})\s+(?:out|away|gone)\b", text)
        gone = re.search(rf"(?:{g.articles})\s+(?P<noun>{g.noun})\s+{goes}", text)
        if at is None and gone and clue(clause) is None and not re.search(r"[|!]\s*\w*\s*$", text[: gone.start()]):
            at = gone
    if at is None and (known := words.regex((*_known_nouns(), *words.phrases("regions", "bare")), text)) != words.NEVER:
        at = re.search(rf"(?:{verbs})\s+(?:all\s+)?(?P<noun>(?:{known})){g.end}", text)
    if at is None or not _is_part(at["noun"]) or _tells_kind(text, at):
        return None
    if re.match(r"\s+(?:out |away )?(?:of|from) (?:the |my )?(?:selection|mask)\b", text[at.end("noun") :]):
        return None  # a change of the selection, not of the photo
    return _all_of_list(text, at)


def _tells_kind(text: str, at: re.Match[str]) -> bool:
    """Whether a noun only tells what kind of damage follows: "get rid of the blotchy |noise|"."""
    known = words.regex((*_all_nouns(), *words.phrases("regions", "bare")), text)
    return text[at.end("noun") :].startswith((" |", "|")) and not re.search(rf"(?:{known})", at["noun"])


def is_only(clause: str, region: TextRegion) -> bool:
    """Whether a clause is nothing but a part of the photo: "and the person on the left"."""
    return bool(re.fullmatch(rf"(?:and\s+)?(?:{_grammar(clause).articles})\s+{re.escape(region.text)}", clause))


def noun_alone(text: str) -> TextRegion | None:
    """A known noun that is all of a text: "face", "left eye"."""
    side = words.regex(words.phrases("regions", "side"), text)
    known = words.regex((*_all_nouns(), *words.phrases("regions", "bare")), text)
    return text_region(text) if re.fullmatch(rf"(?:(?:{side})\s+)?(?:{known})", text) else None


def left_out(clause: str, mentions: Iterable[Mention]) -> TextRegion | None:
    """The part that a clause only excludes: "don't touch the sky", "not the window"."""
    if any(True for _ in mentions):
        return None
    at = words.pattern("regions", "without").match(clause)
    if at and re.match(
        rf"\s+(?:(?:for|in|on|at|inside|within)\s+)*{_HERE}"
        r"(?:\s+(?:alone|as it is|as is|untouched|out|unchanged))*\W*$",
        clause[at.end() :],
    ):
        return TextRegion(HERE)
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
    if out.text == HERE:
        return TextRegion(NOT_HERE)
    return text_region(f"everything but the {out.text}" if before is None else f"{before.text} and the {out.text}")


def _all_of_list(text: str, first: re.Match[str]) -> TextRegion:
    """The noun that was found and those that continue its list: "man and the woman on the left"."""
    return text_region(text[first.start("noun") : _list_end(text, first)])


def _list_end(text: str, first: re.Match[str]) -> int:
    g = _grammar(text)
    end = first.end("noun")
    while at := re.match(rf"\s*(?:,\s*)?(?:and|or)\s+(?:{g.articles})\s+(?P<noun>{g.noun}){g.end}", text[end:]):
        if not _is_part(at["noun"]):
            break
        end += at.end("noun")
    return end


def text_region(text: str) -> TextRegion:
    """A region by its words. Too many of them are cut: whoever looks for it then says that they are too long."""
    return TextRegion(text[:MAX_TEXT])


def _without(clause: str, mentions: Iterable[Mention]) -> str:
    """A clause whose mentions are "|", which is no word character: a mention ends the noun before it.

    What is no damage begins with "!": "the hat !||||||" is a hat that is to be brighter, "the orange |||||" a stamp.
    """
    blank = list(clause)
    for mention in mentions:
        blank[mention.start : mention.end] = "|" * (mention.end - mention.start)
        if not isinstance(mention.word, TaskWord) or mention.word.kind != "thing":
            blank[mention.start] = "!"
    return "".join(blank)


@lru_cache(64)
def _grammar(text: str) -> _Grammar:
    """The patterns with the words that are in a text."""
    stops = words.regex(words.phrases("regions", "stop"), text)
    articles = words.regex(words.phrases("regions", "articles"), text)
    places = words.regex(words.phrases("regions", "prepositions"), text)
    cans = r"(?:trash|garbage|rubbish|watering|beer|soda|coke|tin|spray|paint|oil)\s+cans?"
    name = rf"(?:{cans}|(?!(?:{stops}))[a-z][\w'-]*)"
    tail = rf"(?:\s+(?:{places})\s+(?:(?:{articles})\s+{name}(?:\s+{name})?|me|him|her|us|them)){{0,2}}"
    noun = rf"{name}(?:\s+{name}){{0,3}}?{tail}"
    return _Grammar(articles, name, noun, rf"(?=\s*(?:$|[^\w\s'-]|\b(?:{stops}|{places})\b))")


@cache
def _all_nouns() -> tuple[str, ...]:
    """All nouns of `regions.toml`."""
    lists = tomllib.loads((settings.resources() / "words" / "regions.toml").read_text("utf-8"))
    return tuple(w for kind in ("stuff", "object") for phrases in lists[kind].values() for w in phrases)


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
    if noun.split()[-1] in ("photo", "picture", "image", "shot", "photograph", "pic", "snapshot"):
        return False
    if "'s " in noun and noun.split()[-1] in words.phrases("regions", "whole"):  # "my grandma's photo"
        return False
    if first in words.phrases("regions", "articles") or re.fullmatch(
        r"\w{4,}ed", noun
    ):  # "both the noise and the haze"
        return False
    if _MARKS.search(noun):
        return False
    never = {*words.phrases("regions", "whole"), *words.phrases("regions", "never")}
    return noun not in never and first not in never
