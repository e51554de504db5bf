"""CLIP by its open_clip name, with a tiny random model: zero-shot, fine-tuning, and refused files."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from clarity_training import clip_tower, predictors
from clarity_training.evaluate import detector
from clarity_training.train import clip

from clarity_desktop.backend.library_shims import torchvision_ready
from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, DEGRADATIONS

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[str, Path]:
    """The name of a tiny CLIP that open_clip knows, and a file with random weights for it."""
    torchvision_ready()
    import open_clip

    (tmp_path / "tiny-clip.json").write_text(json.dumps(TINY), "utf-8")
    open_clip.add_model_config(tmp_path / "tiny-clip.json")
    torch.manual_seed(3)
    model = open_clip.create_model("tiny-clip", load_weights=False)
    torch.save({"state_dict": {f"module.{k}": v for k, v in model.state_dict().items()}}, tmp_path / "tiny.pt")
    return "tiny-clip", tmp_path / "tiny.pt"


@pytest.fixture
def clean(split_folder: Callable[..., Path]) -> Path:
    return split_folder(train=1, test=1)


def test_an_zero_shot_clip_answers_as_the_detector_does(
    tiny: tuple[str, Path], photo: Callable[..., np.ndarray]
) -> None:
    name, file = tiny
    output = predictors.predictor(clip_tower.zero_shot(name, str(file)))(photo(300, 200))
    assert {c for c, _ in output.top} == set(CLASSES)
    assert sum(p for _, p in output.top) == pytest.approx(1)
    assert set(output.found) == set(DEGRADATIONS)
    assert output.heat.shape == (2, 2, 13), "a cell for each quarter"


def test_logits_are_the_cosines_of_the_mean_embedding_with_the_prompts(
    tiny: tuple[str, Path],
) -> None:
    net = clip_tower.zero_shot(*map(str, tiny))
    one = torch.tensor([0.2, 0.5, 0.7]).reshape(1, 3, 1, 1).expand(1, 3, 32, 32)  # its quarters are like it
    with torch.no_grad():
        output = net(one)
        image = torch.nn.functional.normalize(net.visual((one - net.mean) / net.deviation), dim=-1)
        texts = torch.nn.functional.normalize(net.prompts.mean(1), dim=-1)
    assert output["classes"].numpy() == pytest.approx((image @ texts.T / 0.07).numpy(), abs=1e-3)
    assert output["map"].shape == (1, 13, 2, 2)
    assert output["found"][0, 3] == pytest.approx(float(output["classes"][0, 4] - output["classes"][0, 0]), abs=1e-3)


def test_fine_tuning_changes_the_tower_and_its_file_is_read_again(
    tiny: tuple[str, Path], clean: Path, tmp_path: Path, photo: Callable[..., np.ndarray]
) -> None:
    name, file = tiny
    out = tmp_path / "tuned.safetensors"
    words = ["--photos", str(clean), "--clip", name, "--weights", str(file), "--steps", "3", "--batch", "2"]
    assert clip.main([*words, "--rate", "0.3", "--threads", "1", "--out", str(out)]) == 0
    before, after = clip_tower.zero_shot(name, str(file)), clip_tower.load(out)
    changed = [k for k, v in after.state_dict().items() if not torch.allclose(v, before.state_dict()[k], atol=2e-3)]
    assert "visual.conv1.weight" in changed
    assert "severity.bias" in changed
    assert "prompts" not in changed
    assert not np.array_equal(*(predictors.predictor(n)(photo(64, 64)).heat for n in (before, after)))
    again = tmp_path / "again.safetensors"
    words = ["--photos", str(clean), "--tuned", str(out), "--steps", "1", "--batch", "2"]
    assert clip.main([*words, "--threads", "1", "--out", str(again)]) == 0
    assert clip_tower.load(again).name == name  # whatever --clip would be by itself


@pytest.mark.parametrize("shape", [(15,), (14, 15, 16), (15, 15, 9)])
def test_a_tuned_file_whose_prompts_do_not_fit_is_refused(
    tiny: tuple[str, Path], tmp_path: Path, shape: tuple[int, ...]
) -> None:
    net = clip_tower.zero_shot(*map(str, tiny))
    net.prompts, net.severity = torch.ones(shape), torch.nn.Linear(shape[-1], 13)
    clip.save(net, tmp_path / "wrong.safetensors")
    with pytest.raises(UserError, match=r"wrong\.safetensors” (is not a fine-tuned CLIP|does not fit)"):
        clip_tower.load(tmp_path / "wrong.safetensors")


def test_the_bench_has_a_row_for_the_zero_shot_clip(tiny: tuple[str, Path], clean: Path, tmp_path: Path) -> None:
    predict = predictors.predictor(clip_tower.zero_shot(*map(str, tiny)))
    words = ["--photos", str(clean), "--per-class", "1", "--threads", "1", "--out", str(tmp_path / "out")]
    assert detector.run(detector.parser().parse_args(words), {"built-in": predict, "zero-shot tiny-clip": predict}) == 0
    rows = json.loads((tmp_path / "out" / "figures.json").read_text("utf-8"))["rows"]
    assert list(rows) == ["built-in", "zero-shot tiny-clip"]
    assert rows["zero-shot tiny-clip"]["cases"] == 15


def test_nothing_is_downloaded_without_a_file() -> None:
    with pytest.raises(UserError, match="Weights of ViT-B-32 are not downloaded"):
        clip_tower.zero_shot("ViT-B-32", None)


def test_a_model_with_a_tokenizer_on_a_hub_is_refused() -> None:
    with pytest.raises(UserError, match="is not part of open_clip"):
        clip_tower.zero_shot("ViT-B-16-SigLIP", "x.safetensors")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="has no model “hf-hub:somebody/clip”"):
        clip_tower.zero_shot("hf-hub:somebody/clip", "x.safetensors")


class _Bad:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run from a weights file",)


def test_a_weights_file_that_would_run_code_is_refused(
    tiny: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.pt").write_bytes(pickle.dumps({"state_dict": _Bad()}, 2))
    with pytest.raises(UserError, match=r"No weights of tiny-clip in “.*bad\.pt”"):
        clip_tower.zero_shot(tiny[0], str(tmp_path / "bad.pt"))
    torch.save({"state_dict": _Bad()}, tmp_path / "bad2.pt")
    with pytest.raises(UserError, match="may try to run code"):
        clip_tower.zero_shot(tiny[0], str(tmp_path / "bad2.pt"))
    assert "run from" not in capsys.readouterr().out


def test_another_models_weights_are_refused(tiny: tuple[str, Path], tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"No weights of tiny-clip in “.*other\.pt”"):
        clip_tower.zero_shot(tiny[0], str(tmp_path / "other.pt"))
    with pytest.raises(UserError, match="could not be read as a fine-tuned CLIP"):
        clip_tower.load(tmp_path / "other.pt")
