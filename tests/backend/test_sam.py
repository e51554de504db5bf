"""Segment Anything with random weights: names, shapes, loading, clicks. The whole path is in tests/checkpoints.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions import masks, sam
from clarity_desktop.backend.regions.engine import Embedding, Prompt, is_usable
from clarity_desktop.backend.regions.sam import VARIANTS, SegmentAnything
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import JobCancelled, ModelMissing, UserError
from clarity_desktop.values import Bounds, Click

PUBLISHED = Path(__file__).parents[1] / "data" / "tensors"
MOBILE = VARIANTS["mobile-sam"]


def published(variant: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a checkpoint."""
    rows = (line.rsplit(" ", 1) for line in (PUBLISHED / f"{variant}.txt").read_text("utf-8").splitlines())
    return {name: () if shape == "scalar" else tuple(map(int, shape.split("×"))) for name, shape in rows}


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Random weights in the form of MobileSAM's checkpoint."""
    torch.manual_seed(1)
    made = {name: values.clone() for name, values in sam.build(MOBILE).state_dict().items()}
    # A new bias is zero, and so it would hide where it is added.
    made |= {name: torch.randn_like(v) * 0.1 for name, v in made.items() if name.endswith("attention_biases")}
    missing = {name: torch.zeros(shape) for name, shape in published("mobile-sam").items() if name not in made}
    return made | missing


