"""The backend thread: the lane and its classes, side work, progress, cancelling and closing."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial

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
from clarity_desktop.worker import Job, Lane, LaneClass, Pools, Worker, run_all

Received = queue.Queue[tuple[int, Event | End]]


class Backend:
    """A worker whose answers are scripted per kind of request, and what it emits."""

    def __init__(self) -> None:
        self.received: Received = queue.Queue()
        self.verbs: dict[type, Callable[[Job], object]] = {}
        self.closed = 0
        self.worker = Worker(self._make, lambda at, event: self.received.put((at, event)))

    def _make(self):
        async def answer(request: Request, job: Job) -> None:
            await self.verbs[type(request)](job)

        def close() -> None:
            self.closed += 1

        return answer, close

    def until_end(self, at: int) -> list[Event | End]:
        events: list[Event | End] = []
        while not (events and isinstance(events[-1], Finished | Failed | Cancelled)):
            whose, event = self.received.get(timeout=60)
            if whose == at:
                events.append(event)
        return events


@pytest.fixture
def backend() -> Iterator[Backend]:
    made = Backend()
    yield made
    made.worker.close()
    assert made.closed == 1


def test_news_come_in_order_and_the_end_comes_last(backend: Backend) -> None:
    async def verb(job: Job) -> None:
        job.report(0.25, "half of half")
        job.emit(Notice("well"))

    backend.verbs[ListMethods] = verb
    events = backend.until_end(backend.worker.submit(ListMethods()))
    assert events == [Progress(0.25, "half of half"), Notice("well"), Finished()]


def test_a_user_error_ends_the_request_and_the_next_one_is_answered(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(job: Job) -> None:
        raise UserError("No such photo.")

    async def works(job: Job) -> None:
        job.emit(Notice("fine"))

    backend.verbs = {ListMethods: fails, ListModels: works}
    with caplog.at_level(logging.CRITICAL):
        [end] = backend.until_end(backend.worker.submit(ListMethods()))
    assert isinstance(end, Failed)
    assert str(end.error) == "No such photo."
    assert backend.until_end(backend.worker.submit(ListModels()))[-1] == Finished()


def test_heavy_work_of_two_requests_never_overlaps(backend: Backend) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.05)
        inside -= 1

    async def verb(job: Job) -> None:
        await job.run(work)

    backend.verbs = {ListMethods: verb, ListModels: verb}
    ids = [backend.worker.submit(r) for r in (ListMethods(), ListModels(), ListMethods())]
    ended = 0
    while ended < len(ids):
        ended += isinstance(backend.received.get(timeout=60)[1], Finished)
    assert most == 1


class Lanes:
    """Two pieces of work, of which the second is queued while the first runs; the first reaches checkpoints."""

    def __init__(self, first: LaneClass, second: LaneClass) -> None:
        self.lane, self.order, self.started, self.queued = Lane(), list[str](), threading.Event(), threading.Event()
        a = self.lane.submit(self._first, first)
        assert self.started.wait(30)
        b = self.lane.submit(lambda: self.order.append("second"), second)
        self.queued.set()
        a.result(30)
        b.result(30)
        assert self.lane.close(30)

    def _first(self) -> None:
        self.started.set()
        assert self.queued.wait(30)
        self.lane.checkpoint()
        self.order.append("first")


@pytest.mark.parametrize(
    ("first", "second"),
    [(a, b) for a in LaneClass for b in LaneClass],
    ids=lambda c: c.name,
)
def test_only_a_higher_class_runs_in_the_pauses_of_a_lower_one(first: LaneClass, second: LaneClass) -> None:
    assert Lanes(first, second).order == (["second", "first"] if second > first else ["first", "second"])


def test_waiting_work_runs_highest_class_first() -> None:
    lane, order, gate = Lane(), list[LaneClass](), threading.Event()
    lane.submit(lambda: gate.wait(30), LaneClass.INTERACTIVE)
    ends = [lane.submit(partial(order.append, c), c) for c in LaneClass]
    gate.set()
    for end in ends:
        end.result(30)
    assert lane.close(30)
    assert order == sorted(LaneClass, reverse=True)


def test_interactive_work_runs_inside_an_analysis_that_runs_inside_a_restoration() -> None:
    lane, order = Lane(), list[str]()

    def nested(name: str, inner: Callable[[], object] | None, lane_class: LaneClass | None) -> None:
        order.append(f"{name} begins")
        if inner is not None and lane_class is not None:
            lane.submit(inner, lane_class)
        lane.checkpoint()
        order.append(f"{name} ends")

    click = partial(nested, "click", None, None)
    analysis = partial(nested, "analysis", click, LaneClass.INTERACTIVE)
    lane.submit(partial(nested, "restoration", analysis, LaneClass.ANALYSIS), LaneClass.RESTORE).result(30)
    assert lane.close(30)
    begun = [f"{name} begins" for name in ("restoration", "analysis", "click")]
    assert order == begun + [f"{name} ends" for name in ("click", "analysis", "restoration")]


def test_a_checkpoint_outside_the_lane_does_nothing() -> None:
    lane, gate = Lane(), threading.Event()
    waiting = lane.submit(lambda: gate.wait(30), LaneClass.RESTORE)
    lane.checkpoint()
    gate.set()
    assert waiting.result(30)
    assert lane.close(30)


def test_work_in_a_pause_has_a_clean_torch_context() -> None:
    torch = pytest.importorskip("torch")
    lane, seen = Lane(), dict[str, object]()

    def click() -> None:
        seen["autocast"] = torch.is_autocast_enabled("cpu")
        seen["inference"] = torch.is_inference_mode_enabled()
        seen["gradients"] = torch.is_grad_enabled()
        seen["dtype"] = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    def restoration() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            lane.submit(click, LaneClass.INTERACTIVE)
            lane.checkpoint()
            assert torch.is_autocast_enabled("cpu")

    lane.submit(restoration, LaneClass.RESTORE).result(30)
    assert lane.close(30)
    assert seen == {"autocast": False, "inference": False, "gradients": True, "dtype": torch.float32}


def test_work_that_fails_in_a_pause_leaves_the_interrupted_work_alone() -> None:
    lane, failed = Lane(), list[Future[None]]()

    def click() -> None:
        raise ValueError("the click failed")

    def restoration() -> str:
        failed.append(lane.submit(click, LaneClass.INTERACTIVE))
        lane.checkpoint()
        return "done"

    assert lane.submit(restoration, LaneClass.RESTORE).result(30) == "done"
    assert lane.close(30)
    assert str(failed[0].exception(5)) == "the click failed"


def test_cancelling_stops_heavy_work_and_says_cancelled(backend: Backend) -> None:
    ticks = 0

    def long(job: Job) -> None:
        nonlocal ticks
        while True:
            job.report(0.1)
            ticks += 1
            time.sleep(0.01)

    async def verb(job: Job) -> None:
        await job.run(long, job)

    backend.verbs[ListMethods] = verb
    at = backend.worker.submit(ListMethods())
    while not ticks:
        time.sleep(0.01)
    backend.worker.cancel(at)
    assert backend.until_end(at)[-1] == Cancelled()
    after = ticks
    time.sleep(0.1)
    assert ticks == after


def test_a_cancelled_request_that_still_waits_for_the_lane_ends_at_once(backend: Backend) -> None:
    let_go, ran = threading.Event(), []

    async def long(job: Job) -> None:
        await job.run(let_go.wait, 10)

    async def waiting(job: Job) -> None:
        await job.run(ran.append, 1)

    backend.verbs = {ListMethods: long, ListModels: waiting}
    first = backend.worker.submit(ListMethods())
    second = backend.worker.submit(ListModels())
    time.sleep(0.1)
    backend.worker.cancel(second)
    assert backend.until_end(second) == [Cancelled()]
    let_go.set()
    backend.until_end(first)
    assert ran == []


def test_cancelling_an_unknown_or_finished_job_is_ignored(backend: Backend) -> None:
    async def verb(job: Job) -> None:
        return

    backend.verbs[ListMethods] = verb
    at = backend.worker.submit(ListMethods())
    backend.until_end(at)
    backend.worker.cancel(at)
    backend.worker.cancel(99999)
    assert backend.until_end(backend.worker.submit(ListMethods())) == [Finished()]


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
        await job.run(long, job)

    other = Backend()
    other.verbs[ListMethods] = verb
    other.worker.submit(ListMethods())
    time.sleep(0.1)
    other.worker.close()
    assert ended == ["aborted"]
    assert other.closed == 1


# Cancelling -----------------------------------------------------------------------------------------------------------


class CancelledInSubmit(Lane):
    """The user cancels just after the job was checked and before it waits for its work."""

    job: Job

    def submit(self, work, lane_class):
        gate = threading.Event()
        super().submit(lambda: gate.wait(30), lane_class)
        self.job.cancel()
        future = super().submit(work, lane_class)
        asyncio.get_running_loop().call_later(0.01, gate.set)
        return future


def test_a_job_that_is_cancelled_while_its_work_is_queued_does_not_run_it() -> None:
    lane, pools, ran = CancelledInSubmit(), Pools(), list[int]()
    lane.job = Job(lambda _: None, lane, pools)
    with pytest.raises(JobCancelled):
        asyncio.run(lane.job.run(ran.append, 1))
    run_all(lane.close, pools.close)
    assert ran == []


def test_cancelling_reaches_all_work_that_a_job_waits_for() -> None:
    lane, pools, ran, gate = Lane(), Pools(), list[int](), threading.Event()
    lane.submit(lambda: gate.wait(30), LaneClass.RESTORE)
    job = Job(lambda _: None, lane, pools)

    async def story() -> list[BaseException]:
        waiting = [asyncio.ensure_future(_outcome(job.run(ran.append, k))) for k in range(2)]
        await asyncio.sleep(0)
        job.cancel()
        return list(await asyncio.gather(*waiting))

    async def _outcome(work) -> BaseException | None:
        try:
            await work
        except JobCancelled as e:
            return e
        return None

    ended = asyncio.run(story())
    gate.set()
    run_all(lane.close, pools.close)
    assert [type(e) for e in ended] == [JobCancelled, JobCancelled]
    assert ran == []


def test_cancelling_abandons_side_work_at_once_and_discards_what_it_returns(backend: Backend) -> None:
    started, let_go, discarded = threading.Event(), threading.Event(), queue.Queue[str]()

    def encode() -> str:
        started.set()
        assert let_go.wait(30)
        return "bytes"

    async def exporting(job: Job) -> None:
        await job.side("encode", encode, discard=discarded.put)

    backend.verbs[ListMethods] = exporting
    at = backend.worker.submit(ListMethods())
    assert started.wait(30)
    backend.worker.cancel(at)
    assert backend.until_end(at) == [Cancelled()]
    let_go.set()
    assert discarded.get(timeout=30) == "bytes"


def test_side_work_that_is_cancelled_while_it_waits_never_begins(backend: Backend) -> None:
    started, let_go, ran = threading.Event(), threading.Event(), list[int]()

    def first() -> None:
        started.set()
        let_go.wait(30)

    async def encoding(job: Job) -> None:
        await job.side("encode", first)

    async def replaced(job: Job) -> None:
        await job.side("encode", ran.append, 1)

    async def tiles(job: Job) -> None:
        await job.side("tiles", ran.append, 2)

    backend.verbs = {ListMethods: encoding, ListModels: replaced, FindRecoveries: tiles}
    running = backend.worker.submit(ListMethods())
    assert started.wait(30)
    waiting = [backend.worker.submit(ListModels()) for _ in range(5)]
    assert backend.until_end(backend.worker.submit(FindRecoveries())) == [Finished()], "tiles do not wait for encoders"
    for at in waiting:
        backend.worker.cancel(at)
        assert backend.until_end(at) == [Cancelled()]
    let_go.set()
    assert backend.until_end(running) == [Finished()]
    assert ran == [2]


def test_a_job_that_has_committed_its_result_cannot_be_cancelled_any_more(backend: Backend) -> None:
    committed, let_go = threading.Event(), threading.Event()

    def write(job: Job) -> str:
        job.commit()
        committed.set()
        assert let_go.wait(30)
        return "written"

    async def exporting(job: Job) -> None:
        job.emit(Notice(await job.side("encode", write, job)))

    backend.verbs[ListMethods] = exporting
    at = backend.worker.submit(ListMethods())
    assert committed.wait(30)
    backend.worker.cancel(at)
    let_go.set()
    assert backend.until_end(at) == [Notice("written"), Finished()]


def test_a_cancelled_job_commits_nothing() -> None:
    lane, pools = Lane(), Pools()
    job = Job(lambda _: None, lane, pools)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.commit()


# Closing --------------------------------------------------------------------------------------------------------------


def test_closing_ends_every_thread_though_the_documents_could_not_be_closed() -> None:
    def make():
        async def answer(request: Request, job: Job) -> None:
            await job.run(lambda: None)
            await job.side("disk", lambda: None)

        def close() -> None:
            raise OSError("the disk is gone")

        return answer, close

    came: Received = queue.Queue()
    worker = Worker(make, lambda at, event: came.put((at, event)))
    worker.submit(ListMethods())
    assert came.get(timeout=30)[1] == Finished()
    with pytest.raises(OSError, match="the disk is gone"):
        worker.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("clarity")]


def test_every_step_runs_and_all_errors_are_raised() -> None:
    ran: list[int] = []

    def fails(text: str) -> None:
        raise OSError(text)

    with pytest.raises(ExceptionGroup) as raised:
        run_all(partial(fails, "a"), partial(ran.append, 1), partial(fails, "b"))
    assert [str(e) for e in raised.value.exceptions] == ["a", "b"]
    assert ran == [1]


def test_the_time_left_follows_from_the_progress() -> None:
    seen: list[Progress] = []
    job = Job(lambda event: seen.append(event) if isinstance(event, Progress) else None, Lane(), Pools())
    with job.part(1, 1, note="Combining"), job.timed():
        job.report(0.0)
        time.sleep(0.002)
        job.report(0.5)
        job.report(1.0)
        job.report(0.5, "Loading", 7.0)
    assert seen[0].seconds_left is None
    assert seen[1].seconds_left is not None
    assert seen[1].seconds_left > 0
    assert seen[2].seconds_left == 0
    assert seen[3].seconds_left == 7
    assert [event.note for event in seen] == ["Combining", "Combining", "Combining", "Loading"]
