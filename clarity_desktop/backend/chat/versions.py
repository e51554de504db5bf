"""Versions that a request names ("the second one", "before the deblurring"), and moves among them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import CompareCall, FuseCall, GoToCall, ToolCall
from clarity_desktop.text import Message
from clarity_desktop.values import Task, VersionId

_NUMBERED = re.compile(r"(?:\bversion\s+(?:number\s+|no\.?\s+|#\s*)?|(?<![\w.])v|#)(\d{1,4})\b")


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A version that a clause names, and where. id None: there is no such version; number: as it was named."""

    id: VersionId | None
    start: int
    end: int
    number: int | None = None


def versions_in(clause: str, past: Past) -> list[NamedVersion]:
    """The versions that a clause names, in the order of its words."""
    found = [NamedVersion(_numbered(int(at[1]), past), *at.span(), int(at[1])) for at in _NUMBERED.finditer(clause)]
    found += _of_tasks(clause, past)
    for name in ("original", "first_version"):
        found += [NamedVersion(past.original, *at.span()) for at in _pattern(name).finditer(clause)]
    for name, index in (("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)):
        found += [NamedVersion(_at(index, past), *at.span()) for at in _pattern(name).finditer(clause)]
    found += [NamedVersion(past.parent(past.shown), *at.span()) for at in _pattern("previous").finditer(clause)]
    found += [NamedVersion(_other(past), *at.span()) for at in _pattern("other").finditer(clause)]
    kept: list[NamedVersion] = []
    for named in sorted(found, key=lambda n: (n.start, -n.end)):
        if not kept or named.start >= kept[-1].end:
            kept.append(named)
    return kept


def _pattern(name: str) -> words.Phrases:
    return words.pattern("versions", name)


def _numbered(number: int, past: Past) -> VersionId | None:
    """A version by its id ("version 2" is v2), else counted from the original, which is 1."""
    ids = [v.id for v in past.versions]
    if f"v{number}" in ids:
        return VersionId(f"v{number}")
    return ids[number - 1] if 0 < number <= len(ids) else None


def _at(index: int, past: Past) -> VersionId | None:
    """A result by its place, the original not counted."""
    ids = [v.id for v in past.versions]
    if index < 0:
        return ids[-1] if ids else None
    return ids[index] if index < len(ids) else None


def _other(past: Past) -> VersionId | None:
    """The other of two results."""
    results = [v.id for v in past.versions[1:] if v.id != past.shown]
    return results[0] if len(results) == 1 else None


def _of_tasks(clause: str, past: Past) -> list[NamedVersion]:
    """Versions named by what made them: "before the deblurring", "the denoised one", "after you removed the rain"."""
    found: list[NamedVersion] = []
    results = words.regex(words.phrases("history", "results"), clause)
    for mention in mentions_in(clause):
        if not isinstance(mention.word, TaskWord):
            continue
        made = past.by_task(mention.word.task)
        before, after = clause[: mention.start], clause[mention.end :]
        if at := words.ending("versions", "before", within=3).search(before):
            found.append(NamedVersion(past.parent(made) if made else None, at.start(), mention.end))
        elif at := words.ending("versions", "after", within=3).search(before):
            found.append(NamedVersion(made, at.start(), mention.end))
        elif tail := re.match(rf"\s*(?:{results})", after):
            found.append(NamedVersion(made, mention.start, mention.end + tail.end()))
    return found


def move_in(clause: str, past: Past) -> tuple[ToolCall | None, Message | None] | None:
    """The version that a clause wants to see; (None, reply) where it is not known; None where it wants none."""
    named = versions_in(clause, past)
    if not named:
        return None
    goes, likes = words.pattern("versions", "go").search(clause), words.pattern("versions", "like").search(clause)
    task = _task_before(clause, named[0])
    if (
        not (goes and goes.start() <= named[0].start + 4)
        and not likes
        and not words.only(("versions", "fill"), ("speech", "polite")).fullmatch(
            clause[: named[0].start] + clause[named[0].end :] or " - "
        )
    ):
        return None
    if task is not None and not likes:  # "denoise the original"
        return None
    chosen = named[0]
    if chosen.id is not None:
        return GoToCall(chosen.id), None
    if words.pattern("history", "original").search(clause):
        return GoToCall(), None
    if chosen.number is not None:
        return None, Message("chat.no_such_version", {"number": chosen.number})
    return (None, Message("chat.which_version")) if past.versions else None


def _task_before(clause: str, named: NamedVersion) -> Task | None:
    for mention in mentions_in(clause[: named.start]):
        if mention.asked and isinstance(mention.word, TaskWord):
            return mention.word.task
    return None


def compare_in(clause: str, past: Past) -> CompareCall:
    """A comparison with the versions that a clause names; one alone is compared with the shown one."""
    return CompareCall(_pair(clause, past))


def fuse_in(clause: str, past: Past) -> FuseCall:
    """A fusion of the versions that a clause names."""
    return FuseCall(_pair(clause, past))


def _pair(clause: str, past: Past) -> tuple[VersionId, ...] | None:
    ids = list(dict.fromkeys(n.id for n in versions_in(clause, past) if n.id is not None))
    results = [v.id for v in past.versions[1:]]
    if len(ids) < 2 and (many := _pattern("several").search(clause)):
        count = 3 if "three" in many[0] else 2
        ids = results[-count:] if len(results) >= count else [v.id for v in past.versions][-count:]
    elif len(ids) == 1 and ids[0] != past.shown and past.shown is not None:
        ids = [ids[0], past.shown] if ids[0] != past.original or len(past.versions) > 2 else []
    return tuple(ids) if len(ids) >= 2 else None
