"""Several photos: a step for all of them, all of them exported, with a state for each and Cancel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from clarity_desktop.messages import Export
from clarity_desktop.values import Adjustments, adjustments_of

from .user import Gate, Sitting, User


async def three_photos(user: User, picture: Callable[..., Path]) -> None:
    for name in ("a.png", "b.png", "c.png"):
        await user.open(picture(name))


async def test_a_step_is_applied_to_all_open_photos(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture("a.png"))
        assert not user.window.action["apply_to_all"].isEnabled()
        await three_photos(user, picture)
        assert not user.window.action["apply_to_all"].isEnabled()  # opening is no step
        user.window.adjust.sliders["contrast"].setValue(30)
        user.window.adjust.apply.click()
        await user.idle()
        user.start("apply_to_all")
        dialog = user.window.batch_commands.dialog
        assert dialog is not None
        assert dialog.texts() == ["Waiting", "Waiting"]
        dialog.start.click()
        await user.wait_for(lambda: dialog.texts() == ["Done", "Done"])
        await user.idle()
        for state in user.window.session.documents:
            head = state.head_version
            assert head is not None
            assert adjustments_of(head.step.settings) == Adjustments(contrast=0.3)
        assert dialog.close_button.text() == "Close"
        dialog.close_button.click()


async def test_a_batch_is_cancelled_in_the_middle(sit_down: Sitting, picture: Callable[..., Path], gate: Gate) -> None:
    async with sit_down() as user:
        await three_photos(user, picture)
        await user.restore("dehaze")
        gate.close(after=1)
        user.start("apply_to_all")
        dialog = user.window.batch_commands.dialog
        assert dialog is not None
        dialog.start.click()
        await user.wait_for(gate.reached.is_set)
        assert user.shown.title == "c.png"
        dialog.close_button.click()
        gate.open()
        await user.idle()
        assert dialog.texts()[1] == "Cancelled"
        assert dialog.left.text() == "0 of 2, 2 cancelled"
        assert dialog.bar.value() == 0
        kinds = [len(state.versions) for state in user.window.session.documents]
        assert kinds[1] == 1
        dialog.close()


async def test_photos_that_wait_to_be_shown_are_opened_for_it(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        names = [f"{k}.png" for k in range(14)]
        user.window.file_commands.open_paths([picture(name, size=(40, 30)) for name in names])
        await user.wait_for(lambda: len(user.window.session.documents) == len(names))
        await user.idle()
        assert any(state.waits for state in user.window.session.documents)
        user.window.adjust.sliders["exposure"].setValue(40)
        user.window.adjust.apply.click()
        await user.idle()
        user.start("apply_to_all")
        dialog = user.window.batch_commands.dialog
        assert dialog is not None
        dialog.start.click()
        await user.wait_for(lambda: dialog.close_button.text() == "Close")
        await user.idle()
        assert dialog.texts() == ["Done"] * 13
        heads = [state.head_version for state in user.window.session.documents]
        assert all(head is not None and head.step.kind == "adjust" for head in heads)
        dialog.close()


async def test_all_open_photos_are_exported(sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with sit_down() as user:
        await three_photos(user, picture)
        (out / "b_restored.png").write_bytes(b"kept")
        user.start("export_all")
        form = user.window.export_commands.dialog
        assert form is not None
        assert form.export_button.text() == "Export all"
        form.folder.setText(str(out))
        form.export_button.click()
        dialog = user.window.batch_commands.dialog
        assert dialog is not None
        await user.wait_for(lambda: dialog.close_button.text() == "Close")
        await user.idle()
        assert dialog.texts() == ["a_restored.png", "The file exists", "c_restored.png"]
        assert (out / "b_restored.png").read_bytes() == b"kept"
        await user.press(0)  # add a number
        assert dialog.texts()[1].startswith("b_restored")
        assert len(list(out.iterdir())) == 4
        for path in (out / "a_restored.png", out / "c_restored.png"):
            assert np.asarray(Image.open(path)).shape == (150, 200, 3)
        assert len([r for r in user.link.requests if isinstance(r, Export)]) == 4
        dialog.close()
