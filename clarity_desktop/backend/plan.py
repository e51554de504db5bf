"""The plan schema: tool calls of the planner, a language model, the command line, macros and Auto.

A call is a frozen dataclass with a `tool` literal; pydantic validates untrusted JSON. The JSON form is that of
`clarity plan --json`: every step has the keys of STEP_KEYS, null where the tool does not use them. A language model
gets the same calls as functions (`functions`), and what it calls is read by `from_function`.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from clarity_desktop.errors import UserError
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import DEGRADATIONS, TASKS, Degradation, Json, Task, VersionId

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CONFIG = {"extra": "forbid"}
AnyTask = Task | Literal["auto"]
Adjustment = Literal[
    "exposure", "contrast", "highlights", "shadows", "temperature", "tint", "saturation", "black_and_white", "sharpen",
]  # fmt: skip
EarlierChoice = Literal["first", "previous"]
"""Of the photos that a conversation was about before: the first one of all, or the last one."""
MAX_TEXT = 500
"""Characters of a region, a question or a name in a call."""
HERE, NOT_HERE = "here", "everything but here"
"""Texts of regions: what is selected in the window, and everything else."""
STEP_KEYS = ("tool", "task", "region", "method", "strength", "version")
"""Keys that each step has in its JSON form."""


_BOX = "#/$defs/BoxRegion"
_VERSION = re.compile(r"[^\s/\\\x00-\x1f]{1,64}")
_METHOD = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}")
_SHAPE = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}")
_FORMAT = re.compile(r"[a-z][a-z0-9]{1,11}")


def _check_versions(*versions: VersionId | None) -> None:
    """Versions are named by their ids, never by paths. Raises ValueError."""
    for version in versions:
        if version is not None and (not _VERSION.fullmatch(version) or version in (".", "..")):
            raise ValueError("a version is named by its id")


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > MAX_TEXT:
        raise ValueError(f"a text has 1 to {MAX_TEXT} characters")


def _check_share(name: str, value: float | None, low: float) -> None:
    if value is not None and not low <= value <= 1:  # NaN as well
        raise ValueError(f"{name} must be between {low:g} and 1")


@dataclass(frozen=True, slots=True)
class TextRegion:
    """A part of the photo in the user's words: "man on the left", "everything but the sky". HERE: the selection."""

    __pydantic_config__ = _CONFIG
    text: str
    kind: Literal["text"] = "text"

    def __post_init__(self) -> None:
        _check_text(self.text)


@dataclass(frozen=True, slots=True)
class BoxRegion:
    """A rectangle as shares of the photo's width and height, so that it means something on every photo.

    box: left, top, right, bottom. outside: everything but the rectangle.
    """

    __pydantic_config__ = _CONFIG
    box: tuple[float, float, float, float]
    outside: bool = False
    kind: Literal["box"] = "box"

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):  # NaN as well
            raise ValueError("a box has left < right and top < bottom, each between 0 and 1")


PartRegion = TextRegion | BoxRegion
"""A part of the photo that a call changes."""


