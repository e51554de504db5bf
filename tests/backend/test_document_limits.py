"""Limits of a document: refused on write, checked on read, and what reached one can still be saved and opened."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend.document import Document, Limits, recoveries, reduced
from clarity_desktop.backend.document.project import COPIED_AT_ONCE, bounded
from clarity_desktop.backend.document.tiles import Damaged
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.text import Message
from clarity_desktop.values import Picture, Quality, Step, Turn, Version
from tests.fakes import detection

Photo = Callable[..., np.ndarray]
STEP = Step("restore", "denoise", "median")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def project(folder: Path, tmp_path: Path) -> Path:
    """A project of one 256×256 photo: one tile."""
    document = Document.create(folder, Picture(np.full((256, 256, 3), 90, np.uint8)), "cat.png")
    document.save_project(tmp_path / "cat.clarity")
    document.close(keep=False)
    return tmp_path / "cat.clarity"


def add(document: Document, pixels: np.ndarray, step: Step = STEP) -> Version:
    return document.add(document.card().head, step, pixels, thumbnail=reduced(pixels))


def run_sql(path: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


def test_a_small_project_that_declares_a_huge_photo_is_refused(folder: Path, project: Path) -> None:
    """46080×46080 pixels of one tile: 6.4 GB once read, 0.7 MB in the file."""
    with closing(sqlite3.connect(project)) as db:
        [(name,)] = db.execute("SELECT hash FROM tile")
    side, count = 46080, 0
    for tiles in (180, 90, 45, 23, 12, 6, 3, 2, 1):
        count += tiles * tiles
    run_sql(project, "UPDATE version SET width=?, height=?, pixels=?", (side, side, name * count))
    with pytest.raises(UserError, match=r"a photo of 2124 megapixels; the limit is 250 and can be changed"):
        Document.open_project(folder, project)
    assert list(folder.glob("*.store")) == []


def test_the_users_own_limit_holds_for_projects(folder: Path, project: Path) -> None:
    with pytest.raises(UserError, match="a photo of 1 megapixels; the limit is 0"):
        Document.open_project(folder, project, limits=Limits(megapixels=0.06))
    Document.open_project(folder, project, limits=Limits(megapixels=0.066)).close(keep=False)


def test_a_result_that_could_not_be_opened_again_is_refused_before_it_is_stored(folder: Path, photo: Photo) -> None:
    document = Document.create(folder, Picture(photo(256, 256)), "a", limits=Limits(megapixels=0.066))
    with pytest.raises(UserError, match="too large"):
        add(document, photo(512, 256, seed=1))
    with pytest.raises(UserError, match="cannot be stored"):
        add(document, photo(256, 256, seed=1), replace(STEP, settings={"long": "x" * 1_000_001}))
    assert len(document.card().versions) == 1
    document.close(keep=False)
    with pytest.raises(UserError, match="too large"):
        Document.create(folder, Picture(photo(512, 256)), "a", limits=Limits(megapixels=0.066))


def test_a_document_with_as_many_versions_as_it_may_have_is_saved_and_opened(
    folder: Path, tmp_path: Path, photo: Photo
) -> None:
    limits = Limits(versions=3, turns=2)
    document = Document.create(folder, Picture(photo(300, 200)), "a", limits=limits)
    for seed in (1, 2):
        add(document, photo(300, 200, seed=seed))
        document.add_turn(Turn("user", "more"))
    for refused in (lambda: add(document, photo(300, 200, seed=3)), lambda: document.check_room(document.card().head)):
        with pytest.raises(UserError, match="3 versions, and no more"):
            refused()
    with pytest.raises(UserError, match="2 messages, and no more"):
        document.add_turn(Turn("user", "more"))
    document.save_project(tmp_path / "a.clarity")
    document.close(keep=False)
    again = Document.open_project(folder, tmp_path / "a.clarity", limits=limits)
    assert (len(again.card().versions), len(again.card().turns)) == (3, 2)
    again.close(keep=False)
    for lower in (replace(limits, versions=2), replace(limits, turns=1)):
        with pytest.raises(UserError, match="cannot be opened"):
            Document.open_project(folder, tmp_path / "a.clarity", limits=lower)


def test_values_beyond_their_range_are_brought_into_it_when_they_are_written(
    folder: Path, tmp_path: Path, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Document.create(folder, Picture(photo(300, 200), notes=("n" * 20_000,)), "t" * 1000)
    monkeypatch.setattr(time, "time", lambda: -5.0)  # a computer whose clock was never set
    version = add(document, photo(300, 200, seed=1))
    monkeypatch.undo()
    assert len(document.edit(version.id, name="n" * 1000).name or "") == 500
    document.set_detection(version.id, detection())
    document.set_quality(version.id, Quality(piqe=1.0, overall=100.000001, low=-0.1, high=1e9))
    document.add_turn(Turn("user", "hello", time=-1.0))
    document.save_project(tmp_path / "a.clarity")
    document.close(keep=False)
    again = Document.open_project(folder, tmp_path / "a.clarity")
    found = again.card().versions[1]
    assert (found.name, found.time, found.quality) == (
        "n" * 500, 0.0, Quality(piqe=1.0, overall=100.0, low=0.0, high=100.0),
    )  # fmt: skip
    again.close(keep=False)


@pytest.mark.parametrize(
    "quality",
    [
        Quality(why={f"metric {k}": "Not available." for k in range(150)}),
        Quality(more={f"metric {k}": 1.0 for k in range(150)}),
        Quality(why={"metric": "x" * 1_100_000}),
    ],
    ids=["reasons", "metrics", "long reason"],
)
def test_more_scores_than_a_version_may_have_are_left_out(
    folder: Path, tmp_path: Path, photo: Photo, quality: Quality
) -> None:
    document = Document.create(folder, Picture(photo(64, 64)), "a.png")
    head = document.card().head
    document.set_detection(head, detection())
    document.set_quality(head, quality)
    document.save_project(tmp_path / "a.clarity")
    again = Document.open_project(folder, tmp_path / "a.clarity")
    found = again.version(head).quality
    assert found is not None
    assert 1 <= len(found.why) + len(found.more) <= 100
    for each in (document, again):
        each.close(keep=False)


def test_a_turn_that_could_not_be_read_again_is_refused(folder: Path, project: Path) -> None:
    document = Document.open_project(folder, project)
    for turn in (
        Turn("user", "x" * 1_000_001),
        Turn("assistant", tuple(Message("result.derain") for _ in range(50_000))),
        Turn("assistant", "ok", steps=("x" * 1_000_000,)),
    ):
        with pytest.raises(UserError, match="too long"):
            document.add_turn(turn)
    assert document.card().turns == ()
    document.close(keep=False)


def many(project: Path, count: int) -> None:
    """Give the project's original a chain of `count` descendants."""
    run_sql(
        project,
        "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < ?)"
        " INSERT INTO version(id, parent, step, name, star, deleted, time, width, height, thumbnail, pixels)"
        " SELECT printf('v%d', k), CASE k WHEN 1 THEN id ELSE printf('v%d', k - 1) END,"
        ' \'{"kind": "restore", "task": "denoise", "method": "median"}\', \'\', 0, 0, time, width, height, thumbnail,'
        " pixels FROM version, n",
        (count,),
    )


