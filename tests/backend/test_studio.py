"""The verbs, from an opened photo to a version, an export and a project."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import weakref
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import methods, pictures
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.backend.methods.registry import METHODS
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.restore import hardware
from clarity_desktop.backend.studio import LONG_SECONDS, Studio
from clarity_desktop.messages import (
    Advised,
    AnalysisFailed,
    AnalysisStarted,
    ApplyTransform,
    Assessed,
    Complete,
    Detected,
    Estimate,
    Estimated,
    Event,
    Exported,
    HeadMoved,
    Improve,
    JobCancelled,
    Offered,
    Opened,
    PixelsReady,
    PreviewReady,
    Progress,
    Repeat,
    Reset,
    Restore,
    Saved,
    SetStrength,
    TileDone,
    TilesReady,
    UserError,
    VersionAdded,
    VersionsChanged,
)
from clarity_desktop.settings import Settings
from clarity_desktop.text import english
from clarity_desktop.values import (
    Bounds,
    Crop,
    DocumentCard,
    DocumentId,
    ExportOptions,
    Finding,
    Flip,
    Pixels,
    Quality,
    Region,
    RestoreParams,
    Rotate,
    Step,
    Straighten,
    Turn,
    Version,
    VersionId,
    part_of,
)
from clarity_desktop.worker import Job
from tests.fakes import LASTING, SLOW, Recorder, detection

lanczos = METHODS["lanczos-2x"]  # before tests put others in place of the methods


@pytest.fixture
def file(tmp_path: Path, photo) -> Path:
    path = tmp_path / "scene.png"
    Image.fromarray(photo(200, 150)).save(path)
    return path


def opened(studio: Studio, recorder: Recorder, file: Path) -> DocumentCard:
    asyncio.run(studio.open(file, recorder.job()))
    return recorder.last(Opened).card


def restored(studio: Studio, recorder: Recorder, card: DocumentCard, **params):
    asked = Restore(card.id, card.head, RestoreParams(params.pop("task", "derain"), **params))
    return asyncio.run(studio.restore(asked, recorder.job()))


def test_opening_shows_a_preview_then_the_document_then_what_was_found(studio, recorder, file, photo) -> None:
    card = opened(studio, recorder, file)
    kinds = [type(n) for n in recorder.events if not isinstance(n, Progress)]
    assert kinds == [PreviewReady, Opened, AnalysisStarted, Detected, Assessed]
    assert card.title == "scene.png"
    assert [(v.width, v.height, v.parent) for v in card.versions] == [(200, 150, None)]
    assert np.array_equal(studio.document(card.id).pixels(card.head), photo(200, 150))


@pytest.mark.parametrize("strength", [1.0, 0.4])
@pytest.mark.parametrize("alpha", [False, True])
def test_upscaling_makes_a_larger_version(studio, recorder, photo, tmp_path, fresh_methods, strength, alpha) -> None:
    methods.METHODS["lanczos-2x"] = lanczos
    methods.all_methods.cache_clear()
    pixels = photo(60, 40)
    if alpha:
        seen = np.zeros((40, 60, 1), np.uint8)
        seen[10:30] = 255
        pixels = np.concatenate([pixels, seen], 2)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    card = opened(studio, recorder, tmp_path / "small.png")
    made = restored(studio, recorder, card, task="upscale", strength=strength)
    document = studio.document(card.id)
    assert (made.width, made.height, made.parent) == (120, 80, card.head)
    assert document.pixels(made.id).shape == (80, 120, 3)
    assert not [event for event in recorder.events if isinstance(event, TileDone)]
    opacity = document.alpha(made.id)
    assert opacity is None if not alpha else (opacity.shape == (80, 120) and 0.4 < opacity.mean() / 255 < 0.6)
    with pytest.raises(UserError):  # there is nothing of its size to blend it with
        asyncio.run(studio.set_strength(SetStrength(card.id, made.id, 0.5), recorder.job()))


def test_a_restoration_becomes_a_child_and_the_head_and_its_tiles_come_first(studio, recorder, file, photo) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    tiles = [n for n in recorder.events if isinstance(n, TileDone)]
    assert len(tiles) > 1
    assert recorder.events.index(tiles[-1]) < recorder.events.index(recorder.last(VersionAdded))
    document = studio.document(card.id)
    assert document.card().head == version.id
    assert version.parent == card.head
    wanted = np.rint(photo(200, 150) * 0.5)
    assert np.abs(document.pixels(version.id).astype(int) - wanted).max() <= 1
    assert version.step.method == "halves"
    assert {"tile", "overlap", "device", "dtype", "threads", "seed", "feather"} <= version.step.settings.keys()


def test_outside_a_region_every_pixel_stays(studio, recorder, file, photo) -> None:
    card = opened(studio, recorder, file)
    region = Region.rectangle(Bounds(20, 30, 50, 40), 200, 150)
    version = restored(studio, recorder, card, region=region)
    after = studio.document(card.id).pixels(version.id)
    assert np.array_equal(after[region.full() == 0], photo(200, 150)[region.full() == 0])
    assert not np.array_equal(after[region.full() > 0], photo(200, 150)[region.full() > 0])


def test_a_cancelled_run_at_less_than_full_strength_leaves_nothing(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    document, job = studio.document(card.id), recorder.job()
    tiles = stored_tiles(document)

    def cancel(event: Event) -> None:
        if isinstance(event, VersionsChanged):  # the full result is stored, and not blended yet
            job.cancel()

    asked = Restore(card.id, card.head, RestoreParams("derain", strength=0.5))
    with job.observing(cancel), pytest.raises(JobCancelled):
        asyncio.run(studio.restore(asked, job))
    assert [v.id for v in document.card().versions] == [card.head]
    assert stored_tiles(document) == tiles


def stored_tiles(document: Document) -> int:
    with document._store.reading() as db:
        return db.execute("SELECT count(*) FROM tile").fetchone()[0]


def test_a_repeated_step_gives_the_same_pixels(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    region = Region.rectangle(Bounds(10, 10, 90, 90), 200, 150)
    first = restored(studio, recorder, card, region=region, strength=0.7, feather=5)
    again = asyncio.run(studio.repeat(Repeat(card.id, card.head, first.id), recorder.job()))
    document = studio.document(card.id)
    assert again.id != first.id
    assert again.parent == card.head
    assert np.array_equal(document.pixels(again.id), document.pixels(first.id))


def test_a_feather_that_no_photo_has_is_not_believed(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    made = restored(studio, recorder, card, region=Region.rectangle(Bounds(10, 10, 90, 90), 200, 150))
    document = studio.document(card.id)
    step = replace(made.step, settings={**made.step.settings, "feather": 10**400})
    strange = document.add(card.head, step, document.pixels(made.id), thumbnail=made.thumbnail)
    again = asyncio.run(studio.repeat(Repeat(card.id, card.head, strange.id), recorder.job()))
    assert again.step.settings["feather"] == 0


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_the_rest_of_a_photo_is_restored_as_its_part_was_from_where_the_part_began(
    studio, recorder, file, strength
) -> None:
    card = opened(studio, recorder, file)
    region = Region.rectangle(Bounds(20, 30, 50, 40), 200, 150)
    part = restored(studio, recorder, card, region=region, strength=strength, feather=5)
    assert part_of(part) == Bounds(20, 30, 50, 40)
    whole = asyncio.run(studio.complete(Complete(card.id, part.id), recorder.job()))
    assert (whole.parent, whole.step.region, whole.step.strength) == (card.head, None, strength)
    assert part_of(whole) is None
    known = restored(studio, recorder, card, strength=strength)
    document = studio.document(card.id)
    assert np.array_equal(document.pixels(whole.id), document.pixels(known.id))
    with pytest.raises(UserError, match="No part was restored"):
        asyncio.run(studio.complete(Complete(card.id, whole.id), recorder.job()))


def test_parts_of_parts_and_changed_strengths_are_all_done_again_for_the_whole(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    region = Region.rectangle(Bounds(20, 30, 50, 40), 200, 150)
    first = restored(studio, recorder, card, region=region)
    weaker = asyncio.run(studio.set_strength(SetStrength(card.id, first.id, 0.5), recorder.job()))
    second = restored(studio, recorder, replace(card, head=weaker.id), region=region)
    last = asyncio.run(studio.complete(Complete(card.id, second.id), recorder.job()))
    before = studio.version(card.id, last.parent)
    assert (before.parent, before.step.strength, last.step.strength) == (card.head, 0.5, 1.0)


@pytest.mark.parametrize("stored", [None, "all", [1, 2, 3], [0, 0, 0, 5], [1, 2, 3, True], [-1, 0, 5, 5], [10**9] * 4])
def test_the_bounds_of_a_part_in_a_file_are_not_believed(studio, recorder, file, stored) -> None:
    card = opened(studio, recorder, file)
    made = restored(studio, recorder, card, region=Region.rectangle(Bounds(10, 10, 90, 90), 200, 150))
    step = replace(made.step, settings={**made.step.settings, "bounds": stored})
    assert part_of(replace(made, step=step)) is None


def test_the_original_cannot_be_repeated(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    with pytest.raises(UserError, match="Only restorations and adjustments"):
        asyncio.run(studio.repeat(Repeat(card.id, card.head, card.head), recorder.job()))


def test_a_cancelled_restoration_leaves_no_version(studio, recorder, file, monkeypatch) -> None:
    monkeypatch.setitem(methods.METHODS, LASTING.id, LASTING)
    card = opened(studio, recorder, file)

    async def story() -> None:
        job = recorder.job()
        running = asyncio.ensure_future(
            studio.restore(Restore(card.id, card.head, RestoreParams("denoise"), confirmed=True), job)
        )
        while not any(isinstance(n, TileDone) for n in recorder.events):
            await asyncio.sleep(0.01)
        job.cancel()
        with pytest.raises(JobCancelled):
            await running

    asyncio.run(story())
    assert len(studio.document(card.id).card().versions) == 1


def test_undo_redo_and_jump_move_the_head(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    heads = []
    for move in (lambda d: d.undo(), lambda d: d.redo(), lambda d: d.go_to(card.head)):
        asyncio.run(studio.move(card.id, move, recorder.job()))
        heads.append(recorder.last(HeadMoved).head)
    assert heads == [card.head, version.id, card.head]


CHANGES = {
    "undo": lambda studio, at, job: studio.move(at, lambda d: d.undo(), job),
    "edit": lambda studio, at, job: studio.edit(at, studio.document(at).card().head, job, star=True),
    "turn": lambda studio, at, job: studio.add_turn(at, Turn("user", "hello"), job),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_waits_for_the_disk_blocks_no_other_request(studio, recorder, file, change) -> None:
    card = opened(studio, recorder, file)
    restored(studio, recorder, card)
    job, events = recorder.job(), len(recorder.events)
    [store] = studio.folder.glob("*.store")

    async def story() -> None:
        with closing(sqlite3.connect(store, isolation_level=None)) as busy:
            busy.execute("BEGIN IMMEDIATE")  # as a disk that does not answer
            running = asyncio.ensure_future(change(studio, card.id, job))
            for _ in range(20):  # the event loop goes on
                await asyncio.sleep(0.005)
            assert not running.done()
            job.cancel()  # too late: what is being written is written, and its event follows
            busy.execute("ROLLBACK")
        await running

    asyncio.run(story())
    assert len(recorder.events) == events + 1


def test_a_head_that_moves_while_its_tiles_are_listed_is_reported_as_it_is_then(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    document = studio.document(card.id)
    read = document.manifest

    def moved_meanwhile(at: VersionId) -> object:
        document.manifest = read
        document.go_to(version.id)
        return read(at)

    document.manifest = moved_meanwhile
    asyncio.run(studio.move(card.id, lambda d: d.undo(), recorder.job()))
    assert recorder.last(HeadMoved).head == recorder.last(HeadMoved).manifest.version == version.id


@pytest.mark.parametrize(
    ("transform", "size"),
    [(Crop(Bounds(10, 20, 100, 50)), (100, 50)), (Rotate(1), (150, 200)), (Flip("horizontal"), (200, 150))],
)
def test_a_change_of_geometry_is_a_version(studio, recorder, file, transform, size) -> None:
    card = opened(studio, recorder, file)
    version = asyncio.run(studio.change(ApplyTransform(card.id, card.head, transform), recorder.job()))
    assert (version.width, version.height) == size
    assert studio.document(card.id).pixels(version.id).shape == (size[1], size[0], 3)


def test_straightening_cuts_empty_corners_away(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    version = asyncio.run(studio.change(ApplyTransform(card.id, card.head, Straighten(5.0)), recorder.job()))
    assert version.width < 200
    assert studio.document(card.id).pixels(version.id).min() > 0


@pytest.mark.parametrize("verb", ["change", "reset"])
def test_reading_a_version_from_a_slow_disk_can_be_cancelled(studio, recorder, file, verb) -> None:
    card, job = opened(studio, recorder, file), recorder.job()
    document, reading, gate = studio.document(card.id), threading.Event(), threading.Event()
    read = document.alpha

    def slow(version: VersionId) -> object:
        reading.set()
        assert gate.wait(60)
        return read(version)

    document.alpha = slow
    request = ApplyTransform(card.id, card.head, Rotate(1)) if verb == "change" else Reset(card.id, card.head)

    async def cancelled() -> None:
        running = asyncio.ensure_future(getattr(studio, verb)(request, job))
        await asyncio.to_thread(reading.wait, 30)
        job.cancel()
        with pytest.raises(JobCancelled):
            await asyncio.wait_for(running, 30)

    try:
        asyncio.run(cancelled())
    finally:
        gate.set()
    assert len(document.card().versions) == 1


def test_reset_is_a_new_version_that_looks_like_the_original(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    restored(studio, recorder, card)
    head = studio.document(card.id).card().head
    version = asyncio.run(studio.reset(Reset(card.id, head), recorder.job()))
    document = studio.document(card.id)
    assert version.parent == head
    assert np.array_equal(document.pixels(version.id), document.pixels(card.head))


def test_deleting_the_head_moves_it_and_can_be_taken_back(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    asyncio.run(studio.edit(card.id, version.id, recorder.job(), deleted=True))
    assert recorder.last(HeadMoved).head == card.head
    assert [v.deleted for v in recorder.last(VersionsChanged).versions] == [False, True]
    asyncio.run(studio.edit(card.id, version.id, recorder.job(), deleted=False))
    assert [v.deleted for v in recorder.last(VersionsChanged).versions] == [False, False]


def test_tiles_come_in_the_order_wanted(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    hashes = recorder.last(Opened).manifest.levels[0].tiles
    asyncio.run(studio.read_tiles(card.id, hashes, recorder.job()))
    assert tuple(h for h, _ in recorder.last(TilesReady).tiles) == hashes


def test_the_clipboard_gets_srgb_in_eight_bits(studio, recorder, file, photo) -> None:
    card = opened(studio, recorder, file)
    asyncio.run(studio.read_pixels(card.id, card.head, recorder.job()))
    assert np.array_equal(recorder.last(PixelsReady).pixels, photo(200, 150))


def versions(studio: Studio, card: DocumentCard) -> int:
    return len(studio.document(card.id).card().versions)


def test_a_long_restoration_is_offered_and_runs_once_it_is_confirmed(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    request = Restore(card.id, card.head, RestoreParams("denoise", visible=Bounds(10, 10, 60, 50)))
    assert asyncio.run(studio.restore(request, recorder.job())) is None
    offered = recorder.last(Offered)
    assert offered.request == request
    assert offered.megapixels == pytest.approx(0.03)
    assert offered.part_seconds < offered.seconds / 4
    assert offered.seconds > LONG_SECONDS
    assert versions(studio, card) == 1
    made = asyncio.run(studio.restore(replace(request, confirmed=True), recorder.job()))
    assert studio.document(card.id).card().head == made.id


@pytest.mark.parametrize("visible", [None, Bounds(0, 0, 200, 150)])
def test_no_part_is_offered_where_all_is_visible(studio, recorder, file, visible) -> None:
    card = opened(studio, recorder, file)
    asyncio.run(studio.restore(Restore(card.id, card.head, RestoreParams("denoise", visible=visible)), recorder.job()))
    assert recorder.last(Offered).part_seconds is None


def test_a_region_is_estimated_by_its_own_size(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    small = RestoreParams("denoise", region=Region.rectangle(Bounds(20, 20, 20, 20), 200, 150))
    assert asyncio.run(studio.offer(Restore(card.id, card.head, small), recorder.job())) is None
    large = replace(small, region=Region.rectangle(Bounds(0, 0, 190, 150), 200, 150))
    assert asyncio.run(studio.offer(Restore(card.id, card.head, large), recorder.job())) is not None


def test_repeating_a_long_step_is_offered_too(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    slow = Restore(card.id, card.head, RestoreParams("denoise"), confirmed=True)
    made = asyncio.run(studio.restore(slow, recorder.job()))
    hardware.remember(SLOW, ComputeTarget(threads=made.step.settings["threads"]), 1000.0, 1_000_000.0)
    request = Repeat(card.id, card.head, made.id)
    assert asyncio.run(studio.repeat(request, recorder.job())) is None
    assert recorder.last(Offered).request == request
    assert asyncio.run(studio.repeat(replace(request, confirmed=True), recorder.job())).parent == card.head


def test_a_long_auto_is_offered_by_what_was_found(studio, recorder, detector, file) -> None:
    detector.finds = lambda _: detection({"noise": Finding(0.9, 0.7)})
    card = opened(studio, recorder, file)
    request = Improve(card.id, card.head)
    assert asyncio.run(studio.ask_first(request, recorder.job()))
    assert recorder.last(Offered).request == request
    assert recorder.last(Offered).tasks == ("denoise",)
    assert not asyncio.run(studio.ask_first(replace(request, confirmed=True), recorder.job()))


def test_an_estimate_grows_with_the_photo_and_names_the_method(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    estimates = []
    for bounds in (None, Bounds(0, 0, 50, 50)):
        asyncio.run(studio.emit_estimate(Estimate(card.id, card.head, "denoise", bounds=bounds), recorder.job()))
        estimates.append(recorder.last(Estimated))
    assert estimates[0].method == "slow"
    assert estimates[0].seconds > estimates[1].seconds > 0


def test_export_writes_a_file_and_never_the_source(studio, recorder, file, tmp_path) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    target = tmp_path / "out.png"
    asyncio.run(studio.export(card.id, version.id, ExportOptions(target, exists="overwrite"), recorder.job()))
    assert recorder.last(Exported).path == target
    with Image.open(target) as written:
        assert written.size == (200, 150)
    before = file.read_bytes()
    with pytest.raises(UserError):
        asyncio.run(studio.export(card.id, version.id, ExportOptions(file), recorder.job()))
    assert file.read_bytes() == before


def test_an_export_says_what_the_file_lacks(studio, recorder, tmp_path, photo) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.dstack([photo(64, 48, depth=16), np.full((48, 64), 30_000, np.uint16)]))
    card = opened(studio, recorder, path)
    options = ExportOptions(tmp_path / "out.jpg", "jpeg")
    asyncio.run(studio.export(card.id, card.head, options, recorder.job()))
    before = asyncio.run(studio.estimate_size(card.id, card.head, options, recorder.job()))
    after = recorder.last(Exported)
    assert [loss.key for loss in after.losses] == ["pictures.lost_alpha", "pictures.lost_depth"]
    assert (before.losses, before.size) == (after.losses, after.size)


def test_nothing_is_kept_of_a_document_that_was_closed_during_its_analysis(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)

    class ClosingJob(Job):
        async def run(self, work, *args, **kwargs):
            result = await super().run(work, *args, **kwargs)
            if card.id in studio._documents:
                await studio.close_document(card.id, recorder.job())
            return result

    version = restored(studio, recorder, card)
    studio._distances.clear()
    job = ClosingJob(recorder.events.append, recorder.lane, recorder.pools)
    with pytest.raises(UserError):
        asyncio.run(studio._distance(card.id, version.id, job, None))
    assert not studio._distances
    assert not studio._commits


class HeldJob(Job):
    """Stops where its result is about to get its name, until the gate opens."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder.events.append, recorder.lane, recorder.pools)
        self.written, self.gate = threading.Event(), threading.Event()

    def commit(self) -> None:
        self.written.set()
        assert self.gate.wait(30)
        super().commit()


