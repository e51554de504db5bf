"""The targets of Auto: versions of an open document, or bare pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from clarity_desktop.backend.auto import choice
from clarity_desktop.backend.auto.choice import PhotoFacts
from clarity_desktop.backend.auto.rules import COMPARED_SIDE, MAX_PART, MIN_PART, PART_SECONDS, Analysis
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.iqa.distance import psnr
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.plan import RestoreCall, to_json
from clarity_desktop.backend.runner import Candidate
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Event, Improve, Restore, StepStarted, VersionAdded
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message, Text
from clarity_desktop.values import (
    DEGRADATIONS,
    Advice,
    Bounds,
    Degradation,
    Detection,
    DocumentId,
    MethodOption,
    Pixels,
    Region,
    RestoreParams,
    Task,
    VersionId,
)
from clarity_desktop.worker import Job, LaneClass

REGION_FEATHER = 16
"""Pixels over which the result of Auto on a region blends into the rest of the photo."""


Aside = VersionId | Candidate
"""A result that was set aside: a version of a document, or bare pixels."""


@dataclass(frozen=True, slots=True)
class PartTrial:
    """A method tried on a part of the photo: how the part compares, and the seconds that it took."""

    judgement: Judgement
    seconds: float


class AutoTarget(Protocol):
    """A photo that Auto works on."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of what is restored."""
        ...

    async def check_room(self) -> None:
        """Raise UserError if a result could not be stored; called before the work starts."""
        ...

    async def analyze(self) -> Analysis:
        """Detection and scores of the photo as it is now."""
        ...

    async def is_uniform(self) -> bool:
        """Whether it has one color everywhere."""
        ...

    async def candidates(self, task: Task, now: Analysis, settings: Settings) -> tuple[MethodOption, ...]:
        """The methods to try for a task, in order. now: of the photo. Raises UserError if there is none."""
        ...

    def reason(self, task: Task, method: str) -> Message | None:
        """Why a method is tried first; None where it would be without the user's choices."""
        ...

    async def attempt(self, task: Task, method: str) -> float:
        """Restore and continue with the result. Returns its seconds. Raises UserError, ModelMissing, JobCancelled."""
        ...

    async def try_part(
        self, advice: Advice, option: MethodOption, detection: Detection, *, compare: bool = False
    ) -> PartTrial | None:
        """Try a method that is slow on the whole photo on a part of it. None: it is quick, or the photo is small.

        compare: try a quick one too, on the part on which others are tried. Raises as `attempt`.
        """
        ...

    async def judge(self, task: Task) -> Judgement:
        """Compare the last result with its input."""
        ...

    def discarded_tasks(self) -> frozenset[Task]:
        """Tasks whose results on the photo as it is now were undone or discarded: they are not tried again."""
        ...

    async def whole_change(self) -> float | None:
        """PSNR in dB between the photo now and at the start; None: identical."""
        ...

    def accept(self) -> Message | None:
        """Continue from the last result. Returns the reason if the user deleted it or opened another version."""
        ...

    async def reject(self) -> None:
        """Go back to the input of the last result."""
        ...

    async def set_aside(self) -> Aside:
        """Go back to the input of the last result, but keep the result: it may be offered."""
        ...

    async def offer(self, aside: Aside) -> bool:
        """Continue with a result that was set aside; False if the user deleted it or opened another version."""
        ...

    async def close(self) -> None:
        """Auto is done: what was set aside and not offered counts as rejected."""
        ...

    async def abort(self) -> None:
        """End early: go back from a result that was not evaluated yet, if there is one."""
        ...


