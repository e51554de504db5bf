"""The table of actions: complete, without conflicts, re-bindable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QLineEdit, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.settings import resources
from clarity_desktop.ui.actions import ACTIONS, MENUS, TOOLBAR, Actions, conflicts, default_bindings
from clarity_desktop.ui.dialogs.shortcuts import ShortcutsDialog

ADOPTED = {
    "open": ["Ctrl+O"], "save": ["Ctrl+S"], "save_as": ["Ctrl+Shift+S"], "export_again": ["Ctrl+E"],
    "export": ["Ctrl+Shift+E"], "close": ["Ctrl+W"], "quit": ["Ctrl+Q"], "undo": ["Ctrl+Z"],
    "redo": ["Ctrl+Shift+Z", "Ctrl+Y"], "fit": ["Ctrl+0"], "full_size": ["1", "Ctrl+1"], "toggle_fit": ["Z"],
    "zoom_200": ["2"], "zoom_400": ["3"], "full_screen": ["F11"], "panels": ["Tab"],
    "left_panels": ["F7"], "right_panels": ["F8"], "before": ["\\"],
    "side_by_side": ["Y"], "split": ["Shift+Y"], "stacked": ["Alt+Y"], "compare": ["C"], "single": ["E"],
    "reset": ["Ctrl+Shift+R"], "next_photo": ["Ctrl+Tab"], "cancel": ["Esc"], "chat": ["Ctrl+L", "/"],
    "shortcuts": ["Ctrl+/"], "help": ["F1"], "preferences": ["Ctrl+,"], "rename": ["F2"], "delete": ["Del"],
    "star": ["S"],
}  # fmt: skip


@pytest.fixture
def actions(qtbot: QtBot) -> Iterator[Actions]:
    window = QMainWindow()
    qtbot.addWidget(window)
    yield Actions(window, {})
    window.close()


@pytest.mark.parametrize("name", ADOPTED)
def test_an_action_has_the_keys_of_the_established_editors(actions: Actions, name: str):
    assert [k.toString() for k in actions[name].shortcuts()] == ADOPTED[name]


def test_zoom_has_bare_and_ctrl_keys(actions: Actions):
    assert {k.toString() for k in actions["zoom_in"].shortcuts()} >= {"+", "Ctrl++"}
    assert {k.toString() for k in actions["zoom_out"].shortcuts()} >= {"-", "Ctrl+-"}


def test_no_key_belongs_to_two_actions():
    assert conflicts(default_bindings()) == {}


def test_keys_of_the_compare_view_may_be_those_of_other_actions_but_not_of_each_other():
    keys = default_bindings()
    assert keys["pick_1"] == "1"
    assert conflicts(keys | {"grid": "B"}) == {"B": ["grid", "blink"]}
    assert conflicts(keys | {"difference": "X"}) == {"X": ["difference", "reject"]}


def test_keys_of_the_compare_view_take_precedence_only_there(actions: Actions):
    actions.use_compare(True)
    assert [k.toString() for k in actions["full_size"].shortcuts()] == ["Ctrl+1"]
    assert actions["zoom_200"].shortcuts() == []
    assert actions["star"].shortcutContext() == Qt.ShortcutContext.WindowShortcut
    actions.rebind({"brush": "K"})
    assert [k.toString() for k in actions["brush"].shortcuts()] == ["K"]
    actions.use_compare(False)
    assert [k.toString() for k in actions["full_size"].shortcuts()] == ["1", "Ctrl+1"]
    assert [k.toString() for k in actions["brush"].shortcuts()] == ["K"]
    assert actions["star"].shortcutContext() == Qt.ShortcutContext.WidgetWithChildrenShortcut


def test_every_action_is_in_a_menu_and_every_entry_is_an_action():
    named = [name for names in MENUS.values() for name in names if name]
    assert len(named) == len(set(named))
    assert set(named) - {"samples", "recent", "docks", "tasks"} == {spec.name for spec in ACTIONS}
    assert {name for name in TOOLBAR if name} <= set(named)


def test_every_icon_exists():
    assert [s.icon for s in ACTIONS if s.icon and not (resources() / "icons" / f"{s.icon}.svg").is_file()] == []


def test_changed_keys_hold_and_unknown_actions_are_left_alone(actions: Actions):
    actions.rebind({"crop": "K; Ctrl+K", "no such thing": "X"})
    assert [k.toString() for k in actions["crop"].shortcuts()] == ["K", "Ctrl+K"]
    assert "(K)" in actions["crop"].toolTip()
    actions.rebind({})
    assert [k.toString() for k in actions["crop"].shortcuts()] == ["R"]


def test_only_what_finds_all_it_needs_is_enabled(actions: Actions):
    actions.enable({"nothing", "photo"})
    assert actions["open"].isEnabled()
    assert actions["crop"].isEnabled()
    assert not actions["undo"].isEnabled()
    assert not actions["cancel"].isEnabled()


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[ShortcutsDialog]:
    parent = QWidget()
    qtbot.addWidget(parent)
    yield ShortcutsDialog(parent, {"crop": "K"})
    parent.close()


def test_the_list_can_be_searched_by_words_and_keys(dialog: ShortcutsDialog):
    dialog.search.setText("rotate left")
    rows = [name for name, row in dialog.rows.items() if not row.isHidden()]
    assert rows == ["rotate_left"]
    dialog.search.setText("ctrl+shift+e")
    assert [name for name, row in dialog.rows.items() if not row.isHidden()] == ["export"]


def test_a_conflict_is_named_and_must_be_solved(dialog: ShortcutsDialog):
    dialog.bind("straighten", "Ctrl+O")
    assert dialog.problem.text() == "Ctrl+O is assigned to: Open, Straighten."
    assert not dialog.ok.isEnabled()
    dialog.choose("straighten")
    dialog.reset.click()
    assert dialog.ok.isEnabled()


def test_keys_are_assigned_cleared_and_reset(dialog: ShortcutsDialog, qtbot: QtBot):
    dialog.choose("flip_vertical")
    dialog.edit.setKeySequence(QKeySequence("Ctrl+J"))
    dialog.assign.click()
    dialog.choose("models")
    dialog.clear_keys.click()
    with qtbot.waitSignal(dialog.agreed) as said:
        dialog.ok.click()
    assert said.args == [{"crop": "K", "flip_vertical": "Ctrl+J", "models": ""}]
    dialog.reset_all.click()
    assert dialog.changed() == {}


def test_the_field_for_new_keys_has_a_name(dialog: ShortcutsDialog):
    field = dialog.edit.findChild(QLineEdit)
    assert field is not None
    assert field.accessibleName() == "New keys"
