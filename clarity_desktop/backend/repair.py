"""The verb that repairs an old photo: fill its marks, reduce its grain, correct its fading; each step is a version."""

from __future__ import annotations

from clarity_desktop.backend import old_photo
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import Adjust, Notice, RepairOldPhoto, Restore, UserError
from clarity_desktop.text import Message, enumeration
from clarity_desktop.values import Mask, Region, RestoreParams, Version
from clarity_desktop.worker import Job, LaneClass

GRAIN_STRENGTH = 0.6
"""Some grain stays: without it old faces look like wax."""
MOST = 0.35
"""A larger share of the photo is not filled: it would be invented."""


async def repair_old_photo(studio: Studio, request: RepairOldPhoto, job: Job) -> Version | None:
    """Repair what is found in a version; returns the last version made, None if nothing had to be done.

    What is finished stays when it is cancelled. Raises UserError, ModelMissing, JobCancelled.
    """
    if await studio.ask_first(request, job):
        return None
    document, made = request.document, studio.version(request.document, request.version)
    first, done = made.id, list[Message]()
    with job.part(1, 3):
        job.report(0.0, Message("repair.looking"))
        pixels = await studio.visible_pixels(document, made.id, job)
        marks = await job.run(studio.mark_finder.find, pixels, job.checkpoint, lane=LaneClass.ANALYSIS)
        share = 0.0 if marks is None else float((marks > 0).mean())
        noise = await job.run(old_photo.grain, pixels, lane=LaneClass.ANALYSIS)
        del pixels
        if share > MOST:
            job.emit(Notice(Message("repair.too_much", {"percent": round(100 * share)})))
            marks = None
        elif marks is not None:
            params = RestoreParams("inpaint", region=Region.of(marks))
            made = await studio.restore_now(Restore(document, made.id, params), job)
            done.append(Message("repair.filled", {"percent": max(1, round(100 * share))}))
    with job.part(2, 3):
        if noise > old_photo.GRAIN:
            params = RestoreParams("denoise", strength=GRAIN_STRENGTH)
            made = await studio.restore_now(Restore(document, made.id, params), job)
            done.append(Message("repair.grain"))
    with job.part(3, 3):
        made = await _unfade(studio, request, made, marks, done, job)
    if not done:
        raise UserError("repair.nothing")
    job.emit(Notice(Message("repair.done", {"steps": enumeration(done)})))
    return made if made.id != first else None


async def _unfade(
    studio: Studio, request: RepairOldPhoto, made: Version, marks: Mask | None, done: list[Message], job: Job
) -> Version:  # fmt: skip
    pixels = await studio.visible_pixels(request.document, made.id, job)
    settings = await job.run(old_photo.unfade, pixels, marks, lane=LaneClass.ANALYSIS)
    del pixels
    if settings is None:
        return made
    made = await studio.adjust(Adjust(request.document, made.id, settings), job)
    done.append(Message("repair.fading"))
    return made
