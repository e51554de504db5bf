"""The keys of language model servers: in the keyring of the system, or for this session where there is none."""

from __future__ import annotations

import logging
from typing import Protocol, cast

from clarity_desktop.backend.chat.llm.address import origin

log = logging.getLogger(__name__)
SERVICE = "Clarity Desktop language model"
"""The name of the entries in the keyring; the user name of an entry is the server."""


class Keyring(Protocol):
    """A keyring of the system, as the keyring package has it. Each method may raise anything."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """The stored password; None if there is none."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Store a password."""
        ...

    def delete_password(self, service: str, username: str, /) -> None:
        """Remove a password."""
        ...


def system_keyring() -> Keyring | None:
    """The keyring of this system; None if there is none that encrypts."""
    import keyring
    from keyring.backends import chainer

    ring = keyring.get_keyring()
    rings = ring.backends if isinstance(ring, chainer.ChainerBackend) else [ring]
    # Other packages add backends that store plain text; those of the package itself are the systems' own.
    safe = (r for r in rings if type(r).__module__.startswith("keyring.backends.") and r.priority >= 1)
    return cast("Keyring | None", next(safe, None))


class Keys:
    """One key for each server. Its methods wait for the system: call them outside the event loop."""

    def __init__(self, ring: Keyring | None = None, *, system: bool = True) -> None:
        """ring: another keyring than the system's; system=False: the system's is not used either."""
        self._ring, self._is_open = ring, not system or ring is not None
        self._session: dict[str, str] = {}

    def read(self, url: str) -> str:
        """The key for a server; empty if there is none. A key is given to the server only that it was stored for."""
        server = origin(url)
        if server in self._session:
            return self._session[server]
        ring = self._keyring()
        if ring is None:
            return ""
        try:
            return ring.get_password(SERVICE, server) or ""
        except Exception as e:  # noqa: BLE001 — the backends raise errors of D-Bus and of the systems
            log.warning("The keyring could not be read: %s", type(e).__name__)
            return ""

    def store(self, url: str, key: str) -> bool:
        """Keep a key, in the keyring if possible; False: only until the program ends."""
        server, ring = origin(url), self._keyring()
        self._session.pop(server, None)
        if ring is not None:
            try:
                ring.set_password(SERVICE, server, key)
            except Exception as e:  # noqa: BLE001 — see read
                # Without the text of the error, which might quote the key.
                log.warning("The keyring did not keep a key: %s", type(e).__name__)
            else:
                return True
        self._session[server] = key
        return False

    def remove(self, url: str) -> bool:
        """Remove the key for a server; False: the keyring did not do it."""
        server, ring = origin(url), self._keyring()
        self._session.pop(server, None)
        if ring is None:
            return True
        try:
            if ring.get_password(SERVICE, server) is not None:
                ring.delete_password(SERVICE, server)
        except Exception as e:  # noqa: BLE001 — see read
            log.warning("The keyring did not remove a key: %s", type(e).__name__)
            return False
        return True

    def _keyring(self) -> Keyring | None:
        if not self._is_open:
            self._is_open = True
            try:
                self._ring = system_keyring()
            except Exception as e:  # noqa: BLE001 — see read
                log.warning("There is no keyring: %s", type(e).__name__)
        return self._ring
