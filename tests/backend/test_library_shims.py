"""The libraries import together; each in a process of its own, as nothing can be imported twice."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def python(program: str) -> str:
    """What a program prints; it fails the test if the program fails."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def need_extra(name: str) -> None:
    """Skip without an optional package; a checkout installs them all, so with CI set its absence is an error."""
    if importlib.util.find_spec(name) is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is an extra that is not installed (make extras)")


def test_what_needs_torchvision_imports_and_suppresses_boxes() -> None:
    said = python("""
from clarity_desktop.backend.library_shims import torchvision_ready
torchvision_ready()
torchvision_ready()
import open_clip, segment_anything, timm, torch, torchvision
from torchvision.ops import batched_nms, nms
boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60], [0, 0, 10, 9.5]])
print(nms(boxes, torch.tensor([0.8, 0.9, 0.1, 0.7]), 0.5).tolist())
print(batched_nms(boxes, torch.tensor([0.8, 0.9, 0.1, 0.7]), torch.tensor([0, 1, 0, 0]), 0.5).tolist())
print(tuple(torchvision.models.resnet18().eval()(torch.zeros(1, 3, 64, 64)).shape))
print(torchvision.transforms.functional.resize(torch.zeros(3, 8, 8), [4, 4]).shape[-1])
""")
    assert said.splitlines() == ["[1, 2]", "[1, 0, 2]", "(1, 1000)", "4"]


def test_where_the_compiled_part_loads_nothing_is_touched() -> None:
    said = python("""
import sys, torch
from clarity_desktop.backend import library_shims
native = torch.library.Library("torchvision", "DEF")
native.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
native.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
torch.ops.load_library = lambda path: None  # as where CUDA is at hand
library_shims.torchvision_ready()
print(library_shims._libraries, "torchvision" in sys.modules)
""")
    assert said == "[] False"


def test_pyiqa_imports() -> None:
    need_extra("pyiqa")
    said = python("""
from clarity_desktop.backend.library_shims import torchvision_ready
torchvision_ready()
import pyiqa
print("niqe" in pyiqa.list_models())
""")
    assert said == "True"


def test_groundingdino_runs_its_language_side_on_this_transformers() -> None:
    need_extra("groundingdino")
    said = python("""
from clarity_desktop.backend.library_shims import bert_ready
bert_ready()
bert_ready()
import torch
from transformers import BertConfig, BertModel
from groundingdino.models import GroundingDINO
from groundingdino.models.GroundingDINO.bertwarper import BertModelWarper
torch.manual_seed(0)
config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
bert = BertModel(config).eval()
words, mask = torch.tensor([[2, 7, 9, 3, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
with torch.no_grad():
    ours = BertModelWarper(bert)(input_ids=words, attention_mask=mask).last_hidden_state
    plain = bert(input_ids=words, attention_mask=mask).last_hidden_state
print(float((ours - plain)[:, :4].abs().max()) < 1e-6)
""")
    assert said == "True"
