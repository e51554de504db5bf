"""The index that the user's pip is set to, for source packages taken as files: pip itself would run their setup.py."""

from __future__ import annotations

import ast
import base64
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.request import Request

PUBLIC = "https://pypi.org/simple"
PAGE = 1 << 23
"""Bytes that an index's page about one package may have."""
LARGEST = 1 << 26
"""Bytes that a source package may have."""


@dataclass(frozen=True, slots=True)
class Index:
    """A simple package index (PEP 503). address ends with a slash and names no user; login is the Authorization."""

    address: str
    login: str = ""

    def page(self, package: str) -> str:
        """The address of the page about `name==version`."""
        name = package.partition("==")[0]
        return urljoin(self.address, re.sub(r"[-_.]+", "-", name).lower() + "/")

    def request(self, address: str) -> Request:
        """What to send for a page of the index or a file. The login goes to the index's own host only."""
        headers = {"User-Agent": "clarity-desktop", "Accept-Encoding": "identity", "Accept": "text/html, */*;q=0.1"}
        if self.login and urlsplit(address).netloc == urlsplit(self.address).netloc:
            headers["Authorization"] = self.login
        return Request(address, headers=headers)  # noqa: S310 — the opener knows no scheme but https


def configured() -> Index:
    """The index that pip is set to, by its files or the environment; the public one where it says nothing."""
    if getattr(sys, "frozen", False) or importlib.util.find_spec("pip") is None:
        return of(PUBLIC)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout  # noqa: S603
    except subprocess.TimeoutExpired:
        said = ""
    settings = dict(_settings(said))
    named = (settings.get(f"{where}.index-url") for where in (":env:", "download", "global"))
    return of(next((address for address in named if address), PUBLIC))


def _settings(said: str) -> Iterator[tuple[str, str]]:
    """The lines `name='value'`."""
    for line in said.splitlines():
        name, _, value = line.partition("=")
        try:
            yield name, str(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            continue


def of(address: str) -> Index:
    """The index at an address, which may name a user and a password."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    login = "Basic " + base64.b64encode(user.encode()).decode() if at else ""
    return Index(parts._replace(netloc=host, path=parts.path.rstrip("/") + "/").geturl(), login)


def link(page: str, base: str, sha256: str) -> str | None:
    """The address of the file with that checksum among the links of an index's page, which lies at base."""
    parser = _Links()
    parser.feed(page)
    whole = (urljoin(base, href) for href in parser.found)
    return next((plain for plain, mark in map(urldefrag, whole) if mark == f"sha256={sha256}"), None)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
