"""`clarity train statistics`: what is fitted recognizes new photos, spares good ones, and is what the network does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training.train import statistics
from clarity_training.train.calibration import MAX_FALSE_ALARMS
from clarity_training.train.statistics import Kind, Photos
from safetensors.torch import load_file, save_file

from clarity_desktop.backend.nets.detector import LITE2, Detector, Lite, Statistics


def photos(count: int, seed: int, noise: float = 1.0) -> Photos:
    """Of each of 15 classes and two kinds `count` photos with 60 statistics, of which 15 tell the class."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(15), 2 * count)
    rows = rng.normal(0, noise, (len(labels), 60))
    rows[np.arange(len(labels)), labels] += 4
    kinds: list[Kind] = ["real" if n % 30 < 15 else "damaged" for n in range(len(labels))]
    prompted = rng.normal(0, 1, (len(labels), 15)).astype(np.float32)
    prompted[np.arange(len(labels)), labels] += 2
    return Photos(rows.astype(np.float32), prompted, labels, kinds, [f"scene {n}" for n in range(len(labels))])


def test_what_is_fitted_recognizes_other_photos_and_spares_good_ones() -> None:
    fitted, crossed = statistics.fit(photos(20, 0))
    other = photos(40, 1)
    logits = fitted.logits(other.statistics, other.prompted)
    bad = other.labels > 0
    assert (logits.argmax(1) == other.labels)[bad].mean() > 0.7
    assert (logits.argmax(1) == other.labels)[~bad].mean() > 0.85
    good = photos(20, 0).labels == 0
    assert (crossed[good].argmax(1) != 0).mean() <= MAX_FALSE_ALARMS


def test_probabilities_are_made_right() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (4000, 15))
    odds = np.exp(truth) / np.exp(truth).sum(1, keepdims=True)
    labels = np.array([rng.choice(15, p=row) for row in odds])
    scale = statistics._scale((3 * truth).astype(np.float32), labels, np.full(4000, 1 / 4000, np.float32))
    assert float(scale) == pytest.approx(1 / 3, abs=0.02)


def test_every_class_and_kind_has_its_weight_however_many_photos_it_has() -> None:
    many = photos(3, 0)
    uneven = Photos(
        np.concatenate((many.statistics, many.statistics[[1, 1]])), np.concatenate((many.prompted, many.prompted[:2])),
        np.append(many.labels, [1, 1]), [*many.kinds, "real", "real"], [*many.scenes, "a", "b"],
    )  # fmt: skip
    weight = statistics._photo_weights(uneven)
    assert weight.sum() == pytest.approx(1)
    assert weight[uneven.labels == 0].sum() == pytest.approx(statistics.NORMAL_SHARE)
    assert weight[uneven.labels == 1].sum() == pytest.approx(weight[uneven.labels == 2].sum())


@torch.inference_mode()
def test_the_network_gives_the_logits_of_the_regression() -> None:
    head, count = Statistics(), 7488
    rng = np.random.default_rng(0)
    fitted = statistics.Regression(
        rng.normal(0, 1, count).astype(np.float32), rng.uniform(0.5, 2, count).astype(np.float32),
        rng.normal(0, 0.01, (15, count)).astype(np.float32), rng.normal(0, 1, 15).astype(np.float32),
        0.7,
    )  # fmt: skip
    statistics.put(fitted, head)
    rows = rng.normal(0, 3, (4, count)).astype(np.float32)
    prompted = rng.normal(0, 3, (4, 15)).astype(np.float32)
    logits = head.weigh(head.standardized(torch.from_numpy(rows))) + head.share * torch.from_numpy(prompted)
    assert np.allclose(logits.numpy(), fitted.logits(rows, prompted), atol=1e-3)


def test_the_command_writes_the_head_into_the_weights_and_leaves_the_rest(
    split_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    weights, tower, lite2 = tmp_path / "detector.safetensors", tmp_path / "lite2.pth", Lite(LITE2)
    before = Detector().state_dict()
    save_file({k: v.half() if v.dim() > 1 else v for k, v in before.items()}, weights)
    torch.save({k: torch.full_like(v, 0.01) for k, v in lite2.state_dict().items()}, tower)
    words = ["--photos", str(split_folder(validation=2)), "--weights", str(weights), "--tower", str(tower)]
    assert statistics.main([*words, "--per-class", "1", "--threads", "1"]) == 0
    after = load_file(weights)
    assert set(after) == set(before)
    changed = {k for k, v in after.items() if not torch.allclose(v.float(), before[k], atol=2e-3)}
    assert {name.split(".")[0] for name in changed} == {"statistics"}
    assert torch.allclose(after["statistics.tower.blocks.0.body.0.weight"].float(), torch.tensor(0.01), atol=1e-4)
    assert "damaged: " in capsys.readouterr().out
