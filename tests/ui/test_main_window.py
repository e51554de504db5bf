"""The window driven through its flows, with a scripted link in the backend's place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import a_photo, a_window, gradient, settled, until
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QMessageBox, QPushButton
from shiboken6 import isValid

from clarity_desktop import messages as m
from clarity_desktop import settings as choices
from clarity_desktop.messages import FileExists, ModelMissing, UserError
from clarity_desktop.settings import Settings
from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.values import Bounds, Crop, Flip, Quality, Recovery, RestoreParams, Rotate, Straighten, VersionId


def texts(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.notices.bars()]


def press(window: MainWindow, text: str) -> None:
    """Press the notice's button of that name."""
    [button] = [b for bar in window.notices.bars() for b in bar.buttons if b.text() == text]
    button.click()


def type_key(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    window.activateWindow()
    QTest.keyClick(window.focusWidget() or window, key, modifier)


async def test_a_photo_is_previewed_before_its_document_exists():
    async with a_window() as (window, link):
        link.gates[m.Open] = asyncio.Event()
        window.file_commands.open_paths([Path("rain.jpg")])
        await until(
            lambda: window.current is not None and window.current.canvas.view.scale > 0 and bool(link.of(m.Open))
        )
        assert window.photos.tabs.tabText(0) == "rain.jpg"
        assert not window.action["restore"].isEnabled()
        link.gates[m.Open].set()
        await settled(window)
        assert window.action["restore"].isEnabled()
        assert window.windowTitle().startswith("rain.jpg – ")
        assert "480 × 300 · 8 bit · sRGB" in window.status.photo.text()


async def test_a_photo_that_cannot_be_opened_leaves_a_sentence_and_no_tab():
    async with a_window() as (window, link):
        link.errors[m.Open] = UserError("“broken.jpg” is not a picture.")
        window.file_commands.open_paths([Path("broken.jpg")])
        await settled(window)
        assert window.current is None
        assert texts(window) == ["“broken.jpg” is not a picture."]


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


async def test_restoring_shows_progress_paints_tiles_and_adds_a_version():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: any(f.progress for f in window.requests.jobs))
        assert window.status.job.isVisible()
        assert window.status.job.name.text() == "Remove rain: tile 1 of 2"
        assert window.status.job.left.text() == "4 s left"
        [request] = link.of(m.Restore)
        assert request.params == RestoreParams("derain", "maxim-deraining", visible=view.canvas.view.visible())
        link.gates[m.Restore].set()
        await settled(window)
        assert not window.status.job.isVisible()
        assert len(view.versions) == 2
        assert view.head_version is not None
        assert view.head_version.step.method == "maxim-deraining"
        assert view.unsaved
        assert window.photos.tabs.tabText(0) == "rain.jpg*"


async def test_escape_cancels_the_running_job_and_nothing_else():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: window.action["cancel"].isEnabled() and bool(link.of(m.Restore)))
        window.action["cancel"].trigger()
        await settled(window)
        assert link.cancelled == link.of(m.Restore)
        assert window.current is view
        assert len(view.versions) == 1
        assert not window.status.job.isVisible()
        assert not window.action["cancel"].isEnabled()


async def test_a_version_that_was_committed_while_it_was_cancelled_is_shown():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: bool(link.of(m.Restore)))
        link.gates[m.Restore].set()
        window.requests.cancel_job()
        await settled(window)
        assert len(view.versions) == 2


