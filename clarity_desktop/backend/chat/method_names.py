"""Methods that a request names: by id, by title, by a part of it, or by the name of a network that is not here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from clarity_desktop.backend import methods
from clarity_desktop.backend.chat import words
from clarity_desktop.values import Task


@dataclass(frozen=True, slots=True)
class Named:
    """What a clause says about methods. clause: without the name.

    ids: the methods that the name may mean. unknown: a name that no method has, and the task that it is known for.
    """

    clause: str
    ids: tuple[str, ...] = ()
    unknown: str | None = None
    task: Task | None = None

    def method_for(self, task: Task) -> str | None:
        """The first of the named methods that does a task."""
        return next((name for name in self.ids if task in methods.all_methods()[name].tasks), None)


_TASK_IN_NAME: tuple[tuple[str, Task], ...] = (
    ("dehaz", "dehaze"), ("denois", "denoise"), ("raindrop", "deraindrop"), ("derain", "derain"), ("rain", "derain"),
    ("deblur", "deblur"), ("blur", "deblur"), ("desnow", "desnow"), ("snow", "desnow"), ("haze", "dehaze"),
    ("shadow", "deshadow"), ("flare", "deflare"), ("watermark", "dewatermark"), ("inpaint", "inpaint"),
    ("lowlight", "low_light"), ("esrgan", "upscale"), ("retouch", "retouch"), ("jpeg", "dejpeg"), ("noise", "denoise"),
)  # fmt: skip
"""Parts of names of networks, and the task that they are for."""


def _names() -> Mapping[str, tuple[str, ...]]:
    """Names without spaces and hyphens → ids: "maximderaining" is one method, "maxim" all of the family."""
    return _names_of(tuple((name, method.title) for name, method in methods.all_methods().items()))


@lru_cache(4)
def _names_of(table: tuple[tuple[str, str], ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    families: dict[str, tuple[str, ...]] = {}
    aliases: Mapping[str, list[str]] = words.lists()["methods"]["aliases"]
    for name, title in table:
        for form in (name, title, *aliases.get(name, ())):
            plain = _plain(form)
            if len(plain) >= 3:
                found[plain] = (*found.get(plain, ()), *(() if name in found.get(plain, ()) else (name,)))
        family = name.split("-", maxsplit=1)[0]
        if family != name and len(family) >= 3 and family not in words.phrases("methods", "no_family"):
            families[family] = (*families.get(family, ()), name)
    # "dncnn" is the method of this name, not its family; and "dark" is no family of one method "dark-channel".
    return {family: names for family, names in families.items() if len(names) > 1} | found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _known() -> Mapping[str, Task]:
    """Names of published networks → what they are for."""
    table: Mapping[Task, list[str]] = words.lists()["methods"]["published"]
    return {_plain(name): task for task, names in table.items() for name in names}


def find_method(clause: str) -> Named:
    """The method that a clause names."""
    tokens = list(re.finditer(r"[a-z0-9][\w.+]*", clause))
    for length in (4, 3, 2, 1):
        for at in range(len(tokens) - length + 1):
            start, end = tokens[at].start(), tokens[at + length - 1].end()
            if (
                not re.fullmatch(r"[\w.+ -]+", clause[start:end])
                or "-" in clause[start - 1 : start] + clause[end : end + 1]
            ):
                continue
            plain = _plain(clause[start:end])
            rest = _without(clause, start, end)
            if plain == "kind" and not re.search(r"\b(?:by|use|with|try) $", clause[:start]):
                continue  # the network KinD, and a frequent word
            if plain in _names():
                return Named(rest, _names()[plain])
            if plain in _known():
                return Named(rest, unknown=clause[start:end], task=_known()[plain])
    quick = words.pattern("methods", "quick_words")
    if at := quick.search(clause):
        name = str(words.lists()["methods"]["quick"])
        return Named(_without(clause, at.start(), at.end()), (name,) if name in methods.all_methods() else ())
    if at := _unknown_name(clause):
        tasks: list[Task] = [task for part, task in _TASK_IN_NAME if part in at[1]]
        return Named(_without(clause, at.start(1), at.end(1)), unknown=at[1], task=tasks[0] if tasks else None)
    return Named(clause)


def _unknown_name(text: str) -> re.Match[str] | None:
    ways = words.regex(words.phrases("methods", "by"), text)
    endings = "|".join(words.phrases("methods", "endings"))
    return re.search(
        rf"(?:{ways})\s+(?:the\s+)?([a-z0-9]+(?:-[a-z0-9]+)+|[a-z0-9]*[a-z](?:{endings})(?!\w)|[a-z]+\d[\w.]*)", text
    )


def _without(clause: str, start: int, end: int) -> str:
    """A clause without a name and the words that introduce it."""
    ways = words.regex(words.phrases("methods", "by"), clause)
    before = re.sub(rf"(?:{ways})\s+(?:the\s+)?$", "", clause[:start])
    after = re.sub(r"^\s+(?:model|method|network|algorithm)\b", "", clause[end:])
    after = re.sub(
        r"\b(?:is|would be) (?:fine|ok|okay|enough|good enough|alright)\b|^\W*(?:will|would) do\b\W*", "", after
    )
    after = re.sub(r"^\s+(?:on (?:it|this|that)|to)\b", "", after)
    return f"{before} {after}".strip()
