"""Downloads over https: resumable, cancellable while waiting, and with checked redirects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from clarity_desktop.backend.weights.download import SourceFailed

T = TypeVar("T")

CONNECT_SECONDS = 5
STALL_SECONDS = 20
POLL_SECONDS = 0.2
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a file from its byte `start` on; `chunks` ends early if the connection is lost."""

    start: int
    chunks: Iterator[bytes]


class HttpsClient:
    """An https client for one download; a context manager, to be used from one thread without an event loop.

    `poll` is called every POLL_SECONDS while the client waits for the network; what it raises (JobCancelled) ends the
    transfer at once, even if the server has stalled. Proxies and SSL_CERT_FILE are taken from the environment.
    """

    def __init__(self, poll: Callable[[], None]) -> None:
        self._poll = poll

    def __enter__(self) -> Self:
        """Raises SourceFailed if the proxy or certificate settings of the environment are invalid."""
        try:
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS),
                headers={"User-Agent": "clarity-desktop", "Accept-Encoding": "identity"},
                follow_redirects=False,  # _open follows them, to https addresses only
            )
        except (ImportError, ValueError, OSError, httpx2.InvalidURL) as e:  # ImportError: a SOCKS proxy
            raise SourceFailed("weights.proxy_unusable", detail=str(e)) from e
        # A loop of its own: this thread belongs to a pool and has none.
        self._runner = asyncio.Runner()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._client.aclose())
        finally:
            self._runner.close()

    @contextmanager
    def get(self, address: str, start: int = 0) -> Generator[Body]:
        """Request a file from byte `start` on; the body starts at 0 if the server cannot resume.

        A user name and password in the address are sent to its own host only. Raises SourceFailed, whose text never
        contains them, and what `poll` raises.
        """
        url = _parse(address)
        response = self._open(url, start)
        # A partial file that is already complete, or longer than the file on the server: start again.
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            self._runner.run(response.aclose())
            response, start = self._open(url, 0), 0
        try:
            yield Body(_start(response, start, url), self._chunks(response, url))
        finally:
            self._runner.run(response.aclose())

    def _open(self, url: httpx2.URL, start: int) -> httpx2.Response:
        """Send the request, following redirects to https addresses."""
        target = url
        headers = {"Range": f"bytes={start}-"} if start else {}
        for _ in range(1 + MAX_REDIRECTS):
            # Every hop is a new request: httpx2 derives Authorization from the user name in its address, and `_next`
            # drops that name when the host changes.
            request = self._client.build_request("GET", target, headers=headers)
            try:
                response = self._wait(self._client.send(request, stream=True))
            except (httpx2.HTTPError, OSError) as e:
                raise SourceFailed("weights.unreachable", url=_shown(target), detail=_detail(e)) from e
            if not response.has_redirect_location:
                return response
            location = response.headers["Location"]
            self._runner.run(response.aclose())
            target = _next(target, location)
        raise SourceFailed("weights.too_many_redirects", url=_shown(url))

    def _chunks(self, response: httpx2.Response, url: httpx2.URL) -> Iterator[bytes]:
        stream = response.aiter_raw()
        while True:
            try:
                chunk = self._wait(_next_chunk(stream))
            except httpx2.ReadTimeout as e:
                raise SourceFailed("weights.stalled", url=_shown(url), seconds=STALL_SECONDS) from e
            except (httpx2.NetworkError, httpx2.RemoteProtocolError):
                return  # the receiver counts the bytes and reports an incomplete file
            except (httpx2.HTTPError, OSError) as e:
                raise SourceFailed("weights.interrupted", url=_shown(url), detail=_detail(e)) from e
            if chunk is None:
                return
            yield chunk

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, calling `poll` in between; it is cancelled if `poll` raises."""
        task = self._runner.get_loop().create_task(work)
        try:
            while not task.done():
                self._poll()
                self._runner.run(asyncio.wait({task}, timeout=POLL_SECONDS))
        finally:
            if not task.done():
                task.cancel()
                self._runner.run(asyncio.wait({task}))
        return task.result()


async def _next_chunk(stream: AsyncIterator[bytes]) -> bytes | None:
    return await anext(stream, None)


def _parse(address: str) -> httpx2.URL:
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as e:
        raise SourceFailed("weights.unreachable", url=_without_login(address), detail=str(e)) from e
    if url.scheme != "https":
        raise SourceFailed("weights.unreachable", url=_shown(url), detail="not an https address")
    return url


def _next(url: httpx2.URL, location: str) -> httpx2.URL:
    """The address that a redirect leads to. Raises SourceFailed unless it is https."""
    try:
        target = url.join(location)
    except httpx2.InvalidURL as e:
        raise SourceFailed("weights.unreachable", url=_shown(url), detail=f"invalid redirect: {e}") from e
    if target.scheme != "https" or not target.host:
        raise SourceFailed("weights.insecure_redirect", url=_shown(url), target=_shown(target))
    # Credentials must never reach a host that a redirect chose.
    same_host = (target.host, target.port) == (url.host, url.port)
    return target.copy_with(userinfo=url.userinfo if same_host else b"")


def _start(response: httpx2.Response, start: int, url: httpx2.URL) -> int:
    """The first byte that the response contains. Raises SourceFailed for any answer but the file or its rest."""
    if response.status_code == HTTPStatus.OK:
        return 0
    resumed = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if response.status_code == HTTPStatus.PARTIAL_CONTENT and start and resumed:
        return start
    raise SourceFailed("weights.status", url=_shown(url), status=f"{response.status_code} {response.reason_phrase}")


def _shown(url: httpx2.URL) -> str:
    """The address without user name and password."""
    return str(url.copy_with(userinfo=b""))


def _without_login(address: str) -> str:
    """An address that cannot be parsed, without what may be a user name and password."""
    scheme, separator, rest = address.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _detail(error: Exception) -> str:
    return str(error) or type(error).__name__
