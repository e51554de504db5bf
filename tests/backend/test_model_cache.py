"""Loaded networks: loaded once, unloaded by least recent use, listed and dropped on request."""

from __future__ import annotations

import threading

import pytest

from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.values import LoadedModel


class Loads:
    """Loads networks that are strings, and notes it."""

    def __init__(self, budget: int) -> None:
        self.cache, self.log = ModelCache(budget), list[str]()

    def get(self, name: str, size: int = 10, variant: str = "") -> str:
        def load() -> str:
            self.log.append(f"load {name}")
            return f"network {name}"

        key = ModelKey(name, name.title(), variant=variant)
        return self.cache.get(key, load, size, lambda: self.log.append(f"loading {name}"))

    def names(self) -> list[str]:
        return [model.id for model in self.cache.loaded()]


def test_a_network_is_loaded_once_and_reports_loading_only_then() -> None:
    loads = Loads(100)
    assert loads.get("a") == loads.get("a") == "network a"
    assert loads.log == ["loading a", "load a"]


def test_variants_are_networks_of_their_own_and_unloaded_together() -> None:
    loads = Loads(100)
    loads.get("a", variant="derain")
    loads.get("a", variant="denoise")
    loads.get("b")
    assert loads.names() == ["a", "a", "b"]
    loads.cache.unload("a")
    assert loads.cache.loaded() == (LoadedModel("b", "B", 10),)
    loads.cache.unload("unknown")


def test_the_least_recently_used_make_room_before_another_is_loaded() -> None:
    loads = Loads(30)
    for name in ("a", "b", "c", "a", "d"):
        loads.get(name)
    assert loads.names() == ["c", "a", "d"]
    loads.get("large", size=25)
    assert loads.names() == ["large"]


def test_what_is_larger_than_the_budget_is_used_all_the_same() -> None:
    loads = Loads(5)
    assert loads.get("a", size=1000) == "network a"
    assert loads.names() == ["a"]
    loads.get("b", size=1)
    assert loads.names() == ["b"]


def test_a_smaller_budget_holds_at_once_but_for_the_last_one_used() -> None:
    loads = Loads(100)
    for name in ("a", "b", "c"):
        loads.get(name)
    loads.cache.budget = 15
    assert loads.names() == ["c"]
    loads.cache.budget = 0
    assert loads.names() == ["c"]


def test_a_network_that_cannot_be_loaded_is_not_kept() -> None:
    cache = ModelCache(100)

    def fail() -> str:
        raise ValueError("not a network")

    with pytest.raises(ValueError, match="not a network"):
        cache.get(ModelKey("a", "A"), fail, 1)
    assert cache.loaded() == ()
    assert cache.get(ModelKey("a", "A"), lambda: "network", 1) == "network"


def test_the_list_and_the_budget_do_not_wait_for_a_network_that_is_being_loaded() -> None:
    cache, begun, go_on = ModelCache(100), threading.Event(), threading.Event()

    def load() -> str:
        begun.set()
        assert go_on.wait(10)
        return "network"

    loader = threading.Thread(target=cache.get, args=(ModelKey("slow", "Slow"), load, 10))
    loader.start()
    assert begun.wait(10)
    try:
        asked = threading.Thread(target=lambda: (cache.loaded(), setattr(cache, "budget", 50), cache.unload("x")))
        asked.start()
        asked.join(5)
        assert not asked.is_alive()
    finally:
        go_on.set()
        loader.join()
    assert [model.id for model in cache.loaded()] == ["slow"]


def test_nothing_is_left_after_clearing() -> None:
    loads = Loads(100)
    loads.get("a")
    loads.cache.clear()
    assert loads.names() == []
