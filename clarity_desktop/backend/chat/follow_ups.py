"""Requests that repeat the last change elsewhere: "the same, but only here", "the person too", "the rest as well"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.regions import region_in
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    AdjustCall,
    GoToCall,
    PastTurn,
    Plan,
    RedoCall,
    RestoreCall,
    TextRegion,
    UndoCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import VersionId

LONGEST = 120
"""Characters of the words for a part; longer requests say more than that."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """What made the version that is shown. base: the version that it began from; calls: without their regions."""

    base: VersionId
    calls: tuple[RestoreCall | AdjustCall, ...]


def of_history(history: Sequence[PastTurn]) -> LastChange | None:
    """The changes of the last turn that made any; None where the conversation does not tell where they began."""
    for turn in reversed(history):
        if any(isinstance(step, UndoCall | RedoCall | GoToCall) for step in turn.steps):
            return None
        calls = [replace(s, region=None, version=None) for s in turn.steps if isinstance(s, RestoreCall | AdjustCall)]
        if calls:
            # Each call made one version; of a turn that only asked about them there is none.
            known = turn.versions[: -len(calls)]
            return LastChange(known[-1].id, tuple(calls)) if known else None
    return None


def follow_up(request: str, last: LastChange | None) -> Plan | None:
    """The plan of a request that repeats the last change elsewhere; None for any other request."""
    if mentions_in(request):
        return None
    found = _meaning(request)
    if found is None:
        return None
    region, replaces = found
    # Filling an object has no rest.
    calls = [replace(call, region=region) for call in (last.calls if last else ()) if region or not _fills(call)]
    if last is None or not calls:
        return Plan(reply=Message("chat.nothing_to_repeat"))
    if replaces:
        # From the version before the change; the calls after the first continue from its result.
        calls[0] = replace(calls[0], version=last.base)
    return Plan(tuple(calls))


def _fills(call: RestoreCall | AdjustCall) -> bool:
    return isinstance(call, RestoreCall) and call.task == "inpaint"


def _meaning(request: str) -> tuple[TextRegion | None, bool] | None:
    """Where the last change is wanted, and whether in place of where it was made; None for any other request."""
    text = request.strip(" .!?,")
    if _matches("rest", text):
        return None, True
    at = _frame().fullmatch(text)
    if at is None or not (at["same"] or at["only"] or at["not"] or at["too"] or at["also"]):
        return None
    region = _region(at["where"])
    if region is None or (at["not"] and region.text == NOT_HERE):
        return None
    if at["not"]:
        return TextRegion(NOT_HERE if region.text == HERE else f"everything but {at['where']}"), True
    return region, bool(at["only"]) and not (at["too"] or at["also"])


def _region(where: str) -> TextRegion | None:
    if _matches("here", where):
        return TextRegion(HERE)
    found = region_in(re.sub(r"\b(everything|all|anything) but\b", r"\1 except", where), ())
    # All of the words must name the part: "the same as the man said" names none.
    named = found and re.sub(r"^(?:everything|all|anything) but\s+", "", found.text)
    if found is None or named is None or not where.endswith(named):
        return None
    rest = where.removesuffix(named).strip()
    articles = words.regex(words.phrases("regions", "articles"))
    return found if re.fullmatch(rf"(?:(?:everything|all|anything) but)?\s*(?:{articles})?", rest) else None


def _matches(name: str, text: str) -> bool:
    polite = (("speech", "polite"), *(("follow_up", of) for of in ("also", "same", "small")))
    return bool(words.only(("follow_up", name), *polite).fullmatch(text)) and _has(name, text)


def _has(name: str, text: str) -> bool:
    return bool(words.pattern("follow_up", name).search(text))


@cache
def _frame() -> re.Pattern[str]:
    def of(name: str) -> str:
        return words.regex(words.phrases("follow_up", name))

    # Repetitions are bounded: a long row of such words must not take long.
    return re.compile(
        rf"(?:(?:{of('start')})[\s,]+){{0,4}}(?:(?P<also>also)\s+)?(?:(?P<same>{of('same')})[\s,]+)?(?:(?:but|and|now)[\s,]+){{0,2}}"
        rf"(?:(?P<only>{of('only')})\s+|(?P<not>{of('not')})\s+)?(?:(?:for|to|on|in|with|at)\s+)?"
        rf"(?P<where>.{{1,{LONGEST}}}?)(?:[\s,]+(?P<too>{of('also')}))?(?:[\s,]+(?:please|now)){{0,2}}"
    )
