"""Quitting asks once about all unsaved work: save it, some of it, discard it, or stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog
from clarity_desktop.ui.dialogs.unsaved_work import UnsavedDialog

from .user import Sitting, User


def projects(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.clarity")}


NAMES = ("a.png", "b.png")


async def change_two(user: User, picture: Callable[..., Path]) -> UnsavedDialog:
    """Change two photos, look at a third, and choose Quit."""
    for name in NAMES:
        await user.open(picture(name, size=(60, 40)))
        await user.click("rotate_right")
    await user.open(picture("untouched.png", size=(60, 40)))
    question = await user.quit()
    assert question is not None
    assert question.list.count() == 2
    return question


async def test_save_all_writes_projects_beside_the_photos_and_quits(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
):
    (tmp_path / "b.clarity").write_bytes(b"another project")
    async with sit_down() as user:
        question = await change_two(user, picture)
        question.save.click()
        await user.wait_for(lambda: not user.window.isVisible())
    assert projects(tmp_path) == {"a.clarity", "b.clarity", "b (2).clarity"}
    assert (tmp_path / "b.clarity").read_bytes() == b"another project"
    async with sit_down() as user:
        assert user.texts() == []
        await user.open(tmp_path / "b (2).clarity")
        assert len(user.versions) == 2


async def test_what_is_not_checked_is_discarded_and_can_be_reopened(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
):
    async with sit_down() as user:
        question = await change_two(user, picture)
        question.list.item(1).setCheckState(Qt.CheckState.Unchecked)
        question.save.click()
        await user.wait_for(lambda: not user.window.isVisible())
    assert projects(tmp_path) == {"a.clarity"}
    async with sit_down() as user:
        assert user.texts() == []
        await user.click("reopen")
        [dialog] = user.window.findChildren(ClosedDialog)
        assert [dialog.list.item(k).text().split("\n")[0] for k in range(dialog.list.count())] == ["b.png"]
        dialog.reject()


async def test_discard_all_saves_nothing_and_asks_nothing_at_the_next_start(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
):
    async with sit_down() as user:
        question = await change_two(user, picture)
        question.discard.click()
        await user.wait_for(lambda: not user.window.isVisible())
    assert projects(tmp_path) == set()
    async with sit_down() as user:
        assert user.texts() == []


async def test_cancel_stays_and_the_next_quit_asks_again(sit_down: Sitting, picture: Callable[..., Path]):
    async with sit_down() as user:
        question = await change_two(user, picture)
        question.cancel.click()
        await user.wait_for(lambda: not user.window.findChildren(UnsavedDialog))
        assert user.window.isVisible()
        again = await user.quit()
        assert again is not None
        again.reject()


async def test_a_project_that_cannot_be_written_keeps_the_window(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
):
    async with sit_down() as user:
        await user.open(picture("a.png", size=(60, 40)))
        await user.click("rotate_right")
        await user.save(tmp_path / "folder" / "a.clarity")
        assert len(user.texts()) == 1
        user.shown.project = tmp_path / "folder" / "a.clarity"
        question = await user.quit()
        assert question is not None
        question.save.click()
        await user.idle()
        assert user.window.isVisible()
        assert user.shown.unsaved


@pytest.mark.parametrize("change", [False, True])
async def test_without_unsaved_work_nothing_is_asked(
    sit_down: Sitting, picture: Callable[..., Path], change: bool, tmp_path: Path
):
    async with sit_down() as user:
        await user.open(picture("a.png", size=(60, 40)))
        if change:
            await user.click("rotate_right")
            await user.save(tmp_path / "a.clarity")
        assert await user.quit() is None
