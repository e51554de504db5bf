"""The document: its tree of versions, its tiles, and what it promises while several threads use it."""

from __future__ import annotations

import gc
import secrets
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from clarity_desktop.backend.document import Document, ModelVersions, recoveries, reduced
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.values import TILE, Bounds, Finding, Picture, Quality, Region, Step, Turn, Version, VersionId
from tests.fakes import detection

Photo = Callable[..., np.ndarray]
STEP = Step("restore", task="denoise", method="median", strength=0.5, settings={"tile": 256, "seed": 7})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def document(folder: Path, photo: Photo) -> Iterator[Document]:
    """A document of one 700×520 photo."""
    opened = Document.create(folder, Picture(photo(700, 520), path=Path("/photos/cat.jpg")), "cat.jpg")
    yield opened
    opened.close(keep=True)


def head(document: Document) -> VersionId:
    return document.card().head


def add(document: Document, pixels: np.ndarray, parent: VersionId | None = None, **more) -> Version:
    return document.add(parent or head(document), more.pop("step", STEP), pixels, thumbnail=reduced(pixels), **more)


def stored(document: Document, folder: Path) -> int:
    with closing(sqlite3.connect(folder / f"{document.id}.store")) as db:
        return db.execute("SELECT count(*) FROM tile").fetchone()[0]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: how a full disk looks to whoever writes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Pixels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (256, 256), (257, 1), (700, 520), (1025, 770)])
@pytest.mark.parametrize("depth", [8, 16])
def test_pixels_and_alpha_come_back_bit_for_bit(folder: Path, photo: Photo, size: tuple[int, int], depth: int) -> None:
    pixels = photo(*size, depth=depth)
    picture = Picture(pixels, alpha=np.ascontiguousarray(pixels[..., 1]), icc=b"profile", exif=b"exif", profile="P3")
    document = Document.create(folder, picture, "a")
    found = document.picture(head(document))
    document.close(keep=True)
    assert found.pixels.dtype == pixels.dtype
    assert np.array_equal(found.pixels, pixels)
    assert np.array_equal(found.alpha, pixels[..., 1])
    assert (found.icc, found.exif, found.xmp, found.profile) == (b"profile", b"exif", None, "P3")


def test_pixels_that_are_handed_out_are_read_only(document: Document) -> None:
    manifest = document.manifest(head(document))
    [(_, tile)] = document.tiles(manifest.levels[0].tiles[:1])
    assert not tile.flags.writeable
    assert not document.pixels(head(document)).flags.writeable


def test_a_part_of_the_pixels_is_that_part(document: Document, photo: Photo) -> None:
    part = document.pixels(head(document), Bounds(250, 255, 300, 200))
    assert np.array_equal(part, photo(700, 520)[255:455, 250:550])


@pytest.mark.parametrize("depth", [8, 16])
def test_each_level_is_the_area_average_of_the_one_below(folder: Path, photo: Photo, depth: int) -> None:
    document = Document.create(folder, Picture(photo(1025, 771, depth=depth)), "a")
    manifest = document.manifest(head(document))
    arrays = []
    for level in manifest.levels:
        array = np.zeros((level.height, level.width, 3), np.float64)
        for index, (_, tile) in enumerate(document.tiles(level.tiles)):
            array[level.bounds(index).slices()] = tile
        arrays.append(array)
    document.close(keep=True)
    assert [(x.shape[1], x.shape[0]) for x in arrays] == [(1025, 771), (513, 386), (257, 193), (129, 97)]
    for below, level in pairwise(arrays):
        even = np.pad(below, ((0, below.shape[0] % 2), (0, below.shape[1] % 2), (0, 0)), mode="edge")
        average = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
        assert np.abs(average - level).max() <= 0.5


