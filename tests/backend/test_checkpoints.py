"""Heavy work lets interactive work in and can be cancelled: it calls its checkpoint for every megapixel or two."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from clarity_desktop.backend import adjust, judge
from clarity_desktop.backend.iqa.assess import assess
from clarity_desktop.backend.iqa.distance import distance
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.pictures import change, histogram_of, light
from clarity_desktop.messages import JobCancelled
from clarity_desktop.values import Adjustments, Pixels, Straighten

Work = Callable[[Pixels, Callable[[], None]], object]

WORK: dict[str, Work] = {
    "adjust": lambda p, checkpoint: adjust.adjust(p, Adjustments(exposure=0.5), None, checkpoint=checkpoint),
    "assess": lambda p, checkpoint: assess(p, checkpoint),
    "blend": lambda p, checkpoint: light.blended(p, p, 0.5, checkpoint),
    "distance": lambda p, checkpoint: distance(p, 255 - p, checkpoint),
    "histogram": histogram_of,
    "judge": lambda p, checkpoint: judge.judge(p, 255 - p, "denoise", checkpoint, ModelCache()),
    "straighten": lambda p, checkpoint: change(p, Straighten(2.0), checkpoint),
}


@pytest.mark.parametrize("name", WORK)
def test_heavy_work_has_checkpoints_and_ends_at_each(name: str, photo: Callable[..., np.ndarray]) -> None:
    pixels = np.tile(photo(512, 512), (4, 4, 1))
    seen = itertools.count()
    WORK[name](pixels, partial(next, seen))
    calls = next(seen)
    assert calls >= pixels.size / 3 / 2e6
    left = iter(range(calls - 1))

    def cancel_at_the_last() -> None:
        if next(left, None) is None:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        WORK[name](pixels, cancel_at_the_last)
