"""Templates of candidates and their fusion."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "fusion.no_choice": QT_TRANSLATE_NOOP("Message", "No method was chosen. Choose at least one to try."),
    "fusion.running": QT_TRANSLATE_NOOP("Message", "Combining versions…"),
    "fusion.trying": QT_TRANSLATE_NOOP("Message", "Trying {method} ({number} of {count})…"),
    "fusion.too_few": QT_TRANSLATE_NOOP(
        "Message", "Two to six different versions can be combined. Choose at least two."
    ),
    "fusion.too_many": QT_TRANSLATE_NOOP(
        "Message", "At most six versions can be combined at once, and {count} are chosen. Choose fewer."
    ),
    "fusion.other_size": QT_TRANSLATE_NOOP(
        "Message",
        "“{title}” has another size or was cropped or turned in another way, so it cannot be combined with the others. "
        "Choose versions of one size.",
    ),
    "fusion.same_version": QT_TRANSLATE_NOOP(
        "Message", "A version cannot take a part from itself. Choose another one."
    ),
    "fusion.no_task": QT_TRANSLATE_NOOP(
        "Message", "Name the files to combine, or the task whose best methods are to be run: --task TASK."
    ),
    "fusion.one_method": QT_TRANSLATE_NOOP(
        "Message",
        "Fewer than two methods are installed for “{task}”, so there is nothing to combine. "
        "Install another one, or name the files to combine.",
    ),
    "fusion.needs_mask": QT_TRANSLATE_NOOP(
        "Message",
        "“{task}” needs a mask, so its methods cannot be run here. Restore the photo by several methods first, "
        "then name the results.",
    ),
    "fusion.left_out_one": QT_TRANSLATE_NOOP(
        "Message", "“{title}” does not fit the others and the photo, so it was left out."
    ),
    "fusion.left_out": QT_TRANSLATE_NOOP(
        "Message", "These do not fit the others and the photo, so they were left out: {titles}."
    ),
    "fusion.none_fits": QT_TRANSLATE_NOOP(
        "Message", "None of the results fits the photo, so there is nothing to combine. Choose other versions."
    ),
}
