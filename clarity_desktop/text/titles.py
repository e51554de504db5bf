"""Names of tasks, steps and degradations, durations and sizes, as messages."""

from __future__ import annotations

from clarity_desktop.text import steps
from clarity_desktop.text.message import Message, Text
from clarity_desktop.values import Degradation, Step, Task, Version


def task_title(task: Task) -> Message:
    """The task as a command: "Remove rain"."""
    return Message(f"task.{task}")


def step_title(step: Step) -> Message:
    """What the step made: "Rain removed", "Rain removed (60%)", "Cropped"; the title of a version without a name."""
    key = f"result.{step.task or step.kind}"
    title = Message(key if key in steps.TEMPLATES else "result.other")
    return title if step.strength == 1 else Message("result.weaker", {"title": title, "strength": step.strength})


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


def duration(seconds: float) -> Message:
    """About how long: "12 s", "7 min", "1.6 h"."""
    if seconds < 90:
        return Message("units.seconds", {"value": max(1, round(seconds))})
    if seconds < 5400:
        return Message("units.minutes", {"value": round(seconds / 60)})
    return Message("units.hours", {"value": f"{seconds / 3600:.1f}"})


def size(count: int) -> Message:
    """Bytes as people count them: "57 MB", "1.4 GB"."""
    if count < 995_000_000:
        return Message("units.megabytes", {"value": max(1, round(count / 1e6))})
    return Message("units.gigabytes", {"value": f"{count / 1e9:.1f}"})
