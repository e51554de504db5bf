"""The rules of Auto: which tasks to run, with which methods, and whether a result is kept. Runs no method."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.auto import texts
from clarity_desktop.backend.methods import Method
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message, Text
from clarity_desktop.values import (
    DEGRADATIONS,
    LIKELY,
    TASK_FOR,
    Advice,
    Degradation,
    Detection,
    Quality,
    Task,
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
SLOW_STEP_SECONDS = 60.0
"""Seconds above which a quicker method is tried first, if there is one: Auto runs several steps."""
TRIES = 2
"""Methods that Auto tries for one task."""


# Advice --------------------------------------------------------------------------------------------------------------


def present(detection: Detection) -> tuple[Degradation, ...]:
    """The degradations that are likely present, in the order of treatment; empty if the photo looks normal."""
    kind, named = summary(detection)
    return tuple(name for name in TREATMENTS if kind == "there" and name in named)


def advise(detection: Detection, able: Collection[Task] | None = None) -> tuple[Advice, ...]:
    """Tasks that would help, in the recommended order; only those that have a method.

    able: the tasks that have a method; None: those of the registry.
    """
    able = methods.tasks() if able is None else able
    return tuple(
        Advice(TREATMENTS[name].task, name, Message(TREATMENTS[name].why))
        for name in present(detection)
        if TREATMENTS[name].task in able
    )


def advice_text(detection: Detection, able: Collection[Task] | None = None) -> tuple[Message, ...]:
    """The findings and the advice as messages. able: as for `advise`."""
    found, there = texts.findings(detection, present(detection)), present(detection)
    match summary(detection).kind:
        case "fine" | "doubt":
            return (*found, Message("auto.nothing_to_do"))
        case "unsure":
            return (*found, Message("auto.too_unsure"))
        case _:
            able = methods.tasks() if able is None else able
            treated: list[Degradation] = [name for name in there if TREATMENTS[name].task in able and name != "inpaint"]
            return (
                *found,
                *texts.order(treated),
                *([Message("auto.mark_first")] if "inpaint" in there and "inpaint" in able else []),
                *texts.untreatable([name for name in there if TREATMENTS[name].task not in able]),
            )


# Methods -------------------------------------------------------------------------------------------------------------


def candidate_methods(task: Task, size: tuple[int, int], settings: Settings) -> tuple[Method, ...]:
    """Methods of a task that can run at once on width × height pixels, in the order in which to try them.

    Only those that are installed and need no mask: Auto neither downloads nor marks anything. The user's preferred
    method comes first, then the order of the table, with methods slower than SLOW_STEP_SECONDS last. Raises
    UserError where there is none; it says what could be downloaded.
    """
    return tuple(method for method, _ in _timed_candidates(task, size, settings))


def auto_seconds(advice: Collection[Advice], size: tuple[int, int], settings: Settings) -> float:
    """Seconds that Auto takes on width × height pixels if the first method of each task helps."""
    total = 0.0
    tasks: set[Task] = {a.task for a in advice if a.task not in NEEDS_MASK}
    for task in tasks:
        with contextlib.suppress(UserError):  # it takes no time; Auto says why when its turn comes
            total += _timed_candidates(task, size, settings)[0][1]
    return total


def _timed_candidates(task: Task, size: tuple[int, int], settings: Settings) -> list[tuple[Method, float]]:
    """`candidate_methods`, each with its seconds."""
    usable: list[tuple[Method, float]] = []
    obstacles: list[UserError] = []
    absent: list[str] = []
    for method in methods.all_methods().values():
        if task not in method.tasks or method.needs_mask:
            continue
        if lacking := methods.missing(method):
            absent.append(" ".join(lacking))
            continue
        try:
            usable.append((method, restore.estimate(method, *size, settings)))
        except UserError as e:  # too little memory, for instance
            obstacles.append(e)
    if not usable:
        raise obstacles[0] if obstacles else UserError(_how_to_get(absent))
    own = settings.methods.get(task)
    # sorted is stable, so the order of the table decides within each group.
    return sorted(usable, key=lambda timed: (timed[0].id != own, timed[1] > SLOW_STEP_SECONDS))


def _how_to_get(absent: list[str]) -> Message:
    """How to get a method. absent: the missing weights of each method."""
    if not absent:
        return Message("auto.only_with_mask")
    return Message("auto.not_installed", {"model": absent[0]})


# Evaluation ----------------------------------------------------------------------------------------------------------

IMPERCEPTIBLE_DB = 50.0
"""PSNR between a result and its input from which a change is invisible."""
FAITHFUL_DB = 25.0
"""PSNR from which a higher score alone is enough to keep a result: scores can reward invented detail, and a result this
close to its input has little of it."""
CLEAR_DROP = 0.1
"""Smallest relevant drop of probability or severity: less is within the noise of the detector."""
CLEAR_RISE = 0.2
"""A degradation is new only if its probability rose by this much; otherwise one just below LIKELY would count."""
SCORE_MARGIN = 5.0
"""Points of the overall score that count as worse where the score comes without a range."""
REVEALED: Mapping[Task, tuple[Degradation, ...]] = {"low_light": ("noise", "JPEG"), "dehaze": ("noise", "JPEG")}
"""Degradations that brightening and dehazing reveal: they are treated next instead of being counted as new."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """The detection and scores of one state of a photo."""

    detection: Detection
    quality: Quality


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a result is kept, and why."""

    kept: bool
    why: Text


