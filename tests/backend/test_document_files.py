"""A document's files: older, newer and hostile project files, what a crash leaves, budgets."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import zstandard

from clarity_desktop.backend.document import (
    Document,
    ModelVersions,
    discard,
    over_budget,
    prune,
    recoveries,
    reduced,
    schema,
    usage,
)
from clarity_desktop.backend.document.create import reserve_store
from clarity_desktop.backend.document.recovery import INCOMPLETE, Lock
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, english
from clarity_desktop.titles import version_title
from clarity_desktop.values import Bounds, Finding, Picture, Quality, Region, Step, Turn, Version
from tests.fakes import detection

Photo = Callable[..., np.ndarray]
STEP = Step("restore", task="denoise", method="median")
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def project(folder: Path, tmp_path: Path, photo: Photo) -> Path:
    """A saved project of two versions, one turn and one region, made on another machine."""
    elsewhere = tmp_path / "elsewhere"
    document = Document.create(elsewhere, Picture(photo(700, 520), path=Path("/photos/cat.jpg")), "cat.jpg")
    pixels = photo(700, 520, seed=1)
    region = Region.of(np.pad(np.full((40, 50), 200, np.uint8), ((100, 380), (200, 450))), "sky")
    document.add(document.card().head, STEP, pixels, region=region, thumbnail=reduced(pixels))
    document.set_detection(document.card().head, detection({"noise": Finding(0.9, 0.4)}))
    document.add_turn(Turn("user", "less noise", (document.card().head,), 1.0))
    document.save_project(tmp_path / "cat.clarity")
    document.close(keep=False)
    shutil.rmtree(elsewhere)
    return tmp_path / "cat.clarity"


def test_the_texts_of_a_photo_go_with_its_project(folder: Path, tmp_path: Path, photo: Photo) -> None:
    texts = (("Title", "Tür"), ("Comment", "второй"), ("Comment", ""))
    document = Document.create(folder, Picture(photo(64, 48), texts=texts), "a.png")
    document.save_project(tmp_path / "a.clarity")
    document.close(keep=False)
    for stored, found in (
        (None, texts), (b'[["a", "\\ud800b"]]', (("a", "?b"),)), (b"[1]", ()), (b'[["a"]]', ()), (b"{}", ()),
        (b"[" * 9999, ()),
    ):  # fmt: skip
        if stored is not None:
            run_sql(tmp_path / "a.clarity", ("UPDATE meta SET value=? WHERE key='texts'", (stored,)))
        document = Document.open_project(folder, tmp_path / "a.clarity")
        assert document.picture(document.card().head).texts == found
        document.close(keep=False)


def add(document: Document, pixels: np.ndarray) -> Version:
    return document.add(document.card().head, STEP, pixels, thumbnail=reduced(pixels))


def run_sql(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(*([statement] if isinstance(statement, str) else statement))


def refusal(folder: Path, project: Path) -> str:
    """The sentence with which opening ends, having left nothing behind."""
    with pytest.raises(UserError) as caught:
        Document.open_project(folder, project)
    assert list(folder.iterdir()) == []
    assert str(project) in str(caught.value)
    return str(caught.value)


# The project file -----------------------------------------------------------------------------------------------------


def test_a_project_is_one_file_that_opens_elsewhere_with_everything(folder: Path, project: Path, photo: Photo) -> None:
    assert [p.name for p in project.parent.iterdir() if p.name.startswith((".cat", "cat"))] == ["cat.clarity"]
    document = Document.open_project(folder, project)
    card = document.card()
    assert [v.name for v in card.versions] == [None, None]
    assert (card.title, card.project, card.unsaved, card.read_only) == ("cat.jpg", project, False, False)
    assert card.turns[0].versions == (card.head,)
    assert document.region(card.versions[1].step.region or "").label == "sky"
    for version, seed in zip(card.versions, (0, 1), strict=True):
        assert np.array_equal(document.pixels(version.id), photo(700, 520, seed=seed))
    document.close(keep=False)
    assert list(folder.iterdir()) == []


def test_working_on_a_project_leaves_its_file_alone_until_it_is_saved(
    folder: Path, project: Path, photo: Photo
) -> None:
    before = project.read_bytes()
    document = Document.open_project(folder, project)
    version = add(document, photo(700, 520, seed=2))
    assert document.card().unsaved
    assert project.read_bytes() == before
    document.save_project(project)
    assert not document.card().unsaved
    document.close(keep=False)
    again = Document.open_project(folder, project)
    assert again.card().head == version.id
    again.close(keep=False)


def test_a_project_that_cannot_be_saved_is_a_sentence_and_the_old_file_stays(
    folder: Path, project: Path, photo: Photo
) -> None:
    before = project.read_bytes()
    document = Document.open_project(folder, project)
    with pytest.raises(UserError, match=r"/nowhere/a\.clarity"):
        document.save_project(project.parent / "nowhere" / "a.clarity")
    project.with_name("folder.clarity").mkdir()
    with pytest.raises(UserError, match=r"folder\.clarity could not be saved"):
        document.save_project(project.with_name("folder.clarity"))
    document.close(keep=False)
    assert project.read_bytes() == before
    assert not list(project.parent.glob("*.tmp"))


def test_names_that_are_no_text_are_kept_as_well_as_can_be(folder: Path, photo: Photo) -> None:
    odd = os.fsdecode(b"/photos/caf\xe9.jpg")
    document = Document.create(folder, Picture(photo(300, 200), path=Path(odd)), Path(odd).name)
    document.edit(document.card().head, name=Path(odd).name)
    document.add_turn(Turn("user", odd))
    document.close(keep=True)
    [found] = recoveries(folder)
    again = Document.open(found.store)
    card = again.card()
    assert card.path == Path(odd)
    assert (card.title, card.versions[0].name, card.turns[0].content) == ("caf?.jpg", "caf?.jpg", "/photos/caf?.jpg")
    again.close(keep=True)


def test_a_file_that_is_not_there_is_a_sentence(folder: Path, tmp_path: Path) -> None:
    assert "No such file" in refusal(folder, tmp_path / "none.clarity")


# Older and newer ------------------------------------------------------------------------------------------------------


def older(path: Path, new: Path) -> None:
    """The document at `path` as the first schema would have held it."""
    with closing(sqlite3.connect(new, isolation_level=None)) as db:
        schema.migrate(db, until=1)
        db.execute("ATTACH ? AS now", (str(path),))
        for table in ("meta", "tile", "version"):
            columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO main.{table}({columns}) SELECT {columns} FROM now.{table}")
        db.execute("UPDATE main.version SET step=json_remove(step, '$.region')")


def test_an_older_project_is_brought_up_to_date(folder: Path, project: Path, photo: Photo) -> None:
    old = project.with_name("old.clarity")
    older(project, old)
    document = Document.open_project(folder, old)
    version = add(document, photo(700, 520, seed=2))
    assert document.undo() == version.parent
    document.add_turn(Turn("user", "hello"))
    document.save_project(old)
    document.close(keep=False)
    with closing(sqlite3.connect(old)) as db:
        assert schema.version_of(db) == len(schema.MIGRATIONS)
    again = Document.open_project(folder, old)
    assert again.redo() == version.id
    assert np.array_equal(again.pixels(again.card().versions[1].id), photo(700, 520, seed=1))
    again.close(keep=False)


def test_a_project_of_format_3_keeps_typed_names_and_marks_what_was_rolled_back(folder: Path, tmp_path: Path) -> None:
    """Its names were given by the program of that time: “Rain removed”, “Rolled back: Haze removed”."""
    project = tmp_path / "old.clarity"
    project.write_bytes(gzip.decompress((DATA / "format-3.clarity.gz").read_bytes()))
    document = Document.open_project(folder, project)
    card = document.card()
    assert [v.name for v in card.versions] == [None, None, None, None, None, "As on the wall", None]
    assert [v.rejected for v in card.versions] == [False, False, False, False, True, False, False]
    assert [english(version_title(v)) for v in card.versions] == [
        "Original", "Rain removed", "Denoised (part) (50%)", "Cropped", "Rejected: Dehazed", "As on the wall",
        "Rotated",
    ]  # fmt: skip
    assert [(t.role, t.content, t.steps) for t in card.turns] == [
        ("user", "remove the rain", ()), ("assistant", "Rain removed with maxim-deraining in 3 s.", ()),
    ]  # fmt: skip
    assert (card.undo_to, card.redo_to, card.unsaved) == (card.versions[1].id, card.versions[6].id, False)
    region = document.region(card.versions[2].step.region or "")
    assert (region.label, region.bounds) == ("visible part", Bounds(4, 6, 20, 16))
    document.close(keep=False)


def test_a_turn_is_stored_as_a_message_with_its_steps(folder: Path, project: Path) -> None:
    document = Document.open_project(folder, project)
    content = (Message("result.derain"), Message("result.weaker", {"title": Message("result.dehaze"), "strength": 0.5}))
    document.add_turn(Turn("assistant", content, (), 3.0, ({"tool": "restore", "task": "derain"},)))
    document.save_project(project)
    document.close(keep=False)
    again = Document.open_project(folder, project)
    turn = again.card().turns[-1]
    assert (turn.content, turn.steps) == (content, ({"tool": "restore", "task": "derain"},))
    again.close(keep=False)


def test_a_migration_that_fails_changes_nothing(project: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.clarity"
    older(project, old)
    run_sql(old, "CREATE TABLE turn(x)")
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError):
            schema.migrate(db)
        assert schema.version_of(db) == 1
        assert "redo" not in [row[1] for row in db.execute("PRAGMA table_info(version)")]


def test_a_newer_project_opens_for_viewing_only(folder: Path, project: Path, photo: Photo) -> None:
    newer = len(schema.MIGRATIONS) + 1
    run_sql(project, f"PRAGMA user_version={newer}", "CREATE TABLE hologram(x)", "ALTER TABLE version ADD COLUMN smell")
    document = Document.open_project(folder, project)
    card = document.card()
    assert card.read_only
    assert "newer version of Clarity Desktop" in english(card.notes[-1])
    assert np.array_equal(document.picture(card.head).pixels, photo(700, 520, seed=1))
    for change in (document.undo, lambda: add(document, photo(700, 520)), lambda: document.edit(card.head, star=True)):
        with pytest.raises(UserError, match="for viewing only"):
            change()
    document.close(keep=False)
    assert list(folder.iterdir()) == []


def test_what_is_found_where_nothing_can_be_kept_is_known_while_it_is_open(folder: Path, project: Path) -> None:
    unmarked = "UPDATE version SET detection=json_remove(detection, '$.by')"  # as before there were marks
    run_sql(project, unmarked, f"PRAGMA user_version={len(schema.MIGRATIONS) + 1}")
    document = Document.open_project(folder, project, ModelVersions("detector", "scores"))
    at = document.card().head
    assert document.card().versions[1].detection is None
    document.set_detection(at, detection())
    document.set_quality(at, Quality(piqe=3.0))
    known = document.card().versions[1]
    assert (known.detection is not None, known.quality) == (True, Quality(piqe=3.0))
    document.close(keep=False)


def test_a_later_detector_may_know_other_classes(folder: Path, project: Path) -> None:
    run_sql(project, "UPDATE version SET detection=json_set(detection, '$.by', 'later', '$.top[0][0]', 'fire')")
    document = Document.open_project(folder, project)
    assert document.card().versions[1].detection is None
    document.close(keep=False)


# Hostile files --------------------------------------------------------------------------------------------------------


def test_files_that_are_no_projects_are_refused(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.clarity"
    foreign = tmp_path / "foreign.clarity"
    run_sql(foreign, "CREATE TABLE meta(key, value)")
    for content in (b"", b"PK\x03\x04" + bytes(500), b"SQLite format 3\0", os.urandom(5000), foreign.read_bytes()):
        file.write_bytes(content)
        assert "not a Clarity project" in refusal(folder, file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_named_as_a_project_is_refused_and_not_waited_for(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.clarity"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="not a file"):
        Document.open_project(folder, pipe)


def test_a_project_that_is_cut_off_is_refused(folder: Path, project: Path) -> None:
    whole = project.read_bytes()
    for share in (0.3, 0.9):
        project.write_bytes(whole[: int(share * len(whole))])
        assert "cut off" in refusal(folder, project)


CODE = [
    "CREATE TRIGGER t AFTER INSERT ON version BEGIN DELETE FROM tile; END",
    "CREATE VIEW v AS SELECT * FROM meta",
    "CREATE VIRTUAL TABLE v USING fts5(x)",
    "CREATE INDEX i ON version(abs(width))",
    "DROP TABLE turn",
]


@pytest.mark.parametrize(
    ("sql", "newer"),
    [(sql, newer) for sql in CODE for newer in (0, 1)] + [("ALTER TABLE version ADD COLUMN x AS (abs(width))", 0)],
)
def test_a_project_with_other_tables_or_code_in_it_is_refused(
    folder: Path, project: Path, sql: str, newer: int
) -> None:
    run_sql(project, sql, f"PRAGMA user_version={len(schema.MIGRATIONS) + newer}")
    assert "Its tables" in refusal(folder, project)


def test_a_view_in_the_place_of_a_table_is_refused(folder: Path, project: Path) -> None:
    run_sql(
        project,
        "ALTER TABLE meta RENAME TO other",
        "CREATE VIEW meta AS SELECT key, value FROM other",
        f"PRAGMA user_version={len(schema.MIGRATIONS) + 1}",
    )
    assert "Its tables" in refusal(folder, project)


STRANGE = {
    "no head": "DELETE FROM meta WHERE key='head'",
    "head elsewhere": "UPDATE meta SET value='x' WHERE key='head'",
    "depth": "UPDATE meta SET value=12 WHERE key='depth'",
    "blob as title": "UPDATE meta SET value=x'00ff' WHERE key='title'",
    "a loop": "UPDATE version SET parent=id",
    "two originals": "UPDATE version SET parent=NULL",
    "no versions": "DELETE FROM version",
    "huge": "UPDATE version SET width=1000000000",
    "wrong size": "UPDATE version SET width=width+256",
    "negative": "UPDATE version SET height=-1",
    "text as number": "UPDATE version SET star='yes'",
    "endless time": "UPDATE version SET time=9e999",
    "step is no JSON": "UPDATE version SET step='{'",
    "step is deep": "UPDATE version SET step=replace(hex(zeroblob(100000)), '00', '[')",
    "strength": "UPDATE version SET step=json_set(step, '$.strength', 1e300)",
    "weights": "UPDATE version SET step=json_set(step, '$.weights', 3)",
    "thumbnail": "UPDATE version SET thumbnail=x'00'",
    "large thumbnail": "UPDATE version SET thumbnail=(SELECT data FROM tile LIMIT 1)",
    "quality": 'UPDATE version SET quality=\'{"piqe": "good"}\'',
    "a score that no float holds": f"UPDATE version SET quality='{{\"piqe\": 1{'0' * 400}}}'",
    "an overall score beyond its scale": "UPDATE version SET quality='{\"overall\": 1e300}'",
    "many scores": f"UPDATE version SET quality='{json.dumps({'more': {f'm{k}': 1 for k in range(101)}})}'",
    "detection": "UPDATE version SET detection='[]'",
    "detection of a number": "UPDATE version SET detection=5",
    "a class twice": "UPDATE version SET detection=json_set(detection, '$.top[0]', json('[\"snow\",0.86]'))",
    "an unknown class": "UPDATE version SET detection=json_set(detection, '$.top[0][0]', 'fire')",
    "shares above one": "UPDATE version SET detection=json_set(detection, '$.top[1][1]', 0.9)",
    "an unsure share": "UPDATE version SET detection=json_set(detection, '$.top[1][1]', 'x')",
    "a degradation missing": "UPDATE version SET detection=json_remove(detection, '$.found.haze')",
    "severity": "UPDATE version SET detection=json_set(detection, '$.found.haze[1]', 9e999)",
    "heat is large": "UPDATE version SET detection=json_set(detection, '$.heat[0]', 1000000)",
    "heat of another size": "UPDATE version SET detection=json_set(detection, '$.heat[0]', 4)",
    "heat is no code": "UPDATE version SET detection=json_set(detection, '$.heat[2]', '===')",
    "heat is not packed": "UPDATE version SET detection=json_set(detection, '$.heat[2]', 'aGVsbG8=')",
    "found by a number": "UPDATE version SET detection=json_set(detection, '$.by', 5)",
    "found by a long story": "UPDATE version SET detection=json_set(detection, '$.by', hex(zeroblob(100)))",
    "scored by a list": "UPDATE version SET quality='{\"by\": []}'",
    "role": "UPDATE turn SET role='system'",
    "message is cut": 'UPDATE turn SET message=\'{"key": "chat.re\'',
    "message is deep": f"UPDATE turn SET message='{5000 * '['}{5000 * ']'}'",
    "steps are no list": 'UPDATE turn SET steps=\'{"tool": "undo"}\'',
    "time of a turn": "UPDATE turn SET time='yesterday'",
    "question is a blob": "UPDATE turn SET question=x'00ff'",
    "versions are a blob": "UPDATE turn SET versions=x'00ff'",
    "no tiles": "DELETE FROM tile",
    "names cut": "UPDATE version SET pixels=substr(pixels, 2)",
    "names as text": "UPDATE version SET pixels='abc'",
}


@pytest.mark.parametrize("sql", STRANGE.values(), ids=STRANGE)
def test_a_project_with_strange_rows_is_refused(folder: Path, project: Path, sql: str) -> None:
    run_sql(project, sql)
    assert "cannot be opened" in refusal(folder, project)


def bomb() -> bytes:
    """A tile whose frame declares, and holds, far more than a tile may."""
    return b"\x00\x01\x00\x01\x03\x01" + zstandard.ZstdCompressor().compress(bytes(200_000_000))


def undeclared() -> bytes:
    """A tile whose frame does not say how large it is."""
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(256 * 256 * 3))
    return b"\x00\x01\x00\x01\x03\x01" + frame


@pytest.mark.parametrize("data", [b"", b"abc", os.urandom(3000), bomb(), undeclared()], ids=lambda d: str(len(d)))
def test_tiles_that_were_tampered_with_are_a_sentence(folder: Path, project: Path, data: bytes) -> None:
    run_sql(project, ("UPDATE tile SET data=?", (data,)))
    document = Document.open_project(folder, project)
    at = document.card().head
    for read in (document.pixels, document.picture, lambda v: document.tiles(document.manifest(v).levels[0].tiles)):
        with pytest.raises(UserError, match="is damaged"):
            read(at)
    document.close(keep=False)


def test_a_whole_tile_in_the_place_of_another_is_a_sentence(folder: Path, project: Path) -> None:
    run_sql(project, "UPDATE tile SET data=(SELECT data FROM tile LIMIT 1)")
    document = Document.open_project(folder, project)
    with pytest.raises(UserError, match="does not match its name"):
        document.pixels(document.card().head)
    document.close(keep=False)


def test_tiles_where_they_do_not_fit_are_a_sentence(folder: Path, project: Path) -> None:
    with closing(sqlite3.connect(project)) as db:
        [(names, count)] = db.execute("SELECT pixels, length(pixels)/16 FROM version LIMIT 1")
    run_sql(project, ("UPDATE version SET pixels=?", (names[-16:] * count,)))
    document = Document.open_project(folder, project)
    with pytest.raises(UserError, match="wrong size for its position"):
        document.pixels(document.card().head)
    document.close(keep=False)


def test_a_region_that_claims_a_huge_mask_is_a_sentence(folder: Path, project: Path) -> None:
    run_sql(project, "UPDATE region SET width=1000000, height=1000000")
    document = Document.open_project(folder, project)
    with pytest.raises(UserError, match="is damaged"):
        document.region(document.card().versions[1].step.region or "")
    document.close(keep=False)


def test_a_photos_path_on_another_machine_is_not_taken_over(folder: Path, project: Path) -> None:
    run_sql(project, r"UPDATE meta SET value=CAST('\\evil\share\cat.jpg' AS BLOB) WHERE key='path'")
    document = Document.open_project(folder, project)
    assert document.card().path is None
    document.close(keep=False)


def test_a_project_with_random_damage_opens_or_is_refused_but_never_more(folder: Path, project: Path) -> None:
    whole, luck, opened = project.read_bytes(), random.Random(0), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(luck.choice((1, 4, 40))):
            damaged[luck.randrange(len(whole) if luck.random() < 0.3 else 12_000)] = luck.randrange(256)
        project.write_bytes(damaged)
        try:
            document = Document.open_project(folder, project)
        except UserError:
            assert list(folder.iterdir()) == []
            continue
        opened += 1
        try:
            document.pixels(document.card().head)
            add(document, np.zeros((300, 300, 3), np.uint8))
        except UserError:
            pass
        document.close(keep=False)
        shutil.rmtree(folder)
    assert 0 < opened < 150


# What is left, and who holds it ---------------------------------------------------------------------------------------


def test_an_open_document_is_not_offered_and_one_left_behind_is(folder: Path, photo: Photo) -> None:
    document = Document.create(folder, Picture(photo(300, 200)), "a.png")
    add(document, photo(300, 200, seed=1))
    assert recoveries(folder) == ()
    document.close(keep=True)
    [found] = recoveries(folder)
    assert (found.title, found.versions) == ("a.png", 2)
    assert np.array_equal(found.thumbnail, document.card().versions[1].thumbnail)
    again = Document.open(found.store)
    assert recoveries(folder) == ()
    again.close(keep=True)


HOLDER = """
import sys; from pathlib import Path; import numpy as np
from clarity_desktop.backend.document import Document
from clarity_desktop.values import Picture
document = Document.create(Path(sys.argv[1]), Picture(np.zeros((300, 300, 3), np.uint8)), "theirs")
print(document.id, flush=True); sys.stdin.read()
"""


def test_a_store_that_is_being_created_is_never_taken_for_one_left_by_a_crash(folder: Path) -> None:
    """Other programs start, and tidy up, at every moment of it."""
    ended = threading.Event()

    def start_again_and_again() -> None:
        while not ended.is_set():
            recoveries(folder)

    folder.mkdir()
    with ThreadPoolExecutor(2) as pool:
        starts = [pool.submit(start_again_and_again) for _ in range(2)]
        try:
            for _ in range(150):
                store, lock = reserve_store(folder)
                incomplete = store.with_suffix(INCOMPLETE)
                incomplete.touch()
                assert Lock.take(store) is None
                recoveries(folder)
                assert incomplete.exists()
                incomplete.unlink()
                lock.release(gone=True)
        finally:
            ended.set()
        for start in starts:
            start.result()
    assert list(folder.iterdir()) == []


def test_a_store_that_cannot_be_removed_hides_no_work(folder: Path, photo: Photo) -> None:
    document = Document.create(folder, Picture(photo(64, 64)), "a.png")
    add(document, photo(64, 64, seed=1))
    document.close(keep=True)
    (folder / "a folder.new").mkdir()
    (folder / "zz folder.new").mkdir()
    for _ in range(2):
        assert [found.title for found in recoveries(folder)] == ["a.png"]


def test_a_second_instance_is_not_mistaken_for_a_crash(folder: Path) -> None:
    theirs = subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with theirs:
        assert theirs.stdout is not None
        store = folder / f"{theirs.stdout.readline().decode().strip()}.store"
        assert recoveries(folder) == ()
        for take in (Document.open, discard):
            with pytest.raises(UserError, match="another window"):
                take(store)
        theirs.kill()
    assert [r.store for r in recoveries(folder)] == [store]


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path, photo: Photo, project: Path) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.touch()
    for attempt in (
        lambda: Document.create(in_the_way / "documents", Picture(photo(30, 20)), "a"),
        lambda: Document.open_project(in_the_way / "documents", project),
        lambda: Document.open(in_the_way / "a.store"),
        lambda: discard(in_the_way / "a.store"),
        lambda: discard(tmp_path / "a.store"),
    ):
        with pytest.raises(UserError, match=r"a file|a\.store"):
            attempt()


def test_a_discarded_recovery_moves_to_the_closed_documents(folder: Path, photo: Photo) -> None:
    document = Document.create(folder, Picture(photo(300, 200)), "a.png")
    version = add(document, photo(300, 200, seed=1))
    document.close(keep=True)
    discard(folder / f"{document.id}.store")
    assert recoveries(folder) == ()
    again = Document.open(folder / "closed" / f"{document.id}.store")
    assert np.array_equal(again.pixels(version.id), photo(300, 200, seed=1))
    again.close(keep=True)


def test_what_is_in_a_file_that_is_still_there_is_not_offered(folder: Path, project: Path) -> None:
    theirs = subprocess.run([sys.executable, "-c", KILLED, folder, project], stdout=subprocess.PIPE, check=False)
    [saved, changed] = theirs.stdout.decode().split()
    assert {p.stem for p in folder.glob("*.store")} == {saved, changed}
    assert [r.store.stem for r in recoveries(folder)] == [changed]
    assert [p.stem for p in folder.glob("*.store")] == [changed]


KILLED = """
import os, sys; from pathlib import Path
from clarity_desktop.backend.document import Document
saved, changed = (Document.open_project(*map(Path, sys.argv[1:])) for _ in range(2))
changed.undo()
print(saved.id, changed.id, flush=True); os.kill(os.getpid(), 9)
"""


def test_a_store_that_cannot_be_read_is_not_offered_and_stays(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    (folder / "broken.store").write_bytes(b"nonsense" * 100)
    assert recoveries(folder) == ()
    assert "cannot be offered again" in caplog.text
    assert (folder / "broken.store").exists()


def test_closing_erases_what_is_elsewhere_and_sets_aside_what_is_not(folder: Path, photo: Photo) -> None:
    photo_file = folder.parent / "a.png"
    photo_file.write_bytes(b"a photo")
    untouched = Document.create(folder, Picture(photo(300, 200), path=photo_file), "untouched")
    pasted = Document.create(folder, Picture(photo(300, 200)), "pasted")
    worked_on = Document.create(folder, Picture(photo(300, 200), path=photo_file), "worked on")
    add(worked_on, photo(300, 200, seed=1))
    orphan = Document.create(folder, Picture(photo(300, 200), path=Path("/gone/c.png")), "its photo is gone")
    for document in (untouched, pasted, worked_on, orphan):
        document.close(keep=False)
        document.close(keep=False)
    left = sorted(p.name for p in folder.rglob("*") if p.is_file())
    assert left == sorted(f"{d.id}.store" for d in (pasted, worked_on, orphan))
    assert all((folder / "closed" / name).exists() for name in left)


def test_work_whose_project_file_was_overwritten_is_set_aside(folder: Path, photo: Photo, tmp_path: Path) -> None:
    file = tmp_path / "both.clarity"
    first, second = (Document.create(folder, Picture(photo(64, 64, seed=k)), f"{k}.png") for k in (1, 2))
    for document in (first, second):
        add(document, photo(64, 64, seed=3))
        document.save_project(file)
    first.close(keep=False)
    second.close(keep=False)
    assert [r.versions for r in recoveries(folder / "closed")] == [2]


def test_the_longest_closed_go_first_and_only_when_asked(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 512, 512, 3), np.uint8)
    stores = []
    for k, pixels in enumerate(noise):
        document = Document.create(folder, Picture(pixels), str(k))
        document.close(keep=False)
        stores.append(folder / "closed" / f"{document.id}.store")
        os.utime(stores[-1], (k, k))
    total = usage(folder)
    assert over_budget(folder, total) == ()
    assert over_budget(folder, total - 1) == (stores[0],)
    assert over_budget(folder, total // 2) == tuple(stores[:2])
    assert all(s.exists() for s in stores)
    assert prune(stores[:1]) == total - usage(folder)
    assert [s.exists() for s in stores] == [False, True, True]


def test_only_closed_documents_are_pruned(folder: Path, photo: Photo) -> None:
    document = Document.create(folder, Picture(photo(300, 200)), "open")
    with pytest.raises(UserError, match="not erased"):
        prune([folder / f"{document.id}.store"])
    assert np.array_equal(document.pixels(document.card().head), photo(300, 200))
    document.close(keep=True)
