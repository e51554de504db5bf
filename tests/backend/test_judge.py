"""Judgement of restorations: what is decided beside the network."""

from __future__ import annotations

import numpy as np
import pytest

from clarity_desktop.backend import judge
from clarity_desktop.backend.judge import GRAYED, grayed_whites
from clarity_desktop.backend.model_cache import ModelCache


@pytest.fixture
def overexposed() -> np.ndarray:
    """A textured scene, 96×128×3 uint8, whose upper third is pure white."""
    pixels = np.random.default_rng(0).integers(60, 200, (96, 128, 3)).astype(np.uint8)
    pixels[:32] = 255
    return pixels


def test_white_that_becomes_flat_gray_is_no_improvement(overexposed: np.ndarray) -> None:
    darker = (overexposed * 0.85).astype(np.uint8)
    assert grayed_whites(overexposed, darker) > GRAYED
    judgement = judge.judge(overexposed, darker, "overexposure", models=ModelCache())
    assert judgement.better == 0.0
    assert judgement.equal + judgement.worse == pytest.approx(1.0, abs=1e-5)


def test_white_in_which_detail_returns_is_not_counted(overexposed: np.ndarray) -> None:
    detailed = (overexposed * 0.85).astype(np.uint8)
    detailed[:32] -= np.random.default_rng(1).integers(0, 40, (32, 128, 1)).astype(np.uint8)
    assert grayed_whites(overexposed, detailed) < GRAYED


def test_white_that_stays_white_is_not_counted(overexposed: np.ndarray) -> None:
    assert grayed_whites(overexposed, overexposed) == 0.0
