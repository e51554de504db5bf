"""How many times a message wants the photo enlarged: "enlarge 4x", "double the size"."""

from __future__ import annotations

import re
from dataclasses import replace

from clarity_desktop.backend import methods
from clarity_desktop.backend.plan import Plan, RestoreCall
from clarity_desktop.backend.studio import Studio
from clarity_desktop.text import Message, Text, conjunction

_TIMES = re.compile(
    r"\b(?P<before>\d{1,2}(?:\.\d)?)\s?(?:x|×|times|fold|-fold)(?![\w.])|(?<![\w.])[x×]\s?(?P<after>\d{1,2})\b"
    r"|\b(?P<percent>[2-9]00)\s?(?:%|percent)"
)
_NAMED = {
    "double": 2, "doubled": 2, "twice": 2, "two times": 2, "triple": 3, "thrice": 3, "three times": 3, "quadruple": 4,
    "four times": 4, "eight times": 8,
}  # fmt: skip


def factor_in(text: str) -> float | None:
    """How many times as wide and high the photo is to be; None where a message names no number, or several."""
    request = text.casefold()
    found = {float(at["before"] or at["after"] or int(at["percent"]) / 100) for at in _TIMES.finditer(request)}
    found |= {float(times) for words, times in _NAMED.items() if re.search(rf"\b{words}\b", request)}
    return found.pop() if len(found) == 1 else None


def with_scale(studio: Studio, found: Plan, text: str) -> Plan:
    """A plan that enlarges as often as the message says, or by the nearest number that a method can do."""
    factor = factor_in(text)
    if factor is None or not any(_is_open(step) for step in found.steps):
        return found
    able = {name: m.scale for name, m in methods.all_methods().items() if "upscale" in m.tasks and m.scale > 1}
    if not able:
        return found
    scale = min(set(able.values()), key=lambda known: (abs(known - factor), -known))
    order = [name for name in studio.ranking("upscale").order if able.get(name) == scale]
    known = methods.all_methods()
    method = next((name for name in order if not methods.missing(known[name], studio.store)), order[0])
    steps = tuple(
        replace(step, method=method) if _is_open(step) and isinstance(step, RestoreCall) else step
        for step in found.steps
    )
    if scale == factor:
        return replace(found, steps=steps)
    scales = conjunction([str(known) for known in sorted(set(able.values()))])
    said: Text = Message("chat.other_scale", {"scales": scales, "scale": scale})
    return replace(found, steps=steps, reply=(*_texts(found.reply), said))


def _texts(reply: Text) -> tuple[Message, ...]:
    return () if isinstance(reply, str) else (reply,) if isinstance(reply, Message) else tuple(reply)


def _is_open(step: object) -> bool:
    """Whether a call enlarges by a method that the message does not name."""
    return isinstance(step, RestoreCall) and step.task == "upscale" and step.method is None
