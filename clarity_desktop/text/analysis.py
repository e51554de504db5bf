"""Templates of the detector and the scores.

The field `metric` holds a name (NIQE, musiq), `detail` a technical reason in English.
"""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "analysis.fine": QT_TRANSLATE_NOOP("Message", "No problems found."),
    "analysis.low": QT_TRANSLATE_NOOP("Message", "No clear problems, although the score is low."),
    "analysis.full_size": QT_TRANSLATE_NOOP("Message", "At 100% it also shows {degradations}."),
    "analysis.doubt": QT_TRANSLATE_NOOP("Message", "No clear problems. Possibly {degradations}."),
    "analysis.unsure": QT_TRANSLATE_NOOP("Message", "Possible problems: {degradations}."),
    "analysis.share": QT_TRANSLATE_NOOP("Message", "{degradation} ({probability:.0%})"),
    "analysis.finding": QT_TRANSLATE_NOOP("Message", "{degradation}: {probability:.0%} likely, {severity}."),
    "analysis.unlikely": QT_TRANSLATE_NOOP("Message", "{degradation}: not likely ({probability:.0%})."),
    "analysis.overall": QT_TRANSLATE_NOOP("Message", "Overall score: {score:.0f} of 100, higher is better."),
    "analysis.overall_before": QT_TRANSLATE_NOOP("Message", "Before the last change it was {score:.0f}."),
    "analysis.score": QT_TRANSLATE_NOOP("Message", "{metric}: {value:.1f}."),
    "analysis.no_score": QT_TRANSLATE_NOOP("Message", "{metric}: no score."),
    "analysis.metric_too_small": QT_TRANSLATE_NOOP(
        "Message", "{metric} needs a photo of at least {width} × {height} pixels."
    ),
    "analysis.metric_without_texture": QT_TRANSLATE_NOOP(
        "Message", "{metric} is not defined for a photo without texture."
    ),
    "analysis.overall_too_small": QT_TRANSLATE_NOOP(
        "Message", "The overall score needs a photo of at least {side} × {side} pixels."
    ),
    "analysis.parameters_damaged": QT_TRANSLATE_NOOP(
        "Message", "The built-in parameters of the metrics are missing or damaged. Reinstall Clarity Desktop."
    ),
    "analysis.pyiqa_unknown": QT_TRANSLATE_NOOP("Message", "There is no pyiqa metric “{metric}”."),
    "analysis.pyiqa_missing": QT_TRANSLATE_NOOP(
        "Message", "The pyiqa metric “{metric}” is not available because the package pyiqa is not installed."
    ),
    "analysis.pyiqa_files_missing": QT_TRANSLATE_NOOP(
        "Message", "The pyiqa metric “{metric}” is not available because it needs these files: {files}."
    ),
    "analysis.pyiqa_failed": QT_TRANSLATE_NOOP(
        "Message", "The pyiqa metric “{metric}” failed: {detail}. Switch it off in Preferences."
    ),
    "analysis.pyiqa_undefined": QT_TRANSLATE_NOOP(
        "Message", "The pyiqa metric “{metric}” is not defined for this photo."
    ),
    "analysis.not_available": QT_TRANSLATE_NOOP("Message", "The metric is not available."),
    "analysis.lower_is_better": QT_TRANSLATE_NOOP("Message", "Lower is better for SSEQ, NIQE, BRISQUE and PIQE."),
}
