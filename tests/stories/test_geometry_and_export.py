"""Crop, straighten and rotate, undo past them, export as JPEG and read the file back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from clarity_desktop.messages import Exported

from .user import Sitting

ORIENTATION, ARTIST, SIDEWAYS = 0x0112, 0x013B, 6


async def test_a_turned_and_cropped_photo_is_exported_as_it_is_shown(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[ARTIST] = SIDEWAYS, "Ada"
    photo = picture("holiday.jpg", exif=exif, quality=95)
    before = photo.read_bytes()
    async with sit_down() as user:
        await user.open(photo)
        assert (user.head.width, user.head.height) == (150, 200)  # upright, as the camera was held
        await user.click("rotate_right")
        assert (user.head.width, user.head.height) == (200, 150)

        await user.click("crop")
        user.window.crop_bar.ratio.setCurrentIndex(user.window.crop_bar.ratio.findData(1.0))
        user.window.crop_bar.ratio.activated.emit(user.window.crop_bar.ratio.currentIndex())
        await user.wait_for(lambda: user.shown.canvas.crop.bounds.width == user.shown.canvas.crop.bounds.height)
        user.window.crop_bar.apply.click()
        await user.idle()
        assert user.head.step.kind == "crop"
        assert (user.head.width, user.head.height) == (150, 150)

        await user.click("straighten")
        user.window.straighten_bar.degrees.setValue(10)
        user.window.straighten_bar.apply.click()
        await user.idle()
        assert user.head.step.kind == "straighten"
        assert user.head.width == user.head.height < 150
        assert user.shown.distances[user.head.id] is None  # nothing to measure: pixels are elsewhere

        for _ in range(3):
            await user.click("undo")
        assert user.head.id == user.shown.original
        for _ in range(2):
            await user.click("redo")
        assert user.head.step.kind == "crop"

        await user.export(tmp_path, format="jpeg")
        [done] = user.events(Exported)
        assert any(done.path.name in text for text in user.texts())
        shown = await user.pixels()
    with Image.open(done.path) as exported:
        assert exported.size == (150, 150)
        assert exported.getexif().get(ORIENTATION, 1) == 1
        assert exported.getexif()[ARTIST] == "Ada"
        assert np.abs(np.asarray(exported.convert("RGB")).astype(int) - shown).mean() < 4
    assert photo.read_bytes() == before
