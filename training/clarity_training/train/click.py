"""`clarity train click`: train the network that finds objects at clicks.

The tower keeps its ImageNet weights, so its features of a photo are computed once for each view of it; the views are
kept in a pool in which newer ones replace older ones. Every step makes masks for a batch of unfinished selections, each
an object with the clicks so far; the next click of each corrects the mask that the step made (iterative training,
Mahadevan et al., BMVC 2018), so simulated clicks cost nothing. The training can be stopped and resumed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.clarity_click import GRID, ClarityClick
from clarity_desktop.backend.regions.click_maps import ClickMaps
from clarity_desktop.values import Bounds, Click
from clarity_training import marked_photos, options, photos
from clarity_training.marked_photos import MarkedPhoto
from clarity_training.simulated_clicks import next_click, overlap
from clarity_training.train import loop
from clarity_training.train.detector import load_lite

SHAPES = (256, 384), (384, 256)
"""Rows and columns of the views."""
POOL_SIZE, INITIAL_POOL = 400, 96
"""Views that are kept of each shape, and those made before the first step."""
STEPS_PER_VIEW = 2
"""Steps between two new views."""
SEGMENTED_SHARE = 0.65
"""Share of photos of which everything is segmented; the rest are photos with one object."""
SMALLEST, LARGEST = 0.015, 0.65
"""Shares of the view that an object covers."""
MAX_CLICKS = 7
BOX_SHARE = 0.15
"""Share of selections that begin with a box."""
WARMUP_STEPS = 60

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A part of a photo as the network sees it.

    levels: the tower's features, float16, C×h×w each. labels: by each person, rows×columns uint8.
    """

    levels: tuple[Tensor, ...]
    maps: ClickMaps
    labels: list[NDArray[np.uint8]]
    choices: list[tuple[int, int]]
    """The objects: indices of a person and of a segment."""


@dataclass(slots=True, eq=False)
class Selection:
    """An object that is being selected. target: rows×columns float32 of the grid, 0..1."""

    view: View
    target: Floats
    left: int
    clicks: list[Click] = field(default_factory=list)
    box: Bounds | None = None
    mask: Floats | None = None

    def click(self, rng: np.random.Generator) -> bool:
        """The next click, unless the mask is right or there were enough."""
        truth = self.target > 0.5
        click = None if self.left == 0 else next_click(truth, None if self.mask is None else self.mask > 0, rng)
        if click is None:
            return False
        self.left -= 1
        self.clicks.append(click)
        return True


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Train until the minutes are over; writes the averaged weights as float16 safetensors.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    Training(args, now).run()
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train click", description=__doc__)
    loop.time_options(p, minutes=60, rate=2e-3, checkpoint="click.pt", out="clarity-click.safetensors")
    options.add_run_options(p, seed=1)
    p.add_argument(
        "--marked", nargs="+", type=Path, required=True, metavar="DIR",
        help="folders with photos and segments or masks (see marked_photos.py)",
    )  # fmt: skip
    p.add_argument("--tower", type=Path, metavar="PTH", help="EfficientNet-Lite0 weights, which are kept")
    p.add_argument("--batch", type=int, default=12)
    return p