async def test_a_long_restoration_is_offered_with_the_visible_part_first():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.seconds = 184.0
        window.restore.choose("deblur")
        view.canvas.view.zoom_to(8.0)
        window.action["restore"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Restoring the whole photo (0.1 MP) will take about 3 min on CPU."]
        visible = view.canvas.view.visible()
        press(window, "Visible part first (18 s)")
        await settled(window)
        [first, request] = link.of(m.Restore)
        assert (first.confirmed, request.confirmed) == (False, True)
        assert request.params.region.bounds == visible.cut(Bounds(0, 0, 480, 300))
        assert request.params.feather > 0
        assert texts(window) == []


async def test_a_visible_part_that_would_take_long_is_offered_too():
    async with a_window() as (window, link):
        await a_photo(window)
        link.seconds = 184.0
        window.action["restore_visible"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window)[0].startswith("Restoring this part (0.1 MP) will take about 3 min on CPU.")
        press(window, "Restore")
        await settled(window)
        [first, request] = link.of(m.Restore)
        assert first.params.region is request.params.region is not None
        assert (first.confirmed, request.confirmed) == (False, True)


async def test_a_long_restoration_that_is_declined_does_not_run():
    async with a_window() as (window, link):
        await a_photo(window)
        link.seconds = 60.0
        window.restore_commands.run("dehaze")
        await until(lambda: bool(texts(window)))
        press(window, "Cancel")
        await settled(window)
        assert [request.confirmed for request in link.of(m.Restore)] == [False]
        assert texts(window) == []


async def test_restore_pressed_on_two_photos_runs_both():
    async with a_window() as (window, link):
        first = await a_photo(window, "a.jpg")
        second = await a_photo(window, "b.jpg")
        link.gates[m.Restore] = asyncio.Event()
        window.action["restore"].trigger()
        window.action["previous_photo"].trigger()
        window.action["restore"].trigger()
        await until(lambda: len(link.of(m.Restore)) == 2)
        link.gates[m.Restore].set()
        await settled(window)
        assert [len(state.versions) for state in (first, second)] == [2, 2]


async def test_a_restoration_that_could_not_start_does_not_start_later():
    async with a_window() as (window, link):
        await a_photo(window)
        link.errors[m.Restore] = link.errors[m.Estimate] = UserError("It needs 5 GB; 1 GB is free.")
        window.action["restore"].trigger()
        await settled(window)
        link.errors.clear()
        window.session.change_settings(threads=2)  # the estimate is asked for again
        await until(lambda: not window.restore.estimate.isHidden())
        await settled(window)
        assert len(link.of(m.Restore)) == 1


async def test_an_offer_belongs_to_its_photo_and_goes_with_it():
    async with a_window() as (window, link):
        first = await a_photo(window, "a.jpg")
        await a_photo(window, "b.jpg")
        window.action["previous_photo"].trigger()
        link.seconds = 184.0
        window.action["restore"].trigger()
        await until(lambda: bool(texts(window)))
        height = first.canvas.height()
        window.action["next_photo"].trigger()
        assert texts(window) == []
        window.action["previous_photo"].trigger()
        assert len(texts(window)) == 1
        assert first.canvas.height() == height, "notices lie over the photo"
        window.action["close"].trigger()
        await until(lambda: bool(link.of(m.Close)))
        window.action["previous_photo"].trigger()
        assert texts(window) == []
        await settled(window)


async def test_a_notice_closes_itself():
    async with a_window() as (window, _link):
        bar = window.session.notify("Saved.", seconds=0.05)
        assert bar.isVisible()
        await until(lambda: texts(window) == [])
        assert window.notices.isHidden()


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


async def test_before_and_redo_pass_over_a_deleted_version():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head
        for _ in range(2):
            window.action["rotate_left"].trigger()
            await settled(window)
        last, middle = view.head, view.head_version.parent
        window.session.ask(m.Edit(view.id, middle, deleted=True), view)
        await settled(window)
        assert view.other == original
        window.action["undo"].trigger()
        await settled(window)
        assert (view.head, view.redo_to) == (original, last)
        assert window.action["redo"].isEnabled()
        window.action["redo"].trigger()
        await settled(window)
        assert view.head == last


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


async def test_missing_weights_are_marked_fetched_on_request_and_then_used():
    async with a_window() as (window, link):
        await a_photo(window)
        window.restore.choose("denoise")
        assert "(download)" in window.restore.method.currentText()
        assert "89 MB" in window.restore.fetch_button.text()
        window.restore.button.click()
        [text] = texts(window)
        assert "89 MB" in text
        assert "Apache-2.0" in text
        press(window, "Download and restore")
        await until(lambda: bool(link.of(m.Restore)))
        await settled(window)
        assert [r.model for r in link.of(m.FetchModel)] == ["maxim-denoising"]
        assert "(download)" not in window.restore.method.currentText()


async def test_a_missing_model_is_shown_with_a_way_to_the_models():
    async with a_window() as (window, link):
        await a_photo(window)
        link.errors[m.Restore] = ModelMissing("deraining.bin is not here; fetch it.")
        window.restore.button.click()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["deraining.bin is not here; fetch it."]
        press(window, "Models…")
        assert window.model_commands.dialog is not None
        window.model_commands.dialog.close()


async def test_the_step_of_another_version_is_repeated_on_the_open_one():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.restore.button.click()
        await settled(window)
        restored, original = view.head, view.original
        assert restored
        assert original
        assert not window.action["repeat"].isEnabled()  # the open version was made by it
        window.versions.choose(original)
        assert not window.action["repeat"].isEnabled()  # nothing ran to make the original
        window.action["undo"].trigger()
        await settled(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        turned = view.head
        assert turned
        assert not window.action["repeat"].isEnabled()  # only restorations are repeated
        window.versions.choose(restored)
        assert window.action["repeat"].isEnabled()
        window.action["repeat"].trigger()
        await settled(window)
        assert link.of(m.Repeat) == [m.Repeat(view.id, turned, restored)]
        assert view.head_version
        assert view.head_version.parent == turned
        assert view.head_version.step.method == "maxim-deraining"


async def test_a_long_repetition_says_first_how_long_it_takes():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.restore.button.click()
        await settled(window)
        restored = view.head
        assert restored
        window.action["undo"].trigger()
        await settled(window)
        link.seconds = 95.0
        window.versions.choose(restored)
        window.action["repeat"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Repeating “Rain removed” on the open version will take about 2 min."]
        press(window, "Repeat")
        await settled(window)
        assert [request.confirmed for request in link.of(m.Repeat)] == [False, True]


async def test_undo_redo_and_jump_move_the_head():
    async with a_window() as (window, link):
        view = await a_photo(window)
        original = view.head
        window.action["rotate_right"].trigger()
        await settled(window)
        rotated = view.head
        assert window.action["undo"].isEnabled()
        window.action["undo"].trigger()
        await settled(window)
        assert view.head == original
        assert not window.action["undo"].isEnabled()
        window.action["redo"].trigger()
        await settled(window)
        assert view.head == rotated
        window.versions.choose(original or VersionId(""))
        window.action["go_to"].trigger()
        await settled(window)
        assert link.of(m.GoTo)[0].version == original
        assert view.head == original


async def test_undo_and_redo_are_not_lost_when_keys_come_faster_than_answers():
    async with a_window() as (window, link):
        view = await a_photo(window)
        for _ in range(2):
            window.action["rotate_left"].trigger()
            await settled(window)
        last = view.head
        for name in ("undo", "undo", "undo", "redo", "redo", "redo", "undo", "redo"):
            window.action[name].trigger()
        await settled(window)
        assert len(link.of(m.Undo)) == 3
        assert len(link.of(m.Redo)) == 3
        assert view.head == last
        assert texts(window) == []
        assert window.action["undo"].isEnabled()
        assert not window.action["redo"].isEnabled()


async def test_an_estimate_is_asked_for_again_after_a_restoration():
    async with a_window() as (window, link):
        await a_photo(window)
        await until(lambda: "4 s" in window.restore.estimate.text())
        window.action["restore"].trigger()
        await settled(window)
        link.seconds = 15.0
        window.action["undo"].trigger()
        await until(lambda: "15 s" in window.restore.estimate.text())


async def test_a_method_without_its_weights_shows_no_estimate_of_another():
    async with a_window() as (window, _link):
        await a_photo(window)
        await until(lambda: not window.restore.estimate.isHidden())
        window.restore.choose("denoise")
        assert window.restore.choice().missing
        assert window.restore.estimate.isHidden()


async def test_reset_makes_a_new_version():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["flip_horizontal"].trigger()
        await settled(window)
        window.action["reset"].trigger()
        await settled(window)
        assert len(link.of(m.Reset)) == 1
        assert len(view.versions) == 3


async def test_rename_star_and_delete_with_its_undo():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        version = view.head or VersionId("")
        model = window.versions.model
        assert model.setData(window.versions.tree.currentIndex(), "Upright")
        await settled(window)
        assert view.versions[version].name == "Upright"
        window.action["star"].trigger()
        await settled(window)
        assert view.versions[version].star
        window.action["delete"].trigger()
        await until(lambda: bool(texts(window)))
        await settled(window)
        assert view.versions[version].deleted
        assert view.head != version
        assert texts(window) == ["“Upright” was deleted."]
        press(window, "Undo")
        await settled(window)
        assert not view.versions[version].deleted


async def test_enter_ends_the_typing_of_a_name_and_opens_nothing():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        head, original = view.head, view.original
        assert original
        window.activateWindow()
        await until(window.isActiveWindow)
        window.versions.tree.setFocus()
        window.versions.choose(original)
        QTest.keyClick(window.versions.tree, Qt.Key.Key_F2)
        await until(lambda: isinstance(window.focusWidget(), QLineEdit))
        editor = window.focusWidget()
        assert isinstance(editor, QLineEdit)
        QTest.keyClicks(editor, "First try")
        QTest.keyClick(editor, Qt.Key.Key_Return)
        await settled(window)
        assert view.versions[original].name == "First try"
        assert not link.of(m.GoTo)
        assert view.head == head


async def test_the_original_is_not_deleted_and_the_open_version_is_not_opened():
    async with a_window() as (window, link):
        view = await a_photo(window)
        assert not window.action["delete"].isEnabled()
        assert not window.action["go_to"].isEnabled()
        window.action["rotate_left"].trigger()
        await settled(window)
        assert window.action["delete"].isEnabled()
        assert not window.action["go_to"].isEnabled()
        window.versions.choose(view.original or VersionId(""))
        assert not window.action["delete"].isEnabled()
        assert window.action["go_to"].isEnabled()
        window.action["delete"].trigger()
        assert not link.of(m.Edit)


async def test_the_star_of_a_starred_version_can_be_removed_by_its_name():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        assert window.action["star"].text() == "&Star"
        window.action["star"].trigger()
        await settled(window)
        assert window.action["star"].text() == "Remove &star"
        window.action["star"].trigger()
        await settled(window)
        assert window.action["star"].text() == "&Star"
        assert view.head_version is not None
        assert not view.head_version.star


async def test_comparing_chooses_the_other_version_and_shows_both_scores():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head
        for name in ("rotate_right", "flip_horizontal"):
            window.action[name].trigger()
            await settled(window)
        assert view.other == view.undo_to
        window.versions.choose(original or VersionId(""))
        window.action["compare"].trigger()
        await settled(window)
        assert view.other == original
        assert view.canvas.comparison.mode == "split"
        assert window.action["split"].isChecked()
        assert window.quality.metrics["niqe"].change.text() == "▼ 2.0 better"
        window.action["side_by_side"].trigger()
        assert view.canvas.comparison.mode == "side"
        window.action["single"].trigger()
        assert view.canvas.comparison.mode == "single"


async def test_the_conversation_can_ask_to_compare():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head or VersionId("")
        window.action["rotate_right"].trigger()
        await settled(window)
        window.view_commands.compare(view, original, view.head or VersionId(""))
        assert view.other == original
        assert view.canvas.comparison.mode == "side"


async def test_before_toggles_and_a_held_key_only_peeks(monkeypatch: pytest.MonkeyPatch):
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        view.canvas.setFocus()
        window.action["before"].trigger()
        now = 100.1
        QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
        assert view.before
        window.action["before"].trigger()
        assert not view.before
        window.action["before"].trigger()
        now = 101.0
        QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
        await until(lambda: not view.before)


async def test_a_held_key_that_x11_reports_as_released_and_pressed_again_does_not_flicker(
    monkeypatch: pytest.MonkeyPatch,
):
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        view.canvas.setFocus()
        window.action["before"].trigger()
        now = 100.6
        for _ in range(3):
            QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
            assert view.before
            window.action["before"].trigger()
            assert view.before
            assert window.action["before"].isChecked()
        QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
        await until(lambda: not view.before)
        assert not window.action["before"].isChecked()


@pytest.mark.parametrize("action", ["split", "side_by_side", "stacked", "before"])
async def test_comparing_says_that_there_is_only_one_version(action: str):
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.action[action].trigger()
        texts = [bar.text for bar in window.notices.bars()]
        assert texts == ["There is only one version, so there is nothing to compare."]
        assert not window.action[action].isChecked()
        assert view.canvas.comparison.mode == "single"
        window.action["rotate_right"].trigger()
        await settled(window)
        window.action[action].trigger()
        assert window.action[action].isChecked()


async def test_crop_straighten_rotate_and_flip_ask_for_versions():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["crop"].trigger()
        assert window.crop_bar.isVisible()
        view.canvas.crop.set_bounds(Bounds(10, 20, 200, 100))
        assert window.crop_bar.size_label.text() == "200 × 100"
        window.crop_bar.apply.click()
        await settled(window)
        assert not window.crop_bar.isVisible()
        window.action["straighten"].trigger()
        window.straighten_bar.slider.setValue(-25)
        assert window.straighten_bar.degrees.value() == -2.5
        window.straighten_bar.apply.click()
        await settled(window)
        window.action["rotate_left"].trigger()
        window.action["flip_vertical"].trigger()
        await settled(window)
        changes = [r.transform for r in link.of(m.ApplyTransform)]
        assert changes == [Crop(Bounds(10, 20, 200, 100)), Straighten(-2.5), Rotate(3), Flip("vertical")]


async def test_leaving_the_crop_changes_nothing():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["crop"].trigger()
        window.crop_bar.ratio.setCurrentText("1 : 1")
        frame = view.canvas.crop.bounds
        assert frame is not None
        assert frame.width == frame.height
        QTest.keyClick(view.canvas, Qt.Key.Key_Escape)
        assert not window.crop_bar.isVisible()
        assert not window.action["crop"].isChecked()
        assert not link.of(m.ApplyTransform)


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
        assert window.photos.tabs.tabText(0) == "rain.jpg"
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


async def test_quitting_closes_saved_photos_and_leaves_unsaved_work_to_be_offered_again():
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
        window.action["quit"].trigger()
        await until(lambda: bool(ended))
        assert not window.isVisible()
        assert not window.requests.running
        assert [r.document for r in link.of(m.Close)] != [touched.id]
        assert len(link.of(m.Close)) == 1
        assert choices.load().window


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


async def test_what_an_earlier_run_left_is_offered_one_after_the_other():
    thumb = np.zeros((60, 80, 3), np.uint8)
    async with a_window(connected=False) as (window, link):
        link.recoveries = (
            Recovery(Path("one.store"), "one.jpg", 1_700_000_000, 5, thumb),
            Recovery(Path("two.store"), "two.jpg", 1_700_000_000, 1, thumb),
        )
        window.connect_backend(link)  # type: ignore[arg-type]
        await settled(window)
        assert "one.jpg" in texts(window)[0]
        assert "5 versions" in texts(window)[0]
        assert "1 more" in texts(window)[0]
        press(window, "Recover")
        assert "was left open; its conversation" in texts(window)[0]
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
        window.connect_backend(link)  # type: ignore[arg-type]
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


async def test_what_is_asked_before_the_backend_is_there_is_asked_when_it_comes():
    async with a_window(connected=False) as (window, link):
        window.file_commands.open_paths([Path("rain.jpg")])
        await asyncio.sleep(0.05)
        assert link.asked == []
        assert window.status.job.isVisible()
        window.connect_backend(link)  # type: ignore[arg-type]
        await settled(window)
        assert window.current is not None
        assert window.current.card is not None


async def test_the_first_run_opens_the_sample_with_one_click_left():
    async with a_window() as (window, link):
        window.file_commands.open_first([Path("rain.jpg")])
        await settled(window)
        press(window, "Remove rain")
        await settled(window)
        assert [r.params.task for r in link.of(m.Restore)] == ["derain"]


async def test_the_clipboard_goes_out_and_comes_in():
    async with a_window() as (window, link):
        await a_photo(window)
        window.action["copy"].trigger()
        await until(lambda: "The picture is in the clipboard." in texts(window))
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


async def test_recent_photos_are_listed_and_missing_ones_are_grey(tmp_path: Path):
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


async def test_a_newer_estimate_replaces_an_older_one_and_a_restoration_goes_on():
    async with a_window() as (window, link):
        view = await a_photo(window)
        assert view.id is not None
        assert view.head is not None
        await until(lambda: bool(link.of(m.Estimate)))  # the panel's own
        await settled(window)
        link.gates[m.Estimate] = asyncio.Event()
        older = window.session.ask(m.Estimate(view.id, view.head, "dehaze"), view)
        newer = window.session.ask(m.Estimate(view.id, view.head, "deblur"), view)
        await until(lambda: older not in window.requests.running)
        assert newer in window.requests.running
        link.gates[m.Estimate].set()
        link.gates[m.Restore] = asyncio.Event()
        first = window.session.ask(m.Restore(view.id, view.head, RestoreParams("dehaze")), view, "one")
        second = window.session.ask(m.Restore(view.id, view.head, RestoreParams("deblur")), view, "two")
        await until(lambda: len(link.of(m.Restore)) == 2)
        assert first in window.requests.running
        assert second in window.requests.running
        assert window.status.job.name.text().startswith("one (+1)")
        link.gates[m.Restore].set()
        await settled(window)


async def test_scores_go_to_their_version_even_when_another_is_open():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head or VersionId("")
        window.action["rotate_right"].trigger()
        await settled(window)
        view.add_quality(original, Quality(niqe=9.5))
        window.refresh()
        assert window.quality.metrics["niqe"].change.text() == "▼ 5.3 better"


async def test_single_letters_are_typed_in_the_chat_and_act_on_the_photo():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.chat.composer.setFocus()
        QTest.keyClicks(window.chat.composer, "hey/1")
        assert window.chat.composer.toPlainText() == "hey/1"
        assert not link.of(m.ApplyTransform)
        view.canvas.setFocus()
        QTest.keyClick(view.canvas, Qt.Key.Key_H)
        await until(lambda: bool(link.of(m.ApplyTransform)))
        await settled(window)
        QTest.keyClick(view.canvas, Qt.Key.Key_1)
        assert view.canvas.view.scale == 1.0


async def test_tab_hides_the_panels_from_the_photo_and_moves_on_in_text():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.chat.composer.setFocus()
        QTest.keyClick(window.chat.composer, Qt.Key.Key_Tab)
        assert not window.chat.composer.hasFocus()
        assert window.docks["chat"].isVisible()
        view.canvas.setFocus()
        QTest.keyClick(view.canvas, Qt.Key.Key_Tab)
        assert [d.isVisible() for d in window.docks.values()] == [False] * 4
        QTest.keyClick(view.canvas, Qt.Key.Key_Tab)
        assert [d.isVisible() for d in window.docks.values()] == [True] * 4


async def test_f6_goes_round_the_parts_of_the_window():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        view.canvas.setFocus()
        seen = []
        for _ in range(5):
            window.action["next_pane"].trigger()
            focus = window.focusWidget()
            seen.append(focus.accessibleName() if focus else "")
        assert seen == ["Versions", "Quality", "Task", "Message", "Photo"]


async def test_f6_reaches_what_the_window_says():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        bar = window.session.notify("This would take long.", "offer", (("Restore all", lambda: None),))
        window.current.canvas.setFocus()
        window.action["previous_pane"].trigger()
        assert window.focusWidget() is bar.buttons[0]
        bar.buttons[0].click()
        await asyncio.sleep(0)


async def test_bars_above_the_photo_leave_the_panels_their_room_and_the_sentence_its_own():
    async with a_window() as (window, _link):
        window.resize(1024, 700)
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


async def test_full_screen_and_back():
    async with a_window() as (window, _link):
        window.action["full_screen"].trigger()
        assert window.isFullScreen()
        window.action["full_screen"].trigger()
        assert not window.isFullScreen()


async def test_the_pixel_under_the_pointer_is_shown():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        await until(lambda: view.canvas.layers.main.value(10, 10) is not None)
        view.canvas.hovered.emit((10, 10))
        assert window.status.pixel.text().startswith("10, 10")
        view.canvas.hovered.emit(None)
        assert window.status.pixel.text() == ""


def test_every_action_of_the_window_does_something(qapp: object):
    """An action without a slot would be a dead menu entry."""
    window = MainWindow(Settings())
    dead = [n for n in window.action.specs if not window.action[n].isSignalConnected(SIGNAL)]
    assert dead == []
    asyncio.run(window.session.close())
    window.deleteLater()


SIGNAL = QAction.staticMetaObject.method(QAction.staticMetaObject.indexOfMethod("triggered(bool)"))
