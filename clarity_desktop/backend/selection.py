"""Verbs of regions: select by clicks and boxes, change, keep, analyze, remove what is selected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import restore
from clarity_desktop.backend.auto import rules
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.pictures import fill_transparent
from clarity_desktop.backend.regions import carry, groundingdino, masks, resolve
from clarity_desktop.backend.regions.engine import Embedding, Engine, MaskCandidate, Prompt, check, is_usable
from clarity_desktop.backend.regions.resolve import Sources
from clarity_desktop.backend.regions.words import Description
from clarity_desktop.backend.studio import Studio
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import (
    AnalyzeRegion,
    ChangeRegion,
    EditRegion,
    EnginesListed,
    ExportRegion,
    FileExists,
    FindObjects,
    ImportRegion,
    KeepRegion,
    ObjectsFound,
    PrepareSelection,
    ReadRegion,
    RegionAnalyzed,
    RegionExported,
    RegionReady,
    RegionsChanged,
    RemoveObject,
    Restore,
    Select,
    Selected,
    SelectionPrepared,
    SelectWhere,
    SelectWords,
    UserError,
)
from clarity_desktop.references import names
from clarity_desktop.text import Message
from clarity_desktop.titles import degradation_noun
from clarity_desktop.values import (
    Bounds,
    Box,
    Combine,
    DocumentId,
    Feather,
    Fit,
    Grow,
    Invert,
    Lasso,
    MaskChange,
    Paint,
    Pixels,
    Refine,
    Region,
    RegionId,
    RestoreParams,
    StoredRegion,
    Version,
    VersionId,
)
from clarity_desktop.worker import Job, LaneClass

log = logging.getLogger(__name__)
T = TypeVar("T")
THUMBNAIL = 128
SEEN = 2048
"""Least longest side in pixels of what an engine sees of a larger photo."""
REMOVED_EDGE = 0.004
"""How far beyond its region an object is removed, as a share of the photo's longer side: masks end within its edge."""
REFINE_MOST, GROW_MOST = 200, 20_000
"""Pixels; a larger number is an error of the caller."""


class _AlreadyKnown(Exception):
    """Meanwhile a click needed the embedding and computed it."""


async def list_engines(studio: Studio, job: Job) -> None:
    """The engines that can find objects, with what is missing for them."""
    job.emit(EnginesListed(await job.side("disk", studio.engines.cards, restore.place(studio.settings).device)))


async def select(studio: Studio, request: Select, job: Job) -> Region:
    """Find the object at clicks and in boxes of a version. Raises ModelMissing, UserError, JobCancelled."""
    version = studio.version(request.document, request.version)
    engine = await choose(studio, request.engine, job)
    seen = await embedding(studio, request.document, request.version, engine, job, LaneClass.INTERACTIVE)
    found = await job.run(find_masks, engine, seen, request, lane=LaneClass.INTERACTIVE)
    candidate = min(max(0, request.candidate), len(found) - 1)
    size = version.width, version.height
    region = await job.run(_region, found[candidate], size, engine, lane=LaneClass.INTERACTIVE)
    scores = tuple(one.score for one in found)
    job.emit(
        Selected(request.document, request.version, region, engine.id, scores, candidate, found[candidate].hint)
    )  # fmt: skip
    return region


async def select_words(studio: Studio, request: SelectWords, job: Job) -> None:
    """Select what words mean in a version. Raises ModelMissing, UserError where nothing is found, JobCancelled."""
    job.emit(await find_words(studio, request, job))


async def find_words(studio: Studio, request: SelectWords, job: Job) -> Selected:
    """As select_words, without telling the window."""
    found = await _resolved(studio, request, request.engine, resolve.region, job)
    return Selected(request.document, request.version, found.region, found.engines, (found.score,), notes=found.notes)


