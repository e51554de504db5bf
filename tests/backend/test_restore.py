"""Tiles beneath every method: seams, regions, depth, memory, broken results, cancelling, recipes, the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from clarity_desktop import settings
from clarity_desktop.backend import restore as room
from clarity_desktop.backend.methods import METHODS
from clarity_desktop.backend.methods.method import ComputeTarget, Method, Run, Viewer
from clarity_desktop.backend.restore import TilePlan, hardware, plan, replay, restore, tile_plan
from clarity_desktop.backend.restore.blend import FULL, as_deep, as_pixels, as_tile, feathered, mix
from clarity_desktop.backend.restore.inputs import OVERVIEW, overview
from clarity_desktop.backend.restore.layout import STEPS, Axis, Grid
from clarity_desktop.backend.restore.run import time_left
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.values import Bounds, Region, is_gray

CPU = ComputeTarget("cpu", "float32", 2)
GB = 1_000_000_000


class FakeJob:
    """Records progress; cancels itself after `patience` ticks."""

    def __init__(self, patience: int = 1_000_000) -> None:
        self.ticks: list[tuple[float, str, float | None]] = []
        self.patience = patience

    def checkpoint(self) -> None:
        if len(self.ticks) >= self.patience:
            raise JobCancelled

    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None:
        self.checkpoint()
        self.ticks.append((fraction, note, seconds_left))


def method(**facts: Any) -> Method:
    known: dict[str, Any] = {
        "id": "fake", "title": "Fake", "tasks": ("denoise",), "architecture": "numpy", "licence": "MIT", "paper": "",
        "trained_on": "", "weights": (), "load": lambda files, at: identity,
    }  # fmt: skip
    return Method(**(known | facts))


def identity(tile: Any, mask: Any, job: Any) -> Any:
    return tile


def darker(tile: Any, mask: Any, job: Any) -> Any:
    return tile * np.float32(0.5)


def blur(radius: int) -> Run:
    """A box blur that looks `radius` pixels far."""

    def run(tile: Any, mask: Any, job: Any) -> Any:
        size = 2 * radius + 1
        return cv2.blur(np.ascontiguousarray(tile), (size, size), borderType=cv2.BORDER_REPLICATE)

    return run


def never(at: ComputeTarget) -> Run:
    raise AssertionError(f"reloaded at {at}")


def do(pixels: Any, of: Method, run: Run, recipe: TilePlan | None = None, **how: Any) -> room.RestoreResult:
    how = {"job": FakeJob(), "on_tile": lambda bounds, part: None, "reload": never} | how
    return restore(pixels, of, run, recipe or TilePlan(0, of.overlap, CPU), **how)


# Gray photos ---------------------------------------------------------------------------------------------------------


def tinted(tile: Any, mask: Any, job: Any) -> Any:
    return tile * np.array([0.9, 0.8, 0.4], np.float32)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("how", [{}, {"strength": 0.4}, {"part": True}, {"part": True, "feather": 5, "strength": 0.7}])
def test_a_gray_photo_stays_gray_whatever_the_method_does(photo, depth, residual, how) -> None:
    pixels = np.repeat(photo(150, 110, depth=depth)[..., :1], 3, axis=2)
    shown: list[Any] = []
    how = {"on_tile": lambda _bounds, part: shown.append(part), **how}
    if how.pop("part", False):
        mask = np.zeros((110, 150), np.uint8)
        cv2.circle(mask, (70, 50), 40, 255, -1)
        how["region"] = Region.of(mask)
    fake = method(residual=residual, multiple_of=8)
    out = do(pixels, fake, tinted, TilePlan(64, 16, CPU), **how).pixels
    assert is_gray(out)
    assert all(is_gray(part) for part in shown)
    if region := how.get("region"):
        assert np.array_equal(out[region.full() == 0], pixels[region.full() == 0])
    assert not np.array_equal(out, pixels)


def test_gray_parts_of_a_color_photo_may_be_tinted(photo) -> None:
    pixels = np.repeat(photo(150, 110)[..., :1], 3, axis=2)
    pixels[-1, -1] = (10, 20, 30)
    assert np.array_equal(
        do(pixels, method(), tinted).pixels[0, 0],
        as_pixels(as_deep(tinted(as_tile(pixels), None, None)), np.dtype(np.uint8))[0, 0],
    )


# The grid ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 127, 200, 333, 1000])
@pytest.mark.parametrize(
    ("tile", "overlap", "multiple"), [(64, 0, 1), (64, 1, 1), (64, 16, 16), (96, 48, 32), (0, 8, 8)]
)
def test_the_weights_along_an_axis_add_up_exactly_and_vanish_at_the_borders_of_tiles(
    length: int, tile: int, overlap: int, multiple: int
) -> None:
    axis = Axis.over(length, tile, overlap, multiple)
    for scale in (1, 2):
        total = np.zeros(length * scale, np.int32)
        for k, start in enumerate(axis.starts):
            (first, end), weights = axis.cell(k, scale), axis.weights(k, scale)
            assert start * scale <= first < end <= min((start + axis.side) * scale, length * scale)
            assert (weights >= 0).all()
            total[first:end] += weights
            if k:
                assert first - start * scale >= overlap * scale // 4
        assert (total == STEPS).all()


@pytest.mark.parametrize("length", [257, 400, 511, 513, 1025, 3000])
def test_tiles_are_equal_none_is_larger_than_allowed_and_neighbors_share_enough(length: int) -> None:
    axis = Axis.over(length, 256, 32, 16)
    assert axis.side <= 256
    assert axis.side % 16 == 0
    assert axis.starts[0] == 0
    assert axis.starts[-1] + axis.side == length
    assert all(a + axis.side - b >= 32 for a, b in zip(axis.starts, axis.starts[1:], strict=False))


def test_a_last_tile_is_never_thin() -> None:
    assert Axis.over(1030, 512, 0, 1).side == 344  # three thirds, not 512 + 512 + 6


def test_tiles_run_from_the_center_of_what_is_visible_outwards(photo: Callable[..., Any]) -> None:
    seen: list[Bounds] = []
    visible = Bounds(250, 20, 60, 60)
    do(photo(400, 300), method(), identity, TilePlan(64, 16, CPU), visible=visible, on_tile=lambda b, p: seen.append(b))
    distances = [np.hypot(b.center[0] - 280, b.center[1] - 50) for b in seen]
    assert len(seen) > 20
    assert distances == sorted(distances)
    x, y = 280, 50
    assert seen[0].x <= x < seen[0].right
    assert seen[0].y <= y < seen[0].bottom


def test_without_a_view_tiles_run_from_the_center_of_the_picture() -> None:
    grid = Grid.over(500, 500, 100, 0, 1)
    assert grid.order((250, 250))[0] == 12
    assert set(grid.order((250, 250))[-4:]) == {0, 4, 20, 24}


# The whole photo at a glance ------------------------------------------------------------------------------------------


class Looker:
    """Fills every tile with the mean of what it has seen: of the tile alone, or of the photo that it was shown."""

    def __init__(self, mean: float | None = None) -> None:
        self.mean, self.seen = mean, list[Any]()

    def __call__(self, tile: Any, mask: Any, job: Any) -> Any:
        return tile * np.float32(0.01) + np.float32(tile.mean() if self.mean is None else self.mean)

    def for_photo(self, overview: Any, mask: Any, job: Any) -> Run:
        self.seen.append((overview, mask))
        return Looker(float(overview.mean()))


def test_a_method_that_judges_the_whole_photo_sees_it_once_before_its_tiles(photo: Callable[..., Any]) -> None:
    pixels, run = photo(300, 200), Looker()
    pixels[:, 150:] //= 3
    done = do(pixels, method(overlap=16), run, TilePlan(100, 16, CPU)).pixels
    [(overview, mask)] = run.seen
    assert np.array_equal(overview, as_tile(pixels))
    assert mask is None
    assert np.abs(done / 255 - as_tile(pixels) * 0.01 - overview.mean()).max() < 0.004


def test_a_photo_in_one_piece_gets_no_overview(photo: Callable[..., Any]) -> None:
    run = Looker()
    do(photo(300, 200), method(overlap=16), run)
    assert not run.seen


def test_a_region_is_restored_by_a_look_at_all_of_its_photo(photo: Callable[..., Any]) -> None:
    pixels, run = photo(300, 200), Looker()
    mask = np.zeros((200, 300), np.uint8)
    mask[20:60, 30:50] = 255
    do(pixels, method(needs_mask=True, multiple_of=16), run, region=Region.of(mask))
    [(overview, lost)] = run.seen
    assert overview.shape == (208, 304, 3)
    assert lost.shape == (208, 304)
    assert np.array_equal(lost[:200, :300], mask)


def test_a_whole_photo_has_nothing_around_it_to_fill_it_from() -> None:
    pixels = np.zeros((40, 50, 3), np.uint8)
    fills = method(needs_mask=True)
    with pytest.raises(UserError, match="nothing is left around it"):
        do(pixels, fills, lambda tile, _mask, _job: tile, region=Region.of(np.full((40, 50), 255, np.uint8)))
    mask = np.full((40, 50), 255, np.uint8)
    mask[0, 0] = 0
    do(pixels, fills, lambda tile, _mask, _job: tile, region=Region.of(mask))


def test_a_large_photo_is_reduced_its_mean_and_every_hole_stay(photo: Callable[..., Any]) -> None:
    pixels = photo(1700, 1301)
    mask = np.zeros((1301, 1700), np.uint8)
    mask[700, 900] = 1
    seen, lost = overview(pixels, mask, method(multiple_of=8))
    assert 0.9 * OVERVIEW < seen.shape[0] * seen.shape[1] < 1.02 * OVERVIEW
    assert all(side % 8 == 0 for side in seen.shape[:2])
    assert seen.shape[1] / seen.shape[0] == pytest.approx(1700 / 1301, abs=0.01)
    assert seen.mean() == pytest.approx(as_tile(pixels).mean(), abs=0.005)
    assert lost is not None
    assert lost.any()
    assert lost.shape == seen.shape[:2]


# Tiles against the whole ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(300, 200), (257, 129), (128, 511), (64, 64), (31, 700)])
@pytest.mark.parametrize(("tile", "multiple"), [(64, 1), (96, 16), (128, 64)])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_blur_in_tiles_equals_the_blur_of_the_whole(
    photo: Callable[..., Any], width: int, height: int, tile: int, multiple: int, depth: int
) -> None:
    pixels = photo(width, height, depth)
    of = method(overlap=32, multiple_of=multiple, padding="edge")
    whole = do(pixels, of, blur(8)).pixels
    tiled = do(pixels, of, blur(8), TilePlan(tile, 32, CPU)).pixels
    assert np.abs(whole.astype(int) - tiled.astype(int)).max() <= 1


def test_tiles_that_disagree_meet_without_a_step() -> None:
    """Each tile gets a level of its own; the result may nowhere jump by more than the ramp's steepest part."""
    count = 0

    def levels(tile: Any, mask: Any, job: Any) -> Any:
        nonlocal count
        count += 1
        return tile * 0.5 + 0.25 * (count % 2)

    pixels = np.full((300, 300, 3), 128, np.uint8)
    out = do(pixels, method(), levels, TilePlan(128, 64, CPU)).pixels.astype(int)
    assert np.ptp(out) > 50
    assert np.abs(np.diff(out, axis=0)).max() <= 4
    assert np.abs(np.diff(out, axis=1)).max() <= 4


