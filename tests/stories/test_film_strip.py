"""A folder of photos in the film strip: thumbnails at once, a photo is opened where the user stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clarity_desktop import messages as m

from .user import Sitting


async def test_a_folder_shows_thumbnails_and_opens_what_is_looked_at(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    paths = [picture(f"{k}.png", size=(60, 40), color=20 * k) for k in range(8)]
    paths[5].write_bytes(b"not a picture")
    async with sit_down() as user:
        user.window.file_commands.open_paths(paths)
        await user.idle()
        photos = user.window.photos
        await user.wait_for(lambda: len(photos.documents) == 8)
        await user.wait_for(lambda: all(state.thumbnail is not None for state in photos.documents[1:5]))
        assert [state.card is not None for state in photos.documents] == [True] + [False] * 7
        small = photos.documents[3].thumbnail
        assert small is not None
        assert abs(small.pixelColor(30, 20).red() - 60) <= 1
        assert user.texts() == []  # a broken photo says so when it is opened

        user.window.photos.select(photos.documents[7])
        await user.wait_for(lambda: photos.documents[7].card)
        await user.idle()
        await user.click("rotate_right")
        assert len(user.events(m.Opened)) == 2

        user.window.photos.select(photos.documents[5])
        await user.wait_for(lambda: len(photos.documents) == 7)
        await user.idle()
        assert len(user.texts()) == 1
