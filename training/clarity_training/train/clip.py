"""`clarity train clip`: fine-tune a pretrained CLIP for the 15 classes, as the paper does.

The image tower is trained. The text tower's embeddings of the prompts stay as pretrained; each step uses one random
prompt of each class. Samples and losses are those of the built-in detector.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader

from clarity_training import clip_tower, options
from clarity_training.clip_tower import ClipTower
from clarity_training.train import loop
from clarity_training.train.detector import Batch, SampleStream, losses

WARMUP_STEPS = 100
HEAD_LR_SCALE = 100.0
"""Learning rate of the new parameters relative to the pretrained tower's."""


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Train for a number of steps; writes the fine-tuned tower and its prompts as float16 safetensors.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    net = clip_tower.load(args.tuned) if args.tuned else clip_tower.zero_shot(args.clip, args.weights)
    _fine_tune(net.to(args.device), args, now)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train clip", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=1)
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage with an index.csv (docs/exam.md)")
    p.add_argument("--clip", default="ViT-B-32", metavar="MODEL", help="name of the model in open_clip")
    p.add_argument("--weights", metavar="FILE|ID", help="its pretrained weights: a file or a model id of the catalog")
    p.add_argument("--tuned", type=Path, metavar="FILE", help="continue from a file that this command wrote")
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument(
        "--rate", type=float, default=1e-5, help="peak learning rate of the tower; the head's is 100 times it"
    )
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--device", default="cpu")
    p.add_argument("--out", type=Path, default=Path("checkpoints/clip-detector.safetensors"))
    return p


def _fine_tune(net: ClipTower, args: argparse.Namespace, now: Callable[[], float]) -> None:
    tower = list(net.visual.parameters())
    head = loop.parameters_outside(net.parameters(), tower)
    groups = [{"params": tower, "lr_scale": 1.0}, {"params": head, "lr_scale": HEAD_LR_SCALE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02)
    workers = loop.worker_count(args.device)
    loader = iter(DataLoader(SampleStream(args, args.seed), args.batch, num_workers=workers))
    clock, metrics = loop.TrainingClock(now=now), list[tuple[float, float]]()
    net.train()
    for step in range(args.steps):
        rate = loop.cosine_rate(args.rate, step / args.steps, warmup=(step + 1) / WARMUP_STEPS, floor=0.0)
        loop.set_rate(optimizer, rate)
        metrics.append(_learn(net, optimizer, next(loader), args.device))
        clock.count_step()
        if clock.checkpoint_due() or step + 1 == args.steps:
            save(net, args.out)
            clock.checkpoint_saved()
            accuracy, loss = np.mean(metrics, 0)
            print(f"step {step + 1}: top-1 {accuracy:.3f}, loss {loss:.3f}", flush=True)
            metrics = []


def _learn(net: ClipTower, optimizer: torch.optim.Optimizer, batch: Batch, device: str) -> tuple[float, float]:
    """One step; returns the accuracy before it and the loss."""
    batch = {k: v.to(device) for k, v in batch.items()}
    with torch.autocast(device, torch.bfloat16):
        outputs = net(batch["photo"].permute(0, 3, 1, 2).float() / 255, net.random_prompts())
    outputs = {k: v.float() for k, v in outputs.items()}
    # A cell of the map for each quarter of the photo.
    where = F.adaptive_avg_pool2d(batch["where"], 2)
    loss = torch.stack(losses(outputs, {**batch, "where": where})).sum()
    loop.optimize(optimizer, loss)
    return float((outputs["classes"].argmax(1) == batch["label"]).float().mean()), float(loss.detach())


def save(net: ClipTower, path: Path) -> None:
    """Write the fine-tuned tower; open_clip's name of the model is in the file's metadata."""
    state = {k: (v.half() if v.dim() > 1 else v).detach() for k, v in net.state_dict().items()}
    loop.save_weights(path, state, {"clip": net.name})


if __name__ == "__main__":
    raise SystemExit(main())
