"""The backend thread: an event loop, a lane for heavy work, pools for the rest, and the Job that each request runs as.

This module knows no verb: what a request means is decided by the function that answers it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from enum import IntEnum
from functools import partial
from itertools import count
from typing import Any, Literal, TypeVar

from clarity_desktop.messages import Cancelled, End, Event, Failed, Finished, JobCancelled, Progress, Request, UserError
from clarity_desktop.text import Text

log = logging.getLogger(__name__)
T = TypeVar("T")
LEAST_TIMED = 0.03
"""Progress below which it says too little about the time that is left."""


class LaneClass(IntEnum):
    """Classes of heavy work. A higher class runs first, and in the pauses (`checkpoint`) of a lower one."""

    BACKGROUND = 0  # no one waits for it
    RESTORE = 1
    ANALYSIS = 2
    INTERACTIVE = 3  # what a click waits for; in pieces of at most 100 ms


Work = tuple[Callable[[], Any], "Future[Any]"]


class Lane:
    """One user of cores and memory at a time, in four classes of work.

    Each class has a thread of its own, so that work that runs in another's pause inherits none of its thread-local
    state: torch keeps autocast, inference mode and gradients per thread. Only one of the threads works; the others
    wait for work or at a checkpoint. Work never interrupts work of its own class.
    """

    def __init__(self, *, low_priority: bool = False) -> None:
        """low_priority: give way to the window's thread where both want the same core."""
        self._low_priority = low_priority
        self._queues: dict[LaneClass, deque[Work]] = {c: deque() for c in LaneClass}
        self._threads: dict[LaneClass, threading.Thread] = {}
        self._changed = threading.Condition()
        self._running: list[LaneClass] = []
        """Started and unfinished work; only the last runs, the others wait at a checkpoint."""
        self._paused = False
        """Whether the last of `_running` waits at a checkpoint as well."""
        self._closed = False

    def submit(self, work: Callable[[], T], lane_class: LaneClass) -> Future[T]:
        """Queue work; the future ends with its result or its exception, and is cancelled if the lane is closed."""
        future: Future[T] = Future()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            # Threads start on first use: most sessions never need all four.
            if lane_class not in self._threads:
                name = f"clarity-lane-{lane_class.name.lower()}"
                thread = threading.Thread(target=self._run, args=(lane_class,), name=name, daemon=True)
                self._threads[lane_class] = thread
                thread.start()
            self._queues[lane_class].append((work, future))
            self._changed.notify_all()
        return future

    def checkpoint(self) -> None:
        """Inside work of the lane: let waiting work of higher classes run first. Elsewhere it does nothing."""
        with self._changed:
            own = next((c for c in self._running if self._threads[c] is threading.current_thread()), None)
            if own is None or not self._waits_above(own):
                return
            self._paused = True
            self._changed.notify_all()
            # Only the innermost work may continue: the classes form a stack.
            self._changed.wait_for(lambda: self._running[-1] is own and not self._waits_above(own))
            self._paused = False

    def close(self, timeout: float | None = None) -> bool:
        """Drop waiting work and wait for running work, `timeout` seconds at most; returns whether all ended."""
        with self._changed:
            self._closed = True
            for queue in self._queues.values():
                for _, future in queue:
                    future.cancel()
                queue.clear()
            self._changed.notify_all()
        until = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads.values():
            thread.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads.values())

    def _waits_above(self, lane_class: LaneClass) -> bool:
        return any(queue for c, queue in self._queues.items() if c > lane_class)

    def _may_start(self, lane_class: LaneClass) -> bool:
        if not self._queues[lane_class] or self._waits_above(lane_class):
            return False
        return not self._running or (self._paused and self._running[-1] < lane_class)

    def _run(self, lane_class: LaneClass) -> None:
        if self._low_priority:
            _lower_priority()
        while self._run_next(lane_class):
            pass

    def _run_next(self, lane_class: LaneClass) -> bool:
        """Wait for work and run it; False once the lane is closed. No reference to the work remains afterwards."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._may_start(lane_class))
            if self._closed:
                return False
            work, future = self._queues[lane_class].popleft()
            self._running.append(lane_class)
            self._paused = False
        _complete(work, future)
        with self._changed:
            self._running.pop()
            self._paused = bool(self._running)  # the interrupted work below still waits at its checkpoint
            self._changed.notify_all()
        return True


def _complete(work: Callable[[], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as e:  # noqa: BLE001 — the future carries it to whoever awaits
        future.set_exception(e)
    else:
        future.set_result(result)


def _lower_priority() -> None:
    """Lower this thread's priority (and so that of the threads torch starts from it); Linux counts it per thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


Pool = Literal["decode", "encode", "tiles", "document", "disk", "network", "estimate"]
"""What side work is for. Each purpose has its own threads, so that tiles never wait behind an encoder."""
THREADS: dict[Pool, int] = {
    "decode": 2, "encode": 1, "tiles": 2, "document": 1, "disk": 2, "network": 2, "estimate": 1,
}  # fmt: skip
"""Few, because each thread that reads a document keeps a connection with a cache of its own. `document` is for short
changes like undo, which never wait behind a project being saved."""


