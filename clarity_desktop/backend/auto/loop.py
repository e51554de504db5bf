"""Auto (Algorithm 1): detect and score, choose, restore, detect and score again, roll back what made it worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.auto.rules import TREATMENTS, Analysis
from clarity_desktop.backend.iqa.distance import psnr
from clarity_desktop.backend.methods import Method
from clarity_desktop.backend.runner import Candidate
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Improve, JobCancelled, Restore, UserError
from clarity_desktop.settings import Settings
from clarity_desktop.values import (
    Advice,
    DocumentCard,
    DocumentId,
    Pixels,
    Region,
    RestoreParams,
    Task,
    Version,
    VersionId,
)
from clarity_desktop.worker import Job, LaneClass

LARGE = 20.0
"""dB from the photo at the start below which a better score is said to come with a large change."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One step of Auto: what was tried against what, and why it was kept or not. method None: there was none.

    left: it would have been kept, but the user decided otherwise meanwhile.
    """

    advice: Advice
    method: str | None
    seconds: float
    kept: bool
    why: str
    left: bool = False


@dataclass(frozen=True, slots=True)
class Improvement:
    """What Auto did, and the photo before and after it; text tells it in plain words."""

    tried: tuple[Attempt, ...]
    before: Analysis
    after: Analysis
    text: str


class AutoTarget(Protocol):
    """A photo that Auto works on: versions of a document, or bare pixels."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    async def check_room(self) -> None:
        """Raises UserError where no result could be kept: better said before the work than after it."""
        ...

    async def look(self) -> Analysis:
        """What is known of the photo as it is now."""
        ...

    async def is_plain(self) -> bool:
        """Whether it has one colour everywhere."""
        ...

    async def ways(self, task: Task, settings: Settings) -> tuple[Method, ...]:
        """The methods to try for a task, in order. Raises UserError if there is none."""
        ...

    async def attempt(self, task: Task, method: str) -> float:
        """Restore, and go on with the result. Returns seconds. Raises what a restoration raises."""
        ...

    async def change(self) -> float | None:
        """PSNR in dB between the last result and what it was made from; None: identical."""
        ...

    async def whole_change(self) -> float | None:
        """PSNR in dB between the photo now and at the start; None: identical."""
        ...

    def keep(self) -> str:
        """The last result is what goes on; if the user left or deleted it meanwhile it is not, and this says so."""
        ...

    def back(self) -> None:
        """Leave the last result and go back to what it was made from."""
        ...

    def abandon(self) -> None:
        """It ends early: leave a result that nobody has judged yet, if there is one."""
        ...


async def improve(bench: AutoTarget, settings: Settings) -> Improvement:
    """Treat what is wrong until nothing is, or everything was tried, or the user leaves what was made. A photo that
    looks fine is left alone, and so is one of a single colour: a network would paint something into it.

    Each task has one turn, with at most choose.TRIES methods. Nothing of what was kept is lost by cancelling, nor when
    a result cannot be looked at. Raises UserError then, where nothing could be kept, and where there is no detector.
    """
    await bench.check_room()
    before = now = await bench.look()
    tried: list[Attempt] = []
    if _next(now, tried) is not None and await bench.is_plain():
        return Improvement((), before, before, rules.UNIFORM)
    try:
        while (advice := _next(now, tried)) is not None:
            now = await _treat(bench, settings, advice, now, tried)
    except (JobCancelled, Exception):
        bench.abandon()
        raise
    change = await bench.whole_change() if any(t.kept for t in tried) else None
    return Improvement(tuple(tried), before, now, _report(tried, before, now, change))


def _next(now: Analysis, tried: list[Attempt]) -> Advice | None:
    """The first thing to be done that has not had its turn; nothing once the user went another way."""
    if any(t.left for t in tried):
        return None
    done: set[Task] = {*rules.BY_HAND, *(t.advice.task for t in tried)}
    return next((a for a in rules.advise(now.detection) if a.task not in done), None)


