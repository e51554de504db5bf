"""The classical methods: what they compute, and that they leave alone what needs no restoration."""

from __future__ import annotations

from typing import Any

import cv2 as typed_cv2
import numpy as np
import pytest

from clarity_desktop.backend.methods import METHODS, ComputeTarget, ContextAware, Method, choose, classical, filters
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.messages import JobCancelled
from clarity_desktop.titles import method_name, method_strength
from clarity_desktop.values import Mask, Task, Tile

cv2: Any = typed_cv2


class _Job:
    """Counts checkpoints; cancelled after a number of them."""

    def __init__(self, limit: int = 1_000_000) -> None:
        self.count, self._limit = 0, limit

    def checkpoint(self) -> None:
        self.count += 1
        if self.count > self._limit:
            raise JobCancelled


def run(name: str, tile: Tile, mask: Mask | None = None, task: Task | None = None, job: _Job | None = None) -> Tile:
    """Run a classical method on a whole photo (float32 H×W×3, 0..1), as the program does."""
    method = METHODS[name]
    loaded = method.load({}, ComputeTarget(), task or method.tasks[0])
    job = job or _Job()
    if isinstance(loaded, ContextAware):
        loaded = loaded.for_photo(tile, mask, job)
    return loaded(tile, mask, job)


@pytest.fixture(scope="module")
def photo() -> Tile:
    """Smooth shapes with sharp edges and a little texture: float32 160×200×3, 0..1."""
    y, x = np.mgrid[:160, :200].astype(np.float32)
    out = np.dstack([0.3 + 0.3 * np.sin(x / 37), 0.4 + 0.2 * np.cos(y / 29), 0.5 + 0.2 * np.sin((x + y) / 53)])
    out[30:70, 40:110] = (0.8, 0.2, 0.1)
    cv2.circle(out, (150, 110), 30, (0.05, 0.3, 0.7), -1)
    out[::8, 130:] *= 0.7
    return out.clip(0, 1).astype(np.float32)


def psnr(a: Any, b: Any) -> float:
    return float(-10 * np.log10(max(1e-9, np.mean((a.clip(0, 1).astype(np.float64) - b) ** 2))))


def test_a_shadow_is_brightened_and_a_photo_without_one_stays(photo: Tile) -> None:
    rng = np.random.default_rng(3)
    ground = cv2.GaussianBlur(rng.random((160, 200, 3)).astype(np.float32), (0, 0), 2)
    ground = (0.55 + 0.6 * (ground - ground.mean())).clip(0.2, 0.95).astype(np.float32)
    where = np.zeros((160, 200), np.float32)
    cv2.ellipse(where, (90, 80), (50, 35), 20, 0, 360, 1.0, -1)
    where = cv2.GaussianBlur(where, (0, 0), 1.5)[..., None]
    dark = filters.encoded(filters.linear(ground) * (1 - where * (1 - np.float32([0.3, 0.33, 0.38]))))
    result = run("shadow-relight", dark)
    assert psnr(result, ground) > psnr(dark, ground) + 6
    assert run("shadow-relight", ground) is ground
    assert psnr(run("shadow-relight", photo), photo) > 38


# The table -----------------------------------------------------------------------------------------------------------


def test_every_task_of_a_camera_works_without_a_download(tmp_path: Any) -> None:
    """Our networks come first; a hole is filled better by the classical method."""
    empty = WeightStore(catalog(), tmp_path)
    defaults: dict[Task, str] = {
        "denoise": "clarity-denoise", "low_light": "clarity-all", "overexposure": "clarity-all",
        "derain": "clarity-weather", "desnow": "clarity-weather", "deflare": "clarity-all",
        "deshadow": "shadow-relight", "dehaze": "clarity-weather", "deblur": "richardson-lucy",
        "dejpeg": "clarity-jpeg", "inpaint": "opencv-navier-stokes", "upscale": "rlfn-x4",
    }  # fmt: skip
    assert {task: choose(task, store=empty).id for task in defaults} == defaults


