"""Areas, tones, colors and materials from the pixels alone."""

from __future__ import annotations

import numpy as np
import pytest

from clarity_desktop.backend.regions import areas
from clarity_desktop.backend.regions.words import parse
from clarity_desktop.values import Mask, Pixels


def select(pixels: Pixels, text: str) -> Mask | None:
    description = parse(text)
    assert description is not None
    return areas.mask(pixels, description.parts[0])


@pytest.fixture
def landscape() -> Pixels:
    """A blue sky over a meadow with texture, a red square in it, a black corner."""
    rng = np.random.default_rng(1)
    pixels = np.empty((120, 160, 3), np.uint8)
    pixels[:60] = (110, 160, 235)
    pixels[60:] = np.clip(np.array((70, 130, 50)) + rng.normal(0, 12, (60, 160, 1)), 0, 255)
    pixels[80:105, 60:90] = (210, 25, 30)
    pixels[100:, 130:] = 4
    return pixels


def share(mask: Mask | None, part: tuple[slice, slice]) -> float:
    assert mask is not None
    return float((mask[part] > 127).mean())


SKY, MEADOW = (slice(0, 55), slice(0, 160)), (slice(65, 118), slice(0, 55))
RED, BLACK = (slice(82, 103), slice(62, 88)), (slice(102, 120), slice(132, 160))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("the sky", SKY, MEADOW), ("the grass", MEADOW, SKY), ("the ground", MEADOW, SKY), ("red", RED, MEADOW),
        ("the green part", MEADOW, RED), ("the darkest part", BLACK, SKY), ("the shadows", BLACK, SKY),
        ("the black part", BLACK, SKY), ("highlights", SKY, BLACK),
    ],
)  # fmt: skip
def test_what_words_select(landscape: Pixels, text: str, inside: tuple, outside: tuple) -> None:
    if text == "highlights":
        landscape[SKY] = 250
    mask = select(landscape, text)
    assert share(mask, inside) > 0.8
    assert share(mask, outside) < 0.1


def test_sixteen_bits_select_the_same(landscape: Pixels) -> None:
    first, second = select(landscape, "the sky"), select(landscape.astype(np.uint16) * 257, "the sky")
    assert first is not None
    assert second is not None
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)


def test_a_place_limits_stuff(landscape: Pixels) -> None:
    mask = select(landscape, "sky on the left")
    assert share(mask, (slice(0, 55), slice(0, 70))) > 0.8
    assert share(mask, (slice(0, 55), slice(90, 160))) == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the left half", (slice(None), slice(0, 40))), ("the right third", (slice(None), slice(53, 80))),
        ("the top", (slice(0, 30), slice(None))), ("the lower right", (slice(30, 60), slice(40, 80))),
        ("the center", (slice(15, 45), slice(20, 60))), ("everything", (slice(None), slice(None))),
    ],
)  # fmt: skip
def test_areas_are_exact(text: str, expected: tuple) -> None:
    wanted = np.zeros((60, 80), np.uint8)
    wanted[expected] = 255
    mask = select(np.zeros((60, 80, 3), np.uint8), text)
    assert mask is not None
    assert np.array_equal(mask, wanted)


def test_the_edges_are_a_frame() -> None:
    mask = select(np.zeros((60, 80, 3), np.uint8), "the edges")
    assert mask is not None
    assert mask[:9].all()
    assert mask[:, -12:].all()
    assert not mask[15:45, 20:60].any()


@pytest.mark.parametrize("text", ["the sky", "purple", "the water", "skin"])
def test_what_is_not_there_is_none(text: str) -> None:
    pixels = np.full((80, 100, 3), (60, 110, 45), np.uint8)
    assert select(pixels, text) is None


@pytest.mark.parametrize("text", ["the subject", "the background", "the sky", "the darkest part", "midtones", "water"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 9), (40, 1)])
def test_tiny_photos_of_one_color_do_not_fail(text: str, size: tuple[int, int]) -> None:
    mask = select(np.full((*size, 3), 128, np.uint8), text)
    assert mask is None or mask.shape == size


def test_the_subject_is_what_differs_from_the_edges() -> None:
    pixels = np.full((90, 120, 3), (90, 110, 120), np.uint8)
    pixels[30:60, 45:75] = (220, 120, 30)
    subject, background = select(pixels, "the subject"), select(pixels, "the background")
    assert share(subject, (slice(33, 57), slice(48, 72))) > 0.9
    assert share(subject, (slice(0, 15), slice(0, 120))) == 0
    assert share(background, (slice(0, 15), slice(0, 120))) > 0.9
