"""Saying that a file is to be written: a question first, then a file beside the photo that replaces nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from clarity_desktop.messages import Exported

from .user import Sitting, keys


async def test_a_photo_is_saved_by_words(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    path = picture(size=(60, 40))
    async with sit_down() as user:
        await user.open(path)
        asked = await user.say("remove the rain and save it as png")
        assert keys(asked.content)[0] == "chat.export_question"
        wanted = path.with_name(f"{path.stem}-restored.png")
        assert str(wanted) in user.bubbles()[-1]
        assert not wanted.exists()
        wanted.write_bytes(b"another program's")

        done = await user.say("yes")
        assert keys(done.content)[0] == "chat.exported"
        assert wanted.read_bytes() == b"another program's"
        [exported] = user.events(Exported)
        assert exported.path == path.with_name(f"{path.stem}-restored (2).png")
        with Image.open(exported.path) as image:
            np.testing.assert_array_equal(image.convert("RGB"), await user.pixels())
