"""`clarity train restorer`: train the all-in-one restoration network, or a copy of it for some tasks only.

The training can be stopped and resumed at any time: the checkpoint holds all of its state, and the learning rate
follows the training time.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.clarity_all import TASKS, ClarityAll
from clarity_desktop.values import DEGRADATIONS, Degradation, Task
from clarity_training import options, patches
from clarity_training.photos import select
from clarity_training.train import loop
from clarity_training.weight_errors import as_user_error

DAMAGE_FLOOR = 0.03
"""Added to a patch's damage in the loss; without it, undamaged patches would dominate."""
METRIC_DECAY = 0.99
"""Of the running means that are printed."""
UNDAMAGED = 1e-4
"""Mean squared error (40 dB) up to which a patch counts as undamaged in the printed means."""
WARMUP_STEPS = 200
DETAIL: frozenset[Degradation] = frozenset({"rain streak", "snow", "blur", "inpaint", "noise", "JPEG"})
"""Sampled twice as often unless tasks are named: detail takes more patches to learn than brightness."""
PHASES = ((2 / 3, 96, 14), (1.0, 144, 6))
"""Until which share of the time, side of the patches, batch size. Many small patches first: with few scenes in a batch,
the tasks' gradients cancel each other. Large ones last: brightness and haze depend on a larger context."""

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""damaged and clean N×3×H×W, holes N×1×H×W (float32, 0..1), task N (int64)."""
RealPairs = list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Train until the minutes are over; writes the averaged weights as float16 safetensors.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    tasks: tuple[Task, ...] = tuple(args.task or TASKS)
    degradations: list[Degradation] = [DEGRADATIONS[TASKS.index(task)] for task in tasks]
    if not args.task:
        detail: list[Degradation] = [d for d in degradations if d in DETAIL]
        degradations += detail
    Training(args, degradations, now).run()
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train restorer", description=__doc__)
    loop.training_options(p, minutes=600, rate=6e-4, checkpoint="restorer.pt", out="clarity-all.safetensors")
    p.add_argument("--low-light-pairs", type=Path, metavar="DIR", help="folder with input/ and target/ of real pairs")
    p.add_argument("--task", nargs="*", choices=TASKS, help="only these; a task named twice is sampled twice as often")
    p.add_argument("--width", type=int, default=48, help="channels of the network's first level")
    return p


class _Patches(IterableDataset[Batch]):
    """Batches of patches without end, made in the loader's processes."""

    def __init__(
        self, args: argparse.Namespace, degradations: Sequence[Degradation], side: int, count: int, seed: int
    ) -> None:
        self.photos = patches.load_all(options.clean_photos(args, "train"))
        self.real: dict[Degradation, RealPairs] | None = None
        if args.low_light_pairs:
            self.real = {"low-light": _real_pairs(args.low_light_pairs)}
        self.degradations, self.side, self.count, self.seed = degradations, side, count, seed

    def __iter__(self) -> Iterator[Batch]:
        rng = loop.worker_rng(self.seed)
        for batch in patches.batches(self.photos, self.degradations, self.side, self.count, rng, self.real):
            yield _tensors(batch)


def _real_pairs(folder: Path) -> RealPairs:
    inputs = select([folder / "input"], "train")
    targets = [folder / "target" / path.name for path in inputs]
    return list(zip(patches.load_all(inputs), patches.load_all(targets), strict=True))


def _tensors(batch: patches.PatchBatch) -> Batch:
    damaged, clean, holes = (
        torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2) for a in (batch.damaged, batch.clean, batch.holes)
    )
    return damaged, clean, holes, torch.from_numpy(batch.degradation)


