"""What should be done about a photo, by which method, and whether it was worth it: the rules of Auto. Runs nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.methods import Method
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.values import (
    DEGRADATIONS,
    LIKELY,
    Advice,
    Degradation,
    Detection,
    Finding,
    Quality,
    Task,
    summary,
)


class Treatment(NamedTuple):
    """What is done about a degradation, what both are called in a sentence, and why it is done at its place."""

    task: Task
    noun: str
    deed: str
    why: str


TREATMENTS: dict[Degradation, Treatment] = {
    "JPEG": Treatment("dejpeg", "JPEG traces", "remove the JPEG traces", "Later steps would sharpen the blocks."),
    "noise": Treatment("denoise", "noise", "remove the noise", "Later steps would amplify it."),
    "watermark": Treatment("dewatermark", "a watermark", "remove the watermark", "It lies on top of the photo."),
    "inpaint": Treatment(
        "inpaint", "scratches or holes", "fill in the gaps", "Mark the scratches first; what is marked is filled in."
    ),
    "blur": Treatment(
        "deblur", "blur", "sharpen it", "It comes after noise, which it would amplify, and before light and haze."
    ),
    "low-light": Treatment(
        "low_light", "too little light", "brighten it", "Brightening comes after noise, which it would amplify."
    ),
    "overexposure": Treatment(
        "overexposure",
        "too much light",
        "recover what is too bright",
        "Exposure is set right before the scene is cleared.",
    ),
    "flare": Treatment("deflare", "lens flare", "remove the flare", "It lies over the scene."),
    "rain streak": Treatment("derain", "rain streaks", "remove the rain", "They come off before the haze behind them."),
    "raindrop": Treatment(
        "deraindrop", "raindrops on the lens", "remove the drops", "They come off before the haze behind them."
    ),
    "snow": Treatment("desnow", "falling snow", "remove the snow", "It comes off before the haze behind it."),
    "haze": Treatment("dehaze", "haze", "clear the haze", "It is the farthest from the camera and comes last."),
    "shadow": Treatment(
        "deshadow", "a cast shadow", "lift the shadow", "It belongs to the scene and needs true colours."
    ),
}
"""In the order of undoing: compression and noise, then imaging, then the scene; the pairs that were measured elsewhere
agree (AgenticIR: JPEG before blur 20:28 failures, noise before darkness 32:35, blur before haze 18:20, blur before
darkness 23:26, rain before haze 21:24). What lies on top of the photo comes off before anything could spread it."""

FINE = "Looks fine: nothing to do."
UNIFORM = "The photo has one colour everywhere: there is nothing in it to restore."
BY_HAND: tuple[Task, ...] = ("inpaint",)
"""Never done by Auto: it needs a mask that only a person can give."""
SLOW_STEP_SECONDS = 60.0
"""Seconds that one step of Auto may take where a quicker method is there: it has several steps and tries."""
TRIES = 2
"""Methods that Auto tries for one task."""


# Advice --------------------------------------------------------------------------------------------------------------


def present(detection: Detection) -> tuple[Degradation, ...]:
    """What is likely there, in the order of undoing; nothing where the photo as a whole looks normal."""
    kind, named = summary(detection)
    return tuple(name for name in TREATMENTS if kind == "there" and name in named)


def advise(detection: Detection) -> tuple[Advice, ...]:
    """Tasks that would help, in the order in which they should be done; only those that some method does."""
    able = methods.tasks()
    return tuple(
        Advice(TREATMENTS[name].task, name, TREATMENTS[name].why)
        for name in present(detection)
        if TREATMENTS[name].task in able
    )


def found(detection: Detection) -> str:
    """What is wrong, in plain words."""
    kind, names = summary(detection)
    if kind == "there":
        return " ".join(_sentence(name, detection.found[name]) for name in present(detection))
    if kind == "fine":
        return "Looks fine: nothing is wrong with it."
    named = " and ".join(f"{TREATMENTS[name].noun} ({detection.found[name].probability:.0%})" for name in names)
    if kind == "doubt":
        return f"Looks fine. If anything, {named}."
    return f"Something may be wrong; the likeliest {'are' if len(names) > 1 else 'is'} {named}."


def advice_text(detection: Detection) -> str:
    """What should be done, in plain words."""
    kind, there = summary(detection).kind, present(detection)
    if kind == "fine":
        return FINE
    if kind != "there":
        return f"{found(detection)} {'Nothing to do.' if kind == 'doubt' else 'Nothing is sure enough to be treated.'}"
    able = methods.tasks()
    parts = [found(detection)]
    if deeds := [TREATMENTS[name].deed for name in there if TREATMENTS[name].task in able]:
        parts.append(f"In this order: {', then '.join(deeds)}." if len(deeds) > 1 else f"What would help: {deeds[0]}.")
    if "inpaint" in there and "inpaint" in able:
        parts.append("Mark the scratches first.")
    if unable := [TREATMENTS[name].noun for name in there if TREATMENTS[name].task not in able]:
        parts.append(f"For {' and '.join(unable)} this program has no method.")
    return " ".join(parts)


def _sentence(name: Degradation, finding: Finding) -> str:
    noun = TREATMENTS[name].noun
    return f"{noun[0].upper()}{noun[1:]}: {finding.probability:.0%} likely, {finding.strength}."


# Methods -------------------------------------------------------------------------------------------------------------


def ways(task: Task, size: tuple[int, int], settings: Settings) -> tuple[Method, ...]:
    """Methods of a task that can run at once on width × height pixels, the one to try first in front.

    Only those whose weights are on this machine and that need no mask: Auto fetches nothing and marks nothing. The
    user's own choice leads; then the table's order, but what takes longer than PATIENCE waits behind what does not.
    Raises UserError where there is none; it says what could be fetched.
    """
    return tuple(method for method, _ in _timed(task, size, settings))


def auto_seconds(advice: Collection[Advice], size: tuple[int, int], settings: Settings) -> float:
    """What Auto would take on width × height pixels, if the first method of each task helps."""
    tasks: set[Task] = {a.task for a in advice if a.task not in BY_HAND}
    total = 0.0
    for task in tasks:
        with contextlib.suppress(UserError):  # it takes no time; Auto says why when its turn comes
            total += _timed(task, size, settings)[0][1]
    return total


def _timed(task: Task, size: tuple[int, int], settings: Settings) -> list[tuple[Method, float]]:
    """`ways`, each with its seconds."""
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
    return sorted(usable, key=lambda way: (way[0].id != own, way[1] > SLOW_STEP_SECONDS))


def _how_to_get(absent: list[str]) -> str:
    """absent: of each method, the weights that it lacks."""
    if not absent:
        return "No method does it without a mask."
    return (
        f"No method for it is on this machine. “Models” in the window fetches one; in a terminal, "
        f"`clarity models fetch {absent[0]}` does."
    )


# Judging -------------------------------------------------------------------------------------------------------------

SAME = 50.0
"""dB between a result and what it was made from, above which nobody sees a change."""
NEAR = 25.0
"""dB up to which a higher score alone speaks for a result: scores reward invention, and what is this near to the photo
it was made from has invented little."""
DROP = 0.1
"""Of probability or severity: less is within the detector's own noise."""
APPEARED = 0.2
"""A degradation is new only if it became this much more likely, or one at the edge of LIKELY would count as new."""
WORSE = 5.0
"""Points of the overall score that count as worse where the score comes without a range."""
REVEALED: dict[Task, tuple[Degradation, ...]] = {"low_light": ("noise", "JPEG"), "dehaze": ("noise", "JPEG")}
"""Brightening and clearing show what was hidden. It was there before, and is treated next."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a photo at one moment."""

    detection: Detection
    quality: Quality


