"""The word lists of resources/words: loaded once, compiled to patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal, cast

from clarity_desktop import settings as folders
from clarity_desktop.backend.plan import Adjustment
from clarity_desktop.values import Task

Kind = Literal["verb", "thing", "goal"]


@dataclass(frozen=True, slots=True)
class TaskWord:
    """What a word of a request asks for, and how: see the head of en.toml."""

    task: Task
    kind: Kind


@dataclass(frozen=True, slots=True)
class AdjustmentWord:
    """sign: 1 raises the setting, -1 lowers it, 0 leaves the direction open."""

    setting: Adjustment
    sign: int


@cache
def lists(language: str = "en") -> Mapping[str, Any]:
    """The word lists as they stand in the file. Raises OSError, tomllib.TOMLDecodeError."""
    return tomllib.loads((folders.resources() / "words" / f"{language}.toml").read_text("utf-8"))


def phrases(*path: str) -> list[str]:
    """A list of the file: phrases("history", "undo")."""
    found: Any = lists()
    for key in path:
        found = found[key]
    return cast(list[str], found)


def regex(words: Iterable[str], text: str | None = None) -> str:
    """The phrases as one pattern without groups, the longest first.

    text: where the pattern is used. Phrases that cannot be in it are left out, because compiling thousands of phrases
    takes longer than reading a request.
    """
    chosen = [word for word in words if text is None or _lead(word) in text]
    return "|".join(_one(word) for word in sorted(chosen, key=len, reverse=True)) or NEVER


NEVER = r"(?!)"
"""A pattern that matches nothing."""


@cache
def _lead(phrase: str) -> str:
    """Letters that a text must contain if it contains the phrase."""
    start = re.match(r"[^ *\[?]*", phrase)
    found = start[0] if start else ""
    return found[:-1] if phrase[len(found) :].startswith("?") else found


@cache
def _one(phrase: str) -> str:
    # "[sz]" in a phrase is kept as a character class.
    escaped = re.escape(phrase).replace(r"\[", "[").replace(r"\]", "]")
    escaped = re.sub(r"([a-z])\\\?", r"\1?", escaped).replace(r"\*", r"[\w-]*")
    escaped = escaped.replace(r"\ \.\.\.\ ", r"(?:\s+[\w'-]+){0,4}?\s+").replace(r"\ ", r"\s+")
    start = r"(?<![\w-])" if phrase[0].isalnum() else ""
    end = "" if phrase.endswith("*") else r"(?![\w-])"
    return f"{start}{escaped}{end}"


@lru_cache(4096)
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


def _spelled_out(phrases: Iterable[str]) -> dict[str, None]:
    """The phrases, and those with "n't" with "not" as well."""
    found: dict[str, None] = {}
    for phrase in phrases:
        found[phrase] = None
        found[re.sub(r"\b(is|are|was|were|does|did|has|have|should|could|would)n't\b", r"\1 not", phrase)] = None
    return found


class Phrases:
    """Finds phrases in texts, as a compiled pattern does. {phrases} in the form stands for any of them."""

    def __init__(self, phrases: Iterable[str], form: str = "{phrases}") -> None:
        self._phrases = tuple(sorted(_spelled_out(phrases), key=len, reverse=True))
        self._form = form

    def _pattern(self, text: str) -> re.Pattern[str]:
        chosen = "|".join(_one(phrase) for phrase in self._phrases if _lead(phrase) in text)
        return _compiled(self._form.replace("{phrases}", f"(?:{chosen})") if chosen else NEVER)

    def search(self, text: str) -> re.Match[str] | None:
        """The first phrase in a text."""
        return self._pattern(text).search(text)

    def match(self, text: str) -> re.Match[str] | None:
        """A phrase at the beginning of a text."""
        return self._pattern(text).match(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All phrases in a text that do not overlap."""
        return self._pattern(text).finditer(text)

    def findall(self, text: str) -> list[str]:
        """The words of all phrases in a text."""
        return [at[0] for at in self.finditer(text)]

    def sub(self, by: str, text: str) -> str:
        """The text with all phrases replaced."""
        return self._pattern(text).sub(by, text)


@cache
def pattern(*path: str) -> Phrases:
    """Finds any phrase of a list."""
    return Phrases(phrases(*path))


@cache
def ending(*path: str, within: int) -> Phrases:
    """Finds a phrase of a list at the end of a text, with at most `within` words behind it."""
    return Phrases(phrases(*path), rf"{{phrases}}(?:\s+[\w'-]+){{0,{within}}}\s*$")


class Only:
    """Matches a text that consists of some phrases and punctuation only, at least one phrase.

    Not one pattern with a repetition: where phrases contain each other ("a bit more", "more"), a regular expression
    tries all ways to divide a long text, which takes for ever.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = tuple(_spelled_out(phrases))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text consists of the phrases."""
        begin = re.match(r"\W*", text)
        assert begin is not None, "it matches nothing, too"
        patterns = [_compiled(rf"(?:{_one(phrase)})\W*") for phrase in self._phrases if _lead(phrase) in text]
        waiting = [begin.end()]
        seen = set(waiting)
        while waiting:
            at = waiting.pop()
            ends = {found.end() for phrase in patterns if (found := phrase.match(text, at))}
            if len(text) in ends:
                return True
            waiting += ends - seen
            seen |= ends
        return False


@cache
def only(*paths: tuple[str, ...]) -> Only:
    """Matches a text that consists of phrases of these lists and punctuation only, at least one."""
    return Only(phrase for path in paths for phrase in phrases(*path))


