"""Owner of all loaded networks: loads on first use and unloads the least recently used ones over a memory budget."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from clarity_desktop.values import LoadedModel

T = TypeVar("T")
DEFAULT_BUDGET = 2_000_000_000


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Identifies a loaded network. variant: further settings that it was loaded with, such as the task or dtype."""

    id: str
    title: str
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    variant: str = ""


class ModelCache:
    """Loaded networks by key. All methods may be called from any thread."""

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        """budget: bytes that loaded networks may take together. The one in use is kept, however large."""
        self._budget = budget
        self._models: dict[ModelKey, tuple[Any, int]] = {}
        """Network and bytes, the most recently used last."""
        self._guard = threading.Lock()
        self._loading = threading.RLock()
        """Held while a network is loaded, so that two do not take the memory of one; not to be waited for with `_guard`
        held, because the list of models and the budget must be there at once."""

    @property
    def budget(self) -> int:
        return self._budget

    @budget.setter
    def budget(self, budget: int) -> None:
        with self._guard:
            self._budget = budget
            self._evict(keep=1)

    def get(
        self, key: ModelKey, load: Callable[[], T], size: int, on_load: Callable[[], object] = lambda: None
    ) -> T:  # fmt: skip
        """The network of a key; `load` is called if it is not loaded. Raises what `load` and `on_load` raise.

        size: bytes that it takes, about. on_load is called before a load, to report progress. Others are unloaded
        first, so that the sum stays within the budget.
        """
        if (found := self._find(key)) is not None:
            return found
        on_load()  # outside the lock: it may let other work run, which may need a network, too
        with self._loading:
            if (found := self._find(key)) is not None:
                return found
            with self._guard:
                self._evict(room=size)
            model = load()
            with self._guard:
                self._models[key] = model, size
            return model

    def loaded(self) -> tuple[LoadedModel, ...]:
        """What is loaded, the least recently used first."""
        with self._guard:
            return tuple(LoadedModel(k.id, k.title, size, k.device) for k, (_, size) in self._models.items())

    def unload(self, model_id: str) -> None:
        """Drop all networks of an id; a running restoration keeps its own until it ends."""
        with self._guard:
            for key in [k for k in self._models if k.id == model_id]:
                del self._models[key]
        _return_memory()

    def clear(self) -> None:
        """Drop everything."""
        with self._guard:
            self._models.clear()
        _return_memory()

    def _find(self, key: ModelKey) -> Any:
        with self._guard:
            if key not in self._models:
                return None
            # Dictionaries keep insertion order: reinserted, it is the most recently used.
            self._models[key] = self._models.pop(key)
            return self._models[key][0]

    def _evict(self, room: int = 0, keep: int = 0) -> None:
        """Drop the least recently used until `room` more bytes fit, or only `keep` are left."""
        dropped = False
        while len(self._models) > keep and sum(size for _, size in self._models.values()) + room > self._budget:
            del self._models[next(iter(self._models))]
            dropped = True
        if dropped:
            _return_memory()


def _return_memory() -> None:
    """Return cached GPU memory to the system: torch keeps freed blocks for itself."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


@cache
def shared() -> ModelCache:
    """The cache of this process."""
    return ModelCache()