def test_a_local_change_stores_only_the_tiles_it_touches(document: Document, folder: Path, photo: Photo) -> None:
    before, original = stored(document, folder), document.manifest(head(document))
    pixels = photo(700, 520)
    pixels[10:60, 300:340] = 255 - pixels[10:60, 300:340]
    version = add(document, pixels, changed=Bounds(300, 10, 40, 50))
    now = document.manifest(version.id)
    assert stored(document, folder) == before + len(now.levels)  # one tile on each level
    assert [a == b for a, b in zip(original.levels[0].tiles, now.levels[0].tiles, strict=True)] == [True, False] + [
        True
    ] * 7
    assert np.array_equal(document.pixels(version.id), pixels)


@pytest.mark.parametrize("changed", [(0, 0, 1, 1), (255, 255, 2, 2), (1000, 700, 100, 100), (600, 0, 30, 770)])
def test_a_local_change_makes_the_same_pyramid_as_the_whole(
    folder: Path, photo: Photo, changed: tuple[int, int, int, int]
) -> None:
    original = photo(1025, 770)
    bounds = Bounds(*changed)
    pixels = original.copy()
    pixels[bounds.slices()] = 255 - pixels[bounds.slices()]
    document = Document.create(folder, Picture(original), "a")
    first = head(document)
    local, full = add(document, pixels, first, changed=bounds), add(document, pixels, first)
    assert document.manifest(local.id).levels == document.manifest(full.id).levels
    document.close(keep=True)


def test_outside_of_what_changed_the_parents_tiles_stay_whatever_comes_in(document: Document, photo: Photo) -> None:
    version = add(document, photo(700, 520, seed=1), changed=Bounds(0, 0, 10, 10))
    assert np.array_equal(document.pixels(version.id)[:, TILE:], photo(700, 520)[:, TILE:])


def test_the_same_pixels_are_stored_once(document: Document, folder: Path, photo: Photo) -> None:
    before = stored(document, folder)
    add(document, photo(700, 520))
    assert stored(document, folder) == before


def test_a_version_may_have_another_size_and_its_own_alpha(folder: Path, photo: Photo) -> None:
    pixels = photo(700, 520)
    document = Document.create(folder, Picture(pixels, alpha=np.full((520, 700), 9, np.uint8)), "a")
    crop = np.ascontiguousarray(pixels[100:400, 50:650])
    version = add(document, crop, step=Step("crop"), alpha=np.full((300, 600), 7, np.uint8))
    kept = add(document, crop, version.id)
    assert (version.width, version.height) == (600, 300)
    assert np.array_equal(document.pixels(version.id), crop)
    assert document.alpha(version.id).tolist() == document.alpha(kept.id).tolist() == [[7] * 600] * 300
    document.close(keep=True)


def test_memory_beside_the_pixels_stays_bounded(folder: Path, photo: Photo) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), np.uint8)
    tracemalloc.start()
    document = Document.create(folder, Picture(pixels), "noise")
    after_create = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    thumbnail = document.card().versions[0].thumbnail
    document.add(head(document), STEP, pixels, changed=Bounds(0, 0, 300, 300), thumbnail=thumbnail)
    after_local = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    document.close(keep=True)
    assert after_create < 0.6 * pixels.nbytes
    assert after_local < 0.2 * pixels.nbytes


# The tree -------------------------------------------------------------------------------------------------------------


def test_undo_goes_to_the_parent_and_redo_comes_back(document: Document, photo: Photo) -> None:
    original = head(document)
    first = add(document, photo(700, 520, seed=1))
    second = add(document, photo(700, 520, seed=2))
    assert [document.undo(), document.undo()] == [first.id, original]
    assert [document.redo(), document.redo()] == [first.id, second.id]


def test_there_is_an_end_to_undo_and_redo(document: Document) -> None:
    with pytest.raises(UserError, match="nothing to undo"):
        document.undo()
    with pytest.raises(UserError, match="nothing to redo"):
        document.redo()


def test_redo_takes_the_branch_that_was_left_last(document: Document, photo: Photo) -> None:
    original = head(document)
    first = add(document, photo(700, 520, seed=1), original)
    second = add(document, photo(700, 520, seed=2), original)
    document.go_to(first.id)
    document.undo()
    assert document.redo() == first.id
    document.go_to(second.id)
    document.undo()
    assert document.redo() == second.id


