"""Templates of running a method on a photo."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "restore.again_in_float32": QT_TRANSLATE_NOOP(
        "Message", "{method} produced no usable result in {type} and was run again in float32."
    ),
    "restore.black": QT_TRANSLATE_NOOP("Message", "The result was black."),
    "restore.flat": QT_TRANSLATE_NOOP("Message", "The result had a single color."),
    "restore.foreign_failed": QT_TRANSLATE_NOOP(
        "Message",
        "{method}, which is not part of Clarity Desktop, failed ({detail}). The photo is unchanged. Choose another "
        "method; the log has the details for the author of this one.",
    ),
    "restore.foreign_result": QT_TRANSLATE_NOOP(
        "Message",
        "{method}, which is not part of Clarity Desktop, returned {form} instead of {wanted}. The photo is unchanged. "
        "Choose another method, and tell the author of this one.",
    ),
    "restore.needs_region": QT_TRANSLATE_NOOP("Message", "{method} needs a region. Select what to replace first."),
    "restore.no_device": QT_TRANSLATE_NOOP(
        "Message",
        "The processor “{device}” that is set in the preferences is not available on this computer. "
        "Choose Automatic or CPU there.",
    ),
    "restore.nothing_around": QT_TRANSLATE_NOOP(
        "Message",
        "The whole photo is selected, so nothing is left around it to fill it from. Select only what is to be "
        "replaced.",
    ),
    "restore.other_device": QT_TRANSLATE_NOOP(
        "Message",
        "This step was recorded on “{device}”, which is not available on this computer, so pixels may differ slightly.",
    ),
    "restore.out_of_memory": QT_TRANSLATE_NOOP(
        "Message",
        "Memory ran out: {method} needs about {needed} for this, even in small tiles. The photo is unchanged. "
        "Close other programs, restore a smaller region, or choose another method.",
    ),
    "restore.overflowed": QT_TRANSLATE_NOOP("Message", "The result contained values that are not numbers."),
    "restore.record_of_other_method": QT_TRANSLATE_NOOP(
        "Message", "The recorded tile size of {tile} pixels does not suit {method}. Run the restoration again instead."
    ),
    "restore.record_unusable": QT_TRANSLATE_NOOP(
        "Message", "The settings recorded for this step cannot be used. Run the restoration again instead."
    ),
    "restore.region_empty": QT_TRANSLATE_NOOP("Message", "The region is empty. Select a part of the photo first."),
    "restore.region_of_other_size": QT_TRANSLATE_NOOP(
        "Message",
        "The region was made for a photo of {columns} × {rows} pixels, but this one has {width} × {height}. "
        "Select it again.",
    ),
    "restore.scales_whole_photo": QT_TRANSLATE_NOOP(
        "Message", "{method} changes the size of the whole photo. Clear the region, or crop to it first."
    ),
    "restore.smaller_than_recorded": QT_TRANSLATE_NOOP(
        "Message",
        "There is less free memory than when this step was recorded, so the photo is cut into tiles of {tile} pixels "
        "instead of {recorded}: pixels may differ slightly.",
    ),
    "restore.smaller_tiles": QT_TRANSLATE_NOOP(
        "Message", "Memory ran out, so the photo was restored in smaller tiles of {tile} pixels."
    ),
    "restore.strength": QT_TRANSLATE_NOOP(
        "Message", "The strength is {strength}. Enter a value between 0 (no change) and 1 (full effect)."
    ),
    "restore.tile": QT_TRANSLATE_NOOP("Message", "Tile {number} of {count}"),
    "restore.tiles_unlike_recorded": QT_TRANSLATE_NOOP(
        "Message",
        "There is less free memory than when this step was recorded, so the photo is cut into tiles of {tile} pixels "
        "instead of being restored in one piece: pixels may differ slightly.",
    ),
    "restore.too_little_memory": QT_TRANSLATE_NOOP(
        "Message",
        "{method} needs about {needed} of memory for this photo, but only {free} may be used. Close other programs, "
        "allow more memory in the preferences, restore a smaller region, or choose another method.",
    ),
    "restore.try_another": QT_TRANSLATE_NOOP(
        "Message", "The photo is unchanged. Try another method, or choose CPU as the processor in the preferences."
    ),
    "restore.unusable": QT_TRANSLATE_NOOP("Message", "{method} produced no usable result."),
}
