"""The backend thread: an event loop, one heavy lane, and the Job that each request runs as. Knows no verb."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError as LaneCancelled
from concurrent.futures import Future
from itertools import count
from typing import Any, ParamSpec, TypeVar

from clarity_desktop.messages import Cancelled, End, Event, Failed, Finished, JobCancelled, Progress, Request, UserError

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """One thread for all heavy work, so that memory and cores have one user at a time.

    Short work overtakes: it runs before waiting long work, and in the pauses of a running one (`breathe`).
    """

    def __init__(self, *, polite: bool = False) -> None:
        """polite: give way to the window's thread where both want the same core."""
        self._polite = polite
        self._long: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._short: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._in_short = False
        self._thread = threading.Thread(target=self._run, name="clarity-lane", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T], *, short: bool) -> Future[T]:
        """Queue work; the future ends with its result, its exception or Aborted."""
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            (self._short if short else self._long).append((work, future))
            self._changed.notify()
        return future

    def checkpoint(self) -> None:
        """On the lane's thread, inside a long job: let the waiting short work run."""
        if threading.current_thread() is self._thread:
            self._do_short()

    def _do_short(self) -> None:
        """Short work never interrupts other short work, or a fast clicker would pile it up."""
        if self._in_short:
            return
        self._in_short = True
        try:
            while (work := self._next_short()) is not None:
                self._do(*work)
        finally:
            self._in_short = False

    def _next_short(self) -> tuple[Callable[[], Any], Future[Any]] | None:
        with self._changed:
            return self._short.popleft() if self._short else None

    def close(self, patience: float | None = None) -> bool:
        """Drop what waits and finish what runs, for so many seconds at most; whether it has ended."""
        with self._changed:
            self._closed = True
            for _, future in (*self._short, *self._long):
                future.cancel()
            self._short.clear()
            self._long.clear()
            self._changed.notify()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        if self._polite:
            _yield_to_the_window()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._short or self._long)
                if self._closed:
                    return
                long = self._long.popleft() if self._long and not self._short else None
            if long is None:
                self._do_short()
            else:
                self._do(*long)
            del long  # a waiting lane keeps no pixels alive

    def _do(self, work: Callable[[], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as e:  # noqa: BLE001 — the future carries it to whoever awaits
            future.set_exception(e)
        else:
            future.set_result(result)


def _yield_to_the_window() -> None:
    """Lower the lane's priority (and so that of the threads torch starts from it); Linux counts it per thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class Job:
    """One request on its way: emits news, reports progress and learns that it was cancelled."""

    def __init__(self, emit: Callable[[Event], None], lane: Lane) -> None:
        self._emit = emit
        self._lane = lane
        self._cancelled = threading.Event()
        self._waiting: Future[Any] | None = None

    def emit(self, news: Event) -> None:
        self._emit(news)

    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None:
        """Report progress, then breathe. Heavy work calls this often."""
        self.checkpoint()
        self.emit(Progress(fraction, note, seconds_left))

    def checkpoint(self) -> None:
        """Let short work run, and raise Aborted if the user cancelled. Call at least every 0.3 s of heavy work."""
        self.check()
        self._lane.checkpoint()

    def check(self) -> None:
        """Raise Aborted if the user cancelled: all that work outside the lane needs to ask."""
        if self._cancelled.is_set():
            raise JobCancelled

    def cancel(self) -> None:
        """From any thread: make the job end with Aborted as soon as it breathes."""
        self._cancelled.set()
        if (waiting := self._waiting) is not None:
            waiting.cancel()

    async def heavy(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run long work in the lane, after the long work before it."""
        return await self._in_lane(lambda: work(*args, **kwargs), short=False)

    async def short(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work of well under a second in the lane, in the next pause of what runs there."""
        return await self._in_lane(lambda: work(*args, **kwargs), short=True)

    async def _in_lane(self, work: Callable[[], T], *, short: bool) -> T:
        self.check()
        future = self._waiting = self._lane.submit(work, short=short)
        try:
            return await asyncio.wrap_future(future)
        except (asyncio.CancelledError, LaneCancelled):
            self._cancelled.set()
            raise JobCancelled from None
        finally:
            self._waiting = None


Answer = Callable[[Request, Job], Awaitable[None]]


class Worker:
    """Runs requests on its own thread and tells of them by `emit(job id, news or end)`, on that thread.

    make_answer is called on the backend thread with the first request, so that all that is heavy is born where it is
    used; it returns the function that answers requests and one that closes what it opened.
    """

    def __init__(
        self,
        make_answer: Callable[[], tuple[Answer, Callable[[], None]]],
        emit: Callable[[int, Event | End], None],
    ) -> None:
        self._make_answer = make_answer
        self._emit = emit
        self._ids = count(1)
        self._jobs: dict[int, Job] = {}
        self._answer: Answer | None = None
        self._close_answer: Callable[[], None] = lambda: None
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lane = Lane(polite=True)
        self._thread = threading.Thread(target=self._loop.run_forever, name="clarity-backend", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> int:
        """Start answering; returns the job's id at once."""
        at = next(self._ids)
        self._jobs[at] = Job(lambda news: self._emit(at, news), self._lane)
        self._loop.call_soon_threadsafe(self._start, at, request)
        return at

    def cancel(self, at: int) -> None:
        """Ask a job to end; it answers with Cancelled within a second. Unknown and finished ids are ignored."""
        if (job := self._jobs.get(at)) is not None:
            job.cancel()

    def close(self) -> None:
        """Cancel what runs, wait for it, close the documents, end the threads."""
        for job in tuple(self._jobs.values()):
            job.cancel()
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()
        self._lane.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _drain(self) -> None:
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        self._close_answer()
        await self._loop.shutdown_default_executor()

    def _start(self, at: int, request: Request) -> None:
        task = self._loop.create_task(self._run(at, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, at: int, request: Request) -> None:
        job = self._jobs[at]
        end: End = Finished()
        try:
            if self._answer is None:
                self._answer, self._close_answer = self._make_answer()
            await self._answer(request, job)
        except JobCancelled:
            end = Cancelled()
        except UserError as e:
            log.info("%s: %s", type(request).__name__, e)
            end = Failed(e)
        except Exception as e:
            log.exception("%s failed", type(request).__name__)
            end = Failed(e)
        finally:
            del self._jobs[at]
        self._emit(at, end)
