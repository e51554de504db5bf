"""The trainers of restorer and detector: from photos to weights that load; stopping and resuming; the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clarity_training.train import detector as train_detector
from clarity_training.train import loop
from clarity_training.train import restorer as train_restorer
from safetensors.torch import load_file

from clarity_desktop.backend.nets.clarity_all import TASKS, ClarityAll
from clarity_desktop.backend.nets.detector import LITE0, Detector, Lite
from clarity_desktop.messages import UserError


@pytest.fixture
def photos(split_folder: Callable[..., Path]) -> Path:
    return split_folder(train=2)


def every_second() -> Iterator[float]:
    """A clock that advances by one second whenever it is read."""
    yield from (float(second) for second in range(10_000))


class Trainer:
    """A trainer with its files in a folder of their own; every step takes a second of its clock."""

    def __init__(self, module: Any, photos: Path, *more: str) -> None:
        self.module, self.more, self.photos = module, more, photos
        self.checkpoint, self.out = photos.parent / "kept" / "run.pt", photos.parent / "made" / "run.safetensors"

    def run(self, seconds: float, now: Callable[[], float] | None = None) -> dict[str, Any]:
        """Train up to a total time; returns the checkpoint."""
        words = ["--photos", str(self.photos), "--minutes", str(seconds / 60), "--threads", "1", *self.more]
        files = ["--checkpoint", str(self.checkpoint), "--out", str(self.out)]
        clock = now or every_second().__next__
        if self.module is train_detector:
            train_detector.Training(train_detector._parser().parse_args([*words, *files]), clock).run(initial_pool=2)
        else:
            assert self.module.main([*words, *files], now=clock) == 0
        return torch.load(self.checkpoint, weights_only=True)


@pytest.fixture
def restorer(photos: Path) -> Trainer:
    return Trainer(train_restorer, photos, "--width", "4", "--task", "denoise", "low_light")


@pytest.fixture
def detector(photos: Path) -> Trainer:
    return Trainer(train_detector, photos, "--batch", "1")


def options(module: Any, photos: Path, *words: str) -> Any:
    return module._parser().parse_args(["--photos", str(photos), *words, "--checkpoint", str(photos / "none.pt")])


# Both ----------------------------------------------------------------------------------------------------------------


def test_the_restorer_is_trained_stopped_and_resumed(restorer: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    first = restorer.run(3)
    assert (first["step"], first["spent"]) == (3, 3.0), "two steps with small patches, one with large ones"
    state = load_file(restorer.out)
    assert {v.dtype for v in state.values()} == {torch.float16}
    ClarityAll(4).load_state_dict({k: v.float() for k, v in state.items()})
    assert sorted(p.name for folder in (restorer.checkpoint, restorer.out) for p in folder.parent.iterdir()) == [
        "run.pt", "run.safetensors",
    ]  # fmt: skip
    capsys.readouterr()
    again = restorer.run(3)
    assert again["step"] == 3, "the time is over: nothing more is learned"
    assert all(torch.equal(again["net"][k], v) for k, v in first["net"].items())
    second = restorer.run(4)
    assert "Resuming at step 3," in capsys.readouterr().out
    assert (second["step"], second["spent"]) == (4, 4.0)
    assert second["optimiser"]["state"][0]["step"] == 4
    assert any(not torch.equal(second["net"][k], v) for k, v in first["net"].items())


def test_the_detector_is_trained_stopped_and_resumed(detector: Trainer, capsys: pytest.CaptureFixture[str]) -> None:
    first = detector.run(1)
    assert (first["step"], first["spent"]) == (1, 1.0)
    state = load_file(detector.out)
    assert {v.dtype for v in state.values() if v.dim() > 1} == {torch.float16}
    Detector().load_state_dict({k: v.float() for k, v in state.items()})
    assert torch.allclose(state["prompts"].float().norm(dim=1), torch.ones(15), atol=1e-2)
    capsys.readouterr()
    second = detector.run(2)
    assert "Resuming at step 1," in capsys.readouterr().out
    assert (second["step"], second["spent"]) == (2, 2.0)


def test_the_same_seed_gives_the_same_weights(photos: Path) -> None:
    trained: list[dict[str, Any]] = []
    for name in ("one", "other"):
        trainer = Trainer(train_restorer, photos, "--width", "4", "--task", "low_light")
        trainer.checkpoint, trainer.out = photos.parent / f"{name}.pt", photos.parent / f"{name}.safetensors"
        trained.append(trainer.run(1)["net"])
    assert all(torch.equal(trained[0][name], value) for name, value in trained[1].items())


@pytest.mark.parametrize("module", [train_restorer, train_detector])
def test_a_folder_without_photos_is_an_error(module: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No photos found in"):
        Trainer(module, tmp_path, *(["--width", "4"] if module is train_restorer else [])).run(1)


def test_weights_of_another_network_are_an_error(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"No weights of the detector in “.*other.safetensors”"):
        train_detector.Training(options(train_detector, photos, "--start", str(other)))
    with pytest.raises(UserError, match=r"No weights of clarity-all in “.*other.safetensors”"):
        train_restorer.Training(options(train_restorer, photos, "--start", str(other)), ["noise"])


# Clock and learning rate ---------------------------------------------------------------------------------------------


def test_the_time_in_which_the_process_was_stopped_does_not_count() -> None:
    readings = iter([100.0, 101.0, 103.0, 5000.0, 5001.0])
    clock = loop.TrainingClock(10.0, lambda: next(readings))
    for _ in range(4):
        clock.count_step()
    assert clock.spent == 14.0


def test_preparation_does_not_count_and_checkpoints_follow_the_training_time() -> None:
    readings = iter([0.0, 20.0, *(20.0 + 25 * k for k in range(1, 30))])
    clock = loop.TrainingClock(now=lambda: next(readings))
    clock.restart()
    due = []
    for _ in range(20):
        clock.count_step()
        due.append(clock.checkpoint_due())
        if due[-1]:
            clock.checkpoint_saved()
    assert [k for k, is_due in enumerate(due) if is_due] == [9, 19]
    assert clock.spent == 500.0


def test_a_training_that_was_stopped_for_an_hour_loses_the_time_of_one_step(restorer: Trainer) -> None:
    def stopped() -> Iterator[float]:
        for reading, second in enumerate(every_second()):
            yield second if reading < 3 else second + 3600

    assert restorer.run(2, stopped().__next__)["step"] == 3


def test_the_learning_rate_rises_at_first_and_falls_to_the_end(photos: Path) -> None:
    words = ("--width", "4", "--rate", "0.001", "--minutes", "10")
    training = train_restorer.Training(options(train_restorer, photos, *words), ["noise"])
    rates = []
    for step, spent in ((0, 0), (199, 0), (5000, 300), (9000, 600)):
        training.step, training.clock.spent = step, spent
        rates.append(training.rate())
    assert rates == pytest.approx([0.001 / 200, 0.001, 0.001 * 0.51, 0.001 * 0.02])


# The restorer --------------------------------------------------------------------------------------------------------


def test_the_restorer_learns_a_constant_batch(photos: Path) -> None:
    torch.manual_seed(0)
    words = ("--width", "8", "--rate", "1", "--minutes", "10")  # in the warm-up, 30 steps of 0.005 to 0.15
    training = train_restorer.Training(options(train_restorer, photos, *words), ["noise"])
    clean = torch.rand(4, 3, 32, 32) * 0.5 + 0.2
    batch = (clean * 0.6, clean, torch.zeros(4, 1, 32, 32), torch.zeros(4, dtype=torch.int64))
    training.rate = lambda: 5e-3
    for _ in range(30):
        training.learn(batch)
    with torch.no_grad():
        error = training.net(batch[0], *batch[2:]) - clean
    assert error.abs().mean() < 0.6 * (0.4 * clean).mean()
    assert training.step == 30


def test_the_restorer_reports_gains_by_task_and_the_psnr_of_clean_photos(photos: Path) -> None:
    training = train_restorer.Training(options(train_restorer, photos, "--width", "4"), ["noise"])
    tasks = torch.tensor([TASKS.index("denoise"), 0])
    training._record_gain(tasks, torch.tensor([0.01, 0.0]), torch.tensor([0.001, 1e-4]))
    assert training.gains == pytest.approx({"denoise": 10.0, "clean": 40.0}, abs=1e-3)


# The detector --------------------------------------------------------------------------------------------------------


def test_unknown_targets_add_no_loss() -> None:
    logits, target = torch.tensor([1.0, -2.0]), torch.tensor([float("nan"), 0.5])
    loss = train_detector.loss_where_known(train_detector.severity_loss, logits, target)
    assert float(loss) == pytest.approx(0.5 - 1 / (1 + np.exp(2)))
    unknown = torch.full((2,), float("nan"))
    nothing = train_detector.loss_where_known(train_detector.severity_loss, logits.requires_grad_(), unknown)
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_pretrained_first_blocks_are_frozen(photos: Path, tmp_path: Path) -> None:
    """A published file has the tensors in the network's order, followed by a head and a classifier."""
    torch.manual_seed(4)
    published = {
        f"_blocks.{k}": torch.randn_like(v) if v.is_floating_point() else v for k, v in Lite(LITE0).state_dict().items()
    }
    head = {"_conv_head.weight": torch.zeros(3), "_bn1.bias": torch.zeros(3), "_fc.bias": torch.zeros(2)}
    torch.save({**published, **head}, tmp_path / "tower.pth")
    training = train_detector.Training(options(train_detector, photos, "--tower", str(tmp_path / "tower.pth")))
    for name, value in training.net.tower.state_dict().items():
        assert "num_batches" in name or torch.equal(value, published[f"_blocks.{name}"])
    trainable = {n for n, p in training.net.tower.named_parameters() if p.requires_grad}
    assert trainable
    first = train_detector.FROZEN_BLOCKS
    assert all(n.startswith("blocks.") and int(n.split(".")[1]) >= first for n in trainable)
    scales = {group["lr_scale"] for group in training.optimizer.param_groups}
    assert scales == {train_detector.PRETRAINED_LR_SCALE, 1.0}


