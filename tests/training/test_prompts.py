"""The prompts of the 15 classes and what encodes them."""

from __future__ import annotations

import socket

import pytest
import torch
from clarity_training.prompts import CONTEXT, TEMPLATES, WORDS, Text, sentences, tokens

from clarity_desktop.backend.nets.detector import EMBEDDING
from clarity_desktop.values import CLASSES


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_every_class_has_as_many_prompts_and_no_two_share_one() -> None:
    assert tuple(WORDS) == CLASSES
    every = [s for name in CLASSES for s in sentences(name)]
    assert len(every) == len(set(every)) == len(CLASSES) * 3 * len(TEMPLATES)
    assert "a photo with haze." in sentences("haze")


def test_tokens_are_those_of_clip_and_no_prompt_is_cut_short() -> None:
    every = tokens([s for name in CLASSES for s in sentences(name)])
    assert every.shape == (len(CLASSES) * 15, CONTEXT)
    assert (every[:, 0] == 49406).all()  # CLIP's start and end of a text
    assert ((every == 49407).sum(1) == 1).all()
    photo_with = [49406, 320, 1125, 593]
    assert tokens(["a photo with haze."])[0, :4].tolist() == photo_with
    assert tokens(["A  Photo with"])[0].tolist() == [*photo_with, 49407, *[0] * (CONTEXT - 5)]


@pytest.fixture(scope="module")
def text() -> Text:
    torch.manual_seed(1)
    return Text().eval()


def test_the_vocabulary_is_only_what_the_prompts_use(text: Text) -> None:
    every = tokens([s for name in CLASSES for s in sentences(name)])
    assert torch.equal(text.known[text.all].reshape(every.shape), every)
    assert len(text.known) < 200


def test_words_become_embeddings_that_differ_by_class(text: Text) -> None:
    with torch.inference_mode():
        mean = text.mean()
        drawn = text.drawn()
    assert mean.shape == drawn.shape == (len(CLASSES), EMBEDDING)
    assert torch.isfinite(mean).all()
    assert len({tuple(row.tolist()) for row in mean}) == len(CLASSES)


def test_what_is_drawn_is_a_prompt_of_the_class(text: Text) -> None:
    with torch.inference_mode():
        every = text.net(text.all.flatten(0, 1)).reshape(len(CLASSES), -1, EMBEDDING)
        torch.manual_seed(0)
        first, second = text.drawn(), text.drawn()
    nearest = (every - first[:, None]).abs().amax(2).amin(1)
    assert nearest.max() < 1e-4
    assert not torch.equal(first, second)
