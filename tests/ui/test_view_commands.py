"""Viewing in the window: comparison, panels, keyboard focus and the status bar."""

from __future__ import annotations

import asyncio

import pytest
from fakes import a_photo, a_window, settled, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from shiboken6 import delete

from clarity_desktop import messages as m
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.panels import LEFT
from clarity_desktop.values import VersionId


async def two_versions(window: MainWindow) -> DocumentState:
    """Open a photo and turn it once."""
    view = await a_photo(window)
    window.action["rotate_right"].trigger()
    await settled(window)
    return view


async def test_comparing_chooses_the_other_version_and_shows_both_scores():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head
        for name in ("rotate_right", "flip_horizontal"):
            window.action[name].trigger()
            await settled(window)
        await until(lambda: len(view.versions) == 3 and view.undo_to is not None)
        assert view.other == view.undo_to
        window.versions.choose(original or VersionId(""))
        assert window.versions.selected() == (original,)
        window.action["compare"].trigger()
        await settled(window)
        assert view.other == original
        assert view.canvas.comparison.mode == "split"
        assert window.action["split"].isChecked()
        assert window.quality.metrics["niqe"].change.text() == "2.0 better"
        window.action["side_by_side"].trigger()
        assert view.canvas.comparison.mode == "side"
        window.action["single"].trigger()
        assert view.canvas.comparison.mode == "single"


@pytest.mark.parametrize("held", [Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier])
async def test_a_version_that_appears_while_a_key_is_held_is_the_only_chosen_one(held):
    async with a_window() as (window, _link):
        view = await a_photo(window)
        original = view.head
        QTest.keyPress(window, Qt.Key.Key_F20, held)
        try:
            window.action["rotate_right"].trigger()
            await settled(window)
            assert window.versions.selected() == (view.head,)
            window.versions.choose(original or VersionId(""))
            assert window.versions.selected() == (original,)
        finally:
            QTest.keyRelease(window, Qt.Key.Key_F20)
        assert window.action["compare"].text() == window.action.specs["compare"].text


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
        view = await two_versions(window)
        now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        view.canvas.setFocus()
        window.action["before"].trigger()
        now = 100.1
        QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
        await until(lambda: not window.view_commands._release.isActive())
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
        view = await two_versions(window)
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


@pytest.mark.parametrize("shown_first", [False, True])
async def test_a_hold_ends_as_it_began_even_if_the_first_repeat_comes_early(
    monkeypatch: pytest.MonkeyPatch, shown_first: bool
):
    async with a_window() as (window, _link):
        view = await two_versions(window)
        now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        view.canvas.setFocus()
        if shown_first:
            window.action["before"].trigger()
            now = 110.0
        window.action["before"].trigger()
        for _ in range(20):  # X11 reports a release and a press where the key repeats, the first after 0.2 s
            now += 0.2
            QTest.keyRelease(view.canvas, Qt.Key.Key_Shift)
            QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
            window.action["before"].trigger()
            assert view.before is not shown_first
        QTest.keyRelease(view.canvas, Qt.Key.Key_Backslash)
        await until(lambda: view.before is shown_first)
        assert window.action["before"].isChecked() is shown_first


async def test_a_hold_ends_when_the_focus_goes_elsewhere(monkeypatch: pytest.MonkeyPatch):
    async with a_window() as (window, _link):
        view = await two_versions(window)
        now = 100.0
        monkeypatch.setattr("time.monotonic", lambda: now)
        view.canvas.setFocus()
        window.action["before"].trigger()
        now = 101.0
        window.chat.composer.setFocus()
        assert not view.before


async def test_a_key_may_be_held_while_the_focused_widget_goes():
    async with a_window() as (window, _link):
        view = await two_versions(window)
        field = QLineEdit(window)
        field.show()
        field.setFocus()
        window.action["before"].trigger()
        delete(field)
        window.action["before"].trigger()
        assert not view.before


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
        # Without the pointer, as after opening a photo, Tab goes on from the photo, too.
        view.canvas.setFocus()
        QTest.keyClick(view.canvas, Qt.Key.Key_Tab)
        assert not view.canvas.hasFocus()
        assert not any(d.isHidden() for d in window.docks.values())
        QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton)
        QTest.keyClick(view.canvas, Qt.Key.Key_Tab)
        assert all(d.isHidden() for d in window.docks.values())
        QTest.keyClick(view.canvas, Qt.Key.Key_Tab)
        assert not any(d.isHidden() for d in window.docks.values())


async def test_tab_from_the_chat_goes_round_the_window_and_hides_no_panel():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.chat.composer.setFocus()
        seen = set()
        for _ in range(200):
            focus = window.focusWidget()
            assert focus is not None
            seen.add(focus)
            QTest.keyClick(focus, Qt.Key.Key_Tab)
            if window.focusWidget() is window.chat.composer:
                break
        assert window.focusWidget() is window.chat.composer
        assert {view.canvas, window.versions.tree, *window.sides.edges.values()} <= seen
        assert all(dock.isVisible() for dock in window.docks.values())


async def test_columns_of_panels_collapse_and_come_back_as_they_were():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.docks["quality"].close()
        wide = view.canvas.width()
        edge = window.sides.edges[LEFT]
        edge.click()
        await until(lambda: view.canvas.width() > wide + 150)
        assert window.docks["versions"].isHidden()
        assert window.docks["chat"].isVisible()
        assert window.action["left_panels"].isChecked()
        assert "Show" in edge.accessibleName()
        window.action["left_panels"].trigger()
        assert window.docks["versions"].isVisible()
        assert window.docks["quality"].isHidden()
        assert not window.action["left_panels"].isChecked()


async def test_in_a_narrow_window_the_photo_has_most_of_the_width():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.resize(1024, 700)
        await until(lambda: view.canvas.width() > 0.6 * 1024)
        window.action["left_panels"].trigger()  # wanted nevertheless
        assert window.docks["versions"].isVisible()
        window.action["left_panels"].trigger()
        window.resize(1300, 800)
        window.resize(1024, 700)
        window.resize(1300, 800)
        await until(window.docks["versions"].isVisible)


async def test_a_panel_folds_to_its_title_and_its_neighbor_takes_the_room():
    async with a_window() as (window, _link):
        await a_photo(window)
        restore, chat = window.docks["restore"], window.docks["chat"]
        before = chat.height()
        folder = restore.titleBarWidget().folder
        folder.click()
        await until(lambda: chat.height() > before + 50)
        assert restore.height() < 40
        assert folder.accessibleName() == "Unfold Restore"
        shape = window.shape()
        folder.click()
        await until(lambda: restore.height() > 100)
        window.restore_shape(shape)
        await until(lambda: restore.height() < 40)


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
