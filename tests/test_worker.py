"""The backend thread: one heavy lane, short work in its pauses, progress and cancel as one call."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from clarity_desktop.messages import (
    Cancelled,
    End,
    Event,
    Failed,
    FindRecoveries,
    Finished,
    JobCancelled,
    ListMethods,
    ListModels,
    Notice,
    Progress,
    Request,
    UserError,
)
from clarity_desktop.worker import Job, Worker

Came = queue.Queue[tuple[int, Event | End]]


class AutoTarget:
    """A worker whose answers are scripted per kind of request, and what it told."""

    def __init__(self) -> None:
        self.came: Came = queue.Queue()
        self.verbs: dict[type, Callable[[Job], object]] = {}
        self.closed = 0
        self.worker = Worker(self._make, lambda at, news: self.came.put((at, news)))

    def _make(self):
        async def answer(request: Request, job: Job) -> None:
            await self.verbs[type(request)](job)

        def close() -> None:
            self.closed += 1

        return answer, close

    def until_end(self, at: int) -> list[Event | End]:
        told: list[Event | End] = []
        while not (told and isinstance(told[-1], Finished | Failed | Cancelled)):
            whose, news = self.came.get(timeout=10)
            if whose == at:
                told.append(news)
        return told


@pytest.fixture
def bench() -> Iterator[AutoTarget]:
    made = AutoTarget()
    yield made
    made.worker.close()
    assert made.closed == 1


def test_news_come_in_order_and_the_end_comes_last(bench: AutoTarget) -> None:
    async def verb(job: Job) -> None:
        job.report(0.25, "half of half")
        job.emit(Notice("well"))

    bench.verbs[ListMethods] = verb
    told = bench.until_end(bench.worker.submit(ListMethods()))
    assert told == [Progress(0.25, "half of half"), Notice("well"), Finished()]


def test_a_user_error_ends_the_request_and_the_next_one_is_answered(
    bench: AutoTarget, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(job: Job) -> None:
        raise UserError("No such photo.")

    async def works(job: Job) -> None:
        job.emit(Notice("fine"))

    bench.verbs = {ListMethods: fails, ListModels: works}
    with caplog.at_level(logging.CRITICAL):
        [end] = bench.until_end(bench.worker.submit(ListMethods()))
    assert isinstance(end, Failed)
    assert str(end.error) == "No such photo."
    assert bench.until_end(bench.worker.submit(ListModels()))[-1] == Finished()


def test_heavy_work_of_two_requests_never_overlaps(bench: AutoTarget) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1

    async def verb(job: Job) -> None:
        await job.heavy(work)

    bench.verbs = {ListMethods: verb, ListModels: verb}
    ids = [bench.worker.submit(r) for r in (ListMethods(), ListModels(), ListMethods())]
    ended = 0
    while ended < len(ids):
        ended += isinstance(bench.came.get(timeout=10)[1], Finished)
    assert most == 1


def test_short_work_runs_in_a_pause_of_long_work(bench: AutoTarget) -> None:
    order: list[str] = []
    started, let_go = threading.Event(), threading.Event()

    def long(job: Job) -> None:
        started.set()
        while not let_go.is_set():
            job.checkpoint()
            time.sleep(0.005)
        order.append("long")

    async def restoring(job: Job) -> None:
        await job.heavy(long, job)

    async def clicking(job: Job) -> None:
        await job.short(order.append, "short")

    bench.verbs = {ListMethods: restoring, ListModels: clicking}
    bench.worker.submit(ListMethods())
    assert started.wait(5)
    at = bench.worker.submit(ListModels())
    bench.until_end(at)
    let_go.set()
    assert order[0] == "short"


def test_short_work_does_not_nest_in_short_work(bench: AutoTarget) -> None:
    order: list[str] = []
    started = threading.Event()

    def breathing(job: Job) -> None:
        started.set()
        time.sleep(0.1)
        job.checkpoint()
        order.append("first")

    async def first(job: Job) -> None:
        await job.short(breathing, job)

    async def second(job: Job) -> None:
        await job.short(order.append, "second")

    async def long(job: Job) -> None:
        await job.heavy(lambda: [(time.sleep(0.01), job.checkpoint()) for _ in range(40)])

    bench.verbs = {FindRecoveries: long, ListMethods: first, ListModels: second}
    bench.worker.submit(FindRecoveries())
    bench.worker.submit(ListMethods())
    assert started.wait(5)
    bench.until_end(bench.worker.submit(ListModels()))
    assert order == ["first", "second"]


def test_cancelling_stops_heavy_work_and_says_cancelled(bench: AutoTarget) -> None:
    ticks = 0

    def long(job: Job) -> None:
        nonlocal ticks
        while True:
            job.report(0.1)
            ticks += 1
            time.sleep(0.01)

    async def verb(job: Job) -> None:
        await job.heavy(long, job)

    bench.verbs[ListMethods] = verb
    at = bench.worker.submit(ListMethods())
    while not ticks:
        time.sleep(0.01)
    bench.worker.cancel(at)
    assert bench.until_end(at)[-1] == Cancelled()
    after = ticks
    time.sleep(0.1)
    assert ticks == after


def test_a_cancelled_request_that_still_waits_for_the_lane_ends_at_once(bench: AutoTarget) -> None:
    let_go, ran = threading.Event(), []

    async def long(job: Job) -> None:
        await job.heavy(let_go.wait, 10)

    async def waiting(job: Job) -> None:
        await job.heavy(ran.append, 1)

    bench.verbs = {ListMethods: long, ListModels: waiting}
    first = bench.worker.submit(ListMethods())
    second = bench.worker.submit(ListModels())
    time.sleep(0.1)
    bench.worker.cancel(second)
    assert bench.until_end(second) == [Cancelled()]
    let_go.set()
    bench.until_end(first)
    assert ran == []


def test_cancelling_an_unknown_or_finished_job_is_ignored(bench: AutoTarget) -> None:
    async def verb(job: Job) -> None:
        return

    bench.verbs[ListMethods] = verb
    at = bench.worker.submit(ListMethods())
    bench.until_end(at)
    bench.worker.cancel(at)
    bench.worker.cancel(99999)
    assert bench.until_end(bench.worker.submit(ListMethods())) == [Finished()]


def test_closing_while_heavy_work_runs_ends_it() -> None:
    ended: list[str] = []

    def long(job: Job) -> None:
        try:
            while True:
                job.checkpoint()
                time.sleep(0.01)
        except JobCancelled:
            ended.append("aborted")
            raise

    async def verb(job: Job) -> None:
        await job.heavy(long, job)

    other = AutoTarget()
    other.verbs[ListMethods] = verb
    other.worker.submit(ListMethods())
    time.sleep(0.1)
    other.worker.close()
    assert ended == ["aborted"]
    assert other.closed == 1