def missing_models(studio: Studio, words: str, kept: Collection[str] = ()) -> tuple[str, ...]:
    """The models that finding what words mean needs and that are not installed; for words of no meaning none.

    kept: as in resolve.understood.
    """
    try:
        description = resolve.understood(words, kept)
    except UserError:  # finding it reports the error
        return ()
    parts = (*description.parts, *description.without)
    wanted = dict.fromkeys(engine for part in parts if (engine := studio.finder.engine_for(part)) is not None)
    return tuple(name for name in wanted if name in studio.store.models and not studio.store.is_ready(name))


async def find_objects(studio: Studio, request: FindObjects, job: Job) -> tuple[Box, ...]:
    """Find the boxes of what words mean in a version. Raises ModelMissing, UserError, JobCancelled."""
    boxes, engines = await _resolved(studio, request, None, resolve.boxes, job)
    job.emit(ObjectsFound(request.document, request.version, request.words, boxes, engines))
    return boxes


async def _resolved(
    studio: Studio, request: SelectWords | FindObjects, name: str | None,
    work: Callable[[Pixels, Description, Sources], T], job: Job,
) -> T:  # fmt: skip
    at, version = request.document, request.version
    known = names(studio.document(at).card().regions)
    ids = {name.casefold(): region for name, region in known.items()}
    description = resolve.understood(request.words, ids)
    engine = await choose(studio, name, job)
    parts = (*description.parts, *description.without)
    # Asked for before the work begins: both are kept with the version, and computed by jobs of their own.
    detection = await studio.detect(at, version, job) if resolve.needs_detection(description) else None
    finds = await job.side("disk", lambda: any(studio.finder.engine_for(part) for part in parts))
    seen = await embedding(studio, at, version, engine, job, LaneClass.INTERACTIVE) if finds else None
    absent = await job.side("disk", groundingdino.absent, studio.store)
    meant = {part.name.casefold() for part in parts if part.kind == "kept"}
    kept = {name: await _kept_region(studio.document(at), ids[name], version, job) for name in meant}
    sources = Sources(
        studio.finder, engine, lambda: _known(seen), lambda: _known(detection), job.checkpoint, absent, kept
    )
    pixels = await studio.visible_pixels(at, version, job)
    return await job.run(work, pixels, description, sources, lane=LaneClass.INTERACTIVE)


def _known(value: T | None) -> T:
    assert value is not None, "whoever needs it is asked before"
    return value


async def select_where(studio: Studio, request: SelectWhere, job: Job) -> Region:
    """Select the part of a version where a degradation is strongest. Raises UserError if it is nowhere.

    Scratches and missing parts are found pixel by pixel where their network finds any.
    """
    version = studio.version(request.document, request.version)
    if request.degradation == "inpaint" and await job.side("disk", studio.mark_finder.is_ready):
        pixels = await studio.visible_pixels(request.document, request.version, job)
        marks = await job.run(studio.mark_finder.find, pixels, job.checkpoint, lane=LaneClass.INTERACTIVE)
        if marks is not None:
            region = Region.of(marks)
            job.emit(Selected(request.document, request.version, region, resolve.DETECTOR, (1.0,)))
            return region
    detection = await studio.detect(request.document, request.version, job)
    size = version.width, version.height
    mask = await job.run(resolve.damage, detection, request.degradation, *size, lane=LaneClass.INTERACTIVE)
    if mask is None:
        raise UserError("regions.not_damaged", degradation=degradation_noun(request.degradation))
    region = await job.run(masks.cropped, mask, Bounds(0, 0, *size), *size, lane=LaneClass.INTERACTIVE)
    score = detection.found[request.degradation].probability
    job.emit(Selected(request.document, request.version, region, resolve.DETECTOR, (score,)))
    return region


async def choose(studio: Studio, name: str | None, job: Job) -> Engine:
    """The named engine, or the best one on this machine. Raises UserError."""
    return await job.side("disk", studio.engines.choose, name, restore.place(studio.settings).device)