@pytest.mark.parametrize("depth", [8, 16])
def test_the_order_of_tiles_changes_no_pixel(photo: Callable[..., Any], depth: int) -> None:
    def local(tile: Any, mask: Any, job: Any) -> Any:
        return tile * (0.5 + tile.mean())

    pixels = photo(300, 260, depth)
    one = do(pixels, method(), local, TilePlan(64, 24, CPU), visible=Bounds(0, 0, 10, 10)).pixels
    other = do(pixels, method(), local, TilePlan(64, 24, CPU), visible=Bounds(290, 250, 10, 10)).pixels
    assert not np.array_equal(one, pixels)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("residual", [False, True])
def test_what_changes_nothing_gives_the_photo_back_bit_by_bit(
    photo: Callable[..., Any], depth: int, residual: bool
) -> None:
    pixels = photo(211, 173, depth)
    out = do(pixels, method(residual=residual, multiple_of=8), identity, TilePlan(64, 16, CPU)).pixels
    assert out.dtype == pixels.dtype
    np.testing.assert_array_equal(out, pixels)


def test_painted_tiles_make_up_the_result(photo: Callable[..., Any]) -> None:
    def local(tile: Any, mask: Any, job: Any) -> Any:
        return tile * (0.5 + tile.mean())

    pixels = photo(300, 260)
    canvas = pixels.copy()

    def paint(bounds: Bounds, part: Any) -> None:
        assert not part.flags.writeable
        canvas[bounds.slices()] = part

    done = do(pixels, method(), local, TilePlan(96, 32, CPU), on_tile=paint)
    np.testing.assert_array_equal(canvas, done.pixels)
    assert not done.pixels.flags.writeable
    assert done.changed == Bounds(0, 0, 300, 260)


