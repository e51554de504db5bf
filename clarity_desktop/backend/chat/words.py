"""The word lists of resources/words: loaded once, compiled to patterns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from clarity_desktop import settings
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
    return tomllib.loads((settings.resources() / "words" / f"{language}.toml").read_text("utf-8"))


def phrases(*path: str) -> list[str]:
    """A list of the file: phrases("history", "undo")."""
    found: Any = lists()
    for key in path:
        found = found[key]
    return cast(list[str], found)


def regex(words: Iterable[str]) -> str:
    """The phrases as one pattern without groups, the longest first."""
    return "|".join(_one(word) for word in sorted(words, key=len, reverse=True))


def _one(phrase: str) -> str:
    # "[sz]" in a phrase is kept as a character class.
    escaped = re.escape(phrase).replace(r"\[", "[").replace(r"\]", "]")
    escaped = re.sub(r"([a-z])\\\?", r"\1?", escaped).replace(r"\*", r"[\w-]*").replace(r"\ ", r"\s+")
    start = r"(?<![\w-])" if phrase[0].isalnum() else ""
    end = "" if phrase.endswith("*") else r"(?![\w-])"
    return f"{start}{escaped}{end}"


@cache
def pattern(*path: str) -> re.Pattern[str]:
    """Finds any phrase of a list."""
    return re.compile(regex(phrases(*path)))


@cache
def ending(*path: str, within: int) -> re.Pattern[str]:
    """Finds a phrase of a list at the end of a text, with at most `within` words behind it."""
    return re.compile(rf"(?:{regex(phrases(*path))})(?:\s+[\w'-]+){{0,{within}}}\s*$")


class Only:
    """Matches a text that consists of some phrases and punctuation only, at least one phrase.

    Not one pattern with a repetition: where phrases contain each other ("a bit more", "more"), a regular expression
    tries all ways to divide a long text, which takes for ever.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._phrases = [re.compile(rf"(?:{_one(phrase)})\W*") for phrase in dict.fromkeys(phrases)]

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text consists of the phrases."""
        begin = re.match(r"\W*", text)
        assert begin is not None, "it matches nothing, too"
        waiting = [begin.end()]
        seen = set(waiting)
        while waiting:
            at = waiting.pop()
            ends = {found.end() for phrase in self._phrases if (found := phrase.match(text, at))}
            if len(text) in ends:
                return True
            waiting += ends - seen
            seen |= ends
        return False


@cache
def only(*paths: tuple[str, ...]) -> Only:
    """Matches a text that consists of phrases of these lists and punctuation only, at least one."""
    return Only(phrase for path in paths for phrase in phrases(*path))


@cache
def topics() -> tuple[tuple[re.Pattern[str], TaskWord | AdjustmentWord], ...]:
    """Pattern → what it asks for, for all tasks and adjustments."""
    found: list[tuple[re.Pattern[str], TaskWord | AdjustmentWord]] = []
    kinds: dict[str, Kind] = {"verbs": "verb", "things": "thing", "goals": "goal"}
    for task, groups in lists()["tasks"].items():
        found += [(re.compile(regex(words)), TaskWord(task, kinds[name])) for name, words in groups.items()]
    for entry in lists()["adjustments"]:
        found.append((re.compile(regex(entry["words"])), AdjustmentWord(entry["setting"], entry["sign"])))
    return tuple(found)


@cache
def vocabulary() -> frozenset[str]:
    """Single words without wildcards that typing errors are corrected to."""
    found: set[str] = set()
    for groups in lists()["tasks"].values():
        for words in groups.values():
            found |= {w.rstrip("*") for phrase in words for w in phrase.split()}
    for path in (("auto", "verbs"), ("history", "undo"), ("regions", "remove"), ("auto", "objects")):
        found |= {w.rstrip("*") for phrase in phrases(*path) for w in phrase.split()}
    found |= {"brighten", "sharpen", "denoise", "noise", "just", "only", "darker", "please", "little"}
    return frozenset(word for word in found if word.isalpha() and len(word) >= 4)
