"""No-reference scores: against published figures, against plain implementations, and where they are undefined."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import gamma

from clarity_desktop.backend.iqa import niqe, statistics
from clarity_desktop.backend.iqa.assess import assess, features
from clarity_desktop.backend.pictures import save
from clarity_desktop.messages import JobCancelled
from clarity_desktop.text import english
from clarity_desktop.values import ExportOptions, Picture

Photo = Callable[..., np.ndarray]
SSEQ = {"d_I04": 2.146, "d_I06": 8.085, "d_I19": 57.407, "r_I04": 3.238, "r_I06": 8.313, "r_I19": 8.409,
        "sseq_img": 52.399}  # fmt: skip
"""Of another implementation; none were published."""


def colored(luma: np.ndarray) -> np.ndarray:
    """A photo whose gray is luma."""
    return np.repeat(luma[..., None], 3, 2)


def fourier(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A gray scene with the spectrum of natural photos; no two neighbors are equal by design."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = 1 / np.maximum(np.hypot(fy, fx), 1 / max(height, width)) ** 1.1
    scene = np.fft.irfft2(amplitude * np.exp(2j * np.pi * rng.random(amplitude.shape)), (height, width))
    return np.clip(128 + 45 * scene / scene.std(), 0, 255).astype(np.uint8)


# Published scores ----------------------------------------------------------------------------------------------------


@pytest.fixture
def authors(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The authors' parameters are at hand; the folder of images with known scores."""
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    return shared / "data" / "iqa_calib"


@pytest.fixture
def official(authors: Path) -> Callable[[str, str], tuple[np.ndarray, float]]:
    """official(metric, image): the image and its published score."""
    folder = authors
    with (folder / "official_scores.csv").open(encoding="utf-8-sig") as file:
        table = {row["metric"]: row for row in csv.DictReader(file)}

    def read(metric: str, image: str) -> tuple[np.ndarray, float]:
        with Image.open(folder / f"{image}.bmp") as opened:
            return np.asarray(opened.convert("RGB")), float(table[metric][f"{image}.bmp"])

    return read


@pytest.mark.parametrize("image", ["d_I04", "d_I06", "d_I19"])
@pytest.mark.parametrize(("metric", "points"), [("niqe", 0), ("piqe", 0), ("brisque", 0.3)])
def test_scores_are_within_one_percent_of_the_official_ones(
    official: Callable[[str, str], tuple[np.ndarray, float]], metric: str, points: float, image: str
) -> None:
    pixels, score = official(metric, image)
    quality = assess(pixels)
    assert getattr(quality, metric) == pytest.approx(score, rel=0.01, abs=points)
    assert quality.bundled == ()


@pytest.mark.parametrize("image", SSEQ)
def test_sseq_is_within_two_percent_of_another_implementation(authors: Path, image: str) -> None:
    with Image.open(authors / f"{image}.bmp") as opened:
        assert assess(np.asarray(opened.convert("RGB"))).sseq == pytest.approx(SSEQ[image], rel=0.02)


def test_without_flat_areas_the_official_scores_are_met_to_the_last_printed_digit(
    official: Callable[[str, str], tuple[np.ndarray, float]],
) -> None:
    pixels, score = official("niqe", "d_I04")
    quality = assess(pixels)
    assert quality.niqe == pytest.approx(score, abs=1e-5)
    assert quality.brisque == pytest.approx(official("brisque", "d_I04")[1], abs=1e-5)
    assert quality.piqe is not None
    assert round(quality.piqe, 2) == official("piqe", "d_I04")[1]


# The pieces, against their definitions -------------------------------------------------------------------------------


def test_gray_is_matlabs_for_every_color_of_a_lattice() -> None:
    colors = np.stack(np.meshgrid(*[np.arange(0, 256, 3)] * 3), -1).reshape(-1, 3).astype(np.uint8)
    exact = colors @ np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])
    assert (statistics.gray(colors[:, None]).ravel() == np.floor(exact + 0.5)).all()


def test_local_contrast_is_that_of_the_seven_by_seven_window() -> None:
    scene = fourier(40, 50)
    x = np.arange(-3, 4)
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    padded = np.pad(scene.astype(float), 3, mode="edge")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
    mean = (patches * window).sum((2, 3))
    spread = np.sqrt(np.abs((patches**2 * window).sum((2, 3)) - mean**2))
    assert np.allclose(
        statistics.contrast(statistics.around(scene, 0, 40)), (scene - mean) / (spread + 1), rtol=0, atol=1e-9
    )