def test_the_photo_itself_is_not_touched(photo: Callable[..., Any]) -> None:
    pixels = photo(100, 100)
    before = pixels.copy()
    pixels.flags.writeable = False
    do(pixels, method(), darker, TilePlan(64, 8, CPU))
    np.testing.assert_array_equal(pixels, before)


# Odd sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5000, 1), (1, 5000), (3, 2), (65, 64)])
@pytest.mark.parametrize("padding", ["reflect", "zero", "edge"])
def test_the_smallest_and_the_thinnest_photos_are_padded_and_come_back(
    photo: Callable[..., Any], width: int, height: int, padding: str
) -> None:
    shapes: list[tuple[int, ...]] = []

    def run(tile: Any, mask: Any, job: Any) -> Any:
        shapes.append(tile.shape)
        assert tile.dtype == np.float32
        return tile

    pixels = photo(width, height)
    of = method(multiple_of=64, padding=padding, overlap=32)
    out = do(pixels, of, run, TilePlan(256, 32, CPU)).pixels
    np.testing.assert_array_equal(out, pixels)
    assert all(h % 64 == 0 and w % 64 == 0 and max(h, w) <= 256 for h, w, _ in shapes)


@pytest.mark.parametrize(("padding", "beyond"), [("reflect", 20), ("zero", 0), ("edge", 10)])
def test_padding_is_what_the_method_asks_for(padding: str, beyond: int) -> None:
    seen: list[Any] = []

    def run(tile: Any, mask: Any, job: Any) -> Any:
        seen.append(np.rint(tile * 255).astype(int))
        return tile

    pixels = np.array([[[30] * 3, [20] * 3, [10] * 3]], np.uint8)
    do(pixels, method(multiple_of=4, padding=padding), run)
    assert seen[0][0, :, 0].tolist() == [30, 20, 10, beyond]


def test_a_gray_photo_stays_gray(photo: Callable[..., Any]) -> None:
    gray = np.repeat(photo(150, 90)[..., :1], 3, -1)
    out = do(gray, method(overlap=8), blur(2), TilePlan(64, 8, CPU)).pixels
    assert (out == out[..., :1]).all()


def test_an_upscaler_gives_a_larger_photo_without_seams(photo: Callable[..., Any]) -> None:
    def double(tile: Any, mask: Any, job: Any) -> Any:
        return tile.repeat(2, 0).repeat(2, 1)

    pixels = photo(300, 170)
    seen: list[Bounds] = []
    done = do(pixels, method(scale=2), double, TilePlan(64, 16, CPU), on_tile=lambda b, p: seen.append(b))
    np.testing.assert_array_equal(done.pixels, pixels.repeat(2, 0).repeat(2, 1))
    assert done.changed == Bounds(0, 0, 600, 340)
    assert max(b.right for b in seen) == 600
    half = do(pixels, method(scale=2), double, TilePlan(64, 16, CPU), strength=0.0).pixels
    expected = cv2.resize(pixels, (600, 340), interpolation=cv2.INTER_CUBIC)
    assert np.abs(half.astype(int) - expected.astype(int)).mean() < 1


# Regions, strength, depth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("feather", [0, 12])
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_outside_the_region_every_pixel_stays_bit_by_bit(
    photo: Callable[..., Any], depth: int, feather: int, strength: float
) -> None:
    pixels = photo(400, 300, depth)
    mask = np.zeros((300, 400), np.uint8)
    cv2.circle(mask, (150, 140), 70, 255, -1)
    mask[250:260, 380:] = 100
    done = do(pixels, method(overlap=16, multiple_of=8), darker, TilePlan(64, 16, CPU),
              region=Region.of(mask), feather=feather, strength=strength)  # fmt: skip
    np.testing.assert_array_equal(done.pixels[mask == 0], pixels[mask == 0])
    assert (done.pixels[140, 150] < pixels[140, 150]).all()
    assert done.changed == Region.of(mask).bounds
    if strength == 1 and not feather:
        whole = do(pixels, method(), darker).pixels
        np.testing.assert_array_equal(done.pixels[mask == 255], whole[mask == 255])


