"""Our network for clicks with random weights: shapes, clicks that hold, the same answer to the same question."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.nets import clarity_click as net
from clarity_desktop.backend.regions import clarity_click, click_maps, masks
from clarity_desktop.backend.regions.clarity_click import ClarityClick
from clarity_desktop.backend.regions.click_maps import ClickMaps
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt, is_usable
from clarity_desktop.backend.regions.engines import Engines, published
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.values import Bounds, Click, Pixels


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("click") / "clarity-click.safetensors"
    save_file(net.ClarityClick().state_dict(), path)
    return path


@pytest.fixture
def engine(weights: Path, tmp_path: Path) -> ClarityClick:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    store = WeightStore(
        parse(f"""
[[model]]
id = "clarity-click"
title = "Objects at clicks"
licence = "MIT"
format = "safetensors"
sources = [{{ bundled = "{weights.name}" }}]
file = "clarity-click.safetensors"
size = {weights.stat().st_size}
sha256 = "{digest}"
"""),
        tmp_path / "weights",
        weights.parent,
    )
    return ClarityClick(ModelCache(), store)


def a_photo(height: int, width: int) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def embedding(engine: ClarityClick) -> Embedding:
    return engine.embed(a_photo(120, 180), lambda: None)


def at(candidate: MaskCandidate, x: float, y: float, width: int = 180, height: int = 120) -> int:
    return int(masks.from_logits(candidate.logits, width, height).full()[int(y), int(x)])


def test_the_numbers_that_two_modules_need_agree() -> None:
    assert (net.STRIDE, net.GRID, net.MAPS) == (clarity_click.STRIDE, clarity_click.GRID, click_maps.CHANNELS)
    assert net.WIDTHS == clarity_click.WIDTHS


def test_it_is_small() -> None:
    made = net.ClarityClick()
    learned = sum(p.numel() for p in made.parameters()) - sum(p.numel() for p in made.tower.parameters())
    assert learned < 1_200_000


@pytest.mark.parametrize("size", [(120, 180), (1, 1), (3, 400), (700, 20), (1300, 900)])
def test_photos_of_every_shape(engine: ClarityClick, size: tuple[int, int]) -> None:
    height, width = size
    seen = engine.embed(a_photo(*size), lambda: None)
    assert is_usable(seen, engine, width, height)
    for prompt in (Prompt((Click(width / 2, height / 2),)), Prompt(box=Bounds(0, 0, width, height))):
        found = engine.masks(seen, prompt)
        assert 1 <= len(found) <= 3
        for one in found:
            assert one.logits.shape == seen.arrays["photo"].shape[:2]
            assert one.logits.dtype == np.float32
            assert np.isfinite(one.logits).all()
            assert 0 <= one.score <= 1


def test_a_click_is_inside_and_a_negative_one_is_not(engine: ClarityClick, embedding: Embedding) -> None:
    for x, y in ((20.5, 30.5), (90.5, 60.5), (170.5, 110.5)):
        assert at(engine.masks(embedding, Prompt((Click(x, y),)))[0], x, y) == 255
        away = Click(180 - x, 120 - y if abs(y - 60) > 5 else 10.5, inside=False)
        clicks = (Click(x, y), away)
        [found] = engine.masks(embedding, Prompt(clicks))
        assert at(found, x, y) == 255
        assert at(found, away.x, away.y) == 0


def test_the_mask_that_is_corrected_matters(engine: ClarityClick, embedding: Embedding) -> None:
    clicks = (Click(20, 30), Click(150, 80, inside=False))
    [first] = engine.masks(embedding, Prompt(clicks))
    assert first.hint is not None
    [again] = engine.masks(embedding, Prompt(clicks, hint=np.full_like(first.hint, 3)))
    assert not np.array_equal(first.logits, again.logits)
    for other in (np.ones((3, 3), np.float32), np.full_like(first.hint, np.nan)):  # of another engine
        [without] = engine.masks(embedding, Prompt(clicks, hint=other))
        assert np.array_equal(first.logits, without.logits)


def test_the_same_click_gives_the_same_mask(engine: ClarityClick) -> None:
    photo, prompt = a_photo(90, 130), Prompt((Click(40, 50),))
    one, other = (engine.masks(engine.embed(photo, lambda: None), prompt)[0].logits for _ in range(2))
    assert np.array_equal(one, other)


def test_sixteen_bits_give_the_same(engine: ClarityClick) -> None:
    photo, prompt = a_photo(90, 130), Prompt((Click(40, 50),))
    eight = engine.masks(engine.embed(photo, lambda: None), prompt)[0]
    sixteen = engine.masks(engine.embed(photo.astype(np.uint16) * 257, lambda: None), prompt)[0]
    assert np.array_equal(eight.logits, sixteen.logits)


def test_without_its_file_grabcut_answers(tmp_path: Path) -> None:
    make = published(ModelCache(), WeightStore(catalog(), tmp_path / "weights", tmp_path))
    assert Engines(make).choose(None, "cpu").id == "grabcut"
    with_it = published(ModelCache(), WeightStore(catalog(), tmp_path / "weights"))
    assert Engines(with_it).choose(None, "cpu").id == "clarity-click"


def test_a_cancelled_look_ends(engine: ClarityClick) -> None:
    def cancel() -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        engine.embed(a_photo(60, 60), cancel)


def test_positions_outside_are_sentences(engine: ClarityClick, embedding: Embedding) -> None:
    for prompt in (Prompt(), Prompt((Click(180, 5),)), Prompt(box=Bounds(170, 10, 20, 20))):
        with pytest.raises(UserError):
            engine.masks(embedding, prompt)


@pytest.mark.parametrize("change", ["photo", "fine", "coarse"])
def test_a_damaged_embedding_is_a_sentence(engine: ClarityClick, embedding: Embedding, change: str) -> None:
    for values in (None, np.zeros((1, 2, 3, 3), np.float16)):
        arrays = {k: v for k, v in embedding.arrays.items() if k != change} | (
            {} if values is None else {change: values}
        )
        damaged = Embedding(embedding.engine, 180, 120, arrays)
        with pytest.raises(UserError, match="cannot be read"):
            engine.masks(damaged, Prompt((Click(1, 1),)))


def test_parts_without_a_click_are_left_out() -> None:
    logits = np.full((20, 30), -4, np.float32)
    logits[3:8, 3:8] = logits[12:18, 20:28] = 4
    assert (clarity_click.settled(logits, [Click(5.5, 5.5)]) > 0).sum() == 25
    assert (clarity_click.settled(logits, [Click(5.5, 5.5), Click(24.5, 15.5)]) > 0).sum() == 25 + 48
    assert (clarity_click.settled(logits, [Click(5.5, 5.5, inside=False)]) > 0).sum() == 25 + 48 - 9
    assert (clarity_click.settled(logits, []) > 0).sum() == 25 + 48


# Network and maps ----------------------------------------------------------------------------------------------------


def test_every_place_is_most_like_the_click_on_it() -> None:
    torch.manual_seed(1)
    made = net.ClarityClick()
    clicks = torch.tensor([[[2, 3, 1], [5, 6, -1], [0, 0, 0]], [[1, 1, 1], [0, 0, 0], [0, 0, 0]]])
    alike = made.likeness(torch.randn(2, net.WIDTHS[1], 4, 6), clicks)
    assert alike.shape == (2, 2 * net.HEADS, 4, 6)
    assert torch.allclose(alike[0, : net.HEADS, 1, 1], torch.ones(net.HEADS), atol=1e-5)
    assert torch.allclose(alike[0, net.HEADS :, 2, 3], torch.ones(net.HEADS), atol=1e-5)
    assert (alike[1, net.HEADS :] == -1).all(), "there is no click outside"


def test_maps_fall_with_the_distance_and_the_edges_on_the_way() -> None:
    photo = np.full((64, 96, 3), 60, np.uint8)
    photo[:, 48:] = (200, 120, 40)
    maps = ClickMaps(photo, 16, 24)
    click = Click(4.5, 8.5)
    made = maps.make((click, Click(20.5, 8.5, inside=False)), Bounds(1, 2, 3, 4), np.full((16, 24), 9, np.float32))
    assert made.shape == (click_maps.CHANNELS, 16, 24)
    assert made.dtype == np.float32
    assert (made[0].argmax(), made[1].argmax()) == (8 * 24 + 4, 8 * 24 + 20)
    assert made[4, 8, 10] < 0.5 < made[4, 8, 13], "the way to the other color crosses an edge"
    assert made[8, 8, 2] > 0 > made[8, 8, 22]
    assert made[9, 0, 0] > 0.9 > 0.1 > made[9, 0, 23]
    assert (made[11] > 0.9).all()
    assert made[12].sum() == 12
    alone = maps.make((click,))
    assert (alone[6:8] == 1).all()
    assert not alone[8].any()
    assert not alone[11:13].any()
