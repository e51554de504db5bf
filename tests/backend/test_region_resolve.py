"""Words to a region: the parts that are found, their combination, and what is said where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from clarity_desktop.backend.regions import resolve
from clarity_desktop.backend.regions.engine import Embedding
from clarity_desktop.backend.regions.grabcut import GrabCut
from clarity_desktop.backend.regions.resolve import Sources
from clarity_desktop.backend.regions.words import Part
from clarity_desktop.messages import UserError
from clarity_desktop.text import english
from clarity_desktop.values import DEGRADATIONS, Bounds, Box, Detection, Pixels
from tests.fakes import detection

DOG, CAT = Bounds(20, 40, 40, 30), Bounds(110, 40, 30, 40)


class Animals:
    """Knows a dog and a cat, and no horse."""

    def engine_for(self, part: Part, /) -> str | None:
        return "animals" if part.name in ("dog", "cat", "horse") else None

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        checkpoint()
        known = {"dog": Box("dog", 0.9, DOG), "cat": Box("cat", 0.6, CAT)}
        return [known[part.name]] if part.name in known else []


@pytest.fixture
def photo() -> Pixels:
    pixels = np.full((100, 160, 3), (120, 125, 130), np.uint8)
    pixels[DOG.slices()], pixels[CAT.slices()] = (200, 110, 40), (60, 40, 150)
    return pixels


class Once:
    """The sources of a photo; counts how often each is used."""

    def __init__(self, photo: Pixels, found: Detection | None = None) -> None:
        self.embedded = self.detected = 0
        self.photo, self.found = photo, found or detection()
        self.sources = Sources(Animals(), GrabCut(), self.embed, self.detect)

    def embed(self) -> Embedding:
        self.embedded += 1
        return GrabCut().embed(self.photo, lambda: None)

    def detect(self) -> Detection:
        self.detected += 1
        return self.found

    def region(self, text: str) -> resolve.Found:
        return resolve.region(self.photo, resolve.understood(text), self.sources)

    def boxes(self, text: str) -> tuple[tuple[Box, ...], str]:
        return resolve.boxes(self.photo, resolve.understood(text), self.sources)


def share(found: resolve.Found, part: Bounds) -> float:
    return float((found.region.within(part) > 127).mean())


def test_an_object_is_cut_out_of_its_box(photo: Pixels) -> None:
    found = Once(photo).region("the dog")
    assert (found.engines, found.score) == ("animals+grabcut", 0.9)
    assert share(found, DOG) > 0.9
    assert share(found, CAT) == 0
    assert [box.label for box in found.boxes] == ["dog"]


def test_several_the_complement_and_exceptions(photo: Pixels) -> None:
    once = Once(photo)
    both = once.region("the dog and the cat")
    assert share(both, DOG) > 0.9
    assert share(both, CAT) > 0.9
    assert both.score == 0.6
    rest = once.region("everything but the dog")
    assert share(rest, DOG) < 0.1
    assert share(rest, CAT) == 1
    left = once.region("the left half except the dog")
    assert left.engines == "pixels+animals+grabcut"
    assert share(left, DOG) < 0.1
    assert share(left, Bounds(0, 0, 80, 30)) == 1
    assert share(left, CAT) == 0


def test_only_what_the_words_need_is_computed(photo: Pixels) -> None:
    once = Once(photo)
    once.region("the left half")
    once.boxes("the dog")
    assert (once.embedded, once.detected) == (0, 0)
    assert not resolve.needs_detection(resolve.understood("the dog"))
    assert resolve.needs_detection(resolve.understood("everything but where it is noisy"))


def test_where_it_is_noisy_is_the_heat_map(photo: Pixels) -> None:
    found = detection()
    heat = np.zeros((4, 4, 13), np.uint8)
    heat[:2, :2, DEGRADATIONS.index("noise")] = 230
    once = Once(photo, Detection(found.top, found.found, heat))
    noisy = once.region("where it is noisy")
    assert noisy.engines == "clarity-detector"
    assert share(noisy, Bounds(0, 0, 60, 40)) == 1
    assert share(noisy, Bounds(100, 60, 60, 40)) == 0
    with pytest.raises(UserError, match="“blurry part” was not found"):
        once.region("the blurry part")


def test_boxes_need_no_mask(photo: Pixels) -> None:
    found, engines = Once(photo).boxes("the cat and the dog and the top")
    assert [(box.label, box.bounds) for box in found] == [("top", Bounds(0, 0, 160, 50)), ("dog", DOG), ("cat", CAT)]
    assert engines == "animals+pixels"
    [rest], _ = Once(photo).boxes("everything but the left half")
    assert rest.bounds == Bounds(80, 0, 80, 100)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Describe what to find"),
        ("the", "Describe what to find"),
        ("the horse", "“horse” was not found in this photo"),
        ("the dog and the horse", "“horse” was not found"),
        ("everything but the horse", "“horse” was not found"),
        ("a purple submarine", "“purple submarine” is not among the things"),
        ("the sky", "“sky” was not found"),
        ("everything but everything", "leave nothing"),
        ("the dog except the dog", "leave nothing"),
        ("dog " * 500, "300"),
    ],
)
def test_what_cannot_be_found_is_a_sentence(photo: Pixels, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Once(photo).region(text)


def test_unknown_words_name_the_models_that_would_help(photo: Pixels) -> None:
    sources = Once(photo).sources
    with pytest.raises(UserError) as caught:
        resolve.region(photo, resolve.understood("the zeppelin"), sources)
    assert caught.value.models == ()
    with pytest.raises(UserError) as caught:
        resolve.region(photo, resolve.understood("the zeppelin"), replace(sources, for_any_words=("dino", "words")))
    assert caught.value.models == ("dino", "words")


def test_fewer_than_the_words_count_are_selected_with_a_note(photo: Pixels) -> None:
    once = Once(photo)
    found = once.region("both dogs and the cat")
    assert share(found, DOG) > 0.9
    assert english(found.notes) == "Only one dog was found."
    assert once.region("the dogs").notes == ()
    assert once.region("one dog").notes == ()

    class Two(Animals):
        def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
            return [Box("dog", 0.9, DOG), Box("dog", 0.8, CAT)]

    found = resolve.region(photo, resolve.understood("three dogs"), replace(once.sources, finder=Two()))
    assert english(found.notes) == "Of “three dogs”, only 2 could be found."
