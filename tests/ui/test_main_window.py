"""The main window with a scripted link in place of the backend: documents, events, jobs, notices and settings."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import a_photo, a_window, settled, texts, type_key, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QStatusTipEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from clarity_desktop import messages as m
from clarity_desktop import settings as choices
from clarity_desktop.settings import Settings
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.panels import LEFT
from clarity_desktop.values import Quality, RestoreParams, VersionId


async def test_a_photo_is_previewed_before_its_document_exists():
    async with a_window() as (window, link):
        link.gates[m.Open] = asyncio.Event()
        window.file_commands.open_paths([Path("rain.jpg")])
        await until(
            lambda: window.current is not None and window.current.canvas.view.scale > 0 and bool(link.of(m.Open))
        )
        assert window.photos.strip.films.index(0).data() == "rain.jpg"
        assert not window.action["restore"].isEnabled()
        link.gates[m.Open].set()
        await settled(window)
        assert window.action["restore"].isEnabled()
        assert window.windowTitle().startswith("rain.jpg – ")
        assert "480 × 300 · 8 bit · sRGB" in window.status.photo.text()


async def test_a_bug_is_shown_with_the_log_and_without_its_trace(caplog: pytest.LogCaptureFixture):
    async with a_window() as (window, link):
        await a_photo(window)
        link.errors[m.Undo] = ZeroDivisionError("secret detail")
        window.action["rotate_left"].trigger()
        await settled(window)
        window.action["undo"].trigger()
        await settled(window)
        [text] = texts(window)
        assert str(choices.log_file()) in text
        assert "secret detail" not in text
        assert "ZeroDivisionError" in caplog.text


async def test_a_notice_closes_itself():
    async with a_window() as (window, _link):
        bar = window.session.notify("Saved.", seconds=0.05)
        assert bar.isVisible()
        await until(lambda: texts(window) == [])
        assert window.notices.isHidden()


async def test_a_disk_that_hangs_does_not_hold_up_quitting(qapp: object):
    window, disk = MainWindow(Settings()), threading.Event()
    hanging = asyncio.ensure_future(window.session.in_file_thread(disk.wait))
    await asyncio.sleep(0)
    await window.session.close(patience=0.05)
    assert not hanging.done()
    disk.set()
    await hanging
    window.deleteLater()


async def test_the_preferences_keep_what_changed_while_they_were_open():
    async with a_window() as (window, link):
        window.action["preferences"].trigger()
        [dialog] = window.findChildren(Preferences)
        window.preference_commands.rebind({"crop": "K"})
        await a_photo(window, "other.jpg")
        dialog.threads.setValue(3)
        dialog.buttons.accepted.emit()
        await settled(window)
        settings = window.session.settings
        assert (settings.threads, settings.shortcuts, settings.recent) == (3, {"crop": "K"}, ("other.jpg",))
        assert [request.settings.threads for request in link.of(m.Configure)] == [3]


async def test_settings_are_saved_off_the_ui_thread():
    async with a_window() as (window, _link):
        window.session.change_settings(threads=3)
        await window.session.in_file_thread(lambda: None)
        assert choices.load().threads == 3
        assert window.session.settings.threads == 3


async def test_models_in_memory_are_unloaded_from_the_dialog():
    async with a_window() as (window, link):
        window.action["models"].trigger()
        await settled(window)
        dialog = window.findChild(ModelsDialog)
        assert dialog is not None
        assert dialog.loaded_title.text() == "1 model in memory (57 MB)"
        dialog.unload.click()
        await settled(window)
        assert link.of(m.UnloadModel) == [m.UnloadModel("maxim-deraining")]
        assert dialog.loaded.isHidden()
        dialog.close()


async def test_undo_in_an_empty_message_undoes_the_last_change():
    async with a_window() as (window, link):
        await a_photo(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.chat.composer.setFocus()
        QTest.keyClicks(window.chat.composer, "hi")
        type_key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert link.of(m.Undo) == []
        window.chat.composer.clear()
        type_key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: bool(link.of(m.Undo)))
        await settled(window)


async def test_the_chat_sends_shows_and_keeps_a_conversation_for_each_photo():
    async with a_window() as (window, link):
        view = await a_photo(window, "a.jpg")
        composer = window.chat.composer
        composer.setPlainText("remove the rain")
        QTest.keyClick(composer, Qt.Key.Key_Return)
        await settled(window)
        [sent] = link.of(m.SendMessage)
        assert sent.text == "remove the rain"
        assert sent.visible == view.canvas.view.visible()
        assert [b.text() for b in window.chat.transcript.bubbles] == ["remove the rain", "You said: remove the rain"]
        await a_photo(window, "b.jpg")
        assert window.chat.transcript.bubbles == []
        window.action["next_photo"].trigger()
        assert window.current is view
        assert len(window.chat.transcript.bubbles) == 2


async def test_tabs_keep_each_photos_own_state():
    async with a_window() as (window, _link):
        first = await a_photo(window, "a.jpg")
        window.action["rotate_right"].trigger()
        await settled(window)
        window.action["split"].trigger()
        second = await a_photo(window, "b.jpg")
        assert second.canvas.comparison.mode == "single"
        assert not window.action["undo"].isEnabled()
        window.action["previous_photo"].trigger()
        assert window.current is first
        assert window.action["split"].isChecked()
        assert window.action["undo"].isEnabled()
        window.file_commands.open_paths([Path("b.jpg")])
        assert window.current is second
        assert len(window.photos.documents) == 2


async def test_the_end_of_the_session_closes_saved_photos_and_leaves_unsaved_work_to_be_offered_again():
    async with a_window() as (window, link):
        await a_photo(window, "untouched.jpg")
        touched = await a_photo(window, "touched.jpg")
        window.action["rotate_right"].trigger()
        await settled(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: bool(link.of(m.Restore)))
        ended: list[bool] = []
        window.ended.connect(lambda: ended.append(True))
        window.end_session()
        await until(lambda: bool(ended))
        assert not window.isVisible()
        assert not window.requests.running
        assert [r.document for r in link.of(m.Close)] != [touched.id]
        assert len(link.of(m.Close)) == 1
        assert choices.load().window


@pytest.mark.parametrize("error", [m.UserError("It is not there."), RuntimeError("a bug")])
async def test_quitting_ends_the_program_though_a_document_cannot_be_closed(error: Exception):
    async with a_window() as (window, link):
        for name in ("a.jpg", "b.jpg"):
            await a_photo(window, name)
        link.errors[m.Close] = error
        ended: list[bool] = []
        window.ended.connect(lambda: ended.append(True))
        window.action["quit"].trigger()
        await until(lambda: bool(ended))
        assert len(link.of(m.Close)) == 2


async def test_many_versions_keep_few_lists_of_tiles():
    async with a_window() as (window, _):
        view = await a_photo(window, "rain.jpg")
        manifest = view.manifests[view.head]
        for k in range(100):
            view.add_manifest(replace(manifest, version=VersionId(str(k))))
        assert len(view.manifests) <= 64
        view.add_manifest(manifest)
        assert view.manifests[manifest.version] is manifest


async def test_the_window_remembers_its_shape_and_keys(qapp: object):
    async with a_window() as (window, _link):
        window.resize(1100, 750)
        window.docks["chat"].close()
        window.preference_commands.rebind({"crop": "K"})
    settings = choices.load()
    assert settings.shortcuts == {"crop": "K"}
    async with a_window(settings=settings) as (window, _link):
        window.restore_shape(settings.window)
        assert window.height() == 750  # its width is cut to the test's screen
        assert window.docks["chat"].isHidden()
        assert window.action["crop"].shortcut().toString() == "K"


async def test_what_is_asked_before_the_backend_is_there_is_asked_when_it_comes():
    async with a_window(connected=False) as (window, link):
        window.file_commands.open_paths([Path("rain.jpg")])
        await asyncio.sleep(0.05)
        assert link.asked == []
        assert window.status.job.isVisible()
        window.connect_backend(link)
        await settled(window)
        assert window.current is not None
        assert window.current.card is not None


async def test_scores_go_to_their_version_even_when_another_is_open():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head or VersionId("")
        window.action["rotate_right"].trigger()
        await settled(window)
        view.add_quality(original, Quality(niqe=9.5))
        window.refresh()
        assert window.quality.metrics["niqe"].change.text() == "5.3 better"


async def test_bars_above_the_photo_leave_the_panels_their_room_and_the_sentence_its_own():
    async with a_window() as (window, _link):
        window.resize(1024, 700)
        window.action["left_panels"].trigger()
        await a_photo(window)
        await asyncio.sleep(0.05)
        width = window.versions.width()
        for name, bar in (("crop", window.crop_bar), ("straighten", window.straighten_bar)):
            window.action[name].trigger()
            await asyncio.sleep(0.05)
            assert window.versions.width() == width
            assert bar.cancel.geometry().right() <= bar.width()
            assert not bar.title.isVisible() or bar.title.width() >= bar.title.sizeHint().width()
            assert bar.cancel.width() >= bar.cancel.sizeHint().width()
        window.edit_commands.leave()
        offer = ("Recover", lambda: None), ("Later", lambda: None), ("Set aside", lambda: None)
        notice = window.session.notify("“small rain.jpg” from 15:22 has unsaved work: 2 versions.", "offer", offer)
        await asyncio.sleep(0.05)
        assert window.versions.width() == width
        sentence = next(w for w in notice.findChildren(QLabel) if w.text() == notice.text)
        assert notice.buttons[0].y() > sentence.geometry().bottom()
        window.resize(1600, 1000)
        await asyncio.sleep(0.05)
        assert notice.buttons[0].y() < sentence.geometry().bottom()


async def test_a_job_with_a_long_name_does_not_make_the_window_wider():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.status.show_pixel((1234, 567), (200, 201, 202))
        window.resize(1024, 700)
        window.status.show_job("Exporting a name that is much longer than most_restored.png", 0.5, "", 3.0)
        await asyncio.sleep(0.05)
        assert window.width() == 1024
        assert window.status.job.cancel.width() >= window.status.job.cancel.sizeHint().width()
        window.status.show_no_job()


def test_every_action_of_the_window_does_something(qapp: object):
    """An action without a slot would be a dead menu entry."""
    window = MainWindow(Settings())
    dead = [n for n in window.action.specs if not window.action[n].isSignalConnected(SIGNAL)]
    assert dead == []
    asyncio.run(window.session.close())
    window.deleteLater()


SIGNAL = QAction.staticMetaObject.method(QAction.staticMetaObject.indexOfMethod("triggered(bool)"))


async def test_tips_of_actions_and_a_job_never_lie_over_each_other():
    async with a_window() as (window, link):
        view = await a_photo(window)
        tip = QStatusTipEvent("Crop the photo")
        QApplication.sendEvent(window, tip)
        assert window.status.currentMessage() == "Crop the photo"
        link.gates[m.Restore] = asyncio.Event()
        window.session.ask(m.Restore(view.id, view.head, RestoreParams("dehaze")), view, "Remove haze")
        assert window.status.currentMessage() == ""
        assert window.status.job.isVisible()
        QApplication.sendEvent(window, tip)
        assert window.status.currentMessage() == ""
        link.gates[m.Restore].set()
        await settled(window)
        QApplication.sendEvent(window, tip)
        assert window.status.currentMessage() == "Crop the photo"


async def test_the_adjust_panel_gets_its_room_once_although_the_shape_was_saved_before():
    async with a_window() as (window, _link):
        assert window.docks["adjust"].visibleRegion().isEmpty()
        shape = window.shape()
    async with a_window() as (window, _link):
        window.restore_shape(shape)
        window.resize(1024, 700)
        window.sides.reveal("adjust")
        await settled(window)
        assert window.sides.folded() == ["chat"]
        shape = window.shape()
    async with a_window() as (window, _link):
        window.restore_shape(shape)
        window.resize(1024, 700)
        window.sides.fold(())
        window.sides.reveal("restore")
        window.sides.reveal("adjust")
        await settled(window)
        assert window.sides.folded() == []


async def test_the_first_window_fits_on_a_small_screen():
    async with a_window() as (window, _link):
        window.restore_shape("")
        room = window.screen().availableSize()  # 800 × 800 in tests
        assert window.width() <= max(room.width(), window.minimumSizeHint().width())
        assert window.height() <= room.height()


async def test_the_quality_panel_is_in_front_where_the_panels_were_collapsed_before_the_window_was_shown():
    async with a_window() as (window, _link):
        window.hide()
        window.sides.collapse(LEFT)
        window.show()
        window.sides.show(LEFT)
        await until(lambda: not window.docks["versions"].visibleRegion().isEmpty())
        await settled(window)
        assert not window.docks["quality"].visibleRegion().isEmpty()
        assert window.docks["info"].visibleRegion().isEmpty()
