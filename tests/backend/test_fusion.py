"""Fusion of candidates: what it makes of good ones, and what invalid ones cannot do to it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from clarity_desktop.backend import fusion
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.text import Text
from clarity_desktop.values import Bounds, Pixels, Region

RNG = np.random.default_rng(27)


class Job:
    """Counts what is reported, and cancels at a given report."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.fractions: list[float] = []
        self._cancel_at = cancel_at

    def checkpoint(self) -> None: ...

    def report(self, fraction: float, note: Text = "", seconds_left: float | None = None) -> None:
        if len(self.fractions) == self._cancel_at:
            raise JobCancelled
        self.fractions.append(fraction)


def scene(height: int = 120, width: int = 160) -> np.ndarray:
    """A photo with structure at several scales, float 0..1."""
    rng = np.random.default_rng(1)
    out = np.zeros((height, width, 3), np.float32)
    for size in (4, 9, 20, 50):
        small = rng.random((height // size + 2, width // size + 2, 3), dtype=np.float32)
        out += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) * size**0.5
    out -= out.min()
    return np.clip(out / out.max(), 0, 1)


def as_8(photo: np.ndarray) -> Pixels:
    return np.rint(np.clip(photo, 0, 1) * 255).astype(np.uint8)


def noisy(photo: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    return photo + np.random.default_rng(seed).normal(0, deviation, photo.shape).astype(np.float32)


CLEAN = scene()
ORIGINAL = as_8(noisy(CLEAN, 0.1, 9))
GOOD = [as_8(noisy(CLEAN, d, k)) for k, d in enumerate((0.02, 0.03, 0.04))]
INVALID: dict[str, Callable[[Pixels], Pixels]] = {
    "black": lambda p: np.zeros_like(p),
    "white": lambda p: np.full_like(p, 255),
    "inverted": lambda p: 255 - p,
    "shifted right": lambda p: np.roll(p, 1, 1),
    "shifted down": lambda p: np.roll(p, 1, 0),
    "upside down": lambda p: p[::-1].copy(),
    "noise": lambda p: RNG.integers(0, 256, p.shape).astype(np.uint8),
    "another size": lambda p: p[:-8, :-8].copy(),
}


def psnr(pixels: Pixels) -> float:
    return float(-10 * np.log10(np.mean((pixels / 255.0 - CLEAN) ** 2)))


def test_the_result_is_better_than_each_candidate() -> None:
    done = fusion.fuse(GOOD, ORIGINAL, job=Job())
    assert (done.how, done.left_out, done.pixels.dtype) == ("pyramid", (), np.uint8)
    assert psnr(done.pixels) > max(psnr(c) for c in GOOD) + 0.5


def test_the_order_of_the_candidates_changes_nothing() -> None:
    first = fusion.fuse(GOOD, ORIGINAL, job=Job()).pixels
    for order in permutations(GOOD):
        assert np.array_equal(fusion.fuse(order, ORIGINAL, job=Job()).pixels, first)


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_invalid_candidate_is_left_out(name: str, count: int) -> None:
    good = GOOD[:count]
    done = fusion.fuse([INVALID[name](good[0]), *good], ORIGINAL, job=Job())
    assert done.left_out == (0,)
    assert np.array_equal(done.pixels, fusion.fuse(good, ORIGINAL, job=Job()).pixels)


def test_a_candidate_twice_counts_once() -> None:
    assert np.array_equal(
        fusion.fuse([GOOD[0], *GOOD, GOOD[0]], ORIGINAL, job=Job()).pixels,
        fusion.fuse(GOOD, ORIGINAL, job=Job()).pixels,
    )


def test_nothing_fits() -> None:
    with pytest.raises(UserError):
        fusion.fuse([np.zeros_like(ORIGINAL), 255 - ORIGINAL], ORIGINAL, job=Job())


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3), (7, 5), (17, 33)])
def test_tiny_photos(shape: tuple[int, int]) -> None:
    photos = [as_8(noisy(CLEAN, 0.02, k))[: shape[0], : shape[1]] for k in range(3)]
    done = fusion.fuse(photos, photos[0], job=Job())
    assert done.pixels.shape == (*shape, 3)
    assert np.abs(done.pixels.astype(int) - np.mean(photos, 0)).max() < 40


