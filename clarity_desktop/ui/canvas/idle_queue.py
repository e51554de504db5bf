"""Runs small pieces of work in idle time, a few milliseconds at a time, so that the window stays responsive."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

SLICE = 0.006
"""Seconds of work before control returns to the event loop."""


class IdleQueue(QObject):
    """Runs pieces of work in order while the event loop has nothing else to do."""

    worked = Signal()  # some pieces are done

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._work)

    @property
    def is_idle(self) -> bool:
        """Whether no work is pending."""
        return not self._timer.isActive()

    def add(self, work: Callable[[], None]) -> None:
        """Run `work` after what is pending; it should take at most a few milliseconds."""
        self._pending.append(work)
        # An interval of 0 fires whenever the event queue is empty.
        self._timer.start(0)

    def clear(self) -> None:
        """Drop the pending work."""
        self._pending.clear()

    def _work(self) -> None:
        until = time.perf_counter() + SLICE
        while self._pending and time.perf_counter() < until:
            self._pending.popleft()()
        if not self._pending:
            self._timer.stop()
        self.worked.emit()
