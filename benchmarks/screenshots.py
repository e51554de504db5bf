"""Drive the real window through its main workflows and save screenshots: 1× and 2×, light and dark.

    python benchmarks/screenshots.py [FOLDER]        default: out/screenshots

Works without a screen. Restorations run for real; those whose weights are not on this machine are left out.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDialog, QWidget

    from clarity_desktop.ui.main_window import MainWindow

LARGE, SMALL = (1600, 1000), (1024, 700)
SLOW_STEP_SECONDS = 600.0
"""Maximum seconds of a restoration."""


def main(words: list[str]) -> int:
    folder = Path(words[0] if words else "out/screenshots").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for scale in (1, 2):
            command = [sys.executable, str(Path(__file__)), "--in", str(folder), str(scale)]
            code = subprocess.run(command, env=_environment(Path(home) / str(scale), scale), check=False).returncode
            if code:
                return code
    sys.stdout.write("".join(f"{p}\n" for p in sorted(folder.glob("*.png"))))
    return 0


def _environment(home: Path, scale: int) -> dict[str, str]:
    """Use a temporary home with the installed weights, and a screen with this device pixel ratio."""
    from clarity_desktop import settings

    data = home / "data"
    (data / settings.APP).mkdir(parents=True)
    (data / settings.APP / "weights").symlink_to(settings.data_folder() / "weights")
    return os.environ | {
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": str(scale),
        "XDG_DATA_HOME": str(data),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
    }


class Camera:
    """Saves a screenshot of a widget in both themes."""

    def __init__(self, folder: Path, scale: int) -> None:
        self._folder, self._scale, self._taken = folder, scale, 0

    async def take(self, name: str, widget: QWidget) -> None:
        from PySide6.QtWidgets import QApplication

        from clarity_desktop.ui import theme

        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._taken += 1
        for choice in ("light", "dark"):
            theme.apply(app, choice)
            await asyncio.sleep(0.25)
            widget.grab().save(str(self._folder / f"{self._taken:02}-{name}-{choice}-{self._scale}x.png"))


async def tour(window: MainWindow, camera: Camera) -> None:
    """The main workflows, in the order in which a user meets them."""
    window.resize(*LARGE)
    await settled(window)
    await camera.take("empty", window)
    window.file_commands.open_first(window.session.samples[:1])
    await settled(window)
    await camera.take("opened", window)
    await analyzed(window, camera)
    await improved(window, camera)
    await restored(window, camera)
    await compared(window, camera)
    await adjusted(window, camera)
    await selected(window, camera)
    await shaped(window, camera)
    await talked(window, camera)
    await asked(window, camera)
    window.resize(*SMALL)
    window.action["advise"].trigger()
    await settled(window)
    await camera.take("small", window)


async def analyzed(window: MainWindow, camera: Camera) -> None:
    """Problems, the heat map and suggestions."""
    for name in ("heat", "advise"):
        window.action[name].trigger()
        await settled(window)
    await camera.take("analyzed", window)
    window.action["heat"].trigger()


async def improved(window: MainWindow, camera: Camera) -> None:
    """Auto, or its offer if it takes long; then back to the original."""
    window.action["improve"].trigger()
    await settled(window)
    await camera.take("auto", window)
    while (view := window.current) is not None and view.undo_to:
        window.action["undo"].trigger()
        await settled(window)
    for bar in window.notices.bars():
        bar.close_later()


async def adjusted(window: MainWindow, camera: Camera) -> None:
    """The adjust panel with values that are previewed and not applied, and the info panel with a description."""
    window.action["adjust"].trigger()
    window.sides.reveal("info")
    window.info.describe.click()
    await settled(window)
    for name, value in (("exposure", 40), ("contrast", 25), ("temperature", 20)):
        window.adjust.sliders[name].setValue(value)
    await settled(window)
    await camera.take("adjust", window)
    window.adjust.discarded.emit()
    window.sides.reveal("quality")
    window.sides.reveal("restore")


async def selected(window: MainWindow, camera: Camera) -> None:
    """An object by a click, a stroke of the brush, a kept region, words, and what is offered for the selection."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    if (view := window.current) is None or (size := view.canvas.view.photo_size) is None:
        return
    window.sides.reveal("regions")
    window.action["select_click"].trigger()
    await settled(window)
    place = view.canvas.view.widget_point
    QTest.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=place(size[0] * 0.5, size[1] * 0.55).toPoint())
    await settled(window)
    await asyncio.sleep(1)  # until the selection is analyzed
    await settled(window)
    await camera.take("select", window)
    window.action["keep_region"].trigger()
    window.action["brush"].trigger()
    QTest.mousePress(view.canvas, Qt.MouseButton.LeftButton, pos=place(size[0] * 0.2, size[1] * 0.8).toPoint())
    QTest.mouseMove(view.canvas, place(size[0] * 0.35, size[1] * 0.8).toPoint())
    QTest.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, pos=place(size[0] * 0.35, size[1] * 0.8).toPoint())
    await settled(window)
    await camera.take("brush", window)
    window.regions.words.setText("the darkest part")
    window.regions.find_button.click()
    await settled(window)
    await camera.take("found", window)
    window.regions.accept.click()
    await settled(window)
    window.select_bar.done_button.click()
    window.regions.restore.click()
    await settled(window)
    await camera.take("only-here", window)
    window.chat.composer.setPlainText("the rest too")
    window.chat.composer.send()
    await settled(window)
    window.chat.composer.setPlainText("darken the top third and make the bottom third warmer")
    window.chat.composer.send()
    await settled(window)
    await camera.take("parts-by-words", window)
    window.select_commands.clear()