def test_photos_of_one_color() -> None:
    photos = [np.full((60, 80, 3), value, np.uint8) for value in (100, 104)]
    done = fusion.fuse(photos, photos[0], job=Job())
    assert done.left_out == ()
    assert abs(int(done.pixels[30, 40, 0]) - 102) <= 1


def test_sixteen_bits_stay() -> None:
    deep = [np.rint(np.clip(noisy(CLEAN, 0.01, k), 0, 1) * 65535).astype(np.uint16) for k in range(3)]
    done = fusion.fuse(deep, deep[0], job=Job())
    assert done.pixels.dtype == np.uint16
    assert len(np.unique(done.pixels)) > 5000
    mixed = fusion.fuse([deep[0], GOOD[1]], ORIGINAL, job=Job())
    assert mixed.pixels.dtype == np.uint16
    assert np.array_equal(fusion.fuse([deep[0], deep[0].copy()], deep[0], job=Job()).pixels, deep[0])


def test_outside_of_a_region_the_original_stays() -> None:
    part = Region.rectangle(Bounds(30, 20, 60, 50), 160, 120)
    done = fusion.fuse(GOOD, ORIGINAL, region=part, job=Job()).pixels
    outside = part.full() == 0
    assert np.array_equal(done[outside], ORIGINAL[outside])
    assert np.array_equal(done[~outside], fusion.fuse(GOOD, ORIGINAL, job=Job()).pixels[~outside])


def test_tiles_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [as_8(noisy(scene(600, 700), 0.03, k)) for k in range(3)]
    whole = fusion.fuse(photos, photos[0], job=Job()).pixels
    monkeypatch.setattr(fusion, "TILE", 256)
    job = Job()
    tiled = fusion.fuse(photos, photos[0], job=job).pixels
    assert len(job.fractions) == 9
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_it_can_be_cancelled() -> None:
    with pytest.raises(JobCancelled):
        fusion.fuse(GOOD, ORIGINAL, job=Job(cancel_at=0))


def test_enlarged_candidates_are_fused_with_the_enlarged_original() -> None:
    larger = [np.kron(c, np.ones((2, 2, 1), np.uint8)) for c in GOOD]
    done = fusion.fuse(larger, ORIGINAL, job=Job())
    assert (done.left_out, done.pixels.shape) == ((), (240, 320, 3))


def test_a_hole_in_one_candidate_is_filled_from_the_others() -> None:
    holed = GOOD[0].copy()
    holed[40:70, 50:90] = 0
    done = fusion.fuse([holed, *GOOD[1:]], ORIGINAL, job=Job())
    inside = np.s_[45:65, 55:85]
    error = np.abs(done.pixels[inside] / 255.0 - CLEAN[inside]).mean()
    assert error < 0.05


def test_the_network_is_used_where_all_of_its_candidates_fit() -> None:
    seen: list[int] = []

    def network(candidates, damaged):
        seen.append(len(candidates))
        return candidates[0] * 0.5 + damaged * 0.5

    done = fusion.fuse(GOOD, ORIGINAL, job=Job(), network=network)
    assert done.how == "network-low-light"
    assert np.abs(done.pixels.astype(int) - (GOOD[0].astype(int) + ORIGINAL) / 2).max() <= 1
    done = fusion.fuse([np.zeros_like(ORIGINAL), *GOOD[1:]], ORIGINAL, job=Job(), network=network)
    assert (done.how, done.left_out, seen) == ("pyramid", (0,), [3])


@pytest.mark.parametrize("size", [(32, 48), (17, 33)])
def test_the_network_is_loaded_in_the_size_that_its_file_has(tmp_path: Path, size: tuple[int, int]) -> None:
    import torch
    from safetensors.torch import save_file

    from clarity_desktop.backend.nets import fusion as nets

    torch.manual_seed(0)
    net = nets.FusionNet(width=8, heads=(1, 1, 2, 2), blocks=2, latent=1, shrink=2).eval()
    torch.nn.init.normal_(net.last.weight, std=0.01)  # untrained, it would return the mean
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    height, width = size
    tiles = [CLEAN[:height, k : k + width] for k in range(4)]
    found = fusion.load_network(tmp_path / "net.safetensors")(tiles[:3], tiles[3])
    assert found.shape == (height, width, 3)
    assert np.abs(found - np.mean(tiles[:3], 0)).max() > 1e-4
    if height % nets.MULTIPLE == 0:
        planes = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            wanted = net(planes[None, :3], planes[3:])[0].clamp(0, 1).permute(1, 2, 0).numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-5)
