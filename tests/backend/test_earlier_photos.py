"""The photos that a conversation was about before: stored, found again, and asked for in words."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend.chat.photos import PhotoRequest, photo_in
from clarity_desktop.backend.document import Document, find_photo, photos
from clarity_desktop.backend.plan import GoToCall, from_json, to_json
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import PhotoFound, UserError
from clarity_desktop.values import DocumentId, EarlierPhoto, Picture, Turn
from tests.fakes import Recorder

PHOTO = EarlierPhoto(DocumentId("00aa11bb22cc"), "a.jpg", Path("/photos/a\udcff.jpg"), Path("/photos/a.clarity"))
PIXELS = np.full((6, 8, 3), 90, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


def create(folder: Path, title: str = "b.jpg", path: Path | None = None) -> Document:
    return Document.create(folder, Picture(PIXELS, path=path), title)


def test_they_survive_saving_reopening_and_a_crash(folder: Path, tmp_path: Path) -> None:
    document = create(folder)
    before = document.card()
    document.set_earlier((PHOTO,) * 20)
    card = document.card()
    assert card.earlier == (PHOTO,) * photos.MAX_EARLIER
    assert card.unsaved == before.unsaved
    project = tmp_path / "b.clarity"
    document.save_project(project)
    document.add_turn(Turn("user", "denoise it"))
    store = folder / f"{document.id}.store"
    document.close(keep=True)
    for again in (Document.open_project(folder, project), Document.open(store)):
        assert again.card().earlier == (PHOTO,) * photos.MAX_EARLIER
        again.close(keep=True)


def test_a_document_of_an_older_release_has_none_and_nonsense_is_left_out(folder: Path) -> None:
    document = create(folder)
    document.add_turn(Turn("user", "denoise it"))
    document.close(keep=True)
    store = folder / f"{document.id}.store"
    good = json.loads(photos.to_text([PHOTO]))[0]
    stored: list[tuple[object, int]] = [
        (None, 0), ("no json", 0), (b"x", 0), ('{"a": 1}', 0), (json.dumps([good]), 1),
        (json.dumps([{**good, "document": "../x"}, {**good, "title": 3}, 5, good]), 1),
        (json.dumps([{**good, "path": "//server/share/a.jpg", "project": "x" * 9000}]), 1),
    ]  # fmt: skip
    for value, count in stored:
        with closing(sqlite3.connect(store)) as db, db:
            db.execute("DELETE FROM meta WHERE key='earlier'")
            if value is not None:
                db.execute("INSERT INTO meta(key, value) VALUES('earlier', ?)", (value,))
        again = Document.open(store)
        found = again.card()
        again.close(keep=True)
        assert len(found.earlier) == count, value
        assert [turn.content for turn in found.turns] == ["denoise it"]
    assert found.earlier == (replace(PHOTO, path=None, project=None),)


def test_a_photo_is_found_by_its_project_its_working_file_or_itself(folder: Path, tmp_path: Path) -> None:
    moved, away = tmp_path / "moved", tmp_path / "away"
    for one in (folder, folder / "closed", moved):
        one.mkdir()
    photo = EarlierPhoto(DocumentId("0a1b"), "a.jpg", away / "a.jpg", away / "a.clarity")
    assert find_photo(folder, photo, None) is None
    places = [moved / "a.jpg", folder / "closed" / "0a1b.store", folder / "0a1b.store", moved / "a.clarity"]
    for place in places:  # each is preferred to those before
        place.touch()
        assert find_photo(folder, photo, moved / "b.clarity") == place
    assert find_photo(folder, replace(photo, path=None, project=None), None) == folder / "0a1b.store"


def test_a_conversation_goes_on_and_leads_back(
    studio: Studio, recorder: Recorder, unscored: None, tmp_path: Path
) -> None:
    async def talk() -> None:
        job = recorder.job()
        first = await studio.open_picture(Picture(PIXELS), "a.png", job)
        second = await studio.open_picture(Picture(PIXELS), "b.png", job, first.id)
        third = await studio.open_picture(Picture(PIXELS), "c.png", job, second.id)
        assert [photo.title for photo in third.card().earlier] == ["b.png", "a.png"]
        assert await studio.find_photo(third.id, -1, job) == PhotoFound(third.id, third.card().earlier[1], first.id)
        # Whoever is saved is known by the project, and found by it.
        await studio.save_project(first.id, tmp_path / "a.clarity", job)
        assert third.card().earlier[1].project == tmp_path / "a.clarity"
        await studio.close_document(first.id, job)
        found = await studio.find_photo(third.id, 1, job)
        assert (found.open, found.file) == (None, tmp_path / "a.clarity")
        with pytest.raises(UserError):
            await studio.find_photo((await studio.open_picture(Picture(PIXELS), "d.png", job)).id, 0, job)

    asyncio.run(talk())


def test_words_for_an_earlier_photo() -> None:
    for text in ("go back to the first photo", "The first photo again, please.", "can you show me the 1st picture?"):
        assert photo_in(text) == PhotoRequest("first"), text
    for text in ("show the previous photo", "open the other picture", "back to the photo before this one"):
        assert photo_in(text) == PhotoRequest("previous"), text
    asked = photo_in("Now remove the rain from the first photo")
    assert asked == PhotoRequest("first", "Now remove the rain from the photo")
    for text in ("do the same as on the first photo", "do what you did to the first photo"):
        assert photo_in(text) == PhotoRequest("first", same=True), text
    for text in ("Do the same here", "the same with this photo, please"):
        assert photo_in(text) == PhotoRequest("previous", same=True, named=False), text
    for text in ("compare it with the first photo", "make it look like the previous picture"):
        found = photo_in(text)
        assert found is not None, text
        assert found.together, text
    for text in ("denoise it", "go back to the original", "the first one was better", "show me version 1"):
        assert photo_in(text) is None, text


def test_going_to_another_photo_is_a_step_like_any_other() -> None:
    assert from_json(to_json(GoToCall(photo="first"))) == GoToCall(photo="first")
    assert "photo" not in to_json(GoToCall())
    for bad in ({"photo": "third"}, {"photo": "first", "version": "v1"}):
        with pytest.raises(UserError):
            from_json({"tool": "go_to", **bad})
