"""Templates of the verbs."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "studio.exported_file_gone": QT_TRANSLATE_NOOP(
        "Message", "{path} was written, but another program removed it immediately. Export the photo again."
    ),
    "studio.analysis_cancelled": QT_TRANSLATE_NOOP("Message", "Analysis cancelled. Choose Suggest to run it again."),
    "studio.analysis_failed": QT_TRANSLATE_NOOP("Message", "Analysis failed. See the log for details."),
    "studio.analyzing": QT_TRANSLATE_NOOP("Message", "Analyzing photo…"),
    "studio.document_closed": QT_TRANSLATE_NOOP("Message", "That photo is no longer open. Open it again."),
    "studio.loading_model": QT_TRANSLATE_NOOP("Message", "Loading {title}…"),
    "studio.no_strength": QT_TRANSLATE_NOOP(
        "Message",
        "The strength of this version cannot be changed: its result at full strength is not stored. "
        "Run the restoration again instead.",
    ),
    "studio.not_a_part": QT_TRANSLATE_NOOP(
        "Message", "No part was restored in this version, so there is no rest to restore."
    ),
    "studio.not_repeatable": QT_TRANSLATE_NOOP(
        "Message", "Only restorations and adjustments can be repeated on another version."
    ),
    "studio.opening": QT_TRANSLATE_NOOP("Message", "Opening {name}…"),
    "studio.saving": QT_TRANSLATE_NOOP("Message", "Saving {name}…"),
    "studio.scored_without_detector": QT_TRANSLATE_NOOP(
        "Message", "The overall score is computed without the detector."
    ),
    "studio.storing": QT_TRANSLATE_NOOP("Message", "Storing the result…"),
    "studio.writing": QT_TRANSLATE_NOOP("Message", "Writing {name}…"),
}
