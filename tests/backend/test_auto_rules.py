"""The rules of Auto: what to do in which order, by what, and what counts as better."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clarity_desktop.backend import methods, restore
from clarity_desktop.backend.auto import choice, rules, texts
from clarity_desktop.backend.auto.choice import PhotoFacts
from clarity_desktop.backend.auto.rules import TREATMENTS, Analysis, advise, evaluate
from clarity_desktop.backend.feedback import Feedback
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.backend.restore import hardware
from clarity_desktop.messages import UserError
from clarity_desktop.settings import Settings
from clarity_desktop.text import english
from clarity_desktop.titles import degradation_noun
from clarity_desktop.values import (
    CLASSES,
    DEGRADATIONS,
    TASKS,
    Advice,
    Degradation,
    Detection,
    Finding,
    Quality,
    Task,
    summary,
)
from tests.fakes import HALVES, detection

ABLE = tuple(t.task for t in TREATMENTS.values())
"""There is a method for every task."""


def found(seen: Detection) -> str:
    return english(texts.findings(seen, rules.present(seen)))


def advice_text(seen: Detection, able: tuple[Task, ...] | None = ABLE) -> str:
    return english(rules.advice_text(seen, able=able))


def both(a: Degradation, b: Degradation) -> list[Task]:
    return [x.task for x in advise(detection({b: Finding(0.9, 0.5), a: Finding(0.8, 0.5)}), ABLE)]


def test_every_degradation_has_a_treatment() -> None:
    assert TREATMENTS.keys() == set(DEGRADATIONS)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("noise", "low-light"), ("blur", "haze"), ("JPEG", "blur"), ("blur", "low-light"), ("rain streak", "haze"),
        ("JPEG", "haze"), ("noise", "rain streak"), ("overexposure", "snow"), ("low-light", "raindrop"),
        ("noise", "blur"), ("JPEG", "low-light"), ("watermark", "blur"),
    ],
)  # fmt: skip
def test_compression_and_noise_come_first_then_imaging_then_the_scene(first, then) -> None:
    assert both(first, then) == both(then, first) == [TREATMENTS[first].task, TREATMENTS[then].task]


def test_only_what_is_more_likely_than_not_is_advised_and_with_a_sentence() -> None:
    advice = advise(detection({"haze": Finding(0.51, 0.9), "noise": Finding(0.49, 0.9)}), ABLE)
    assert [(a.task, a.degradation) for a in advice] == [("dehaze", "haze")]
    assert "disturb dehazing" in english(advice[0].why)


def test_a_photo_that_looks_normal_is_fine_whatever_else_may_be_there() -> None:
    clean = replace(detection(), found={**detection().found, "noise": Finding(0.7, 0.1)})
    assert advise(clean, ABLE) == ()
    assert advice_text(clean) == "No clear problems. Possibly noise (70%). Nothing to do."


def test_a_possible_problem_of_a_normal_photo_is_reported_from_a_threshold_on() -> None:
    def doubted(share: float) -> str:
        return found(replace(detection(), found={**detection().found, "watermark": Finding(share, 0.4)}))

    assert doubted(0.34) == "No clear problems. Possibly a watermark (34%)."
    assert doubted(0.29) == "No problems found."


def test_an_unsure_photo_is_called_unsure() -> None:
    unsure = detection({"haze": Finding(0.4, 0.3)})
    assert advise(unsure, ABLE) == ()
    assert "Possible problems: haze (40%)" in found(unsure)
    assert "No problem is likely enough" in advice_text(unsure)


def called(name: str, found: dict[Degradation, float]) -> Detection:
    """A photo that as a whole is called so."""
    shares = {degradation: Finding(share, 0.5) for degradation, share in found.items()}
    return replace(detection(shares), top=((name, 0.96), *((c, 0.0) for c in CLASSES if c != name)))


@pytest.mark.parametrize(
    ("seen", "kind", "named"),
    [
        (called("blend", {"blur": 0.83, "haze": 0.7, "noise": 0.2}), "there", ("blur", "haze")),
        (called("blend", {"haze": 0.7, "noise": 0.4}), "there", ("haze",)),
        (called("blend", {"inpaint": 0.18, "haze": 0.12, "noise": 0.05}), "unsure", ("inpaint", "haze")),
        (called("flare", {"flare": 0.46, "noise": 0.1}), "unsure", ("flare",)),
        (called("normal", {"haze": 0.34}), "doubt", ("haze",)),
        (called("normal", {"haze": 0.29}), "fine", ()),
    ],
)
def test_one_decision_is_what_every_door_says(seen, kind, named) -> None:
    assert summary(seen) == (kind, named)
    assert all(english(degradation_noun(name)) in found(seen).lower() for name in named)


def test_several_unsure_things_are_named_in_one_sentence() -> None:
    unsure = called("blend", {"inpaint": 0.18, "haze": 0.12})
    assert found(unsure) == "Possible problems: missing parts (18%) and haze (12%)."


def test_what_no_method_can_do_is_reported_instead_of_advised(plain_methods) -> None:
    seen = detection({"rain streak": Finding(0.9, 0.5), "shadow": Finding(0.8, 0.5)})
    assert [a.task for a in advise(seen)] == ["derain"]
    assert "Clarity Desktop has no method for a cast shadow yet." in advice_text(seen, None)


def test_missing_parts_are_to_be_marked_first() -> None:
    assert "because they must be marked first" in advice_text(detection({"inpaint": Finding(0.9, 0.5)}))


# Methods -------------------------------------------------------------------------------------------------------------


def added(monkeypatch: pytest.MonkeyPatch, **fields: object) -> str:
    """One more method for rain."""
    method = replace(HALVES, **{"id": "more", **fields})
    monkeypatch.setitem(methods.METHODS, method.id, method)
    methods.all_methods.cache_clear()
    return method.id


def ids(task: Task = "derain", size: tuple[int, int] = (1000, 1000), **chosen: str) -> list[str]:
    nothing = Feedback(Path("absent"), Path("absent"))
    return [o.method for o in choice.candidates(task, PhotoFacts(size), Settings(methods=chosen), nothing)]


def test_the_tables_order_holds_unless_the_user_chose(plain_methods, monkeypatch) -> None:
    added(monkeypatch)
    assert ids() == ["halves", "more"]
    assert ids(derain="more") == ["more", "halves"]


def test_a_method_without_its_weights_or_that_needs_a_mask_is_not_tried(plain_methods, monkeypatch) -> None:
    added(monkeypatch, weights=("maxim-deraining",))
    added(monkeypatch, id="masked", needs_mask=True)
    assert ids() == ["halves"]


def test_what_takes_minutes_waits_behind_what_does_not(plain_methods, monkeypatch) -> None:
    added(monkeypatch)
    slow = replace(HALVES, speed=2 * choice.QUICK_SECONDS)
    monkeypatch.setitem(methods.METHODS, "halves", slow)
    methods.all_methods.cache_clear()
    assert ids() == ["more", "halves"]
    assert ids(size=(100, 100)) == ["halves", "more"]


# Judging -------------------------------------------------------------------------------------------------------------

RAIN = Advice("derain", "rain streak", "It rains.")


def looked(overall: float | None = 50.0, **shares: float | Finding) -> Analysis:
    """shares: probability (severity 0.5) or Finding of a degradation, "_" for a space or hyphen in its name."""
    names = {name.replace(" ", "_").replace("-", "_"): name for name in DEGRADATIONS}
    there = {names[k]: v if isinstance(v, Finding) else Finding(v, 0.5) for k, v in shares.items()}
    spread = {} if overall is None else {"low": overall - 6, "high": overall + 6}
    return Analysis(detection(there), Quality(overall=overall, **spread))


BEFORE = looked(rain_streak=0.9)


@pytest.mark.parametrize(
    ("judgement", "outcome", "said"),
    [
        (Judgement(0.8, 0.1, 0.1), "kept", "It looks better (80% sure; rain streaks 90% → 20% likely, overall score"),
        (Judgement(0.5, 0.2, 0.3), "unsure", "It may look better (50% sure;"),
        (Judgement(0.46, 0.0, 0.54), "rejected", "It looks worse (rain streaks 90% →"),
        (Judgement(0.3, 0.5, 0.2), "rejected", "It makes no clear difference (rain"),
        (Judgement(0.1, 0.2, 0.7), "rejected", "It looks worse"),
    ],
)
def test_the_judgement_decides_and_the_reason_says_what_was_measured(judgement, outcome, said) -> None:
    verdict = evaluate(RAIN, judgement, BEFORE, looked(22.0, rain_streak=0.2))
    assert (verdict.outcome, verdict.better) == (outcome, judgement.better)
    assert english(verdict.why).startswith(said)


def test_a_part_that_was_tried_has_no_measurements_of_the_whole_photo() -> None:
    verdict = evaluate(RAIN, Judgement(0.1, 0.8, 0.1), BEFORE)
    assert english(verdict.why) == "It made no clear difference on a part of the photo, so the rest was not restored."


def test_without_a_score_the_reason_gives_the_probability_only() -> None:
    verdict = evaluate(RAIN, Judgement(0.9, 0.1, 0.0), BEFORE, looked(None, rain_streak=0.2))
    assert english(verdict.why) == "It looks better (90% sure; rain streaks 90% → 20% likely)."


def test_what_the_user_discarded_is_not_offered_again() -> None:
    seen = detection({"rain streak": Finding(0.9, 0.5), "noise": Finding(0.8, 0.5)})
    text = english(rules.advice_text(seen, able=ABLE, discarded=["derain"]))
    assert "Auto can treat noise." in text
    assert "no method" not in text


def test_estimates_of_all_tasks_read_what_the_machine_has_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware.remember(HALVES, ComputeTarget(), 2.0, 8.0)
    read, text = list[Path](), Path.read_text

    def counting(path: Path, *args: Any, **kwargs: Any) -> str:
        read.append(path)
        return text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", counting)
    for task in TASKS:
        with contextlib.suppress(UserError):
            choice.candidates(task, PhotoFacts((640, 480)), Settings(), Feedback(Path("absent"), Path("absent")))
        restore.estimate(HALVES, 640, 480, Settings())
    read = [path for path in read if path.suffix != ".txt"]  # entry points are listed once a process
    for path in set(read):
        assert read.count(path) <= 2, path  # twice where a second went by


def test_a_speed_that_was_measured_counts_at_once() -> None:
    before = restore.estimate(HALVES, 1000, 1000, Settings(threads=1))
    hardware.remember(HALVES, ComputeTarget(threads=1), 2.0, 800.0)
    assert restore.estimate(HALVES, 1000, 1000, Settings(threads=1)) > 100 * before
    hardware.remember(HALVES, ComputeTarget(threads=1), 1000.0, 1000.0)
    assert restore.estimate(HALVES, 1000, 1000, Settings(threads=1)) < 5


def test_recent_memory_is_read_again_after_a_moment() -> None:
    figures = iter((10, 20))
    recent = hardware.RecentMemory(lambda _device: next(figures))
    assert (recent(), recent()) == (10, 10)
    recent.SECONDS = 0.0
    assert recent() == 20
