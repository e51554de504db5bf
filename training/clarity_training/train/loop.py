"""What the training loops share: options, clock, learning rate, optimizer step, running average, checkpoints."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.utils.data import get_worker_info

from clarity_desktop.file_io import write_atomically
from clarity_training.options import add_photo_options, add_run_options

CHECKPOINT_SECONDS = 240.0
"""Training time between two checkpoints."""
MAX_GAP_SECONDS = 30.0
"""A longer gap between two steps means that the process was stopped; it does not count as training time."""


def training_options(
    parser: argparse.ArgumentParser, *, minutes: float, rate: float, checkpoint: str, out: str
) -> argparse.ArgumentParser:
    """Add the options of a training on clean photos that runs for a given time and can be resumed."""
    add_photo_options(parser)
    add_run_options(parser, seed=1)
    parser.add_argument("--start", type=Path, metavar="FILE", help="fine-tune these weights (safetensors)")
    time_options(parser, minutes=minutes, rate=rate, checkpoint=checkpoint, out=out)
    return parser


def time_options(parser: argparse.ArgumentParser, *, minutes: float, rate: float, checkpoint: str, out: str) -> None:
    """Add the options of a training that runs for a given time and can be resumed."""
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="total training time, including the time before a resume"
    )
    parser.add_argument("--rate", type=float, default=rate, help="peak learning rate")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--checkpoint", type=Path, default=Path("checkpoints") / checkpoint, help="resumed if it exists"
    )
    parser.add_argument("--out", type=Path, default=Path("checkpoints") / out, help="averaged weights (safetensors)")


class TrainingClock:
    """Seconds of training time, which the learning rate follows. Time in which the process was stopped is left out.

    spent: seconds before a resume. now: a monotonic clock in seconds.
    """

    def __init__(self, spent: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self.spent = spent
        self._now, self._last, self._saved = now, now(), spent

    def restart(self) -> None:
        """Measure from here on: what happened since the last step was preparation."""
        self._last = self._now()

    def count_step(self) -> None:
        """Add the time since the last step, unless the process was stopped in between."""
        now = self._now()
        if now - self._last <= MAX_GAP_SECONDS:
            self.spent += now - self._last
        self._last = now

    def checkpoint_due(self) -> bool:
        return self.spent - self._saved > CHECKPOINT_SECONDS

    def checkpoint_saved(self) -> None:
        """Count the time to the next checkpoint from here."""
        self._saved = self.spent


def cosine_rate(peak: float, progress: float, *, warmup: float, floor: float) -> float:
    """The learning rate at `progress` (0..1) through the training: a cosine from `peak` down to `floor` × `peak`.

    warmup: factor 0..1 for the first steps.
    """
    return peak * min(1.0, warmup) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups, multiplied by a group's "lr_scale" where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)


def optimize(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step with the gradient's norm clipped to 1. loss: a scalar, float32."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
    optimizer.step()


@torch.no_grad()
def update_average(average: Mapping[str, Tensor], net: nn.Module, step: int, decay: float) -> None:
    """Move the exponential moving average of the weights towards the network's; faster during the first steps.

    average: name → tensor of the same shape and dtype as in net.
    """
    keep = min(decay, (1 + step) / (10 + step))
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - keep)
        else:
            average[name].copy_(value)


class ResumableTraining:
    """The state of a training between its steps: network, optimizer, average of the weights, steps and time spent.

    A checkpoint of --checkpoint is resumed. now: a monotonic clock in seconds.
    """

    def __init__(
        self, net: nn.Module, args: argparse.Namespace, now: Callable[[], float], *, decay: float, average: float
    ) -> None:
        """decay: of the weights. average: of the moving average, as in `update_average`."""
        self.net, self._args, self._average_decay = net, args, average
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=decay)
        self.average = {k: v.detach().clone() for k, v in net.state_dict().items()}
        self.step, spent = 0, 0.0
        self._losses: list[float] = []
        if args.checkpoint.exists():
            state = torch.load(args.checkpoint, map_location=args.device, weights_only=True)
            net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.average, self.step, spent = state["average"], state["step"], state["seconds"]
        self.clock = TrainingClock(spent, now)

    @property
    def progress(self) -> float:
        """The share of --minutes that is over, 0..1 and a little more."""
        return self.clock.spent / (self._args.minutes * 60)

    def learn(self, loss: Tensor, *, warmup: int) -> None:
        """One step; writes a checkpoint where one is due.

        loss: a scalar, float32. warmup: steps until the full rate.
        """
        factor = (self.step + 1) / warmup
        set_rate(self.optimizer, cosine_rate(self._args.rate, self.progress, warmup=factor, floor=0.02))
        optimize(self.optimizer, loss)
        update_average(self.average, self.net, self.step, self._average_decay)
        self._losses.append(loss.item())
        self.step += 1
        self.clock.count_step()
        if self.clock.checkpoint_due():
            self.save()

    def mean_loss(self, steps: int) -> float | None:
        """The mean loss of that many steps each time they are over, else None."""
        return None if self.step % steps else float(np.mean(self._losses[-steps:]))

    def save(self) -> None:
        """Write the checkpoint, and the averaged weights with matrices in float16."""
        save_checkpoint(self._args.checkpoint, {
            "net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "average": self.average,
            "step": self.step, "seconds": self.clock.spent,
        })  # fmt: skip
        save_weights(self._args.out, {k: v.half() if v.dim() > 1 else v for k, v in self.average.items()})
        self.clock.checkpoint_saved()


def worker_count(device: str) -> int:
    """Processes that make samples: one leaves the cores to a network on the CPU."""
    return 1 if device == "cpu" else 12


def worker_rng(seed: int) -> np.random.Generator:
    """A random generator of its own for each of a DataLoader's processes."""
    worker = get_worker_info()
    return np.random.default_rng([seed, worker.id if worker else 0])


def parameters_outside(net: Iterable[nn.Parameter], part: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """The parameters of a network that do not belong to a part of it."""
    excluded = {id(p) for p in part}
    return [p for p in net if id(p) not in excluded]


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint for torch.load(weights_only=True), completely or not at all."""
    write_atomically(path, lambda file: torch.save(dict(state), file))


def save_weights(path: Path, state: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors, completely or not at all. state: name → tensor of any shape and dtype."""
    write_atomically(path, save({k: v.contiguous().cpu() for k, v in state.items()}, metadata))
