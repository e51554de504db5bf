"""Descriptions of a part of a photo: what the words mean."""

from __future__ import annotations

from typing import Any

import pytest

from clarity_desktop.backend.regions.words import Part, parse


def only(text: str) -> Part:
    description = parse(text)
    assert description is not None
    assert not description.without
    assert not description.inverted
    [part] = description.parts
    return part


@pytest.mark.parametrize(
    ("text", "kind", "name", "facts"),
    [
        ("the man on the left", "object", "person", {"places": ("left",), "count": None, "noun": "man"}),
        ("both cars", "object", "car", {"count": 2}),
        ("cars", "object", "car", {"count": 0}),
        ("all the people", "object", "person", {"count": 0}),
        ("the women", "object", "person", {"count": 0}),
        ("the bus", "object", "bus", {"count": None}),
        ("the scissors", "object", "scissors", {"count": None}),
        ("the red car", "object", "car", {"color": "red"}),
        ("the man in the red shirt", "object", "person", {"color": "red"}),
        ("the two largest dogs", "object", "dog", {"count": 2, "size": "largest"}),
        ("the small cat", "object", "cat", {"size": "smallest"}),
        ("the second car from the left", "object", "car", {"rank": 2, "places": ("left",)}),
        ("the man in the car", "object", "person", {}),
        ("the glass bottle", "object", "bottle", {}),
        ("the dog's head", "object", "face", {}),
        ("the boys' bikes", "object", "bicycle", {"count": 0}),
        ("a hot dog", "object", "hot dog", {}),
        ("TRAFFIC LIGHTS", "object", "traffic light", {"count": 0}),
        ("the sky", "stuff", "sky", {}),
        ("sky on the left", "stuff", "sky", {"places": ("left",)}),
        ("the grass", "stuff", "vegetation", {}),
        ("background", "stuff", "background", {}),
        ("the main subject", "stuff", "subject", {}),
        ("the darkest part", "tone", "darkest", {}),
        ("the shadows", "tone", "dark", {}),
        ("highlights", "tone", "bright", {}),
        ("the red part", "color", "red", {}),
        ("blue", "color", "blue", {}),
        ("everything blue", "color", "blue", {}),
        ("the blue part on the left", "color", "blue", {"places": ("left",)}),
        ("the left half", "area", "left", {"places": ("left",), "share": 0.5}),
        ("the top third", "area", "top", {"places": ("top",), "share": 1 / 3}),
        ("upper left corner", "area", "left top", {"places": ("left", "top"), "share": 0.4}),
        ("the middle", "area", "center", {}),
        ("the whole photo", "area", "everything", {"places": ()}),
        ("where it is noisy", "damage", "noise", {}),
        ("the blurry part", "damage", "blur", {}),
        ("the foggy area", "damage", "haze", {}),
        ("areas that are too dark", "damage", "low-light", {}),
        ("a purple submarine", "phrase", "purple submarine", {}),
        ("the biggest windmill on the right", "phrase", "windmill", {"size": "largest", "places": ("right",)}),
    ],
)
def test_one_thing(text: str, kind: str, name: str, facts: dict[str, Any]) -> None:
    part = only(text)
    assert (part.kind, part.name) == (kind, name)
    assert {field: getattr(part, field) for field in facts} == facts


@pytest.mark.parametrize(
    "text", ["everything but the sky", "all except the sky", "not the sky", "everything but … the SKY!", "without sky"]
)
def test_the_complement(text: str) -> None:
    description = parse(text)
    assert description is not None
    assert description.inverted
    assert [part.name for part in description.parts] == ["sky"]


@pytest.mark.parametrize(
    "text", ["the man's hat", "the men's hats", "the roof of the red car", "shadow of the tree", "my dog's collar"]
)
def test_a_part_that_no_list_names_is_not_its_owner(text: str) -> None:
    description = parse(text)
    assert description is not None
    assert [part.kind for part in description.parts] == ["phrase"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a group of people", "person"),
        ("the man's red car", "car"),
        ("the dog's head", "face"),
        ("all of the cars", "car"),
        ("the left side of the car", "car"),
        ("both of the dogs", "dog"),
        ("my dog's", "dog"),
        ("most of the sky", "sky"),
    ],
)
def test_words_around_a_noun_leave_it_what_it_is(text: str, name: str) -> None:
    description = parse(text)
    assert description is not None
    assert [part.name for part in description.parts] == [name]


def test_several_things_and_exceptions() -> None:
    description = parse("the sky and both trees plus the left car")
    assert description is not None
    assert [part.name for part in description.parts] == ["sky", "vegetation", "car"]
    description = parse("all people except the man on the right")
    assert description is not None
    assert [(p.name, p.count) for p in description.parts] == [("person", 0)]
    assert [(p.name, p.places) for p in description.without] == [("person", ("right",))]
    twice = parse("everything but everything but the sky")
    assert twice is not None
    assert not twice.inverted


@pytest.mark.parametrize("text", ["", "   ", "the", "and", "!?", "…", "'", "a the"])
def test_words_that_name_nothing(text: str) -> None:
    assert parse(text) is None
