"""Regions carried along crops, turns and flips lie where the pixels lie."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clarity_desktop.backend.pictures import geometry
from clarity_desktop.backend.regions.carry import carried
from clarity_desktop.backend.studio import _transform_step
from clarity_desktop.messages import UserError
from clarity_desktop.values import (
    Bounds,
    Crop,
    Flip,
    Region,
    Rotate,
    Step,
    Straighten,
    Transform,
    Version,
    VersionId,
    placed_as,
)

WIDTH, HEIGHT = 90, 60


def mask() -> np.ndarray:
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[20:42, 18:60] = 255
    values[25:30, 50:70] = 130
    return values


def version(name: str, parent: str | None, step: Step, size: tuple[int, int]) -> Version:
    at = VersionId(parent) if parent else None
    return Version(VersionId(name), at, step, None, 0.0, *size, np.zeros((1, 1, 3), np.uint8))


def tree(*transforms: Transform | Step) -> tuple[dict[VersionId, Version], np.ndarray]:
    """Versions v0, v1 and so on, each made of the one before, and the mask of v0 in the last one."""
    values = mask()
    versions = {VersionId("v0"): version("v0", None, Step("open"), (WIDTH, HEIGHT))}
    for k, transform in enumerate(transforms, 1):
        if isinstance(transform, Step):
            step = transform
            if step.kind == "reset":
                values = mask()
        else:
            step, values = _transform_step(transform), geometry.change(values, transform)
        versions[VersionId(f"v{k}")] = version(f"v{k}", f"v{k - 1}", step, values.shape[::-1])
    return versions, values


@pytest.mark.parametrize(
    "transforms",
    [
        (Crop(Bounds(10, 15, 50, 40)),),
        (Rotate(1),),
        (Rotate(2),),
        (Rotate(3),),
        (Flip("horizontal"),),
        (Flip("vertical"),),
        (Rotate(1), Crop(Bounds(5, 20, 40, 50)), Step("restore", "denoise", "x"), Flip("vertical"), Rotate(3)),
        (Crop(Bounds(70, 0, 20, 20)), Step("reset"), Flip("horizontal")),
    ],
)
def test_a_region_lies_where_its_pixels_lie(transforms) -> None:
    versions, values = tree(*transforms)
    last = VersionId(f"v{len(transforms)}")
    region = Region.of(mask(), "A")
    found = carried(region, versions, VersionId("v0"), last)
    assert np.array_equal(found.full(), values)
    assert np.array_equal(found.full()[found.bounds.slices()], found.mask)
    assert found.label == "A"
    back = carried(found, versions, last, VersionId("v0")).full()
    assert np.array_equal(back[back > 0], mask()[back > 0])
    if not any(isinstance(transform, Crop) for transform in transforms):
        assert np.array_equal(back, mask())


@pytest.mark.parametrize("degrees", [7.5, -30.0])
def test_a_region_is_straightened_and_comes_back(degrees: float) -> None:
    versions, values = tree(Straighten(degrees))
    found = carried(Region.of(mask()), versions, VersionId("v0"), VersionId("v1"))
    assert (np.abs(found.full().astype(int) - values) > 64).mean() < 0.01
    back = carried(found, versions, VersionId("v1"), VersionId("v0")).full() > 127
    assert (back & (mask() > 127)).sum() / (back | (mask() > 127)).sum() > 0.8


def test_between_branches_the_way_leads_over_what_they_share() -> None:
    versions, _ = tree(Flip("horizontal"))
    other = version("w", "v0", Step("rotate", settings={"quarter_turns": 2}), (WIDTH, HEIGHT))
    versions[other.id] = other
    found = carried(Region.of(mask()[:, ::-1]), versions, VersionId("v1"), other.id)
    assert np.array_equal(found.full(), mask()[::-1, ::-1])


def test_what_a_crop_cut_away_is_gone() -> None:
    versions, _ = tree(Crop(Bounds(70, 45, 20, 15)))
    with pytest.raises(UserError, match="This would select nothing"):
        carried(Region.of(mask()), versions, VersionId("v0"), VersionId("v1"))


@pytest.mark.parametrize(
    "step",
    [
        Step("crop", settings={"bounds": "x"}),
        Step("rotate", settings={}),
        Step("flip", settings={"axis": 3}),
        Step("straighten", settings={"degrees": float("nan")}),
    ],
)
def test_a_damaged_step_stretches_the_region(step: Step) -> None:
    versions, _ = tree()
    versions[VersionId("v1")] = version("v1", "v0", step, (45, 30))
    found = carried(Region.of(mask()), versions, VersionId("v0"), VersionId("v1"))
    assert (found.width, found.height) == (45, 30)


def test_versions_whose_pixels_lie_at_the_same_place_know_it() -> None:
    versions, _ = tree(Step("restore", "denoise", "x"), Flip("horizontal"), Step("adjust"), Step("reset"))
    placed = [placed_as(versions, one) for one in versions.values()]
    assert placed == ["v0", "v0", "v2", "v2", "v0"]
    circle = {v: dataclasses.replace(one, parent=v) for v, one in versions.items()}
    assert placed_as(circle, circle[VersionId("v1")])
