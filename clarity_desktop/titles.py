"""Names of tasks, steps, versions and degradations, as messages."""

from __future__ import annotations

from collections.abc import Mapping

from clarity_desktop.text import Message, Text, methods, steps
from clarity_desktop.values import Degradation, Json, Step, Task, Version


def task_title(task: Task) -> Message:
    """The task as a command: "Remove rain"."""
    return Message(f"task.{task}")


def method_name(method: str) -> Message | str:
    """What a method is called beside its task: "MAXIM", "Quick"; the id of one that is not bundled."""
    key = f"method.{method}"
    return Message(key) if key in methods.TEMPLATES else method


def method_strength(method: str, task: Task) -> Message | None:
    """What a method is good at; None for one that is not bundled."""
    keys = (f"good.{method}.{task}", f"good.{method}")
    return next((Message(key) for key in keys if key in methods.TEMPLATES), None)


def step_name(step: Step) -> Message:
    """What a step made, without its strength: "Rain removed", "Rain removed (part)", "Cropped"."""
    key = f"result.{step.task or step.kind}{_adjusted(step)}"
    title = Message(key if key in steps.TEMPLATES else "result.other")
    whole = step.region is None or step.kind == "merge"  # whose title says so
    return title if whole else Message("result.part", {"title": title})


def step_title(step: Step) -> Message:
    """The title of a version without a name: "Rain removed", "Rain removed (part)", "Denoised (60%)", "Cropped"."""
    title = step_name(step)
    return title if step.strength == 1 else Message("result.weaker", {"title": title, "strength": step.strength})


def _adjusted(step: Step) -> str:
    """What one adjustment alone changed, as the end of a key; several have no title of their own."""
    if step.kind != "adjust":
        return ""
    changed = {"white_balance" if name in {"temperature", "tint"} else name for name in step.settings}
    # A black and white photo is that, whatever else was adjusted.
    if "black_and_white" in changed:
        return ".black_and_white"
    return f".{changed.pop()}" if len(changed) == 1 else ""


def version_title(version: Version) -> Text:
    """The name that the user typed, else what made the version; a rejected one is marked as such."""
    title = version.name or step_title(version.step)
    return Message("document.rejected", {"title": title}) if version.rejected else title


def degradation_title(degradation: Degradation) -> Message:
    """The degradation as a heading: "Rain streaks"."""
    return Message(f"degradation.{degradation}")


def degradation_noun(degradation: Degradation) -> Message:
    """The degradation inside a sentence: "rain streaks"."""
    return Message(f"noun.{degradation}")


def call_title(call: Mapping[str, Json]) -> Message:
    """What a step of a plan does, as a command: "Remove rain", "Find “the man”", "Rotate". call: in its JSON form."""
    tool, task, region, settings = (call.get(key) for key in ("tool", "task", "region", "settings"))
    if tool == "restore" and isinstance(task, str) and f"task.{task}" in steps.TEMPLATES:
        return Message(f"task.{task}")
    key = f"call.{tool}"
    if isinstance(settings, Mapping):
        # Several adjustments have no title of their own.
        chosen = [f"{key}.{name}" for name, value in settings.items() if value is not None]
        key = chosen[0] if len(chosen) == 1 and chosen[0] in steps.TEMPLATES else key
    words = region.get("text") if isinstance(region, Mapping) else None
    if isinstance(words, str) and f"{key}.part" in steps.TEMPLATES:
        return Message(f"{key}.part", {"region": words})
    return Message(key if key in steps.TEMPLATES else "call.other")