class Training:
    """One training run: network, moving average of its weights, optimizer, pool of views, unfinished selections.

    now: a monotonic clock in seconds.
    """

    def __init__(self, args: argparse.Namespace, now: Callable[[], float] = time.monotonic) -> None:
        self.args = args
        self.net = ClarityClick().to(args.device)
        if args.tower:
            load_lite(self.net.tower, args.tower)
        self.net.tower.requires_grad_(False)
        self.net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.learned = [p for p in self.net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.learned, lr=args.rate, weight_decay=0.03)
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.clock = 0, loop.TrainingClock(now=now)
        if args.checkpoint.exists():
            self._resume(torch.load(args.checkpoint, map_location=args.device, weights_only=True), now)
        self.rng = np.random.default_rng([args.seed, self.step])
        every = [photo for photo in marked_photos.find(args.marked) if photo.split == "train"]
        self.sources = _sources(every)
        self.pools: list[list[View]] = [[] for _ in SHAPES]
        self.selections: list[list[Selection]] = [[] for _ in SHAPES]

    def _resume(self, checkpoint: dict[str, Any], now: Callable[[], float]) -> None:
        self.net.load_state_dict(checkpoint["net"])
        self.average = checkpoint["average"]
        self.optimizer.load_state_dict(checkpoint["optimiser"])
        self.step, self.clock = checkpoint["step"], loop.TrainingClock(checkpoint["spent"], now)
        print(f"Resuming at step {self.step}, after {self.clock.spent / 60:.0f} min.", flush=True)

    def run(self, initial_pool: int = INITIAL_POOL) -> None:
        """Train until --minutes are over, with checkpoints on the way and at the end.

        initial_pool: views of each shape that are made before the first step.
        """
        end = 60 * self.args.minutes
        for _ in range(initial_pool):
            for shape in range(len(SHAPES)):
                self.add_view(shape)
        metrics: list[tuple[float, float, float, int]] = []
        self.clock.restart()
        while self.clock.spent < end:
            shape = self.step % len(SHAPES)
            if self.step // len(SHAPES) % STEPS_PER_VIEW == 0:
                self.add_view(shape)
            metrics += self.learn(shape)
            self.clock.count_step()
            if self.clock.checkpoint_due() or self.clock.spent >= end:
                self.save()
                self._report(metrics)
                metrics = []

    def _report(self, metrics: list[tuple[float, float, float, int]]) -> None:
        loss, _, _, _ = np.mean(metrics, 0)
        parts: list[str] = []
        for kind in (1.0, 0.0):
            for count in (1, 3, 5):
                found = [m[1] for m in metrics if m[2] == kind and m[3] == count]
                parts.append(f"{np.mean(found):.3f}" if found else "–")
        print(
            f"{self.clock.spent / 60:6.1f} min, step {self.step}: loss {loss:.3f}; overlap after 1, 3, 5 clicks: "
            f"segments {', '.join(parts[:3])}, objects {', '.join(parts[3:])}", flush=True,
        )  # fmt: skip

    # Views -----------------------------------------------------------------------------------------------------------

    def add_view(self, shape: int) -> None:
        """Make a view of a shape (index of SHAPES); where the pool is full, it replaces one."""
        view = None
        while view is None:
            source = self.sources[int(self.rng.choice(len(self.sources), p=_shares(self.sources)))]
            view = self.view(source[int(self.rng.integers(len(source)))], *SHAPES[shape])
        pool = self.pools[shape]
        if len(pool) < POOL_SIZE:
            pool.append(view)
        else:
            pool[int(self.rng.integers(len(pool)))] = view

    def view(self, marked: MarkedPhoto, rows: int, columns: int) -> View | None:
        """A part of a photo in other light; None where no object in it has a suitable size."""
        pixels, labels = photos.load_8bit(marked.photo), marked.labels()
        height, width = labels[0].shape
        if pixels.shape[:2] != (height, width):
            pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        largest = min(height / rows, width / columns)
        scale = largest * float(self.rng.uniform(0.62, 1.0)) ** 0.7
        tall, wide = min(height, round(rows * scale)), min(width, round(columns * scale))
        y, x = int(self.rng.integers(height - tall + 1)), int(self.rng.integers(width - wide + 1))
        part = slice(y, y + tall), slice(x, x + wide)
        flip = slice(None, None, -1 if self.rng.random() < 0.5 else 1)
        method = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
        seen = np.asarray(cv2.resize(pixels[part], (columns, rows), interpolation=method), np.uint8)[:, flip]
        seen = _relit(seen, self.rng)
        cut = [
            np.ascontiguousarray(
                cv2.resize(one[part], (columns, rows), interpolation=cv2.INTER_NEAREST)[:, flip], np.uint8
            )
            for one in labels
        ]
        choices = [(k, n) for k, one in enumerate(cut) for n in marked_photos.objects(one, SMALLEST, LARGEST)]
        if not choices:
            return None
        with torch.no_grad(), self._autocast():
            rgb = torch.from_numpy(np.ascontiguousarray(seen)).to(self.args.device).permute(2, 0, 1)[None].float() / 255
            levels = tuple(level[0].half().cpu() for level in self.net.levels(rgb))
        return View(levels, ClickMaps(seen, rows // GRID, columns // GRID), cut, choices)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.args.device, torch.bfloat16, enabled=bfloat16.native(self.args.device))

    # Steps -----------------------------------------------------------------------------------------------------------

    def begin(self, shape: int) -> Selection:
        """A new selection with its first click or its box."""
        pool = self.pools[shape]
        view = pool[int(self.rng.integers(len(pool)))]
        person, segment = view.choices[int(self.rng.integers(len(view.choices)))]
        inside = (view.labels[person] == segment).astype(np.float32)
        target = np.asarray(
            cv2.resize(inside, (view.maps.columns, view.maps.rows), interpolation=cv2.INTER_AREA), np.float32
        )
        selection = Selection(view, target, int(self.rng.integers(1, MAX_CLICKS + 1)))
        if self.rng.random() < BOX_SHARE and (target > 0.5).any():
            selection.box = _box(target > 0.5, self.rng)
            selection.left //= 2
            return selection
        return selection if selection.click(self.rng) else self.begin(shape)

    def learn(self, shape: int) -> list[tuple[float, float, float, int]]:
        """One optimizer step on a batch of selections.

        Returns of each: loss, overlap before the step, 1.0 for a segment and 0.0 for an object, clicks (0: a box).
        """
        batch = self.selections[shape]
        while len(batch) < self.args.batch:
            batch.append(self.begin(shape))
        loop.set_rate(self.optimizer, self.rate())
        self.net.train()
        self.net.tower.eval()
        levels, maps, clicks, target = _tensors(batch, self.args.device)
        with self._autocast():
            logits = self.net(self.net.merge(levels), maps, clicks)
        losses = loss(logits, target)
        loop.optimize(self.optimizer, losses.mean())
        self.step += 1
        loop.update_average(self.average, self.net, self.step, 0.998)
        found: list[tuple[float, float, float, int]] = []
        for selection, made, each in zip(batch, logits.detach().cpu().numpy(), losses.tolist(), strict=True):
            share = overlap(selection.target > 0.5, made > 0)
            segments = float(len(selection.view.labels) > 1)
            found.append((each, share, segments, 0 if selection.box else len(selection.clicks)))
            selection.mask = made
        self.selections[shape] = [selection for selection in batch if selection.click(self.rng)]
        return found

    def rate(self) -> float:
        """The learning rate of the next step."""
        progress, warmup = self.clock.spent / (60 * self.args.minutes), (self.step + 1) / WARMUP_STEPS
        return loop.cosine_rate(self.args.rate, progress, warmup=warmup, floor=0.01)

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        loop.save_checkpoint(
            self.args.checkpoint,
            {"net": self.net.state_dict(), "average": self.average, "optimiser": self.optimizer.state_dict(),
             "step": self.step, "spent": self.clock.spent},
        )  # fmt: skip
        loop.save_weights(self.args.out, {k: v.half() if v.dim() > 1 else v for k, v in self.average.items()})
        self.clock.checkpoint_saved()


def _sources(marked: Sequence[MarkedPhoto]) -> list[list[MarkedPhoto]]:
    """The photos by folder."""
    found: dict[Path, list[MarkedPhoto]] = {}
    for photo in marked:
        found.setdefault(photo.marks.parent, []).append(photo)
    return list(found.values())


def _shares(sources: Sequence[Sequence[MarkedPhoto]]) -> NDArray[np.float64]:
    """How often each source is drawn; their sum is 1."""
    segmented = np.array([source[0].has_segments for source in sources])
    weights = np.where(segmented, SEGMENTED_SHARE / max(1, segmented.sum()), 0.0)
    weights = np.where(segmented, weights, (1 - SEGMENTED_SHARE) / max(1, (~segmented).sum()))
    return weights / weights.sum()


def _relit(seen: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A view (h×w×3 uint8) with another brightness, contrast, tint and saturation."""
    x = seen.astype(np.float32) / np.float32(255)
    x = x ** np.float32(np.exp(rng.normal(0, 0.2)))
    gray = x.mean(2, keepdims=True)
    x = gray + (x - gray) * np.float32(np.exp(rng.normal(0, 0.25)))
    x = (x - 0.5) * np.float32(np.exp(rng.normal(0, 0.12))) + 0.5
    x = x * np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    return np.rint(x.clip(0, 1) * 255).astype(np.uint8)


def _box(truth: NDArray[np.bool_], rng: np.random.Generator) -> Bounds:
    """A box around an object (h×w), drawn as loosely as people do."""
    ys, xs = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    sides = np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float64)
    spread = 0.05 * np.array([len(xs), len(ys), len(xs), len(ys)]) + 0.5
    x, y, right, bottom = np.rint(sides + rng.normal(0, 1, 4) * spread + spread * (-0.5, -0.5, 0.5, 0.5)).astype(int)
    x, y = min(max(0, x), truth.shape[1] - 1), min(max(0, y), truth.shape[0] - 1)
    return Bounds(x, y, max(1, min(right, truth.shape[1]) - x), max(1, min(bottom, truth.shape[0]) - y))


def _tensors(batch: Sequence[Selection], device: str) -> tuple[Any, Tensor, Tensor, Tensor]:
    """Levels, maps, clicks and targets of some selections, as the network takes them."""
    levels = tuple(
        torch.stack([s.view.levels[k] for s in batch]).to(device).float().contiguous(memory_format=torch.channels_last)
        for k in range(len(batch[0].view.levels))
    )
    maps = np.stack([s.view.maps.make(s.clicks, s.box, s.mask) for s in batch])
    clicks = torch.zeros(len(batch), max(1, *(len(s.clicks) for s in batch)), 3, dtype=torch.int64)
    for row, selection in zip(clicks, batch, strict=True):
        for place, click in zip(row, selection.clicks, strict=False):
            place[:] = torch.tensor((*selection.view.maps.cell(click), 1 if click.inside else -1))
    target = torch.from_numpy(np.stack([s.target for s in batch])).to(device)
    return levels, torch.from_numpy(maps).to(device), clicks.to(device), target


def loss(logits: Tensor, target: Tensor) -> Tensor:
    """Of each mask (N×h×w logits; target 0..1): cross entropy, and one minus the soft overlap; N float32."""
    logits, target = logits.flatten(1), target.flatten(1)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)
    likely = logits.sigmoid()
    both = (likely * target).sum(1)
    return entropy + 1 - (both + 1) / (likely.sum(1) + target.sum(1) - both + 1)


if __name__ == "__main__":
    raise SystemExit(main())
