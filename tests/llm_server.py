"""A server of language models on this computer that speaks the chat completions protocol, with scripted replies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Handler", dict[str, Any]], None]
"""Answers one request of the chat completions API."""


class LlmServer(ThreadingHTTPServer):
    """scripts: one for each request, the last one for all that follow. bodies, headers: what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts: list[Script] = [say("Hello.")]
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.models: Any = {"object": "list", "data": [{"id": "small", "object": "model"}, {"id": "large"}]}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def replies(self, *scripts: Script) -> None:
        self.scripts = list(scripts)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of a test."""


class Handler(BaseHTTPRequestHandler):
    server: LlmServer
    protocol_version = "HTTP/1.1"

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        pass

    def log_error(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.send_json(self.server.models)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        scripts = self.server.scripts
        (scripts.pop(0) if len(scripts) > 1 else scripts[0])(self, body)

    def send_json(self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_piece(self, raw: bytes) -> None:
        self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
        self.wfile.flush()

    def send_chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.send_piece(f"data: {json.dumps(chunk)}\n\n".encode())

    def end_stream(self, *, done: bool = True) -> None:
        if done:
            self.send_piece(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self) -> None:
        """Close the connection in the middle of the answer."""
        self.close_connection = True
        self.connection.close()


def say(text: str, finish: str = "stop") -> Script:
    """A reply of words, in several pieces."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.begin_stream()
        handler.send_chunk({"role": "assistant", "content": ""})
        for word in text.split(" "):
            handler.send_chunk({"content": f"{word} "})
        handler.send_chunk({}, finish)
        handler.end_stream()

    return answer


def call(*calls: tuple[str, Mapping[str, Any] | str], text: str = "") -> Script:
    """A reply that calls functions in parallel; the arguments come in two pieces."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.begin_stream()
        if text:
            handler.send_chunk({"content": text})
        for index, (name, arguments) in enumerate(calls):
            raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
            half = len(raw) // 2
            first = {
                "id": f"call_{name}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": raw[:half]},
            }
            handler.send_chunk({"tool_calls": [{"index": index, **first}]})
            handler.send_chunk({"tool_calls": [{"index": index, "function": {"arguments": raw[half:]}}]})
        handler.send_chunk({}, "tool_calls")
        handler.end_stream()

    return answer


def fail(status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None) -> Script:
    """An error of the server."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.send_json({"error": {"message": message, "type": "error", "code": code}}, status, headers)

    return answer


@contextmanager
def llm_server() -> Iterator[LlmServer]:
    """A running server, on a port of its own."""
    server = LlmServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="llm-server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def texts(messages: Sequence[Mapping[str, Any]]) -> str:
    """All that a request tells a model."""
    return "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
