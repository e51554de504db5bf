"""Our own restorer: the network with made-up weights, and the method that loads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clarity_desktop.backend.methods import ComputeTarget, ContextAware, Run, clarity
from clarity_desktop.backend.nets.clarity_all import MULTIPLE, TASKS, ClarityAll
from clarity_desktop.backend.restore import RestoreResult, TilePlan, inputs, restore
from clarity_desktop.messages import JobCancelled
from clarity_desktop.values import DEGRADATIONS, Region

SMALL = (1, 1, 2)


class CountingJob:
    """Counts; stops the work where a test asks for it."""

    def __init__(self, stop_at: int = 10_000) -> None:
        self.count, self.stop_at = 0, stop_at

    def checkpoint(self) -> None:
        self.count += 1
        if self.count >= self.stop_at:
            raise JobCancelled


@pytest.fixture
def random() -> ClarityAll:
    return with_random_weights(ClarityAll(8, SMALL))


def with_random_weights(net: ClarityAll) -> ClarityAll:
    torch.manual_seed(3)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return net.eval()


def picture(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(height * width))


def holes_in(height: int, width: int) -> torch.Tensor:
    holes = torch.zeros(1, 1, height, width)
    holes[..., 4:9, 5:15] = 1
    return holes


@torch.inference_mode()
def ask(net: ClarityAll, rgb: torch.Tensor, holes: torch.Tensor | None = None, task: str = "denoise") -> torch.Tensor:
    holes = torch.zeros_like(rgb[:, :1]) if holes is None else holes
    return net(rgb, holes, torch.full((len(rgb),), TASKS.index(task)))


@pytest.mark.parametrize("size", [(MULTIPLE, MULTIPLE), (40, 64), (64, 40)])
def test_the_result_has_the_size_of_the_photo(random: ClarityAll, size: tuple[int, int]) -> None:
    assert ask(random, picture(*size, count=2)).shape == (2, 3, *size)


def test_an_untrained_network_changes_nothing_outside_of_holes() -> None:
    rgb, holes = picture(32, 48), holes_in(32, 48)
    for task in TASKS:
        done = ask(ClarityAll(8, SMALL).eval(), rgb, holes, task)
        assert torch.equal(done, rgb * (1 - holes))


def test_the_task_changes_the_result(random: ClarityAll) -> None:
    rgb = picture(32, 32)
    results = [ask(random, rgb, task=task) for task in TASKS]
    for k, one in enumerate(results):
        assert all(not torch.allclose(one, other, atol=1e-4) for other in results[k + 1 :])


def test_there_is_a_task_for_each_degradation_and_each_once() -> None:
    assert len(set(TASKS)) == len(TASKS) == len(DEGRADATIONS)


def test_what_is_in_a_hole_does_not_matter(random: ClarityAll) -> None:
    rgb, holes = picture(32, 48), holes_in(32, 48)
    other = torch.where(holes > 0, 1 - rgb, rgb)
    assert not torch.equal(rgb, other)
    assert torch.equal(ask(random, rgb, holes, "inpaint"), ask(random, other, holes, "inpaint"))


def test_where_the_hole_is_matters(random: ClarityAll) -> None:
    rgb = picture(32, 48)
    assert not torch.allclose(ask(random, rgb, holes_in(32, 48), "inpaint"), ask(random, rgb, None, "inpaint"))


def test_one_photo_of_a_batch_knows_nothing_of_the_others(random: ClarityAll) -> None:
    two = picture(24, 24, count=2)
    assert torch.allclose(ask(random, two)[:1], ask(random, two[:1]), atol=1e-5)


# The method -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Random weights of a narrow network as they are published: float16."""
    path = tmp_path / "clarity-all.safetensors"
    save_file({k: v.half() for k, v in with_random_weights(ClarityAll(8)).state_dict().items()}, path)
    return path


def test_a_file_in_float16_is_loaded_and_runs(file: Path, photo: Callable[..., np.ndarray]) -> None:
    tile = (photo(64, 40) / 255).astype(np.float32)
    before = tile.copy()
    job = CountingJob()
    done = clarity.load({"clarity-all": file}, ComputeTarget(), "derain")(tile, None, job)
    assert done.shape == tile.shape
    assert done.dtype == np.float32
    assert np.isfinite(done).all()
    assert not np.allclose(done, tile, atol=1e-3)
    assert np.array_equal(tile, before)
    assert job.count > 5


def test_the_method_gives_what_the_network_gives(file: Path, photo: Callable[..., np.ndarray]) -> None:
    tile = (photo(48, 32) / 255).astype(np.float32)
    mask = np.zeros((32, 48), np.uint8)
    mask[8:16, 8:24] = 200
    done = clarity.load({"clarity-all": file}, ComputeTarget(), "inpaint")(tile, mask, CountingJob())
    net = with_random_weights(ClarityAll(8))
    net.load_state_dict({k: v.half().float() for k, v in net.state_dict().items()})
    rgb, holes = torch.from_numpy(tile).permute(2, 0, 1)[None], torch.from_numpy(mask > 0)[None, None].float()
    wanted = ask(net, rgb, holes, "inpaint")[0].permute(1, 2, 0).numpy()
    assert np.abs(done - wanted).mean() < 0.05 * wanted.std()  # bfloat16 where the processor has it


def test_a_read_only_tile_is_taken(file: Path, photo: Callable[..., np.ndarray]) -> None:
    tile = (photo(16, 16) / 255).astype(np.float32)
    tile.flags.writeable = False
    assert clarity.load({"clarity-all": file}, ComputeTarget(), "dehaze")(tile, None, CountingJob()).shape == tile.shape


