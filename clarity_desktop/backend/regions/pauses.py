"""Pauses inside a long computation of a network of a library: between two layers other work may run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any


class Pauses:
    """Calls the checkpoint of the running thread before each layer: several threads may share a network."""

    def __init__(self, net: Any) -> None:
        """net: a torch module whose layers are to be watched."""
        self._running = threading.local()
        for module in net.modules():
            if not list(module.children()):
                module.register_forward_pre_hook(self._pause)

    @contextmanager
    def calling(self, checkpoint: Callable[[], None]) -> Generator[None]:
        """Within it, `checkpoint` is called between layers; what it raises (JobCancelled) ends the computation."""
        self._running.checkpoint = checkpoint
        try:
            yield
        finally:
            self._running.checkpoint = _nothing

    def _pause(self, _module: object, _inputs: object) -> None:
        getattr(self._running, "checkpoint", _nothing)()


def _nothing() -> None:
    """The checkpoint of a thread that has none."""