def test_bundled_weights_are_fine_tuned(photos: Path, tmp_path: Path) -> None:
    first = train_detector.Training(options(train_detector, photos, "--out", str(tmp_path / "d.safetensors")))
    first.args.checkpoint = tmp_path / "d.pt"
    for name in ("class_bias", "caution"):
        first.average[name].fill_(0.3)
    first.save()
    start = options(train_detector, photos, "--start", str(tmp_path / "d.safetensors"))
    training = train_detector.Training(start, text_steps=15)
    assert torch.allclose(training.net.pool.weight, first.net.pool.weight, atol=1e-3)
    assert not training.net.class_bias.any(), "the calibration is removed"
    assert float(training.net.caution) == 0
    assert (torch.nn.functional.cosine_similarity(training.text.mean_prompts(), training.net.prompts) > 0.5).all()
    training.args.checkpoint, training.args.out = tmp_path / "again.pt", tmp_path / "again.safetensors"
    for name in ("pool.bias", "each_bias"):
        training.average[name] += 1.0
    training.save()
    saved, old = load_file(training.args.out), training.bundled
    expected = old["pool.bias"] + train_detector.INTERPOLATION
    assert torch.allclose(saved["pool.bias"], expected, atol=1e-3)
    assert torch.allclose(saved["each_bias"], old["each_bias"] + 1.0, atol=1e-3), "calibrated values are not mixed"
    resume = options(train_detector, photos)
    resume.checkpoint = training.args.checkpoint
    resumed = train_detector.Training(resume)
    assert torch.equal(resumed.bundled["pool.bias"], training.bundled["pool.bias"]), "it is still a fine-tuning"