@dataclass(frozen=True, slots=True)
class AssessCall:
    """Score a version (None: the one that is shown), or a part of it."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    region: TextRegion | None = None
    tool: Literal["assess"] = "assess"

    def __post_init__(self) -> None:
        _check_versions(self.version)


@dataclass(frozen=True, slots=True)
class DetectCall:
    """Detect what is wrong with a version or a part of it, or how likely one degradation is there."""

    __pydantic_config__ = _CONFIG
    degradation: Degradation | None = None
    version: VersionId | None = None
    region: TextRegion | None = None
    tool: Literal["detect"] = "detect"

    def __post_init__(self) -> None:
        _check_versions(self.version)


@dataclass(frozen=True, slots=True)
class FindCall:
    """Say where something is in the photo."""

    __pydantic_config__ = _CONFIG
    region: TextRegion
    tool: Literal["find"] = "find"


@dataclass(frozen=True, slots=True)
class SelectRegionCall:
    """Select a part of the photo for what follows; None clears the selection."""

    __pydantic_config__ = _CONFIG
    region: TextRegion | None = None
    tool: Literal["select_region"] = "select_region"


@dataclass(frozen=True, slots=True)
class RestoreCall:
    """Run one restoration task, or Auto. strength 0..1; None: the request does not say how much."""

    __pydantic_config__ = _CONFIG
    task: AnyTask
    region: PartRegion | None = None
    method: str | None = None
    strength: float | None = None
    version: VersionId | None = None
    tool: Literal["restore"] = "restore"

    def __post_init__(self) -> None:
        _check_versions(self.version)
        _check_share("strength", self.strength, 0)
        if self.method is not None and not _METHOD.fullmatch(self.method):
            raise ValueError("a method is named by its id")


@dataclass(frozen=True, slots=True)
class AdjustCall:
    """Change light or color by -1..1; exposure 1 is two stops.

    settings None or a value of None: the request does not say how much.
    """

    __pydantic_config__ = _CONFIG
    settings: Mapping[Adjustment, float | bool | None] | None = None
    region: PartRegion | None = None
    strength: float | None = None
    version: VersionId | None = None
    tool: Literal["adjust"] = "adjust"

    def __post_init__(self) -> None:
        _check_versions(self.version)
        _check_share("strength", self.strength, 0)
        for name, value in (self.settings or {}).items():
            if isinstance(value, bool) != (name == "black_and_white") and value is not None:
                raise ValueError(f"{name} has a value of another kind")
            _check_share(name, None if isinstance(value, bool) else value, -1)


@dataclass(frozen=True, slots=True)
class TransformSettings:
    """One of: rotate in degrees clockwise, flip, crop to an aspect ratio "4:3", straighten by degrees clockwise."""

    __pydantic_config__ = _CONFIG
    rotate: Literal[90, 180, 270] | None = None
    flip: Literal["horizontal", "vertical"] | None = None
    crop: str | None = None
    straighten: float | None = None

    def __post_init__(self) -> None:
        if self.crop is not None and not _SHAPE.fullmatch(self.crop):
            raise ValueError('crop is an aspect ratio such as "4:3"')
        if self.straighten is not None and not (math.isfinite(self.straighten) and abs(self.straighten) <= 180):
            raise ValueError("straighten must be between -180 and 180 degrees")


@dataclass(frozen=True, slots=True)
class TransformCall:
    """Rotate, flip, crop or straighten. settings None: the request does not say by how much."""

    __pydantic_config__ = _CONFIG
    settings: TransformSettings | None = None
    version: VersionId | None = None
    tool: Literal["transform"] = "transform"

    def __post_init__(self) -> None:
        _check_versions(self.version)


@dataclass(frozen=True, slots=True)
class CompareCall:
    """Show versions side by side; None: the one that is shown and the original."""

    __pydantic_config__ = _CONFIG
    versions: tuple[VersionId, ...] | None = None
    tool: Literal["compare"] = "compare"

    def __post_init__(self) -> None:
        _check_versions(*(self.versions or ()))


@dataclass(frozen=True, slots=True)
class FuseCall:
    """Combine versions into one; None: the results of one version. task: without versions, run its best methods first.

    region: only this part of the version that is shown comes from the one that is named ("the sky from the second").
    """

    __pydantic_config__ = _CONFIG
    versions: tuple[VersionId, ...] | None = None
    task: Task | None = None
    region: PartRegion | None = None
    tool: Literal["fuse"] = "fuse"

    def __post_init__(self) -> None:
        _check_versions(*(self.versions or ()))


@dataclass(frozen=True, slots=True)
class GoToCall:
    """Show another version; None: the original. photo: another photo that the conversation was about before."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    photo: EarlierChoice | None = None
    tool: Literal["go_to"] = "go_to"

    def __post_init__(self) -> None:
        _check_versions(self.version)
        if self.photo not in (None, *get_args(EarlierChoice)) or (self.photo and self.version):
            raise ValueError("photo is first or previous, and then there is no version")