def evaluate(
    advice: Advice, before: Analysis, after: Analysis, change: float | None, tried: Collection[Task] = ()
) -> Verdict:
    """Decide whether a result is better than its input. change: PSNR between the two in dB, None if identical.

    It is kept if the degradation became less likely or less severe by CLEAR_DROP, or the overall score rose beyond its
    range while the result stays faithful; and if no other degradation appeared and the score did not fall below its
    range. A result without a visible change is not kept. tried: tasks that were tried already; degradations that
    they treat count as new when they are revealed, because they would not be treated again.
    """
    degradation = advice.degradation
    old, new = before.detection.found[degradation], after.detection.found[degradation]

    def verdict(kept: bool, key: str, **fields: Message) -> Verdict:
        scores = before.quality.overall, after.quality.overall
        measured = texts.measured(degradation, (old.probability, new.probability), scores)
        return Verdict(kept, Message(key, {**fields, "measured": measured}))

    if change is None or change >= IMPERCEPTIBLE_DB:
        return verdict(False, "auto.no_visible_change")
    if appeared := _appeared(advice, before.detection, after.detection, tried):
        return verdict(False, "auto.introduced", degradation=Message(f"noun.{appeared}"))
    score = _compare_scores(before.quality, after.quality)
    if score < 0:
        return verdict(False, "auto.lower_score")
    if new.probability <= old.probability - CLEAR_DROP:
        return verdict(True, "auto.improved")
    if new.severity <= old.severity - CLEAR_DROP:
        return verdict(True, "auto.weaker")
    if score > 0 and change >= FAITHFUL_DB:
        return verdict(True, "auto.higher_score")
    return verdict(False, "auto.no_improvement")


def _appeared(advice: Advice, before: Detection, after: Detection, tried: Collection[Task]) -> Degradation | None:
    """A degradation that the step introduced, except one that it merely revealed and that can still be treated."""
    hidden = [name for name in REVEALED.get(advice.task, ()) if TREATMENTS[name].task not in tried]
    for name in DEGRADATIONS:
        was, now = before.found[name].probability, after.found[name].probability
        if name != advice.degradation and name not in hidden and now >= LIKELY > was and now - was >= CLEAR_RISE:
            return name
    return None


def _compare_scores(before: Quality, after: Quality) -> int:
    """1: the overall score rose above its range, -1: it fell below it, 0: neither, or a score is missing."""
    if before.overall is None or after.overall is None:
        return 0
    low = before.overall - SCORE_MARGIN if before.low is None else before.low
    high = before.overall + SCORE_MARGIN if before.high is None else before.high
    return (after.overall > high) - (after.overall < low)