class Training:
    """One training run: the network, the moving average of its weights, the optimizer, and the time spent.

    degradations: what the patches are damaged by, all equally often; one that is named twice, twice as often.
    now: a monotonic clock in seconds. Raises UserError where --start names no weights of this network.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        degradations: Sequence[Degradation],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.args, self.degradations = args, degradations
        self.net = ClarityAll(args.width).to(args.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if args.start and not args.checkpoint.exists():
            with as_user_error("clarity-all", args.start):
                self.net.load_state_dict({k: v.float() for k, v in load_file(args.start).items()})
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=args.rate, weight_decay=1e-4)
        self.step, self.clock = 0, loop.TrainingClock(now=now)
        self.gains: dict[str, float] = {}  # dB gained by each task; under "clean", PSNR of undamaged patches
        if args.checkpoint.exists():
            self._resume(torch.load(args.checkpoint, map_location=args.device, weights_only=True), now)

    def _resume(self, checkpoint: dict[str, Any], now: Callable[[], float]) -> None:
        self.net.load_state_dict(checkpoint["net"])
        self.average = checkpoint["average"]
        self.optimizer.load_state_dict(checkpoint["optimiser"])
        self.step, self.clock = checkpoint["step"], loop.TrainingClock(checkpoint["spent"], now)
        print(f"Resuming at step {self.step}, after {self.clock.spent / 60:.0f} min.", flush=True)

    def run(self) -> None:
        """Train until --minutes are over, with checkpoints on the way and at the end."""
        for share, side, count in PHASES:
            until = 60 * self.args.minutes * share
            if self.clock.spent < until:
                self._train(until, side, count)

    def _train(self, until: float, side: int, count: int) -> None:
        stream = _Patches(self.args, self.degradations, side, count, self.args.seed + self.step)
        loader = DataLoader(stream, batch_size=None, num_workers=loop.worker_count(self.args.device))
        self.clock.restart()
        for batch in loader:
            self.learn(batch)
            self.clock.count_step()
            if self.clock.checkpoint_due() or self.clock.spent >= until:
                self.save()
                gains = ", ".join(f"{name} {value:.1f}" for name, value in sorted(self.gains.items()))
                print(f"{self.clock.spent / 60:6.1f} min, step {self.step}, dB: {gains}", flush=True)
            if self.clock.spent >= until:
                return

    def rate(self) -> float:
        """The learning rate of the next step."""
        progress, warmup = self.clock.spent / (60 * self.args.minutes), (self.step + 1) / WARMUP_STEPS
        return loop.cosine_rate(self.args.rate, progress, warmup=warmup, floor=0.02)

    def learn(self, batch: Batch) -> None:
        """One optimizer step on a batch."""
        loop.set_rate(self.optimizer, self.rate())
        damaged, clean, holes, task = (part.to(self.args.device, non_blocking=True) for part in batch)
        with torch.autocast(self.args.device, torch.bfloat16, enabled=bfloat16.native(self.args.device)):
            restored = self.net(damaged.contiguous(memory_format=torch.channels_last), holes, task)
        error, damage = restored - clean, damaged * (1 - holes) - clean
        self._record_gain(task, damage.square().mean((1, 2, 3)), error.detach().square().mean((1, 2, 3)))
        # Relative to the patch's own damage, as decibels are: otherwise heavy damage would dominate. The absolute error
        # alone would leave a patch as it is while the network is less than half sure where its damage lies.
        relative = (_mean(error) / (_mean(damage) + DAMAGE_FLOOR)) + (
            _deviation(error) / (_deviation(damage) + DAMAGE_FLOOR)
        )
        loop.optimize(self.optimizer, relative.mean() / 2)
        self.step += 1
        loop.update_average(self.average, self.net, self.step, 0.999)

    def _record_gain(self, task: Tensor, before: Tensor, after: Tensor) -> None:
        """Update the running means in dB from the mean squared errors of N patches."""
        for k, mse_before, mse_after in zip(
            task.tolist(), before.tolist(), after.clamp(min=1e-6).tolist(), strict=True
        ):
            damaged = mse_before > UNDAMAGED
            name, ratio = (TASKS[k], mse_before / mse_after) if damaged else ("clean", 1 / mse_after)
            decibels = 10 * math.log10(ratio)
            self.gains[name] = METRIC_DECAY * self.gains.get(name, decibels) + (1 - METRIC_DECAY) * decibels

    def save(self) -> None:
        """Write the checkpoint and the averaged weights."""
        loop.save_checkpoint(
            self.args.checkpoint,
            {"net": self.net.state_dict(), "average": self.average, "optimiser": self.optimizer.state_dict(),
             "step": self.step, "spent": self.clock.spent},
        )  # fmt: skip
        loop.save_weights(self.args.out, {k: v.half() for k, v in self.average.items()})
        self.clock.checkpoint_saved()


def _mean(error: Tensor) -> Tensor:
    """The mean absolute error of each of N patches: N×3×H×W float32 → N."""
    return error.abs().mean((1, 2, 3))


def _deviation(error: Tensor) -> Tensor:
    """The root mean square error of each of N patches: N×3×H×W float32 → N."""
    return (error.square().mean((1, 2, 3)) + 1e-8).sqrt()


if __name__ == "__main__":
    raise SystemExit(main())
