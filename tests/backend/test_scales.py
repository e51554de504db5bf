"""How many times a message wants the photo enlarged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clarity_desktop.backend import methods
from clarity_desktop.backend.chat.scales import factor_in, with_scale
from clarity_desktop.backend.plan import Plan, RestoreCall
from clarity_desktop.backend.studio import Studio
from clarity_desktop.text import english
from tests.fakes import HALVES


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("Enlarge 4x", 4), ("upscale x2", 2), ("make it 4 times bigger", 4), ("twice as big", 2),
        ("double the size", 2),
        ("enlarge to 200 %", 2), ("superresolution ×3", 3), ("make it bigger", None), ("640x480, make it 2x", 2),
        ("sharpen 50%", None), ("2x or 4x", None),
    ],
)  # fmt: skip
def test_the_number_that_a_message_names(text: str, factor: float | None) -> None:
    assert factor_in(text) == factor


@pytest.fixture(autouse=True)
def enlarging(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method for 2 times and two for 4 times, of which one is not installed."""
    missing, by_two, by_four = "rlfn-x4", "by-two", "by-four"
    for name, scale, weights in ((by_two, 2, ()), (missing, 4, ("sam-vit-h",)), (by_four, 4, ())):
        method = replace(HALVES, id=name, tasks=("upscale",), scale=scale, weights=weights)
        monkeypatch.setitem(methods.METHODS, name, method)
    methods.all_methods.cache_clear()


def test_the_method_enlarges_as_often_as_the_message_says(studio: Studio) -> None:
    upscale = Plan((RestoreCall("upscale"),))
    for factor in (2, 4):
        [call] = with_scale(studio, upscale, f"enlarge {factor}x").steps
        assert isinstance(call, RestoreCall)
        assert call.method is not None
        method = methods.all_methods()[call.method]
        assert method.scale == factor
        assert not methods.missing(method, studio.store)


def test_where_no_method_does_it_the_nearest_is_taken_and_said(studio: Studio) -> None:
    found = with_scale(studio, Plan((RestoreCall("upscale"),)), "enlarge 3x")
    assert english(found.reply) == "Photos can be enlarged 2 and 4 times; 4 comes closest."


def test_a_named_method_stays(studio: Studio) -> None:
    named = Plan((RestoreCall("upscale", method="by-two"),))
    assert with_scale(studio, named, "enlarge 4x with by-two") == named
    assert with_scale(studio, Plan((RestoreCall("denoise"),)), "2x") == Plan((RestoreCall("denoise"),))
