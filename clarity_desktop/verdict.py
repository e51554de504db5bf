"""The result of an analysis in everyday words, the same in the window, the conversation and on the command line.

"Rain streaks, quite strong · probably noise": first what is wrong, then what may be; how strong it is stands apart from
how likely it is.
"""

from __future__ import annotations

from clarity_desktop.text import Message, enumeration
from clarity_desktop.titles import degradation_noun, degradation_title
from clarity_desktop.values import Degradation, Detection, Finding, at_full_size, summary

GOOD = 75
"""Score, rounded, from which a photo without problems looks good rather than fine."""
CERTAIN = 0.75
"""Probability from which a degradation is named without "probably"."""


def verdict(detection: Detection, score: float | None) -> Message:
    """The verdict on a photo. score: the overall score 0..100, or None while it is unknown.

    A photo looks fine only if detector, heat map and score agree.
    """
    kind, named = summary(detection, score)
    nouns = [degradation_noun(name) for name in named]
    match kind:
        case "there":
            parts = [_present(detection, name, first=k == 0) for k, name in enumerate(named)]
        case "unsure" if len(nouns) > 1:
            parts = [Message("verdict.perhaps_either", {"first": nouns[0], "second": nouns[1]})]
        case "unsure":
            parts = [Message("verdict.perhaps", {"degradation": nouns[0]})]
        case "doubt":
            parts = [Message("verdict.doubt", {"degradation": nouns[0]})]
        case "low":
            parts = [Message("verdict.low")]
        case "fine":
            parts = [Message(_fine(score))]
    parts += [Message("verdict.full_size", {"degradation": degradation_noun(name)}) for name in at_full_size(detection)]
    return enumeration(parts, "list.dot")


def severity(finding: Finding) -> Message:
    """How strong a degradation is, in words."""
    return Message(f"verdict.severity.{finding.strength}")


def _present(detection: Detection, name: Degradation, *, first: bool) -> Message:
    found = detection.found[name]
    if found.probability >= CERTAIN:
        return Message("verdict.found", {"degradation": degradation_title(name), "severity": severity(found)})
    noun = degradation_noun(name)
    if first:
        return Message("verdict.probably_found", {"degradation": noun, "severity": severity(found)})
    return Message("verdict.probably", {"degradation": noun})


def _fine(score: float | None) -> str:
    if score is None:
        return "verdict.no_score"
    return "verdict.good" if round(score) >= GOOD else "verdict.fine"
