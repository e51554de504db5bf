"""Templates of macros: making one from the conversation, reading and running it."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # Making one.
    "macro.saved": QT_TRANSLATE_NOOP("Message", "The macro “{name}” was saved as {path}. Its steps: {steps}."),
    "macro.left_undone": QT_TRANSLATE_NOOP(
        "Message", "Left out, because the version that is shown does not contain it: {steps}."
    ),
    "macro.left_not_run": QT_TRANSLATE_NOOP("Message", "Left out, because it did not run: {steps}."),
    "macro.left_looked": QT_TRANSLATE_NOOP(
        "Message", "Questions, saved files and steps that only look at the photo are left out."
    ),
    "macro.left_other": QT_TRANSLATE_NOOP("Message", "Left out, because it was not done by the conversation: {steps}."),
    "macro.left_versions": QT_TRANSLATE_NOOP(
        "Message", "Left out, because it uses versions that only this photo has: {steps}."
    ),
    "macro.boxed": QT_TRANSLATE_NOOP(
        "Message",
        "A selected part of this photo becomes the rectangle around it, at the same place of every photo: {steps}.",
    ),
    "macro.nothing": QT_TRANSLATE_NOOP(
        "Message",
        "These messages hold no change that can be saved as a macro. Show the version with the changes, choose the "
        "messages that made them, and try again.",
    ),
    "macro.too_many_steps": QT_TRANSLATE_NOOP(
        "Message", "A macro has at most {limit} steps, but these messages hold {count}. Choose fewer messages."
    ),
    "macro.not_written": QT_TRANSLATE_NOOP("Message", "The macro {name} was not saved: {reason}."),
    # Steps that have no version to be named by.
    "macro.auto": QT_TRANSLATE_NOOP("Message", "Auto"),
    "macro.adjust": QT_TRANSLATE_NOOP("Message", "Adjust light and color"),
    "macro.transform": QT_TRANSLATE_NOOP("Message", "Rotate, flip, straighten or crop"),
    "macro.fuse": QT_TRANSLATE_NOOP("Message", "Combine versions"),
    "macro.step_of": QT_TRANSLATE_NOOP("Message", "{step} (“{region}”)"),
    "macro.step_in_part": QT_TRANSLATE_NOOP("Message", "{step} (part)"),
    # Reading one.
    "macro.not_read": QT_TRANSLATE_NOOP("Message", "The macro {name} cannot be read: {reason}."),
    "macro.not_a_macro": QT_TRANSLATE_NOOP(
        "Message", "{name} is not a macro. A macro is a file that “Save as macro” has written."
    ),
    "macro.too_large": QT_TRANSLATE_NOOP("Message", "{name} is too large to be a macro."),
    "macro.newer": QT_TRANSLATE_NOOP(
        "Message", "The macro {name} was made by a newer release of Clarity Desktop. Install that release to run it."
    ),
    "macro.bad_step": QT_TRANSLATE_NOOP(
        "Message", "Step {number} of the macro {name} is not valid, so the macro was not run."
    ),
    "macro.no_steps": QT_TRANSLATE_NOOP("Message", "The macro {name} has no steps."),
    # Running one.
    "macro.run": QT_TRANSLATE_NOOP("Message", "Run the macro “{name}”."),
}
