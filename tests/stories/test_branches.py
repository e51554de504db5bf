"""Two ways to restore one photo: rename while scores arrive, delete, undo and redo around it, and come back later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMessageBox

from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog

from .user import QuickScorer, Sitting


async def test_a_photo_with_two_branches(
    sit_down: Sitting, picture: Callable[..., Path], scorer: QuickScorer, tmp_path: Path
) -> None:
    project = tmp_path / "rain.clarity"
    async with sit_down() as user:
        await user.open(picture())
        original = user.head.id
        await user.restore("derain")
        first = user.head.id
        await user.click("undo")
        scorer.gate.close()
        user.start_restoring("dehaze")
        await user.wait_for(lambda: user.head.step.task == "dehaze")
        second = user.head.id
        assert user.listed() == {original, first, second}

        # The scores arrive while the new name is being typed.
        user.choose(second)
        user.start("rename")
        [editor] = user.window.versions.tree.findChildren(QLineEdit)
        editor.setText("")
        QTest.keyClicks(editor, "Less ha")
        scorer.gate.open()
        await user.wait_for(lambda: user.shown.versions[second].quality is not None)
        QTest.keyClicks(editor, "ze")
        QTest.keyClick(editor, Qt.Key.Key_Return)
        await user.wait_for(lambda: user.shown.versions[second].name is not None)
        await user.idle()
        assert user.shown.versions[second].name == "Less haze"
        assert user.shown.versions[first].name is None

        # A deleted version is nowhere that undo and redo lead to.
        user.window.versions.choose(second)
        await user.click("delete")
        assert user.head.id == original
        assert user.listed() == {original, first}
        assert user.shown.redo_to != second
        await user.press()  # “Undo” in the notice
        assert user.listed() == {original, first, second}
        user.choose(first)
        await user.click("go_to")
        await user.click("rotate_right")
        turned = user.head.id
        user.choose(first)
        await user.click("delete")
        assert user.head.id == turned
        await user.click("undo")
        assert user.head.id == original
        assert user.shown.redo_to != first
        await user.click("redo")
        assert user.head.id == turned
        await user.save(project)
        assert not user.shown.unsaved
        await user.click("close")
        assert user.window.current is None

    async with sit_down() as user:
        await user.open(project)
        assert user.head.id == turned
        assert user.listed() == {original, turned, second}
        assert user.shown.versions[second].name == "Less haze"
        assert user.shown.undo_to == original
        await user.click("reset")
        latest = user.head.id
        user.start("close")
        await user.answer(QMessageBox.ButtonRole.DestructiveRole)
        assert user.window.current is None

        # What was discarded can be brought back.
        await user.click("reopen")
        [dialog] = [d for d in user.window.findChildren(ClosedDialog) if d.isVisible()]
        dialog.list.setCurrentRow(0)
        dialog.open_button.click()
        await user.idle()
        assert user.head.id == latest
        assert user.shown.versions[second].name == "Less haze"
