"""The prompts of the 15 classes and the text tower."""

from __future__ import annotations

import pytest
import torch
from clarity_training.prompts import CONTEXT, TEMPLATES, WORDS, TextTower, all_sentences, sentences, tokenize

from clarity_desktop.backend.nets.detector import EMBEDDING
from clarity_desktop.values import CLASSES


def test_every_class_has_as_many_prompts_and_no_two_share_one() -> None:
    assert tuple(WORDS) == CLASSES
    every = all_sentences()
    assert len(every) == len(set(every)) == len(CLASSES) * 3 * len(TEMPLATES)
    assert "a photo with haze." in sentences("haze")


def test_tokens_are_those_of_clip_and_no_prompt_is_cut_short() -> None:
    every = tokenize(all_sentences())
    assert every.shape == (len(CLASSES) * 15, CONTEXT)
    assert (every[:, 0] == 49406).all()  # CLIP's start and end of a text
    assert ((every == 49407).sum(1) == 1).all()
    photo_with = [49406, 320, 1125, 593]
    assert tokenize(["a photo with haze."])[0, :4].tolist() == photo_with
    assert tokenize(["A  Photo with"])[0].tolist() == [*photo_with, 49407, *[0] * (CONTEXT - 5)]


@pytest.fixture(scope="module")
def text() -> TextTower:
    torch.manual_seed(1)
    return TextTower().eval()


def test_the_vocabulary_is_only_what_the_prompts_use(text: TextTower) -> None:
    every = tokenize(all_sentences())
    assert torch.equal(text.vocabulary[text.prompt_tokens].reshape(every.shape), every)
    assert len(text.vocabulary) < 200


def test_words_become_embeddings_that_differ_by_class(text: TextTower) -> None:
    with torch.inference_mode():
        mean = text.mean_prompts()
        random = text.random_prompts()
    assert mean.shape == random.shape == (len(CLASSES), EMBEDDING)
    assert torch.isfinite(mean).all()
    assert len({tuple(row.tolist()) for row in mean}) == len(CLASSES)


def test_what_is_random_is_a_prompt_of_the_class(text: TextTower) -> None:
    with torch.inference_mode():
        every = text.net(text.prompt_tokens.flatten(0, 1)).reshape(len(CLASSES), -1, EMBEDDING)
        torch.manual_seed(0)
        first, second = text.random_prompts(), text.random_prompts()
    nearest = (every - first[:, None]).abs().amax(2).amin(1)
    assert nearest.max() < 1e-4
    assert not torch.equal(first, second)
