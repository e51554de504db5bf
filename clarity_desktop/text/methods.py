"""Templates of restoration methods."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "methods.unknown_task": QT_TRANSLATE_NOOP("Message", "There is no task “{task}”. The tasks are {tasks}."),
    "methods.none_for_task": QT_TRANSLATE_NOOP(
        "Message", "This version has no method for the task “{task}”. It has methods for: {tasks}."
    ),
    "methods.unknown_method": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”. The methods for “{task}” are {methods}."
    ),
    "methods.unknown_method_no_other": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”, and this version has no other method for the task “{task}”."
    ),
    "methods.wrong_task": QT_TRANSLATE_NOOP(
        "Message", "The method “{method}” is not for the task “{task}”. It is for: {tasks}."
    ),
}
