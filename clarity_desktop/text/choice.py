"""Templates of the choice among methods: why a method has its place."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "choice.set": QT_TRANSLATE_NOOP("Message", "You chose it in the Restore panel."),
    "choice.preferred": QT_TRANSLATE_NOOP("Message", "You preferred its results before."),
    "choice.measured": QT_TRANSLATE_NOOP("Message", "{gain:+.1f} dB on {count} test photos."),
    "choice.measured_light": QT_TRANSLATE_NOOP(
        "Message", "{gain:+.1f} dB on {count} test photos with as little of it: {problem}."
    ),
    "choice.measured_heavy": QT_TRANSLATE_NOOP(
        "Message", "{gain:+.1f} dB on {count} test photos with as much of it: {problem}."
    ),
    "choice.not_measured": QT_TRANSLATE_NOOP("Message", "It was not measured on test photos."),
    "choice.harmless": QT_TRANSLATE_NOOP(
        "Message", "The photo may be fine, and it leaves undamaged photos as they are."
    ),
    "choice.changes_clean": QT_TRANSLATE_NOOP("Message", "The photo may be fine, and it changes undamaged photos."),
    "choice.slow": QT_TRANSLATE_NOOP("Message", "It takes over a minute on this photo."),
    "choice.no_use": QT_TRANSLATE_NOOP("Message", "No installed method gained anything on test photos."),
    "choice.looked_best": QT_TRANSLATE_NOOP(
        "Message", "Of {count} methods tried on a part of the photo, its result looked best."
    ),
}
