"""For tests with a window: async tests run on a qasync loop; leaked windows and timers fail the test that made them.

A conftest takes part by importing what is here.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator

import pytest
import qasync
from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from clarity_desktop.ui import theme, translate


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def test_…` on a qasync loop. In it, wait with asyncio.sleep, never with qtbot.wait."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    with qasync.QEventLoop(QApplication.instance() or QApplication([])) as loop:
        loop.run_until_complete(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(autouse=True, scope="session")
def translations(qapp: QApplication) -> None:
    """The English plural forms, as the program has them."""
    translate.install(qapp)


@pytest.fixture(autouse=True, scope="module")
def frozen_objects() -> None:
    """Modules, tests and what earlier ones left are not looked through again after each test of this module."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_appearance(qapp: QApplication) -> Iterator[None]:
    """Later tests meet the colors, fonts and style sheet that this one met."""
    sheet, palette, font, colors = qapp.styleSheet(), qapp.palette(), qapp.font(), theme.colors()
    yield
    if theme.colors() is not colors:
        theme.apply(qapp, "dark" if colors is theme.DARK else "light")
    if qapp.styleSheet() != sheet:
        qapp.setStyleSheet(sheet)
        qapp.setPalette(palette)
        qapp.setFont(font)


@pytest.fixture(autouse=True)
def no_leaked_widgets(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a window on the screen or a timer running fails. qtbot.addWidget closes for you.

    Keys that it left held are released.
    """
    yield
    if QApplication.keyboardModifiers():  # Qt takes a key pressed with Ctrl or Shift as held until the next event
        QTest.keyRelease(QWidget(), Qt.Key.Key_F20)
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [w for w in QApplication.topLevelWidgets() if isValid(w) and w.isVisible()]
    timers = [t for t in gc.get_objects() if issubclass(type(t), QTimer) and isValid(t) and t.isActive()]
    for widget in left:
        widget.close()
    for timer in timers:
        timer.stop()
    assert not left, f"leaked windows: {left}"
    assert not timers, f"leaked timers: {timers}"
