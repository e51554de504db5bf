"""The first run: the sample is open, one click removes its rain, Ctrl+Z brings it back. With the real networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.app import samples
from clarity_desktop.messages import Assessed, TileDone

from .user import QUICK, Sitting


@pytest.mark.parametrize("method", ["clarity-all", "maxim-deraining"])
async def test_the_first_click_removes_the_rain_of_the_sample(
    method: str, sit_down_with_networks: Sitting, weights: Callable[[str], None], tmp_path: Path
) -> None:
    if method != "clarity-all":  # which is bundled
        weights(method)
    sample = tmp_path / "rain.png"
    with Image.open(samples()[0]) as photo:  # a part of it, small enough for a test
        photo.crop((180, 110, 330, 230)).save(sample)
    async with sit_down_with_networks(replace(QUICK, methods={"derain": method})) as user:
        user.window.file_commands.open_first([sample])
        await user.idle()
        original = user.head
        assert original.detection.found["rain streak"].probability > 0.5
        assert original.quality.overall is not None
        await user.press()
        assert user.texts() == []  # the welcome is gone
        assert user.head.parent == original.id
        assert (user.head.step.task, user.head.step.method) == ("derain", method)
        assert len(user.head.step.weights[method]) == 64
        assert user.events(TileDone)
        assert user.events(Assessed)[-1].version == user.head.id
        before, after = (await user.pixels(original.id)).astype(int), (await user.pixels()).astype(int)
        # Rain is thin lines across the picture: without it the photo is smoother, and still the same photo.
        assert after.shape == before.shape == (120, 150, 3)
        assert np.abs(np.diff(after, axis=1)).mean() < 0.8 * np.abs(np.diff(before, axis=1)).mean()
        assert np.abs(after - before).mean() < 25
        await user.click("undo")
        assert user.head.id == original.id
