"""What leaves the program and what is known of a photo: before and after, the info panel, recent files, help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from clarity_desktop.ui.dialogs.help import HelpDialog

from .user import QUICK, Sitting


async def test_before_and_after_are_exported_as_one_picture(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with sit_down() as user:
        await user.open(picture(color=(200, 200, 200)))
        user.start("export")
        dialog = user.window.export_commands.dialog
        assert dialog is not None
        assert not dialog.content.isEnabled()  # nothing is before the original
        dialog.reject()
        await user.restore("derain")
        await user.export(out, content="side")
        made = np.asarray(Image.open(out / "rain_restored_before_after.png"))
        assert made.shape[1] > 400
        assert made[120, 20].tolist() == [200, 200, 200]
        assert made[120, -20].tolist() == [100, 100, 100]
        await user.export(out, content="split", exists="number")
        split = max(out.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        made = np.asarray(Image.open(split))
        assert made.shape == (150, 200, 3)
        assert (made[120, 20, 0], made[120, -20, 0]) == (200, 100)


async def test_the_info_panel_tells_what_the_metadata_say(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Camera <b>1</b>"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] = 400
    async with sit_down() as user:
        user.window.sides.reveal("info")
        await user.open(picture("a.jpg", exif=exif))
        texts = user.window.info.texts()
        assert "Camera <b>1</b>" in texts
        assert "ISO 400" in texts
        assert "a.jpg" in texts
        assert user.window.info.histogram.histogram is not None
        await user.open(picture("b.png"))
        assert "ISO 400" not in user.window.info.texts()


async def test_the_picture_is_copied_and_pasted(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.click("rotate_right")
        shown = (await user.pixels()).copy()
        await user.click("copy")
        await user.wait_for(lambda: not QGuiApplication.clipboard().image().isNull())
        await user.wait_for(lambda: "Copied to the clipboard." in user.texts())
        await user.click("paste")
        await user.wait_for(lambda: len(user.window.session.documents) == 2 and user.shown.card)
        await user.idle()
        assert np.array_equal(await user.pixels(), shown)


async def test_recent_files_that_are_gone_are_grayed_out(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    there, gone = str(picture("there.png")), str(tmp_path / "gone.png")
    async with sit_down(replace(QUICK, recent=(there, gone))) as user:
        page = user.window.photos.empty
        buttons = {b.property("path"): b for b in page.findChildren(QPushButton) if b.property("path")}
        await user.wait_for(lambda: not buttons[gone].isEnabled())
        assert buttons[there].isEnabled()


async def test_f1_opens_a_page_with_the_keys(sit_down: Sitting) -> None:
    async with sit_down() as user:
        await user.click("help")
        [page] = [d for d in user.window.findChildren(HelpDialog) if d.isVisible()]
        text = page.page.toPlainText()
        assert "First steps" in text
        assert "Ctrl+Z" in text
        await user.click("help")
        assert len(user.window.findChildren(HelpDialog)) == 1
        page.close()
