"""Understands descriptions of a part of a photo: "the man on the left", "both cars", "everything but the sky".

The result is the same for every engine: what to look for, and which of what was found. Positional, plural, complement
and tonal words are resolved here and in `select`, not by a network.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from clarity_desktop import settings
from clarity_desktop.references import MAX_STAND_INS, REFERENCE, STAND_IN, stand_in

Kind = Literal["object", "stuff", "color", "tone", "damage", "area", "phrase", "kept"]
"""phrase: words that are in no list; only an engine that reads any words can look for them. kept: a region of the
document, which the words name in brackets: "[hat]"."""
Place = Literal["left", "right", "top", "bottom", "center", "edges"]
Size = Literal["largest", "smallest"]
_NOUNS: tuple[Kind, ...] = ("object", "stuff")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to select.

    name: the class of its kind ("person", "sky", "red"), or the words themselves. noun: the words for it ("man").
    color: of an object ("the red car"). places: where; of an object they choose between several, alone they are an
    area; an area without places is the whole photo. share: of the photo's side that an area covers. count: how many,
    0: all, None: one. rank: the second, the third from a side. size: the largest or the smallest.
    """

    kind: Kind
    name: str
    words: str
    noun: str = ""
    color: str | None = None
    places: tuple[Place, ...] = ()
    share: float = 0.5
    count: int | None = None
    rank: int | None = None
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """parts: selected together. without: taken away. inverted: everything else is meant."""

    parts: tuple[Part, ...]
    without: tuple[Part, ...] = ()
    inverted: bool = False


def parse(text: str) -> Description | None:
    """What a description means; None where it names nothing."""
    names: list[str] = []

    def hide(at: re.Match[str]) -> str:
        names.append(at[1].strip())
        return f" {stand_in(len(names) - 1)} "

    description = _parse(REFERENCE.sub(hide, text, count=MAX_STAND_INS))
    if description is None or not names:
        return description
    of = {stand_in(number): name for number, name in enumerate(names)}
    parts, without = (tuple(_named(p, of) for p in group) for group in (description.parts, description.without))
    return Description(parts, without, description.inverted)


def _named(part: Part, names: Mapping[str, str]) -> Part:
    name = names.get(part.name) if part.kind == "kept" else None
    return part if name is None else Part("kept", name, name)


def _parse(text: str) -> Description | None:
    cleaned = re.sub(r"[^\w\s'-]", " ", text.casefold()).replace("’", "'")
    cleaned = re.sub(r"\s+", " ", cleaned).strip()
    if not cleaned:
        return None
    if at := _pattern("except").match(cleaned):
        inner = _parse(cleaned[at.end() :])
        return inner and Description(inner.parts, inner.without, not inner.inverted)
    taken: tuple[Part, ...] = ()
    if (at := _pattern("but").search(cleaned)) and at.start() > 0:
        taken = _parts(cleaned[at.end() :])
        cleaned = cleaned[: at.start()]
    parts = _parts(cleaned)
    return Description(parts, taken) if parts else None


def _parts(text: str) -> tuple[Part, ...]:
    pieces = [piece.strip() for piece in _pattern("and").split(text)]
    found = [part for piece in pieces if piece and (part := _part(piece))]
    return tuple(found)


def _part(text: str) -> Part | None:
    """One part from words without "and" or "but"."""
    words = re.sub(rf"^(?:{_regex(_lists()['articles'])})\s+", "", text).strip()
    if kept := STAND_IN.search(words):
        return Part("kept", kept[0], kept[0])
    if re.fullmatch(_regex(_lists()["whole"]), words):
        return Part("area", "everything", words)
    if damage := _damage(words):
        return Part("damage", damage, words)
    if tone := _longest("tone", words, whole=True):
        return Part("tone", tone, words)
    noun, start = _noun(words)
    places = _places(words if noun is None else words[:start] + " " + words[start + len(noun[2]) :])
    count, size = _count(words, noun), _size(words)
    color = _longest("color", words)
    if noun is not None and _is_only_owner(words, start, start + len(noun[2])):
        return Part("phrase", words, words, words, places=places, count=count, rank=_rank(words), size=size)
    if noun is not None:
        kind, name, _ = noun
        rank = _rank(words) if kind == "object" else None
        return Part(
            kind, name, words, noun[2], color if kind == "object" else None, places, count=count, rank=rank, size=size
        )  # fmt: skip
    rest = _leftover(words, places)
    if places and not rest:
        return Part("area", " ".join(places), words, places=places, share=_share(words))
    if color and _only_color(rest):
        return Part("color", color, words, places=places)
    if tone := _longest("tone", rest, whole=True):
        return Part("tone", tone, words, places=places, share=_share(words))
    if not any(letter.isalnum() for letter in rest):
        return None
    return Part("phrase", rest, words, rest, places=places, count=count, rank=_rank(words), size=size)


def _noun(words: str) -> tuple[tuple[Kind, str, str] | None, int]:
    """The object or stuff that is named, with its words and where they begin."""
    found: list[tuple[int, int, Kind, str]] = []
    for kind in _NOUNS:
        for name, phrases in _lists()[kind].items():
            here = [(at.start(), -at.end()) for at in re.finditer(_regex(phrases), words)]
            found.extend((start, end, kind, name) for start, end in here)
    if not found:
        return None, 0
    # The first one, the longest of several that begin there: "the man in the car" means the man. Of two without a word
    # between them the last one: "the glass bottle", "the dog's head", "the man's red car".
    found.sort(key=lambda row: row[:2])
    head = found[0]
    for other in found[1:]:
        if re.fullmatch(r"\s+|'s?\s+(?:[\w-]+\s+){0,2}", words[-head[1] : other[0]]):
            head = other
    start, end, kind, name = head
    return (kind, name, words[start:-end]), start


