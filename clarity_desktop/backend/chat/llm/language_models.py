"""The verbs about language models: which there are, whether one works, and the keys of their servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from clarity_desktop.backend import plan
from clarity_desktop.backend.chat.llm import keys
from clarity_desktop.backend.chat.llm.address import origin, server_name
from clarity_desktop.backend.chat.llm.client import Client, connect
from clarity_desktop.backend.chat.llm.failures import Unsupported
from clarity_desktop.messages import (
    ListLlmModels,
    LlmKeyRead,
    LlmModelsListed,
    LlmTested,
    ReadLlmKey,
    StoreLlmKey,
    TestLlm,
    UserError,
)
from clarity_desktop.settings import LlmSettings
from clarity_desktop.text import Message, Text
from clarity_desktop.values import DocumentId
from clarity_desktop.worker import Job


class LanguageModels:
    """The servers of language models, their keys, and what is known of them since the program started."""

    def __init__(
        self, stored: keys.Keys | None = None, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """stored: other keys than those of the system's keyring; sleep: how to wait before a request is repeated."""
        self._keys, self._sleep = stored or keys.Keys(), sleep
        self._without_tools: set[tuple[str, str]] = set()
        self.saw_photo: set[tuple[str, DocumentId]] = set()
        """Servers and documents whose photo was sent there."""

    @asynccontextmanager
    async def connect(self, llm: LlmSettings, job: Job, key: str | None = None) -> AsyncGenerator[Client]:
        """A client of a server for the length of a block. key None: the stored one. Raises UserError, JobCancelled."""
        if key is None:
            key = await job.side("network", self._keys.read, llm.url)
        async with connect(llm, key, job, self._sleep) as client:
            yield client

    def calls_tools(self, llm: LlmSettings) -> bool:
        """False for a model that was found to call no tools."""
        return (llm.url, llm.model) not in self._without_tools

    def note_without_tools(self, llm: LlmSettings) -> None:
        """Remember that a model calls no tools."""
        self._without_tools.add((llm.url, llm.model))

    async def list_models(self, request: ListLlmModels, job: Job) -> LlmModelsListed:
        """The models of a server. Raises UserError, JobCancelled."""
        server = server_name(request.llm.url)
        async with self.connect(request.llm, job, request.key) as client:
            models = await client.models()
        text = Message("llm.models_found", {"server": server, "count": len(models)})
        return LlmModelsListed(
            request.llm.url, models, text if models else Message("llm.no_models", {"server": server})
        )

    async def test(self, request: TestLlm, job: Job) -> LlmTested:
        """Whether a model answers and calls a tool. Raises UserError, JobCancelled."""
        llm = request.llm
        if not llm.model:
            raise UserError("llm.no_model_chosen")
        self._without_tools.discard((llm.url, llm.model))
        ask = [{"role": "user", "content": "This is a test of the connection. Call the tool describe once."}]
        async with self.connect(llm, job, request.key) as client:
            try:
                reply = await client.chat(ask, plan.functions(["describe"]))
            except Unsupported:
                self.note_without_tools(llm)
                reply = await client.chat(ask)
        if reply.problem is not None and not reply.text:
            raise UserError(reply.problem)
        key = "llm.works" if reply.calls else "llm.works_by_plans"
        return LlmTested(llm.url, Message(key, {"model": llm.model}))

    async def read_key(self, request: ReadLlmKey, job: Job) -> LlmKeyRead:
        """Whether there is a key for a server; the key itself is not returned."""
        found = await job.side("network", self._keys.read, request.url)
        return LlmKeyRead(request.url, bool(found))

    async def store_key(self, request: StoreLlmKey, job: Job) -> LlmKeyRead:
        """Keep a key for a server, or remove it. Raises UserError, JobCancelled."""
        server, key = server_name(request.url), request.key.strip()
        if not key:
            removed = await job.side("network", self._keys.remove, request.url)
            entry = f"{keys.SERVICE}, {origin(request.url)}"
            text: Text = Message("llm.key_removed", {"server": server})
            if not removed:
                text = Message("llm.key_not_removed", {"server": server, "entry": entry})
            return LlmKeyRead(request.url, not removed, text)
        kept = await job.side("network", self._keys.store, request.url, key)
        return LlmKeyRead(
            request.url, True, Message("llm.key_stored", {"server": server}) if kept else Message("llm.key_for_session")
        )