def test_a_region_costs_little_more_than_its_share(photo: Callable[..., Any]) -> None:
    given = 0

    def run(tile: Any, mask: Any, job: Any) -> Any:
        nonlocal given
        given += tile.shape[0] * tile.shape[1]
        return tile

    pixels = photo(1600, 1200)
    of = method(overlap=32, multiple_of=64, tile=256)
    do(pixels, of, run, TilePlan(256, 32, CPU))
    whole, given = given, 0
    bounds = Bounds(400, 300, 300, 330)
    do(pixels, of, run, TilePlan(256, 32, CPU), region=Region.rectangle(bounds, 1600, 1200))
    box = room.padded_box(bounds, of, 1600, 1200)
    assert given / whole <= 1.3 * box.area / (1600 * 1200) + 0.1


def test_tiles_that_the_mask_does_not_touch_are_not_computed(photo: Callable[..., Any]) -> None:
    mask = np.zeros((512, 512), np.uint8)
    mask[:20, :20] = mask[-20:, -20:] = 255
    job = FakeJob()
    computed: list[Bounds] = []
    pixels = photo(512, 512)
    done = do(pixels, method(), darker, TilePlan(64, 8, CPU), region=Region.of(mask), job=job,
              on_tile=lambda b, p: computed.append(b))  # fmt: skip
    assert len(computed) == 2
    assert (done.pixels[mask == 255] < pixels[mask == 255]).all()


@pytest.mark.parametrize("bounds", [Bounds(0, 0, 10, 10), Bounds(395, 290, 5, 10), Bounds(100, 100, 77, 13)])
def test_the_box_of_a_region_holds_it_lies_in_the_photo_and_fills_the_multiple(bounds: Bounds) -> None:
    box = room.padded_box(bounds, method(overlap=20, multiple_of=64), 400, 300)
    assert bounds.cut(box) == bounds
    assert box.cut(Bounds(0, 0, 400, 300)) == box
    assert box.width % 64 == 0
    assert box.height % 64 == 0
    assert box.cut(bounds.grown(10, 400, 300)) == bounds.grown(10, 400, 300)


def test_feather_softens_inside_the_edge_only() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:50, 10:] = 255
    soft = feathered(mask, 8)
    assert (soft[mask == 0] == 0).all()
    profile = soft[10:30, 40].astype(int)
    assert profile[0] < 20
    assert profile[-1] == 255
    assert (np.diff(profile) >= 0).all()
    assert soft[30, 59] == 255  # the photo's edge is no edge of the region
    np.testing.assert_array_equal(feathered(mask, 0), mask)


def test_strength_blends_in_linear_light() -> None:
    pixels = np.full((20, 20, 3), 255, np.uint8)
    out = do(pixels, method(), lambda tile, mask, job: tile * 0, strength=0.5).pixels
    assert out[0, 0].tolist() == [188, 188, 188]  # half of the light of white


def test_strength_0_gives_the_photo_and_asks_no_method(photo: Callable[..., Any]) -> None:
    pixels = photo(200, 100, 16)
    out = do(pixels, method(), never, strength=0.0).pixels
    np.testing.assert_array_equal(out, pixels)


def test_strength_1_gives_exactly_what_the_method_gives(photo: Callable[..., Any]) -> None:
    pixels = photo(90, 70)
    tile = pixels.astype(np.float32) / 255
    expected = np.rint((tile * np.float32(1.3) - np.float32(0.1)).clip(0, 1) * 255)
    out = do(pixels, method(), lambda t, m, j: t * np.float32(1.3) - np.float32(0.1)).pixels
    np.testing.assert_array_equal(out, expected)


def test_a_mix_of_equal_pictures_is_that_picture() -> None:
    tile = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1).repeat(3, 2)
    np.testing.assert_allclose(mix(tile, tile, np.full((16, 16), 0.3, np.float32)), tile, atol=2e-6)


def test_a_photo_of_16_bits_keeps_its_depth(photo: Callable[..., Any]) -> None:
    pixels = photo(100, 80, 16)
    direct = do(pixels, method(residual=False), darker).pixels
    np.testing.assert_array_equal(direct, np.rint(pixels.astype(np.float64) / 2))

    def in_8_bits(tile: Any, mask: Any, job: Any) -> Any:
        return np.rint(tile * 255).astype(np.float32) / 255

    kept = do(pixels, method(residual=True), in_8_bits).pixels
    assert np.abs(kept.astype(int) - pixels.astype(int)).max() <= 1
    assert len(np.unique(do(pixels, method(residual=False), in_8_bits).pixels)) <= 256


def test_depths_convert_back_and_forth_without_loss() -> None:
    eight, sixteen = np.arange(256, dtype=np.uint8), np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(as_pixels(as_deep(eight), eight.dtype), eight)
    np.testing.assert_array_equal(as_deep(as_tile(sixteen)), sixteen)
    np.testing.assert_array_equal(as_pixels(sixteen, eight.dtype), np.rint(sixteen / 257))


