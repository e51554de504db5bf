"""Requests to the backend and their news, on the UI thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from PySide6.QtCore import QObject, Qt, Signal

from clarity_desktop.messages import Cancelled, End, Event, Failed, Finished, Request
from clarity_desktop.worker import Worker


class Link(QObject):
    """Link(lambda emit: Worker(make_answer, emit)): the one door of the window to the backend."""

    _came = Signal(int, object)  # job id, News | End; crosses from the backend thread

    def __init__(self, make_worker: Callable[[Callable[[int, Event | End], None]], Worker]) -> None:
        super().__init__()
        self._inboxes: dict[int, asyncio.Queue[Event | End]] = {}
        self._jobs: dict[int, int] = {}  # id of a running request → its job
        self._came.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._worker = make_worker(self._came.emit)

    async def run(self, request: Request) -> AsyncGenerator[Event, None]:
        """The news of one request as they come; returns when it is answered. Leaving it cancels the request.

        Use with contextlib.aclosing where it may be left early. Raises the error of a request that failed (a
        UserError is for the user, anything else is a bug) and asyncio.CancelledError if it was cancelled.
        """
        job = self._worker.submit(request)
        inbox = self._inboxes[job] = asyncio.Queue()
        self._jobs[id(request)] = job
        try:
            while True:
                match await inbox.get():
                    case Finished():
                        return
                    case Failed(error):
                        raise error
                    case Cancelled():
                        raise asyncio.CancelledError
                    case news:
                        yield news
        finally:
            del self._inboxes[job], self._jobs[id(request)]
            self._worker.cancel(job)

    def cancel(self, request: Request) -> None:
        """Ask a running request to end. Its news go on until it does: a version may be committed just before."""
        if (job := self._jobs.get(id(request))) is not None:
            self._worker.cancel(job)

    def close(self) -> None:
        """Cancel what runs, wait for it and end the backend's threads. Cancel your own tasks first."""
        self._worker.close()
        for inbox in self._inboxes.values():
            inbox.put_nowait(Cancelled())

    def _deliver(self, job: int, news: Event | End) -> None:
        if (inbox := self._inboxes.get(job)) is not None:  # nobody follows it any more: dropped
            inbox.put_nowait(news)
