"""Findings, advice, attempts and results of Auto as messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from clarity_desktop.text import Message, conjunction
from clarity_desktop.titles import degradation_noun, degradation_title, method_name, task_title
from clarity_desktop.values import TASK_FOR, Degradation, Detection, Task, at_full_size, summary
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


def already_tried(names: Sequence[Degradation]) -> tuple[Message, ...]:
    """The degradations whose treatment was rolled back, undone or discarded before."""
    if not names:
        return ()
    return (Message("auto.already_tried", {"degradations": _nouns(names)}),)


def tried(kept: Sequence[Degradation], others: Sequence[Degradation], *, offered: bool) -> Message:
    """In one sentence what Auto tried. kept: what it treated; others: what was not treated better."""
    if offered:
        return Message("auto.tried", {"degradations": _nouns((*kept, *others))})
    if not kept:
        return Message("auto.tried_in_vain", {"degradations": _nouns(others)})
    if not others:
        return Message("auto.treated", {"degradations": _nouns(kept)})
    return Message("auto.treated_and_tried", {"degradations": _nouns(kept), "others": _nouns(others)})


def _nouns(names: Sequence[Degradation]) -> Message:
    return conjunction([degradation_noun(name) for name in names])


def untreatable(names: Sequence[Degradation]) -> tuple[Message, ...]:
    """The degradations without a method."""
    if not names:
        return ()
    return (Message("auto.no_method", {"degradations": conjunction([degradation_noun(name) for name in names])}),)


def reason(why: Literal["preferred", "not_preferred"], task: Task, method: str, first: str) -> Message:
    """Why a method is tried first, in plain words. first: the one that would be without the user's choices."""
    problem = next((degradation_noun(name) for name, of in TASK_FOR.items() if of == task), None)
    fields = {"method": method_name(method), "other": method_name(first), "problem": problem or task_title(task)}
    return Message(f"feedback.{why}{'' if problem else '_task'}", fields)


def measured(
    degradation: Degradation, probabilities: tuple[float, float], scores: tuple[float | None, float | None]
) -> Message:
    """The probability of a degradation and the overall score, each before and after a step."""
    fields = {"degradation": degradation_noun(degradation), "before": probabilities[0], "after": probabilities[1]}
    if scores[0] is None or scores[1] is None:
        return Message("auto.measured", fields)
    return Message("auto.measured_with_score", {**fields, "score_before": scores[0], "score_after": scores[1]})
