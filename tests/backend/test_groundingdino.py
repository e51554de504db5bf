"""GroundingDINO without its network: captions, inputs, boxes; the whole path is in tests/checkpoints.py."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions import groundingdino
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.values import Bounds
from tests.backend.test_sam import published

WORDS = ["", "red", "car", "##s", "", "dog", "", ""]


@pytest.mark.parametrize(
    ("phrase", "caption"),
    [("The red  Cars", "the red cars."), ("dog .", "dog."), ("a dog . a cat", "a dog . a cat."), ("Käse", "käse.")],
)
def test_a_phrase_becomes_a_caption(phrase: str, caption: str) -> None:
    assert groundingdino.caption_of(phrase) == caption


@pytest.mark.parametrize(
    ("phrase", "sentence"), [("", "in a few words"), (" . ?", "in a few words"), ("x" * 301, "longer than 300")]
)
def test_what_names_nothing_is_a_sentence(phrase: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        groundingdino.caption_of(phrase)


@pytest.mark.parametrize(
    ("shape", "seen"),
    [((600, 800), (800, 1067)), ((400, 2000), (267, 1333)), ((3000, 2000), (1200, 800)), ((1, 9), (148, 1333))],
)
def test_the_network_sees_the_photo_at_the_published_size(shape: tuple[int, int], seen: tuple[int, int]) -> None:
    values = groundingdino.network_input(np.full((*shape, 3), 65535, np.uint16))
    assert values.shape == (1, 3, *seen)
    np.testing.assert_allclose(values[0, :, 0, 0], (1 - np.array(groundingdino.MEAN)) / groundingdino.DEVIATION, 1e-4)


def scores(*rows: dict[int, float]) -> np.ndarray:
    made = np.full((len(rows), 256), 0.05, np.float32)
    for row, words in zip(made, rows, strict=True):
        for at, value in words.items():
            row[at] = value
    return made


def test_boxes_have_the_words_that_they_fit() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.4], [0.1, 0.1, 0.4, 0.4], [0.9, 0.9, 0.1, 0.1]], np.float32)
    found = groundingdino.boxes_of(
        scores({1: 0.3, 2: 0.6, 3: 0.5}, {5: 0.8, 1: 0.1}, {2: 0.34}), boxes, WORDS, 200, 100
    )  # fmt: skip
    assert [(f.label, round(f.score, 2), f.bounds) for f in found] == [
        ("dog", 0.8, Bounds(0, 0, 60, 30)), ("red cars", 0.6, Bounds(80, 30, 40, 40)),
    ]  # fmt: skip


def test_an_object_is_found_once() -> None:
    boxes = np.array([[0.5, 0.5, 0.2, 0.4], [0.5, 0.5, 0.21, 0.4], [0.5, 0.5, 0.2, 0.4]], np.float32)
    found = groundingdino.boxes_of(scores({2: 0.6}, {2: 0.7}, {5: 0.5}), boxes, WORDS, 200, 100)
    assert [(f.label, round(f.score, 2)) for f in found] == [("car", 0.7), ("dog", 0.5)]


def test_values_that_are_no_numbers_give_no_box() -> None:
    boxes = np.full((2, 4), np.nan, np.float32)
    assert groundingdino.boxes_of(scores({2: 0.9}, {2: float("nan")}), boxes, WORDS, 200, 100) == []


def test_without_the_files_an_error_says_where_to_get_them(tmp_path: Path) -> None:
    store = WeightStore(catalog(), tmp_path)
    assert not groundingdino.is_ready(store)
    with pytest.raises(ModelMissing, match=r"groundingdino_swint_ogc\.pth"):
        groundingdino.find(np.zeros((4, 4, 3), np.uint8), "dog", ModelCache(), store)


def test_the_published_list_has_the_published_size() -> None:
    rows = published("groundingdino-swint")
    # One layer predicts all boxes; its tensors are stored once under twelve names.
    once = {n: s for n, s in rows.items() if not re.match(r"(bbox_embed\.[1-5]|transformer\.decoder\.bbox_embed)\.", n)}
    assert len(rows) - len(once) == 11 * 6
    numbers = ("relative_position_index", "position_ids")
    tensors = sum((8 if name.endswith(numbers) else 4) * int(np.prod(shape)) for name, shape in once.items())
    assert 0 < catalog()["groundingdino-swint"].size - tensors < 450 * len(rows)