class Quantities:
    """Finds "raise the contrast", "turn the contrast up", "contrast up" for one setting; for sign -1 the opposite."""

    def __init__(self, name: str, sign: int) -> None:
        group = lists()["quantities"]
        own = group["own"].get(name)
        setting = own["setting"] if own else name
        verbs, some = ("raise", "few") if sign > 0 else ("lower", "many")
        self._nouns: list[str] = own["nouns"] if own else group["names"][name]
        self._verbs: list[str] = own[verbs] if own else group[verbs]
        self._adjectives: list[str] = group["predicates"].get(setting, group)[some]
        self._is: list[str] = group["is"]
        self._degree: list[str] = group["degree"]
        self._number = r"\+\s?\d+(?:\.\d+)?" if sign > 0 else r"-\s?\d+(?:\.\d+)?"
        self._turns: list[str] = group["turn"]
        self._ends: list[str] = group["up" if sign > 0 else "down"]
        self._between: str = "|".join(group["between"])

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All mentions in a text."""
        nouns = regex(self._nouns, text)
        if nouns == NEVER:
            return iter(())
        verbs, turns, ends = (regex(group, text) for group in (self._verbs, self._turns, self._ends))
        small = rf"(?:\s+(?:{self._between})){{0,4}}"
        is_, degree, adjectives = (regex(group, text) for group in (self._is, self._degree, self._adjectives))
        return _compiled(
            rf"(?:{verbs}){small}\s+(?:{nouns})(?:\s+(?:{ends}))?"
            rf"|(?:{nouns})(?:\s*(?:{is_}))?(?:\s+(?:{degree}))*\s+(?:{adjectives})"
            rf"|(?:{degree})\s+(?:{adjectives})\s+(?:{nouns})"
            rf"|(?:{nouns})\s*(?:by\s+)?{self._number}"
            rf"|(?:{turns}){small}\s+(?:{nouns})\s+(?:{ends})|(?:{nouns})\s+(?:{ends})"
        ).finditer(text)


@cache
def topics() -> tuple[tuple[Phrases | Quantities, TaskWord | AdjustmentWord], ...]:
    """Pattern → what it asks for, for all tasks and adjustments."""
    found: list[tuple[Phrases | Quantities, TaskWord | AdjustmentWord]] = []
    kinds: dict[str, Kind] = {"verbs": "verb", "things": "thing", "goals": "goal"}
    for task, groups in lists()["tasks"].items():
        found += [(Phrases(words), TaskWord(task, kinds[name])) for name, words in groups.items()]
    for entry in lists()["adjustments"]:
        found.append((Phrases(entry["words"]), AdjustmentWord(entry["setting"], entry["sign"])))
    group = lists()["quantities"]
    settings = {name: "exposure" if name == "brightness" else name for name in group["names"]}
    settings |= {name: own["setting"] for name, own in group["own"].items()}
    for name, setting in cast(Mapping[str, Adjustment], settings).items():
        bright = name == "brightness"
        found.append((Quantities(name, 1), TaskWord("low_light", "verb") if bright else AdjustmentWord(setting, 1)))
        found.append((Quantities(name, -1), AdjustmentWord(setting, -1)))
    return tuple(found)


@cache
def clues() -> tuple[tuple[Phrases, Task], ...]:
    """Pattern → task that a clause asks for indirectly."""
    return tuple((Phrases(words), task) for task, words in lists()["clues"].items())


@cache
def vocabulary() -> frozenset[str]:
    """Single words without wildcards that typing errors are corrected to."""
    found: set[str] = set()
    for groups in lists()["tasks"].values():
        for words in groups.values():
            found |= {w.rstrip("*") for phrase in words for w in phrase.split()}
    for path in _CORRECTED:
        found |= {w.rstrip("*") for phrase in phrases(*path) for w in phrase.split()}
    found |= {w for entry in lists()["adjustments"] for phrase in entry["words"] for w in phrase.split()}
    found |= set(phrases("spelling", "known"))
    return frozenset(word for word in found if word.isalpha() and len(word) >= 4)


_CORRECTED = (
    ("auto", "verbs"), ("auto", "objects"), ("history", "undo"), ("history", "compare"), ("history", "original"),
    ("history", "fuse"), ("regions", "remove"), ("transforms", "rotate"), ("transforms", "flip"),
    ("transforms", "straighten"), ("export", "verbs"), ("look", "detect"), ("strength", "slightly"),
)  # fmt: skip
"""Lists whose single words typing errors are corrected to."""


@cache
def all_words() -> frozenset[str]:
    """The words of all lists, as they stand in them."""
    return frozenset(
        re.findall(r"[a-z]{2,}", " ".join(_strings({k: v for k, v in lists().items() if k != "spelling"})))
    )


def _strings(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [found for part in cast(Mapping[str, Any], value).values() for found in _strings(part)]
    if isinstance(value, list):
        return [found for part in cast(list[Any], value) for found in _strings(part)]
    return [value] if isinstance(value, str) else []


@cache
def candidates() -> frozenset[str]:
    """Further words that typing errors are corrected to: those of all lists, and of the parts of a photo."""
    nouns = tomllib.loads((folders.resources() / "words" / "regions.toml").read_text("utf-8"))
    found = {word for phrase in _strings(nouns) for word in re.findall(r"[a-z]{4,}", phrase)}
    return frozenset(word for word in found | all_words() if len(word) >= 4)


@cache
def common() -> frozenset[str]:
    """Frequent words, which are no typing errors."""
    return frozenset((folders.resources() / "words" / "common_en.txt").read_text("utf-8").split())