def test_a_method_that_needs_a_mask_gets_that_of_its_tile(photo: Callable[..., Any]) -> None:
    def fill(tile: Any, mask: Any, job: Any) -> Any:
        assert mask.shape == tile.shape[:2]
        assert mask.dtype == np.uint8
        return np.where(mask[..., None] > 0, np.float32(1), tile)

    pixels = photo(200, 150)
    mask = np.zeros((150, 200), np.uint8)
    mask[40:100, 30:170] = 255
    of = method(needs_mask=True, multiple_of=16, overlap=16)
    out = do(pixels, of, fill, TilePlan(64, 16, CPU), region=Region.of(mask), feather=10).pixels
    assert (out[mask == 255] == 255).all()
    np.testing.assert_array_equal(out[mask == 0], pixels[mask == 0])
    with pytest.raises(UserError, match="needs a region"):
        do(pixels, of, fill)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"region": Region.rectangle(Bounds(0, 0, 5, 5), 99, 80)}, "made for a photo of 99 × 80"),
        ({"region": Region(Bounds(0, 0, 9, 9), np.zeros((9, 9), np.uint8), 100, 80)}, "empty"),
        ({"strength": 1.5}, "between 0"),
        ({"strength": float("nan")}, "between 0"),
    ],
)
def test_what_does_not_fit_is_reported(photo: Callable[..., Any], how: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        do(photo(100, 80), method(), identity, **how)


def test_a_region_of_an_upscaler_is_refused(photo: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match="size of the whole photo"):
        do(photo(50, 50), method(scale=2), identity, region=Region.rectangle(Bounds(0, 0, 9, 9), 50, 50))


# Broken results ------------------------------------------------------------------------------------------------------


def broken_at(number: int, result: Callable[[Any], Any]) -> Run:
    count = 0

    def run(tile: Any, mask: Any, job: Any) -> Any:
        nonlocal count
        count += 1
        return result(tile) if count == number else tile

    return run


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (lambda tile: np.where(tile > tile.mean(), np.float32(np.nan), tile), "not numbers"),
        (lambda tile: tile * np.float32(np.inf), "not numbers"),
        (lambda tile: tile * 0, "black"),
        (lambda tile: tile * 0 - 1, "black"),
        (lambda tile: tile * 0 + np.float32(0.4), "single color"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_broken_tile_is_an_error_never_pixels(photo: Callable[..., Any], result: Any, why: str) -> None:
    seen: list[Bounds] = []
    with pytest.raises(UserError, match=why):
        do(photo(200, 200), method(), broken_at(3, result), TilePlan(64, 8, CPU), on_tile=lambda b, p: seen.append(b))
    assert len(seen) == 2


def test_a_white_result_is_an_error(photo: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match="single color"):
        do(photo(99, 99), method(), lambda tile, mask, job: (tile + 1) * np.float32(1e30))


@pytest.mark.parametrize("size", [(1, 1), (1, 90), (70, 3)])
def test_a_small_photo_is_padded_to_the_smallest_tile(photo: Callable[..., Any], size: tuple[int, int]) -> None:
    shapes: list[tuple[int, ...]] = []

    def run(tile: Any, mask: Any, job: Any) -> Any:
        shapes.append(tile.shape)
        return tile

    pixels = photo(*size)
    done = do(pixels, method(minimum=10, multiple_of=4), run).pixels
    np.testing.assert_array_equal(done, pixels)
    assert all(side >= 12 and side % 4 == 0 for shape in shapes for side in shape[:2])


def test_a_flat_photo_may_stay_flat() -> None:
    flat = np.zeros((50, 50, 3), np.uint8)
    np.testing.assert_array_equal(do(flat, method(), identity).pixels, flat)


def test_what_fails_in_bfloat16_is_run_again_in_float32(photo: Callable[..., Any]) -> None:
    places: list[ComputeTarget] = []

    def reload(at: ComputeTarget) -> Run:
        places.append(at)
        return darker

    pixels = photo(200, 200)
    recipe = TilePlan(64, 8, ComputeTarget("cpu", "bfloat16", 2))
    done = do(pixels, method(), broken_at(3, lambda t: t * np.float32(np.inf)), recipe, reload=reload)
    assert places == [CPU]
    assert done.plan == TilePlan(64, 8, CPU)
    assert "float32" in str(done.notes[0])
    np.testing.assert_array_equal(done.pixels, do(pixels, method(), darker, TilePlan(64, 8, CPU)).pixels)


def test_what_fails_in_float32_too_is_an_error(photo: Callable[..., Any]) -> None:
    nothing = lambda tile, mask, job: tile * 0  # noqa: E731
    recipe = TilePlan(64, 8, ComputeTarget("cpu", "bfloat16", 2))
    with pytest.raises(UserError, match="Fake produced no usable result"):
        do(photo(99, 99), method(), nothing, recipe, reload=lambda at: nothing)


def test_any_other_error_of_a_method_passes(photo: Callable[..., Any]) -> None:
    def bug(tile: Any, mask: Any, job: Any) -> Any:
        raise RuntimeError("size mismatch")

    with pytest.raises(RuntimeError, match="size mismatch"):
        do(photo(99, 99), method(), bug)


# Memory --------------------------------------------------------------------------------------------------------------


def starving(limit: int, error: Exception, after: int = 0) -> Run:
    """A blur that has no memory for tiles above `limit` pixels, once `after` tiles went well."""
    count = 0

    def run(tile: Any, mask: Any, job: Any) -> Any:
        nonlocal count
        count += 1
        if count > after and tile.shape[0] * tile.shape[1] > limit:
            raise error
        return blur(4)(tile, mask, job)

    return run


class OutOfMemoryError(RuntimeError):
    """As torch.cuda's."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
@pytest.mark.parametrize("after", [0, 3])
def test_out_of_memory_starts_again_in_smaller_tiles(photo: Callable[..., Any], error: Exception, after: int) -> None:
    pixels = photo(500, 400)
    of = method(overlap=16, multiple_of=4)
    canvas = pixels.copy()

    def paint(bounds: Bounds, part: Any) -> None:
        canvas[bounds.slices()] = part

    done = do(pixels, of, starving(100 * 100, error, after), TilePlan(200, 16, CPU), on_tile=paint)
    whole = do(pixels, of, blur(4)).pixels
    assert np.abs(done.pixels.astype(int) - whole.astype(int)).max() <= 1
    assert done.plan.tile < 200
    assert "Memory ran out" in str(done.notes[0])
    np.testing.assert_array_equal(canvas, done.pixels)


def test_a_run_that_ran_out_of_memory_is_replayed_to_the_same_pixels() -> None:
    def levels(limit: int, after: int) -> Run:
        hungry = starving(limit, MemoryError(), after)

        def run(tile: Any, mask: Any, job: Any) -> Any:
            return hungry(tile, mask, job) * 0.5 + np.float32(0.5 * tile.shape[0] / 200)

        return run

    pixels = np.full((400, 500, 3), 128, np.uint8)
    of = method(overlap=64, multiple_of=4)
    first = do(pixels, of, levels(150 * 150, 3), TilePlan(240, 64, CPU))
    recorded = TilePlan.from_json(json.loads(json.dumps(first.plan.to_json())))
    again = do(pixels, of, levels(10**9, 0), recorded, visible=Bounds(0, 0, 9, 9))
    np.testing.assert_array_equal(again.pixels, first.pixels)
    assert again.plan == first.plan


@pytest.mark.parametrize("tiling", ["yes", "no"])
def test_where_even_the_smallest_tile_does_not_fit_it_is_reported(photo: Callable[..., Any], tiling: str) -> None:
    job = FakeJob()
    with pytest.raises(UserError, match="Memory ran out: Fake needs about"):
        do(photo(300, 300), method(tiling=tiling), starving(0, MemoryError()), job=job)
    assert len(job.ticks) == (1 if tiling == "no" else 5)  # tiles of 300, 150, 75, 37, 32


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    env = os.environ | {"PYTHONPATH": str(Path(room.__file__).parents[3])}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


LIMITED = """
import resource, sys
import numpy as np
from clarity_desktop.backend.methods.method import Method, ComputeTarget
from clarity_desktop.backend.restore import TilePlan, restore
if {torch}:
    import torch
class Job:
    def checkpoint(self): pass
    def report(self, *_, **__): pass
def run(tile, mask, job):
    need = tile.shape[0] * tile.shape[1] * 1000
    hold = torch.ones(need, dtype=torch.uint8) if {torch} else np.ones(need, np.uint8)
    return tile * np.float32(0.5)
of = Method("m", "M", ("denoise",), "", "", "", "", (), load=None, overlap=16)
pixels = np.random.default_rng(0).integers(0, 255, (1000, 1000, 3), np.uint8)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 500_000_000,) * 2)
plan = TilePlan(0, 16, ComputeTarget("cpu", "float32", 1))
done = restore(pixels, of, run, plan, job=Job(), on_tile=lambda b, p: None, reload=None)
assert (done.pixels == np.rint(pixels / 255 * 0.5 * 255 + 1e-9)).mean() > 0.45
assert np.abs(done.pixels.astype(int) * 2 - pixels).max() <= 1
print(done.plan.tile, len(done.notes))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limited address space is a matter of Linux")
@pytest.mark.parametrize("torch", [False, True])
def test_in_a_limited_address_space_the_work_is_done_in_smaller_tiles(torch: bool) -> None:
    tile, notes = map(int, python(LIMITED.format(torch=torch)).split())
    assert tile in (250, 500)
    assert notes >= 1


