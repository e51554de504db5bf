"""Training and measuring the network for clicks: marked photos, simulated clicks, a run that is stopped and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clarity_training import marked_photos, simulated_clicks
from clarity_training.evaluate import click as bench
from clarity_training.marked_photos import MarkedPhoto
from clarity_training.photos import split_of
from clarity_training.train import click as train
from PIL import Image
from safetensors.torch import load_file

from clarity_desktop.backend.nets.clarity_click import ClarityClick
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Click


@pytest.fixture
def marked(tmp_path: Path) -> list[Path]:
    """A folder with segments and one with masks; each photo is a disk on a darker ground."""
    rng = np.random.default_rng(1)
    segments, objects = tmp_path / "segments", tmp_path / "objects"
    for folder in (segments / "train", segments / "seg", objects / "image", objects / "mask", objects / "box"):
        folder.mkdir(parents=True)
    y, x = np.ogrid[:64, :96]
    names = [f"p{k}" for k in range(60)]
    for k, name in enumerate(
        n for split in ("train", "test") for n in [m for m in names if split_of(Path(m)) == split][:3]
    ):
        disk = np.hypot(y - 30, x - 40 - k) < 16
        photo = np.where(disk[..., None], (220, 130, 40), (60, 80, 100)) + rng.normal(0, 6, (64, 96, 3))
        image = Image.fromarray(photo.clip(0, 255).astype(np.uint8))
        image.save(segments / "train" / f"{name}.jpg")
        labels = np.where(disk, 2, 1 + 2 * (x > 80)).astype(np.uint8)
        np.savez_compressed(segments / "seg" / f"{name}.npz", seg0=labels, seg1=labels)
        image.save(objects / "image" / f"{name}.png")
        for folder in ("mask", "box"):
            Image.fromarray((disk * 255).astype(np.uint8)).save(objects / folder / f"{name}.png")
    return [segments, objects]


def test_marked_photos_are_found_with_their_marks(marked: list[Path]) -> None:
    found = marked_photos.find(marked)
    assert [photo.has_segments for photo in found] == [True] * 6 + [False] * 6
    assert {photo.photo.parent.name for photo in found} == {"train", "image"}, "not what else has the same name"
    assert sorted({photo.split for photo in found}) == ["test", "train"]
    segments, objects = found[0].labels(), found[-1].labels()
    assert (len(segments), len(objects)) == (2, 1)
    assert marked_photos.objects(segments[0], 0.03, 0.5) == [2, 3]
    assert marked_photos.objects(objects[0], 0.03, 0.5) == [1]
    with pytest.raises(UserError, match="holds no photos with segments"):
        marked_photos.find([marked[0].parent])


def test_the_frames_of_a_film_are_in_one_split(tmp_path: Path) -> None:
    frames = [MarkedPhoto(tmp_path, tmp_path / f"film_{k:05}.png") for k in range(30)]
    assert len({frame.split for frame in frames}) == 1


def test_the_next_click_is_in_the_middle_of_the_largest_error() -> None:
    truth = np.zeros((20, 30), np.bool_)
    truth[5:12, 5:12] = True
    assert simulated_clicks.next_click(truth, None) == Click(8.5, 8.5)
    mask = truth.copy()
    mask[0:20, 20:30] = True
    click = simulated_clicks.next_click(truth, mask)
    assert click is not None
    assert (click.inside, 20 < click.x < 30) == (False, True)
    assert simulated_clicks.next_click(truth, truth) is None
    rng = np.random.default_rng(0)
    near = [simulated_clicks.next_click(truth, None, rng) for _ in range(20)]
    assert all(c is not None and c.inside and truth[int(c.y), int(c.x)] for c in near)
    assert len(set(near)) > 3


def test_the_overlap_after_each_click_and_what_is_made_of_it() -> None:
    truth = np.zeros((20, 30), np.bool_)
    truth[5:15, 5:15] = True

    def select(clicks: Any, _box: Bounds | None) -> Any:
        grown = np.zeros_like(truth)
        grown[5:15, 5 : 5 + min(10, 4 * len(clicks))] = True
        return grown

    assert bench.simulate(select, truth, 20) == [0.4, 0.8, 1.0, 1.0, 1.0]
    figures = bench.summary([[0.4, 0.8, 1.0], [0.2] * 20], 2, 20)
    assert (figures["clicks to 85 %"], figures["done"]) == (11.5, 0.5)
    assert figures["overlap"]["10"] == pytest.approx(0.6)


def test_the_choice_of_objects_is_fixed_and_without_copies(marked: list[Path]) -> None:
    found = marked_photos.find(marked[:1])
    chosen = bench.choose(found, 100)
    assert len(chosen) == 12, "two of each photo: both people marked the same"
    assert [c.photo for c in chosen[:6]] == [p.photo for p in found]
    assert all(np.array_equal(a.truth, b.truth) for a, b in zip(chosen, bench.choose(found, 12), strict=True))
    assert len(bench.choose(found, 5)) == 5


def test_the_engine_without_weights_and_opencv_are_measured(marked: list[Path], tmp_path: Path, capsys: Any) -> None:
    words = ["--marked", str(marked[1]), "--engine", "grabcut", "cv2.grabCut", "--count", "1", "--boxes"]
    assert bench.main([*words, "--out", str(tmp_path / "out" / "click.json")]) == 0
    assert "| held-back photos | grabcut | 1 (1) |" in capsys.readouterr().out
    with pytest.raises(UserError, match="There is no engine"):
        bench.main(["--marked", str(marked[1]), "--engine", "none"])


@pytest.mark.parametrize("kind", [0, 1])
def test_it_is_trained_stopped_and_resumed(marked: list[Path], tmp_path: Path, kind: int, capsys: Any) -> None:
    checkpoint, out = tmp_path / "kept" / "run.pt", tmp_path / "made" / "run.safetensors"

    def run(seconds: int) -> dict[str, Any]:
        words = ["--marked", str(marked[kind]), "--minutes", str(seconds / 60), "--threads", "1", "--batch", "2"]
        args = train._parser().parse_args([*words, "--checkpoint", str(checkpoint), "--out", str(out)])
        train.Training(args, iter(map(float, range(1000))).__next__).run(initial_pool=1)
        return torch.load(checkpoint, weights_only=True)

    first = run(2)
    assert (first["step"], first["spent"]) == (2, 2.0)
    state = load_file(out)
    assert {v.dtype for v in state.values() if v.dim() > 1} == {torch.float16}
    ClarityClick().load_state_dict({k: v.float() for k, v in state.items()})
    capsys.readouterr()
    second = run(3)
    assert "Resuming at step 2," in capsys.readouterr().out
    assert second["step"] == 3
    assert all(torch.equal(v, second["net"][k]) for k, v in first["net"].items() if k.startswith("tower."))


def test_the_loss_is_least_where_the_mask_is_right() -> None:
    target = torch.zeros(1, 8, 8)
    target[:, 2:6, 2:6] = 1
    right, wrong = 12 * (target - 0.5), -12 * (target - 0.5)
    assert float(train.loss(right, target)) < 0.05 < 1 < float(train.loss(wrong, target))