def _is_only_owner(words: str, start: int, end: int) -> bool:
    """Whether a part of the noun at start..end is meant that is in no list: "the man's hat", "the roof of the car"."""
    if re.match(r"'s?\s+\w", words[end:]):
        return True
    lists = _lists()
    before = re.match(r"(.*)\bof\b", words[:start])
    if before is None:
        return False
    known = [phrase for phrases in lists["place"].values() for phrase in phrases] + lists["groups"]
    rest = re.sub(rf"{_regex(known)}|{_regex(lists['color']['thing'])}", " ", before[1])
    return bool(_leftover(rest, ()))


def _places(words: str) -> tuple[Place, ...]:
    names: tuple[Place, ...] = ("left", "right", "top", "bottom", "center", "edges")
    return tuple(name for name in names if re.search(_regex(_lists()["place"][name]), words))


def _share(words: str) -> float:
    place = _lists()["place"]
    if re.search(_regex(place["third"]), words):
        return 1 / 3
    return 0.4 if re.search(_regex(place["quarter"]), words) else 0.5


def _count(words: str, noun: tuple[Kind, str, str] | None) -> int | None:
    """How many are meant: 0 for all, None where the words do not tell."""
    lists = _lists()["count"]
    if re.search(_regex(lists["all"]), words):
        return 0
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        if re.search(_regex(lists[name]), words):
            return number
    return 0 if noun is not None and _is_plural(noun[2]) else None


def _rank(words: str) -> int | None:
    """The second, the third and so on; None where the words name none."""
    for rank, name in enumerate(("second", "third", "fourth"), 2):
        if re.search(_regex(_lists()["rank"][name]), words):
            return rank
    return None


def _is_plural(word: str) -> bool:
    irregular = {"people", "men", "women", "children", "cattle", "sheep", "buses", "knives", "leaves"}
    return word in irregular or (word.endswith("s") and not word.endswith("ss") and word not in {"bus", "scissors"})


def _size(words: str) -> Size | None:
    lists = _lists()["count"]
    for name in ("largest", "smallest"):
        if re.search(_regex(lists[name]), words):
            return name
    return None


def _damage(words: str) -> str | None:
    """The degradation whose place is asked for: "where it is noisy", "the blurry part"."""
    lists: Mapping[str, list[str]] = _lists()["damage"]
    asks = re.search(_regex(lists["where"]), words) or re.search(rf"\b(?:{_regex(_lists()['color']['thing'])})$", words)
    if not asks:
        return None
    named = [(at.end() - at.start(), name) for name, phrases in lists.items() if name != "where"
             for at in re.finditer(_regex(phrases), words)]  # fmt: skip
    return max(named)[1] if named else None


def _only_color(words: str) -> bool:
    colors = [phrase for name, phrases in _lists()["color"].items() for phrase in phrases if name != "thing"]
    return bool(re.fullmatch(rf"(?:\s|{_regex(colors)}|{_regex(_lists()['color']['thing'])}|of|in|it)+", words))


def _leftover(words: str, places: Iterable[Place]) -> str:
    """The words that are neither places nor sizes nor numbers nor small words."""
    lists = _lists()
    known = [phrase for name in places for phrase in lists["place"][name]]
    known += [p for name in ("third", "quarter") for p in lists["place"][name]]
    known += [p for name in ("count", "rank") for phrases in lists[name].values() for p in phrases]
    known += lists["color"]["thing"] + lists["articles"]
    rest = re.sub(_regex(known), " ", words)
    rest = re.sub(r"\b(?:of|in|on|at|to|from|side|half|part|photo|picture|image|it|one|ones)\b", " ", rest)
    return re.sub(r"\s+", " ", rest).strip()


def _longest(group: str, words: str, *, whole: bool = False) -> str | None:
    """The name in a group of lists whose phrase is found; whole: the phrase must be all of the words."""
    best: tuple[int, str] | None = None
    for name, phrases in _lists()[group].items():
        if name == "thing":
            continue
        for at in re.finditer(_regex(phrases), words):
            if (not whole or at[0] == words) and (best is None or len(at[0]) > best[0]):
                best = len(at[0]), name
    return best[1] if best else None


@cache
def _lists() -> Mapping[str, Any]:
    return tomllib.loads((settings.resources() / "words" / "regions.toml").read_text("utf-8"))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{_regex(_lists()[name])})\s+" if name == "except" else _regex(_lists()[name]))


def _regex(phrases: Iterable[str]) -> str:
    """The phrases as one pattern without groups, the longest first."""
    return "|".join(_phrase(phrase) for phrase in sorted(phrases, key=len, reverse=True))


def _phrase(phrase: str) -> str:
    escaped = re.escape(phrase).replace(r"\*", r"[\w-]*").replace(r"\ ", r"\s+")
    return rf"(?<![\w-]){escaped}" + ("" if phrase.endswith("*") else r"(?![\w-])")
