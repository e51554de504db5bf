"""Templates of the detector and the scores."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "analysis.fine": QT_TRANSLATE_NOOP("Message", "No problems found."),
    "analysis.doubt": QT_TRANSLATE_NOOP("Message", "No clear problems. Possibly {degradations}."),
    "analysis.unsure": QT_TRANSLATE_NOOP("Message", "Possible problems: {degradations}."),
    "analysis.share": QT_TRANSLATE_NOOP("Message", "{degradation} ({probability:.0%})"),
    "analysis.finding": QT_TRANSLATE_NOOP("Message", "{degradation}: {probability:.0%} likely, {severity}."),
    "analysis.unlikely": QT_TRANSLATE_NOOP("Message", "{degradation}: not likely ({probability:.0%})."),
    "analysis.severity.strong": QT_TRANSLATE_NOOP("Message", "strong"),
    "analysis.severity.moderate": QT_TRANSLATE_NOOP("Message", "moderate"),
    "analysis.severity.light": QT_TRANSLATE_NOOP("Message", "light"),
    "analysis.severity.faint": QT_TRANSLATE_NOOP("Message", "faint"),
    "analysis.overall": QT_TRANSLATE_NOOP("Message", "Overall score: {score:.0f} of 100, higher is better."),
    "analysis.score": QT_TRANSLATE_NOOP("Message", "{metric}: {value:.1f}."),
    "analysis.no_score": QT_TRANSLATE_NOOP("Message", "{metric}: no score. {why}"),
    "analysis.not_available": QT_TRANSLATE_NOOP("Message", "The metric is not available."),
    "analysis.lower_is_better": QT_TRANSLATE_NOOP("Message", "Lower is better for SSEQ, NIQE, BRISQUE and PIQE."),
}
