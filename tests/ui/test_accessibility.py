"""What the accessibility bus sees: every shown control has a name, and the keyboard reaches all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fakes import a_photo, a_window, settled, until
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.dialogs.shortcuts import ShortcutsDialog

R = QAccessible.Role
CONTROLS = {
    R.Button, R.ButtonMenu, R.ButtonDropDown, R.CheckBox, R.RadioButton, R.ComboBox, R.EditableText, R.Slider,
    R.SpinBox, R.Dial, R.Tree, R.List, R.Table, R.TreeItem, R.ListItem, R.PageTab, R.PageTabList, R.MenuItem,
    R.MenuBar, R.ToolBar, R.ProgressBar, R.Link, R.StatusBar, R.Canvas, R.StaticText, R.Dialog, R.AlertMessage,
}  # fmt: skip


def seen(root: QWidget) -> Iterator[QAccessibleInterface]:
    """All that the bus shows below a window."""
    waiting = [QAccessible.queryAccessibleInterface(root)]
    while waiting:
        at = waiting.pop()
        if at is None or not at.isValid() or at.state().invisible:
            continue
        yield at
        waiting += [at.child(k) for k in range(at.childCount())]


def nameless(root: QWidget) -> list[str]:
    found = []
    for at in seen(root):
        text = at.text(QAccessible.Text.Name).strip() or at.text(QAccessible.Text.Value).strip()
        if at.role() in CONTROLS and not text:
            thing = at.object()
            found.append(f"{at.role().name} {type(thing).__name__} {thing.objectName() if thing else ''}")
    return found


async def test_every_shown_control_of_the_window_has_a_name():
    async with a_window() as (window, _link):
        assert nameless(window) == []
        await a_photo(window, "a.jpg")
        await a_photo(window, "b.jpg")
        window.action["rotate_right"].trigger()
        await settled(window)
        window.session.notify("A sentence.", "offer", (("Do it", lambda: None),))
        window.chat.composer.setPlainText("remove the rain")
        window.chat.composer.send()
        await settled(window)
        assert nameless(window) == []
        window.action["crop"].trigger()
        await asyncio.sleep(0.02)
        assert nameless(window) == []
        window.action["straighten"].trigger()
        await asyncio.sleep(0.02)
        assert nameless(window) == []
        window.sides.reveal("regions")
        for tool in ("select_click", "select_box", "brush", "lasso"):
            window.action[tool].trigger()
            await asyncio.sleep(0.02)
            assert nameless(window) == [], tool
        window.action["select_all"].trigger()
        window.regions.keep.click()
        window.regions.words.setText("cars")
        window.regions.find_button.click()
        await settled(window)
        assert nameless(window) == []


async def test_every_shown_control_of_the_compare_view_has_a_name():
    async with a_window() as (window, _link):
        await a_photo(window, "a.jpg")
        window.compare_commands.ask_methods("dehaze")
        [dialog] = window.findChildren(CompareMethodsDialog)
        await settled(window)
        assert nameless(dialog) == []
        dialog.run.click()
        await settled(window)
        for name in ("difference", "blink", "grid", "take_part"):
            window.action[name].trigger()
            await asyncio.sleep(0.02)
            assert nameless(window) == [], name


async def test_every_shown_control_of_the_dialogs_has_a_name():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.model_commands.show_dialog()
        for name in ("export", "preferences", "shortcuts", "about"):
            window.action[name].trigger()
        dialogs = [d for d in window.findChildren(QDialog) if d.isVisible()]
        kinds = {type(d) for d in dialogs}
        assert {Preferences, ShortcutsDialog, QMessageBox} < kinds
        await asyncio.sleep(0.05)
        assert [n for d in dialogs for n in nameless(d)] == []
        await until(lambda: not window.requests.running)
        for dialog in dialogs:
            dialog.close()


async def test_tab_and_shift_tab_reach_every_control_of_the_docks():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.versions.tree.setFocus()
        reached = set()
        for _ in range(80):
            QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
            if window.current and window.focusWidget() is window.current.canvas:
                QTest.keyClick(window.current.canvas, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
                break
            reached.add(window.focusWidget())
        else:
            pytest.fail("Tab never came to the photo")
        for _ in range(80):
            reached.add(window.focusWidget())
            QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
        dock = window.restore
        wanted = {dock.task, dock.method, dock.strength, dock.button, dock.visible_button}
        wanted |= {window.chat.composer, window.chat.send, window.versions.tree}
        assert {w.accessibleName() for w in wanted - reached} == set()


@pytest.mark.parametrize("size", [(1024, 700), (1600, 1000)])
async def test_nothing_is_cut_off_in_the_smallest_window(size: tuple[int, int]):
    async with a_window() as (window, _link):
        window.resize(*size)
        await a_photo(window)
        await until(window.restore.estimate.isVisible)
        await asyncio.sleep(0.05)
        assert (window.width(), window.height()) == size
        inside = window.rect()
        for widget in (window.restore.button, window.chat.composer, window.status.zoom, window.restore.estimate):
            corner = widget.mapTo(window, QPoint(widget.width(), widget.height()))
            assert inside.contains(corner), widget.accessibleName()
            assert widget.visibleRegion().boundingRect().height() >= widget.height() - 2, widget.accessibleName()


async def test_tab_does_not_lead_to_panels_behind_the_tabs_of_others():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        for front, covered in (("restore", "adjust"), ("adjust", "restore")):
            window.sides.reveal(front)
            await settled(window)
            view.canvas.setFocus()
            seen = set()
            for _ in range(120):
                QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
                if window.focusWidget() is view.canvas:
                    break
                seen.add(window.focusWidget())
            assert any(window.docks[front].isAncestorOf(widget) for widget in seen)
            assert not any(window.docks[covered].isAncestorOf(widget) for widget in seen)