async def _treat(
    bench: AutoTarget, settings: Settings, advice: Advice, now: Analysis, tried: list[Attempt]
) -> Analysis:
    """Give one task its turn; returns what is known of the photo after it."""
    try:
        ways = await bench.ways(advice.task, settings)
    except UserError as e:  # there is none
        tried.append(Attempt(advice, None, 0.0, False, str(e)))
        return now
    behind: set[Task] = {t.advice.task for t in tried}
    for way in ways[: rules.TRIES]:
        try:
            seconds = await bench.attempt(advice.task, way.id)
        except UserError as e:  # a method that fails is a method that did not help
            await bench.check_room()  # a full disk is no fault of the method
            tried.append(Attempt(advice, way.id, 0.0, False, str(e)))
            continue
        seen = await bench.look()
        verdict = rules.judge(advice, now, seen, await bench.change(), behind)
        if verdict.kept:
            left = bench.keep()
            why = f"{verdict.why} {left}" if left else verdict.why
            tried.append(Attempt(advice, way.id, seconds, not left, why, bool(left)))
            return now if left else seen
        tried.append(Attempt(advice, way.id, seconds, False, verdict.why))
        bench.back()
    return now


def _report(tried: list[Attempt], before: Analysis, after: Analysis, change: float | None) -> str:
    if not tried:
        return rules.advice_text(before.detection)
    parts = [_told(t) for t in tried]
    if any(t.left for t in tried):  # what is shown now is the user's own choice
        return " ".join(parts)
    if not any(t.kept for t in tried):
        return " ".join([*parts, "The photo is as it was."])
    several = sum(t.kept for t in tried) > 1  # of one step its own sentence says it
    if several and before.quality.overall is not None and after.quality.overall is not None:
        parts.append(f"Overall {before.quality.overall:.0f} → {after.quality.overall:.0f}.")
    if change is not None and change < LARGE:
        parts.append(f"That is a large change ({change:.0f} dB from where it began): compare the two.")
    if rules.present(after.detection):
        parts.append(f"Still there: {rules.advice_text(after.detection)}")
    else:
        parts.append(rules.found(after.detection))
    return " ".join(parts)


def _told(t: Attempt) -> str:
    noun = TREATMENTS[t.advice.degradation].noun
    start = f"{noun[0].upper()}{noun[1:]}"
    if t.method is None:
        return f"{start}: {t.why}"
    became = "kept" if t.kept else "not kept" if t.left else "rolled back"
    return f"{start}: {t.method}, {became}. {t.why}"


def _is_plain(pixels: Pixels) -> bool:
    return all((row == pixels[0, 0]).all() for row in pixels)