def find_masks(engine: Engine, seen: Embedding, request: Select) -> tuple[MaskCandidate, ...]:
    """The masks that may be meant by clicks and boxes, the most likely first. Raises UserError.

    Of several boxes each is an object: their masks are united, candidate by candidate. A click that must be left out
    counts for every box, one inside for the boxes around it.
    """
    boxes = request.boxes
    for box in boxes or (None,):
        check(Prompt(request.clicks, box), seen.width, seen.height)
    if len(boxes) < 2:
        return engine.masks(seen, Prompt(request.clicks, boxes[0] if boxes else None, request.hint))
    each = [
        engine.masks(seen, Prompt(tuple(c for c in request.clicks if not c.inside or _holds(box, c.x, c.y)), box))
        for box in boxes
    ]
    return tuple(
        MaskCandidate(np.maximum.reduce([one.logits for one in column]), min(one.score for one in column))
        for column in zip(*each, strict=False)
    )


def _holds(box: Bounds, x: float, y: float) -> bool:
    return box.x <= x < box.right and box.y <= y < box.bottom


def _region(found: MaskCandidate, size: tuple[int, int], engine: Engine) -> Region:
    try:
        return masks.from_logits(found.logits, *size)
    except UserError:
        raise UserError("regions.nothing_found", engine=engine.title) from None


async def prepare(studio: Studio, request: PrepareSelection, job: Job) -> None:
    """Compute the embedding of a version in the background, unless it is known. Raises ModelMissing, JobCancelled."""
    engine = await choose(studio, request.engine, job)
    await embedding(studio, request.document, request.version, engine, job, LaneClass.BACKGROUND)
    job.emit(SelectionPrepared(request.document, request.version, engine.id))


async def embedding(
    studio: Studio, at: DocumentId, version: VersionId, engine: Engine, job: Job, lane: LaneClass
) -> Embedding:  # fmt: skip
    """What an engine computes of a version: from memory, from the document, or computed and kept there."""
    key = at, version, engine.digest()
    # A click never waits for the background, which waits for all other work.
    async with studio.once(at, version, f"embedding {key[2]} {lane.name}", job):
        if (known := studio.engines.recall(key)) is not None:
            return known
        document = studio.document(at)
        found = await job.side("disk", _kept, document, version, engine)
        if found is None:
            found = await _computed(studio, document, version, engine, job, lane)
        studio.engines.remember(key, found)
    return found


def _kept(document: Document, version: VersionId, engine: Engine) -> Embedding | None:
    """The embedding in the document, if it is of this engine."""
    known, arrays = document.version(version), document.embedding(version, engine.digest())
    if arrays is None:
        return None
    found = Embedding(engine.digest(), known.width, known.height, arrays)
    return found if is_usable(found, engine, known.width, known.height) else None


async def _computed(
    studio: Studio, document: Document, version: VersionId, engine: Engine, job: Job, lane: LaneClass
) -> Embedding:  # fmt: skip
    key = document.id, version, engine.digest()

    def checkpoint() -> None:
        job.checkpoint()
        if lane is LaneClass.BACKGROUND and studio.engines.recall(key) is not None:
            raise _AlreadyKnown

    if lane is LaneClass.INTERACTIVE:
        job.report(0.0, Message("regions.preparing", {"engine": engine.title}))
    pixels = await job.side("tiles", reduced, document, version)
    known = document.version(version)
    try:
        found = await job.run(engine.embed, pixels, checkpoint, lane=lane)
    except _AlreadyKnown:
        remembered = studio.engines.recall(key)
        assert remembered is not None, "it was there a moment ago"
        return remembered
    found = replace(found, width=known.width, height=known.height)
    if not found.costly:
        return found
    try:
        await job.shield("document", document.keep_embedding, version, found.engine, found.arrays)
    except UserError as e:  # a full disk: the selection itself needs no room
        log.info("An embedding was not kept: %s", e)
    return found