@dataclass(frozen=True, slots=True)
class UndoCall:
    """Undo the last change; with a task only if that task made it."""

    __pydantic_config__ = _CONFIG
    task: Task | None = None
    tool: Literal["undo"] = "undo"


@dataclass(frozen=True, slots=True)
class RedoCall:
    """Redo the change that was undone last."""

    __pydantic_config__ = _CONFIG
    tool: Literal["redo"] = "redo"


@dataclass(frozen=True, slots=True)
class ExportCall:
    """Write a version as a file, once the user agrees. format: "jpeg", "png", …; None: the request does not say."""

    __pydantic_config__ = _CONFIG
    format: str | None = None
    version: VersionId | None = None
    tool: Literal["export"] = "export"

    def __post_init__(self) -> None:
        _check_versions(self.version)
        if self.format is not None and not _FORMAT.fullmatch(self.format):
            raise ValueError('a format is named by its short name, such as "jpeg"')


@dataclass(frozen=True, slots=True)
class DescribeCall:
    """Say how large the photo is and what was done to it; content: what can be seen in it as well."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    content: bool = False
    tool: Literal["describe"] = "describe"

    def __post_init__(self) -> None:
        _check_versions(self.version)


@dataclass(frozen=True, slots=True)
class AskUserCall:
    """Put a question to the user."""

    __pydantic_config__ = _CONFIG
    question: str
    tool: Literal["ask_user"] = "ask_user"

    def __post_init__(self) -> None:
        _check_text(self.question)


ToolCall = (
    AssessCall | DetectCall | FindCall | SelectRegionCall | RestoreCall | AdjustCall | TransformCall | CompareCall
    | FuseCall | GoToCall | UndoCall | RedoCall | ExportCall | DescribeCall | AskUserCall
)  # fmt: skip
TOOLS: tuple[str, ...] = tuple(call.__dataclass_fields__["tool"].default for call in get_args(ToolCall))
LOOK_ONLY = frozenset({"assess", "detect", "find", "select_region", "describe", "compare", "ask_user"})
"""Tools that never change the photo."""
ASK_FIRST = frozenset({"export"})
"""Tools that write a file: `tools.run` runs only calls of theirs that the user has confirmed."""


def before_files(steps: tuple[ToolCall, ...]) -> tuple[tuple[ToolCall, ...], tuple[ToolCall, ...]]:
    """The steps before the first that writes a file, and the others."""
    at = next((k for k, step in enumerate(steps) if step.tool in ASK_FIRST), len(steps))
    return steps[:at], steps[at:]


_ARGUMENTS: Mapping[str, str] = {
    "version": "Id of the version to work on, as listed in the state. null: the version that is shown.",
    "versions": "Ids of versions, as listed in the state. null: the version that is shown and the original.",
    "region": "A part of the photo in plain words, such as the man on the left. null: the whole photo.",
    "task": "What to achieve.",
    "method": "Id of an installed method, only if the user named one. null: the default method.",
    "strength": "0 to 1, only if the user said how much. null: the default.",
    "degradation": "The one degradation that is asked about. null: all of them.",
    "settings": "What to change and by how much. null: the user did not say.",
    "format": "Short name of a file format, such as jpeg or png. null: the user did not say.",
    "question": "One short question.",
    "photo": "Another photo that the conversation was about before, only if the state lists one. null: this photo.",
    "content": "true: also what can be seen in the photo.",
}
"""Descriptions of the arguments for a language model."""


def region_of(call: ToolCall) -> PartRegion | None:
    """The part of the photo that a call names; None: the whole photo, or a call that has none."""
    return getattr(call, "region", None)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order. question: asked before they run. reply: the answer where there is nothing to do."""

    steps: tuple[ToolCall, ...] = ()
    question: Text | None = None
    reply: Text = ""