@dataclass(frozen=True, slots=True)
class Verdict:
    kept: bool
    why: str


def judge(
    advice: Advice, before: Analysis, after: Analysis, change: float | None, tried: Collection[Task] = ()
) -> Verdict:
    """Whether a result is better than what it was made from. change: PSNR between the two in dB, None if identical.

    It is kept if the degradation became less likely or less severe by DROP, or the overall score rose beyond its range
    while the result stays NEAR; and if besides no other degradation appeared and the score did not fall beyond its
    range. What changed nothing visible is not kept. tried: tasks that are behind us, whose degradation, shown anew,
    nothing would treat any more.
    """
    degradation = advice.degradation
    old, new = before.detection.found[degradation], after.detection.found[degradation]
    about = _about(degradation, before, after)
    if change is None or change >= SAME:
        return Verdict(False, f"It changed nothing that could be seen ({about}).")
    if appeared := _appeared(advice, before.detection, after.detection, tried):
        return Verdict(False, f"It brought {TREATMENTS[appeared].noun} ({about}).")
    if _rise(before.quality, after.quality) < 0:
        return Verdict(False, f"The photo as a whole became worse ({about}).")
    if new.probability <= old.probability - DROP:
        return Verdict(True, f"It worked ({about}).")
    if new.severity <= old.severity - DROP:
        return Verdict(True, f"It is weaker now ({about}).")
    if _rise(before.quality, after.quality) > 0 and change >= NEAR:
        return Verdict(True, f"The photo as a whole became better ({about}).")
    return Verdict(False, f"It did not help ({about}).")


def _appeared(advice: Advice, before: Detection, after: Detection, tried: Collection[Task]) -> Degradation | None:
    """What is there now and was not before, unless it was only hidden and can still be treated."""
    hidden = [name for name in REVEALED.get(advice.task, ()) if TREATMENTS[name].task not in tried]
    for name in DEGRADATIONS:
        was, now = before.found[name].probability, after.found[name].probability
        if name != advice.degradation and name not in hidden and now >= LIKELY > was and now - was >= APPEARED:
            return name
    return None


def _rise(before: Quality, after: Quality) -> int:
    """1: the overall score rose beyond its range, -1: it fell beyond it, 0: neither, or it is not known."""
    if before.overall is None or after.overall is None:
        return 0
    low = before.overall - WORSE if before.low is None else before.low
    high = before.overall + WORSE if before.high is None else before.high
    return (after.overall > high) - (after.overall < low)


def _about(degradation: Degradation, before: Analysis, after: Analysis) -> str:
    old, new = before.detection.found[degradation].probability, after.detection.found[degradation].probability
    said = f"{TREATMENTS[degradation].noun} {old:.0%} → {new:.0%} likely"
    if before.quality.overall is None or after.quality.overall is None:
        return said
    return f"{said}, overall {before.quality.overall:.0f} → {after.quality.overall:.0f}"
