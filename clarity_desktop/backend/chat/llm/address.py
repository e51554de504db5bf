"""Addresses of servers: which server a base URL names, and whether it is near."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from clarity_desktop.messages import UserError

_NEAR_NAMES = (".local", ".lan", ".home.arpa", ".internal", ".localhost")


def origin(url: str) -> str:
    """The scheme, host and port of a base URL: "https://api.openai.com". Raises UserError."""
    parts = _split(url)
    default = {"http": 80, "https": 443}[parts.scheme]
    port = parts.port or default
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port == default else f":{port}")


def server_name(url: str) -> str:
    """The server as sentences name it: "api.openai.com", "localhost:11434". Raises UserError."""
    return origin(url).partition("://")[2]


def is_loopback(url: str) -> bool:
    """Whether the server runs on this computer. Raises UserError."""
    host = _split(url).hostname or ""
    address = _address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def may_send_key(url: str) -> bool:
    """Whether a key may be sent: encrypted, or within this computer or the local network. Raises UserError."""
    parts = _split(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    address = _address(host)
    return address.is_private if address else "." not in host or host.endswith(_NEAR_NAMES)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid, parts = False, urlsplit("")
    # A user name in the address would be stored in the settings and sent.
    if (
        not valid
        or parts.username is not None
        or parts.query
        or parts.fragment
        or any(c.isspace() for c in url.strip())
    ):
        raise UserError("llm.bad_url", url=url.strip()[:200])
    return parts
