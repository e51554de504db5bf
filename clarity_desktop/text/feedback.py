"""Templates of the user's preferences among methods."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Why a method was tried first.
    "feedback.preferred": QT_TRANSLATE_NOOP("Message", "You preferred {method} for {problem}."),
    "feedback.preferred_task": QT_TRANSLATE_NOOP("Message", "You preferred {method} for “{problem}”."),
    "feedback.not_preferred": QT_TRANSLATE_NOOP(
        "Message", "You did not like {other} for {problem}, so {method} was tried first."
    ),
    "feedback.not_preferred_task": QT_TRANSLATE_NOOP(
        "Message", "You did not like {other} for “{problem}”, so {method} was tried first."
    ),
    # The file.
    "feedback.broken": QT_TRANSLATE_NOOP(
        "Message",
        "Your preferences for methods could not be read, so they are empty again. The damaged file was kept as {path}.",
    ),
    "feedback.partly_broken": QT_TRANSLATE_NOOP(
        "Message",
        "Some of your preferences for methods could not be read and are left out. A copy of the file was kept as "
        "{path}.",
    ),
    "feedback.not_stored": QT_TRANSLATE_NOOP(
        "Message",
        "What you prefer could not be stored in {path}. Check that the folder can be written and that the disk is not "
        "full.",
    ),
}