def test_what_was_undone_is_known_until_it_is_open_again(document: Document, photo: Photo) -> None:
    original = head(document)
    first = add(document, photo(700, 520, seed=1))
    document.undo()
    second = add(document, photo(700, 520, seed=2))
    assert document.was_undone(first.id)
    document.undo()
    assert (document.was_undone(first.id), document.was_undone(second.id)) == (True, True)
    document.go_to(first.id)
    assert (document.was_undone(first.id), document.was_undone(second.id)) == (False, True)
    document.go_to(original, remember=False)
    assert not document.was_undone(first.id)
    document.go_to(first.id)
    document.go_to(original, is_undo=False)
    assert not document.was_undone(first.id)
    assert document.redo() == first.id


def test_redo_comes_back_down_a_jump_to_an_ancestor(document: Document, photo: Photo) -> None:
    original = head(document)
    first = add(document, photo(700, 520, seed=1))
    second = add(document, photo(700, 520, seed=2))
    document.go_to(original)
    assert [document.redo(), document.redo()] == [first.id, second.id]


def test_undo_never_deletes(document: Document, photo: Photo) -> None:
    pixels = photo(700, 520, seed=1)
    first = add(document, pixels)
    document.undo()
    add(document, photo(700, 520, seed=2))
    assert np.array_equal(document.pixels(first.id), pixels)
    assert len(document.card().versions) == 3


def test_deleting_the_head_goes_to_its_parent_and_can_be_undone(document: Document, photo: Photo) -> None:
    original = head(document)
    version = add(document, photo(700, 520, seed=1))
    assert document.edit(version.id, deleted=True).deleted
    assert head(document) == original
    with pytest.raises(UserError, match="was deleted"):
        document.go_to(version.id)
    document.edit(version.id, deleted=False)
    assert document.go_to(version.id) == version.id


def test_a_deleted_version_between_others_is_stepped_over(document: Document, photo: Photo) -> None:
    original = head(document)
    middle = add(document, photo(700, 520, seed=1))
    last = add(document, photo(700, 520, seed=2))
    document.edit(middle.id, deleted=True)
    assert document.undo() == original
    assert document.redo() == last.id


def moves(document: Document) -> tuple[VersionId | None, VersionId | None]:
    return document.card().undo_to, document.card().redo_to


def test_redo_goes_on_past_an_open_version_that_is_deleted(document: Document, photo: Photo) -> None:
    original = head(document)
    middle = add(document, photo(700, 520, seed=1))
    last = add(document, photo(700, 520, seed=2))
    document.undo()
    document.edit(middle.id, deleted=True)
    assert head(document) == original
    assert document.redo() == last.id
    other = add(document, photo(700, 520, seed=3), original)
    document.undo()
    document.redo()
    document.edit(other.id, deleted=True)
    assert moves(document) == (None, None), "nothing was made from it"


def test_the_card_says_where_undo_and_redo_lead_past_deleted_versions(document: Document, photo: Photo) -> None:
    original = head(document)
    middle = add(document, photo(700, 520, seed=1))
    last = add(document, photo(700, 520, seed=2))
    assert moves(document) == (middle.id, None)
    document.edit(middle.id, deleted=True)
    assert moves(document) == (original, None)
    document.undo()
    assert moves(document) == (None, last.id)


def test_redo_passes_by_what_was_deleted_or_rejected_after_it_was_left(document: Document, photo: Photo) -> None:
    original = head(document)
    middle = add(document, photo(700, 520, seed=1))
    last = add(document, photo(700, 520, seed=2))
    document.undo()
    document.undo()
    document.edit(middle.id, deleted=True)
    assert moves(document) == (None, last.id)
    document.edit(middle.id, deleted=False, rejected=True)
    assert moves(document) == (None, last.id)
    assert document.redo() == last.id
    assert document.undo() == middle.id  # it was worked on
    document.go_to(original)
    document.edit(last.id, rejected=True)
    assert moves(document) == (None, None)
    with pytest.raises(UserError, match="nothing to redo"):
        document.redo()


