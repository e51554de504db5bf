"""Cancel: nothing of a cancelled step stays; and two photos that are restored at once both come to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clarity_desktop.messages import Exported, TileDone

from .user import Gate, Sitting


async def test_a_cancelled_restoration_leaves_no_version_and_no_painted_part(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(200, 180, 160)))
        await user.wait_for(lambda: user.brightness() > 150)
        original = user.head.id
        gate.close(after=4)
        user.start_restoring("dehaze")
        await user.wait_for(lambda: len(user.events(TileDone)) == 4)
        await user.wait_for(lambda: user.brightness() < 150)  # from the center outwards
        await user.click("cancel")
        assert user.head.id == original
        assert user.listed() == {original}
        await user.wait_for(lambda: user.brightness() > 150)
        assert user.texts() == []
        assert not user.window.action["cancel"].isEnabled()
        gate.open()
        await user.restore("dehaze")
        assert user.head.parent == original


async def test_a_cancelled_export_leaves_no_file(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with sit_down() as user:
        await user.open(picture(size=(1200, 900)))
        user.start("export")
        dialog = user.window.export_commands.dialog
        dialog.folder.setText(str(out))
        dialog.export_button.click()
        await user.wait_for(lambda: user.window.requests.jobs)
        await user.click("cancel")
        written = [event.path for event in user.events(Exported)]  # it may have been quicker
        assert list(out.iterdir()) == written
        assert len(user.texts()) == len(written)
        await user.click("export_again")
        assert len(list(out.iterdir())) == 1


async def test_two_photos_restored_at_once_both_end(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png"))
        gate.close()
        user.start_restoring("dehaze")
        await user.wait_for(gate.reached.is_set)
        user.window.file_commands.open_paths([picture("b.png")])
        await user.wait_for(lambda: user.shown is not first and user.shown.card)
        second = user.shown
        user.start_restoring("derain")
        await user.wait_for(lambda: len(user.window.requests.jobs) == 2)
        assert first.head == first.original
        gate.open()
        await user.idle()
        assert first.head_version.step.task == "dehaze"
        assert second.head_version.step.task == "derain"
        assert [len(state.versions) for state in (first, second)] == [2, 2]
        assert user.window.requests.jobs == []
