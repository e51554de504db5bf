"""Both trainings, from photos to weights that load; stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clarity_training.photos import part_of
from clarity_training.train import detector as train_detector
from clarity_training.train import restorer as train_restorer
from PIL import Image
from safetensors.torch import load_file

from clarity_desktop.backend.nets.clarity_all import TASKS, ClarityAll
from clarity_desktop.backend.nets.detector import Detector, Lite0
from clarity_desktop.messages import UserError

TRAINED_ON = ("p0", "p2", "p3")


@pytest.fixture
def photos(tmp_path: Path, photo: Callable[..., np.ndarray]) -> Path:
    """Three photos that are trained on."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for k, name in enumerate(TRAINED_ON):
        assert part_of(Path(name)) == "train"
        Image.fromarray(photo(160, 128, seed=k)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Training:
    """A training of `room` in a folder of its own."""

    def __init__(self, room: Any, photos: Path, *more: str) -> None:
        self.room, self.more, self.photos = room, more, photos
        self.checkpoint, self.out = photos.parent / "kept" / "run.pt", photos.parent / "made" / "run.safetensors"

    def go(self, minutes: float) -> dict[str, Any]:
        words = ["--photos", str(self.photos), "--minutes", str(minutes), "--threads", "1", *self.more]
        assert self.room.main([*words, "--checkpoint", str(self.checkpoint), "--out", str(self.out)]) == 0
        return torch.load(self.checkpoint, weights_only=True)


@pytest.fixture
def restorer(photos: Path) -> Training:
    return Training(train_restorer, photos, "--width", "4", "--task", "denoise", "low_light")


@pytest.fixture
def detector(photos: Path) -> Training:
    return Training(train_detector, photos, "--batch", "1")


def test_the_restorer_is_trained_stopped_and_gone_on_with(
    restorer: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    first = restorer.go(0.005)
    assert first["step"] >= 1
    assert first["spent"] >= 60 * 0.005
    state = load_file(restorer.out)
    assert {v.dtype for v in state.values()} == {torch.float16}
    ClarityAll(4).load_state_dict({k: v.float() for k, v in state.items()})
    capsys.readouterr()
    second = restorer.go(first["spent"] / 60 + 0.005)
    assert f"Going on at step {first['step']}," in capsys.readouterr().out
    assert second["step"] > first["step"]
    assert second["spent"] > first["spent"]
    assert second["optimiser"]["state"][0]["step"] == second["step"]
    assert any(not torch.equal(second["net"][k], v) for k, v in first["net"].items())


def test_the_detector_is_trained_stopped_and_gone_on_with(
    detector: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    first = detector.go(0.001)
    assert first["step"] >= 1
    state = load_file(detector.out)
    assert {v.dtype for v in state.values() if v.dim() > 1} == {torch.float16}
    Detector().load_state_dict({k: v.float() for k, v in state.items()})
    assert torch.allclose(state["prompts"].float().norm(dim=1), torch.ones(15), atol=1e-2)
    capsys.readouterr()
    second = detector.go(first["spent"] / 60 + 0.001)
    assert f"Going on at step {first['step']}," in capsys.readouterr().out
    assert second["step"] > first["step"]


def test_when_the_time_is_spent_nothing_more_is_learnt(restorer: Training) -> None:
    first = restorer.go(0.001)
    again = restorer.go(0.001)
    assert again["step"] == first["step"]
    assert all(torch.equal(again["net"][k], v) for k, v in first["net"].items())


def test_nothing_half_written_stays_behind(restorer: Training) -> None:
    restorer.go(0.001)
    made = [p.name for folder in (restorer.checkpoint.parent, restorer.out.parent) for p in folder.iterdir()]
    assert sorted(made) == ["run.pt", "run.safetensors"]


@pytest.mark.parametrize("room", [train_restorer, train_detector])
def test_a_folder_without_photos_is_a_sentence(room: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no pictures below"):
        Training(room, tmp_path, *(["--width", "4"] if room is train_restorer else [])).go(0.001)


def test_the_restorer_learns_what_it_is_shown(photos: Path) -> None:
    torch.manual_seed(0)
    run = train_restorer._Run(_asked(train_restorer, photos, "--width", "8"), ["noise"])
    clean = torch.rand(4, 3, 32, 32) * 0.5 + 0.2
    batch = (clean * 0.6, clean, torch.zeros(4, 1, 32, 32), torch.zeros(4, dtype=torch.int64))
    for _ in range(30):
        run._set_rate(600)
        run.optimiser.param_groups[0]["lr"] = 5e-3
        run._learn(batch)
    with torch.no_grad():
        left = run.net(batch[0], *batch[2:]) - clean
    assert left.abs().mean() < 0.6 * (0.4 * clean).mean()
    assert run.step == 30


def test_the_restorer_tells_what_each_task_gained_and_what_clean_photos_keep(photos: Path) -> None:
    run = train_restorer._Run(_asked(train_restorer, photos, "--width", "4"), ["noise"])
    run._remember(torch.tensor([TASKS.index("denoise"), 0]), torch.tensor([0.01, 0.0]), torch.tensor([0.001, 1e-4]))
    assert run.decibels == pytest.approx({"denoise": 10.0, "clean": 40.0}, abs=1e-3)


def test_the_rate_rises_at_first_and_falls_to_the_end(photos: Path) -> None:
    run = train_restorer._Run(_asked(train_restorer, photos, "--width", "4", "--rate", "0.001"), ["noise"])
    rates = []
    for step, spent in ((0, 0), (199, 0), (5000, 300), (9000, 600)):
        run.step, run.spent = step, spent
        run._set_rate(600)
        rates.append(run.optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([0.001 / 200, 0.001, 0.001 * 0.51, 0.001 * 0.02])


def test_what_is_not_known_costs_nothing() -> None:
    said, want = torch.tensor([1.0, -2.0]), torch.tensor([float("nan"), 0.5])
    loss = train_detector._known(train_detector._distance, said, want)
    assert float(loss) == pytest.approx(0.5 - 1 / (1 + np.exp(2)))
    nothing = detector._known(detector._distance, said.requires_grad_(), torch.full((2,), float("nan")))
    nothing.backward()
    assert float(nothing.detach()) == 0
    assert not said.grad.any()


def test_the_pretrained_start_of_both_towers_stays_as_it_is(photos: Path, tmp_path: Path) -> None:
    """A published file holds its tensors in the network's order, a head and a classifier behind them."""
    torch.manual_seed(4)
    theirs = {f"_blocks.{k}": torch.randn_like(v) if v.is_floating_point() else v
              for k, v in Lite0().state_dict().items()}  # fmt: skip
    torch.save({**theirs, "_conv_head.weight": torch.zeros(3), "_bn1.bias": torch.zeros(3), "_fc.bias": torch.zeros(2)},
               tmp_path / "tower.pth")  # fmt: skip
    run = train_detector._Run(_asked(train_detector, photos, "--tower", str(tmp_path / "tower.pth")))
    for name, value in run.net.overview.state_dict().items():
        assert "num_batches" in name or torch.equal(value, theirs[f"_blocks.{name}"])
    learnt = {n for n, p in run.net.overview.named_parameters() if p.requires_grad}
    assert learnt
    assert all(int(n.split(".")[1]) >= detector.FROZEN[0] and n.startswith("blocks.") for n in learnt)
    for name, value in run.net.detail.body.state_dict().items():
        assert torch.equal(value, theirs[f"_blocks.{name}"])
    assert {g["share"] for g in run.optimiser.param_groups} == {detector.PRETRAINED, 1.0}


def test_a_training_goes_on_from_shipped_weights(photos: Path, tmp_path: Path) -> None:
    first = train_detector._Run(_asked(train_detector, photos, "--out", str(tmp_path / "d.safetensors")))
    first.asked.checkpoint = tmp_path / "d.pt"
    for name in ("class_bias", "caution", "trust"):
        first.average[name].fill_(0.3)
    first._keep()
    run = train_detector._Run(_asked(train_detector, photos, "--start", str(tmp_path / "d.safetensors")))
    assert torch.allclose(run.net.close.weight, first.net.close.weight, atol=1e-3)
    run.asked.checkpoint, run.asked.out = tmp_path / "again.pt", tmp_path / "again.safetensors"
    for name in ("close.bias", "each_bias"):
        run.average[name] += 1.0
    run._keep()
    again = _asked(train_detector, photos)
    again.checkpoint = run.asked.checkpoint
    resumed = train_detector._Run(again)
    assert resumed.done == detector.FROZEN_AGAIN, "a checkpoint knows that it started from shipped weights"
    assert torch.equal(resumed.shipped["close.bias"], run.shipped["close.bias"])
    kept, old = load_file(run.asked.out), run.shipped
    assert torch.allclose(kept["close.bias"], old["close.bias"] + detector.WAY, atol=1e-3)
    assert torch.allclose(kept["each_bias"], old["each_bias"] + 1.0, atol=1e-3), "what calibration sets is not mixed"
    assert not run.net.class_bias.any(), "what was calibrated is calibrated anew"
    assert (float(run.net.caution), float(run.net.trust)) == (0.0, 1.0)
    said, want = run.text.mean(), run.net.prompts
    assert (torch.nn.functional.cosine_similarity(said, want) > 0.9).all()
    for tower, still in zip((run.net.overview, run.net.detail.body), detector.FROZEN_AGAIN, strict=True):
        assert not any(p.requires_grad for p in tower.blocks[:still].parameters())
        assert any(p.requires_grad for p in tower.blocks[still:].parameters())


def test_what_the_first_blocks_made_gives_the_same_answer(photos: Path) -> None:
    run = train_detector._Run(_asked(train_detector, photos))
    seen = next(iter(train_detector.Stream(run.asked, 1)))
    begun = run._begun([seen])[0]
    towers = (run.net.overview, seen["overview"][None], begun["overview"][None], run.done[0]), (
        run.net.detail.body, seen["crops"], begun["crops"], run.done[1])  # fmt: skip
    for tower, photo, kept, done in towers:
        with torch.no_grad():
            want, said = tower(photo.permute(0, 3, 1, 2) / 255), tower(kept.float(), done)
        assert (said - want).norm() < 0.02 * want.norm()
        assert (tower(torch.zeros_like(kept, dtype=torch.float32), done) - want).norm() > 0.1 * want.norm()


def test_a_training_cannot_go_on_from_another_file(photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"other.safetensors” holds no weights of the detector "):
        train_detector._Run(_asked(train_detector, photos, "--start", str(other)))
    with pytest.raises(UserError, match=r"other.safetensors” holds no weights of clarity-all "):
        train_restorer._Run(_asked(train_restorer, photos, "--start", str(other)), ["noise"])


def _asked(room: Any, photos: Path, *words: str) -> Any:
    return room._parser().parse_args(["--photos", str(photos), *words, "--checkpoint", str(photos / "none.pt")])