def test_a_name_can_be_removed_again(document: Document) -> None:
    assert document.edit(head(document), name="Mine").name == "Mine"
    assert document.edit(head(document), star=True).name == "Mine"
    assert document.edit(head(document), name="").name is None


def test_turns_alone_are_unsaved_work_only_in_a_project(document: Document, tmp_path: Path) -> None:
    document.add_turn(Turn("user", "hello"))
    assert not document.card().unsaved
    document.save_project(tmp_path / "cat.clarity")
    document.add_turn(Turn("user", "hello again"))
    assert document.card().unsaved


def test_the_original_cannot_be_deleted(document: Document) -> None:
    with pytest.raises(UserError, match="original cannot be deleted"):
        document.edit(head(document), deleted=True)


def test_an_unknown_version_is_a_sentence(document: Document) -> None:
    for ask in (document.manifest, document.pixels, document.go_to):
        with pytest.raises(UserError, match="no longer part of the document"):
            ask(VersionId("nothing"))


def test_everything_is_there_after_closing_and_opening(document: Document, folder: Path, photo: Photo) -> None:
    region = Region.of(np.pad(np.full((40, 50), 200, np.uint8), ((100, 380), (200, 450))), "sky")
    pixels = photo(700, 520, seed=1)
    version = add(document, pixels, changed=region.bounds, region=region, name="Blue sky")
    document.edit(version.id, star=True)
    quality = Quality(
        piqe=31.5, overall=64.0, low=60, high=68, bundled=("niqe",), more={"musiq": 51.0}, why={"sseq": "no"}
    )
    document.set_detection(version.id, detection({"haze": Finding(0.75, 0.5)}))
    document.set_quality(version.id, quality)
    document.add_turn(Turn("user", "make the sky blue", (version.id,), 12.5))
    before = document.card()
    document.undo()
    document.close(keep=True)
    with_again = Document.open(folder / f"{document.id}.store")
    card = with_again.card()
    again = card.versions[1]
    assert (card.title, card.path, card.depth) == (before.title, before.path, before.depth)
    assert card.head == before.versions[0].id
    assert (again.id, again.parent, again.name, again.star) == (version.id, card.head, "Blue sky", True)
    assert again.step == Step(**{**vars_of(STEP), "region": version.step.region})
    assert again.quality == quality
    assert again.detection is not None
    assert again.detection.top == detection({"haze": Finding(0.75, 0.5)}).top
    assert again.detection.found["haze"] == Finding(0.75, 0.5)
    assert again.detection.heat.shape == (3, 4, 13)
    assert (again.detection.heat == 7).all()
    assert np.array_equal(again.thumbnail, version.thumbnail)
    assert [(t.role, t.content, t.versions, t.time) for t in card.turns] == [
        ("user", "make the sky blue", (version.id,), 12.5)
    ]
    assert with_again.redo() == version.id
    found = with_again.region(version.step.region or "")
    assert (found.label, found.bounds) == ("sky", region.bounds)
    assert np.array_equal(found.mask, region.mask)
    with_again.close(keep=True)


def test_scores_that_are_no_numbers_are_kept_as_undefined(document: Document, folder: Path) -> None:
    document.set_detection(head(document), detection())
    document.set_quality(head(document), Quality(piqe=float("nan"), niqe=4.0))
    document.close(keep=True)
    again = Document.open(folder / f"{document.id}.store")
    assert again.card().versions[0].quality == Quality(niqe=4.0)
    again.close(keep=True)


@pytest.mark.parametrize(
    ("models", "found", "scored"),
    [
        (ModelVersions("detector", "scores"), True, True),
        (ModelVersions("detector", "other scores"), True, False),
        (ModelVersions("other detector", "scores"), False, False),
    ],
)
def test_what_anything_else_made_is_not_known_but_further_metrics_are(
    folder: Path, photo: Photo, models: ModelVersions, found: bool, scored: bool
) -> None:
    document = Document.create(folder, Picture(photo(64, 48)), "a", models=ModelVersions("detector", "scores"))
    document.set_detection(head(document), detection())
    document.set_quality(head(document), Quality(piqe=3.0, more={"musiq": 51.0}))
    document.close(keep=True)
    again = Document.open(folder / f"{document.id}.store", models)
    [version] = again.card().versions
    assert (version.detection is not None, version.quality is not None) == (found, scored)
    assert again.more(version.id) == {"musiq": 51.0}
    again.close(keep=True)