def test_a_project_with_20_000_versions_opens_and_goes_on(folder: Path, project: Path, photo: Photo) -> None:
    many(project, 20_000)
    before = time.process_time()
    document = Document.open_project(folder, project)
    document.go_to(document.card().versions[-1].id)
    document.undo()
    version = add(document, photo(256, 256, seed=1))
    assert time.process_time() - before < 20  # 2 s on an idle machine
    assert np.array_equal(document.pixels(version.id), photo(256, 256, seed=1))
    assert len(document.card().versions) == 20_002
    document.close(keep=True)
    [found] = recoveries(folder)
    assert found.versions == 20_002


def test_a_large_project_on_a_slow_disk_is_waited_for_and_can_be_cancelled(
    folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(project, 20_000)
    wall = itertools.count(step=60.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(wall))  # each look at the clock is a minute later
    Document.open_project(folder, project).close(keep=False)
    monkeypatch.undo()
    asked: list[int] = []

    def cancel() -> None:
        asked.append(1)
        if len(asked) > 1 + project.stat().st_size // COPIED_AT_ONCE:  # copied, and now being checked
            raise JobCancelled

    with pytest.raises(JobCancelled):
        Document.open_project(folder, project, checkpoint=cancel)
    assert list(folder.iterdir()) == []


def test_a_file_that_keeps_the_processor_busy_is_given_up() -> None:
    endless = "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT count(*) FROM n"
    with closing(sqlite3.connect(":memory:")) as db, pytest.raises(Damaged), bounded(db, 0.05):
        db.execute(endless)


def test_thumbnails_stay_packed_until_they_are_shown(folder: Path, project: Path) -> None:
    document = Document.open_project(folder, project)
    version = document.card().versions[0]
    assert not isinstance(version.thumbnail, np.ndarray)
    assert np.asarray(version.thumbnail).shape == (128, 128, 3)
    document.close(keep=False)


def test_heat_maps_beyond_their_limit_count_as_not_known(folder: Path, project: Path) -> None:
    document = Document.open_project(folder, project)
    document.set_detection(document.card().head, detection())
    document.save_project(project)
    document.close(keep=False)
    many(project, 3)
    run_sql(project, "UPDATE version SET detection=(SELECT detection FROM version WHERE seq=1)")
    document = Document.open_project(folder, project, limits=Limits(heat_bytes=2 * detection().heat.nbytes))
    assert [v.detection is not None for v in document.card().versions] == [True, True, False, False]
    document.close(keep=False)
