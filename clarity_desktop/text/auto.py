"""Templates of Auto: advice, what was tried, kept and rolled back."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Advice.
    "auto.nothing_to_do": QT_TRANSLATE_NOOP("Message", "Nothing to do."),
    "auto.too_unsure": QT_TRANSLATE_NOOP("Message", "No problem is likely enough for Auto to treat."),
    "auto.treats": QT_TRANSLATE_NOOP("Message", "Auto can treat {degradations}."),
    "auto.treats_in_order": QT_TRANSLATE_NOOP("Message", "Auto can treat {degradations}, in this order."),
    "auto.mark_first": QT_TRANSLATE_NOOP(
        "Message", "Auto does not fill missing parts, because they must be marked first."
    ),
    "auto.already_tried": QT_TRANSLATE_NOOP(
        "Message",
        "Already tried on this version and not kept: {degradations}. To try again, choose the task under Restore.",
    ),
    "auto.no_method": QT_TRANSLATE_NOOP("Message", "Clarity Desktop has no method for {degradations} yet."),
    "auto.uniform": QT_TRANSLATE_NOOP("Message", "The photo has a single color: there is nothing to restore."),
    # Why a task has its place in the order.
    "auto.why.jpeg": QT_TRANSLATE_NOOP("Message", "First, because later steps would sharpen the compression blocks."),
    "auto.why.noise": QT_TRANSLATE_NOOP("Message", "Early, because later steps would amplify the noise."),
    "auto.why.watermark": QT_TRANSLATE_NOOP("Message", "Early, because later steps could spread the watermark."),
    "auto.why.inpaint": QT_TRANSLATE_NOOP("Message", "Mark the missing parts first; only marked parts are filled."),
    "auto.why.blur": QT_TRANSLATE_NOOP(
        "Message", "After noise, which sharpening would amplify, and before light and haze."
    ),
    "auto.why.low_light": QT_TRANSLATE_NOOP("Message", "After noise, which brightening would amplify."),
    "auto.why.overexposure": QT_TRANSLATE_NOOP("Message", "Exposure is corrected before rain, snow and haze."),
    "auto.why.flare": QT_TRANSLATE_NOOP("Message", "Before rain, snow and haze, because flare covers the scene."),
    "auto.why.weather": QT_TRANSLATE_NOOP("Message", "Before haze, because rain and snow lie in front of it."),
    "auto.why.haze": QT_TRANSLATE_NOOP("Message", "Late, because noise, blur, rain and snow would disturb dehazing."),
    "auto.why.shadow": QT_TRANSLATE_NOOP("Message", "Last, because shadow removal needs correct colors."),
    # Methods.
    "auto.only_with_mask": QT_TRANSLATE_NOOP("Message", "All methods for it need a mask."),
    "auto.not_installed": QT_TRANSLATE_NOOP(
        "Message",
        "No method for it is installed. Download the model {model} first.",
    ),
    # One attempt: its result, then why.
    "auto.kept": QT_TRANSLATE_NOOP("Message", "{degradation}: {method}, kept."),
    "auto.rejected": QT_TRANSLATE_NOOP("Message", "{degradation}: {method}, rolled back."),
    "auto.superseded": QT_TRANSLATE_NOOP("Message", "{degradation}: {method}, not kept."),
    "auto.failed": QT_TRANSLATE_NOOP("Message", "{degradation}: {method} failed."),
    "auto.not_treated": QT_TRANSLATE_NOOP("Message", "{degradation}: not treated."),
    "auto.unsure": QT_TRANSLATE_NOOP("Message", "{degradation}: {method}, perhaps better."),
    "auto.better": QT_TRANSLATE_NOOP("Message", "It looks better ({certainty:.0%} sure; {measured})."),
    "auto.better_part": QT_TRANSLATE_NOOP("Message", "A part of the photo looks better ({certainty:.0%} sure)."),
    "auto.perhaps_better": QT_TRANSLATE_NOOP("Message", "It may look better ({certainty:.0%} sure; {measured})."),
    "auto.perhaps_better_part": QT_TRANSLATE_NOOP(
        "Message", "A part of the photo may look better ({certainty:.0%} sure)."
    ),
    "auto.worse": QT_TRANSLATE_NOOP("Message", "It looks worse ({measured})."),
    "auto.worse_part": QT_TRANSLATE_NOOP(
        "Message", "It looked worse on a part of the photo, so the rest was not restored."
    ),
    "auto.no_difference": QT_TRANSLATE_NOOP("Message", "It makes no clear difference ({measured})."),
    "auto.no_difference_part": QT_TRANSLATE_NOOP(
        "Message", "It made no clear difference on a part of the photo, so the rest was not restored."
    ),
    "auto.offered": QT_TRANSLATE_NOOP(
        "Message", "I am not sure that this is better. Compare it with the original, then keep or discard it."
    ),
    "auto.measured": QT_TRANSLATE_NOOP("Message", "{degradation} {before:.0%} → {after:.0%} likely"),
    "auto.measured_with_score": QT_TRANSLATE_NOOP(
        "Message",
        "{degradation} {before:.0%} → {after:.0%} likely, overall score {score_before:.0f} → {score_after:.0f}",
    ),
    "auto.deleted": QT_TRANSLATE_NOOP("Message", "Auto stopped because you deleted the result."),
    "auto.left": QT_TRANSLATE_NOOP(
        "Message", "Auto stopped because you opened another version; the result stays in the Versions panel."
    ),
    # The result as a whole.
    "auto.treated": QT_TRANSLATE_NOOP("Message", "Auto treated {degradations}."),
    "auto.treated_and_tried": QT_TRANSLATE_NOOP(
        "Message", "Auto treated {degradations}; it also tried to treat {others}, without a better result."
    ),
    "auto.tried": QT_TRANSLATE_NOOP("Message", "Auto tried to treat {degradations}."),
    "auto.tried_in_vain": QT_TRANSLATE_NOOP("Message", "Auto tried to treat {degradations}, without a better result."),
    "auto.unchanged": QT_TRANSLATE_NOOP("Message", "The photo is unchanged."),
    "auto.overall": QT_TRANSLATE_NOOP("Message", "Overall score {before:.0f} → {after:.0f}."),
    "auto.large_change": QT_TRANSLATE_NOOP(
        "Message", "This is a large change ({psnr:.0f} dB from the start): compare before and after."
    ),
    "auto.still_there": QT_TRANSLATE_NOOP("Message", "Remaining problems:"),
}
