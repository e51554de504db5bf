"""Findings, advice, attempts and results of Auto as messages."""

from __future__ import annotations

from collections.abc import Sequence

from clarity_desktop.text import Message, conjunction
from clarity_desktop.titles import degradation_noun, degradation_title
from clarity_desktop.values import Degradation, Detection, at_full_size, summary
from clarity_desktop.verdict import severity


def findings(detection: Detection, present: Sequence[Degradation], score: float | None = None) -> tuple[Message, ...]:
    """The problems of a photo as messages.

    present: the likely degradations in the order in which to name them. score: the overall score, if known.
    """
    hidden = [degradation_noun(name) for name in at_full_size(detection)]
    close = (Message("analysis.full_size", {"degradations": conjunction(hidden)}),) if hidden else ()
    kind, named = summary(detection, score)
    if kind in ("fine", "low"):
        return (Message(f"analysis.{kind}"), *close)
    if kind == "there":
        return (*(finding(detection, name) for name in present), *close)
    shares = [
        Message("analysis.share", {"degradation": degradation_noun(n), "probability": detection.found[n].probability})
        for n in named
    ]
    return (Message(f"analysis.{kind}", {"degradations": conjunction(shares)}), *close)


def finding(detection: Detection, degradation: Degradation) -> Message:
    """The probability and severity of one degradation."""
    found = detection.found[degradation]
    return Message(
        "analysis.finding",
        {
            "degradation": degradation_title(degradation),
            "probability": found.probability,
            "severity": severity(found),
        },
    )


def order(treated: Sequence[Degradation]) -> tuple[Message, ...]:
    """The degradations that Auto treats, in this order."""
    if not treated:
        return ()
    nouns = conjunction([degradation_noun(name) for name in treated])
    return (Message("auto.treats" if len(treated) == 1 else "auto.treats_in_order", {"degradations": nouns}),)


def untreatable(names: Sequence[Degradation]) -> tuple[Message, ...]:
    """The degradations without a method."""
    if not names:
        return ()
    return (Message("auto.no_method", {"degradations": conjunction([degradation_noun(name) for name in names])}),)


def measured(
    degradation: Degradation, probabilities: tuple[float, float], scores: tuple[float | None, float | None]
) -> Message:
    """The probability of a degradation and the overall score, each before and after a step."""
    fields = {"degradation": degradation_noun(degradation), "before": probabilities[0], "after": probabilities[1]}
    if scores[0] is None or scores[1] is None:
        return Message("auto.measured", fields)
    return Message("auto.measured_with_score", {**fields, "score_before": scores[0], "score_after": scores[1]})
