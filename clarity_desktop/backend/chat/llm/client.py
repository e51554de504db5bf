"""A server of language models, through the openai package: lists models, and streams replies with text and calls.

What a server sends is untrusted: each part is checked for its type, and the size and time of a reply are limited.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clarity_desktop.backend.chat.llm import failures
from clarity_desktop.backend.chat.llm.address import is_loopback, may_send_key, server_name
from clarity_desktop.messages import Progress, UserError
from clarity_desktop.settings import LlmSettings
from clarity_desktop.text import Message, duration
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream, Response
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)
RETRIES = 2
FIRST_WAIT = 0.5
"""Seconds before the first repetition; each further wait is twice as long."""
LONGEST_WAIT = 20.0
"""Seconds that a server may ask to wait before the request is repeated; a longer wait ends it with a message."""
CONNECT_SECONDS = 10.0
READ_SECONDS, LOCAL_READ_SECONDS = 60.0, 600.0
"""Between two pieces of a reply. A model on this computer may read for minutes before its first word."""
REPLY_SECONDS = 1200.0
MAX_CHARACTERS = 60_000
"""Of text and arguments in one reply."""
MAX_BYTES = 8_000_000
"""Of one answer of the server."""
MAX_CALLS = 16
MAX_MODELS = 500
NO_KEY = "none"
"""Sent where there is no key: the openai package needs one, and would otherwise take that of the environment."""
Chat = Mapping[str, Any]
"""One message of the chat completions API."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that the model calls; arguments: JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model replied. problem: why it is incomplete; calls are empty then, because they may be incomplete too."""

    text: str = ""
    calls: tuple[FunctionCall, ...] = ()
    problem: Message | None = None


@dataclass(slots=True)
class _Collected:
    """A reply while it comes."""

    text: str = ""
    calls: list[FunctionCall] = field(default_factory=list[FunctionCall])
    places: dict[int, int] = field(default_factory=dict[int, int])
    """The index that the server gives a call → its place in calls."""
    finish: str | None = None
    chunks: int = 0

    def add(self, delta: Any) -> None:
        """Add what one piece of a reply brings."""
        content = getattr(delta, "content", None)
        if isinstance(content, str):
            self.text += content
        calls: Any = getattr(delta, "tool_calls", None)
        for part in calls if isinstance(calls, list) else ():
            self._add_call(part)

    def _add_call(self, part: Any) -> None:
        function = getattr(part, "function", None)
        index, identity = getattr(part, "index", 0), getattr(part, "id", None)
        name, arguments = getattr(function, "name", None), getattr(function, "arguments", None)
        index = index if isinstance(index, int) else 0
        identity = identity if isinstance(identity, str) else ""
        name = name if isinstance(name, str) else ""
        if isinstance(arguments, dict):  # some servers send the object itself
            arguments = json.dumps(arguments)
        arguments = arguments if isinstance(arguments, str) else ""
        place = self.places.get(index)
        known = None if place is None else self.calls[place]
        # Some servers give all parallel calls the index 0, each with a name of its own.
        if known is None or (name and known.name and identity != known.id):
            self.places[index] = len(self.calls)
            self.calls.append(FunctionCall(identity or f"call_{len(self.calls)}", name, arguments))
            return
        assert place is not None
        full = FunctionCall(known.id, known.name or name, known.arguments + arguments)
        self.calls[place] = full

    @property
    def size(self) -> int:
        return len(self.text) + sum(len(call.name) + len(call.arguments) for call in self.calls)