class VersionTarget:
    """Versions of an open document: what is rolled back stays in the tree as rejected, and the head goes back."""

    def __init__(self, studio: Studio, asked: Improve, job: Job) -> None:
        self._studio, self._asked, self._job = studio, asked, job
        self._line = [asked.version]
        """The version at the start and those that were kept since."""
        self._trial: VersionId | None = None

    @property
    def version(self) -> VersionId:
        """The one being judged, else the last that was kept."""
        return self._trial or self._line[-1]

    @property
    def _document(self) -> DocumentId:
        return self._asked.document

    @property
    def size(self) -> tuple[int, int]:
        version = self._studio.version(self._document, self.version)
        return version.width, version.height

    async def check_room(self) -> None:
        await self._job.side("disk", self._studio.document(self._document).check_room, self.version)

    async def look(self) -> Analysis:
        detection = await self._studio.detect(self._document, self.version, self._job)
        return Analysis(detection, await self._studio.assess(self._document, self.version, self._job))

    async def is_plain(self) -> bool:
        document = self._studio.document(self._document)
        return await self._job.side("disk", lambda: _is_plain(document.pixels(self.version)))

    async def ways(self, task: Task, settings: Settings) -> tuple[Method, ...]:
        return await self._job.side("estimate", rules.ways, task, self.size, settings)

    async def attempt(self, task: Task, method: str) -> float:
        params = RestoreParams(task, method, visible=self._asked.visible)
        asked = Restore(self._document, self.version, params, confirmed=True)
        known = {v.id for v in self._card.versions}
        try:
            made = await self._studio.restore_now(asked, self._job)
        except JobCancelled:  # while it was looked at: it is there nevertheless
            self._trial = next((v.id for v in self._card.versions if v.id not in known and _is_of(v, asked)), None)
            raise
        self._trial = made.id
        return made.step.seconds

    @property
    def _card(self) -> DocumentCard:
        return self._studio.document(self._document).card()

    async def change(self) -> float | None:
        return await self._between(self._line[-1])

    async def whole_change(self) -> float | None:
        return await self._between(self._line[0])

    async def _between(self, other: VersionId) -> float | None:
        document = self._studio.document(self._document)
        a, b = [await self._job.side("disk", document.pixels, v) for v in (other, self.version)]
        return await self._job.run(psnr, a, b, lane=LaneClass.ANALYSIS)

    def keep(self) -> str:
        made, self._trial = self.version, None
        if self._studio.version(self._document, made).deleted:
            return "You deleted it meanwhile, so nothing else was done."
        if self._card.head != made:
            return "You went to another version meanwhile, so nothing else was done; it stays in the history."
        self._line.append(made)
        return ""

    def back(self) -> None:
        left = self.version
        self._leave(remember=False)
        self._studio.edit(self._document, left, self._job, rejected=True)

    def abandon(self) -> None:
        self._leave(remember=True)

    def _leave(self, *, remember: bool) -> None:
        """The head goes back, unless the user has gone elsewhere meanwhile. remember: redo may fetch the result."""
        trial, self._trial = self._trial, None
        if trial is not None and trial == self._card.head:
            self._studio.move(self._document, lambda d: d.go_to(self.version, remember=remember), self._job)


def _is_of(version: Version, asked: Restore) -> bool:
    """Whether a version is what was asked for; the user may restore the same photo at the same time."""
    step = version.step
    return (version.parent, step.task, step.method) == (asked.version, asked.params.task, asked.params.method)


class PixelTarget:
    """Bare pixels, for the command line; strength, region and feather go for every step."""

    def __init__(
        self, studio: Studio, pixels: Pixels, job: Job,
        *, strength: float = 1.0, region: Region | None = None, feather: int = 0,
    ) -> None:  # fmt: skip
        self._studio, self._job = studio, job
        self._strength, self._region, self._feather = strength, region, feather
        self._start = self._kept = pixels
        self._trial: Candidate | None = None
        self.notes: list[str] = []
        """Of what was kept."""

    @property
    def pixels(self) -> Pixels:
        """What is being judged, else the last that was kept."""
        return self._trial.pixels if self._trial else self._kept

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    async def check_room(self) -> None:
        """Where the result goes is checked by whoever writes it."""

    async def look(self) -> Analysis:
        detection = await self._studio.find(self.pixels, self._job)
        return Analysis(detection, await self._studio.score(self.pixels, self._job, detection))

    async def is_plain(self) -> bool:
        return await self._job.run(_is_plain, self.pixels, lane=LaneClass.ANALYSIS)

    async def ways(self, task: Task, settings: Settings) -> tuple[Method, ...]:
        return await self._job.side("estimate", rules.ways, task, self.size, settings)

    async def attempt(self, task: Task, method: str) -> float:
        params = RestoreParams(task, method, self._strength, self._region, self._feather)
        self._trial = await self._studio.apply(self.pixels, params, self._job)
        return self._trial.step.seconds

    async def change(self) -> float | None:
        return await self._job.run(psnr, self._kept, self.pixels, lane=LaneClass.ANALYSIS)

    async def whole_change(self) -> float | None:
        return await self._job.run(psnr, self._start, self.pixels, lane=LaneClass.ANALYSIS)

    def keep(self) -> str:
        assert self._trial is not None, "something was tried"
        self._kept = self._trial.pixels
        self.notes += self._trial.notes
        self._trial = None
        return ""

    def back(self) -> None:
        self._trial = None

    def abandon(self) -> None:
        """Nobody sees bare pixels of a cancelled command."""
