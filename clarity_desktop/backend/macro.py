"""Macros: the changes of a conversation, kept as a plan that runs on other photos.

A macro is a JSON file: {"format": "clarity-macro", "version": 1, "name", "steps"}, with steps in the form of
`clarity plan`. Its steps only change the photo, name no version, and name parts by words or by a rectangle in shares of
the photo. A file is untrusted until it is checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clarity_desktop import file_io
from clarity_desktop.backend import plan
from clarity_desktop.backend.plan import (
    AdjustCall,
    BoxRegion,
    PartRegion,
    RestoreCall,
    TextRegion,
    ToolCall,
    TransformCall,
)
from clarity_desktop.backend.regions import masks
from clarity_desktop.messages import UserError
from clarity_desktop.references import REFERENCE
from clarity_desktop.text import Message, conjunction
from clarity_desktop.titles import step_title, task_title
from clarity_desktop.values import (
    MOVING,
    DocumentCard,
    Region,
    Turn,
    Version,
    VersionId,
    full_result,
)

FORMAT, VERSION = "clarity-macro", 1
SUFFIX = ".clarity-macro"
MAX_BYTES = 200_000
MAX_STEPS = 100
MAX_NAME = 100
Change = RestoreCall | AdjustCall | TransformCall
"""The calls that a macro may have."""
_HERE, _NOT_HERE = TextRegion(plan.HERE), TextRegion(plan.NOT_HERE)


@dataclass(frozen=True, slots=True)
class Macro:
    """Changes in order, by a name."""

    name: str
    steps: tuple[Change, ...]

    @property
    def titles(self) -> Message:
        """What its steps do, as a list in one sentence."""
        return _list(call_title(step) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Recording:
    """A macro made from a conversation, and sentences about what is not as it was there."""

    macro: Macro
    notes: tuple[Message, ...]


# Files ----------------------------------------------------------------------------------------------------------------


def read(path: Path) -> Macro:
    """Read and check a macro file. Raises UserError."""
    try:
        if not path.is_file():  # a pipe would never end
            raise UserError("macro.not_read", name=path.name, reason="it is no file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise UserError("macro.not_read", name=path.name, reason=e.strerror or str(e)) from e
    if len(raw) > MAX_BYTES:
        raise UserError("macro.too_large", name=path.name)
    try:
        stored = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as e:
        raise UserError("macro.not_a_macro", name=path.name) from e
    return from_json(stored, path.name)


def write(macro: Macro, path: Path) -> None:
    """Write a macro file, over an existing one. Raises UserError."""
    content = json.dumps(to_json(macro), ensure_ascii=False, indent=2)
    try:
        file_io.write_atomically(path, f"{content}\n".encode())
    except (OSError, ValueError) as e:  # ValueError: a name with a null character
        raise UserError("macro.not_written", name=path.name, reason=getattr(e, "strerror", None) or str(e)) from e


def to_json(macro: Macro) -> dict[str, Any]:
    """What a macro file holds."""
    steps = [plan.to_json(step) for step in macro.steps]
    return {"format": FORMAT, "version": VERSION, "name": macro.name, "steps": steps}


def from_json(stored: Any, name: str) -> Macro:
    """A macro from untrusted JSON. name: of the file, for errors. Raises UserError."""
    if not isinstance(stored, Mapping) or stored.get("format") != FORMAT:
        raise UserError("macro.not_a_macro", name=name)
    version, steps, title = stored.get("version"), stored.get("steps"), stored.get("name")
    if not isinstance(version, int) or isinstance(version, bool) or not isinstance(steps, list):
        raise UserError("macro.not_a_macro", name=name)
    if version > VERSION:
        raise UserError("macro.newer", name=name)
    if not isinstance(title, str) or version < 1:
        raise UserError("macro.not_a_macro", name=name)
    if not steps:
        raise UserError("macro.no_steps", name=name)
    if len(steps) > MAX_STEPS:
        raise UserError("macro.too_large", name=name)
    checked = tuple(_checked(step, number, name) for number, step in enumerate(steps, 1))
    return Macro(_name(title) or _name(Path(name).stem), checked)


def _checked(stored: Any, number: int, name: str) -> Change:
    try:
        step = plan.from_json(stored)
    except UserError as e:
        raise UserError("macro.bad_step", number=number, name=name) from e
    if not isinstance(step, Change) or not _means_something_elsewhere(step):
        raise UserError("macro.bad_step", number=number, name=name)
    return step


def _means_something_elsewhere(step: Change) -> bool:
    """Whether a call can run on any photo: it names no version and no selection, and says how much."""
    region = plan.region_of(step)
    if step.version is not None or (region is not None and _is_of_this_photo(region)):
        return False
    match step:
        case RestoreCall(task="auto"):
            return step.method is None
        case RestoreCall(task="inpaint"):
            return step.region is not None
        case AdjustCall():
            return any(value is not None for value in (step.settings or {}).values())
        case TransformCall(settings):
            given = (settings.rotate, settings.flip, settings.crop, settings.straighten) if settings else ()
            return sum(value is not None for value in given) == 1
        case _:
            return True


def _is_of_this_photo(region: PartRegion) -> bool:
    """Whether a part is a selection, or named by a region that the document keeps."""
    return isinstance(region, TextRegion) and (region in (_HERE, _NOT_HERE) or bool(REFERENCE.search(region.text)))


def _name(text: str) -> str:
    """A name in one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_NAME].strip()