def test_local_contrast_of_a_band_is_that_of_the_whole() -> None:
    scene = fourier(90, 60)
    whole = statistics.contrast(statistics.around(scene, 0, 90))
    for top, bottom in ((0, 7), (33, 70), (88, 90)):
        assert (statistics.contrast(statistics.around(scene, top, bottom)) == whole[top:bottom]).all()


def halving(count: int) -> np.ndarray:
    """The matrix of MATLAB's imresize(x, 0.5) along an axis, from its definition."""
    matrix = np.zeros((-(-count // 2), count))
    for row in range(len(matrix)):
        u = 2 * (row + 1) - 0.5
        taps = np.floor(u - 4) + np.arange(10)
        d = np.abs(0.5 * (u - taps))
        far = np.where(d <= 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0)
        weights = np.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, far)
        for tap, weight in zip(taps.astype(int) - 1, weights / weights.sum(), strict=True):
            inside = -1 - tap if tap < 0 else tap
            matrix[row, 2 * count - 1 - inside if inside >= count else inside] += weight
    return matrix


@pytest.mark.parametrize("size", [(32, 44), (33, 45), (34, 45)])
def test_half_size_is_matlabs_bicubic_with_antialiasing(size: tuple[int, int]) -> None:
    scene = fourier(*size)
    expected = halving(size[0]) @ scene @ halving(size[1]).T
    halved = statistics.around_halved(scene, 0, len(expected))
    assert np.allclose(halved[3:-3], expected, rtol=0, atol=1e-9)
    assert (halved[:3] == halved[3]).all()
    assert (halved[-3:] == halved[-4]).all()


def test_half_size_of_bytes_is_rounded_after_each_direction() -> None:
    scene = (fourier(41, 30) > 128).astype(np.uint8) * 255  # edges that overshoot
    down = np.floor(np.clip(halving(41) @ scene, 0, 255) + 0.5)
    expected = np.floor(np.clip(down @ halving(30).T, 0, 255) + 0.5)
    assert (statistics.halved(scene, 0, 21) == expected).all()


@pytest.mark.parametrize(("height", "width"), [(300, 200), (97, 40), (96, 41), (40, 300), (32, 32), (191, 33)])
def test_shared_local_contrast_is_that_of_the_whole_photo(height: int, width: int) -> None:
    scene = fourier(height, width)
    full = statistics.contrast(statistics.around(scene, 0, height, "zero"), "zero")
    half = statistics.contrast(statistics.around_halved(scene, 0, -(-height // 2), "zero"), "zero")
    for k in range(statistics.strips(height)):
        part = statistics.strip(scene, k)
        assert (part.full == np.concatenate([full[-1:], full])[part.top : part.bottom + 1]).all()
        assert (part.half == np.concatenate([half[-1:], half])[part.top // 2 : -(-part.bottom // 2) + 1]).all()


@pytest.mark.parametrize("cut", [(288, 192), (288, 220), (304, 224), (320, 230)])
def test_local_contrast_with_other_edges_is_that_of_the_photo_with_those_edges(cut: tuple[int, int]) -> None:
    scene = fourier(300, 220)
    other = np.pad(scene, ((0, 20), (0, 10)), mode="symmetric")[: cut[0], : cut[1]]
    full = statistics.contrast(statistics.around(other, 0, cut[0]))
    half = statistics.contrast(statistics.around_halved(other, 0, cut[0] // 2))
    for k in range(3):
        part, top, bottom = statistics.strip(scene, k), 96 * k, 96 * k + 96
        assert (statistics.reframed(part, other, top, bottom) == full[top:bottom]).all()
        if cut[0] < 300:  # only NIQE, which cuts off, asks for half size
            found = statistics.reframed(part, other, top, bottom, half=True)
            assert (found == half[top // 2 : bottom // 2]).all()


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_the_shape_of_a_generalised_gaussian_is_recovered(shape: float) -> None:
    rng = np.random.default_rng(0)
    values = (rng.gamma(1 / shape, size=(2, 200_000)) ** (1 / shape) * rng.choice([-1, 1], (2, 200_000))).astype("f4")
    fit = statistics.asymmetric_fit(statistics.moments(values))
    assert fit.alpha == pytest.approx(shape, rel=0.03)
    assert fit.left == pytest.approx(fit.right, rel=0.03)


def test_the_nearest_shape_of_the_grid_is_taken() -> None:
    grid = np.arange(200, 10001) / 1000
    ratios = gamma(2 / grid) ** 2 / (gamma(1 / grid) * gamma(3 / grid))
    asked = np.random.default_rng(0).uniform(ratios[0] - 0.01, ratios[-1] + 0.01, 500)
    inverse = grid[np.abs(1 / ratios[None] - 1 / asked[:, None]).argmin(1)]
    assert np.allclose(statistics.alpha_of_inverse(1 / asked), inverse, rtol=0, atol=1e-12)
    assert statistics.alpha_of_inverse(np.array([np.nan]))[0] == pytest.approx(0.2)


# The metrics, against plain implementations --------------------------------------------------------------------------


def plain_features(block: np.ndarray) -> list[float]:
    def fit(v: np.ndarray) -> tuple[float, float, float]:
        grid = np.arange(200, 10001) / 1000
        ratios = gamma(2 / grid) ** 2 / (gamma(1 / grid) * gamma(3 / grid))
        left, right = np.sqrt(np.mean(v[v < 0] ** 2)), np.sqrt(np.mean(v[v > 0] ** 2))
        g, r = left / right, np.mean(np.abs(v)) ** 2 / np.mean(v**2)
        alpha = grid[np.argmin((ratios - r * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2) ** 2)]
        scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
        return alpha, left * scale, right * scale

    alpha, left, right = fit(block)
    found = [alpha, (left + right) / 2]
    for shift in ((0, 1), (1, 0), (1, 1), (1, -1)):
        alpha, left, right = fit(block * np.roll(block, shift, (0, 1)))
        found += [alpha, (right - left) * gamma(2 / alpha) / gamma(1 / alpha), left, right]
    return found


def test_niqe_is_the_distance_of_the_plain_features() -> None:
    scene = fourier(200, 300)  # two rows of three blocks; the rest is cut off
    pristine = niqe.Pristine(np.linspace(0, 1, 36), np.eye(36))
    rows = []
    full = statistics.contrast(statistics.around(scene[:192, :288], 0, 192))
    half = statistics.contrast(statistics.around_halved(scene[:192, :288], 0, 96))
    for y in range(2):
        for x in range(3):
            small = half[48 * y : 48 * y + 48, 48 * x : 48 * x + 48]
            rows.append(plain_features(full[96 * y : 96 * y + 96, 96 * x : 96 * x + 96]) + plain_features(small))
    away = np.mean(rows, 0) - pristine.mean
    expected = np.sqrt(away @ np.linalg.pinv((np.cov(np.array(rows).T) + np.eye(36)) / 2) @ away)
    assert niqe.score(features(colored(scene)).niqe, pristine) == pytest.approx(expected, rel=1e-4)


def plain_piqe(luma: np.ndarray) -> float:
    height, width = luma.shape
    luma = np.pad(luma, ((0, -height % 16), (0, -width % 16)), mode="symmetric")
    values = statistics.contrast(statistics.around(luma, 0, luma.shape[0]))
    total, active = 0.0, 0
    for y in range(0, values.shape[0], 16):
        for x in range(0, values.shape[1], 16):
            block = values[y : y + 16, x : x + 16]
            v = block.var(ddof=1)
            if v <= 0.1:
                continue
            active += 1
            edges = (block[0], block[-1], block[:, 0], block[:, -1])
            artifact = any(edge[k : k + 6].std(ddof=1) < 0.1 for edge in edges for k in range(11))
            d = block[:, 7:9].std(ddof=1) / np.delete(block, [7, 9], 1).std(ddof=1)
            s = np.sqrt(v)
            total += artifact * (1 - v) + (s > 2 * abs(s - d) / max(s, d)) * v
    return 100 * (total + 1) / (active + 1)


@pytest.mark.parametrize("size", [(16, 16), (17, 100), (130, 75)])
def test_piqe_is_what_a_loop_over_blocks_gives(size: tuple[int, int]) -> None:
    scene = fourier(*size)
    scene[:, : size[1] // 3] //= 32  # steps, so that there are flat edges
    assert features(colored(scene)).piqe == pytest.approx(plain_piqe(scene), rel=1e-9)


def test_piqe_rises_with_jpeg_blocks(tmp_path: Path) -> None:
    scene = colored(fourier(256, 320))
    Image.fromarray(scene).save(tmp_path / "bad.jpg", quality=5)
    with Image.open(tmp_path / "bad.jpg") as opened:
        worse = np.asarray(opened)
    good, bad = assess(scene).piqe, assess(worse).piqe
    assert good is not None
    assert bad is not None
    assert bad > good + 10


# Depths, sizes, absences ---------------------------------------------------------------------------------------------


def test_sixteen_bits_score_as_the_same_photo_in_eight(photo: Photo) -> None:
    eight = photo(200, 120)
    sixteen = eight.astype(np.uint16) * 257
    assert (features(sixteen).brisque == features(eight).brisque).all()  # type: ignore[union-attr]
    assert (statistics.gray(sixteen + (sixteen < 65000) * np.uint16(100)) == statistics.gray(eight)).all()


def test_a_photo_of_16_bits_scores_as_its_export_to_8_bits(photo: Photo, tmp_path: Path) -> None:
    deep = photo(300, 220, 16)
    export = save(Picture(deep), ExportOptions(tmp_path / "export.png", depth=8), None)
    assert export
    with Image.open(export) as opened:
        assert assess(deep) == assess(np.asarray(opened.convert("RGB")))


def test_scores_do_not_depend_on_how_the_work_was_shared_out(photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photo(400, 500)
    pixels[100:300, 50:250] = 77  # flat: what counts there is the sign of rounding noise
    seen = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found = features(pixels)
        seen.append((found.niqe.tobytes(), found.brisque.tobytes(), found.sseq.tobytes(), found.piqe))
    assert len(set(seen)) == 1


@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 47), (500, 35), (64, 48)])
def test_every_photo_of_thirty_two_pixels_and_more_has_its_features(photo: Photo, width: int, height: int) -> None:
    for pixels in (photo(width, height), colored(photo(width, height)[..., 0]), photo(width, height, 16)):
        found = features(pixels)
        assert found.brisque is not None
        assert found.sseq is not None
        assert found.piqe is not None
        assert np.isfinite([*found.brisque, *found.sseq, found.piqe]).all()
        assert not found.why


def test_what_is_not_scored_says_why(photo: Photo) -> None:
    quality = assess(photo(64, 48))
    assert quality.piqe is not None
    assert "piqe" not in quality.why
    for metric in ("sseq", "niqe", "brisque"):
        assert (getattr(quality, metric) is None) == (metric in quality.why)
        assert english(quality.why.get(metric, ".")).endswith(".")


@pytest.mark.parametrize(
    ("size", "piqe_too"), [((95, 300), False), ((150, 100), False), ((15, 300), True), ((1, 1), True)]
)
def test_a_photo_too_small_says_what_is_needed(photo: Photo, size: tuple[int, int], piqe_too: bool) -> None:
    found = features(photo(size[1], size[0]))
    with pytest.raises(statistics.MetricUndefined, match="at least 96 × 192"):
        niqe.score(found.niqe, niqe.Pristine(np.zeros(36), np.eye(36)))
    assert ("piqe" in found.why) is piqe_too


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_flat_photo_has_the_worst_piqe_and_no_other_score(value: int) -> None:
    found = features(np.full((200, 300, 3), value, np.uint8))
    with pytest.raises(statistics.MetricUndefined, match="without texture"):
        niqe.score(found.niqe, niqe.Pristine(np.zeros(36), np.eye(36)))
    assert (found.brisque, found.sseq, found.piqe) == (None, None, 100)
    assert "without texture" in english(found.why["brisque"])
    assert "without texture" in english(found.why["sseq"])


@pytest.mark.parametrize("size", [(7, 7), (32, 1)])
def test_a_photo_with_texture_but_too_small_for_brisque_is_not_called_flat(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    assert english(features(noise).why["brisque"]) == "BRISQUE needs a photo of at least 12 × 12 pixels."


def test_pauses_come_between_the_bands_and_end_the_work(photo: Photo) -> None:
    pixels = photo(64, 960)
    pauses: list[int] = []
    assess(pixels, lambda: pauses.append(1))
    assert len(pauses) >= 40  # gray, strips, the smaller sizes, the places that the overall score looks at

    def cancel() -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        assess(pixels, cancel)
    assert not [t for t in threading.enumerate() if t.name.startswith("clarity-iqa")]
