"""The rules of Auto: which tasks to run, with which methods, and whether a result is kept. Runs no method."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from clarity_desktop.backend import methods
from clarity_desktop.backend.auto import texts
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.text import Message, Text
from clarity_desktop.values import (
    TASK_FOR,
    Advice,
    Degradation,
    Detection,
    Quality,
    Task,
    ordered,
    summary,
)


@dataclass(frozen=True, slots=True)
class Treatment:
    """The task that treats a degradation, and the template key of the reason for its place in the order."""

    task: Task
    why: str


_REASONS: Mapping[Degradation, str] = {
    "JPEG": "auto.why.jpeg", "noise": "auto.why.noise", "watermark": "auto.why.watermark",
    "inpaint": "auto.why.inpaint", "blur": "auto.why.blur", "low-light": "auto.why.low_light",
    "overexposure": "auto.why.overexposure", "flare": "auto.why.flare", "rain streak": "auto.why.weather",
    "raindrop": "auto.why.weather", "snow": "auto.why.weather", "haze": "auto.why.haze", "shadow": "auto.why.shadow",
}  # fmt: skip
TREATMENTS: Mapping[Degradation, Treatment] = {name: Treatment(TASK_FOR[name], why) for name, why in _REASONS.items()}
"""In the order of treatment: compression and noise, then imaging, then the scene. Published measurements of pairs agree
(AgenticIR, failures of one order against the other: JPEG before blur 20:28, noise before low light 32:35, blur before
haze 18:20, blur before low light 23:26, rain before haze 21:24). What lies on top of the photo, such as a watermark, is
removed before another step could spread it."""

NEEDS_MASK: tuple[Task, ...] = ("inpaint",)
"""Tasks that Auto never runs: they need a mask from the user."""
TRIES = 2
"""Methods that Auto tries for one task."""
COMPARED, COMPARED_SIDE = 3, 384
"""Methods whose results are compared on a part of the photo before the first of them runs; the side of that part."""
PLACE = 0.05
"""Probability of being better by which a result must exceed that of the method ranked before it."""
SUSPECT, MAX_SUSPECTS = 0.15, 2
"""Probability from which a degradation is worth a try where the likely ones led nowhere, and how many are tried."""
PART_SECONDS = 10.0
"""A method that takes longer on the whole photo is first tried on a part that takes about as long."""
MIN_PART, MAX_PART = 256, 768
"""Sides in pixels of that part."""


# Advice --------------------------------------------------------------------------------------------------------------


def present(detection: Detection) -> tuple[Degradation, ...]:
    """The degradations that are likely present, in the order of treatment; empty if the photo looks normal."""
    kind, named = summary(detection)
    return tuple(name for name in TREATMENTS if kind == "there" and name in named)


def suspected(detection: Detection) -> tuple[Degradation, ...]:
    """Degradations that may be present although they are not likely: at most MAX_SUSPECTS, most likely first.

    Auto tries them where treating the likely ones was not convincing. Empty for a photo that looks fine.
    """
    kind, _ = summary(detection)
    if kind in ("fine", "low"):
        return ()
    there = present(detection)
    possible: list[Degradation] = [
        name for name in ordered(detection) if name not in there and detection.found[name].probability >= SUSPECT
    ]
    return tuple(possible[:MAX_SUSPECTS])


def advise(detection: Detection, able: Collection[Task] | None = None) -> tuple[Advice, ...]:
    """Tasks that would help, in the recommended order; only those that have a method.

    able: the tasks that have a method; None: those of the registry.
    """
    return _treatable(present(detection), able)


def suspects(detection: Detection, able: Collection[Task] | None = None) -> tuple[Advice, ...]:
    """Tasks for the degradations of `suspected`, most likely first; only those that have a method."""
    return _treatable(suspected(detection), able)


def _treatable(names: tuple[Degradation, ...], able: Collection[Task] | None) -> tuple[Advice, ...]:
    able = methods.tasks() if able is None else able
    return tuple(
        Advice(TREATMENTS[name].task, name, Message(TREATMENTS[name].why))
        for name in names
        if TREATMENTS[name].task in able
    )


def advice_text(
    detection: Detection,
    score: float | None = None,
    able: Collection[Task] | None = None,
    discarded: Collection[Task] = (),
) -> tuple[Message, ...]:
    """The findings and the advice as messages.

    score: the overall score, if known. able: as for `advise`. discarded: tasks whose results the user did not want.
    """
    there = present(detection)
    found = texts.findings(detection, there, score)
    match summary(detection, score).kind:
        case "fine" | "low" | "doubt":
            return (*found, Message("auto.nothing_to_do"))
        case "unsure":
            return (*found, Message("auto.too_unsure"))
        case _:
            able = methods.tasks() if able is None else able
            left_out = {*NEEDS_MASK, *discarded}
            treated: list[Degradation] = [
                name for name in there if TREATMENTS[name].task in able and TREATMENTS[name].task not in left_out
            ]
            tried_before: list[Degradation] = [
                name for name in there if TREATMENTS[name].task in able and TREATMENTS[name].task in discarded
            ]
            return (
                *found,
                *texts.order(treated),
                *texts.already_tried(tried_before),
                *([Message("auto.mark_first")] if "inpaint" in there and "inpaint" in able else []),
                *texts.untreatable([name for name in there if TREATMENTS[name].task not in able]),
            )


# Evaluation ----------------------------------------------------------------------------------------------------------

KEEP, OFFER = 0.75, 0.45
"""Probability that a result is better from which it is kept, and from which it is worth showing."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The detection and scores of one state of a photo."""

    detection: Detection
    quality: Quality


Outcome = Literal["kept", "unsure", "rejected"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a result, and why. better: the probability that it is better than its input, 0..1."""

    outcome: Outcome
    better: float
    why: Text


def seems_better(judgement: Judgement) -> bool:
    """Whether a result is worth showing: it may be better than its input, and that is likelier than worse."""
    return judgement.better >= OFFER and judgement.better > judgement.worse


def evaluate(advice: Advice, judgement: Judgement, before: Analysis, after: Analysis | None = None) -> Verdict:
    """What becomes of a result that was compared with its input.

    before, after: for the reason; after None: only a part was tried.
    """
    degradation = advice.degradation
    fields: dict[str, Any] = {"certainty": judgement.better}
    if after is not None:
        was, now = before.detection.found[degradation].probability, after.detection.found[degradation].probability
        fields["measured"] = texts.measured(degradation, (was, now), (before.quality.overall, after.quality.overall))
    suffix = "" if after is not None else "_part"

    def verdict(outcome: Outcome, key: str) -> Verdict:
        return Verdict(outcome, judgement.better, Message(f"auto.{key}{suffix}", fields))

    if judgement.better >= KEEP:
        return verdict("kept", "better")
    if seems_better(judgement):
        return verdict("unsure", "perhaps_better")
    if judgement.worse > judgement.equal:
        return verdict("rejected", "worse")
    return verdict("rejected", "no_difference")
