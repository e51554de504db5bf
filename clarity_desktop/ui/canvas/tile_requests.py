"""Requests missing tiles once each, and converts received tiles while the window is idle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from clarity_desktop.ui.canvas.idle_queue import IdleQueue
from clarity_desktop.ui.canvas.tiles import ScreenTileCache
from clarity_desktop.values import Pixels


class TileRequests(QObject):
    """The missing and the requested tiles of a canvas. Independent of the backend: emits hashes, receives pixels."""

    wanted = Signal(object)  # tuple[bytes, ...]: hashes, the most important first, none twice

    def __init__(self, cache: ScreenTileCache, queue: IdleQueue, cached: Callable[[bytes], None]) -> None:
        """cached(hash) is called when a received tile is in the cache."""
        super().__init__(queue)
        self._cache = cache
        self._queue = queue
        self._cached = cached
        self._requested: set[bytes] = set()
        self._missing: Sequence[bytes] = ()
        # Requested after the paint event, so that a request never delays a frame.
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._request)

    @property
    def is_idle(self) -> bool:
        """Whether no request is scheduled and no conversion is pending."""
        return not self._timer.isActive() and self._queue.is_idle

    def want(self, tiles: Sequence[bytes]) -> None:
        """Request these tiles soon, instead of those scheduled before."""
        if tiles:
            self._missing = tiles
            self._timer.start()

    def add(self, tiles: Sequence[tuple[bytes, Pixels]], icc: bytes | None) -> None:
        """Queue received tiles: hash and pixels, H×W×3 or H×W×4 uint8 or uint16 RGB(A) in the profile icc."""
        for tile, pixels in tiles:
            self._queue.add(lambda tile=tile, pixels=pixels: self._convert(tile, icc, pixels))

    def reset(self) -> None:
        """Forget the requested tiles, so that those still missing are requested again."""
        self._requested.clear()

    def _convert(self, tile: bytes, icc: bytes | None, pixels: Pixels) -> None:
        self._requested.discard(tile)
        self._cache.add(tile, icc, pixels)
        self._cached(tile)

    def _request(self) -> None:
        new = tuple(dict.fromkeys(t for t in self._missing if t not in self._requested))
        if new:
            self._requested.update(new)
            self.wanted.emit(new)
