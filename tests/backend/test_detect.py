"""What the detector sees, how the network is run, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def test_the_strides_are_those_of_the_network() -> None:
    assert (detect.STRIDE, detect.MAP_STRIDE) == (detector.STRIDE, detector.MAP_STRIDE)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("width", "height", "whole", "size", "parts"),
    [
        (1, 1, (64, 64), (1, 1), 0), (20, 300, (320, 64), (300, 20), 0), (400, 300, (320, 416), (300, 400), 0),
        (800, 600, (480, 640), (480, 640), 0), (1200, 900, (480, 640), (480, 640), 5),
        (2000, 200, (64, 640), (64, 640), 0),
    ],
)  # fmt: skip
def test_a_photo_of_any_size_is_analyzed(
    photo: Photo, width: int, height: int, whole: tuple[int, int], size: tuple[int, int], parts: int, depth: int
) -> None:
    seen = detect.sample_views(photo(width, height, depth))
    assert seen.whole.shape == (*whole, 3)
    assert seen.size == size
    assert seen.close.shape == (parts, detect.CLOSE, detect.CLOSE, 3)
    assert seen.whole.dtype == seen.close.dtype == np.uint8


def test_a_photo_that_fits_is_seen_pixel_by_pixel_and_continued_by_reflection(photo: Photo) -> None:
    pixels = photo(80, 70)
    seen = detect.sample_views(pixels).whole
    assert np.array_equal(seen[:70, :80], pixels)
    assert np.array_equal(seen[:70, 80:96], pixels[:, :63:-1])
    assert np.array_equal(seen[70:96, :80], pixels[:43:-1])


def test_parts_at_full_size_are_the_most_and_the_least_detailed_of_the_photo() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((1280, 1280, 3), 128, np.uint8)
    pixels[:, 800:] = np.kron(rng.integers(0, 256, (64, 24, 3), np.uint8), np.ones((20, 20, 1), np.uint8))
    detailed, smooth = np.split(detect.sample_views(pixels).close, [3])
    assert all(part.std() > 30 for part in detailed)
    assert all(part.std() == 0 for part in smooth)


# What the answer means ------------------------------------------------------------------------------------------------

SIZE = (60, 90)
"""Rows and columns of the photo in a view of 64×96."""


def outputs(**given: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    shapes = {"classes": 15, "found": 13, "severity": 13, "quality": 1, "map": (13, 8, 12)}
    return {k: rng.normal(0, 3, shape).astype(np.float32) for k, shape in shapes.items()} | given


def test_the_classes_are_ordered_and_their_probabilities_sum_to_one() -> None:
    answer = detect.to_detection(outputs(), SIZE)
    names, odds = zip(*answer.top, strict=True)
    assert sorted(names) == sorted(CLASSES)
    assert list(odds) == sorted(odds, reverse=True)
    assert sum(odds) == pytest.approx(1)
    assert names[0] == CLASSES[int(outputs()["classes"].argmax())]


def test_all_degradations_get_a_probability_and_a_severity() -> None:
    given = outputs(found=np.linspace(-4, 4, 13).astype(np.float32), severity=np.linspace(4, -4, 13).astype(np.float32))
    answer = detect.to_detection(given, SIZE)
    assert tuple(answer.found) == DEGRADATIONS
    assert all(0 < f.probability < 1 and 0 < f.severity < 1 for f in answer.found.values())
    assert answer.found["rain streak"].probability == pytest.approx(1 / (1 + np.exp(4)))
    assert answer.found["rain streak"].severity == pytest.approx(1 / (1 + np.exp(-4)))
    assert answer.close == {}


def test_extreme_logits_are_no_trouble() -> None:
    answer = detect.to_detection(outputs(classes=np.array([3e4] + [-3e4] * 14, np.float32)), SIZE)
    assert answer.top[0] == ("normal", 1.0)
    assert sum(p for _, p in answer.top) == 1


def test_heat_is_where_the_map_sees_it_and_ends_with_the_photo() -> None:
    k = DEGRADATIONS.index("watermark")
    logits = np.full((13, 8, 12), -6, np.float32)
    logits[k, :3, :4] = 6
    heat = detect.to_detection(outputs(map=logits), (30, 90)).heat
    assert heat.shape == (4, 12, 13)
    assert heat.dtype == np.uint8
    assert heat[:3, :4, k].min() > 240
    assert heat[3, :, k].max() < 15
    assert np.delete(heat, k, 2).max() < 15
    large = np.full((13, 60, 80), -6, np.float32)
    assert detect.to_detection(outputs(map=large), (480, 640)).heat.shape == (36, detect.HEAT, 13)


def test_a_part_that_is_sharp_is_enough_and_one_with_noise_is_not() -> None:
    found = np.full((5, 13), -5, np.float32)
    blur, noise, blocks = (DEGRADATIONS.index(name) for name in detect.CLOSE_DEGRADATIONS)
    found[:, blur], found[1, blur] = 5, -5
    found[4, noise] = found[2, blocks] = found[3, blocks] = 5
    close = {"found": found, "severity": np.zeros((5, 13), np.float32)}
    seen = detect.to_detection(outputs(), SIZE, close).close
    assert seen["blur"].probability < 0.01
    assert seen["noise"].probability < 0.01
    assert seen["JPEG"].probability > 0.99


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
    assert one.heat.shape == (19, 25, 13)


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
    assert np.array_equal(sixteen.whole, eight.whole)
    assert np.array_equal(sixteen.close, eight.close)


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


def test_the_shipped_detector_sees_noise_at_full_size_of_a_photo_that_hides_it_when_reduced() -> None:
    with Image.open(RESOURCES / "samples" / "haze.jpg") as sample:
        large = np.asarray(sample.convert("RGB").resize((3000, 2000), Image.Resampling.LANCZOS))
    grain = np.random.default_rng(0).normal(0, 25, large.shape)
    noisy = (large + grain).clip(0, 255).astype(np.uint8)
    net = detect.load(SHIPPED)
    clean, with_noise = (detect.look(net, detect.sample_views(pixels)) for pixels in (large, noisy))
    assert clean.close["noise"].probability < 0.3 < 0.6 < with_noise.close["noise"].probability
