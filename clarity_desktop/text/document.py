"""Templates of documents, versions and projects."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "document.photo_too_large": QT_TRANSLATE_NOOP(
        "Message",
        "A photo of {megapixels} megapixels is too large; the limit is {limit} and can be changed in the preferences.",
    ),
    "document.project_too_large": QT_TRANSLATE_NOOP(
        "Message",
        "{path} cannot be opened: it holds a photo of {megapixels} megapixels; the limit is {limit} and can be changed "
        "in the preferences.",
    ),
    "document.too_many_versions": QT_TRANSLATE_NOOP(
        "Message",
        "This document has {limit} versions, and no more can be added. Export the photo and go on with the new file.",
    ),
    "document.too_many_turns": QT_TRANSLATE_NOOP(
        "Message",
        "This conversation has {limit} messages, and no more can be added. Export the photo and go on with the new "
        "file.",
    ),
    "document.turn_too_long": QT_TRANSLATE_NOOP("Message", "This message is too long to be kept. Shorten it."),
    "document.step_too_long": QT_TRANSLATE_NOOP(
        "Message", "The settings of this step cannot be stored, so its result was not kept. Choose other settings."
    ),
    "document.value_too_large": QT_TRANSLATE_NOOP(
        "Message", "A part of this photo is too large to be stored in {path}. Export the photo instead."
    ),
    "document.broken_icc": QT_TRANSLATE_NOOP("Message", "The photo's color profile is broken and was ignored."),
    "document.broken_exif": QT_TRANSLATE_NOOP("Message", "The photo's EXIF data is broken and was left out."),
    "document.broken_xmp": QT_TRANSLATE_NOOP("Message", "The photo's XMP data is broken and was left out."),
    "document.broken_iptc": QT_TRANSLATE_NOOP("Message", "The photo's IPTC data is broken and was left out."),
    "document.rejected": QT_TRANSLATE_NOOP("Message", "Rolled back: {title}"),
}
