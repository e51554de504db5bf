"""Photos of one scene are recognized under any name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clarity_training.scene_split import exclude_scenes
from PIL import Image


def scene(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC))


def test_other_exposures_sizes_and_formats_of_a_scene_are_excluded_and_other_scenes_are_not(
    tmp_path: Path,
) -> None:
    one = scene(0)
    forms = {
        "known.png": Image.fromarray(one),
        "darker.png": Image.fromarray((255 * (one / 255.0) ** 2 * 0.3).astype(np.uint8)),
        "smaller.jpg": Image.fromarray(one).resize((80, 60)),
        "other.png": Image.fromarray(scene(1)),
        "flat.png": Image.new("RGB", (120, 90), "gray"),
    }
    for name, form in forms.items():
        form.save(tmp_path / name)
    paths = [tmp_path / name for name in forms]
    assert exclude_scenes(paths[1:], paths[:1]) == paths[3:]
    assert exclude_scenes(paths[1:], []) == paths[1:]
    assert exclude_scenes([], paths) == []
