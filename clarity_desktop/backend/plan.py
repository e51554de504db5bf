"""The plan schema: tool calls of the planner, a language model, the command line, macros and Auto.

A call is a frozen dataclass with a `tool` literal; pydantic validates untrusted JSON. The JSON form is that of
`clarity plan --json`: every step has the keys of STEP_KEYS, null where the tool does not use them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, Text, english
from clarity_desktop.values import Degradation, Json, Task, VersionId

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_CONFIG = {"extra": "forbid"}
AnyTask = Task | Literal["auto"]
Adjustment = Literal[
    "exposure", "contrast", "highlights", "shadows", "temperature", "tint", "saturation", "black_and_white", "sharpen",
]  # fmt: skip
STEP_KEYS = ("tool", "task", "region", "method", "strength", "version")
"""Keys that each step has in its JSON form."""


@dataclass(frozen=True, slots=True)
class TextRegion:
    """A part of the photo in the user's words: "man on the left", "everything but the sky"."""

    __pydantic_config__ = _CONFIG
    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class AssessCall:
    """Score a version; None: the one that is shown."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    tool: Literal["assess"] = "assess"


@dataclass(frozen=True, slots=True)
class DetectCall:
    """Detect what is wrong with a version, or how likely one degradation is."""

    __pydantic_config__ = _CONFIG
    degradation: Degradation | None = None
    version: VersionId | None = None
    tool: Literal["detect"] = "detect"


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
    region: TextRegion | None = None
    method: str | None = None
    strength: float | None = None
    version: VersionId | None = None
    tool: Literal["restore"] = "restore"

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 <= self.strength <= 1:
            raise ValueError("strength must be between 0 and 1")


@dataclass(frozen=True, slots=True)
class AdjustCall:
    """Change light or color by -1..1; exposure 1 is two stops.

    settings None or a value of None: the request does not say how much.
    """

    __pydantic_config__ = _CONFIG
    settings: Mapping[Adjustment, float | bool | None] | None = None
    region: TextRegion | None = None
    strength: float | None = None
    version: VersionId | None = None
    tool: Literal["adjust"] = "adjust"


@dataclass(frozen=True, slots=True)
class TransformSettings:
    """One of: rotate in degrees clockwise, flip, crop to an aspect ratio "4:3", straighten by degrees clockwise."""

    __pydantic_config__ = _CONFIG
    rotate: Literal[90, 180, 270] | None = None
    flip: Literal["horizontal", "vertical"] | None = None
    crop: str | None = None
    straighten: float | None = None


@dataclass(frozen=True, slots=True)
class TransformCall:
    """Rotate, flip, crop or straighten. settings None: the request does not say by how much."""

    __pydantic_config__ = _CONFIG
    settings: TransformSettings | None = None
    version: VersionId | None = None
    tool: Literal["transform"] = "transform"


@dataclass(frozen=True, slots=True)
class CompareCall:
    """Show versions side by side; None: the one that is shown and the original."""

    __pydantic_config__ = _CONFIG
    versions: tuple[VersionId, ...] | None = None
    tool: Literal["compare"] = "compare"


@dataclass(frozen=True, slots=True)
class FuseCall:
    """Combine versions into one."""

    __pydantic_config__ = _CONFIG
    versions: tuple[VersionId, ...] | None = None
    task: Task | None = None
    tool: Literal["fuse"] = "fuse"


@dataclass(frozen=True, slots=True)
class GoToCall:
    """Show another version; None: the original."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    tool: Literal["go_to"] = "go_to"


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
    """Write a version as a file. format: "jpeg", "png", …; None: the request does not say."""

    __pydantic_config__ = _CONFIG
    format: str | None = None
    version: VersionId | None = None
    tool: Literal["export"] = "export"


@dataclass(frozen=True, slots=True)
class DescribeCall:
    """Say what the photo is and what was done to it."""

    __pydantic_config__ = _CONFIG
    version: VersionId | None = None
    tool: Literal["describe"] = "describe"


@dataclass(frozen=True, slots=True)
class AskUserCall:
    """Put a question to the user."""

    __pydantic_config__ = _CONFIG
    question: str
    tool: Literal["ask_user"] = "ask_user"


ToolCall = (
    AssessCall | DetectCall | FindCall | SelectRegionCall | RestoreCall | AdjustCall | TransformCall | CompareCall
    | FuseCall | GoToCall | UndoCall | RedoCall | ExportCall | DescribeCall | AskUserCall
)  # fmt: skip
TOOLS: tuple[str, ...] = tuple(call.__dataclass_fields__["tool"].default for call in get_args(ToolCall))
LOOK_ONLY = frozenset({"assess", "detect", "find", "select_region", "describe", "compare", "ask_user"})
"""Tools that never change the photo."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order. question: asked before they run. reply: the answer where there is nothing to do."""

    steps: tuple[ToolCall, ...] = ()
    question: Text | None = None
    reply: Text = ""


@dataclass(frozen=True, slots=True)
class VersionLabel:
    """A version as the history names it to the planner: {"id": "v1", "label": "derain (prenet)"}."""

    id: VersionId
    label: str = ""


@cache
def adapter() -> TypeAdapter[ToolCall]:
    """Validates one call; its `json_schema()` describes all tools to a language model."""
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[ToolCall, Field(discriminator="tool")])


def to_json(step: ToolCall) -> dict[str, Json]:
    """The call as JSON: all of STEP_KEYS, then the other fields of the call."""
    return {**dict.fromkeys(STEP_KEYS), **asdict(step)}


def from_json(stored: Any) -> ToolCall:
    """A call from untrusted JSON; null for a key that the tool does not have is accepted. Raises UserError."""
    from pydantic import ValidationError

    # Every step has all STEP_KEYS; null means that the tool does not use the key.
    known = {k: v for k, v in stored.items() if v is not None} if isinstance(stored, Mapping) else stored
    try:
        return adapter().validate_json(json.dumps(known), strict=True)
    except (ValidationError, TypeError, ValueError) as e:
        raise UserError(Message("chat.bad_step", {"step": json.dumps(stored, default=str)[:200]})) from e


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