# Cancelling and progress ---------------------------------------------------------------------------------------------


def test_cancelling_between_tiles_ends_at_once(photo: Callable[..., Any]) -> None:
    seen: list[Bounds] = []
    with pytest.raises(JobCancelled):
        do(
            photo(400, 400),
            method(),
            identity,
            TilePlan(64, 8, CPU),
            job=FakeJob(3),
            on_tile=lambda b, p: seen.append(b),
        )
    assert len(seen) == 3


def test_cancelling_inside_a_tile_passes_through(photo: Callable[..., Any]) -> None:
    def run(tile: Any, mask: Any, job: Any) -> Any:
        job.checkpoint()
        return tile

    with pytest.raises(JobCancelled):
        do(photo(40, 40), method(), run, job=FakeJob(1))


def test_progress_rises_to_1_with_an_estimate_from_the_first_tile_on(photo: Callable[..., Any]) -> None:
    job = FakeJob()
    do(photo(300, 300), method(), starving(64 * 64, MemoryError(), 2), TilePlan(128, 8, CPU), job=job)
    fractions = [fraction for fraction, _, _ in job.ticks]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert str(job.ticks[0][1]) == "Tile 1 of 9"
    assert all(left is not None and left >= 0 for _, _, left in job.ticks)
    assert job.ticks[-1][2] == 0


def test_inside_a_long_tile_progress_goes_on_and_the_time_left_shrinks(photo: Callable[..., Any]) -> None:
    job = FakeJob()

    def run(tile: Any, mask: Any, job: Any) -> Any:
        for _ in range(8):
            time.sleep(0.1)
            job.checkpoint()
        return tile

    slow = replace(method(), speed=200.0)  # said to take 1.8 s for this photo
    do(photo(95, 95), slow, run, TilePlan(0, 8, CPU), job=job)
    inside = job.ticks[1:-1]
    assert len(inside) >= 2
    assert all(0 < fraction < 1 for fraction, _, _ in inside)
    lefts = [left for _, _, left in inside]
    assert lefts == sorted(lefts, reverse=True)


def test_the_time_left_rises_while_a_tile_takes_longer_than_expected() -> None:
    assert time_left(10, 4, 0) == 6
    assert time_left(10, 4, 2) == 26
    late = [time_left(1, elapsed, 0) for elapsed in (1, 5, 50)]
    assert late == sorted(late)
    assert late[-1] == pytest.approx(10)
    assert time_left(1, 10, 29) > 29 * 10  # those that follow take longer too


def test_the_speed_of_the_last_tiles_counts_most(photo: Callable[..., Any]) -> None:
    job, taken = FakeJob(), [0.0, 0.0, 0.0, 0.2, 0.0, 0.0]

    def run(tile: Any, mask: Any, job: Any) -> Any:
        time.sleep(taken.pop(0))
        return tile

    do(photo(300, 200), method(), run, TilePlan(100, 0, CPU), job=job)
    lefts = [left for _, _, left in job.ticks]
    assert max(lefts[1:]) == lefts[4]
    assert lefts[5] < lefts[4]


