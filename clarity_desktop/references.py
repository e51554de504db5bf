"""Regions that a message refers to by their names in brackets: "sharpen [hat]"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clarity_desktop.values import RegionId, StoredRegion

SELECTION = "selection"
"""The name of what is selected in the window."""
MAX_NAME = 60
"""Characters of a name in a message; a longer one is cut."""
REFERENCE = re.compile(r"\[([^\[\]\n]{1,100})\]")
"""A name in brackets."""

STAND_IN = re.compile(r"keptregion([a-z])([a-z])")
"""A noun that stands for a name while the words around it are read: in no list, and no typing error of another."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
MAX_STAND_INS = len(_LETTERS) ** 2


def stand_in(number: int) -> str:
    """The noun for the name of that number, below MAX_STAND_INS."""
    return f"keptregion{_LETTERS[number // len(_LETTERS)]}{_LETTERS[number % len(_LETTERS)]}"


def names(regions: Iterable[StoredRegion]) -> dict[str, RegionId]:
    """What each kept region is called in a message: its own name, made unique by a number where two have the same.

    Capital letters make no difference. Regions without a name are numbered, as in the list of regions.
    """
    found: dict[str, RegionId] = {}
    taken = {SELECTION}
    for number, region in enumerate(regions, 1):
        name = re.sub(r"[\[\]\s]+", " ", region.name).strip()[:MAX_NAME].strip() or f"region {number}"
        unique, count = name, 2
        while unique.casefold() in taken:
            unique, count = f"{name} {count}", count + 1
        taken.add(unique.casefold())
        if not region.deleted:
            found[unique] = region.id
    return found


def plain(text: str) -> str:
    """A text without the brackets around names, as a person reads it."""
    return REFERENCE.sub(r"\1", text)