def test_cancelling_stops_the_network_on_its_way(file: Path) -> None:
    job = CountingJob(stop_at=3)
    with pytest.raises(JobCancelled):
        clarity.load({"clarity-all": file}, ComputeTarget(), "dehaze")(np.zeros((16, 16, 3), np.float32), None, job)
    assert job.count == 3


def test_the_methods_do_what_is_offered_and_only_the_filling_one_asks_for_a_mask() -> None:
    offered = clarity.OFFERED | clarity.STOPGAPS
    assert sorted(t for m in (clarity.ALL, clarity.FILL) for t in m.tasks) == sorted(offered)
    assert [m.tasks for m in (clarity.DENOISE, clarity.WEATHER, clarity.JPEG)] == [
        ("denoise",),
        ("derain", "desnow", "dehaze"),
        ("dejpeg",),
    ]
    assert set(offered) <= set(TASKS)
    assert all(m.needs_mask == ("inpaint" in m.tasks) == (m.id == "clarity-fill") for m in clarity.METHODS)
    assert all(m.multiple_of == MULTIPLE for m in clarity.METHODS)


# The whole photo and its tiles ----------------------------------------------------------------------------------------


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    """A network that its judgment of the whole picture moves far."""
    path = tmp_path / "strong.safetensors"
    torch.manual_seed(3)
    net = ClarityAll(8)
    for name, weight in net.named_parameters():
        for part, spread in (("second", 0.05), ("steer", 0.1), ("tail", 0.05), ("look", 0.2), ("sense", 0.2)):
            if part in name:
                torch.nn.init.normal_(weight, std=spread)
    save_file(net.state_dict(), path)
    return path


class Job(CountingJob):
    def report(self, fraction: float, note: str = "", seconds_left: float | None = None) -> None:
        self.checkpoint()


def uneven(photo: Callable[..., np.ndarray]) -> np.ndarray:
    """Its left side dark, its right side hazy: each by itself is judged differently."""
    pixels = photo(384, 192)
    pixels[:, :192] //= 4
    pixels[:, 192:] = 128 + pixels[:, 192:] // 4
    return pixels


def restored(
    pixels: np.ndarray, run: Run, recipe: TilePlan, *, fills: bool = False, region: Region | None = None
) -> RestoreResult:
    method = replace(clarity.ALL, needs_mask=fills)
    return restore(
        pixels, method, run, recipe, job=Job(), on_tile=lambda _bounds, _part: None, reload=lambda _place: run,
        region=region,
    )  # fmt: skip


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Root of the mean square of what differs, in parts of the spread of the first."""
    return float(np.sqrt(np.square(one.astype(float) - other).mean()) / one.std())


def test_tiles_are_what_one_piece_is_since_all_are_judged_by_the_whole_photo(
    strong: Path, photo: Callable[..., np.ndarray]
) -> None:
    pixels, run = uneven(photo), clarity.load({"clarity-all": strong}, ComputeTarget(), "dehaze")
    piece = restored(pixels, run, TilePlan(0, 64, ComputeTarget())).pixels
    tiles = restored(pixels, run, TilePlan(192, 64, ComputeTarget()))
    by_themselves = restored(
        pixels, lambda tile, mask, job: run(tile, mask, job), TilePlan(192, 64, ComputeTarget())
    ).pixels
    assert apart(piece, by_themselves) > 0.1
    assert apart(piece, tiles.pixels) < 0.02
    assert np.array_equal(restored(pixels, run, tiles.plan).pixels, tiles.pixels)


def test_a_region_is_judged_within_its_photo(strong: Path, photo: Callable[..., np.ndarray]) -> None:
    pixels, run = uneven(photo), clarity.load({"clarity-all": strong}, ComputeTarget(), "dehaze")
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[64:128, 80:144] = 255
    inside = mask > 0
    piece = restored(pixels, run, TilePlan(0, 64, ComputeTarget())).pixels
    part = restored(pixels, run, TilePlan(0, 64, ComputeTarget()), region=Region.of(mask)).pixels
    assert np.array_equal(part[~inside], pixels[~inside])
    assert apart(piece[inside], part[inside]) < 0.02


@pytest.mark.parametrize("limit", [1_000_000, 20_000])
def test_what_is_in_a_hole_is_not_judged(
    strong: Path, photo: Callable[..., np.ndarray], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(inputs, "OVERVIEW", limit)
    pixels, run = photo(200, 160), clarity.load({"clarity-all": strong}, ComputeTarget(), "inpaint")
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[43:90, 51] = 255
    mask[50, 60:97] = 255
    other = np.where(mask[..., None] > 0, 255 - pixels, pixels)
    one, two = (
        restored(p, run, TilePlan(0, 64, ComputeTarget()), fills=True, region=Region.of(mask)).pixels
        for p in (pixels, other)
    )
    assert np.array_equal(one, two)


def test_cancelling_stops_the_look_at_the_whole_photo(file: Path) -> None:
    run = clarity.load({"clarity-all": file}, ComputeTarget(), "dehaze")
    assert isinstance(run, ContextAware)
    with pytest.raises(JobCancelled):
        run.for_photo(np.zeros((16, 16, 3), np.float32), None, CountingJob(stop_at=3))


def test_a_look_at_the_picture_itself_changes_nothing(random: ClarityAll) -> None:
    rgb, task = picture(32, 48), torch.tensor([TASKS.index("derain")])
    holes = holes_in(32, 48)
    with torch.inference_mode():
        conditioning = random.condition(rgb, holes, task)
        assert torch.equal(random(rgb, holes, task, conditioning=conditioning), random(rgb, holes, task))