def test_scores_that_went_without_a_detection_give_way_to_those_with_one(document: Document, folder: Path) -> None:
    document.set_quality(head(document), Quality(piqe=3.0))
    document.close(keep=True)
    again = Document.open(folder / f"{document.id}.store")
    assert again.card().versions[0].quality is None
    again.set_quality(head(again), Quality(piqe=3.0))
    assert again.set_detection(head(again), detection()).quality is None
    again.close(keep=True)


def vars_of(step: Step) -> dict[str, object]:
    return {name: getattr(step, name) for name in Step.__slots__}


def test_a_document_is_unsaved_once_something_is_done_to_it(document: Document, photo: Photo, tmp_path: Path) -> None:
    assert not document.card().unsaved
    version = add(document, photo(700, 520, seed=1))
    assert document.card().unsaved
    document.save_project(tmp_path / "cat.clarity")
    document.set_quality(version.id, Quality(piqe=3.0))
    assert not document.card().unsaved
    assert document.card().project == tmp_path / "cat.clarity"
    document.edit(version.id, star=True)
    assert document.card().unsaved


# Several threads ------------------------------------------------------------------------------------------------------


def test_undo_and_reading_do_not_wait_for_a_step_that_is_being_kept(document: Document, photo: Photo) -> None:
    original = head(document)
    add(document, photo(700, 520, seed=1))
    seen: list[VersionId] = []

    def in_the_middle() -> None:
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(document.undo).result(timeout=30) if not seen else original)
            tiles = document.manifest(original).levels[0].tiles
            assert len(other.submit(document.tiles, tiles).result(timeout=30)) == len(tiles)

    big = add(document, photo(2000, 1500, seed=2), checkpoint=in_the_middle)
    assert len(seen) > 1
    assert seen[0] == original
    assert head(document) == big.id


def test_an_aborted_step_leaves_no_version_and_no_tile(document: Document, folder: Path, photo: Photo) -> None:
    before, at = stored(document, folder), head(document)

    def stop() -> None:
        assert stored(document, folder) > before
        raise JobCancelled

    with pytest.raises(JobCancelled):
        add(document, photo(2000, 1500, seed=2), checkpoint=stop)
    assert (stored(document, folder), head(document), len(document.card().versions)) == (before, at, 1)


def test_many_threads_at_once_lose_nothing(document: Document, folder: Path, photo: Photo) -> None:
    original = head(document)
    photos = [photo(700, 520, seed=k) for k in range(8)]
    done = threading.Event()

    def wander() -> int:
        steps = 0
        while not done.is_set() or not steps:
            document.go_to(original)
            document.edit(original, star=steps % 2 == 0)
            document.add_turn(Turn("user", str(steps)))
            for _, tile in document.tiles(document.manifest(head(document)).levels[0].tiles):
                assert tile.shape[2] == 3
            steps += 1
        return steps

    with ThreadPoolExecutor(3) as others:
        wandering = [others.submit(wander) for _ in range(3)]
        made = [add(document, pixels, original) for pixels in photos]
        done.set()
        steps = sum(w.result() for w in wandering)
    document.close(keep=True)
    again = Document.open(folder / f"{document.id}.store")
    assert [v.id for v in again.card().versions] == [original, *(v.id for v in made)]
    assert len(again.card().turns) == steps
    for version, pixels in zip(made, photos, strict=True):
        assert np.array_equal(again.pixels(version.id), pixels)
    again.close(keep=True)