def test_the_features_of_the_frozen_blocks_give_the_same_answer(photos: Path) -> None:
    training = train_detector.Training(options(train_detector, photos))
    sample = next(iter(train_detector.SampleStream(training.args, 1)))
    kept = training.frozen_features([sample])[0]["photo"][None].float()
    tower, frozen = training.net.tower, train_detector.FROZEN_BLOCKS
    with torch.no_grad():
        expected, output = tower(sample["photo"][None].permute(0, 3, 1, 2) / 255)[6], tower(kept, frozen)[6]
        other = tower(torch.zeros_like(kept), frozen)[6]
    assert (output - expected).norm() < 0.05 * expected.norm()
    assert (other - expected).norm() > 0.1 * expected.norm()


def test_a_batch_has_samples_of_one_shape_and_the_pool_keeps_the_latest() -> None:
    rng, pool = np.random.default_rng(0), train_detector.Pool(20)
    for k in range(40):
        where = torch.zeros(13, 2, 3) if k % 2 else torch.zeros(13, 3, 2)
        pool.add({"where": where, "label": torch.tensor(k)}, rng)
    labels: set[int] = set()
    for _ in range(40):
        batch = pool.batch(4, rng)
        assert len({s["where"].shape for s in batch}) == 1
        labels |= {int(s["label"]) for s in batch}
    assert len(labels) <= 20
    assert max(labels) > 30


def test_a_map_that_is_right_costs_less_than_one_that_is_everywhere_or_nowhere() -> None:
    where = torch.full((2, 13, 8, 8), float("nan"))
    where[:, 3] = 0
    where[0, 3, :2, :2] = 1
    right = torch.where(where == 1, 8.0, -8.0)
    losses = [float(train_detector.map_loss(logits, where)) for logits in (right, -right, torch.full_like(right, -8.0))]
    assert losses[0] < 0.2 < losses[2] < losses[1]
    unknown = torch.full_like(where, float("nan"))
    assert float(train_detector.map_loss(right, unknown)) == 0
