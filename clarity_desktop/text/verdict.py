"""Templates of the verdict on a photo."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "verdict.found": QT_TRANSLATE_NOOP("Message", "{degradation}, {severity}"),
    "verdict.probably_found": QT_TRANSLATE_NOOP("Message", "Probably {degradation}, {severity}"),
    "verdict.probably": QT_TRANSLATE_NOOP("Message", "probably {degradation}"),
    "verdict.perhaps": QT_TRANSLATE_NOOP("Message", "Perhaps {degradation}"),
    "verdict.perhaps_either": QT_TRANSLATE_NOOP("Message", "Perhaps {first} or {second}"),
    "verdict.doubt": QT_TRANSLATE_NOOP("Message", "No clear problem, perhaps {degradation}"),
    "verdict.low": QT_TRANSLATE_NOOP("Message", "Low score, but no clear problem found"),
    "verdict.no_score": QT_TRANSLATE_NOOP("Message", "No clear problem found"),
    "verdict.fine": QT_TRANSLATE_NOOP("Message", "Looks fine"),
    "verdict.good": QT_TRANSLATE_NOOP("Message", "Looks good"),
    "verdict.full_size": QT_TRANSLATE_NOOP("Message", "{degradation} at 100%"),
    "verdict.severity.strong": QT_TRANSLATE_NOOP("Message", "very strong"),
    "verdict.severity.moderate": QT_TRANSLATE_NOOP("Message", "quite strong"),
    "verdict.severity.light": QT_TRANSLATE_NOOP("Message", "slight"),
    "verdict.severity.faint": QT_TRANSLATE_NOOP("Message", "barely visible"),
}
