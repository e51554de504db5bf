"""The user's choices: what is written comes back, and a file that makes no sense costs nothing but itself."""

from __future__ import annotations

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
    ],
)  # fmt: skip
def test_a_choice_that_makes_no_sense_takes_its_default_and_leaves_the_others(name: str, value: Any) -> None:
    assert settings.parse({"window": "abc", name: value}) == Settings(window="abc")


@pytest.mark.parametrize("text", ["", "[1", "[]", "7", '{"theme": ' * 5000, "\ufeff{}"])
def test_a_settings_file_that_cannot_be_read_means_the_defaults(text: str) -> None:
    assert _stored(text) == Settings()