@pytest.fixture(scope="module")
def checkpoint(state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam") / "mobile_sam.pt"
    torch.save(state, path)
    return path


@pytest.fixture
def engine(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SegmentAnything]:
    """The engine with the random checkpoint, found in a folder of the user and verified by its checksum."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    store = WeightStore(
        parse(f"""
[[model]]
id = "mobile-sam"
title = "MobileSAM"
licence = "Apache-2.0"
format = "torch"
manual_url = "https://example.org/mobile_sam.pt"
sources = []
file = "mobile_sam.pt"
size = {checkpoint.stat().st_size}
sha256 = "{digest}"
"""),
        tmp_path / "weights",
    )
    monkeypatch.setenv("CLARITY_WEIGHTS", str(checkpoint.parent))
    return SegmentAnything(MOBILE, ModelCache(), store)


@pytest.fixture
def embedding(engine: SegmentAnything) -> Embedding:
    values = np.random.default_rng(2).normal(size=(1, 256, 64, 64)).astype(np.float16)
    values.flags.writeable = False  # as from a file
    return Embedding(engine.digest(), 900, 600, {"image": values})


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_names_and_shapes_are_those_of_the_published_checkpoint(variant: str) -> None:
    with torch.device("meta"):
        net = sam.build(VARIANTS[variant])
    own = {name: tuple(values.shape) for name, values in net.state_dict().items()}
    assert own == {n: shape for n, shape in published(variant).items() if not n.startswith(sam.UNUSED)}


def test_the_published_lists_have_the_published_sizes() -> None:
    assert {name: len(published(name)) for name in VARIANTS} == {
        "mobile-sam": 439, "sam-vit-b": 314, "sam-vit-l": 482, "sam-vit-h": 594,
    }  # fmt: skip
    for name in VARIANTS:
        rows = published(name)
        tensors = sum((8 if key.endswith("tracked") else 4) * int(np.prod(shape)) for key, shape in rows.items())
        # What remains of the file are the headers of its ZIP archive, some 300 bytes a tensor.
        assert 0 < catalog()[name].size - tensors < 450 * len(rows)


@pytest.mark.parametrize("change", ["missing", "shape", "unknown"])
def test_a_checkpoint_that_does_not_fit_is_refused(state: dict[str, torch.Tensor], tmp_path: Path, change: str) -> None:
    name = "mask_decoder.iou_token.weight"
    changed = dict(state)
    if change == "unknown":
        changed["mask_decoder.extra"] = torch.zeros(1)
    else:
        del changed[name]
    if change == "shape":
        changed[name] = torch.zeros(2, 256)
    save_file(changed, tmp_path / "net.safetensors")
    with pytest.raises(UserError, match=r"does not fit: the tensor mask_decoder\.(iou_token\.weight|extra)"):
        sam.load(MOBILE, tmp_path / "net.safetensors")


def test_without_the_file_an_error_says_where_to_get_it(tmp_path: Path) -> None:
    engine = SegmentAnything(VARIANTS["sam-vit-b"], ModelCache(), WeightStore(catalog(), tmp_path))
    assert not engine.is_ready()
    with pytest.raises(ModelMissing, match=r"sam_vit_b_01ec64\.pth"):
        engine.embed(np.zeros((4, 4, 3), np.uint8), lambda: None)


@pytest.mark.parametrize("several", [True, False])
def test_the_candidates_are_those_of_the_package(
    engine: SegmentAnything, embedding: Embedding, several: bool
) -> None:  # fmt: skip
    from segment_anything import SamPredictor

    assert engine.is_ready()
    clicks = (Click(300.5, 200.5), Click(50.5, 40.5, inside=False))[: 1 + several]
    found = engine.masks(embedding, Prompt(clicks, Bounds(90, 60, 700, 400) if several else None))
    assert len(found) == 3
    net = engine._network()._net  # pyright: ignore[reportPrivateUsage]
    predictor = SamPredictor(net)
    predictor.features = torch.from_numpy(embedding.arrays["image"].copy()).float()
    predictor.original_size, predictor.input_size, predictor.is_image_set = (600, 900), (683, 1024), True
    at, labels = np.array([[300.0, 200.0], [50.0, 40.0]])[: 1 + several], np.array([1, 0])[: 1 + several]
    box = np.array([90, 60, 790, 460]) if several else None
    logits, scores, low = predictor.predict(at, labels, box, multimask_output=True, return_logits=True)
    theirs = [(logits[k], scores[k], low[k]) for k in np.argsort(-scores)]
    if several:
        [one], [score], [hint] = predictor.predict(at, labels, box, multimask_output=False, return_logits=True)
        theirs = [(one, score, hint), *theirs[:2]]
    for candidate, (full, score, hint) in zip(found, theirs, strict=True):
        assert candidate.logits.shape == (683, 1024)
        assert candidate.score == pytest.approx(float(np.clip(score, 0, 1)), abs=1e-4)
        np.testing.assert_allclose(candidate.hint, hint, atol=1e-3)
        if (full > 0).any():
            assert ((full > 0) != (masks.from_logits(candidate.logits, 900, 600).full() > 0)).mean() < 0.02


def test_the_hint_of_a_mask_changes_the_next(engine: SegmentAnything, embedding: Embedding) -> None:
    first, *_ = engine.masks(embedding, Prompt((Click(300, 200),)))
    clicks = Click(300, 200), Click(500, 210)
    [with_hint, *_], [without, *_] = (engine.masks(embedding, Prompt(clicks, hint=h)) for h in (first.hint, None))
    assert not np.array_equal(with_hint.logits, without.logits)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (Prompt(), "Click on the object"),
        (Prompt((Click(900, 10),)), "900, 10 lies outside the photo of 900 × 600"),
        (Prompt((Click(-1, 10),)), "outside the photo"),
        (Prompt((Click(float("nan"), 10),)), "outside the photo"),
        (Prompt(box=Bounds(10, 10, 0, 5)), "must have an area"),
        (Prompt(box=Bounds(10, 10, 900, 5)), "lie inside the photo"),
    ],
)
def test_what_points_nowhere_is_refused(
    engine: SegmentAnything, embedding: Embedding, prompt: Prompt, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        engine.masks(embedding, prompt)


def test_only_an_embedding_of_the_same_network_and_photo_is_used(engine: SegmentAnything, embedding: Embedding) -> None:
    assert is_usable(embedding, engine, 900, 600)
    assert not is_usable(embedding, engine, 600, 900)
    broken = embedding.arrays["image"].copy()
    broken[0, 0, 0, 0] = np.inf
    assert not is_usable(Embedding(embedding.engine, 900, 600, {"image": broken}), engine, 900, 600)
    assert not is_usable(Embedding("mobile-sam 0", 900, 600, embedding.arrays), engine, 900, 600)
    with pytest.raises(UserError, match="cannot be read"):
        engine.masks(Embedding(embedding.engine, 900, 600, {}), Prompt((Click(1, 1),)))


@pytest.mark.parametrize(
    ("shape", "size"), [((600, 900), (1024, 683)), ((30, 20), (683, 1024)), ((1, 5000), (1024, 1))]
)
def test_the_encoder_sees_the_photo_normalized_and_padded(shape: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 65535, np.uint16)
    seen = sam.encoder_input(pixels)
    assert sam.input_size(shape[1], shape[0]) == size
    assert seen.shape == (1, 3, 1024, 1024)
    assert seen[0, :, : size[1], : size[0]].min() > 2
    assert not seen[0, :, size[1] :].any()
    assert not seen[0, :, :, size[0] :].any()


def test_encoding_can_be_cancelled_between_layers(engine: SegmentAnything) -> None:
    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) > 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        engine.embed(np.zeros((8, 8, 3), np.uint8), stop)
    assert len(calls) == 4
