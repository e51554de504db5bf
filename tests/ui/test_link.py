"""Events of a request reach the code that waits for them, on the UI thread; leaving cancels the request."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from functools import partial

import pytest

from clarity_desktop.messages import (
    FetchModel,
    JobCancelled,
    ListMethods,
    ListModels,
    MethodsListed,
    ModelsListed,
    Notice,
    Progress,
    RemoveModel,
    Request,
    UserError,
)
from clarity_desktop.ui.link import Link
from clarity_desktop.worker import Job, Worker


class Backend:
    """Answers like the studio: listing is quick, fetching is slow, removing fails."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def make(self):
        return self.answer, partial(self.ended.append, "closed")

    async def answer(self, request: Request, job: Job) -> None:
        match request:
            case ListMethods():
                job.emit(Progress(0.5))
                job.emit(MethodsListed(()))
            case ListModels():
                job.emit(Notice(threading.current_thread().name))
                job.emit(ModelsListed(()))
            case FetchModel():
                try:
                    await job.run(self.fetch, job)
                except JobCancelled:
                    self.ended.append("aborted")
                    raise
            case RemoveModel(model):
                raise UserError(f"{model} is in use. Close it first.") if model else ValueError("a bug")
            case _:
                raise AssertionError(request)

    @staticmethod
    def fetch(job: Job) -> None:
        for k in range(1000):
            job.report(k / 1000)
            time.sleep(0.005)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def link(backend: Backend, qapp) -> Iterator[Link]:
    link = Link(lambda emit: Worker(backend.make, emit))
    yield link
    link.close()


async def test_events_come_in_order_and_end(link: Link):
    assert [event async for event in link.run(ListMethods())] == [Progress(0.5), MethodsListed(())]


async def test_events_arrive_on_the_ui_thread(link: Link):
    here = threading.current_thread()
    async for event in link.run(ListModels()):
        assert threading.current_thread() is here
        if isinstance(event, Notice):
            assert event.text == "clarity-backend"


async def test_two_requests_do_not_mix_their_events(link: Link):
    async def listed(request: Request) -> list[object]:
        return [event async for event in link.run(request)]

    methods, models = await asyncio.gather(listed(ListMethods()), listed(ListModels()))
    assert methods[-1] == MethodsListed(())
    assert models[-1] == ModelsListed(())


async def test_an_error_for_the_user_is_raised_as_it_stands(link: Link):
    with pytest.raises(UserError, match=r"denoise is in use\. Close it first\."):
        _ = [event async for event in link.run(RemoveModel("denoise"))]


async def test_a_bug_is_raised_as_itself(link: Link):
    with pytest.raises(ValueError, match="a bug"):
        _ = [event async for event in link.run(RemoveModel(""))]


async def test_the_same_request_can_run_twice_at_once_and_one_call_be_cancelled(link: Link, backend: Backend):
    request = FetchModel("big")
    first, second = link.new_call(), link.new_call()
    async with aclosing(link.run(request, first)) as one, aclosing(link.run(request, second)) as other:
        await anext(one)
        link.cancel(first)
        with pytest.raises(asyncio.CancelledError):
            async for _ in one:
                pass
        assert backend.ended == ["aborted"]
        await anext(other)


async def test_leaving_early_cancels_the_request(link: Link, backend: Backend):
    async with aclosing(link.run(FetchModel("big"))) as events:
        await anext(events)
    for _ in range(200):
        if backend.ended:
            break
        await asyncio.sleep(0.01)
    assert backend.ended == ["aborted"]


async def test_cancelling_the_follower_cancels_the_request(link: Link, backend: Backend):
    async def follow() -> None:
        async for _ in link.run(FetchModel("big")):
            pass

    task = asyncio.ensure_future(follow())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(200):
        if backend.ended:
            break
        await asyncio.sleep(0.01)
    assert backend.ended == ["aborted"]


async def test_events_of_a_call_that_was_left_are_dropped(link: Link):
    async with aclosing(link.run(ListMethods())) as events:
        assert await anext(events) == Progress(0.5)
    await asyncio.sleep(0.1)
    assert [n async for n in link.run(ListModels())][-1] == ModelsListed(())


async def test_closing_ends_a_running_request_and_its_follower(qapp, backend: Backend):
    link = Link(lambda emit: Worker(backend.make, emit))

    async def follow() -> None:
        async for _ in link.run(FetchModel("big")):
            pass

    task = asyncio.ensure_future(follow())
    await asyncio.sleep(0.1)
    link.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.ended == ["aborted", "closed"]


async def test_events_of_different_calls_keep_the_order_in_which_they_were_made(qapp):
    """Also where all of them have come before any call had its turn."""

    class Turns:
        """Two requests that speak in turn; nothing is delivered before both are done."""

        def __init__(self) -> None:
            self.jobs: list[Job] = []
            self.done = threading.Event()

        async def answer(self, request: Request, job: Job) -> None:
            self.jobs.append(job)
            while len(self.jobs) < 2:
                await asyncio.sleep(0)
            if job is self.jobs[1]:
                for k in range(10):
                    self.jobs[k % 2].emit(Notice(str(k)))
                self.done.set()

    turns, heard = Turns(), list[str]()
    hear = heard.append
    link = Link(lambda emit: Worker(lambda: (turns.answer, lambda: None), emit))

    async def listen(request: Request) -> None:
        async with aclosing(link.run(request)) as events:
            async for event in events:
                hear(event.text)

    listening = [asyncio.ensure_future(listen(request)) for request in (ListMethods(), ListModels())]
    await asyncio.sleep(0)
    turns.done.wait(10)  # the window's thread is busy meanwhile
    await asyncio.gather(*listening)
    assert heard == [str(k) for k in range(10)]
    link.close()