# Titles ---------------------------------------------------------------------------------------------------------------


def call_title(call: ToolCall) -> Message:
    """What a call does, as a command: "Remove rain", "Remove rain (“the sky”)"."""
    match call:
        case RestoreCall(task):
            title = Message("macro.auto") if task == "auto" else task_title(task)
        case _:
            title = Message(f"macro.{call.tool}")
    region = plan.region_of(call)
    if region is None:
        return title
    if isinstance(region, BoxRegion) or _is_of_this_photo(region):
        return Message("macro.step_in_part", {"step": title})
    return Message("macro.step_of", {"step": title, "region": region.text})


def _list(titles: Iterable[Message]) -> Message:
    listed = conjunction(titles)
    assert isinstance(listed, Message)
    return listed


# Recording ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _LeftOut:
    """What does not become a step, by the reason."""

    undone: list[Message] = field(default_factory=list[Message])
    not_run: list[Message] = field(default_factory=list[Message])
    other: list[Message] = field(default_factory=list[Message])
    versions: list[Message] = field(default_factory=list[Message])
    boxed: list[Message] = field(default_factory=list[Message])
    looked: bool = False

    def notes(self) -> tuple[Message, ...]:
        """A sentence for each reason."""
        lists = {
            "macro.left_undone": self.undone, "macro.left_not_run": self.not_run, "macro.left_other": self.other,
            "macro.left_versions": self.versions, "macro.boxed": self.boxed,
        }  # fmt: skip
        said = [Message(key, {"steps": _list(titles)}) for key, titles in lists.items() if titles]
        return (*said, *([Message("macro.left_looked")] if self.looked else ()))


def record(
    card: DocumentCard,
    first: int,
    stop: int,
    name: str,
    region: Callable[[str], Region],
    shown: VersionId | None = None,
) -> Recording:
    """Make a macro from the turns first..stop-1 of a document: the changes that are in the version that is shown.

    region: reads the region that a step names, by its id. shown: another version than the head. Raises UserError where
    nothing is left.
    """
    known = {v.id: v for v in card.versions}
    path = _path(known, shown or card.head)
    left_out = _LeftOut()
    steps: dict[VersionId, Change] = {}
    taken: set[VersionId] = set()
    for index in range(max(0, first), min(stop, len(card.turns))):
        for call, made in _calls(card.turns, index, known, taken):
            kept = [version for version in made if version.id in path]
            if kept and isinstance(call, Change):
                steps[kept[0].id] = _recorded(call, kept[0], region, left_out)
            elif made:
                left_out.undone += [step_title(v.step) for v in made if not v.rejected] or [call_title(call)]
            elif isinstance(call, plan.FuseCall):
                left_out.versions.append(call_title(call))
            elif isinstance(call, Change):
                left_out.not_run.append(call_title(call))
            else:
                left_out.looked = True
    for version in _done_elsewhere(card.turns, path, steps):
        full = full_result(known, version)
        earlier = steps.get(full.id) if full is not None and full.id != version.id else None
        if full is not None and isinstance(earlier, RestoreCall):  # its strength was changed afterwards
            steps[full.id] = replace(earlier, strength=version.step.strength)
        else:
            left_out.other.append(step_title(version.step))
    ordered = [steps[version] for version in path if version in steps]
    if not ordered:
        raise UserError("macro.nothing")
    if len(ordered) > MAX_STEPS:
        raise UserError("macro.too_many_steps", limit=MAX_STEPS, count=len(ordered))
    return Recording(Macro(_name(name) or _name(Path(card.title).stem), tuple(ordered)), left_out.notes())