class VersionTarget:
    """Versions of an open document: a rejected one stays in the tree, and the head goes back.

    Where the request names a region, that part alone is analyzed, restored and compared.
    """

    def __init__(self, studio: Studio, request: Improve, job: Job) -> None:
        self._studio, self._request, self._job = studio, request, job
        self._accepted = [request.version]
        """The version at the start, then those that were kept."""
        self._trial: VersionId | None = None
        self._aside: list[VersionId] = []

    @property
    def version(self) -> VersionId:
        """The version being evaluated, or else the last one that was kept."""
        return self._trial or self._accepted[-1]

    @property
    def _document(self) -> DocumentId:
        return self._request.document

    @property
    def size(self) -> tuple[int, int]:
        if (region := self._request.region) is not None:
            return region.bounds.width, region.bounds.height
        version = self._studio.version(self._document, self.version)
        return version.width, version.height

    async def check_room(self) -> None:
        await self._job.side("disk", self._studio.document(self._document).check_room, self.version)

    async def analyze(self) -> Analysis:
        if self._request.region is not None:
            pixels = await self._pixels(self.version)
            detection = await self._studio.find(pixels, self._job)
            return Analysis(detection, await self._studio.score(pixels, self._job, detection))
        detection = await self._studio.detect(self._document, self.version, self._job)
        return Analysis(detection, await self._studio.assess(self._document, self.version, self._job))

    async def is_uniform(self) -> bool:
        return await self._job.run(_is_uniform, await self._pixels(self.version), lane=LaneClass.ANALYSIS)

    async def _pixels(self, version: VersionId) -> Pixels:
        """The pixels of the region, or of the whole version: H×W×3 RGB, uint8 or uint16."""
        pixels = await self._studio.visible_pixels(self._document, version, self._job)
        region = self._request.region
        return pixels if region is None else pixels[region.bounds.slices()]

    async def candidates(self, task: Task, now: Analysis, settings: Settings) -> tuple[MethodOption, ...]:
        return await _candidates(
            self._studio, task, PhotoFacts(self.size, now.detection, now.quality), settings, self._job
        )

    def reason(self, task: Task, method: str) -> Message | None:
        return self._studio.reason(task, method)

    async def attempt(self, task: Task, method: str) -> float:
        region = self._request.region
        params = RestoreParams(
            task, method, region=region, feather=REGION_FEATHER if region else 0, visible=self._request.visible
        )
        request = Restore(self._document, self.version, params, confirmed=True)
        self._job.emit(StepStarted(self._document, to_json(RestoreCall(task, method=method))))

        def note(
            event: Event,
        ) -> None:  # if the analysis is cancelled, the call raises
            if isinstance(event, VersionAdded):
                self._trial = event.version.id

        with self._job.observing(note):
            made = await self._studio.restore_now(request, self._job)
        return made.step.seconds

    async def try_part(
        self, advice: Advice, option: MethodOption, detection: Detection, *, compare: bool = False
    ) -> PartTrial | None:
        pixels = await self._pixels(self.version)
        return await _try_part(self._studio, pixels, advice, option, detection, compare, self._job)

    async def judge(self, task: Task) -> Judgement:
        before, after = await self._pixels(self._accepted[-1]), await self._pixels(self.version)
        return await self._studio.judge(before, after, task, self._job)

    def discarded_tasks(self) -> frozenset[Task]:
        of_part = self._request.region is not None
        return self._studio.discarded_tasks(self._document, self._accepted[-1], of_part=of_part)

    async def whole_change(self) -> float | None:
        return await self._job.run(
            psnr, await self._pixels(self._accepted[0]), await self._pixels(self.version), lane=LaneClass.ANALYSIS
        )

    def accept(self) -> Message | None:
        made, self._trial = self.version, None
        if self._studio.version(self._document, made).deleted:
            return Message("auto.deleted")
        if not self._is_open(made):
            return Message("auto.left")
        self._accepted.append(made)
        return None

    async def reject(self) -> None:
        rejected = self.version
        await self._go_back(remember=False)
        await self._studio.edit(self._document, rejected, self._job, rejected=True)

    async def set_aside(self) -> Aside:
        aside = self.version
        await self._go_back(remember=False)
        self._aside.append(aside)
        return aside

    async def offer(self, aside: Aside) -> bool:
        assert not isinstance(aside, Candidate)
        if self._studio.version(self._document, aside).deleted or not self._is_open(self._accepted[-1]):
            return False
        await self._studio.move(self._document, lambda d: d.go_to(aside), self._job)
        self._aside.remove(aside)
        self._accepted.append(aside)
        return True

    async def close(self) -> None:
        for aside in self._aside:
            if not self._studio.version(self._document, aside).deleted:
                await self._studio.edit(self._document, aside, self._job, rejected=True)
        self._aside.clear()

    def _is_open(self, version: VersionId) -> bool:
        return self._studio.document(self._document).card().head == version

    async def abort(self) -> None:
        await self._go_back(remember=True)
        await self.close()

    async def _go_back(self, *, remember: bool) -> None:
        """Move the head back, unless the user has moved it. remember: redo may return to the result."""
        trial, self._trial = self._trial, None
        if trial is not None and trial == self._studio.document(self._document).card().head:
            version = self.version

            def back(document: Document) -> VersionId:
                # Asked again here, in the thread of all moves: the user may have moved the head just before.
                head = document.card().head
                # Cancelled, not undone: the next run may try it again.
                return document.go_to(version, remember=remember, is_undo=False) if head == trial else head

            await self._studio.move(self._document, back, self._job)