def test_networks_come_before_classical_methods() -> None:
    names = [m.id for m in METHODS.values()]
    own = [m.id for m in classical.METHODS]
    assert [n for n in names if n in own] == own
    assert set(names[names.index(own[0]) :]) == {*own, "clarity-fill"}


@pytest.mark.parametrize("method", classical.METHODS, ids=lambda m: m.id)
def test_each_says_its_name_and_what_to_expect(method: Method) -> None:
    assert not isinstance(method_name(method.id), str)
    assert all(method_strength(method.id, task) for task in method.tasks)
    assert method.weights == ()
    assert all(gain > 0 for gain in method.gains.values())


@pytest.mark.parametrize("method", classical.METHODS, ids=lambda m: m.id)
@pytest.mark.parametrize("shape", [(1, 1), (3, 70)])
def test_a_tiny_photo_is_no_error(method: Method, shape: tuple[int, int]) -> None:
    tile = np.full((*shape, 3), 0.25, np.float32)
    mask = np.zeros(shape, np.uint8)
    mask[0, 0] = 255
    out = run(method.id, tile, mask if method.needs_mask and shape != (1, 1) else None)
    assert out.shape == (shape[0] * method.scale, shape[1] * method.scale, 3)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


@pytest.mark.parametrize("method", classical.METHODS, ids=lambda m: m.id)
def test_the_input_is_not_changed_and_cancelling_ends_it(method: Method, photo: Tile) -> None:
    given = (photo + 0.05 * np.random.default_rng(1).standard_normal(photo.shape)).clip(0, 1).astype(np.float32)
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[100:110, 50:150] = 255
    before = given.copy()
    run(method.id, given, mask)
    assert np.array_equal(given, before)
    with pytest.raises(JobCancelled):
        run(method.id, given, mask, job=_Job(0))


# Noise and light -----------------------------------------------------------------------------------------------------


def test_non_local_means_in_pieces_equals_one_call(photo: Tile) -> None:
    photo = np.hstack([photo, photo[:, ::-1]])[:60]
    noisy = (photo + 0.08 * np.random.default_rng(2).standard_normal(photo.shape)).clip(0, 1).astype(np.float32)
    level = 255 * filters.noise_level(noisy)
    assert level == pytest.approx(0.08 * 255 * np.sqrt(0.299**2 + 0.587**2 + 0.114**2), rel=0.15)
    at_once = cv2.fastNlMeansDenoisingColored(
        np.ascontiguousarray(filters.as_8bit(noisy)[..., ::-1]), None, level, 4 * level, 7, 15
    )[..., ::-1]
    out = run("nl-means", noisy)
    assert np.abs(filters.as_8bit(out).astype(int) - at_once).max() <= 1
    assert psnr(out, photo) > psnr(noisy, photo) + 4


def test_without_noise_nothing_is_smoothed(photo: Tile) -> None:
    assert np.array_equal(run("nl-means", np.full_like(photo, 0.5)), np.full_like(photo, 0.5))


def test_the_tone_curve_leads_to_the_middle_and_never_the_other_way() -> None:
    dark, bright = np.full((8, 8, 3), 0.1, np.float32), np.full((8, 8, 3), 0.9, np.float32)
    assert run("tone-curve", dark, task="low_light") == pytest.approx(0.4, abs=0.01)
    assert run("tone-curve", bright, task="low_light") == pytest.approx(0.9)
    assert run("tone-curve", dark, task="overexposure") == pytest.approx(0.1)
    assert run("tone-curve", bright, task="overexposure").max() < 0.7


def test_equalization_leaves_an_even_histogram_and_keeps_fine_gradations() -> None:
    even = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 8))[..., None].repeat(3, 2)
    assert run("clahe", even) == pytest.approx(even, abs=0.03)
    ramp = np.linspace(0.02, 0.03, 4096, dtype=np.float32).reshape(64, 64)[..., None].repeat(3, 2)
    values = run("clahe", ramp)[..., 0].ravel()
    assert len(np.unique(values[:64])) == 64


