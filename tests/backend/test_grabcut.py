"""The engine that needs no weights: clicks and boxes on synthetic photos."""

from __future__ import annotations

import numpy as np
import pytest

from clarity_desktop.backend.regions import masks
from clarity_desktop.backend.regions.engine import Embedding, Prompt, is_usable
from clarity_desktop.backend.regions.grabcut import GrabCut
from clarity_desktop.backend.regions.object_edge import KEPT
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Click, Pixels

BOX = Bounds(60, 40, 50, 36)


@pytest.fixture
def scene() -> Pixels:
    """An orange box on gray-blue with a little noise, and a green one beside it."""
    rng = np.random.default_rng(0)
    pixels = np.full((120, 180, 3), (90, 105, 120), np.int16)
    pixels[BOX.slices()] = (220, 130, 40)
    pixels[85:110, 130:170] = (60, 160, 70)
    return np.clip(pixels + rng.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)


def overlap(pixels: Pixels, prompt: Prompt, wanted: Bounds = BOX) -> float:
    engine = GrabCut()
    height, width = pixels.shape[:2]
    found = engine.masks(engine.embed(pixels, lambda: None), prompt)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    mask = masks.from_logits(found[0].logits, width, height).full() > 127
    truth = np.zeros((height, width), np.bool_)
    truth[wanted.slices()] = True
    return float((mask & truth).sum() / (mask | truth).sum())


def test_one_click_finds_the_object(scene: Pixels) -> None:
    assert overlap(scene, Prompt((Click(85, 58),))) > 0.9


def test_a_box_finds_the_object_in_it(scene: Pixels) -> None:
    assert overlap(scene, Prompt(box=Bounds(52, 34, 66, 50))) > 0.9


def test_further_clicks_add_and_leave_out(scene: Pixels) -> None:
    both = Prompt((Click(85, 58), Click(150, 98)))
    left_out = Prompt((Click(85, 58), Click(150, 98, inside=False), Click(20, 20, inside=False)))
    assert overlap(scene, left_out) > 0.9
    engine = GrabCut()
    [found] = engine.masks(engine.embed(scene, lambda: None), both)
    mask = masks.from_logits(found.logits, 180, 120).full()
    assert mask[98, 150] == 255
    assert mask[58, 85] == 255
    assert mask[10, 10] == 0


def test_a_click_corrects_the_mask_that_is_shown(scene: Pixels) -> None:
    engine = GrabCut()
    seen = engine.embed(scene, lambda: None)
    everything = np.ones((120, 180), np.float32)
    clicks = (Click(85, 58), Click(20, 100, inside=False))
    [found] = engine.masks(seen, Prompt(clicks, hint=everything))
    assert found.logits[58, 85] > 0 > found.logits[100, 20]
    assert found.hint is not None
    [again] = engine.masks(seen, Prompt(clicks, hint=found.hint))
    assert again.logits[58, 85] > 0 > again.logits[100, 20]
    for other in (np.ones((3, 3), np.float32), np.full((120, 180), np.nan, np.float32)):  # of another engine
        [without] = engine.masks(seen, Prompt(clicks, hint=other))
        assert np.array_equal(without.logits, engine.masks(seen, Prompt(clicks))[0].logits)


def test_sixteen_bits_give_the_same(scene: Pixels) -> None:
    prompt = Prompt((Click(85, 58),))
    assert overlap(scene.astype(np.uint16) * 257, prompt) == overlap(scene, prompt)


def test_a_large_photo_is_reduced_and_the_mask_is_of_its_size() -> None:
    pixels = np.full((1500, 2400, 3), 60, np.uint8)
    pixels[400:900, 700:1400] = (200, 90, 60)
    embedding = GrabCut().embed(pixels, lambda: None)
    assert max(embedding.arrays["photo"].shape) == KEPT
    assert is_usable(embedding, GrabCut(), 2400, 1500)
    assert overlap(pixels, Prompt((Click(1000, 600),)), Bounds(700, 400, 700, 500)) > 0.95


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 50), (9, 9)])
def test_tiny_photos_and_photos_of_one_color(size: tuple[int, int]) -> None:
    engine = GrabCut()
    height, width = size
    seen = engine.embed(np.full((*size, 3), 100, np.uint8), lambda: None)
    prompts = (
        Prompt((Click(0.5, 0.5),)), Prompt(box=Bounds(0, 0, width, height)), Prompt((Click(0.5, 0.5, inside=False),)),
    )  # fmt: skip
    for prompt in prompts:
        for one in engine.masks(seen, prompt):
            assert one.logits.shape == size
            assert np.isfinite(one.logits).all()


def test_the_same_click_gives_the_same_mask(scene: Pixels) -> None:
    engine = GrabCut()
    seen = engine.embed(scene, lambda: None)
    first, second = (engine.masks(seen, Prompt((Click(85, 58),)))[0].logits for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (Prompt(), "Click on the object"),
        (Prompt((Click(180, 5),)), "outside the photo of 180 × 120"),
        (Prompt((Click(float("nan"), 5),)), "outside the photo"),
        (Prompt(box=Bounds(170, 10, 20, 20)), "inside the photo"),
        (Prompt(box=Bounds(50, 50, -20, -20)), "must have an area"),
    ],
)
def test_prompts_outside_are_sentences(scene: Pixels, prompt: Prompt, sentence: str) -> None:
    engine = GrabCut()
    with pytest.raises(UserError, match=sentence):
        engine.masks(engine.embed(scene, lambda: None), prompt)


@pytest.mark.parametrize("photo", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_a_damaged_embedding_is_a_sentence(photo) -> None:
    arrays = {} if photo is None else {"photo": photo}
    embedding = Embedding(GrabCut().digest(), 4, 4, arrays)
    with pytest.raises(UserError, match="cannot be read"):
        GrabCut().masks(embedding, Prompt((Click(1, 1),)))