class PixelTarget:
    """Bare pixels (H×W×3 RGB, uint8 or uint16), for the command line; the options hold for every step."""

    def __init__(
        self, studio: Studio, pixels: Pixels, job: Job,
        *, strength: float = 1.0, region: Region | None = None, feather: int = 0,
    ) -> None:  # fmt: skip
        self._studio, self._job = studio, job
        self._strength, self._region, self._feather = strength, region, feather
        self._start = self._accepted = pixels
        self._trial: Candidate | None = None
        self.notes: list[Text] = []
        """Notes of the kept steps."""

    @property
    def pixels(self) -> Pixels:
        """The pixels being evaluated, or else the last that were kept: H×W×3 RGB, uint8 or uint16."""
        return self._trial.pixels if self._trial else self._accepted

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    async def check_room(self) -> None:
        """The writer of the result checks the disk."""

    async def analyze(self) -> Analysis:
        detection = await self._studio.find(self.pixels, self._job)
        return Analysis(detection, await self._studio.score(self.pixels, self._job, detection))

    async def is_uniform(self) -> bool:
        return await self._job.run(_is_uniform, self.pixels, lane=LaneClass.ANALYSIS)

    async def candidates(self, task: Task, now: Analysis, settings: Settings) -> tuple[MethodOption, ...]:
        return await _candidates(
            self._studio, task, PhotoFacts(self.size, now.detection, now.quality), settings, self._job
        )

    def reason(self, task: Task, method: str) -> Message | None:
        return self._studio.reason(task, method)

    async def attempt(self, task: Task, method: str) -> float:
        params = RestoreParams(task, method, self._strength, self._region, self._feather)
        self._trial = await self._studio.apply(self.pixels, params, self._job)
        return self._trial.step.seconds

    async def try_part(
        self, advice: Advice, option: MethodOption, detection: Detection, *, compare: bool = False
    ) -> PartTrial | None:
        return await _try_part(self._studio, self.pixels, advice, option, detection, compare, self._job)

    async def judge(self, task: Task) -> Judgement:
        return await self._studio.judge(self._accepted, self.pixels, task, self._job)

    def discarded_tasks(self) -> frozenset[Task]:
        return frozenset()

    async def whole_change(self) -> float | None:
        return await self._job.run(psnr, self._start, self.pixels, lane=LaneClass.ANALYSIS)

    def accept(self) -> Message | None:
        assert self._trial is not None, "accept follows attempt"
        self._accepted = self._trial.pixels
        self.notes += self._trial.notes
        self._trial = None
        return None

    async def reject(self) -> None:
        self._trial = None

    async def set_aside(self) -> Aside:
        assert self._trial is not None, "a result follows attempt"
        aside, self._trial = self._trial, None
        return aside

    async def offer(self, aside: Aside) -> bool:
        assert isinstance(aside, Candidate)
        self._trial = aside
        return self.accept() is None

    async def close(self) -> None:
        """Nothing to do: what was set aside is dropped."""

    async def abort(self) -> None:
        """Nothing to do: the pixels of a cancelled command are discarded."""


async def _candidates(
    studio: Studio, task: Task, photo: PhotoFacts, settings: Settings, job: Job
) -> tuple[MethodOption, ...]:  # fmt: skip
    return await job.side("estimate", choice.candidates, task, photo, settings, studio.feedback, studio.store)


async def _try_part(
    studio: Studio, pixels: Pixels, advice: Advice, option: MethodOption, detection: Detection, compare: bool, job: Job
) -> PartTrial | None:
    """Restore the part of the photo where its degradation is most likely, and judge that part."""
    height, width = pixels.shape[:2]
    seconds = option.seconds or 0.0
    if compare:
        side = min(COMPARED_SIDE, width, height)
    elif seconds <= PART_SECONDS:
        return None
    else:
        # As many pixels as take PART_SECONDS, within limits: a smaller part would not be representative.
        side = int((PART_SECONDS / seconds * width * height) ** 0.5)
        side = min(MAX_PART, max(MIN_PART, side), width, height)
    part = pixels[strongest_part(detection, advice.degradation, width, height, side).slices()]
    trial = await studio.apply(part, RestoreParams(advice.task, option.method), job)
    return PartTrial(await studio.judge(part, trial.pixels, advice.task, job), trial.step.seconds)


def strongest_part(detection: Detection, degradation: Degradation, width: int, height: int, side: int) -> Bounds:
    """The square of `side` pixels of a photo in which the heat map of a degradation is strongest."""
    heat = detection.heat[..., DEGRADATIONS.index(degradation)].astype(np.float32)
    rows, columns = heat.shape
    # The mean over the square around each cell; the middle of the photo wins where all are equal.
    reach = max(1, round(side / width * columns)), max(1, round(side / height * rows))
    smooth = cv2.blur(heat, reach, borderType=cv2.BORDER_REFLECT)
    y, x = np.mgrid[0:rows, 0:columns]
    off_center = np.hypot((x + 0.5) / columns - 0.5, (y + 0.5) / rows - 0.5)
    row, column = np.unravel_index(int((smooth - 4 * off_center).argmax()), smooth.shape)
    left = round((int(column) + 0.5) / columns * width - side / 2)
    top = round((int(row) + 0.5) / rows * height - side / 2)
    return Bounds(max(0, min(left, width - side)), max(0, min(top, height - side)), side, side)


def _is_uniform(pixels: Pixels) -> bool:
    # Row by row: a photo stops at its first rows, without a comparison of the whole array.
    return all((row == pixels[0, 0]).all() for row in pixels)
