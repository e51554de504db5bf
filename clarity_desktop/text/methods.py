"""Templates of restoration methods."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    # What a bundled method is called beside its task: "Denoised · MAXIM", "Denoised · Quick".
    "method.maxim-deraining": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-denoising": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-deblurring": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-dehazing-outdoor": QT_TRANSLATE_NOOP("Message", "MAXIM outdoors"),
    "method.maxim-dehazing-indoor": QT_TRANSLATE_NOOP("Message", "MAXIM indoors"),
    "method.maxim-enhancement": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.maxim-retouching": QT_TRANSLATE_NOOP("Message", "MAXIM"),
    "method.clarity-all": QT_TRANSLATE_NOOP("Message", "Quick"),
    "method.clarity-fill": QT_TRANSLATE_NOOP("Message", "Quick"),
    # What a method is good at, for one task if it has several.
    "good.maxim-deraining": QT_TRANSLATE_NOOP("Message", "Best for dense rain; keeps fine detail."),
    "good.maxim-denoising": QT_TRANSLATE_NOOP("Message", "Best for camera noise in poor light."),
    "good.maxim-deblurring": QT_TRANSLATE_NOOP(
        "Message", "Best for motion blur; less effective on out-of-focus photos."
    ),
    "good.maxim-dehazing-outdoor": QT_TRANSLATE_NOOP("Message", "Best for fog and haze outdoors."),
    "good.maxim-dehazing-indoor": QT_TRANSLATE_NOOP("Message", "Best for haze and smoke in rooms."),
    "good.maxim-enhancement": QT_TRANSLATE_NOOP("Message", "Best for very dark photos."),
    "good.maxim-retouching": QT_TRANSLATE_NOOP("Message", "Evens out light and color as a retoucher would."),
    "good.clarity-all.derain": QT_TRANSLATE_NOOP("Message", "Quick. Weakens rain; dense streaks remain."),
    "good.clarity-all.denoise": QT_TRANSLATE_NOOP(
        "Message", "Quick. Removes most noise; softens fine texture a little."
    ),
    "good.clarity-all.low_light": QT_TRANSLATE_NOOP("Message", "Quick. Brightens dark photos."),
    "good.clarity-all.overexposure": QT_TRANSLATE_NOOP(
        "Message", "Quick. Tones down bright photos; detail in pure white is not recovered."
    ),
    "good.clarity-all.deflare": QT_TRANSLATE_NOOP("Message", "Quick. Weakens lens flare."),
    "methods.unknown_task": QT_TRANSLATE_NOOP("Message", "There is no task “{task}”. The tasks are {tasks}."),
    "methods.none_for_task": QT_TRANSLATE_NOOP(
        "Message", "Clarity Desktop has no method for the task “{task}”. It has methods for: {tasks}."
    ),
    "methods.unknown_method": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”. The methods for “{task}” are {methods}."
    ),
    "methods.unknown_method_no_other": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”, and no other method for the task “{task}”."
    ),
    "methods.wrong_task": QT_TRANSLATE_NOOP(
        "Message", "The method “{method}” is not for the task “{task}”. It is for: {tasks}."
    ),
}
