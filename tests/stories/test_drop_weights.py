"""A weights file dropped on the window: described, imported, used; a hostile one is refused with a sentence."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from clarity_desktop.backend import library_shims, methods
from clarity_desktop.ui.dialogs.import_model import ImportModelDialog

from .user import Sitting, User

if importlib.util.find_spec("spandrel") is None:
    pytest.skip("spandrel is not installed; run make setup", allow_module_level=True)
library_shims.torchvision_ready()
from spandrel.architectures.DnCNN import DnCNN  # noqa: E402


class Hostile:
    """A pickle of it creates a file when it is loaded."""

    def __init__(self, evidence: Path) -> None:
        self._evidence = evidence

    def __reduce__(self) -> Any:
        return eval, (f"open({str(self._evidence)!r}, 'w')",)


@pytest.fixture
def denoiser(tmp_path: Path) -> Path:
    """A small network for noise that changes nothing, as torch saves it."""
    path = tmp_path / "dncnn_color.pth"
    network = DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode="R")
    torch.save({name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}, path)
    return path


async def drop(user: User, *paths: Path) -> None:
    """Drop files on the window, beside the photo."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    at = QPoint(3, 3)
    QApplication.sendEvent(user.window, QDragEnterEvent(at, copy, data, left, none))
    QApplication.sendEvent(user.window, QDropEvent(QPointF(at), copy, data, left, none))
    await user.idle()


def dialogs(user: User) -> list[ImportModelDialog]:
    return [dialog for dialog in user.window.findChildren(ImportModelDialog) if dialog.isVisible()]


async def test_a_dropped_network_becomes_a_method(sit_down: Sitting, picture: Any, denoiser: Path) -> None:
    async with sit_down() as user:
        await user.open(picture())
        before = await user.pixels()
        await drop(user, denoiser)
        [dialog] = dialogs(user)
        assert denoiser.name in dialog.facts.text()
        assert "DnCNN" in dialog.facts.text()
        assert dialog.task.currentData() == "denoise"
        assert not dialog.accept_button.isEnabled()  # the license is not known
        dialog.licence.setText("MIT")
        dialog.accept_button.click()
        await user.idle()
        assert any(denoiser.stem in text for text in user.texts())
        assert methods.all_methods()["own-dncnn-color"].tasks == ("denoise",)
        user.window.restore.choose("denoise", "own-dncnn-color")
        user.window.restore.button.click()
        await user.idle()
        assert user.head.step.method == "own-dncnn-color"
        assert np.array_equal(await user.pixels(), before)  # this network finds no noise


def spoil(bad: Path, kind: str, good: Path, evidence: Path) -> None:
    """Write a file that is no network."""
    match kind:
        case "hostile":
            torch.save({"params": Hostile(evidence)}, bad)
        case "truncated":
            bad.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
        case _:
            torch.save({"weight": torch.zeros(3, 3)}, bad)


@pytest.mark.parametrize("kind", ["hostile", "truncated", "of no network"])
async def test_a_file_that_is_no_network_is_refused_and_the_photo_stays(
    kind: str, sit_down: Sitting, picture: Any, denoiser: Path, tmp_path: Path
) -> None:
    bad, evidence = tmp_path / "bad.pth", tmp_path / "evil-was-here"
    spoil(bad, kind, denoiser, evidence)
    async with sit_down() as user:
        photo = await user.open(picture())
        await drop(user, bad)
        assert not dialogs(user)
        assert not evidence.exists()
        assert any(bad.name in text for text in user.texts())
        assert user.shown is photo
        assert set(methods.all_methods()) == set(methods.METHODS)
