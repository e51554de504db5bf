"""Templates of regions: selecting, combining, storing."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "regions.empty": QT_TRANSLATE_NOOP("Message", "This would select nothing. The region was not changed."),
    "regions.other_size": QT_TRANSLATE_NOOP(
        "Message",
        "The region was made for a photo of {columns} × {rows} pixels, but this one has {width} × {height}. "
        "Nothing was changed.",
    ),
    "regions.no_prompt": QT_TRANSLATE_NOOP("Message", "Click on the object or draw a box around it first."),
    "regions.click_outside": QT_TRANSLATE_NOOP(
        "Message", "The point {x}, {y} lies outside the photo of {width} × {height} pixels. Nothing was selected."
    ),
    "regions.box_outside": QT_TRANSLATE_NOOP(
        "Message",
        "The box must have an area and lie inside the photo of {width} × {height} pixels. Nothing was selected.",
    ),
    "regions.checkpoint": QT_TRANSLATE_NOOP(
        "Message",
        "The file of the model “{title}” does not fit: the tensor {tensor} is missing, unknown or of another shape. "
        "Remove the model with `clarity models remove {model}`, then download it again.",
    ),
    "regions.embedding_form": QT_TRANSLATE_NOOP(
        "Message", "What {engine} computed of this photo cannot be read. Click again to compute it again."
    ),
    "regions.preparing": QT_TRANSLATE_NOOP("Message", "Looking at the photo with {engine}…"),
    "regions.unknown_engine": QT_TRANSLATE_NOOP(
        "Message", "There is no engine “{engine}” for selecting objects. The engines are {engines}."
    ),
    "regions.nothing_found": QT_TRANSLATE_NOOP(
        "Message", "{engine} found no object there. Click elsewhere, or draw a box around it. Nothing was changed."
    ),
    "regions.nothing_selected": QT_TRANSLATE_NOOP(
        "Message", "Nothing is selected yet. Select a part of the photo first."
    ),
    "regions.mask_size": QT_TRANSLATE_NOOP(
        "Message",
        "The mask {name} has {columns} × {rows} pixels, but the photo has {width} × {height}. "
        "Choose a mask of its size.",
    ),
    "regions.mask_empty": QT_TRANSLATE_NOOP(
        "Message", "The mask {name} selects nothing: it is black. White selects. Choose another mask."
    ),
    "regions.not_written": QT_TRANSLATE_NOOP(
        "Message", "{path} cannot be written ({detail}). Choose another folder or free some space."
    ),
    "regions.no_words": QT_TRANSLATE_NOOP(
        "Message", "Describe what to find in a few words, for example “the sky” or “the car on the left”."
    ),
    "regions.words_too_long": QT_TRANSLATE_NOOP(
        "Message", "The description is longer than {limit} characters. Describe it in fewer words."
    ),
    "regions.no_groundingdino": QT_TRANSLATE_NOOP(
        "Message",
        "Finding objects by any words needs the packages groundingdino-py and transformers, which are not installed. "
        "Install them, or describe it by a place, a color or a usual object.",
    ),
    "regions.not_damaged": QT_TRANSLATE_NOOP(
        "Message", "The detector finds no {degradation} in this photo. Nothing was selected."
    ),
    "regions.no_position": QT_TRANSLATE_NOOP("Message", "A position is not a number. Nothing was selected."),
    "regions.unknown_words": QT_TRANSLATE_NOOP(
        "Message",
        "“{words}” is not among the things that can be found by their name. Nothing was selected. "
        "Click on it instead, or name it by a color or its place. The model GroundingDINO (Photo > Models) finds "
        "things by any words.",
    ),
    "regions.not_there": QT_TRANSLATE_NOOP(
        "Message", "“{words}” was not found in this photo. Nothing was selected. Try other words, or click on it."
    ),
    "regions.only_one": QT_TRANSLATE_NOOP("Message", "Only one {thing} was found."),
    "regions.fewer": QT_TRANSLATE_NOOP("Message", "Of “{words}”, only {found} could be found."),
    "regions.nothing_left": QT_TRANSLATE_NOOP(
        "Message", "These words leave nothing of the photo. Nothing was selected. Try other words."
    ),
}