@pytest.mark.parametrize("verb", ["export", "save_project"])
def test_a_cancelled_export_ends_at_once_and_leaves_no_file(studio, recorder, file, tmp_path, verb) -> None:
    card, job = opened(studio, recorder, file), HeldJob(recorder)
    folder = tmp_path / "out"
    folder.mkdir()

    async def story() -> None:
        if verb == "export":
            work = studio.export(card.id, card.head, ExportOptions(folder / "out.png"), job)
        else:
            work = studio.save_project(card.id, folder / "scene.clarity", job)
        running = asyncio.ensure_future(work)
        await asyncio.to_thread(job.written.wait, 5)
        job.cancel()
        with pytest.raises(JobCancelled):
            await running
        job.gate.set()

    asyncio.run(story())
    recorder.pools.close()
    assert list(folder.iterdir()) == []
    assert not any(isinstance(e, Exported | Saved) for e in recorder.events)


def test_an_export_that_has_got_its_name_is_reported_though_it_is_cancelled_then(
    studio, recorder, file, tmp_path
) -> None:
    card = opened(studio, recorder, file)

    class CancelledTooLate(Job):
        def commit(self) -> None:
            super().commit()
            self.cancel()

    job = CancelledTooLate(recorder.events.append, recorder.lane, recorder.pools)
    asyncio.run(studio.export(card.id, card.head, ExportOptions(tmp_path / "out.png"), job))
    assert recorder.last(Exported).path.is_file()


