"""The film strip: many photos, thumbnails as they come into view, keys, closing, unsaved marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import a_photo, a_window, settled, texts, until
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest

from clarity_desktop import messages as m
from clarity_desktop.ui.film_strip import FilmStrip
from clarity_desktop.ui.main_window import MainWindow

HUNDRED = [Path(f"holiday at the sea {k}.jpg") for k in range(100)]


def rect(strip: FilmStrip, row: int) -> QRect:
    return strip.visualRect(strip.films.index(row))


def press(strip: FilmStrip, key: Qt.Key) -> None:
    QTest.keyClick(strip, key)


async def with_hundred(window: MainWindow) -> FilmStrip:
    window.file_commands.open_paths(HUNDRED)
    await until(lambda: len(window.photos.documents) == 100)
    await settled(window)
    return window.photos.strip


async def test_one_photo_needs_no_strip():
    async with a_window() as (window, _link):
        await a_photo(window)
        assert not window.photos.strip.isVisible()
        await a_photo(window, "second.jpg")
        assert window.photos.strip.isVisible()
        window.action["close"].trigger()
        await settled(window)
        assert not window.photos.strip.isVisible()


@pytest.mark.parametrize("size", [(1024, 700), (1600, 1000)])
async def test_a_hundred_photos_stay_recognizable_and_only_the_shown_one_is_opened(size: tuple[int, int]):
    async with a_window() as (window, link):
        window.resize(*size)
        strip = await with_hundred(window)
        assert [r.path for r in link.of(m.Open)] == HUNDRED[:1]
        assert len(window.photos.documents) == 100
        assert rect(strip, 0).width() == rect(strip, 99).width() >= 60
        assert strip.horizontalScrollBar().maximum() > 0
        assert rect(strip, 0).bottom() < strip.viewport().height()


async def test_hundreds_of_photos_on_one_command_line_are_added_in_parts():
    async with a_window() as (window, link):
        names = [Path(f"/holiday/{k:04}.jpg") for k in range(400)]
        window.file_commands.open_paths([*names, *names])
        assert len(window.photos.documents) < 20  # else the window would stand still for seconds
        assert [r.path for r in link.of(m.Open)] <= names[:1]
        window.file_commands.open_paths(names[:1])
        await until(lambda: len(window.photos.documents) == 400)
        assert window.current is not None
        assert window.current.path == names[0]


async def test_thumbnails_are_read_for_the_photos_in_view_only():
    async with a_window() as (window, link):
        strip = await with_hundred(window)
        await until(lambda: len(link.of(m.ReadThumbnail)) > 2)
        await settled(window)
        seen = {r.path for r in link.of(m.ReadThumbnail)}
        assert HUNDRED[1] in seen
        assert len(seen) < 40
        strip.scrollTo(strip.films.index(99))
        await until(lambda: HUNDRED[99] in {r.path for r in link.of(m.ReadThumbnail)})
        await settled(window)
        assert len(link.of(m.ReadThumbnail)) < 80
        assert window.photos.documents[99].thumbnail is not None


async def test_a_thumbnail_that_fails_does_not_end_the_others():
    async with a_window() as (window, link):
        link.errors[m.ReadThumbnail] = MemoryError()
        await with_hundred(window)
        await until(lambda: len(link.of(m.ReadThumbnail)) > 2)


async def test_a_folder_that_cannot_be_read_is_reported(tmp_path: Path):
    async with a_window() as (window, _link):
        window.file_commands.open_dropped([Unreadable(tmp_path)])
        await until(lambda: bool(texts(window)))
        assert f"The folder {tmp_path} cannot be read." in texts(window)[0]


class Unreadable(type(Path())):
    """A folder of another user."""

    def iterdir(self) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(self))


async def test_a_photo_is_opened_where_the_user_stops():
    async with a_window() as (window, link):
        strip = await with_hundred(window)
        strip.setFocus()
        for _ in range(3):
            press(strip, Qt.Key.Key_Right)
        assert window.current is window.photos.documents[3]
        await until(lambda: len(link.of(m.Open)) == 2)
        await settled(window)
        assert link.of(m.Open)[-1].path == HUNDRED[3]
        assert window.current.card


async def test_keys_choose_and_close_photos():
    async with a_window() as (window, link):
        views = [await a_photo(window, f"{k}.jpg") for k in range(3)]
        strip = window.photos.strip
        strip.setFocus()
        press(strip, Qt.Key.Key_Home)
        assert window.current is views[0]
        press(strip, Qt.Key.Key_Right)
        assert window.current is views[1]
        press(strip, Qt.Key.Key_Delete)
        await until(lambda: bool(link.of(m.Close)))
        await settled(window)
        assert window.photos.documents == [views[0], views[2]]


async def test_the_pointer_chooses_closes_and_a_wheel_scrolls():
    async with a_window() as (window, _link):
        views = [await a_photo(window, f"{k}.jpg") for k in range(3)]
        strip = window.photos.strip
        QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=rect(strip, 0).center())
        assert window.current is views[0]
        QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.close_box(rect(strip, 1)).center())
        await settled(window)
        assert window.photos.documents == [views[0], views[2]]
        QTest.mouseClick(strip.viewport(), Qt.MouseButton.MiddleButton, pos=rect(strip, 0).center() + QPoint(3, 3))
        await settled(window)
        assert window.photos.documents == [views[2]]


async def test_unsaved_work_is_marked_and_said():
    async with a_window() as (window, _link):
        await a_photo(window, "first.jpg")
        await a_photo(window, "second.jpg")
        strip = window.photos.strip
        before = strip.grab().toImage()
        window.action["rotate_right"].trigger()
        await settled(window)
        assert strip.grab().toImage() != before
        spoken = strip.films.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
        assert spoken == "second.jpg, photo 2 of 2, has unsaved work"


async def test_a_waiting_photo_closes_without_having_been_opened():
    async with a_window() as (window, link):
        await with_hundred(window)
        window.file_commands.close(window.photos.documents[50])
        await settled(window)
        assert len(window.photos.documents) == 99
        assert len(link.of(m.Open)) == 1


async def test_a_thumbnail_is_shown_once_it_is_read():
    async with a_window() as (window, _link):
        await with_hundred(window)
        window.file_commands.show_thumbnail(HUNDRED[1], np.full((40, 60, 3), 200, np.uint8))
        image = window.photos.strip.films.index(1).data(Qt.ItemDataRole.DecorationRole)
        assert image.pixelColor(5, 5).red() == 200
