"""What the detector sees, how the network is run, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from clarity_desktop.backend import detect
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.nets import detector
from clarity_desktop.backend.pictures import save
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import JobCancelled, ModelMissing
from clarity_desktop.values import CLASSES, DEGRADATIONS, Detection, ExportOptions, Picture

Photo = Callable[..., np.ndarray]
RESOURCES = Path(__file__).parents[2] / "resources"
SHIPPED = RESOURCES / "weights" / "clarity-detector.safetensors"

CATALOG = f"""
[[model]]
id = "clarity-detector"
title = "Clarity, detector"
licence = "MIT"
format = "safetensors"
sources = [{{ bundled = "weights/not there.safetensors" }}]
file = "clarity-detector.safetensors"
size = 10
sha256 = "{"0" * 64}"
"""


def test_the_sizes_are_those_of_the_network() -> None:
    assert (detect.OVERVIEW, detect.CROP) == (detector.OVERVIEW, detector.CROP)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("width", "height", "crops"),
    [(1, 1, 1), (20, 30, 1), (128, 128, 1), (129, 40, 2), (400, 300, 12), (300, 400, 12), (3000, 2000, 6 + 6)],
)
def test_a_photo_of_any_size_is_analyzed(photo: Photo, width: int, height: int, crops: int, depth: int) -> None:
    seen = detect.sample_views(photo(width, height, depth))
    assert seen.overview.shape == (224, 224, 3)
    assert seen.crops.shape == (crops, 128, 128, 3)
    assert seen.places.shape == (len(seen.crops), 5)
    assert seen.overview.dtype == seen.crops.dtype == np.uint8
    assert seen.places.dtype == np.float32
    centre, size = seen.places[:, :2], seen.places[:, 2:4]
    assert (size > 0).all()
    assert (centre - size / 2 >= -1e-6).all()
    assert (centre + size / 2 <= 1 + 1e-6).all()


def test_a_crop_is_the_part_of_the_photo_that_its_place_names(photo: Photo) -> None:
    pixels = photo(400, 300)
    seen = detect.sample_views(pixels)
    for crop, (x, y, w, h, reduced) in zip(seen.crops, seen.places, strict=True):
        left, top = round((x - w / 2) * 400), round((y - h / 2) * 300)
        assert np.array_equal(crop, pixels[top : top + 128, left : left + 128])
        assert reduced == 0


def test_together_the_crops_reach_all_sides(photo: Photo) -> None:
    """Not all of a large photo is looked at, but a part of each half and third."""
    for width, height in ((400, 300), (1400, 500), (500, 1400)):
        places = detect.sample_views(photo(width, height)).places
        assert places[:, :2].min(0).max() < 0.34
        assert places[:, :2].max(0).min() > 0.66


def test_a_large_photo_is_also_analyzed_reduced(photo: Photo) -> None:
    reduced = detect.sample_views(photo(1920, 1080)).places[:, 4]
    assert set(np.round(reduced, 4)) == {0, np.round(np.float32(np.log2(1920 / 768)), 4)}
    assert not detect.sample_views(photo(1500, 1080)).places[:, 4].any()


def test_shift_moves_the_crops_within_the_photo(photo: Photo) -> None:
    pixels = photo(500, 400)
    places = [detect.sample_views(pixels, lambda s=s: s).places for s in (0.0, 0.5, 1.0)]
    assert (places[0][:, 0] <= places[1][:, 0]).all()
    assert (places[1][:, 0] <= places[2][:, 0]).all()
    assert places[0][:, 0].sum() < places[2][:, 0].sum()


def test_a_photo_smaller_than_a_crop_is_mirrored(photo: Photo) -> None:
    pixels = photo(20, 30)
    [crop] = detect.sample_views(pixels).crops
    assert np.array_equal(crop[:30, :20], pixels)
    assert np.array_equal(crop[:30, 20:40], pixels[:, ::-1])
    assert np.array_equal(crop[30:60, :20], pixels[::-1])


# What the answer means ------------------------------------------------------------------------------------------------

PLACES = np.array([[0.25, 0.25, 0.3, 0.3, 0], [0.75, 0.25, 0.3, 0.3, 0], [0.5, 0.75, 0.3, 0.3, 1]], np.float32)


def outputs(**given: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    shapes = {"classes": 15, "found": 13, "severity": 13, "heat": (detector.GRID**2 + len(PLACES), 13)}
    return {k: rng.normal(0, 3, shape).astype(np.float32) for k, shape in shapes.items()} | given


def test_the_classes_are_ordered_and_their_probabilities_sum_to_one() -> None:
    answer = detect.to_detection(outputs(), PLACES)
    names, odds = zip(*answer.top, strict=True)
    assert sorted(names) == sorted(CLASSES)
    assert list(odds) == sorted(odds, reverse=True)
    assert sum(odds) == pytest.approx(1)
    assert names[0] == CLASSES[int(outputs()["classes"].argmax())]


def test_all_degradations_get_a_probability_and_a_severity() -> None:
    given = outputs(found=np.linspace(-4, 4, 13).astype(np.float32), severity=np.linspace(4, -4, 13).astype(np.float32))
    answer = detect.to_detection(given, PLACES)
    assert tuple(answer.found) == DEGRADATIONS
    assert all(0 < f.probability < 1 and 0 < f.severity < 1 for f in answer.found.values())
    assert answer.found["rain streak"].probability == pytest.approx(1 / (1 + np.exp(4)))
    assert answer.found["rain streak"].severity == pytest.approx(1 / (1 + np.exp(-4)))


def test_extreme_logits_are_no_trouble() -> None:
    answer = detect.to_detection(outputs(classes=np.array([3e4] + [-3e4] * 14, np.float32)), PLACES)
    assert answer.top[0] == ("normal", 1.0)
    assert sum(p for _, p in answer.top) == 1


def test_heat_is_where_the_tokens_see_it() -> None:
    k = DEGRADATIONS.index("watermark")
    logits = np.full((detector.GRID**2 + len(PLACES), 13), -6, np.float32)
    logits[: detector.GRID**2].reshape(detector.GRID, detector.GRID, 13)[:3, :3, k] = 6
    logits[detector.GRID**2, k] = 6  # the crop at the upper left
    heat = detect.to_detection(outputs(heat=logits), PLACES).heat
    assert heat.shape == (detect.HEAT, detect.HEAT, 13)
    assert heat.dtype == np.uint8
    assert heat[:2, :2, k].min() > 240
    assert heat[5:, 5:, k].max() < 15
    assert np.delete(heat, k, 2).max() < 15


# Asking the network ---------------------------------------------------------------------------------------------------


class StoreOf(WeightStore):
    """A store that has one file for whatever it is asked for."""

    def __init__(self, file: Path) -> None:
        super().__init__({}, file.parent)
        self._file = file

    def need(self, ids: Iterable[str]) -> dict[str, Path]:
        return dict.fromkeys(ids, self._file)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    net = detector.Detector()
    net.prompts.normal_()
    path = tmp_path_factory.mktemp("weights") / "clarity-detector.safetensors"
    save_file({k: v.half() if v.dim() > 1 else v for k, v in net.state_dict().items()}, path)
    return path


@pytest.fixture
def find(file: Path) -> Callable[..., Detection]:
    """find(pixels, checkpoint): a detection by a network with random weights."""
    return partial(detect.detect, models=ModelCache(), store=StoreOf(file))


@pytest.fixture(scope="module")
def find_shipped() -> Callable[..., Detection]:
    """find_shipped(pixels): a detection by the network that the program comes with."""
    return partial(detect.detect, models=ModelCache(), store=StoreOf(SHIPPED))


def test_the_same_photo_gets_the_same_answer_and_another_photo_another(
    find_shipped: Callable[..., Detection], photo: Photo
) -> None:
    """With random weights the features nearly vanish, and bfloat16 rounds what is left of them to the same numbers."""
    one, again, other = (find_shipped(pixels) for pixels in (photo(200, 150), photo(200, 150), 255 - photo(200, 150)))
    assert one.top == again.top
    assert one.found == again.found
    assert np.array_equal(one.heat, again.heat)
    assert one.found != other.found
    assert sum(p for _, p in one.top) == pytest.approx(1)
    assert len(one.top) == 15
    assert len(one.found) == 13
    assert one.heat.shape == (8, 8, 13)


@pytest.mark.parametrize("depth", [8, 16])
def test_even_a_single_pixel_gets_an_answer(find: Callable[..., Detection], photo: Photo, depth: int) -> None:
    answer = find(photo(1, 1, depth))
    assert np.isfinite([f.probability for f in answer.found.values()]).all()


@pytest.mark.parametrize(("width", "height"), [(224, 224), (1700, 900)])
def test_a_photo_of_16_bits_looks_as_its_export_to_8_bits(
    photo: Photo, tmp_path: Path, width: int, height: int
) -> None:
    deep = photo(width, height, 16)
    export = save(Picture(deep), ExportOptions(tmp_path / "export.png", depth=8), None)
    assert export
    with Image.open(export) as opened:
        eight = detect.sample_views(np.asarray(opened.convert("RGB")))
    sixteen = detect.sample_views(deep)
    assert np.array_equal(sixteen.overview, eight.overview)
    assert np.array_equal(sixteen.crops, eight.crops)
    assert np.array_equal(sixteen.places, eight.places)


@pytest.mark.parametrize("at", [1, 2])
def test_cancelling_passes_through(find: Callable[..., Detection], photo: Photo, at: int) -> None:
    calls: list[int] = []

    def checkpoint() -> None:
        calls.append(1)
        if len(calls) == at:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        find(photo(64, 64), checkpoint)
    assert len(calls) == at
    assert find(photo(64, 64), checkpoint).top
    assert len(calls) > at + 1


def test_a_missing_file_is_named(photo: Photo, tmp_path: Path) -> None:
    store = WeightStore(parse(CATALOG), tmp_path)
    with pytest.raises(ModelMissing, match="Clarity, detector"):
        detect.detect(photo(64, 64), models=ModelCache(), store=store)


def test_the_shipped_detector_minds_its_crops() -> None:
    """The same overview with a noisy sensor's crops beside it: the noise is not in the overview at all."""
    with Image.open(RESOURCES / "samples" / "haze.jpg") as sample:
        seen = detect.sample_views(np.asarray(sample.convert("RGB")))
    grain = np.random.default_rng(0).normal(0, 25, seen.crops.shape)
    noisy = replace(seen, crops=(seen.crops + grain).clip(0, 255).astype(np.uint8))
    net = detect.load(SHIPPED)
    clean, with_noise = (
        detect.to_detection({k: v[0] for k, v in detect.logits(net, v).items()}, v.places) for v in (seen, noisy)
    )
    assert clean.found["noise"].probability < 0.2 < 0.6 < with_noise.found["noise"].probability
