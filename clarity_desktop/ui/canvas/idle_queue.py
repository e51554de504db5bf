"""What came for the screen is made ready a few milliseconds at a time, so that the window stays alive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

SLICE = 0.006
"""Seconds of work between two looks at the event loop."""


class IdleQueue(QObject):
    """Does small pieces of work in order while the event loop is idle."""

    worked = Signal()  # some of it is done

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._work)

    def add(self, work: Callable[[], None]) -> None:
        self._waiting.append(work)
        self._timer.start(0)

    def clear(self) -> None:
        self._waiting.clear()

    def _work(self) -> None:
        until = time.perf_counter() + SLICE
        while self._waiting and time.perf_counter() < until:
            self._waiting.popleft()()
        if not self._waiting:
            self._timer.stop()
        self.worked.emit()