def test_closing_waits_for_who_reads_and_is_a_sentence_for_who_comes_later(document: Document, photo: Photo) -> None:
    at = head(document)

    def read_on() -> None:
        while True:
            assert np.array_equal(document.pixels(at), photo(700, 520))

    def read() -> None:
        with pytest.raises(UserError, match="was closed"):
            read_on()

    with ThreadPoolExecutor(4) as others:
        reading = [others.submit(read) for _ in range(4)]
        add(document, photo(700, 520, seed=1))
        document.close(keep=True)
        for r in reading:
            r.result(timeout=30)


# A full disk ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_a_sentence_and_the_document_goes_on(document: Document, folder: Path, photo: Photo) -> None:
    original, size = head(document), (folder / f"{document.id}.store").stat().st_size
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    with file_limit(size + 500_000), pytest.raises(UserError, match="all earlier changes are safe"):
        add(document, noise)
    assert head(document) == original
    assert np.array_equal(document.pixels(original), photo(700, 520))
    version = add(document, noise)
    assert np.array_equal(document.pixels(version.id), noise)


def test_a_disk_too_full_for_a_photo_is_a_sentence_and_leaves_nothing(folder: Path, photo: Photo) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    with file_limit(1_000_000), pytest.raises(UserError, match=r"cannot be read or written|is full"):
        Document.create(folder, Picture(noise), "a")
    assert list(folder.iterdir()) == []


def test_a_really_full_disk_is_a_sentence_and_the_document_goes_on(tmp_path: Path, photo: Photo) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", disk]).returncode:
        pytest.skip("a small disk needs Linux and the right to mount")
    try:
        original = photo(700, 520)
        document = Document.create(disk, Picture(original), "a")
        first = add(document, cv2.GaussianBlur(original, (0, 0), 3))
        (disk / "filler").write_bytes(bytes(5_000_000))
        noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
        with pytest.raises(UserError, match="is full"):
            add(document, noise)
        with pytest.raises(UserError, match=r"could not be saved|is full"):
            document.save_project(disk / "a.clarity")
        (disk / "filler").unlink()
        assert head(document) == first.id
        second = add(document, original, changed=Bounds(0, 0, 100, 100))
        document.close(keep=True)
        [found] = recoveries(disk)
        again = Document.open(found.store)
        assert head(again) == second.id
        assert np.array_equal(again.pixels(second.id)[:100, :100], original[:100, :100])
        again.close(keep=True)
    finally:
        subprocess.run(["umount", disk], check=True)


# Memory and connections ----------------------------------------------------------------------------------------------


def test_a_closed_document_and_its_pixels_are_freed_without_the_cyclic_collector(folder: Path, photo: Photo) -> None:
    gc.collect()
    gc.disable()
    try:
        document = Document.create(folder, Picture(photo(700, 520)), "a")
        version = add(document, photo(700, 520, seed=1))
        manifest = document.manifest(version.id)
        tiles = document.tiles(manifest.levels[0].tiles)
        alive = [weakref.ref(thing) for thing in (document, tiles[0][1], document.pixels(version.id))]
        document.undo()
        document.close(keep=False)
        del document, tiles
        assert [ref() for ref in alive] == [None, None, None]
    finally:
        gc.enable()


def test_two_versions_never_have_the_same_id(
    document: Document, photo: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = head(document)
    drawn = iter([first, first, "another"])
    monkeypatch.setattr(secrets, "token_hex", lambda _size: next(drawn))
    assert add(document, photo(700, 520, seed=1)).id == "another"


def test_many_threads_share_a_few_connections(
    document: Document, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def counted(*args: object, **kwargs: object) -> sqlite3.Connection:
        opened.append(connect(*args, **kwargs))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", counted)
    first, together = head(document), threading.Barrier(24)

    def read(_: int) -> int:
        together.wait()
        return sum(document.pixels(first).shape[0] for _ in range(3))

    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(read, range(24))) == [3 * 520] * 24
    assert len(opened) <= 4
    cached = [db.execute("PRAGMA cache_size").fetchone()[0] for db in opened]
    assert cached == [-2048] * len(opened)  # kB