def test_a_draft_of_a_tile_is_painted_and_tells_how_long_the_tile_takes(photo: Callable[..., Any]) -> None:
    painted: list[tuple[Bounds, Any]] = []
    job = FakeJob()

    def run(tile: Any, mask: Any, viewer: Any) -> Any:
        assert isinstance(viewer, Viewer)
        viewer.show(0.5, np.full_like(tile, np.nan))  # what cannot be shown is not
        viewer.show(0.5, np.ones_like(tile))
        return tile * np.float32(0.5)

    source = photo(60, 40)
    of = method(multiple_of=64)
    done = do(source, of, run, TilePlan(0, 0, CPU), job=job, on_tile=lambda b, p: painted.append((b, p)), strength=0.5)
    assert [bounds for bounds, _ in painted] == [Bounds(0, 0, 60, 40)] * 2
    draft, result = (pixels for _, pixels in painted)
    assert draft.dtype == np.uint8
    assert (draft >= source).all()
    assert (result == done.pixels).all()
    fractions = [fraction for fraction, _, _ in job.ticks]
    assert fractions == sorted(fractions)


# Recipes -------------------------------------------------------------------------------------------------------------


def test_a_small_photo_is_planned_as_a_whole_and_a_large_one_by_memory() -> None:
    of = method(multiple_of=64, overlap=64, memory=10_000, base=100_000_000)
    assert plan(of, 300, 200, CPU, 4 * GB) == TilePlan(0, 64, CPU)
    large = plan(of, 8000, 6000, CPU, 4 * GB)
    assert large.tile % 64 == 0
    assert 448 <= large.tile <= 640
    assert large.overlap == 64
    assert large.tile**2 * 10_000 + 100_000_000 < 4 * GB
    assert plan(of, 8000, 6000, CPU, 2 * GB).tile < large.tile


def test_the_measured_tile_is_taken_where_it_fits() -> None:
    of = method(multiple_of=64, overlap=32, tile=384, memory=1000)
    assert plan(of, 2000, 2000, CPU, 16 * GB).tile == 384
    assert plan(of, 384, 300, CPU, 16 * GB).tile == 0
    assert plan(of, 540, 540, CPU, 16 * GB).tile == 0  # no more than two tiles
    assert plan(of, 550, 540, CPU, 16 * GB).tile == 384
    assert plan(replace(of, tiling="discouraged"), 2000, 2000, CPU, 16 * GB).tile == 0
    assert plan(replace(of, tiling="discouraged"), 2000, 2000, CPU, 1 * GB).tile == 832


