"""The user's settings: what is saved is loaded again, and an invalid file or field means defaults, never an error."""

from __future__ import annotations

import errno
import json
import os
from typing import Any

import pytest

from clarity_desktop import settings
from clarity_desktop.settings import Settings


def _stored(text: str) -> Settings:
    settings.config_file().parent.mkdir(parents=True, exist_ok=True)
    settings.config_file().write_text(text, "utf-8")
    return settings.load()


def test_what_is_saved_is_loaded_again() -> None:
    chosen = Settings(
        theme="dark", threads=3, max_megapixels=40.5, recent=("é.png",), shortcuts={"fit": "Ctrl+7"}, metadata="none"
    )
    settings.save(chosen)
    assert settings.load() == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"), ("theme", 7), ("device", "tpu"), ("metadata", None), ("threads", -3), ("threads", 10**30),
        ("threads", True), ("threads", 2.5), ("memory_budget", 0), ("memory_budget", float("nan")),
        ("memory_budget", "half"), ("max_megapixels", float("inf")), ("max_megapixels", float("nan")),
        ("max_megapixels", 10**400), ("max_megapixels", -1), ("disk_budget", -1), ("recent", "a.png"), ("methods", []),
        ("recent", [1]), ("methods", {"derain": 3}), ("shortcuts", None), ("window", 3), ("theme", {"a": []}),
    ],
)  # fmt: skip
def test_an_invalid_field_takes_its_default_and_leaves_the_others(name: str, value: Any) -> None:
    stored = json.dumps({"window": "abc", name: value, "of a later version": 1} if name != "window" else {name: value})
    assert settings.parse(stored.encode()) == Settings(window="abc" if name != "window" else "")


@pytest.mark.parametrize("text", ["", "[1", "[]", "7", '{"theme": ' * 5000, "\ufeff{}"])
def test_a_settings_file_that_cannot_be_read_means_the_defaults(text: str) -> None:
    assert _stored(text) == Settings()


OF_TODAY = """{
 "theme": "dark",
 "device": "cpu",
 "threads": 3,
 "memory_budget": 0.6,
 "disk_budget": 20000000000,
 "max_megapixels": 250.0,
 "metadata": "no-location",
 "recent": [
  "/home/ada/Bilder/Überfahrt.jpg"
 ],
 "shortcuts": {
  "fit": "Ctrl+7"
 },
 "window": "AdnQywAD",
 "methods": {
  "derain": "maxim-deraining"
 },
 "metrics": [
  "musiq"
 ]
}"""


def test_a_file_of_version_0_1_loads() -> None:
    assert _stored(OF_TODAY) == Settings(
        theme="dark", device="cpu", threads=3, memory_budget=0.6, metadata="no-location",
        recent=("/home/ada/Bilder/Überfahrt.jpg",), shortcuts={"fit": "Ctrl+7"}, window="AdnQywAD",
        methods={"derain": "maxim-deraining"}, metrics=("musiq",),
    )  # fmt: skip
    assert _stored(OF_TODAY.replace("250.0", "40")).max_megapixels == 40


def test_a_full_disk_keeps_the_old_settings_and_leaves_no_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.save(Settings(threads=3))

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            settings.save(Settings(threads=4))
    assert settings.load() == Settings(threads=3)
    assert list(settings.config_file().parent.iterdir()) == [settings.config_file()]