async def restored(window: MainWindow, camera: Camera) -> None:
    choice, view = window.restore.choice(), window.current
    if view is None or choice is None or choice.missing:
        return
    window.restore_commands.run(choice.task, confirmed=True)
    await until(lambda: any(f.progress for f in window.requests.jobs) or not window.requests.jobs)
    await camera.take("restoring", window)
    await settled(window)
    window.action["split"].trigger()
    await settled(window)
    await camera.take("split", window)
    window.action["side_by_side"].trigger()
    await settled(window)
    await camera.take("side-by-side", window)
    window.action["single"].trigger()


async def compared(window: MainWindow, camera: Camera) -> None:
    """Several methods for the same problem: the dialog, and their results in each way to compare them."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog

    choice, view = window.restore.choice(), window.current
    if view is None or choice is None or view.original is None:
        return
    window.edit_commands.go_to(view.original)
    await settled(window)
    window.compare_commands.ask_methods(choice.task)
    await settled(window)
    dialogs = [d for d in window.findChildren(CompareMethodsDialog) if d.isVisible()]
    if not dialogs:
        return
    await camera.take("compare-methods", dialogs[0])
    dialogs[0].run.click()
    await settled(window)
    if view.compared is None:
        return
    await camera.take("compare-grid", window)
    for version in view.compared.versions[-2:]:
        window.compare_commands.choose(version)
        window.action["star"].trigger()
        await settled(window)
    for name in ("difference", "split", "blink"):
        window.action[name].trigger()
        await settled(window)
        await camera.take(f"compare-{name}", window)
    window.action["grid"].trigger()
    window.action["take_part"].trigger()
    at = view.canvas.view.widget_point(*(side * 0.4 for side in view.canvas.view.photo_size or (0, 0))).toPoint()
    QTest.mousePress(view.canvas, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(view.canvas, at + at / 3)
    QTest.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, pos=at + at / 3)
    await settled(window)
    await camera.take("compare-part", window)
    window.part_bar.cancel.click()
    window.select_commands.clear()
    window.action["fuse_starred"].trigger()
    await settled(window)
    await camera.take("compare-combined", window)
    window.action["leave_compare"].trigger()
    await settled(window)


async def shaped(window: MainWindow, camera: Camera) -> None:
    from clarity_desktop.values import Bounds

    window.action["crop"].trigger()
    if (view := window.current) is not None:
        view.canvas.crop.set_bounds(Bounds(120, 60, 360, 300))
    await camera.take("crop", window)
    window.action["straighten"].trigger()
    window.straighten_bar.degrees.setValue(4.0)
    await camera.take("straighten", window)
    window.straighten_bar.apply.click()
    await settled(window)
    window.action["undo"].trigger()
    await settled(window)
    window.action["flip_horizontal"].trigger()
    await settled(window)
    window.action["star"].trigger()
    await settled(window)
    await camera.take("branches", window)


async def talked(window: MainWindow, camera: Camera) -> None:
    for text in ("what can you do?", "undo", "compare before and after"):
        window.chat.composer.setPlainText(text)
        window.chat.composer.send()
        await settled(window)
    await camera.take("chat", window)
    window.file_commands.open_paths([Path("no such photo.jpg")])
    await settled(window)
    await camera.take("error", window)


async def asked(window: MainWindow, camera: Camera) -> None:
    """The dialogs."""
    from PySide6.QtWidgets import QDialog

    for name in ("export", "models", "shortcuts", "preferences"):
        window.action[name].trigger()
        await settled(window)
        dialogs: list[QDialog] = [d for d in window.findChildren(QDialog) if d.isVisible()]
        for dialog in dialogs:
            await camera.take(name, dialog)
            dialog.close()


async def settled(window: MainWindow) -> None:
    await asyncio.sleep(0.3)
    await until(lambda: not window.requests.running and window.link is not None)
    await asyncio.sleep(0.2)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(round(SLOW_STEP_SECONDS / 0.05)):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


def take_screenshots(folder: Path, scale: int) -> int:
    from clarity_desktop import app

    async def pose(window: MainWindow) -> None:
        await tour(window, Camera(folder, scale))
        window.end_session()

    return app.show(lambda window: window.requests.spawn(pose(window)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in"]:
        sys.exit(take_screenshots(Path(sys.argv[2]), int(sys.argv[3])))
    sys.exit(main(sys.argv[1:]))
