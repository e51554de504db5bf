"""Whether a message answers a pending question. Only a message made of nothing but answering phrases does."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from clarity_desktop.backend.chat import words

Answer = Literal["yes", "visible", "no"]
_MEANINGS: tuple[Answer, ...] = ("yes", "visible", "no")


@cache
def _phrase() -> re.Pattern[str]:
    """Matches one phrase; the longest of all lists wins, its list is the name of the group."""
    lists = [(phrase, name) for name in (*_MEANINGS, "filler") for phrase in words.phrases("answers", name)]
    lists.sort(key=lambda entry: len(entry[0]), reverse=True)
    return re.compile("|".join(f"({words.regex([phrase])})" for phrase, _ in lists))


@cache
def _names() -> tuple[str, ...]:
    lists = [(phrase, name) for name in (*_MEANINGS, "filler") for phrase in words.phrases("answers", name)]
    lists.sort(key=lambda entry: len(entry[0]), reverse=True)
    return tuple(name for _, name in lists)


def answer_of(text: str) -> Answer | None:
    """The answer, or None for a message that is something else: a question, a request, a remark.

    A refusal wins over everything else in the message, except for "no, only the visible part".
    """
    request = " ".join(text.lower().replace("’", "'").split())
    if "?" in request:
        return None
    found: list[str] = []
    at = 0
    while at < len(request):
        match = _phrase().match(request, at)
        if match is not None and match.lastindex is not None:
            found.append(_names()[match.lastindex - 1])
            at = match.end()
        elif request[at].isalnum():
            return None
        else:
            at += 1
    if "no" in found:
        return "visible" if found[0] == "no" and "visible" in found and re.match(r"no\W", request) else "no"
    return next((meaning for meaning in ("visible", "yes") if meaning in found), None)