class Client:
    """One server and one model, for one turn of the conversation."""

    def __init__(
        self, api: AsyncOpenAI, llm: LlmSettings, job: Job, sleep: Callable[[float], Awaitable[object]]
    ) -> None:
        self._api, self._llm, self._job, self._sleep = api, llm, job, sleep
        self.where = failures.Where(server_name(llm.url), llm.model)

    async def models(self) -> tuple[str, ...]:
        """The ids of the models that the server offers. Raises UserError, JobCancelled."""
        return await self._job.wait(asyncio.ensure_future(self._models()))

    async def _models(self) -> tuple[str, ...]:
        try:
            page = await self._api.models.list()
        except Exception as e:
            raise failures.error_of(e, self.where, listing=True) from e
        data: Any = getattr(page, "data", None)
        if not isinstance(data, list):
            raise UserError(Message("llm.no_list", {"server": self.where.server}))
        names = (getattr(model, "id", None) for model in data[:MAX_MODELS])
        return tuple(sorted({name for name in names if isinstance(name, str) and 0 < len(name) <= 200}))

    async def chat(
        self,
        messages: Sequence[Chat],
        functions: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
        on_text: Callable[[str], object] = lambda _: None,
    ) -> Reply:
        """Ask for one reply. Raises UserError, Unsupported, JobCancelled.

        functions: that the model may call. schema: of the JSON that the reply is to be. on_text: gets the text so far.
        """
        body: dict[str, Any] = {"model": self._llm.model, "messages": list(messages), "temperature": 0}
        if functions:
            body["tools"] = list(functions)
        if schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "plan", "schema": schema}}
        asked = failures.asked_for(body)
        return await self._job.wait(asyncio.ensure_future(self._chat(body, asked, on_text)))

    async def _chat(self, body: dict[str, Any], asked: frozenset[str], on_text: Callable[[str], object]) -> Reply:
        for attempt in range(RETRIES + 1):
            try:
                async with asyncio.timeout(REPLY_SECONDS):
                    return await self._reply(body, on_text)
            except Exception as e:
                failure = failures.error_of(e, self.where, asked)
                # GPT-5 and its like take no temperature but their own.
                if isinstance(failure, failures.Unsupported) and failure.feature == "temperature":
                    body.pop("temperature", None)
                    asked -= {"temperature"}
                    continue
                pause = failures.pause_before_retry(e, FIRST_WAIT * 2**attempt * random.uniform(0.75, 1.25))  # noqa: S311
                if (
                    attempt == RETRIES
                    or pause is None
                    or pause > LONGEST_WAIT
                    or isinstance(failure, failures.Unsupported)
                ):
                    raise failure from e
                log.info("The language model server is asked again in %.1f s: %s", pause, type(e).__name__)
                self._job.emit(Progress(0.0, Message("llm.waits", {"time": duration(pause)})))
                await self._sleep(pause)
        raise UserError(Message("llm.server_error", {"server": self.where.server, "code": 0}))

    async def _reply(self, body: dict[str, Any], on_text: Callable[[str], object]) -> Reply:
        """Raises what the package raises before the first piece; after that the reply says what is wrong."""
        found = _Collected()
        stream: Any = await self._api.chat.completions.create(**body, stream=True)
        try:
            async with stream:
                async for chunk in stream:
                    self._add(found, chunk)
                    if found.size > MAX_CHARACTERS:
                        return self._ended(found, "llm.too_large")
                    if found.text:
                        on_text(_repaired(found.text))
        except Exception as e:
            if not found.chunks:
                raise
            log.info("The reply of the language model broke off: %s", type(e).__name__)
            return self._ended(found, "llm.too_large" if isinstance(e, TooLarge) else "llm.broken")
        if not found.chunks:
            return await self._whole(body, on_text)
        if found.finish is None:
            return self._ended(found, "llm.broken")
        return self._ended(found, "llm.cut" if found.finish == "length" else None)

    async def _whole(self, body: dict[str, Any], on_text: Callable[[str], object]) -> Reply:
        """The reply of a server that does not stream."""
        found = _Collected()
        self._add(found, await self._api.chat.completions.create(**body, stream=False), "message")
        if not found.chunks:
            raise UserError(Message("llm.not_a_server", {"server": self.where.server}))
        on_text(_repaired(found.text))
        if found.size > MAX_CHARACTERS:
            return self._ended(found, "llm.too_large")
        return self._ended(found, "llm.cut" if found.finish == "length" else None)

    def _add(self, found: _Collected, chunk: Any, part: str = "delta") -> None:
        choices: Any = getattr(chunk, "choices", None)
        if not isinstance(choices, list):
            return
        found.chunks += 1
        for choice in choices[:1]:
            found.add(getattr(choice, part, None))
            finish = getattr(choice, "finish_reason", None)
            found.finish = finish if isinstance(finish, str) and finish else found.finish

    def _ended(self, found: _Collected, problem: str | None) -> Reply:
        text = _repaired(found.text)
        if problem is None:
            return Reply(text, tuple(FunctionCall(*map(_repaired, (c.id, c.name, c.arguments))) for c in found.calls))
        return Reply(text[:MAX_CHARACTERS], (), Message(problem, {"server": self.where.server}))


def _repaired(text: str) -> str:
    """Text with characters that came in two halves put together; half of one alone could be neither stored nor sent."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class TooLarge(Exception):
    """The server sends more than MAX_BYTES."""


@asynccontextmanager
async def connect(
    llm: LlmSettings, key: str, job: Job, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncGenerator[Client]:
    """A client for the length of a block. Raises UserError, JobCancelled; sleep: how to wait before repeating."""
    if key and not may_send_key(llm.url):
        raise UserError(Message("llm.key_in_clear", {"server": server_name(llm.url)}))
    # In a thread: the package takes a second to import, certificates a tenth to read.
    api = await job.side("network", _open, llm.url, key)
    try:
        yield Client(api, llm, job, sleep)
    finally:
        await api.close()


def _open(url: str, key: str) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    local = is_loopback(url)
    read = LOCAL_READ_SECONDS if local else READ_SECONDS
    http = DefaultAsyncHttpxClient(
        timeout=httpx2.Timeout(connect=CONNECT_SECONDS, read=read, write=READ_SECONDS, pool=CONNECT_SECONDS),
        # Neither the key nor the conversation follows a redirect to another server.
        follow_redirects=False,
        # A proxy is for servers elsewhere.
        trust_env=not local,
        verify=url.strip().lower().startswith("https"),  # otherwise certificates are read for nothing
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_limit]},
    )
    api = AsyncOpenAI(base_url=url.strip(), api_key=key or NO_KEY, http_client=http, max_retries=0)
    # What the environment says is meant for OpenAI and not for any server.
    api.organization = api.project = None
    return api


async def _limit(response: Response) -> None:
    """Limit how much of an answer is read; a compressed one could be a thousand times as large."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise TooLarge
    response.stream = _limited(response.stream)


def _limited(stream: Any) -> AsyncByteStream:
    from httpx2 import AsyncByteStream

    class Limited(AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MAX_BYTES
            async for part in stream:
                left -= len(part)
                if left < 0:
                    raise TooLarge
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    return Limited()