def reduced(document: Document, version: VersionId) -> Pixels:
    """A version as engines see it: H×W×3, uint8 or uint16, a stored reduction where it is large."""
    levels = document.manifest(version).levels
    at = max(k for k, level in enumerate(levels) if k == 0 or max(level.width, level.height) >= SEEN)
    pixels = document.reduced(version, at, Bounds(0, 0, levels[at].width, levels[at].height))
    if pixels.shape[2] == 3:
        return pixels
    return fill_transparent(pixels[..., :3], pixels[..., 3])


async def change(studio: Studio, request: ChangeRegion, job: Job) -> Region:
    """Change a region, or begin one. Raises UserError, and then nothing is changed; JobCancelled."""
    document = studio.document(request.document)
    version = document.version(request.version)
    read = partial(_read_part, document, request.version)
    if isinstance(request.change, Fit) and request.change.made_for is not None:
        versions = {v.id: v for v in document.card().versions}
        move = partial(carry.carried, _selected(request.region), versions, request.change.made_for, request.version)
        region = await job.run(move, lane=LaneClass.INTERACTIVE)
        job.emit(RegionReady(request.document, region))
        return region
    region = await job.run(
        changed, request.region, request.change, version, read, job.checkpoint, lane=LaneClass.INTERACTIVE
    )  # fmt: skip
    job.emit(RegionReady(request.document, region))
    return region


def _read_part(document: Document, version: VersionId, part: Bounds) -> Pixels:
    """A part of a version as it is seen: H×W×3, uint8 or uint16."""
    alpha = document.alpha(version)
    pixels = document.pixels(version, part)
    return pixels if alpha is None else fill_transparent(pixels, alpha[part.slices()])


def changed(
    region: Region | None,
    change: MaskChange,
    version: Version,
    read: Callable[[Bounds], Pixels],
    checkpoint: Callable[[], None],
) -> Region:
    """A region of a version after one change. read: pixels of the version, H×W×3 uint8 or uint16. Raises UserError."""
    width, height = version.width, version.height
    if isinstance(change, Fit):
        return masks.scaled(_selected(region), width, height)
    if region is not None and (region.width, region.height) != (width, height):
        raise UserError("regions.other_size", columns=region.width, rows=region.height, width=width, height=height)
    match change:
        case Paint(strokes):
            return masks.paint(region, strokes, width, height)
        case Lasso(points, how):
            return _combined(region, masks.lasso(points, width, height), how)
        case Combine(other, how):
            if (other.width, other.height) != (width, height):
                raise UserError(
                    "regions.other_size", columns=other.width, rows=other.height, width=width, height=height
                )  # fmt: skip
            return _combined(region, other, how)
        case Invert():
            return masks.invert(_selected(region))
        case Grow(by):
            return masks.grow(_selected(region), max(-GROW_MOST, min(by, GROW_MOST)))
        case Feather(by):
            return masks.feather(_selected(region), max(0, min(by, GROW_MOST)))
        case Refine(radius):
            return masks.refine(_selected(region), read, max(1, min(radius, REFINE_MOST)), checkpoint)


def _combined(region: Region | None, other: Region, how: str) -> Region:
    if how == "replace" or (region is None and how == "add"):
        return other
    work = {"add": masks.add, "subtract": masks.subtract, "intersect": masks.intersect}[how]
    return work(_selected(region), other)


def _selected(region: Region | None) -> Region:
    if region is None:
        raise UserError("regions.nothing_selected")
    return region


async def keep(studio: Studio, request: KeepRegion, job: Job) -> StoredRegion:
    """Keep a region in the document of a version. Raises UserError if it was made for another size."""
    document = studio.document(request.document)
    version = document.version(request.version)
    region = request.region
    if (region.width, region.height) != (version.width, version.height):
        raise UserError(
            "regions.other_size", columns=region.width, rows=region.height, width=version.width, height=version.height
        )
    thumbnail = await job.side("disk", _thumbnail, region)
    stored = await job.shield(
        "document", document.keep_region, region, request.name, request.version, thumbnail, request.engine,
        request.replaces,
    )  # fmt: skip
    _announce(document, job)
    return stored