# Haze, blur, JPEG ----------------------------------------------------------------------------------------------------


def test_haze_of_one_depth_is_removed(photo: Tile) -> None:
    air = np.array([0.8, 0.85, 0.9], np.float32)
    hazy = (photo * 0.5 + air * 0.5).astype(np.float32)
    hazy[:20] = air  # the sky
    out = run("dark-channel", hazy)
    assert filters.air_light(hazy) == pytest.approx(air, abs=0.03)
    assert psnr(out[40:], photo[40:]) > psnr(hazy[40:], photo[40:]) + 3


def test_a_blurred_photo_is_sharpened_and_a_sharp_one_stays(photo: Tile) -> None:
    photo = np.tile(photo, (2, 2, 1))
    blurred = filters.encoded(cv2.GaussianBlur(filters.linear(photo), (0, 0), 2.5))
    assert filters.blur_width(blurred) == pytest.approx(2.5, abs=0.7)
    assert psnr(run("richardson-lucy", blurred), photo) > psnr(blurred, photo) + 0.5
    assert np.array_equal(run("richardson-lucy", photo), photo)


def test_light_and_values_are_inverse(photo: Tile) -> None:
    assert filters.encoded(filters.linear(photo)) == pytest.approx(photo, abs=1e-5)


def test_blocks_are_softened_only_in_a_compressed_photo(photo: Tile) -> None:
    noisy = (photo + 0.02 * np.random.default_rng(3).standard_normal(photo.shape)).clip(0, 1).astype(np.float32)
    _, code = cv2.imencode(".jpg", filters.as_8bit(noisy)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])
    compressed = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    assert filters.jpeg_quality(np.ascontiguousarray(compressed)) == 20
    tile = (compressed / np.float32(255)).astype(np.float32)
    assert psnr(run("jpeg-deblocking", tile), photo) > psnr(tile, photo) + 0.1
    assert np.array_equal(run("jpeg-deblocking", noisy), noisy)


# Missing parts and size ----------------------------------------------------------------------------------------------

FILLS = pytest.mark.parametrize("name", ["opencv-telea", "opencv-navier-stokes"])


@FILLS
def test_holes_are_filled_from_their_surroundings_alone(name: str) -> None:
    ramp = np.tile(np.linspace(0.2, 0.8, 200, dtype=np.float32), (120, 1))[..., None].repeat(3, 2)
    mask = np.zeros((120, 200), np.uint8)
    mask[40:50, 20:60] = mask[44:52, 66:80] = mask[90:96, 150:160] = 255
    broken = ramp.copy()
    broken[mask > 0] = 1
    out = run(name, broken, mask)
    assert np.abs(out - ramp).max() < 0.08
    assert np.array_equal(out[mask == 0], ramp[mask == 0])


@FILLS
def test_a_large_hole_is_filled_in_two_sizes(name: str) -> None:
    flat = np.full((420, 420, 3), (0.2, 0.5, 0.7), np.float32)
    mask = np.zeros((420, 420), np.uint8)
    mask[50:370, 60:360] = 255
    assert np.count_nonzero(mask) > filters.HOLE
    broken = flat.copy()
    broken[mask > 0] = (1, 0, 1)
    # OpenCV's fast marching computes in 8 bits and drifts.
    assert np.abs(run(name, broken, mask) - flat).max() < 0.1
    assert np.abs(run(name, broken, mask) - flat).mean() < 0.01


@pytest.mark.parametrize("scale", [2, 4])
def test_an_enlarged_photo_reduced_again_is_the_photo(scale: int, photo: Tile) -> None:
    out = run(f"lanczos-{scale}x", photo)
    assert out.shape == (scale * 160, scale * 200, 3)
    assert psnr(cv2.resize(out, (200, 160), interpolation=cv2.INTER_AREA), photo) > 38
    assert run(f"lanczos-{scale}x", np.full((9, 7, 3), 0.3, np.float32)) == pytest.approx(0.3)