@dataclass(frozen=True, slots=True)
class VersionLabel:
    """A version as the history names it to the planner: {"id": "v1", "label": "derain (prenet)"}.

    parent: the version that it was made from; score: overall quality, 0..100; both where they are known.
    """

    id: VersionId
    label: str = ""
    parent: VersionId | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A message of the conversation so far, as the planner gets it.

    steps: of the assistant's turn; versions: all of the document's after it, the original first. shown: the version
    that is shown after it, where that is known. numbered: the versions that the user sees under the numbers 1, 2, …;
    starred, rejected: those with such a mark.
    """

    role: Literal["user", "assistant"]
    text: str = ""
    steps: tuple[ToolCall, ...] = ()
    versions: tuple[VersionLabel, ...] = ()
    shown: VersionId | None = None
    numbered: tuple[VersionId, ...] = ()
    starred: tuple[VersionId, ...] = ()
    rejected: tuple[VersionId, ...] = ()


@cache
def adapter() -> TypeAdapter[ToolCall]:
    """Validates one call; its `json_schema()` describes all tools to a language model."""
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[ToolCall, Field(discriminator="tool")])


@cache
def _schemas() -> Mapping[str, dict[str, Any]]:
    from pydantic import TypeAdapter

    return {call.__dataclass_fields__["tool"].default: TypeAdapter(call).json_schema() for call in get_args(ToolCall)}


def functions(tools: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The tools as functions that a language model can call, in the form of the chat completions API.

    tools: only these; none: all of them. References are resolved, because not every server does it.
    """
    chosen = tuple(tools) or TOOLS
    return [{"type": "function", "function": _function(name, copy.deepcopy(_schemas()[name]))} for name in chosen]


