"""Requests about a photo that the conversation was about before: "go back to the first photo"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.plan import EarlierChoice


@dataclass(frozen=True, slots=True)
class PhotoRequest:
    """What a message wants of an earlier photo. text: to be answered there, "" if it is only to be shown.

    same: what was done there is to be done here. together: the message is about both photos, which have nothing in
    common. named: the photo is named; else "the same" may mean it.
    """

    which: EarlierChoice
    text: str = ""
    same: bool = False
    together: bool = False
    named: bool = True


def photo_in(text: str) -> PhotoRequest | None:
    """The earlier photo that a message means, and what for; None: it is about the present one."""
    lower = " ".join(text.replace("’", "'").split())
    found = [(at, which) for which in get_args(EarlierChoice) if (at := _names(which, lower)) is not None]
    if not found:
        alone = words.only(("photos", "same"), ("photos", "here"), ("photos", "fill"), ("speech", "polite"))
        asks = words.pattern("photos", "same").search(lower.casefold())
        return PhotoRequest("previous", same=True, named=False) if asks and alone.fullmatch(lower.casefold()) else None
    at, which = min(found, key=lambda one: one[0].start())
    before, after = lower[: at.start()], lower[at.end() :]
    if words.ending("photos", "same", within=1).search(before.casefold()):
        return PhotoRequest(which, same=True)
    if words.pattern("photos", "together").search(f"{before} {after}".casefold()):
        return PhotoRequest(which, together=True)
    rest = f"{before}|{after}".casefold()
    shows = words.only(("photos", "show"), ("photos", "fill"), ("speech", "polite"))
    if not rest.strip(" |.!?") or shows.fullmatch(rest.replace("|", " ").strip(" .!?,")):
        return PhotoRequest(which)
    return PhotoRequest(which, f"{before}the photo{after}")


def _names(which: EarlierChoice, text: str) -> re.Match[str] | None:
    lower = text.casefold()
    if len(lower) != len(text):  # a letter of two in the other case: positions would not fit
        return None
    return re.search(rf"(?:{words.regex(words.phrases('photos', which), lower)})", lower)