class Pools:
    """Bounded pools of threads for work that mostly waits: for the disk, the net, or a codec."""

    def __init__(self) -> None:
        self._executors: dict[Pool, ThreadPoolExecutor] = {}
        self._unfinished: set[Future[Any]] = set()
        self._guard = threading.Lock()
        self._closed = False

    def submit(self, pool: Pool, work: Callable[[], T]) -> Future[T]:
        """Queue work in a pool; after `close` the future is cancelled at once."""
        with self._guard:
            if self._closed:
                refused: Future[T] = Future()
                refused.cancel()
                return refused
            if pool not in self._executors:
                self._executors[pool] = ThreadPoolExecutor(THREADS[pool], f"clarity-{pool}")
            future = self._executors[pool].submit(work)
            self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return future

    def close(self, timeout: float | None = None) -> bool:
        """Drop waiting work and wait for running work, `timeout` seconds at most; returns whether all ended."""
        with self._guard:
            self._closed = True
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        if wait(tuple(self._unfinished), timeout).not_done:
            return False
        for executor in self._executors.values():
            executor.shutdown()
        return True


class Job:
    """A running request: emits events, reports progress and learns that it was cancelled."""

    def __init__(self, emit: Callable[[Event], None], lane: Lane, pools: Pools) -> None:
        self._emit = emit
        self._lane = lane
        self._pools = pools
        self._cancelled = threading.Event()
        self._guard = threading.Lock()
        self._committed = False
        self._cancels: set[Callable[[], object]] = set()
        """One for each piece of work that the job waits for."""

    def emit(self, event: Event) -> None:
        """Emit an event of this job."""
        self._emit(event)

    @contextlib.contextmanager
    def observing(self, observer: Callable[[Event], None]) -> Generator[None]:
        """Show the events of this job to `observer` too, before they are emitted. May be nested."""
        emit = self._emit

        def emit_observed(event: Event) -> None:
            observer(event)
            emit(event)

        with self._sending_by(emit_observed):
            yield

    @contextlib.contextmanager
    def part(self, number: int, count: int, later: float = 0.0, note: Text = "") -> Generator[None]:
        """Report the progress of what runs inside as that of part `number` (from 1) of `count`.

        later: seconds that the parts after it will take. note: what to say where nothing inside says more.
        """
        emit = self._emit

        def emit_part(event: Event) -> None:
            if isinstance(event, Progress):
                left = None if event.seconds_left is None else event.seconds_left + later
                share = (number - 1 + event.fraction) / count
                event = replace(event, fraction=share, note=event.note or note, seconds_left=left)
            emit(event)

        with self._sending_by(emit_part):
            yield

    @contextlib.contextmanager
    def timed(self) -> Generator[None]:
        """Say how long what runs inside will still take, by how far it has come, where it does not say so itself."""
        emit, start = self._emit, time.monotonic()

        def emit_timed(event: Event) -> None:
            if isinstance(event, Progress) and event.seconds_left is None and event.fraction >= LEAST_TIMED:
                left = (time.monotonic() - start) * (1 - event.fraction) / event.fraction
                event = replace(event, seconds_left=max(0.0, left))
            emit(event)

        with self._sending_by(emit_timed):
            yield

    @contextlib.contextmanager
    def _sending_by(self, send: Callable[[Event], None]) -> Generator[None]:
        """Events of what runs inside go to `send`."""
        emit, self._emit = self._emit, send
        try:
            yield
        finally:
            self._emit = emit

    def report(self, fraction: float, note: Text = "", seconds_left: float | None = None) -> None:
        """Report progress (0..1) at a checkpoint. Heavy work calls this often. Raises JobCancelled."""
        self.checkpoint()
        self.emit(Progress(fraction, note, seconds_left))

    def checkpoint(self) -> None:
        """Let work of higher classes run, and raise JobCancelled if the user cancelled.

        Work in the lane calls it at least every 0.3 s.
        """
        self.check()
        self._lane.checkpoint()

    def check(self) -> None:
        """Raise JobCancelled if the user cancelled."""
        if self._cancelled.is_set():
            raise JobCancelled

    def commit(self) -> None:
        """Make the job uncancellable: call this just before a result becomes visible, such as renaming a file.

        So a job either ends cancelled without a result, or finished with one. Raises JobCancelled if it was cancelled
        before.
        """
        with self._guard:
            self.check()
            self._committed = True

    def cancel(self) -> None:
        """From any thread: make the job end with JobCancelled at its next checkpoint, or at once if it only waits."""
        with self._guard:
            if self._committed:
                return
            self._cancelled.set()
            # A copy: the callbacks run outside the lock and may change the set.
            cancels = tuple(self._cancels)
        for cancel in cancels:
            cancel()

    async def run(
        self, work: Callable[..., T], *args: Any, lane: LaneClass = LaneClass.RESTORE, **kwargs: Any
    ) -> T:  # fmt: skip
        """Run heavy work in the lane; it must call `checkpoint`. Raises what it raises, and JobCancelled."""
        self.check()
        future = self._lane.submit(partial(work, *args, **kwargs), lane)
        # Cancels only work that has not started; running work sees the flag at its next checkpoint.
        return await self._wait(asyncio.wrap_future(future), future.cancel)

    async def side(
        self,
        pool: Pool,
        work: Callable[..., T],
        *args: Any,
        discard: Callable[[T], object] | None = None,
        **kwargs: Any,
    ) -> T:
        """Run work outside the lane. Cancelling abandons it: the job ends at once, and running work finishes unused.

        discard gets the result of abandoned work, to close or erase it. Raises what the work raises, and JobCancelled.
        """
        self.check()
        future = self._pools.submit(pool, partial(work, *args, **kwargs))
        try:
            return await self.wait(asyncio.wrap_future(future))
        except JobCancelled:
            if discard is not None:
                future.add_done_callback(partial(_discard, discard))
            raise

    async def shield(self, pool: Pool, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run short work outside the lane to its end, even if the job is cancelled: its events must follow.

        Raises what the work raises, and JobCancelled once the worker is closed.
        """
        future = self._pools.submit(pool, partial(work, *args, **kwargs))
        try:
            return await asyncio.wrap_future(future)
        except (asyncio.CancelledError, FutureCancelled):
            raise JobCancelled from None

    async def wait(self, waiter: asyncio.Future[T]) -> T:
        """Wait for something of the event loop. Cancelling ends the waiting. Raises JobCancelled."""
        loop = asyncio.get_running_loop()
        return await self._wait(waiter, lambda: loop.call_soon_threadsafe(waiter.cancel))

    async def _wait(self, waiter: asyncio.Future[T], cancel: Callable[[], object]) -> T:
        with self._guard:
            self._cancels.add(cancel)
        if self._cancelled.is_set():  # since the check before the work was queued
            cancel()
        try:
            return await waiter
        except (asyncio.CancelledError, FutureCancelled):
            self._cancelled.set()
            raise JobCancelled from None
        finally:
            with self._guard:
                self._cancels.remove(cancel)


def _discard(discard: Callable[[T], object], future: Future[T]) -> None:
    if not future.cancelled() and future.exception() is None:
        discard(future.result())


def run_all(*steps: Callable[[], object]) -> None:
    """Run every step, also after one failed. Raises the error of the one that failed, or an ExceptionGroup."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as e:  # noqa: BLE001 — collected and raised below
            errors.append(e)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("several steps failed", errors)


Answer = Callable[[Request, Job], Awaitable[None]]


class Worker:
    """Runs requests on its own thread and reports them by `emit(job id, event or end)`, on that thread.

    make_answer is called on the backend thread with the first request, so that everything heavy is created where it is
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
        self._lane = Lane(low_priority=True)
        self._pools = Pools()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clarity-backend", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> int:
        """Start answering; returns the job's id at once."""
        at = next(self._ids)
        self._jobs[at] = Job(lambda event: self._emit(at, event), self._lane, self._pools)
        # The only way into an event loop from another thread.
        self._loop.call_soon_threadsafe(self._start, at, request)
        return at

    def cancel(self, at: int) -> None:
        """Ask a job to end; it answers with Cancelled within a second. Unknown and finished ids are ignored."""
        if (job := self._jobs.get(at)) is not None:
            job.cancel()

    def close(self) -> None:
        """Cancel all jobs, wait for them, close the documents, end the threads. Raises errors after all steps."""
        # A copy: jobs remove themselves when they end.
        for job in tuple(self._jobs.values()):
            job.cancel()
        run_all(self._end_answering, self._lane.close, self._pools.close, self._end_loop)

    def _end_answering(self) -> None:
        asyncio.run_coroutine_threadsafe(self._drain(), self._loop).result()

    async def _drain(self) -> None:
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        self._close_answer()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _start(self, at: int, request: Request) -> None:
        task = self._loop.create_task(self._run(at, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, at: int, request: Request) -> None:
        job = self._jobs[at]
        end: End = Finished()
        try:
            if self._answer is None:
                # Here rather than in __init__: heavy modules are imported on the backend thread.
                self._answer, self._close_answer = self._make_answer()
            await self._answer(request, job)
        except JobCancelled:
            end = Cancelled()
        except UserError as e:
            log.info("%s: %s", type(request).__name__, e)
            end = Failed(e)
        except Exception as e:
            # Not a UserError: a bug. The window shows a sentence, the log has the traceback.
            log.exception("%s failed", type(request).__name__)
            end = Failed(e)
        finally:
            del self._jobs[at]
        self._emit(at, end)