class Unclosable:
    """In the place of a document."""

    def close(self, *, keep: bool) -> None:
        raise OSError("the file cannot be closed")


def test_closing_ends_everything_though_a_document_cannot_be_closed(studio, recorder, file, tmp_path) -> None:
    studio._documents["first"] = Unclosable()
    card = opened(studio, recorder, file)
    with pytest.raises(OSError, match="cannot be closed"):
        studio.close()
    assert not (tmp_path / "documents" / f"{card.id}.store").exists(), "it was closed, and there was nothing to keep"
    with pytest.raises(UserError, match="closing"):
        asyncio.run(studio.read(file, recorder.job()))


def test_a_saved_project_opens_with_all_its_versions(studio, recorder, file, tmp_path) -> None:
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    pixels = studio.document(card.id).pixels(version.id)
    project = tmp_path / "scene.clarity"
    asyncio.run(studio.save_project(card.id, project, recorder.job()))
    assert recorder.last(Saved).path == project
    again = opened(studio, recorder, project)
    assert [v.name for v in again.versions] == [v.name for v in studio.document(card.id).card().versions]
    assert np.array_equal(studio.document(again.id).pixels(again.head), pixels)


def test_a_closed_document_answers_with_a_sentence(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    asyncio.run(studio.close_document(card.id, recorder.job()))
    with pytest.raises(UserError, match="no longer open"):
        studio.document(card.id)


def test_an_unknown_task_or_method_is_reported_before_anything_runs(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    for params in ({"task": "fly"}, {"method": "unknown"}, {"method": "slow"}, {"task": "upscale"}):
        with pytest.raises(UserError):
            restored(studio, recorder, card, **params)
    assert len(studio.document(card.id).card().versions) == 1


# Looking --------------------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_found_once_and_kept_in_the_project(studio, recorder, detector, file, tmp_path) -> None:
    detector.finds = lambda _: detection({"haze": Finding(0.8, 0.5)})
    card = opened(studio, recorder, file)
    asyncio.run(studio.detect(card.id, card.head, recorder.job()))
    assert len(detector.asked) == 1
    asyncio.run(studio.save_project(card.id, tmp_path / "a.clarity", recorder.job()))
    again = opened(studio, recorder, tmp_path / "a.clarity")
    assert len(detector.asked) == 1
    assert again.versions[0].detection.found["haze"] == Finding(0.8, 0.5)
    assert recorder.last(Detected).document == again.id


def test_results_of_another_release_are_computed_again_and_further_metrics_stay(
    studio, recorder, detector, scorer, file, tmp_path
) -> None:
    card = opened(studio, recorder, file)
    scored = studio.version(card.id, card.head).quality
    studio.document(card.id).set_quality(card.head, replace(scored, piqe=99.0, more={"musiq": 51.0}))
    asyncio.run(studio.save_project(card.id, tmp_path / "a.clarity", recorder.job()))
    scorer.release = "scores 2"
    again = opened(studio, recorder, tmp_path / "a.clarity")
    assert again.versions[0].quality is None
    assert (len(detector.asked), recorder.last(Assessed).quality.piqe) == (1, scored.piqe)
    assert studio.version(again.id, again.head).quality.more == {"musiq": 51.0}
    detector.release = "detector 2"
    assert opened(studio, recorder, tmp_path / "a.clarity").versions[0].detection is None
    assert len(detector.asked) == 2


def test_scores_without_a_detector_are_computed_again_once_it_is_installed(
    studio, recorder, detector, file, tmp_path, monkeypatch
) -> None:
    def absent(_: object) -> None:
        raise UserError("The detector's file is missing. Install the program again.")

    with monkeypatch.context() as patch:
        patch.setattr(detector, "finds", absent)
        card = opened(studio, recorder, file)
        assert studio.version(card.id, card.head).quality is not None
        asyncio.run(studio.save_project(card.id, tmp_path / "a.clarity", recorder.job()))
    assert opened(studio, recorder, tmp_path / "a.clarity").versions[0].quality is None
    assert recorder.last(Assessed).quality.overall != studio.version(card.id, card.head).quality.overall


def test_advice_runs_nothing(studio, recorder, detector, file) -> None:
    detector.finds = lambda _: detection({"rain streak": Finding(0.8, 0.5)})
    card = opened(studio, recorder, file)
    asyncio.run(studio.advise(card.id, card.head, recorder.job()))
    advised = recorder.last(Advised)
    assert [a.task for a in advised.advice] == ["derain"]
    assert "Auto can treat rain streaks." in english(advised.text)
    assert len(studio.document(card.id).card().versions) == 1


def test_a_new_version_is_painted_before_it_is_analyzed(studio, recorder, detector, file) -> None:
    card = opened(studio, recorder, file)
    recorder.events.clear()
    restored(studio, recorder, card)
    kinds = [type(n) for n in recorder.events if isinstance(n, VersionAdded | Detected | Assessed)]
    assert kinds == [VersionAdded, Detected, Assessed]


def test_of_versions_in_quick_succession_only_the_newest_is_analyzed(studio, recorder, detector, file) -> None:
    card = opened(studio, recorder, file)
    recorder.events.clear()

    async def story() -> None:
        turns = (studio.change(ApplyTransform(card.id, card.head, Rotate(1)), recorder.job()) for _ in range(3))
        await asyncio.gather(*turns)

    asyncio.run(story())
    newest = [n.version.id for n in recorder.events if isinstance(n, VersionAdded)][-1]
    looked = [n.version for n in recorder.events if isinstance(n, Detected)]
    assert newest in looked
    assert len(looked) < 3


def test_a_failing_automatic_analysis_stops_nothing_else(studio, recorder, detector, file) -> None:
    def broken(_: object) -> None:
        raise UserError("The detector's file is missing. Install the program again.")

    detector.finds = broken
    card = opened(studio, recorder, file)
    restored(studio, recorder, card)
    assert len([n for n in recorder.events if isinstance(n, Assessed)]) == 2
    with pytest.raises(UserError, match="detector's file"):
        asyncio.run(studio.detect(card.id, card.head, recorder.job()))


def test_a_look_that_breaks_undoes_no_version_and_is_logged(studio, recorder, scorer, file, caplog) -> None:
    def broken(*_: object) -> None:
        raise MemoryError

    scorer.scores = broken
    card = opened(studio, recorder, file)
    version = restored(studio, recorder, card)
    assert studio.document(card.id).card().head == version.id
    assert [r.getMessage() for r in caplog.records if r.exc_info] == ["The quality of a new version failed"] * 2
    with pytest.raises(MemoryError):
        asyncio.run(studio.assess(card.id, version.id, recorder.job()))


class LeavingDocument:
    """A document whose user goes back to the original as soon as a version is committed, before it is announced."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)

    def add(self, *args: Any, **kwargs: Any) -> Version:
        added = self._document.add(*args, **kwargs)
        self._document.undo()
        return added


class LeavingStudio(Studio):
    def document(self, at: DocumentId) -> Any:
        return LeavingDocument(super().document(at))


def test_a_head_that_moved_before_its_version_was_announced_is_what_is_reported_last(
    plain_methods, recorder, detector, scorer, file, tmp_path
) -> None:
    with closing(
        LeavingStudio(Settings(), tmp_path / "documents", detector=detector, scorer=scorer, models=ModelCache())
    ) as studio:
        card = opened(studio, recorder, file)
        restored(studio, recorder, card)
        heads = [event for event in recorder.events if isinstance(event, VersionAdded | HeadMoved)]
        assert isinstance(heads[0], VersionAdded)
        assert isinstance(heads[-1], HeadMoved)
        assert heads[-1].head == studio.document(card.id).card().head == card.head
        assert heads[-1].redo_to == heads[0].version.id


class WatchedDocument:
    """A document that notes whose pixels are read."""

    def __init__(self, document: Document, read: list[tuple[VersionId, weakref.ref]]) -> None:
        self._document, self._read = document, read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._document, name)

    def pixels(self, version: VersionId) -> Pixels:
        found = self._document.pixels(version)
        self._read.append((version, weakref.ref(found)))
        return found


class WatchedStudio(Studio):
    """Its documents note whose pixels are read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reads: list[tuple[VersionId, weakref.ref]] = []

    def document(self, at: DocumentId) -> Any:
        return WatchedDocument(super().document(at), self.reads)


def test_a_new_version_is_analyzed_as_it_lies_in_memory_and_no_other_copy_does(
    plain_methods, recorder, detector, scorer, file, tmp_path
) -> None:
    scores = scorer.scores
    copies: list[list[VersionId]] = []
    with closing(
        WatchedStudio(Settings(), tmp_path / "documents", detector=detector, scorer=scorer, models=ModelCache())
    ) as studio:

        def counted(*args: object) -> Quality:
            copies.append([version for version, known in studio.reads if known() is not None])
            return scores(*args)

        scorer.scores = counted
        card = opened(studio, recorder, file)
        restored(studio, recorder, card)
    assert copies == [[], []]
    assert [version for version, _ in studio.reads] == [card.head, card.head], "to be restored and to be compared with"


def failures(recorder: Recorder) -> list[tuple[str, str]]:
    return [(e.part, english(e.text)) for e in recorder.events if isinstance(e, AnalysisFailed)]


def test_what_fails_in_an_analysis_is_an_event_for_each_part(studio, recorder, detector, scorer, file) -> None:
    def absent(_: object) -> None:
        raise UserError("The detector's file is missing. Install the program again.")

    def broken(*_: object) -> None:
        raise MemoryError

    detector.finds, scorer.scores = absent, broken
    opened(studio, recorder, file)
    assert failures(recorder) == [
        ("detection", "The detector's file is missing. Install the program again."),
        ("quality", "Analysis failed. See the log for details."),
    ]


def test_a_cancelled_analysis_is_an_event_and_the_version_stays(studio, recorder, detector, file) -> None:
    job = recorder.job()

    def cancelled(_: object) -> None:
        job.cancel()
        job.check()

    detector.finds = cancelled
    with pytest.raises(JobCancelled):
        asyncio.run(studio.open(file, job))
    card = recorder.last(Opened).card
    assert [part for part, _ in failures(recorder)] == ["detection", "quality"]
    assert len(studio.document(card.id).card().versions) == 1


def test_two_jobs_that_need_the_same_analysis_make_it_once(studio, recorder, detector, scorer, file) -> None:
    card, scores, scored = opened(studio, recorder, file), scorer.scores, list[int]()

    def counted(*args: object) -> Quality:
        scored.append(1)
        return scores(*args)

    scorer.scores = counted
    made = asyncio.run(studio.change(ApplyTransform(card.id, card.head, Rotate(1)), recorder.job()))
    asked = len(detector.asked), len(scored)

    async def story() -> None:
        jobs = [recorder.job() for _ in range(3)]
        await asyncio.gather(*(studio.assess(card.id, made.id, job) for job in jobs))

    studio.document(card.id).set_quality(made.id, None)
    asyncio.run(story())
    assert (len(detector.asked), len(scored)) == (asked[0], asked[1] + 1)


def test_a_version_that_was_left_before_its_analysis_is_analyzed_when_it_is_shown(
    studio, recorder, detector, file
) -> None:
    card = opened(studio, recorder, file)
    document = studio.document(card.id)
    thumbnail = document.card().versions[0].thumbnail
    made = document.add(card.head, Step("flip"), document.pixels(card.head), thumbnail=thumbnail)
    before = len(detector.asked)
    asyncio.run(studio.analyze_head(card.id, recorder.job()))
    asyncio.run(studio.analyze_head(card.id, recorder.job()))
    assert recorder.last(AnalysisStarted).version == made.id
    assert recorder.last(Assessed).version == made.id
    assert len(detector.asked) == before + 1


def test_loaded_networks_are_listed_and_can_be_unloaded(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    restored(studio, recorder, card)
    assert [m.id for m in studio.loaded_models().models] == ["halves"]
    loading = [e.note for e in recorder.events if isinstance(e, Progress) and "Loading" in english(e.note)]
    assert [english(note) for note in loading] == ["Loading Halving…"]
    assert studio.unload("halves").models == ()


def test_further_metrics_follow_where_they_are_switched_on(studio, recorder, scorer, file) -> None:
    def measure(name: str, pixels: np.ndarray) -> float:
        if name == "dbcnn":
            raise UserError("dbcnn cannot be used here.")
        return float(pixels.shape[1])

    scorer.measures = measure
    studio.settings = replace(studio.settings, metrics=("musiq", "dbcnn"))
    card = opened(studio, recorder, file)
    first, then = [n.quality for n in recorder.events if isinstance(n, Assessed)]
    assert (first.more, then.more) == ({}, {"musiq": 200.0})
    assert then.piqe == first.piqe
    assert english(then.why["dbcnn"]) == "dbcnn cannot be used here."
    studio.settings = replace(studio.settings, metrics=())
    asyncio.run(studio.assess(card.id, card.head, recorder.job()))
    assert recorder.last(Assessed).quality.more == {}


def test_scores_by_our_own_parameters_are_renewed_once_the_authors_are_there(studio, recorder, scorer, file) -> None:
    scorer.stale = lambda _: False
    card = opened(studio, recorder, file)
    studio.document(card.id).set_quality(card.head, Quality(brisque=7.0, bundled=("brisque",), more={"musiq": 51.0}))
    asyncio.run(studio.assess(card.id, card.head, recorder.job()))
    assert recorder.last(Assessed).quality.brisque == 7, "ours are all there is"
    scorer.stale = lambda quality: bool(quality.bundled)
    asyncio.run(studio.assess(card.id, card.head, recorder.job()))
    assert recorder.last(Assessed).quality.brisque != 7
    assert studio.version(card.id, card.head).quality.more == {"musiq": 51.0}


def test_scores_come_with_the_distance_from_the_photo_as_it_was_opened(studio, recorder, file, photo) -> None:
    card = opened(studio, recorder, file)
    assert recorder.last(Assessed).distance is None
    version = restored(studio, recorder, card)
    found = recorder.last(Assessed).distance
    half = np.rint(photo(200, 150) * 0.5)
    assert found.psnr == pytest.approx(10 * np.log10(255**2 / np.mean((photo(200, 150) - half) ** 2)), abs=0.1)
    assert 0 < found.ssim < 1
    asyncio.run(studio.change(ApplyTransform(card.id, version.id, Flip("horizontal")), recorder.job()))
    assert recorder.last(Assessed).distance is None
    asyncio.run(studio.reset(Reset(card.id, version.id), recorder.job()))
    assert (recorder.last(Assessed).distance.psnr, recorder.last(Assessed).distance.ssim) == (None, 1.0)


def test_broken_metadata_of_a_project_never_reaches_the_program(studio, recorder, file, tmp_path) -> None:
    """Its profile would go to lcms2 and to Qt; a photo's own was tried in the decoder when it was read."""
    card = opened(studio, recorder, file)
    project = tmp_path / "a.clarity"
    asyncio.run(studio.save_project(card.id, project, recorder.job()))
    asyncio.run(studio.close_document(card.id, recorder.job()))
    broken = {"icc": b"\xff" * 300, "exif": b"Exif\0\0XX*", "xmp": b"<x/>", "iptc": b"\x1c\x02"}
    with closing(sqlite3.connect(project)) as db, db:
        for name, block in broken.items():
            db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", (name, block))
    again = opened(studio, recorder, project)
    assert (again.icc, again.profile) == (None, "sRGB")
    picture = studio.document(again.id).picture(again.head)
    assert (picture.exif, picture.xmp, picture.iptc) == (None, b"<x/>", b"\x1c\x02")
    notes = [english(note) for note in again.notes]
    assert "The photo's color profile is broken and was ignored." in notes
    assert "The photo's EXIF data is broken and was left out." in notes
    assert not again.unsaved


def test_a_block_that_kills_the_decoder_is_broken_and_the_decoder_goes_on(tmp_path) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        "import sys, os; sys.path.insert(0, sys.argv[1])\n"
        "from clarity_desktop.backend.pictures import decode\n"
        "def answer(request):\n"
        "    if request.get('block') == 'icc': os.abort()\n"
        "    return decode.answer(request)\n"
        "decode.serve(os.fdopen(0, 'rb'), os.fdopen(os.dup(1), 'wb'), answer)\n"
    )
    decoder = pictures.Decoder(command=[sys.executable, str(script), str(Path(__file__).parents[2])])
    assert not decoder.is_intact("icc", b"profile")
    assert decoder.is_intact("xmp", b"<x/>")
    assert not decoder.is_intact("exif", b"nothing")
    decoder.close()


def test_what_is_known_of_a_document_goes_when_it_is_closed(studio, recorder, file) -> None:
    card = opened(studio, recorder, file)
    asyncio.run(studio.assess(card.id, card.head, recorder.job()))
    kept = [value for value in vars(studio).values() if isinstance(value, dict) and str(card.id) in repr(value.keys())]
    assert kept  # the document, and how far its versions are from the original
    asyncio.run(studio.close_document(card.id, recorder.job()))
    assert str(card.id) not in repr([value for value in vars(studio).values() if isinstance(value, dict)])


def test_an_exported_file_that_vanishes_at_once_is_an_error(studio, recorder, file, tmp_path, monkeypatch) -> None:
    card = opened(studio, recorder, file)
    target, replace_file = tmp_path / "out.png", Path.replace

    def replaced_and_removed(path: Path, to: Path) -> Path:
        moved = replace_file(path, to)
        if Path(to) == target:
            target.unlink()
        return moved

    monkeypatch.setattr(Path, "replace", replaced_and_removed)
    with pytest.raises(UserError, match="another program removed it"):
        asyncio.run(studio.export(card.id, card.head, ExportOptions(target, exists="overwrite"), recorder.job()))
