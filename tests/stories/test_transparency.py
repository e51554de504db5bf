"""A picture with transparency: a checkerboard where nothing is visible, and no trace of the colors hidden there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage

from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.values import Bounds, Version

from .user import Sitting, User

RED = (255, 0, 0)


@pytest.fixture
def cutout(tmp_path: Path) -> Path:
    """600×400: a blue right half; the left half is transparent, and red below that."""
    pixels = np.zeros((400, 600, 4), np.uint8)
    pixels[:, :300] = (*RED, 0)
    pixels[:, 300:] = (20, 20, 220, 255)
    path = tmp_path / "cutout.png"
    Image.fromarray(pixels).save(path)
    return path


def colors(canvas: Canvas, left: bool) -> np.ndarray:
    """The pixels of one half of the photo on the screen: N×3."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    shown = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    shown = shown[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)
    place = canvas.view.place(Bounds(0, 0, image.width(), image.height()))
    middle, margin = place.x + round(place.width / 2), 3
    xs = slice(place.x + margin, middle - margin) if left else slice(middle + margin, place.x + round(place.width) - 3)
    return shown[place.y + margin : place.y + round(place.height) - margin, xs].reshape(-1, 3)


def is_checkerboard(found: np.ndarray) -> bool:
    return bool((found == found[:, :1]).all()) and len(np.unique(found)) == 2


def is_gray_and_blue(version: Version) -> bool:
    small = np.asarray(version.thumbnail).astype(int)
    return bool((small[..., 0] - small[..., 2] < 12).all())


async def shows_transparency(user: User) -> None:
    canvas = user.shown.canvas
    await user.wait_for(lambda: canvas._tiles.is_idle and is_checkerboard(colors(canvas, left=True)))
    assert len(np.unique(colors(canvas, left=False), axis=0)) == 1
    assert is_gray_and_blue(user.head)


async def test_hidden_colors_never_appear(sit_down: Sitting, cutout: Path):
    async with sit_down() as user:
        await user.open(cutout)
        await shows_transparency(user)
        await user.restore("derain")
        await shows_transparency(user)
        await user.click("rotate_right")
        await user.click("rotate_left")
        await shows_transparency(user)


async def test_a_running_restoration_paints_no_hidden_color(sit_down: Sitting, cutout: Path, gate):
    async with sit_down() as user:
        state = await user.open(cutout)
        gate.close(after=1)
        user.start_restoring("dehaze")
        await user.wait_for(lambda: gate.reached.is_set() or not user.running())
        await user.wait_for(lambda: state.canvas._tiles.is_idle and is_checkerboard(colors(state.canvas, left=True)))
        gate.open()
        await user.idle()
        await shows_transparency(user)
