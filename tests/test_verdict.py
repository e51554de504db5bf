"""The verdict in everyday words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clarity_desktop.text import english
from clarity_desktop.values import DEGRADATIONS, Degradation, Detection, Finding, at_full_size, is_everywhere, summary
from clarity_desktop.verdict import verdict
from tests.fakes import detection


def hot(seen: Detection, name: Degradation, share: float) -> Detection:
    """The detection with that share of the cells of a map of 10×10 hot."""
    heat = np.zeros((10, 10, len(DEGRADATIONS)), np.uint8)
    heat.reshape(-1, len(DEGRADATIONS))[: round(100 * share), DEGRADATIONS.index(name)] = 200
    return replace(seen, heat=heat)


CLEAN = hot(detection({}), "rain streak", 0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"rain streak": Finding(0.9, 0.5), "noise": Finding(0.6, 0.3)}, "Rain streaks, quite strong · probably noise"),
        ({"haze": Finding(0.6, 0.2)}, "Probably haze, slight"),
        ({"blur": Finding(0.9, 0.1), "JPEG": Finding(0.8, 0.9)}, "Blur, barely visible · JPEG artifacts, very strong"),
        ({"noise": Finding(0.45, 0.5), "blur": Finding(0.3, 0.5)}, "Perhaps noise or blur"),
        ({"noise": Finding(0.45, 0.5), "blur": Finding(0.2, 0.5)}, "Perhaps noise"),
    ],
)
@pytest.mark.parametrize("score", [None, 30.0, 80.0])
def test_problems_are_named_with_likelihood_and_severity_apart(found, words, score) -> None:
    assert english(verdict(detection(found), score)) == words


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (None, "No clear problem found"), (49.4, "Low score, but no clear problem found"), (49.6, "Looks fine"),
        (74.4, "Looks fine"), (75.0, "Looks good"),
    ],
)  # fmt: skip
def test_without_problems_the_score_decides_and_no_low_one_is_fine(score, words) -> None:
    assert english(verdict(CLEAN, score)) == words


@pytest.mark.parametrize("score", [None, 30.0, 80.0])
def test_a_photo_whose_map_shows_a_mark_does_not_look_fine(score) -> None:
    torn = replace(detection({"inpaint": Finding(0.2, 0.5)}), top=CLEAN.top)
    assert english(verdict(hot(torn, "inpaint", 0.05), score)) == "No clear problem, perhaps missing parts"
    assert summary(hot(torn, "inpaint", 0), 80.0).kind == "fine", "probability and map must agree"
    assert summary(hot(CLEAN, "inpaint", 0.05), 80.0).kind == "fine", "probability and map must agree"
    hazy = replace(detection({"haze": Finding(0.2, 0.5)}), top=CLEAN.top)
    assert summary(hot(hazy, "haze", 0.05), 80.0).kind == "fine", "a global degradation has no place"
    doubted = replace(detection({"watermark": Finding(0.34, 0.5)}), top=CLEAN.top)
    assert english(verdict(doubted, score)) == "No clear problem, perhaps a watermark"


def test_what_shows_only_at_full_size_is_a_second_finding() -> None:
    close: dict[Degradation, Finding] = {
        "noise": Finding(0.9, 0.5),
        "blur": Finding(0.2, 0.5),
        "JPEG": Finding(0.95, 1),
    }
    seen = replace(CLEAN, close=close)
    assert english(verdict(seen, 80.0)) == "Looks good · JPEG artifacts at 100% · noise at 100%"
    noisy = replace(detection({"noise": Finding(0.8, 0.5)}), close=close)
    assert at_full_size(noisy) == ("JPEG",), "what the whole photo shows is not said twice"


def test_a_map_is_shown_only_where_a_part_stands_out() -> None:
    assert is_everywhere(hot(CLEAN, "haze", 0), "haze")
    assert is_everywhere(hot(CLEAN, "noise", 0.9), "noise")
    assert not is_everywhere(hot(CLEAN, "noise", 0.4), "noise")
    assert not is_everywhere(hot(CLEAN, "watermark", 0.9), "watermark")
