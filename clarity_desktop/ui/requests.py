"""The queue of requests: waits for the backend, runs requests, replaces outdated ones and handles their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from clarity_desktop.messages import (
    Assess,
    ChangeRegion,
    Detect,
    Estimate,
    EstimateSize,
    FindObjects,
    Progress,
    ReadInfo,
    ReadPixels,
    Request,
    Select,
    SelectWhere,
    SelectWords,
)
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.link import Connection

log = logging.getLogger(__name__)
REPLACED = (Estimate, EstimateSize, Assess, Detect, ReadInfo, ReadPixels)
"""Kinds of requests of which a newer one replaces an older one for the same photo."""

SELECTING = (Select, SelectWords, SelectWhere, FindObjects, ChangeRegion)
"""Kinds of requests of which only the last failure is worth reading."""


@dataclass(eq=False)
class PendingRequest:
    """A request that waits or runs. title: its name in the status bar; empty for one that is not shown there."""

    request: Request
    state: DocumentState | None = None
    title: str = ""
    then: Callable[[], object] | None = None  # called when it has finished, not when it failed or was cancelled
    progress: Progress | None = None
    task: asyncio.Task[None] | None = None
    call: int = 0  # the link's id of this run

    @property
    def key(self) -> tuple[type, object]:
        """Requests with the same key replace each other: the kind and the document."""
        return type(self.request), getattr(self.request, "document", None)

    @property
    def topic(self) -> str:
        """The topic of a notice about it; "" for none."""
        return "select" if isinstance(self.request, SELECTING) else ""


class RequestQueue(QObject):
    """Runs follow(pending) as a task for each request, and ended(pending, task) after it, however it ended."""

    jobs_changed = Signal()

    def __init__(
        self,
        follow: Callable[[PendingRequest], Coroutine[Any, Any, None]],
        ended: Callable[[PendingRequest, asyncio.Task[None]], None],
    ) -> None:
        super().__init__()
        self.link: Connection | None = None
        self.running: list[PendingRequest] = []
        self._follow, self._ended = follow, ended
        self._waiting: list[PendingRequest] = []
        self._spawned: set[asyncio.Task[None]] = set()

    @property
    def jobs(self) -> list[PendingRequest]:
        """Running and waiting requests that have a title, oldest first."""
        return [pending for pending in (*self.running, *self._waiting) if pending.title]

    def connect_backend(self, link: Connection) -> None:
        """Start the requests that waited for the backend."""
        self.link = link
        # Requests made before the backend was ready keep their order.
        waiting, self._waiting = self._waiting, []
        for pending in waiting:
            self._start(pending)

    def ask(self, pending: PendingRequest) -> PendingRequest:
        """Send a request now, or once the backend is connected; kinds in REPLACED cancel an older one."""
        for older in self.running:
            # Cancelled rather than ignored: its work would delay the newer one.
            if isinstance(pending.request, REPLACED) and older.key == pending.key and older.task:
                older.task.cancel()
        if self.link is None:
            self._waiting.append(pending)
        else:
            self._start(pending)
        self.jobs_changed.emit()
        return pending

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that does not wait for the backend; it ends with the window."""
        task = asyncio.ensure_future(work)
        # asyncio holds only weak references to tasks.
        self._spawned.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._spawned.discard(task)
        # Nothing awaits the task, so its error would be lost.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Work of the window failed", exc_info=error)

    def cancel_job(self) -> None:
        """Cancel the oldest job. Its events are followed to the end: it may already have made its version."""
        if self.jobs:
            self.cancel(self.jobs[0])

    def cancel(self, pending: PendingRequest) -> None:
        """Cancel one request; one that still waits for the backend cannot be cancelled yet."""
        if self.link:
            self.link.cancel(pending.call)

    async def stop(self, state: DocumentState) -> None:
        """Cancel the requests of one document and wait until they have ended."""
        own = [pending for pending in self.running if pending.state is state and pending.task]
        for pending in own:
            if self.link:
                self.link.cancel(pending.call)
        await asyncio.gather(*(pending.task for pending in own if pending.task), return_exceptions=True)

    async def cancel_all(self) -> None:
        """Cancel every task and wait until all have ended."""
        tasks = [*(pending.task for pending in self.running if pending.task), *self._spawned]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, pending: PendingRequest) -> None:
        assert self.link is not None
        pending.call = self.link.new_call()
        self.running.append(pending)
        pending.task = asyncio.ensure_future(self._follow(pending))
        pending.task.add_done_callback(lambda task: self._done(pending, task))

    def _done(self, pending: PendingRequest, task: asyncio.Task[None]) -> None:
        self.running.remove(pending)
        self._ended(pending, task)
        self.jobs_changed.emit()
