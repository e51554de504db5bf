"""Selects parts of bare pixels: by clicks and a box, or by words. Documents keep what engines compute: selection.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from clarity_desktop.backend import restore
from clarity_desktop.backend.regions import masks, resolve
from clarity_desktop.backend.regions.engine import Embedding, Engine, Prompt
from clarity_desktop.backend.regions.resolve import Found, Sources
from clarity_desktop.backend.regions.words import Description
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Box, Click, Detection, Pixels
from clarity_desktop.worker import Job, LaneClass

Detect = Callable[[], Awaitable[Detection]]
T = TypeVar("T")


async def select_at(
    studio: Studio, pixels: Pixels, clicks: Sequence[Click], box: Bounds | None, engine: str | None, job: Job
) -> Found:
    """The object at clicks and in a box of a photo (H×W×3 RGB, uint8 or uint16).

    engine None: the best on this machine. Raises UserError, ModelMissing.
    """
    chosen = await _engine(studio, engine, job)
    return await job.run(_select_at, chosen, pixels, Prompt(tuple(clicks), box), job, lane=LaneClass.INTERACTIVE)


def _select_at(engine: Engine, pixels: Pixels, prompt: Prompt, job: Job) -> Found:
    height, width = pixels.shape[:2]
    best = engine.masks(engine.embed(pixels, job.checkpoint), prompt)[0]
    try:
        region = masks.from_logits(best.logits, width, height)
    except UserError:
        raise UserError("regions.nothing_found", engine=engine.title) from None
    return Found(region, engine.id, best.score, ())


async def select_words(
    studio: Studio, pixels: Pixels, words: str, engine: str | None, job: Job, detect: Detect | None = None
) -> Found:
    """What words mean in a photo (H×W×3 RGB, uint8 or uint16); nothing found is a UserError.

    engine: makes masks from boxes; None: the best on this machine. detect: what is wrong with these pixels, if the
    caller knows. Raises UserError, ModelMissing.
    """
    return await _resolved(studio, pixels, words, engine, job, detect, resolve.region)


async def find_boxes(
    studio: Studio, pixels: Pixels, words: str, engine: str | None, job: Job, detect: Detect | None = None
) -> tuple[tuple[Box, ...], str]:
    """The boxes of what words mean in a photo (H×W×3 RGB, uint8 or uint16), and the ids of what found them.

    See select_words.
    """
    return await _resolved(studio, pixels, words, engine, job, detect, resolve.boxes)


async def _resolved(
    studio: Studio, pixels: Pixels, words: str, engine: str | None, job: Job, detect: Detect | None,
    work: Callable[[Pixels, Description, Sources], T],
) -> T:  # fmt: skip
    description = resolve.understood(words)
    chosen = await _engine(studio, engine, job)
    detection: Detection | None = None
    if resolve.needs_detection(description):
        detection = await (detect() if detect is not None else studio.find(pixels, job))

    def known() -> Detection:
        assert detection is not None, "needs_detection covers every part"
        return detection

    computed: list[Embedding] = []

    def embed() -> Embedding:
        if not computed:
            computed.append(chosen.embed(pixels, job.checkpoint))
        return computed[0]

    sources = Sources(studio.finder, chosen, embed, known, job.checkpoint)
    return await job.run(work, pixels, description, sources, lane=LaneClass.INTERACTIVE)


async def _engine(studio: Studio, name: str | None, job: Job) -> Engine:
    return await job.side("disk", studio.engines.choose, name, restore.place(studio.settings).device)
