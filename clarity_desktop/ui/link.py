"""The window's connection to the backend thread: sends requests and delivers their events on the UI thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from itertools import count
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal

from clarity_desktop.messages import Cancelled, End, Event, Failed, Finished, Request
from clarity_desktop.worker import Worker


class Connection(Protocol):
    """The interface of the backend for the window: `Link`, or a scripted fake in tests."""

    def new_call(self) -> int:
        """See Link.new_call."""
        ...

    def run(self, request: Request, call: int | None = None) -> AsyncGenerator[Event, None]:
        """See Link.run."""
        ...

    def cancel(self, call: int) -> None:
        """See Link.cancel."""
        ...

    def close(self) -> None:
        """See Link.close."""
        ...


class Link(QObject):
    """`Link(lambda emit: Worker(make_answer, emit))`: the only way from the window to the backend.

    Every run of a request is a call with an id of its own, so the same request can run several times at once.
    """

    _received = Signal(int, object)  # job id, Event | End; emitted on the backend thread

    def __init__(self, make_worker: Callable[[Callable[[int, Event | End], None]], Worker]) -> None:
        super().__init__()
        self._inboxes: dict[int, asyncio.Queue[Event | End]] = {}  # by job
        self._jobs: dict[int, int] = {}  # call → its job
        self._backlog: deque[tuple[int, Event | End]] = deque()  # came, and not handed to their calls yet
        self._handled: int | None = None  # the job whose event is being handled
        self._ids = count(1)
        # Queued: the signal is emitted on the backend thread and must be delivered on the UI thread.
        self._received.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._worker = make_worker(self._received.emit)

    def new_call(self) -> int:
        """An id for one run of a request; `cancel` takes it."""
        return next(self._ids)

    async def run(self, request: Request, call: int | None = None) -> AsyncGenerator[Event, None]:
        """Yield the events of one request until it has been answered. Leaving early cancels it.

        Use with contextlib.aclosing where it may be left early. Raises the error of a request that failed (a
        UserError is for the user, anything else is a bug) and asyncio.CancelledError if it was cancelled.
        """
        call = self.new_call() if call is None else call
        job = self._jobs[call] = self._worker.submit(request)
        inbox = self._inboxes[job] = asyncio.Queue()
        try:
            while True:
                self._hand_on_after(job)
                match await inbox.get():
                    case Finished():
                        return
                    case Failed(error):
                        raise error
                    case Cancelled():
                        raise asyncio.CancelledError
                    case event:
                        yield event
        finally:
            del self._inboxes[job], self._jobs[call]
            self._hand_on_after(job)
            self._worker.cancel(job)

    def cancel(self, call: int) -> None:
        """Request cancellation of a call. Events continue until it ends: a version may be committed just before."""
        if (job := self._jobs.get(call)) is not None:
            self._worker.cancel(job)

    def close(self) -> None:
        """Cancel all calls, wait for them and end the backend's threads. Cancel your own tasks first."""
        self._worker.close()
        # Waiting coroutines end instead of hanging forever.
        for inbox in self._inboxes.values():
            inbox.put_nowait(Cancelled())

    def _deliver(self, job: int, event: Event | End) -> None:
        self._backlog.append((job, event))
        self._hand_on()

    def _hand_on_after(self, job: int) -> None:
        """The last event of a job was handled, or its call was left."""
        if self._handled == job:
            self._handled = None
            self._hand_on()

    def _hand_on(self) -> None:
        """Hand the oldest event to its call, unless one is being handled.

        Calls that have an event each would handle them in any order: the window must see two versions, or two turns of
        a conversation, in the order in which the backend made them.
        """
        while self._handled is None and self._backlog:
            job, event = self._backlog.popleft()
            if (inbox := self._inboxes.get(job)) is not None:  # events of a call that was left early are dropped
                self._handled = job
                inbox.put_nowait(event)
