"""The trainings of the fusion network and of the finder of old prints' marks: a few steps, and what they write."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training import fusion_candidates
from clarity_training.train import fusion, old_photo
from PIL import Image
from safetensors.torch import load_file

from clarity_desktop.backend.nets import fusion as nets
from clarity_desktop.backend.nets.old_print import OldPrintMarks

SECONDS = 20.0
"""Between two looks at the clock: three steps are a minute."""


@pytest.fixture
def now() -> Callable[[], float]:
    ticks = count()
    return lambda: next(ticks) * SECONDS


def candidates(folder: Path, number: int, side: int = 64) -> Path:
    """A file of a photo, side×side, whose candidates are darker and brighter than it."""
    rng = np.random.default_rng(number)
    truth = rng.integers(40, 200, (side, side, 3), np.uint8)
    made = np.stack([truth - 30, truth, truth + 30])
    path = folder / f"pair-{number}-0.npz"
    np.savez(path, damaged=truth // 4, candidates=made, truth=truth)
    return path


def options(tmp_path: Path, **more: object) -> argparse.Namespace:
    return argparse.Namespace(
        device="cpu", rate=1e-3, minutes=1.0, seed=1, checkpoint=tmp_path / "a.pt", out=tmp_path / "a.safetensors",
        **more,
    )  # fmt: skip


def test_the_fusion_network_is_trained_and_its_weights_fit(tmp_path: Path, now: Callable[[], float]) -> None:
    files = [candidates(tmp_path, number) for number in range(3)]
    fusion.train(files, options(tmp_path), now)
    weights = load_file(tmp_path / "a.safetensors")
    nets.light().load_state_dict({k: v.float() for k, v in weights.items()})
    assert any((weights[k].float() != v).any() for k, v in nets.light().state_dict().items() if k.startswith("last"))
    assert (tmp_path / "a.pt").stat().st_size > 0


def test_samples_are_whole_photos_of_fewer_pixels_or_crops(tmp_path: Path) -> None:
    files = [candidates(tmp_path, 0)]
    known = fusion_candidates.read(files[0]).truth
    for step, crops in ((4, False), (2, True), (1, False)):
        sample = next(fusion.samples(files, step, crops, np.random.default_rng(1)))
        assert sample.truth.shape == (64 // step, 64 // step, 3)
        assert sample.candidates.shape == (3, *sample.truth.shape)
        assert (sample.candidates[1] == sample.truth).all()  # all turned alike
        assert np.isin(sample.truth, known).all()


def test_the_loss_is_the_negative_psnr() -> None:
    truth = torch.full((2, 3, 8, 8), 0.5)
    assert fusion.psnr_loss(truth + 0.1, truth).item() == pytest.approx(-20, abs=0.01)


def test_pairs_are_split_by_name_and_size(tmp_path: Path) -> None:
    for folder in ("input", "target"):
        (tmp_path / folder).mkdir()
        for number in range(30):
            Image.new("RGB", (256, 256)).save(tmp_path / folder / f"{number}.png")
        Image.new("RGB", (300, 256)).save(tmp_path / folder / "large.png")
    learned = {dark.stem for dark, _ in fusion_candidates.lol_pairs(tmp_path, train=True)}
    others = {dark.stem for dark, _ in fusion_candidates.lol_pairs(tmp_path, train=False)}
    assert learned
    assert not learned & others
    assert learned | others == {*map(str, range(30)), "large"}
    assert "large" in others


def test_the_finder_of_marks_is_trained_and_its_weights_fit(tmp_path: Path, now: Callable[[], float]) -> None:
    paths: list[Path] = []
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, (300, 320, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    old_photo.train(paths, options(tmp_path, batch=1), now)
    weights = load_file(tmp_path / "a.safetensors")
    OldPrintMarks().load_state_dict({k: v.float() for k, v in weights.items()})
    print_, damaged = next(old_photo.samples(paths, np.random.default_rng(0)))
    assert print_.shape == (old_photo.CROP, old_photo.CROP, 3)
    assert damaged.shape == (old_photo.CROP, old_photo.CROP)
    assert set(np.unique(damaged)) <= {0, 1}


def test_a_mask_that_is_right_costs_least() -> None:
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., :4, :] = 1
    right, wrong = (truth * 2 - 1) * 8, (1 - truth * 2) * 8
    assert old_photo.loss_of(right, truth) < 0.1 < old_photo.loss_of(torch.zeros_like(truth), truth)
    assert old_photo.loss_of(wrong, truth) > 1
