"""Lists of calls: their default order, repetitions, and limits that a later clause sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from clarity_desktop.backend.chat import edits
from clarity_desktop.backend.chat.regions import is_only, region_in, text_region
from clarity_desktop.backend.plan import (
    AdjustCall,
    ExportCall,
    GoToCall,
    RedoCall,
    RestoreCall,
    TextRegion,
    ToolCall,
    TransformCall,
    UndoCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import Task

ORDER: tuple[Task, ...] = (
    "dejpeg", "denoise", "dewatermark", "inpaint", "deblur", "low_light", "overexposure", "deflare", "derain",
    "deraindrop", "desnow", "dehaze", "deshadow", "retouch", "upscale",
)  # fmt: skip
"""Tasks in the order in which they are done where the request gives none: that of Auto, then what it does not run."""


@dataclass(frozen=True, slots=True)
class Read:
    """What a part of a request means. left_out: a part of the photo that it only excludes."""

    calls: tuple[ToolCall, ...] = ()
    reply: Message | None = None
    question: Message | None = None
    left_out: TextRegion | None = None


def default_order(call: ToolCall) -> tuple[int, int]:
    """Moves in the history, transforms, restorations in ORDER, adjustments, export."""
    match call:
        case UndoCall() | RedoCall() | GoToCall():
            return 0, 0
        case TransformCall():
            return 1, 0
        case RestoreCall(task) if task != "auto":
            return 2, ORDER.index(task)
        case ExportCall():
            return 4, 0
        case _:
            return 3, 0


def repeats(call: ToolCall, calls: Sequence[ToolCall]) -> bool:
    """Whether a task or an adjustment was requested before, in the same part of the photo."""
    if isinstance(call, GoToCall) or (isinstance(call, TransformCall) and call.settings is None):
        return call in calls
    if isinstance(call, AdjustCall):
        return any(isinstance(c, AdjustCall) and c.region == call.region and _names(c) == _names(call) for c in calls)
    if isinstance(call, ExportCall):
        return call.format is None and any(isinstance(c, ExportCall) for c in calls)
    if not isinstance(call, RestoreCall):
        return False
    return any(isinstance(c, RestoreCall) and (c.task, c.region) == (call.task, call.region) for c in calls)


_OF_PERSON = re.compile(
    r"\b(?:him|them|her(?= *(?:$|[^\w\s]|(?:a (?:bit|little)|more|less|some|much|up|look)\b|\w+er\b)))\b"
)
_OF_THING = re.compile(
    r"\b(?:it|that|this|these|those)\b"
    r"(?!'| (?:is|was|are|were|looks?|has|needs?|should|could|photo|picture|image|shot|one)\b)"
)
_ALIKE: Sequence[frozenset[str]] = (
    frozenset({"overexposure", "exposure-", "highlights-"}),
    frozenset({"low_light", "exposure+", "shadows+"}),
)
"""What says the same of light."""


def in_named(
    found: Sequence[ToolCall], before: Sequence[ToolCall], clause: str, named: TextRegion | None
) -> list[ToolCall]:
    """The calls of a clause that names a part only by a pronoun, in that part; without what was requested of it before.

    before: the calls of earlier clauses. named: the part that the last one of them named, whatever it asked for.
    "The dog is blurry, sharpen it and make it brighter", "there is a man under the bridge, give him more light".
    """
    person, thing = _OF_PERSON.search(clause), _OF_THING.search(clause)
    last = before[-1] if before else None
    part = last.region if isinstance(last, RestoreCall | AdjustCall) and not _fills(last) else None
    part = part if isinstance(part, TextRegion) else None
    if not person and not (thing and part is not None):
        return list(found)
    part = part or (named if person else None)
    if part is None:
        return list(found)
    meant = [
        replace(c, region=part) if isinstance(c, RestoreCall | AdjustCall) and c.region is None else c for c in found
    ]
    return [c for c in meant if not any(_alike(c, earlier) for earlier in before)]


def _fills(call: ToolCall) -> bool:
    return isinstance(call, RestoreCall) and call.task == "inpaint"


def _alike(call: ToolCall, other: ToolCall) -> bool:
    """Whether two calls for the same part say the same."""
    if not isinstance(call, RestoreCall | AdjustCall) or not isinstance(other, RestoreCall | AdjustCall):
        return False
    if call.region != other.region:
        return False
    one, two = _what(call), _what(other)
    return one == two or any({one, two} <= group for group in _ALIKE)


def _what(call: RestoreCall | AdjustCall) -> str:
    if isinstance(call, RestoreCall):
        return call.task
    return " ".join(f"{name}{'-' if (value or 0) < 0 else '+'}" for name, value in (call.settings or {}).items())


def _names(call: AdjustCall) -> set[str]:
    return set(call.settings or {})


def continued(calls: list[ToolCall], clause: str) -> list[ToolCall] | None:
    """The calls with the part that continues the list of the last one: "denoise the sky, the person and the car".

    None for a clause that is something else.
    """
    if not calls or not isinstance(last := calls[-1], RestoreCall | AdjustCall):
        return None
    if not isinstance(last.region, TextRegion):
        return None
    region = region_in(clause, ())
    if region is None or not is_only(clause, region):
        return None
    joined = text_region(f"{last.region.text} and the {region.text}")
    return [*calls[:-1], replace(last, region=joined)]


def refined(calls: list[ToolCall], clause: str) -> list[ToolCall]:
    """The calls with the region, and the last one with the strength, of a clause of its own: "but only the sky"."""
    if not calls or not isinstance(last := calls[-1], RestoreCall | AdjustCall):
        return calls
    region = region_in(clause, ()) if re.search(r"\b(?:only|just|everything|all)\b", clause) else None
    calls = [*calls[:-1], replace(last, strength=last.strength or edits.strength_in(clause, []))]
    if region is None:
        return calls
    return limited(calls, region)


def limited(calls: Sequence[ToolCall], region: TextRegion) -> list[ToolCall]:
    """The calls, those without a region in this one."""
    return [replace(c, region=c.region or region) if isinstance(c, RestoreCall | AdjustCall) else c for c in calls]


def everywhere_but(call: ToolCall, out: TextRegion) -> ToolCall:
    if isinstance(call, RestoreCall | AdjustCall) and call.region is None:
        return replace(call, region=out)
    return call
