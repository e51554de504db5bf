"""Names in brackets in a request: regions that the document keeps, which are not looked for by words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from clarity_desktop.backend.plan import HERE, LOOK_ONLY, NOT_HERE, Plan, TextRegion, ToolCall, region_of
from clarity_desktop.references import MAX_STAND_INS, REFERENCE, SELECTION, STAND_IN, names, stand_in
from clarity_desktop.text import Message, conjunction
from clarity_desktop.values import DocumentCard, RegionId

_SELECTED = "this part"
_LEAD = r"(?:\b(?:the|my|this|that|his|her|their)\s+)?"


def known(card: DocumentCard) -> Mapping[str, RegionId]:
    """The names of a document's regions, in small letters."""
    return {name.casefold(): region for name, region in names(card.regions).items()}


def named(text: str, card: DocumentCard) -> frozenset[str]:
    """The names of regions that a message has in brackets, in small letters."""
    kept = known(card)
    return frozenset(name for at in REFERENCE.finditer(text) if (name := at[1].strip().casefold()) in kept)


def hide(text: str, card: DocumentCard) -> tuple[str, dict[str, str]]:
    """A request in which a noun stands for each known name in brackets, and noun → name.

    What is selected needs no noun of its own: "this part" means it.
    """
    kept, nouns = known(card), dict[str, str]()

    def noun(at: re.Match[str]) -> str:
        name = at[1].strip()
        if name.casefold() == SELECTION:
            nouns[_SELECTED] = SELECTION
            return _SELECTED
        if name.casefold() not in kept:
            return at[0]
        word = next((word for word, of in nouns.items() if of.casefold() == name.casefold()), None)
        if word is None and len(nouns) == MAX_STAND_INS:
            return at[0]
        word = word or stand_in(len(nouns))
        nouns[word] = name
        return f"the {word}"

    hidden = re.sub(_LEAD + REFERENCE.pattern, noun, text, flags=re.IGNORECASE)
    if nouns:  # "[hat], [scarf]: more contrast"
        hidden = re.sub(rf"({STAND_IN.pattern})\s*,\s*(?=the {STAND_IN.pattern})", r"\1 and ", hidden)
        hidden = re.sub(rf"({STAND_IN.pattern}|{_SELECTED})\s*:", r"\1", hidden)
    return hidden, nouns


def restore(plan: Plan, nouns: Mapping[str, str]) -> Plan:
    """A plan with the names in brackets in the place of the nouns.

    A name that no step uses is asked about: the whole photo is never changed in the place of a part.
    """
    if not nouns or not plan.steps:
        return plan
    named = [region.text for step in plan.steps if isinstance(region := region_of(step), TextRegion)]
    named += [_SELECTED] if {HERE, NOT_HERE} & set(named) else []
    unused = [name for noun, name in nouns.items() if not any(noun in text for text in named)]
    if unused and any(step.tool not in LOOK_ONLY for step in plan.steps):
        return Plan(reply=Message("chat.which_part", {"parts": conjunction(unused)}))
    return replace(plan, steps=tuple(_restored(step, nouns) for step in plan.steps))


def _restored(step: ToolCall, nouns: Mapping[str, str]) -> ToolCall:
    region = region_of(step)
    if not isinstance(region, TextRegion) or region.text in (HERE, NOT_HERE):
        return step
    text = region.text
    for noun, name in nouns.items():
        text = re.sub(rf"\b{noun}\b", lambda _, name=name: f"[{name}]", text)
    return replace(step, region=TextRegion(text))
