"""Requests on their way: what waits for the backend, what runs, what replaces what, and how it is all ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from clarity_desktop.messages import Assess, Detect, Estimate, EstimateSize, Progress, ReadPixels, Request
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.link import Link

REPLACED = (Estimate, EstimateSize, Assess, Detect, ReadPixels)
"""A newer request of these kinds makes the older one for the same photo pointless."""


@dataclass(eq=False)
class PendingRequest:
    """A request on its way. title: what the status bar calls it; "" for what takes no time worth showing."""

    request: Request
    view: DocumentState | None = None
    title: str = ""
    then: Callable[[], object] | None = None  # called when it has finished, not when it failed or was cancelled
    progress: Progress | None = None
    task: asyncio.Task[None] | None = None

    @property
    def key(self) -> tuple[type, object]:
        return type(self.request), getattr(self.request, "document", None)


class RequestQueue(QObject):
    """Runs follow(request) as a task for each request, and ended(request, task) after it, however it ended."""

    jobs_changed = Signal()

    def __init__(
        self,
        follow: Callable[[PendingRequest], Coroutine[Any, Any, None]],
        ended: Callable[[PendingRequest, asyncio.Task[None]], None],
    ) -> None:
        super().__init__()
        self.link: Link | None = None
        self.follows: list[PendingRequest] = []
        self._follow, self._ended = follow, ended
        self._waiting: list[PendingRequest] = []
        self._spawned: set[asyncio.Task[None]] = set()

    @property
    def jobs(self) -> list[PendingRequest]:
        """What runs or waits and is worth showing, oldest first."""
        return [f for f in (*self.follows, *self._waiting) if f.title]

    def connect_backend(self, link: Link) -> None:
        """The backend is there: start what was asked for before."""
        self.link = link
        waiting, self._waiting = self._waiting, []
        for follow in waiting:
            self._start(follow)

    def ask(self, follow: PendingRequest) -> PendingRequest:
        """Send a request, at once or when the backend is there; for kinds in REPLACED it ends an older one."""
        for older in self.follows:
            if isinstance(follow.request, REPLACED) and older.key == follow.key and older.task:
                older.task.cancel()
        if self.link is None:
            self._waiting.append(follow)
        else:
            self._start(follow)
        self.jobs_changed.emit()
        return follow

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that waits for something else than the backend; it ends with the window."""
        task = asyncio.ensure_future(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    def cancel_job(self) -> None:
        """Stop the oldest job, nothing else. It is followed to its end: it may have been done just before."""
        if self.link and self.jobs:
            self.link.cancel(self.jobs[0].request)

    async def stop(self, view: DocumentState) -> None:
        """Cancel what runs for a photo and wait until it has ended."""
        mine = [f for f in self.follows if f.view is view and f.task]
        for follow in mine:
            if self.link:
                self.link.cancel(follow.request)
        await asyncio.gather(*(f.task for f in mine if f.task), return_exceptions=True)

    async def cancel_all(self) -> None:
        """Leave everything and wait until it is left."""
        tasks = [*(f.task for f in self.follows if f.task), *self._spawned]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, follow: PendingRequest) -> None:
        self.follows.append(follow)
        follow.task = asyncio.ensure_future(self._follow(follow))
        follow.task.add_done_callback(lambda task: self._done(follow, task))

    def _done(self, follow: PendingRequest, task: asyncio.Task[None]) -> None:
        self.follows.remove(follow)
        self._ended(follow, task)
        self.jobs_changed.emit()
