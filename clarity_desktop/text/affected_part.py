"""Templates about the part of a photo that a task finds by itself."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "affected.looking": QT_TRANSLATE_NOOP("Message", "Looking for the part to restore…"),
    "affected.watermark": QT_TRANSLATE_NOOP(
        "Message",
        "The watermark was found and selected ({percent}% of the photo), and only this part was restored. To restore "
        "another part, undo, change the selection and restore again.",
    ),
    "affected.no_watermark": QT_TRANSLATE_NOOP(
        "Message", "No watermark was found, so the whole photo was restored. Mark the watermark with the brush instead."
    ),
    "affected.flare": QT_TRANSLATE_NOOP(
        "Message",
        "The flare was found and selected ({percent}% of the photo), and only this part was restored. To restore "
        "another part, undo, change the selection and restore again.",
    ),
    "affected.no_flare": QT_TRANSLATE_NOOP(
        "Message", "No flare was found, so the whole photo was restored. Mark the flare with the brush instead."
    ),
}
