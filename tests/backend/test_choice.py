"""Which method for a photo: measured gain, severity, harmlessness, time, and what the user chose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from clarity_desktop.backend import methods
from clarity_desktop.backend.auto.choice import PhotoFacts, better, candidates, choose, default
from clarity_desktop.backend.feedback import Choice, Feedback
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import english
from clarity_desktop.values import Finding, MethodOption, Quality
from tests.fakes import HALVES, detection

SMALL = (400, 300)
Measured = Callable[[Mapping[str, object]], Feedback]


def entry(gain: float, clean: float = 45.0, **more: object) -> dict[str, object]:
    return {"gain_db": gain, "n": 40, "seconds_per_mp": 1.0, "clean_db": clean, **more}


@pytest.fixture
def three(plain_methods, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three methods against haze: safe, strong, and slow."""
    for name, speed in (("safe", 1.0), ("strong", 1.0), ("slow", 3000.0)):
        made = replace(HALVES, id=name, tasks=("dehaze",), speed=speed)
        monkeypatch.setitem(methods.METHODS, name, made)
    methods.all_methods.cache_clear()


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    def make(table: Mapping[str, object]) -> Feedback:
        file = tmp_path / "evidence.json"
        file.write_text(json.dumps({"dehaze": table}))
        return Feedback(tmp_path / "feedback.json", file)

    return make


def haze(probability: float, severity: float = 0.8) -> PhotoFacts:
    return PhotoFacts(SMALL, detection({"haze": Finding(probability, severity)}))


def order(options: tuple[MethodOption, ...]) -> list[str]:
    return [option.method for option in options]


def test_the_order_is_that_of_the_measured_gain_and_slow_methods_come_last(three, measured) -> None:
    feedback = measured({"safe": entry(2.0), "strong": entry(6.0), "slow": entry(9.0)})
    options = choose("dehaze", haze(0.9), Settings(), feedback)
    assert order(options) == ["strong", "safe", "slow"]
    first = default(options)
    assert first is not None
    assert first.method == "strong"
    assert (first.gain, first.photos) == (6.0, 40)
    assert english(first.reasons) == "+6.0 dB on 40 test photos."
    offered = better(options, "strong")
    assert offered is not None
    assert offered.method == "slow"
    assert english(offered.reasons).endswith("It takes over a minute on this photo.")


def test_where_the_damage_is_doubtful_harmless_methods_come_first(three, measured) -> None:
    feedback = measured({"safe": entry(2.0), "strong": entry(6.0, clean=22.0)})
    clear, doubtful = (choose("dehaze", haze(p), Settings(), feedback) for p in (0.9, 0.1))
    assert order(clear)[0] == "strong"
    assert order(doubtful)[0] == "safe"
    assert "it changes undamaged photos" in english(next(o for o in doubtful if o.method == "strong").reasons)
    costly = measured({"safe": entry(2.0), "strong": {**entry(6.0), "seconds_per_mp": 40.0}})
    assert order(choose("dehaze", haze(0.01), Settings(), costly))[0] == "safe"
    assert order(choose("dehaze", haze(0.1), Settings(), costly))[0] == "strong"
    assert order(choose("dehaze", haze(0.9), Settings(), costly))[0] == "strong"
    # Nothing is known of the photo but its size, or that it is good.
    assert order(choose("dehaze", PhotoFacts(SMALL), Settings(), feedback))[0] == "safe"
    assert order(choose("dehaze", PhotoFacts(SMALL, None, Quality(overall=90.0)), Settings(), feedback))[0] == "safe"
    assert order(choose("dehaze", PhotoFacts(SMALL, None, Quality(overall=20.0)), Settings(), feedback))[0] == "strong"


def test_what_was_measured_at_this_severity_decides(three, measured) -> None:
    parts = {"heavy": {"gain_db": 9.0, "n": 20}, "light": {"gain_db": -1.0, "n": 20}}
    feedback = measured({"safe": entry(4.0), "strong": entry(3.0, severity=parts)})
    assert order(choose("dehaze", haze(0.9, 0.9), Settings(), feedback))[0] == "strong"
    light = choose("dehaze", haze(0.9, 0.2), Settings(), feedback)
    assert order(light)[0] == "safe"
    reason = english(next(o for o in light if o.method == "strong").reasons)
    assert reason == "-1.0 dB on 20 test photos with as little of it: haze."


def test_what_the_user_chose_comes_first(three, measured) -> None:
    feedback = measured({"safe": entry(2.0), "strong": entry(6.0)})
    feedback.add(Choice("dehaze", "safe", "strong", "pick", str(k)) for k in range(4))
    options = choose("dehaze", haze(0.9), Settings(), feedback)
    assert (options[0].method, options[0].chosen) == ("safe", True)
    assert english(options[0].reasons).startswith("You preferred its results before.")
    options = choose("dehaze", haze(0.9), Settings(methods={"dehaze": "slow"}), feedback)
    assert (options[0].method, options[0].chosen) == ("slow", True)


def test_only_what_can_run_at_once_is_tried(three, measured, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(methods.METHODS["strong"], weights=("maxim-deraining",))
    monkeypatch.setitem(methods.METHODS, "strong", absent)
    methods.all_methods.cache_clear()
    feedback = measured({"safe": entry(2.0), "strong": entry(6.0)})
    options = choose("dehaze", haze(0.9), Settings(), feedback)
    assert order(options)[0] == "strong"
    first = default(options)
    assert first is not None
    assert first.method == "safe"
    offered = better(options, "safe")
    assert offered is not None
    assert offered.missing == ("maxim-deraining",)
    assert order(candidates("dehaze", haze(0.9), Settings(), feedback)) == ["safe", "slow"]
    with pytest.raises(UserError):
        candidates("retouch", haze(0.9), Settings(), feedback)
