"""Names in brackets mean the regions of the document, in plans and in descriptions of parts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from clarity_desktop.backend.chat import references
from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.plan import HERE, Plan, region_of
from clarity_desktop.backend.regions import resolve
from clarity_desktop.backend.regions.words import parse
from clarity_desktop.references import plain
from clarity_desktop.values import DocumentCard

REGIONS = [SimpleNamespace(name=name, id=f"r{k}", deleted=False) for k, name in enumerate(("hat", "left Cat #2"))]
CARD = cast(DocumentCard, SimpleNamespace(regions=REGIONS))


def planned(text: str) -> Plan:
    hidden, names = references.hide(text, CARD)
    return references.restore(plan(hidden), names)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sharpen [hat]", ["[hat]"]),
        ("Sharpen the [Hat], please!", ["[Hat]"]),
        ("make [hat] brighter", ["[hat]"]),
        ("[hat]: more contrast", ["[hat]"]),
        ("[hat], [left cat #2]: denoise", ["[hat] and the [left cat #2]"]),
        ("everything but [hat] should be darker", ["everything but the [hat]"]),
        ("denoise everything except [hat] and [left Cat #2]", ["everything but the [hat] and the [left Cat #2]"]),
        ("denoise [hat] and the sky", ["[hat] and the sky"]),
        ("what is wrong with [hat]?", ["[hat]"]),
        ("how good is [left cat #2]?", ["[left cat #2]"]),
        ("remove [hat]", ["[hat]"]),
        ("select [hat]", ["[hat]"]),
        ("denoise [selection]", [HERE]),
        ("[selection]: denoise", [HERE]),
        ("blur [no such region] away", [None]),
    ],
)
def test_a_name_is_the_part_that_is_meant(text: str, parts: list[str | None]) -> None:
    regions = [region_of(step) for step in planned(text).steps]
    assert [getattr(region, "text", None) for region in regions] == parts


def test_a_name_of_no_use_changes_nothing() -> None:
    found = planned("undo, [hat]")
    assert not found.steps
    assert getattr(found.reply, "key", "") == "chat.which_part"
    assert planned("[hat]").steps == plan("the sky").steps == ()


def test_a_description_takes_regions_by_their_names() -> None:
    found = parse("everything but the [Left cat #2] and the sky")
    assert found is not None
    assert found.inverted
    assert [(part.kind, part.name) for part in found.parts] == [("kept", "Left cat #2"), ("stuff", "sky")]
    # The document of another photo has no such region: then the name is words.
    known = resolve.understood("the [sky]", {"sky"}).parts
    assert [part.kind for part in known] == ["kept"]
    assert [part.kind for part in resolve.understood("the [sky]").parts] == ["stuff"]
    assert plain("everything but the [hat]") == "everything but the hat"
