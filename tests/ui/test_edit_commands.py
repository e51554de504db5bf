"""Editing in the window: undo and redo, names, stars, deletion, crop, straighten, rotate and flip."""

from __future__ import annotations

from fakes import a_photo, a_window, press, settled, texts, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from clarity_desktop import messages as m
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.values import (
    Bounds,
    Crop,
    Flip,
    MethodPreference,
    Rotate,
    Straighten,
    TaskPreferences,
    VersionId,
)


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


async def test_a_version_is_rejected_by_key_and_taken_back_by_the_notice():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["rotate_right"].trigger()
        await settled(window)
        version = view.head or VersionId("")
        window.versions.tree.setFocus()
        QTest.keyClick(window.versions.tree, Qt.Key.Key_X)
        await until(lambda: bool(texts(window)))
        assert "was rejected" in texts(window)[0]
        assert link.of(m.Edit)[-1].rejected is True
        assert view.versions[version].rejected
        window.versions.choose(version)
        assert window.action["reject"].text() == "Take back the re&jection"
        assert window.action["reject"] in window.versions.menu_actions
        press(window, "Undo")
        await settled(window)
        assert not view.versions[version].rejected
        assert link.of(m.GoTo)[-1].version == version
        window.versions.choose(next(iter(view.versions)))
        assert not window.action["reject"].isEnabled()  # the photo itself cannot be rejected


async def test_preferences_are_reset_and_brought_back_in_their_dialog():
    async with a_window() as (window, link):
        await a_photo(window)
        window.session.change_settings(methods={"derain": "maxim-deraining", "deblur": "maxim-deblurring"})
        window.action["preferences"].trigger()
        [dialog] = window.findChildren(Preferences)
        page = dialog.methods_page
        dialog.pages.setCurrentWidget(page)
        await settled(window)
        rain = page.list.topLevelItem(0)
        page.list.setCurrentItem(rain)
        page.reset_task.click()
        await settled(window)
        assert link.of(m.ResetPreferences)[-1].task == "derain"
        assert window.session.settings.methods == {"deblur": "maxim-deblurring"}
        assert page.undo.isEnabled()
        page.undo.click()
        await settled(window)
        assert len(link.of(m.RestorePreferences)) == 1
        assert set(window.session.settings.methods) == {"derain", "deblur"}
        assert not page.undo.isEnabled()
        dialog.close()


async def test_the_restore_panel_selects_what_the_user_prefers():
    async with a_window() as (window, link):
        await a_photo(window)
        first, second = "maxim-dehazing-indoor", "maxim-dehazing-outdoor"
        window.restore.choose("dehaze")
        assert window.restore.method.currentData() == first
        methods = (MethodPreference(second, 0.8, 2), MethodPreference(first, 0.5, 0))
        link.preferences = (TaskPreferences("dehaze", methods),)
        window.session.ask(m.ListPreferences())
        await settled(window)
        window.restore.choose("derain")
        window.restore.choose("dehaze")
        assert window.restore.method.currentData() == second
