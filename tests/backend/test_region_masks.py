"""Operations on regions: what they select, what they leave, and that small regions of large photos stay small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from clarity_desktop.backend.regions import masks
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Region, Stroke

WIDTH, HEIGHT = 90, 60


def box(x: int, y: int, width: int, height: int) -> Region:
    return Region.rectangle(Bounds(x, y, width, height), WIDTH, HEIGHT)


def disc(x: float, y: float, radius: float, width: int = WIDTH, height: int = HEIGHT) -> Region:
    return masks.paint(None, [Stroke(((x, y),), radius)], width, height)


def area(region: Region) -> float:
    return float((region.mask / 255).sum())


def test_combinations_agree_with_the_same_on_whole_masks() -> None:
    a, b = disc(30, 30, 20), disc(50, 28, 15)
    fa, fb = a.full(), b.full()
    assert np.array_equal(masks.add(a, b).full(), np.maximum(fa, fb))
    assert np.array_equal(masks.subtract(a, b).full(), np.minimum(fa, 255 - fb))
    assert np.array_equal(masks.intersect(a, b).full(), np.minimum(fa, fb))
    assert np.array_equal(masks.invert(a).full(), 255 - fa)
    assert np.array_equal(masks.union([a, b, box(80, 50, 5, 5)]).full()[50:55, 80:85], np.full((5, 5), 255))


@pytest.mark.parametrize(
    "nothing",
    [
        lambda: masks.intersect(box(0, 0, 10, 10), box(20, 20, 10, 10)),
        lambda: masks.subtract(box(5, 5, 10, 10), box(0, 0, 30, 30)),
        lambda: masks.invert(box(0, 0, WIDTH, HEIGHT)),
        lambda: masks.grow(box(5, 5, 10, 10), -6),
        lambda: masks.paint(None, [Stroke(((500.0, 500.0),), 4)], WIDTH, HEIGHT),
        lambda: masks.paint(box(5, 5, 4, 4), [Stroke(((7.0, 7.0),), 20, erase=True)], WIDTH, HEIGHT),
        lambda: masks.lasso([(1, 1), (20, 20)], WIDTH, HEIGHT),
        lambda: masks.lasso([(200, 1), (220, 20), (240, 4)], WIDTH, HEIGHT),
        lambda: masks.union([]),
        lambda: masks.from_logits(np.full((64, 64), -1, np.float32), WIDTH, HEIGHT),
    ],
)
def test_a_region_that_would_be_empty_is_refused(nothing) -> None:
    with pytest.raises(UserError, match="would select nothing"):
        nothing()


def test_regions_of_other_photos_are_refused() -> None:
    other = Region.rectangle(Bounds(0, 0, 5, 5), 10, 10)
    for work in (masks.add, masks.subtract, masks.intersect):
        with pytest.raises(UserError, match="10 × 10 pixels, but this one has 90 × 60"):
            work(box(0, 0, 5, 5), other)
    with pytest.raises(UserError, match="Nothing was changed"):
        masks.paint(other, [], WIDTH, HEIGHT)


def test_positions_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="not a number"):
        masks.paint(None, [Stroke(((float("nan"), 3.0),), 4)], WIDTH, HEIGHT)


def test_growing_and_shrinking_move_the_edge_by_whole_pixels() -> None:
    region = box(30, 20, 20, 16)
    grown = masks.grow(region, 3)
    assert (grown.bounds.x, grown.bounds.right) == (27, 53)
    row = grown.full()[28]
    assert row[27] == row[52] == 255
    assert row[26] == row[53] == 0
    assert np.array_equal(masks.grow(region, -4).full(), box(34, 24, 12, 8).full())


def test_the_border_of_the_photo_is_no_edge() -> None:
    left = box(0, 0, 40, HEIGHT)
    assert masks.grow(left, -5).bounds == Bounds(0, 0, 35, HEIGHT)
    assert masks.feather(left, 8).full()[30, 0] == 255


def test_growing_keeps_soft_parts() -> None:
    soft = masks.feather(disc(40, 30, 20), 8)
    assert (masks.grow(soft, 2).full() >= soft.full()).all()


def test_feather_works_inwards() -> None:
    region = disc(40, 30, 20)
    soft = masks.feather(region, 6).full()
    assert (soft[region.full() == 0] == 0).all()
    assert soft[30, 40] == 255
    assert 0 < soft[30, 22] < 255


@pytest.mark.parametrize("radius", [0.5, 2, 8])
def test_a_region_narrower_than_its_soft_edge_keeps_its_middle(radius: float) -> None:
    region = disc(40, 30, radius) if radius > 1 else Region.rectangle(Bounds(40, 30, 1, 1), WIDTH, HEIGHT)
    soft = masks.feather(region, 16).full()
    assert soft[30, 40] == 255
    assert (soft[region.full() == 0] == 0).all()


def test_strokes_are_painted_and_erased_in_order() -> None:
    line = Stroke(((10.0, 30.0), (70.0, 30.0)), 5)
    painted = masks.paint(None, [line], WIDTH, HEIGHT)
    assert area(painted) == pytest.approx(60 * 10 + np.pi * 25, rel=0.03)
    erased = masks.paint(painted, [Stroke(((40.0, 30.0),), 8, erase=True)], WIDTH, HEIGHT)
    assert erased.full()[30, 40] == 0
    assert erased.full()[30, 20] == 255
    again = masks.paint(painted, [Stroke(((40.0, 30.0),), 8, erase=True), line], WIDTH, HEIGHT)
    assert again.full()[30, 40] == 255


def test_a_click_of_the_brush_is_a_disc_around_the_point() -> None:
    drawn = disc(40.0, 30.0, 10)
    assert area(drawn) == pytest.approx(np.pi * 100, rel=0.06)
    ys, xs = np.nonzero(drawn.full())
    # A pixel's center is half a pixel from its corner.
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((40, 30), abs=0.1)


def test_a_soft_brush_fades_to_its_edge() -> None:
    row = masks.paint(None, [Stroke(((40.0, 30.0),), 16, 0.25)], WIDTH, HEIGHT).full()[30, 40:58].astype(int)
    assert row[0] == 255
    assert (np.diff(row) <= 0).all()
    assert 0 < row[10] < 255


def test_a_brush_that_leaves_the_photo_paints_what_is_inside() -> None:
    region = masks.paint(None, [Stroke(((-40.0, 30.0), (10.0, 30.0)), 6)], WIDTH, HEIGHT)
    assert region.bounds.x == 0
    assert region.full()[30, 3] == 255


def test_the_lasso_selects_what_it_encloses() -> None:
    region = masks.lasso([(10, 10), (50, 10), (50, 40), (10, 40)], WIDTH, HEIGHT)
    assert area(region) == pytest.approx(40 * 30, rel=0.08)
    assert region.full()[25, 30] == 255
    assert region.full()[5, 5] == 0


def test_refining_moves_a_rough_edge_to_that_of_the_object() -> None:
    width, height = 300, 200
    truth = disc(150, 100, 60, width, height).full() > 127
    photo = np.where(truth[..., None], np.uint8([200, 120, 60]), np.uint8([40, 90, 140])).astype(np.uint8)
    rough = masks.grow(disc(152, 101, 58, width, height), 4)

    def iou(region: Region) -> float:
        found = region.full() > 127
        return float((found & truth).sum() / (found | truth).sum())

    refined = masks.refine(rough, lambda part: photo[part.slices()], 12)
    assert iou(refined) > 0.98 > iou(rough)
    far = cv2.distanceTransform((rough.full() > 127).astype(np.uint8), cv2.DIST_L2, 5) > 30
    assert (refined.full()[far] == 255).all()


def test_refining_reads_only_what_lies_along_the_edge() -> None:
    width, height = 6000, 4000
    region = Region.rectangle(Bounds(500, 500, 4000, 3000), width, height)
    read: list[int] = []

    def photo(part: Bounds) -> np.ndarray:
        read.append(part.area)
        return np.zeros((part.height, part.width, 3), np.uint16)

    masks.refine(region, photo, 4)
    assert sum(read) < 0.8 * width * height


def test_a_small_region_of_a_large_photo_stays_small() -> None:
    width, height = 12_000, 9000
    region = disc(6000, 4500, 40, width, height)
    for changed in (
        masks.grow(region, 10), masks.grow(region, -10), masks.feather(region, 10), masks.add(region, region),
        masks.paint(region, [Stroke(((6030.0, 4500.0), (6060.0, 4510.0)), 9, 0.5)], width, height),
        masks.refine(region, lambda part: np.zeros((part.height, part.width, 3), np.uint8), 6),
    ):  # fmt: skip
        assert changed.mask.nbytes < 40_000


@pytest.mark.parametrize(("width", "height"), [(90, 60), (1000, 700), (3000, 2100), (40_000, 50)])
def test_logits_become_the_region_where_they_are_positive(width: int, height: int) -> None:
    rows, columns = np.mgrid[0:64, 0:96] + 0.5
    logits = (20 - np.hypot((columns - 40) * 1.0, (rows - 30) * 1.0)).astype(np.float32)
    region = masks.from_logits(logits, width, height)
    expected = np.pi * 400 * (width / 96) * (height / 64)
    assert (region.mask > 0).sum() == pytest.approx(expected, rel=0.03)
    ys, xs = np.nonzero(region.mask)
    center = (xs.mean() + 0.5 + region.bounds.x) * 96 / width, (ys.mean() + 0.5 + region.bounds.y) * 64 / height
    assert center == pytest.approx((40, 30), abs=0.3)
    assert set(np.unique(region.mask)) <= {0, 255}


def test_logits_agree_with_one_enlargement_of_all() -> None:
    rng = np.random.default_rng(3)
    logits = cv2.GaussianBlur(rng.normal(size=(80, 120)).astype(np.float32), (0, 0), 5) * 40
    region = masks.from_logits(logits, 1500, 1000)
    whole = cv2.resize(logits, (1500, 1000), interpolation=cv2.INTER_LINEAR) > 0
    assert ((region.full() > 0) != whole).mean() < 0.01


def test_a_region_is_scaled_to_another_photo() -> None:
    region = disc(40, 30, 20)
    larger = masks.scaled(region, 2 * WIDTH, 2 * HEIGHT)
    assert area(larger) == pytest.approx(4 * area(region), rel=0.03)
    smaller = masks.scaled(region, WIDTH // 3, HEIGHT // 3)
    assert area(smaller) == pytest.approx(area(region) / 9, rel=0.1)
    assert masks.scaled(region, WIDTH, HEIGHT) is region


def test_the_core_of_a_region_holds_nothing_else() -> None:
    assert masks.core(box(10, 10, 40, 30)) == Bounds(10, 10, 40, 30)
    corner = masks.union([Region.rectangle(Bounds(*b), 600, 400) for b in ((0, 0, 600, 40), (0, 0, 100, 400))])
    inside = masks.core(corner)
    assert inside.width == inside.height >= 95
    assert corner.within(inside).min() == 255
    line = Region.rectangle(Bounds(0, 0, 600, 5), 600, 400)
    assert masks.core(masks.union([line, Region.rectangle(Bounds(0, 0, 5, 400), 600, 400)])) == Bounds(0, 0, 600, 400)


def test_the_thumbnail_shows_where_the_region_lies() -> None:
    small = masks.thumbnail(Region.rectangle(Bounds(500, 100, 300, 200), 1000, 600), 100)
    assert small.shape == (60, 100)
    assert np.array_equal(np.argwhere(small > 0)[[0, -1]], [[10, 50], [29, 79]])
    assert masks.thumbnail(Region.rectangle(Bounds(9999, 9999, 1, 1), 10_000, 10_000), 64).any()
