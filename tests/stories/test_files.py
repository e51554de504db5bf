"""Photos in and out: dropped, pasted and deep ones; existing files; the same project twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QGuiApplication

from clarity_desktop.messages import Exported, FileExists, Opened, PreviewReady
from clarity_desktop.ui.pixels import to_image
from tests.backend.test_pictures_raw import scene, write_dng

from .user import Sitting


async def test_a_folder_is_dropped_and_every_photo_has_its_own_history(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    names = ["a.png", "b.png", "c.png"]
    for name in names:
        picture(name)
    (tmp_path / "notes.txt").write_text("no photo")
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    async with sit_down() as user:
        user.window.file_commands.open_mime_data(dropped)
        await user.wait_for(lambda: len(user.window.photos.documents) == 3)
        await user.idle()
        assert [state.title for state in user.window.photos.documents] == names
        await user.restore("derain")
        await user.click("next_photo")
        assert user.shown.title == "a.png"
        assert len(user.versions) == 1
        assert not user.window.action["undo"].isEnabled()
        await user.open(tmp_path / "c.png")  # it is open already
        assert len(user.window.photos.documents) == 3
        assert user.head.step.task == "derain"
        await user.open(tmp_path / "b.png")
        await user.click("close")
        assert [state.title for state in user.window.photos.documents] == ["a.png", "c.png"]


async def test_a_pasted_picture_is_restored_saved_and_copied(
    sit_down: Sitting, photo: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    image = to_image(photo(120, 90))
    async with sit_down() as user:
        QGuiApplication.clipboard().setImage(image)
        user.start("paste")
        await user.wait_for(lambda: user.window.current and user.window.current.card)
        await user.idle()
        assert user.shown.path is None
        assert user.shown.unsaved  # it is in no file
        assert np.array_equal(await user.pixels(), photo(120, 90))
        await user.restore("derain")
        await user.click("copy")
        dark = int((await user.pixels())[45, 60, 0])
        await user.wait_for(lambda: QGuiApplication.clipboard().image().pixelColor(60, 45).red() == dark)
        copied = QGuiApplication.clipboard().image()
        assert (copied.width(), copied.height()) == (120, 90)
        await user.save(tmp_path / "pasted.clarity")
        assert not user.shown.unsaved
    async with sit_down() as user:
        await user.open(tmp_path / "pasted.clarity")
        assert user.head.step.task == "derain"


async def test_sixteen_bits_stay_sixteen_bits(
    sit_down: Sitting, photo: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    deep = photo(120, 90, depth=16)
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    out = tmp_path / "out"
    out.mkdir()
    async with sit_down() as user:
        await user.open(tmp_path / "deep.tif")
        assert user.shown.card.depth == 16
        await user.click("flip_vertical")
        await user.export(out, format="tiff")
        await user.restore("derain")
        await user.export(out, format="tiff", exists="number")
    flipped, halved = (tifffile.imread(path) for path in sorted(out.iterdir(), key=lambda p: p.stat().st_mtime_ns))
    assert np.array_equal(flipped, deep[::-1])
    assert np.abs(halved.astype(float) - deep[::-1] / 2).max() <= 1


async def test_an_existing_file_is_replaced_only_after_a_question(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    photo = picture("photo.png")
    untouched = photo.read_bytes()
    async with sit_down() as user:
        await user.open(photo)
        await user.restore("derain")
        await user.export(tmp_path, format="png")
        [first] = [event.path for event in user.events(Exported)]
        before = first.read_bytes()
        await user.restore("derain")
        await user.click("export_again")
        assert isinstance(user.link.errors[-1], FileExists)
        assert first.read_bytes() == before
        await user.press(0)  # add a number
        second = user.events(Exported)[-1].path
        assert second != first
        assert first.read_bytes() == before
        await user.click("export_again")
        await user.press(1)  # overwrite
        assert user.events(Exported)[-1].path == first
        assert first.read_bytes() != before
        with Image.open(first) as one, Image.open(second) as other:
            assert np.array_equal(np.asarray(one), np.asarray(other))
        # The photo itself is a file that exists, like every other.
        user.start("export")
        dialog = user.window.export_commands.dialog
        dialog.pattern.setText("photo")
        dialog.folder.setText(str(tmp_path))
        dialog.exists.setCurrentIndex(dialog.exists.findData("number"))
        dialog.export_button.click()
        await user.idle()
        assert user.events(Exported)[-1].path not in {first, second, photo}
        assert photo.read_bytes() == untouched


async def test_a_project_is_open_in_two_programs_at_once(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    project = tmp_path / "a.clarity"
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        await user.save(project)
        async with sit_down() as other:
            assert other.texts() == []  # what is open elsewhere is not offered to be recovered
            await other.open(project)
            await other.click("rotate_right")
            await other.click("save")
            assert not other.shown.unsaved
            await other.click("close")
        await user.click("undo")
        assert user.head.id == user.shown.original


@pytest.mark.parametrize("name", ["ünï – 写真 & 100%.png", "a'b\"c {x}.png", "-rf.png"])
async def test_odd_names_are_only_names(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    async with sit_down() as user:
        await user.open(picture(name))
        assert user.shown.title == name
        await user.restore("derain")
        await user.export(tmp_path, format="jpeg")
        [done] = user.events(Exported)
        assert done.path.is_file()
        assert any(done.path.name in text for text in user.texts())
        await user.save(tmp_path / f"{name}.clarity")
        await user.click("close")
        await user.open(tmp_path / f"{name}.clarity")
        assert len(user.versions) == 2


async def test_a_raw_photo_shows_the_cameras_picture_first_and_is_exported_as_tiff(
    sit_down: Sitting, tmp_path: Path
) -> None:
    small = np.rint(255 * scene()[::4, ::4] ** (1 / 2.2)).astype(np.uint8)
    write_dng(tmp_path / "a.dng", scene(), preview=small)
    before = (tmp_path / "a.dng").read_bytes()
    async with sit_down() as user:
        await user.open(tmp_path / "a.dng")
        kinds = [type(event) for event in user.link.events]
        shown = next(event for event in user.link.events if isinstance(event, PreviewReady))
        assert kinds.index(PreviewReady) < kinds.index(Opened)
        assert (shown.pixels.shape, shown.width, shown.height) == ((30, 40, 3), 160, 120)
        await user.restore("derain")
        await user.export(tmp_path)
        [exported] = user.events(Exported)
        assert exported.path == tmp_path / "a_restored.tif"
    assert tifffile.imread(tmp_path / "a_restored.tif").dtype == np.uint16
    assert (tmp_path / "a.dng").read_bytes() == before
