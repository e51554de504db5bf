"""Which method for a task of a given photo: measured evidence, the user's choices, the time it takes here.

`choose` ranks; it runs nothing. Auto tries the first of the ranking on a part of the photo (`targets.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.feedback import Evidence, Feedback, Ranking
from clarity_desktop.backend.feedback.scores import HEAVY, Severity
from clarity_desktop.backend.methods import Method
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message
from clarity_desktop.titles import degradation_noun
from clarity_desktop.values import TASK_FOR, Advice, Degradation, Detection, MethodOption, Quality, Task

QUICK_SECONDS = 60.0
"""Above this many seconds a method comes after all that are quicker: Auto runs several steps, and a user waits."""
CLEAN_DB: Mapping[Task, float] = {"low_light": 30.0, "overexposure": 30.0}
"""PSNR between undamaged photos and their restoration from which a method counts as harmless, where it is not 38 dB:
brightness is a matter of taste."""
DEFAULT_CLEAN_DB = 38.0
COSTLY, ABSENT = 10.0, 0.05
"""Measured seconds per megapixel from which a method is not worth its time where nothing of the damage is seen, and
the probability below which nothing is."""
PRESENT = 0.5
"""Probability from which damage counts as there; below it, harmless methods come first."""
GOOD = 70.0
"""Overall score from which a photo counts as good where the detector was not asked."""
MAY_CHANGE: frozenset[Task] = frozenset({"retouch", "inpaint", "upscale"})
"""Tasks that change undamaged photos by intention, or only what is marked."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of a photo, or of the part that is to be restored; size: width and height in pixels."""

    size: tuple[int, int]
    detection: Detection | None = None
    quality: Quality | None = None


TYPICAL = PhotoFacts((1200, 800))
"""Stands for a photo of which nothing is known."""


def choose(
    task: Task,
    photo: PhotoFacts,
    settings: Settings,
    feedback: Feedback,
    *,
    store: WeightStore | None = None,
    masks: bool = True,
) -> tuple[MethodOption, ...]:
    """The methods of a task in the order in which to try them, with the reasons for their place.

    The method that the user set in the Restore panel comes first, then one that the user clearly prefers, then quick
    ones that leave undamaged photos as they are where the damage is doubtful (where none is seen, those that cost
    little first), then the rest by what they gained on test photos with as much of the damage. Methods that are not
    installed have their place too; those that cannot run here come last. settings: the device and the memory.
    feedback: the user's choices, and what was measured. masks: whether methods that need a mask can run.
    """
    severity, doubtful = _severity(task, photo), _is_doubtful(task, photo)
    absent = doubtful and _probability(task, photo) < ABSENT
    able = [m for m in methods.all_methods().values() if task in m.tasks and (masks or not m.needs_mask)]
    ranked = feedback.rank(task, [m.id for m in able], severity)
    measured = feedback.evidence().get(task, {})
    set_by_user = methods.preferred(settings.methods, task)
    own = set_by_user or ranked.preferred
    places = {name: k for k, name in enumerate(ranked.order)}
    found: list[tuple[tuple[bool, bool, bool, bool, bool, int], MethodOption]] = []
    for method in able:
        seconds, obstacle = _seconds(method, photo.size, settings)
        known = measured.get(method.id)
        harmless = task in MAY_CHANGE or (known is not None and _keeps_clean(task, known))
        costly = known is not None and known.seconds_per_mp > COSTLY
        option = MethodOption(
            method=method.id,
            seconds=seconds,
            gain=known.of(severity).gain_db if known else method.gains.get(task),
            photos=known.of(severity).n if known else 0,
            missing=methods.missing(method, store),
            quick=seconds is not None and seconds <= QUICK_SECONDS,
            chosen=method.id == own,
            reasons=(
                *_choice(method, set_by_user, ranked),
                _measured(task, known, severity),
                *_doubts(known, doubtful, harmless),
                *((Message("choice.slow"),) if seconds is not None and seconds > QUICK_SECONDS else ()),
            ),
            obstacle=obstacle.text if obstacle else None,
        )
        place = places.get(method.id, len(places))
        unsafe, wasteful = doubtful and not harmless, absent and costly
        found.append(((seconds is None, method.id != own, not option.quick, unsafe, wasteful, place), option))
    return tuple(option for _, option in sorted(found, key=lambda row: row[0]))


def default(options: Sequence[MethodOption]) -> MethodOption | None:
    """The method that runs where none is named: the first that can run at once; else the first that could."""
    able = [o for o in options if o.seconds is not None]
    return next((o for o in able if not o.missing), able[0] if able else None)


