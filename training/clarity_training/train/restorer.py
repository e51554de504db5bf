"""`clarity train restorer`: teach the all-in-one network, or a copy of it that does one task.

It stops and goes on at will: everything is in the checkpoint, and the learning rate follows the time spent.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.clarity_all import TASKS, ClarityAll
from clarity_desktop.values import DEGRADATIONS, Degradation, Task
from clarity_training import patches, weight_errors
from clarity_training.photos import find, split

KEEP_EVERY = 240.0  # seconds between two checkpoints
FLOOR = 0.03  # added to a patch's damage; without it, undamaged patches would outweigh all damage
REMEMBERED = 0.99  # of a task's running mean, from step to step
UNDAMAGED = 1e-4  # mean squared error, 40 dB
FINE: frozenset[Degradation] = frozenset({"rain streak", "snow", "blur", "inpaint", "noise", "JPEG"})
"""Twice as often where no tasks are named: detail takes more patches to learn than light."""
Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # damaged, clean: N×3×H×W; holes: N×1×H×W; task: N


def main(words: Sequence[str] | None = None) -> int:
    """Train until the minutes are spent; writes the averaged weights as float16 safetensors."""
    asked = _parser().parse_args(words)
    torch.manual_seed(asked.seed)
    torch.set_num_threads(asked.threads)
    named: tuple[Task, ...] = tuple(asked.task or TASKS)
    kinds: list[Degradation] = [DEGRADATIONS[TASKS.index(task)] for task in named]
    if not asked.task:
        fine: list[Degradation] = [d for d in kinds if d in FINE]
        kinds.extend(fine)
    _Run(asked, kinds).go()
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train restorer", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="folders with clean photos")
    p.add_argument("--low-light-pairs", type=Path, metavar="DIR", help="folder with input/ and target/ of real pairs")
    p.add_argument("--task", nargs="*", choices=TASKS, help="only these, one named twice as often again (default: all)")
    p.add_argument("--start", type=Path, metavar="FILE", help="weights that were shipped, to go on from")
    p.add_argument("--minutes", type=float, default=600, help="training time in all, of which some may lie behind")
    p.add_argument("--rate", type=float, default=6e-4, help="highest learning rate")
    p.add_argument("--width", type=int, default=48)
    p.add_argument("--device", default="cpu")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--checkpoint", type=Path, default=Path("checkpoints/restorer.pt"))
    p.add_argument("--out", type=Path, default=Path("checkpoints/clarity-all.safetensors"))
    return p


class _Stream(IterableDataset[Batch]):
    """Batches made in a process of their own, so that the network need not wait for them."""

    def __init__(self, asked: argparse.Namespace, kinds: list[Degradation], side: int, count: int, seed: int) -> None:
        paths = split(find(asked.photos), "train")
        self.photos = patches.read(paths)
        self.real: dict[Degradation, Sequence[tuple[Any, Any]]] | None = None
        if asked.low_light_pairs:
            self.real = {"low-light": _real_pairs(asked.low_light_pairs)}
        self.kinds, self.side, self.count, self.seed = kinds, side, count, seed

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        for batch in patches.pairs(self.photos, self.kinds, self.side, self.count, rng, self.real):
            yield _tensors(batch)


def _real_pairs(folder: Path) -> list[tuple[Any, Any]]:
    inputs = split(find([folder / "input"]), "train")
    return list(zip(patches.read(inputs), patches.read([folder / "target" / p.name for p in inputs]), strict=True))


def _tensors(pairs: patches.Pairs) -> Batch:
    damaged, clean, holes = (
        torch.from_numpy(np.ascontiguousarray(a)).permute(0, 3, 1, 2) for a in (pairs.damaged, pairs.clean, pairs.holes)
    )
    return damaged, clean, holes, torch.from_numpy(pairs.kind)


class _Run:
    """One training: the network, its running average, and where it stands."""

    def __init__(self, asked: argparse.Namespace, kinds: list[Degradation]) -> None:
        self.asked, self.kinds = asked, kinds
        self.net = ClarityAll(asked.width).to(asked.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if asked.start and not asked.checkpoint.exists():
            with weight_errors.others_than("clarity-all", asked.start):
                self.net.load_state_dict({k: v.float() for k, v in load_file(asked.start).items()})
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=asked.rate, weight_decay=1e-4)
        self.step, self.spent = 0, 0.0
        self.decibels: dict[str, float] = {}  # gained by each task, and kept of undamaged patches
        if asked.checkpoint.exists():
            self._resume(torch.load(asked.checkpoint, map_location=asked.device, weights_only=True))

    def _resume(self, kept: dict[str, Any]) -> None:
        self.net.load_state_dict(kept["net"])
        self.average = kept["average"]
        self.optimiser.load_state_dict(kept["optimiser"])
        self.step, self.spent = kept["step"], kept["spent"]
        print(f"Going on at step {self.step}, {self.spent / 60:.0f} min behind.", flush=True)

    def go(self) -> None:
        """Many small patches first: with few scenes a step, the tasks pull against one another and none is learnt. Wide
        ones for the last third: light and haze are judged by a larger part."""
        total = 60 * self.asked.minutes
        for until, side, count in ((total * 2 / 3, 96, 14), (total, 144, 6)):
            if self.spent < until:
                self._train(until, side, count, total)

    def _train(self, until: float, side: int, count: int, total: float) -> None:
        stream = _Stream(self.asked, self.kinds, side, count, self.asked.seed + self.step)
        loader = DataLoader(stream, batch_size=None, num_workers=1 if self.asked.device == "cpu" else 12)
        kept = clock = time.monotonic()
        for batch in loader:
            self._set_rate(total)
            self._learn(batch)
            now = time.monotonic()
            self.spent, clock = self.spent + now - clock, now
            if now - kept > KEEP_EVERY or self.spent >= until:
                self._keep()
                kept = time.monotonic()
                told = ", ".join(f"{name} {value:.1f}" for name, value in sorted(self.decibels.items()))
                print(f"{self.spent / 60:6.1f} min, step {self.step}, dB: {told}", flush=True)
            if self.spent >= until:
                return

    def _set_rate(self, total: float) -> None:
        warm = min(1.0, (self.step + 1) / 200)
        rate = self.asked.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.spent / total))))
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _learn(self, batch: Batch) -> None:
        damaged, clean, holes, task = (part.to(self.asked.device, non_blocking=True) for part in batch)
        with torch.autocast(self.asked.device, torch.bfloat16, enabled=bfloat16.native(self.asked.device)):
            restored = self.net(damaged.contiguous(memory_format=torch.channels_last), holes, task)
        error, damage = restored - clean, damaged * (1 - holes) - clean
        self._remember(task, damage.square().mean((1, 2, 3)), error.detach().square().mean((1, 2, 3)))
        error, damage = error.abs().mean((1, 2, 3)), damage.abs().mean((1, 2, 3))
        # As a share of the patch's own damage, as decibels count it: heavy damage would drown the mild.
        loss = (error / (damage + FLOOR)).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        share = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                self.average[name].lerp_(value, 1 - share)

    def _remember(self, task: Tensor, before: Tensor, after: Tensor) -> None:
        """Running means in decibels, from the patches' squared errors."""
        for k, was, left in zip(task.tolist(), before.tolist(), after.clamp(min=1e-6).tolist(), strict=True):
            name, value = (TASKS[k], was / left) if was > UNDAMAGED else ("clean", 1 / left)
            now = 10 * math.log10(value)
            self.decibels[name] = REMEMBERED * self.decibels.get(name, now) + (1 - REMEMBERED) * now

    def _keep(self) -> None:
        """The checkpoint and the averaged weights, each complete or not at all."""
        for path in (self.asked.checkpoint, self.asked.out):
            path.parent.mkdir(parents=True, exist_ok=True)
        part = self.asked.checkpoint.with_suffix(".part")
        torch.save(
            {"net": self.net.state_dict(), "average": self.average, "optimiser": self.optimiser.state_dict(),
             "step": self.step, "spent": self.spent}, part,
        )  # fmt: skip
        part.replace(self.asked.checkpoint)
        part = self.asked.out.with_suffix(".part")
        save_file({k: v.half().contiguous().cpu() for k, v in self.average.items()}, part)
        part.replace(self.asked.out)


if __name__ == "__main__":
    raise SystemExit(main())