def test_a_plan_that_cannot_be_carried_out_says_what_is_needed() -> None:
    with pytest.raises(UserError, match=r"needs about 1\.1 GB .* only 500 MB may be used"):
        plan(method(tiling="no", memory=1000, base=0), 1000, 988, CPU, GB // 2)
    with pytest.raises(UserError, match="Close other programs"):
        plan(method(memory=1000, base=2 * GB), 1000, 1000, CPU, GB)


def test_a_plan_for_fifty_megapixels_stays_below_six_gigabytes() -> None:
    of = method(multiple_of=64, overlap=64, tile=512, memory=12_000, base=200_000_000)
    recipe = plan(of, 8660, 5774, CPU, 5 * GB)
    assert recipe.tile >= 384


DEHAZING = METHODS["maxim-dehazing-outdoor"]


@pytest.mark.parametrize(
    ("preference", "free", "tile"), [(0.9, 64, 0), (0.5, 64, 1152), (0.9, 24, 2752), (0.5, 12, 1152), (0.2, 12, 768)]
)
def test_the_memory_preference_counts_at_every_size(preference: float, free: int, tile: int) -> None:
    """MAXIM dehazing of 12 megapixels: in one piece where it fits, else in tiles as large as is allowed."""
    choice = settings.Settings(memory_budget=preference)
    memory = room.budget(choice, free=free * GB), room.tile_budget(choice, free=free * GB)
    planned = plan(DEHAZING, 4000, 3000, CPU, *memory)
    assert planned.tile == tile
    assert room.seconds(DEHAZING, 4000, 3000, planned, {}) > 0


def test_fifty_megapixels_stay_below_six_gigabytes_by_default() -> None:
    choice = settings.Settings()
    memory = room.budget(choice, free=64 * GB), room.tile_budget(choice, free=64 * GB)
    planned = plan(DEHAZING, 8660, 5774, CPU, *memory)
    assert tile_plan.needed(DEHAZING, 8660, 5774, planned.tile) <= 4.5 * GB


def test_a_replay_uses_what_was_recorded() -> None:
    recipe = TilePlan(384, 32, ComputeTarget("cpu", "float32", 7), 5)
    assert replay(recipe, method(multiple_of=64, overlap=64), 2000, 2000, 16 * GB) == (recipe, None)


def test_a_replay_with_less_memory_takes_smaller_tiles_and_says_so() -> None:
    of = method(multiple_of=64, overlap=32, memory=10_000)
    recipe = TilePlan(1024, 32, CPU, 3)
    now, note = replay(recipe, of, 3000, 3000, 3 * GB)
    assert 0 < now.tile < 1024
    assert (now.overlap, now.seed, now.place) == (32, 3, CPU)
    assert "1024" in str(note)
    assert "pixels may differ" in str(note)
    whole, note = replay(TilePlan(0, 32, CPU), of, 3000, 3000, 3 * GB)
    assert whole.tile
    assert note
    with pytest.raises(UserError):
        replay(recipe, of, 3000, 3000, GB // 100)


def test_a_replay_on_a_machine_without_the_device_goes_on_with_the_cpu_and_says_so() -> None:
    recorded = TilePlan(256, 32, ComputeTarget("cuda", "float32", 2), 9)
    now, note = replay(recorded, method(tile=256), 900, 900, 16 * GB, available=lambda device: device == "cpu")
    assert (now.place.device, now.seed) == ("cpu", 9)
    assert "cuda" in str(note)


def test_a_record_that_does_not_suit_the_method_is_refused() -> None:
    with pytest.raises(UserError, match="does not suit"):
        replay(TilePlan(100, 10, CPU), method(multiple_of=64), 500, 500, GB)


@pytest.mark.parametrize(
    "recipe",
    [TilePlan(0, 0, CPU), TilePlan(512, 64, ComputeTarget("cuda", "bfloat16", 1), 7)],
)
def test_a_recipe_survives_its_record(recipe: TilePlan) -> None:
    assert TilePlan.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


GOOD = TilePlan(512, 64, CPU, 7).to_json()


@pytest.mark.parametrize(
    "recorded",
    [
        None, [], 7, {}, GOOD | {"tile": -1}, GOOD | {"tile": "512"}, GOOD | {"tile": True}, GOOD | {"tile": 10**12},
        GOOD | {"tile": 64}, GOOD | {"overlap": 1.5}, GOOD | {"overlap": None}, GOOD | {"device": "tpu"},
        GOOD | {"device": ["cpu"]}, GOOD | {"dtype": {}}, GOOD | {"threads": 0}, GOOD | {"threads": 10**9},
        GOOD | {"seed": -1}, {k: v for k, v in GOOD.items() if k != "dtype"},
    ],
)  # fmt: skip
def test_a_hostile_record_is_a_sentence(recorded: Any) -> None:
    with pytest.raises(UserError, match="recorded for this step"):
        TilePlan.from_json(recorded)


def test_a_record_of_an_earlier_release_is_read_without_its_finished_tiles() -> None:
    assert TilePlan.from_json(GOOD | {"kept": [[1024, [0, 3]]]}) == TilePlan(512, 64, CPU, 7)


def test_an_estimate_counts_the_shared_borders_and_prefers_this_machines_speed() -> None:
    of = method(speed=30.0, overlap=64, multiple_of=64)
    whole, tiled = TilePlan(0, 64, CPU), TilePlan(256, 64, CPU)
    assert room.seconds(of, 1024, 1024, whole, {}) == pytest.approx(31.5, abs=0.1)
    assert room.seconds(of, 1024, 1024, tiled, {}) > 1.3 * 31.5
    known = {hardware.speed_key(of, CPU): 3.0}
    assert room.seconds(of, 1024, 1024, whole, known) == pytest.approx(3.15, abs=0.01)


def test_a_restoration_teaches_the_estimate_this_machines_speed(photo: Callable[..., Any]) -> None:
    of, choice = method(speed=1000.0), settings.Settings(device="cpu", threads=2)
    assert room.estimate(of, 1000, 1000, choice) == 1000
    do(photo(400, 400), of, identity)
    assert room.estimate(of, 1000, 1000, choice) < 800  # a small photo counts little
    do(photo(1600, 1600), of, identity)
    assert room.estimate(of, 1000, 1000, choice) < 200


# The machine ---------------------------------------------------------------------------------------------------------


def test_measured_speeds_are_kept_and_count_by_their_megapixels() -> None:
    of = method(speed=10.0)
    assert hardware.speeds() == {}
    hardware.remember(of, CPU, 2.0, 8.0)
    hardware.remember(of, CPU, 1.0, 2.0)
    hardware.remember(of, CPU, 0.001, 99.0)  # too small to say anything
    assert hardware.speeds() == {"fake cpu float32 2": pytest.approx(5.2 + 2 / 3 * (2.0 - 5.2))}
    assert [f.name for f in settings.data_folder().iterdir()] == ["speeds.json"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "x", "b": -1, "c": null, "d": NaN, "e": true}', "\xff\xfe"])
def test_a_broken_file_of_speeds_counts_as_empty(text: str) -> None:
    settings.data_folder().mkdir(parents=True)
    (settings.data_folder() / "speeds.json").write_bytes(text.encode("latin-1"))
    assert hardware.speeds() == {}
    hardware.remember(method(speed=2.0), CPU, 1.0, 2.0)
    assert hardware.speeds() == {"fake cpu float32 2": 2.0}


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    assert 50_000_000 < room.free_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.skipif(sys.platform != "linux", reason="a limited address space is a matter of Linux")
def test_free_memory_sees_a_limited_address_space() -> None:
    code = (
        "import resource; from clarity_desktop.backend.restore import free_memory\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 123_000_000,) * 2)\n"
        "print(free_memory())"
    )
    free = int(python(code))
    assert 90_000_000 < free <= 123_000_000


@pytest.mark.parametrize(
    ("line", "folder", "limit", "used"),
    [
        ("0::/user/app", "user/app", "memory.max", "memory.current"),
        ("0::/user/app", "user", "memory.max", "memory.current"),
        ("4:cpu,memory:/app", "cpu,memory/app", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ],
)
def test_free_memory_sees_the_limits_of_control_groups(
    tmp_path: Path, line: str, folder: str, limit: str, used: str
) -> None:
    group = tmp_path / "cgroup" / folder
    group.mkdir(parents=True)
    (group / limit).write_text("1000\n")
    (group / used).write_text("900\n")
    (group / "memory.stat").write_text("anon 800\ninactive_file 50\n")
    (tmp_path / "membership").write_text(f"1:name=systemd:/x\n{line}\n")
    assert hardware.left_in_group(tmp_path / "cgroup", tmp_path / "membership") == 150


def test_a_control_group_without_a_limit_limits_nothing(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "membership").write_text("0::/\n")
    assert hardware.left_in_group(tmp_path, tmp_path / "membership") == hardware.NO_LIMIT


def test_the_place_follows_the_choice() -> None:
    choice = settings.Settings(device="cpu", threads=3)
    assert room.place(choice) == ComputeTarget("cpu", "float32", 3)
    assert room.place(replace(choice, device="auto"), lambda device: device == "mps").device == "mps"
    with pytest.raises(UserError, match="cuda"):
        room.place(replace(choice, device="cuda"), lambda device: device == "mps")
    auto = room.place(settings.Settings(), lambda device: device == "cpu")
    assert auto.device == "cpu"
    assert auto.threads >= 1


def test_the_sums_of_a_pixel_fit_their_type() -> None:
    assert FULL * 65535 + FULL // 2 < 2**31
