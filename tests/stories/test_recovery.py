"""Several documents that were left open are offered at the next start, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog

from .user import Sitting


async def test_left_documents_are_recovered_put_off_or_set_aside(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    names = {"a.png", "b.png", "c.png"}
    async with sit_down() as user:
        for name in sorted(names):
            await user.open(picture(name, size=(60, 40)))
            await user.click("rotate_right")
        await user.open(picture("untouched.png", size=(60, 40)))

    recover, later, set_aside = 0, -2, -1
    async with sit_down() as user:
        await user.press(later)
        await user.press(set_aside)
        await user.press(recover)
        assert user.texts() == []
        [state] = user.window.photos.documents
        recovered = state.title
        await user.click("undo")

    async with sit_down() as user:  # the one that was put off, and the one that was open when the user quit
        assert len(user.texts()) == 1
        await user.press(1)  # recover all
        titles = {state.title for state in user.window.photos.documents}
        assert len(titles) == 2
        assert recovered in titles
        assert all(len(state.versions) == 2 for state in user.window.photos.documents)
        await user.click("reopen")
        [dialog] = [d for d in user.window.findChildren(ClosedDialog) if d.isVisible()]
        assert dialog.list.count() == 1
        dialog.open_button.click()
        await user.wait_for(lambda: len(user.window.photos.documents) == 3)
        await user.idle()
        assert {state.title for state in user.window.photos.documents} == names