def _thumbnail(region: Region) -> NDArray[np.uint8]:
    """H×W×3 uint8, white where it is selected."""
    return np.repeat(masks.thumbnail(region, THUMBNAIL)[..., None], 3, axis=2)


def _announce(document: Document, job: Job) -> None:
    card = document.card()
    job.emit(RegionsChanged(document.id, card.regions, card.unsaved))


async def edit(studio: Studio, request: EditRegion, job: Job) -> None:
    """Rename, delete or bring back a kept region. Raises UserError."""
    document = studio.document(request.document)
    await job.shield(
        "document", document.edit_region, request.region, name=request.name, deleted=request.deleted
    )  # fmt: skip
    _announce(document, job)


async def read(studio: Studio, request: ReadRegion, job: Job) -> Region:
    """A kept region with its mask, as it lies in a version. Raises UserError, also if nothing of it is left there."""
    region = await _kept_region(studio.document(request.document), request.region, request.version, job)
    job.emit(RegionReady(request.document, region, request.region))
    return region


async def _kept_region(document: Document, at: RegionId, version: VersionId, job: Job) -> Region:
    region = await job.side("disk", document.kept_region, at)
    card = document.card()
    [stored] = [one for one in card.regions if one.id == at]
    versions = {version.id: version for version in card.versions}
    return await job.side("disk", carry.carried, region, versions, stored.version, version)


async def import_region(studio: Studio, request: ImportRegion, job: Job) -> Region:
    """The region of a picture of a mask. Raises UserError if it has another size or is black."""
    version = studio.version(request.document, request.version)
    picture = await studio.read(request.path, job)
    region = await job.side("decode", masks.of_picture, picture, request.path.name, version.width, version.height)
    job.emit(RegionReady(request.document, region))
    return region


async def export_region(studio: Studio, request: ExportRegion, job: Job) -> None:
    """Write the mask of a region as a PNG file. Raises FileExists, UserError."""
    studio.document(request.document)
    await job.side("encode", _write, request.region, request.path, request.overwrite, job.commit)
    job.emit(RegionExported(request.document, request.path))


def _write(region: Region, path: Path, overwrite: bool, commit: Callable[[], None]) -> None:
    if path.exists() and not overwrite:
        raise FileExists("pictures.exists", name=path.name)
    file = masks.to_png(region)
    commit()
    try:
        write_atomically(path, file)
    except OSError as e:
        raise UserError("regions.not_written", path=str(path), detail=e.strerror or str(e)) from e


async def analyze(studio: Studio, request: AnalyzeRegion, job: Job) -> RegionAnalyzed:
    """Detect what is wrong with a part of a version and score it. Raises UserError, ModelMissing, JobCancelled."""
    version = studio.version(request.document, request.version)
    region = request.region
    if (region.width, region.height) != (version.width, version.height):
        raise UserError(
            "regions.other_size", columns=region.width, rows=region.height, width=version.width, height=version.height
        )
    pixels = (await studio.visible_pixels(request.document, request.version, job))[masks.core(region).slices()]
    detection = await studio.find(pixels, job)
    quality = await studio.score(pixels, job, detection)
    advice, text = rules.advise(detection), rules.advice_text(detection)
    analyzed = RegionAnalyzed(request.document, request.version, region, detection, quality, advice, text)
    job.emit(analyzed)
    return analyzed


def around_object(region: Region) -> Region:
    """The region of an object with its edge, which a mask rarely holds entirely."""
    return masks.grow(region, max(2, round(REMOVED_EDGE * max(region.width, region.height))))


async def remove_object(studio: Studio, request: RemoveObject, job: Job) -> Version | None:
    """Fill a region with its surroundings; as Studio.restore. Raises UserError, ModelMissing, JobCancelled."""
    grown = await job.run(around_object, request.region, lane=LaneClass.INTERACTIVE)
    params = RestoreParams("inpaint", region=grown)
    return await studio.restore(Restore(request.document, request.version, params, request.confirmed), job)
