"""Files in the window: open, drop, recover, the clipboard, save, export and close."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import a_photo, a_window, gradient, press, settled, texts, until
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QPushButton
from shiboken6 import isValid

from clarity_desktop import messages as m
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message
from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.values import ExportOptions, Recovery


async def test_a_photo_that_cannot_be_opened_leaves_a_sentence_and_no_tab():
    async with a_window() as (window, link):
        link.errors[m.Open] = UserError("“broken.jpg” is not a picture.")
        window.file_commands.open_paths([Path("broken.jpg")])
        await settled(window)
        assert window.current is None
        assert texts(window) == ["“broken.jpg” is not a picture."]


async def test_events_of_a_photo_that_was_closed_are_dropped():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.ApplyTransform] = asyncio.Event()
        window.action["rotate_right"].trigger()
        await until(lambda: bool(link.of(m.ApplyTransform)))
        window.action["close"].trigger()
        link.gates[m.ApplyTransform].set()
        await settled(window)
        await until(lambda: bool(link.of(m.Close)))
        await settled(window)
        assert window.current is None
        assert len(view.versions) == 1


async def test_tiles_and_a_preview_that_come_after_their_tab_was_closed_are_dropped():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        tiles = PendingRequest(m.ReadTiles(view.id, (b"1",)), view)
        opening = PendingRequest(m.Open(Path("b.jpg")), window.session.add_document("b.jpg", None))
        for closed in tuple(window.photos.documents):
            window.file_commands.close(closed)
            await until(lambda closed=closed: not isValid(closed.canvas))
        window._reach(tiles, m.TilesReady(view.id, ((b"1", gradient(None)),)))
        window._reach(opening, m.PreviewReady(Path("b.jpg"), 8, 6, np.zeros((6, 8, 3), np.uint8), None))
        await settled(window)


@pytest.mark.parametrize(("action", "kind"), [("restore", m.Restore), ("improve", m.Improve)])
async def test_closing_a_photo_that_is_being_restored_says_nothing_and_leaves_no_job(
    action: str, kind: type, caplog: pytest.LogCaptureFixture
):
    async with a_window() as (window, link):
        await a_photo(window)
        link.gates[kind] = asyncio.Event()
        window.action[action].trigger()
        await until(lambda: any(f.progress for f in window.requests.jobs))
        window.action["close"].trigger()
        await until(lambda: bool(link.of(m.Close)))
        await settled(window)
        assert texts(window) == []
        assert not window.status.job.isVisible()
        assert not [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]


async def test_closing_unsaved_work_asks_and_cancel_keeps_the_photo():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        for label, open_after in (("Cancel", True), ("Discard", False)):
            window.action["close"].trigger()
            [box] = [b for b in window.findChildren(QMessageBox) if b.isVisible()]
            [button] = [b for b in box.findChildren(QAbstractButton) if b.text() == label]
            button.click()
            await settled(window)
            assert (view in window.photos.documents) is open_after
        await until(lambda: bool(link.of(m.Close)))
        await settled(window)


async def test_whether_closing_asks_is_what_the_backend_says():
    async with a_window() as (window, link):
        link.advice = ()
        view = await a_photo(window)
        window.action["improve"].trigger()
        await until(lambda: bool(view.turns))
        await settled(window)
        assert window.photos.strip.films.index(0).data() == "rain.jpg"
        assert view.card
        assert view.head
        view.open(replace(view.card, unsaved=True, project=Path("rain.clarity")), view.manifests[view.head])
        window.action["close"].trigger()
        [box] = [b for b in window.findChildren(QMessageBox) if b.isVisible()]
        assert box.text() == "“rain.jpg” has changes that are not saved in its project."
        box.reject()


async def test_saving_a_project_makes_it_closable_without_a_question():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        window.file_commands.save_to(view, None, "holiday.clarity")
        await settled(window)
        assert not view.unsaved
        assert view.project == Path("holiday.clarity")
        window.action["save"].trigger()
        await settled(window)
        assert [r.path for r in link.of(m.SaveProject)] == [Path("holiday.clarity")] * 2
        window.action["close"].trigger()
        await settled(window)
        assert window.current is None


async def test_what_an_earlier_run_left_is_offered_one_after_the_other():
    thumb = np.zeros((60, 80, 3), np.uint8)
    async with a_window(connected=False) as (window, link):
        link.recoveries = (
            Recovery(Path("one.store"), "one.jpg", 1_700_000_000, 5, thumb),
            Recovery(Path("two.store"), "two.jpg", 1_700_000_000, 1, thumb),
        )
        window.connect_backend(link)
        await settled(window)
        assert "one.jpg" in texts(window)[0]
        assert "5 versions" in texts(window)[0]
        assert "1 more" in texts(window)[0]
        press(window, "Recover")
        assert "was left open; not all of it is saved." in texts(window)[0]
        await settled(window)
        assert [r.store for r in link.of(m.Recover)] == [Path("one.store")]
        assert window.current is not None
        press(window, "Move to closed documents")
        await settled(window)
        assert [r.store for r in link.of(m.DiscardRecovery)] == [Path("two.store")]
        assert texts(window) == []


async def test_all_that_an_earlier_run_left_can_be_recovered_at_once():
    thumb = np.zeros((60, 80, 3), np.uint8)
    async with a_window(connected=False) as (window, link):
        stores = [Path(f"{k}.store") for k in range(3)]
        link.recoveries = tuple(Recovery(store, store.stem, 1_700_000_000, 2, thumb) for store in stores)
        window.connect_backend(link)
        await settled(window)
        press(window, "Recover all")
        await settled(window)
        assert [r.store for r in link.of(m.Recover)] == stores
        assert texts(window) == []


async def test_what_was_closed_unsaved_can_be_opened_again():
    async with a_window() as (window, link):
        link.recoveries = (Recovery(Path("c.store"), "c.jpg", 0.0, 3, np.zeros((60, 80, 3), np.uint8)),)
        window.action["reopen"].trigger()
        await settled(window)
        [dialog] = window.findChildren(ClosedDialog)
        assert "3 versions" in (dialog.list.currentItem().text() if dialog.list.currentItem() else "")
        dialog.open_button.click()
        await settled(window)
        assert [r.store for r in link.of(m.Recover)] == [Path("c.store")]
        assert window.current is not None


async def test_a_notice_says_that_nothing_was_closed_unsaved_without_a_dialog():
    async with a_window() as (window, _link):
        window.action["reopen"].trigger()
        await settled(window)
        assert texts(window) == ["No document was closed without saving."]
        assert window.findChildren(ClosedDialog) == []


async def test_the_page_without_a_photo_has_room_for_what_was_opened_last():
    async with a_window(settings=Settings(recent=("/a.jpg",))) as (window, _link):
        assert [b.text() for b in window.photos.empty.findChildren(QPushButton) if b.isFlat()] == ["a.jpg"]
        for name in ("/b.jpg", "/c.jpg", "/d.jpg"):
            await a_photo(window, Path(name).name)
            window.session.change_settings(recent=(name, *window.session.settings.recent))
            window.action["close"].trigger()
            await settled(window)
        buttons = [b for b in window.photos.empty.findChildren(QPushButton) if b.isFlat() and not b.isHidden()]
        assert len(buttons) == 4
        assert all(b.height() >= b.sizeHint().height() for b in buttons)


async def test_the_clipboard_goes_out_and_comes_in():
    async with a_window() as (window, link):
        await a_photo(window)
        window.action["copy"].trigger()
        await until(lambda: "Copied to the clipboard." in texts(window))
        assert QGuiApplication.clipboard().image().width() == 480
        window.action["paste"].trigger()
        await until(lambda: bool(link.of(m.OpenPixels)))
        await settled(window)
        [pasted] = link.of(m.OpenPixels)
        assert pasted.pixels.shape == (300, 480, 3)
        assert window.current is not None
        assert window.current.title == "Pasted picture 1"
        QGuiApplication.clipboard().setText("words")
        window.action["paste"].trigger()
        assert "There is no picture in the clipboard." in texts(window)


async def test_dropped_folders_open_their_photos(tmp_path: Path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    async with a_window() as (window, link):
        window.file_commands.open_dropped([tmp_path])
        await until(lambda: len(link.of(m.Open)) == 2)
        await settled(window)
        assert [r.path.name for r in link.of(m.Open)] == ["a.png", "b.JPG"]


async def test_a_dropped_bitmap_opens():
    async with a_window() as (window, link):
        image = QImage(20, 10, QImage.Format.Format_RGB32)
        image.fill(0xFF8000)
        window.file_commands.open_image(image)
        await until(lambda: bool(link.of(m.OpenPixels)))
        await settled(window)
        assert tuple(link.of(m.OpenPixels)[0].pixels[0, 0]) == (255, 128, 0)


async def test_recent_photos_are_listed_and_missing_ones_are_gray(tmp_path: Path):
    here = tmp_path / "here.jpg"
    here.write_bytes(b"")
    settings = Settings(recent=(str(here), str(tmp_path / "gone.jpg")))
    async with a_window(settings=settings) as (window, link):
        menu = window.file_commands.recent_menu
        menu.aboutToShow.emit()
        entries = [a for a in menu.actions() if "jpg" in a.text()]
        await until(lambda: not entries[1].isEnabled())
        assert entries[0].isEnabled()
        entries[0].trigger()
        await settled(window)
        assert link.of(m.Open)[0].path == here
        menu.aboutToShow.emit()
        menu.actions()[-1].trigger()
        assert window.session.settings.recent == ()


async def test_export_asks_with_the_dialogs_choices_and_again_without_it():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["export_again"].trigger()
        dialog = window.export_commands.dialog
        assert dialog is not None
        dialog.format.setCurrentIndex(dialog.format.findData("jpeg"))
        dialog.quality.setValue(80)
        dialog.folder.setText("pictures")
        await until(lambda: dialog.size_label.text() == "About 1.2 MB")
        dialog.export_button.click()
        await settled(window)
        [request] = link.of(m.Export)
        assert request.options.path == Path("pictures/rain_restored.jpg")
        assert (request.options.format, request.options.quality, request.options.exists) == ("jpeg", 80, "ask")
        assert texts(window) == ["Exported rain_restored.jpg (1.2 MB)."]
        window.action["rotate_right"].trigger()
        await settled(window)
        window.action["export_again"].trigger()
        await settled(window)
        assert len(link.of(m.Export)) == 2
        assert link.of(m.Export)[1].version == view.head


async def test_what_a_file_cannot_hold_is_reported_before_and_after_the_export():
    async with a_window() as (window, link):
        await a_photo(window)
        link.losses = (Message("pictures.lost_block", {"format": "PNG", "block": "IPTC"}),)
        window.action["export"].trigger()
        dialog = window.export_commands.dialog
        assert dialog is not None
        await until(lambda: "IPTC" in dialog.losses_label.text())
        dialog.export_button.click()
        await settled(window)
        [text] = texts(window)
        assert text.startswith("Exported rain_restored.png (1.2 MB). ")
        assert "IPTC" in text


async def test_a_file_that_exists_is_asked_about():
    async with a_window() as (window, link):
        await a_photo(window)
        window.action["export"].trigger()
        assert window.export_commands.dialog is not None
        link.errors[m.Export] = FileExists("it exists")
        window.export_commands.dialog.export_button.click()
        await settled(window)
        assert "already exists" in texts(window)[0]
        del link.errors[m.Export]
        press(window, "Add a number")
        await settled(window)
        assert [r.options.exists for r in link.of(m.Export)] == ["ask", "number"]


async def test_one_question_is_asked_about_all_existing_files():
    async with a_window() as (window, link):
        views = [await a_photo(window, f"{k}.jpg") for k in range(3)]
        link.errors[m.Export] = FileExists("it exists")
        for view in views:
            options = ExportOptions(Path("/out") / f"{view.title}.png")
            window.session.ask(m.Export(view.id, view.head, options), view, "Exporting")
        await settled(window)
        assert texts(window) == ["3 files already exist in /out: 0.jpg.png, 1.jpg.png, 2.jpg.png"]
        # The same export once more takes the place of the one that waits.
        options = ExportOptions(Path("/out/0.jpg.png"))
        window.session.ask(m.Export(views[0].id, views[0].head, options), views[0], "Exporting")
        await settled(window)
        assert texts(window) == ["3 files already exist in /out: 1.jpg.png, 2.jpg.png, 0.jpg.png"]
        del link.errors[m.Export]
        press(window, "Overwrite all")
        await settled(window)
        assert [r.options.exists for r in link.of(m.Export)] == ["ask"] * 4 + ["overwrite"] * 3


async def test_a_dismissed_question_about_existing_files_is_forgotten():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.errors[m.Export] = FileExists("it exists")
        for name in ("a.png", "b.png"):
            window.session.ask(m.Export(view.id, view.head, ExportOptions(Path("/out") / name)), view, "Exporting")
            await settled(window)
            assert texts(window) == [f"{name} already exists in /out."]
            window.notices.bars()[0].close_later()
        assert len(link.of(m.Export)) == 2


async def test_export_chosen_twice_keeps_the_open_form():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.action["export"].trigger()
        form = window.export_commands.dialog
        assert form is not None
        form.pattern.setText("{name}_mine")
        window.action["export"].trigger()
        assert window.export_commands.dialog is form
        assert form.pattern.text() == "{name}_mine"
        form.reject()
        assert window.export_commands.dialog is None