def better(options: Sequence[MethodOption], chosen: str) -> MethodOption | None:
    """The method with the highest gain, if it gains clearly more than the chosen one; it is slower or not installed."""
    at = next((o for o in options if o.method == chosen), None)
    able = [o for o in options if o.seconds is not None and o.gain is not None and o.photos]
    if at is None or not able:
        return None
    best = max(able, key=lambda o: o.gain or 0.0)
    if best.method == chosen or at.gain is None or (best.gain or 0.0) < at.gain + CLEARLY:
        return None
    return best


LEAST = 0.1
"""dB of mean gain below which Auto does not try a method."""
CLEARLY = 0.3
"""dB of mean gain from which one method is called better than another."""


def candidates(
    task: Task, photo: PhotoFacts, settings: Settings, feedback: Feedback, store: WeightStore | None = None
) -> tuple[MethodOption, ...]:
    """The methods that can run at once and need no mask, in the order in which to try them.

    Auto neither downloads nor marks anything. Raises UserError where there is none; it says what could be downloaded.
    """
    options = choose(task, photo, settings, feedback, store=store, masks=False)
    ready = tuple(o for o in options if o.seconds is not None and not o.missing)
    if useful := tuple(o for o in ready if o.chosen or o.gain is None or o.gain >= LEAST):
        return useful
    if ready:
        raise UserError("choice.no_use")
    if refused := next((o for o in options if o.obstacle is not None and not o.missing), None):
        raise UserError(refused.obstacle or "")
    absent = next((" ".join(o.missing) for o in options if o.missing), None)
    if absent is None:
        raise UserError("auto.only_with_mask")
    raise UserError("auto.not_installed", model=absent)


def auto_seconds(
    advice: Collection[Advice],
    photo: PhotoFacts,
    settings: Settings,
    feedback: Feedback,
    store: WeightStore | None = None,
) -> float:
    """Seconds that Auto takes if the first method of each task helps."""
    total = 0.0
    tasks: set[Task] = {a.task for a in advice}
    for task in tasks:
        with suppress(UserError):  # it takes no time; Auto says why when its turn comes
            total += candidates(task, photo, settings, feedback, store)[0].seconds or 0.0
    return total


def _keeps_clean(task: Task, known: Evidence) -> bool:
    return known.clean_db is None or known.clean_db >= CLEAN_DB.get(task, DEFAULT_CLEAN_DB)


def _severity(task: Task, photo: PhotoFacts) -> Severity | None:
    degradation = _degradation(task)
    if photo.detection is None or degradation is None:
        return None
    found = photo.detection.found[degradation]
    if found.probability < PRESENT:
        return "light"
    return "heavy" if found.severity >= HEAVY else "light"


def _is_doubtful(task: Task, photo: PhotoFacts) -> bool:
    """Whether the damage that a task treats may not be there at all."""
    degradation = _degradation(task)
    if task in MAY_CHANGE or degradation is None:
        return False
    if photo.detection is not None:
        return _probability(task, photo) < PRESENT
    return photo.quality is None or photo.quality.overall is None or photo.quality.overall >= GOOD


def _probability(task: Task, photo: PhotoFacts) -> float:
    """Of the damage that a task treats; 0 where nothing is known."""
    degradation = _degradation(task)
    return 0.0 if photo.detection is None or degradation is None else photo.detection.found[degradation].probability


def _degradation(task: Task) -> Degradation | None:
    return next((name for name, of in TASK_FOR.items() if of == task), None)


def _seconds(
    method: Method, size: tuple[int, int], settings: Settings
) -> tuple[float | None, UserError | None]:  # fmt: skip
    try:
        return restore.estimate(method, *size, settings), None
    except UserError as e:  # too little memory, for instance
        return None, e


def _choice(method: Method, own: str | None, ranked: Ranking) -> tuple[Message, ...]:
    """That the user chose it."""
    if own == method.id:
        return (Message("choice.set"),)
    return (Message("choice.preferred"),) if own is None and ranked.preferred == method.id else ()


def _doubts(known: Evidence | None, doubtful: bool, harmless: bool) -> tuple[Message, ...]:
    """What it does to a photo that is not damaged after all."""
    if not doubtful or known is None or known.clean_db is None:
        return ()
    return (Message("choice.harmless" if harmless else "choice.changes_clean"),)


def _measured(task: Task, known: Evidence | None, severity: Severity | None) -> Message:
    if known is None or known.n == 0:
        return Message("choice.not_measured")
    here, degradation = known.of(severity), _degradation(task)
    fields = {"gain": here.gain_db, "count": here.n}
    if severity is None or degradation is None or here is known:
        return Message("choice.measured", fields)
    return Message(f"choice.measured_{severity}", {**fields, "problem": degradation_noun(degradation)})
