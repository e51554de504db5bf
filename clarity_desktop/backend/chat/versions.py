"""Versions that a request names ("the second one", "before the deblurring"), and moves among them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.regions import is_only, noun_alone, region_in
from clarity_desktop.backend.chat.words import TaskWord
from clarity_desktop.backend.plan import CompareCall, FuseCall, GoToCall, ToolCall
from clarity_desktop.text import Message
from clarity_desktop.values import Task, VersionId

MOST = 6
"""Versions that are fused at most."""
_NUMBERED = re.compile(r"(?:\bversion\s+(?:number\s+|no\.?\s+|#\s*)?|(?<![\w.])v|#)(\d{1,4})\b")

_TRY = re.compile(r"(?:the )?\w+ (?:result|try|attempt|candidate|option|variant)\b")
"""Words for what was made, with their place before them: the original does not count."""


_AGO = re.compile(
    r"\b(?P<count>\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten) (?:steps?|changes?|edits?|versions?) "
    r"(?:ago|back|earlier|before)\b"
)
"""A version by how long ago it was shown: "two changes ago"."""


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
    found += _of_tasks(clause, past) + _of_methods(clause, past)
    for name in ("original", "first_version"):
        found += [NamedVersion(past.original, *at.span()) for at in _pattern(name).finditer(clause)]
    for name, index in (("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)):
        for at in _pattern(name).finditer(clause):
            is_number = past.numbered and index > 0 and not _TRY.match(clause, at.start())
            found.append(NamedVersion(_numbered(index, past) if is_number else _at(index, past), *at.span()))
    found += [NamedVersion(_before_shown(past), *at.span()) for at in _pattern("previous").finditer(clause)]
    found += [NamedVersion(_ago(at["count"], past), *at.span()) for at in _AGO.finditer(clause)]
    found += [NamedVersion(_other(past), *at.span()) for at in _pattern("other").finditer(clause)]
    kept: list[NamedVersion] = []
    for named in sorted(found, key=lambda n: (n.start, -n.end)):
        if not kept or named.start >= kept[-1].end:
            kept.append(named)
    return kept


def _pattern(name: str) -> words.Phrases:
    return words.pattern("versions", name)


def _numbered(number: int, past: Past) -> VersionId | None:
    """A version by the number that the user sees, by its id ("version 2" is v2), else counted from the original."""
    if past.numbered:
        return past.numbered[number - 1] if 0 < number <= len(past.numbered) else None
    ids = [v.id for v in past.versions]
    if f"v{number}" in ids:
        return VersionId(f"v{number}")
    return ids[number - 1] if 0 < number <= len(ids) else None


def _at(index: int, past: Past) -> VersionId | None:
    """A result by its place, the original not counted."""
    ids = [v.id for v in past.versions]
    if past.numbered and index > 0:
        ids[1:] = _results(past)
    if index < 0:
        return ids[-1] if ids else None
    return ids[index] if index < len(ids) else None


def _before_shown(past: Past) -> VersionId | None:
    """The version that was made before the one that is shown: of two tries from the same version, the earlier try."""
    ids = [v.id for v in past.versions]
    at = ids.index(past.shown) if past.shown is not None and past.shown in ids else 0
    return ids[at - 1] if at > 0 else None


def _ago(count: str, past: Past) -> VersionId | None:
    """The version from which `count` steps led to the one that is shown."""
    numbers = words.lists()["history"]["numbers"]
    at = past.shown
    for _ in range(numbers.get(count) or (int(count) if count.isdigit() else 1)):
        at = past.parent(at) if at is not None else None
    return at


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


def by_method(clause: str, past: Past) -> VersionId | None:
    """The version that a clause wants by the method that made it: "I liked the maxim one more"."""
    if not (_pattern("go").search(clause) or _pattern("like").search(clause)):
        return None
    return next((v.id for v in _of_methods(clause, past) if v.id != past.shown), None)


def _of_methods(clause: str, past: Past) -> list[NamedVersion]:
    """Versions named by the methods that made them: "the clarity one", "the MAXIM result"."""
    results = words.regex(words.phrases("history", "results"), clause)
    found: list[NamedVersion] = []
    for version in reversed(past.versions):
        made = re.search(r"\(([\w.+-]+)\)", version.label)
        names = sorted({made[1].lower(), made[1].lower().split("-")[0]} - {""}, key=len) if made else list[str]()
        for name in names:
            spelled = re.escape(name).replace(r"\-", r"[\s-]?")
            if at := re.search(rf"(?:\bthe\s+)?\b{spelled}(?:'s\b(?:\s+(?:{results}))?|\s+(?:{results}))", clause):
                found.append(NamedVersion(version.id, *at.span()))
                break
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
    if re.search(r"\bfirst two\b", clause) and len(past.versions) > 1:
        return CompareCall(tuple(v.id for v in past.versions[:2]))
    return CompareCall(_pair(clause, past))


def fuse_in(clause: str, past: Past) -> FuseCall | int:
    """A fusion of the versions that a clause names, or the number of one that does not exist."""
    numbered = _counted(clause, past)
    named = [*versions_in(clause, past), *numbered]
    unknown = [n.number for n in named if n.id is None and n.number is not None]
    if unknown and past.versions:
        return unknown[0]
    if len({n.id for n in named} - {None}) < 2:
        named += _by_method_alone(clause, past)
    chosen = tuple(dict.fromkeys(n.id for n in sorted(named, key=lambda n: n.start) if n.id is not None))
    return FuseCall(chosen if len(chosen) > 1 else _pair(clause, past))


_COUNTED = re.compile(
    r"(?<![\w.#/:-])(?<!last )(?<!first )(?<!all )(?<!best )(?<!these )(?<!those )(?<!top )([1-9]\d?)"
    r"(?![\w.]*[\w%/:])(?!\s*(?:%|percent|px|pixels?|stops?|times|degrees|results|versions|candidates|ones|of)\b)"
)


def _counted(clause: str, past: Past) -> list[NamedVersion]:
    """Versions named by a number alone: "blend 1 and 3"."""
    taken = [at.span() for at in _NUMBERED.finditer(clause)]
    found = [at for at in _COUNTED.finditer(clause) if not any(a <= at.start(1) < b for a, b in taken)]
    return [NamedVersion(_numbered(int(at[1]), past), *at.span(1), int(at[1])) for at in found]


def _by_method_alone(clause: str, past: Past) -> list[NamedVersion]:
    """Versions named by their method without "result": "combine maxim and prenet"."""
    found: list[NamedVersion] = []
    for version in past.versions:
        made = re.search(r"\(([\w.+-]+)\)", version.label)
        for name in dict.fromkeys((made[1].lower(), made[1].lower().split("-")[0])) if made else ():
            if at := re.search(rf"\b{re.escape(name)}\b", clause):
                found.append(NamedVersion(version.id, *at.span()))
                break
    return found


_TAKES = (
    r"\b(?:use|take|keep|get|copy|put|have|like|prefer|want|paste|insert|transfer|grab|borrow|pull|bring(?: back)?"
    r"|restore|add|give me)\b"
)
_INTO_THIS = re.compile(
    r"\s*\b(?:in|into|on|onto|over)\s+(?:it|here|this(?: one)?|the (?:current|open|shown) (?:one|version|photo))\W*$"
)
_FROM = r"\s+(?:from|of|in)\s+(?:the\s+)?(?:number\s+|no\.?\s+)?$"
_REST = r"\s*(?:for|in|on)?\s*(?:the rest|everything else|all else|elsewhere|everywhere else)\W*$"


def part_in(clause: str, past: Past) -> FuseCall | Message | None:
    """A part that comes from another version: "use the second for the sky", "take the sky from version 2".

    A message where it would come from the version that is shown.
    """
    clause = re.sub(r"[\s,]+please\W*$", "", clause)
    named = [n for n in versions_in(clause, past) if n.id is not None]
    if not named or re.search(_REST, clause):
        named += [n for n in _counted(clause, past) if n.id is not None]
    named.sort(key=lambda n: n.start)
    source = named[0].id if named else None
    if source is None or len(named) > 2:
        return None
    if len(named) == 2:
        return _part_and_rest(clause, named[0], named[1])
    before, after = clause[: named[0].start], clause[named[0].end :]
    after = re.sub(rf"^\s*(?:{words.regex(words.phrases('history', 'results'), clause)})\b", "", after)
    after = _INTO_THIS.sub("", after)
    rest = None
    takes = re.search(_TAKES, before)
    if takes and (at := re.match(r"\s*(?:'s)?\s*(?:for|in|on)\s+(.+)", after) or re.match(r"\s*'s\s+(.+)", after)):
        rest = at[1]
    elif not after.strip(" .!"):
        at = re.search(rf"^(?:.*{_TAKES})?\s*(.+?){_FROM}", before)
        at = re.search(rf"\breplace\s+(.+?)\s+(?:with|by)\s+(?:the one|that|it){_FROM}", before) or at
        rest = at[1] if at else None
    call = _part_call(rest, (source,)) if rest is not None else None
    return Message("chat.is_shown") if call is not None and source == past.shown else call


def _part_and_rest(clause: str, first: NamedVersion, second: NamedVersion) -> FuseCall | None:
    """ "use 2 for the sky and 3 for the rest"."""
    between, after = clause[first.end : second.start], clause[second.end :]
    at = re.match(r"\s*(?:for|in|on)\s+(.+?)\s*(?:,|\band\b|\bbut\b)[\s,]*(?:use|take|keep)?\s*(?:the\s+)?$", between)
    if at is None or not re.match(_REST, after) or first.id is None or second.id is None or first.id == second.id:
        return None
    return _part_call(at[1], (second.id, first.id))


_LOOKS = re.compile(r"\b(?:parts?|areas?|spots?|bits?|corners?)$")  # "the dark parts" ask for no light
_HALF = re.compile(r"\s+(?:half|part|side|area)$")


def _part_call(rest: str, chosen: tuple[VersionId, ...]) -> FuseCall | None:
    """A part from the last one of some versions; None where the words name no part, or more than that."""
    rest = rest.strip(" .!,")
    if noun_alone(rest):
        rest = f"the {rest}"
    if (list(mentions_in(rest)) and not _LOOKS.search(rest)) or _pattern("several").search(rest):
        return None
    region = region_in(rest, ())
    if region is None or not (is_only(rest, region) or is_only(_HALF.sub("", rest), region)):
        return None
    if words.pattern("history", "results").search(region.text):
        return None
    return FuseCall(chosen, region=region)


_NUMBERS = {"two": 2, "2": 2, "three": 3, "3": 3, "four": 4, "4": 4, "five": 5, "5": 5, "six": 6, "6": 6}
_COUNTS = {**_NUMBERS, "couple": 2}
_MANY = re.compile(rf"\b(last|first|all|these|those)\s+({'|'.join(_NUMBERS)})\b")
_BEST = re.compile(
    rf"\b(?:(?:best|top)\s+(?P<after>{'|'.join(_COUNTS)})|(?P<before>{'|'.join(_COUNTS)})\s+best)\b(?!\s+(?:part|bit|piece))"
)


def _pair(clause: str, past: Past) -> tuple[VersionId, ...] | None:
    ids = list(dict.fromkeys(n.id for n in versions_in(clause, past) if n.id is not None))
    results = _results(past)
    if "first" in clause and (many := _pattern("several").search(clause)) and "first" in many[0]:
        ids = []
    if (at := _BEST.search(clause)) and (best := _best(_COUNTS[at["after"] or at["before"]], results, past)):
        return best
    if at := _MANY.search(clause):
        count = _NUMBERS[at[2]]
        if len(results) >= count:
            return tuple(results[:count] if at[1] == "first" else results[-count:])
    if len(ids) < 2 and (many := _pattern("several").search(clause)):
        everything = re.search(r"\b(?:them|all|these|those)\b", many[0])
        if everything and "three" not in many[0] and len(past.starred) > 1:
            return past.starred[-MOST:]
        count = 3 if "three" in many[0] else min(len(results), MOST) if everything else 2
        if "first" in many[0] and len(results) >= count:
            return tuple(results[:count])
        ids = results[-count:] if len(results) >= count else [v.id for v in past.versions][-count:]
    elif len(ids) == 1 and ids[0] != past.shown and past.shown is not None:
        ids = [ids[0], past.shown] if ids[0] != past.original or len(past.versions) > 2 else []
    return tuple(ids) if len(ids) >= 2 else None


def _best(count: int, results: list[VersionId], past: Past) -> tuple[VersionId, ...] | None:
    """The best of some results in their order: those with a star, then by score. None: too few are known to be good."""
    scores = {v.id: v.score for v in past.versions if v.score is not None}
    known = [v for v in results if v in past.starred or v in scores]
    known.sort(key=lambda v: (v in past.starred, scores.get(v, 0.0)), reverse=True)
    return tuple(v for v in results if v in known[:count]) if len(known) >= count else None


def _results(past: Past) -> list[VersionId]:
    """What "they" are: the versions that the user sees under numbers, without what they come from, else all results.

    Without those that were rejected, as long as two are left.
    """
    parents = {past.parents.get(v) for v in past.numbered}
    seen = [v for v in past.numbered if v not in parents and v != past.original]
    there = seen if len(seen) > 1 else [v.id for v in past.versions[1:]]
    kept = [v for v in there if v not in past.rejected]
    return kept if len(kept) > 1 else there