def _path(known: Mapping[VersionId, Version], shown: VersionId) -> dict[VersionId, Version]:
    """The versions from the original to the one that is shown, in this order."""
    found: dict[VersionId, Version] = {}
    at: VersionId | None = shown
    while at is not None and at in known and at not in found:
        found[at] = known[at]
        at = known[at].parent
    return dict(reversed(found.items()))


def _calls(
    turns: Sequence[Turn], index: int, known: Mapping[VersionId, Version], taken: set[VersionId]
) -> list[tuple[ToolCall, tuple[Version, ...]]]:
    """The calls of a turn, each with the versions that it made. taken: versions of earlier calls."""
    turn = turns[index]
    calls = _valid(turn.steps)
    if turn.question is not None:  # the steps waited for an answer
        answered = next((_valid(later.steps) for later in turns[index + 1 :] if later.role == "assistant"), ())
        return [] if answered[: len(calls)] == calls else [(call, ()) for call in calls]
    # Auto reports in a turn of its own, before the one that called it.
    if index > 0 and turns[index - 1].role == "assistant":
        reported = _valid(turns[index - 1].steps)
        calls = tuple(call for call in calls if not (_is_auto(call) and call in reported))
    waiting = [known[v] for v in turn.versions if v in known and v not in taken]
    found: list[tuple[ToolCall, tuple[Version, ...]]] = []
    for call in calls:
        made = [v for v in waiting if _made(call, v)][: None if _is_auto(call) else 1]
        waiting = [v for v in waiting if v not in made]
        taken.update(v.id for v in made)
        found.append((call, tuple(made)))
    return found


def _valid(stored: Iterable[Any]) -> tuple[ToolCall, ...]:
    """The calls of a stored turn; those of another release are left out."""
    found: list[ToolCall] = []
    for step in stored:
        try:
            found.append(plan.from_json(step))
        except UserError:
            continue
    return tuple(found)


def _is_auto(call: ToolCall) -> bool:
    return isinstance(call, RestoreCall) and call.task == "auto"


def _made(call: ToolCall, version: Version) -> bool:
    """Whether a call can have made a version."""
    step = version.step
    match call:
        case RestoreCall(task):
            return step.kind == "restore" and task in ("auto", step.task)
        case AdjustCall():
            return step.kind == "adjust"
        case TransformCall():
            return step.kind in MOVING
        case _:
            return False


def _recorded(call: Change, version: Version, region: Callable[[str], Region], left_out: _LeftOut) -> Change:
    """A call as it runs on another photo: with the method that ran, and a part as words or as a rectangle."""
    if isinstance(call, TransformCall):
        return replace(call, version=None)
    part = call.region
    if version.step.region is not None and (part is None or _is_of_this_photo(part)):
        part = _box(region(version.step.region), outside=part == _NOT_HERE)
        left_out.boxed.append(call_title(call))
    if isinstance(call, RestoreCall) and not _is_auto(call):
        return replace(call, version=None, region=part, method=version.step.method)
    return replace(call, version=None, region=part)


def _box(region: Region, *, outside: bool) -> PartRegion:
    """The rectangle around a region, or around what it leaves out."""
    if outside:
        region = masks.invert(region)
    b, width, height = region.bounds, region.width, region.height
    return BoxRegion((b.x / width, b.y / height, (b.x + b.width) / width, (b.y + b.height) / height), outside)


def _done_elsewhere(
    turns: Sequence[Turn],
    path: Mapping[VersionId, Version],
    steps: Iterable[VersionId],
) -> list[Version]:
    """The changes between and after recorded ones that no turn made: by the mouse."""
    recorded = set(steps)
    spoken = {version for turn in turns for version in turn.versions}
    found: list[Version] = []
    begun = False
    for version in path.values():
        begun = begun or version.id in recorded
        if begun and version.id not in spoken:
            found.append(version)
    return found
