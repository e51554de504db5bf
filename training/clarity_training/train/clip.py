"""`clarity train clip`: fine-tune a pretrained CLIP to tell the 15 classes apart, as the paper does.

The image tower learns; the text tower's embeddings of the prompts stay as they were pretrained, one of each class drawn
at every step. What is trained on, and the losses, are those of the built-in detector.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.utils.data import DataLoader

from clarity_training import clip_tower
from clarity_training.clip_tower import ClipTower
from clarity_training.train.detector import Batch, Stream, losses

KEEP_EVERY = 240.0  # seconds between two writings
WARM = 100  # steps until the rate is full


def main(words: Sequence[str] | None = None) -> int:
    """Train for the steps asked for; writes the tuned tower with its prompts as float16 safetensors."""
    asked = _parser().parse_args(words)
    torch.manual_seed(asked.seed)
    torch.set_num_threads(asked.threads)
    first = clip_tower.load(asked.tuned) if asked.tuned else clip_tower.zero_shot(asked.clip, asked.weights)
    net = first.to(asked.device)
    _tune(net, asked)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train clip", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="folders with clean photos")
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage, laid out as testset.py says")
    p.add_argument("--clip", default="ViT-B-32", metavar="MODEL", help="its name in open_clip")
    p.add_argument("--weights", metavar="FILE|ID", help="its pretrained weights: a file or an id of the catalog")
    p.add_argument("--tuned", type=Path, metavar="FILE", help="go on from what this command wrote")
    p.add_argument("--steps", type=int, default=4000)
    p.add_argument("--rate", type=float, default=1e-5, help="highest rate of the tower; a hundredfold on top of it")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--device", default="cpu")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--out", type=Path, default=Path("checkpoints/clip-detector.safetensors"))
    return p


def _tune(net: ClipTower, asked: argparse.Namespace) -> None:
    tower = list(net.visual.parameters())
    known = {id(p) for p in tower}
    top = [p for p in net.parameters() if id(p) not in known]
    optimiser = torch.optim.AdamW([{"params": tower, "share": 1.0}, {"params": top, "share": 100.0}], weight_decay=0.02)
    workers = 1 if asked.device == "cpu" else 12
    loader = iter(DataLoader(Stream(asked, asked.seed), asked.batch, num_workers=workers))
    kept, seen = time.monotonic(), list[tuple[float, float]]()
    net.train()
    for step in range(asked.steps):
        rate = asked.rate * min(1, (step + 1) / WARM) * 0.5 * (1 + math.cos(math.pi * step / asked.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        seen.append(_learn(net, optimiser, next(loader), asked.device))
        if time.monotonic() - kept > KEEP_EVERY or step + 1 == asked.steps:
            keep(net, asked.out)
            right, loss = np.mean(seen, 0)
            print(f"step {step + 1}: top-1 {right:.3f}, loss {loss:.3f}", flush=True)
            kept, seen = time.monotonic(), []


def _learn(net: ClipTower, optimiser: torch.optim.Optimizer, batch: Batch, device: str) -> tuple[float, float]:
    """One step; the share of right answers before it, and the loss."""
    batch = {k: v.to(device) for k, v in batch.items()}
    overview = batch["overview"].permute(0, 3, 1, 2).float() / 255
    crops = batch["crops"].permute(0, 1, 4, 2, 3).float() / 255
    with torch.autocast(device, torch.bfloat16):
        said = net(overview, crops, batch["places"], net.drawn())
    said = {k: v.float() for k, v in said.items()}
    heat = batch["heat"]
    many = crops.shape[1]
    heat = torch.cat((heat[:, :-many].mean(1, keepdim=True), heat[:, -many:]), 1)  # the overview is one token here
    classes, found, severity, where = losses(said, {**batch, "heat": heat})
    loss = classes + 2 * found + severity + where
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float((said["classes"].argmax(1) == batch["kind"]).float().mean()), float(loss.detach())


def keep(net: ClipTower, path: Path) -> None:
    """Write the tuned tower, complete or not at all; open_clip's name travels in the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    state = {k: (v.half() if v.dim() > 1 else v).detach().contiguous().cpu() for k, v in net.state_dict().items()}
    save_file(state, part, {"clip": net.name})
    part.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
