"""The desktop application: creates QApplication, the qasync loop, the window and the link to the backend thread."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop import settings as settings_file

if TYPE_CHECKING:
    from types import FrameType

    from PySide6.QtCore import QMessageLogContext, QtMsgType

    from clarity_desktop.messages import End, Event
    from clarity_desktop.ui.main_window import MainWindow
    from clarity_desktop.values import Task
    from clarity_desktop.worker import Worker

log = logging.getLogger(__name__)
LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""System library that Qt needs on Linux → its Debian package."""
X_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""The same for libraries that are needed on an X display only."""


def check_display(libraries: Mapping[str, str] = LIBRARIES, x_libraries: Mapping[str, str] = X_LIBRARIES) -> str | None:
    """Why no window can be shown here and what to do about it; None if one can. Imports no Qt: it might abort.

    libraries: always needed; x_libraries: needed on an X display as well. Both map to Debian packages.
    """
    if not sys.platform.startswith("linux"):
        return None
    platform = os.environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    wayland, x = "WAYLAND_DISPLAY" in os.environ, os.environ.get("DISPLAY", "")
    if not platform and not wayland and not x:
        return "There is no screen to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set."
    on_x = platform == "xcb" or (not platform and not wayland)
    if missing := missing_packages({**libraries, **x_libraries} if on_x else libraries):
        return (
            "The window needs system libraries that are missing here. On Debian or Ubuntu, this installs them:"
            f" sudo apt-get install {' '.join(missing)}"
        )
    if on_x and not _reaches_display():
        return f"There is no screen to open a window on: the display {x or '(none)'} does not answer."
    return None


def missing_packages(needed: Mapping[str, str]) -> list[str]:
    """The Debian packages of the libraries that the system cannot load."""
    return [package for library, package in needed.items() if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _reaches_display() -> bool:
    """Whether the X server answers; without one, Qt aborts the process."""
    xcb = ctypes.CDLL("libxcb.so.1")
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    answers = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return answers


def run(paths: Sequence[Path], first_run: bool = False) -> int:
    """Show the window until it is closed. first_run: open the sample and offer to restore it with one click."""

    def begin(window: MainWindow) -> None:
        if first_run:
            window.file_commands.open_first(paths)
        else:
            window.file_commands.open_paths(p.absolute() for p in paths)

    return show(begin)


def show(begin: Callable[[MainWindow], object], documents: Path | None = None) -> int:
    """Create the window, call begin with it and run until it is closed; returns the exit status.

    documents: the folder of working documents, if not the user's own.
    """
    import qasync
    from PySide6.QtCore import qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from clarity_desktop.ui import theme, translate
    from clarity_desktop.ui.main_window import MainWindow

    qInstallMessageHandler(_to_log)
    app = QApplication.instance() or QApplication(["clarity-desktop"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Clarity Desktop")
    app.setDesktopFileName("clarity-desktop")
    app.setWindowIcon(theme.app_icon())
    # Closing waits for running jobs (see _until_ended); Qt must not quit before.
    app.setQuitOnLastWindowClosed(False)
    # Settings come first: the theme must be applied before any widget is created.
    settings = settings_file.load()
    translate.install(app)
    theme.apply(app, settings.theme)
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    window = MainWindow(settings, samples())
    # The backend starts only after the first paint, so that its imports do not delay the window.
    window.painted.connect(lambda: start_backend(window, documents))
    window.show()

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        window.end_session()

    # Neither Ctrl+C nor the end of the login session asks: unsaved work is offered at the next start.
    app.commitDataRequest.connect(lambda: window.end_session())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    begin(window)
    with loop:
        loop.run_until_complete(_until_ended(window))
        if window.link is not None:
            window.link.close()
    return 0


def _to_log(kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
    """Write Qt's messages to the log, not to the terminal."""
    log.log(logging.WARNING if kind.value else logging.DEBUG, "Qt: %s", text)


async def _until_ended(window: MainWindow) -> None:
    ended = asyncio.get_running_loop().create_future()
    window.ended.connect(lambda: ended.set_result(None))
    await ended


def start_backend(window: MainWindow, documents: Path | None = None) -> None:
    """Connect the window with a backend. Called once it is painted; heavy imports happen on the backend's thread."""
    from clarity_desktop.ui.link import Link
    from clarity_desktop.worker import Worker

    settings = window.session.settings

    def make_answer() -> Any:
        # Imported on the backend thread: numpy, OpenCV and SQLite take a second to load.
        from clarity_desktop.backend import answer

        return answer.make_answer(settings, documents)

    def make_worker(emit: Callable[[int, Event | End], None]) -> Worker:
        return Worker(make_answer, emit)

    window.connect_backend(Link(make_worker))


def samples() -> tuple[Path, ...]:
    """The bundled sample photos; the first run opens the first one."""
    photos = (p for p in _files(settings_file.resources() / "samples") if p.suffix in {".jpg", ".png"})
    return tuple(sorted(photos, key=lambda p: (p.name != "rain.jpg", p.name)))


def _files(folder: Path) -> Iterable[Path]:
    return folder.iterdir() if folder.is_dir() else ()


def take_screenshot(path: Path, target: Path, task: Task = "derain") -> None:
    """Open a photo in the real window, restore it, compare, and save a screenshot of the window. Needs no display."""
    # Before QApplication exists; the offscreen plugin renders to memory.
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

    async def pose(window: MainWindow) -> None:
        window.resize(1600, 1000)
        window.file_commands.open_paths([path])
        await _wait_until_idle(window)
        window.restore_commands.run(task, confirmed=True)
        await _wait_until_idle(window)
        window.action["split"].trigger()
        await _wait_until_idle(window)
        window.grab().save(str(target))
        window.end_session()

    with tempfile.TemporaryDirectory() as documents:  # leaves no unsaved work behind
        show(lambda window: window.requests.spawn(pose(window)), Path(documents))


async def _wait_until_idle(window: MainWindow) -> None:
    """Wait until no request has been running for half a second."""
    idle = 0
    # Idle for ten polls in a row: between two requests of a chain nothing runs for a moment.
    while idle < 10:
        idle = 0 if window.requests.running or window.link is None else idle + 1
        await asyncio.sleep(0.05)
