"""The engines on this machine, and what they lately computed of versions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions.clarity_click import ClarityClick
from clarity_desktop.backend.regions.engine import Embedding, Engine
from clarity_desktop.backend.regions.grabcut import GrabCut
from clarity_desktop.backend.regions.sam import VARIANTS, SegmentAnything
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.messages import UserError
from clarity_desktop.text import conjunction
from clarity_desktop.values import EngineCard

REMEMBERED = 8
"""Embeddings in memory, of 2 MB each: a click need not read that of its version from the file."""

MakeEngines = Callable[[str], Sequence[Engine]]
"""Makes the engines for a device ("cpu", "cuda" or "mps"), the best one first."""


def published(models: ModelCache, store: WeightStore) -> MakeEngines:
    """The published networks, then our own, which comes with the program, then what needs none.

    The smallest network is the best on a processor: the others take minutes for a photo.
    """

    def make(device: str) -> Sequence[Engine]:
        variants = tuple(VARIANTS.values())[:: 1 if device == "cpu" else -1]
        networks = (SegmentAnything(variant, models, store, device) for variant in variants)
        return (*networks, ClarityClick(models, store, device), GrabCut())

    return make


class Engines:
    """Chooses among engines and remembers embeddings. Safe for several threads."""

    def __init__(self, make: MakeEngines) -> None:
        self._make = make
        self._known: OrderedDict[Hashable, Embedding] = OrderedDict()
        self._guard = threading.Lock()

    def choose(self, name: str | None, device: str) -> Engine:
        """The named engine, or the best that is ready, or else the first, whose error names what to download.

        Raises UserError for an unknown name.
        """
        engines = {engine.id: engine for engine in self._make(device)}
        if name is not None:
            if name not in engines:
                raise UserError("regions.unknown_engine", engine=name, engines=conjunction(list(engines)))
            return engines[name]
        return next((e for e in engines.values() if e.is_ready()), next(iter(engines.values())))

    def cards(self, device: str) -> tuple[EngineCard, ...]:
        """The engines as they are listed for the user, the best one first."""
        return tuple(EngineCard(e.id, e.title, None if e.is_ready() else e.id) for e in self._make(device))

    def recall(self, of: Hashable) -> Embedding | None:
        """The embedding that was remembered under a key, if it still is."""
        with self._guard:
            if of in self._known:
                self._known.move_to_end(of)
            return self._known.get(of)

    def remember(self, of: Hashable, embedding: Embedding) -> None:
        """Remember an embedding under a key; the least recently used ones go."""
        with self._guard:
            self._known[of] = embedding
            self._known.move_to_end(of)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