def _function(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    definitions: dict[str, Any] = schema.pop("$defs", {})
    parameters: dict[str, Any] = _resolved(schema, definitions)
    description = parameters.pop("description", "")
    parameters["properties"].pop("tool")
    for argument, facts in parameters["properties"].items():
        facts.setdefault("description", _ARGUMENTS[argument])
    return {"name": name, "description": description, "parameters": parameters}


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema with its references replaced by what they name, and without titles and rectangles."""
    if isinstance(schema, list):
        # A language model names parts in words: the rectangles that it would guess lie elsewhere.
        named = [part for part in schema if not (isinstance(part, dict) and part.get("$ref") == _BOX)]
        return [_resolved(part, definitions) for part in named]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {k: _resolved(v, definitions) for k, v in schema.items() if k != "title" or not isinstance(v, str)}


def from_function(name: str, arguments: str | Mapping[str, Any]) -> ToolCall:
    """The call that a language model asks for by a function and its arguments (JSON). Raises UserError.

    A region may be a plain string, as models often write it.
    """
    try:
        given: Any = json.loads(arguments or "{}") if isinstance(arguments, str) else dict(arguments)
    except (ValueError, RecursionError) as e:
        raise UserError(Message("chat.bad_step", {"step": f"{name} {arguments}"[:200]})) from e
    if not isinstance(given, dict) or "tool" in given:
        raise UserError(Message("chat.bad_step", {"step": f"{name} {arguments}"[:200]}))
    if isinstance(given.get("region"), str):
        given["region"] = {"kind": "text", "text": given["region"]} if given["region"].strip() else None
    return from_json({"tool": name, **given})


def to_json(step: ToolCall) -> dict[str, Json]:
    """The call as JSON: all of STEP_KEYS, then the other fields of the call."""
    stored = {**dict.fromkeys(STEP_KEYS), **asdict(step)}
    if stored.get("photo", "") is None:  # most steps are about this photo
        del stored["photo"]
    return stored


def from_json(stored: Any) -> ToolCall:
    """A call from untrusted JSON; null for a key that the tool does not have is accepted. Raises UserError."""
    from pydantic import ValidationError

    # Every step has all STEP_KEYS; null means that the tool does not use the key.
    known = {k: v for k, v in stored.items() if v is not None} if isinstance(stored, Mapping) else stored
    try:
        return adapter().validate_json(json.dumps(known), strict=True)
    except (ValidationError, TypeError, ValueError, RecursionError) as e:
        raise UserError(Message("chat.bad_step", {"step": _shown(stored)})) from e


def _shown(stored: Any) -> str:
    """Untrusted JSON in an error."""
    try:
        return json.dumps(stored, default=str)[:200]
    except (TypeError, ValueError, RecursionError):  # keys of other kinds, or nested too deep
        return "…"


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """What `clarity plan --json` prints."""
    return {
        "steps": [to_json(step) for step in plan.steps],
        "question": None if plan.question is None else english(plan.question),
        "reply": english(plan.reply),
    }


def plan_from_json(stored: Any) -> Plan:
    """A plan from untrusted JSON. Raises UserError."""
    if not isinstance(stored, Mapping) or not isinstance(stored.get("steps"), list):
        raise UserError(Message("chat.bad_plan"))
    question, reply = stored.get("question"), stored.get("reply", "")
    if not isinstance(reply, str) or not isinstance(question, str | None):
        raise UserError(Message("chat.bad_plan"))
    return Plan(tuple(from_json(step) for step in stored["steps"]), question, reply)


def history_from_json(stored: Any) -> tuple[PastTurn, ...]:
    """The conversation so far from untrusted JSON, in the form of `clarity plan --history`.

    Steps that this program does not know are left out. Raises UserError where the form is another.
    """
    if not isinstance(stored, list):
        raise UserError(Message("chat.bad_history"))
    return tuple(_past_turn(turn) for turn in stored)


def _past_turn(stored: Any) -> PastTurn:
    role = stored.get("role") if isinstance(stored, Mapping) else None
    if role not in ("user", "assistant"):
        raise UserError(Message("chat.bad_history"))
    text, steps, versions = stored.get("text") or "", stored.get("steps") or [], stored.get("versions") or []
    if not isinstance(text, str) or not isinstance(steps, list) or not isinstance(versions, list):
        raise UserError(Message("chat.bad_history"))
    known = [call for call in map(_known_step, steps) if call is not None]
    labels = [_version_label(version) for version in versions]
    return PastTurn(role, text, tuple(known), tuple(labels))


def _known_step(stored: Any) -> ToolCall | None:
    """A step of a history; None for one that this program does not know.

    It is checked as `from_json` does, but without pydantic: `clarity plan` would spend most of its time to import it.
    """
    if not isinstance(stored, Mapping):
        return None
    given = {str(name): value for name, value in stored.items() if value is not None}
    kinds = {call.__dataclass_fields__["tool"].default: call for call in get_args(ToolCall)}
    kind = kinds.get(str(given.get("tool")))
    if kind is None or not given.keys() <= kind.__dataclass_fields__.keys():
        return None
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        if "region" in given:
            given["region"] = _known_region(**given["region"])
        if "versions" in given:
            given["versions"] = tuple(given["versions"])
        if kind is TransformCall and "settings" in given:
            given["settings"] = TransformSettings(**given["settings"])
        if kind is AdjustCall and not given.get("settings", {}).keys() <= set(get_args(Adjustment)):
            return None
        if given.get("task", "auto") not in (*TASKS, "auto") or given.get("degradation", "JPEG") not in DEGRADATIONS:
            return None
        return kind(**given)
    return None


def _known_region(text: str = "", kind: str = "text", box: Sequence[float] = (), outside: bool = False) -> PartRegion:
    """Raises ValueError, TypeError."""
    if kind == "text":
        return TextRegion(text)
    left, top, right, bottom = box
    return BoxRegion((left, top, right, bottom), outside)


def _version_label(stored: Any) -> VersionLabel:
    named, label = (stored.get("id"), stored.get("label") or "") if isinstance(stored, Mapping) else (None, "")
    if not isinstance(named, str) or not isinstance(label, str):
        raise UserError(Message("chat.bad_history"))
    return VersionLabel(VersionId(named), label)
