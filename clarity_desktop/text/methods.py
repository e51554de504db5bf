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
    "methods.unknown_task": QT_TRANSLATE_NOOP("Message", "There is no task “{task}”. The tasks are {tasks}."),
    "methods.none_for_task": QT_TRANSLATE_NOOP(
        "Message", "This version has no method for the task “{task}”. It has methods for: {tasks}."
    ),
    "methods.unknown_method": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”. The methods for “{task}” are {methods}."
    ),
    "methods.unknown_method_no_other": QT_TRANSLATE_NOOP(
        "Message", "There is no method “{method}”, and this version has no other method for the task “{task}”."
    ),
    "methods.wrong_task": QT_TRANSLATE_NOOP(
        "Message", "The method “{method}” is not for the task “{task}”. It is for: {tasks}."
    ),
}
