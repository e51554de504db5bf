"""Templates of the repair of old photos."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "repair.looking": QT_TRANSLATE_NOOP("Message", "Looking for scratches and missing parts…"),
    "repair.filled": QT_TRANSLATE_NOOP("Message", "scratches and missing parts filled ({percent}% of the photo)"),
    "repair.grain": QT_TRANSLATE_NOOP("Message", "grain reduced"),
    "repair.fading": QT_TRANSLATE_NOOP("Message", "fading corrected"),
    "repair.done": QT_TRANSLATE_NOOP("Message", "Old photo repaired: {steps}. Each step is a version."),
    "repair.too_much": QT_TRANSLATE_NOOP(
        "Message",
        "Too much of the photo is missing to be filled ({percent}% of it). Mark what to fill with the brush.",
    ),
    "repair.nothing": QT_TRANSLATE_NOOP(
        "Message", "No scratches, grain or fading were found. Mark what to fill with the brush, or use Auto."
    ),
}
